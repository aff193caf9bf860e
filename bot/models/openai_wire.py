"""What an OpenAI-compatible server says, read out of its bytes, however it words it; pure.

After OpenAI's API reference (chat completions, streamed; models; error codes), read 2026-11-21, with what llama.cpp, vLLM,
FastAPI and others do differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from bot.models.over_http import token_count
from bot.models.sse import Event, WireError

UNSUPPORTED_BY_SOME: Final = ("stream_options", "max_tokens", "temperature")
"""Parameters that are left out, or renamed, where a server says that it does not know them."""
_ENDS: Final[Mapping[str, Literal["end", "length"]]] = {
    "stop": "end",
    "eos": "end",
    "eos_token": "end",
    "stop_sequence": "end",
    "length": "length",
}
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}|\d{1,5}")
_UNSUPPORTED: Final = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|extra_forbidden|not (?:permitted|allowed)",
    re.IGNORECASE,
)
_TOO_LONG: Final = re.compile(r"context[\s_]*(?:length|size|window)", re.IGNORECASE)
_MOST_TEXT: Final = 2000


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: object = None
    reasoning: object = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: object = None
    completion_tokens: object = None


class Piece(msgspec.Struct):
    """One event of a streamed answer: text, thinking, an end, usage, or several of these."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    model: object = None
    system_fingerprint: object = None
    error: object = None
    kind: object = msgspec.field(default=None, name="object")

    @property
    def text(self) -> str:
        """What it adds to the answer."""
        delta = self.choices[0].delta if self.choices else None
        return (delta.content or "") if delta is not None else ""

    @property
    def is_thinking(self) -> bool:
        """Whether the model reasons here, in a field of its own."""
        delta = self.choices[0].delta if self.choices else None
        return delta is not None and bool(delta.reasoning_content or delta.reasoning)

    @property
    def reason(self) -> str:
        """The server's word for how the answer ended, empty while it goes on."""
        return (self.choices[0].finish_reason or "") if self.choices else ""

    @property
    def counted(self) -> tuple[int, int]:
        """The tokens of prompt and answer, each 0 where the server tells none that can be."""
        return (token_count(self.usage.prompt_tokens), token_count(self.usage.completion_tokens)) if self.usage else (0, 0)


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a request was refused. `code` is a safe word of at most 40 characters; `text` may repeat the prompt: never show it.

    `names` are the parameters that the server points to.
    """

    code: str = ""
    text: str = ""
    names: frozenset[str] = frozenset()

    @property
    def unsupported(self) -> frozenset[str]:
        """Those of `UNSUPPORTED_BY_SOME` that it says it does not know."""
        if not _UNSUPPORTED.search(f"{self.code} {self.text}"):
            return frozenset()
        named = self.names or frozenset(re.findall(r"\w+", self.text))
        return named & frozenset(UNSUPPORTED_BY_SOME)

    @property
    def is_too_long(self) -> bool:
        """Whether prompt and answer are more than the model can hold."""
        return bool(_TOO_LONG.search(f"{self.code} {self.text}"))

    @property
    def is_spent(self) -> bool:
        """Whether the account's credit is used up: waiting does not help."""
        return self.code == "insufficient_quota"


_pieces = msgspec.json.Decoder(Piece)
_models = msgspec.json.Decoder(_Models | list[_Model])
_anything = msgspec.json.Decoder()


def answer_format(schema: Mapping[str, object] | None) -> dict[str, object]:
    """What a request says of the answer's form; nothing where it is free."""
    if schema is None:
        return {}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}}


def piece_of(event: Event) -> Piece:
    """The piece of an answer that an event carries. Raises WireError, also where it carries an error."""
    try:
        piece = _pieces.decode(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError("an event of the stream is not what the protocol says") from error
    if piece.error is not None or piece.kind == "error" or event.type == "error":
        code = refusal_of(event.data).code
        raise WireError(f"the server broke off with an error{f' ({code})' if code else ''}")
    return piece


def stop_of(reason: str) -> Literal["end", "length", "error"]:
    """What a finish reason means. Content filters, aborts, and calls of tools that were never offered are errors."""
    return _ENDS.get(reason, "error")


def model_ids(body: bytes) -> tuple[str, ...]:
    """The models that a server lists, in its order. Raises WireError."""
    try:
        listed = _models.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError("the list of models is not what the protocol says") from error
    models = listed.data if isinstance(listed, _Models) else listed
    return tuple(model.id for model in models if model.id)


def first_that_talks(models: Iterable[str]) -> str:
    """The first model whose name is not that of one that embeds or ranks texts; empty where there is none."""
    return next((model for model in models if not re.search("embed|rerank", model, re.IGNORECASE)), "")


def refusal_of(body: bytes) -> Refusal:
    """Why a server refuses, in whatever shape it says so; empty where that cannot be read."""
    try:
        said = _anything.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Refusal()
    if isinstance(said, list) and said:
        said = said[0]
    said = said.get("error") or said if isinstance(said, dict) else said
    if not isinstance(said, dict):
        return Refusal(text=said[:_MOST_TEXT] if isinstance(said, str) else "")
    if isinstance(said.get("detail"), list):
        return _of_fastapi(said["detail"])
    text = next((said[key] for key in ("message", "detail", "msg") if isinstance(said.get(key), str)), "")
    words = [word for key in ("code", "type") if (word := word_of(said.get(key)))]
    # Some give the HTTP status as the code; their type says more.
    code = next((word for word in words if not word.isdigit()), "".join(words[:1]))
    parameter = said.get("param")
    names = frozenset({parameter}) if isinstance(parameter, str) and parameter else frozenset[str]()
    return Refusal(code=code, text=text[:_MOST_TEXT], names=names)


def _of_fastapi(problems: list[object]) -> Refusal:
    """FastAPI's list of problems. Only those that say `unsupported` count; `input` repeats the prompt and is never read."""
    read = [problem for problem in problems if isinstance(problem, dict)]
    said = [(f"{word_of(one.get('type'))} {one.get('msg', '')}", one.get("loc")) for one in read]
    names = [part for text, place in said if isinstance(place, list) and _UNSUPPORTED.search(text) for part in place]
    return Refusal(
        code=word_of(read[0].get("type")) if read else "",
        text=" ".join(text for text, _ in said)[:_MOST_TEXT],
        names=frozenset(part for part in names if isinstance(part, str)),
    )


def word_of(value: object) -> str:
    """A code as it may be logged; empty for anything that could be a sentence."""
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return text if _WORD.fullmatch(text) else ""
