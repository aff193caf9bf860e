"""Damaged in twenty ways and more, the index notices, starts anew and says so, or answers as if nothing had happened (R-18)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bot.errors import IndexUnavailable
from profiles.index import ChromaIndex, IndexState
from tests.profiles.index_talk import ANA, BEN, OPEN_S, PRIVATE, exact, finish, ids, opened, vectors

COUNTS = {(ANA, PRIVATE): 120, (BEN, PRIVATE): 60}
KINDS = (
    "data_level0.bin",
    "header.bin",
    "length.bin",
    "link_lists.bin",
    "index_metadata.pickle",
    "chroma.sqlite3",
    "martin.seal",
)


def truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def zero(file: Path) -> None:
    file.write_bytes(bytes(file.stat().st_size))


def randomise(file: Path) -> None:
    file.write_bytes(os.urandom(file.stat().st_size))


def spoil_the_middle(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as opened_file:
        opened_file.seek(size // 2)
        opened_file.write(os.urandom(max(1, size // 8)))


WAYS: dict[str, Callable[[Path], None]] = {
    "truncate": truncate,
    "zero": zero,
    "randomise": randomise,
    "spoil": spoil_the_middle,
    "delete": Path.unlink,
}


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole index of two people, made once."""
    folder = tmp_path_factory.mktemp("index")

    async def make() -> None:
        async with opened(folder) as index:
            await index.add(ANA, PRIVATE, ids(120, "ana"), vectors(120, 1))
            await index.add(BEN, PRIVATE, ids(60, "ben"), vectors(60, 3))
            await finish(index)

    asyncio.run(make())
    return folder


async def outcome(folder: Path, damage: Callable[[], None] | None = None) -> str:
    """What comes of a damaged index: `noticed` when a rebuild is wanted, `harmless` when every answer is right, `WRONG`."""
    async with opened(folder) as index:
        people = ((ANA, vectors(120, 1), ids(120, "ana")), (BEN, vectors(60, 3), ids(60, "ben")))
        if damage is not None:
            for person, rows, _ in people:
                await index.search(person, [PRIVATE], rows[0], 10, timeout_s=OPEN_S)
            damage()
        is_right = True
        for asked in vectors(10, 9):
            for person, rows, names in people:
                with contextlib.suppress(IndexUnavailable):
                    found = await index.search(person, [PRIVATE], asked, 10, timeout_s=OPEN_S)
                    is_right &= [hit.id for hit in found] == exact(rows, names, asked, 10)
        with contextlib.suppress(IndexUnavailable):
            await index.check(COUNTS)
        async with asyncio.timeout(OPEN_S):
            while index.status.state not in (IndexState.READY, IndexState.REBUILDING):
                await asyncio.sleep(0.01)
        if index.status.state is IndexState.READY:
            return "harmless" if is_right else "WRONG"
        await index.add(ANA, PRIVATE, people[0][2], people[0][1])
        await finish(index)
        repaired = await index.search(ANA, [PRIVATE], vectors(1, 9)[0], 10, timeout_s=OPEN_S)
        assert [hit.id for hit in repaired] == exact(people[0][1], people[0][2], vectors(1, 9)[0], 10)
        return "noticed" if is_right else "WRONG before it was noticed"


def size_of_vectors(file: Path) -> int:
    vectors_file = file.parent / "data_level0.bin"
    return vectors_file.stat().st_size if vectors_file.exists() else 0


def damaged(folder: Path, kind: str, way: str, whose: str) -> None:
    """Damage every file of a kind, or only the one of the largest collection, which is Ana's."""
    files = sorted(folder.rglob(kind), key=size_of_vectors)
    for file in files[-1:] if whose == "ana" and len(files) > 1 else files:
        WAYS[way](file)


@pytest.mark.slow
@pytest.mark.parametrize("when", ["closed", "open"])
@pytest.mark.parametrize("whose", ["all", "ana"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
async def test_damage_is_noticed_or_harmless(
    kind: str, way: str, whose: str, when: str, pristine: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    shutil.copytree(pristine, folder)
    harm = partial(damaged, folder, kind, way, whose)
    if when == "closed":
        harm()
    result = await outcome(folder, harm if when == "open" else None)
    print(f"OUTCOME {kind} {way} {whose} {when}: {result}")
    assert result in ("noticed", "harmless")


@pytest.mark.parametrize(
    ("kind", "way", "when"),
    [("data_level0.bin", "zero", "closed"), ("header.bin", "delete", "open"), ("chroma.sqlite3", "spoil", "closed")],
)
async def test_damage_to_one_file_is_noticed_and_repaired(
    kind: str, way: str, when: str, pristine: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "index"
    shutil.copytree(pristine, folder)
    harm = partial(damaged, folder, kind, way, "ana")
    if when == "closed":
        harm()
    assert await outcome(folder, harm if when == "open" else None) == "noticed"


async def test_a_folder_deleted_under_it_is_noticed_and_made_anew(pristine: Path, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    shutil.copytree(pristine, folder)
    assert await outcome(folder, lambda: shutil.rmtree(folder / "chroma")) == "noticed"


@pytest.mark.slow
async def test_killed_thirty_times_while_vectors_go_in_it_loses_nothing_in_silence(tmp_path: Path) -> None:
    rows, names = vectors(3_000, 5), ids(3_000, "ana")
    rebuilds, added = 0, 0
    async with opened(tmp_path) as index:
        await finish(index)
        for kill in range(30):
            goal = 100 * (kill + 1)
            killing = asyncio.get_running_loop().call_later(0.02 * (kill % 7), kill_process, index)
            while added < goal:
                try:
                    if index.rebuild is not None:
                        rebuilds += 1
                        await index.add(ANA, PRIVATE, names[:added], rows[:added])
                        await finish(index)
                    await index.add(ANA, PRIVATE, names[added : added + 10], rows[added : added + 10])
                    added += 10
                except IndexUnavailable:
                    await asyncio.sleep(0.02)
            killing.cancel()
        async with asyncio.timeout(OPEN_S):
            while index.status.state is not IndexState.READY:
                await asyncio.sleep(0.05)
        await index.check({(ANA, PRIVATE): 3_000})
        for asked in vectors(20, 9):
            found = [hit.id for hit in await index.search(ANA, [PRIVATE], asked, 10, timeout_s=OPEN_S)]
            assert len(set(found) & set(exact(rows, names, asked, 10))) >= 8
    print(f"rebuilt {rebuilds} times")


def kill_process(index: ChromaIndex) -> None:
    if index.pid is not None:
        os.kill(index.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT seq_id, vector FROM embeddings_queue WHERE topic = 'one' AND seq_id > 7 ORDER BY seq_id",
        "DELETE FROM embeddings_queue WHERE topic = 'one' AND seq_id < 7",
        "SELECT id FROM segments WHERE collection = 'one'",
    ],
)
async def test_no_call_reads_what_waits_of_everybody(pristine: Path, tmp_path: Path, statement: str) -> None:
    """As Chroma asks; the log of what came since the last fifty of each collection has no index of its own for that."""
    folder = tmp_path / "index"
    shutil.copytree(pristine, folder)
    async with opened(folder) as index:
        await index.forget(BEN)  # which writes the database anew
        assert len(await index.search(ANA, [PRIVATE], vectors(1, 1)[0], 3)) == 3
    database = sqlite3.connect(folder / "chroma" / "chroma.sqlite3")
    with contextlib.closing(database):
        plan = " ".join(detail for *_, detail in database.execute(f"EXPLAIN QUERY PLAN {statement}"))
    assert "USING INDEX martin_" in plan or "USING COVERING INDEX martin_" in plan
