"""A small bot behind real session channels: turns in memory, answers by rule, so that the web can be tested alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from fastapi import FastAPI

from bot.amounts import progress
from bot.channels.web import SessionChannel
from bot.errors import StoreError, StoreFull
from bot.model_types import PullProgress
from bot.ports import Receive
from bot.system import SystemClock, TimeOrderedIds
from bot.types import (
    ON_LANE,
    Address,
    AddressId,
    AdminNotice,
    ChannelName,
    Choice,
    Flag,
    Generation,
    InboxState,
    IncomingMessage,
    Kind,
    Language,
    OutboxId,
    Outgoing,
    OutgoingKind,
    PastTurn,
    PersonId,
    Rating,
    Receipt,
    ReceiptStatus,
    Reply,
    Source,
    TurnId,
    TurnStatus,
)
from tests.fakes import FakeParts
from web.app import build
from web.server import WebServer
from web.settings import WebSettings

ERASE = (Choice(key="forgetme:yes", label="Yes, erase everything"), Choice(key="forgetme:no", label="No, keep it"))
LANGUAGES = (Choice(key="language:es", label="Español"), Choice(key="language:en", label="English"))
CHOICES = (Choice(key="a", label="By example"), Choice(key="b", label="From the idea"), Choice(key="c", label="Neither", row=1))


@dataclass
class Row:
    """One message the house has taken in."""

    id: TurnId
    message: IncomingMessage
    state: InboxState = InboxState.RECEIVED
    past: PastTurn | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    language: Language = "en"


class House:
    """Takes messages like the core does and answers them by their first word.

    `slow` writes word by word, `hold` waits for `release`, `quiet` says nothing, `refuse` is refused later by a notice,
    `choose` asks, `full` finds no space, `flood` is refused without a word, `mute` writes nothing until it is stopped,
    `pull` shows how far a download is until `release`, `show TEXT` answers TEXT, anything else is echoed. Answers are made as
    `generation` says and rest on `sources`, which only the history tells; `notices` are for admins.
    """

    def __init__(self) -> None:
        self.clock, self.ids = SystemClock(), TimeOrderedIds()
        self.web = SessionChannel(ChannelName.WEB, clock=self.clock, ids=self.ids)
        self.console = SessionChannel(ChannelName.CONSOLE, clock=self.clock, ids=self.ids)
        self.rows: dict[str, Row] = {}
        self.release = asyncio.Event()
        self.checks: dict[str, str] = {"store": "ok"}
        self.is_stuck = False
        self.is_full = False
        self.word_s = 0.02
        self.model = "scripted"
        self.generation: Generation | None = None
        self.flags: frozenset[Flag] = frozenset()
        self.sources: tuple[Source, ...] = ()
        self.notices: tuple[AdminNotice, ...] = ()
        self._tasks: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[House]:
        """The house with its channels running."""
        async with asyncio.TaskGroup() as self._tasks:
            running = [self._tasks.create_task(channel.run(self.receive)) for channel in (self.web, self.console)]
            await asyncio.sleep(0)
            try:
                yield self
            finally:
                self.release.set()
                for row in self.rows.values():
                    row.stop.set()
                for task in running:
                    task.cancel()

    # --- Receive ---

    async def receive(self, messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
        """Keep the messages and begin to answer them."""
        return [self._take(message) for message in messages]

    def _take(self, message: IncomingMessage) -> Receipt:
        if self.is_full or message.text.startswith("full"):
            raise StoreFull("no space left")
        known = self.rows.get(message.event_id)
        if known is not None:
            is_same = (known.message.text, known.message.choice) == (message.text, message.choice)
            return self._receipt(known, ReceiptStatus.DUPLICATE, same_content=is_same)
        row = Row(TurnId(self.ids.new()), message, language="es" if message.locale.startswith("es") else "en")
        self.rows[message.event_id] = row
        if message.text.startswith("flood"):
            row.state = InboxState.REFUSED
            return replace(self._receipt(row, ReceiptStatus.REFUSED), is_refused=True)
        if message.kind not in ON_LANE:
            return self._absorb(row)
        assert self._tasks is not None
        self._tasks.create_task(self._answer(row))
        return self._receipt(row, ReceiptStatus.ACCEPTED)

    def _absorb(self, row: Row) -> Receipt:
        row.state = InboxState.ABSORBED
        target = self.turn(row.message.target) if row.message.target else None
        is_theirs = target is not None and target.message.address == row.message.address
        reply = None
        if row.message.kind is Kind.STOP and target is not None and is_theirs:
            target.stop.set()
            is_theirs = target.past is None  # as the core has it: what is answered cannot be stopped
        if (given := row.message.rating) is not None and target is not None and is_theirs and target.past is not None:
            before = target.past.rating
            keeps = before is not None and before.value == given.value
            rating = Rating(
                turn_id=target.id,
                value=given.value,
                reason=given.reason or (before.reason if keeps and before else None),
                correction=given.correction or (before.correction if keeps and before else None),
                rated_at=self.clock.now(),
            )
            target.past = replace(target.past, rating=rating)
            reply = Reply(text="Noted.")
        return replace(self._receipt(row, ReceiptStatus.ABSORBED), reply=reply, is_refused=not is_theirs)

    def _receipt(self, row: Row, status: ReceiptStatus, *, same_content: bool = True) -> Receipt:
        return Receipt(event_id=row.message.event_id, turn_id=row.id, status=status, state=row.state, same_content=same_content)

    async def _answer(self, row: Row) -> None:
        message = row.message
        word, _, rest = message.text.partition(" ")
        channel = self.web if message.address.channel is ChannelName.WEB else self.console
        reply, flags, handler = Reply(text=f"You said: {message.text}", rateable=True), set(self.flags), "chat"
        match word:
            case "hold":
                await self.release.wait()
            case "slow":
                words = rest.split()
                for count in range(1, len(words) + 1):
                    if row.stop.is_set():
                        words, flags = words[: count - 1], {Flag.STOPPED, Flag.PARTIAL}
                        break
                    await channel.preview(message, row.id, None, " ".join(words[:count]))
                    with suppress(TimeoutError):
                        await asyncio.wait_for(row.stop.wait(), self.word_s)
                reply = Reply(text=" ".join(words), rateable=True)
            case "mute":
                await row.stop.wait()
                reply = Reply(text="Stopped, before I had written anything.")
                flags = {Flag.STOPPED, Flag.PARTIAL}
            case "pull":
                pulled = PullProgress(step="pulling", done=1_100_000_000, total=2_600_000_000)
                await channel.preview(message, row.id, None, f"`{rest}`\n\n{progress(pulled, row.language)}")
                await self.release.wait()
            case "refuse":
                await self._refuse(row, channel)
                return
            case "choose":
                reply = Reply(text="How do you like things explained?", choices=CHOICES)
            case "show":
                reply = Reply(text=rest, rateable=True)
            case "/new":
                reply, handler = Reply(text="A new conversation begins."), "new"
            case "/forgetme":
                reply = Reply(text="Shall I erase it?", choices=ERASE)
            case "/language" if not rest:
                reply = Reply(text="Which language shall we speak?", choices=LANGUAGES)
            case "/language":
                reply, handler = Reply(text=f"Language: {rest}"), "language"
        await self._finish(row, channel, reply, flags, handler)

    async def _finish(self, row: Row, channel: SessionChannel, reply: Reply, flags: set[Flag], handler: str) -> None:
        message = row.message
        question = message.text
        if message.choice is not None and (asked := self.turn(message.choice.turn_id)) and asked.past:
            asked.past = replace(asked.past, chosen=message.choice.key)
            reply = Reply(text=f"You chose {message.choice.key}.")
        if message.text == "/again" and (target := self.turn(message.target or "")):
            question, reply = target.message.text, Reply(text=f"Once more: {target.message.text}", rateable=True)
        is_quiet = message.text == "quiet"
        row.past = PastTurn(
            id=row.id,
            person_id=PersonId(message.address.user),
            address_id=AddressId(message.address.user),
            kind=message.kind,
            handler=handler,
            status=TurnStatus.ANSWERED,
            language=row.language,
            question=question,
            reply=Reply(text="") if is_quiet else reply,
            model=self.model,
            flags=frozenset(flags),
            created_at=message.sent_at,
            generation=self.generation,
            sources=self.sources,
        )
        row.state = InboxState.SENT
        if not is_quiet:
            outgoing = self._outgoing(row, OutgoingKind.REPLY, reply)
            outgoing = replace(outgoing, model=self.model, generation=self.generation, flags=frozenset(flags))
            await channel.deliver(outgoing, FakeParts())

    async def _refuse(self, row: Row, channel: SessionChannel) -> None:
        row.state = InboxState.REFUSED
        await channel.deliver(self._outgoing(row, OutgoingKind.NOTICE, Reply(text="Too many messages at once.")), FakeParts())

    def _outgoing(self, row: Row, kind: OutgoingKind, reply: Reply) -> Outgoing:
        return Outgoing(
            id=OutboxId(row.id),
            kind=kind,
            address=row.message.address,
            reply=reply,
            nonce=row.id,
            turn_id=None if kind is OutgoingKind.NOTICE else row.id,
            event_id=row.message.event_id,
            status=TurnStatus.ANSWERED,
        )

    def turn(self, id: str) -> Row | None:
        """The row of a turn."""
        return next((row for row in self.rows.values() if row.id == id), None)

    # --- Histories ---

    async def of(self, address: Address, *, before: TurnId | None, limit: int) -> Sequence[PastTurn]:
        """The address's stored turns."""
        if self.is_full:
            raise StoreError("no reading either")
        mine = [row.past for row in self.rows.values() if row.past and row.message.address == address]
        return [past for past in mine if before is None or past.id < before][-limit:]

    async def past(self, turn_id: TurnId) -> PastTurn | None:
        """A stored turn."""
        row = self.turn(turn_id)
        return row.past if row else None

    # --- NoticeStore ---

    async def recent(self, since: date, limit: int) -> Sequence[AdminNotice]:
        """The notices, newest first."""
        if self.is_full:
            raise StoreError("no reading either")
        return [notice for notice in self.notices if notice.day >= since][:limit]

    # --- Health ---

    def is_live(self) -> bool:
        """Whether the house works."""
        return not self.is_stuck

    async def ready(self) -> Mapping[str, str]:
        """Its dependencies."""
        return self.checks


def settings(**changes: object) -> WebSettings:
    """The web's settings in tests, changed where a test needs it."""
    plain = WebSettings(
        secret=b"k" * 32,
        owner_token="owner-token-of-the-test",
        notice=lambda language: (
            "Soy una IA automática." if language == "es" else "I am an automated AI. Text stays on this machine."
        ),
        heartbeat_s=0.2,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # the names are checked where they are used


def application(house: House, configured: WebSettings) -> FastAPI:
    """The web application over a house."""
    return build(
        configured,
        web=house.web,
        console=house.console,
        histories=house,
        health=house,
        notices=house,
        clock=house.clock,
    )


@asynccontextmanager
async def served(
    house: House, configured: WebSettings | None = None, *, tls: tuple[Path, Path] | None = None
) -> AsyncIterator[WebServer]:
    """A real server on a free port of this machine, over a house whose channels run; over https with `tls`."""
    configured = configured or settings()
    server = WebServer(
        application(house, configured), host="127.0.0.1", port=0, chats=(house.web, house.console), grace_s=2, tls=tls
    )
    async with house.open(), asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve())
        try:
            yield server
        finally:
            server.stop()


_: Receive = House().receive
