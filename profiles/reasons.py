"""What each reason that a person may give under a thumb down changes, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from math import floor

from profiles.events import NEUTRAL, Arm, Dimension, Rating, Tap

SHORTEST, LONGEST, LENGTH_STEP = -1.5, 1.5, 0.25
LOWEST_LEVEL, HIGHEST_LEVEL, LEVEL_STEP = 1.0, 4.0, 0.5
MEDIUM_WORDS = 120


class Reason(StrEnum):
    """The buttons of the row under a thumb down, and the eight behind "Other style"."""

    WRONG = "wrong"
    TOO_LONG = "too_long"
    TOO_SHORT = "too_short"
    TOO_HARD = "too_hard"
    TOO_EASY = "too_easy"
    MORE_EXAMPLES = "more_examples"
    MORE_THEORY = "more_theory"
    STEP_BY_STEP = "step_by_step"
    OVERVIEW = "overview"
    MORE_PRACTICE = "more_practice"
    LESS_PRACTICE = "less_practice"
    OUTLINE = "outline"
    PROSE = "prose"


STYLES: Mapping[Reason, tuple[Dimension, Arm]] = {
    Reason.MORE_EXAMPLES: (Dimension.ENT, 1),
    Reason.MORE_THEORY: (Dimension.ENT, -1),
    Reason.STEP_BY_STEP: (Dimension.RUT, 1),
    Reason.OVERVIEW: (Dimension.RUT, -1),
    Reason.MORE_PRACTICE: (Dimension.ACT, 1),
    Reason.LESS_PRACTICE: (Dimension.ACT, -1),
    Reason.OUTLINE: (Dimension.FOR, 1),
    Reason.PROSE: (Dimension.FOR, -1),
}


def explained(rating: Rating, reason: Reason | None) -> tuple[Rating | Tap, ...]:
    """What the formula is told of a rating with this reason.

    Nothing when the answer was wrong: that says nothing about style. A rating without arms when length or level was at
    fault: it counts for the base rate only, as on an answer without any directive. A style keeps the rating and adds a tap.
    """
    if reason is None:
        return (rating,)
    if reason is Reason.WRONG:
        return ()
    if style := STYLES.get(reason):
        return (rating, Tap(dimension=style[0], y=style[1]))
    return (replace(rating, arms=NEUTRAL),)


def adjusted_length(length: float, reason: Reason) -> float:
    """ℓ after the tap: a quarter less or more, from -1.5 to 1.5; other reasons leave it."""
    step = {Reason.TOO_LONG: -LENGTH_STEP, Reason.TOO_SHORT: LENGTH_STEP}.get(reason, 0.0)
    return min(max(length + step, SHORTEST), LONGEST)


def adjusted_level(level: float, reason: Reason) -> float:
    """The topic's level after the tap: half a level less or more, from 1 to 4; other reasons leave it."""
    step = {Reason.TOO_HARD: -LEVEL_STEP, Reason.TOO_EASY: LEVEL_STEP}.get(reason, 0.0)
    return min(max(level + step, LOWEST_LEVEL), HIGHEST_LEVEL)


def level_used(level: float) -> int:
    """The level as a whole number, halves upwards."""
    return floor(level + 0.5)


def target_words(length: float) -> int:
    """How many words an answer of this ℓ aims at: 60, 120 and 240 for -1, 0 and 1."""
    return floor(MEDIUM_WORDS * 2**length + 0.5)
