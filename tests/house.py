"""A small house for tests of the core: real stores in a temporary folder, one recording channel, handlers of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.core import Core, CoreSettings
from bot.delivery import Delivery
from bot.door import Door, DoorLimits
from bot.errors import DeliveryError
from bot.ports import (
    Clock,
    Handler,
    Parts,
    Preview,
    Receive,
)
from bot.router import Router
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores, open_folder
from bot.system import SystemClock, TimeOrderedIds
from bot.types import (
    ON_LANE,
    Address,
    ChannelName,
    GivenRating,
    IncomingMessage,
    Kind,
    Outcome,
    Outgoing,
    PlatformId,
    Reply,
    Turn,
    TurnId,
)
from bot.writes import RelabelTurn, SetRating


class RecordingChannel:
    """A platform that keeps what it was given, and fails when a test puts errors into `failures`."""

    name = ChannelName.TELEGRAM

    def __init__(self, *, answers_requests: bool = False, opens: bool = True) -> None:
        self.answers_requests = answers_requests
        self.opens = opens
        self.delivered: list[Outgoing] = []
        self.tries: list[Outgoing] = []
        self.previews: list[tuple[PlatformId | None, str]] = []
        self.opened: list[TurnId] = []
        self.failures: list[DeliveryError] = []

    async def run(self, receive: Receive) -> None:
        """Tests hand messages to the door themselves."""
        await asyncio.Event().wait()

    async def open(self, message: IncomingMessage, turn_id: TurnId) -> PlatformId | None:
        """A new message of the platform."""
        if not self.opens:
            return None
        self.opened.append(turn_id)
        return PlatformId(f"message-{len(self.opened)}")

    async def preview(self, message: IncomingMessage, turn_id: TurnId, opened: PlatformId | None, text: str) -> None:
        """Keep what was shown."""
        self.previews.append((opened, text))

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        """Keep it, or fail once with the first of `failures`."""
        self.tries.append(outgoing)
        if self.failures:
            raise self.failures.pop(0)
        self.delivered.append(outgoing)
        opened = parts.of(0)
        return (opened.platform_id if opened is not None else PlatformId(f"sent-{outgoing.id}"),)

    @property
    def texts(self) -> list[str]:
        """What people have read, in order."""
        return [outgoing.reply.text for outgoing in self.delivered]


@dataclass(slots=True)
class Doing:
    """A handler made of a function; matches every on-lane message."""

    act: Callable[[Turn, Preview], object]
    name: str = "chat"
    seen: list[Turn] = field(default_factory=list)

    def matches(self, turn: Turn) -> bool:
        """Texts, commands and choices."""
        return turn.message.kind in (Kind.TEXT, Kind.COMMAND, Kind.CHOICE)

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What the function gives: an outcome, a text, or an awaitable of either."""
        self.seen.append(turn)
        done = self.act(turn, preview)
        if asyncio.iscoroutine(done):
            done = await done
        return done if isinstance(done, Outcome) else Outcome(reply=Reply(text=str(done), rateable=True), remember=True)


class OffLane:
    """Stops, ratings, reactions and edits as the product means them, without its words."""

    name = "off-lane"

    def matches(self, turn: Turn) -> bool:
        """What is no turn."""
        return turn.message.kind not in ON_LANE

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """Stop what runs, put the rating into the ledger, or the new words into the turn."""
        if turn.message.kind is Kind.STOP:
            return Outcome(reply=None, stops=turn.running, is_refused=turn.running is None)
        if turn.message.kind is not Kind.RATING:
            if turn.target is None:
                return Outcome(reply=None, is_refused=True)
            if turn.message.kind is Kind.EDIT:
                return Outcome(reply=None, writes=(RelabelTurn(turn_id=turn.target.id, question=turn.message.text),))
            return Outcome(reply=None, writes=(SetRating(person_id=turn.person.id, turn_id=turn.target.id, value=1),))
        rating = turn.message.rating
        if rating is None or turn.target is None or turn.target.person_id != turn.person.id:
            return Outcome(reply=Reply(text="no"), is_refused=True)
        write = SetRating(person_id=turn.person.id, turn_id=rating.turn_id, value=rating.value, correction=rating.correction)
        return Outcome(reply=Reply(text="thanks"), writes=(write,))


@dataclass(frozen=True, slots=True)
class House:
    """Everything a test of the core talks to."""

    door: Door
    core: Core
    delivery: Delivery
    channel: RecordingChannel
    stores: Stores

    async def settled(self) -> None:
        """Return once every turn is answered and delivered."""
        await self.core.idle()
        await self.delivery.idle()

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        """What a plain look into the database's file shows."""
        return await asyncio.to_thread(look, self.stores.database.path, sql)


def look(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Rows of a query on a file, through a connection of its own."""
    import sqlite3

    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


@asynccontextmanager
async def house(
    path: Path,
    handlers: Sequence[Handler] | Callable[[Stores], Sequence[Handler]],
    *,
    channel: RecordingChannel | None = None,
    is_urgent: Callable[[str], bool] = lambda _: False,
    limits: DoorLimits | None = None,
    settings: CoreSettings | None = None,
    before_call: Callable[[str], None] | None = None,
) -> AsyncIterator[House]:
    """A running core over the folder at `path`; leaving ends it at once, as a crash would, with everything closed.

    `handlers` stand beside `OffLane`, or make the whole tuple from the stores.
    """
    clock, ids, platform = SystemClock(), TimeOrderedIds(), channel or RecordingChannel()
    folder = DataFolder.open(path)
    await _migrate(folder, clock)
    async with open_folder(folder, clock=clock, ids=ids, before_call=before_call) as stores:
        channels = {platform.name: platform}
        delivery = Delivery(outbox=stores.outbox, channels=channels, clock=clock, on_sent=lambda: None, store_retry_s=0.005)
        core = Core(
            inbox=stores.inbox,
            people=stores.people,
            turns=stores.turns,
            outbox=stores.outbox,
            router=Router(handlers(stores) if callable(handlers) else [OffLane(), *handlers]),
            delivery=delivery,
            channels=channels,
            clock=clock,
            settings=settings or CoreSettings(preview_interval_s=0.01, store_retry_s=(0.005,)),
            language=lambda _: "en",
            spoken=lambda _: None,
            limited={"chat"},
        )
        door = Door(
            inbox=stores.inbox,
            clock=clock,
            ids=ids,
            limits=limits or DoorLimits(per_person=100),
            digest=lambda content: content[:40],
            clean=lambda text: (text, False),
            language=lambda _: "en",
            is_urgent=is_urgent,
        )
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(work) for work in (delivery.run(), core.run(), door.run(core))]
            try:
                yield House(door, core, delivery, platform, stores)
            finally:
                for task in running:
                    task.cancel()


_MIGRATED: list[bytes] = []
"""An empty database of the present schema: hundreds of houses begin with a copy of one."""


async def _migrate(folder: DataFolder, clock: Clock) -> None:
    """Bring the folder's database to the present schema, as every start does."""
    if not _MIGRATED:
        with TemporaryDirectory() as fresh:
            model = DataFolder.open(Path(fresh))
            await migrate(model, clock)
            _MIGRATED.append(model.database.read_bytes())
    if not folder.database.exists():
        folder.database.write_bytes(_MIGRATED[0])
    await migrate(folder, clock)


def text(
    words: str, *, event_id: str = "", user: str = "ana", chat: str = "", kind: Kind = Kind.TEXT, target: str | None = None
) -> IncomingMessage:
    """Something that somebody said; the event's id is its words where no other is given."""
    return IncomingMessage(
        event_id=event_id or f"{user}:{words}",
        address=Address(channel=ChannelName.TELEGRAM, chat=chat or user, user=user),
        kind=kind,
        sent_at=datetime(2026, 11, 20, tzinfo=UTC),
        text=words,
        target=None if target is None else TurnId(target),
    )


def rating(turn_id: TurnId, value: int, *, event_id: str, user: str = "ana") -> IncomingMessage:
    """A press of 👍 or 👎."""
    message = text("", event_id=event_id, user=user, kind=Kind.RATING)
    given = GivenRating(turn_id=turn_id, value=1 if value > 0 else -1 if value < 0 else 0)
    return IncomingMessage(
        event_id=message.event_id, address=message.address, kind=message.kind, sent_at=message.sent_at, rating=given
    )
