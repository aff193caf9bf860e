"""Whether answers that follow a profile are liked more than answers that do not, said only when it is known; pure.

The unit is a thread, because the lot fell once for each: it has the condition of its first answer, and it is liked when more
of its answers got 👍 than 👎; with as many of both, what its last rated answer got counts. `profiles.uplift_words` words it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from random import Random

from bot.profile_types import Arm, Arms, Condition, MeasuredAnswer, Propensities
from profiles.events import DIMENSIONS, Dimension
from profiles.intervals import (
    Band,
    Interval,
    Rated,
    Share,
    Weighed,
    anytime,
    by_person,
    newcombe,
    weighed_difference,
    wider,
    wilson,
)
from profiles.posterior import EXPLORED, LEAN

MOST_RATING_GAP = 0.03
"""Where more lies between the shares of threads that are rated, rates among the rated are not to be trusted alone."""
LEAST_WORTH = 0.01
"""Style that cannot be worth so much is not worth its words in the prompt."""
FEWEST_OF_ARM = 100
"""Rated threads of each pole before a crossover is looked for: of fewer the interval is too narrow."""
_LEANING = (1 - EXPLORED) * LEAN + EXPLORED / 3
"""How probable an arm is at least to be drawn where the profile leans to it."""
PAIRS = ((Condition.FULL, Condition.NONE), (Condition.FULL, Condition.CONTEXT), (Condition.CONTEXT, Condition.NONE))
"""What is compared; the first decides, and was named before anything was measured."""


class Verdict(StrEnum):
    """What may be said of a difference."""

    NOT_ENOUGH = "not_enough"
    MORE = "more"
    FEWER = "fewer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How one condition did. `interval` is Wilson's; None stands where there is nothing to divide by."""

    condition: Condition
    people: int
    answers: int
    threads: int
    rated: int
    liked: int
    rate: float | None
    interval: Interval | None
    rating_rate: float
    liked_of_delivered: float
    words: float
    length_obeyed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One condition minus the other. `interval` is the wider of Newcombe's and the bootstrap's, `band` may be looked at daily.

    `days` are those of each person on which they rated: what the band counts. `of_delivered` compares likes per delivered
    thread; it is there only where the two are rated unequally often.
    """

    one: Condition
    other: Condition
    difference: float
    newcombe: Interval
    bootstrap: Interval | None
    interval: Interval
    days: int
    band: Band | None
    verdict: Verdict
    of_delivered: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Obedience:
    """How often the model did what the directive of one pole asked for: `obeyed` of `asked` answers."""

    dimension: Dimension
    pole: Arm
    asked: int
    obeyed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """Likes of the plus pole minus likes of the minus pole where the profile leant to `leaning`, by inverse propensity."""

    dimension: Dimension
    leaning: Arm
    rated: int
    difference: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplift:
    """All that is known of the benefit. `crossed` are the dimensions where each side likes its own pole more.

    `is_style_idle` says that style is worth less than one point over level, goal and length: it is then to be left out.
    """

    answers: int
    people: int
    first: datetime | None
    last: datetime | None
    rates: tuple[Rates, ...]
    comparisons: tuple[Comparison, ...]
    verdict: Verdict
    obedience: tuple[Obedience, ...]
    crossovers: tuple[Crossover, ...]
    crossed: tuple[Dimension, ...]
    is_style_idle: bool

    def as_json(self) -> dict[str, object]:
        """Everything as JSON values; times in ISO 8601."""
        times = {"first": self.first, "last": self.last}
        return asdict(self) | {name: at.isoformat() if at else None for name, at in times.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thread:
    """What became of one thread; `liked` is None without a rating."""

    person: str
    at: datetime
    condition: Condition
    liked: bool | None
    arms: Arms
    propensities: Propensities
    answers: Sequence[MeasuredAnswer]


def measure(answers: Iterable[MeasuredAnswer], *, random: Random) -> Uplift:
    """What these answers tell; `random` is for the bootstrap. A second for ten thousand people: not for the event loop."""
    rows = sorted(answers, key=lambda row: row.at)
    threads = _threads(rows)
    found = {condition: [thread for thread in threads if thread.condition is condition] for condition in Condition}
    comparisons = [made for one, other in PAIRS if (made := _compared(one, found[one], other, found[other], random))]
    crossovers = _crossovers(found[Condition.FULL])
    decisive = next((one.verdict for one in comparisons if (one.one, one.other) == PAIRS[0]), Verdict.NOT_ENOUGH)
    return Uplift(
        answers=len(rows),
        people=len({row.person for row in rows}),
        first=rows[0].at if rows else None,
        last=rows[-1].at if rows else None,
        rates=tuple(_rates(condition, own) for condition, own in found.items() if own),
        comparisons=tuple(comparisons),
        verdict=decisive,
        obedience=_obedience(found[Condition.FULL]),
        crossovers=crossovers,
        crossed=_crossed(crossovers),
        is_style_idle=any(
            (one.one, one.other) == PAIRS[1] and one.band is not None and one.band.high < LEAST_WORTH for one in comparisons
        ),
    )


def _threads(rows: Iterable[MeasuredAnswer]) -> list[_Thread]:
    """The threads in the order of their first answers."""

    def key(row: MeasuredAnswer) -> tuple[str, str]:
        return row.person, row.thread

    # Sorting is stable: the answers of a thread stay in the order of time.
    own = [list(group) for _, group in groupby(sorted(rows, key=key), key)]
    return sorted((_thread(group) for group in own), key=lambda thread: thread.at)


def _thread(rows: Sequence[MeasuredAnswer]) -> _Thread:
    values = [row.value for row in rows if row.value is not None]
    balance = sum(values) or (values[-1] if values else 0)
    first = rows[0]
    return _Thread(
        person=first.person,
        at=first.at,
        condition=first.condition,
        liked=balance > 0 if values else None,
        arms=first.arms,
        propensities=first.propensities,
        answers=rows,
    )


def _share(threads: Iterable[_Thread]) -> Share:
    rated = [thread.liked for thread in threads if thread.liked is not None]
    return Share(liked=sum(rated), rated=len(rated))


def _rates(condition: Condition, threads: Sequence[_Thread]) -> Rates:
    share = _share(threads)
    rows = [row for thread in threads for row in thread.answers]
    lengths = [row.is_length_obeyed for row in rows if row.is_length_obeyed is not None]
    return Rates(
        condition=condition,
        people=len({thread.person for thread in threads}),
        answers=len(rows),
        threads=len(threads),
        rated=share.rated,
        liked=share.liked,
        rate=share.rate if share.rated else None,
        interval=wilson(share) if share.rated else None,
        rating_rate=share.rated / len(threads),
        liked_of_delivered=share.liked / len(threads),
        words=sum(row.words for row in rows) / len(rows),
        length_obeyed=sum(lengths) / len(lengths) if lengths else None,
    )


def _compared(
    one: Condition, ours: Sequence[_Thread], other: Condition, theirs: Sequence[_Thread], random: Random
) -> Comparison | None:
    """The comparison of two conditions; None where one has no rating."""
    first, second = _share(ours), _share(theirs)
    if not (first.rated and second.rated):
        return None
    plain, drawn = newcombe(first, second), by_person(_per_person(ours, theirs), random)
    ratings = _ratings(one, [*ours, *theirs])
    band = anytime(ratings)
    gap = first.rated / len(ours) - second.rated / len(theirs)
    delivered = first.liked / len(ours) - second.liked / len(theirs)
    return Comparison(
        one=one,
        other=other,
        difference=first.rate - second.rate,
        newcombe=plain,
        bootstrap=drawn,
        interval=wider(plain, drawn),
        days=len({rating.unit for rating in ratings}),
        band=band,
        verdict=_verdict(band),
        of_delivered=delivered if abs(gap) > MOST_RATING_GAP else None,
    )


def _verdict(band: Band | None) -> Verdict:
    if band is None or not band.is_decided:
        return Verdict.NOT_ENOUGH
    return Verdict.MORE if band.low > 0 else Verdict.FEWER


def _per_person(ours: Iterable[_Thread], theirs: Iterable[_Thread]) -> list[tuple[Share, Share]]:
    """What each person who rated anything gave to either condition; in the order of people, so that a seed says it all."""
    pairs: dict[str, tuple[list[_Thread], list[_Thread]]] = {}
    for place, threads in enumerate((ours, theirs)):
        for thread in threads:
            if thread.liked is not None:
                pairs.setdefault(thread.person, ([], []))[place].append(thread)
    return [(_share(mine), _share(others)) for _, (mine, others) in sorted(pairs.items())]


def _ratings(one: Condition, threads: Iterable[_Thread]) -> list[Rated]:
    """The rated threads in the order of time. A person's UTC day is one unit: their ratings of a day are alike."""
    return [
        Rated(unit=(thread.person, thread.at.date()), is_treated=thread.condition is one, liked=thread.liked)
        for thread in sorted(threads, key=lambda thread: thread.at)
        if thread.liked is not None
    ]


def _obedience(threads: Iterable[_Thread]) -> tuple[Obedience, ...]:
    """What became of each directive that was in a prompt; poles that were never asked for are left out."""
    told: dict[tuple[Dimension, Arm], list[bool]] = {}
    for thread in threads:
        for row in thread.answers:
            for dimension, arm, obeyed in zip(DIMENSIONS, row.arms, row.obeyed, strict=True):
                if arm and obeyed is not None:
                    told.setdefault((dimension, arm), []).append(obeyed)
    poles: tuple[Arm, Arm] = (1, -1)
    return tuple(
        Obedience(dimension=dimension, pole=pole, asked=len(found), obeyed=sum(found))
        for dimension in DIMENSIONS
        for pole in poles
        if (found := told.get((dimension, pole)))
    )


def _crossovers(threads: Iterable[_Thread]) -> tuple[Crossover, ...]:
    """For each dimension and leaning, whether the pole that was drawn made a difference.

    Which way a profile leant when the arms were drawn is read off the probabilities that were logged: questionnaire and
    earlier ratings together, before this thread. Arms are those drawn, obeyed or not: only those were drawn by lot. Pinned
    dimensions were not, and say nothing.
    """
    found = []
    rated = [thread for thread in threads if thread.liked is not None]
    poles: tuple[Arm, Arm] = (1, -1)
    for place, dimension in enumerate(DIMENSIONS):
        for leaning in poles:
            groups = {pole: _leant(rated, place, leaning, pole) for pole in poles}
            difference = weighed_difference(groups[1], groups[-1])
            if difference is None or min(map(len, groups.values())) < FEWEST_OF_ARM:
                continue
            found.append(
                Crossover(
                    dimension=dimension,
                    leaning=leaning,
                    rated=sum(map(len, groups.values())),
                    difference=difference[0],
                    interval=difference[1],
                )
            )
    return tuple(found)


def _leant(threads: Iterable[_Thread], place: int, leaning: Arm, pole: Arm) -> list[Weighed]:
    weighed = []
    for thread in threads:
        plus, _, minus = thread.propensities[place]
        leant, drawn = (plus if leaning > 0 else minus), (plus if pole > 0 else minus)
        if thread.arms[place] == pole and leant >= _LEANING and plus and minus:
            weighed.append(Weighed(person=thread.person, liked=bool(thread.liked), weight=1 / drawn))
    return weighed


def _crossed(crossovers: Iterable[Crossover]) -> tuple[Dimension, ...]:
    """Where those who lean to plus like plus more, and those who lean to minus like minus more, both outside the intervals."""
    ends = {(one.dimension, one.leaning): one.interval for one in crossovers}
    return tuple(
        dimension
        for dimension in DIMENSIONS
        if (up := ends.get((dimension, 1))) and (down := ends.get((dimension, -1))) and up.low > 0 and down.high < 0
    )
