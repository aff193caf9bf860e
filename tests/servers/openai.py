"""A local server that speaks OpenAI's chat interface as hosted and local servers do, and is strict about requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, Literal

from bot.models.openai import OpenAiModel
from bot.system import SystemClock
from tests.servers.http import ModelServer, Request, Response

CREATED: Final = 1_795_000_000
MODEL: Final = "test/model-1"
PAGE: Final = b"<!doctype html><title>Welcome</title><p>Nothing to chat with here."
_WORDS: Final = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    404: ("invalid_request_error", "model_not_found"),
    422: ("invalid_request_error", None),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("unavailable_error", None),
}


def _is_number(value: object, least: float, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and least <= value <= most


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _are_messages(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_message(one) for one in value)


def _is_message(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"role", "content"}
        and value["role"] in ("system", "user", "assistant")
        and isinstance(value["content"], str)
    )


def _is_schema(value: object) -> bool:
    """Whether it asks for an answer by a JSON schema; OpenAI knows other forms that we have no use for."""
    if not isinstance(value, dict) or value.keys() != {"type", "json_schema"} or value["type"] != "json_schema":
        return False
    described = value["json_schema"]
    return (
        isinstance(described, dict)
        and described.keys() == {"name", "schema", "strict"}
        and isinstance(described["name"], str)
        and isinstance(described["schema"], dict)
    )


_FIELDS: Final[Mapping[str, Callable[[object], bool]]] = {
    "model": lambda value: isinstance(value, str) and bool(value),
    "messages": _are_messages,
    "stream": lambda value: value is True,
    "stream_options": lambda value: value == {"include_usage": True},
    "max_tokens": _is_whole,
    "max_completion_tokens": _is_whole,
    "temperature": lambda value: _is_number(value, 0, 2),
    "response_format": _is_schema,
}
"""The fields that a request of ours may have. OpenAI knows many more; whoever begins to send one adds it here."""
_REQUIRED: Final = ("model", "messages", "stream")


@dataclass(slots=True)
class _Answer:
    """One answer under way."""

    id: str
    model: str
    question: str
    has_usage: bool
    has_begun: bool = False


_ANSWER: ContextVar[_Answer] = ContextVar("answer")
"""Each connection is served by a task of its own, so answers at the same time do not mix."""


class OpenAiServer(ModelServer):
    """Models and streamed chat completions. A test sets what kind of server it is.

    `models` are listed, and asked for by exactly these names unless `takes_any_model` (llama.cpp); `answers_as` is the model
    that answers say they come from (empty: the one that was asked). `refuses` names parameters it does not know, worded like
    OpenAI, FastAPI or in a plain sentence (`refuses_like`). `reasoning` is streamed first, in a field of its own. `raw` is
    sent instead of an answer's events, byte for byte, and not ended where it `lingers`. `fails_with` and `fails_as` are the
    status and body of an error (None: this server's own). `page` answers everything with HTML, `moved_to` with a redirect.
    """

    def __init__(self) -> None:
        super().__init__()
        self.key: str | None = None
        self.models: list[str] = [MODEL]
        self.lists_status = 200
        self.takes_any_model = self.page = self.without_usage = self.without_done = self.without_finish = self.lingers = False
        self.answers_as = self.fingerprint = self.moved_to = self.reasoning = ""
        self.reasoning_field: Literal["reasoning_content", "reasoning"] = "reasoning_content"
        self.finish_reason = "stop"
        self.refuses: set[str] = set()
        self.refuses_like: Literal["openai", "fastapi", "plain"] = "openai"
        self.raw: Sequence[bytes] | None = None
        self.fails_with = 200
        self.fails_as: object = None
        self.connections = 0
        self._answers = 0

    @property
    def base_url(self) -> str:
        """What `models.openai.base_url` is set to."""
        return f"{self.address}/v1"

    async def answer(self, request: Request, response: Response) -> None:
        """Answer one request."""
        self.connections += _ANSWER.get(None) is None
        _ANSWER.set(_Answer(id="", model="", question="", has_usage=False))
        place = (request.method, request.path)
        if self.page:
            await self._page(response)
        elif self.moved_to:
            await response.json({}, 307, {"Location": self.moved_to + request.path})
        elif self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            await response.json(self.error(401), 401)
        elif place == ("GET", "/v1/models"):
            await self._list(response)
        elif place == ("POST", "/v1/chat/completions"):
            await self._chat(request, response)
        else:
            self.problems.append(f"{request.method} {request.path} is no part of the interface")
            await response.json(self.error(404), 404)

    async def _page(self, response: Response) -> None:
        await response.start(200, {"Content-Type": "text/html; charset=utf-8"})
        await response.send(PAGE)
        await response.end()

    async def _list(self, response: Response) -> None:
        if self.lists_status != 200:
            await response.json(self.error(self.lists_status), self.lists_status)
            return
        listed = [{"id": name, "object": "model", "created": CREATED, "owned_by": "tests"} for name in self.models]
        await response.json({"object": "list", "data": listed})

    async def _chat(self, request: Request, response: Response) -> None:
        body = request.json
        problems = _problems(body, request.headers)
        if problems:
            self.problems += problems
            await response.json(self.error(422), 422)
            return
        self._answers += 1
        _ANSWER.set(
            _Answer(
                id=f"chatcmpl-{self._answers}",
                model=self.answers_as or body["model"],
                question=body["messages"][-1]["content"],
                has_usage="stream_options" in body and not self.without_usage,
            )
        )
        unknown = [name for name in body if name in self.refuses]
        if unknown:
            status, refusal = self._refusal(unknown[0])
            await response.json(refusal, status)
        elif not (self.takes_any_model or body["model"] in self.models):
            await response.json(self.error(404), 404)
        elif self.fails_with != 200:
            await response.json(self.fails_as or self.error(self.fails_with), self.fails_with)
        elif self.raw is not None:
            await self._send_raw(response)
        else:
            most = body.get("max_tokens") or body.get("max_completion_tokens") or 10_000
            await self.generate(request, response, question=_ANSWER.get().question, max_tokens=most)

    async def _send_raw(self, response: Response) -> None:
        await response.start(200, self.head())
        for piece in self.raw or ():
            await response.send(piece)
        if self.lingers:
            await response.is_gone.wait()
        else:
            await response.end()

    def _refusal(self, name: str) -> tuple[int, object]:
        """A parameter is not known. FastAPI repeats what it was given, and with it the prompt."""
        if self.refuses_like == "fastapi":
            problem = {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}
            return 422, {"detail": [{**problem, "input": _ANSWER.get().question}]}
        if self.refuses_like == "plain":
            return 400, {"error": f"unknown field {name}"}
        instead = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
        said = f"Unsupported parameter: '{name}' is not supported with this model.{instead}"
        code = "unsupported_parameter"
        return 400, {"error": {"message": said, "type": "invalid_request_error", "param": name, "code": code}}

    # --- the protocol ---

    def head(self) -> Mapping[str, str]:
        """The headers of a streamed answer."""
        return {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}

    def piece(self, text: str) -> bytes:
        """One token; before the first one the role, and what was thought."""
        return self._opening() + self._event({"content": text})

    def farewell(self, prompt_tokens: int, completion_tokens: int, *, is_cut: bool) -> bytes:
        """The finish reason, then the usage without choices, then that it is done."""
        sent = self._opening()
        if not self.without_finish:
            sent += self._event({}, finish="length" if is_cut else self.finish_reason)
        if _ANSWER.get().has_usage:
            total = prompt_tokens + completion_tokens
            usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": total}
            sent += event({**self._frame(), "choices": [], "usage": usage})
        return sent if self.without_done else sent + b"data: [DONE]\n\n"

    def error(self, status: int) -> object:
        """OpenAI's error object. Its message repeats the question, as some servers' do."""
        kind, code = _WORDS.get(status, ("server_error", None))
        message = f"{status} while answering: {_ANSWER.get().question}"
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def broken(self) -> bytes:
        """An event that is cut off in the middle of its JSON."""
        return b'data: {"id":"chatcmpl-0","choices":[{"delta":{"content":\n\n'

    def _opening(self) -> bytes:
        answer = _ANSWER.get()
        if answer.has_begun:
            return b""
        answer.has_begun = True
        thoughts = [self._event({self.reasoning_field: word}) for word in self.reasoning.split()]
        return self._event({"role": "assistant", "content": ""}) + b"".join(thoughts)

    def _event(self, delta: Mapping[str, object], *, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        # With `include_usage` OpenAI says in every earlier event that it is still to come.
        usage = {"usage": None} if _ANSWER.get().has_usage else {}
        return event({**self._frame(), "choices": [choice], **usage})

    def _frame(self) -> dict[str, object]:
        answer = _ANSWER.get()
        fingerprint = {"system_fingerprint": self.fingerprint} if self.fingerprint else {}
        return {"id": answer.id, "object": "chat.completion.chunk", "created": CREATED, "model": answer.model, **fingerprint}


def event(data: object) -> bytes:
    """One server-sent event."""
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def chunk(text: str = "", finish: str | None = None, **delta: object) -> bytes:
    """One event of an answer, for `raw`."""
    choice = {"index": 0, "delta": {"content": text, **delta}, "finish_reason": finish}
    return event({"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0, "model": MODEL, "choices": [choice]})


def _problems(body: object, headers: Mapping[str, str]) -> list[str]:
    """What is wrong with a request for an answer."""
    if not isinstance(body, dict):
        return ["the body is no object"]
    found = [f"{name} is missing" for name in _REQUIRED if name not in body]
    found += [f"{name} is not known" for name in body if name not in _FIELDS]
    found += [f"{name} is of the wrong type" for name, value in body.items() if name in _FIELDS and not _FIELDS[name](value)]
    if {"max_tokens", "max_completion_tokens"} <= body.keys():
        found.append("max_tokens and max_completion_tokens exclude each other")
    if headers.get("content-type", "").partition(";")[0] != "application/json":
        found.append("the content type is not application/json")
    return found


def model(server: ModelServer, **changes: Any) -> OpenAiModel:
    """A model that asks `server`, made as the bot makes it, with `changes`."""
    settings: dict[str, Any] = {
        "base_url": f"{server.address}/v1",
        "api_key": None,
        "model": MODEL,
        "is_remote": False,
        "is_wanted": True,
        "clock": SystemClock(),
    }
    return OpenAiModel(**{**settings, **changes})
