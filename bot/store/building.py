"""What statements are put together from."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    bindparam,
    func,
    literal,
    select,
)
from sqlalchemy.dialects.sqlite import Insert, insert


def bind(table: Table, column: str, name: str | None = None) -> BindParameter[Any]:
    """A parameter of a column's type, under the column's name or another; JSON is bound as text."""
    kind = table.c[column].type
    return bindparam(name or column, type_=Text() if isinstance(kind, JSON) else kind)


def insert_into(table: Table, *without: str) -> Insert:
    """An insert of every column but `without`, each bound under its own name."""
    return insert(table).values(
        {column.name: bind(table, column.name) for column in table.columns if column.name not in without}
    )


def put(table: Table, *key: str) -> Insert:
    """An insert of every column that, where a row with this key is there, puts the rest in its place."""
    inserting = insert_into(table)
    rest = [column.name for column in table.columns if column.name not in key]
    return inserting.on_conflict_do_update(index_elements=list(key), set_={name: inserting.excluded[name] for name in rest})


def insert_where(table: Table, source: Select[Any], *, values: dict[str, ColumnElement[Any]] | None = None) -> Insert:
    """An insert of one row, bound under the columns' names but for `values`, for each row that `source` finds."""
    given = values or {}
    names = [column.name for column in table.columns]
    columns = [given.get(name, bind(table, name)) for name in names]
    return insert(table).from_select(names, source.with_only_columns(*columns, maintain_column_froms=True))


def copied(table: Table, source: Select[Any]) -> Insert:
    """An insert of the rows that `source` finds, its columns in the order of the table's; those that are there stay."""
    return insert(table).from_select([column.name for column in table.columns], source).on_conflict_do_nothing()


def listed(name: str) -> Select[Any]:
    """The members of the JSON list bound as `name`, as a subselect."""
    return select(func.json_each(bindparam(name, type_=Text())).table_valued("value").c.value)


def also_of_person(table: FromClause) -> ColumnElement[bool]:
    """Whether a row that is named otherwise is the person `person`'s; SQLite then does not go through all of theirs for it."""
    return table.c.person_id.concat(literal("", Text())) == bindparam("person", type_=Text())
