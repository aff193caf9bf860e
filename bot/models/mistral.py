"""Mistral's models, asked through Mistral's own client.

The client writes requests, signs them and reads the list of models; a stream is read here (`mistral_wire`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bot.errors import ModelBroken, ModelBusy, ModelError, ModelRejected, ModelUnreachable, RequestRejected
from bot.locale import say
from bot.messages import Message, prompt_tokens, render
from bot.model_types import ModelStatus
from bot.models.connections import PLAIN, drained, keeping, opened
from bot.models.mistral_wire import NO_SUCH, Answer, Embedded, Said, reason_of, said_in
from bot.models.over_http import BUSY, CONNECT_S, NOT_THIS, shown_name, token_count, trusted, wait_s, why
from bot.models.sse import EventParser, WireError
from bot.ports import Clock
from bot.types import Chunk, Generation, Language, Prompt

if TYPE_CHECKING:
    import httpx2
    from mistralai.client import Mistral
    from mistralai.client.errors import MistralError
    from mistralai.client.models import (
        BaseModelCard,
        ChatCompletionStreamRequestMessage,
        FTModelCard,
        ResponseFormat,
        UnknownModelListData,
    )

IDLE_S: Final = 60.0
"""Seconds that an idle connection is used again: people think between two questions, and Mistral keeps it longer than this."""
_DONE: Final = b"[DONE]"
_CONSOLE: Final = "https://console.mistral.ai"
_SUGGESTED: Final = 3
_ARRIVED: ContextVar[list[httpx2.Response]] = ContextVar("arrived")
"""The responses that came for the request that this task is making."""


class _KeyRefused(ModelRejected):
    """The key is missing, wrong, or may not do this."""


class MistralModel:
    """One model of Mistral's servers, or of another address with the same interface.

    The client is loaded and connected at the first use, in a thread: that costs a third of a second of computing. Of the
    machine's proxies and certificates only a remote server's connections know.
    """

    def __init__(self, *, api_key: str, server_url: str, model: str, is_remote: bool, is_wanted: bool, clock: Clock) -> None:
        self._api_key, self._model = api_key, model
        self._server = server_url.rstrip("/").removesuffix("/v1")
        self._is_remote, self._is_wanted, self._clock = is_remote, is_wanted, clock
        self._connecting = asyncio.Lock()
        self._connection: _Connection | None = None

    @property
    def name(self) -> str:
        """`mistral/` and the model."""
        return f"mistral/{self._model}"

    async def check(self, language: Language = "en") -> ModelStatus:
        """Whether the server is reached, takes the key and has the model, told from its list of models."""
        try:
            models = await self._models()
        except ModelError as error:
            return self._status(*self._trouble(error, language))
        if self._model in models:
            return self._status(say(language, "ready at {server}", server=self._server), is_ready=True)
        detail = say(language, "{server} has no model {model}", server=self._server, model=self._model)
        known = ", ".join([name for model in models if (name := shown_name(model))][:_SUGGESTED])
        step = say(language, "Set models.mistral.model to one that it has, such as {models}.", models=known) if known else ""
        return self._status(detail, step or say(language, "Set models.mistral.model to one that your key may use."))

    async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        """Yield the answer in pieces, the last with the generation. Raises ModelError. Closing it closes the connection."""
        began = self._clock.monotonic()
        messages = render(prompt)
        answer, first_token_s = Answer(), None
        response = await self._ask(messages, max_tokens, temperature, prompt.schema)
        try:
            async with aclosing(self._events(response)) as events:
                async for event in events:
                    chunk = answer.take(event)
                    if chunk.text and first_token_s is None:
                        first_token_s = self._clock.monotonic() - began
                    if chunk.text or chunk.is_thinking:
                        yield chunk
        finally:
            await response.aclose()
        if answer.stop is None:
            raise ModelBroken(self.name, "the stream ended before the answer was whole")
        tail = answer.end()
        seconds = self._clock.monotonic() - began
        generation = Generation(
            model=self.name,
            prompt_tokens=answer.prompt_tokens or prompt_tokens(prompt),
            completion_tokens=answer.completion_tokens,
            seconds=seconds,
            stop=answer.stop,
            first_token_s=seconds if tail and first_token_s is None else first_token_s,
            version="" if answer.model == self._model else shown_name(answer.model),
        )
        yield Chunk(text=tail, generation=generation)

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Rows of numbers, one for each text; for a model that embeds. Raises ModelError."""
        connection = await self._connected()
        with self._translated():
            found = await connection.sdk.embeddings.create_async(model=self._model, inputs=list(texts))
        placed = {entry.index: entry.embedding for entry in found.data}
        rows = [placed.get(number) or () for number in range(len(texts))]
        if len(found.data) != len(texts) or not all(rows):
            raise ModelBroken(self.name, "its answer has not one row of numbers for each text")
        model = "" if found.model == self._model else shown_name(found.model)
        return Embedded(rows=rows, model=model, tokens=token_count(found.usage.prompt_tokens))

    async def aclose(self) -> None:
        """Let go of connections; a later question opens new ones."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.http.aclose()

    # --- asking ---

    async def _ask(
        self, messages: Sequence[Message], max_tokens: int, temperature: float, schema: Mapping[str, object] | None
    ) -> httpx2.Response:
        """The open response of a streamed answer. Raises ModelError.

        The client forgets a response when it is cancelled between receiving and returning it: this closes it all the same.
        """
        connection = await self._connected()
        arrived: list[httpx2.Response] = []
        token = _ARRIVED.set(arrived)
        try:
            async with AsyncExitStack() as undo:
                undo.push_async_callback(_close, arrived)
                with self._translated(is_question=True):
                    stream = await connection.sdk.chat.stream_async(
                        model=self._model,
                        messages=_sent(messages),
                        max_tokens=max_tokens,
                        temperature=temperature,
                        response_format=_format(schema),
                    )
                undo.pop_all()
                return stream.response
        finally:
            _ARRIVED.reset(token)

    async def _models(self) -> list[str]:
        """The names of the models, those that can chat first, with the other names that they go by. Raises ModelError."""
        connection = await self._connected()
        with self._translated():
            listed = await connection.sdk.models.list_async()
        named = sorted((_names(card) for card in listed.data or ()), key=lambda one: not one[0])
        return list(dict.fromkeys(name for _, names in named for name in names))

    async def _events(self, response: httpx2.Response) -> AsyncGenerator[Said, None]:
        """The events of a stream. Raises ModelBroken.

        The client's own reader makes a class for each event, which takes 0.5 ms where this takes 5 µs, and it leaves the
        response before its end, so that every question would have to open a connection.
        """
        import httpx2

        parser = EventParser()
        try:
            async with aclosing(response.aiter_bytes()) as pieces:
                async for received in pieces:
                    for event in parser.take(received):
                        if event.data == _DONE:
                            await drained(pieces, httpx2.RequestError)
                            return
                        yield said_in(event.data)
            for event in parser.end():
                if event.data != _DONE:
                    yield said_in(event.data)
        except WireError as error:
            raise ModelBroken(self.name, str(error)) from error
        except (httpx2.RequestError, httpx2.StreamError):
            raise ModelBroken(self.name, "the connection broke off before the answer was whole") from None

    async def _connected(self) -> _Connection:
        """The client, made at the first call. Raises ModelError."""
        if not self._api_key and self._is_remote:
            raise _KeyRefused(self.name, "no key is set")
        async with self._connecting:
            if self._connection is None:
                try:
                    self._connection = await asyncio.to_thread(_connect, self._server, self._api_key, self._is_remote)
                except (OSError, ValueError) as error:
                    # Certificates or a proxy that the environment names wrongly; what is said of it may hold a password.
                    raise ModelUnreachable(self.name, f"its client does not start ({type(error).__name__})") from None
            return self._connection

    # --- what went wrong ---

    @contextmanager
    def _translated(self, *, is_question: bool = False) -> Iterator[None]:
        """Raises a ModelError for what the client raises; what could hold the key or a body is not chained to it.

        `is_question` says that an answer was asked for, which must not be done twice.
        """
        import httpx2
        from mistralai.client.errors import MistralError

        try:
            yield
        except MistralError as error:
            raise self._refused(error) from None
        except WireError as error:
            raise ModelBroken(self.name, str(error)) from None
        except (httpx2.LocalProtocolError, ValueError):
            raise ModelRejected(self.name, "the request cannot be written as the protocol wants it") from None
        except httpx2.ConnectTimeout as error:
            raise ModelUnreachable(self.name, f"no connection within {CONNECT_S:g} s") from error
        except httpx2.ConnectError as error:
            raise ModelUnreachable(self.name, "no connection") from error
        except httpx2.RequestError as error:
            if is_question and isinstance(error, (httpx2.NetworkError, httpx2.RemoteProtocolError)):
                # The server may have it whole, so that it must not be sent again.
                raise ModelBroken(self.name, "the connection was lost after the question was sent") from None
            raise ModelUnreachable(self.name, "the connection broke off before an answer began") from None

    def _refused(self, error: MistralError) -> ModelError:
        """What an answer means that is no stream and no list."""
        status = error.status_code
        if status in BUSY:
            waiting_s = wait_s(error.headers.get("retry-after"), self._clock.now())
            return ModelBusy(self.name, f"{status}: {'too many requests' if status == 429 else 'it is overloaded'}", waiting_s)
        if status >= 500:
            return ModelBroken(self.name, f"{status}: it failed")
        if status in (401, 403):
            return _KeyRefused(self.name, f"{status}: the key is not accepted")
        if status >= 300:
            reason = reason_of(status, error.body)
            kind = RequestRejected if status in NOT_THIS and reason != NO_SUCH else ModelRejected
            return kind(self.name, f"{status}: {reason}")
        return ModelBroken(self.name, "its answer is not what the protocol says")

    def _status(self, detail: str, next_step: str = "", *, is_ready: bool = False) -> ModelStatus:
        return ModelStatus(
            name=self.name,
            is_ready=is_ready,
            is_remote=self._is_remote,
            detail=detail,
            next_step=next_step,
            is_wanted=self._is_wanted,
        )

    def _trouble(self, error: ModelError, language: Language) -> tuple[str, str]:
        """Why the list of models did not come, and what to do, for people."""
        server = self._server
        match error:
            case _KeyRefused() if not self._api_key:
                detail = say(language, "no key is set")
                step = say(language, "Make a key at {console} and put it into MISTRAL_API_KEY.", console=_CONSOLE)
            case _KeyRefused():
                detail = say(language, "{server} does not accept the key", server=server)
                step = say(language, "Correct MISTRAL_API_KEY, or make another key at {console}.", console=_CONSOLE)
            case ModelBusy():
                detail = say(language, "{server} takes no more requests now", server=server)
                step = say(language, "Wait a little; what your key may use stands at {console}.", console=_CONSOLE)
            case ModelUnreachable():
                detail = say(language, "{server} cannot be reached ({why})", server=server, why=why(error, language))
                step = say(language, "Look at this machine's network, or correct models.mistral.server_url.")
            case _:
                detail = say(language, "{server} does not answer as Mistral's servers do", server=server)
                step = say(language, "Wait a little, or correct models.mistral.server_url.")
        return detail, step


def _names(card: BaseModelCard | FTModelCard | UnknownModelListData) -> tuple[bool, Sequence[str]]:
    """Whether a model on the list can chat, and what it is called; a kind of model that the client does not know may."""
    if card.type != "UNKNOWN":
        return bool(card.capabilities.completion_chat), (card.id, *(card.aliases or ()))
    name = card.raw.get("id") if isinstance(card.raw, dict) else None
    return True, (name,) if isinstance(name, str) else ()


# --- Mistral's client ---


@dataclass(frozen=True, slots=True, kw_only=True)
class _Connection:
    """Mistral's client and the HTTP client that it sends with."""

    sdk: Mistral
    http: _Http


class _Http:
    """What Mistral's client sends with: no redirect is followed, and only connecting has a time limit of its own."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    def build_request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Request:
        """A request without the five minutes that Mistral's client gives each."""
        options.pop("timeout", None)
        return self._client.build_request(method, url, **options)

    async def send(self, request: httpx2.Request, *, stream: bool = False, **_: Any) -> httpx2.Response:
        """The response, noted for whoever asked.

        Without the header that says when a model is withdrawn: Mistral's client would look for that model's name in the body,
        and fail where the body is a stream.
        """
        response = await opened(self._client.send(request, stream=stream, follow_redirects=False))
        response.headers.pop("x-model-deprecation-timestamp", None)
        _ARRIVED.get([]).append(response)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()


class _Silence:
    """A log that keeps nothing: what Mistral's client tells its own holds the key and every text."""

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Nothing."""


def _connect(server: str, api_key: str, is_remote: bool) -> _Connection:
    """A client of `server`. Blocks for as long as it takes to load."""
    import httpx2
    from mistralai.client import Mistral, models

    http = _Http(
        httpx2.AsyncClient(
            verify=trusted(is_remote=is_remote),
            trust_env=is_remote,
            headers=PLAIN,
            timeout=httpx2.Timeout(None, connect=CONNECT_S),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=10, keepalive_expiry=IDLE_S),
            event_hooks=keeping(httpx2.AsyncByteStream),
        )
    )
    # The key is given as a function, so that no `repr` of the client shows it; a key always, else it looks for one itself.
    sdk = Mistral(
        api_key=lambda: api_key or "none",
        server_url=server,
        async_client=http,
        retry_config=None,
        debug_logger=_Silence(),
    )
    # Its tracing is opt-in through the environment: not here, where a trace would hold what people wrote.
    vars(sdk.sdk_configuration)["telemetry"] = False
    # Loaded here, so that the event loop does not wait for it.
    _ = (sdk.chat, sdk.models, sdk.embeddings, models.ChatCompletionStreamRequest, models.ModelList, models.EmbeddingResponse)
    return _Connection(sdk=sdk, http=http)


def _sent(messages: Sequence[Message]) -> list[ChatCompletionStreamRequestMessage]:
    """The messages as Mistral's client takes them."""
    from mistralai.client.models import AssistantMessage, SystemMessage, UserMessage

    kinds = {"system": SystemMessage, "user": UserMessage, "assistant": AssistantMessage}
    return [kinds[message.role](content=message.content) for message in messages]


def _format(schema: Mapping[str, object] | None) -> ResponseFormat | None:
    """What Mistral's client says of the answer's form; None where it is free."""
    from mistralai.client.models import JSONSchema, ResponseFormat

    if schema is None:
        return None
    described = JSONSchema(name="answer", schema_definition=dict(schema), strict=True)
    return ResponseFormat(type="json_schema", json_schema=described)


async def _close(responses: Sequence[httpx2.Response]) -> None:
    for response in responses:
        await response.aclose()
