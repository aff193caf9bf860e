"""Whether a file is a sound database of ours: what start, backup and restore ask before they trust one."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from bot.errors import StoreDamaged, StoreError
from bot.store.driver import store_error

APPLICATION_ID = 0x4D617274
"""Four bytes ("Mart") at a fixed place of the file say that a SQLite database is ours (sqlite.org/fileformat.html, 1.3)."""

_T = TypeVar("_T")
_SHOWN = 3
_WAL_VERSION = 2


async def quick_check(database: Path) -> None:
    """Raise StoreDamaged when pages or records of the live database make no sense. Indices are not compared."""
    await in_thread(lambda stop: _check_live(database, "quick_check", stop))


async def full_check(database: Path) -> None:
    """Raise StoreDamaged when anything that SQLite can notice is wrong, indices and foreign keys included: for every week.

    SQLite keeps no checksums: a flipped letter inside a stored text is noticed by nobody.
    """
    await in_thread(lambda stop: _check_live(database, "integrity_check", stop))


async def in_thread(work: Callable[[threading.Event], _T]) -> _T:
    """What `work` returns, run in a thread. Cancelling sets the event and returns only when the work has ended."""
    stop = threading.Event()
    running = asyncio.get_running_loop().run_in_executor(None, work, stop)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        running.exception()  # it was stopped: whatever it says now concerns nobody
        raise


@contextmanager
def open_file(path: Path, mode: Literal["live", "copy"], stop: threading.Event | None = None) -> Iterator[sqlite3.Connection]:
    """A plain connection to a database in use (`live`), or to a file that nobody changes (`copy`: leaves no -wal beside it).

    SQLite's errors leave as StoreError, those of a damaged file with what to do. Setting `stop` ends a long statement.
    """
    uri = f"{path.absolute().as_uri()}?mode={'rw' if mode == 'live' else 'ro&immutable=1'}"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)
        try:
            if stop is not None:
                connection.set_progress_handler(stop.is_set, 10_000)
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        found = store_error(error)
        raise (damaged(path, str(error)) if isinstance(found, StoreDamaged) else found) from error


def damaged(path: Path, detail: str) -> StoreDamaged:
    """The error for a database that fails its checks, with what to do."""
    return StoreDamaged(
        f"the database {str(path)!r} is damaged ({detail}). Nothing was changed. Keep a copy of the file, then put the latest "
        f"good backup in its place: python -m bot restore FILE, with FILE out of {str(path.parent / 'backups')!r}"
    )


def revision_of(connection: sqlite3.Connection, path: Path) -> str | None:
    """The schema's revision; None for an empty database. Raises StoreError when it holds something that is not ours."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    found = connection.execute("SELECT version_num FROM alembic_version").fetchall() if "alembic_version" in tables else []
    if len(found) != 1 or connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError(f"{str(path)!r} is a database, but not one of Martín's")
    revision = found[0][0]
    assert isinstance(revision, str)
    return revision


def find_faults(connection: sqlite3.Connection, check: Literal["quick_check", "integrity_check"]) -> str:
    """The first faults in one line; empty when there are none. The full check includes foreign keys."""
    faults = [str(row[0]) for row in connection.execute(f"PRAGMA {check}({_SHOWN})") if row[0] != "ok"]
    if check == "integrity_check" and not faults:
        broken = connection.execute("PRAGMA foreign_key_check").fetchmany(_SHOWN)
        faults = [f"a row of {table} refers to a missing row of {parent}" for table, _, parent, _ in broken]
    return "; ".join(" ".join(fault.split()) for fault in faults)


def count_rows(connection: sqlite3.Connection) -> dict[str, int]:
    """How many rows each table has."""
    query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    names = [name for (name,) in connection.execute(query)]
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608 - names of our own tables


def is_in_wal_mode(path: Path) -> bool:
    """Whether a process serves or served this file: a backup never is (header byte 18; sqlite.org/fileformat.html, 1.3.3)."""
    with path.open("rb") as file:
        return file.read(19)[18:] == bytes([_WAL_VERSION])


def _check_live(database: Path, check: Literal["quick_check", "integrity_check"], stop: threading.Event) -> None:
    with open_file(database, "live", stop) as connection:
        if faults := find_faults(connection, check):
            raise damaged(database, faults)
