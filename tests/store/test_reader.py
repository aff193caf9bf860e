"""Reads that go through their connection together."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest
from sqlalchemy import Integer, bindparam, literal, select, type_coerce

from bot.errors import StoreClosed, StoreError
from bot.store.db import Database, read
from bot.store.folder import DataFolder
from bot.store.statements import STATEMENTS
from tests.store.tables import counts
from tests.talk import Talk

ECHO = read("echo", select(type_coerce(bindparam("number", type_=Integer()) + literal(0), Integer)))
OTHER = read("other", select(literal(1)))


async def open_database(folder: DataFolder, calls: list[str] | None = None, failing: str = "") -> Database:
    """The empty database; `calls` collects the names of calls, the one called `failing` fails."""

    def before_call(name: str) -> None:
        if calls is not None:
            calls.append(name)
        if name == failing:
            raise sqlite3.OperationalError("disk I/O error")

    return await Database.open(folder.database, STATEMENTS, before_call=before_call)


async def test_each_of_many_readers_gets_their_own_rows(folder: DataFolder) -> None:
    async with await open_database(folder) as database:
        rows = await asyncio.gather(*(database.rows(ECHO, number=number) for number in range(300)))
    assert rows == [[(number,)] for number in range(300)]


async def test_one_failing_read_spoils_no_other(folder: DataFolder) -> None:
    async with await open_database(folder, failing="other") as database:
        results = await asyncio.gather(
            *(database.rows(statement, **given) for statement, given in ((ECHO, {"number": 1}), (OTHER, {})) * 4),
            return_exceptions=True,
        )
        assert results[::2] == [[(1,)]] * 4
        assert all(isinstance(result, StoreError) for result in results[1::2])
        assert await database.rows(ECHO, number=2) == [(2,)]


async def test_a_cancelled_read_is_not_asked_and_harms_nobody(folder: DataFolder) -> None:
    async with await open_database(folder) as database:
        reads = [asyncio.create_task(database.rows(ECHO, number=number)) for number in range(6)]
        await asyncio.sleep(0)
        for task in reads[::2]:
            task.cancel()
        results = await asyncio.gather(*reads, return_exceptions=True)
    assert [isinstance(result, asyncio.CancelledError) for result in results] == [True, False] * 3


async def test_reads_asked_for_before_closing_are_answered_and_later_ones_refused(folder: DataFolder) -> None:
    database = await open_database(folder)
    reads = [asyncio.create_task(database.rows(ECHO, number=number)) for number in range(5)]
    await asyncio.sleep(0)
    await database.aclose()
    assert await asyncio.gather(*reads) == [[(number,)] for number in range(5)]
    with pytest.raises(StoreClosed):
        await database.rows(ECHO, number=1)


async def test_a_read_sees_what_its_caller_committed_before(folder: DataFolder, talk: Talk) -> None:
    async def person(name: str) -> None:
        for number in range(5):
            said = await talk.say(f"{name} {number}")
            assert await talk.stores.turns.past(said.id) is not None

    await asyncio.gather(*(person(f"persona {number}") for number in range(10)))
    assert counts(folder.database)["turns"] == 50
