"""Vectors are kept beside their memories, by one embedder, and what the index lacks or has too much is known."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from bot.memory_ports import Removal, StoredVector, Unindexed
from bot.store import vectors
from bot.store.codec import Statement
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.open import Stores
from bot.types import PersonId, Scope
from bot.writes import DropAllMemories, DropMemories, EndMemories
from tests.store.remembered import HASH, ONNX, added, embed, joined, known, write
from tests.store.tables import found
from tests.talk import Talk

PRIVATE = Scope()
HALVES, ONES = b"\x00\x38\x00\x38", b"\x00\x3c\x00\x3c"
"""Two float16 numbers each."""


async def theirs(stores: Stores, person: PersonId, scope: Scope, embedder: str) -> Sequence[StoredVector]:
    """All vectors of a person that a scope may read."""
    every = await stores.vectors.page(HASH, after="", limit=99), await stores.vectors.page(ONNX, after="", limit=99)
    return await stores.vectors.of(person, scope, embedder, among=[one.id for page in every for one in page])


def names(several: Sequence[StoredVector | Unindexed | Removal]) -> list[str]:
    """Whose these are."""
    return [one.id for one in several]


async def test_a_vector_comes_back_bit_by_bit_and_a_later_one_takes_its_place(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1"), added(ana.id, "m2", group=ana.group))
    given = [
        StoredVector(id="m1", person=ana.id, group=None, vector=bytes(range(256)) * 3),
        StoredVector(id="m2", person=ana.id, group=ana.group, vector=HALVES),
    ]
    await stores.vectors.store(HASH, given)
    assert await theirs(stores, ana.id, PRIVATE, HASH) == given
    assert await stores.vectors.page(HASH, after="", limit=9) == given
    await embed(stores, ana.id, "m2", group=ana.group, vector=ONES)
    assert [one.vector for one in await theirs(stores, ana.id, Scope(group=ana.group), HASH)] == [ONES]


async def test_only_the_vectors_that_are_asked_for_are_read(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    await write(stores, *(added(ana.id, f"m{number}") for number in range(3)))
    await embed(stores, ana.id, "m0", "m1", "m2")
    assert names(await stores.vectors.of(ana.id, PRIVATE, HASH, among=["m2", "m0", "none"])) == ["m0", "m2"]
    assert await stores.vectors.of(ana.id, PRIVATE, HASH, among=[]) == []


@pytest.mark.parametrize("asks", ["ana", "luis"])
@pytest.mark.parametrize("scope_is_group", [False, True])
@pytest.mark.parametrize("is_from_group", [False, True])
async def test_vectors_are_read_in_the_scopes_of_their_memories(
    stores: Stores, talk: Talk, asks: str, scope_is_group: bool, is_from_group: bool
) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(stores, added(ana.id, "m1", group=ana.group if is_from_group else None))
    await embed(stores, ana.id, "m1")
    person, scope = (ana if asks == "ana" else luis).id, Scope(group=ana.group) if scope_is_group else PRIVATE
    may_read = asks == "ana" and (is_from_group or not scope_is_group)
    assert names(await theirs(stores, person, scope, HASH)) == (["m1"] if may_read else [])
    assert await theirs(stores, person, Scope(group=luis.group), HASH) == []


async def test_one_group_never_reads_the_vectors_of_another(stores: Stores, talk: Talk) -> None:
    ana, other = await known(talk), await joined(talk, "another group")
    await write(stores, added(ana.id, "m1", group=ana.group), added(ana.id, "m2", group=other))
    await embed(stores, ana.id, "m1", "m2")
    assert names(await theirs(stores, ana.id, Scope(group=other), HASH)) == ["m2"]


async def test_what_was_forgotten_or_ended_meanwhile_or_is_anothers_gets_no_vector(
    stores: Stores, talk: Talk, folder: DataFolder
) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(stores, *(added(ana.id, id) for id in ("m1", "m2", "m3")), added(luis.id, "m4"))
    await write(stores, DropMemories(person_id=ana.id, ids=("m1",)), EndMemories(person_id=ana.id, ids=("m2",), by="m3"))
    await embed(stores, ana.id, "m1", "m2", "m3", is_indexed=False)
    await stores.vectors.store(HASH, [StoredVector(id="m4", person=ana.id, group=None, vector=ONES)])
    assert found(folder.database, "SELECT memory_id FROM memory_vectors") == [("m3",)]
    assert names(await theirs(stores, luis.id, PRIVATE, HASH)) == []
    assert [one.vector for one in await stores.vectors.unindexed(HASH, limit=9) if one.id == "m4"] == [None]
    assert await broken_invariants(stores.database) == []


async def test_what_is_not_in_the_index_comes_newest_first_until_it_is(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(stores, added(ana.id, "m2", text="dos", group=ana.group), added(luis.id, "m1", text="uno"), added(ana.id, "m3"))
    await write(stores, added(ana.id, "m0", superseded_by="m3"))
    waiting = await stores.vectors.unindexed(HASH, limit=9)
    assert waiting == [
        Unindexed(id="m3", person=ana.id, group=None, text="Vive en Lima", vector=None),
        Unindexed(id="m1", person=luis.id, group=None, text="uno", vector=None),
        Unindexed(id="m2", person=ana.id, group=ana.group, text="dos", vector=None),
    ]
    assert await stores.vectors.unindexed(HASH, limit=2) == waiting[:2]
    await embed(stores, ana.id, "m2", "m3", group=ana.group, vector=HALVES, is_indexed=False)
    seen = {one.id: one.vector for one in await stores.vectors.unindexed(HASH, limit=9)}
    assert seen == {"m1": None, "m2": HALVES, "m3": HALVES}
    assert names(await stores.vectors.unindexed(HASH, limit=9, has_vector=True)) == ["m3", "m2"]
    assert names(await stores.vectors.unindexed(HASH, limit=9, has_vector=False)) == ["m1"]
    assert names(await stores.vectors.unindexed(ONNX, limit=9, has_vector=False)) == ["m3", "m1", "m2"]
    assert {one.vector for one in await stores.vectors.unindexed(ONNX, limit=9)} == {None}, "another embedder's is none"
    await stores.vectors.indexed(ONNX, ["m2"])
    await stores.vectors.indexed(HASH, ["m1", "m3", "gone"])
    assert names(await stores.vectors.unindexed(HASH, limit=9)) == ["m1", "m2"], (
        "in the index is what has a vector by its embedder"
    )
    assert await broken_invariants(stores.database) == []


async def test_what_ends_while_it_is_put_into_the_index_leaves_it_again(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1"), added(ana.id, "m2"))
    await embed(stores, ana.id, "m1", is_indexed=False)
    await write(stores, EndMemories(person_id=ana.id, ids=("m1",), by="m2"))
    await stores.vectors.indexed(HASH, ["m1"])
    assert names(await stores.vectors.removals(limit=9)) == ["m1"]
    await write(stores, DropMemories(person_id=ana.id, ids=("m2",), revives=True))
    assert await stores.vectors.unindexed(HASH, limit=9) == [], "first its old vector leaves"
    await stores.vectors.removed(["m1"])
    assert [(one.id, one.vector) for one in await stores.vectors.unindexed(HASH, limit=9)] == [("m1", None)]
    assert await broken_invariants(stores.database) == []


async def test_another_embedder_takes_all_vectors_back_some_at_a_time(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    await write(stores, *(added(ana.id, f"m{number}") for number in range(6)), added(ana.id, "old", superseded_by="m1"))
    await embed(stores, ana.id, "m0", "m1", "m2", "m3")
    await embed(stores, ana.id, "m4", embedder=ONNX)
    assert [await stores.vectors.unset(ONNX, limit=3) for _ in range(3)] == [3, 1, 0]
    assert names(await theirs(stores, ana.id, PRIVATE, ONNX)) == ["m4"]
    assert await theirs(stores, ana.id, PRIVATE, HASH) == await stores.vectors.page(HASH, after="", limit=9) == []
    waiting = await stores.vectors.unindexed(ONNX, limit=9)
    assert {(one.id, one.vector) for one in waiting} == {(id, None) for id in ("m0", "m1", "m2", "m3", "m5")}
    assert await stores.vectors.numbers(ONNX) == (6, 1)
    assert await broken_invariants(stores.database) == []


async def test_the_embedder_of_most_vectors_is_named(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    assert await stores.vectors.embedder() == ""
    await write(stores, *(added(ana.id, f"m{number}") for number in range(4)), added(ana.id, "old", superseded_by="m1"))
    await write(stores, *(added(ana.id, f"old {number}", superseded_by="m1") for number in range(4)))
    assert await stores.vectors.embedder() == "", "what is history counts for nobody"
    await embed(stores, ana.id, "m0", embedder=ONNX)
    await embed(stores, ana.id, "m1", "m2")
    assert await stores.vectors.embedder() == HASH


async def test_all_vectors_are_paged_through_in_the_order_of_ids(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    everybody = [(ana.id if number % 2 else luis.id, f"m{number}") for number in range(7)]
    await write(stores, *(added(person, id) for person, id in everybody))
    for person, id in everybody[:6]:
        await embed(stores, person, id, embedder=ONNX if id == "m3" else HASH, is_indexed=False)
    pages, after = [], ""
    while page := await stores.vectors.page(HASH, after=after, limit=2):
        pages.append([(one.person, one.id) for one in page])
        after = page[-1].id
    assert pages == [everybody[:2], [everybody[2], everybody[4]], [everybody[5]]]


async def test_a_vector_that_ended_and_lives_again_is_not_in_the_index_before_it_left(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1"), added(ana.id, "m2"))
    await embed(stores, ana.id, "m1")
    await write(stores, EndMemories(person_id=ana.id, ids=("m1",), by="m2"))
    await write(stores, DropMemories(person_id=ana.id, ids=("m2",), revives=True))
    await embed(stores, ana.id, "m1")
    assert names(await stores.vectors.removals(limit=9)) == ["m1", "m2"]
    await stores.vectors.removed(["m1", "m2"])
    assert names(await stores.vectors.unindexed(HASH, limit=9, has_vector=True)) == ["m1"], "it was not marked"


async def test_all_vectors_are_paged_through_by_person(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    everybody = [(ana.id if number % 2 else luis.id, f"m{number}") for number in range(7)]
    await write(stores, *(added(person, id) for person, id in everybody))
    for person, id in everybody[:6]:
        await embed(stores, person, id, embedder=ONNX if id == "m3" else HASH, is_indexed=False)
    pages, after = [], (PersonId(""), "")
    while page := await stores.vectors.by_person(HASH, after=after, limit=2):
        pages.append([(one.person, one.id) for one in page])
        after = (page[-1].person, page[-1].id)
    in_order = sorted(one for one in everybody[:6] if one[1] != "m3")
    assert pages == [in_order[:2], in_order[2:4], in_order[4:]]


async def test_whatever_ends_or_is_forgotten_has_to_leave_the_index(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(
        stores, *(added(ana.id, id, group=ana.group) for id in ("m1", "m2", "m3")), added(ana.id, "m4"), added(luis.id, "m5")
    )
    await write(stores, EndMemories(person_id=ana.id, ids=("m1",), by="m2"), DropMemories(person_id=ana.id, ids=("m2",)))
    gone = [Removal(id=id, person=ana.id, group=ana.group) for id in ("m1", "m2")]
    assert await stores.vectors.removals(limit=9) == gone
    assert await stores.vectors.removals(limit=1) == gone[:1]
    await stores.vectors.removed(["m1", "none"])
    assert await stores.vectors.removals(limit=9) == gone[1:]
    await write(stores, DropAllMemories(person_id=ana.id))
    everything = [Removal(id=id, person=ana.id, group=group) for id, group in (("m3", ana.group), ("m4", None))]
    assert await stores.vectors.removals(limit=9) == [*gone, *everything]
    await stores.erasure.forget_person(ana.id)
    assert await stores.vectors.removals(limit=9) == [], "whoever is forgotten leaves the index at once"


async def test_the_index_is_told_how_much_it_must_hold_by_place(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(stores, *(added(ana.id, f"m{number}", group=ana.group if number > 1 else None) for number in range(5)))
    await write(stores, added(luis.id, "l1"), added(luis.id, "l2"), added(luis.id, "l3"))
    await embed(stores, ana.id, "m0", "m1", "m2", "m3")
    await embed(stores, ana.id, "m4", is_indexed=False)
    await embed(stores, luis.id, "l1")
    await embed(stores, luis.id, "l2", embedder=ONNX)
    held = {(ana.id, None, 2), (ana.id, ana.group, 2), (luis.id, None, 1)}
    assert set(await stores.vectors.counts(HASH, limit=9)) == held
    assert len({person for person, *_ in await stores.vectors.counts(HASH, limit=1)}) == 1
    assert await stores.vectors.counts("none-1", limit=9) == []


PRESENT = "ix_memories_to_index (embedder=?)"
NOTHING_TO_SORT = ("memories to index that have a vector", "vectors by person")


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("memories to index", PRESENT),
        ("memories to index that have a vector", PRESENT),
        ("memories to embed", PRESENT),
        ("embedder of most vectors", "ix_memories_embedded"),
        ("unset embedder", "ix_memories_embedded"),
        ("vectors by person", "ix_memories_embedded (embedder=? AND person_id>?)"),
        ("vectors by place", "ix_memories_embedded (embedder=? AND person_id=?)"),
    ],
)
def test_no_backlog_is_sorted_and_no_vectors_are_sought_everywhere(database_path: Path, name: str, index: str) -> None:
    values = [value for value in vars(vectors).values() if isinstance(value, Statement)]
    (statement,) = [one for one in (*values, *vectors._UNINDEXED.values()) if one.name == name]
    nothing = ("",) * statement.sql.count("?")
    plan = [detail for *_, detail in found(database_path, f"EXPLAIN QUERY PLAN {statement.sql}", *nothing)]
    of_memories = [line for line in plan if re.match("(SCAN|SEARCH) memories ", line)]
    assert [line for line in of_memories if index in line]
    assert [line for line in of_memories if not re.search("ix_memories_(to_index|embedded)|autoindex_memories_1 ", line)] == []
    sorted_before = [before for before, line in pairwise(plan) if "USE TEMP B-TREE" in line]
    if name in NOTHING_TO_SORT:
        assert sorted_before == []
    if name == "memories to embed":
        of_others = [line for line in of_memories if "embedder<?" in line or "embedder>?" in line]
        assert len(of_others) == plan.count("USE TEMP B-TREE FOR ORDER BY") == 2, "none, once they are unset"


async def test_what_is_new_comes_first_wherever_the_others_vectors_come_from(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    for number, embedder in enumerate(("zzz", "", "aaa", HASH, "", "zzz")):
        await write(stores, added(ana.id, f"m{number}"))
        if embedder:
            await embed(stores, ana.id, f"m{number}", embedder=embedder, is_indexed=False)
    assert names(await stores.vectors.unindexed(HASH, limit=9)) == ["m5", "m4", "m3", "m2", "m1", "m0"]
    assert names(await stores.vectors.unindexed(HASH, limit=4, has_vector=False)) == ["m5", "m4", "m2", "m1"]
    assert names(await stores.vectors.unindexed(HASH, limit=9, has_vector=True)) == ["m3"]
    assert {one.vector for one in await stores.vectors.unindexed("zzz", limit=9, has_vector=False)} == {None}


async def test_nobody_has_no_vectors(stores: Stores) -> None:
    assert await theirs(stores, PersonId("nobody"), PRIVATE, HASH) == []
    assert await stores.vectors.removals(limit=1) == []
    assert await stores.vectors.unindexed(HASH, limit=1) == []
    assert await stores.vectors.unset(HASH, limit=1) == 0
    await stores.vectors.store(HASH, [])
    await stores.vectors.indexed(HASH, [])
    await stores.vectors.removed([])
