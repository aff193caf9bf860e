"""The database as the table groups use it: commit units of work, read rows. SQLite in WAL mode behind aiosqlite."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiosqlite

from bot.errors import StoreBusy, StoreClosed, StoreError
from bot.store.codec import DIALECT, Row, Statement, ranked, read, write
from bot.store.driver import BeforeCall, connect, run
from bot.store.writer import Unit, Writer

__all__ = ["DIALECT", "BeforeCall", "Database", "Row", "Statement", "Unit", "ranked", "read", "write"]


class Database:
    """One writing connection and a few reading ones on one file."""

    def __init__(
        self,
        path: Path,
        writing: aiosqlite.Connection,
        reading: Sequence[aiosqlite.Connection],
        before_call: BeforeCall | None,
    ) -> None:
        self.path = path
        self._writing, self._reading, self._before_call = writing, tuple(reading), before_call
        self._next_reader = itertools.cycle(self._reading)
        self._writer = Writer(writing, before_call)

    @classmethod
    async def open(
        cls,
        path: Path,
        statements: Sequence[Statement],
        *,
        readers: int = 2,
        busy_timeout_s: float = 5,
        before_call: BeforeCall | None = None,
    ) -> Self:
        """Open an existing, migrated file. `statements` is the ranked tuple that units are made of.

        Raises ValueError for an unranked write, StoreError when the file cannot be opened. `before_call` lets tests fail any
        call to the database.
        """
        unranked = [statement.name for statement in statements if not statement.is_read and statement.rank < 0]
        if unranked:
            raise ValueError(f"statements without a rank: {', '.join(unranked)}; pass what ranked() returned")
        connections: list[aiosqlite.Connection] = []
        async with AsyncExitStack() as undo:
            while len(connections) <= readers:
                connection = await connect(path, busy_timeout_s=busy_timeout_s, is_reader=bool(connections))
                undo.push_async_callback(connection.close)
                connections.append(connection)
            undo.pop_all()
        return cls(path, connections[0], connections[1:], before_call)

    async def commit(self, unit: Unit) -> None:
        """Return after COMMIT. Raises StoreError, with the whole unit rolled back; StoreConflict for a broken constraint."""
        if unit.steps:
            await self._writer.commit(unit, alone=unit.alone)

    async def commit_returning(self, unit: Unit) -> list[list[Row]]:
        """Like `commit`, in a transaction of its own; the rows of every step's RETURNING clause."""
        return await self._writer.commit(unit, alone=True) if unit.steps else []

    async def rows(self, statement: Statement, /, **parameters: object) -> list[tuple[Any, ...]]:
        """What a reading statement finds among committed rows."""
        if not self._writer.is_running:
            raise StoreClosed("the database is closed")
        reading = _Reading(statement, statement.encode(parameters), self._before_call)
        await run(next(self._next_reader), reading)
        return reading.rows

    async def checkpoint(self) -> None:
        """Move everything into the database file and empty the write-ahead log, so that erased text is in neither.

        Raises StoreBusy when another process keeps reading.
        """
        if not self._writer.is_running:
            raise StoreClosed("the database is closed")
        checkpoint = _Checkpoint(self._before_call)
        await run(self._writing, checkpoint)
        if checkpoint.was_busy:
            raise StoreBusy("the write-ahead log could not be emptied: another process is reading the database")

    def changes(self, table: str) -> int:
        """A number that moves whenever this process writes to that table, before who wrote hears that it is done."""
        return self._writer.changes[table]

    @property
    def is_healthy(self) -> bool:
        """Whether the latest batch got through and more are taken."""
        return self._writer.is_running and self._writer.last_error is None

    @property
    def last_error(self) -> StoreError | None:
        """Why the latest batch failed; None once one got through again."""
        return self._writer.last_error

    @property
    def batch_running_s(self) -> float:
        """For how many seconds the present batch has been running: much more than `busy_timeout_s` means stuck."""
        return self._writer.running_s

    async def aclose(self) -> None:
        """Commit what is waiting and close. Harmless the second time."""
        await self._writer.aclose()
        for connection in (*self._reading, self._writing):
            await connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class _Reading:
    def __init__(self, statement: Statement, row: Row, before_call: BeforeCall | None) -> None:
        self._statement, self._row, self._before_call = statement, row, before_call
        self.rows: list[Row] = []

    def run(self, connection: sqlite3.Connection) -> None:
        if self._before_call is not None:
            self._before_call(self._statement.name)
        self.rows = self._statement.decode(connection.execute(self._statement.sql, self._row).fetchall())


class _Checkpoint:
    def __init__(self, before_call: BeforeCall | None) -> None:
        self._before_call = before_call
        self.was_busy = False

    def run(self, connection: sqlite3.Connection) -> None:
        if self._before_call is not None:
            self._before_call("CHECKPOINT")
        self.was_busy = bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
