"""What the formula learns from: answers, taps, remarks, ratings and passing days, as records and as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, cast

from bot.profile_types import Arms


class Dimension(StrEnum):
    """What a preference is about; first the plus pole, then the minus pole. Their order is that of every list of four."""

    ENT = "ENT"
    """Example first, or principle first."""
    RUT = "RUT"
    """Step by step, or overview first."""
    ACT = "ACT"
    """Try it, or reflect on it."""
    FOR = "FOR"
    """Outline, or prose."""


DIMENSIONS = tuple(Dimension)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answered item of the questionnaire: `y` is the option's score, -1 to 1; `quality` is 0 (worth nothing) to 1."""

    dimension: Dimension
    y: float
    quality: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """A correction by button: `y` is 1 for the plus pole, -1 for the minus pole."""

    dimension: Dimension
    y: float
    quality: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """A correction recognised in the person's own words: like a tap, and less certain."""

    dimension: Dimension
    y: float
    quality: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """A thumb up or down for an answer with these arms in use; `weight` is 0 (as if it were not there) to 1."""

    arms: Arms
    up: bool
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """So many whole days without anything else that is counted here."""

    days: int


Event: TypeAlias = Answer | Tap | Remark | Rating | Days


class BadEvent(ValueError):
    """A line is no event; the message says what was expected and what was found."""


def read_event(line: str) -> Event:
    """The event of one JSON line. Raises `BadEvent`."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise BadEvent(f"expected a JSON object: {what}") from error
    if not isinstance(found, dict):
        raise BadEvent(f'expected a JSON object such as {{"event": "days", "days": 30}}, found {_shown(found)}')
    fields = cast("dict[str, object]", found)
    kind = fields.pop("event", None)
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise BadEvent(f'expected "event" to be one of {", ".join(_READERS)}, found {_shown(kind)}')
    event = reader(_Fields(fields))
    # A misspelt "weight" that were passed over would change the result without a word.
    if unknown := sorted(fields):
        raise BadEvent(f'the event "{kind}" has no field {_shown(unknown[0])}')
    return event


class _Fields:
    """The fields of one line; each is taken out when it is read, so that what remains is unknown."""

    def __init__(self, fields: dict[str, object]) -> None:
        self._fields = fields

    def take(self, name: str, expected: str, *, default: object = None) -> object:
        if name not in self._fields and default is None:
            raise BadEvent(f'expected "{name}" ({expected}), found no such field')
        return self._fields.pop(name, default)

    def dimension(self) -> Dimension:
        expected = "one of " + ", ".join(DIMENSIONS)
        value = self.take("dimension", expected)
        if not isinstance(value, str) or value not in DIMENSIONS:
            raise BadEvent(f'expected "dimension" to be {expected}, found {_shown(value)}')
        return Dimension(value)

    def number(self, name: str, low: float, high: float, *, default: float | None = None) -> float:
        expected = f"a number from {low:g} to {high:g}"
        value = self.take(name, expected, default=default)
        # The comparison refuses NaN, the infinities and integers too large for a float.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise BadEvent(f'expected "{name}" to be {expected}, found {_shown(value)}')
        return float(value)

    def pole(self) -> float:
        value = self.number("y", -1, 1)
        if value not in (-1, 1):
            raise BadEvent(f'expected "y" to be 1 or -1, found {_shown(value)}')
        return value

    def arms(self) -> Arms:
        expected = "a list of four of 1, 0, -1"
        value = self.take("arms", expected)
        if not isinstance(value, list) or len(value) != len(DIMENSIONS) or not all(_is_arm(arm) for arm in value):
            raise BadEvent(f'expected "arms" to be {expected}, found {_shown(value)}')
        return cast("Arms", tuple(int(arm) for arm in value))

    def truth(self, name: str) -> bool:
        value = self.take(name, "true or false")
        if not isinstance(value, bool):
            raise BadEvent(f'expected "{name}" to be true or false, found {_shown(value)}')
        return value

    def days(self) -> int:
        expected = "a whole number from 0"
        value = self.take("days", expected)
        is_whole = (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
        if not is_whole or not isinstance(value, (int, float)) or value < 0:
            raise BadEvent(f'expected "days" to be {expected}, found {_shown(value)}')
        return int(value)


def _is_arm(value: object) -> bool:
    return not isinstance(value, bool) and value in (-1, 0, 1)


def _shown(value: object) -> str:
    """What was found, as JSON and short: a line may be of any length."""
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _answer(fields: _Fields) -> Event:
    return Answer(
        dimension=fields.dimension(), y=fields.number("y", -1, 1), quality=fields.number("quality", 0, 1, default=1.0)
    )


def _tap(fields: _Fields) -> Event:
    return Tap(dimension=fields.dimension(), y=fields.pole(), quality=fields.number("quality", 0, 1, default=1.0))


def _remark(fields: _Fields) -> Event:
    return Remark(dimension=fields.dimension(), y=fields.pole(), quality=fields.number("quality", 0, 1, default=1.0))


def _rating(fields: _Fields) -> Event:
    return Rating(arms=fields.arms(), up=fields.truth("up"), weight=fields.number("weight", 0, 1, default=1.0))


def _days(fields: _Fields) -> Event:
    return Days(days=fields.days())


_READERS: Mapping[str, Callable[[_Fields], Event]] = {
    "answer": _answer,
    "tap": _tap,
    "remark": _remark,
    "rating": _rating,
    "days": _days,
}
