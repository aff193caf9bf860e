"""A small schema of parents, children and counters with statements of every kind, for tests of the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.schema import CreateTable

from bot.store.db import DIALECT, Statement, Unit, ranked, read, write

metadata = MetaData()
parents = Table("parents", metadata, Column("id", Text, primary_key=True), Column("name", Text, nullable=False))
children = Table(
    "children",
    metadata,
    Column("id", Text, primary_key=True),
    Column("parent_id", Text, ForeignKey("parents.id"), nullable=False),
    Column("name", Text, nullable=False),
)
counters = Table(
    "counters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("total", Integer, CheckConstraint("total <= 6"), nullable=False),
)
log = Table("log", metadata, Column("id", Integer, primary_key=True))

_added = insert(counters).values(id=bindparam("id"), total=bindparam("total"))

ADD_PARENT = write("parents.add", insert(parents).on_conflict_do_nothing(), table="parents", key=("id",))
ADD_CHILD = write("children.add", plain_insert(children), table="children", key=("id",))
COUNT = write(
    "counters.count",
    _added.on_conflict_do_update(index_elements=["id"], set_={"total": counters.c.total + _added.excluded.total}),
    table="counters",
    key=("id",),
)
LOG = write("log.add", plain_insert(log), table="log", key=("id",))
RENAME_PARENT = write(
    "parents.rename",
    update(parents).where(parents.c.id == bindparam("row")).values(name=parents.c.name + bindparam("suffix", type_=Text)),
    table="parents",
    key=("row",),
)
MOVE_CHILD = write(
    "children.move",
    update(children).where(children.c.id == bindparam("row")).values(parent_id=bindparam("to")),
    table="children",
    key=("row",),
)
DOUBLE = write(
    "counters.double",
    update(counters).where(counters.c.id == bindparam("row")).values(total=counters.c.total * 2),
    table="counters",
    key=("row",),
)
SPEND = write(
    "counters.spend",
    update(counters).where(counters.c.id == bindparam("row")).values(total=counters.c.total - 1).returning(counters.c.total),
    table="counters",
    key=("row",),
)
DROP_CHILD = write("children.drop", delete(children).where(children.c.id == bindparam("row")), table="children", key=("row",))
DROP_PARENT = write("parents.drop", delete(parents).where(parents.c.id == bindparam("row")), table="parents", key=("row",))
DROP_BY_NAME = write("children.clear", delete(children).where(children.c.name == bindparam("like")), table="children", key=None)
FIND_PARENT = read("parents.find", select(parents.c.name).where(parents.c.id == bindparam("id")))
LOGGED = read("log.all", select(log.c.id).order_by(log.c.id))

STATEMENTS = ranked(
    ADD_PARENT, ADD_CHILD, COUNT, LOG,
    RENAME_PARENT, MOVE_CHILD, DOUBLE, SPEND,
    DROP_CHILD, DROP_PARENT, DROP_BY_NAME,
    FIND_PARENT, LOGGED,
)  # fmt: skip


_DDL = [str(CreateTable(table).compile(dialect=DIALECT)) for table in metadata.sorted_tables]


def create(path: Path) -> Path:
    """An empty ledger at `path`."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.executescript(";".join(_DDL))
    connection.close()
    return path


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, through a connection of its own."""
    connection = sqlite3.connect(path)
    try:
        names = [table.name for table in metadata.sorted_tables]
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in names}
    finally:
        connection.close()


def run_one_by_one(path: Path, units: Sequence[Unit]) -> list[bool]:
    """The plain way to run units, to compare with: each in its own transaction, in order. True where it committed."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = OFF")
    committed = []
    for unit in units:
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement, row, _ in unit.steps:
                connection.execute(statement.sql, row).fetchall()
            connection.execute("COMMIT")
            committed.append(True)
        except sqlite3.IntegrityError:
            connection.execute("ROLLBACK")
            committed.append(False)
    connection.close()
    return committed


def step(statement: Statement, **parameters: object) -> tuple[Statement, dict[str, object]]:
    """One step of a unit."""
    return statement, parameters
