"""Values come back as they went in, misuse is refused when it is written, and closing loses nothing."""

from __future__ import annotations

import asyncio
import sqlite3
import string
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from bot.errors import StoreBusy, StoreClosed, StoreDamaged, StoreError
from bot.store.db import Database, Statement, Unit, ranked, read, write
from bot.store.schema import UtcTime, jobs
from tests.store import ledger
from tests.store.ledger import step

NOW = datetime(2026, 11, 20, 12, 30, 15, 123456, tzinfo=UTC)

# --- the codec ---

kinds = Table(
    "kinds",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("text", Text),
    Column("flag", Boolean),
    Column("number", Float),
    Column("day", Date),
    Column("at", UtcTime),
    Column("json", JSON),
)
ADD_KIND = write("kinds.add", insert(kinds), table="kinds", key=("id",))
ALL_KINDS = read("kinds.all", select(kinds))

_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.printable), inner, max_size=3),
    max_leaves=8,
)


@given(
    text=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
    flag=st.none() | st.booleans(),
    number=st.none() | st.floats(allow_nan=False),
    day=st.none() | st.dates(),
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
    json=st.none() | st.lists(_json, max_size=2) | st.dictionaries(st.text(string.printable), _json, max_size=2),
)
def test_every_type_of_the_schema_comes_back_as_it_went_in(**values: Any) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE kinds (id INTEGER, text TEXT, flag BOOLEAN, number FLOAT, day DATE, at BIGINT, json JSON)")
    connection.execute(ADD_KIND.sql, ADD_KIND.encode({"id": 1, **values}))
    raw = connection.execute(ALL_KINDS.sql).fetchall()
    connection.close()
    assert ALL_KINDS.decode(raw) == [(1, *values.values())]
    assert all(stored is None for stored, given in zip(raw[0][1:], values.values(), strict=True) if given is None)


def test_values_written_into_a_statement_are_encoded_with_the_others() -> None:
    clause = update(kinds).where(kinds.c.id == bindparam("row")).values(at=NOW, json={"ñ": 1}, flag=True, text=None)
    statement = write("kinds.fix", clause, table="kinds", key=("row",))
    assert statement.parameters == {"row"}
    assert set(statement.encode({"row": 7})) == {7, 1_795_177_815_123_456, '{"ñ":1}', 1, None}


@pytest.mark.parametrize("given_", [{}, {"row": 1, "more": 2}, {"other": 1}])
def test_missing_and_unknown_parameters_are_named(given_: dict[str, object]) -> None:
    statement = write("kinds.drop", delete(kinds).where(kinds.c.id == bindparam("row")), table="kinds", key=("row",))
    with pytest.raises(ValueError, match=r"kinds\.drop.*missing parameters.*unknown parameters"):
        statement.encode(given_)


def test_in_is_refused_and_a_json_list_does_its_work() -> None:
    with pytest.raises(ValueError, match="json_each"):
        read("kinds.in", select(kinds).where(kinds.c.id.in_([1, 2])))
    wanted = select(func.json_each(bindparam("ids", type_=JSON)).table_valued("value").c.value)
    assert read("kinds.some", select(kinds.c.id).where(kinds.c.id.in_(wanted))).encode({"ids": [1, 2]}) == ("[1,2]",)


def test_a_key_must_name_parameters_of_the_statement() -> None:
    with pytest.raises(ValueError, match="no bind parameter is called person"):
        write("kinds.drop", delete(kinds).where(kinds.c.id == bindparam("row")), table="kinds", key=("person",))


# --- units ---


def test_a_unit_in_descending_rank_is_refused_when_it_is_built() -> None:
    with pytest.raises(ValueError, match=r"'parents\.add' \(rank 0\) cannot follow 'log\.add' \(rank 3\)"):
        Unit(step(ledger.LOG, id=1), step(ledger.ADD_PARENT, id="a", name="x"))
    assert Unit(step(ledger.LOG, id=1), step(ledger.ADD_PARENT, id="a", name="x"), alone=True).alone


def test_a_unit_takes_only_ranked_writes() -> None:
    with pytest.raises(ValueError, match=r"'log\.all' only reads"):
        Unit(step(ledger.LOGGED))
    with pytest.raises(ValueError, match=r"'kinds\.add' has no rank"):
        Unit(step(ADD_KIND))


def test_a_statement_has_one_place_in_one_ranking() -> None:
    with pytest.raises(ValueError, match=r"'log\.add' is listed twice"):
        ranked(ledger.LOG)
    fresh = [write("same", insert(kinds), table="kinds", key=("id",)) for _ in range(2)]
    with pytest.raises(ValueError, match="'same' is listed twice"):
        ranked(*fresh)


@pytest.mark.parametrize(
    ("statement", "given_", "is_alone"),
    [
        (ledger.LOG, {"id": 1}, False),
        (ledger.SPEND, {"row": "a"}, True),
        (ledger.DROP_BY_NAME, {"like": "a"}, True),
    ],
)
def test_a_unit_runs_alone_when_it_asks_for_an_answer_or_is_not_keyed(
    statement: Statement, given_: dict[str, object], is_alone: bool
) -> None:
    assert Unit((statement, given_)).alone is is_alone


# --- the database ---


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return ledger.create(tmp_path / "ledger.db")


async def test_a_caller_reads_what_it_committed(path: Path) -> None:
    async with await Database.open(path, ledger.STATEMENTS) as database:
        for number in range(30):
            await database.commit(Unit(step(ledger.LOG, id=number)))
            assert (await database.rows(ledger.LOGGED))[-1] == (number,)


async def test_returned_rows_are_decoded(database_path: Path) -> None:
    lease = update(jobs).where(jobs.c.id == bindparam("row")).values(lease_until=bindparam("until")).returning(jobs)
    add, take = ranked(
        write("jobs.add", insert(jobs), table="jobs", key=("id",)), write("jobs.lease", lease, table="jobs", key=("row",))
    )
    values = dict.fromkeys(add.parameters) | {"id": "j", "kind": "forget", "attempts": 0, "created_at": NOW}
    async with await Database.open(database_path, (add, take)) as database:
        await database.commit(Unit((add, values)))
        [[found]] = await database.commit_returning(Unit(step(take, row="j", until=NOW + timedelta(seconds=1))))
    assert found[list(jobs.c.keys()).index("lease_until")] == NOW + timedelta(seconds=1)


async def test_reads_go_on_while_the_writer_is_kept_waiting(path: Path) -> None:
    locker = sqlite3.connect(path, isolation_level=None)
    async with await Database.open(path, ledger.STATEMENTS) as database:
        locker.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(database.commit(Unit(step(ledger.LOG, id=1))))
        await asyncio.gather(*(database.rows(ledger.LOGGED) for _ in range(20)))
        assert not writing.done()
        locker.execute("ROLLBACK")
        locker.close()
        await writing


async def test_readers_cannot_write(path: Path) -> None:
    sneaking = write("log.sneak", delete(ledger.log), table="log", key=None)
    async with await Database.open(path, ledger.STATEMENTS) as database:
        with pytest.raises(StoreError, match="readonly"):
            await database.rows(sneaking)


async def test_closing_commits_what_is_waiting_and_refuses_the_rest(path: Path) -> None:
    database = await Database.open(path, ledger.STATEMENTS)
    tasks = [asyncio.create_task(database.commit(Unit(step(ledger.LOG, id=number)))) for number in range(20)]
    await asyncio.sleep(0)
    await database.aclose()
    await asyncio.gather(*tasks)
    assert len(ledger.dump(path)["log"]) == 20
    assert not database.is_healthy
    with pytest.raises(StoreClosed):
        await database.commit(Unit(step(ledger.LOG, id=99)))
    with pytest.raises(StoreClosed):
        await database.rows(ledger.LOGGED)
    await database.aclose()


async def test_an_empty_unit_costs_nothing(path: Path) -> None:
    calls: list[str] = []
    async with await Database.open(path, ledger.STATEMENTS, before_call=calls.append) as database:
        await database.commit(Unit())
        assert await database.commit_returning(Unit()) == []
    assert calls == []


async def test_a_file_that_is_missing_or_no_database_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="CANTOPEN"):
        await Database.open(tmp_path / "missing.db", ledger.STATEMENTS)
    assert not (tmp_path / "missing.db").exists(), "opening never makes an empty database"
    (tmp_path / "letter.db").write_text("Dear database, " * 500)
    with pytest.raises(StoreDamaged):
        await Database.open(tmp_path / "letter.db", ledger.STATEMENTS)


async def test_opening_with_unranked_statements_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match=r"without a rank: kinds\.add"):
        await Database.open(path, [ADD_KIND])


# --- erasing ---


async def test_after_a_checkpoint_erased_text_is_in_no_file(path: Path) -> None:
    secret = "canary-7f3a"
    async with await Database.open(path, ledger.STATEMENTS) as database:
        await database.commit(Unit(step(ledger.ADD_PARENT, id="a", name=secret * 500)))
        await database.checkpoint()
        await database.commit(Unit(step(ledger.RENAME_PARENT, row="a", suffix=secret)))
        await database.commit(Unit(step(ledger.DROP_PARENT, row="a")))
        await database.checkpoint()
        found = [file.name for file in path.parent.iterdir() if secret.encode() in file.read_bytes()]
        assert found == []
        await database.commit(Unit(step(ledger.LOG, id=1)))


async def test_a_checkpoint_that_another_reader_prevents_says_so(path: Path) -> None:
    async with await Database.open(path, ledger.STATEMENTS, busy_timeout_s=0.1) as database:
        await database.commit(Unit(step(ledger.LOG, id=1)))
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM log").fetchall()
        await database.commit(Unit(step(ledger.LOG, id=2)))
        with pytest.raises(StoreBusy):
            await database.checkpoint()
        reader.close()
        await database.checkpoint()


def test_the_day_is_stored_as_text_that_sorts() -> None:
    assert ADD_KIND.encode(dict.fromkeys(ADD_KIND.parameters) | {"day": date(2026, 1, 2)})[4] == "2026-01-02"
