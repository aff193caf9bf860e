"""Things to say later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Integer, bindparam, select

from bot.admin_types import BROADCAST
from bot.ports import Ids
from bot.store.db import Database, Unit, read
from bot.store.schema import UtcTime, addresses, consents, due_messages, people
from bot.store.statements import END_DUE, INSERT_DUE, INSERT_OUTGOING
from bot.store.writes import Step, by_rank, outgoing_row, steps_of
from bot.types import Address, AddressId, ChannelName, DueMessage, Outgoing, Person, PersonId
from bot.writes import Write

_consent = (
    select(consents.c.granted)
    .where(consents.c.person_id == people.c.id)
    .order_by(consents.c.id.desc())
    .limit(1)
    .correlate(people)
    .scalar_subquery()
)
_DUE = read(
    "due messages",
    select(
        due_messages.c.id,
        due_messages.c.kind,
        people.c.id,
        people.c.language,
        people.c.created_at,
        _consent,
        addresses.c.id,
        addresses.c.channel,
        addresses.c.chat,
        addresses.c.user,
        addresses.c.thread,
    )
    .select_from(due_messages)
    .join(people, people.c.id == due_messages.c.person_id)
    .join(addresses, addresses.c.id == due_messages.c.address_id)
    .where(
        due_messages.c.ended_at.is_(None),
        due_messages.c.due_at <= bindparam("now", type_=UtcTime()),
        addresses.c.closed_at.is_(None),
    )
    .order_by(due_messages.c.kind.startswith(f"{BROADCAST}."), due_messages.c.due_at, due_messages.c.id)
    .limit(bindparam("most", type_=Integer())),
)


class StoredDue:
    """The `DueStore` of the database."""

    def __init__(self, database: Database, ids: Ids) -> None:
        self._database, self._ids = database, ids

    async def due(self, now: datetime, limit: int) -> Sequence[DueMessage]:
        """Messages whose time has come, oldest first, what everybody is told after all others.

        Those of closed chats wait until their person writes again.
        """
        return [
            DueMessage(
                id=due_id,
                kind=kind,
                person=Person(id=PersonId(person), language=language, created_at=created_at, training_consent=consent),
                address=Address(channel=ChannelName(channel), chat=chat, user=user, thread=thread),
                address_id=AddressId(address),
            )
            for due_id, kind, person, language, created_at, consent, address, channel, chat, user, thread in (
                await self._database.rows(_DUE, now=now, most=limit)
            )
        ]

    async def add(self, person: PersonId, address: AddressId, kind: str, at: datetime) -> None:
        """Have something said that came about outside any turn. Raises StoreConflict for somebody who is forgotten."""
        row = {"id": self._ids.new(), "person_id": person, "address_id": address, "kind": kind, "due_at": at}
        await self._database.commit(Unit((INSERT_DUE, row)))

    async def release(self, due: DueMessage, outgoing: Outgoing | None, writes: Sequence[Write], at: datetime) -> None:
        """Turn it into an outbox row (None drops it), with the writes of its wording, in one transaction.

        Raises StoreConflict when it was released before: its outbox row has its id.
        """
        steps: list[Step] = [*steps_of(writes, at, self._ids), (END_DUE, {"due": due.id, "at": at})]
        if outgoing is not None:
            steps.append((INSERT_OUTGOING, outgoing_row(outgoing, at)))
        await self._database.commit(Unit(*sorted(steps, key=by_rank)))
