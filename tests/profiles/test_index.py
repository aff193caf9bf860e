"""The index finds a person's vectors, keeps to that person, forgets without a trace, and never holds a caller up."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.errors import IndexUnavailable
from profiles.chroma_child import INDEXES_IN_MEMORY
from profiles.index import SEARCH_S, ChromaIndex, IndexState
from tests.profiles.index_talk import (
    ANA,
    BEN,
    DIMENSION,
    GROUP,
    OPEN_S,
    PRIVATE,
    exact,
    finish,
    ids,
    new_index,
    opened,
    patterns,
    vectors,
    where,
)


async def filled(index: ChromaIndex) -> None:
    """Ana with two scopes, Ben with one, and all of it in."""
    await index.add(ANA, PRIVATE, ids(120, "ana"), vectors(120, 1))
    await index.add(ANA, GROUP, ids(30, "group"), vectors(30, 2))
    await index.add(BEN, PRIVATE, ids(60, "ben"), vectors(60, 3))
    await finish(index)


async def until_state(index: ChromaIndex, *states: IndexState) -> None:
    async with asyncio.timeout(OPEN_S):
        while index.status.state not in states:
            await asyncio.sleep(0.01)


async def test_it_finds_the_nearest_of_one_person_in_the_scopes_that_are_asked_for(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
        asked = vectors(1, 9)[0]
        private = await index.search(ANA, [PRIVATE], asked, 5)
        assert [hit.id for hit in private] == exact(vectors(120, 1), ids(120, "ana"), asked, 5)
        assert [hit.score for hit in private] == pytest.approx(sorted(vectors(120, 1) @ asked, reverse=True)[:5], abs=1e-4)
        both = await index.search(ANA, [PRIVATE, GROUP], asked, 150)
        assert {hit.id for hit in both} == {*ids(120, "ana"), *ids(30, "group")}
        assert [hit.score for hit in both] == sorted((hit.score for hit in both), reverse=True)
        assert {hit.id for hit in await index.search(BEN, [PRIVATE, GROUP], asked, 200)} == set(ids(60, "ben"))
        assert await index.search(BEN, [GROUP], asked, 5) == []


async def test_what_is_there_stays_and_counts_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
        await index.add(ANA, PRIVATE, ["ana-000000", "new", "new"], vectors(3, 77))
        assert await index.count(ANA, PRIVATE) == 121
        assert (await index.search(ANA, [PRIVATE], vectors(120, 1)[0], 1))[0].id == "ana-000000"


async def test_another_dimension_never_mixes_in(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
        with pytest.raises(IndexUnavailable, match="vectors of 16 numbers"):
            await index.add(ANA, PRIVATE, ["other"], vectors(1, 1, 16))
        assert await index.search(ANA, [PRIVATE], vectors(1, 1, 16)[0], 3) == []
        assert index.status.state is IndexState.READY
        with pytest.raises(ValueError, match="2 ids came with 1 vectors"):
            await index.add(ANA, PRIVATE, ["one", "two"], vectors(1, 1))


async def test_what_was_put_in_is_there_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
    async with opened(tmp_path) as index:
        assert index.status.state is IndexState.READY
        asked = vectors(1, 9)[0]
        found = [hit.id for hit in await index.search(ANA, [PRIVATE], asked, 5)]
        assert found == exact(vectors(120, 1), ids(120, "ana"), asked, 5)
        await index.check({(ANA, PRIVATE): 120, (ANA, GROUP): 30, (BEN, PRIVATE): 60, (BEN, GROUP): 0})


async def test_a_new_index_is_not_searched_before_everything_is_in(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        assert index.status.state is IndexState.REBUILDING
        with pytest.raises(IndexUnavailable, match="being rebuilt"):
            await index.search(ANA, [PRIVATE], vectors(1, 1)[0], 3)
        await index.add(ANA, PRIVATE, ["one"], vectors(1, 1))
        with pytest.raises(IndexUnavailable, match="lost while"):
            await index.rebuilt(99)
        await finish(index)
        assert [hit.id for hit in await index.search(ANA, [PRIVATE], vectors(1, 1)[0], 3)] == ["one"]


async def test_a_changed_embedder_begins_anew_and_the_old_vectors_go(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
    async with opened(tmp_path, embedder="hash-2") as index:
        assert index.status.state is IndexState.REBUILDING
        await index.add(ANA, PRIVATE, ["new"], vectors(1, 5, 16))
        await finish(index)
        assert [hit.id for hit in await index.search(ANA, [PRIVATE], vectors(1, 5, 16)[0], 3)] == ["new"]
    assert where(tmp_path, patterns(ids(120, "ana"), vectors(120, 1))) == {}


async def test_forgetting_leaves_no_byte_and_nobody_else_loses_anything(tmp_path: Path) -> None:
    sought = patterns([*ids(120, "ana"), *ids(30, "group")], vectors(120, 1))
    async with opened(tmp_path) as index:
        await filled(index)
        await index.search(ANA, [PRIVATE, GROUP], vectors(1, 1)[0], 3)
        assert where(tmp_path, sought) != {}
        await index.forget(ANA)
        assert where(tmp_path, sought) == {}
        assert await index.search(ANA, [PRIVATE, GROUP], vectors(1, 1)[0], 3) == []
        assert len(await index.search(BEN, [PRIVATE], vectors(1, 1)[0], 100)) == 60
        await index.forget(ANA)
        await index.check({(ANA, PRIVATE): 0, (BEN, PRIVATE): 60})
    assert where(tmp_path, sought) == {}


async def test_a_kill_between_deleting_and_vacuuming_leaves_nothing_after_the_next_try(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
        forgetting = asyncio.create_task(index.forget(ANA))
        while where(tmp_path, {"unclean": b'"unclean":true'}) == {}:
            await asyncio.sleep(0)
        assert index.pid is not None
        os.kill(index.pid, signal.SIGKILL)
        with pytest.raises(IndexUnavailable):
            await forgetting
    async with opened(tmp_path) as index:
        await index.forget(ANA)
        assert where(tmp_path, patterns([*ids(120, "ana"), *ids(30, "group")], vectors(120, 1))) == {}
        assert await index.count(BEN, PRIVATE) == 60


async def test_forty_people_forgotten_at_once_share_their_vacuums(tmp_path: Path) -> None:
    people = [type(ANA)(f"person {number}") for number in range(40)]
    async with opened(tmp_path) as index:
        for number, person in enumerate(people):
            await index.add(person, PRIVATE, ids(3, f"trace{number:03}-"), vectors(3, number))
        await asyncio.gather(*(index.forget(person) for person in people[:39]))
        assert list(where(tmp_path, {f"trace{number:03}-": b"trace%03d-" % number for number in range(40)})) == ["trace039-"]


async def test_forgetting_one_after_the_other_takes_no_memory(tmp_path: Path) -> None:
    people = [type(ANA)(f"person {number}") for number in range(120)]
    async with opened(tmp_path) as index:
        for number, person in enumerate(people):
            await index.add(person, PRIVATE, ids(3, f"trace{number:03}-"), vectors(3, number))
    async with opened(tmp_path) as index:
        await index.forget(people[0])
        assert index.pid is not None
        before = resident_mib(index.pid)
        for person in people[1:21]:
            await index.forget(person)
        assert resident_mib(index.pid) - before < 40  # `chroma vacuum` would have taken 15 for each


async def test_one_vector_taken_out_is_found_no_more_and_its_bytes_go_when_tidied(tmp_path: Path) -> None:
    rows, names = vectors(120, 1), ids(120, "ana")
    sought = patterns(names[10:20], rows[10:20])
    async with opened(tmp_path) as index:
        await filled(index)
        await index.remove(ANA, PRIVATE, [*names[10:20], "never there"])
        found = await index.search(ANA, [PRIVATE], rows[10], 120)
        assert {hit.id for hit in found} == {*names[:10], *names[20:]}
        assert where(tmp_path, sought) != {}
        await index.tidy()
        assert where(tmp_path, sought) == {}
        assert len(await index.search(ANA, [PRIVATE], rows[10], 120)) == 110
        await index.remove(ANA, PRIVATE, names)
        await index.remove(BEN, GROUP, ["nothing there"])
        await index.tidy()
        assert await index.search(ANA, [PRIVATE], rows[10], 120) == []
        assert await index.count(ANA, PRIVATE) == 0
        await index.add(ANA, PRIVATE, ["again"], rows[:1])
        assert [hit.id for hit in await index.search(ANA, [PRIVATE], rows[0], 3)] == ["again"]


async def test_names_of_collections_tell_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
        assert where(tmp_path, {"person": b"ben\0", "group": b"a group", "embedder": b"hash-1"}) == {}


async def test_two_hundred_searches_at_once_are_all_answered(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
        asked = vectors(200, 3)
        found = await asyncio.gather(*(index.search(ANA, [PRIVATE, GROUP], row, 5, timeout_s=30) for row in asked))
        rows = [exact(vectors(120, 1), ids(120, "ana"), row, 1)[0] for row in asked]
        agree = sum(best in [hit.id for hit in hits] for best, hits in zip(rows, found, strict=True))
        assert agree >= 190  # the best of the group may push it out
        assert {len(hits) for hits in found} == {5}


async def test_a_stopped_process_costs_a_search_its_deadline_and_no_more(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
        assert index.pid is not None
        os.kill(index.pid, signal.SIGSTOP)
        began = time.monotonic()
        results = await asyncio.gather(
            *(index.search(ANA, [PRIVATE], vectors(1, 1)[0], 5) for _ in range(50)), return_exceptions=True
        )
        assert time.monotonic() - began < SEARCH_S + 3
        assert {type(result) for result in results} == {IndexUnavailable}
        os.kill(index.pid, signal.SIGCONT)
        assert len(await index.search(ANA, [PRIVATE], vectors(1, 1)[0], 5, timeout_s=30)) == 5


async def test_a_search_during_a_restart_fails_at_once_and_works_again_after_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
        assert index.pid is not None
        os.kill(index.pid, signal.SIGKILL)
        await until_state(index, IndexState.DOWN, IndexState.STARTING)
        began = time.monotonic()
        with pytest.raises(IndexUnavailable):
            await index.search(ANA, [PRIVATE], vectors(1, 1)[0], 5)
        assert time.monotonic() - began < SEARCH_S + 1
        await until_state(index, IndexState.READY)
        assert len(await index.search(ANA, [PRIVATE], vectors(1, 1)[0], 5, timeout_s=30)) == 5


@pytest.mark.slow
async def test_more_people_than_fit_in_memory_find_their_newest_vectors(tmp_path: Path) -> None:
    """Chroma 1.5.9 searches an index that it dropped from memory without its newest vectors."""
    people = [type(ANA)(f"person {number}") for number in range(400)]
    rows = vectors(56, 1)
    pids = set()
    async with opened(tmp_path) as index:
        for person in people:
            await index.add(person, PRIVATE, ids(55, "old"), rows[:55])
            await index.add(person, PRIVATE, ["new"], rows[55:])
        await finish(index)
        for person in people * 2:
            await until_state(index, IndexState.READY)
            pids.add(index.pid)
            found = await index.search(person, [PRIVATE], rows[55], 56, timeout_s=OPEN_S)
            assert found[0].id == "new"
            assert len(found) == 56
        await index.check(dict.fromkeys([(person, PRIVATE) for person in people], 56))
    assert len(pids) >= 800 // INDEXES_IN_MEMORY


async def test_only_one_process_has_the_index_open(tmp_path: Path) -> None:
    async with opened(tmp_path):
        second = new_index(tmp_path)
        second.start()
        await until_state(second, IndexState.STARTING)
        await until_state(second, IndexState.DOWN)
        assert "another process has the index open" in second.status.reason
        await second.aclose()


async def test_a_wrong_count_is_noticed_and_the_index_wants_to_be_rebuilt(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await filled(index)
        with pytest.raises(IndexUnavailable, match="another number"):
            await index.check({(ANA, PRIVATE): 121})
        await until_state(index, IndexState.REBUILDING)
        assert "another number" in index.status.reason
        await filled(index)
        await index.check({(ANA, PRIVATE): 120})
        assert len(await index.search(ANA, [PRIVATE], vectors(1, 1)[0], 5)) == 5


async def test_a_rebuild_overtaken_by_another_loss_does_not_count_as_done(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        rebuild = index.rebuild
        assert rebuild is not None
        await index.discard()
        with pytest.raises(IndexUnavailable, match="lost while"):
            await index.rebuilt(rebuild)
        assert index.rebuild not in (None, rebuild)


async def test_a_rebuild_goes_on_after_a_kill_that_loses_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        rebuild = index.rebuild
        assert rebuild is not None
        await index.add(ANA, PRIVATE, ids(120, "ana"), vectors(120, 1))
        assert index.pid is not None
        os.kill(index.pid, signal.SIGKILL)
        await until_state(index, IndexState.DOWN, IndexState.STARTING)
        await until_state(index, IndexState.REBUILDING)
        await index.add(ANA, GROUP, ids(30, "group"), vectors(30, 2))
        await index.rebuilt(rebuild)
        assert len(await index.search(ANA, [PRIVATE, GROUP], vectors(1, 9)[0], 200, timeout_s=OPEN_S)) == 150


async def test_it_is_checked_and_tidied_by_itself(tmp_path: Path) -> None:
    rows, names = vectors(120, 1), ids(120, "ana")
    async with opened(tmp_path, check_every_s=0.2) as index:
        await filled(index)
        await index.remove(ANA, PRIVATE, names[:10])
        async with asyncio.timeout(OPEN_S):
            while where(tmp_path, patterns(names[:10], rows[:10])):
                await asyncio.sleep(0.05)


def resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_vectors_of_the_tests_have_the_dimension_they_say() -> None:
    assert vectors(3, 1).shape == (3, DIMENSION)


@asynccontextmanager
async def chroma_server(folder: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Chroma's own server, as its command starts it."""
    command = f"from chromadb_rust_bindings import cli; cli(['chroma', 'run', '--path', {str(folder)!r}, '--port', '{port}'])"
    nowhere = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", command, stdout=nowhere, stderr=nowhere)
    try:
        yield server
    finally:
        if server.returncode is None:
            server.kill()
            await server.wait()


async def test_a_chroma_server_works_by_setting_alone_and_its_end_is_no_damage(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with chroma_server(tmp_path / "server", port) as server:
        async with opened(tmp_path / "unused", server=f"http://127.0.0.1:{port}") as index:
            await filled(index)
            asked = vectors(1, 9)[0]
            hits = await index.search(ANA, [PRIVATE], asked, 5, timeout_s=30)
            assert [hit.id for hit in hits] == exact(vectors(120, 1), ids(120, "ana"), asked, 5)
            await index.remove(ANA, PRIVATE, ids(20, "ana"))
            await index.tidy()
            await index.check({(ANA, PRIVATE): 100, (BEN, PRIVATE): 60})
            await index.forget(ANA)
            assert [await index.count(person, PRIVATE) for person in (ANA, BEN)] == [0, 60]
            server.kill()
            await server.wait()
            with pytest.raises(IndexUnavailable, match="Chroma"):
                await index.search(BEN, [PRIVATE], asked, 5, timeout_s=30)
        assert not (tmp_path / "unused").exists()
    async with chroma_server(tmp_path / "server", port), opened(tmp_path, server=f"http://127.0.0.1:{port}") as index:
        assert index.status.state is IndexState.READY
        assert await index.count(BEN, PRIVATE) == 60
