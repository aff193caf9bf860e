"""A server that speaks Mistral's protocol, strictly: server-sent events, its own way of saying no, and faults on purpose."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bot.models.mistral import MistralModel
from bot.models.scripted import Fault
from bot.system import SystemClock
from tests.servers.http import ModelServer, Request, Response
from tests.servers.ollama import letter_counts
from tests.servers.spec import spec

KEY: Final = "mistral-key-of-the-tests"
MODEL: Final = "mistral-small-latest"
CREATED: Final = 1_795_000_000
_CHAT, _MODELS, _EMBEDDINGS = "/v1/chat/completions", "/v1/models", "/v1/embeddings"
_REFUSED: Final = {Fault.UNAUTHORIZED: 401, Fault.TOO_MANY: 429, Fault.UNAVAILABLE: 503}
_PARAMETERS: Final = {"model", "messages", "max_tokens", "temperature", "stream", "response_format"}
"""Of all that Mistral takes, what Martín has a use for: anything else is a mistake of ours."""
_ROLES: Final = ("system", "user", "assistant")


MOST_INPUTS: Final = 512
MOST_CHARACTERS: Final = 4 * 16_384
"""Of one request to embed; Mistral counts 16,384 tokens."""


class MistralServer(ModelServer):
    """Mistral's list of models, its streamed chat, and its embeddings.

    Requests that Mistral would refuse are refused, and are `problems`. `key` is the only one that is accepted. `models` are
    those it has, with the names that they also go by. `events`, where a test sets it, is what it streams instead of an answer,
    each followed by an empty line, even if a fault cuts the stream behind them; `moved_to` redirects every request, and `kind`
    is what every model on the list is. `headers` go with every streamed answer. `connections` counts those that were opened.
    `embedded` holds the texts of every request to embed; `rows` changes the rows of an answer before it is sent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.key = KEY
        self.models: dict[str, tuple[str, ...]] = {
            MODEL: (),
            "mistral-large-2512": ("mistral-large-latest",),
            "mistral-embed": (),
        }
        self.version = ""
        self.events: Sequence[str] | None = None
        self.moved_to, self.kind = "", "base"
        self.headers: Mapping[str, str] = {}
        self.connections = 0
        self.embedded: list[list[str]] = []
        self.rows: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = list

    async def answer(self, request: Request, response: Response) -> None:
        """Answer one request."""
        path = request.path.partition("?")[0]
        if self.moved_to:
            await response.json({}, 307, {"Location": self.moved_to + request.path})
        elif request.headers.get("authorization") != f"Bearer {self.key}":
            await response.json({"detail": "Unauthorized"}, 401)
        elif (request.method, path) == ("GET", _MODELS):
            await self._list(request, response)
        elif (request.method, path) == ("POST", _CHAT):
            await self._chat(request, response)
        elif (request.method, path) == ("POST", _EMBEDDINGS):
            await self._embed(request, response)
        else:
            self.problems.append(f"nothing answers {request.method} {request.path}")
            await response.json({"detail": "Not Found"}, 404)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await super()._serve(reader, writer)

    # --- what a protocol gives ---

    def head(self) -> Mapping[str, str]:
        """The headers of a streamed answer."""
        return {"Content-Type": "text/event-stream; charset=utf-8", **self.headers}

    def piece(self, text: str) -> bytes:
        """One token on the wire."""
        return self._event({"content": text}, None)

    def farewell(self, prompt_tokens: int, completion_tokens: int, *, is_cut: bool) -> bytes:
        """The end of a stream."""
        usage = {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        }
        return self._event({"content": ""}, "length" if is_cut else "stop", usage=usage) + b"data: [DONE]\n\n"

    def error(self, status: int) -> object:
        """The body of an error: as careless as Mistral's own, which repeat what was sent."""
        said = self.prompts[-1]["messages"][-1]["content"] if self.prompts else ""
        match status:
            case 401 | 404:
                return {"detail": "Unauthorized" if status == 401 else "Not Found"}
            case 422:
                return _invalid("messages", "value_error", "Input cannot be processed", said)
            case _:
                return {"object": "error", "message": f"Sorry: {said}", "type": "rate_limited", "param": None, "code": "1300"}

    def broken(self) -> bytes:
        """An event that is not what the protocol says."""
        return b'data: {"id": "x", "choices": "none"}\n\n'

    # --- its two addresses ---

    async def _list(self, request: Request, response: Response) -> None:
        if request.json is not None:
            self.problems.append("a body where none is wanted")
        if self.fault is Fault.HUNG:
            await response.is_gone.wait()
        elif self.fault in _REFUSED:
            await response.json(self.error(_REFUSED[self.fault]), _REFUSED[self.fault])
        elif self.fault is Fault.WRONG_DATA:
            await response.json({"object": "list", "data": "none"})
        else:
            shown = [] if self.fault is Fault.MISSING else self.models.items()
            await response.json({"object": "list", "data": [_card(name, also, self.kind) for name, also in shown]})

    async def _chat(self, request: Request, response: Response) -> None:
        if request.headers.get("accept") != "text/event-stream" or request.headers.get("content-type") != "application/json":
            self.problems.append("the headers do not say that JSON is sent and events are wanted")
        body = request.json
        wrong = _wrong(body)
        if wrong is not None:
            self.problems.append(f"{wrong[0]}: {wrong[1]}")
            await response.json(_invalid(wrong[0], "value_error", wrong[1], body), 422)
        elif body["model"] not in self.names:
            said = {"object": "error", "message": f"Invalid model: {body['model']}", "type": "invalid_model", "code": "1500"}
            await response.json(said, 400)
        elif self.events is not None:
            self.prompts.append(body)
            await response.start(200, self.head())
            for event in self.events:
                await response.send(f"{event}\n\n".encode())
            if self.fault is Fault.CUT:
                response.cut()
            else:
                await response.end()
        else:
            most = body.get("max_tokens", 4096)
            await self.generate(request, response, question=body["messages"][-1]["content"], max_tokens=most)

    async def _embed(self, request: Request, response: Response) -> None:
        body = request.json
        described = spec("mistral")
        self.problems += described.request_problems("POST", _EMBEDDINGS, body) if described else []
        texts = body["input"]
        self.embedded.append(texts)
        if len(texts) > MOST_INPUTS or sum(map(len, texts)) > MOST_CHARACTERS:
            await response.json({"object": "error", "message": "Too many tokens in batch", "code": "3210"}, 400)
        elif body["model"] not in self.names:
            await response.json({"object": "error", "message": f"Invalid model: {body['model']}", "type": "invalid_model"}, 400)
        elif self.fault is Fault.HUNG:
            await response.is_gone.wait()
        elif self.fault in _REFUSED:
            said = {"object": "error", "message": f"Sorry: {texts[0]}", "type": "rate_limited", "code": "1300"}
            await response.json(said, _REFUSED[self.fault])
        else:
            rows = [
                {"object": "embedding", "embedding": list(letter_counts(text)), "index": number}
                for number, text in enumerate(texts)
            ]
            tokens = sum(len(text.split()) for text in texts)
            usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
            model = self.version or body["model"]
            await response.json({"id": "e", "object": "list", "data": self.rows(rows), "model": model, "usage": usage})

    @property
    def names(self) -> set[str]:
        """Every name that a model goes by."""
        return {name for one, also in self.models.items() for name in (one, *also)}

    def _event(self, delta: Mapping[str, object], finish_reason: str | None, **more: object) -> bytes:
        """One CompletionChunk."""
        chunk = {
            "id": f"{len(self.prompts):032x}",
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.version or self.prompts[-1]["model"],
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
            **more,
        }
        return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def _wrong(body: Any) -> tuple[str, str] | None:
    """What Mistral would refuse of a request, or what we have no use for: the parameter, and why. None when all is well."""
    if not isinstance(body, dict):
        return "body", "an object is wanted"
    unknown = sorted(set(body) - _PARAMETERS)
    if unknown:
        return unknown[0], "unknown"
    if body.get("stream") is not True:
        return "stream", "Martín streams every answer"
    temperature, most = body.get("temperature", 0.3), body.get("max_tokens", 1)
    if not isinstance(temperature, (int, float)) or not 0 <= temperature <= 1.5:
        return "temperature", "between 0 and 1.5"
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        return "max_tokens", "at least 1"
    return _wrong_messages(body.get("messages"))


def _wrong_messages(messages: object) -> tuple[str, str] | None:
    if not isinstance(messages, list) or not messages:
        return "messages", "at least one is wanted"
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in _ROLES or set(message) - {"role", "content", "prefix"}:
            return "messages", "each has a role and content"
        if not isinstance(message.get("content"), str):
            return "messages", "text is wanted"
    roles = [message["role"] for message in messages]
    if "system" in roles[1:]:
        return "messages", "the system speaks first"
    turns = roles[1:] if roles[0] == "system" else roles
    if turns[::2] != ["user"] * len(turns[::2]) or turns[1::2] != ["assistant"] * len(turns[1::2]) or len(turns) % 2 == 0:
        return "messages", "user and assistant take turns, and the user has the last word"
    return None


def _invalid(parameter: str, kind: str, words: str, given: object) -> object:
    """An HTTPValidationError."""
    return {"detail": [{"type": kind, "loc": ["body", parameter], "msg": words, "input": given}]}


def _card(name: str, also: Sequence[str], kind: str) -> object:
    """A BaseModelCard."""
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "mistralai",
        "capabilities": {"completion_chat": "embed" not in name, "function_calling": False, "completion_fim": False},
        "name": name,
        "description": None,
        "max_context_length": 32_768,
        "aliases": list(also),
        "deprecation": None,
        "default_model_temperature": 0.3,
        "type": kind,
    }


def model(server: MistralServer, **changes: Any) -> MistralModel:
    """The real adapter, pointed at this server; `changes` are its arguments."""
    options: dict[str, Any] = {"api_key": KEY, "model": MODEL, "is_remote": False, "is_wanted": True, "clock": SystemClock()}
    return MistralModel(**{**options, "server_url": server.address, **changes})
