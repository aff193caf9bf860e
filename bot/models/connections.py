"""What is read over HTTP is let go of whole, however often whoever asked is cancelled meanwhile; for `httpx` and `httpx2`.

Their pools lose count of a connection when asyncio cancels the task that is just connecting or closing a response: it then
stays open, and the server goes on writing. So all that happens in tasks of their own, which are cancelled at most once, and
only between connecting and closing. A connection that nobody wants any more is made to its end (it has a time limit) and
closed before anything is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from contextvars import ContextVar, copy_context
from typing import Any, Final, Protocol, TypeVar

from bot.models.sse import WireError

DRAIN_S: Final = 0.25
"""Seconds that the end of a response may take after its last event; then its connection is not used again."""

PLAIN: Final = {"Accept-Encoding": "identity"}
"""The header of a request whose answer is not to be compressed: pieces of a few bytes only wait for each other then."""

_T = TypeVar("_T")


class _Closable(Protocol):
    async def aclose(self) -> None: ...


_C = TypeVar("_C", bound=_Closable)


class _Errand:
    """Where the work of one task stands."""

    def __init__(self) -> None:
        self.is_connecting = self.is_unwanted = False

    async def trace(self, event: str, _: Mapping[str, object]) -> None:
        """What the client does, step by step (its `trace` extension): what begins with `http11.` is past connecting."""
        self.is_connecting = not event.startswith("http11.")
        if self.is_unwanted and event == "http11.send_request_headers.started":
            raise asyncio.CancelledError


_ERRAND: ContextVar[_Errand] = ContextVar("errand")
_LEFT: Final[set[asyncio.Task[Any]]] = set()
"""Tasks that only connect, and end by themselves: asyncio itself would forget them."""


async def alone(work: Coroutine[Any, Any, _T], *, hands_on_cancel: bool = True) -> _T:
    """What `work` gives, done in a task of its own. A cancel is raised only once that task is over, or while it connects.

    The first cancel is handed on to it unless it must not be broken off; every further one only waits.
    """
    errand, context = _Errand(), copy_context()
    context.run(_ERRAND.set, errand)
    task, cancelled = asyncio.create_task(work, context=context), None
    task.add_done_callback(_looked_at)
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            if hands_on_cancel and not errand.is_unwanted:
                errand.is_unwanted = True
                if errand.is_connecting:
                    _LEFT.add(task)
                    raise
                task.cancel()
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()


def _looked_at(task: asyncio.Task[Any]) -> None:
    """Of a task that nobody waits for any more asyncio would complain when it fails."""
    _LEFT.discard(task)
    if not task.cancelled():
        task.exception()


async def opened(work: Coroutine[Any, Any, _C]) -> _C:
    """`alone` for what opens a response: one that came although its question was cancelled is closed."""
    came: list[_C] = []

    async def opening() -> _C:
        came.append(await work)
        return came[0]

    try:
        return await alone(opening())
    except asyncio.CancelledError:
        for response in came:
            await closed(response)
        raise


async def closed(response: _Closable) -> None:
    """Close it, to the end also where the task that wants it is cancelled."""
    await alone(_closing(response), hands_on_cancel=False)


async def _closing(response: _Closable) -> None:
    await response.aclose()


class _Kept:
    """The stream of a response, read and closed in tasks of its own."""

    def __init__(self, stream: Any, longest_line: int | None) -> None:
        self._stream, self._longest_line = stream, longest_line

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces, length = aiter(self._stream), 0
        while (piece := await alone(_next(pieces))) is not None:
            if self._longest_line is not None:
                at = piece.rfind(b"\n")
                length = len(piece) - at - 1 if at >= 0 else length + len(piece)
                if length > self._longest_line:
                    raise WireError("a line is too long")
            yield piece

    async def aclose(self) -> None:
        await closed(self._stream)


async def _next(pieces: AsyncIterator[bytes]) -> bytes | None:
    return await anext(pieces, None)


_Hook = Callable[[Any], Awaitable[None]]


def keeping(stream_type: type, *, longest_line: int | None = None) -> dict[str, list[_Hook]]:
    """A client's `event_hooks`, by which every response is read and closed so; `stream_type` is its `AsyncByteStream`.

    A compressed response raises WireError, since nothing bounds what it could become: requests say that they take none
    (`PLAIN`). So does a line of more than `longest_line` bytes.
    """
    kept = type("_KeptStream", (_Kept, stream_type), {})

    async def watch(request: Any) -> None:
        if (errand := _ERRAND.get(None)) is not None:
            errand.is_connecting = True
            request.extensions["trace"] = errand.trace

    async def keep(response: Any) -> None:
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise WireError("it sends compressed what it was asked to send plain")
        response.stream = kept(response.stream, longest_line)

    return {"request": [watch], "response": [keep]}


async def drained(received: AsyncIterator[bytes], lost: type[Exception]) -> None:
    """Read to the end of a response that has said everything; otherwise its connection could not be used again.

    `lost` is what the client raises where the connection breaks: it takes nothing from the answer any more.
    """
    with suppress(TimeoutError, lost):
        async with asyncio.timeout(DRAIN_S):
            async for _ in received:
                pass
