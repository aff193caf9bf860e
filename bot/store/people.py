"""Who is speaking: people, their identities and addresses, and what surrounds a message, read in one statement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Date, Integer, Text, and_, bindparam, exists, func, literal, select, type_coerce

from bot.errors import StoreConflict
from bot.ports import Context, Ids, Usage
from bot.store.db import Database, Unit, read
from bot.store.messages import choices_of, texts_of
from bot.store.schema import addresses, consents, identities, people, questions, turns, usage, usage_of_all
from bot.store.statements import INSERT_ADDRESS, INSERT_IDENTITY, INSERT_PERSON, SET_CLOSED
from bot.types import (
    Address,
    AddressId,
    ChannelName,
    ConversationId,
    Exchange,
    Flag,
    IncomingMessage,
    Kind,
    Person,
    PersonId,
    Question,
    TurnId,
    TurnStatus,
)

_TRIES = 3
"""How often a message is met again when its person is forgotten at that very moment."""

_consent = (
    select(consents.c.granted)
    .where(consents.c.person_id == people.c.id)
    .order_by(consents.c.id.desc())
    .limit(1)
    .correlate(people)
    .scalar_subquery()
)
_latest = (
    select(
        type_coerce(turns.c.question, Text).label("question"),
        type_coerce(turns.c.answer, Text).label("answer"),
        func.instr(type_coerce(turns.c.flags, Text), literal(f'"{Flag.TRIMMED.value}"', Text())).label("trimmed"),
    )
    .where(
        turns.c.address_id == addresses.c.id,
        turns.c.conversation_id == addresses.c.conversation_id,
        turns.c.kind == literal(Kind.TEXT.value, Text()),
        turns.c.handler == literal("chat", Text()),
        turns.c.status == literal(TurnStatus.ANSWERED.value, Text()),
    )
    .order_by(turns.c.id.desc())
    .limit(bindparam("most", type_=Integer()))
    .correlate(addresses)
    .subquery("latest")
)
_history = select(
    func.json_group_array(func.json_array(_latest.c.question, _latest.c.answer, _latest.c.trimmed))
).scalar_subquery()
_newest = (
    select(func.max(questions.c.turn_id)).where(questions.c.address_id == addresses.c.id).correlate(addresses).scalar_subquery()
)
_day = bindparam("day", type_=Date())
_AROUND = read(
    "around a message",
    select(
        people.c.id,
        people.c.language,
        people.c.created_at,
        _consent,
        addresses.c.id,
        addresses.c.conversation_id,
        type_coerce(addresses.c.closed_at, Integer),
        ~exists().where(turns.c.person_id == people.c.id).correlate(people),
        type_coerce(_history, Text),
        questions.c.turn_id,
        questions.c.kind,
        type_coerce(questions.c.choices, Text),
        type_coerce(questions.c.state, Text),
        usage.c.messages,
        usage.c.tokens,
        usage.c.cost,
        usage_of_all.c.tokens,
        usage_of_all.c.cost,
        people.c.remembers,
    )
    .select_from(addresses)
    .join(people, people.c.id == addresses.c.person_id)
    .outerjoin(questions, and_(questions.c.turn_id == _newest, questions.c.closed_at.is_(None)))
    .outerjoin(usage, and_(usage.c.person_id == people.c.id, usage.c.day == _day))
    .outerjoin(usage_of_all, usage_of_all.c.day == _day)
    .where(
        addresses.c.channel == bindparam("channel"),
        addresses.c.chat == bindparam("chat"),
        addresses.c.user == bindparam("user"),
        addresses.c.thread == bindparam("thread"),
    ),
)
_IDENTITY = read(
    "identity",
    select(identities.c.person_id).where(identities.c.channel == bindparam("channel"), identities.c.user == bindparam("user")),
)
_ADDRESS = read(
    "address",
    select(addresses.c.id).where(
        addresses.c.channel == bindparam("channel"),
        addresses.c.chat == bindparam("chat"),
        addresses.c.user == bindparam("user"),
        addresses.c.thread == bindparam("thread"),
    ),
)
_EXISTS = read("person exists", select(people.c.id).where(people.c.id == bindparam("person")))

_exchanges = msgspec.json.Decoder(list[tuple[str, str, int | None]])
_NO_USAGE = Usage()


class StoredPeople:
    """The `PeopleStore` of the database."""

    def __init__(self, database: Database, ids: Ids) -> None:
        self._database, self._ids = database, ids
        self._doors: dict[tuple[str, str], _Door] = {}

    async def meet(self, message: IncomingMessage, *, history: int, now: datetime) -> Context:
        """The person, address and conversation of a message, made on first sight; at most `history` exchanges, oldest first.

        A chat that was closed is open again from here on: its person has written.
        """
        where = _where(message.address)
        for _ in range(_TRIES):
            rows = await self._database.rows(_AROUND, **where, most=history + 1, day=now.date())
            if rows:
                if rows[0][6] is not None:
                    await self._database.commit(Unit((SET_CLOSED, {"address": rows[0][4], "at": None})))
                return _context(rows[0], history)
            await self._welcome(message, now)
        raise StoreConflict("this person is being forgotten at this moment")

    async def person_of(self, channel: ChannelName, user: str) -> PersonId | None:
        """The person behind a user of a channel."""
        rows = await self._database.rows(_IDENTITY, channel=channel.value, user=user)
        return PersonId(rows[0][0]) if rows else None

    async def exists(self, person: PersonId) -> bool:
        """Whether the store knows this person."""
        return bool(await self._database.rows(_EXISTS, person=person))

    async def address_id(self, address: Address) -> AddressId | None:
        """The stored id of an address."""
        rows = await self._database.rows(_ADDRESS, **_where(address))
        return AddressId(rows[0][0]) if rows else None

    async def _welcome(self, message: IncomingMessage, now: datetime) -> None:
        """Store an address that is seen for the first time, and its person unless they are known from another chat."""
        address = message.address
        identity = {"channel": address.channel.value, "user": address.user}
        place = (
            INSERT_ADDRESS,
            {
                **_where(address),
                "id": self._ids.new(),
                "is_private": message.is_private,
                "conversation_id": self._ids.new(),
                "created_at": now,
            },
        )
        async with self._one_at_a_time(address):
            if await self._database.rows(_IDENTITY, **identity):
                await self._database.commit(Unit(place))
                return
            person = self._ids.new()
            await self._database.commit(
                Unit(
                    (INSERT_PERSON, {"id": person, "language": None, "created_at": now}),
                    (INSERT_IDENTITY, {**identity, "person_id": person, "created_at": now}),
                    place,
                )
            )

    @asynccontextmanager
    async def _one_at_a_time(self, address: Address) -> AsyncIterator[None]:
        """One first sight of a user at a time: two would leave a person whom no identity names."""
        user = (address.channel.value, address.user)
        door = self._doors.setdefault(user, _Door())
        door.visitors += 1
        try:
            async with door.lock:
                yield
        finally:
            door.visitors -= 1
            if not door.visitors:
                del self._doors[user]


class _Door:
    __slots__ = ("lock", "visitors")

    def __init__(self) -> None:
        self.lock, self.visitors = asyncio.Lock(), 0


def _where(address: Address) -> dict[str, str]:
    return {"channel": address.channel.value, "chat": address.chat, "user": address.user, "thread": address.thread}


def _context(row: tuple[Any, ...], most: int) -> Context:
    """The row as a context with the newest `most` exchanges; the row holds one more where there is one."""
    awaiting = None
    if row[9] is not None:
        awaiting = Question(turn_id=TurnId(row[9]), kind=row[10], choices=choices_of(row[11]), state=texts_of(row[12]))
    history: tuple[Exchange, ...] = ()
    found = _exchanges.decode(row[8]) if row[8] != "[]" else []
    if found:
        newest = reversed(found[:most])
        history = tuple(Exchange(question=asked, answer=said, was_trimmed=bool(trimmed)) for asked, said, trimmed in newest)
    used = _NO_USAGE
    if row[13] is not None or row[16] is not None:
        used = Usage(
            messages=row[13] or 0,
            tokens=row[14] or 0,
            cost=row[15] or 0,
            tokens_of_all=row[16] or 0,
            cost_of_all=row[17] or 0,
        )
    return Context(
        person=Person(id=PersonId(row[0]), language=row[1], created_at=row[2], training_consent=row[3], remembers=row[18]),
        address_id=AddressId(row[4]),
        conversation_id=ConversationId(row[5]),
        is_first=row[7],
        awaiting=awaiting,
        history=history,
        has_earlier=len(found) > most,
        usage=used,
    )
