"""A backup is whole, checked and private before it has a name; a restore never loses what it replaces."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import BackupError, DataFolderLocked, StoreDamaged
from bot.store.backup import backup, keep_last, nightly_path, restore
from bot.store.check import full_check, quick_check
from bot.store.folder import DataFolder
from bot.system import SystemClock

NOW = datetime(2026, 11, 20, 3, 4, 5, tzinfo=UTC)


class FixedClock(SystemClock):
    def now(self) -> datetime:
        return NOW


def add_jobs(path: Path, *ids: str, note: str = "") -> None:
    connection = sqlite3.connect(path)
    rows = [(id, note) for id in ids]
    connection.executemany("INSERT INTO jobs (id, kind, attempts, created_at, error) VALUES (?, 'forget', 0, 0, ?)", rows)
    connection.commit()
    connection.close()


def jobs_in(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return [id for (id,) in connection.execute("SELECT id FROM jobs ORDER BY id")]


def in_use(path: Path) -> sqlite3.Connection:
    """A connection that keeps rows in the write-ahead log, as a running bot does."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("INSERT INTO jobs (id, kind, attempts, created_at) VALUES ('in-the-log', 'forget', 0, 0)")
    return connection


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- backup ---


async def test_a_backup_of_a_database_in_use_has_its_latest_rows_and_stands_alone(folder: DataFolder) -> None:
    connection = in_use(folder.database)
    made = await backup(folder.database, nightly_path(folder.backups, date(2026, 11, 20)))
    connection.close()
    assert names(folder.backups) == ["martin-2026-11-20.db"]
    assert jobs_in(made.path) == ["in-the-log"]
    assert made.rows["jobs"] == 1
    assert made.size == made.path.stat().st_size
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert names(folder.backups) == ["martin-2026-11-20.db"], "reading it leaves nothing beside it"


async def test_a_backup_under_writing_is_one_moment(folder: DataFolder) -> None:
    """The writer adds the ids 0, 1, 2, … one transaction each: any moment's copy holds 0…n and no gap."""
    connection = sqlite3.connect(folder.database, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    is_done = False

    def keep_writing() -> None:
        number = 0
        while not is_done:
            connection.execute(
                "INSERT INTO jobs (id, kind, attempts, created_at, error) VALUES (?, 'x', 0, 0, ?)", (f"{number:06}", "e" * 500)
            )
            number += 1

    writing = asyncio.create_task(asyncio.to_thread(keep_writing))
    for night in range(5):
        made = await backup(folder.database, folder.backups / f"{night}.db")
        found = jobs_in(made.path)
        assert found == [f"{number:06}" for number in range(len(found))]
        assert len(found) == made.rows["jobs"]
    is_done = True
    await writing
    connection.close()
    assert len(found) > 5


async def test_an_earlier_backup_is_replaced_and_other_files_are_not(folder: DataFolder, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    await backup(folder.database, target)
    add_jobs(folder.database, "new")
    await backup(folder.database, target)
    assert jobs_in(target) == ["new"]
    target.write_text("my only novel")
    with pytest.raises(BackupError, match="not a backup of Martín's"):
        await backup(folder.database, target)
    assert target.read_text() == "my only novel"
    await backup(folder.database, target, overwrite=True)
    assert jobs_in(target) == ["new"]


async def test_a_database_that_a_bot_serves_is_never_overwritten(folder: DataFolder, tmp_path: Path) -> None:
    other = DataFolder.open(tmp_path / "other")
    other.database.write_bytes(folder.database.read_bytes())
    in_use(other.database).close()
    with pytest.raises(BackupError, match="not a backup of Martín's"):
        await backup(folder.database, other.database)
    with pytest.raises(BackupError, match="the database itself"):
        await backup(folder.database, folder.database, overwrite=True)
    with pytest.raises(BackupError, match="is a folder"):
        await backup(folder.database, folder.backups)
    with pytest.raises(BackupError, match="there is no folder"):
        await backup(folder.database, tmp_path / "missing" / "copy.db")


async def test_a_damaged_database_makes_no_backup_and_costs_no_earlier_one(folder: DataFolder) -> None:
    target = folder.backups / "martin-2026-11-20.db"
    await backup(folder.database, target)
    earlier = target.read_bytes()
    with folder.database.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096)
    with pytest.raises((BackupError, StoreDamaged)):
        await backup(folder.database, target)
    assert target.read_bytes() == earlier
    assert names(folder.backups) == [target.name]


async def test_a_cancelled_backup_leaves_nothing(folder: DataFolder) -> None:
    add_jobs(folder.database, *map(str, range(20_000)), note="x" * 500)
    task = asyncio.create_task(backup(folder.database, folder.backups / "a.db"))
    await asyncio.sleep(0.003)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert names(folder.backups) == []


def test_kills_during_a_backup_leave_the_previous_one(folder: DataFolder) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from bot.store.backup import backup
print("go", flush=True)
while True:
    asyncio.run(backup(Path(sys.argv[1]), Path(sys.argv[2])))
"""
    add_jobs(folder.database, *map(str, range(2000)), note="x" * 500)
    target = folder.backups / "martin-2026-11-20.db"
    asyncio.run(backup(folder.database, target))
    chance = random.Random(3)
    left_behind = 0
    for _ in range(6):
        command = [sys.executable, "-c", code, str(folder.database), str(target)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(chance.uniform(0, 0.08))
            process.send_signal(signal.SIGKILL)
        left_behind += len(names(folder.backups)) - 1
        asyncio.run(full_check(target))
        assert len(jobs_in(target)) == 2000
    assert left_behind, "no kill hit a backup on its way"
    asyncio.run(backup(folder.database, target))
    assert names(folder.backups) == [target.name], "the next backup clears away what the kills left"


# --- restore ---


async def test_a_restore_brings_the_rows_back_and_keeps_the_present_ones_aside(folder: DataFolder) -> None:
    add_jobs(folder.database, "old")
    made = await backup(folder.database, folder.backups / "martin-2026-11-19.db")
    in_use(folder.database).close()
    with folder.lock() as lock:
        restored = await restore(made.path, folder, lock, FixedClock())
        again = await restore(made.path, folder, lock, FixedClock())
    assert jobs_in(folder.database) == ["old"]
    assert restored.rows == made.rows
    assert restored.kept_aside == folder.backups / "martin-before-restore-20261120T030405Z.db"
    assert jobs_in(restored.kept_aside) == ["in-the-log", "old"]
    assert again.kept_aside == folder.backups / "martin-before-restore-20261120T030405Z-2.db"
    assert folder.database.stat().st_mode & 0o777 == 0o600
    await quick_check(folder.database)


async def test_the_log_of_the_replaced_database_never_meets_the_restored_one(folder: DataFolder, tmp_path: Path) -> None:
    """As after a kill: the log of the present database lies there, full."""
    made = await backup(folder.database, tmp_path / "empty.db")
    connection = in_use(folder.database)
    crashed = DataFolder.open(tmp_path / "crashed")
    for suffix in ("", "-wal"):
        crashed.database.with_name("martin.db" + suffix).write_bytes(
            folder.database.with_name("martin.db" + suffix).read_bytes()
        )
    connection.close()
    with crashed.lock() as lock:
        restored = await restore(made.path, crashed, lock, FixedClock())
    assert jobs_in(crashed.database) == []
    assert restored.kept_aside is not None
    assert jobs_in(restored.kept_aside) == ["in-the-log"]


async def test_a_damaged_database_is_kept_aside_byte_for_byte(folder: DataFolder) -> None:
    made = await backup(folder.database, folder.backups / "martin-2026-11-19.db")
    wreck = b"SQLite format 3\x00" + b"\xff" * 9000
    folder.database.write_bytes(wreck)
    with folder.lock() as lock:
        restored = await restore(made.path, folder, lock, FixedClock())
    assert restored.kept_aside is not None
    assert restored.kept_aside.read_bytes() == wreck
    await full_check(folder.database)


async def test_a_lost_database_can_be_restored(folder: DataFolder) -> None:
    made = await backup(folder.database, folder.backups / "martin-2026-11-19.db")
    folder.database.unlink()
    with folder.lock() as lock:
        assert (await restore(made.path, folder, lock, FixedClock())).kept_aside is None
    await full_check(folder.database)


async def test_what_cannot_be_restored_is_refused_and_changes_nothing(folder: DataFolder, tmp_path: Path) -> None:
    add_jobs(folder.database, "present")
    before = folder.database.read_bytes()
    made = (await backup(folder.database, tmp_path / "good.db")).path
    whole = made.read_bytes()
    bad: dict[str, bytes] = {
        "cannot be used": b"just a letter" * 1000,
        "is empty": b"",
        "damaged|cannot be used": whole[: len(whole) // 2],
        "damaged": whole[: 4096 * 3] + b"\xff" * 4096 + whole[4096 * 4 :],
        "newer version": _changed(whole, tmp_path, "UPDATE alembic_version SET version_num = '9999'"),
        "not one of Martín's": _changed(whole, tmp_path, "PRAGMA application_id = 1"),
        "missing row": _changed(whole, tmp_path, "INSERT INTO identities VALUES ('web', 'u', 'nobody', 0)"),
    }
    with folder.lock() as lock:
        for says, content in bad.items():
            (tmp_path / "bad.db").write_bytes(content)
            with pytest.raises(BackupError, match=says):
                await restore(tmp_path / "bad.db", folder, lock, FixedClock())
        with pytest.raises(BackupError, match="there is no file"):
            await restore(tmp_path / "missing.db", folder, lock, FixedClock())
        connection = in_use(made)
        with pytest.raises(BackupError, match="is in use"):
            await restore(made, folder, lock, FixedClock())
        connection.close()
    with pytest.raises(DataFolderLocked):
        await restore(made, folder, lock, FixedClock())
    assert folder.database.read_bytes() == before
    assert names(folder.backups) == []


def _changed(content: bytes, tmp_path: Path, sql: str) -> bytes:
    path = tmp_path / "changed.db"
    path.write_bytes(content)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()
    return path.read_bytes()


# --- rotation ---


def test_the_last_seven_nights_stay_and_what_was_kept_aside_goes_with_its_night(tmp_path: Path) -> None:
    today = date(2026, 11, 20)
    for age in range(10):
        nightly_path(tmp_path, today - timedelta(days=age)).touch()
    old, young = "martin-before-restore-20261101T000000Z.db", "martin-before-schema-0002-20261119T000000Z-2.db"
    others = [old, old + "-wal", young, "martin-2026-99-99.db", "novel.db"]
    for name in others:
        (tmp_path / name).touch()
    removed = {path.name for path in keep_last(tmp_path, today)}
    assert removed == {"martin-2026-11-13.db", "martin-2026-11-12.db", "martin-2026-11-11.db", old, old + "-wal"}
    assert len(list(tmp_path.glob("martin-2026-11-*.db"))) == 7
    assert keep_last(tmp_path, today) == ()


def test_old_backups_stay_while_there_is_no_young_one(tmp_path: Path) -> None:
    nightly_path(tmp_path, date(2026, 10, 1)).touch()
    nightly_path(tmp_path, date(2027, 10, 1)).touch()  # from a clock that was once wrong
    assert keep_last(tmp_path, date(2026, 11, 20)) == ()


def test_unfinished_copies_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    dead, living = tmp_path / f".a.db.{gone.pid}.partial", tmp_path / f".a.db.{os.getpid()}.partial-journal"
    dead.touch()
    living.touch()
    assert keep_last(tmp_path, date(2026, 11, 20)) == (dead,)


# --- the weekly check ---


async def test_the_full_check_finds_what_the_quick_one_does_not_look_for(folder: DataFolder) -> None:
    with contextlib.closing(sqlite3.connect(folder.database)) as connection:
        connection.execute("INSERT INTO identities VALUES ('web', 'u', 'nobody', 0)")
        connection.commit()
    await quick_check(folder.database)
    with pytest.raises(StoreDamaged, match="a row of identities refers to a missing row of people"):
        await full_check(folder.database)
