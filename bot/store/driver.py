"""One aiosqlite connection that runs a whole transaction in one visit to its thread, and SQLite's errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol, cast

import aiosqlite

from bot.errors import StoreBusy, StoreConflict, StoreDamaged, StoreError, StoreFull

BeforeCall = Callable[[str], None]
"""Called in a connection's thread before every call to the database with its name: BEGIN, COMMIT, CHECKPOINT, or a statement's.

What it raises (a `sqlite3.Error`) is taken for that call's own error: tests fail the n-th call with it.
"""

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM})
_UNWRITABLE = frozenset(
    {
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_DIR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMMAP,
    }
)


class Script(Protocol):
    """Something to be done in a connection's thread. It keeps its own results."""

    def run(self, connection: sqlite3.Connection) -> None:
        """Do it. What it raises reaches the one who sent it."""


class _Connection(sqlite3.Connection):
    """SQLite's connection, whose `executescript` also takes a `Script`.

    aiosqlite hands `executescript` to the connection's thread as it is, and takes the connection class from `factory`:
    so a batch costs one change of thread instead of one per statement, through public interfaces only.
    """

    def executescript(self, sql_script: str | Script, /) -> sqlite3.Cursor:
        """Run SQL text, or a script of ours."""
        if isinstance(sql_script, str):
            return super().executescript(sql_script)
        sql_script.run(self)
        return self.cursor()


async def connect(path: Path, *, busy_timeout_s: float, is_reader: bool) -> aiosqlite.Connection:
    """A connection to an existing database file. Raises StoreError when it cannot be opened."""
    uri = f"{path.absolute().as_uri()}?mode=rw"  # noqa: ASYNC240 - touches no file
    connecting = aiosqlite.connect(
        uri, uri=True, isolation_level=None, timeout=busy_timeout_s, factory=_Connection, cached_statements=256
    )
    try:
        connection = await connecting
    except sqlite3.Error as error:
        raise store_error(error) from error
    async with AsyncExitStack() as undo:
        undo.push_async_callback(connection.close)
        await run(connection, _Prepare(is_reader))
        undo.pop_all()
    return connection


async def run(connection: aiosqlite.Connection, script: Script) -> None:
    """Run a script in the connection's thread. Raises StoreError for SQLite's errors."""
    try:
        await connection.executescript(cast("str", script))  # `_Connection` takes it; aiosqlite only passes it on
    except (sqlite3.Error, MemoryError) as error:
        raise store_error(error) from error


class _Prepare:
    def __init__(self, is_reader: bool) -> None:
        self._is_reader = is_reader

    def run(self, connection: sqlite3.Connection) -> None:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
            "temp_store = MEMORY",  # sorted rows never spill into files that nobody erases
            "trusted_schema = OFF",
            "cell_size_check = ON",  # a damaged page is an error where it is read, not a wrong answer
            f"query_only = {'ON' if self._is_reader else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}").close()


def store_error(error: BaseException) -> StoreError:
    """SQLite's error as one of ours, the cause attached. Never quotes values."""
    code: int = getattr(error, "sqlite_errorcode", 0) or 0
    name: str = getattr(error, "sqlite_errorname", "") or type(error).__name__
    found = _kind(error, code)(f"SQLite says {name}: {error}")
    found.__cause__ = error
    return found


def _kind(error: BaseException, code: int) -> type[StoreError]:
    primary = code & 0xFF
    if isinstance(error, sqlite3.IntegrityError):
        return StoreConflict
    if primary in _BUSY:
        return StoreBusy
    if primary in _FULL or code in _UNWRITABLE:
        return StoreFull
    if primary in _DAMAGED or code == sqlite3.SQLITE_IOERR_CORRUPTFS:
        return StoreDamaged
    return StoreError
