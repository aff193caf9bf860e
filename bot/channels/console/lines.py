"""What a typed line means, given the answer that stands above it (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from bot.profile_types import Reason
from bot.types import Choice, ReplyFile

REASONS: Mapping[Reason, tuple[str, str]] = {
    Reason.WRONG: ("it is wrong", "es incorrecto"),
    Reason.LONG: ("too long", "muy largo"),
    Reason.SHORT: ("too short", "muy corto"),
    Reason.HARD: ("too hard", "muy difícil"),
    Reason.EASY: ("too easy", "muy fácil"),
    Reason.STYLE: ("other style", "otro estilo"),
    Reason.MORE_EXAMPLES: ("more examples", "más ejemplos"),
    Reason.MORE_THEORY: ("more theory", "más teoría"),
    Reason.STEP_BY_STEP: ("step by step", "paso a paso"),
    Reason.OVERVIEW: ("overview first", "primero el panorama"),
    Reason.MORE_PRACTICE: ("more practice", "más práctica"),
    Reason.LESS_PRACTICE: ("less practice", "menos práctica"),
    Reason.OUTLINE: ("as an outline", "en esquema"),
    Reason.PROSE: ("as prose", "en prosa"),
}
"""Why an answer got a 👎, in English and in Spanish: as the page's buttons say it."""
STYLES: Final = tuple(REASONS)[6:]
"""The reasons that say which other style."""
_ALSO: Final[Mapping[Reason, tuple[str, ...]]] = {
    Reason.WRONG: ("wrong", "not true", "no es verdad", "false", "mal", "falso", "falsa", "incorrecto", "incorrecta"),
    Reason.LONG: ("long", "largo", "larga"),
    Reason.SHORT: ("short", "corto", "corta"),
    Reason.HARD: ("hard", "difficult", "difícil"),
    Reason.EASY: ("easy", "simple", "fácil"),
    Reason.STYLE: ("style", "estilo"),
    Reason.MORE_EXAMPLES: ("examples", "ejemplos"),
    Reason.MORE_THEORY: ("theory", "teoría"),
    Reason.STEP_BY_STEP: ("steps", "pasos"),
    Reason.OVERVIEW: ("overview", "panorama"),
    Reason.MORE_PRACTICE: ("practice", "práctica"),
    Reason.OUTLINE: ("outline", "esquema"),
    Reason.PROSE: ("prose", "prosa", "en párrafos", "párrafos"),
}
"""Shorter words that mean the same; each may have a "too" before it."""

LOCAL = {"keys": "keys", "teclas": "keys", "save": "save", "guardar": "save", "quit": "quit", "salir": "quit", "exit": "quit"}
"""Commands that never leave the console."""

_PLAIN = str.maketrans("áéíóú", "aeiou")
_TOO = re.compile(r"^(?:too|muy|demasiado) ")
_REASON_OF = {
    word.translate(_PLAIN): reason
    for reason, words in REASONS.items()
    for word in (*words, *(_TOO.sub("", one) for one in words), *_ALSO.get(reason, ()))
}
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` without what a terminal would obey: escape codes, carriage returns, bidirectional overrides."""
    return _UNSAFE.sub("", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How an answer was made. `cost` is in millionths of `currency`; `is_remote` says that text left the private network."""

    model: str
    seconds: float
    cost: int = 0
    currency: str = ""
    is_remote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer on the screen. Its parts come from the wire, made visible."""

    turn_id: str = ""
    text: str = ""
    choices: tuple[Choice, ...] = ()
    is_rateable: bool = False
    files: tuple[ReplyFile, ...] = ()
    model: str = ""
    flags: frozenset[str] = frozenset()
    made: Made | None = None


class Say(NamedTuple):
    """Send this to the bot."""

    text: str


class Choose(NamedTuple):
    """Take this choice of the last answer."""

    key: str


class Rate(NamedTuple):
    """Rate (1, -1), correct, or take back (0) the rating of the last answer."""

    value: int
    reason: Reason | None = None
    correction: str | None = None


class Local(NamedTuple):
    """Something the console does by itself: `keys`, `save`, `quit`; `reasons` tells which reasons a 👎 may have."""

    name: str


Action = Say | Choose | Rate | Local


def interpret(line: str, last: Answer) -> Action:
    """What a person means by `line`. One that begins with a space is said as it is."""
    text = line.strip()
    if line[:1].isspace():
        return Say(text)
    if text.startswith("/") and (local := LOCAL.get(text[1:].lower())):
        return Local(local)
    for number, choice in enumerate(last.choices):
        if text.casefold() in {*_letters(number, last), choice.label.casefold()}:
            return Choose(choice.key)
    return _rating(text) if last.is_rateable and text[:1] in {"+", "-", "="} else Say(text)


def letter(number: int) -> str:
    """The letter of the choice at this place: a, b, …; numbers when the alphabet is over."""
    return chr(ord("a") + number) if number < 26 else str(number + 1)


def is_lettered(answer: Answer) -> bool:
    """Whether the answer's own text gives its options letters: then their labels are the letters, and nothing but those."""
    labels = [choice.label for choice in answer.choices if choice.row == 0]
    return bool(labels) and labels == [letter(number).upper() for number in range(len(labels))]


def offered(answer: Answer) -> list[str]:
    """What there is to choose, a line each; where the text has the options already, only what can be done besides, in one."""
    if not is_lettered(answer):
        return [f"{letter(number)}) {choice.label}" for number, choice in enumerate(answer.choices)]
    besides = " · ".join(choice.label for choice in answer.choices if choice.row > 0)
    return [besides] if besides else []


def _letters(number: int, answer: Answer) -> set[str]:
    """The letters that take the choice at this place. Beside lettered options, what else there is has only its name."""
    if is_lettered(answer) and answer.choices[number].row > 0:
        return set()
    return {letter(number), letter(number) + ")"}


def _rating(text: str) -> Action:
    """`+`, `-`, `- reason`, `--` (take it back), `= the right answer`; anything else is said to the bot."""
    rest = text[1:].strip()
    if text in {"+", "-"}:
        return Rate(1 if text == "+" else -1)
    if text == "--":
        return Rate(0)
    if text[0] == "=" and rest:
        return Rate(-1, correction=rest)
    if text[0] == "-" and text[1].isspace():
        told = " ".join(rest.lower().translate(_PLAIN).split())
        reason = _REASON_OF.get(told) or _REASON_OF.get(_TOO.sub("", told))
        return Local("reasons") if reason is None else Rate(-1, reason=reason)
    return Say(text)
