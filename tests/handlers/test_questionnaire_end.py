"""What a finished questionnaire comes to, another course after it, and what is said unasked about one that is not finished."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.profile_types import NEUTRAL, AnswerStyle, Condition, LoggedStyle, ProfileEventKind
from bot.types import AddressId, ConversationId, Kind, TurnId
from bot.writes import AddDueMessage
from handlers.reminding import DUE_KINDS
from profiles.items import Control
from profiles.posterior import Label, headline
from profiles.questionnaire import Mode
from tests.handlers.fakes import ADA
from tests.handlers.questionnaire_talk import CONTEXT, QV1, TWELVE, Talk, in_course


async def test_the_end_says_what_answers_do_with_it_and_where_to_change_it() -> None:
    talk = await in_course()
    await talk.finishes()
    for words in ("Examples + Steps", "/profile", "Thank you"):
        assert words in talk.text


async def test_the_last_answer_counts_in_what_is_shown() -> None:
    talk = await in_course()
    await talk.finishes({**dict.fromkeys([*CONTEXT, *TWELVE], "skip"), "FOR2": "a", "FOR3": "a"})
    assert "Outline" in headline("en", (await talk.profile()).state)
    assert f"**{headline('en', (await talk.profile()).state)}**" in talk.text


@pytest.mark.parametrize(("after_s", "words"), [(1.0, "very fast"), (8.0, "")])
async def test_answers_too_fast_to_be_read_count_little_and_may_be_given_again(after_s: float, words: str) -> None:
    talk = await in_course()
    await talk.finishes(after_s=after_s)
    assert words in talk.text
    assert talk.keys == (["profile_start:keep", "profile_start:redo"] if words else [])
    if words:
        assert (await talk.profile()).quality.weight == 0.25


async def test_answers_at_one_place_may_be_given_again() -> None:
    talk = await in_course()
    while talk.keys[0].startswith("item:"):
        await talk.chooses(talk.options[0], after_s=9)
    assert "same place" in talk.text
    assert talk.keys == ["profile_start:keep", "profile_start:redo"]
    answers = talk.answers
    await talk.says("a")
    assert talk.handler == "chat"
    await talk.says("no")
    assert "stays as it is" in talk.text
    assert talk.answers == answers, "a letter too many loses nothing"


@pytest.mark.parametrize("is_typed", [False, True])
async def test_a_redo_begins_once_from_nothing(is_typed: bool) -> None:
    talk = await in_course()
    await talk.finishes(after_s=0.5)
    offer = talk.turns[-1]
    await (talk.says("Yes, start over") if is_typed else talk.presses("profile_start:redo"))
    assert talk.item == "C1"
    assert dict(talk.of_kind(ProfileEventKind.COURSE)[-1].data) == {"mode": "full", "version": "qv1", "replaces": True}
    await talk.presses("profile_start:redo", offer)
    await talk.finishes({**dict.fromkeys(TWELVE, "c"), **dict.fromkeys(TWELVE[:4], "d")})
    await talk.presses("profile_start:redo", offer)
    assert len(talk.of_kind(ProfileEventKind.COURSE)) == 2
    profile = await talk.profile()
    assert profile.labels == (Label.MINUS_CLEAR,) * 4
    assert profile.quality.weight == 1


async def test_who_has_finished_may_take_a_short_check_or_begin_anew() -> None:
    talk = await in_course()
    await talk.finishes()
    await talk.goes_on()
    assert "whole questionnaire" in talk.text
    assert talk.keys == ["profile_start:retest", "profile_start:anew"]
    await talk.presses("profile_start:retest")
    course = talk.of_kind(ProfileEventKind.COURSE)[-1]
    assert (course.data["mode"], course.data["replaces"]) == ("retest", False)
    await talk.finishes()
    assert [item for item, _ in talk.answers[15:]] == ["ENT4", "RUT4", "ACT4", "FOR4", *TWELVE[:4]]
    assert QV1.science["en"] in talk.text


async def test_a_second_offer_does_not_undo_a_course_that_has_begun() -> None:
    talk = await in_course()
    await talk.finishes()
    await talk.goes_on()
    offers = talk.turns[-1]
    await talk.presses("profile_start:retest", offers)
    await talk.presses("profile_start:anew", offers)
    assert len(talk.of_kind(ProfileEventKind.COURSE)) == 2
    assert talk.keys == ["profile_start:go_on", "profile_start:redo"], "it asks"
    await talk.says("no")
    assert talk.item == "ENT4"


@pytest.mark.parametrize("key", ["redo", "redo_quick"])
async def test_whoever_starts_over_is_told_what_it_costs_and_may_leave_it(key: str) -> None:
    talk = await in_course()
    await talk.finishes()
    mode = Mode.QUICK if key == "redo_quick" else Mode.FULL
    for chosen in ("keep", key):
        given = talk.turn(Kind.COMMAND, "/profile start")
        talk.take(given, talk.asking.start_over(given, await talk.profile(), mode))
        assert talk.keys == ["profile_start:keep", f"profile_start:{key}"]
        assert "no longer count" in talk.text
        await talk.presses(f"profile_start:{chosen}")
        assert len(talk.of_kind(ProfileEventKind.COURSE)) == (1 if chosen == "keep" else 2)
    begun = talk.of_kind(ProfileEventKind.COURSE)[-1]
    assert (begun.data["mode"], begun.data["replaces"]) == (mode.value, True)
    assert talk.item == "C1"
    assert not (await talk.profile()).has_told


async def test_an_open_course_is_left_for_a_new_one_only_after_a_yes() -> None:
    talk = await in_course()
    for _ in range(4):
        await talk.chooses(min(talk.options))
    given = talk.turn(Kind.COMMAND, "/profile start")
    talk.take(given, talk.asking.start_over(given, await talk.profile(), Mode.FULL))
    assert "open and waits at question 2 of 12" in talk.text
    offer = talk.turns[-1]
    await talk.presses("profile_start:go_on")
    assert talk.item == "RUT1"
    await talk.presses("profile_start:redo", offer)
    await talk.presses("profile_start:redo", offer)
    assert talk.item == "C1"
    assert len(talk.of_kind(ProfileEventKind.COURSE)) == 2, "pressed twice, it begins one"


async def test_in_groups_nobody_starts_over() -> None:
    talk = await in_course()
    talk.is_private = False
    outcome = talk.asking.start_over(talk.turn(Kind.COMMAND), await talk.profile(), Mode.FULL)
    assert outcome.is_refused
    assert outcome.writes == ()


async def test_every_course_leaves_one_reminder_for_the_next_day() -> None:
    talk = await in_course()
    await talk.finishes(after_s=0.5)
    await talk.presses("profile_start:redo")
    assert [write.kind for write in talk.due] == ["questionnaire.en"] * 2
    assert sum(isinstance(write, AddDueMessage) for write in talk.writes) == 1


def test_every_kind_of_answer_fits_into_a_button_of_any_platform() -> None:
    keys = [f"item:{item.id}:{key}" for item in QV1.items.values() for key in (*(one.key for one in item.options), *Control)]
    most, turn_id = 64, 26
    assert max(map(len, keys)) + turn_id + 2 <= most


async def test_a_question_of_another_kind_is_not_taken_for_an_item() -> None:
    talk = await in_course()
    assert talk.awaiting is not None
    talk.awaiting = replace(talk.awaiting, kind="consent")
    await talk.says("b")
    assert talk.answers == []


# Reminders.

STYLE = AnswerStyle(
    thread="t1",
    condition=Condition.FULL,
    is_measured=True,
    topic="general",
    level=2,
    goal="task",
    length=0,
    arms=NEUTRAL,
    asked=NEUTRAL,
    used=NEUTRAL,
    propensities=((0.4, 0.2, 0.4),) * 4,
    obeyed=(None,) * 4,
    is_length_obeyed=None,
    words=100,
    version="1",
)


def is_answered(talk: Talk, times: int) -> None:
    """So many questions are answered now."""
    for number in range(times):
        log = LoggedStyle(turn_id=TurnId(f"x{len(talk.stored.styles)}{number}"), style=STYLE, at=talk.clock.at)
        talk.stored.styles.append((AddressId("a1"), ConversationId("k1"), ADA, log))


def notes(talk: Talk) -> list[tuple[object, object]]:
    return [(event.data["what"], event.data["topic"]) for event in talk.of_kind(ProfileEventKind.NOTE)]


async def test_an_unfinished_course_is_recalled_once_after_a_day() -> None:
    talk = await in_course()
    for _ in range(7):
        await talk.chooses(min(talk.options))
    assert talk.due[0].due_at == talk.events[0].at + timedelta(hours=24)
    assert talk.due[0].kind.partition(".")[0] in DUE_KINDS
    outcome = await talk.falls_due()
    assert outcome.reply is not None
    assert "question 5 of 12" in outcome.reply.text
    assert "/profile" in outcome.reply.text
    assert notes(talk) == [("reminded", "")]
    assert (await talk.falls_due()).reply is None, "said once"


@pytest.mark.parametrize("what", ["stopped", "finished", "erased", "off", "no consent", "at it"])
async def test_the_reminder_is_dropped_for_who_does_not_need_it(what: str) -> None:
    talk = await in_course()
    after = timedelta(hours=24)
    match what:
        case "finished":
            await talk.finishes()
        case "erased":
            talk.stored.stored.clear()
        case "off":
            talk.stored.add(ADA, ProfileEventKind.SWITCH, talk.clock.at, on=False)
        case "no consent":
            talk.stored.add(ADA, ProfileEventKind.CONSENT, talk.clock.at, granted=False, version="2026-11")
        case "at it":
            talk.clock.at += timedelta(hours=23, minutes=55)
            await talk.chooses("2")
            after = timedelta(minutes=5)
        case _:
            await talk.chooses("stop")
    outcome = await talk.falls_due(after)
    assert (outcome.reply is None) is (what != "stopped"), "one that rests is not finished"
    assert (outcome.writes == ()) is (what != "stopped")


async def test_the_reminder_of_an_earlier_course_is_not_said_of_a_new_one() -> None:
    talk = await in_course()
    await talk.finishes(after_s=0.5)
    talk.clock.at += timedelta(hours=22)
    await talk.presses("profile_start:redo")
    assert (await talk.falls_due(timedelta(hours=2))).reply is None
    assert (await talk.falls_due(timedelta(hours=22), number=1)).reply is not None


async def test_ten_answers_later_an_unfinished_course_is_recalled_once_and_never_again() -> None:
    talk = await in_course()
    await talk.chooses("stop")
    is_answered(talk, 9)
    assert await talk.aside() == ""
    is_answered(talk, 1)
    assert "still waits at question 1 of the first 3:" in await talk.aside()
    assert notes(talk) == [("reminded", "answers")]
    is_answered(talk, 30)
    assert await talk.aside() == ""
    assert (await talk.falls_due()).reply is None, "reminded already"


async def test_answers_from_before_the_course_do_not_count() -> None:
    talk = Talk()
    is_answered(talk, 20)
    talk.clock.at += timedelta(minutes=1)
    await talk.begins()
    await talk.chooses("stop")
    assert await talk.aside() == ""


async def test_both_reminders_come_where_the_day_passes_first() -> None:
    talk = await in_course()
    await talk.chooses("stop")
    assert (await talk.falls_due()).reply is not None
    is_answered(talk, 10)
    assert await talk.aside()
    assert notes(talk) == [("reminded", ""), ("reminded", "answers")]


async def test_that_an_item_stays_open_is_said_once_in_every_course() -> None:
    talk = await in_course()
    for _ in range(3):
        await talk.chooses(min(talk.options))
    assert await talk.aside() == "The questionnaire waits at question 1 of 12: answer it by its letter, or go on with /profile."
    assert await talk.aside() == ""
    await talk.chooses("a")
    assert await talk.aside() == "", "in the same course"
    await talk.finishes(after_s=0.1)
    await talk.presses("profile_start:redo")
    assert "waits" in await talk.aside()
    assert notes(talk) == [("resume_noted", "")] * 2


@pytest.mark.parametrize("why", ["in a group", "another item", "elsewhere", "off", "no consent"])
async def test_nothing_is_said_below_an_answer_where_no_item_is_open(why: str) -> None:
    talk = await in_course()
    match why:
        case "in a group":
            talk.is_private = False
            is_answered(talk, 20)
        case "another item":
            awaiting = talk.awaiting
            await talk.chooses("2")
            talk.awaiting = awaiting
        case "elsewhere":
            talk.awaiting = None
        case "off":
            talk.stored.add(ADA, ProfileEventKind.SWITCH, talk.clock.at, on=False)
            is_answered(talk, 20)
        case _:
            talk.stored.add(ADA, ProfileEventKind.CONSENT, talk.clock.at, granted=False, version="2026-11")
            is_answered(talk, 20)
    assert await talk.aside() == ""
    assert notes(talk) == []


async def test_nothing_is_said_to_who_never_began() -> None:
    talk = Talk()
    is_answered(talk, 20)
    assert await talk.aside() == ""


# The retest.


async def rated(days: int, ups: Sequence[bool]) -> Talk:
    """A finished course, so many days ago, with ratings since, one a day."""
    talk = await in_course()
    await talk.finishes()
    finished = talk.clock.at
    for day, up in enumerate(ups, 1):
        at = finished + timedelta(days=day)
        data = {"turn": f"x{day}", "value": 1 if up else -1, "reason": None, "arms": list(NEUTRAL), "topic": ""}
        talk.stored.add(ADA, ProfileEventKind.PRESS, at, answered_at=(at - timedelta(minutes=1)).isoformat(), **data)
    talk.clock.at = finished + timedelta(days=days)
    return talk


@pytest.mark.parametrize(
    ("days", "ups", "is_offered"),
    [
        (91, [True] * 20, True),
        (89, [True] * 20, False),
        (91, [True] * 19, False),
        (60, [True] * 20 + [True, False] * 10, True),
        (60, [True, False] * 20, False),
    ],
)
async def test_a_retest_is_offered_when_it_is_due(days: int, ups: list[bool], is_offered: bool) -> None:
    talk = await rated(days, ups)
    assert ("/profile" in await talk.aside()) is is_offered
    assert notes(talk) == ([("retest_offered", "")] if is_offered else [])


async def test_a_retest_is_offered_once_until_another_course() -> None:
    talk = await rated(91, [True] * 20)
    assert await talk.aside()
    assert await talk.aside() == ""
    await talk.goes_on()
    await talk.presses("profile_start:retest")
    assert isinstance(talk.writes[2], AddDueMessage)
    await talk.finishes()
    finished = talk.clock.at
    for day in range(1, 21):
        at = finished + timedelta(days=day)
        data = {"turn": f"y{day}", "value": 1, "reason": None, "arms": list(NEUTRAL), "topic": ""}
        talk.stored.add(ADA, ProfileEventKind.PRESS, at, answered_at=at.isoformat(), **data)
    assert await talk.aside() == ""
    talk.clock.at = finished + timedelta(days=91)
    assert await talk.aside()


async def test_a_retest_is_never_offered_in_groups() -> None:
    talk = await rated(91, [True] * 20)
    talk.is_private = False
    assert await talk.aside() == ""
    talk.is_private = True
    assert await talk.aside()
