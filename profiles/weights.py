"""How much stored answers and presses count, guarded against fast, one-sided and random pressing.

What is stored is what people did and when. These functions make of it the events of the formula, so that a changed thumb, a
deleted row or another guard is a replay. A later row never changes
what an earlier one counted, save for the same answer's thumb.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import groupby
from math import ceil, sqrt
from statistics import median
from typing import TypeAlias

from bot.profile_types import NEUTRAL, Arms, Reason
from profiles.events import Answer, Days, Event, Rating, Remark, Tap
from profiles.posterior import PRIOR, State, preferred, updated
from profiles.reasons import explained

LOW = 0.25
"""The quality of hasty answers, and the weight of doubtful ratings."""
HASTY_ITEM = timedelta(seconds=1.5)
ENOUGH_ITEMS = 4
STRAIGHT_ITEMS = 8
STRAIGHT_SHARE = 11 / 12
HASTY_PRESS = timedelta(seconds=3)
BURST = timedelta(seconds=60)
BURST_RATINGS = 5
DAILY_RATINGS = 30
COUNTS_FOR = timedelta(hours=24)
DOUBTED_RATINGS = 40
RETEST_AFTER = timedelta(days=90)
RECENT_RATINGS = 20


def answers_quality(times: Sequence[timedelta], positions: Sequence[int]) -> float:
    """1, or a quarter when the items were answered too fast to be read or nearly always by the same button.

    `times` are those of the answered items, `positions` the places of the buttons pressed, as they were shown.
    """
    is_fast = len(times) >= ENOUGH_ITEMS and median(time.total_seconds() for time in times) < HASTY_ITEM.total_seconds()
    commonest = max(Counter(positions).values(), default=0)
    is_straight = len(positions) >= STRAIGHT_ITEMS and commonest >= ceil(STRAIGHT_SHARE * len(positions))
    return LOW if is_fast or is_straight else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """One press under an answer: a thumb (`up`), its withdrawal (None), or again the thumb with the reason for it.

    `arms` are those that may count: 0 where a wish overrode the directive or the model did not obey it.
    """

    answer: str
    at: datetime
    delivered_at: datetime
    arms: Arms
    up: bool | None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """The one rating of an answer that counts for the profile."""

    at: datetime
    rating: Rating
    reason: Reason | None


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
    first = same[0]
    weight = LOW if first.at - first.delivered_at < HASTY_PRESS else 1.0
    reason = next((press.reason for press in reversed(same) if press.reason), None)
    return Vote(at=first.at, rating=Rating(arms=last.arms, up=bool(last.up), weight=weight), reason=reason)


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
        self._liked: deque[tuple[Arms, Arms, bool]] = deque(maxlen=DOUBTED_RATINGS)
        self._is_raised = False

    def weighed(self, rating: Rating) -> Rating:
        """The rating as it counts now."""
        return replace(rating, weight=LOW) if self._is_raised and rating.weight > LOW else rating

    def hear(self, event: Event) -> Event:
        """Take in one more event of the formula, as it counts, and hand it back."""
        if isinstance(event, (Answer, Tap)):
            self._is_raised = False
        if isinstance(event, Rating) and event.weight > 0 and event.arms != NEUTRAL:
            self._liked.append((preferred(self.state), event.arms, event.up))
            self._is_raised = self._is_raised or self._is_random()
        self.state = updated(self.state, event)
        return event

    def _is_random(self) -> bool:
        if len(self._liked) < DOUBTED_RATINGS:
            return False
        fitting: list[bool] = []
        other: list[bool] = []
        for poles, arms, up in self._liked:
            for pole, arm in zip(poles, arms, strict=True):
                if pole:
                    (fitting if arm == pole else other).append(up)
        return bool(fitting and other) and sum(fitting) * len(other) <= sum(other) * len(fitting)


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
