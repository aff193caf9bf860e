"""What stored events come to: a profile that is their replay, whatever was changed, taken back or damaged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.profile_types import ProfileEventKind, Reason
from profiles.events import DIMENSIONS, Answer, Days, Remark
from profiles.person import Profile, replayed
from profiles.posterior import PRIOR, code_of, deviation, replay
from profiles.questionnaire import Answer as Given
from profiles.questionnaire import Course, Mode, current
from profiles.topics import GENERAL
from tests.profiles.stories import KIND, NOON, QV1, Story, known

ENT, RUT, ACT, FOR = DIMENSIONS
EXACT = 1e-6


# The vectors of the specification, from stored events.


def test_the_whole_person_vectors_come_out_of_stored_events() -> None:
    story, found = known(), []
    found.append(story.profile())
    found.append(story.press(1, turn="t1", arms=(1, -1, 0, 1)).profile())
    found.append(story.press(-1, turn="t2", arms=(1, -1, 1, 1)).profile())
    found.append(story.press(-1, turn="t2", arms=(1, -1, 1, 1), reason=Reason.LESS_PRACTICE).profile())
    assert [profile.state.mean for profile in found] == [
        pytest.approx(mean, abs=EXACT)
        for mean in (
            (0.7, 0.555556, -0.333333, 0, 0.333333),
            (0.718850, 0.563480, -0.341258, 0, 0.341258),
            (0.597423, 0.511867, -0.289645, -0.063755, 0.289645),
            (0.600903, 0.513346, -0.291124, -0.234990, 0.291124),
        )
    ]
    sds = [(deviation(profile.state, ENT), deviation(profile.state, ACT)) for profile in found]
    assert sds == [
        pytest.approx(pair, abs=EXACT)
        for pair in ((0.333333, 0.333333), (0.333120, 0.334830), (0.333446, 0.334540), (0.333443, 0.302403))
    ]
    assert [code_of(profile.labels) for profile in found] == ["Egxd", "Egxd", "Egxd", "Egrd"]
    assert [*found[0].labels] == ["+clear", "-lean", "mixed", "+lean"]


def test_days_without_a_word_make_it_less_certain() -> None:
    story = known()
    fresh, later = story.profile(), story.profile(timedelta(days=30))
    assert later.state == replay([Days(days=30)], fresh.state)
    assert fresh.since == NOON + timedelta(minutes=3)
    assert Story().consent().profile().since is None


# What is used.


def test_nothing_is_used_without_consent_and_a_later_yes_finds_everything() -> None:
    story = Story().course().answers(ENT1="a", C1="4")
    asked_never = story.profile()
    refused = story.consent(False).profile()
    agreed = story.consent().profile()
    assert [profile.consent for profile in (asked_never, refused, agreed)] == [None, False, True]
    assert [profile.is_used for profile in (asked_never, refused, agreed)] == [False, False, True]
    assert (asked_never.labels, asked_never.level) == (agreed.labels, agreed.level)
    assert agreed.labels[0] == "+lean"


def test_a_profile_that_is_switched_off_is_kept_and_not_used() -> None:
    story = known().add(KIND.SWITCH, on=False)
    off = story.profile()
    assert (off.is_on, off.is_used, code_of(off.labels)) == (False, False, "Egxd")
    assert story.add(KIND.SWITCH, on=True).profile().is_used


@pytest.mark.parametrize(
    ("told", "has_told"),
    [
        (lambda story: story, False),
        (lambda story: story.course(), False),
        (lambda story: story.course().answers(ENT1=None), False),
        (lambda story: story.course().answers(C1="1"), True),
        (lambda story: story.course().answers(ENT2="b"), True),
        (lambda story: story.course().answers(ENT2="b").course(replaces=True), False),
        (lambda story: story.press(), False),
        (lambda story: story.pin(ENT, 0), True),
        (lambda story: story.pin(ENT, 1).pin(ENT, None), False),
        (lambda story: story.set("length", 1), True),
        (lambda story: story.add(KIND.REMARK, dimension="FOR", y=-1), True),
        (lambda story: story.add(KIND.NOTE, what="invited", topic=""), False),
    ],
)
def test_whether_anything_is_known(told: Any, has_told: bool) -> None:
    profile = told(Story().consent()).profile()
    assert profile.has_told is has_told
    assert profile.is_used, "who agreed is followed from then on, and their ratings count"


@pytest.mark.parametrize(
    ("told", "what"),
    [
        (lambda story: story, set()),
        (lambda story: story.course().answers(C1=None, C2="task", C3=None), {"goal"}),
        (lambda story: story.course().answers(C1="2", C2=None, C3="medium"), {"level", "length"}),
        (lambda story: story.course().answers(C1="2").course(replaces=True), set()),
        (lambda story: story.set("level", 2, "history"), set()),
        (lambda story: story.set("level", 2).set("goal", "exam"), {"level", "goal"}),
        (lambda story: story.press(-1, reason=Reason.LONG), {"length"}),
        (lambda story: story.press(-1, reason=Reason.HARD, topic=GENERAL), {"level"}),
        (lambda story: story.press(-1, reason=Reason.HARD, topic="history"), set()),
        (lambda story: story.press(-1, reason=Reason.STYLE), set()),
    ],
)
def test_which_of_level_goal_and_length_were_ever_told(told: Any, what: set[str]) -> None:
    assert told(Story().consent()).profile().told == what


def test_when_something_was_last_told() -> None:
    story = Story().consent()
    assert story.course().profile().told_at is None
    tell: tuple[Callable[[], Story], ...] = (
        lambda: story.answers(ENT1=None),
        lambda: story.pin(ACT, None),
        lambda: story.set("goal", "exam"),
        lambda: story.add(KIND.REMARK, dimension="ACT", y=1),
        story.press,
    )
    assert [one().profile().told_at for one in tell] == [NOON + timedelta(minutes=3 + number) for number in range(5)]
    last = story.at
    story.add(KIND.NOTE, what="reminded", topic="").add(KIND.SWITCH, on=False).add(KIND.MEASURE, takes_part=False)
    assert story.add(KIND.STOP).profile().told_at == last


def test_taking_part_in_the_measurement_is_the_default() -> None:
    story = known()
    assert story.profile().takes_part
    assert not story.add(KIND.MEASURE, takes_part=False).profile().takes_part


def test_notes_are_kept_with_their_newest_time() -> None:
    story = Story()
    for what, topic in (("level_asked", "history"), ("invited", ""), ("level_asked", "history")):
        story.add(KIND.NOTE, what=what, topic=topic)
    assert story.profile().noted == {
        ("level_asked", "history"): story.at,
        ("invited", ""): story.at - timedelta(minutes=1),
    }


# Courses.


def test_the_course_is_the_newest_with_its_answers_and_their_events() -> None:
    story = known().course("retest").answers(ENT4="a", RUT4=None).add(KIND.STOP)
    profile = story.profile()
    assert profile.course == Course(
        mode=Mode.RETEST,
        answers=(
            Given(item="ENT4", option="a", position=0, seconds=5),
            Given(item="RUT4", option=None, position=None, seconds=5),
        ),
        is_stopped=True,
    )
    assert profile.course_ids == (("e0015",), ("e0016",))
    assert profile.kinds == {KIND.CONSENT, KIND.COURSE, KIND.ANSWER, KIND.STOP}
    assert profile.began_at == story.at - timedelta(minutes=3)
    assert profile.asked_at == story.at - timedelta(minutes=1), "to stop is no step"
    going_on = story.add(KIND.RESUME).profile()
    assert going_on.course is not None
    assert not going_on.course.is_stopped
    assert going_on.asked_at == story.at


def test_nobody_has_a_course_who_began_none() -> None:
    profile = Story().consent().add(KIND.STOP).add(KIND.RESUME).answers(ENT1="a").profile()
    assert (profile.course, profile.course_ids, profile.began_at, profile.asked_at) == (None, (), None, None)
    assert (profile.state, profile.quality.weight) == (PRIOR, 1)


def test_answers_of_earlier_courses_count_too_unless_they_are_replaced() -> None:
    first = Story().consent().course().answers(C1="4", C2="exam", C3="long", ENT1="a", ENT2="a")
    retest = first.course("retest").answers(ENT4="c").profile()
    assert retest.state == replay([Answer(dimension=ENT, y=y) for y in (1, 1, -1)])
    assert (retest.level, retest.goal, retest.length) == (4, "exam", 1)
    again = first.course(replaces=True).answers(ENT1="d").profile()
    assert again.state == replay([Answer(dimension=ENT, y=-1)])
    assert (again.level, again.goal, again.length) == (2, "task", 0)


def test_what_the_questionnaire_no_longer_has_says_nothing_and_is_asked_again() -> None:
    story = Story().course().answers(C1="9", C2="exam", OLD1="a", ENT1="z")
    profile = story.profile()
    assert profile.course is not None
    assert [one.item for one in profile.course.answers] == ["C2"]
    assert profile.course_ids == (("e0002",),)
    asked = current(QV1, profile.course)
    assert asked is not None
    assert asked.id == "C1"
    assert (profile.level, profile.goal, profile.state) == (2, "exam", PRIOR)


def test_one_item_answered_twice_in_a_course_counts_once_and_goes_as_a_whole() -> None:
    story = Story().course().answers(ENT1="a").answers(ENT1="d").answers(RUT1="a")
    assert story.profile().state == replay([Answer(dimension=one, y=1) for one in (ENT, RUT)])
    assert story.profile().course_ids == (("e0001", "e0002"), ("e0003",))
    story = known().answers(FOR3="a")
    taken_back = [event for event in story.events if event.id not in story.profile().course_ids[-1]]
    course = replayed(QV1, taken_back, now=story.at).course
    assert course is not None
    assert [answer.item for answer in course.answers][-1] == "ACT3"


def test_hasty_answers_count_a_quarter_in_their_own_course_only() -> None:
    story = Story().course().answered(dict.fromkeys(("ENT1", "RUT1", "ACT1", "FOR1"), "a"), seconds=0.5)
    hasty = story.profile()
    assert (hasty.quality.weight, hasty.quality.is_fast) == (0.25, True)
    assert hasty.state == replay([Answer(dimension=one, y=1, quality=0.25) for one in DIMENSIONS])
    careful = story.course("retest").answers(ENT4="a").profile()
    assert careful.quality.weight == 1
    assert careful.state == replay([Answer(dimension=ENT, y=1)], hasty.state)


def test_the_last_event_of_a_course_is_what_going_back_takes_away() -> None:
    story = known()
    whole = story.profile()
    taken_back = [event for event in story.events if event.id not in whole.course_ids[-1]]
    course = replayed(QV1, taken_back, now=story.at).course
    assert course is not None
    assert whole.course == replace(course, answers=(*course.answers, Given(item="FOR3", option="b", position=0, seconds=5)))


# Level, goal and length.


def test_of_context_answers_and_settings_the_later_wins() -> None:
    story = Story().course().answers(C1="1", C2="curious", C3="short")
    assert (story.profile().level, story.profile().goal, story.profile().length) == (1, "curious", -1)
    story.set("level", 3.5).set("goal", "exam").set("length", 1.25)
    assert (story.profile().level, story.profile().goal, story.profile().length) == (3.5, "exam", 1.25)
    again = story.course().answers(C1="2", C3="medium").profile()
    assert (again.level, again.goal, again.length) == (2, "exam", 0)


def test_a_topic_has_a_level_of_its_own_once_it_is_set() -> None:
    story = Story().set("level", 4, "history").set("level", 1)
    profile = story.profile()
    assert (profile.level, profile.levels) == (1, {"history": 4})
    assert (profile.level_of("history"), profile.level_of("music")) == (4, 1)


@pytest.mark.parametrize("topic", ["", GENERAL])
def test_what_has_no_topic_has_the_level_of_all(topic: str) -> None:
    story = Story().set("level", 2).press(-1, reason=Reason.HARD, topic=topic).set("level", 3, "history")
    assert (story.profile().level, story.profile().level_of(GENERAL)) == (1.5, 1.5)
    profile = story.set("level", 4).profile()
    assert (profile.level, profile.level_of(GENERAL), profile.levels) == (4, 4, {"history": 3})
    wished = story.set("level", 1, topic).profile()
    assert (wished.level, wished.level_of(GENERAL), wished.levels) == (1, 1, {"history": 3})


def test_complaints_move_length_and_level_from_where_they_were() -> None:
    story = Story().set("length", 1).set("level", 3, "history")
    story.press(-1, turn="a", reason=Reason.LONG).press(-1, turn="b", reason=Reason.LONG)
    story.press(-1, turn="c", reason=Reason.HARD, topic="history").press(-1, turn="d", reason=Reason.EASY, topic="music")
    story.press(-1, turn="e", reason=Reason.HARD)
    profile = story.profile()
    assert (profile.length, profile.level) == (0.5, 1.5)
    assert profile.levels == {"history": 2.5, "music": 2.5}
    assert story.set("length", -1).profile().length == -1


def test_a_complaint_counts_once_however_often_it_is_pressed() -> None:
    story = Story()
    for _ in range(3):
        story.press(-1, reason=Reason.SHORT)
    assert story.profile().length == 0.25


def test_a_changed_reason_leaves_nothing_of_the_first() -> None:
    story = Story().press(-1, reason=Reason.LONG).press(-1, reason=Reason.HARD, topic="history")
    profile = story.profile()
    assert (profile.length, profile.levels) == (0, {"history": 1.5})


def test_other_reasons_move_neither() -> None:
    for reason in set(Reason) - {Reason.LONG, Reason.SHORT, Reason.HARD, Reason.EASY}:
        profile = Story().press(-1, reason=reason, topic="history").profile()
        assert (profile.level, profile.levels, profile.length) == (2, {}, 0)


def test_an_answer_that_was_wrong_moves_nothing_at_all() -> None:
    profile = Story().press(-1, reason=Reason.WRONG).profile()
    assert profile.state == PRIOR
    assert len(profile.votes) == 1


# Style.


def test_a_remark_is_an_observation() -> None:
    profile = Story().add(KIND.REMARK, dimension="ACT", y=-1).profile()
    assert profile.state == replay([Remark(dimension=ACT, y=-1)])


def test_the_style_has_the_arms_of_the_thread_and_pins_over_them() -> None:
    story = known().pin(RUT, 1).pin(ACT, 0).pin(FOR, -1).pin(FOR, None)
    profile = story.profile()
    assert profile.pins == {RUT: 1, ACT: 0}
    style = profile.style((1, -1, 1, 1))
    assert style.arms == (1, 1, 0, 1)
    assert set(style.pinned) == {"RUT", "ACT"}
    assert tuple(style.theta) == profile.state.mean[1:]
    assert list(style.sd) == [deviation(profile.state, one) for one in DIMENSIONS]
    assert tuple(style.labels) == profile.labels


def test_a_pin_teaches_the_formula_nothing() -> None:
    assert known().pin(ENT, -1).profile().state == known().profile().state


# Damage.

WHOLE: Mapping[ProfileEventKind, Mapping[str, object]] = {
    KIND.CONSENT: {"granted": False, "version": "1"},
    KIND.COURSE: {"mode": "quick", "version": "qv1", "replaces": True},
    KIND.ANSWER: {"item": "ENT4", "option": "c", "position": 1, "seconds": 4.0},
    KIND.PRESS: {
        "turn": "t1",
        "value": 1,
        "reason": None,
        "arms": [1, -1, 0, 1],
        "answered_at": NOON.isoformat(),
        "first_at": NOON.isoformat(),
        "topic": "history",
    },
    KIND.REMARK: {"dimension": "RUT", "y": 1},
    KIND.PIN: {"dimension": "RUT", "arm": 1},
    KIND.SET: {"what": "level", "value": 4, "topic": "history"},
    KIND.SWITCH: {"on": False},
    KIND.MEASURE: {"takes_part": False},
    KIND.NOTE: {"what": "invited", "topic": ""},
}
DAMAGE: Sequence[tuple[ProfileEventKind, str, Sequence[object]]] = [
    (KIND.CONSENT, "granted", (None, 0, "yes")),
    (KIND.COURSE, "mode", ("endless", 3, None)),
    (KIND.COURSE, "replaces", (None, 1)),
    (KIND.ANSWER, "item", ("ENT9", None, ["ENT4"])),
    (KIND.ANSWER, "option", ("z", 1)),
    (KIND.ANSWER, "position", (-1, 4, "1", True)),
    (KIND.ANSWER, "seconds", (-1, "5", None, float("nan"))),
    (KIND.PRESS, "turn", (7, None)),
    (KIND.PRESS, "value", (2, True, 1.5, "up", None)),
    (KIND.PRESS, "reason", ("boring", 3, ["long"])),
    (KIND.PRESS, "arms", ([1, 1], [1, 1, 1, 2], "1111", None, [[1], 0, 0, 0])),
    (KIND.PRESS, "answered_at", ("yesterday", "2026-11-20T12:00:00", 5)),
    (KIND.PRESS, "first_at", ("yesterday", "2026-11-20T12:00:00", 5)),
    (KIND.PRESS, "topic", (3, None)),
    (KIND.REMARK, "dimension", ("XYZ", 1)),
    (KIND.REMARK, "y", (0, 2, True, "1")),
    (KIND.PIN, "dimension", ("XYZ", None)),
    (KIND.PIN, "arm", (2, True, "1")),
    (KIND.SET, "what", ("colour", None)),
    (KIND.SET, "value", (0, 5, "4", True, float("nan"))),
    (KIND.SWITCH, "on", (None, 1)),
    (KIND.MEASURE, "takes_part", (None, "no")),
    (KIND.NOTE, "what", (None, 3)),
]


def without_ids(profile: Profile) -> Profile:
    return replace(profile, kinds=frozenset())


@pytest.mark.parametrize(("kind", "key", "values"), DAMAGE)
def test_a_damaged_event_says_nothing_and_the_others_count(kind: ProfileEventKind, key: str, values: Sequence[object]) -> None:
    whole, minute = WHOLE[kind], timedelta(minutes=1)
    sound = without_ids(known().profile(minute))
    assert without_ids(known().later(minute, kind, whole).profile()) != sound, "the event as it should be says something"
    damaged = [{**whole, key: value} for value in values]
    missing = {name: value for name, value in whole.items() if name != key}
    for data in [*damaged, *([missing] if key not in ("topic", "first_at") else [])]:
        told = known().later(minute, kind, data).profile()
        assert without_ids(told) == sound, data
        assert kind in told.kinds


@pytest.mark.parametrize(("what", "value"), [("goal", "fun"), ("goal", 2), ("length", 2), ("length", "long")])
def test_a_setting_that_is_not_known_says_nothing(what: str, value: object) -> None:
    profile = Story().set(what, value).profile()
    assert (profile.goal, profile.length, profile.has_told) == ("task", 0, False)


def test_a_press_without_a_topic_is_about_none() -> None:
    story = Story().press(-1, reason=Reason.HARD)
    bare = {name: value for name, value in story.events[0].data.items() if name != "topic"}
    assert replayed(QV1, [replace(story.events[0], data=bare)], now=story.at) == story.profile()


# Ratings.


def test_a_thumb_stands_since_it_was_first_pressed() -> None:
    """Whether the earlier press is kept, as in earlier versions, or its time only: the reason makes it no less hasty."""
    answered, minute = NOON + timedelta(minutes=1), timedelta(minutes=1)
    hasty = answered + timedelta(seconds=2)
    both = Story().set("length", 1.0).press(-1, answered=answered, after=hasty - answered)
    both.press(-1, answered=answered, reason=Reason.LONG, after=minute)
    one = Story().set("length", 1.0)
    one.press(-1, answered=answered, reason=Reason.LONG, after=hasty + minute - answered, first_at=hasty)
    assert one.profile().votes == both.profile().votes
    assert [(vote.at, vote.rating.weight) for vote in one.profile().votes] == [(hasty, 0.25)]
    assert one.profile().length == 0.75


def test_ratings_are_weighed_as_the_guards_say() -> None:
    """Pressed within three seconds, six in a minute, more than thirty a day: see `tests/profiles/test_weights.py`."""
    story = Story()
    for number in range(40):
        story.press(1, turn=f"t{number}", after=timedelta(seconds=10))
    weights = [vote.rating.weight for vote in story.profile().votes]
    assert weights == [1] * 5 + [0.25] * 25 + [0] * 10
    assert story.profile().state == replay([vote.rating for vote in story.profile().votes])
