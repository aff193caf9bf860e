"""A start leaves a sound database of this version's schema, or says why not and touches nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from bot.errors import StoreDamaged, StoreError, StoreTooNew
from bot.store import schema
from bot.store.check import APPLICATION_ID
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.migrations import FOLDER, REVISIONS
from bot.system import SystemClock

SECOND = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None


def upgrade() -> None:
    with op.batch_alter_table("jobs") as jobs:
        jobs.add_column(sa.Column("note", sa.Text(), nullable=True))
    op.execute("UPDATE jobs SET note = kind")
    {more}
"""


class FixedClock(SystemClock):
    def now(self) -> datetime:
        return datetime(2026, 11, 20, 3, 4, 5, tzinfo=UTC)


def described(path: Path) -> set[tuple[str, ...]]:
    """What sqlite_master says of everything but Alembic's own table; the parts of a table in alphabetical order."""
    found = query(path, "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master WHERE tbl_name <> 'alembic_version'")
    return {(str(kind), str(name), str(table), *parts(str(sql))) for kind, name, table, sql in found}


def parts(sql: str) -> list[str]:
    """The columns and constraints between the outermost parentheses, sorted, with single spaces."""
    depth, pieces = 0, [""]
    for letter in " ".join(sql.split()):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 1:
            pieces.append("")
        else:
            pieces[-1] += letter
    return sorted(piece.strip(" )") for piece in pieces)


def query(path: Path, sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def fill(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.executemany(
        "INSERT INTO jobs (id, kind, attempts, created_at) VALUES (?, 'forget', 0, 0)", [(str(n),) for n in range(1000)]
    )
    connection.commit()
    connection.close()


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """The migrations of a later version, whose second step adds a column."""
    scripts = tmp_path / "scripts"
    shutil.copytree(FOLDER, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "v0002_note.py").write_text(SECOND.format(more=""))
    return scripts


async def test_an_empty_folder_gets_exactly_the_tables_of_the_schema(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")
    report = await migrate(folder, FixedClock())
    assert (report.before, report.after, report.backup, report.has_changed) == (None, REVISIONS[-1], None, True)
    engine = create_engine(f"sqlite:///{tmp_path / 'plain.db'}")
    schema.metadata.create_all(engine)
    engine.dispose()
    assert described(folder.database) == described(tmp_path / "plain.db")
    assert query(folder.database, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert folder.database.stat().st_mode & 0o777 == 0o600


def test_the_list_of_revisions_is_alembics_own() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    scripts = ScriptDirectory.from_config(config)
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == REVISIONS


async def test_a_second_start_changes_nothing(folder: DataFolder) -> None:
    before = folder.database.read_bytes()
    report = await migrate(folder, FixedClock())
    assert not report.has_changed
    assert folder.database.read_bytes() == before


def test_a_start_with_nothing_due_does_not_import_alembic(folder: DataFolder) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.system import SystemClock
print(asyncio.run(migrate(DataFolder.open(Path(sys.argv[1])), SystemClock())).has_changed, "alembic" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder.path)], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.split() == ["False", "False"]


async def test_an_older_database_is_backed_up_then_migrated_with_its_rows(folder: DataFolder, next_version: Path) -> None:
    fill(folder.database)
    report = await migrate(folder, FixedClock(), scripts=next_version, revisions=("0001", "0002"))
    assert (report.before, report.after) == ("0001", "0002")
    assert report.backup == folder.backups / "martin-before-schema-0002-20261120T030405Z.db"
    assert query(folder.database, "SELECT count(*), min(note), max(note) FROM jobs") == [(1000, "forget", "forget")]
    assert query(report.backup, "SELECT count(*) FROM jobs") == [(1000,)]
    assert query(report.backup, "SELECT version_num FROM alembic_version") == [("0001",)]


@pytest.mark.parametrize(
    ("more", "kind", "says"),
    [
        ('op.execute("INSERT INTO nowhere VALUES (1)")', StoreError, "no such table: nowhere"),
        ("op.execute(\"INSERT INTO identities VALUES ('web', 'u', 'nobody', 0)\")", StoreDamaged, "missing row of people"),
    ],
)
async def test_a_step_that_fails_leaves_the_old_database(
    folder: DataFolder, next_version: Path, more: str, kind: type[StoreError], says: str
) -> None:
    fill(folder.database)
    before = described(folder.database)
    (next_version / "versions" / "v0002_note.py").write_text(SECOND.format(more=more))
    with pytest.raises(kind, match=says):
        await migrate(folder, FixedClock(), scripts=next_version, revisions=("0001", "0002"))
    assert described(folder.database) == before
    assert query(folder.database, "SELECT version_num FROM alembic_version") == [("0001",)]
    assert not (await migrate(folder, FixedClock())).has_changed


async def test_a_newer_database_is_refused_untouched(folder: DataFolder) -> None:
    connection = sqlite3.connect(folder.database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = folder.database.read_bytes()
    with pytest.raises(StoreTooNew, match="schema 9999; this version knows up to 0001"):
        await migrate(folder, FixedClock())
    assert folder.database.read_bytes() == before


async def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")
    connection = sqlite3.connect(folder.database)
    connection.execute("CREATE TABLE recipes (id)")
    connection.close()
    with pytest.raises(StoreError, match="not one of Martín's"):
        await migrate(folder, FixedClock())


async def test_a_lost_database_is_not_replaced_by_an_empty_one(folder: DataFolder) -> None:
    (folder.backups / "martin-2026-11-19.db").write_bytes(folder.database.read_bytes())
    for lose in (folder.database.unlink, lambda: folder.database.write_bytes(b"")):
        lose()
        with pytest.raises(StoreDamaged, match=r"is gone.*python -m bot restore"):
            await migrate(folder, FixedClock())
    assert folder.database.read_bytes() == b""


async def test_a_log_without_its_database_is_not_thrown_away(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")
    (folder.path / "martin.db-wal").write_bytes(b"frames")
    with pytest.raises(StoreDamaged, match=r"martin\.db-wal"):
        await migrate(folder, FixedClock())


async def test_overwritten_pages_are_noticed_at_start(folder: DataFolder) -> None:
    """Every page that holds something, one at a time, its first 200 bytes turned over."""
    fill(folder.database)
    await asyncio.to_thread(query, folder.database, "PRAGMA wal_checkpoint(TRUNCATE)")
    whole = folder.database.read_bytes()
    size = 4096
    missed = []
    for page in range(0, len(whole) // size):
        start = page * size
        turned = bytes(byte ^ 0xFF for byte in whole[start : start + 200])
        folder.database.write_bytes(whole[:start] + turned + whole[start + 200 :])
        try:
            await migrate(folder, FixedClock())
            missed.append(page)
        except StoreDamaged as error:
            assert "Nothing was changed" in str(error)
            assert "python -m bot restore" in str(error)
    assert not missed


def test_a_first_start_killed_on_the_way_is_done_by_the_next(tmp_path: Path) -> None:
    code = """
import asyncio, sys
from pathlib import Path
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.system import SystemClock
asyncio.run(migrate(DataFolder.open(Path(sys.argv[1])), SystemClock()))
"""
    for number, delay_s in enumerate((0.0, 0.005, 0.015)):
        folder = DataFolder.open(tmp_path / str(number))
        journal = folder.path / "martin.db-journal"
        with subprocess.Popen([sys.executable, "-c", code, str(folder.path)]) as process:
            while not journal.exists() and process.poll() is None:
                time.sleep(0.0005)
            time.sleep(delay_s)
            process.send_signal(signal.SIGKILL)
        report = asyncio.run(migrate(folder, SystemClock()))
        assert report.before in (None, REVISIONS[-1])
        assert query(folder.database, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]
