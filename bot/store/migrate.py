"""The database at start: checked, made where there is none, brought to this version's schema after a verified backup."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import StoreDamaged, StoreTooNew
from bot.ports import Clock
from bot.store.backup import aside_path, backup
from bot.store.check import APPLICATION_ID, damaged, find_faults, in_thread, open_file, revision_of
from bot.store.driver import store_error
from bot.store.folder import DataFolder
from bot.store.migrations import FOLDER, REVISIONS

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationReport:
    """What a start found and did. `before` is None for a database that was just made; `backup` is the copy made first."""

    before: str | None
    after: str
    backup: Path | None

    @property
    def has_changed(self) -> bool:
        """Whether anything was migrated."""
        return self.before != self.after


async def migrate(
    folder: DataFolder, clock: Clock, *, scripts: Path = FOLDER, revisions: Sequence[str] = REVISIONS
) -> MigrationReport:
    """Leave a sound database of the last of `revisions` in the folder. The caller holds the folder's lock.

    All steps run in one transaction: killed anywhere, the database is the old one or the new one. Raises StoreDamaged when
    the file fails SQLite's quick check, or is gone while its log or backups are there: a lost database is never replaced
    by an empty one. Raises StoreTooNew for a schema that this version does not know. Where nothing is due, Alembic is not
    even imported.
    """
    after = revisions[-1]
    before = await in_thread(lambda stop: _present(folder, revisions, stop))
    if before == after:
        return MigrationReport(before=before, after=after, backup=None)
    kept = None
    if before is not None:
        kept = (await backup(folder.database, aside_path(folder.backups, f"schema-{after}", clock.now()))).path
    await in_thread(lambda _: _upgrade(folder.database, scripts, after))
    return MigrationReport(before=before, after=after, backup=kept)


def _present(folder: DataFolder, revisions: Sequence[str], stop: threading.Event) -> str | None:
    """The revision of the database in the folder, which has passed the quick check; None when it is new or empty."""
    path = folder.database
    if not path.exists() or path.stat().st_size == 0:
        _demand_first_start(folder)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    with open_file(path, "live", stop) as connection:
        if faults := find_faults(connection, "quick_check"):
            raise damaged(path, faults)
        revision = revision_of(connection, path)
    if revision is not None and revision not in revisions:
        raise StoreTooNew(
            f"{str(path)!r} was written by a newer version of Martín (schema {revision}; this version knows up to "
            f"{revisions[-1]}). Update Martín, or restore a backup made before the update: python -m bot restore FILE"
        )
    return revision


def _demand_first_start(folder: DataFolder) -> None:
    traces = [
        path
        for path in (folder.database.with_name("martin.db-wal"), *sorted(folder.backups.glob("martin-*.db")))
        if path.exists()
    ]
    if traces:
        raise StoreDamaged(
            f"{str(folder.database)!r} is gone, but {str(traces[-1])!r} shows that there was one. Put the latest backup in its "
            "place: python -m bot restore FILE. To begin anew with nothing instead, move the backups folder away"
        )


def _upgrade(database: Path, scripts: Path, revision: str) -> None:
    """Run every step that is due in one transaction that SQLAlchemy and pysqlite leave to us."""
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    uri = f"{database.absolute().as_uri()}?mode=rw"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5), poolclass=NullPool
    )
    event.listen(engine, "begin", _begin)
    try:
        with engine.begin() as connection:
            _run_steps(connection, scripts, revision)
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").fetchone():
                raise damaged(database, f"a row of {broken[0]} refers to a missing row of {broken[2]}")
    except DBAPIError as error:
        cause = error.orig if isinstance(error.orig, sqlite3.Error) else error
        raise store_error(cause) from error
    finally:
        engine.dispose()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # pysqlite begins nothing before DDL


def _run_steps(connection: Connection, scripts: Path, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    command.upgrade(config, revision)
