"""Reads that wait for one connection go through its thread together, on one snapshot of the database."""

from __future__ import annotations

import asyncio
import sqlite3

import aiosqlite

from bot.errors import StoreClosed, StoreError
from bot.store.codec import Row, Statement
from bot.store.driver import BeforeCall, run, store_error

VISIT_READS = 50
"""The most reads of one visit to the connection's thread: they share a snapshot, which is not to be held for long."""


class _Reading:
    """A read, and the caller who waits for it."""

    __slots__ = ("done", "error", "row", "rows", "statement")

    def __init__(self, statement: Statement, row: Row) -> None:
        self.statement, self.row = statement, row
        self.rows: list[Row] = []
        self.error: BaseException | None = None
        self.done: asyncio.Future[list[Row]] = asyncio.get_running_loop().create_future()


class _Visit:
    """What one visit to the connection's thread reads."""

    def __init__(self, readings: list[_Reading], before_call: BeforeCall | None) -> None:
        self._readings, self._before_call = readings, before_call

    def run(self, connection: sqlite3.Connection) -> None:
        """Run the reads; each keeps its own rows or error. Two and more share one snapshot, begun after all were asked for."""
        if len(self._readings) == 1:
            self._read(connection, self._readings[0])
            return
        connection.execute("BEGIN")
        try:
            for reading in self._readings:
                self._read(connection, reading)
        finally:
            connection.rollback()

    def _read(self, connection: sqlite3.Connection, reading: _Reading) -> None:
        try:
            if self._before_call is not None:
                self._before_call(reading.statement.name)
            reading.rows = connection.execute(reading.statement.sql, reading.row).fetchall()
        except (sqlite3.Error, MemoryError, UnicodeError, OverflowError) as error:
            reading.error = error


class Reader:
    """The task behind one reading connection. It lives from its making to `aclose`; its owner is the `Database`."""

    def __init__(self, connection: aiosqlite.Connection, before_call: BeforeCall | None) -> None:
        self._connection, self._before_call = connection, before_call
        self._queue: list[_Reading] = []
        self._wake = asyncio.Event()
        self._is_closing = False
        self._task = asyncio.create_task(self._run(), name="store reader")

    @property
    def waiting(self) -> int:
        """How many reads wait for the next visit."""
        return len(self._queue)

    async def rows(self, statement: Statement, row: Row) -> list[Row]:
        """What a statement finds with these encoded values. Raises StoreError."""
        if self._is_closing or self._task.done():
            raise StoreClosed("the database is closed")
        reading = _Reading(statement, row)
        self._queue.append(reading)
        self._wake.set()
        return statement.decode(await reading.done)

    async def aclose(self) -> None:
        """Finish what was asked for, take nothing more, end."""
        self._is_closing = True
        self._wake.set()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        readings: list[_Reading] = []
        try:
            while not (self._is_closing and not self._queue):
                await self._wake.wait()
                readings, self._queue = self._queue[:VISIT_READS], self._queue[VISIT_READS:]
                if not self._queue and not self._is_closing:
                    self._wake.clear()
                await self._visit([reading for reading in readings if not reading.done.done()])
        finally:  # nobody waits for ever, whatever ended this task
            for reading in (*readings, *self._queue):
                if not reading.done.done():
                    reading.done.set_exception(StoreClosed("the database was closed before this was read"))
            self._queue.clear()

    async def _visit(self, readings: list[_Reading]) -> None:
        if readings:
            try:
                await run(self._connection, _Visit(readings, self._before_call))
            except StoreError as error:  # not even a snapshot could be begun
                for reading in readings:
                    reading.error = error
        for reading in readings:
            if reading.done.done():  # cancelled meanwhile
                continue
            if reading.error is None:
                reading.done.set_result(reading.rows)
            else:
                reading.done.set_exception(_told(reading.error))


def _told(error: BaseException) -> StoreError:
    return error if isinstance(error, StoreError) else store_error(error)
