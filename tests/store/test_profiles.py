"""What a person's profile is replayed from comes back as it was stored, and changes its version whenever it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from bot.errors import StoreConflict, StoreDamaged
from bot.profile_types import NEUTRAL, AnswerStyle, Condition, ProfileEvent, ProfileEventKind
from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.store.profiles import VERSION
from bot.types import AddressId, ConversationId, Kind, PersonId, TurnId
from bot.writes import AddDueMessage, AddProfileEvent, DropProfile, DropProfileEvent, SetConversation, Write
from profiles.kept import KeptProfiles
from tests.fakes import NOON, FakeClock
from tests.store.styles import STYLE
from tests.store.tables import change, counts, found
from tests.talk import Talk, address_of

K = ProfileEventKind
T = TypeVar("T")
EVENTS: Mapping[ProfileEventKind, Sequence[Mapping[str, object]]] = {
    K.CONSENT: [{"granted": True, "version": "1"}, {"granted": False, "version": "1"}],
    K.COURSE: [{"mode": "quick", "version": "qv1", "replaces": True}],
    K.ANSWER: [
        {"item": "ENT1", "option": "b", "position": 2, "seconds": 3.25},
        {"item": "RUT1", "option": None, "position": None, "seconds": 0.0},
    ],
    K.STOP: [{}],
    K.RESUME: [{}],
    K.PRESS: [
        {
            "turn": "00000000000000000000000001",
            "value": -1,
            "reason": "more_examples",
            "arms": [1, 0, -1, 0],
            "answered_at": "2026-11-20T12:00:00+00:00",
            "first_at": "2026-11-20T12:00:30+00:00",
            "topic": "maths",
        },
        {"turn": "2", "value": 0, "reason": None, "arms": [0, 0, 0, 0], "answered_at": "2026-11-20T12:00:00Z", "topic": ""},
    ],
    K.REMARK: [{"dimension": "ENT", "y": -1}],
    K.PIN: [{"dimension": "FOR", "arm": 0}, {"dimension": "FOR", "arm": None}],
    K.SET: [{"what": "level", "value": 4, "topic": "música"}, {"what": "length", "value": -1.5, "topic": ""}],
    K.SWITCH: [{"on": False}],
    K.MEASURE: [{"takes_part": False}],
    K.NOTE: [{"what": "level_asked", "topic": "código"}],
}
ALL = [(kind, data) for kind, several in EVENTS.items() for data in several]


def event(person: PersonId, kind: ProfileEventKind = K.REMARK, **data: object) -> AddProfileEvent:
    """Something that happened to a person's profile."""
    return AddProfileEvent(person_id=person, kind=kind, data=data)


async def known(talk: Talk, user: str = "ana") -> PersonId:
    """Somebody who has talked once."""
    return (await talk.say(at=address_of(user))).context.person.id


async def write(talk: Talk, *writes: Write) -> None:
    """A turn of ana's with these writes."""
    await talk.say(writes=writes)


def facts(events: Sequence[ProfileEvent]) -> list[tuple[ProfileEventKind, Mapping[str, object]]]:
    """Events without ids and times."""
    return [(one.kind, one.data) for one in events]


def test_every_kind_of_event_is_put_to_the_test() -> None:
    assert set(EVENTS) == set(ProfileEventKind)


async def test_events_of_every_kind_come_back_as_they_were_oldest_first(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    person = await known(talk)
    assert await stores.profiles.events(person) == []
    await write(talk, *(event(person, kind, **data) for kind, data in ALL))
    later = clock.advance(5)
    await write(talk, event(person, K.SWITCH, on=True))
    events = await stores.profiles.events(person)
    assert facts(events) == [*ALL, (K.SWITCH, {"on": True})]
    assert [one.at for one in events] == [NOON] * len(ALL) + [later]
    assert sorted(one.id for one in events) == [one.id for one in events]


async def test_a_press_is_stored_with_the_end_of_its_message(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    person = await known(talk)
    pressed = await talk.accept(talk.message(kind=Kind.RATING))
    await stores.turns.absorb(pressed.id, [event(person, K.PRESS, turn="t1", value=1)], clock.advance(3))
    (stored,) = await stores.profiles.events(person)
    assert (stored.kind, stored.data, stored.at) == (K.PRESS, {"turn": "t1", "value": 1}, NOON + timedelta(seconds=3))


async def test_everybody_has_events_of_their_own(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(talk, event(ana, y=1), event(luis, y=-1))
    assert facts(await stores.profiles.events(ana)) == [(K.REMARK, {"y": 1})]
    assert facts(await stores.profiles.events(luis)) == [(K.REMARK, {"y": -1})]


async def test_the_version_changes_with_every_event_that_comes_or_goes(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    person = await known(talk)
    versions = [await stores.profiles.version(person)]

    async def written(*writes: Write) -> Sequence[ProfileEvent]:
        await write(talk, *writes)
        versions.append(await stores.profiles.version(person))
        return await stores.profiles.events(person)

    await written(event(person, y=1))
    first, newest = await written(event(person, y=-1))
    await written(DropProfileEvent(person_id=person, id=newest.id))
    await written(event(person, y=0))
    clock.advance(1)
    await written(event(person, y=2))
    await written(DropProfileEvent(person_id=person, id=first.id))
    left = await written(event(person, y=3))
    assert [one.data["y"] for one in left] == [0, 2, 3]
    assert versions[3] == versions[1], "the very same events again"
    assert len(versions) == 8
    assert len(set(versions)) == 7


async def test_an_event_stored_late_changes_the_version(
    stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder
) -> None:
    """Two chats of one person write at once, so that an older event comes after a newer one, and in place of another."""
    person = await known(talk)
    await write(talk, event(person, y=1))
    clock.advance(1)
    await write(talk, event(person, y=2))
    before, (older, newer) = await stores.profiles.version(person), await stores.profiles.events(person)
    change(
        folder.database,
        f"DELETE FROM profile_events WHERE id = '{older.id}'",
        f"INSERT INTO profile_events SELECT '{older.id}x', person_id, kind, '{{}}', at - 1 FROM profile_events",
    )
    assert [one.id for one in await stores.profiles.events(person)] == [older.id + "x", newer.id]
    assert await stores.profiles.version(person) != before


async def test_the_version_is_found_in_the_index_alone(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    """It is asked for before every answer: of somebody with 1,000 events it takes a fifth of a millisecond."""
    plan = found(folder.database, f"EXPLAIN QUERY PLAN {VERSION.sql}", *VERSION.encode({"person": "ana"}))
    assert ["USING COVERING INDEX ix_profile_events_person_id_id" in detail for *_, detail in plan] == [True]


async def test_the_version_stays_while_nothing_is_written(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(talk, event(ana, y=1))
    before = await stores.profiles.version(ana)
    await write(talk, event(luis, y=1), DropProfileEvent(person_id=ana, id="never was"))
    await talk.say(style=STYLE)
    assert await stores.profiles.version(ana) == before
    assert await stores.profiles.version(luis) != await stores.profiles.version(PersonId("nobody"))


async def test_an_event_is_taken_back_by_its_own_person_only(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(talk, event(ana, y=1), event(ana, y=-1))
    first, second = await stores.profiles.events(ana)
    await write(talk, DropProfileEvent(person_id=luis, id=first.id))
    assert await stores.profiles.events(ana) == [first, second]
    await write(talk, DropProfileEvent(person_id=ana, id=first.id), DropProfileEvent(person_id=ana, id=first.id))
    assert await stores.profiles.events(ana) == [second]


async def test_the_presses_of_an_answer_are_those_of_one_person_about_it(
    stores: Stores, talk: Talk, folder: DataFolder
) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(
        talk,
        event(ana, K.PRESS, turn="t1", value=1),
        event(ana, K.PRESS, turn="t10", value=1),
        event(ana, K.PRESS, turn="t2", reason="t1"),
        event(ana, K.NOTE, turn="t1"),
        event(luis, K.PRESS, turn="t1", value=0),
        event(ana, K.PRESS, turn="t1", value=-1),
    )
    assert facts(await stores.profiles.presses_of(ana, TurnId("t1"))) == [
        (K.PRESS, {"turn": "t1", "value": 1}),
        (K.PRESS, {"turn": "t1", "value": -1}),
    ]
    assert await stores.profiles.presses_of(luis, TurnId("t10")) == []
    change(folder.database, """UPDATE profile_events SET data = '["t10"]' WHERE data LIKE '%t10%'""")
    assert await stores.profiles.presses_of(ana, TurnId("t10")) == []


async def test_a_profile_ends_at_once_but_for_the_choice_about_the_measurement(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(talk, *(event(person, kind, **data) for person in (ana, luis) for kind, data in ALL))
    await write(talk, event(ana, K.MEASURE, takes_part=True))
    before, of_luis = await stores.profiles.version(ana), await stores.profiles.events(luis)
    await write(talk, DropProfile(person_id=ana))
    assert facts(await stores.profiles.events(ana)) == [(K.MEASURE, {"takes_part": part}) for part in (False, True)]
    assert await stores.profiles.version(ana) != before
    assert await stores.profiles.events(luis) == of_luis
    await write(talk, DropProfile(person_id=ana), event(luis, y=1))
    assert len(await stores.profiles.events(ana)) == 2


DAMAGE = ("data = '[1]'", "data = '{'", "data = 5", "data = x'ff'", "at = 'noon'", f"at = {2**62}", "kind = 'other'")


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_event_says_nothing_and_the_others_come_back(
    stores: Stores, talk: Talk, folder: DataFolder, damage: str
) -> None:
    person = await known(talk)
    await write(
        talk, event(person, K.CONSENT, granted=True, version="1"), event(person, y=1), event(person, K.SWITCH, on=False)
    )
    consent, damaged, switch = await stores.profiles.events(person)
    change(folder.database, f"UPDATE profile_events SET {damage} WHERE id = '{damaged.id}'")
    assert await stores.profiles.events(person) == [consent, switch]
    profile = await KeptProfiles(stores.profiles, talk.clock).of(person)
    assert (profile.consent, profile.is_on) == (True, False)


@pytest.mark.parametrize(
    "damage",
    [
        *("arms = '[1]'", "asked = '{'", "used = '[2, 0, 0, 0]'", "propensities = 7", "obeyed = '[[]]'", "condition = 'half'"),
        *("level = 'high'", "words = 'few'", "at = 'noon'"),
    ],
)
async def test_a_damaged_style_is_an_error_of_the_store(stores: Stores, talk: Talk, folder: DataFolder, damage: str) -> None:
    said = await talk.say(style=STYLE)
    change(folder.database, f"UPDATE answer_log SET {damage}")
    with pytest.raises(StoreDamaged):
        await stores.profiles.style_of(said.id)
    with pytest.raises(StoreDamaged):
        await stores.profiles.last_style(said.context.address_id, said.context.conversation_id)


class Counting(ThreadPoolExecutor):
    """Threads that count how often they were asked to do something."""

    asked = 0

    def submit(self, fn: Callable[..., T], /, *args: Any, **named: Any) -> Future[T]:
        self.asked += 1
        return super().submit(fn, *args, **named)


async def test_many_events_are_decoded_beside_the_loop(stores: Stores, talk: Talk) -> None:
    threads = Counting(max_workers=1)
    asyncio.get_running_loop().set_default_executor(threads)
    person = await known(talk)
    for more, asked in ((200, 0), (1, 1)):
        await write(talk, *(event(person, y=1) for _ in range(more)))
        await stores.profiles.events(person)
        assert threads.asked == asked


async def test_a_turn_that_cannot_be_stored_leaves_neither_event_nor_style(
    stores: Stores, talk: Talk, folder: DataFolder
) -> None:
    person = await known(talk)
    impossible = AddDueMessage(person_id=person, address_id=AddressId("none"), kind="reminder", due_at=talk.clock.now())
    with pytest.raises(StoreConflict):
        await talk.say(writes=[event(person, y=1), impossible], style=STYLE)
    held = counts(folder.database)
    assert (held["profile_events"], held["answer_log"]) == (0, 0)


async def test_an_event_of_somebody_who_was_forgotten_is_a_conflict(stores: Stores, talk: Talk) -> None:
    person = await known(talk)
    await stores.erasure.forget_person(person)
    with pytest.raises(StoreConflict):
        await write(talk, event(person, y=1))
    assert await stores.profiles.events(person) == []


@pytest.mark.parametrize(
    "style",
    [
        STYLE,
        replace(
            STYLE,
            condition=Condition.NONE,
            is_measured=False,
            topic="",
            level=1,
            length=1.5,
            arms=NEUTRAL,
            asked=NEUTRAL,
            used=NEUTRAL,
            obeyed=(None,) * 4,
            is_length_obeyed=None,
            words=0,
        ),
        replace(STYLE, condition=Condition.CONTEXT, is_length_obeyed=False, goal="curious"),
    ],
)
async def test_a_style_comes_back_as_it_was(stores: Stores, talk: Talk, clock: FakeClock, style: AnswerStyle) -> None:
    clock.advance(7)
    said = await talk.say(style=style)
    log = await stores.profiles.style_of(said.id)
    assert log is not None
    assert (log.turn_id, log.style, log.at) == (said.id, style, NOON + timedelta(seconds=7))
    assert log == await stores.profiles.last_style(said.context.address_id, said.context.conversation_id)


async def test_the_log_names_person_and_place_of_the_turn(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    said = await talk.say(style=STYLE)
    place = (said.id, said.context.person.id, said.context.address_id, said.context.conversation_id)
    assert found(folder.database, "SELECT turn_id, person_id, address_id, conversation_id FROM answer_log") == [place]


async def test_an_answer_without_a_style_is_not_in_the_log(stores: Stores, talk: Talk) -> None:
    said = await talk.say()
    assert await stores.profiles.style_of(said.id) is None
    assert await stores.profiles.style_of(TurnId("none")) is None
    assert await stores.profiles.last_style(said.context.address_id, said.context.conversation_id) is None


async def test_the_last_style_is_the_conversations_own(stores: Stores, talk: Talk) -> None:
    private, group = address_of("ana"), address_of("ana", chat="a group")
    here = (await talk.say(at=private, style=replace(STYLE, words=1))).context
    newest = await talk.say(at=private, style=replace(STYLE, words=2))
    there = (await talk.say(at=group, style=replace(STYLE, words=3))).context
    await talk.say(at=private, writes=[SetConversation(address_id=here.address_id, conversation_id=ConversationId("next"))])

    async def last_words(address: AddressId, conversation: ConversationId) -> int | None:
        log = await stores.profiles.last_style(address, conversation)
        return None if log is None else log.style.words

    assert await last_words(here.address_id, here.conversation_id) == 2
    assert await last_words(there.address_id, there.conversation_id) == 3
    assert await last_words(here.address_id, there.conversation_id) is None
    assert await last_words(here.address_id, ConversationId("next")) is None
    await talk.say(at=private, style=replace(STYLE, words=4))
    assert await last_words(here.address_id, ConversationId("next")) == 4
    assert (await stores.profiles.style_of(newest.id)) is not None


async def test_answers_are_counted_from_a_moment_on(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    ana = (await talk.say(style=STYLE)).context.person.id
    second = clock.advance(60)
    await talk.say(style=STYLE)
    await talk.say(at=address_of("ana", chat="a group"), style=STYLE)
    await talk.say()
    await talk.say(at=address_of("luis"), style=STYLE)
    since = stores.profiles.answers_since
    assert await since(ana, NOON) == 3
    assert await since(ana, second) == 2
    assert await since(ana, second + timedelta(microseconds=1)) == 0
    assert await since(PersonId("nobody"), NOON) == 0
