"""Replies on disk until a platform has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Text, bindparam, literal, select, type_coerce

from bot.store.db import Database, Unit, read
from bot.store.messages import outgoing_of
from bot.store.schema import addresses, outbox, parts
from bot.store.statements import (
    CLOSED,
    COUNT_TRY,
    DELETE_PARTS,
    END_OUTGOING,
    INSERT_DELIVERY,
    PENDING,
    SENT,
    SET_CLOSED,
    SET_PART,
)
from bot.store.writes import Step, by_rank, move
from bot.types import InboxState, OutboxId, Outgoing, OutgoingKind, Part, PlatformId, TurnStatus

_PENDING = read(
    "pending outgoing",
    select(
        outbox.c.id,
        outbox.c.kind,
        outbox.c.turn_id,
        outbox.c.channel,
        outbox.c.chat,
        outbox.c.user,
        outbox.c.thread,
        outbox.c.event_id,
        outbox.c.nonce,
        outbox.c.attempts,
        type_coerce(outbox.c.message, Text),
    )
    .where(outbox.c.state == literal(PENDING, Text()))
    .order_by(outbox.c.created_at, outbox.c.id),
)
_PARTS = read(
    "parts", select(parts.c.number, parts.c.platform_id, parts.c.is_filled).where(parts.c.outbox_id == bindparam("outgoing"))
)
_ADDRESS = read(
    "address of outgoing",
    select(addresses.c.id).where(
        addresses.c.channel == bindparam("channel"),
        addresses.c.chat == bindparam("chat"),
        addresses.c.user == bindparam("user"),
        addresses.c.thread == bindparam("thread"),
    ),
)


class StoredOutbox:
    """The `OutboxStore` of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending(self) -> Sequence[Outgoing]:
        """Rows not yet delivered, oldest first."""
        return [outgoing_of(row) for row in await self._database.rows(_PENDING)]

    async def set_part(self, id: OutboxId, number: int, part: Part, at: datetime) -> None:
        """Commit what the platform has of a part of this row; for a turn's reply before the row itself, too."""
        row = {"outbox_id": id, "number": number, "platform_id": part.platform_id, "is_filled": part.is_filled, "opened_at": at}
        await self._database.commit(Unit((SET_PART, row)))

    async def parts(self, id: OutboxId) -> Mapping[int, Part]:
        """What was committed of this row's parts, by number."""
        return {
            number: Part(platform_id=PlatformId(platform_id), is_filled=is_filled)
            for number, platform_id, is_filled in await self._database.rows(_PARTS, outgoing=id)
        }

    async def sent(self, outgoing: Outgoing, platform_ids: Sequence[PlatformId], at: datetime) -> None:
        """Mark delivered, clear its text, keep the ids of its parts, end its inbox row (SENT, or FAILED for a failed turn).

        Changes nothing for a row that was ended or erased meanwhile.
        """
        after = InboxState.FAILED if outgoing.status is TurnStatus.FAILED else InboxState.SENT
        await self._end(outgoing, SENT, after, at, _parts(outgoing, platform_ids))

    async def tried(self, outgoing: Outgoing, error: str, at: datetime) -> None:
        """Count a try that failed."""
        await self._database.commit(Unit((COUNT_TRY, {"outgoing": outgoing.id, "reason": error})))

    async def closed(self, outgoing: Outgoing, at: datetime) -> None:
        """Drop it for good: the chat is closed until the person writes again. Its inbox row ends as REFUSED."""
        address = outgoing.address
        found = await self._database.rows(
            _ADDRESS, channel=address.channel.value, chat=address.chat, user=address.user, thread=address.thread
        )
        steps: list[Step] = [(SET_CLOSED, {"address": address_id, "at": at}) for (address_id,) in found]
        await self._end(outgoing, CLOSED, InboxState.REFUSED, at, steps)

    async def _end(self, outgoing: Outgoing, state: str, after: InboxState, at: datetime, steps: list[Step]) -> None:
        steps.append((END_OUTGOING, {"outgoing": outgoing.id, "after": state, "at": at}))
        if outgoing.kind is OutgoingKind.REPLY:
            steps.append(move(outgoing.id, InboxState.ANSWERED, after, at))
        steps.append((DELETE_PARTS, {"outgoing": outgoing.id}))
        steps.sort(key=by_rank)
        await self._database.commit(Unit(*steps))


def _parts(outgoing: Outgoing, platform_ids: Sequence[PlatformId]) -> list[Step]:
    """One delivery row per part of a turn's reply; what is no turn's reply cannot be rated, so its parts are not kept."""
    if outgoing.turn_id is None:
        return []
    address = outgoing.address
    return [
        (
            INSERT_DELIVERY,
            {
                "channel": address.channel.value,
                "chat": address.chat,
                "platform_id": platform_id,
                "turn_id": outgoing.turn_id,
                "turn": outgoing.turn_id,
                "part": part,
            },
        )
        for part, platform_id in enumerate(platform_ids)
    ]
