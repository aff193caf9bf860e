"""Separated, each of two linked places has its own again: what was said there and what is remembered from there alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.errors import StoreConflict
from bot.memory_types import NewMemory
from bot.profile_types import ProfileEventKind
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.open import Stores, open_folder
from bot.store.retention import Retention
from bot.types import Scope
from bot.writes import (
    AddProfileEvent,
    EndMemories,
    SetRating,
)
from profiles.memories import MemoryRecall
from profiles.ranking import memory_stems
from tests.fakes import FakeClock, SequentialIds
from tests.linked import ANA, HERE, LUIS, THERE, THIRD, Linked, exported, missing, two_lives
from tests.store.remembered import EPISODE, FACT, HASH, added, write
from tests.store.tables import change, counts, found
from tests.store.test_personal import canaries
from tests.talk import Said, Talk


@pytest.fixture
def ids() -> SequentialIds:
    """One for all, as in a bot: the newest id is the greatest."""
    return SequentialIds("s")


@pytest.fixture
async def stores(folder: DataFolder, clock: FakeClock, ids: SequentialIds) -> AsyncIterator[Stores]:
    async with open_folder(folder, clock=clock, ids=ids) as stores:
        yield stores


@pytest.fixture
def linked(stores: Stores, talk: Talk, clock: FakeClock, ids: SequentialIds) -> Linked:
    return Linked(stores, talk, clock, ids)


async def test_a_separated_place_takes_what_was_said_there_and_nothing_else(
    stores: Stores, talk: Talk, folder: DataFolder, linked: Linked
) -> None:
    ana, _ = await two_lives(talk, folder)
    await linked.link(ANA, LUIS)
    luis = await linked.unlink(LUIS)
    assert luis != ana
    assert await broken_invariants(stores.database) == []
    # What was imported besides stays, and so does consent; a code that nobody used is good for nothing any more.
    words = "memory speaker session slot source stem ended version id id-ended"
    stays = {f"{word}-luis" for word in words.split()}
    await stores.vectors.removed([one.id for one in await stores.vectors.removals(limit=9)])
    of_ana, of_luis = await exported(stores, ana), await exported(stores, luis)
    assert {word for word in canaries("luis") if word not in of_luis} <= {*stays, "code-luis"}
    assert {word for word in canaries("luis") if word in of_ana} <= stays
    assert stays <= {word for word in canaries("luis") if word in of_ana}
    assert await missing(stores, ana, "ana") == ["code-ana"]
    assert [word for word in canaries("ana") if word in of_luis] == []
    assert (await talk.say(at=LUIS)).context.person.training_consent is None


async def test_profile_events_follow_the_answers_that_they_are_about(stores: Stores, talk: Talk, linked: Linked) -> None:
    for at in (HERE, THERE):
        said = await talk.say(at=at)
        person = said.context.person.id
        pressed = AddProfileEvent(person_id=person, kind=ProfileEventKind.PRESS, data={"turn": said.id, "value": 1})
        noted = AddProfileEvent(person_id=person, kind=ProfileEventKind.SWITCH, data={"on": at == HERE})
        await talk.say(at=at, writes=[pressed, noted, SetRating(person_id=person, turn_id=said.id, value=1)])
    ana = await linked.link(HERE, THERE)
    events = await stores.profiles.events(ana)
    assert [event.kind for event in events] == [ProfileEventKind.PRESS, ProfileEventKind.SWITCH] * 2
    assert [event.id for event in events] == sorted(event.id for event in events)
    luis = await linked.unlink(THERE)
    assert [event.kind for event in await stores.profiles.events(luis)] == [ProfileEventKind.PRESS]
    assert len(await stores.profiles.events(ana)) == 3
    assert await broken_invariants(stores.database) == []


async def test_one_of_three_places_is_separated_and_the_others_stay_together(
    stores: Stores, talk: Talk, linked: Linked
) -> None:
    said = {place: await talk.say(at=place) for place in (HERE, THERE, THIRD)}
    for place in (THERE, THIRD):
        await linked.link(HERE, place)
    luis = await linked.unlink(THERE)
    assert await linked.person(HERE) == await linked.person(THIRD) != luis
    owners = [past.person_id for one in said.values() if (past := await stores.turns.past(one.id)) is not None]
    assert owners == [await linked.person(HERE), luis, await linked.person(HERE)]
    assert await broken_invariants(stores.database) == []
    assert await linked.link(THERE, HERE) == luis, "and together again, the other way round"
    assert await linked.person(THIRD) == luis
    assert await broken_invariants(stores.database) == []


async def test_a_place_of_its_own_has_nothing_to_separate(talk: Talk, folder: DataFolder, linked: Linked) -> None:
    here = (await talk.say(at=HERE)).context.person.id
    assert await linked.unlink(HERE) == here
    assert counts(folder.database)["people"] == 1


async def remembered(stores: Stores, said: Said, id: str, what: NewMemory, *more: Said) -> None:
    """A memory that follows from these turns."""
    sources = (said.id, *(one.id for one in more))
    person = said.context.person.id
    await write(stores, added(person, id, replace(what, text=what.text), stems=tuple(memory_stems(what.text)), sources=sources))


async def test_a_memory_of_both_places_stays_and_loses_the_source(
    stores: Stores, talk: Talk, folder: DataFolder, linked: Linked
) -> None:
    here = await talk.say(at=HERE)
    await talk.say(at=THERE)
    ana = await linked.link(HERE, THERE)
    there = await talk.say(at=THERE)
    await remembered(stores, here, "both", FACT, there)
    await remembered(stores, there, "only there", FACT)
    await remembered(stores, there, "and a record", replace(FACT, sources=()), there)
    change(
        folder.database, "INSERT INTO memory_sources SELECT id, 'record 1', person_id FROM memories WHERE id = 'and a record'"
    )
    luis = await linked.unlink(THERE)
    assert found(folder.database, "SELECT memory_id, source, person_id FROM memory_sources ORDER BY 1") == [
        ("and a record", "record 1", ana),
        ("both", here.id, ana),
        ("only there", there.id, luis),
    ]
    assert await broken_invariants(stores.database) == []


async def test_what_replaced_a_memory_of_the_other_place_lets_it_live_again(
    stores: Stores, talk: Talk, folder: DataFolder, linked: Linked
) -> None:
    here, _ = await talk.say(at=HERE), await talk.say(at=THERE)
    ana = await linked.link(HERE, THERE)
    there = await talk.say(at=THERE)
    await remembered(stores, there, "lima", FACT)
    await remembered(stores, here, "quito", replace(FACT, text="Vive en Quito"))
    await write(stores, EndMemories(person_id=ana, ids=("lima",), by="quito"))
    await remembered(stores, there, "cusco", replace(FACT, text="Vive en Cusco"))
    await write(stores, EndMemories(person_id=ana, ids=("quito",), by="cusco"))
    change(folder.database, "UPDATE memories SET supersedes = 'quito' WHERE id = 'cusco'")
    luis = await linked.unlink(THERE)
    rows = found(folder.database, "SELECT id, person_id, superseded_by, supersedes, ended_at IS NULL FROM memories ORDER BY id")
    assert rows == [("cusco", luis, None, None, 1), ("lima", luis, "cusco", None, 0), ("quito", ana, None, None, 1)]
    await stores.vectors.removed(["lima", "quito"])
    assert {one.id for one in await stores.vectors.unindexed(HASH, limit=9)} == {"quito", "cusco"}
    assert await broken_invariants(stores.database) == []


async def test_what_was_being_remembered_while_it_changed_hands_is_written_by_nobody(
    stores: Stores, talk: Talk, linked: Linked
) -> None:
    await talk.say(at=HERE)
    await talk.say(at=THERE)
    ana = await linked.link(HERE, THERE)
    await talk.say("vivo en Lima", at=THERE, remember=True)
    pending = await stores.memories.pending(with_model=False, limit=9)
    luis = await linked.unlink(THERE)
    with pytest.raises(StoreConflict):
        await stores.memories.remember(
            [row.id for row in pending], [added(ana, "m1", EPISODE)], talk.clock.now(), unchanged=pending
        )
    assert [row.person for row in await stores.memories.pending(with_model=False, limit=9)] == [luis, luis]


async def test_recall_finds_what_was_told_in_the_other_place_only_while_linked(
    stores: Stores, talk: Talk, clock: FakeClock, ids: SequentialIds
) -> None:
    recall = MemoryRecall(store=stores.memories, vectors=stores.vectors, clock=clock)
    linked = Linked(stores, talk, clock, ids, caches=[recall.forget])
    here = await talk.say(at=HERE)
    await talk.say(at=THERE)
    await remembered(stores, here, "pet", replace(EPISODE, text="Mi gata se llama Frida", language="es"))

    async def told() -> list[str]:
        found = await recall.recall(await linked.person(THERE), Scope(), "¿Cómo se llama mi gata?", budget=500)
        return [one.text for one in found.evidence]

    assert await told() == []
    await linked.link(THERE, HERE)
    assert await told() == ["Mi gata se llama Frida"]
    await linked.unlink(HERE)
    assert await told() == []
    found = await recall.recall(await linked.person(HERE), Scope(), "¿Cómo se llama mi gata?", budget=500)
    assert [one.text for one in found.evidence] == ["Mi gata se llama Frida"]


async def test_retention_takes_old_talk_of_linked_places_too(
    stores: Stores, talk: Talk, folder: DataFolder, linked: Linked, clock: FakeClock
) -> None:
    for place in (HERE, THERE):
        said = await talk.say(at=place)
        rating = SetRating(person_id=said.context.person.id, turn_id=said.id, value=1)
        await talk.say(at=place, writes=[rating])
    await linked.link(HERE, THERE)
    clock.advance(days=40)
    await talk.say("todavía", at=THERE)
    await Retention(stores.database, stores.keys, clock, key_days=30, retention_days=30).run()
    assert counts(folder.database)["turns"] == 1
    assert await broken_invariants(stores.database) == []
    await linked.unlink(THERE)
    assert await broken_invariants(stores.database) == []
