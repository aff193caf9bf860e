"""Linked, two places are one person's down to the last row; separated, each has its own again (R-42)."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest

from bot.channel_types import CodeKind
from bot.errors import StoreConflict
from bot.jobs.runner import RETRY_S
from bot.sharing_types import words_digest
from bot.store.db import Database, Unit
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.linking import MEMORIES, StoredLinks
from bot.store.open import Stores, open_folder
from bot.store.schema import metadata
from bot.store.tombstones import Tombstones
from bot.types import Address, ChannelName, PersonId, TurnId
from bot.writes import (
    AddCode,
    AddJob,
    DecideSharing,
    EndMemories,
    OfferAnswer,
    SetConsent,
    SetLanguage,
    SetRating,
    SetRemembering,
    Write,
)
from tests.fakes import FakeClock, SequentialIds
from tests.linked import ANA, HERE, LUIS, THERE, THIRD, Linked, missing, two_lives
from tests.store.remembered import HASH, added, embed, write
from tests.store.tables import counts, files_with, found, values_of
from tests.store.test_personal import canaries
from tests.talk import Talk, address_of


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


def naming(folder: DataFolder, person: PersonId) -> set[tuple[str, str]]:
    """The columns in which somebody is named."""
    return {(table, column) for table, column, value in values_of(folder.database) if value == person}


def snapshot(path: Path) -> list[str]:
    """Every value but fresh ids, stamps and times; people by their places."""
    fresh = {"changed", "attempts", "id", "lease_until", "at", "ended_at"}
    names = dict(found(path, "SELECT person_id, group_concat(user) FROM (SELECT * FROM identities ORDER BY user) GROUP BY 1"))
    rows = [(table, column, names.get(value, value)) for table, column, value in values_of(path) if column not in fresh]
    return sorted(map(repr, rows))


async def test_a_linked_person_has_every_row_of_both_and_the_other_is_nowhere(
    stores: Stores, talk: Talk, folder: DataFolder, linked: Linked
) -> None:
    ana, luis = await two_lives(talk, folder)
    before = counts(folder.database)
    assert await linked.link(ANA, LUIS) == ana
    assert await missing(stores, ana, "ana", "luis") == []
    assert naming(folder, luis) == set()
    assert await broken_invariants(stores.database) == []
    assert not await stores.people.exists(luis)
    after = counts(folder.database)
    merged = {"people": -1, "usage": -1, "turns": 2, "inbox": 2, "outbox": 2, "jobs": 1, "index_removals": 1}
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == merged
    assert linked.emptied == [luis]


async def test_the_export_shows_both_places(stores: Stores, talk: Talk, linked: Linked) -> None:
    await talk.say(at=HERE)
    await talk.say(at=THERE)
    ana = await linked.link(HERE, THERE)
    (owner,) = [owner for owner in stores.personal if "identities" in owner.tables]
    held = cast("dict[str, list[dict[str, str]]]", await owner.export(ana))
    assert [(row["channel"], row["user"]) for row in held["identities"]] == [("discord", "there"), ("telegram", "here")]
    assert [place.channel for place in await linked.links.places(ana)] == [ChannelName.DISCORD, ChannelName.TELEGRAM]


def test_every_table_that_refers_to_people_is_moved_both_ways() -> None:
    from bot.store.link_statements import LINKING

    refer = {
        table.name for table in metadata.sorted_tables if any(key.column.table.name == "people" for key in table.foreign_keys)
    }
    assert refer <= {statement.table for statement in LINKING}


async def test_forgetting_a_linked_person_in_either_place_leaves_nothing_of_both(
    stores: Stores, talk: Talk, folder: DataFolder, linked: Linked
) -> None:
    await two_lives(talk, folder)
    one = await linked.link(LUIS, ANA)
    assert one == await linked.person(ANA)
    await stores.erasure.forget_person(one)
    assert files_with(folder.path, "vector-ana", "vector-luis", *canaries("ana"), *canaries("luis")) == []
    stones = await Tombstones(folder.tombstones, stores.keys).read()
    assert set(stones) == {stores.keys.identity("telegram", f"user-{name}") for name in ("ana", "luis")}
    assert await broken_invariants(stores.database) == []


async def test_places_linked_both_ways_at_once_are_one_person(
    stores: Stores, talk: Talk, folder: DataFolder, linked: Linked
) -> None:
    await talk.say(at=HERE)
    await talk.say(at=THERE)
    await linked.ask_to_link(HERE, THERE)
    await linked.ask_to_link(THERE, HERE)
    await linked.run()
    assert await linked.person(HERE) == await linked.person(THERE)
    assert counts(folder.database)["people"] == 1
    assert counts(folder.database)["codes"] == 0
    assert await broken_invariants(stores.database) == []


async def test_a_chain_of_three_places_is_one_person_whatever_the_order(
    stores: Stores, talk: Talk, folder: DataFolder, linked: Linked
) -> None:
    for place in (HERE, THERE, THIRD):
        await talk.say(at=place)
    # The one in the middle is gone before the third one, who used its code, comes to its turn.
    await linked.ask_to_link(HERE, THERE)
    await linked.ask_to_link(THERE, THIRD)
    await linked.run()
    assert len({await linked.person(place) for place in (HERE, THERE, THIRD)}) == 1
    assert await broken_invariants(stores.database) == []


async def test_codes_of_two_people_confirmed_in_one_place_join_all_three(
    talk: Talk, folder: DataFolder, linked: Linked
) -> None:
    for place in (HERE, THERE, THIRD):
        await talk.say(at=place)
    await linked.ask_to_link(HERE, THIRD)
    await linked.ask_to_link(THERE, THIRD)
    await linked.run()
    assert counts(folder.database)["people"] == 1


async def test_a_message_that_waits_for_its_answer_is_waited_for_and_ends_with_the_linked_person(
    stores: Stores, talk: Talk, linked: Linked
) -> None:
    await talk.say(at=HERE)
    await talk.say(at=THERE)
    await linked.ask_to_link(HERE, THERE)
    waiting = talk.message("¿y esto?", at=THERE)
    stored = await talk.accept(waiting)
    assert await linked.chores.run_free() == RETRY_S
    assert await linked.person(THERE) != await linked.person(HERE)
    answered = await talk.answer(waiting, stored.id, remember=True)
    await linked.run()
    ana = await linked.person(HERE)
    past = await stores.turns.past(answered.id)
    assert past is not None and past.person_id == ana
    assert (await talk.say("y ahora", at=THERE)).context.person.id == ana
    assert await broken_invariants(stores.database) == []


async def test_a_message_that_comes_in_between_breaks_the_joining_off(stores: Stores, talk: Talk, linked: Linked) -> None:
    await talk.say(at=HERE)
    await talk.say(at=THERE)
    await linked.ask_to_link(HERE, THERE)
    job = await stores.jobs.lease(talk.clock.now(), 60)
    assert job is not None
    await talk.accept(talk.message(at=THERE))
    with pytest.raises(StoreConflict):
        await linked.links.join(job, talk.clock.now())
    assert await stores.people.exists(job.person_id)


async def test_whoever_is_to_be_forgotten_is_not_joined(talk: Talk, stores: Stores, linked: Linked) -> None:
    for leaving in (HERE, THERE):
        await talk.say(at=HERE)
        await talk.say(at=THERE)
        forget = AddJob(kind="forget", person_id=await linked.person(leaving))
        await linked.ask_to_link(HERE, THERE)
        await talk.say(at=leaving, writes=[forget])
        (job,) = [await stores.jobs.lease(talk.clock.now(), 60)]
        assert job is not None and job.kind == "link"
        await linked.jobs.link(job)
        await stores.jobs.finish(job, None, talk.clock.now())
        assert await linked.person(HERE) != await linked.person(THERE)
        await stores.erasure.forget_person(await linked.person(leaving))
        done = await stores.jobs.lease(talk.clock.now(), 60)
        assert done is not None
        await stores.jobs.finish(done, None, talk.clock.now())


async def test_a_code_of_somebody_who_was_forgotten_joins_nobody(talk: Talk, stores: Stores, linked: Linked) -> None:
    await talk.say(at=HERE)
    await talk.say(at=THERE)
    await linked.ask_to_link(HERE, THERE)
    await stores.erasure.forget_person(await linked.person(HERE))
    there = await linked.person(THERE)
    await linked.run()
    assert await stores.people.exists(there) and linked.emptied == []


@pytest.mark.parametrize(
    ("mine", "other", "joined"),
    [
        (True, True, True),
        (True, False, False),
        (True, None, False),
        (False, True, False),
        (None, True, False),
        (False, False, False),
        (False, None, False),
        (None, None, None),
    ],
)
async def test_training_is_allowed_only_where_it_was_in_both_places(
    talk: Talk, linked: Linked, mine: bool | None, other: bool | None, joined: bool | None
) -> None:
    for at, granted in ((HERE, mine), (THERE, other)):
        person = (await talk.say(at=at)).context.person.id
        if granted is not None:
            await talk.say(at=at, writes=[SetConsent(person_id=person, granted=granted, version="1")])
    person = await linked.link(HERE, THERE)
    assert (await talk.say(at=HERE)).context.person.training_consent is joined
    await talk.say(at=THERE, writes=[SetConsent(person_id=person, granted=True, version="1")])
    assert (await talk.say(at=HERE)).context.person.training_consent is True


async def shares(stores: Stores, talk: Talk, at: Address) -> TurnId:
    """A correction of whoever is there, who agreed to training and lets everybody have it."""
    said = await talk.say("¿cuándo abre?", "A las diez.", at=at)
    person, digest = said.context.person.id, words_digest("¿cuándo abre?", "A las nueve.")
    given: list[Write] = [
        SetConsent(person_id=person, granted=True, version="1"),
        SetRating(person_id=person, turn_id=said.id, value=-1, correction="A las nueve."),
        OfferAnswer(turn_id=said.id, digest=digest, is_wanted=True),
    ]
    for writes in (given, [DecideSharing(person_id=person, turn_id=said.id, digest=digest, is_shared=True, version="1")]):
        await talk.say(at=at, writes=writes)
    return said.id


@pytest.mark.parametrize("has_agreed_there", [True, False])
async def test_what_is_shared_stays_so_only_where_training_was_allowed_in_both_places(
    talk: Talk, stores: Stores, linked: Linked, has_agreed_there: bool
) -> None:
    here = await shares(stores, talk, HERE)
    there = [await shares(stores, talk, THERE)] if has_agreed_there else []
    if not there:
        await talk.say(at=THERE)
    assert sorted(one.turn_id for one in await stores.sharing.shared()) == sorted([here, *there])
    person = await linked.link(HERE, THERE)
    assert sorted(one.turn_id for one in await stores.sharing.shared()) == sorted([here, *there] if there else [])
    assert {one.person_id for one in await stores.sharing.shared()} <= {person}
    assert await broken_invariants(stores.database) == []
    await linked.unlink(THERE)
    assert [one.turn_id for one in await stores.sharing.shared()] == ([here] if there else [])
    assert await broken_invariants(stores.database) == []


async def test_use_is_added_up_and_remembering_is_off_where_it_was_off_in_one(
    talk: Talk, folder: DataFolder, linked: Linked
) -> None:
    here = (await talk.say(at=HERE)).context.person.id
    there = (await talk.say(at=THERE)).context.person.id
    off, spanish = SetRemembering(person_id=there, remembers=False), SetLanguage(person_id=there, language="es")
    await talk.say(at=THERE, writes=[off, spanish])
    await linked.link(HERE, THERE)
    context = (await talk.say(at=THERE)).context
    assert (context.person.id, context.person.language, context.person.remembers) == (here, "es", False)
    assert (context.usage.messages, context.usage.tokens) == (5, 100)
    assert len(found(folder.database, "SELECT * FROM usage")) == 1


async def test_what_moves_is_put_into_the_index_only_after_it_was_looked_for_there(
    stores: Stores, talk: Talk, linked: Linked, folder: DataFolder
) -> None:
    here, there = await talk.say(at=HERE), await talk.say(at=THERE)
    luis = there.context.person.id
    await write(stores, added(luis, "m1", sources=(there.id,)))
    await embed(stores, luis, "m1")
    await linked.link(HERE, THERE)
    # An indexer that read it as luis's may say only now that it is in.
    await stores.vectors.indexed(HASH, ["m1"])
    assert found(folder.database, "SELECT is_indexed FROM memories") == [(0,)]
    ana = here.context.person.id
    assert [(one.id, one.person) for one in await stores.vectors.removals(limit=9)] == [("m1", ana)]
    assert await stores.vectors.unindexed(HASH, limit=9) == []
    await stores.vectors.removed(["m1"])
    (one,) = await stores.vectors.unindexed(HASH, limit=9)
    assert (one.person, one.vector) == (ana, b"\x00\x3c\x00\x00")


class Slices:
    """A database before each of whose commits somebody else talks; it notes how many memories each has moved."""

    def __init__(self, database: Database, path: Path, talk: Talk) -> None:
        self._database, self._path, self._talk = database, path, talk
        self.owners: list[dict[str, int]] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)

    def _note(self) -> None:
        self.owners.append(dict(found(self._path, "SELECT person_id, count(*) FROM memories GROUP BY 1")))

    async def commit(self, unit: Unit) -> None:
        self._note()
        await self._talk.say(at=address_of("nobody"))
        await self._database.commit(unit)

    async def commit_returning(self, unit: Unit) -> list[list[tuple[object, ...]]]:
        self._note()
        await self._talk.say(at=address_of("nobody"))
        return await self._database.commit_returning(unit)


async def test_much_that_is_remembered_moves_in_slices_both_ways(
    stores: Stores, talk: Talk, folder: DataFolder, clock: FakeClock, ids: SequentialIds
) -> None:
    await talk.say(at=HERE)
    there, many = await talk.say(at=THERE), 2 * MEMORIES + 10
    await write(stores, *(added(there.context.person.id, f"m{number}", sources=(there.id,)) for number in range(many)))
    slices = Slices(stores.database, folder.database, talk)
    linked = Linked(stores, talk, clock, ids, database=cast("Database", slices))
    ana = await linked.link(HERE, THERE)
    luis = await linked.unlink(THERE)
    of_ana = [owners.get(ana, 0) for owners in slices.owners]
    assert max(of_ana) == many and of_ana[-1] == 0
    assert all(abs(after - before) <= MEMORIES for before, after in pairwise(of_ana))
    assert found(folder.database, "SELECT DISTINCT person_id FROM memories") == [(luis,)]
    assert await broken_invariants(stores.database) == []


# --- failures ---


class FailAt:
    """A `before_call` whose n-th call from `arm` on fails."""

    def __init__(self) -> None:
        self.calls, self.fail_at = 0, 0

    def __call__(self, name: str) -> None:
        self.calls += 1
        if self.calls == self.fail_at:
            raise sqlite3.OperationalError("disk I/O error")

    def arm(self, fail_at: int) -> None:
        self.calls, self.fail_at = 0, fail_at


async def run_with_failure(folder: DataFolder, clock: FakeClock, step: int) -> int:
    """Run the waiting chore with a failure at the `step`-th call, and once more; how many calls the first run made."""
    fault = FailAt()
    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=fault) as stores:
        linked = Linked(stores, Talk(stores, clock, SequentialIds("k")), clock, SequentialIds("t"))
        fault.arm(step)
        assert (await linked.chores.run_free() == RETRY_S) == bool(step)
        calls = fault.calls
        assert await broken_invariants(stores.database) == []
        clock.advance(61)
        await linked.run()
        assert await broken_invariants(stores.database) == []
    return calls


@pytest.mark.parametrize("is_link", [True, False])
async def test_a_failure_at_any_call_is_made_good_by_the_next_try(
    folder: DataFolder, clock: FakeClock, tmp_path: Path, is_link: bool
) -> None:
    ids = SequentialIds("a")
    async with open_folder(folder, clock=clock, ids=ids) as stores:
        talk = Talk(stores, clock, SequentialIds("b"))
        await two_lives(talk, folder)
        linked = Linked(stores, talk, clock, ids)
        if not is_link:
            await linked.link(ANA, LUIS)
        await (linked.ask_to_link(ANA, LUIS) if is_link else linked.ask_to_unlink(LUIS))
        await stores.database.checkpoint()

    async def tried(step: int) -> tuple[int, list[str]]:
        copy = DataFolder.open(tmp_path / f"{step}")
        shutil.copyfile(folder.database, copy.database)
        return await run_with_failure(copy, FakeClock(clock.now()), step), snapshot(copy.database)

    calls, whole = await tried(0)
    assert calls > 40
    for step in range(1, calls + 1):
        assert (await tried(step))[1] == whole, step


# --- what the commands look up ---


async def test_a_code_is_known_by_its_hash_alone(stores: Stores, talk: Talk, linked: Linked) -> None:
    ana = (await talk.say(at=HERE)).context.person.id
    until = talk.clock.now() + timedelta(minutes=10)
    for kind in CodeKind:
        await talk.say(at=HERE, writes=[AddCode(hash=f"hash {kind}", kind=kind, expires_at=until, person_id=ana)])
    code = await linked.links.code("hash link")
    assert code is not None
    assert (code.kind, code.person_id, code.expires_at, code.is_used) == (CodeKind.LINK, ana, until, False)
    pairing = await linked.links.code("hash pair")
    assert pairing is not None and pairing.kind is CodeKind.PAIR
    assert await linked.links.code("another") is None


async def test_holdings_count_turns_and_what_is_remembered_now(stores: Stores, talk: Talk, linked: Linked) -> None:
    said = await talk.say(at=HERE)
    await talk.say(at=HERE)
    ana = said.context.person.id
    await write(stores, added(ana, "m1"), added(ana, "m2"))
    await write(stores, EndMemories(person_id=ana, ids=("m1",), by="m2"))
    held = await linked.links.holdings(ana)
    assert (held.turns, held.memories) == (2, 1)
    assert isinstance(linked.links, StoredLinks)
