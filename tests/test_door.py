"""The door asks who may come in, and keeps no word of those who may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from bot.channel_ports import Entrance, Entry
from bot.door import Door, DoorLimits, User
from bot.errors import StoreBusy
from bot.types import (
    GivenRating,
    InboxState,
    IncomingMessage,
    Kind,
    Outgoing,
    Receipt,
    ReceiptStatus,
    TurnId,
)
from tests.fakes import FakeClock, FakeStores, SequentialIds
from tests.house import text


@dataclass
class Lanes:
    """What the door hands on to."""

    taken: list[IncomingMessage] = field(default_factory=list)
    told: list[Outgoing] = field(default_factory=list)

    async def recovered(self) -> None:
        """There was nothing."""

    def waiting(self, user: User) -> int:
        return 0

    def waiting_all(self) -> int:
        return 0

    def holds(self, id: TurnId) -> bool:
        return True

    def enqueue(self, id: TurnId, message: IncomingMessage) -> None:
        self.taken.append(message)

    def absorb(self, id: TurnId, message: IncomingMessage) -> Awaitable[Receipt]:
        self.taken.append(message)
        return self._absorbed(id, message)

    async def _absorbed(self, id: TurnId, message: IncomingMessage) -> Receipt:
        return Receipt(event_id=message.event_id, turn_id=id, status=ReceiptStatus.ABSORBED, state=InboxState.ABSORBED)

    def tell(self, notice: Outgoing) -> None:
        self.told.append(notice)


@dataclass
class Guests:
    """Lets these users in; others hear `notice`."""

    users: tuple[str, ...] = ("ana",)
    notice: str = "by invitation only"
    asked: list[IncomingMessage] = field(default_factory=list)
    failure: StoreBusy | None = None

    async def enter(self, message: IncomingMessage) -> Entry:
        self.asked.append(message)
        if self.failure is not None:
            raise self.failure
        if message.text == "CODE":
            return Entry(message=replace(message, text="/start", kind=Kind.COMMAND))
        return Entry(message=message) if message.address.user in self.users else Entry(notice=self.notice)


@dataclass(frozen=True)
class Here:
    door: Door
    lanes: Lanes
    stores: FakeStores


@asynccontextmanager
async def a_door(access: Entrance | None) -> AsyncIterator[Here]:
    """A door that is open, over stores in memory."""
    clock, lanes = FakeClock(), Lanes()
    stores = FakeStores(clock)
    door = Door(
        inbox=stores.inbox,
        clock=clock,
        ids=SequentialIds(),
        limits=DoorLimits(),
        digest=lambda content: content,
        clean=lambda words: (words, False),
        language=lambda _: "en",
        access=access,
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(door.run(lanes))
        yield Here(door, lanes, stores)
        running.cancel()


async def test_who_is_not_let_in_is_told_and_nothing_of_theirs_is_kept() -> None:
    async with a_door(Guests()) as here:
        (refused, taken) = await here.door.receive([text("let me in", user="bea", event_id="1"), text("hola")])
    assert (refused.status, refused.state, refused.is_refused) == (ReceiptStatus.REFUSED, InboxState.REFUSED, True)
    assert refused.reply is not None
    assert refused.reply.text == "by invitation only"
    assert [notice.reply.text for notice in here.lanes.told] == ["by invitation only"]
    assert taken.status is ReceiptStatus.ACCEPTED
    assert [message.text for message in here.lanes.taken] == ["hola"]
    kept = here.stores.arrivals[refused.turn_id].arrival
    assert "let me in" not in repr(kept)


async def test_whoever_is_to_hear_nothing_hears_nothing() -> None:
    async with a_door(Guests(notice="")) as here:
        (refused,) = await here.door.receive([text("let me in", user="bea")])
    assert (refused.status, refused.reply) == (ReceiptStatus.REFUSED, None)
    assert here.lanes.told == []
    assert here.stores.outgoing == {}


@pytest.mark.parametrize("kind", list(Kind))
async def test_whatever_they_send_stays_outside(kind: Kind) -> None:
    given = GivenRating(turn_id=TurnId("t"), value=-1, correction="my secret") if kind is Kind.RATING else None
    message = replace(text("my secret", user="bea", kind=kind, event_id="1"), rating=given)
    async with a_door(Guests()) as here:
        (refused,) = await here.door.receive([message])
    assert refused.status is ReceiptStatus.REFUSED
    assert here.lanes.taken == []
    assert "secret" not in repr(here.stores.arrivals[refused.turn_id].arrival)


@pytest.mark.parametrize("kind", list(Kind))
async def test_whoever_is_let_in_comes_in_with_everything(kind: Kind) -> None:
    async with a_door(Guests()) as here:
        await here.door.receive([text("hola", kind=kind)])
    assert [message.kind for message in here.lanes.taken] == [kind]


async def test_a_message_may_come_in_as_another() -> None:
    async with a_door(Guests()) as here:
        (receipt,) = await here.door.receive([text("CODE", user="bea", event_id="1")])
    assert receipt.status is ReceiptStatus.ACCEPTED
    assert [(message.kind, message.text) for message in here.lanes.taken] == [(Kind.COMMAND, "/start")]
    assert "CODE" not in here.stores.arrivals[receipt.turn_id].arrival.message.text


async def test_talk_in_a_group_that_is_not_for_the_bot_is_nobodys_business() -> None:
    guests = Guests()
    async with a_door(guests) as here:
        (receipt,) = await here.door.receive([replace(text("between us", user="bea"), is_addressed=False)])
    assert receipt.status is ReceiptStatus.ABSORBED
    assert guests.asked == []
    assert here.lanes.told == []


async def test_while_it_cannot_be_known_who_may_enter_the_platform_keeps_the_messages() -> None:
    guests = Guests(failure=StoreBusy("locked"))
    async with a_door(guests) as here:
        with pytest.raises(StoreBusy):
            await here.door.receive([text("hola")])
        assert here.stores.arrivals == {}
        guests.failure = None
        (receipt,) = await here.door.receive([text("hola")])
    assert receipt.status is ReceiptStatus.ACCEPTED


async def test_the_same_message_again_is_told_once() -> None:
    async with a_door(Guests()) as here:
        await here.door.receive([text("let me in", user="bea")])
        (again,) = await here.door.receive([text("let me in", user="bea")])
    assert again.status is ReceiptStatus.DUPLICATE
    assert again.same_content
    assert len(here.lanes.told) == 1


async def test_without_anybody_at_the_door_everybody_comes_in() -> None:
    async with a_door(None) as here:
        receipts = await here.door.receive([text("hola", user=user) for user in ("ana", "bea")])
    assert [receipt.status for receipt in receipts] == [ReceiptStatus.ACCEPTED] * 2
