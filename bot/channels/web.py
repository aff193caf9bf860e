"""Sessions and queues: the channel behind the web page and the console. It knows no web framework; `web/` maps HTTP to it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TypeVar

from bot.commands import parse_command
from bot.errors import IntakeError
from bot.ports import Clock, Ids, Parts, Receive
from bot.types import (
    Address,
    ChannelName,
    Chosen,
    GivenRating,
    InboxState,
    IncomingMessage,
    Kind,
    Outgoing,
    OutgoingKind,
    PlatformId,
    Receipt,
    ReceiptStatus,
    TurnId,
)
from bot.web_ports import Posted, Said, SessionEvent, Visitor, Written

QUEUE_LIMIT = 256
"""Events that one stream may lag behind; then it is ended, and the page catches up from the history."""
LISTENERS_LIMIT = 16
"""Open `listen` streams per session; the oldest ends when one more comes (a browser holds at most six per host)."""
RUNNING_LIMIT = 10_000
"""Turns whose beginning is kept for pages that open while they run."""

_Value = TypeVar("_Value")


class SessionStream:
    """One open stream: of a running text only the newest version waits, everything else waits in order."""

    def __init__(self, ended: Callable[[SessionStream], None], *, event_id: str | None = None) -> None:
        """A stream of the whole session, or with an `event_id` of that one message's turn."""
        self.event_id = event_id
        self.turn_id: TurnId | None = None
        self._ended = ended
        self._events: deque[SessionEvent] = deque()
        self._written: dict[TurnId, Written] = {}
        self._ready = asyncio.Event()
        self._is_closed = False

    def wants(self, event: SessionEvent) -> bool:
        """Whether this stream carries such an event. Until it knows its turn, it keeps whatever may turn out to be its own."""
        if self.event_id is None:
            return not isinstance(event, Written)
        if isinstance(event, Outgoing) and event.event_id:
            return event.event_id == self.event_id
        if isinstance(event, (Outgoing, Written)):
            return self.turn_id is None or event.turn_id == self.turn_id
        return False

    def follow(self, turn_id: TurnId) -> None:
        """From now on only this turn."""
        self.turn_id = turn_id
        self._events = deque(event for event in self._events if self.wants(event))
        self._written = {turn_id: self._written[turn_id]} if turn_id in self._written else {}

    def put(self, event: SessionEvent) -> None:
        """Queue an event; a stream that is too far behind ends instead."""
        if isinstance(event, Written):
            self._written[event.turn_id] = event
        elif len(self._events) >= QUEUE_LIMIT:
            self.close()
        else:
            if isinstance(event, Outgoing) and event.turn_id is not None:
                self._written.pop(event.turn_id, None)
            self._events.append(event)
        self._ready.set()

    def has_reply(self) -> bool:
        """Whether the answer is waiting here already."""
        return any(isinstance(event, Outgoing) for event in self._events)

    def close(self) -> None:
        """End the stream after what is queued already."""
        if not self._is_closed:
            self._is_closed = True
            self._ended(self)
            self._ready.set()

    def __aiter__(self) -> SessionStream:
        """Itself."""
        return self

    async def __anext__(self) -> SessionEvent:
        """The next event. May be cancelled without loss."""
        while True:
            if self._events:
                return self._events.popleft()
            if self._written:
                return self._written.pop(next(iter(self._written)))
            if self._is_closed:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()


class SessionChannel:
    """A channel whose people come through sessions: `web` by hashed session, `console` as the one owner."""

    answers_requests = True

    def __init__(self, name: ChannelName, *, clock: Clock, ids: Ids) -> None:
        self._name = name
        self._clock = clock
        self._ids = ids
        self._receive: Receive | None = None
        self._is_draining = False
        self._streams: dict[Address, list[SessionStream]] = {}
        self._running: OrderedDict[TurnId, tuple[Address, Said]] = OrderedDict()
        self._written: OrderedDict[TurnId, Written] = OrderedDict()

    @property
    def name(self) -> ChannelName:
        """Web or console."""
        return self._name

    # --- towards the core ---

    async def run(self, receive: Receive) -> None:
        """Take messages in until cancelled; then end every stream."""
        self._receive = receive
        try:
            await asyncio.Event().wait()
        finally:
            self._receive = None
            self.close()
            self._is_draining = False

    async def open(self, message: IncomingMessage, turn_id: TurnId) -> PlatformId | None:
        """None: a stream needs no message to fill."""
        return None

    async def preview(self, message: IncomingMessage, turn_id: TurnId, opened: PlatformId | None, text: str) -> None:
        """Give the text to whoever waits for this turn, and keep it for who comes back to it."""
        written = Written(turn_id=turn_id, text=text)
        _remember(self._written, turn_id, written)
        self._publish(message.address, written)

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        """Bring the reply to the open streams. With none open nothing is lost: the page reads it from the history."""
        self._settle(outgoing.turn_id or TurnId(outgoing.id))  # a notice has no turn, and the id of its message
        self._publish(outgoing.address, outgoing)
        is_notice = outgoing.kind is OutgoingKind.NOTICE
        return () if outgoing.turn_id is None or is_notice else (PlatformId(outgoing.turn_id),)

    def resume(self, turn_id: TurnId, message: IncomingMessage) -> None:
        """What an earlier process left unanswered is under way again: whoever opens the page meanwhile sees the question."""
        event_id = message.event_id.partition(":")[2]
        said = Said(event_id=event_id, turn_id=turn_id, kind=message.kind, text=message.text, choice=message.choice)
        _remember(self._running, turn_id, (message.address, said))
        self._publish(message.address, said)

    # --- towards HTTP (bot.ports.WebChat) ---

    def address(self, visitor: Visitor) -> Address:
        """One private address per session."""
        return Address(channel=self._name, chat=visitor.session, user=visitor.session)

    async def say(self, visitor: Visitor, text: str, *, event_id: str = "") -> Posted:
        """Take in what a person typed; `/stop` among it acts on the running turn without waiting in line."""
        command = parse_command(text.strip())
        kind = Kind.TEXT if command is None else Kind.STOP if command[0] == "stop" else Kind.COMMAND
        return await self._post(self._message(visitor, kind, event_id, text=text))

    async def choose(self, visitor: Visitor, chosen: Chosen, *, event_id: str = "") -> Posted:
        """Take in a pressed choice."""
        return await self._post(self._message(visitor, Kind.CHOICE, event_id, choice=chosen, target=chosen.turn_id))

    async def again(self, visitor: Visitor, turn_id: TurnId, *, event_id: str = "") -> Posted:
        """Ask for another answer to that turn's question."""
        return await self._post(self._message(visitor, Kind.COMMAND, event_id, text="/again", target=turn_id))

    async def stop(self, visitor: Visitor, turn_id: TurnId) -> Receipt:
        """Ask a running answer to end."""
        return await self._submit(self._message(visitor, Kind.STOP, "", target=turn_id))

    async def rate(self, visitor: Visitor, rating: GivenRating) -> Receipt:
        """Take in a rating, and show it on the session's other pages."""
        message = self._message(visitor, Kind.RATING, "", rating=rating, target=rating.turn_id)
        receipt = await self._submit(message)
        if not receipt.is_refused and receipt.status is ReceiptStatus.ABSORBED:
            self._publish(message.address, rating)
        return receipt

    def listen(self, visitor: Visitor) -> SessionStream:
        """Everything that happens in this session from now on."""
        address = self.address(visitor)
        stream = self._attach(address, None)
        listeners = [other for other in self._streams[address] if other.event_id is None]
        for surplus in listeners[:-LISTENERS_LIMIT]:
            surplus.close()
        if self._is_draining or self._receive is None:
            stream.close()
        return stream

    def running(self, visitor: Visitor) -> Sequence[Said]:
        """What this session said to this process and has no answer yet, oldest first."""
        here = self.address(visitor)
        return [said for address, said in self._running.values() if address == here]

    def drain(self) -> None:
        """Take nothing more in and end the streams of `listen`; answers under way still come."""
        self._is_draining = True
        self._end(lambda stream: stream.event_id is None)

    def close(self) -> None:
        """End every stream too."""
        self._is_draining = True
        self._end(lambda stream: True)

    # --- inside ---

    def _message(
        self,
        visitor: Visitor,
        kind: Kind,
        event_id: str,
        *,
        text: str = "",
        choice: Chosen | None = None,
        rating: GivenRating | None = None,
        target: TurnId | None = None,
    ) -> IncomingMessage:
        return IncomingMessage(
            event_id=_prefix(visitor) + (event_id or self._ids.new()),
            address=self.address(visitor),
            kind=kind,
            sent_at=self._clock.now(),
            text=text,
            choice=choice,
            rating=rating,
            target=target,
            is_admin=visitor.is_admin or self._name is ChannelName.CONSOLE,
            locale=visitor.locale,
        )

    async def _submit(self, message: IncomingMessage) -> Receipt:
        if self._receive is None or self._is_draining:
            raise IntakeError(f"the channel {self._name.value!r} takes no messages now; try again in a few seconds")
        (receipt,) = await self._receive([message])
        return receipt

    async def _post(self, message: IncomingMessage) -> Posted:
        """Listen first, then hand over: the answer may be there before the receipt."""
        stream = self._attach(message.address, message.event_id)
        with ExitStack() as undo:
            undo.callback(stream.close)
            receipt = await self._submit(message)
            undo.pop_all()
        stream.follow(receipt.turn_id)
        event_id = message.event_id.partition(":")[2]
        if receipt.status is ReceiptStatus.ACCEPTED:
            said = Said(event_id=event_id, turn_id=receipt.turn_id, kind=message.kind, text=message.text, choice=message.choice)
            if not stream.has_reply():
                _remember(self._running, receipt.turn_id, (message.address, said))
            self._publish(message.address, said)
        elif receipt.state is InboxState.RECEIVED and (written := self._written.get(receipt.turn_id)):
            stream.put(written)
        elif receipt.state is not InboxState.RECEIVED:
            self._settle(receipt.turn_id)
        return Posted(event_id=event_id, receipt=replace(receipt, event_id=event_id), events=stream)

    def _attach(self, address: Address, event_id: str | None) -> SessionStream:
        stream = SessionStream(lambda ended: self._detach(address, ended), event_id=event_id)
        self._streams.setdefault(address, []).append(stream)
        return stream

    def _detach(self, address: Address, stream: SessionStream) -> None:
        here = self._streams.get(address, [])
        if stream in here:
            here.remove(stream)
        if not here:
            self._streams.pop(address, None)

    def _publish(self, address: Address, event: SessionEvent) -> None:
        """Give an event to the streams that carry it; a notice goes to its own request alone, where that is open."""
        wanting = [stream for stream in self._streams.get(address, ()) if stream.wants(event)]
        if isinstance(event, Outgoing) and event.kind is OutgoingKind.NOTICE:
            wanting = [stream for stream in wanting if stream.event_id is not None] or wanting
        for stream in wanting:
            stream.put(event)

    def _settle(self, turn_id: TurnId) -> None:
        self._running.pop(turn_id, None)
        self._written.pop(turn_id, None)

    def _end(self, condition: Callable[[SessionStream], bool]) -> None:
        for stream in [stream for here in self._streams.values() for stream in here if condition(stream)]:
            stream.close()


def _prefix(visitor: Visitor) -> str:
    """What keeps one session's event ids apart from another's: half of the session's hash."""
    return visitor.session[:32] + ":"


def _remember(table: OrderedDict[TurnId, _Value], turn_id: TurnId, value: _Value) -> None:
    table[turn_id] = value
    if len(table) > RUNNING_LIMIT:
        table.popitem(last=False)
