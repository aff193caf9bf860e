"""The end of a person's data: tombstone first, then rows in bounded transactions, then nothing left in the files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, bindparam, exists, literal, select

from bot.ports import Clock
from bot.store.building import listed
from bot.store.db import Database, Unit, read
from bot.store.deletions import DELETE_MEMORIES, DELETE_TURNS, FORGET
from bot.store.keys import Keys
from bot.store.memory_statements import END_REMOVALS
from bot.store.messages import json_text
from bot.store.schema import UtcTime, identities, inbox, index_removals, memories, turns
from bot.store.statements import ERASE_ARRIVAL
from bot.store.tombstones import Tombstones
from bot.types import InboxState, PersonId

SLICE = 200
"""Turns or inbox rows in one transaction: others wait for it."""
MEMORIES = 1_000
"""Memories in one transaction, with their sources and vectors: 1,000 take some 30 ms."""
_EVER = datetime.max.replace(tzinfo=UTC)

_IDENTITIES_OF = read(
    "identities of person",
    select(identities.c.channel, identities.c.user).where(identities.c.person_id == bindparam("person")),
)
_ALL_IDENTITIES = read(
    "all identities", select(identities.c.channel, identities.c.user, identities.c.person_id, identities.c.created_at)
)
_USERS = read("users in the inbox", select(inbox.c.channel, inbox.c.user).where(inbox.c.user.is_not(None)).distinct())
_TURNS_OF = read(
    "turns of person",
    select(turns.c.id).where(turns.c.person_id == bindparam("person")).order_by(turns.c.id).limit(literal(SLICE)),
)
_MEMORIES_OF = read(
    "some memories of person",
    select(memories.c.id).where(memories.c.person_id == bindparam("person")).limit(literal(MEMORIES, Integer())),
)
_REMOVALS_OF = read(
    "some index removals of person",
    select(index_removals.c.memory_id)
    .where(index_removals.c.person_id == bindparam("person"))
    .limit(literal(MEMORIES, Integer())),
)
_ARRIVALS = read(
    "arrivals of turns",
    select(inbox.c.id, inbox.c.channel, inbox.c.event_id).where(
        inbox.c.id.in_(listed("ids")), inbox.c.state != literal(InboxState.ERASED.value, Text())
    ),
)


def _without_turn(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(inbox.c.id)
        .where(
            inbox.c.channel == bindparam("channel"),
            inbox.c.user == bindparam("user"),
            inbox.c.received_at <= bindparam("until", type_=UtcTime()),
            ~exists().where(turns.c.id == inbox.c.id),
            *conditions,
        )
        .limit(literal(SLICE, Integer()))
    )


_DONE_ARRIVALS_OF = read("done arrivals of user", _without_turn(inbox.c.state != literal(InboxState.RECEIVED.value, Text())))
_ALL_ARRIVALS_OF = read("all arrivals of user", _without_turn())


async def remove_turns(database: Database, keys: Keys, ids: Sequence[str], at: datetime) -> None:
    """Take away what began with these messages (turns, replies, notices), in one transaction.

    Their inbox rows stay as keyed hashes.
    """
    all_ids = json_text(ids)
    erased = [
        (ERASE_ARRIVAL, {"arrival": arrival, "hash": keys.event(channel, event_id), "at": at})
        for arrival, channel, event_id in await database.rows(_ARRIVALS, ids=all_ids)
    ]
    await database.commit(Unit(*erased, *((statement, {"ids": all_ids}) for statement in DELETE_TURNS)))


class Erasure:
    """Forgets people, so that neither their rows nor their words are left in the database's files."""

    def __init__(self, database: Database, keys: Keys, tombstones: Tombstones, clock: Clock) -> None:
        self._database, self._keys, self._tombstones, self._clock = database, keys, tombstones, clock

    async def forget_person(self, person: PersonId, *, spare_waiting: bool = True) -> None:
        """Erase all that the store holds of a person. Doing it twice, or going on after a crash, changes nothing more.

        Inbox rows stay as keyed hashes, so that a platform's repeat is still recognised. Messages that wait for their answer
        at this moment are spared, because a lane holds them: they begin a new person. `spare_waiting=False` takes them too,
        where nothing runs. Raises StoreError, StoreBusy when the write-ahead log cannot be emptied because of another reader.
        """
        found = await self._database.rows(_IDENTITIES_OF, person=person)
        at = self._clock.now()
        await self._tombstones.add(found, at)
        await self._erase(person, found, at, spare_waiting)
        await self._database.checkpoint()

    async def apply_tombstones(self) -> int:
        """Forget again whoever a restored backup brought back; how many people. To be called before anything is served.

        An identity younger than its tombstone belongs to somebody who came back, and stays.
        """
        forgotten = await self._tombstones.read()
        if not forgotten:
            return 0
        people: dict[PersonId, datetime] = {}
        for channel, user, person, created_at in await self._database.rows(_ALL_IDENTITIES):
            at = forgotten.get(self._keys.identity(channel, user))
            if at is not None and created_at <= at:
                people[person] = at
        for person in people:
            await self._erase(
                person, await self._database.rows(_IDENTITIES_OF, person=person), self._clock.now(), spare_waiting=False
            )
        erased = len(people)
        for channel, user in await self._database.rows(_USERS):
            at = forgotten.get(self._keys.identity(channel, user))
            if at is not None:
                erased += await self._erase_arrivals([(channel, user)], at, spare_waiting=False)
        if erased:
            await self._database.checkpoint()
        return len(people)

    async def _erase(self, person: PersonId, of: Sequence[tuple[str, str]], at: datetime, spare_waiting: bool) -> None:
        while slice_ := await self._database.rows(_TURNS_OF, person=person):
            await remove_turns(self._database, self._keys, [turn_id for (turn_id,) in slice_], at)
        await self._erase_memories(person)
        await self._erase_arrivals(of, _EVER, spare_waiting)
        await self._database.commit(Unit(*((statement, {"person": person}) for statement in FORGET)))
        # What came and ended while this went on has lost its turn now.
        await self._erase_arrivals(of, self._clock.now(), spare_waiting)

    async def _erase_memories(self, person: PersonId) -> None:
        """The index lets go of all vectors of the person at once, so that no removal need be noted."""
        while rows := await self._database.rows(_MEMORIES_OF, person=person):
            ids = json_text([one for (one,) in rows])
            await self._database.commit(Unit((DELETE_MEMORIES, {"person": person, "ids": ids})))
        while rows := await self._database.rows(_REMOVALS_OF, person=person):
            await self._database.commit(Unit((END_REMOVALS, {"ids": json_text([one for (one,) in rows])})))

    async def _erase_arrivals(self, of: Sequence[tuple[str, str]], until: datetime, spare_waiting: bool) -> int:
        erased = 0
        statement = _DONE_ARRIVALS_OF if spare_waiting else _ALL_ARRIVALS_OF
        for channel, user in of:
            while rows := await self._database.rows(statement, channel=channel, user=user, until=until):
                await remove_turns(self._database, self._keys, [arrival_id for (arrival_id,) in rows], self._clock.now())
                erased += len(rows)
        return erased
