"""Each write about memories does what it says to its own person's, in one transaction, and nothing to anybody else's."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import StoreConflict, StoreError
from bot.memory_ports import Removal
from bot.memory_types import Origin
from bot.store import deletions, memories, memory_statements, vectors
from bot.store.codec import Statement
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.open import Stores, open_folder
from bot.types import Kind, PersonId, Scope
from bot.writes import (
    AddMemorySource,
    DropAllMemories,
    DropMemories,
    DropMemorySource,
    EndMemories,
    MemoryWrite,
    RelabelTurn,
    SetRemembering,
)
from tests.fakes import NOON, FakeClock, SequentialIds
from tests.store.remembered import EPISODE, HASH, TABLES, Known, added, embed, held, known, write
from tests.store.tables import found
from tests.talk import Said, Talk, address_of

PRIVATE = Scope()


async def remembered(stores: Stores, talk: Talk, user: str = "ana") -> Known:
    """Somebody with a fact that took another's place, both in the index, and what was said in a group."""
    person, first = await known(talk, user), user[0]
    await write(
        stores,
        added(person.id, f"{first}1", sources=(f"{first}t1",)),
        added(person.id, f"{first}3", EPISODE, group=person.group, sources=(f"{first}t2",)),
    )
    await embed(stores, person.id, f"{first}1", f"{first}3")
    await write(
        stores,
        added(person.id, f"{first}2", sources=(f"{first}t2",), supersedes=f"{first}1"),
        EndMemories(person_id=person.id, ids=(f"{first}1",), by=f"{first}2"),
    )
    await embed(stores, person.id, f"{first}2")
    return person


# --- who may change what ---

WRITES: Mapping[str, Callable[[PersonId], MemoryWrite]] = {
    "add": lambda person: added(person, "a2", text="otra cosa", sources=("at9",)),
    "add source": lambda person: AddMemorySource(person_id=person, id="a2", source="at9"),
    "end": lambda person: EndMemories(person_id=person, ids=("a1", "a2", "a3"), by="l1"),
    "drop": lambda person: DropMemories(person_id=person, ids=("a1", "a2", "a3")),
    "drop and revive": lambda person: DropMemories(person_id=person, ids=("a2",), revives=True),
    "drop source": lambda person: DropMemorySource(person_id=person, source="at2"),
    "drop all": lambda person: DropAllMemories(person_id=person),
    "remember": lambda person: SetRemembering(person_id=person, remembers=False),
}


def test_every_kind_of_write_is_put_to_the_test() -> None:
    assert {type(make(PersonId("ana"))) for make in WRITES.values()} == set(MemoryWrite.__args__)


def of(person: PersonId, folder: DataFolder) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that names this person in the tables of memories, and what they chose."""
    rows = {table: [row for row in rows if person in row] for table, rows in held(folder.database).items()}
    return rows | {"people": found(folder.database, "SELECT * FROM people WHERE id = ?", person)}


@pytest.mark.parametrize("name", WRITES)
async def test_ids_of_somebody_else_change_nothing_of_theirs(stores: Stores, talk: Talk, folder: DataFolder, name: str) -> None:
    ana, luis = await remembered(stores, talk), await remembered(stores, talk, "luis")
    await talk.say(remember=True)
    before = of(ana.id, folder)
    await write(stores, WRITES[name](luis.id))
    assert of(ana.id, folder) == before
    assert await broken_invariants(stores.database) == []
    if name != "add":  # her own id a second time: nothing either
        await write(stores, WRITES[name](ana.id))
        assert of(ana.id, folder) != before, "the same write by herself does something"


# --- each of them ---


async def test_a_person_switches_remembering_off_and_on(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    said = await talk.say()
    assert said.context.person.remembers
    for chosen in (False, True):
        await talk.say(writes=[SetRemembering(person_id=said.context.person.id, remembers=chosen)])
        assert (await talk.say()).context.person.remembers is chosen


async def test_a_memory_is_added_once(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1", sources=("t1", "t2", "t1")))
    before = held(folder.database)
    assert [source for _, source, _ in before["memory_sources"]] == ["t1", "t2"]
    await write(stores, added(ana.id, "m1", sources=("t2",), text="otra", slot="job", group=ana.group))
    assert held(folder.database) == before
    await write(stores, added(ana.id, "m2"), added(ana.id, "m2", text="la segunda vez en lo mismo"))
    assert [memory.what.text for memory in await stores.memories.memories(ana.id, ["m2"])] == ["Vive en Lima"]


async def test_what_is_history_from_the_beginning_is_not_embedded(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m2"), added(ana.id, "m1", superseded_by="m2"))
    (memory,) = await stores.memories.memories(ana.id, ["m1"])
    assert (memory.superseded_by, memory.ended_at) == ("m2", NOON)
    assert [one.id for one in await stores.vectors.unindexed(HASH, limit=9)] == ["m2"]
    assert await stores.vectors.removals(limit=9) == []


async def test_a_source_is_added_once_and_to_nothing_that_is_gone(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1"))
    again = AddMemorySource(person_id=ana.id, id="m1", source="t2")
    await write(stores, again, again)
    await write(stores, again, AddMemorySource(person_id=ana.id, id="gone", source="t2"))
    assert found(folder.database, "SELECT memory_id, source FROM memory_sources") == [("m1", "t1"), ("m1", "t2")]


async def test_an_ended_memory_leaves_vector_and_index_and_is_ended_once(
    stores: Stores, talk: Talk, folder: DataFolder, clock: FakeClock
) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1", group=ana.group), added(ana.id, "m2"), added(ana.id, "m3"))
    await embed(stores, ana.id, "m1", "m2")
    stamp = (await stores.memories.version(ana.id, PRIVATE)).stamp
    await stores.memories.remember([], [EndMemories(person_id=ana.id, ids=("m1",), by="m2")], clock.advance(9))
    assert (await stores.memories.version(ana.id, PRIVATE)).stamp > stamp
    (ended,) = await stores.memories.memories(ana.id, ["m1"])
    assert (ended.superseded_by, ended.ended_at) == ("m2", clock.now())
    assert found(folder.database, "SELECT memory_id FROM memory_vectors") == [("m2",)]
    assert await stores.vectors.removals(limit=9) == [Removal(id="m1", person=ana.id, group=ana.group)]
    before = held(folder.database, ["memories"])
    await write(stores, EndMemories(person_id=ana.id, ids=("m1", "none"), by="m3"))
    assert held(folder.database, ["memories"]) == before


async def test_what_is_forgotten_leaves_sources_vector_and_index(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    ana = await remembered(stores, talk)
    await write(stores, DropMemories(person_id=ana.id, ids=("a2", "a3", "none")))
    rows = held(folder.database)
    assert [(row[0], row[16]) for row in rows["memories"]] == [("a1", "a2")], "nothing asked for it to live again"
    assert [row[0] for row in rows["memory_sources"]] == ["a1"]
    assert rows["memory_vectors"] == []
    assert [row[0] for row in rows["index_removals"]] == ["a1", "a2", "a3"]
    assert await broken_invariants(stores.database) == []


async def test_what_was_superseded_lives_again_and_is_embedded_anew(stores: Stores, talk: Talk) -> None:
    ana = await remembered(stores, talk)
    await write(stores, added(ana.id, "a4", superseded_by="a2"))
    stamp = (await stores.memories.version(ana.id, PRIVATE)).stamp
    await write(stores, DropMemories(person_id=ana.id, ids=("a2",), revives=True))
    revived = await stores.memories.changed(ana.id, PRIVATE, after=stamp)
    assert [(one.id, one.superseded_by, one.ended_at) for one in revived] == [("a1", None, None), ("a4", None, None)]
    await stores.vectors.removed(["a1", "a2"])
    waiting = await stores.vectors.unindexed(HASH, limit=9)
    assert {(one.id, one.vector) for one in waiting} == {("a1", None), ("a4", None)}
    assert await broken_invariants(stores.database) == []


TOWNS = ("loja", "quito", "lima")


@pytest.mark.parametrize(
    ("dropped", "lives"),
    [
        (["lima"], "quito"),
        (["quito"], "lima"),
        (["loja"], "lima"),
        (["quito", "lima"], "loja"),
        (["loja", "lima"], "quito"),
        (["loja", "quito"], "lima"),
        (["quito", "then lima"], "loja"),
    ],
)
async def test_of_a_chain_the_last_that_is_left_lives_and_no_other(
    stores: Stores, talk: Talk, dropped: Sequence[str], lives: str
) -> None:
    """Loja, then Quito, then Lima: without Quito, Loja is still over; without Lima as well, it is not."""
    ana = await known(talk)
    for before, town in zip((None, *TOWNS), TOWNS, strict=False):
        ended = [] if before is None else [EndMemories(person_id=ana.id, ids=(before,), by=town)]
        await write(stores, added(ana.id, town, sources=(town,), supersedes=before), *ended)
    if "then lima" in dropped:
        await write(stores, DropMemories(person_id=ana.id, ids=("quito",), revives=True))
        dropped = ["lima"]
    await write(stores, DropMemories(person_id=ana.id, ids=tuple(dropped), revives=True))
    assert [memory.id for memory in await stores.memories.changed(ana.id, PRIVATE)] == [lives]
    assert await broken_invariants(stores.database) == []


async def test_a_source_is_taken_away_with_what_followed_from_nothing_else(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(stores, added(ana.id, "m1", sources=("t1", "t2")), added(ana.id, "m2"), added(luis.id, "m3"))
    only = [memory.id for memory in await stores.memories.sourced(ana.id, "t1") if memory.what.sources == ("t1",)]
    await write(stores, DropMemorySource(person_id=ana.id, source="t1"), DropMemories(person_id=ana.id, ids=tuple(only)))
    back = await stores.memories.memories(ana.id, ["m1", "m2"])
    assert [(memory.id, memory.what.sources) for memory in back] == [("m1", ("t2",))]
    assert [memory.id for memory in await stores.memories.sourced(luis.id, "t1")] == ["m3"]
    assert await broken_invariants(stores.database) == []


async def test_everything_is_forgotten_also_what_was_to_come(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    ana, luis = await remembered(stores, talk), await remembered(stores, talk, "luis")
    await talk.say(remember=True)
    before = of(luis.id, folder)
    await write(stores, DropAllMemories(person_id=ana.id))
    left = of(ana.id, folder)
    assert {table: len(rows) for table, rows in left.items() if table != "people"} == {
        **dict.fromkeys(TABLES, 0),
        "index_removals": 3,
    }
    assert of(luis.id, folder) == before
    assert (await talk.say()).context.person.remembers, "that is a choice of its own"


async def test_a_memory_of_somebody_who_was_forgotten_meanwhile_is_a_conflict(
    stores: Stores, talk: Talk, folder: DataFolder
) -> None:
    said, luis = await talk.say(remember=True), await known(talk, "luis")
    await stores.erasure.forget_person(said.context.person.id)
    before = held(folder.database)
    with pytest.raises(StoreConflict):
        await stores.memories.remember([said.id + "q"], [added(luis.id, "m1"), added(said.context.person.id, "m2")], NOON)
    assert held(folder.database) == before
    gone = said.context.person.id
    others: list[MemoryWrite] = [WRITES[name](gone) for name in WRITES if name != "add"]
    await write(stores, *others)
    assert held(folder.database) == before, "what changes memories finds none"


# --- a message that was edited ---


async def edit(talk: Talk, said: Said, text: str) -> None:
    """The person changes what they said."""
    stored = await talk.accept(talk.message(kind=Kind.EDIT))
    await talk.stores.turns.absorb(stored.id, [RelabelTurn(turn_id=said.id, question=text)], talk.clock.now())


async def test_an_edited_message_is_remembered_anew_only_when_it_was_remembered(
    stores: Stores, talk: Talk, folder: DataFolder
) -> None:
    said, kept, other = await talk.say("uno", remember=True), await talk.say("dos"), await talk.say("tres", remember=True)
    person, done = said.context.person.id, [said.id + part for part in "qa"]
    await stores.memories.remember(done, [added(person, said.id + "q", EPISODE, sources=(said.id,))], NOON)
    for one in (said, kept, other):
        await edit(talk, one, "otra cosa")
        await edit(talk, one, "y otra")
    waiting = await stores.memories.pending(with_model=False, limit=9)
    assert [(one.turn_id, one.part, one.text) for one in waiting] == [
        (said.id, "edited", "y otra"),
        (other.id, "question", "y otra"),
        (other.id, "answer", "buenas"),
    ]
    await stores.memories.remember([said.id + "e"], [], NOON)
    await edit(talk, said, "una vez más")
    assert [one.text for one in await stores.memories.pending(with_model=False, limit=1)] == ["una vez más"]
    assert await broken_invariants(stores.database) == []


async def test_nothing_more_is_remembered_of_a_message_that_was_forgotten(stores: Stores, talk: Talk) -> None:
    said, luis = await talk.say("uno", remember=True), await talk.say("dos", at=address_of("luis"), remember=True)
    person, waiting = said.context.person.id, [said.id + "q", luis.id + "q"]
    writes = [
        added(person, "said", EPISODE, sources=(said.id,)),
        added(person, "fact", sources=(said.id,)),
        added(person, "answered", replace(EPISODE, origin=Origin.ANSWERED), sources=(said.id,)),
        added(luis.context.person.id, "his", EPISODE, sources=(luis.id,)),
    ]
    await stores.memories.remember([said.id + "a", luis.id + "a"], writes, NOON, ask_model=waiting)

    async def left() -> list[str]:
        return [one.id for one in await stores.memories.pending(with_model=True, limit=9)]

    await write(stores, DropMemories(person_id=person, ids=("fact", "answered", "his")))
    assert await left() == waiting, "what was said is remembered still"
    await write(stores, DropMemories(person_id=luis.context.person.id, ids=("said",)))
    assert await left() == waiting
    await write(stores, DropMemories(person_id=person, ids=("said",)))
    assert await left() == waiting[1:]


# --- statements ---

MODULES = (memories, vectors, memory_statements, deletions)
WHOLE = {"unset embedder", "live memories and vectors", "people of whom much is remembered"}
"""These look at everybody's memories, at a start or once a night."""


def statements(*modules: object) -> list[Statement]:
    """Every statement of some modules that has to do with memories."""
    values = [value for module in modules for value in vars(module).values()]
    several = [one for value in values for one in (value.values() if isinstance(value, dict) else (value,))]
    flat = [one for value in several for one in (value if isinstance(value, tuple) else (value,))]
    ours = {one.name: one for one in flat if isinstance(one, Statement)}
    return [one for one in ours.values() if any(table in one.sql for table in TABLES)]


@pytest.mark.parametrize("statement", [pytest.param(one, id=one.name) for one in statements(*MODULES)])
def test_no_statement_about_memories_looks_at_everybodys(database_path: Path, statement: Statement) -> None:
    values = ("[]",) * statement.sql.count("?")
    plan = [detail for *_, detail in found(database_path, f"EXPLAIN QUERY PLAN {statement.sql}", *values)]
    scanned = [line for line in plan for table in TABLES[:3] if line.split(" USING ")[0] == f"SCAN {table}"]
    if statement.name in WHOLE:
        assert scanned
    else:
        assert [line for line in scanned if "ix_memories_to_index" not in line] == []


def plan_of(path: Path, name: str) -> str:
    """How SQLite goes about a statement."""
    (statement,) = [one for one in statements(*MODULES) if one.name == name]
    values = ("[]",) * statement.sql.count("?")
    return "\n".join(detail for *_, detail in found(path, f"EXPLAIN QUERY PLAN {statement.sql}", *values))


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("memories to index", "USING INDEX ix_memories_to_index"),
        ("memories to embed", "USING INDEX ix_memories_to_index"),
        ("version of memories", "USING COVERING INDEX ix_memories_person_id_changed"),
        ("changed memories", "USING INDEX ix_memories_person_id_changed"),
        ("memories in a slot", "USING INDEX ix_memories_person_id_slot"),
        ("memories by id", "SEARCH memories USING INDEX sqlite_autoindex_memories_1 (id=?)"),
        ("memories of a source", "SEARCH memories USING INDEX sqlite_autoindex_memories_1 (id=?)"),
        ("memories of a source", "USING INDEX ix_memory_sources_person_id_source"),
        (
            "memories by id with replaced facts beside them",
            "SEARCH sibling USING INDEX ix_memory_sources_person_id_source (person_id=? AND source=?)",
        ),
        (
            "memories by id with replaced facts beside them",
            "SEARCH memories USING INDEX sqlite_autoindex_memories_1 (id=?)",
        ),
        ("related memories", "SEARCH sibling USING INDEX ix_memory_sources_person_id_source (person_id=? AND source=?)"),
        ("end memories", "SEARCH memories USING INDEX sqlite_autoindex_memories_1 (id=?)"),
        ("delete vectors of ended memories", "USING INDEX sqlite_autoindex_memory_vectors_1 (memory_id=?)"),
        ("delete memories", "SEARCH memories USING INDEX sqlite_autoindex_memories_1 (id=?)"),
        ("delete memories of turns", "USING INDEX ix_memory_sources_source (source=?)"),
        ("index removals", "USING INDEX sqlite_autoindex_index_removals_1"),
    ],
)
def test_what_is_asked_for_often_is_found_in_an_index(database_path: Path, name: str, index: str) -> None:
    assert index in plan_of(database_path, name)


def test_statements_that_write_more_than_one_row_run_alone() -> None:
    """A batch sees by a statement's key which rows it writes: without one it cannot."""
    writing = [one for one in statements(memory_statements, deletions) if not one.is_read]
    assert len(writing) > 20
    assert {one.name for one in writing if not one.is_alone} == {
        "insert memory",
        "insert memory source",
        "end pending memory",
        "leave pending memory to a model",
        "set embedder",
    }


# --- all or nothing ---


class Dying:
    """Fails the n-th call to the database, once what a process that dies at that moment would leave was copied."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder, self.copy = folder, folder.path.parent / "copy" / folder.database.name
        self.calls, self.at = 0, 0

    def before_call(self, name: str) -> None:
        """What the database calls in its own thread."""
        self.calls += 1
        if self.calls == self.at:
            self.copy.parent.mkdir(exist_ok=True)
            for part in ("", "-wal"):
                shutil.copyfile(f"{self._folder.database}{part}", f"{self.copy}{part}")
            raise sqlite3.OperationalError("disk I/O error")


def _news(person: PersonId, id: str) -> list[MemoryWrite]:
    return [added(person, id), AddMemorySource(person_id=person, id="a2", source=id)]


def _change_of_mind(person: PersonId, id: str) -> list[MemoryWrite]:
    return [added(person, id, supersedes="a2"), EndMemories(person_id=person, ids=("a2",), by=id)]


def _correction(person: PersonId, id: str) -> list[MemoryWrite]:
    gone = DropMemories(person_id=person, ids=("a2", "a3"), revives=True)
    return [DropMemorySource(person_id=person, source="at2"), gone, added(person, id, sources=("at3",))]


def _end(person: PersonId, id: str) -> list[MemoryWrite]:
    return [SetRemembering(person_id=person, remembers=False), DropAllMemories(person_id=person)]


@pytest.mark.parametrize("flow", [_news, _change_of_mind, _correction, _end])
async def test_dying_at_any_call_leaves_what_was_remembered_or_what_is(
    folder: DataFolder, clock: FakeClock, flow: Callable[[PersonId, str], list[MemoryWrite]]
) -> None:
    dying = Dying(folder)
    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=dying.before_call) as stores:
        talk = Talk(stores, clock, SequentialIds())
        ana = await remembered(stores, talk)
        said = await talk.say(remember=True)
        before, step, is_done = held(folder.database), 0, False
        while not is_done:
            step += 1
            dying.calls, dying.at = 0, step
            try:
                await stores.memories.remember([said.id + "q"], flow(ana.id, "new"), NOON)
                is_done = True
            except StoreError:
                assert held(folder.database) == held(dying.copy) == before
            dying.at = 0
            assert await broken_invariants(stores.database) == []
    assert step > 5, "every call was failed, then none"
    assert held(folder.database) != before
