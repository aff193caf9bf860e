"""Messages on disk before anything else happens to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, Text, bindparam, func, literal, select, type_coerce
from sqlalchemy.sql.expression import true

from bot.ports import Arrival, Clock, StoredArrival, Unfinished
from bot.store.db import Database, Unit, read
from bot.store.keys import Keys
from bot.store.messages import json_text, message_json, message_of
from bot.store.schema import inbox
from bot.store.statements import COUNT_ATTEMPT, INSERT_ARRIVAL, INSERT_NOTICE
from bot.store.writes import Step, move, outgoing_row
from bot.types import Address, ChannelName, InboxState, Kind, Outgoing, TurnId

_key = func.json_each(bindparam("keys", type_=Text())).table_valued("key", "value", name="wanted")


def _part(index: int) -> Any:
    return func.json_extract(_key.c.value, literal(f"$[{index}]"))


_STORED = read(
    "stored arrivals",
    select(type_coerce(_key.c.key, Integer), inbox.c.id, inbox.c.digest, inbox.c.state)
    .select_from(_key)
    .join(inbox, true())
    .where(inbox.c.channel == _part(0), inbox.c.event_id.in_([_part(1), _part(2)])),
)
_UNFINISHED = read(
    "unfinished arrivals",
    select(
        inbox.c.id,
        inbox.c.channel,
        inbox.c.chat,
        inbox.c.user,
        inbox.c.thread,
        inbox.c.kind,
        inbox.c.event_id,
        type_coerce(inbox.c.message, Text),
        inbox.c.attempts,
    )
    .where(inbox.c.state == literal(InboxState.RECEIVED.value, Text()))
    .order_by(inbox.c.id),
)
_ARRIVAL_OF = read(
    "arrival of event",
    select(inbox.c.id).where(inbox.c.channel == bindparam("channel"), inbox.c.event_id == bindparam("event")),
)


class StoredInbox:
    """The `InboxStore` of the database."""

    def __init__(self, database: Database, keys: Keys, clock: Clock) -> None:
        self._database, self._keys, self._clock = database, keys, clock

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[StoredArrival]:
        """Commit them together, and say what is stored for each key, in the same order."""
        if not arrivals:
            return ()
        keys: list[tuple[str, str, str]] = []
        steps: list[Step] = []
        notices: list[Step] = []
        for arrival in arrivals:
            channel, event_id = arrival.message.address.channel.value, arrival.message.event_id
            erased = self._keys.event(channel, event_id)
            keys.append((channel, event_id, erased))
            steps.append((INSERT_ARRIVAL, _arrival(arrival, channel, erased)))
            if arrival.notice is not None:
                notices.append((INSERT_NOTICE, outgoing_row(arrival.notice, arrival.received_at)))
        await self._database.commit(Unit(*steps, *notices))
        found = {
            position: (stored_id, digest, state)
            for position, stored_id, digest, state in await self._database.rows(_STORED, keys=json_text(keys))
        }
        return [_stored(arrival, found[position]) for position, arrival in enumerate(arrivals)]

    async def unfinished(self) -> Sequence[Unfinished]:
        """Rows still RECEIVED, in arrival order."""
        return [
            Unfinished(
                id=TurnId(arrival_id),
                message=message_of(
                    message,
                    event_id=event_id,
                    address=Address(channel=ChannelName(channel), chat=chat, user=user, thread=thread),
                    kind=Kind(kind),
                ),
                attempts=attempts,
            )
            for arrival_id, channel, chat, user, thread, kind, event_id, message, attempts in await self._database.rows(
                _UNFINISHED
            )
        ]

    async def count_attempt(self, id: TurnId) -> None:
        """Count an attempt to answer a row that an earlier process left behind."""
        await self._database.commit(Unit((COUNT_ATTEMPT, {"arrival": id})))

    async def turn_of(self, channel: ChannelName, event_id: str) -> TurnId | None:
        """The inbox id stored for a platform's event; None for one that was erased."""
        rows = await self._database.rows(_ARRIVAL_OF, channel=channel.value, event=event_id)
        return TurnId(rows[0][0]) if rows else None

    async def refuse(self, id: TurnId, notice: Outgoing | None) -> None:
        """End a RECEIVED row as REFUSED, with the notice's outbox row in the same transaction."""
        at = self._clock.now()
        end = move(id, InboxState.RECEIVED, InboxState.REFUSED, at)
        if notice is None:
            await self._database.commit(Unit(end))
        else:
            await self._database.commit(Unit((INSERT_NOTICE, outgoing_row(notice, at)), end))


def _arrival(arrival: Arrival, channel: str, erased: str) -> dict[str, object]:
    message, address = arrival.message, arrival.message.address
    is_ended = arrival.state is not InboxState.RECEIVED
    return {
        "id": arrival.id,
        "channel": channel,
        "event_id": message.event_id,
        "erased": erased,
        "erased_in": channel,
        "chat": address.chat,
        "user": address.user,
        "thread": address.thread,
        "kind": message.kind.value,
        "message": None if is_ended else message_json(message),
        "digest": arrival.digest,
        "state": arrival.state.value,
        "received_at": arrival.received_at,
        "ended_at": arrival.received_at if is_ended else None,
    }


def _stored(arrival: Arrival, found: tuple[str, str, str]) -> StoredArrival:
    stored_id, digest, state = found
    return StoredArrival(id=TurnId(stored_id), digest=digest, state=InboxState(state), is_new=stored_id == arrival.id)
