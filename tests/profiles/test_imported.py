"""An export becomes memories whole or not at all, once, in the order in which it was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import ImportRefused, StoreConflict, StoreError
from bot.memory_types import SELF, BadRecord, ImportedRecord, Memory, MemoryKind, NewMemory, Origin
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.open import Stores, open_folder
from bot.types import PersonId, Scope
from profiles.imported import Found, Imported, import_records
from profiles.settling import settle
from tests.fakes import FakeClock, SequentialIds
from tests.store.conftest import clock, folder, migrated, stores, talk  # noqa: F401
from tests.store.tables import counts, found
from tests.talk import Talk, address_of

DAY = timedelta(days=1)
BEGIN = datetime(2023, 11, 15, 12, tzinfo=UTC)


def record(text: str, day: int = 0, *, by: str = SELF, key: str = "", session: str = "s1") -> ImportedRecord:
    return ImportedRecord(
        key=key or f"telegram:user7:{day}",
        text=text,
        said_by=by,
        is_own=by == SELF,
        said_at=BEGIN + day * DAY,
        session=session,
        position=day,
        line=day + 1,
    )


async def person_of(talk: Talk, user: str = "ana") -> PersonId:  # noqa: F811
    return (await talk.say(at=address_of(user))).context.person.id


async def take(stores: Stores, person: PersonId, records: Found, *, most: int = 1_000) -> Imported:  # noqa: F811
    return await import_records(
        records,
        person=person,
        memories=stores.memories,
        pending=stores.memories,
        most=most,
        at=datetime(2026, 11, 21, tzinfo=UTC),
        language="en",
    )


async def told(stores: Stores, person: PersonId) -> list[str]:  # noqa: F811
    """What is held to be so of a person."""
    memories, _ = await stores.memories.page(person, Scope(), distilled=True, limit=100)
    return sorted(memory.what.text for memory in memories)


async def home(stores: Stores, person: PersonId) -> Sequence[Memory]:  # noqa: F811
    return sorted(await stores.memories.in_slot(person, None, "home"), key=lambda memory: memory.what.said_at)


def rows(folder: DataFolder) -> list[object]:  # noqa: F811
    """Everything about memories, row by row."""
    tables = ("memories", "memory_sources", "memory_vectors", "index_removals")
    return [found(folder.database, f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


async def test_each_message_becomes_an_episode_with_who_when_and_where(stores: Stores, talk: Talk) -> None:  # noqa: F811
    person = await person_of(talk)
    done = await take(stores, person, [record("¿Qué tal el viaje?", 0, by="Luis"), record("Vivo en Lima", 1)])
    assert done == Imported(new=2, known=0, bad=0, older=0, facts=1)
    episodes, count = await stores.memories.page(person, Scope(), distilled=False, limit=10)
    assert count == 2
    own, other = (memory.what for memory in episodes)
    (source,) = own.sources
    assert source.startswith("import:")
    assert own == NewMemory(
        kind=MemoryKind.EPISODE,
        text="Vivo en Lima",
        said_by=SELF,
        said_at=BEGIN + DAY,
        session="s1",
        position=1,
        origin=Origin.IMPORTED,
        sources=(source,),
        language="es",
    )
    assert (other.said_by, other.said_at, other.text, other.language) == ("Luis", BEGIN, "¿Qué tal el viaje?", "es")
    assert {memory.group for memory in episodes} == {None}
    fact = (await home(stores, person))[0].what
    assert (fact.text, fact.origin, fact.sources, fact.said_at) == ("Vive en Lima.", Origin.RULE, (source,), BEGIN + DAY)
    assert await broken_invariants(stores.database) == []


async def test_a_second_time_changes_nothing(stores: Stores, folder: DataFolder, talk: Talk) -> None:  # noqa: F811
    person = await person_of(talk)
    export = [record("I live in Quito", 0), record("I moved to Lima", 1), record("I live in Quito now", 2), record("ok", 3)]
    assert (await take(stores, person, export)).new == 4
    before = rows(folder)
    assert await take(stores, person, list(reversed(export))) == Imported(new=0, known=4, bad=0, older=0, facts=0)
    assert rows(folder) == before


async def test_a_later_export_adds_only_what_is_new(stores: Stores, talk: Talk) -> None:  # noqa: F811
    person = await person_of(talk)
    await take(stores, person, [record("I live in Quito", 0)])
    done = await take(stores, person, [record("I live in Quito", 0), record("I moved to Lima", 1)])
    assert (done.new, done.known, done.facts) == (1, 1, 1)
    assert await told(stores, person) == ["Lives in Lima."]


@pytest.mark.parametrize("at_once", [True, False])
async def test_facts_follow_in_the_order_in_which_they_were_said(
    at_once: bool,
    stores: Stores,  # noqa: F811
    folder: DataFolder,  # noqa: F811
    talk: Talk,  # noqa: F811
) -> None:
    person = await person_of(talk)
    export = [
        record("I live in Quito now", 2),
        record("I live in Quito", 0),
        record("I love coffee", 3),
        record("I moved to Lima", 1),
    ]
    parts = [export] if at_once else [[one] for one in sorted(export, key=lambda one: one.said_at)]
    for part in parts:
        await take(stores, person, part)
    assert await told(stores, person) == ["Likes coffee.", "Lives in Quito."]
    first, second, third = await home(stores, person)
    assert [first.superseded_by, second.superseded_by, third.superseded_by] == [second.id, third.id, None]
    assert [first.supersedes, second.supersedes, third.supersedes] == [None, first.id, second.id]
    assert await broken_invariants(stores.database) == []
    if at_once:  # what was never in the index need not leave it
        assert counts(folder.database)["index_removals"] == 0


async def test_what_was_said_since_outlives_an_old_export(stores: Stores, talk: Talk) -> None:  # noqa: F811
    person = await person_of(talk)
    await take(stores, person, [record("I live in Lima", 10)])
    await take(stores, person, [record("I live in Quito", 1, key="chatgpt:c1:m1")])
    assert await told(stores, person) == ["Lives in Lima."]
    old, new = await home(stores, person)
    assert (old.superseded_by, new.superseded_by) == (new.id, None)


async def test_a_newer_export_ends_what_was_remembered_before(stores: Stores, folder: DataFolder, talk: Talk) -> None:  # noqa: F811
    person = await person_of(talk)
    said = NewMemory(
        kind=MemoryKind.FACT,
        text="Lives in Lima.",
        said_by=SELF,
        said_at=BEGIN,
        session="c",
        position=0,
        origin=Origin.RULE,
        sources=("turn",),
        language="en",
        slot="home",
    )
    await stores.memories.remember((), settle(said, (), person=person, group=None, id="f1"), BEGIN)
    await take(stores, person, [record("I live in Quito", 1), record("I live in Lima", 2), record("I live in Cuenca", 3)])
    assert await told(stores, person) == ["Lives in Cuenca."]
    assert [memory.what.text for memory in await home(stores, person)] == [
        "Lives in Lima.",
        "Lives in Quito.",
        "Lives in Lima.",
        "Lives in Cuenca.",
    ]
    assert found(folder.database, "SELECT memory_id FROM index_removals") == [("f1",)]
    assert await broken_invariants(stores.database) == []


async def test_nobody_elses_words_settle_anything(stores: Stores, talk: Talk) -> None:  # noqa: F811
    person = await person_of(talk)
    done = await take(stores, person, [record("I live in Quito", by="Luis"), record("I love tea", 1, by="ChatGPT")])
    assert (done.new, done.facts) == (2, 0)
    assert await told(stores, person) == []


async def test_the_newest_are_taken_where_there_are_too_many(stores: Stores, talk: Talk) -> None:  # noqa: F811
    person = await person_of(talk)
    done = await take(stores, person, [record(f"message {day}", day) for day in (5, 1, 4, 2, 3)], most=2)
    assert (done.new, done.older) == (2, 3)
    episodes, _ = await stores.memories.page(person, Scope(), distilled=False, limit=10)
    assert [memory.what.text for memory in episodes] == ["message 5", "message 4"]


async def test_a_message_that_shows_no_language_is_in_that_of_its_conversation(stores: Stores, talk: Talk) -> None:  # noqa: F811
    person = await person_of(talk)
    export = [record("Ok", 0), record("Mañana no puedo, tengo que trabajar", 1), record("Ok", 2), record("Ok", 3, session="s2")]
    await take(stores, person, export)
    episodes, _ = await stores.memories.page(person, Scope(), distilled=False, limit=10)
    assert [memory.what.language for memory in reversed(episodes)] == ["en", "es", "es", "en"]


async def test_bad_records_are_told_and_empty_ones_left_out(stores: Stores, talk: Talk) -> None:  # noqa: F811
    person, bad = await person_of(talk), [BadRecord(line=2, reason="no date"), BadRecord(line=5, reason="no id")]
    seen: list[BadRecord] = []
    steps: list[tuple[int, int]] = []
    done = await import_records(
        [record("hello"), bad[0], record(" \n", 1), record("hello", 2), bad[1]],
        person=person,
        memories=stores.memories,
        pending=stores.memories,
        most=10,
        at=BEGIN,
        language="en",
        on_bad=seen.append,
        on_progress=lambda done, total: steps.append((done, total)),
    )
    assert done == Imported(new=2, known=0, bad=2, older=0, facts=0)
    assert seen == bad
    assert steps == [(0, 2), (1, 2)]


async def test_the_same_record_is_another_memory_for_another_person(stores: Stores, talk: Talk) -> None:  # noqa: F811
    ana, ben = await person_of(talk), await person_of(talk, "ben")
    for person in (ana, ben):
        assert (await take(stores, person, [record("I live in Quito")])).new == 1
    for person in (ana, ben):
        assert await told(stores, person) == ["Lives in Quito."]


def breaking_off() -> Iterator[ImportedRecord]:
    yield record("I live in Quito")
    raise ImportRefused("it is gone")


async def test_an_export_that_breaks_off_leaves_nothing(stores: Stores, folder: DataFolder, talk: Talk) -> None:  # noqa: F811
    person = await person_of(talk)
    with pytest.raises(ImportRefused):
        await take(stores, person, breaking_off())
    assert counts(folder.database)["memories"] == 0


async def test_somebody_forgotten_meanwhile_is_not_remembered(stores: Stores, folder: DataFolder) -> None:  # noqa: F811
    with pytest.raises(StoreConflict):
        await take(stores, PersonId("nobody"), [record("I live in Quito")])
    assert counts(folder.database)["memories"] == 0


@pytest.mark.parametrize("failing", ["insert memory", "insert memory source", "COMMIT"])
async def test_an_import_that_fails_in_the_middle_leaves_nothing(failing: str, folder: DataFolder) -> None:  # noqa: F811
    is_failing = False

    def before_call(name: str) -> None:
        if is_failing and name == failing:
            raise MemoryError

    export = [record("I live in Quito"), record("I moved to Lima", 1)]
    clock, ids = FakeClock(), SequentialIds("s")  # noqa: F811
    async with open_folder(folder, clock=clock, ids=ids, before_call=before_call) as stores:  # noqa: F811
        person = await person_of(Talk(stores, clock, SequentialIds()))
        is_failing = True
        with pytest.raises(StoreError):
            await take(stores, person, export)
        assert counts(folder.database)["memories"] == 0
        is_failing = False
        assert (await take(stores, person, export)).new == 2
