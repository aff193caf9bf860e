"""Locked, full, failing at any call: no half units, the right error for everyone, and recovery by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from bot.errors import StoreBusy, StoreDamaged, StoreError, StoreFull
from bot.store.db import Database, Unit
from tests.store import ledger
from tests.store.ledger import step


def failure(code: int, name: str) -> sqlite3.OperationalError:
    """An error as SQLite raises it."""
    error = sqlite3.OperationalError("made by the test")
    error.sqlite_errorcode, error.sqlite_errorname = code, name
    return error


class FailAt:
    """A `before_call` whose n-th call fails."""

    def __init__(self, n: int, error: sqlite3.Error) -> None:
        self.left, self._error = n, error

    def __call__(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise self._error


class Locker:
    """Another program that holds the database's write lock for a while."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path, self._seconds = path, seconds
        self._has_begun = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        self._has_begun.set()
        time.sleep(self._seconds)
        connection.execute("ROLLBACK")
        connection.close()

    def __enter__(self) -> None:
        self._thread.start()
        assert self._has_begun.wait(5)

    def __exit__(self, *_: object) -> None:
        self._thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return ledger.create(tmp_path / "ledger.db")


UNITS = [
    Unit(
        step(ledger.ADD_PARENT, id="a", name="x"),
        step(ledger.ADD_CHILD, id="a", parent_id="a", name="y"),
        step(ledger.LOG, id=1),
    ),
    Unit(step(ledger.COUNT, id="a", total=1), step(ledger.LOG, id=2)),
    Unit(step(ledger.LOG, id=3), step(ledger.SPEND, row="a")),
]
"""The first two share a batch of six calls (BEGIN, four statements, COMMIT), the third runs alone in four."""


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (failure(sqlite3.SQLITE_IOERR_READ, "SQLITE_IOERR_READ"), StoreError),
        (failure(sqlite3.SQLITE_FULL, "SQLITE_FULL"), StoreFull),
        (failure(sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC"), StoreFull),
        (failure(sqlite3.SQLITE_BUSY_SNAPSHOT, "SQLITE_BUSY_SNAPSHOT"), StoreBusy),
        (failure(sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT"), StoreDamaged),
    ],
)
async def test_a_failure_at_any_call_leaves_whole_units_and_the_next_commit_works(
    tmp_path: Path, error: sqlite3.Error, kind: type[StoreError]
) -> None:
    for n in range(1, 11):
        path = ledger.create(tmp_path / f"{n}.db")
        async with await Database.open(path, ledger.STATEMENTS, readers=1, before_call=FailAt(n, error)) as database:
            results = await asyncio.gather(*map(database.commit, UNITS), return_exceptions=True)
            failed = [1, 2] if n <= 6 else [3]
            assert [type(one) for one in results] == [kind if number in failed else type(None) for number in (1, 2, 3)], n
            assert all(one.__cause__ is error for one in results if isinstance(one, StoreError))
            assert ledger.dump(path)["log"] == [(number,) for number in (1, 2, 3) if number not in failed]
            with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")  # no failed transaction is left open
                other.execute("ROLLBACK")
            assert (database.last_error is None) == (failed == [1, 2]), "the last batch decides"
            await database.commit(Unit(step(ledger.LOG, id=9)))
            assert database.is_healthy
            assert await database.rows(ledger.LOGGED) == ledger.dump(path)["log"]


async def test_a_read_that_fails_says_so_and_the_next_one_works(path: Path) -> None:
    fault = FailAt(1, failure(sqlite3.SQLITE_IOERR_READ, "SQLITE_IOERR_READ"))
    async with await Database.open(path, ledger.STATEMENTS, before_call=fault) as database:
        with pytest.raises(StoreError, match="SQLITE_IOERR_READ"):
            await database.rows(ledger.LOGGED)
        assert await database.rows(ledger.LOGGED) == []


async def test_a_short_lock_from_outside_is_waited_out(path: Path) -> None:
    async with await Database.open(path, ledger.STATEMENTS) as database:
        with Locker(path, 1.0):
            reading = await database.rows(ledger.LOGGED)
            await database.commit(UNITS[0])
    assert reading == []
    assert ledger.dump(path)["log"] == [(1,)]


async def test_a_long_lock_from_outside_is_reported_and_leaves_no_half_unit(path: Path) -> None:
    async with await Database.open(path, ledger.STATEMENTS, busy_timeout_s=0.1) as database:
        with Locker(path, 0.8):
            results = await asyncio.gather(*map(database.commit, UNITS), return_exceptions=True)
            assert [type(one) for one in results] == [StoreBusy] * 3
            assert isinstance(database.last_error, StoreBusy)
        assert ledger.dump(path)["log"] == []
        await database.commit(UNITS[0])
        assert database.is_healthy


async def test_the_age_of_a_stuck_batch_can_be_read(path: Path) -> None:
    async with await Database.open(path, ledger.STATEMENTS) as database:
        assert database.batch_running_s == 0
        with Locker(path, 0.4):
            task = asyncio.create_task(database.commit(UNITS[0]))
            await asyncio.sleep(0.2)
            assert database.batch_running_s >= 0.1
            await task


def test_a_full_disk_refuses_writes_keeps_reading_and_recovers_by_itself(path: Path) -> None:
    """In a process of its own, because the limit on file sizes holds for a whole process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.full_disk", str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["StoreFull", "read", "recovered"]
    logged = [number for (number,) in ledger.dump(path)["log"]]
    parents = ledger.dump(path)["parents"]
    assert sorted(int(id) for id, _ in parents) == logged, "no unit is half there"
