"""Export gives a person everything, forgetting leaves nothing."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from bot.channel_ports import SEEN
from bot.channel_types import CodeKind
from bot.errors import StoreError
from bot.memory_types import MemoryKind
from bot.profile_types import ProfileEventKind, Reason
from bot.store.db import Database, Unit
from bot.store.deletions import FORGET
from bot.store.erasure import MEMORIES, Erasure
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.open import Stores, open_folder
from bot.store.schema import metadata
from bot.store.tombstones import Tombstones
from bot.types import (
    Choice,
    Generation,
    InboxState,
    Kind,
    OutboxId,
    Part,
    PersonId,
    PlatformId,
    Question,
)
from bot.writes import (
    AddAudit,
    AddCode,
    AddDueMessage,
    AddJob,
    AddProfileEvent,
    AskQuestion,
    DropMemories,
    EndMemories,
    SetBlock,
    SetConsent,
    SetLanguage,
    SetRating,
)
from tests.fakes import FakeClock, SequentialIds
from tests.store.remembered import FACT, TABLES, added, embed, write
from tests.store.styles import STYLE
from tests.store.tables import counts, files_with, found, values_of
from tests.talk import Said, Talk, address_of

GENERAL = {"usage_of_all", "job_runs", "notices", "chats", "audit", "blocks", "broadcasts"}
"""Tables without a word about anybody: of chats those that are groups, and what admins did, whoever they are by now."""


async def live(talk: Talk, canary: str) -> PersonId:
    """A life with Martín that leaves rows in every table, each with words that only `canary` says."""
    private, group = (
        address_of(f"user-{canary}"),
        address_of(f"user-{canary}", chat=f"group-{canary}", thread=f"thread-{canary}"),
    )
    style = replace(STYLE, thread=f"first-{canary}", topic=f"topic-{canary}", goal=f"goal-{canary}")
    said = await talk.say(
        f"question-{canary}", f"answer-{canary}", at=private, parts=[f"part-{canary}"], remember=True, style=style
    )
    person, address = said.context.person.id, said.context.address_id
    rating = SetRating(person_id=person, turn_id=said.id, value=-1, reason=Reason.WRONG, correction=f"correction-{canary}")
    stored = await talk.accept(talk.message(kind=Kind.RATING, at=private))
    pressed = AddProfileEvent(
        person_id=person, kind=ProfileEventKind.PRESS, data={"turn": said.id, "value": -1, "topic": f"subject-{canary}"}
    )
    await talk.stores.turns.absorb(stored.id, [rating, pressed], talk.clock.now())
    asking = talk.message(f"ask-{canary}", at=private)
    asked = await talk.accept(asking)
    question = Question(
        turn_id=asked.id, kind="consent", choices=(Choice(key="a", label=f"label-{canary}"),), state={"k": f"state-{canary}"}
    )
    await talk.answer(
        asking,
        asked.id,
        writes=[
            AskQuestion(address_id=address, person_id=person, question=question),
            SetConsent(person_id=person, granted=True, version=f"version-{canary}"),
            SetLanguage(person_id=person, language="en"),
            AddDueMessage(person_id=person, address_id=address, kind=f"kind-{canary}", due_at=talk.clock.now()),
            AddCode(hash=f"code-{canary}", kind=CodeKind.LINK, expires_at=talk.clock.now(), person_id=person),
        ],
    )
    await talk.stores.outbox.set_part(
        OutboxId(asked.id), 0, Part(platform_id=PlatformId(f"placeholder-{canary}")), talk.clock.now()
    )
    await mark(talk, SEEN + private.chat)
    there = await talk.say(f"in-group-{canary}", f"group-answer-{canary}", at=group, parts=[f"group-part-{canary}"])
    await remember(talk, said, there, canary)
    refused = talk.message(f"refused-{canary}", at=private, event=f"event-{canary}")
    await talk.stores.inbox.accept([talk.arrival(refused, InboxState.REFUSED, notice=f"notice-{canary}")])
    await talk.say("olvida", at=private, writes=[AddJob(kind="forget", person_id=person)])
    return person


async def mark(talk: Talk, key: str) -> None:
    """How far a private chat was read."""
    assert isinstance(talk.stores, Stores)
    await talk.stores.chats.set_mark(address_of("x").channel, key, "7", talk.clock.now())


async def remember(talk: Talk, said: Said, there: Said, canary: str) -> None:
    """Memories in private and in a group, one of them superseded, with vectors, and what the index is still to lose."""
    person, stores = said.context.person.id, talk.stores
    assert isinstance(stores, Stores)
    what = replace(
        FACT,
        text=f"memory-{canary}",
        said_by=f"speaker-{canary}",
        session=f"session-{canary}",
        slot=f"slot-{canary}",
        sources=(said.id, f"source-{canary}"),
    )
    of_group = replace(what, text=f"group-memory-{canary}", kind=MemoryKind.EPISODE, sources=(there.id,))
    await write(
        stores,
        added(person, f"id-{canary}", what, stems=(f"stem-{canary}",)),
        added(person, f"id-group-{canary}", of_group, group=there.context.address_id),
        added(person, f"id-ended-{canary}", replace(what, text=f"ended-{canary}")),
    )
    await embed(stores, person, f"id-{canary}", f"id-group-{canary}", f"id-ended-{canary}", vector=f"vector-{canary}".encode())
    await write(stores, EndMemories(person_id=person, ids=(f"id-ended-{canary}",), by=f"id-{canary}"))


def canaries(canary: str) -> list[str]:
    """All words that `live` leaves, but for those in vectors."""
    memory = "memory speaker session slot source group-memory stem ended id id-group id-ended"
    words = "user question answer part correction ask label state version kind placeholder in-group group-answer group-part"
    more = "group thread event notice first topic goal subject code"
    return [f"{word}-{canary}" for word in f"{words} {more} {memory}".split()]


def test_every_table_that_knows_a_person_has_an_owner(stores: Stores) -> None:
    owned = [name for owner in stores.personal for name in owner.tables]
    assert len(owned) == len(set(owned)), "a table has two owners"
    assert set(owned) == set(metadata.tables) - GENERAL
    with_person = {
        table.name
        for table in metadata.sorted_tables
        if {"person_id", "user", "chat", "turn_id"} & {column.name for column in table.columns}
    }
    assert with_person - {"chats", "audit"} <= set(owned)


async def test_export_gives_the_person_every_value_of_every_row(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    person = await live(talk, "ana")
    exported = {owner.name: await owner.export(person) for owner in stores.personal}
    text = json.dumps(exported, ensure_ascii=False)
    assert [word for word in canaries("ana") if word not in text] == []
    held = [
        (table, column, b64encode(value).decode() if isinstance(value, bytes) else value)
        for table, column, value in values_of(folder.database)
        if table not in GENERAL and isinstance(value, str | bytes) and not str(value).startswith(("{", "["))
    ]
    assert len(held) > 150
    assert b64encode(b"vector-ana").decode() in text
    assert [one for one in held if json.dumps(one[2], ensure_ascii=False) not in text] == []
    rows = {name: len(found_rows) for tables in exported.values() for name, found_rows in dict(tables).items()}  # type: ignore[call-overload]
    assert rows == {name: count for name, count in counts(folder.database).items() if name not in GENERAL}


async def test_export_says_what_the_persons_answers_cost(stores: Stores, talk: Talk) -> None:
    paid = Generation(model="m", prompt_tokens=30, completion_tokens=12, seconds=0.5, cost=250)
    ana = (await talk.say(generation=paid)).context.person.id
    await talk.say(at=address_of("luis"), generation=paid)
    (owner,) = [owner for owner in stores.personal if "usage" in owner.tables]
    exported = await owner.export(ana)
    assert isinstance(exported, dict)
    assert exported["usage"] == [{"person_id": ana, "day": "2026-11-20", "messages": 1, "tokens": 42, "cost": 250}]


async def test_export_gives_nobody_elses_rows(stores: Stores, talk: Talk) -> None:
    ana, luis = await live(talk, "ana"), await live(talk, "luis")
    for person, own, foreign in ((ana, "ana", "luis"), (luis, "luis", "ana")):
        text = json.dumps([await owner.export(person) for owner in stores.personal], ensure_ascii=False)
        assert f"question-{own}" in text
        vectors = [b64encode(f"vector-{of}".encode()).decode() for of in (own, foreign)]
        assert [vector in text for vector in vectors] == [True, False]
        assert [word for word in canaries(foreign) if word in text] == []


async def test_nothing_of_a_forgotten_person_is_left_in_any_file(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    ana = await live(talk, "ana")
    luis = await live(talk, "luis")
    held = files_with(folder.path, "vector-ana", *canaries("ana"))
    assert {line.partition(": ")[2] for line in held} == {"vector-ana", *canaries("ana")}
    assert {table for table, *_ in values_of(folder.database)} >= set(TABLES)
    await stores.personal[0].forget(ana)
    assert files_with(folder.path, "vector-ana", *canaries("ana")) == []
    assert found(folder.database, "SELECT kind FROM jobs WHERE person_id = ?", ana) == [("forget",)]
    named = {(table, column) for table, column, value in values_of(folder.database) if value == ana}
    assert named == {("jobs", "person_id")}, "only the chore that forgets still knows whom"
    assert await broken_invariants(stores.database) == []
    text = json.dumps([await owner.export(luis) for owner in stores.personal], ensure_ascii=False)
    assert [word for word in canaries("luis") if word not in text] == []


async def test_what_an_admin_did_stays_when_they_are_forgotten(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    deed = AddAudit(id="turn", channel="telegram", user="user-ana", action="block", subject="8letters", result="done")
    ana = await live(talk, "ana")
    await talk.say(at=address_of("user-ana"), writes=[deed, SetBlock(hash="a hash", is_blocked=True)])
    await stores.erasure.forget_person(ana)
    assert not await stores.people.exists(ana)
    assert [(one.user, one.action) for one in await stores.audit.recent(9)] == [("user-ana", "block")]
    assert await stores.blocks.is_blocked("a hash"), "whoever is kept out stays out"


async def test_forgetting_twice_or_nobody_changes_nothing(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    ana = await live(talk, "ana")
    await live(talk, "luis")
    await stores.erasure.forget_person(ana)
    before = sorted(map(repr, values_of(folder.database)))
    for owner in stores.personal:
        await owner.forget(ana)
    await stores.erasure.forget_person(PersonId("nobody"))
    assert sorted(map(repr, values_of(folder.database))) == before


async def test_a_platforms_repeat_of_a_forgotten_message_is_still_recognised(stores: Stores, talk: Talk) -> None:
    message, refused = talk.message(event="7"), talk.message(event="8")
    said = await talk.answer(message, (await talk.accept(message)).id)
    await stores.inbox.accept([talk.arrival(refused, InboxState.REFUSED, notice="despacio")])
    await stores.erasure.forget_person(said.context.person.id)
    repeated = await stores.inbox.accept([talk.arrival(message), talk.arrival(refused, InboxState.REFUSED, notice="despacio")])
    assert [(one.is_new, one.state, one.digest) for one in repeated] == [(False, InboxState.ERASED, "")] * 2
    assert repeated[0].id == said.id
    assert list(await stores.outbox.pending()) == []
    assert await stores.inbox.turn_of(message.address.channel, "7") is None


async def test_whoever_comes_back_is_a_new_person_and_stays(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    ana = await live(talk, "ana")
    await stores.erasure.forget_person(ana)
    clock.advance(1)
    back = await talk.say("he vuelto", at=address_of("user-ana"))
    assert back.context.person.id != ana and back.context.is_first
    assert await stores.erasure.apply_tombstones() == 0
    assert await stores.turns.past(back.id) is not None


async def test_a_message_that_waits_while_its_person_is_forgotten_begins_a_new_one(stores: Stores, talk: Talk) -> None:
    said = await talk.say()
    waiting = talk.message("detrás", event="9")
    stored = await talk.accept(waiting)
    await stores.erasure.forget_person(said.context.person.id)
    assert [row.message.text for row in await stores.inbox.unfinished()] == ["detrás"]
    answered = await talk.answer(waiting, stored.id)
    assert answered.context.is_first
    assert await broken_invariants(stores.database) == []


async def test_a_message_left_by_a_crash_is_erased_where_nothing_runs(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    said = await talk.say()
    await talk.accept(talk.message("quedó en el camino"))
    await stores.erasure.forget_person(said.context.person.id, spare_waiting=False)
    assert list(await stores.inbox.unfinished()) == []
    assert files_with(folder.path, "quedó en el camino") == []


async def test_a_restored_backup_is_forgotten_again_before_serving(
    stores: Stores, talk: Talk, folder: DataFolder, clock: FakeClock, tmp_path: Path
) -> None:
    ana, luis = await live(talk, "ana"), await live(talk, "luis")
    await talk.accept(talk.message("waiting-ana", at=address_of("user-ana")))
    await stores.database.checkpoint()
    old = folder.database.read_bytes()
    clock.advance(days=1)
    await stores.erasure.forget_person(ana)
    restored = DataFolder.open(tmp_path / "restored")
    restored.database.write_bytes(old)
    for name in ("tombstones.jsonl", "secret.key"):
        (restored.path / name).write_bytes((folder.path / name).read_bytes())
    assert len(files_with(restored.path, "question-ana", "memory-ana", "vector-ana")) == 3
    async with open_folder(restored, clock=clock, ids=SequentialIds("r")) as again:
        assert await again.erasure.apply_tombstones() == 1
        assert files_with(restored.path, "waiting-ana", "vector-ana", *canaries("ana")) == []
        assert not await again.people.exists(ana)
        assert await again.people.exists(luis)
        assert await broken_invariants(again.database) == []
        assert await again.erasure.apply_tombstones() == 0


async def test_another_folders_key_cannot_forget_here(stores: Stores, talk: Talk, folder: DataFolder, clock: FakeClock) -> None:
    ana = await live(talk, "ana")
    (folder.path / "tombstones.jsonl").write_text(
        json.dumps({"identity": "0" * 64, "at": (clock.now() + timedelta(days=1)).isoformat()}) + "\n"
    )
    assert await stores.erasure.apply_tombstones() == 0
    assert await stores.people.exists(ana)


async def test_many_turns_are_forgotten_while_others_talk(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    ana = (await talk.say("ana 0")).context.person.id
    for start in range(1, 450, 50):
        await asyncio.gather(*(talk.say(f"ana {number}") for number in range(start, start + 50)))

    async def talk_on() -> None:
        for number in range(10):
            await talk.say(f"luis {number}", at=address_of("luis"))

    await asyncio.gather(stores.erasure.forget_person(ana), talk_on())
    assert counts(folder.database)["turns"] == 10
    assert await broken_invariants(stores.database) == []
    assert files_with(folder.path, "ana 0", "ana 449") == []


class OneMoreTurn:
    """A database in which somebody says one more thing just before they are forgotten."""

    def __init__(self, database: Database, say: Callable[[], Awaitable[object]]) -> None:
        self._database, self._say, self.has_talked = database, say, False

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    async def commit(self, unit: Unit) -> None:
        if not self.has_talked and any(statement is FORGET[0] for statement, *_ in unit.steps):
            self.has_talked = True
            await self._say()
        await self._database.commit(unit)


async def test_what_comes_and_ends_during_the_erasure_leaves_nothing_half_erased(
    stores: Stores, talk: Talk, folder: DataFolder, clock: FakeClock
) -> None:
    ana = await live(talk, "ana")

    async def say() -> None:
        clock.advance(1)
        await talk.say("one more", at=address_of("user-ana"))

    database = OneMoreTurn(stores.database, say)
    tombstones = Tombstones(folder.tombstones, stores.keys)
    await Erasure(cast("Database", database), stores.keys, tombstones, clock).forget_person(ana)
    assert database.has_talked
    assert not await stores.people.exists(ana)
    assert await broken_invariants(stores.database) == []


class Slices:
    """A database that notes, before each commit, how many memories and removals are left, and lets somebody else talk."""

    def __init__(self, database: Database, path: Path, say: Callable[[], Awaitable[object]]) -> None:
        self._database, self._path, self._say = database, path, say
        self.left: list[tuple[int, ...]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    async def commit(self, unit: Unit) -> None:
        every = counts(self._path)
        self.left.append(tuple(every[name] for name in ("memories", "memory_vectors", "index_removals")))
        await self._say()
        await self._database.commit(unit)


async def test_many_memories_are_forgotten_in_slices_while_others_talk(
    stores: Stores, talk: Talk, folder: DataFolder, clock: FakeClock
) -> None:
    said = await talk.say()
    ana, many = said.context.person.id, 2 * MEMORIES + 10
    last = [f"m{number}" for number in range(many)]
    await write(stores, *(added(ana, id, sources=(f"t{id}",)) for id in last))
    await embed(stores, ana, *last)
    await write(stores, DropMemories(person_id=ana, ids=tuple(last[: MEMORIES + 5])))
    await write(stores, *(added(ana, f"n{number}") for number in range(MEMORIES)))
    slices = Slices(stores.database, folder.database, lambda: talk.say(at=address_of("luis")))
    tombstones = Tombstones(folder.tombstones, stores.keys)
    await Erasure(cast("Database", slices), stores.keys, tombstones, clock).forget_person(ana)
    assert slices.left[1][0] == many - 5 and slices.left[1][2] == MEMORIES + 5
    assert all(was - now <= MEMORIES for before, after in pairwise(slices.left) for was, now in zip(before, after, strict=True))
    ends = [unit for unit in slices.left if unit == (0, 0, 0)]
    assert ends, "nothing was left for the last transaction"
    assert counts(folder.database)["turns"] == len(slices.left), "somebody else's commits came between"
    assert await broken_invariants(stores.database) == []


@pytest.mark.parametrize("step", range(2, 72, 3))
async def test_a_crash_anywhere_in_forgetting_is_made_good_by_the_next_try(
    folder: DataFolder, clock: FakeClock, step: int
) -> None:
    calls, fail_at = 0, 0

    def before_call(name: str) -> None:
        nonlocal calls
        calls += 1
        if calls == fail_at:
            raise sqlite3.OperationalError("disk I/O error")

    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=before_call) as stores:
        talk = Talk(stores, clock, SequentialIds())
        ana = await live(talk, "ana")
        calls, fail_at = 0, step
        try:
            await stores.erasure.forget_person(ana)
        except StoreError:
            fail_at = 0
            assert await broken_invariants(stores.database) == []
            await stores.erasure.apply_tombstones()
            await stores.erasure.forget_person(ana)
        fail_at = 0
        assert files_with(folder.path, "vector-ana", *canaries("ana")) == []
        assert await broken_invariants(stores.database) == []
