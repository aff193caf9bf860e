"""What each reason that a person may give under a thumb down changes, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor

from bot.profile_types import NEUTRAL, Arm, Reason
from profiles.events import Dimension, Rating, Tap

SHORTEST, LONGEST, LENGTH_STEP = -1.5, 1.5, 0.25
LOWEST_LEVEL, HIGHEST_LEVEL, LEVEL_STEP = 1.0, 4.0, 0.5


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
    if reason is None or reason is Reason.STYLE:
        return (rating,)
    if reason is Reason.WRONG:
        return ()
    if style := STYLES.get(reason):
        return (rating, Tap(dimension=style[0], y=style[1]))
    return (Rating(arms=NEUTRAL, up=rating.up, weight=rating.weight),)


def adjusted_length(length: float, reason: Reason) -> float:
    """ℓ after the tap: a quarter less or more, from -1.5 to 1.5; other reasons leave it."""
    step = {Reason.LONG: -LENGTH_STEP, Reason.SHORT: LENGTH_STEP}.get(reason, 0.0)
    return min(max(length + step, SHORTEST), LONGEST)


def adjusted_level(level: float, reason: Reason) -> float:
    """The topic's level after the tap: half a level less or more, from 1 to 4; other reasons leave it."""
    step = {Reason.HARD: -LEVEL_STEP, Reason.EASY: LEVEL_STEP}.get(reason, 0.0)
    return min(max(level + step, LOWEST_LEVEL), HIGHEST_LEVEL)


def level_used(level: float) -> int:
    """The level as a whole number, halves upwards."""
    return floor(level + 0.5)
