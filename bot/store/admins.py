"""What is kept for admins: the audit log, whom they keep out, and what they told everybody."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Integer, Text, bindparam, exists, func, literal, select, type_coerce

from bot.admin_types import BROADCAST, AuditEntry, Broadcast, Told
from bot.ports import Clock, Ids
from bot.store.admin_writes import SPREAD_BROADCAST
from bot.store.db import Database, Unit, read
from bot.store.schema import addresses, audit, blocks, broadcasts, due_messages, people, turns
from bot.store.statements import INSERT_DUE
from bot.store.users import USERS, users_of
from bot.types import AddressId, ChannelName, PersonId

SAID_FOR: Final = timedelta(days=7)
"""Whom a message to everybody has not reached by then is not told it any more."""
PAGE: Final = 200
"""People that a message is spread to in one transaction."""

_RECENT = read("recent audit entries", select(audit).order_by(audit.c.id.desc()).limit(bindparam("most", type_=Integer())))
_ALL_BLOCKED = read("all blocks", select(blocks.c.hash))

_newest_turn = select(func.max(turns.c.id)).where(turns.c.address_id == addresses.c.id).correlate(addresses).scalar_subquery()
_is_open = (
    addresses.c.person_id == people.c.id,
    addresses.c.is_private,
    addresses.c.closed_at.is_(None),
    addresses.c.channel.in_([literal(one.value, Text()) for one in (ChannelName.TELEGRAM, ChannelName.DISCORD)]),
)
_can_be_told = exists().where(*_is_open)
_where_to = (
    select(addresses.c.id)
    .where(*_is_open)
    .order_by(func.coalesce(_newest_turn, "").desc(), addresses.c.id.desc())
    .limit(1)
    .correlate(people)
    .scalar_subquery()
)
"""The private chat that somebody used last, of those that a bot may write to unasked."""
_REACH = read("people to tell", select(func.count()).select_from(people).where(_can_be_told))
_PAGE = read(
    "some people to tell",
    select(people.c.id, type_coerce(_where_to, Text), USERS)
    .where(people.c.id > bindparam("after", type_=Text()), _can_be_told)
    .order_by(people.c.id)
    .limit(literal(PAGE, Integer())),
)
_gone_out = (
    select(func.count())
    .where(due_messages.c.kind == literal(f"{BROADCAST}.", Text()) + broadcasts.c.id, due_messages.c.ended_at.is_not(None))
    .correlate(broadcasts)
    .scalar_subquery()
)
_BROADCASTS = read(
    "recent broadcasts",
    select(
        broadcasts.c.id, broadcasts.c.text, broadcasts.c.at, broadcasts.c.people, _gone_out, broadcasts.c.ended_at.is_not(None)
    )
    .order_by(broadcasts.c.id.desc())
    .limit(bindparam("most", type_=Integer())),
)
_OPEN = read(
    "open broadcasts",
    select(broadcasts.c.id, broadcasts.c.reached).where(broadcasts.c.ended_at.is_(None)).order_by(broadcasts.c.id),
)
_TEXT = read("text of a broadcast", select(broadcasts.c.text, broadcasts.c.at).where(broadcasts.c.id == bindparam("id")))


class StoredAudit:
    """The `AuditStore` of the database; `AddAudit` writes what it reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recent(self, limit: int) -> Sequence[AuditEntry]:
        """The newest entries, newest first."""
        rows = await self._database.rows(_RECENT, most=limit)
        names = [column.name for column in audit.columns]
        return [AuditEntry(**dict(zip(names, row, strict=True))) for row in rows]


class StoredBlocks:
    """The `BlockStore` of the database; `SetBlock` writes what it reads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: frozenset[str] | None = None
        self._known_since = -1

    async def is_blocked(self, hash: str) -> bool:
        """Whether whoever the hash stands for is kept out.

        It is asked at every message, and those are few: all are kept until this process, the only one, writes any.
        """
        return hash in await self.all()

    async def all(self) -> frozenset[str]:
        """The hashes of all who are kept out."""
        written = self._database.changes(blocks.name)
        if self._known is None or written != self._known_since:
            self._known = frozenset(one for (one,) in await self._database.rows(_ALL_BLOCKED))
            self._known_since = written
        return self._known


class StoredBroadcasts:
    """The `BroadcastStore` of the database, and what spreads them; `AddBroadcast` writes them."""

    def __init__(self, database: Database, ids: Ids, clock: Clock) -> None:
        self._database, self._ids, self._clock = database, ids, clock

    async def reach(self) -> int:
        """How many people can be written to in private now."""
        ((count,),) = await self._database.rows(_REACH)
        return int(count)

    async def recent(self, limit: int) -> Sequence[Broadcast]:
        """The newest ones, newest first. Sent is what has gone to the outbox, or was left out as too old."""
        return [
            Broadcast(id=one, text=text, at=at, people=reached, sent=sent, is_spread=bool(is_spread))
            for one, text, at, reached, sent, is_spread in await self._database.rows(_BROADCASTS, most=limit)
        ]

    async def text(self, id: str) -> str | None:
        """What one says; None when it is gone or too old to be said."""
        rows = await self._database.rows(_TEXT, id=id)
        return rows[0][0] if rows and self._clock.now() - rows[0][1] < SAID_FOR else None

    async def open(self) -> Sequence[tuple[str, str]]:
        """Those that have not reached everybody: each with the last person that it has reached."""
        return [(one, reached) for one, reached in await self._database.rows(_OPEN)]

    async def page(self, after: str) -> Sequence[Told]:
        """The next people to tell after that one; none at the end."""
        return [
            Told(
                person=PersonId(person),
                address=AddressId(address),
                users=users_of(users),
            )
            for person, address, users in await self._database.rows(_PAGE, after=after)
        ]

    async def spread(self, id: str, upto: str, to: Sequence[Told], *, is_last: bool) -> None:
        """Have it said to these people, in one transaction with how far it has come."""
        now = self._clock.now()
        due = [
            (
                INSERT_DUE,
                {
                    "id": self._ids.new(),
                    "person_id": one.person,
                    "address_id": one.address,
                    "kind": f"{BROADCAST}.{id}",
                    "due_at": now,
                },
            )
            for one in to
        ]
        done = {"broadcast": id, "upto": upto, "more": len(to), "at": now if is_last else None}
        await self._database.commit(Unit(*due, (SPREAD_BROADCAST, done)))
