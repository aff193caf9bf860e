"""What must hold in the database at any moment, also after any crash (docs/design.md): one reading statement each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, Text, and_, column, exists, func, literal, or_, select, type_coerce

from bot.sharing_types import SharedState
from bot.store.db import Database, read
from bot.store.keys import ERASED
from bot.store.schema import (
    addresses,
    answer_log,
    deliveries,
    due_messages,
    identities,
    inbox,
    jobs,
    memories,
    memory_sources,
    memory_vectors,
    outbox,
    parts,
    pending_memories,
    people,
    questions,
    ratings,
    shared_answers,
    turns,
)
from bot.store.statements import CLOSED, PENDING, SENT
from bot.types import ON_LANE, InboxState, OutgoingKind, TurnStatus

EXAMPLES = 5
"""How many ids of a broken invariant are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """An invariant that does not hold: which, for how many rows, and some of their ids."""

    name: str
    count: int
    examples: tuple[str, ...]


def _is(of: ColumnElement[Any], *values: str) -> ColumnElement[bool]:
    return or_(*(of == literal(value, Text()) for value in values))


_S = InboxState
_UNDER_WAY = (_S.RECEIVED.value, _S.ANSWERED.value)
_ENDS = tuple(state.value for state in _S if state.value not in _UNDER_WAY)
_is_turn_kind = _is(inbox.c.kind, *sorted(kind.value for kind in ON_LANE))
_has_turn = exists().where(turns.c.id == inbox.c.id)
_is_reply = _is(outbox.c.kind, OutgoingKind.REPLY.value)
_is_pending = _is(outbox.c.state, PENDING)


def _with(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is such a row in `table`."""
    return exists(select(literal(1)).select_from(table).where(*conditions))


def _rows(table: Table, *conditions: ColumnElement[bool], named_by: str = "id") -> Select[Any]:
    return select(table.c[named_by]).where(*conditions)


INVARIANTS: Mapping[str, Select[Any]] = {
    "every message is under way or has ended": _rows(
        inbox,
        ~or_(
            and_(_is(inbox.c.state, *_UNDER_WAY), inbox.c.ended_at.is_(None)),
            and_(_is(inbox.c.state, *_ENDS), inbox.c.ended_at.is_not(None)),
        ),
    ),
    "a received message keeps its text, an answered or ended one does not": _rows(
        inbox, _is(inbox.c.state, _S.RECEIVED.value) == inbox.c.message.is_(None)
    ),
    "an answered message has exactly one turn": _rows(
        inbox, _is_turn_kind, _is(inbox.c.state, _S.ANSWERED.value, _S.SENT.value, _S.FAILED.value), ~_has_turn
    ),
    "a message that is received, absorbed or erased has no turn": _rows(
        inbox, _is(inbox.c.state, _S.RECEIVED.value, _S.ABSORBED.value, _S.ERASED.value), _has_turn
    ),
    "only texts, commands and choices have turns": _rows(
        inbox, ~_is_turn_kind, or_(_has_turn, _is(inbox.c.state, _S.ANSWERED.value, _S.SENT.value, _S.FAILED.value))
    ),
    "a failed turn's message has failed": _rows(
        inbox,
        _is(inbox.c.state, _S.SENT.value, _S.FAILED.value),
        _with(
            turns,
            turns.c.id == inbox.c.id,
            _is(turns.c.status, TurnStatus.FAILED.value) != _is(inbox.c.state, _S.FAILED.value),
        ),
    ),
    "a refused message with a turn was closed": _rows(
        inbox,
        _is(inbox.c.state, _S.REFUSED.value),
        _has_turn,
        _with(outbox, outbox.c.id == inbox.c.id, ~_is(outbox.c.state, CLOSED)),
    ),
    "an erased message keeps a keyed hash only": _rows(
        inbox,
        _is(inbox.c.state, _S.ERASED.value),
        or_(
            inbox.c.user.is_not(None),
            inbox.c.chat.is_not(None),
            inbox.c.thread.is_not(None),
            inbox.c.digest != "",
            ~inbox.c.event_id.startswith(ERASED),
        ),
    ),
    "an answered message has a reply on its way": _rows(
        inbox, _is(inbox.c.state, _S.ANSWERED.value), ~_with(outbox, outbox.c.id == inbox.c.id, _is_reply, _is_pending)
    ),
    "a reply on its way belongs to an answered message": _rows(
        outbox, _is_reply, _is_pending, ~_with(inbox, inbox.c.id == outbox.c.id, _is(inbox.c.state, _S.ANSWERED.value))
    ),
    "a reply belongs to its turn": _rows(
        outbox,
        or_(
            and_(_is_reply, or_(outbox.c.turn_id.is_(None), outbox.c.turn_id != outbox.c.id)),
            and_(outbox.c.turn_id.is_not(None), ~exists().where(turns.c.id == outbox.c.turn_id)),
        ),
    ),
    "a notice on its way belongs to a refused message": _rows(
        outbox,
        _is(outbox.c.kind, OutgoingKind.NOTICE.value),
        _is_pending,
        ~_with(inbox, inbox.c.id == outbox.c.id, _is(inbox.c.state, _S.REFUSED.value)),
    ),
    "a due message is in the outbox once it is released": _rows(
        outbox,
        _is(outbox.c.kind, OutgoingKind.DUE.value),
        _with(due_messages, due_messages.c.id == outbox.c.id, due_messages.c.ended_at.is_(None)),
    ),
    "what is delivered keeps no text": _rows(
        outbox,
        ~or_(
            and_(_is_pending, outbox.c.ended_at.is_(None), outbox.c.message.is_not(None)),
            and_(_is(outbox.c.state, SENT, CLOSED), outbox.c.ended_at.is_not(None), outbox.c.message.is_(None)),
        ),
    ),
    "what is delivered has no open parts": _rows(
        parts,
        _with(outbox, outbox.c.id == parts.c.outbox_id, outbox.c.ended_at.is_not(None)),
        named_by="outbox_id",
    ),
    "a delivered part belongs to a turn": _rows(
        deliveries, ~exists().where(turns.c.id == deliveries.c.turn_id), named_by="turn_id"
    ),
    "a memory to come names its source": _rows(
        pending_memories,
        or_(
            ~_is(pending_memories.c.part, "question", "answer", "edited", "model"),
            ~_with(turns, turns.c.id == pending_memories.c.turn_id, turns.c.person_id == pending_memories.c.person_id),
        ),
    ),
    "a memory names its source": _rows(
        memories,
        ~_with(memory_sources, memory_sources.c.memory_id == memories.c.id, memory_sources.c.person_id == memories.c.person_id),
    ),
    "a memory is its group's person's": _rows(
        memories,
        memories.c.group_id.is_not(None),
        ~_with(addresses, addresses.c.id == memories.c.group_id, addresses.c.person_id == memories.c.person_id),
    ),
    "a memory that took another's place ended it": _rows(
        memories, (memories.c.superseded_by.is_not(None)) != memories.c.ended_at.is_not(None)
    ),
    "a vector is its live memory's": _rows(
        memory_vectors,
        ~_with(
            memories,
            memories.c.id == memory_vectors.c.memory_id,
            memories.c.person_id == memory_vectors.c.person_id,
            memories.c.ended_at.is_(None),
        ),
        named_by="memory_id",
    ),
    "a memory in the index has a vector": _rows(
        memories,
        memories.c.ended_at.is_(None),
        memories.c.is_indexed.is_(True),
        or_(memories.c.embedder.is_(None), ~_with(memory_vectors, memory_vectors.c.memory_id == memories.c.id)),
    ),
    "a rating is its turn's person's": _rows(
        ratings,
        ~_with(turns, turns.c.id == ratings.c.turn_id, turns.c.person_id == ratings.c.person_id),
        named_by="turn_id",
    ),
    "a shared answer is its turn's person's": _rows(
        shared_answers,
        ~_with(turns, turns.c.id == shared_answers.c.turn_id, turns.c.person_id == shared_answers.c.person_id),
        named_by="turn_id",
    ),
    "an answer is shared by consent": _rows(
        shared_answers,
        _is(shared_answers.c.state, SharedState.SHARED.value),
        or_(shared_answers.c.decided_at.is_(None), shared_answers.c.version == ""),
        named_by="turn_id",
    ),
    "a logged style is its turn's": _rows(
        answer_log,
        ~_with(
            turns,
            turns.c.id == answer_log.c.turn_id,
            turns.c.person_id == answer_log.c.person_id,
            turns.c.address_id == answer_log.c.address_id,
            turns.c.conversation_id == answer_log.c.conversation_id,
        ),
        named_by="turn_id",
    ),
    "a question is asked at its turn's address": _rows(
        questions,
        ~_with(
            turns,
            turns.c.id == questions.c.turn_id,
            turns.c.person_id == questions.c.person_id,
            turns.c.address_id == questions.c.address_id,
        ),
        named_by="turn_id",
    ),
    "a turn is its address's person's": _rows(
        turns, ~_with(addresses, addresses.c.id == turns.c.address_id, addresses.c.person_id == turns.c.person_id)
    ),
    "an address is its user's person's": _rows(
        addresses,
        ~_with(
            identities,
            identities.c.channel == addresses.c.channel,
            identities.c.user == addresses.c.user,
            identities.c.person_id == addresses.c.person_id,
        ),
    ),
    "a person has an identity": _rows(people, ~exists().where(identities.c.person_id == people.c.id)),
    "a done chore keeps no person": _rows(jobs, jobs.c.ended_at.is_not(None) == jobs.c.person_id.is_not(None)),
    "every reference has its row": select(
        type_coerce(column("table") + literal(":") + func.coalesce(column("rowid"), literal("?")), Text)
    ).select_from(func.pragma_foreign_key_check().table_valued("table", "rowid", "parent", "fkid")),
}


def _counted(broken: Select[Any]) -> Select[Any]:
    found = broken.subquery("found")
    (name,) = found.columns
    return select(name, func.count().over()).limit(literal(EXAMPLES))


_CHECKS = {name: read(f"check: {name}", _counted(broken)) for name, broken in INVARIANTS.items()}


async def broken_invariants(database: Database) -> Sequence[Broken]:
    """The invariants that do not hold now; empty for a sound database. It reads beside a serving process and locks nothing."""
    broken: list[Broken] = []
    for name, check in _CHECKS.items():
        rows = await database.rows(check)
        if rows:
            broken.append(Broken(name=name, count=rows[0][1], examples=tuple(str(row[0]) for row in rows)))
    return broken
