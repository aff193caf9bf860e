"""How much stored presses count, guarded against fast, one-sided and random pressing.

What is stored is what people did and when. These functions make of it the events of the formula, so that a changed thumb, a
deleted row or another guard is a replay. A later row never changes what an earlier one counted, save for the same answer's
thumb. How much answers count says `profiles.questionnaire.quality`.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from math import sqrt
from typing import TypeAlias

from bot.profile_types import NEUTRAL, Arms, Reason
from profiles.events import Answer, Days, Event, Rating, Remark, Tap
from profiles.posterior import PRIOR, State, preferred, updated
from profiles.reasons import explained

LOW = 0.25
"""The weight of doubtful ratings."""
HASTY_PRESS = timedelta(seconds=3)
BURST = timedelta(seconds=60)
BURST_RATINGS = 5
DAILY_RATINGS = 30
COUNTS_FOR = timedelta(hours=24)
DOUBTED_RATINGS = 40
RETEST_AFTER = timedelta(days=90)
RECENT_RATINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press under an answer: a thumb (`up`), its withdrawal (None), or again the thumb with the reason for it.

    `arms` are those that may count: 0 where a wish overrode the directive or the model did not obey it. `topic` is what the
    answer was about, empty when that is not known. `first_at` is when the thumb was pressed that this press gives a reason for,
    where that press is kept no longer.
    """

    answer: str
    at: datetime
    delivered_at: datetime
    arms: Arms
    up: bool | None
    reason: Reason | None = None
    topic: str = ""
    first_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The one rating of an answer that counts for the profile."""

    at: datetime
    rating: Rating
    reason: Reason | None
    topic: str = ""


def votes(presses: Iterable[Press], *, day: Callable[[datetime], date] = datetime.date) -> list[Vote]:
    """The ratings that count, with their weights, in the order of time; `day` tells on which day of the person a moment was."""
    by_answer = sorted(presses, key=lambda press: (press.answer, press.at))
    found = [vote for _, own in groupby(by_answer, lambda press: press.answer) if (vote := _vote(list(own)))]
    return _weighed(sorted(found, key=lambda vote: vote.at), day)


def _vote(presses: Sequence[Press]) -> Vote | None:
    """The last thumb within 24 hours of the answer, unless it was withdrawn, whenever that was."""
    counted = [press for press in presses if press.up is None or press.at - press.delivered_at <= COUNTS_FOR]
    if not counted or counted[-1].up is None:
        return None
    last = counted[-1]
    since = max((place for place, press in enumerate(counted, 1) if press.up is not last.up), default=0)
    same = counted[since:]
    # A reason pressed later makes the thumb no less hasty, and no later.
    first = same[0].first_at or same[0].at
    weight = LOW if first - same[0].delivered_at < HASTY_PRESS else 1.0
    reason = next((press.reason for press in reversed(same) if press.reason), None)
    return Vote(at=first, rating=Rating(arms=last.arms, up=bool(last.up), weight=weight), reason=reason, topic=last.topic)


def _weighed(found: Iterable[Vote], day: Callable[[datetime], date]) -> list[Vote]:
    recent: deque[datetime] = deque()
    counted: Counter[date] = Counter()
    weighed = []
    for vote in found:
        recent.append(vote.at)
        while vote.at - recent[0] > BURST:
            recent.popleft()
        weight = LOW if len(recent) > BURST_RATINGS else vote.rating.weight
        today = day(vote.at)
        if counted[today] >= DAILY_RATINGS:
            weight = 0.0
        elif vote.reason is not Reason.WRONG:
            counted[today] += 1
        weighed.append(vote if weight == vote.rating.weight else replace(vote, rating=replace(vote.rating, weight=weight)))
    return weighed


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Something else that a person told about their preferences, and when."""

    at: datetime
    event: Answer | Tap | Remark


Moment: TypeAlias = Said | Vote


def history(said: Iterable[Said], found: Iterable[Vote], *, until: datetime | None = None) -> tuple[list[Event], State]:
    """Everything as events of the formula, in the order of time, with the days that passed, up to `until`; and their state.

    Whole days are counted from the first event on: counted between neighbours, a person who comes daily would never drift.
    """
    moments: list[Moment] = sorted((*said, *found), key=lambda moment: moment.at)
    if not moments:
        return [], PRIOR
    events: list[Event] = []
    doubt = Doubt()
    start, days = moments[0].at, 0
    for moment in moments:
        passed = (moment.at - start).days
        if passed > days:
            events.append(doubt.hear(Days(days=passed - days)))
            days = passed
        new = [moment.event] if isinstance(moment, Said) else explained(doubt.weighed(moment.rating), moment.reason)
        events += [doubt.hear(event) for event in new]
    if until and (rest := (until - start).days - days) > 0:
        events.append(doubt.hear(Days(days=rest)))
    return events, doubt.state


class Doubt:
    """Whether ratings look like random pressing: among the last 40, preferred arms are liked no more often than others.

    Then a rating weighs a quarter until the next answered item or tap. A rating is one case for each dimension with a
    preference; without a case of both kinds nothing is concluded.
    """

    def __init__(self) -> None:
        self.state = PRIOR
        """After what was heard."""
        self._cases: deque[_Cases] = deque()
        self._sum: _Cases = (0, 0, 0, 0)
        self._is_raised = False

    def weighed(self, rating: Rating) -> Rating:
        """The rating as it counts now."""
        is_doubted = self._is_raised and rating.weight > LOW
        return Rating(arms=rating.arms, up=rating.up, weight=LOW) if is_doubted else rating

    def hear(self, event: Event) -> Event:
        """Take in one more event of the formula, as it counts, and hand it back."""
        if isinstance(event, (Answer, Tap)):
            self._is_raised = False
        if isinstance(event, Rating) and event.weight > 0 and event.arms != NEUTRAL:
            self._count(_cases(preferred(self.state), event))
            self._is_raised = self._is_raised or self._is_random()
        self.state = updated(self.state, event)
        return event

    def _count(self, new: _Cases) -> None:
        """Kept as sums: counted anew for every rating, they would cost half of a replay."""
        self._cases.append(new)
        old = self._cases.popleft() if len(self._cases) > DOUBTED_RATINGS else (0, 0, 0, 0)
        fitting, liked_fitting, other, liked_other = self._sum
        self._sum = (
            fitting + new[0] - old[0],
            liked_fitting + new[1] - old[1],
            other + new[2] - old[2],
            liked_other + new[3] - old[3],
        )

    def _is_random(self) -> bool:
        fitting, liked_fitting, other, liked_other = self._sum
        is_enough = len(self._cases) == DOUBTED_RATINGS and fitting > 0 and other > 0
        return is_enough and liked_fitting * other <= liked_other * fitting


_Cases: TypeAlias = tuple[int, int, int, int]
"""How often arms were the preferred ones, how often of these the answer was liked, and the same of other arms."""


def _cases(poles: Arms, rating: Rating) -> _Cases:
    fitting = other = 0
    for pole, arm in zip(poles, rating.arms, strict=True):
        if pole:
            fitting += arm == pole
            other += arm != pole
    return (fitting, fitting, other, other) if rating.up else (fitting, 0, other, 0)


def is_retest_due(found: Sequence[Vote], asked_at: datetime, now: datetime) -> bool:
    """Whether to offer the questionnaire again: 90 days and 20 ratings later, or when dislikes have become unusually many.

    The latest 20 ratings since the questionnaire are compared with at least as many earlier ones: more dislikes than their
    rate leads to expect plus two standard deviations (binomial).
    """
    since = [vote.rating for vote in found if vote.at >= asked_at and vote.rating.weight > 0]
    if now - asked_at >= RETEST_AFTER and len(since) >= RECENT_RATINGS:
        return True
    recent, earlier = since[-RECENT_RATINGS:], since[:-RECENT_RATINGS]
    if len(earlier) < RECENT_RATINGS:
        return False
    rate = sum(not rating.up for rating in earlier) / len(earlier)
    usual = RECENT_RATINGS * rate + 2 * sqrt(RECENT_RATINGS * rate * (1 - rate))
    return sum(not rating.up for rating in recent) > usual
