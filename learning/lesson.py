"""What one rated answer teaches: the text to learn from, the text to keep away from, and the thumb on the answer (pure)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from bot.lexical import surface
from bot.types import Flag
from learning.records import Agreement, Labelled

FAILED: Final = frozenset(
    flag.value for flag in (Flag.PARTIAL, Flag.STOPPED, Flag.TIMED_OUT, Flag.FAILED, Flag.LIMITED, Flag.CRISIS)
)
"""Flags of answers that say nothing about how to answer: cut off, not by a model, or the fixed words of a crisis."""


class NoLesson(StrEnum):
    """Why a row teaches nothing."""

    CRISIS = "crisis"
    """What is said in a crisis is fixed; no rating changes it and no correction teaches it."""
    FLAGGED = "flagged"
    """The answer carries a flag, and nobody wrote a better one."""
    CONTRADICTION = "contradiction"
    """The thumb says one thing and the other signals say the opposite."""
    NO_SIGNAL = "no_signal"
    """Neither a rating nor a correction is left."""


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """What is learned from a row: see `learning.records.Example`, whose fields these are."""

    good: str = ""
    bad: str = ""
    liked: bool | None = None

    @property
    def teaches(self) -> bool:
        """Whether any file can use it."""
        return bool(self.good or self.bad or self.liked is not None)


def lesson(row: Labelled) -> Lesson:
    """What `row` teaches; nothing at all where it contradicts itself.

    A correction is the better answer whatever befell the first one (R-16). The answer itself is a good one only when it was
    liked and carries no flag, and a bad one when it was disliked or corrected, unless it failed or was never a model's own.
    Who liked an answer and corrected it all the same found both good.
    """
    told, agreement = row.told, row.labels.agreement
    is_flagged, has_failed = bool(told.flags), not FAILED.isdisjoint(told.flags)
    if Flag.CRISIS.value in told.flags or _contradicts(row):
        return Lesson()
    liked = None if is_flagged or told.value == 0 else told.value > 0
    if told.correction:
        is_bad = told.value <= 0 and agreement is not Agreement.GOOD and not has_failed
        is_other = surface(told.correction) != surface(told.answer)
        return Lesson(good=told.correction, bad=told.answer if is_bad and is_other else "", liked=liked)
    if told.value > 0:
        return Lesson(good="" if is_flagged else told.answer, liked=liked)
    return Lesson(bad=told.answer if told.value < 0 and not has_failed else "", liked=liked)


def why_not(row: Labelled) -> NoLesson:
    """The reason for a row whose lesson `teaches` nothing."""
    if Flag.CRISIS.value in row.told.flags:
        return NoLesson.CRISIS
    if _contradicts(row):
        return NoLesson.CONTRADICTION
    return NoLesson.FLAGGED if row.told.flags and row.told.value else NoLesson.NO_SIGNAL


def _contradicts(row: Labelled) -> bool:
    """Whether an answer without a correction is liked by one signal and disliked by the others."""
    told, agreement = row.told, row.labels.agreement
    opposite = {1: Agreement.BAD, -1: Agreement.GOOD}.get(told.value)
    return not told.correction and agreement is opposite
