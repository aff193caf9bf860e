"""What Mistral's servers say, read out of their bytes; pure.

After Mistral's API description (CompletionChunk, HTTPValidationError) as of 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from bot.models.over_http import token_count
from bot.models.said_text import SaidText
from bot.models.sse import WireError
from bot.models.unthought import Unthought
from bot.tokens import estimate_tokens
from bot.types import Chunk

_ENDS: Final[Mapping[str, Literal["end", "length"]]] = {"stop": "end", "length": "length", "model_length": "length"}
NO_SUCH: Final = "no such model or address"
_SENT: Final = ("max_tokens", "messages", "model", "response_format", "temperature")
"""What a request holds: of an error's text, only these names are ever repeated."""


class _Part(msgspec.Struct):
    """A part of what a model says: `text`, or `thinking` with parts of its own. Of other kinds nothing is read."""

    text: str | None = None
    thinking: list[_Part] | None = None


class _Delta(msgspec.Struct):
    content: str | list[_Part] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: object = None
    completion_tokens: object = None


class Said(msgspec.Struct):
    """One event of a streamed answer (CompletionChunk)."""

    choices: list[_Choice]
    model: str | None = None
    usage: _Usage | None = None


class _Place(msgspec.Struct):
    loc: list[str | int] = []


class _Problems(msgspec.Struct):
    detail: list[_Place] = []


class _Refusal(msgspec.Struct):
    """The body of an error: HTTPValidationError, or the shape in which Mistral's servers wrap it."""

    detail: list[_Place] | str | None = None
    message: _Problems | str | None = None
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """What came of texts to embed: a row of numbers for each, the model by its full name, and the tokens to pay for."""

    rows: Sequence[Sequence[float]]
    model: str
    tokens: int


_saying = msgspec.json.Decoder(Said)
_refusing = msgspec.json.Decoder(_Refusal)


def said_in(data: bytes) -> Said:
    """What the data of an event says. Raises WireError."""
    try:
        return _saying.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WireError("an event of the stream is not what the protocol says") from error


class Answer:
    """What has come of one answer. `stop` is None until the model says that it is over."""

    def __init__(self) -> None:
        self.stop: Literal["end", "length", "error"] | None = None
        self.model = ""
        self.prompt_tokens = 0
        self._counted = 0
        self._clean, self._unthought = SaidText(), Unthought()
        self._written: list[str] = []

    @property
    def completion_tokens(self) -> int:
        """As the server counted them, else an estimate; what is not shown counts too."""
        return self._counted or estimate_tokens("".join(self._written))

    def take(self, said: Said) -> Chunk:
        """What this adds for the person; perhaps nothing. Reasons to stop that it does not know are errors."""
        self.model = said.model or self.model
        if said.usage is not None:
            self.prompt_tokens = token_count(said.usage.prompt_tokens)
            self._counted = token_count(said.usage.completion_tokens)
        if not said.choices:
            return Chunk(text="")
        choice = said.choices[0]
        if choice.finish_reason:
            self.stop = _ENDS.get(choice.finish_reason, "error")
        text, thought = _read(choice.delta.content)
        self._written += (text, thought)
        shown = self._unthought.take(self._clean.take(text))
        return Chunk(text=shown, is_thinking=not shown and (bool(thought) or (bool(text) and self._unthought.is_thinking)))

    def end(self) -> str:
        """What was still held back."""
        return self._unthought.end()


def _read(content: str | list[_Part] | None) -> tuple[str, str]:
    """The text of a delta, and its thinking."""
    if content is None or isinstance(content, str):
        return content or "", ""
    text = "".join(part.text or "" for part in content)
    return text, "".join(inner.text or "" for part in content for inner in part.thinking or ())


def reason_of(status: int, body: str) -> str:
    """Why a request was refused, in our words: its body may repeat the prompt."""
    if status < 400:
        return "it sends elsewhere, and redirects are not followed"
    try:
        refusal = _refusing.decode(body)
    except (msgspec.DecodeError, UnicodeError):
        refusal = _Refusal()
    if status == 404 or refusal.type == "invalid_model":
        return NO_SUCH
    places = refusal.message.detail if isinstance(refusal.message, _Problems) else refusal.detail
    named = {part for place in places or () if isinstance(place, _Place) for part in place.loc}
    refused = ", ".join(name for name in _SENT if name in named)
    return f"it does not accept {refused}" if refused else "it refuses the request"
