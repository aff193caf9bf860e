"""The benefit of profiles is measured over whole answers of those who take part, with what the asking person thought."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from bot.errors import StoreDamaged
from bot.profile_types import Condition, MeasuredAnswer, ProfileEventKind, Reason
from bot.store.folder import DataFolder
from bot.store.keys import Keys
from bot.store.measurements import CUT_OFF
from bot.store.open import Stores
from bot.types import Flag, Kind, PersonId, TurnStatus
from bot.writes import AddProfileEvent, SetRating
from tests.fakes import NOON, FakeClock
from tests.store.styles import STYLE
from tests.store.tables import change
from tests.talk import Said, Talk, address_of

HOLDOUT = replace(STYLE, condition=Condition.NONE)


async def rate(talk: Talk, said: Said, value: Literal[1, 0, -1], reason: Reason | None = None) -> None:
    """Press a thumb under somebody's own answer."""
    stored = await talk.accept(talk.message(kind=Kind.RATING, at=said.message.address))
    rating = SetRating(person_id=said.context.person.id, turn_id=said.id, value=value, reason=reason)
    await talk.stores.turns.absorb(stored.id, [rating], talk.clock.now())


async def words(stores: Stores) -> list[int]:
    """The measured answers, known by their number of words."""
    return [one.words for one in await stores.measurements.measured()]


async def test_a_measured_answer_says_what_it_was_given_and_how_it_was_rated(
    stores: Stores, talk: Talk, folder: DataFolder
) -> None:
    said = await talk.say(style=STYLE)
    await rate(talk, said, 1)
    (measured,) = await stores.measurements.measured()
    assert measured == MeasuredAnswer(
        person=Keys(folder.secret_key()).measured(said.context.person.id),
        at=NOON,
        thread=STYLE.thread,
        condition=STYLE.condition,
        value=1,
        arms=STYLE.arms,
        used=STYLE.used,
        propensities=STYLE.propensities,
        obeyed=STYLE.obeyed,
        is_length_obeyed=True,
        words=57,
    )


async def test_nothing_is_measured_before_the_first_answer(stores: Stores) -> None:
    assert await stores.measurements.measured() == []


async def test_the_latest_press_is_the_rating_and_a_withdrawn_one_is_none(stores: Stores, talk: Talk) -> None:
    liked, disliked, wrong, withdrawn, turned = [await talk.say(style=replace(STYLE, words=number)) for number in range(5)]
    await talk.say(style=replace(STYLE, words=5))
    await rate(talk, liked, 1)
    await rate(talk, disliked, -1, Reason.MORE_EXAMPLES)
    await rate(talk, wrong, -1, Reason.WRONG)
    await rate(talk, withdrawn, 1)
    await rate(talk, withdrawn, 0)
    await rate(talk, turned, 1)
    await rate(talk, turned, -1)
    measured = await stores.measurements.measured()
    assert [(one.words, one.value) for one in measured] == [(0, 1), (1, -1), (2, -1), (3, None), (4, -1), (5, None)]


@pytest.mark.parametrize("flag", list(Flag))
async def test_answers_cut_off_are_left_out_and_no_others(stores: Stores, talk: Talk, flag: Flag) -> None:
    await talk.say(style=replace(STYLE, words=1), flags=frozenset({flag}))
    await talk.say(style=replace(STYLE, words=2), flags=frozenset({Flag.NO_RECALL, flag}))
    await talk.say(style=replace(STYLE, words=3))
    assert await words(stores) == ([3] if flag in CUT_OFF else [1, 2, 3])


def test_what_counts_as_cut_off() -> None:
    assert set(Flag) - set(CUT_OFF) == {
        Flag.FALLBACK,
        Flag.NO_RECALL,
        Flag.PARTIAL_RECALL,
        Flag.UNKNOWN,
        Flag.TRIMMED,
    }


async def test_who_takes_no_part_is_not_measured(stores: Stores, talk: Talk) -> None:
    await talk.say(style=replace(STYLE, is_measured=False))
    await talk.say()
    await talk.say(style=replace(HOLDOUT, words=3))
    assert await words(stores) == [3]


async def choose(talk: Talk, person: PersonId, *choices: object) -> None:
    """Say whether some answers may be neutral, one time after the other."""
    for takes_part in choices:
        data = {"takes_part": takes_part}
        await talk.say(writes=[AddProfileEvent(person_id=person, kind=ProfileEventKind.MEASURE, data=data)])


async def test_who_opts_out_is_left_out_with_earlier_answers_too(stores: Stores, talk: Talk) -> None:
    ana = (await talk.say(style=replace(STYLE, words=1))).context.person.id
    luis = (await talk.say(at=address_of("luis"), style=replace(HOLDOUT, words=2))).context.person.id
    assert await words(stores) == [1, 2]
    await choose(talk, ana, False)
    assert await words(stores) == [2]
    await choose(talk, luis, True)
    await choose(talk, ana, True)
    assert await words(stores) == [1, 2], "the last choice counts"
    await choose(talk, luis, False, True, False)
    assert await words(stores) == [1]


async def test_a_damaged_choice_says_nothing(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    ana = (await talk.say(style=STYLE)).context.person.id
    await choose(talk, ana, False, True, "no", None)
    assert await words(stores) == [57]
    change(folder.database, "UPDATE profile_events SET data = '{' WHERE data LIKE '%true%'")
    assert await words(stores) == []


@pytest.mark.parametrize("damage", ["arms = '[1]'", "obeyed = 3", "condition = 'half'", "words = 'few'"])
async def test_a_damaged_row_is_an_error_of_the_store(stores: Stores, talk: Talk, folder: DataFolder, damage: str) -> None:
    await talk.say(style=STYLE)
    change(folder.database, f"UPDATE answer_log SET {damage}")
    with pytest.raises(StoreDamaged):
        await stores.measurements.measured()


async def test_a_failed_turn_is_not_measured(stores: Stores, talk: Talk) -> None:
    for number, status in enumerate(TurnStatus):
        message = talk.message()
        await talk.answer(message, (await talk.accept(message)).id, status=status, style=replace(STYLE, words=number))
    assert await words(stores) == [list(TurnStatus).index(TurnStatus.ANSWERED)]


async def test_only_the_asking_persons_rating_counts(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    ana = await talk.say(style=STYLE)
    luis = (await talk.say(at=address_of("luis"))).context.person.id
    change(folder.database, f"INSERT INTO ratings VALUES ('{ana.id}', '{luis}', -1, NULL, NULL, 0)")
    assert [one.value for one in await stores.measurements.measured()] == [None]
    await rate(talk, ana, 1)
    assert [one.value for one in await stores.measurements.measured()] == [1]


async def test_they_come_oldest_first_and_from_a_moment_on(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    for number in range(3):
        clock.set(NOON - timedelta(hours=number))
        await talk.say(at=address_of(f"user {number}"), style=replace(STYLE, words=number))
    assert await words(stores) == [2, 1, 0]
    measured = await stores.measurements.measured(since=NOON - timedelta(hours=1))
    assert [one.words for one in measured] == [1, 0]


async def test_people_are_told_apart_but_not_named(stores: Stores, talk: Talk) -> None:
    ana = (await talk.say(style=STYLE)).context.person.id
    luis = (await talk.say(at=address_of("luis"), style=HOLDOUT)).context.person.id
    await talk.say(at=address_of("ana", chat="a group"), style=HOLDOUT)
    first, second, third = [one.person for one in await stores.measurements.measured()]
    assert first == third != second
    assert not {ana, luis} & {first, second}
    assert first == (await stores.measurements.measured())[0].person, "the same one every time"
    assert Keys(b"another folder's key").measured(ana) != first


async def test_whoever_is_forgotten_is_measured_no_more(stores: Stores, talk: Talk) -> None:
    ana = (await talk.say(style=replace(STYLE, words=1))).context.person.id
    await talk.say(at=address_of("luis"), style=replace(STYLE, words=2))
    await stores.erasure.forget_person(ana)
    assert await words(stores) == [2]
