"""What presses count for: the guards against haste, bursts and chance, and what a reason changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profile_types import NEUTRAL, Arms, Reason
from profiles.events import DIMENSIONS, Answer, Days, Dimension, Event, Rating, Tap
from profiles.posterior import PRIOR, replay
from profiles.reasons import STYLES, adjusted_length, adjusted_level, explained, level_used
from profiles.weights import Doubt, Press, Said, Vote, history, is_retest_due, votes

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
STYLED: Arms = (1, -1, 0, 1)
LIKE, DISLIKE = Rating(arms=STYLED, up=True), Rating(arms=STYLED, up=False)


def press(
    answer: str = "a", *, after: float = 60, up: bool | None = True, reason: Reason | None = None, sent: float = 0
) -> Press:
    """A press so many seconds after its answer, which was delivered so many seconds after noon."""
    delivered = NOON + timedelta(seconds=sent)
    return Press(
        answer=answer, at=delivered + timedelta(seconds=after), delivered_at=delivered, arms=STYLED, up=up, reason=reason
    )


HOUR = 3_600.0


@pytest.mark.parametrize(
    ("presses", "ratings"),
    [
        ([press()], [LIKE]),
        ([press(), press(after=90, up=False)], [DISLIKE]),
        ([press(), press(after=90, up=None)], []),
        ([press(), press(after=90, up=None), press(after=120)], [LIKE]),
        # Changed after a day: the ledger shows it, the profile keeps the first. Withdrawn after a day: gone.
        ([press(), press(after=25 * HOUR, up=False)], [LIKE]),
        ([press(), press(after=25 * HOUR, up=None)], []),
        ([press(), press(after=25 * HOUR, up=None), press(after=26 * HOUR)], []),
        ([press(after=25 * HOUR)], []),
        ([press(after=2.9)], [replace(LIKE, weight=0.25)]),
        ([press(after=3)], [LIKE]),
        # A reason given later makes a hasty thumb no less hasty; another thumb, after thought, does.
        ([press(after=2, up=False), press(after=9, up=False, reason=Reason.PROSE)], [replace(DISLIKE, weight=0.25)]),
        ([press(after=2), press(after=9, up=False)], [DISLIKE]),
    ],
)
def test_one_rating_of_an_answer_counts(presses: list[Press], ratings: list[Rating]) -> None:
    assert [vote.rating for vote in votes(reversed(presses))] == ratings


def test_a_reason_goes_when_the_thumb_changes() -> None:
    down = [press(up=False), press(after=70, up=False, reason=Reason.LONG)]
    assert [vote.reason for vote in votes(down)] == [Reason.LONG]
    assert [vote.reason for vote in votes([*down, press(after=80)])] == [None]
    assert [vote.reason for vote in votes([*down, press(after=80, up=False, reason=Reason.PROSE)])] == [Reason.PROSE]


def test_more_than_five_ratings_in_a_minute_count_a_quarter() -> None:
    burst = [press(str(turn), sent=turn) for turn in range(7)]
    assert [vote.rating.weight for vote in votes(burst)] == [1, 1, 1, 1, 1, 0.25, 0.25]
    slow = [press(str(turn), sent=turn * 12.1) for turn in range(7)]
    assert {vote.rating.weight for vote in votes(slow)} == {1}
    assert [vote.rating.weight for vote in votes([press(str(turn), sent=turn * 12) for turn in range(6)])] == [1] * 5 + [0.25]


def test_beyond_thirty_ratings_a_day_none_counts() -> None:
    day = [press(str(turn), sent=turn * 60, up=False) for turn in range(32)]
    next_day = press("late", sent=86_400)
    weights = [vote.rating.weight for vote in votes([*day, next_day])]
    assert weights == [1] * 30 + [0, 0, 1]
    # An answer that was wrong is no rating of a style and takes no place.
    day[3] = replace(day[3], reason=Reason.WRONG)
    assert [vote.rating.weight for vote in votes(day)] == [1] * 31 + [0]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 200_000), st.booleans()), max_size=30, unique_by=lambda row: row[1])
)
def test_a_withdrawn_rating_leaves_no_trace(rows: list[tuple[int, int, bool]]) -> None:
    presses = [press(str(answer), after=after, up=up) for answer, after, up in rows]
    withdrawn = press("0", after=300_000, up=None)
    without = [one for one in presses if one.answer != "0"]
    assert history([], votes([*presses, withdrawn])) == history([], votes(without))


def test_days_are_counted_from_the_first_event() -> None:
    """Two visits a day apart by 23 hours each are no whole day; three of them are more than one."""
    said = [Said(at=NOON + timedelta(hours=23 * visit), event=Tap(dimension=Dimension.ENT, y=1)) for visit in range(4)]
    events, state = history(said, [], until=NOON + timedelta(days=10, hours=1))
    assert state == replay(events)
    assert [event.days for event in events if isinstance(event, Days)] == [1, 1, 8]
    assert events[:2] == [said[0].event, said[1].event]


def test_nothing_happened_is_no_events() -> None:
    assert history([], [], until=NOON) == ([], PRIOR)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (None, (DISLIKE,)),
        (Reason.WRONG, ()),
        *((reason, (Rating(arms=NEUTRAL, up=False),)) for reason in list(Reason)[1:5]),
        (Reason.MORE_EXAMPLES, (DISLIKE, Tap(dimension=Dimension.ENT, y=1))),
        (Reason.LESS_PRACTICE, (DISLIKE, Tap(dimension=Dimension.ACT, y=-1))),
        (Reason.PROSE, (DISLIKE, Tap(dimension=Dimension.FOR, y=-1))),
    ],
)
def test_what_a_reason_tells_the_formula(reason: Reason | None, told: tuple[Event, ...]) -> None:
    assert explained(DISLIKE, reason) == told
    assert history([], [Vote(at=NOON, rating=DISLIKE, reason=reason)]) == (list(told), replay(told))


def test_every_pole_has_its_reason() -> None:
    assert {(dimension, pole) for dimension in DIMENSIONS for pole in (1, -1)} == set(STYLES.values())


def test_length_and_level_move_by_their_taps_only_and_within_bounds() -> None:
    assert (adjusted_length(0, Reason.LONG), adjusted_length(0, Reason.SHORT)) == (-0.25, 0.25)
    assert (adjusted_length(-1.5, Reason.LONG), adjusted_length(1.4, Reason.SHORT)) == (-1.5, 1.5)
    assert (adjusted_level(2, Reason.HARD), adjusted_level(2, Reason.EASY)) == (1.5, 2.5)
    assert (adjusted_level(1, Reason.HARD), adjusted_level(4, Reason.EASY)) == (1, 4)
    others = set(Reason) - {Reason.LONG, Reason.SHORT, Reason.HARD, Reason.EASY}
    assert {(adjusted_length(0.5, reason), adjusted_level(2.5, reason)) for reason in others} == {(0.5, 2.5)}
    assert [level_used(level) for level in (1, 1.5, 2, 2.5, 3.5, 4)] == [1, 2, 2, 3, 4, 4]


PREFERS_ALL: list[Event] = [Answer(dimension=one, y=1) for one in DIMENSIONS for _ in range(3)]
FITTING, OPPOSED = Rating(arms=(1, 1, 1, 1), up=True), Rating(arms=(-1, -1, -1, -1), up=False)


def doubt_after(events: Sequence[Event]) -> float:
    """The weight that a next rating gets after these events."""
    doubt = Doubt()
    for event in events:
        doubt.hear(event)
    return doubt.weighed(LIKE).weight


def test_ratings_that_do_not_fit_the_preferred_arms_lose_weight_until_an_answer_or_a_tap() -> None:
    # Mostly likes keep the labels; the few other arms are liked as often.
    same = [*PREFERS_ALL, *[Rating(arms=(1, 1, 1, -1), up=True)] * 40]
    assert doubt_after(same[:-1]) == 1
    assert doubt_after(same) == 0.25
    assert doubt_after([*same, Tap(dimension=Dimension.ENT, y=1)]) == 1
    assert doubt_after([*same, Answer(dimension=Dimension.ENT, y=1)]) == 1
    assert doubt_after([*same, Days(days=300)]) == 0.25


def test_ratings_that_fit_keep_their_weight() -> None:
    assert doubt_after([*PREFERS_ALL, *[FITTING, FITTING, OPPOSED] * 30]) == 1


def test_without_other_arms_nothing_is_concluded() -> None:
    assert doubt_after([*PREFERS_ALL, *[FITTING] * 60]) == 1


def test_neutral_answers_say_nothing_about_arms() -> None:
    mostly = [Rating(arms=(1, 1, 1, -1), up=True)] * 39
    assert doubt_after([*PREFERS_ALL, *mostly, *[Rating(arms=NEUTRAL, up=True)] * 9]) == 1


def test_doubt_reaches_the_history() -> None:
    said = [Said(at=NOON, event=event) for event in PREFERS_ALL if isinstance(event, Answer)]
    found = [
        Vote(at=NOON + timedelta(minutes=n + 1), rating=Rating(arms=(1, 1, 1, -1), up=True), reason=None) for n in range(42)
    ]
    weights = [event.weight for event in history(said, found)[0] if isinstance(event, Rating)]
    assert weights == [1] * 40 + [0.25] * 2


def rated(ups: Sequence[bool]) -> list[Vote]:
    return [Vote(at=NOON + timedelta(hours=n), rating=replace(LIKE, up=up), reason=None) for n, up in enumerate(ups)]


@pytest.mark.parametrize(
    ("ups", "days", "due"),
    [
        ([True] * 20, 90, True),
        ([True] * 19, 90, False),
        ([True] * 20, 89, False),
        # A tenth was disliked, then a third; 2 + 2 · 1.34 = 4.7 would be usual.
        (([True] * 9 + [False]) * 4 + [True] * 15 + [False] * 5, 5, True),
        (([True] * 9 + [False]) * 4 + [True] * 16 + [False] * 4, 5, False),
        ([True] * 19 + [False] * 20, 5, False),
    ],
)
def test_when_the_questionnaire_is_offered_again(ups: Sequence[bool], days: int, due: bool) -> None:
    assert is_retest_due(rated(ups), NOON, NOON + timedelta(days=days)) is due
