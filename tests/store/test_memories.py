"""What is remembered comes back to its own person, as far as a scope may read, as it was stored."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeVar

import pytest

from bot.errors import StoreConflict, StoreDamaged
from bot.memory_ports import MemoryVersion, PendingMemory
from bot.memory_types import BOT, Memory, MemoryKind, Origin
from bot.store.folder import DataFolder
from bot.store.open import Stores, open_folder
from bot.types import AddressId, Evidence, EvidenceKind, Flag, PersonId, Scope
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
from tests.store.remembered import EPISODE, FACT, Known, added, embed, held, joined, known, write
from tests.store.tables import change
from tests.talk import Said, Talk, address_of

T = TypeVar("T")
PRIVATE = Scope()
NEVER = MemoryVersion(count=0, stamp="")


def ids(memories: Sequence[Memory]) -> list[str]:
    """Which memories these are."""
    return [memory.id for memory in memories]


@pytest.mark.parametrize("kind", list(MemoryKind))
async def test_a_memory_of_every_origin_comes_back_as_it_was(stores: Stores, talk: Talk, kind: MemoryKind) -> None:
    ana = await known(talk)
    several = [
        added(ana.id, f"m{number}", replace(FACT, kind=kind, origin=origin, said_by=said_by), group=group, sources=("t1", "t2"))
        for number, (origin, said_by, group) in enumerate(
            (origin, said_by, group) for origin in Origin for said_by in (BOT, "Nora ñandú") for group in (None, ana.group)
        )
    ]
    await write(stores, *several)
    back = await stores.memories.memories(ana.id, [one.id for one in several])
    for given, memory in zip(several, back, strict=True):
        assert memory == Memory(id=given.id, what=memory.what, created_at=NOON, group=given.group)
        assert replace(memory.what, sources=tuple(sorted(memory.what.sources))) == given.what
    (changed, *_) = await stores.memories.changed(ana.id, PRIVATE)
    assert (changed.stems, changed.what.sources) == (several[0].stems, ()), "a search has use for stems, not for sources"


async def test_memories_come_in_the_order_of_their_ids_once_and_only_the_persons(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(stores, added(ana.id, "m1"), added(ana.id, "m2", EPISODE, group=ana.group), added(luis.id, "m3"))
    await write(stores, EndMemories(person_id=ana.id, ids=("m1",), by="m2"))
    back = await stores.memories.memories(ana.id, ["m3", "m2", "none", "m1", "m2"])
    assert [(memory.id, memory.superseded_by, memory.ended_at) for memory in back] == [("m2", None, None), ("m1", "m2", NOON)]
    assert await stores.memories.memories(ana.id, []) == []


@pytest.mark.parametrize("asks", ["ana", "luis"])
@pytest.mark.parametrize("scope_is_group", [False, True])
@pytest.mark.parametrize("is_from_group", [False, True])
async def test_a_group_reads_its_own_privately_all_is_read_and_nobody_reads_anothers(
    stores: Stores, talk: Talk, asks: str, scope_is_group: bool, is_from_group: bool
) -> None:
    """The scope is the place in which ana said it, also when luis asks: an address says nothing about who asks."""
    ana, luis = await known(talk), await known(talk, "luis")
    place = ana.group if is_from_group else None
    await write(stores, added(ana.id, "fact", group=place), added(ana.id, "episode", EPISODE, group=place))
    person, scope = (ana if asks == "ana" else luis).id, Scope(group=ana.group) if scope_is_group else PRIVATE
    may_read = asks == "ana" and (is_from_group or not scope_is_group)
    assert ids(await stores.memories.changed(person, scope)) == (["episode", "fact"] if may_read else [])
    assert ids(await stores.memories.changed(person, scope, after="!")) == (["episode", "fact"] if may_read else [])
    assert (await stores.memories.version(person, scope)).count == (2 if may_read else 0)
    for distilled, id in ((True, "fact"), (False, "episode")):
        shown, count = await stores.memories.page(person, scope, distilled=distilled, limit=5)
        assert (ids(shown), count) == (([id], 1) if may_read else ([], 0))
    assert ids(await stores.memories.in_slot(person, place, "home")) == (["fact"] if asks == "ana" else [])
    assert ids(await stores.memories.sourced(person, "t1")) == (["fact", "episode"] if asks == "ana" else [])
    assert ids(await stores.memories.related(person, "fact")) == (["fact", "episode"] if asks == "ana" else [])
    assert await stores.memories.changed(person, Scope(group=luis.group)) == []


async def test_one_group_never_reads_another(stores: Stores, talk: Talk) -> None:
    ana, other = await known(talk), await joined(talk, "another group")
    await write(stores, added(ana.id, "m1", group=ana.group), added(ana.id, "m2", group=other), added(ana.id, "m3"))
    read = [
        ids(await stores.memories.changed(ana.id, scope)) for scope in (Scope(group=ana.group), Scope(group=other), PRIVATE)
    ]
    assert read == [["m1"], ["m2"], ["m1", "m2", "m3"]]
    assert await stores.memories.changed(ana.id, Scope(group=ana.private)) == [], "no address stands for private talk"


async def test_the_version_grows_with_every_change_of_a_memory(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    versions = [await stores.memories.version(ana.id, PRIVATE)]
    writes: list[MemoryWrite] = [
        added(ana.id, "m1"),
        added(ana.id, "m2", supersedes="m1"),
        EndMemories(person_id=ana.id, ids=("m1",), by="m2"),
        DropMemories(person_id=ana.id, ids=("m2",), revives=True),
        added(ana.id, "m3", superseded_by="m1"),
        DropMemories(person_id=ana.id, ids=("m3",)),
        added(ana.id, "m4", group=ana.group),
        DropAllMemories(person_id=ana.id),
    ]
    for one in writes:
        await write(stores, one)
        versions.append(await stores.memories.version(ana.id, PRIVATE))
    assert [version.count for version in versions] == [0, 1, 2, 2, 1, 2, 1, 2, 0]
    assert all(before != after for before, after in pairwise(versions))
    assert [version.stamp for version in versions[:5]] == sorted({version.stamp for version in versions[:5]})
    assert versions[0] == versions[-1] == NEVER


async def test_the_version_stays_while_nothing_changes_here(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(stores, added(ana.id, "m1"), added(ana.id, "g1", group=ana.group))
    private, group = PRIVATE, Scope(group=ana.group)
    before = [await stores.memories.version(ana.id, scope) for scope in (private, group)]
    assert [version.count for version in before] == [2, 1]
    await write(stores, added(luis.id, "l1"), AddMemorySource(person_id=ana.id, id="m1", source="t9"))
    await write(stores, added(ana.id, "m1", text="otra"), EndMemories(person_id=luis.id, ids=("m1",), by="l1"))
    await embed(stores, ana.id, "m1")
    await talk.say(remember=True)
    assert [await stores.memories.version(ana.id, scope) for scope in (private, group)] == before
    await write(stores, added(ana.id, "m2"))
    after = [await stores.memories.version(ana.id, scope) for scope in (private, group)]
    assert (after[0] != before[0], after[1] == before[1]) == (True, True), "a group does not notice what is said elsewhere"


async def test_what_changed_after_a_stamp_is_told_ended_ones_too_at_first_only_what_lives(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1"), added(ana.id, "m2", group=ana.group), added(ana.id, "m3"))
    first = (await stores.memories.version(ana.id, PRIVATE)).stamp
    assert await stores.memories.changed(ana.id, PRIVATE, after=first) == []
    await write(stores, added(ana.id, "m4", supersedes="m1"), EndMemories(person_id=ana.id, ids=("m1",), by="m4"))
    assert ids(await stores.memories.changed(ana.id, PRIVATE)) == ["m2", "m3", "m4"]
    told = await stores.memories.changed(ana.id, PRIVATE, after=first)
    assert [(memory.id, memory.ended_at, memory.supersedes) for memory in told] == [("m1", NOON, None), ("m4", None, "m1")]
    assert await stores.memories.changed(ana.id, Scope(group=ana.group), after=first) == []
    await write(stores, DropMemories(person_id=ana.id, ids=("m4",), revives=True))
    (revived,) = await stores.memories.changed(ana.id, PRIVATE, after=max(first, (await version(stores, ana)).stamp[:-1]))
    assert (revived.id, revived.ended_at, revived.superseded_by) == ("m1", None, None)


async def version(stores: Stores, person: Known) -> MemoryVersion:
    return await stores.memories.version(person.id, PRIVATE)


async def test_pages_are_newest_first_with_how_many_there_are(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    days = {f"m{number}": NOON - timedelta(days=number % 4) for number in range(7)}
    await write(stores, *(added(ana.id, id, said_at=at, slot="") for id, at in days.items()))
    await write(stores, added(ana.id, "e1", EPISODE), added(ana.id, "old", superseded_by="m0"))
    newest = sorted(days, key=lambda id: (days[id], id), reverse=True)
    for offset in range(0, 7, 3):
        shown, count = await stores.memories.page(ana.id, PRIVATE, distilled=True, limit=3, offset=offset)
        assert (ids(shown), count) == (newest[offset : offset + 3], 7)
        assert all(memory.what.sources == ("t1",) for memory in shown)
    assert await stores.memories.page(ana.id, PRIVATE, distilled=True, limit=3, offset=9) == ([], 7)
    shown, count = await stores.memories.page(ana.id, PRIVATE, distilled=False, limit=3)
    assert (ids(shown), count) == (["e1"], 1)
    assert await stores.memories.page(ana.id, Scope(group=ana.group), distilled=True, limit=3) == ([], 0)


async def test_a_slot_is_read_in_exactly_its_place_with_its_history(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    await write(
        stores,
        added(ana.id, "quito", said_at=NOON - timedelta(days=9)),
        added(ana.id, "lima"),
        EndMemories(person_id=ana.id, ids=("quito",), by="lima"),
        added(ana.id, "there", group=ana.group),
        added(ana.id, "job", slot="job"),
        added(ana.id, "spoken", replace(EPISODE, slot="home")),
        added(ana.id, "free", slot=""),
        added(ana.id, "free no more", slot="", superseded_by="free"),
    )
    in_slot = stores.memories.in_slot
    assert ids(await in_slot(ana.id, None, "home")) == ["lima", "quito"]
    assert ids(await in_slot(ana.id, ana.group, "home")) == ["there"]
    assert ids(await in_slot(ana.id, None, "job")) == ["job"]
    assert ids(await in_slot(ana.id, None, "")) == ["free"], "a fact without a slot is compared with what lives"
    assert await in_slot(ana.id, ana.group, "") == []


async def test_what_follows_from_a_source_is_found_with_all_its_sources(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(stores, added(ana.id, "m1", sources=("t1", "t2")), added(ana.id, "m2", sources=("t2",)))
    await write(stores, added(luis.id, "m3", sources=("t1",)), AddMemorySource(person_id=ana.id, id="m2", source="t3"))
    sourced = {memory.id: sorted(memory.what.sources) for memory in await stores.memories.sourced(ana.id, "t2")}
    assert sourced == {"m1": ["t1", "t2"], "m2": ["t2", "t3"]}
    assert ids(await stores.memories.sourced(ana.id, "t1")) == ["m1"]
    assert await stores.memories.sourced(ana.id, "t") == []


async def test_facts_that_were_replaced_are_found_by_where_they_came_from(stores: Stores, talk: Talk) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    await write(
        stores,
        added(ana.id, "quito", sources=("t1", "t2"), superseded_by="lima"),
        added(ana.id, "lima", sources=("t3",)),
        added(ana.id, "episode", EPISODE, sources=("t1",), superseded_by="lima"),
        added(ana.id, "other", EPISODE, sources=("t2", "t4")),
        added(luis.id, "luis", sources=("t1",), superseded_by="other"),
    )
    with_replaced = stores.memories.with_replaced
    found, (replaced,) = await with_replaced(ana.id, ["other", "lima", "nobody's"])
    assert ids(found) == ["other", "lima"], "in the order of the question"
    assert (replaced.id, sorted(replaced.what.sources), replaced.superseded_by) == ("quito", ["t1", "t2"], "lima")
    found, replaced_beside = await with_replaced(ana.id, ["episode"])
    assert (ids(found), ids(replaced_beside)) == (["episode"], ["quito"]), "an episode that has ended is no fact"
    found, replaced_beside = await with_replaced(ana.id, ["quito"])
    assert ids(found) == ids(replaced_beside) == ["quito"]
    found, replaced_beside = await with_replaced(ana.id, ["lima"])
    assert (ids(found), ids(replaced_beside)) == (["lima"], [])
    assert await with_replaced(ana.id, []) == ([], [])
    assert await with_replaced(luis.id, ["episode"]) == ([], []), "nobody else's"


async def test_related_are_siblings_and_everything_it_took_the_place_of(stores: Stores, talk: Talk) -> None:
    """Lived in Loja, then Quito, now Lima; each was said in a turn that is remembered as well."""
    ana, luis = await known(talk), await known(talk, "luis")
    await write(
        stores,
        *(added(ana.id, f"{town} said", EPISODE, sources=(town,)) for town in ("loja", "quito", "lima", "elsewhere")),
        added(ana.id, "loja", sources=("loja",), superseded_by="quito"),
        added(ana.id, "quito", sources=("quito",), supersedes="loja", superseded_by="lima"),
        added(ana.id, "lima", sources=("lima", "again"), supersedes="quito"),
        added(ana.id, "job", slot="job", sources=("lima",)),
        added(ana.id, "job before", slot="job", sources=("elsewhere",), superseded_by="job"),
        added(luis.id, "luis", sources=("lima", "again")),
    )
    first, *others = ids(await stores.memories.related(ana.id, "lima"))
    assert first == "lima"
    chain = {"quito", "loja", *(f"{town} said" for town in ("loja", "quito", "lima"))}
    assert set(others) == chain | {"job"}, "what a sibling had replaced stays: the sibling alone is named"
    assert len(others) == len(set(others))
    assert ids(await stores.memories.related(ana.id, "loja"))[0] == "loja"
    assert set(ids(await stores.memories.related(ana.id, "loja"))) == {"loja", "loja said"}, "nothing that came after it"
    assert await stores.memories.related(ana.id, "luis") == []
    assert await stores.memories.related(ana.id, "none") == []


async def test_what_an_answer_repeated_goes_with_what_it_rested_on(stores: Stores, talk: Talk) -> None:
    """ "My locker code is 4321" was forgotten, and came back out of the answer that had told it."""

    async def rested(text: str, *ids: str) -> Said:
        message = talk.message("What is my code?")
        evidence = tuple(Evidence(kind=EvidenceKind.MEMORY, text="4321", source=one, score=1) for one in ids)
        return await talk.answer(message, (await talk.accept(message)).id, text, evidence=evidence)

    ana, luis = await known(talk), await known(talk, "luis")
    told = await rested("4321", "fact")
    again = await rested("4321, as I said", "other", "told")
    apart = await rested("Nothing", "other")
    await write(
        stores,
        added(ana.id, "fact", sources=("code",)),
        added(ana.id, "other", slot="job", sources=("job",)),
        added(luis.id, "his", sources=("code",)),
        *(
            added(ana.id, id, replace(EPISODE, origin=Origin.ANSWERED, said_by=BOT), sources=(turn.id,))
            for id, turn in (("told", told), ("again", again), ("apart", apart))
        ),
        *(added(ana.id, f"{turn.id}q", EPISODE, sources=(turn.id,)) for turn in (told, again)),
    )
    assert ids(await stores.memories.related(ana.id, "fact"))[0] == "fact"
    assert set(ids(await stores.memories.related(ana.id, "fact"))) == {"fact", "told", "again"}, "the questions stay"
    assert set(ids(await stores.memories.related(ana.id, "other"))) == {"other", "again", "apart"}
    assert ids(await stores.memories.related(luis.id, "his")) == ["his"]


async def test_a_circle_of_memories_has_an_end(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    await write(
        stores,
        added(ana.id, "m1", sources=("t1",), superseded_by="m2"),
        added(ana.id, "m2", sources=("t2",), superseded_by="m1"),
    )
    assert ids(await stores.memories.related(ana.id, "m1")) == ["m1", "m2"]


class Counting(ThreadPoolExecutor):
    """Threads that count how often they were asked to do something."""

    asked = 0

    def submit(self, fn: Callable[..., T], /, *args: Any, **named: Any) -> Future[T]:
        self.asked += 1
        return super().submit(fn, *args, **named)


async def test_many_memories_are_decoded_beside_the_loop(stores: Stores, talk: Talk) -> None:
    threads = Counting(max_workers=1)
    asyncio.get_running_loop().set_default_executor(threads)
    ana = await known(talk)
    for first, last, asked in ((0, 200, 0), (200, 201, 1)):
        await write(stores, *(added(ana.id, f"m{number:03}") for number in range(first, last)))
        assert len(await stores.memories.changed(ana.id, PRIVATE)) == last
        assert threads.asked == asked


@pytest.mark.parametrize("damage", ["kind = 'other'", "origin = ''"])
async def test_a_damaged_memory_is_an_error_of_the_store(stores: Stores, talk: Talk, folder: DataFolder, damage: str) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1"))
    change(folder.database, f"UPDATE memories SET {damage}")
    with pytest.raises(StoreDamaged, match="memories"):
        await stores.memories.changed(ana.id, PRIVATE)
    with pytest.raises(StoreDamaged):
        await stores.memories.memories(ana.id, ["m1"])


# --- what is still to be remembered ---


async def test_what_waits_says_what_the_turn_says_now_and_when(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    message = talk.message("vivo en Lima", at=address_of("ana", chat="a group"))
    stored = await talk.accept(message)
    answered_at = clock.advance(5)
    said = await talk.answer(message, stored.id, "¡Qué bien!", remember=True, flags=frozenset({Flag.TRIMMED}))
    question, answer = await stores.memories.pending(with_model=False, limit=9)
    assert question == PendingMemory(
        id=said.id + "q",
        part="question",
        person=said.context.person.id,
        group=said.context.address_id,
        turn_id=said.id,
        conversation_id=said.context.conversation_id,
        text="vivo en Lima",
        language="es",
        asked_at=NOON,
        said_at=NOON,
        flags=frozenset({Flag.TRIMMED}),
        remembers=True,
    )
    assert answer == replace(question, id=said.id + "a", part="answer", text="¡Qué bien!", said_at=answered_at)
    await change_mind(talk, said.context.person.id, RelabelTurn(turn_id=said.id, question="vivo en Cusco"))
    await change_mind(talk, said.context.person.id, SetRemembering(person_id=said.context.person.id, remembers=False))
    question, answer = await stores.memories.pending(with_model=False, limit=9)
    assert (question.text, question.remembers, answer.remembers) == ("vivo en Cusco", False, False)


async def change_mind(talk: Talk, person: PersonId, write: RelabelTurn | MemoryWrite) -> None:
    """Something that a person does about what they have said."""
    stored = await talk.accept(talk.message())
    await talk.stores.turns.absorb(stored.id, [write], talk.clock.now())


async def test_the_oldest_come_first_and_those_for_a_model_apart(stores: Stores, talk: Talk) -> None:
    first, second = await talk.say(remember=True), await talk.say(remember=True)
    pending = stores.memories.pending
    assert [one.id for one in await pending(with_model=False, limit=3)] == [first.id + "q", first.id + "a", second.id + "q"]
    assert await pending(with_model=True, limit=3) == []
    done, left = [first.id + "a", second.id + "q"], [first.id + "q"]
    await stores.memories.remember(done, [added(first.context.person.id, "m1")], NOON, ask_model=left)
    assert [one.id for one in await pending(with_model=False, limit=3)] == [second.id + "a"]
    assert [(one.id, one.part, one.text) for one in await pending(with_model=True, limit=3)] == [(left[0], "model", "hola")]
    assert [one.group for one in await pending(with_model=True, limit=3)] == [None]
    await stores.memories.remember(left, [], NOON)
    assert await pending(with_model=True, limit=3) == []


async def test_more_than_a_model_may_be_left_is_named_the_oldest_of_it(stores: Stores, talk: Talk) -> None:
    said = [(await talk.say(remember=True)).id + "q" for _ in range(5)]
    await stores.memories.remember([], [], NOON, ask_model=said[:4])
    assert set(await stores.memories.surplus(most=1)) == set(said[:3])
    assert await stores.memories.surplus(most=4) == []


@pytest.mark.parametrize("meanwhile", ["edited", "forgotten", "switched off", "nothing"])
async def test_what_changed_meanwhile_is_not_remembered_as_it_was(
    stores: Stores, talk: Talk, folder: DataFolder, meanwhile: str
) -> None:
    said = await talk.say("vivo en Quito", remember=True)
    person, read = said.context.person.id, await stores.memories.pending(with_model=False, limit=9)
    changes: Mapping[str, MemoryWrite | RelabelTurn] = {
        "edited": RelabelTurn(turn_id=said.id, question="vivo en Lima"),
        "forgotten": DropAllMemories(person_id=person),
        "switched off": SetRemembering(person_id=person, remembers=False),
    }
    if meanwhile in changes:
        await change_mind(talk, person, changes[meanwhile])
    before, done = held(folder.database), [one.id for one in read]
    try:
        await stores.memories.remember(done, [added(person, "m1")], NOON, unchanged=read)
    except StoreConflict:
        assert meanwhile != "nothing"
        assert held(folder.database) == before
    else:
        assert meanwhile == "nothing"
        assert await stores.memories.pending(with_model=False, limit=9) == []


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE turns SET question = 'vivo en Lima'",
        "UPDATE people SET remembers = 0",
        "DELETE FROM pending_memories",
        "UPDATE pending_memories SET part = 'model' WHERE part = 'question'",
    ],
)
async def test_what_changes_right_before_the_transaction_is_not_remembered_as_it_was(
    folder: DataFolder, clock: FakeClock, sql: str
) -> None:
    """After any look at it from outside the transaction."""
    changes: list[str] = []

    def before_call(name: str) -> None:
        if name == "BEGIN" and changes:
            change(folder.database, changes.pop())

    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=before_call) as stores:
        said = await Talk(stores, clock, SequentialIds()).say("vivo en Quito", remember=True)
        read = await stores.memories.pending(with_model=False, limit=9)
        changes.append(sql)
        with pytest.raises(StoreConflict):
            await stores.memories.remember(
                [one.id for one in read], [added(said.context.person.id, "m1")], NOON, unchanged=read
            )
        assert (len(changes), held(folder.database)["memories"]) == (0, [])
        left = await stores.memories.pending(with_model=False, limit=9)
        await stores.memories.remember([one.id for one in left], [added(said.context.person.id, "m1")], NOON, unchanged=left)
        assert [row[0] for row in held(folder.database)["memories"]] == ["m1"], "as it is now it can be"


async def test_who_has_too_much_is_named_and_what_goes_first(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    ana, luis = await known(talk), await known(talk, "luis")
    days = {number: NOON - timedelta(days=number) for number in range(4)}
    await write(
        stores,
        *(added(ana.id, f"said {number}", EPISODE, said_at=at) for number, at in days.items()),
        *(added(ana.id, f"fact {number}", said_at=at, group=ana.group) for number, at in days.items()),
        added(ana.id, "history", superseded_by="fact 0"),
        added(luis.id, "luis"),
    )
    assert await stores.memories.crowded(most=8) == [(ana.id, 9)]
    assert await stores.memories.crowded(most=9) == []
    said, facts = ([f"{kind} {number}" for number in (3, 2, 1, 0)] for kind in ("said", "fact"))
    assert await stores.memories.eldest(ana.id, limit=20) == ["history", *said, *facts]
    assert await stores.memories.eldest(ana.id, limit=2) == ["history", "said 3"]
    assert await stores.memories.eldest(ana.id, limit=20, before=NOON) == []
    assert await stores.memories.eldest(luis.id, limit=20, before=clock.advance(1)) == ["luis"]


async def test_a_place_without_memories_and_a_person_unknown_have_none(stores: Stores, talk: Talk) -> None:
    nobody: Mapping[str, Scope] = {"private": PRIVATE, "group": Scope(group=AddressId("nowhere"))}
    for scope in nobody.values():
        assert await stores.memories.version(PersonId("nobody"), scope) == NEVER
        assert await stores.memories.changed(PersonId("nobody"), scope) == []
        assert await stores.memories.page(PersonId("nobody"), scope, distilled=True, limit=1) == ([], 0)


async def test_a_source_that_is_dropped_finds_nothing_any_more(stores: Stores, talk: Talk) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1", sources=("t1", "t2")))
    await write(stores, DropMemorySource(person_id=ana.id, source="t1"))
    assert await stores.memories.sourced(ana.id, "t1") == []
    assert ids(await stores.memories.sourced(ana.id, "t2")) == ["m1"]
