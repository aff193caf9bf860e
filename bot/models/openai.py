"""Answers from any server that speaks OpenAI's chat interface: llama.cpp, vLLM, LM Studio, hosted ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from bot.errors import ModelBroken, ModelError, ModelRejected, ModelUnreachable
from bot.locale import say
from bot.messages import render
from bot.model_types import ModelStatus
from bot.models.connections import PLAIN, drained, keeping, opened
from bot.models.openai_said import Said, model_name
from bot.models.openai_trouble import refused, trouble
from bot.models.openai_wire import (
    Piece,
    Refusal,
    answer_format,
    first_that_talks,
    model_ids,
    piece_of,
    refusal_of,
    word_of,
)
from bot.models.over_http import CONNECT_S, shown_name, trusted, why
from bot.models.sse import Event, EventParser, WireError
from bot.ports import Clock
from bot.types import Chunk, Language, Prompt

if TYPE_CHECKING:
    import httpx

KEEP_ALIVE_S: Final = 30.0
NEAR_KEEP_ALIVE_S: Final = 4.0
"""Seconds that an idle connection is used again: less than servers keep theirs, so that none closes it under a question.

Hosted servers keep theirs a minute or more, what runs in a house (uvicorn, llama.cpp) as little as five seconds.
"""
MOST_LIST_BYTES: Final = 8 * 1024 * 1024
MOST_REFUSAL_BYTES: Final = 64 * 1024
SHOWN_MODELS: Final = 5
_CHAT, _MODELS = "/chat/completions", "/models"
_DONE: Final = b"[DONE]"
_NAMES_PARAMETERS: Final = frozenset({400, 422})
_NOT_FOUND: Final = 404


class OpenAiModel:
    """One model of one server. `base_url` is its address up to `/v1`; an empty `model` is the first that the server lists.

    Not every server knows every parameter. Where it refuses one as unknown, the request is sent again without it, and once
    that was accepted all later requests go without it too. This is no retry in the sense of R-14: the server did not fail,
    no answer was begun, and a parameter is given up once in the life of the process.

    The environment's proxy is used only where text leaves the machine anyway (`is_remote`).
    """

    def __init__(
        self, *, base_url: str, api_key: str | None, model: str, is_remote: bool, is_wanted: bool, clock: Clock
    ) -> None:
        self._base_url, self._api_key, self._named_model = base_url, api_key, model
        self._is_remote, self._is_wanted, self._clock = is_remote, is_wanted, clock
        self._found_model = self._version = ""
        self._given_up: frozenset[str] = frozenset()
        self._thinks_unopened = False
        self._opening = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None

    @property
    def name(self) -> str:
        """`openai/MODEL`; `openai` while the server has not yet said which model it has."""
        return model_name(self._named_model or self._found_model)

    # --- whether it can answer ---

    async def check(self, language: Language = "en") -> ModelStatus:
        """Whether the server is there, takes the key and has the model. It is asked for its list of models only."""
        try:
            listed = await self._listed()
        except ModelError as error:
            return self._status(*trouble(error, self._base_url, has_key=bool(self._api_key), language=language))
        if self._found_model not in listed:
            self._found_model = first_that_talks(listed)
        server = self._base_url
        if not (self._named_model or self._found_model):
            step = say(language, "Load a model there, or name one in models.openai.model.")
            return self._status(say(language, "{server} has no model", server=server), step)
        if self._named_model and listed and self._named_model not in listed:
            return self._status(
                say(language, "{server} has no model {model}", server=server, model=self._named_model),
                _choice(listed, language),
            )
        return self._status(say(language, "ready at {server}", server=server), is_ready=True)

    def _status(self, detail: str, next_step: str = "", *, is_ready: bool = False) -> ModelStatus:
        return ModelStatus(
            name=self.name,
            is_ready=is_ready,
            is_remote=self._is_remote,
            detail=detail,
            next_step=next_step,
            version=self._version,
            is_wanted=self._is_wanted,
        )

    async def _listed(self) -> tuple[str, ...]:
        """The models that the server lists."""
        response = await self._send("GET", _MODELS)
        body = await _whole(response, MOST_LIST_BYTES)
        if not response.is_success:
            raise self._refused(response, refusal_of(body))
        try:
            return model_ids(body)
        except WireError as error:
            raise ModelBroken(self.name, str(error)) from error

    # --- answers ---

    async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        """Yield the answer as it is written, the last chunk with the server's counts, or estimates where it gives none.

        Raises ModelUnreachable, ModelBusy, ModelRejected, and ModelBroken for what is no whole answer. Closing it closes the
        connection, by which the server learns to stop.

        A server that once closed a block of thinking which it had not opened is taken to do so again, until it does not.
        """
        said = Said(self._clock, max_tokens, is_inside=self._thinks_unopened)
        body = {
            "messages": [{"role": one.role, "content": one.content} for one in render(prompt)],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": max_tokens,
            "temperature": temperature,
            **answer_format(prompt.schema),
        }
        model, response = await self._accepted(body)
        try:
            async with aclosing(self._pieces(response)) as pieces:
                async for piece in pieces:
                    chunk = said.take(piece)
                    if chunk is not None:
                        yield chunk
        except ModelBroken:
            if not said.reason:
                raise
        finally:
            await response.aclose()
        rest, made = said.rest(), said.generation(model, prompt)
        self._version, self._thinks_unopened = made.version, said.has_unopened_thinking
        if not said.has_text and made.stop != "end":
            raise ModelBroken(self.name, f"it ended without an answer ({word_of(said.reason)})")
        yield Chunk(text=rest, generation=made)

    async def aclose(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _accepted(self, body: Mapping[str, object]) -> tuple[str, httpx.Response]:
        """The response of a server that begins to answer, with the model that was asked. Whoever gets it closes it."""
        model = self._named_model or self._found_model or await self._find()
        given_up, has_looked = self._given_up, False
        while True:
            response = await self._send("POST", _CHAT, {"model": model, **_without(body, given_up)})
            if response.is_success:
                await self._demand_events(response)
                self._given_up |= given_up
                return model, response
            refusal = refusal_of(await _whole(response, MOST_REFUSAL_BYTES))
            unknown = refusal.unsupported - given_up if response.status_code in _NAMES_PARAMETERS else frozenset[str]()
            if unknown:
                given_up |= unknown
            elif response.status_code == _NOT_FOUND and not self._named_model and not has_looked:
                # The server was started again with another model than the one it had when it was asked.
                model, gone, has_looked = await self._find(), model, True
                if model == gone:
                    raise self._refused(response, refusal)
            else:
                raise self._refused(response, refusal)

    async def _find(self) -> str:
        """The model to ask where none was named; it is kept until the server no longer has it."""
        self._found_model = first_that_talks(await self._listed())
        if not self._found_model:
            raise ModelRejected(self.name, "the server has no model")
        return self._found_model

    async def _demand_events(self, response: httpx.Response) -> None:
        """Raises ModelBroken for anything but a stream of events: a page at a wrong address answers with 200 too."""
        if not response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            await response.aclose()
            raise ModelBroken(self.name, "what answered is no stream of events; is the address right?")

    async def _pieces(self, response: httpx.Response) -> AsyncGenerator[Piece, None]:
        """The pieces of an answer until the server says that it is done. Raises ModelBroken where the stream ends before."""
        import httpx

        received = response.aiter_bytes()
        try:
            async with aclosing(_batches(received)) as batches:
                async for events in batches:
                    for event in events:
                        if event.data.startswith(_DONE):
                            await drained(received, httpx.RequestError)
                            return
                        if event.data:
                            yield piece_of(event)
        except httpx.RequestError as error:
            raise ModelBroken(self.name, "the stream was cut off") from error
        except WireError as error:
            raise ModelBroken(self.name, str(error)) from error
        raise ModelBroken(self.name, "the stream ended before the answer was whole")

    # --- the connection ---

    async def _send(self, method: str, path: str, body: object = None) -> httpx.Response:
        """The head of the response; its body is still to be read, and it is to be closed.

        Raises ModelUnreachable where nothing was sent, or nothing but a look; ModelBroken where the connection broke after a
        question was sent: the server may have it, so that it must not be sent again (R-14).
        """
        client = await self._connected()
        import httpx

        headers = {"Authorization": f"Bearer {self._api_key}"} if self._api_key else {}
        content = None
        if body is not None:
            headers |= {"Content-Type": "application/json", "Accept": "text/event-stream"}
            # ASCII by escapes: half a surrogate pair, which a person's text may hold, then travels too.
            content = json.dumps(body).encode()
        try:
            request = client.build_request(method, self._base_url + path, headers=headers, content=content)
            return await opened(client.send(request, stream=True))
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            if body is None or isinstance(error, httpx.ConnectError):
                raise ModelUnreachable(self.name, why(error, "en")) from error
            raise ModelBroken(self.name, "the connection was lost after the question was sent") from error
        except WireError as error:
            raise ModelBroken(self.name, str(error)) from error
        except (httpx.RequestError, httpx.InvalidURL) as error:
            raise ModelUnreachable(self.name, why(error, "en")) from error

    async def _connected(self) -> httpx.AsyncClient:
        """The client, made when it is first needed: to import it and its certificates blocks for a tenth of a second."""
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(self._connect)
            return self._client

    def _connect(self) -> httpx.AsyncClient:
        import httpx

        keep_alive_s = KEEP_ALIVE_S if self._is_remote else NEAR_KEEP_ALIVE_S
        try:
            return httpx.AsyncClient(
                verify=trusted(is_remote=self._is_remote),
                trust_env=self._is_remote,
                follow_redirects=False,
                timeout=httpx.Timeout(None, connect=CONNECT_S),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=keep_alive_s),
                headers={**PLAIN, "User-Agent": "martin"},
                event_hooks=keeping(httpx.AsyncByteStream),
            )
        except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
            raise ModelUnreachable(self.name, why(error, "en")) from error

    def _refused(self, response: httpx.Response, refusal: Refusal) -> ModelError:
        asked_to_wait = response.headers.get("retry-after")
        return refused(self.name, response.status_code, refusal, asked_to_wait, self._clock.now())


def _choice(listed: Sequence[str], language: Language) -> str:
    """Which names may stand in models.openai.model; those that would tell of the server's folders are left out."""
    names = ", ".join([name for name in listed if shown_name(name) == name][:SHOWN_MODELS])
    if not names:
        return say(language, "Leave models.openai.model empty: then the first that it has is taken.")
    return say(language, "Set models.openai.model to one that it has, such as {models}, or leave it empty.", models=names)


def _without(body: Mapping[str, object], given_up: frozenset[str]) -> dict[str, object]:
    """The request in the words that the server knows: newer models of OpenAI know `max_tokens` by another name only."""
    kept = {name: value for name, value in body.items() if name not in given_up}
    return kept | ({"max_completion_tokens": body["max_tokens"]} if "max_tokens" in given_up else {})


async def _batches(received: AsyncIterator[bytes]) -> AsyncGenerator[list[Event], None]:
    """The events of each piece of a response, and at its end what is left."""
    parser = EventParser()
    async for data in received:
        yield parser.take(data)
    yield parser.end()


async def _whole(response: httpx.Response, most: int) -> bytes:
    """The body, or what came of it: at most `most` bytes. Closes the response."""
    import httpx

    body = bytearray()
    try:
        async for data in response.aiter_bytes():
            body += data
            if len(body) > most:
                break
    except httpx.RequestError:
        pass  # what is cut off cannot be read as JSON, and that is how it is then judged
    finally:
        await response.aclose()
    return bytes(body[:most])
