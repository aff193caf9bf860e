"""What holds for any stored events: their profile is a replay in which nothing that was taken back leaves a trace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profile_types import Arm, Arms, Reason
from profiles.events import DIMENSIONS, Answer, Event, Rating, Remark
from profiles.items import Part
from profiles.person import Profile, replayed
from profiles.posterior import PRIOR, replay
from profiles.reasons import explained
from tests.profiles.stories import KIND, QV1, Story, given_data

DIMENSION_ITEMS = [item.id for part in (Part.FIRST, Part.SECOND, Part.THIRD, Part.RESERVE) for item in QV1.of(part)]
ARM: st.SearchStrategy[Arm] = st.sampled_from((1, 0, -1))
ARMS = st.tuples(ARM, ARM, ARM, ARM)
REASON = st.one_of(st.none(), st.sampled_from(Reason))
OPTION = st.sampled_from(["a", "b", "c", None])
Step = Callable[[Story, timedelta], object]
ANSWERS: st.SearchStrategy[Step] = st.builds(
    lambda item, option, position: (
        lambda story, after: story.add(
            KIND.ANSWER, after=after, item=item, option=option, position=None if option is None else position, seconds=5.0
        )
    ),
    st.sampled_from([*QV1.items]),
    st.sampled_from(["a", "b", "c", "d", "1", "4", "exam", "short", None]),
    st.integers(0, 3),
)
REMARKS: st.SearchStrategy[Step] = st.builds(
    lambda dimension, y: lambda story, after: story.later(after, KIND.REMARK, {"dimension": dimension.value, "y": y}),
    st.sampled_from(DIMENSIONS),
    st.sampled_from((1, -1)),
)
PRESSES: st.SearchStrategy[Step] = st.builds(
    lambda turn, value, reason, arms, topic: (
        lambda story, after: story.press(value, turn=turn, reason=reason, arms=arms, topic=topic, after=after)
    ),
    st.sampled_from(("t1", "t2", "t3")),
    st.sampled_from((1, -1, 0)),
    REASON,
    ARMS,
    st.sampled_from(("", "history")),
)
OTHERS: st.SearchStrategy[Step] = st.builds(
    lambda step: lambda story, after: story.later(after, *step),
    st.sampled_from(
        [
            (KIND.STOP, {}),
            (KIND.RESUME, {}),
            (KIND.PIN, {"dimension": "ENT", "arm": 1}),
            (KIND.SET, {"what": "level", "value": 3, "topic": "history"}),
            (KIND.SET, {"what": "length", "value": 1, "topic": ""}),
            (KIND.COURSE, {"mode": "retest", "version": "qv1", "replaces": False}),
            (KIND.COURSE, {"mode": "full", "version": "qv1", "replaces": True}),
        ]
    ),
)
STEPS = st.lists(st.tuples(st.one_of(ANSWERS, REMARKS, PRESSES, OTHERS), st.integers(0, 3 * 3600)), max_size=30)


def told(steps: Sequence[tuple[Step, int]]) -> Story:
    """A course begun, then these steps, so many seconds apart."""
    story = Story().course()
    for step, seconds in steps:
        step(story, timedelta(seconds=seconds))
    return story


def content(profile: Profile) -> Profile:
    """The profile without what names the events themselves."""
    return replace(profile, kinds=frozenset(), told_at=None)


@given(st.permutations(DIMENSION_ITEMS), st.lists(OPTION, min_size=16, max_size=16))
def test_the_order_of_answers_does_not_matter_without_ratings(order: list[str], options: list[str | None]) -> None:
    answers = dict(zip(DIMENSION_ITEMS, options, strict=True))
    one = Story().course().answered(answers).profile().state
    other = Story().course().answered({item: answers[item] for item in order}).profile().state
    assert one.mean == pytest.approx(other.mean, abs=1e-9)
    for row, counterpart in zip(one.covariance, other.covariance, strict=True):
        assert row == pytest.approx(counterpart, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from("arp"), OPTION, REASON, ARMS, ARM, st.integers(61, 3 * 86_400)), max_size=16))
def test_a_replay_equals_learning_one_by_one(
    steps: list[tuple[str, str | None, Reason | None, Arms, Arm, int]],
) -> None:
    """Each answer, remark and thumb moves the state of the moment before by what the formula says, and by nothing else."""
    story, items = Story().course(), iter(DIMENSION_ITEMS)
    for number, (kind, option, reason, arms, arm, seconds) in enumerate(steps):
        after, dimension = timedelta(seconds=seconds), DIMENSIONS[number % 4]
        before, expected = story.profile(after).state, list[Event]()
        if kind == "a":
            item = QV1.items[next(items)]
            story.later(after, KIND.ANSWER, given_data(item.id, option, number % 3))
            chosen = item.option(option)
            if chosen is not None and chosen.score is not None and item.dimension is not None:
                expected.append(Answer(dimension=item.dimension, y=chosen.score))
        elif kind == "r":
            story.later(after, KIND.REMARK, {"dimension": dimension.value, "y": arm or 1})
            expected.append(Remark(dimension=dimension, y=arm or 1))
        else:
            story.press(-1 if reason else arm or 1, turn=f"t{number}", reason=reason, arms=arms, after=after)
            expected += explained(Rating(arms=arms, up=not reason and arm != -1), reason)
        assert story.profile().state == replay(expected, before)


@given(STEPS, st.integers(0, 60))
def test_the_variances_never_exceed_the_priors(steps: list[tuple[Step, int]], days: int) -> None:
    covariance = told(steps).profile(timedelta(days=days)).state.covariance
    assert all(0 < covariance[place][place] <= PRIOR.covariance[place][place] for place in range(5))


@given(STEPS)
def test_a_withdrawn_rating_leaves_no_trace(steps: list[tuple[Step, int]]) -> None:
    story = told(steps).press(0, turn="t1")
    without = [event for event in story.events if event.data.get("turn") != "t1"]
    assert content(story.profile()) == content(replayed(QV1, without, now=story.at))


@given(STEPS, STEPS, REASON, ARMS)
def test_a_changed_vote_equals_having_voted_so_at_first(
    before: list[tuple[Step, int]], after: list[tuple[Step, int]], reason: Reason | None, arms: Arms
) -> None:
    story = told(before).press(1, turn="new", arms=arms).press(-1, turn="new", arms=arms, reason=reason)
    changed = story.events[-2].id
    for step, seconds in after:
        step(story, timedelta(seconds=seconds))
    at_first = [event for event in story.events if event.id != changed]
    assert content(story.profile()) == content(replayed(QV1, at_first, now=story.at))
