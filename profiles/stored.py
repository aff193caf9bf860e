"""What is in a stored profile event, each value checked as it is read: rows may be damaged, or of another version; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import product
from typing import Final, TypeVar, cast

from bot.profile_types import Arm, Arms
from profiles.events import DIMENSIONS, Dimension

T = TypeVar("T")
_ARMS: Final = {arms: cast("Arms", arms) for arms in product((-1, 0, 1), repeat=len(DIMENSIONS))}
_DIMENSIONS: Final = {one.value: one for one in DIMENSIONS}


class OtherShape(ValueError):
    """A stored event lacks a value, or has another one than its kind has."""


class Stored:
    """The values of one event. Every method raises `OtherShape` for one that is missing or not of its kind."""

    def __init__(self, data: Mapping[str, object]) -> None:
        self._data = data

    def value(self, key: str) -> object:
        """Whatever is there."""
        if key not in self._data:
            raise OtherShape(f"expected {key!r}, found no such value")
        return self._data[key]

    def is_none(self, key: str) -> bool:
        """Whether there is nothing under a key that earlier versions did not have."""
        return self._data.get(key) is None

    def truth(self, key: str) -> bool:
        """True or false."""
        value = self.value(key)
        if not isinstance(value, bool):
            raise _other(key, "true or false", value)
        return value

    def text(self, key: str) -> str:
        """A text, which may be empty."""
        value = self.value(key)
        if not isinstance(value, str):
            raise _other(key, "a text", value)
        return value

    def topic(self) -> str:
        """The topic; empty where the event names none."""
        return self.text("topic") if "topic" in self._data else ""

    def one_of(self, key: str, known: Mapping[str, T]) -> T:
        """What a name stands for."""
        name = self.text(key)
        if name not in known:
            raise _other(key, "a known name", name)
        return known[name]

    def number(self, key: str, low: float, high: float) -> float:
        """A number within bounds."""
        value = self.value(key)
        # The comparison refuses NaN.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise _other(key, f"a number from {low:g} to {high:g}", value)
        return float(value)

    def arm(self, key: str) -> Arm:
        """1, 0 or -1."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int) or value not in (-1, 0, 1):
            raise _other(key, "1, 0 or -1", value)
        return cast("Arm", value)

    def arms(self, key: str) -> Arms:
        """An arm for each dimension."""
        value = self.value(key)
        try:
            return _ARMS[tuple(value)] if isinstance(value, (list, tuple)) else _ARMS[()]
        except (KeyError, TypeError) as error:
            raise _other(key, "four arms", value) from error

    def dimension(self) -> Dimension:
        """The dimension that the event is about."""
        return self.one_of("dimension", _DIMENSIONS)

    def moment(self, key: str) -> datetime:
        """A moment with its time zone."""
        text = self.text(key)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise _other(key, "a moment", text) from error
        if moment.tzinfo is None:
            raise _other(key, "a moment with its time zone", text)
        return moment


def _other(key: str, expected: str, found: object) -> OtherShape:
    return OtherShape(f"expected {key!r} to be {expected}, found {found!r}")
