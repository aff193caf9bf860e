"""How sure a measured share is, and a difference: Wilson, Newcombe, bootstrap by person, a band for every day's look; pure.

Shares and differences are fractions: 0.07 is seven points. All intervals are at 95 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from random import Random
from statistics import NormalDist, quantiles

Z = NormalDist().inv_cdf(0.975)
RESAMPLES = 1_000
FEWEST_RESAMPLES = 900
"""Where more resamples than the rest lack one of the two arms, they say nothing."""
ALPHA, RHO = 0.05, 0.03
FEWEST_SCORES = 200
"""The band is an approximation for large numbers; below it says nothing."""
BASE_LIKED, BASE_RATED = 7, 10
"""What the mean of earlier ratings starts from: seven likes of ten."""
_BITS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From `low` to `high`."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """How much it leaves open."""
        return self.high - self.low

    def holds(self, value: float) -> bool:
        """Whether the value is within."""
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many likes of so many rated."""

    liked: int
    rated: int

    @property
    def rate(self) -> float:
        """The part that is liked; at least one must be rated."""
        return self.liked / self.rated


def wilson(share: Share) -> Interval:
    """The score interval of a share (Wilson 1927); everything from 0 to 1 of none."""
    if not share.rated:
        return Interval(low=0.0, high=1.0)
    n, rate = share.rated, share.rate
    middle = (rate + Z * Z / (2 * n)) / (1 + Z * Z / n)
    reach = Z / (1 + Z * Z / n) * sqrt(rate * (1 - rate) / n + Z * Z / (4 * n * n))
    return Interval(low=max(0.0, middle - reach), high=min(1.0, middle + reach))


def newcombe(one: Share, other: Share) -> Interval:
    """The interval of `one` minus `other` from the Wilson intervals of both (Newcombe 1998, method 10)."""
    first, second = wilson(one), wilson(other)
    difference = one.rate - other.rate
    return Interval(
        low=difference - sqrt((one.rate - first.low) ** 2 + (second.high - other.rate) ** 2),
        high=difference + sqrt((first.high - one.rate) ** 2 + (other.rate - second.low) ** 2),
    )


def by_person(people: Sequence[tuple[Share, Share]], random: Random) -> Interval | None:
    """The interval of the first share minus the second when people, not ratings, are drawn anew; None where too few have both.

    People who rate a lot count as one person each: ratings of the same hand are alike. 1,000 resamples; about 0.1 s for a
    thousand people.
    """
    # Four counts in one integer, so that a resample is one sum of integers.
    packed = [one.liked | one.rated << _BITS | other.liked << 2 * _BITS | other.rated << 3 * _BITS for one, other in people]
    if not packed:
        return None
    mask, differences = (1 << _BITS) - 1, []
    for _ in range(RESAMPLES):
        total = sum(random.choices(packed, k=len(packed)))
        liked, rated, others, of = (total >> place * _BITS & mask for place in range(4))
        if rated and of:
            differences.append(liked / rated - others / of)
    if len(differences) < FEWEST_RESAMPLES:
        return None
    cuts = quantiles(differences, n=40, method="inclusive")
    return Interval(low=cuts[0], high=cuts[-1])


def wider(one: Interval, other: Interval | None) -> Interval:
    """The one that leaves more open."""
    return one if other is None or one.width >= other.width else other


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """One rating in the order of time: which unit it belongs to, whether with what is tested, whether it was a like."""

    unit: object
    is_treated: bool
    liked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Where the true difference is, at whatever moment one looks: `estimate` of `scores` units, and how far around it."""

    estimate: float
    low: float
    high: float
    scores: int

    @property
    def is_decided(self) -> bool:
        """Whether it leaves out that there is no difference."""
        return self.low > 0 or self.high < 0


def anytime(ratings: Sequence[Rated]) -> Band | None:
    """The band of the difference that holds at every look (Waudby-Smith et al. 2021); None before 200 units.

    Each rating is scored by Z = (r - m)·(1/s) with what is tested and -(r - m)/(1 - s) without, where m is the mean of the
    earlier ratings, begun with 7 likes of 10, and s the share of them all that is treated, as observed: the operator may
    have changed it on the way, and as m is taken off that invents no difference where there is none. Scores of one unit
    (a person's day) are averaged to one.
    """
    treated = sum(rating.is_treated for rating in ratings)
    if not 0 < treated < len(ratings):
        return None
    scores = _scores(ratings, treated / len(ratings))
    n = len(scores)
    if n < FEWEST_SCORES:
        return None
    mean = sum(scores) / n
    deviation = sqrt(sum((score - mean) ** 2 for score in scores) / n)
    grown = n * RHO * RHO + 1
    reach = deviation * sqrt(2 * grown / (n * RHO) ** 2 * log(sqrt(grown) / ALPHA))
    return Band(estimate=mean, low=max(-1.0, mean - reach), high=min(1.0, mean + reach), scores=n)


def _scores(ratings: Sequence[Rated], share: float) -> list[float]:
    liked, sums, counts = 0, dict[object, float](), dict[object, int]()
    for number, rating in enumerate(ratings):
        surprise = rating.liked - (BASE_LIKED + liked) / (BASE_RATED + number)
        score = surprise / share if rating.is_treated else -surprise / (1 - share)
        sums[rating.unit] = sums.get(rating.unit, 0.0) + score
        counts[rating.unit] = counts.get(rating.unit, 0) + 1
        liked += rating.liked
    return [total / counts[unit] for unit, total in sums.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A rating that stands for `weight` like it: 1 / the probability with which its arm was drawn."""

    person: str
    liked: bool
    weight: float


def weighed_difference(plus: Sequence[Weighed], minus: Sequence[Weighed]) -> tuple[float, Interval] | None:
    """The weighed share of likes in `plus` minus that in `minus`, and its interval, ratings of one person taken together.

    None unless both hold several. The interval is the normal one of ratio estimates, clustered by person, each rating's pull
    being that of leaving it out: with few heavy weights the plain one is too narrow.
    """
    if min(len(plus), len(minus)) < 2:
        return None
    pulls: dict[str, float] = {}
    rates = []
    for sign, group in ((1, plus), (-1, minus)):
        total = sum(one.weight for one in group)
        rate = sum(one.weight * one.liked for one in group) / total
        rates.append(rate)
        for one in group:
            pull = one.weight * (one.liked - rate) / (total - one.weight)
            pulls[one.person] = pulls.get(one.person, 0.0) + sign * pull
    difference = rates[0] - rates[1]
    reach = Z * sqrt(_spread(pulls))
    return difference, Interval(low=max(-1.0, difference - reach), high=min(1.0, difference + reach))


def _spread(pulls: Mapping[str, float]) -> float:
    people = len(pulls)
    return sum(pull * pull for pull in pulls.values()) * people / (people - 1) if people > 1 else 1.0
