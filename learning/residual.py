"""How much personal data the scrubber leaves: planted, scrubbed, and looked for again by code of its own (R-53)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import msgspec

from learning.planting import Planted, Planter
from learning.scrub import Scrubber

_TEXTS: Final = 3
"""Planted items a row: things stand beside each other, as they do in conversations."""
_UNSURE_SHARE: Final = 10
"""One name or address for so many structured items."""


class Residual(msgspec.Struct, frozen=True, kw_only=True):
    """`left` of `planted` structured items were still there. `kinds` has planted and left by kind.

    `unsure` has the same for names and addresses, which nothing but the words around them gives away; no promise.
    """

    planted: int
    left: int
    kinds: Mapping[str, tuple[int, int]]
    unsure: Mapping[str, tuple[int, int]]

    @property
    def rate(self) -> float:
        """The share that was left, 0 to 1; 0 where nothing was planted."""
        return self.left / self.planted if self.planted else 0.0


@cache
def residual(seed: int, planted: int = 2000) -> Residual:
    """Plant so many structured items, and a tenth as many names and addresses besides, scrub, and count what is left."""
    sure, unsure = plant(seed, planted)
    return Residual(
        planted=len(sure),
        left=sum(map(is_left, sure, scrubbed(sure))),
        kinds=_by_kind(sure, scrubbed(sure)),
        unsure=_by_kind(unsure, scrubbed(unsure)),
    )


def plant(seed: int, planted: int) -> tuple[list[Planted], list[Planted]]:
    """Structured items, and names and addresses."""
    planter = Planter(seed)
    sure = [planter.planted(number) for number in range(planted)]
    return sure, [planter.unsure(number) for number in range(planted // _UNSURE_SHARE)]


def scrubbed(items: Sequence[Planted]) -> list[str]:
    """The texts of the items as the scrubber leaves them, some at a time as texts of one row."""
    scrubber, done = Scrubber(), list[str]()
    for place in range(0, len(items), _TEXTS):
        done += scrubber.scrub_texts([item.text for item in items[place : place + _TEXTS]])
    return done


def is_left(item: Planted, text: str) -> bool:
    """Whether the value, or as much of it as tells it, is still in `text`, however it is cut into groups."""
    value, rest = _close(item.value), _close(text)
    size = max(6, len(value) * 3 // 5)
    if len(value) <= size:
        return value in rest
    return any(value[place : place + size] in rest for place in range(len(value) - size + 1))


def _close(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _by_kind(items: Sequence[Planted], texts: Sequence[str]) -> dict[str, tuple[int, int]]:
    planted, left = Counter(item.kind for item in items), Counter[str]()
    left.update(item.kind for item, text in zip(items, texts, strict=True) if is_left(item, text))
    return {kind: (planted[kind], left[kind]) for kind in sorted(planted)}
