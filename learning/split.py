"""Which part of the data a row is in: by the hash of its person, below 20 people by that of its conversation (pure)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, Literal

from learning.records import Collected, Split

FEWEST_PEOPLE: Final = 20
"""With fewer, a part would hold one or two people's habits or nobody at all."""

SplitBy = Literal["person", "conversation"]

_WHOLE: Final = 2**64
_TRAIN, _VALIDATION = _WHOLE * 8 // 10, _WHOLE * 9 // 10


def part_of(key: str) -> Split:
    """80 % of all keys are for training, 10 % each for validation and test; a key's part depends on nothing else, ever."""
    place = int.from_bytes(blake2b(key.encode(), digest_size=8, person=b"part").digest(), "big")
    return Split.TRAIN if place < _TRAIN else Split.VALIDATION if place < _VALIDATION else Split.TEST


def split_by(people: int) -> SplitBy:
    """What is never shared between the parts. It changes once, when a 20th person comes; then parts are dealt anew."""
    return "person" if people >= FEWEST_PEOPLE else "conversation"


def key_of(told: Collected, by: SplitBy) -> str:
    """What decides about the row's part. A conversation has one person, so nobody else's rows are ever looked at."""
    return told.person if by == "person" else f"{told.person} {told.thread}"
