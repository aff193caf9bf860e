"""A model that says what its script says: for tests, benchmarks and a first look at the house without a language model."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.errors import ModelBroken, ModelBusy, ModelRejected, ModelUnreachable
from bot.locale import say, say_many
from bot.messages import prompt_tokens
from bot.model_types import ModelStatus
from bot.ports import Clock
from bot.types import Chunk, Generation, Language, Prompt

_PIECE = re.compile(r"\S{1,12}\s*|\s+")
_PLACE = re.compile(r"\{(question|system|directives|history|evidence)\}")
_BREATH = 64
"""Pieces between two visits to the event loop when there is no delay between them."""


class Fault(StrEnum):
    """A way to fail on purpose. The numbers are the HTTP statuses that a backend would have answered with."""

    REFUSED = "refused"
    SLOW = "slow"
    HUNG = "hung"
    CUT = "cut"
    EMPTY = "empty"
    ENDLESS = "endless"
    WRONG_DATA = "wrong_data"
    UNAUTHORIZED = "401"
    MISSING = "404"
    UNPROCESSABLE = "422"
    TOO_MANY = "429"
    UNAVAILABLE = "503"


_REJECTED = {
    Fault.UNAUTHORIZED: "401: the key is not accepted",
    Fault.MISSING: "404: no such model",
    Fault.UNPROCESSABLE: "422: the request cannot be processed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What to do when `pattern` (a regular expression, any case) is found in the question: say `answer`, or fail so."""

    pattern: str
    answer: str = ""
    fault: Fault | None = None


class ScriptedModel:
    """A chat model without any I/O. The first rule that matches decides; without one the template answers.

    In `template` the words `{question}`, `{system}`, `{directives}`, `{history}` and `{evidence}` are replaced and all else is
    said as it stands; empty means the built-in one, in the prompt's language, which shows what a prompt holds.
    `first_token_s` and `between_tokens_s` are seconds; `slow_s` is what the fault `slow` waits for its first token. A token
    is a piece of at most 12 characters; the prompt's are estimated.
    Raises ValueError for a pattern that is no regular expression.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        name: str = "scripted",
        first_token_s: float = 0.0,
        between_tokens_s: float = 0.0,
        slow_s: float = 10.0,
        retry_after_s: float | None = None,
        template: str = "",
        rules: Sequence[Rule] = (),
        is_remote: bool = False,
    ) -> None:
        self._clock, self._name, self._is_remote = clock, name, is_remote
        self._first_token_s, self._between_tokens_s, self._slow_s = first_token_s, between_tokens_s, slow_s
        self._retry_after_s, self._template = retry_after_s, template
        self._rules = tuple((_compiled(rule.pattern), rule) for rule in rules)

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    async def check(self, language: Language = "en") -> ModelStatus:
        """Always ready: it needs nothing."""
        detail = say(language, "it answers from a script and only repeats what it is given")
        return ModelStatus(name=self._name, is_ready=True, is_remote=self._is_remote, detail=detail)

    async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        """Yield the scripted answer piece by piece, the last chunk with usage. Raises the ModelError that a rule asks for.

        `temperature` changes nothing: a script says the same every time.
        """
        began = self._clock.monotonic()
        rule = next((rule for pattern, rule in self._rules if pattern.search(prompt.question)), None)
        fault = rule.fault if rule is not None else None
        self._refuse(fault)
        if fault is Fault.HUNG:
            await asyncio.Event().wait()
        await asyncio.sleep(self._slow_s if fault is Fault.SLOW else self._first_token_s)
        pieces = _PIECE.findall(rule.answer if rule is not None and rule.answer else _filled(self._template, prompt))
        first_token_s = self._clock.monotonic() - began
        spoken = 0
        for piece in _spoken(pieces, fault, max_tokens):
            if spoken and (self._between_tokens_s or spoken % _BREATH == 0):
                await asyncio.sleep(self._between_tokens_s)
            yield Chunk(text=piece)
            spoken += 1
        if fault is Fault.CUT:
            raise ModelBroken(self._name, "the stream was cut before its end")
        yield Chunk(
            text="",
            generation=Generation(
                model=self._name,
                prompt_tokens=prompt_tokens(prompt),
                completion_tokens=spoken,
                seconds=self._clock.monotonic() - began,
                stop="length" if fault is None and spoken < len(pieces) else "end",
                first_token_s=first_token_s if spoken else None,
            ),
        )

    async def aclose(self) -> None:
        """Nothing to let go of."""

    def _refuse(self, fault: Fault | None) -> None:
        """Raise what a backend with this fault would raise before its first token."""
        match fault:
            case Fault.REFUSED:
                raise ModelUnreachable(self._name, "connection refused")
            case Fault.TOO_MANY | Fault.UNAVAILABLE:
                raise ModelBusy(self._name, f"{fault}: busy", self._retry_after_s)
            case Fault.UNAUTHORIZED | Fault.MISSING | Fault.UNPROCESSABLE:
                raise ModelRejected(self._name, _REJECTED[fault])
            case Fault.WRONG_DATA:
                raise ModelBroken(self._name, "the answer was not what the protocol says")
            case _:
                return


def _spoken(pieces: Sequence[str], fault: Fault | None, max_tokens: int) -> Iterable[str]:
    """The pieces that are said: all within `max_tokens`, or what the fault leaves of them, or more and more of them."""
    match fault:
        case Fault.EMPTY:
            return ()
        case Fault.CUT:
            return pieces[: max(1, len(pieces) // 2)]
        case Fault.ENDLESS:
            return itertools.cycle(pieces)
        case _:
            return pieces[:max_tokens]


def _filled(template: str, prompt: Prompt) -> str:
    """The template with the prompt's parts in it; the built-in one when it is empty."""
    if not template:
        return _shown(prompt)
    parts = {
        "question": prompt.question,
        "system": prompt.system,
        "directives": "\n".join(prompt.directives),
        "history": "\n".join(f"{past.question}\n{past.answer}" for past in prompt.history),
        "evidence": "\n".join(f"{item.kind} ({item.source}): {item.text}" for item in prompt.evidence),
    }
    return _PLACE.sub(lambda found: parts[found[1]], template)


def _shown(prompt: Prompt) -> str:
    """What the prompt holds, in words."""
    language = prompt.language
    lines = [say(language, "You asked: {question}", question=prompt.question)]
    if prompt.directives:
        lines += ["", say(language, "I was told to answer like this:"), *(f"- {one}" for one in prompt.directives)]
    if prompt.evidence:
        lines += ["", say(language, "I was given this to go by:")]
        lines += [f"- {one.kind} ({one.source}): {one.text}" for one in prompt.evidence]
    if prompt.history:
        lines += ["", say_many(language, "Before it: {count} exchange.", "Before it: {count} exchanges.", len(prompt.history))]
    lines += ["", say(language, "I am the scripted model: I only repeat what I am given.")]
    return "\n".join(lines)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"a rule of the scripted model needs a regular expression, found {pattern!r}: {error}") from error
