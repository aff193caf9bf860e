"""Memories get vectors and come into the index, leave it when forgotten, and are there again after every loss."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from bot.errors import IndexUnavailable
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.types import Scope
from bot.writes import DropAllMemories, DropMemories, EndMemories
from profiles.chroma_child import INDEXES_IN_MEMORY
from profiles.index import ChromaIndex, IndexState
from profiles.indexer import Indexer
from tests.profiles.index_talk import OPEN_S, PRIVATE, new_index, opened, where
from tests.profiles.indexer_house import (
    CLOCK,
    HASH,
    House,
    Moody,
    agreement,
    counts,
    filled,
    found,
    is_ready,
    opened_house,
    running,
    sayings,
    settled,
)
from tests.waiting import until


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = DataFolder.open(tmp_path_factory.mktemp("migrated") / "data")
    asyncio.run(migrate(folder, CLOCK))
    return folder.database


@pytest.fixture
async def house(migrated: Path, tmp_path: Path) -> AsyncIterator[House]:
    async with opened_house(migrated, tmp_path) as house:
        yield house


# --- in and out ---


async def test_what_is_remembered_is_found_and_what_is_forgotten_is_gone(house: House) -> None:
    ana, group = await house.person("ana", "a group")
    private = await house.remember(ana, "the lighthouse was painted", "she plays the violin")
    (common,) = await house.remember(ana, "the lighthouse in winter", group=group)
    async with opened(house.chroma) as index:
        indexer = house.indexer(index)
        await settled(indexer, index)
        assert (await found(index, ana, "lighthouse painted"))[0] == private[0]
        assert await found(index, ana, "lighthouse painted", Scope(group=group)) == [common]
        await house.write(DropMemories(person_id=ana, ids=(private[0],)))
        await settled(indexer, index)
        assert await found(index, ana, "lighthouse painted") == [private[1]]
        await house.write(DropAllMemories(person_id=ana))
        await settled(indexer, index)
        assert await found(index, ana, "lighthouse", PRIVATE, Scope(group=group)) == []
        assert await indexer.run_once() == 0


async def test_vectors_are_the_same_in_sql_and_in_the_index(house: House) -> None:
    ana, _ = await house.person("ana")
    await house.remember(ana, *sayings(30, 5))
    async with opened(house.chroma) as index:
        await settled(house.indexer(index), index)
        stored = await house.stores.vectors.of(ana, PRIVATE, "hash-1")
        rows = {one.id: np.frombuffer(one.vector, "<f2").astype(np.float32) for one in stored}
        assert len(rows) == 30
        asked = rows[stored[7].id]
        for hit in await index.search(ana, [PRIVATE], asked, 30, timeout_s=OPEN_S):
            cosine = rows[hit.id] @ asked / np.linalg.norm(rows[hit.id]) / np.linalg.norm(asked)
            assert hit.score == pytest.approx(float(cosine), abs=1e-5)


async def test_a_memory_that_lives_again_is_found_again(house: House) -> None:
    ana, _ = await house.person("ana")
    old, new = await house.remember(ana, "lives in Quito", "lives in Lima")
    async with opened(house.chroma) as index:
        indexer = house.indexer(index)
        await settled(indexer, index)
        await house.write(EndMemories(person_id=ana, ids=(old,), by=new))
        await settled(indexer, index)
        assert await found(index, ana, "lives in Quito") == [new]
        await house.write(DropMemories(person_id=ana, ids=(new,), revives=True))
        await settled(indexer, index)
        assert await found(index, ana, "lives in Quito") == [old]
        # Ended and alive again before anybody looked: its old vector is still in, and is not taken for the new one.
        await house.remember(ana, "lives in Cusco")
        await house.write(EndMemories(person_id=ana, ids=(old,), by=new))
        await house.write(DropMemories(person_id=ana, ids=(new,), revives=True))
        assert old not in [one.id for one in await house.vectors.unindexed("hash-1", limit=9)]
        await settled(indexer, index)
        assert (await found(index, ana, "lives in Quito"))[0] == old
        await indexer.check()


async def test_who_just_talked_comes_before_an_import_of_thousands(house: House) -> None:
    ana, _ = await house.person("ana")
    ben, _ = await house.person("ben")
    await house.remember(ana, *sayings(300, 2))
    async with opened(house.chroma) as index:
        indexer = house.indexer(index)
        await settled(indexer, index)
        await house.remember(ana, *sayings(300, 3))
        new = await house.remember(ben, "the orchard is in bloom")
        await indexer.run_once()
        assert await found(index, ben, "orchard") == new
        assert len(await house.stores.vectors.unindexed("hash-1", limit=1_000)) > 200


async def test_work_begins_when_it_is_woken_and_ends_with_its_task(house: House) -> None:
    ana, _ = await house.person("ana")
    async with opened(house.chroma) as index:
        indexer = house.indexer(index, look_s=30)
        task = asyncio.create_task(indexer.run())
        await asyncio.sleep(0.1)
        await until(lambda: is_ready(index))
        new = await house.remember(ana, "the bakery at the corner")
        indexer.wake()
        async with asyncio.timeout(5):
            while await found(index, ana, "bakery") != new:
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_store_that_fails_for_a_moment_costs_a_pause(migrated: Path, tmp_path: Path) -> None:
    failing = set[str]()

    def before_call(name: str) -> None:
        if name in failing:
            failing.discard(name)
            raise sqlite3.OperationalError("database is locked")

    async with opened_house(migrated, tmp_path, before_call) as house, opened(house.chroma) as index:
        ana, _ = await house.person("ana")
        new = await house.remember(ana, "the glacier melts")
        failing.update({"memories to embed", "set vector", "set indexed", "vectors by person"})
        async with running(house.indexer(index)):
            await until(lambda: not failing and is_ready(index))
        assert await found(index, ana, "glacier") == new


# --- losses ---


async def killed_while_rebuilding(index: ChromaIndex, indexer: Indexer, kills: int, seed: int) -> int:
    """Kill the process so many times while it takes in what it lost; how often it had not got ready by then."""
    choose, met = random.Random(seed), 0
    for _ in range(kills):
        if is_ready(index):
            await index.discard()
        async with running(indexer):
            await until(lambda: index.status.state in (IndexState.REBUILDING, IndexState.READY))
            await asyncio.sleep(choose.uniform(0, 0.3))
            met += index.status.state is IndexState.REBUILDING
            if index.pid is not None:  # it may have ended by itself, over what the last kill left
                os.kill(index.pid, signal.SIGKILL)
            await until(lambda: not index.is_open)
            await until(lambda: index.is_open)
    return met


async def test_after_a_kill_in_the_middle_of_a_rebuild_everything_is_found_as_before(house: House) -> None:
    people = await filled(house, 8, 250)
    async with opened(house.chroma) as index:
        indexer = house.indexer(index)
        await settled(indexer, index)
        assert await agreement(house, index, people) >= 0.99
        assert await killed_while_rebuilding(index, indexer, 1, 7) == 1
        await settled(indexer, index)
        assert await counts(index, people) == [250] * 8
        assert await agreement(house, index, people) >= 0.99
        await indexer.check()


async def test_more_people_than_fit_in_memory_are_put_in_again(house: House) -> None:
    """The index's process renews itself on the way, which loses nothing."""
    people = [(await house.person(f"user {number}"))[0] for number in range(INDEXES_IN_MEMORY + 10)]
    for number, person in enumerate(people):
        await house.remember(person, f"number {number}")
    async with opened(house.chroma) as index:
        first = index.pid
        await settled(house.indexer(index), index)
        assert index.pid != first
        assert await counts(index, people) == [1] * len(people)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_twenty_kills_of_a_rebuild_change_nothing(house: House) -> None:
    people = await filled(house, 8, 250)
    async with opened(house.chroma) as index:
        indexer = house.indexer(index)
        await settled(indexer, index)
        assert await killed_while_rebuilding(index, indexer, 20, 11) >= 15
        await settled(indexer, index)
        assert await counts(index, people) == [250] * 8
        assert await agreement(house, index, people) >= 0.99
        await indexer.check()


async def test_a_folder_deleted_under_load_is_filled_anew(house: House) -> None:
    people = await filled(house, 4, 60)
    async with opened(house.chroma) as index:
        indexer = house.indexer(index, check_every_s=0.3)
        async with running(indexer):
            await until(lambda: is_ready(index))
            gone = house.chroma.with_name("gone")  # else what it writes meanwhile is in the way
            (house.chroma / "chroma").rename(gone)
            await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)
            late = [await house.remember(person, "said after the loss") for person in people]
            indexer.wake()
            async with asyncio.timeout(OPEN_S):
                while await counts(index, people) != [61] * 4 or not is_ready(index):
                    await asyncio.sleep(0.05)
        assert [await found(index, person, "said after the loss", limit=1) for person in people] == late


async def test_while_the_index_is_down_vectors_are_kept_and_come_in_later(house: House) -> None:
    ana, _ = await house.person("ana")
    ids = await house.remember(ana, "the carnival begins", "a beehive on the roof")
    index = new_index(house.chroma)
    indexer = house.indexer(index)
    assert await indexer.run_once() == 2
    assert await indexer.run_once() == 0
    assert {one.id for one in await house.stores.vectors.of(ana, PRIVATE, "hash-1")} == set(ids)
    assert await indexer.export(ana) == {"vectors": {"hash-1": 2}}
    index.start()
    try:
        await settled(indexer, index)
        assert await found(index, ana, "carnival", limit=1) == ids[:1]
    finally:
        await index.aclose()


async def test_what_is_missing_is_noticed_and_put_in_again(house: House) -> None:
    people = await filled(house, 3, 40)
    async with opened(house.chroma) as index:
        indexer = house.indexer(index)
        await settled(indexer, index)
        await indexer.check()
        lost = (await house.stores.vectors.of(people[0], PRIVATE, "hash-1"))[3].id
        await index.remove(people[0], PRIVATE, [lost])
        with pytest.raises(IndexUnavailable, match="another number"):
            await indexer.check()
        await settled(indexer, index)
        assert await index.count(people[0], PRIVATE) == 40


async def test_checks_amid_forgetting_raise_no_false_alarm(house: House) -> None:
    people = await filled(house, 4, 60)
    async with opened(house.chroma) as index:
        indexer = house.indexer(index)
        await settled(indexer, index)

        async def forget() -> None:
            for person in people:
                for one in (await house.vectors.of(person, PRIVATE, "hash-1"))[:12]:
                    await house.write(DropMemories(person_id=person, ids=(one.id,)))
                    await asyncio.sleep(0.002)

        forgetting = asyncio.create_task(forget())
        while not forgetting.done():
            await indexer.check()
        await forgetting
        await settled(indexer, index)
        await indexer.check()
        assert await counts(index, people) == [48] * 4


async def test_reindexing_makes_a_fresh_index_and_tells_how_far_it_is(house: House) -> None:
    people = await filled(house, 4, 60)
    shown: list[tuple[int, int]] = []
    async with opened(house.chroma) as index:
        indexer = house.indexer(index)
        await settled(indexer, index)
        await house.remember(people[0], "not embedded yet")
        await indexer.reindex(lambda done, total: shown.append((done, total)))
        assert index.rebuild is None
        assert await counts(index, people) == [61, 60, 60, 60]
    assert shown[-1] == (242, 242)
    assert shown == sorted(shown)


# --- forgotten in between ---


async def test_what_is_forgotten_while_it_is_put_in_again_does_not_stay(house: House) -> None:
    (ana,) = await filled(house, 1, 40)
    async with opened(house.chroma) as index:
        indexer = house.indexer(index)
        await settled(indexer, index)
        gone = [one.id for one in (await house.vectors.of(ana, PRIVATE, "hash-1"))[:5]]
        house.vectors.meanwhile = lambda: house.write(DropMemories(person_id=ana, ids=tuple(gone)))
        await indexer.reindex()
        assert house.vectors.interruptions == 1
        assert await index.count(ana, PRIVATE) == 35
        assert not set(gone) & set(await found(index, ana, "lighthouse", limit=40))
        await index.tidy()
        assert where(house.chroma, {id: id.encode() for id in gone}) == {}


async def test_nothing_on_its_way_comes_back_after_a_person_is_forgotten(house: House) -> None:
    ana, ben = await filled(house, 2, 30)
    ids = [one.id for one in await house.vectors.of(ana, PRIVATE, "hash-1")]
    async with opened(house.chroma) as index:
        indexer = house.indexer(index)
        await settled(indexer, index)
        ids = [one.id for one in await house.vectors.of(ana, PRIVATE, "hash-1")]
        forgetting: list[asyncio.Task[None]] = []

        async def begin() -> None:
            forgetting.append(asyncio.create_task(indexer.forget(ana)))
            await asyncio.sleep(0.05)
            assert not forgetting[0].done()

        house.vectors.meanwhile = begin
        await indexer.reindex()
        await forgetting[0]
        assert where(house.chroma, {id: id.encode() for id in ids}) == {}
        # Her rows are still there, and another rebuild brings nothing of hers back.
        await indexer.reindex()
        await indexer.check()
        assert await index.count(ana, PRIVATE) == 0
        assert await index.count(ben, PRIVATE) == 30
        await house.stores.erasure.forget_person(ana)
        await settled(indexer, index)
    assert where(house.chroma, {id: id.encode() for id in ids}) == {}


# --- embedders ---


async def test_another_embedder_embeds_everything_anew_and_never_mixes(house: House) -> None:
    people = await filled(house, 3, 70)
    async with opened(house.chroma) as index:
        await settled(house.indexer(index), index)
    async with opened(house.chroma, embedder="hash-2") as index:
        other = Moody("hash-2")
        indexer = house.indexer(index, other)
        await indexer.run_once()
        for person in people:
            assert await house.vectors.of(person, PRIVATE, "hash-2") == []
        await settled(indexer, index)
        assert sum(map(len, other.asked)) == 210
        assert [len(await house.vectors.of(person, PRIVATE, "hash-2")) for person in people] == [70] * 3
        assert [len(await house.vectors.of(person, PRIVATE, "hash-1")) for person in people] == [0] * 3
        assert await counts(index, people) == [70] * 3
        assert await house.vectors.embedder() == "hash-2"
        await indexer.check()


async def test_an_embedder_that_changes_its_name_stores_nothing(house: House) -> None:
    ana, _ = await house.person("ana")
    await house.remember(ana, "the marathon", "the submarine")
    async with opened(house.chroma) as index:
        changed = Moody("hash-1")
        indexer = house.indexer(index, changed)
        changed.name = "hash-2"
        with capture_logs() as logs:
            assert await indexer.run_once() == 1  # nothing is in, so all is in
        assert await house.vectors.embedder() == ""
        assert [one["reason"] for one in logs if one["event"] == "indexer.waits"] == [
            "hash-2 has taken the place of hash-1; start Martín anew"
        ]


async def test_while_the_embedder_is_away_the_rest_goes_on_and_it_is_told_once(house: House) -> None:
    ana, _ = await house.person("ana")
    old = await house.remember(ana, "the old violin", "the older violin")
    moody = Moody()
    async with opened(house.chroma) as index:
        indexer = house.indexer(index, moody)
        await settled(indexer, index)
        moody.is_away = True
        new = await house.remember(ana, "the newest violin")
        await house.write(DropMemories(person_id=ana, ids=(old[0],)))
        with capture_logs() as logs:
            async with asyncio.timeout(OPEN_S), running(indexer):
                while await index.count(ana, PRIVATE) != 1:
                    await asyncio.sleep(0.01)
                tries = len(moody.asked)
                while len(moody.asked) < tries + 4:
                    await asyncio.sleep(0.01)
                moody.is_away = False
                while await index.count(ana, PRIVATE) != 2:
                    await asyncio.sleep(0.01)
        assert set(await found(index, ana, "violin")) == {old[1], *new}
        assert [one["event"] for one in logs if one.get("of") == "embedder"] == ["indexer.waits", "indexer.goes_on"]
        assert "violin" not in str(logs)


async def test_a_text_that_is_always_refused_holds_nobody_up_for_ever(house: House) -> None:
    ana, _ = await house.person("ana")
    first = await house.remember(ana, "the typewriter", "a poisoned well")
    moody = Moody()
    moody.refuses = "poisoned"
    async with opened(house.chroma) as index:
        indexer = house.indexer(index, moody)
        await settled(indexer, index)
        assert await found(index, ana, "typewriter") == first[:1]
        with capture_logs() as logs:
            async with asyncio.timeout(OPEN_S):
                while len(await house.vectors.of(ana, PRIVATE, "hash-1")) < 2:
                    await indexer.run_once()
                    await asyncio.sleep(0.02)
        assert "poisoned" not in str(logs)
        later = await house.remember(ana, "after the refusal")
        await settled(indexer, index)
        assert await found(index, ana, "after the refusal", limit=1) == later
        (nowhere,) = [one for one in await house.vectors.of(ana, PRIVATE, "hash-1") if one.id == first[1]]
        assert set(np.frombuffer(nowhere.vector, "<f2")) == {np.float16(HASH.dimension**-0.5)}
        await indexer.check()
