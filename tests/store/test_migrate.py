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
from datetime import UTC, date, datetime, timedelta
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

TRIGGERS = {"audit_refuses_update", "audit_refuses_delete", "audit_keeps_the_first"}
"""What keeps the audit log as it is; only migrations make it, and one that copies that table must make it anew."""
DROPPED = {("turns", "arms")}
"""What a later revision took away: no version had ever written it."""
NEXT = f"{int(REVISIONS[-1]) + 1:04}"
LATER = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{revision}", "{before}", None, None


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


async def released(path: Path, revision: str) -> DataFolder:
    """A folder as a released version with this schema left it: served before, with 1,000 rows in every table."""
    folder = DataFolder.open(path)
    await migrate(folder, FixedClock(), revisions=REVISIONS[: REVISIONS.index(revision) + 1])
    connection = sqlite3.connect(folder.database)
    connection.execute("PRAGMA journal_mode = WAL")
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if table != "alembic_version":
            columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            marks = ", ".join("?" * len(columns))
            rows = [[value(kind, name, number) for _, name, kind, *_ in columns] for number in range(1000)]
            connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', rows)
    connection.commit()
    connection.close()
    return folder


def value(kind: str, column: str, number: int) -> object:
    """Something for a column: row `number` of every table refers to row `number` of the others."""
    match kind:
        case "TEXT":
            return f"{number:04}" if column.endswith("id") else f"{column} {number} ñ"
        case "JSON":
            return f'{{"{column}":"{number}"}}'
        case "DATE":
            return (date(2020, 1, 1) + timedelta(days=number)).isoformat()
        case _:
            return number


def rows_of(path: Path) -> dict[str, list[dict[str, object]]]:
    """Every row of every table, by column."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY 1, 2')]
            for name in names
            if name != "alembic_version"
        }
    finally:
        connection.close()


def kept(before: dict[str, list[dict[str, object]]], after: dict[str, list[dict[str, object]]]) -> object:
    """What `after` still says of the tables and columns that were there before, but for what was to go or has moved."""
    columns = {
        table: [column for column in (rows[0] if rows else ()) if (table, column) not in DROPPED]
        for table, rows in before.items()
        if table != "placeholders"
    }
    there: dict[str, object] = {
        table: [{column: row[column] for column in columns[table]} for row in after[table]] for table in columns
    }
    return {**there, "placeholders": placeholders(after)}


def placeholders(rows: dict[str, list[dict[str, object]]]) -> list[tuple[object, object]]:
    """Each reply with the message that a platform had for it: the first of its parts, since these have a table."""
    if "placeholders" in rows:
        return [(row["turn_id"], row["platform_id"]) for row in rows["placeholders"]]
    return [(row["outbox_id"], row["platform_id"]) for row in rows["parts"]]


KILLED_AT_EVERY_STATEMENT = """
import asyncio, os, shutil, signal, sys
from pathlib import Path
import alembic.command, alembic.runtime.environment
from sqlalchemy import event
from sqlalchemy.engine import Engine
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.system import SystemClock

old, copies = map(Path, sys.argv[1:])
left = 0

def die(*_):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", die)
event.listen(Engine, "commit", die)
number, was_killed = 0, True
while was_killed:
    number += 1
    shutil.copytree(old, copies / str(number))
    if not (child := os.fork()):
        left = number
        asyncio.run(migrate(DataFolder.open(copies / str(number)), SystemClock()))
        os._exit(0)
    was_killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
print(number - 1)
"""


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """The migrations of a later version, whose last step adds a column."""
    scripts = tmp_path / "scripts"
    shutil.copytree(FOLDER, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    write_later(scripts)
    return scripts


def write_later(scripts: Path, more: str = "") -> None:
    (scripts / "versions" / f"v{NEXT}_note.py").write_text(LATER.format(revision=NEXT, before=REVISIONS[-1], more=more))


async def test_an_empty_folder_gets_exactly_the_tables_of_the_schema(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "data")
    report = await migrate(folder, FixedClock())
    assert (report.before, report.after, report.backup, report.has_changed) == (None, REVISIONS[-1], None, True)
    engine = create_engine(f"sqlite:///{tmp_path / 'plain.db'}")
    schema.metadata.create_all(engine)
    engine.dispose()
    found = described(folder.database)
    assert {one for one in found if one[0] != "trigger"} == described(tmp_path / "plain.db")
    assert {name for kind, name, *_ in found if kind == "trigger"} == TRIGGERS
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
    report = await migrate(folder, FixedClock(), scripts=next_version, revisions=(*REVISIONS, NEXT))
    assert (report.before, report.after) == (REVISIONS[-1], NEXT)
    assert report.backup == folder.backups / f"martin-before-schema-{NEXT}-20261120T030405Z.db"
    assert query(folder.database, "SELECT count(*), min(note), max(note) FROM jobs") == [(1000, "forget", "forget")]
    assert query(report.backup, "SELECT count(*) FROM jobs") == [(1000,)]
    assert query(report.backup, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


@pytest.mark.parametrize("revision", REVISIONS[:-1])
async def test_every_released_schema_is_brought_up_with_all_its_rows(tmp_path: Path, revision: str) -> None:
    folder = await released(tmp_path / "data", revision)
    before = rows_of(folder.database)
    report = await migrate(folder, FixedClock())
    assert (report.before, report.after) == (revision, REVISIONS[-1])
    assert kept(before, rows_of(folder.database)) == kept(before, before)
    fresh = DataFolder.open(tmp_path / "fresh")
    await migrate(fresh, FixedClock())
    assert described(folder.database) == described(fresh.database)
    assert report.backup is not None
    assert rows_of(report.backup) == before
    assert not (await migrate(folder, FixedClock())).has_changed


OLDEST, *NEWER = REVISIONS[:-1]
SAMPLED = 4


@pytest.mark.parametrize("revision", [OLDEST, *(pytest.param(revision, marks=pytest.mark.slow) for revision in NEWER)])
async def test_killed_at_any_statement_a_released_schema_is_the_old_one_or_the_new_one(tmp_path: Path, revision: str) -> None:
    """One process makes a child for each statement of the migration; the child is killed just before it runs.

    The oldest schema's migration has all statements of the others, and is in every run.
    """
    folder = await released(tmp_path / "data", revision)
    before = rows_of(folder.database)
    copies = tmp_path / "copies"
    command = [sys.executable, "-c", KILLED_AT_EVERY_STATEMENT, str(folder.path), str(copies)]
    run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True, env=os.environ)
    found, count = [], int(run.stdout)
    for number in range(1, count + 1):
        killed = DataFolder.open(copies / str(number))
        ((version,),) = query(killed.database, "SELECT version_num FROM alembic_version")
        found.append(version)
        assert await asyncio.to_thread(rows_of, killed.database) == before
        if number % SAMPLED and number != count:
            continue  # the same database once more: what differs is how much of a journal it has
        await migrate(killed, FixedClock())
        assert kept(before, rows_of(killed.database)) == kept(before, before)
        assert query(killed.database, "PRAGMA integrity_check") == [("ok",)]
        assert query(killed.database, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]
    assert len(found) > 8
    assert found == [revision] * len(found), "nothing of it is there before its commit"


async def test_old_usage_has_cost_nothing_after_the_migration(tmp_path: Path) -> None:
    folder = await released(tmp_path / "data", "0001")
    await migrate(folder, FixedClock())
    assert query(folder.database, "SELECT count(*), sum(tokens), sum(cost) FROM usage") == [(1000, 499_500, 0)]
    assert query(folder.database, "SELECT count(*), sum(tokens), sum(cost) FROM usage_of_all") == [(1000, 499_500, 0)]
    assert query(folder.database, "SELECT count(*) FROM notices") == [(0,)]


async def test_nobody_has_a_profile_after_the_migration(tmp_path: Path) -> None:
    folder = await released(tmp_path / "data", "0002")
    await migrate(folder, FixedClock())
    assert query(folder.database, "SELECT count(*), count(DISTINCT question) FROM turns") == [(1000, 1000)]
    assert query(folder.database, "SELECT name FROM pragma_table_info('turns') WHERE name = 'arms'") == []
    assert query(folder.database, "SELECT count(*) FROM profile_events") == [(0,)]
    assert query(folder.database, "SELECT count(*) FROM answer_log") == [(0,)]


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
    write_later(next_version, more)
    with pytest.raises(kind, match=says):
        await migrate(folder, FixedClock(), scripts=next_version, revisions=(*REVISIONS, NEXT))
    assert described(folder.database) == before
    assert query(folder.database, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]
    assert not (await migrate(folder, FixedClock())).has_changed


async def test_a_newer_database_is_refused_untouched(folder: DataFolder) -> None:
    connection = sqlite3.connect(folder.database)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    before = folder.database.read_bytes()
    with pytest.raises(StoreTooNew, match=f"schema 9999; this version knows up to {REVISIONS[-1]}"):
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
