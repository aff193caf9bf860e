"""A Core statement becomes SQL text once, with a codec between Python values and what the driver takes and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Insert, Select, UpdateBase
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.selectable import CompoundSelect
from sqlalchemy.types import TypeEngine

Row = tuple[Any, ...]
"""Values in the order of a statement's question marks, or of its result columns."""

Parameters = Mapping[str, object]
Process = Callable[[Any], Any]

_UNRANKED = -1
_encode_json = msgspec.json.Encoder().encode


def _json_text(value: object) -> str:
    return _encode_json(value).decode()


DIALECT = sqlite.dialect(json_serializer=_json_text, json_deserializer=msgspec.json.decode)


class Statement:
    """SQL text with its codec: made by `write` or `read`, ranked by `ranked`, never changed afterwards.

    `table` and `key` say which row it writes: all statements of a table name their row by the same columns, so that two
    of them can be seen to write the same one. `is_alone` keeps its unit out of batches.
    """

    __slots__ = (
        "_decoders",
        "_row_key",
        "_slots",
        "_template",
        "is_alone",
        "is_read",
        "name",
        "rank",
        "returns",
        "sql",
        "table",
    )

    def __init__(
        self, name: str, clause: UpdateBase | Select[Any] | CompoundSelect[Any], table: str, key: tuple[str, ...] | None
    ) -> None:
        compiled = (clause.inline() if isinstance(clause, Insert) else clause).compile(dialect=DIALECT)
        assert isinstance(compiled, SQLCompiler)
        self.name, self.table, self.rank = name, table, _UNRANKED
        self.is_read = not isinstance(clause, UpdateBase)
        self.sql = str(compiled)
        if compiled.post_compile_params or compiled.literal_execute_params:
            raise ValueError(f"{name!r}: in_() makes a new SQL text for every list; use json_each(:list) instead")
        names = list(compiled.positiontup or ())
        self._template: list[Any] = [None] * len(names)
        self._slots: list[tuple[int, str, Process | None]] = []
        for position, bind_name in enumerate(names):
            self._place(position, compiled.binds[bind_name])
        self._decoders = _decoders(clause)
        self.returns = self.is_read or bool(_result_types(clause))
        self._row_key = _row_key(name, key, names) if key else None
        self.is_alone = self.returns or key is None

    def _place(self, position: int, bind: BindParameter[Any]) -> None:
        process = bind.type.dialect_impl(DIALECT).bind_processor(DIALECT)
        if bind.required:
            self._slots.append((position, bind.key, process))
        else:
            value = bind.effective_value
            self._template[position] = process(value) if process and value is not None else value

    @property
    def parameters(self) -> frozenset[str]:
        """The names that `encode` asks for."""
        return frozenset(name for _, name, _ in self._slots)

    def encode(self, parameters: Parameters) -> Row:
        """The driver's values for `parameters`; None is NULL, for JSON too. ValueError when a name is missing or unknown."""
        row = self._template.copy()
        try:
            for position, name, process in self._slots:
                value = parameters[name]
                row[position] = value if process is None or value is None else process(value)
        except KeyError:
            raise self._misnamed(parameters) from None
        if len(parameters) != len(self._slots) and parameters.keys() != self.parameters:
            raise self._misnamed(parameters)
        return tuple(row)

    def _misnamed(self, parameters: Parameters) -> ValueError:
        missing, unknown = sorted(self.parameters - parameters.keys()), sorted(parameters.keys() - self.parameters)
        return ValueError(f"statement {self.name!r}: missing parameters {missing}, unknown parameters {unknown}")

    def row_key(self, row: Row) -> tuple[str, Any] | None:
        """Which row of which table this encoded row of values writes; None where it is not one known row."""
        return None if self._row_key is None else (self.table, self._row_key(row))

    def decode(self, rows: list[Row]) -> list[Row]:
        """Result rows as Python values."""
        if not self._decoders:
            return rows
        decoded = []
        for row in rows:
            values = list(row)
            for position, process in self._decoders:
                values[position] = process(values[position])
            decoded.append(tuple(values))
        return decoded

    def __repr__(self) -> str:
        return f"<Statement {self.name} rank={self.rank}>"


def write(name: str, clause: UpdateBase, *, table: str, key: tuple[str, ...] | None, alone: bool = False) -> Statement:
    """A statement that writes one row of `table`, named by the bind parameters in `key`.

    None: it is not keyed by one row, so its unit runs alone; a RETURNING clause means the same. It reads no row but the one
    it writes: one that does read others says `alone`, because a batch reorders statements.
    """
    statement = Statement(name, clause, table, key)
    statement.is_alone = statement.is_alone or alone
    return statement


def read(name: str, clause: Select[Any] | CompoundSelect[Any]) -> Statement:
    """A statement that reads."""
    return Statement(name, clause, "", None)


def ranked(*statements: Statement) -> tuple[Statement, ...]:
    """These statements, each with its place as its rank. ValueError when a name or a statement comes twice."""
    names: set[str] = set()
    for rank, statement in enumerate(statements):
        if statement.name in names or statement.rank != _UNRANKED:
            raise ValueError(f"statement {statement.name!r} is listed twice")
        names.add(statement.name)
        statement.rank = rank
    return statements


def _row_key(name: str, key: Sequence[str], names: list[str]) -> Callable[[Row], Any]:
    unknown = [part for part in key if part not in names]
    if unknown:
        raise ValueError(f"{name!r}: no bind parameter is called {', '.join(unknown)}; there are {', '.join(names)}")
    return itemgetter(*(names.index(part) for part in key))


def _result_types(clause: UpdateBase | Select[Any] | CompoundSelect[Any]) -> list[TypeEngine[Any]]:
    if isinstance(clause, CompoundSelect):
        return [column.type for column in clause.selected_columns]
    described = clause.returning_column_descriptions if isinstance(clause, UpdateBase) else clause.column_descriptions
    return [column["type"] for column in described]


def _decoders(clause: UpdateBase | Select[Any] | CompoundSelect[Any]) -> list[tuple[int, Process]]:
    processes = [kind.dialect_impl(DIALECT).result_processor(DIALECT, None) for kind in _result_types(clause)]
    return [(position, process) for position, process in enumerate(processes) if process is not None]
