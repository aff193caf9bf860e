"""What is drawn by lot: the style and the condition of a topic thread, and the question to recall an answer by."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from math import sqrt

import pytest

from bot.profile_types import AnswerStyle, Condition, LoggedStyle, ProfileEventKind
from bot.types import AddressId, ConversationId, Language, TurnId
from handlers.styling import RECALLED, SAME_THREAD
from tests.handlers.fakes import ADA, BOB, NOW, FakeModel, FakeProfiles, answer, message, services, turn
from tests.handlers.styled import QUESTION, known, numbered, row, settings, styling


def after(ago: timedelta, log: AnswerStyle, store: FakeProfiles) -> FakeProfiles:
    """The store, its newest answer `log`, given so long ago."""
    logged = LoggedStyle(turn_id=TurnId("t0"), style=log, at=NOW - ago)
    store.styles = [(AddressId("a1"), ConversationId("k1"), ADA, logged)]
    return store


# --- threads ---


async def test_a_thread_keeps_its_lot_for_thirty_minutes_of_silence() -> None:
    store = known()
    first = row(await styling(store, settings(holdout=100)).plan(numbered(1), QUESTION, "en"))
    assert (first.thread, first.condition) == ("t1", Condition.NONE)
    log = replace(first, arms=(-1, 0, 1, -1), propensities=((0.2, 0.3, 0.5),) * 4)
    soon = row(await styling(after(SAME_THREAD, log, store)).plan(numbered(2), QUESTION, "en"))
    assert (soon.thread, soon.condition, soon.is_measured) == ("t1", Condition.NONE, True)
    assert (soon.arms, soon.propensities) == (log.arms, log.propensities)
    later = after(SAME_THREAD + timedelta(seconds=1), log, store)
    late = row(await styling(later).plan(numbered(2), QUESTION, "en"))
    assert (late.thread, late.condition) == ("t2", Condition.FULL)
    assert late.propensities != log.propensities


async def test_a_thread_is_drawn_the_same_again_and_another_one_apart() -> None:
    store = known()
    rows = [row(await styling(store).plan(numbered(number), QUESTION, "en")) for number in range(40)]
    again = [row(await styling(store).plan(numbered(number), QUESTION, "en")) for number in range(40)]
    assert rows == again
    assert len({one.arms for one in rows}) > 1, "now and then another way is tried"


async def test_the_share_of_neutral_threads_is_as_set() -> None:
    drawn = styling(known(), settings(holdout=20, context=10))
    found = []
    for number in range(2_000):
        await asyncio.sleep(0)
        found.append(row(await drawn.plan(numbered(number), QUESTION, "en")).condition)
    for condition, share in ((Condition.NONE, 0.2), (Condition.CONTEXT, 0.1), (Condition.FULL, 0.7)):
        assert abs(found.count(condition) / 2_000 - share) < 4 * sqrt(share * (1 - share) / 2_000)


async def test_two_people_have_lots_of_their_own() -> None:
    store = known(person=BOB, store=known())
    drawn = styling(store, settings(holdout=50))
    ada = [row(await drawn.plan(numbered(number), QUESTION, "en")).condition for number in range(40)]
    turns = [replace(numbered(number), person=replace(numbered(number).person, id=BOB)) for number in range(40)]
    bob = [row(await drawn.plan(one, QUESTION, "en")).condition for one in turns]
    assert ada != bob


async def test_who_takes_no_part_is_never_answered_neutrally_nor_measured() -> None:
    store = known()
    store.add(ADA, ProfileEventKind.MEASURE, takes_part=False)
    drawn = styling(store, settings(holdout=100))
    rows = [row(await drawn.plan(numbered(number), QUESTION, "en")) for number in range(50)]
    assert {(one.condition, one.is_measured) for one in rows} == {(Condition.FULL, False)}


async def test_opting_out_counts_at_once_and_joining_from_the_next_thread_on() -> None:
    store = known()
    neutral = row(await styling(store, settings(holdout=100)).plan(numbered(1), QUESTION, "en"))
    store.add(ADA, ProfileEventKind.MEASURE, takes_part=False)
    out = row(await styling(after(timedelta(), neutral, store)).plan(numbered(2), QUESTION, "en"))
    assert (out.thread, out.condition, out.is_measured) == ("t1", Condition.FULL, False)
    store.add(ADA, ProfileEventKind.MEASURE, takes_part=True)
    back = row(await styling(after(timedelta(), out, store)).plan(numbered(3), QUESTION, "en"))
    assert (back.thread, back.condition, back.is_measured) == ("t1", Condition.FULL, False)
    anew = row(await styling(after(timedelta(hours=1), back, store)).plan(numbered(4), QUESTION, "en"))
    assert anew.is_measured


async def test_what_is_pinned_or_unpinned_within_a_thread_counts_at_once() -> None:
    store = known()
    log = row(await styling(store).plan(numbered(1), QUESTION, "en"))
    log = replace(log, arms=(1, 1, 1, 1), propensities=((0.9, 0.06, 0.04),) * 4)
    store.add(ADA, ProfileEventKind.PIN, dimension="RUT", arm=-1)
    held = row(await styling(after(timedelta(), log, store)).plan(numbered(2), QUESTION, "en"))
    assert held.arms == (1, -1, 1, 1)
    assert held.propensities == (log.propensities[0], (0, 0, 1), *log.propensities[2:])
    store.add(ADA, ProfileEventKind.PIN, dimension="RUT", arm=None)
    free = row(await styling(after(timedelta(), held, store)).plan(numbered(3), QUESTION, "en"))
    assert 0 < free.propensities[1][2] < 1
    assert free.arms[0] == 1
    assert free.propensities[2:] == log.propensities[2:]


# --- a question to recall ---


async def offered(profiles: FakeProfiles, text: str, number: int, language: Language = "en") -> bool:
    await asyncio.sleep(0)
    return bool((await styling(profiles).plan(numbered(number), text, language)).also)


async def test_about_every_fifth_teaching_answer_offers_a_question_to_recall() -> None:
    store, count = FakeProfiles(), 1_000
    found = sum([await offered(store, QUESTION, number) for number in range(count)])
    assert abs(found / count - 1 / RECALLED) < 4 * sqrt(1 / RECALLED * (1 - 1 / RECALLED) / count)


@pytest.mark.parametrize(
    "text",
    [
        "Thanks a lot!",
        "When was the quadratic equation first solved?",
        f"{QUESTION} No exercises, please",
        f"{QUESTION} Be brief",
    ],
)
async def test_small_talk_facts_and_wishes_against_it_get_none(text: str) -> None:
    assert not any([await offered(FakeProfiles(), text, number) for number in range(100)])


@pytest.mark.parametrize("arm", [1, -1])
async def test_who_is_asked_for_an_exercise_or_for_none_gets_no_question_more(arm: int) -> None:
    store = known()
    store.add(ADA, ProfileEventKind.PIN, dimension="ACT", arm=arm)
    assert not any([await offered(store, QUESTION, number) for number in range(100)])


@pytest.mark.parametrize(("language", "words"), [("en", "optional question"), ("es", "pregunta corta de repaso")])
async def test_the_offer_stands_in_the_instructions_with_or_without_a_profile(language: Language, words: str) -> None:
    number, *_ = [one for one in range(50) if await offered(FakeProfiles(), QUESTION, one)]
    model = FakeModel()
    given = replace(turn(message(text=QUESTION), language), id=TurnId(f"t{number}"))
    await answer(given, services(model=model, settings=settings()))
    assert words in model.prompts[0].system
    assert model.prompts[0].directives == ()
