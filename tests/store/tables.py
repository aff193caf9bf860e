"""Looks into a database file with plain SQL, beside the store under test."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from bot.store.schema import metadata


def found(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """The rows of a query."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql, values).fetchall()


def change(path: Path, *statements: str) -> None:
    """Change rows behind the store's back, foreign keys unchecked."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def counts(path: Path) -> dict[str, int]:
    """How many rows each table holds."""
    return {name: found(path, f'SELECT count(*) FROM "{name}"')[0][0] for name in metadata.tables}


def values_of(path: Path) -> Iterator[tuple[str, str, object]]:
    """Every value in the database: table, column, value."""
    for table in metadata.sorted_tables:
        names = [column.name for column in table.columns]
        quoted = ", ".join(f'"{name}"' for name in names)
        for row in found(path, f'SELECT {quoted} FROM "{table.name}"'):
            yield from ((table.name, name, value) for name, value in zip(names, row, strict=True))


def files_with(folder: Path, *texts: str, without: Sequence[str] = ("backups",)) -> list[str]:
    """Files of a folder that hold one of these texts, as `name: text`."""
    return [
        f"{path.name}: {text}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not set(without) & set(path.relative_to(folder).parts)
        for text in texts
        if text.encode() in path.read_bytes()
    ]
