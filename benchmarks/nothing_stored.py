"""The door, the core, the router and the delivery over stores that keep nothing: what dispatching alone costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmarks.ptb_echo import Raw
from bot.core import Core, CoreSettings
from bot.delivery import Delivery
from bot.door import Door, DoorLimits
from bot.ports import (
    Arrival,
    Context,
    InboxStore,
    Parts,
    PeopleStore,
    Preview,
    StoredArrival,
    TurnRecord,
    TurnStore,
    Unfinished,
    Usage,
)
from bot.router import Router
from bot.system import SystemClock, TimeOrderedIds
from bot.types import (
    Address,
    AddressId,
    ChannelName,
    ConversationId,
    IncomingMessage,
    Kind,
    Language,
    OutboxId,
    Outcome,
    Outgoing,
    Part,
    PastTurn,
    Person,
    PersonId,
    PlatformId,
    Reply,
    Turn,
    TurnId,
)
from bot.writes import Write

_CONTEXT = Context(
    person=Person(id=PersonId("p"), language="es", created_at=datetime(2026, 1, 1, tzinfo=UTC)),
    address_id=AddressId("a"),
    conversation_id=ConversationId("c"),
    is_first=False,
    awaiting=None,
    history=(),
    usage=Usage(),
)


class Nothing:
    """Every store that the core asks, keeping nothing."""

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[StoredArrival]:
        """All of them are new."""
        return [StoredArrival(id=one.id, digest=one.digest, state=one.state, is_new=True) for one in arrivals]

    async def unfinished(self) -> Sequence[Unfinished]:
        """None."""
        return ()

    async def count_attempt(self, id: TurnId) -> None:
        """Keeps nothing."""

    async def turn_of(self, channel: ChannelName, event_id: str) -> TurnId | None:
        """None."""
        return None

    async def refuse(self, id: TurnId, notice: Outgoing | None) -> None:
        """Keeps nothing."""

    async def meet(self, message: IncomingMessage, *, history: int, now: datetime) -> Context:
        """Always the same person."""
        return _CONTEXT

    async def commit(self, record: TurnRecord) -> None:
        """Keeps nothing."""

    async def absorb(self, id: TurnId, writes: Sequence[Write], at: datetime) -> None:
        """Keeps nothing."""

    async def past(self, id: TurnId) -> PastTurn | None:
        """None."""
        return None

    async def history(self, address_id: AddressId, *, before: TurnId | None, limit: int) -> Sequence[PastTurn]:
        """None."""
        return ()

    async def delivered_as(self, address: Address, platform_id: PlatformId) -> TurnId | None:
        """None."""
        return None

    async def pending(self) -> Sequence[Outgoing]:
        """None."""
        return ()

    async def set_part(self, id: OutboxId, number: int, part: Part, at: datetime) -> None:
        """Keeps nothing."""

    async def parts(self, id: OutboxId) -> Mapping[int, Part]:
        """None."""
        return {}

    async def sent(self, outgoing: Outgoing, platform_ids: Sequence[PlatformId], at: datetime) -> None:
        """Keeps nothing."""

    async def tried(self, outgoing: Outgoing, error: str, at: datetime) -> None:
        """Keeps nothing."""

    async def closed(self, outgoing: Outgoing, at: datetime) -> None:
        """Keeps nothing."""


class Queue(Delivery):
    """A delivery that ends where the reply is queued."""

    count = 0
    _wanted = 0
    _reached: asyncio.Event | None = None

    def add(self, outgoing: Outgoing, opened: PlatformId | None = None) -> None:
        """Count it."""
        self.count += 1
        if self.count == self._wanted and self._reached is not None:
            self._reached.set()

    async def reach(self, count: int) -> None:
        """Return once so many are queued."""
        if self.count < count:
            self._wanted, self._reached = count, asyncio.Event()
            await self._reached.wait()


class Echo:
    """Says what it heard."""

    name = "echo"

    def matches(self, turn: Turn) -> bool:
        """Everything."""
        return True

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The same text."""
        return Outcome(reply=Reply(text=turn.message.text))


def parse(update: Raw) -> IncomingMessage:
    """A text update of the Bot API as our message."""
    message = update["message"]
    return IncomingMessage(
        event_id=str(update["update_id"]),
        address=Address(channel=ChannelName.TELEGRAM, chat=str(message["chat"]["id"]), user=str(message["from"]["id"])),
        kind=Kind.TEXT,
        sent_at=datetime.fromtimestamp(message["date"], UTC),
        text=message["text"],
        is_private=message["chat"]["type"] == "private",
        sender_name=message["from"]["first_name"],
        locale=message["from"].get("language_code", ""),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """A running door and core; replies end in the queue."""

    door: Door
    core: Core
    queue: Queue


@asynccontextmanager
async def serving(
    name: ChannelName,
    *,
    inbox: InboxStore | None = None,
    people: PeopleStore | None = None,
    turns: TurnStore | None = None,
    clean: Callable[[str], tuple[str, bool]] = lambda text: (text, False),
    digest: Callable[[str], str] = lambda _: "",
    language: Callable[[IncomingMessage], Language] = lambda _: "es",
    spoken: Callable[[str], Language | None] = lambda _: None,
) -> AsyncIterator[Serving]:
    """A door and a core that answer with an echo; what no store is given for is kept nowhere."""
    clock, ids, nothing = SystemClock(), TimeOrderedIds(), Nothing()
    inbox = inbox or nothing
    delivery = Queue(outbox=nothing, channels={}, clock=clock, on_sent=lambda: None)
    core = Core(
        inbox=inbox, people=people or nothing, turns=turns or nothing, outbox=nothing,
        router=Router([Echo()]), delivery=delivery, channels={name: _NoChannel()},
        clock=clock, settings=CoreSettings(), language=language, spoken=spoken,
    )  # fmt: skip
    limits = DoorLimits(per_person=10**6, of_all=10**6)
    door = Door(inbox=inbox, clock=clock, ids=ids, limits=limits, digest=digest, clean=clean, language=language)
    async with asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(core.run()), tasks.create_task(door.run(core))]
        await asyncio.sleep(0)
        yield Serving(door=door, core=core, queue=delivery)
        for task in running:
            task.cancel()


async def dispatch(updates: Sequence[Raw], batch: int = 100) -> int:
    """Parse, take in (in batches, as a poller gets them), route and answer every update; how many replies were queued."""
    async with serving(ChannelName.TELEGRAM) as bot:
        for first in range(0, len(updates), batch):
            await bot.door.receive([parse(update) for update in updates[first : first + batch]])
            await bot.core.idle()
        return bot.queue.count


class _NoChannel:
    name = ChannelName.TELEGRAM
    answers_requests = False

    async def run(self, receive: object) -> None:
        """Nothing comes in here."""

    async def open(self, message: IncomingMessage, turn_id: TurnId) -> PlatformId | None:
        """Nothing to open."""
        return None

    async def preview(self, message: IncomingMessage, turn_id: TurnId, opened: PlatformId | None, text: str) -> None:
        """Nobody looks."""

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        """Never called."""
        return ()
