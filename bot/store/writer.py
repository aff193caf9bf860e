"""Units of work reach the database in batches: one writer, one transaction for all that is waiting, whole or not at all."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter, deque
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import aiosqlite

from bot.errors import StoreClosed, StoreError
from bot.store.codec import Parameters, Row, Statement
from bot.store.driver import BeforeCall, run, store_error

BATCH_UNITS = 200
_SEVERAL = object()  # marks a row that more than one statement of a batch writes

_UNIT_FAULTS = (
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    UnicodeError,
    OverflowError,
)
"""What one unit's values can cause. Anything else is the machine's doing and meets every unit of the batch."""


class Unit:
    """What commits together: statements with their parameters, in ascending rank. Pure data, encoded when built.

    ValueError when ranks descend, a statement is unranked or only reads, or a parameter is missing or unknown. `alone` is True
    when a step needs an answer or is not keyed by one row; asking for it also lifts the demand on ranks.
    """

    __slots__ = ("alone", "steps")

    def __init__(self, *steps: tuple[Statement, Parameters], alone: bool = False) -> None:
        self.alone = alone or any(statement.is_alone for statement, _ in steps)
        self.steps: tuple[tuple[Statement, Row, Any], ...] = tuple(_encoded(statement, given) for statement, given in steps)
        if not alone:
            _demand_ascending(steps)


def _encoded(statement: Statement, parameters: Parameters) -> tuple[Statement, Row, Any]:
    if statement.is_read or statement.rank < 0:
        raise ValueError(f"statement {statement.name!r} {'only reads' if statement.is_read else 'has no rank'}")
    row = statement.encode(parameters)
    return statement, row, statement.row_key(row)


def _demand_ascending(steps: tuple[tuple[Statement, Parameters], ...]) -> None:
    for (before, _), (after, _) in pairwise(steps):
        if after.rank < before.rank:
            raise ValueError(f"{after.name!r} (rank {after.rank}) cannot follow {before.name!r} (rank {before.rank}) in a unit")


class _Waiting:
    """A unit and the caller who waits for it. A cancelled future is a withdrawn unit."""

    __slots__ = ("alone", "done", "unit")

    def __init__(self, unit: Unit, alone: bool) -> None:
        self.unit, self.alone = unit, alone
        self.done: asyncio.Future[list[list[Row]]] = asyncio.get_running_loop().create_future()


class _Batch:
    """Waiting units on their way through the connection's thread, and how each of them ended."""

    def __init__(self, waiting: list[_Waiting], before_call: BeforeCall | None) -> None:
        self.waiting = waiting
        self.rows: list[list[Row]] = []
        self.errors: list[BaseException | None] = [None] * len(waiting)
        self._before_call = before_call

    def run(self, connection: sqlite3.Connection) -> None:
        """Commit all of them, or each for itself when the values of one broke the transaction."""
        try:
            self._commit(connection, self.waiting)
        except _UNIT_FAULTS as error:
            self.errors[0] = error
            if len(self.waiting) > 1:
                self._one_by_one(connection)
        except (sqlite3.Error, MemoryError) as error:
            self.errors = [error] * len(self.waiting)

    def _one_by_one(self, connection: sqlite3.Connection) -> None:
        for position, waiting in enumerate(self.waiting):
            self.errors[position] = None
            try:
                self._commit(connection, [waiting])
            except _UNIT_FAULTS as error:
                self.errors[position] = error
            except (sqlite3.Error, MemoryError) as error:
                self.errors[position:] = [error] * (len(self.waiting) - position)
                return

    def _commit(self, connection: sqlite3.Connection, waiting: list[_Waiting]) -> None:
        if connection.in_transaction:  # an earlier ROLLBACK failed
            connection.rollback()
        self._call("BEGIN")
        connection.execute("BEGIN IMMEDIATE")
        try:
            if waiting[0].alone:
                self._steps(connection, waiting[0].unit)
            else:
                self._groups(connection, waiting)
            self._call("COMMIT")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:  # it ended in an error
                connection.rollback()

    def _steps(self, connection: sqlite3.Connection, unit: Unit) -> None:
        self.rows = []
        for statement, row, _ in unit.steps:
            self._call(statement.name)
            found = connection.execute(statement.sql, row).fetchall()
            self.rows.append(statement.decode(found))

    def _groups(self, connection: sqlite3.Connection, waiting: Iterable[_Waiting]) -> None:
        groups: dict[int, tuple[Statement, list[Row]]] = {}
        for one in waiting:
            for statement, row, _ in one.unit.steps:
                group = groups.get(statement.rank)
                if group is None:
                    groups[statement.rank] = (statement, [row])
                else:
                    group[1].append(row)
        for rank in sorted(groups):
            statement, rows = groups[rank]
            self._call(statement.name)
            connection.executemany(statement.sql, rows)

    def _call(self, name: str) -> None:
        if self._before_call is not None:
            self._before_call(name)


class Writer:
    """The one task that writes. It lives from `start` to `aclose`; its owner is the `Database` that made it."""

    def __init__(self, connection: aiosqlite.Connection, before_call: BeforeCall | None) -> None:
        self._connection, self._before_call = connection, before_call
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._is_closing = False
        self._began_at: float | None = None
        self._last_error: StoreError | None = None
        self.changes: Counter[str] = Counter()
        """How often each table was written to; counted before a caller hears that it is done."""
        self._task = asyncio.create_task(self._run(), name="store writer")

    @property
    def last_error(self) -> StoreError | None:
        """Why the latest batch failed, when that was the machine's doing; None once a batch got through again."""
        return self._last_error

    @property
    def is_running(self) -> bool:
        """Whether it takes units."""
        return not self._is_closing and not self._task.done()

    @property
    def waiting(self) -> int:
        """How many units wait for a batch to begin."""
        return len(self._queue)

    @property
    def running_s(self) -> float:
        """For how many seconds the present batch has been running; 0 when there is none."""
        return 0.0 if self._began_at is None else asyncio.get_running_loop().time() - self._began_at

    async def commit(self, unit: Unit, *, alone: bool) -> list[list[Row]]:
        """Return after COMMIT: the rows that each step of a unit that ran alone gave back, else nothing.

        A caller that is cancelled before its batch began withdraws the unit; later, the batch finishes without it.
        """
        if not self.is_running:
            raise StoreClosed("the database is closed")
        waiting = _Waiting(unit, alone)
        self._queue.append(waiting)
        self._wake.set()
        return await waiting.done

    async def aclose(self) -> None:
        """Commit what is waiting, take nothing more, end."""
        self._is_closing = True
        self._wake.set()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        batch: list[_Waiting] = []
        try:
            while True:
                batch = self._next()
                if batch:
                    await self._perform(batch)
                elif self._is_closing:
                    return
                else:
                    self._wake.clear()
                    await self._wake.wait()
        finally:  # nobody waits for ever, whatever ended this task
            for waiting in (*batch, *self._queue):
                if not waiting.done.done():
                    waiting.done.set_exception(StoreClosed("the database was closed before this was committed"))
            self._queue.clear()

    async def _perform(self, waiting: list[_Waiting]) -> None:
        batch = _Batch(waiting, self._before_call)
        self._began_at = asyncio.get_running_loop().time()
        try:
            await run(self._connection, batch)
        finally:
            self._began_at = None
            self.changes.update({statement.table for one in waiting for statement, _, _ in one.unit.steps})
        for one, error in zip(waiting, batch.errors, strict=True):
            failure = None if error is None else store_error(error)
            if not isinstance(error, _UNIT_FAULTS):
                self._last_error = failure
            if one.done.done():  # cancelled meanwhile
                continue
            if failure is None:
                one.done.set_result(batch.rows)
            else:
                one.done.set_exception(failure)

    def _next(self) -> list[_Waiting]:
        """Take the next batch from the queue: it ends before a unit that must run alone or meets another's row."""
        batch: list[_Waiting] = []
        writers: dict[Any, object] = {}
        while self._queue and len(batch) < BATCH_UNITS:
            waiting = self._queue[0]
            if waiting.done.done():
                self._queue.popleft()
                continue
            if waiting.alone:
                return batch or [self._queue.popleft()]
            if any(writers.get(key, statement) is not statement for statement, _, key in waiting.unit.steps):
                return batch
            for statement, _, key in waiting.unit.steps:
                writers[key] = statement if writers.get(key, statement) is statement else _SEVERAL
            batch.append(self._queue.popleft())
        return batch
