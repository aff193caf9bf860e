"""Turns as they happened: each committed whole, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Integer, Select, Text, and_, bindparam, select, type_coerce

from bot.ports import Ids, TurnRecord
from bot.profile_types import Reason
from bot.store.db import Database, Unit, read
from bot.store.messages import (
    choices_json,
    choices_of,
    evidence_json,
    flags_json,
    flags_of,
    generation_json,
    generation_of,
    sources_of,
)
from bot.store.schema import deliveries, inbox, parts, questions, ratings, turns
from bot.store.statements import ADD_USAGE, ADD_USAGE_OF_ALL, INSERT_OUTGOING, INSERT_PENDING_MEMORY, INSERT_TURN
from bot.store.writes import Step, by_rank, logged, move, outgoing_row, steps_of
from bot.types import Address, AddressId, InboxState, Kind, PastTurn, PersonId, PlatformId, Rating, Reply, TurnId, TurnStatus
from bot.writes import Write

_past: Select[Any] = (
    select(
        turns.c.id,
        turns.c.person_id,
        turns.c.address_id,
        turns.c.kind,
        turns.c.handler,
        turns.c.status,
        turns.c.language,
        turns.c.question,
        turns.c.answer,
        type_coerce(turns.c.choices, Text),
        turns.c.is_rateable,
        turns.c.model,
        type_coerce(turns.c.flags, Text),
        turns.c.asked_at,
        ratings.c.value,
        ratings.c.reason,
        ratings.c.correction,
        ratings.c.rated_at,
        questions.c.key,
        turns.c.note,
        type_coerce(turns.c.generation, Text),
        type_coerce(turns.c.evidence, Text),
    )
    .select_from(turns)
    .outerjoin(ratings, and_(ratings.c.turn_id == turns.c.id, ratings.c.person_id == turns.c.person_id))
    .outerjoin(questions, questions.c.turn_id == turns.c.id)
)
_PAST = read("past turn", _past.where(turns.c.id == bindparam("turn")))
_HISTORY = read(
    "history",
    _past.where(turns.c.address_id == bindparam("address"), turns.c.id < bindparam("before"))
    .order_by(turns.c.id.desc())
    .limit(bindparam("most", type_=Integer())),
)
_channel: BindParameter[str] = bindparam("channel")
_chat: BindParameter[str] = bindparam("chat")
_platform_id: BindParameter[str] = bindparam("platform_id")
_d, _i = deliveries.c, inbox.c
_DELIVERED_AS = read(
    "delivered as",
    select(_d.turn_id)
    .where(_d.channel == _channel, _d.chat == _chat, _d.platform_id == _platform_id)
    # and what is only on its way: somebody sees it already, and the bot may have died since
    .union_all(
        select(_i.id)
        .select_from(parts.join(inbox, _i.id == parts.c.outbox_id))
        .where(parts.c.platform_id == _platform_id, _i.channel == _channel, _i.chat == _chat)
    ),
)
_AFTER_ALL_IDS = "~"


class StoredTurns:
    """The `TurnStore` of the database."""

    def __init__(self, database: Database, ids: Ids) -> None:
        self._database, self._ids = database, ids

    async def commit(self, record: TurnRecord) -> None:
        """Commit a turn whole, in ONE transaction.

        Raises StoreConflict when the turn is stored already, or its person was forgotten since they were met.
        """
        turn, outcome, at = record.turn, record.outcome, record.answered_at
        steps: list[Step] = [(INSERT_TURN, _row(record))]
        if record.outgoing is not None:
            steps.append((INSERT_OUTGOING, outgoing_row(record.outgoing, at)))
            steps.append(move(turn.id, InboxState.RECEIVED, InboxState.ANSWERED, None))
        else:
            ended = InboxState.FAILED if record.status is TurnStatus.FAILED else InboxState.SENT
            steps.append(move(turn.id, InboxState.RECEIVED, ended, at))
        if outcome.style is not None:
            steps.append(logged(turn, outcome.style, at))
        if outcome.remember:
            steps.extend(_to_remember(record))
        if turn.message.kind is Kind.TEXT or outcome.generation is not None:  # `/again` asks a model too
            steps.extend(_usage(record))
        if outcome.writes:
            steps.extend(steps_of(outcome.writes, at, self._ids))
        steps.sort(key=by_rank)
        await self._database.commit(Unit(*steps))

    async def absorb(self, id: TurnId, writes: Sequence[Write], at: datetime) -> None:
        """Commit what an off-lane message did, and end its inbox row as ABSORBED, in one transaction."""
        steps = [*steps_of(writes, at, self._ids), move(id, InboxState.RECEIVED, InboxState.ABSORBED, at)]
        await self._database.commit(Unit(*sorted(steps, key=by_rank)))

    async def past(self, id: TurnId) -> PastTurn | None:
        """A stored turn with its rating, whoever's it is: the caller checks the person."""
        rows = await self._database.rows(_PAST, turn=id)
        return _turn(rows[0]) if rows else None

    async def history(self, address_id: AddressId, *, before: TurnId | None, limit: int) -> Sequence[PastTurn]:
        """An address's turns, newest last."""
        rows = await self._database.rows(_HISTORY, address=address_id, before=before or _AFTER_ALL_IDS, most=limit)
        return [_turn(row) for row in reversed(rows)]

    async def delivered_as(self, address: Address, platform_id: PlatformId) -> TurnId | None:
        """The turn that one of our platform messages belongs to."""
        rows = await self._database.rows(
            _DELIVERED_AS, channel=address.channel.value, chat=address.chat, platform_id=platform_id
        )
        return TurnId(rows[0][0]) if rows else None


def _to_remember(record: TurnRecord) -> tuple[Step, ...]:
    """The turn's words that are to become memories. A memory's id names its turn and part: it can never come twice.

    An answer without a language model repeats what is known already, so that only its question is remembered.
    """
    turn, made = record.turn, record.outcome.generation
    row = {"person_id": turn.person.id, "turn_id": turn.id, "created_at": record.answered_at}
    question = (INSERT_PENDING_MEMORY, {**row, "id": turn.id + "q", "part": "question"})
    if made is not None and not made.is_counted:
        return (question,)
    return question, (INSERT_PENDING_MEMORY, {**row, "id": turn.id + "a", "part": "answer"})


def _row(record: TurnRecord) -> dict[str, object]:
    turn, outcome = record.turn, record.outcome
    message, reply = turn.message, outcome.reply
    if outcome.question is not None:
        question = outcome.question
    else:
        question = message.text or (message.choice.key if message.choice is not None else "")
    return {
        "id": turn.id,
        "person_id": turn.person.id,
        "address_id": turn.address_id,
        "conversation_id": turn.conversation_id,
        "is_private": message.is_private,
        "kind": message.kind.value,
        "handler": record.handler,
        "status": record.status.value,
        "language": turn.language,
        "question": question,
        "answer": outcome.kept if outcome.kept is not None else "" if reply is None else reply.text,
        "note": outcome.note or None,
        "choices": None if reply is None else choices_json(reply.choices),
        "is_rateable": reply is not None and reply.rateable,
        "model": None if outcome.generation is None else outcome.generation.model,
        "generation": generation_json(outcome.generation),
        "flags": flags_json(outcome.flags),
        "evidence": evidence_json(outcome.evidence),
        "asked_at": message.sent_at,
        "answered_at": record.answered_at,
    }


def _usage(record: TurnRecord) -> tuple[Step, Step]:
    """One message for the person and for all, with the tokens and the cost where a language model was asked."""
    generation, tokens, cost = record.outcome.generation, 0, 0
    if generation is not None and generation.is_counted:
        tokens, cost = generation.prompt_tokens + generation.completion_tokens, generation.cost
    used = {"day": record.answered_at.date(), "messages": 1, "tokens": tokens, "cost": cost}
    return (ADD_USAGE, {**used, "person_id": record.turn.person.id}), (ADD_USAGE_OF_ALL, used)


def _turn(row: tuple[Any, ...]) -> PastTurn:
    rating = None
    if row[14] is not None:
        rating = Rating(
            turn_id=TurnId(row[0]),
            value=row[14],
            reason=None if row[15] is None else Reason(row[15]),
            correction=row[16],
            rated_at=row[17],
        )
    return PastTurn(
        id=TurnId(row[0]),
        person_id=PersonId(row[1]),
        address_id=AddressId(row[2]),
        kind=Kind(row[3]),
        handler=row[4],
        status=TurnStatus(row[5]),
        language=row[6],
        question=row[7],
        reply=Reply(text=row[8], choices=choices_of(row[9]), rateable=row[10]),
        model=row[11] or "",
        flags=flags_of(row[12]),
        created_at=row[13],
        rating=rating,
        chosen=row[18],
        note=row[19] or "",
        generation=generation_of(row[20]),
        sources=sources_of(row[21]),
    )
