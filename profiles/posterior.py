"""What one person prefers, as a Gaussian: the prior, the one update, drift, labels, words and the choice of arms.

`model v1` of the preference profile. The state is (b, θ of the four dimensions): b is how often this person likes an answer
whatever its style, θ is +1 for a clear plus pole and -1 for a clear minus pole. Everything here is pure and exact; events are
stored elsewhere and the state is their replay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import erfc, floor, sqrt
from random import Random
from typing import TypeAlias, cast

from bot.locale import say
from bot.profile_types import NEUTRAL, Arm, Arms
from bot.types import Language
from profiles.events import DIMENSIONS, Answer, Days, Dimension, Event, Rating, Remark, Tap

MODEL_VERSION = 1
Vector: TypeAlias = tuple[float, float, float, float, float]
Matrix: TypeAlias = tuple[Vector, Vector, Vector, Vector, Vector]

BASE_MEAN, BASE_VARIANCE = 0.70, 0.04
STYLE_VARIANCE = 1 / 3
"""Of each θ before anything is known; drift never goes beyond it."""
SCORE_VARIANCE = 0.5
"""Of an answered item and of a tap."""
REMARK_VARIANCE = 0.8
RATING_VARIANCE = 0.20
STYLE_EFFECT = 0.15
"""g: how much a fitting directive raises the share of likes of somebody with θ = 1."""
LEAST_RATE, MOST_RATE = 0.05, 0.95
RATING_DRIFT, DAY_DRIFT = 0.001, 0.0003
MARGIN = 0.10
"""τ: a preference smaller than this is none."""
CLEAR, LEAN = 0.80, 0.55
EXPLORED = 0.05
CONTRADICTION = 4.0
"""Q from which the answers of a dimension contradict each other: the reserve item is asked, then the label is capped."""
KEPT_ANSWERS = 4
KNOWN_ANSWERS = 2
_KNOWN_VARIANCE = 1 / 7
"""What two full answers leave of the prior's variance."""
_DAYS_TO_PRIOR = 1_112
"""After so many days drift has reached the prior from any state: days beyond it change nothing."""
_ROOT_OF_TWO = sqrt(2)
_INDEX: Mapping[Dimension, int] = {dimension: place for place, dimension in enumerate(DIMENSIONS)}


class Label(StrEnum):
    """What may be said of a dimension."""

    PLUS_CLEAR = "+clear"
    PLUS_LEAN = "+lean"
    MIXED = "mixed"
    MINUS_LEAN = "-lean"
    MINUS_CLEAR = "-clear"

    @property
    def pole(self) -> Arm:
        """1, -1, or 0 for mixed."""
        return 0 if self is Label.MIXED else 1 if self.value[0] == "+" else -1

    @property
    def is_clear(self) -> bool:
        """Whether the probability of the pole is at least `CLEAR`."""
        return self in (Label.PLUS_CLEAR, Label.MINUS_CLEAR)


@dataclass(frozen=True, slots=True)
class State:
    """Mean and covariance of (b, θ_ENT, θ_RUT, θ_ACT, θ_FOR), and of each dimension the latest scores of its items."""

    mean: Vector
    covariance: Matrix
    scores: tuple[tuple[float, ...], ...]


def _diagonal(values: Sequence[float]) -> Matrix:
    rows = (tuple(value if row == column else 0.0 for column in range(5)) for row, value in enumerate(values))
    return cast("Matrix", tuple(rows))


PRIOR = State((BASE_MEAN, 0.0, 0.0, 0.0, 0.0), _diagonal([BASE_VARIANCE] + [STYLE_VARIANCE] * 4), ((),) * 4)


def replay(events: Iterable[Event], state: State = PRIOR) -> State:
    """The state after these events, in their order."""
    for event in events:
        state = updated(state, event)
    return state


def updated(state: State, event: Event) -> State:
    """The state after one more event. About 10 µs."""
    match event:
        case Rating():
            return _rated(state, event)
        case Days(days=days):
            return drifted(state, DAY_DRIFT * min(days, _DAYS_TO_PRIOR))
        case Answer(dimension=dimension, y=y, quality=quality):
            return _remembered(_heard(state, dimension, y, SCORE_VARIANCE, quality), dimension, y, quality)
        case Tap(dimension=dimension, y=y, quality=quality):
            return _heard(state, dimension, y, SCORE_VARIANCE, quality)
        case Remark(dimension=dimension, y=y, quality=quality):
            return _heard(state, dimension, y, REMARK_VARIANCE, quality)


def drifted(state: State, amount: float) -> State:
    """The state with `amount` more variance of each θ, never beyond the prior's: preferences change unseen."""
    base, (e0, e1, e2, e3, e4), (r0, r1, r2, r3, r4), (a0, a1, a2, a3, a4), (f0, f1, f2, f3, f4) = state.covariance
    wider = (
        base,
        (e0, _wider(e1, amount), e2, e3, e4),
        (r0, r1, _wider(r2, amount), r3, r4),
        (a0, a1, a2, _wider(a3, amount), a4),
        (f0, f1, f2, f3, _wider(f4, amount)),
    )
    return State(state.mean, wider, state.scores)


def _wider(variance: float, amount: float) -> float:
    return min(variance + amount, STYLE_VARIANCE)


def _rated(state: State, rating: Rating) -> State:
    if rating.weight <= 0:
        return state
    state = drifted(state, RATING_DRIFT)
    ent, rut, act, form = (STYLE_EFFECT * arm for arm in rating.arms)
    mean = state.mean
    expected = mean[0] + ent * mean[1] + rut * mean[2] + act * mean[3] + form * mean[4]
    spread = [base + ent * e + rut * r + act * a + form * f for base, e, r, a, f in state.covariance]
    total = spread[0] + ent * spread[1] + rut * spread[2] + act * spread[3] + form * spread[4]
    surprise = float(rating.up) - min(max(expected, LEAST_RATE), MOST_RATE)
    return _learned(state, spread, total + RATING_VARIANCE / rating.weight, surprise)


def _heard(state: State, dimension: Dimension, y: float, variance: float, quality: float) -> State:
    if quality <= 0:
        return state
    place = _INDEX[dimension] + 1
    spread = state.covariance[place]
    return _learned(state, spread, spread[place] + variance / quality, y - state.mean[place])


def _learned(state: State, spread: Sequence[float], total: float, surprise: float) -> State:
    """The one update: `spread` is S·x and `total` is v + xᵀ·S·x.

    S loses t·tᵀ with t = S·x / √total, rather than k·(S·x)ᵀ: the same, and symmetric to the last bit.
    """
    root = sqrt(total)
    t0, t1, t2, t3, t4 = [value / root for value in spread]
    step = surprise / root
    m0, m1, m2, m3, m4 = state.mean
    row0, row1, row2, row3, row4 = state.covariance
    # Written out, each pair once: a loop over the rows takes twice as long.
    s01, s02, s03, s04 = row0[1] - t0 * t1, row0[2] - t0 * t2, row0[3] - t0 * t3, row0[4] - t0 * t4
    s12, s13, s14 = row1[2] - t1 * t2, row1[3] - t1 * t3, row1[4] - t1 * t4
    s23, s24, s34 = row2[3] - t2 * t3, row2[4] - t2 * t4, row3[4] - t3 * t4
    covariance = (
        (row0[0] - t0 * t0, s01, s02, s03, s04),
        (s01, row1[1] - t1 * t1, s12, s13, s14),
        (s02, s12, row2[2] - t2 * t2, s23, s24),
        (s03, s13, s23, row3[3] - t3 * t3, s34),
        (s04, s14, s24, s34, row4[4] - t4 * t4),
    )
    mean = (m0 + step * t0, m1 + step * t1, m2 + step * t2, m3 + step * t3, m4 + step * t4)
    return State(mean, covariance, state.scores)


def _remembered(state: State, dimension: Dimension, y: float, quality: float) -> State:
    if quality <= 0:
        return state
    place, scores = _INDEX[dimension], list(state.scores)
    scores[place] = (*scores[place], y)[-KEPT_ANSWERS:]
    return State(state.mean, state.covariance, tuple(scores))


def theta(state: State, dimension: Dimension) -> float:
    """The preference's mean."""
    return state.mean[_INDEX[dimension] + 1]


def deviation(state: State, dimension: Dimension) -> float:
    """The preference's standard deviation."""
    place = _INDEX[dimension] + 1
    return sqrt(state.covariance[place][place])


@dataclass(frozen=True, slots=True)
class Chances:
    """Of the plus pole, of no preference, and of the minus pole. They add up to 1."""

    plus: float
    none: float
    minus: float


def chances(state: State, dimension: Dimension) -> Chances:
    """How probable each pole is, and that there is no preference beyond the margin."""
    mean, scale = theta(state, dimension), deviation(state, dimension) * _ROOT_OF_TWO
    plus = erfc((MARGIN - mean) / scale) / 2
    minus = erfc((MARGIN + mean) / scale) / 2
    return Chances(plus, 1 - plus - minus, minus)


def contradiction(scores: Sequence[float]) -> float:
    """Q = 2·Σ(y − ȳ)² of one dimension's scores: exact for the scores there are, never less with one more. 0 of none."""
    count, total = len(scores), sum(scores)
    return (count * sum(score * score for score in scores) - total * total) / (count * SCORE_VARIANCE) if scores else 0.0


def is_capped(state: State, dimension: Dimension) -> bool:
    """Whether the latest four answers still contradict each other, so that nothing may be called clear."""
    scores = state.scores[_INDEX[dimension]]
    return len(scores) >= KEPT_ANSWERS and contradiction(scores) >= CONTRADICTION


def label(state: State, dimension: Dimension) -> Label:
    """What may be said of the dimension."""
    mean, likelier = theta(state, dimension), _likelier(state, _INDEX[dimension])
    if likelier < LEAN:
        return Label.MIXED
    is_clear = likelier >= CLEAR and not is_capped(state, dimension)
    if mean > 0:
        return Label.PLUS_CLEAR if is_clear else Label.PLUS_LEAN
    return Label.MINUS_CLEAR if is_clear else Label.MINUS_LEAN


def _likelier(state: State, place: int) -> float:
    """The chance of the likelier pole: that of θ's own sign, to the last bit as `chances` has it."""
    return erfc((MARGIN - abs(state.mean[place + 1])) / (sqrt(state.covariance[place + 1][place + 1]) * _ROOT_OF_TWO)) / 2


def code(state: State) -> str:
    """Four letters such as `EgxD`: the pole's letter, upper case when clear, lower case when it leans, x when mixed."""
    return code_of([label(state, dimension) for dimension in DIMENSIONS])


def code_of(labels: Sequence[Label]) -> str:
    """The code of four labels."""
    return "".join(_letter(dimension, found) for dimension, found in zip(DIMENSIONS, labels, strict=True))


_LETTERS: Mapping[Dimension, tuple[str, str]] = {
    Dimension.ENT: ("E", "P"),
    Dimension.RUT: ("S", "G"),
    Dimension.ACT: ("T", "R"),
    Dimension.FOR: ("D", "N"),
}


def _letter(dimension: Dimension, found: Label) -> str:
    if not found.pole:
        return "x"
    letter = _LETTERS[dimension][found.pole < 0]
    return letter if found.is_clear else letter.lower()


def is_known(state: State, dimension: Dimension) -> bool:
    """Whether enough is known to show a confidence: two answers, or other evidence that is worth as much."""
    place = _INDEX[dimension]
    return len(state.scores[place]) >= KNOWN_ANSWERS or state.covariance[place + 1][place + 1] <= _KNOWN_VARIANCE + 1e-9


def confidence(state: State, dimension: Dimension) -> int | None:
    """The probability of the likelier pole in per cent, to the nearest 5; None while it is not known yet."""
    if not is_known(state, dimension):
        return None
    found = chances(state, dimension)
    return 5 * floor(max(found.plus, found.minus) * 20 + 0.5)


def by_strength(state: State) -> list[Dimension]:
    """The dimensions from the largest |θ|/sd to the smallest; ties keep their order."""
    # Equal preferences may differ in their last bits, which must not decide.
    return sorted(DIMENSIONS, key=lambda one: -round(abs(theta(state, one)) / deviation(state, one), 9))


def pole_word(language: Language, dimension: Dimension, pole: Arm) -> str:
    """The pole's name; empty for 0."""
    words = {
        (Dimension.ENT, 1): say(language, "Examples"),
        (Dimension.ENT, -1): say(language, "Principles"),
        (Dimension.RUT, 1): say(language, "Steps"),
        (Dimension.RUT, -1): say(language, "Overview"),
        (Dimension.ACT, 1): say(language, "Practice"),
        (Dimension.ACT, -1): say(language, "Reflection"),
        (Dimension.FOR, 1): say(language, "Outline"),
        (Dimension.FOR, -1): say(language, "Prose"),
    }
    return words.get((dimension, pole), "")


def headline(language: Language, state: State) -> str:
    """The profile in a few words: up to two preferences, the strongest first."""
    poles = {one: label(state, one).pole for one in DIMENSIONS}
    shown = [one for one in by_strength(state) if poles[one] and is_known(state, one)][:2]
    all_known = all(is_known(state, one) for one in DIMENSIONS)
    if not shown:
        return say(language, "Balanced") if all_known else say(language, "Not known yet")
    words = " + ".join(pole_word(language, one, poles[one]) for one in shown)
    if all_known and not any(poles[one] for one in DIMENSIONS if one not in shown):
        return say(language, "{words}; the rest mixed", words=words)
    return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The arms of a conversation topic, and for each dimension how probable (plus, neutral, minus) was: both are logged."""

    arms: Arms
    propensities: tuple[tuple[float, float, float], ...]


def choose(state: State, random: Random, pins: Mapping[Dimension, Arm] | None = None) -> Choice:
    """Arms by Thompson sampling, one in twenty by lot. A pinned dimension keeps its arm with certainty."""
    arms, propensities = [], []
    for dimension in DIMENSIONS:
        pin = (pins or {}).get(dimension)
        # A pinned dimension rolls its dice too: pinning one must not change what is drawn for the others.
        drawn = _drawn(state, dimension, random)
        arms.append(drawn if pin is None else pin)
        propensities.append(
            propensity(state, dimension) if pin is None else (float(pin == 1), float(pin == 0), float(pin == -1))
        )
    return Choice(arms=cast("Arms", tuple(arms)), propensities=tuple(propensities))


def _drawn(state: State, dimension: Dimension, random: Random) -> Arm:
    wish = random.gauss(theta(state, dimension), deviation(state, dimension))
    if random.random() < EXPLORED:
        return random.choice((1, 0, -1))
    return 1 if wish > MARGIN else -1 if wish < -MARGIN else 0


def propensity(state: State, dimension: Dimension) -> tuple[float, float, float]:
    """How probable the arms plus, neutral and minus are when nothing is pinned."""
    found, lot = chances(state, dimension), EXPLORED / 3
    return (
        (1 - EXPLORED) * found.plus + lot,
        (1 - EXPLORED) * found.none + lot,
        (1 - EXPLORED) * found.minus + lot,
    )


def preferred(state: State) -> Arms:
    """The arms that the labels ask for, without any sampling."""
    return cast("Arms", tuple([_pole(state, place) for place in range(len(DIMENSIONS))]))


def _pole(state: State, place: int) -> Arm:
    """That of the label; a mean within the margin needs no chance to be called mixed."""
    mean = state.mean[place + 1]
    if abs(mean) <= MARGIN or _likelier(state, place) < LEAN:
        return 0
    return 1 if mean > 0 else -1


def used(arms: Arms, unused: Iterable[Dimension]) -> Arms:
    """The arms that may count for updating: neutral where a wish overrode the directive or the model did not obey it."""
    places = {_INDEX[dimension] for dimension in unused}
    return cast("Arms", tuple(NEUTRAL[place] if place in places else arm for place, arm in enumerate(arms)))
