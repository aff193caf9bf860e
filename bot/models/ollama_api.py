"""Ollama's interface through its own client: plain records come out, and every failure is a ModelError."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import AsyncGeneratorType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bot.errors import (
    ModelBroken,
    ModelBusy,
    ModelError,
    ModelMissing,
    ModelNoSpace,
    ModelRejected,
    ModelTooNew,
    ModelUnreachable,
    RequestRejected,
)
from bot.messages import Message
from bot.models.connections import PLAIN, alone, closed, keeping
from bot.models.over_http import BUSY, CONNECT_S, NOT_THIS, token_count, trusted, wait_s
from bot.ports import Clock

if TYPE_CHECKING:
    import httpx
    from ollama import AsyncClient

KEEP_ALIVE_S: Final = 4.0
"""Seconds that an idle connection is used again: less than servers and proxies keep theirs, so no question meets its end."""
LONGEST_LINE: Final = 32 * 1024 * 1024
"""Bytes; what Ollama tells of a model, its licence and every tensor included, is a line of a few of them at most."""
_END_S: Final = 1.0
"""Seconds that a stream may take to end after it said that it is done, so that its connection can be used again."""

_HEXADECIMAL: Final = frozenset("0123456789abcdef")
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)

RECOMMENDED: Final = "ministral-3:3b"
"""Speaks Spanish and English, runs without a graphics card in 8 GB of memory, and does not reason before it answers."""
RECOMMENDED_SIZE: Final = 3_000_000_000
"""Bytes to download, as ollama.com/library says."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A model in the server's list. `digest` is bare hexadecimal; `is_forwarded` says that a cloud answers in its place."""

    name: str
    digest: str = ""
    size: int = 0
    modified_at: datetime = _LONG_AGO
    families: tuple[str, ...] = ()
    is_forwarded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of an answer. The last one tells why it ended, and the tokens as far as the server counted them."""

    text: str
    is_thinking: bool = False
    is_last: bool = False
    reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step of a download; of a layer (`digest`) it tells how many bytes are there."""

    word: str
    digest: str = ""
    done: int = 0
    total: int = 0


def label(model: str) -> str:
    """What a model of Ollama is called here: `ollama/llama3.2`, `ollama` while none is known."""
    short = model.removesuffix(":latest")
    return f"ollama/{short}" if short else "ollama"


def full_name(model: str) -> str:
    """A name as two can be compared: with its tag, without the library that is meant anyway."""
    bare = model.casefold().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return bare if ":" in bare.rpartition("/")[2] else f"{bare}:latest"


def is_cloud_name(model: str) -> bool:
    """Whether a name asks for a model that Ollama only forwards to a cloud: the tag `cloud`, or one that ends in `-cloud`."""
    tag = full_name(model).rpartition(":")[2]
    return tag == "cloud" or tag.endswith("-cloud")


class OllamaApi:
    """One server. `is_remote` says that it is beyond the private network.

    Connections are made at the first request, and again after `aclose`. Nothing is redirected. To a near server no proxy of
    the environment is used, which would carry private talk elsewhere, and no `OLLAMA_API_KEY` goes: it is for ollama.com.
    A wait that a server tells as a date is read by `clock`, where there is one.
    """

    def __init__(self, *, host: str, is_remote: bool, clock: Clock | None = None) -> None:
        self._host, self._is_remote, self._clock = host, is_remote, clock
        self._client: AsyncClient | None = None
        self._opening = asyncio.Lock()

    async def models(self) -> tuple[Listed, ...]:
        """What the server lists. Raises ModelError."""
        client = await self._opened()
        with _as_model_errors(label("")):
            # The client's own `list` leaves out `remote_host`, which says whether a model is only forwarded to a cloud.
            response = await alone(client._request_raw("GET", "/api/tags"))  # type: ignore[no-untyped-call]
            return tuple(one for entry in response.json()["models"] or () if (one := _listed(entry)) is not None)

    async def abilities(self, model: str) -> frozenset[str] | None:
        """What a model can do (`completion`, `thinking`, …), None when the server is too old to say. Raises ModelError."""
        client = await self._opened()
        with _as_model_errors(label(model)):
            found = (await alone(client.show(model))).capabilities
            return None if found is None else frozenset(found)

    async def load(self, model: str, *, options: Mapping[str, Any], keep_alive_s: float) -> None:
        """Have a model in memory. Raises ModelError."""
        client = await self._opened()
        with _as_model_errors(label(model)):
            await alone(client.generate(model, options=options, keep_alive=keep_alive_s))

    async def chat(
        self,
        model: str,
        messages: Sequence[Message],
        *,
        options: Mapping[str, Any],
        keep_alive_s: float,
        think: bool | None,
        schema: Mapping[str, object] | None = None,
    ) -> AsyncGenerator[Piece, None]:
        """Yield the answer; `think` is None for a model that cannot. Raises ModelError, also when the last piece never comes.

        With a JSON `schema` the server lets the model write nothing that does not fit it. A connection that is lost once it was
        made is ModelBroken: the server may have the question whole (R-14). Closing it closes the connection, which ends the
        generation.
        """
        client = await self._opened()
        given = [{"role": one.role, "content": one.content} for one in messages]
        with _as_model_errors(label(model)):
            parts = await client.chat(
                model,
                given,
                stream=True,
                format=None if schema is None else dict(schema),
                options=options,
                keep_alive=keep_alive_s,
                think=think,
            )
        async with aclosing(translated(label(model), parts, is_question=True)) as answer:
            async for part in answer:
                message, is_last = part.message, bool(part.done)
                if is_last:
                    await _ended(answer)
                yield Piece(
                    text=message.content or "",
                    is_thinking=bool(message.thinking),
                    is_last=is_last,
                    reason=part.done_reason or "",
                    prompt_tokens=token_count(part.prompt_eval_count),
                    completion_tokens=token_count(part.eval_count),
                )
                if is_last:
                    return
        raise ModelBroken(label(model), "the stream ended without saying that the answer is whole")

    async def embed(self, model: str, texts: Sequence[str], *, keep_alive_s: float) -> Sequence[Sequence[float]]:
        """A row of numbers for each text; the server cuts one that is too long for the model. Raises ModelError."""
        client = await self._opened()
        with _as_model_errors(label(model)):
            found = await alone(client.embed(model, texts, truncate=True, keep_alive=f"{keep_alive_s:g}s"))
            return found.embeddings

    async def pull(self, model: str) -> AsyncGenerator[Step, None]:
        """Download a model and yield the steps. Raises ModelError."""
        client = await self._opened()
        with _as_model_errors(label(model)):
            parts = await client.pull(model, stream=True)
        async with aclosing(translated(label(model), parts)) as steps:
            async for part in steps:
                yield Step(word=part.status or "", digest=part.digest or "", done=part.completed or 0, total=part.total or 0)

    async def aclose(self) -> None:
        """Let go of connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()  # type: ignore[no-untyped-call]

    async def _opened(self) -> AsyncClient:
        """The client; to import it and its certificates takes a quarter of a second, so that happens beside the loop."""
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._open)
            return self._client

    def _open(self) -> AsyncClient:
        import httpx
        from ollama import AsyncClient

        hooks = keeping(httpx.AsyncByteStream, longest_line=LONGEST_LINE)
        hooks["response"].append(self._accepted)
        if not self._is_remote:
            hooks["request"].append(_without_key)
        try:
            return AsyncClient(
                self._host,
                follow_redirects=False,
                verify=trusted(is_remote=self._is_remote),
                trust_env=self._is_remote,
                headers=PLAIN,
                timeout=httpx.Timeout(None, connect=CONNECT_S),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=KEEP_ALIVE_S),
                event_hooks=hooks,
            )
        except (OSError, ValueError, httpx.InvalidURL) as error:
            # The address, or a proxy or certificates that the environment names.
            raise ModelUnreachable(label(""), f"no connection can be made: {type(error).__name__}") from error

    async def _accepted(self, response: httpx.Response) -> None:
        """Raise `_Refused` before the client makes an error of its own out of the body, without the headers."""
        if not response.is_success:
            now = self._clock.now() if self._clock else None
            raise _Refused(response.status_code, wait_s(response.headers.get("retry-after"), now))


# --- what goes wrong ---


class _Refused(Exception):
    """An answer with a status that is none of success. Its body is not read: it may repeat what was sent."""

    def __init__(self, status: int, retry_after_s: float | None) -> None:
        self.status, self.retry_after_s = status, retry_after_s
        super().__init__(status)


async def _without_key(request: httpx.Request) -> None:
    request.headers.pop("authorization", None)


async def translated(model: str, parts: AsyncIterator[_T], *, is_question: bool = False) -> AsyncGenerator[_T, None]:
    """The client's stream with its errors as ModelErrors. Closing it closes the client's, and so the connection."""
    assert isinstance(parts, AsyncGeneratorType)
    has_begun = False
    try:
        while True:
            with _as_model_errors(model, is_question=is_question, has_begun=has_begun):
                part = await alone(_next(parts))
            if part is None:
                return
            has_begun = True
            yield part
    finally:
        if not parts.ag_running:  # else it only connects yet, and ends by itself
            await closed(parts)


async def _next(parts: AsyncGenerator[_T, None]) -> _T | None:
    return await anext(parts, None)


async def _ended(stream: AsyncGenerator[Any, None]) -> None:
    """Wait a moment for the end of a stream that has said all: whatever happens now takes nothing from the answer."""
    with suppress(TimeoutError, ModelError):
        async with asyncio.timeout(_END_S):
            await anext(stream, None)


@contextmanager
def _as_model_errors(model: str, *, is_question: bool = False, has_begun: bool = False) -> Iterator[None]:
    """Raise what the client raises as a ModelError in our own words; theirs may hold what was said.

    `has_begun` says that a part of the answer has come, so that a lost connection is a cut; `is_question` that an answer was
    asked for, which must not be done twice.
    """
    import httpx
    from ollama import ResponseError

    try:
        yield
    except _Refused as error:
        raise _refusal(model, error) from error
    except ResponseError as error:
        raise _reported(model, str(error.error)) from None
    except (httpx.ConnectError, httpx.ConnectTimeout, ConnectionError) as error:
        raise ModelUnreachable(model, "no connection to the server") from error
    except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
        if has_begun:
            raise ModelBroken(model, "the connection was lost in the middle of the answer") from error
        # Both mean that the server hung up; what it sends when it is no HTTP server at all has other words.
        if isinstance(error, httpx.NetworkError) or "disconnected" in str(error):
            if is_question:
                raise ModelBroken(model, "the connection was lost after the question was sent") from error
            raise ModelUnreachable(model, "the connection was lost before an answer") from error
        raise ModelBroken(model, "the server does not speak HTTP") from error
    except httpx.HTTPError as error:
        raise ModelBroken(model, f"the request failed: {type(error).__name__}") from error
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise ModelBroken(model, f"the answer is not what the protocol says: {type(error).__name__}") from None


def _refusal(model: str, error: _Refused) -> ModelError:
    """The error for a status."""
    match error.status:
        case 404:
            return ModelMissing(model, "404: no such model")
        case status if status in BUSY:
            return ModelBusy(model, f"{error.status}: busy", error.retry_after_s)
        case status if status >= 500:
            return ModelBroken(model, f"{status}: the server failed")
        case status if status in NOT_THIS:
            return RequestRejected(model, f"{status}: the server does not take this request")
        case status if status >= 400:
            return ModelRejected(model, f"{status}: the server refuses the request")
        case status:
            return ModelRejected(model, f"{status}: the server points elsewhere, which is not followed")


_REPORTS: Final[tuple[tuple[str, type[ModelError], str], ...]] = (
    ("server busy", ModelBusy, "busy"),
    ("file does not exist", ModelMissing, "there is no such model"),
    ("manifest unknown", ModelMissing, "there is no such model"),
    ("newer version", ModelTooNew, "this model needs a newer version of Ollama"),
    ("no space left", ModelNoSpace, "the server's disk is full"),
    ("no such host", ModelUnreachable, "the server cannot reach the library of models"),
    ("dial tcp", ModelUnreachable, "the server cannot reach the library of models"),
    ("timeout", ModelUnreachable, "the server cannot reach the library of models"),
)
"""Parts of what Ollama reports within a stream, and what they mean."""


def _reported(model: str, words: str) -> ModelError:
    """The error for what the server reported within a stream."""
    said = words.casefold()
    kind, meaning = next(
        ((kind, meaning) for part, kind, meaning in _REPORTS if part in said), (ModelBroken, "the server reported an error")
    )
    return kind(model, meaning)


# --- what is read ---


def _listed(entry: object) -> Listed | None:
    """An entry of the list; None where it is none that could be asked: the others are no worse for it."""
    if not isinstance(entry, Mapping):
        return None
    name = entry.get("name") or entry.get("model")
    if not isinstance(name, str) or not name.isprintable():
        return None
    digest = str(entry.get("digest") or "").casefold().removeprefix("sha256:")
    size, families = entry.get("size"), _families(entry.get("details"))
    return Listed(
        name=name,
        digest=digest if set(digest) <= _HEXADECIMAL else "",
        size=size if isinstance(size, int) else 0,
        modified_at=_moment(str(entry.get("modified_at") or "")),
        families=families,
        is_forwarded=is_cloud_name(name) or bool(entry.get("remote_host") or entry.get("remote_model")),
    )


def _families(details: object) -> tuple[str, ...]:
    """What a model descends from, as far as it is told."""
    if not isinstance(details, Mapping):
        return ()
    told = details.get("families")
    return tuple(
        one for one in (details.get("family"), *(told if isinstance(told, list) else ())) if one and isinstance(one, str)
    )


def _moment(text: str) -> datetime:
    """A time of the list; nanoseconds are more than `fromisoformat` takes on some versions, and a missing zone is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _LONG_AGO
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
