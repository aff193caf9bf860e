"""A small strict HTTP/1.1 server for test peers: streams, faults on purpose, and a ledger of what clients did."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import h11

from bot.models.scripted import Fault

_READ = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came. `json` is the parsed body, None for an empty one."""

    method: str
    path: str
    headers: Mapping[str, str]
    json: Any = None


@dataclass(slots=True)
class Response:
    """The answer to one request, written piece by piece. `is_gone` is set when the client closes before the end."""

    connection: h11.Connection
    writer: asyncio.StreamWriter
    is_gone: asyncio.Event = field(default_factory=asyncio.Event)
    has_begun: bool = False
    is_done: bool = False

    async def start(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Send the head; the body follows in chunks."""
        self.has_begun = True
        given = [("Transfer-Encoding", "chunked"), *(headers or {}).items()]
        await self._send(h11.Response(status_code=status, headers=given))

    async def send(self, data: bytes) -> None:
        """Send a piece of the body. Raises ConnectionError once the client is gone."""
        if self.is_gone.is_set():
            raise ConnectionResetError("the client is gone")
        await self._send(h11.Data(data=data))

    async def end(self) -> None:
        """End the body as the protocol wants it."""
        self.is_done = True
        await self._send(h11.EndOfMessage())

    async def json(self, body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """A whole JSON answer."""
        await self.start(status, {"Content-Type": "application/json", **(headers or {})})
        await self.send(json.dumps(body).encode())
        await self.end()

    def cut(self) -> None:
        """Drop the connection in the middle, as a crashed server does."""
        self.is_done = True
        self.writer.transport.abort()

    async def _send(self, event: h11.Event) -> None:
        data = self.connection.send(event)
        if data:
            self.writer.write(data)
            await self.writer.drain()


class HttpServer(ABC):
    """Serves on a free port of 127.0.0.1. `async with Server() as server:`, then `server.address`.

    `requests` holds every request; `left_early` counts the answers whose client closed before their end; `running` those
    being written now. `problems` collects what a subclass finds wrong with requests: tests assert that it is empty.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.problems: list[str] = []
        self.left_early = self.running = 0
        self.left = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[object]] = set()

    @property
    def address(self) -> str:
        """`http://127.0.0.1:PORT`; the port stays the same over `stop` and `start`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def held(self) -> int:
        """How many connections clients hold open now."""
        return len(self._writers)

    @abstractmethod
    async def answer(self, request: Request, response: Response) -> None:
        """Answer one request."""

    async def start(self) -> None:
        """Listen (again)."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every connection: new ones are refused."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None
            if serving := list(self._serving):
                await asyncio.wait(serving)

    async def __aenter__(self) -> Self:
        """A listening server."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        if (task := asyncio.current_task()) is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        connection = h11.Connection(h11.SERVER)
        try:
            while (request := await _read(reader, connection)) is not None:
                self.requests.append(request)
                if not await self._respond(request, Response(connection, writer), reader):
                    return
                connection.start_next_cycle()
        except (ConnectionError, h11.ProtocolError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _respond(self, request: Request, response: Response, reader: asyncio.StreamReader) -> bool:
        """Whether the connection can take another request."""
        self.running += 1
        watching = asyncio.create_task(self._watch(reader, response))
        try:
            await self.answer(request, response)
        except ConnectionError:
            pass
        finally:
            watching.cancel()
            self.running -= 1
            if not response.is_done:
                self.left_early += 1
                self.left.set()
        await asyncio.wait([watching])  # else two read the connection's next request
        return response.is_done and response.connection.our_state is h11.DONE and not response.is_gone.is_set()

    async def _watch(self, reader: asyncio.StreamReader, response: Response) -> None:
        """A client that has sent its request says nothing more before the answer: what comes is its farewell."""
        with suppress(ConnectionError):
            await reader.read(1)
        response.is_gone.set()


async def _read(reader: asyncio.StreamReader, connection: h11.Connection) -> Request | None:
    """The next request of a connection, None when the client closed it."""
    head: h11.Request | None = None
    body = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(_READ)
            if not data and head is None:
                return None
            connection.receive_data(data)
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert head is not None
            headers = {name.decode().lower(): value.decode() for name, value in head.headers}
            return Request(
                method=head.method.decode(),
                path=head.target.decode(),
                headers=headers,
                json=json.loads(body) if body else None,
            )
        else:
            return None


def echo(question: str) -> str:
    """What a model server says unless it is told otherwise: everything that it was given in the last message."""
    return f"You said: {question}"


class ModelServer(HttpServer):
    """A language model's server with faults on purpose; a subclass gives it one platform's protocol.

    A test sets `fault` (None: well), the times in seconds, and `say`, which makes the answer out of the last message's text.
    A piece of at most 12 characters is one token. `prompts` holds the body of every request for an answer, and
    `generations` counts them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fault: Fault | None = None
        self.first_token_s = self.between_tokens_s = 0.0
        self.slow_s = 10.0
        self.retry_after_s: float | None = None
        self.say: Callable[[str], str] = echo
        self.prompts: list[dict[str, Any]] = []

    @property
    def generations(self) -> int:
        """How many answers were asked for."""
        return len(self.prompts)

    # --- what a protocol gives ---

    @abstractmethod
    def head(self) -> Mapping[str, str]:
        """The headers of a streamed answer."""

    @abstractmethod
    def piece(self, text: str) -> bytes:
        """One token on the wire."""

    @abstractmethod
    def farewell(self, prompt_tokens: int, completion_tokens: int, *, is_cut: bool) -> bytes:
        """The end of a stream; `is_cut` says that `max_tokens` ended it."""

    @abstractmethod
    def error(self, status: int) -> object:
        """The body of an error as this platform words it."""

    @abstractmethod
    def broken(self) -> bytes:
        """A line of a stream that is not what the protocol says."""

    # --- what they share ---

    async def generate(self, request: Request, response: Response, *, question: str, max_tokens: int) -> None:
        """Stream an answer, or fail as `fault` says. `refused` is the test's own: it stops the server."""
        self.prompts.append(request.json)
        fault = self.fault
        if fault in (Fault.UNAUTHORIZED, Fault.MISSING, Fault.UNPROCESSABLE, Fault.TOO_MANY, Fault.UNAVAILABLE):
            status = int(fault.value)
            headers = {"Retry-After": f"{self.retry_after_s:g}"} if self.retry_after_s is not None else {}
            await response.json(self.error(status), status, headers)
            return
        if fault is Fault.REFUSED:
            response.cut()
            return
        if fault is Fault.HUNG:
            await response.is_gone.wait()
            return
        if not await self._wait(response, self.slow_s if fault is Fault.SLOW else self.first_token_s):
            return
        await response.start(200, self.head())
        pieces = _pieces(self.say(question))
        said = 0
        async for text in self._spoken(pieces, fault, max_tokens, response):
            await response.send(self.piece(text))
            said += 1
        if response.is_gone.is_set():
            return
        if fault is Fault.CUT:
            response.cut()
            return
        if fault is Fault.WRONG_DATA:
            await response.send(self.broken())
        await response.send(self.farewell(_tokens(request.json), said, is_cut=said < len(pieces)))
        await response.end()

    async def _spoken(
        self, pieces: Sequence[str], fault: Fault | None, max_tokens: int, response: Response
    ) -> AsyncIterator[str]:
        if fault is Fault.EMPTY or fault is Fault.WRONG_DATA:
            return
        if fault is Fault.CUT:
            pieces = pieces[: max(1, len(pieces) // 2)]
        number = 0
        while fault is Fault.ENDLESS or number < min(len(pieces), max_tokens):
            if number and not await self._wait(response, self.between_tokens_s):
                return
            yield pieces[number % len(pieces)]
            number += 1

    async def _wait(self, response: Response, seconds: float) -> bool:
        """Let time pass; False when the client left meanwhile."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await response.is_gone.wait()
        return not response.is_gone.is_set()


def _pieces(text: str) -> list[str]:
    return [text[start : start + 12] for start in range(0, len(text), 12)]


def _tokens(body: object) -> int:
    return -(-len(json.dumps(body, ensure_ascii=False)) // 4)
