"""The door: a message is on disk before anything else happens to it, and the platform hears "received" only then."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from cachetools import TTLCache

from bot.channel_ports import Entrance, Entry
from bot.commands import parse_command
from bot.errors import IntakeError, MartinError
from bot.locale import say
from bot.ports import Arrival, Clock, Ids, InboxStore, StoredArrival
from bot.types import (
    ON_LANE,
    ChannelName,
    InboxState,
    IncomingMessage,
    Kind,
    Language,
    OutboxId,
    Outgoing,
    OutgoingKind,
    Receipt,
    ReceiptStatus,
    Reply,
    TurnId,
)

NOTICE_EVERY_S = 60.0
OPENS_IN_S = 5.0
"""How long a message waits for a bot that is starting before its platform is asked to send it again."""

User = tuple[ChannelName, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorLimits:
    """How many messages may wait, of one person and of all (R-39)."""

    per_person: int = 5
    of_all: int = 1000


class Lanes(Protocol):
    """What the door needs of the core."""

    async def recovered(self) -> None:
        """Return once all that an earlier process left unfinished is back in its lanes."""

    def waiting(self, user: User) -> int:
        """How many turns of this user wait or run."""

    def waiting_all(self) -> int:
        """How many turns wait or run in all."""

    def holds(self, id: TurnId) -> bool:
        """Whether this stored message waits, runs or is being absorbed in this process."""

    def enqueue(self, id: TurnId, message: IncomingMessage) -> None:
        """Put a stored message into its address's lane."""

    def absorb(self, id: TurnId, message: IncomingMessage) -> Awaitable[Receipt]:
        """Do what a stored off-lane message asks."""

    def tell(self, notice: Outgoing) -> None:
        """Deliver a notice whose row is stored."""


@dataclass(slots=True)
class _Waiting:
    messages: Sequence[IncomingMessage]
    receipts: asyncio.Future[Sequence[Receipt]]


class Door:
    """Takes messages in from every channel and commits all that wait together in one transaction.

    A caller that goes away takes nothing back: what was handed over is stored and answered. `clean` normalises a text and says
    whether it was too long; such a message is refused in words, never cut in silence.
    """

    def __init__(
        self,
        *,
        inbox: InboxStore,
        clock: Clock,
        ids: Ids,
        limits: DoorLimits,
        digest: Callable[[str], str],
        clean: Callable[[str], tuple[str, bool]],
        language: Callable[[IncomingMessage], Language],
        is_urgent: Callable[[str], bool] = lambda _: False,
        access: Entrance | None = None,
        uncalled: Callable[[str], str] = lambda text: text,
    ) -> None:
        """`is_urgent` tells a text to hear however much of its person's waits (R-67). Without `access`, anybody may come in.

        `uncalled` takes away what calls the bot at the beginning of a group message (a prefix).
        """
        self._inbox, self._clock, self._ids, self._limits = inbox, clock, ids, limits
        self._digest, self._clean, self._language, self._is_urgent = digest, clean, language, is_urgent
        self._access, self._uncalled = access, uncalled
        self._queue: list[_Waiting] = []
        self._wake = asyncio.Event()
        self._noticed: TTLCache[User, bool] = TTLCache(10_000, NOTICE_EVERY_S, timer=clock.monotonic)
        self._open = asyncio.Event()
        self.is_closed = False

    async def receive(self, messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
        """The `Receive` port: receipts in the order of `messages`, which are committed when it returns.

        Raises StoreError when they could not be stored and IntakeError when the bot is stopping or one cannot be stored at all;
        in both cases nothing of them was taken.
        """
        if not self._open.is_set() and not self.is_closed:
            await self._opened()
        if self.is_closed:
            raise _stopping()
        waiting = _Waiting(messages, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._wake.set()
        return await waiting.receipts

    async def run(self, lanes: Lanes) -> None:
        """Take messages in and hand them to `lanes` until cancelled; not before older ones are back in their lanes.

        Whoever waits for a receipt at the end gets an IntakeError: what was stored by then is recognised when it is sent again.
        """
        await lanes.recovered()
        self._open.set()
        batch: list[_Waiting] = []
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self._wake.wait()
                    self._wake.clear()
                    batch, self._queue = self._queue, []
                    await self._take(batch, lanes, tasks)
        finally:
            self.is_closed = True
            for waiting in (*batch, *self._queue):
                _fail(waiting, _stopping())

    async def _opened(self) -> None:
        try:
            async with asyncio.timeout(OPENS_IN_S):
                await self._open.wait()
        except TimeoutError:
            raise IntakeError("the bot is still starting; send it again") from None

    async def _take(self, batch: list[_Waiting], lanes: Lanes, tasks: asyncio.TaskGroup) -> None:
        admitted: Counter[User] = Counter()
        taken: list[tuple[_Waiting, list[Arrival]]] = []
        for waiting in batch:
            try:
                taken.append((waiting, await self._arrivals(waiting.messages, lanes, admitted)))
            except MartinError as error:
                _fail(waiting, error)
        try:
            stored = iter(await self._inbox.accept([arrival for _, arrivals in taken for arrival in arrivals]))
        except MartinError as error:
            for waiting, _ in taken:
                _fail(waiting, error)
            return
        for waiting, arrivals in taken:
            receipts = [_hand_on(arrival, next(stored), lanes) for arrival in arrivals]
            if all(isinstance(receipt, Receipt) for receipt in receipts):
                _answer(waiting, [receipt for receipt in receipts if isinstance(receipt, Receipt)])
            else:
                tasks.create_task(_answer_later(waiting, receipts))

    async def _arrivals(self, messages: Sequence[IncomingMessage], lanes: Lanes, admitted: Counter[User]) -> list[Arrival]:
        """What is to be stored of messages. Of group messages that are for nobody here, it is not asked whose they are."""
        if self._access is None:
            return [self._admit(message, lanes, admitted) for message in messages]
        entries = [
            await self._access.enter(message) if message.is_addressed or message.kind not in ON_LANE else Entry(message=message)
            for message in messages
        ]
        return [
            self._admit(entry.message or message, lanes, admitted, entry.notice if entry.message is None else None)
            for message, entry in zip(messages, entries, strict=True)
        ]

    def _admit(self, message: IncomingMessage, lanes: Lanes, admitted: Counter[User], refusal: str | None = None) -> Arrival:
        """What is to be stored of a message: normalised, recognised, and refused when too much waits, or with a `refusal`."""
        if not all(name.isprintable() for name in _names(message)):
            raise IntakeError("an event's ids, address and locale must be printable text")
        message, is_too_long = self._recognise(message)
        turn_id = TurnId(self._ids.new())
        state, notice = InboxState.RECEIVED, None
        user = (message.address.channel, message.address.user)
        if not message.is_addressed and message.kind in ON_LANE:
            state, message = InboxState.ABSORBED, _without_words(message)
        elif refusal is not None:
            state, notice = InboxState.REFUSED, refusal_notice(turn_id, message, refusal) if refusal else None
            message = _without_words(message)
        elif is_too_long:
            state, notice = InboxState.REFUSED, self._too_long(turn_id, message)
        elif message.kind in ON_LANE:
            admitted[user] += 1
            of_person = lanes.waiting(user) + admitted[user]
            is_full = lanes.waiting_all() + admitted.total() > self._limits.of_all
            if is_full or (of_person > self._limits.per_person and not self._is_urgent(message.text)):
                admitted[user] -= 1
                state, notice = InboxState.REFUSED, self._too_fast(turn_id, message, user)
        return Arrival(
            id=turn_id,
            message=message,
            digest=self._digest(_content(message)),
            state=state,
            received_at=self._clock.now(),
            notice=notice,
        )

    def _recognise(self, message: IncomingMessage) -> tuple[IncomingMessage, bool]:
        """The message with normalised texts and, for a typed command, its kind; and whether a text was too long."""
        (text, is_long), kind, rating = self._clean(message.text), message.kind, message.rating
        if not message.is_private:
            text = self._uncalled(text)
        if kind is Kind.TEXT and (parsed := parse_command(text)) is not None:
            kind = Kind.STOP if parsed[0] == "stop" else Kind.COMMAND
        if rating is not None and rating.correction is not None:
            correction, is_long = self._clean(rating.correction)
            rating = replace(rating, correction=correction)
        name = self._clean(message.sender_name)[0] if message.sender_name else ""
        if text == message.text and kind is message.kind and name == message.sender_name and rating == message.rating:
            return message, is_long
        return replace(message, text=text, kind=kind, sender_name=name, rating=rating), is_long

    def _too_long(self, turn_id: TurnId, message: IncomingMessage) -> Outgoing:
        return refusal_notice(
            turn_id,
            message,
            say(self._language(message), "That is longer than I can take in at once. Please send it in smaller pieces."),
        )

    def _too_fast(self, turn_id: TurnId, message: IncomingMessage, user: User) -> Outgoing | None:
        """The one polite notice a minute; later refusals of that minute have None."""
        if user in self._noticed:
            return None
        self._noticed[user] = True
        language = self._language(message)
        return refusal_notice(
            turn_id,
            message,
            say(language, "You are writing faster than I can answer. Let me finish what waits, then send this one again."),
        )


def refusal_notice(turn_id: TurnId, message: IncomingMessage, text: str) -> Outgoing:
    """What is said of a refused message; its outbox row has the inbox row's id."""
    return Outgoing(
        id=OutboxId(turn_id),
        kind=OutgoingKind.NOTICE,
        address=message.address,
        reply=Reply(text=text),
        nonce=turn_id,
        event_id=message.event_id,
        handle=message.handle,
    )


def _without_words(message: IncomingMessage) -> IncomingMessage:
    """What is left of a message that is not for the bot, or whose sender is not let in."""
    return replace(message, text="", rating=None, attachments=(), sender_name="")


def _names(message: IncomingMessage) -> Iterator[str]:
    """What platforms call things: stored as it is, so it must be storable."""
    address = message.address
    yield from (message.event_id, address.chat, address.user, address.thread, message.locale, message.target or "")
    if message.choice is not None:
        yield from (message.choice.turn_id, message.choice.key)
    if message.rating is not None:
        yield message.rating.turn_id


def _content(message: IncomingMessage) -> str:
    """What makes two messages with one event id the same message."""
    return f"{message.kind}\n{message.text}\n{message.choice}\n{message.rating}\n{message.target}"


def _hand_on(arrival: Arrival, stored: StoredArrival, lanes: Lanes) -> Receipt | Awaitable[Receipt]:
    """Put a stored message where it belongs, and say what became of it."""
    event_id = arrival.message.event_id

    def receipt(status: ReceiptStatus, reply: Reply | None = None, *, same: bool = True, refused: bool = False) -> Receipt:
        return Receipt(
            event_id=event_id,
            turn_id=stored.id,
            status=status,
            state=stored.state,
            same_content=same,
            reply=reply,
            is_refused=refused,
        )

    is_same = stored.digest in ("", arrival.digest)
    if not stored.is_new and stored.state is InboxState.RECEIVED and is_same and not lanes.holds(stored.id):
        pass  # it was stored, and then the database failed before it could be handed on
    elif not stored.is_new:
        return receipt(ReceiptStatus.DUPLICATE, same=is_same)
    if arrival.state is InboxState.REFUSED:
        if arrival.notice is not None:
            lanes.tell(arrival.notice)
        return receipt(ReceiptStatus.REFUSED, arrival.notice.reply if arrival.notice else None, refused=True)
    if arrival.state is InboxState.ABSORBED:
        return receipt(ReceiptStatus.ABSORBED)
    if arrival.message.kind in ON_LANE:
        lanes.enqueue(stored.id, arrival.message)
        return receipt(ReceiptStatus.ACCEPTED)
    return lanes.absorb(stored.id, arrival.message)


async def _answer_later(waiting: _Waiting, receipts: Sequence[Receipt | Awaitable[Receipt]]) -> None:
    """Answer a caller once its off-lane messages have done their work."""
    try:
        done = [receipt if isinstance(receipt, Receipt) else await receipt for receipt in receipts]
    except MartinError as error:
        _fail(waiting, error)
    else:
        _answer(waiting, done)
    finally:
        _fail(waiting, _stopping())  # cancelled: nobody else would tell the caller


def _stopping() -> IntakeError:
    return IntakeError("the bot is stopping; send it again")


def _answer(waiting: _Waiting, receipts: Sequence[Receipt]) -> None:
    if not waiting.receipts.done():
        waiting.receipts.set_result(receipts)


def _fail(waiting: _Waiting, error: MartinError) -> None:
    if not waiting.receipts.done():
        waiting.receipts.set_exception(error)
