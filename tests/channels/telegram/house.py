"""The Telegram channel on the local Telegram: a desk that takes messages in, and what the channel asks of the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime

from pydantic import SecretStr

from bot.channel_settings import TelegramSettings
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.polling import Waits
from bot.errors import IntakeError, MartinError
from bot.pacing import Pace, Rate
from bot.ports import Channel, Clock
from bot.system import SystemClock
from bot.types import (
    ON_LANE,
    Address,
    AddressId,
    ChannelName,
    Choice,
    InboxState,
    IncomingMessage,
    Kind,
    Language,
    OutboxId,
    Outgoing,
    OutgoingKind,
    PastTurn,
    PersonId,
    PlatformId,
    Receipt,
    ReceiptStatus,
    Reply,
    ReplyFile,
    TurnId,
    TurnStatus,
)
from tests.fakes import NOON
from tests.servers.telegram.server import TOKEN, TelegramServer

SECRET = b"a secret of the data folder's own"
QUICK = Waits(poll_s=1, first_s=0.005, longest_s=0.02, conflict_s=0.02, webhook_s=0.02)
ADMIN = 4242


def turn_id(number: int = 1) -> TurnId:
    """An id as turns have them: 26 letters and digits."""
    return TurnId(f"{number:026d}")


class FakeMarks:
    """A MarkStore in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.writes = 0

    async def marks(self, channel: ChannelName) -> Mapping[str, str]:
        """All of them."""
        return dict(self.kept)

    async def set_mark(self, channel: ChannelName, key: str, value: str, at: datetime) -> None:
        """Keep one."""
        self.kept[key], self.writes = value, self.writes + 1


class FakeMoves:
    """A `ChatMoves` that counts; `failures` are raised first."""

    def __init__(self) -> None:
        self.moved: list[tuple[str, str]] = []
        self.failures: list[MartinError] = []

    async def move(self, channel: ChannelName, old: str, new: str) -> None:
        """Keep one."""
        if self.failures:
            raise self.failures.pop()
        self.moved.append((old, new))


class FakeManners:
    """Answers in groups when it is named, or always."""

    def __init__(self) -> None:
        self.is_always = False
        self.asked: list[tuple[str, bool]] = []

    async def is_addressed(self, message: IncomingMessage, *, is_named: bool) -> bool:
        """Whether to answer."""
        self.asked.append((message.text, is_named))
        return is_named or self.is_always


class FakeTurns:
    """What the channel needs of stored turns."""

    def __init__(self) -> None:
        self.stored: dict[TurnId, PastTurn] = {}
        self.delivered: dict[tuple[str, PlatformId], TurnId] = {}
        self.error: MartinError | None = None

    async def past(self, id: TurnId) -> PastTurn | None:
        """A stored turn."""
        if self.error is not None:
            raise self.error
        return self.stored.get(id)

    async def delivered_as(self, address: Address, platform_id: PlatformId) -> TurnId | None:
        """The turn behind a message of ours."""
        return self.delivered.get((address.chat, platform_id))

    def keep(
        self,
        id: TurnId,
        *,
        language: Language = "en",
        question: str = "why?",
        choices: tuple[Choice, ...] = (),
        chosen: str | None = None,
    ) -> None:
        """Store a turn."""
        self.stored[id] = PastTurn(
            id=id,
            person_id=PersonId("p"),
            address_id=AddressId("a"),
            kind=Kind.TEXT,
            handler="chat",
            status=TurnStatus.ANSWERED,
            language=language,
            question=question,
            reply=Reply(text="", choices=choices),
            model="",
            flags=frozenset(),
            created_at=NOON,
            chosen=chosen,
        )


class Desk:
    """Takes messages in as the door does: once per event, ids that count up.

    `failures` are raised for the next batches; messages of the `broken` kinds are kept, and what they ask is not done.
    """

    def __init__(self) -> None:
        self.taken: list[IncomingMessage] = []
        self.batches: list[Sequence[IncomingMessage]] = []
        self.failures: list[MartinError] = []
        self.replies: dict[Kind, Reply] = {}
        self.is_refusing = False
        self.broken: set[Kind] = set()
        self._ids: dict[str, TurnId] = {}
        self._came = asyncio.Event()

    async def receive(self, messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
        """One receipt each."""
        if self.failures:
            raise self.failures.pop()
        self.batches.append(messages)
        receipts = [self._receipt(message) for message in messages]
        self._came.set()
        if any(message.kind in self.broken for message in messages):
            raise IntakeError("kept, and not done")
        return receipts

    def _receipt(self, message: IncomingMessage) -> Receipt:
        is_new = message.event_id not in self._ids
        id = self._ids.setdefault(message.event_id, turn_id(len(self._ids) + 1))
        status, state = ReceiptStatus.DUPLICATE, InboxState.RECEIVED
        if is_new:
            self.taken.append(message)
            is_lane = message.kind in ON_LANE and message.is_addressed
            status = ReceiptStatus.ACCEPTED if is_lane else ReceiptStatus.ABSORBED
            state = InboxState.RECEIVED if is_lane else InboxState.ABSORBED
        reply = self.replies.get(message.kind) if is_new else None
        return Receipt(
            event_id=message.event_id, turn_id=id, status=status, state=state, reply=reply, is_refused=self.is_refusing
        )

    async def turn_of(self, channel: ChannelName, event_id: str) -> TurnId | None:
        """What is stored for an event."""
        return self._ids.get(event_id)

    async def has(self, count: int, *, within: float = 10) -> list[IncomingMessage]:
        """All messages, once there are so many."""
        async with asyncio.timeout(within):
            while len(self.taken) < count:
                self._came.clear()
                await self._came.wait()
        return self.taken


class House:
    """One channel with all that it needs."""

    def __init__(self, server: TelegramServer | None = None, *, clock: Clock | None = None, **settings: object) -> None:
        base = server.address if server is not None else "http://127.0.0.1:1"
        given = {"token": SecretStr(TOKEN), "api_base": base, **settings}
        self.settings = TelegramSettings.model_validate(given)
        self.clock = clock or SystemClock()
        self.marks, self.manners, self.turns, self.desk = FakeMarks(), FakeManners(), FakeTurns(), Desk()
        self.moves, self.gaps = FakeMoves(), list[float]()
        self.channel = self.made()

    def made(self, pace: Pace | None = None) -> TelegramChannel:
        """The channel of another process on the same store."""
        channel = TelegramChannel(
            self.settings,
            secret=SECRET,
            marks=self.marks,
            manners=self.manners,
            turns=self.turns,
            inbox=self.desk,
            admins=(ADMIN,),
            clock=self.clock,
            language=spoken,
            pace=pace or fast(self.clock),
            waits=QUICK,
            moves=self.moves,
            on_gap=self._on_gap,
        )
        is_a_channel: Channel = channel
        assert is_a_channel is channel
        return channel

    async def _on_gap(self, hours: float) -> None:
        self.gaps.append(hours)

    @asynccontextmanager
    async def running(self, channel: TelegramChannel | None = None) -> AsyncIterator[TelegramChannel]:
        """The channel while it takes messages in."""
        channel = channel or self.channel
        task = asyncio.create_task(channel.run(self.desk.receive))
        try:
            yield channel
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def fast(clock: Clock) -> Pace:
    """No limits to speak of."""
    return Pace(clock, overall=Rate(per_s=2000, burst=200), per_chat=Rate(per_s=1000, burst=100), preview_share=0.9)


def spoken(message: IncomingMessage) -> Language:
    """The app's language."""
    return "es" if message.locale.startswith("es") else "en"


def outgoing(
    chat: int,
    text: str = "An answer.",
    *,
    number: int = 1,
    thread: int | None = None,
    handle: str = "",
    rateable: bool = False,
    choices: tuple[Choice, ...] = (),
    files: tuple[ReplyFile, ...] = (),
    has_turn: bool = True,
) -> Outgoing:
    """A reply on its way to somebody's private chat, or to a group."""
    address = Address(channel=ChannelName.TELEGRAM, chat=str(chat), user="1001", thread=str(thread) if thread else "")
    id = turn_id(number)
    row = Outgoing(
        id=OutboxId(id),
        kind=OutgoingKind.REPLY if has_turn else OutgoingKind.NOTICE,
        address=address,
        reply=Reply(text=text, rateable=rateable, choices=choices, files=files),
        nonce=id,
        handle=handle,
    )
    return replace(row, turn_id=id) if has_turn else row
