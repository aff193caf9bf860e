"""Every table that knows a person has an owner here: a way out (export) and an end (forget)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, exists, select

from bot.channel_ports import SEEN
from bot.store.db import Database, Statement, read
from bot.store.erasure import Erasure
from bot.store.schema import (
    addresses,
    admissions,
    answer_log,
    codes,
    consents,
    deliveries,
    due_messages,
    identities,
    inbox,
    index_removals,
    jobs,
    marks,
    memories,
    memory_sources,
    memory_vectors,
    outbox,
    parts,
    pending_memories,
    people,
    profile_events,
    questions,
    ratings,
    shared_answers,
    training_decisions,
    training_labels,
    training_rows,
    turns,
    usage,
)
from bot.types import PersonId


def _by_person(table: Table) -> ColumnElement[bool]:
    return table.c.person_id == bindparam("person")


def _by_user(table: Table) -> ColumnElement[bool]:
    return exists().where(
        and_(
            identities.c.person_id == bindparam("person"),
            identities.c.channel == table.c.channel,
            identities.c.user == table.c.user,
        )
    )


def _by_turn(table: Table) -> ColumnElement[bool]:
    return table.c.turn_id.in_(select(turns.c.id).where(turns.c.person_id == bindparam("person")))


def _by_row(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.in_(select(training_rows.c.row_id).where(training_rows.c.person_id == bindparam("person")))


_OWNERS: Mapping[str, Mapping[Table, ColumnElement[bool]]] = {
    "person": {
        people: people.c.id == bindparam("person"),
        **{table: _by_person(table) for table in (identities, addresses, consents, usage, codes)},
        admissions: _by_user(admissions),
        marks: exists().where(
            addresses.c.person_id == bindparam("person"),
            addresses.c.channel == marks.c.channel,
            addresses.c.is_private,
            marks.c.key == SEEN + addresses.c.chat,
        ),
    },
    "conversations": {
        turns: _by_person(turns),
        answer_log: _by_person(answer_log),
        deliveries: _by_turn(deliveries),
        parts: parts.c.outbox_id.in_(select(turns.c.id).where(turns.c.person_id == bindparam("person"))),
    },
    "profile events": {profile_events: _by_person(profile_events)},
    "messages": {inbox: _by_user(inbox), outbox: _by_user(outbox)},
    "ratings": {ratings: _by_person(ratings), shared_answers: _by_person(shared_answers)},
    "questions": {questions: _by_person(questions)},
    "memories to come": {pending_memories: _by_person(pending_memories)},
    "memories": {
        memories: _by_person(memories),
        memory_sources: _by_person(memory_sources),
        memory_vectors: _by_person(memory_vectors),
        index_removals: _by_person(index_removals),
    },
    "training rows": {
        training_rows: _by_person(training_rows),
        training_labels: _by_row(training_labels.c.row_id),
        training_decisions: _by_row(training_decisions.c.subject),
    },
    "due messages": {due_messages: _by_person(due_messages)},
    "chores": {jobs: _by_person(jobs)},
}


class TableOwner:
    """One owner of personal data: a group of tables."""

    def __init__(self, name: str, tables: Mapping[Table, ColumnElement[bool]], database: Database, erasure: Erasure) -> None:
        self.name = name
        self.tables = frozenset(table.name for table in tables)
        self._database, self._erasure = database, erasure
        self._exports: dict[str, tuple[Statement, list[str]]] = {table.name: _STATEMENTS[table.name] for table in tables}

    async def export(self, person: PersonId) -> object:
        """The person's rows by table, each with all its columns; times in ISO 8601, vectors as Base64 of float16."""
        return {
            table: [_row(columns, row) for row in await self._database.rows(statement, person=person)]
            for table, (statement, columns) in self._exports.items()
        }

    async def forget(self, person: PersonId) -> None:
        """Erase the person from the whole store: its tables hang on one another, so that they end together."""
        await self._erasure.forget_person(person)


def owners(database: Database, erasure: Erasure) -> tuple[TableOwner, ...]:
    """The owners of all personal data in the database."""
    return tuple(TableOwner(name, tables, database, erasure) for name, tables in _OWNERS.items())


def _export(table: Table, where: ColumnElement[bool]) -> tuple[Statement, list[str]]:
    first, *_ = table.primary_key.columns
    return read(f"export {table.name}", select(table).where(where).order_by(first)), [column.name for column in table.columns]


_STATEMENTS = {table.name: _export(table, where) for tables in _OWNERS.values() for table, where in tables.items()}


def _row(columns: list[str], row: tuple[Any, ...]) -> dict[str, object]:
    return {column: _json_ready(value) for column, value in zip(columns, row, strict=True)}


def _json_ready(value: object) -> object:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    return value.isoformat() if isinstance(value, datetime | date) else value
