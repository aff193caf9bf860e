"""A person who talks: messages, turns and replies as the core would commit them, over any stores that keep the ports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.ports import (
    Arrival,
    Clock,
    Context,
    Ids,
    InboxStore,
    NoticeStore,
    OutboxStore,
    PeopleStore,
    StoredArrival,
    TurnRecord,
    TurnStore,
    UsageStore,
)
from bot.profile_types import AnswerStyle
from bot.types import (
    Address,
    ChannelName,
    Choice,
    Evidence,
    Flag,
    Generation,
    InboxState,
    IncomingMessage,
    Kind,
    OutboxId,
    Outcome,
    Outgoing,
    OutgoingKind,
    PlatformId,
    Reply,
    Turn,
    TurnId,
    TurnStatus,
)
from bot.writes import Write


class TalkStores(Protocol):
    """The stores that a turn passes through."""

    @property
    def inbox(self) -> InboxStore:
        """Where it arrives."""

    @property
    def people(self) -> PeopleStore:
        """Who speaks."""

    @property
    def turns(self) -> TurnStore:
        """What was answered."""

    @property
    def outbox(self) -> OutboxStore:
        """What is on its way."""

    @property
    def usage(self) -> UsageStore:
        """What it cost."""

    @property
    def notices(self) -> NoticeStore:
        """What the admins are to know."""


def address_of(user: str = "ana", chat: str = "", thread: str = "") -> Address:
    """An address on Telegram; the chat is the user's own unless given."""
    return Address(channel=ChannelName.TELEGRAM, chat=chat or f"chat of {user}", user=user, thread=thread)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message and how far it got."""

    message: IncomingMessage
    id: TurnId
    context: Context
    record: TurnRecord

    @property
    def outgoing(self) -> Outgoing:
        """Its reply."""
        assert self.record.outgoing is not None
        return self.record.outgoing


class Talk:
    """Takes people's messages through the stores, step by step or at once."""

    def __init__(self, stores: TalkStores, clock: Clock, ids: Ids) -> None:
        self.stores, self.clock, self.ids = stores, clock, ids

    def message(
        self, text: str = "hola", *, kind: Kind = Kind.TEXT, at: Address | None = None, event: str = ""
    ) -> IncomingMessage:
        """A message that nobody has stored yet; private when the chat is the user's own."""
        address = at or address_of()
        return IncomingMessage(
            event_id=event or f"event {self.ids.new()}",
            address=address,
            kind=kind,
            sent_at=self.clock.now(),
            text=text,
            is_private=address.chat == f"chat of {address.user}",
        )

    def arrival(
        self, message: IncomingMessage, state: InboxState = InboxState.RECEIVED, *, notice: str = "", digest: str = "digest"
    ) -> Arrival:
        """The message as the door hands it to the inbox."""
        turn_id = TurnId(self.ids.new())
        return Arrival(
            id=turn_id,
            message=message,
            digest=digest,
            state=state,
            received_at=self.clock.now(),
            notice=self.notice(turn_id, message, notice) if notice else None,
        )

    def notice(self, id: TurnId, message: IncomingMessage, text: str) -> Outgoing:
        """What is said when a message is refused."""
        return Outgoing(
            id=OutboxId(id),
            kind=OutgoingKind.NOTICE,
            address=message.address,
            reply=Reply(text=text),
            nonce=id,
            event_id=message.event_id,
        )

    async def accept(self, message: IncomingMessage, state: InboxState = InboxState.RECEIVED) -> StoredArrival:
        """Put one message into the inbox."""
        (stored,) = await self.stores.inbox.accept([self.arrival(message, state)])
        return stored

    async def answer(
        self,
        message: IncomingMessage,
        id: TurnId,
        reply: str | None = "buenas",
        *,
        writes: Sequence[Write] = (),
        handler: str = "chat",
        status: TurnStatus = TurnStatus.ANSWERED,
        flags: frozenset[Flag] = frozenset(),
        evidence: tuple[Evidence, ...] = (),
        choices: tuple[Choice, ...] = (),
        question: str | None = None,
        remember: bool = False,
        tokens: int = 10,
        generation: Generation | None = None,
        style: AnswerStyle | None = None,
    ) -> Said:
        """Meet the person of a stored message and commit its turn.

        With 0 `tokens` no model had a part in it; a `generation` takes their place.
        """
        if generation is None and tokens:
            generation = Generation(model="scripted", prompt_tokens=tokens, completion_tokens=tokens, seconds=0.5)
        context = await self.stores.people.meet(message, history=10, now=self.clock.now())
        turn = Turn(
            id=id,
            message=message,
            person=context.person,
            address_id=context.address_id,
            conversation_id=context.conversation_id,
            language="es",
            spoken="es",
        )
        outcome = Outcome(
            reply=None if reply is None else Reply(text=reply, choices=choices, rateable=True),
            writes=tuple(writes),
            generation=generation,
            evidence=evidence,
            style=style,
            flags=flags,
            question=question,
            remember=remember,
        )
        record = TurnRecord(
            turn=turn,
            handler=handler,
            status=status,
            outcome=outcome,
            answered_at=self.clock.now(),
            outgoing=_outgoing(turn, outcome, status),
        )
        await self.stores.turns.commit(record)
        return Said(message=message, id=id, context=context, record=record)

    async def say(
        self,
        text: str = "hola",
        reply: str | None = "buenas",
        *,
        at: Address | None = None,
        kind: Kind = Kind.TEXT,
        writes: Sequence[Write] = (),
        parts: Sequence[str] = (),
        flags: frozenset[Flag] = frozenset(),
        remember: bool = False,
        tokens: int = 10,
        generation: Generation | None = None,
        style: AnswerStyle | None = None,
    ) -> Said:
        """One whole turn: stored, answered, delivered in `parts`."""
        message = self.message(text, kind=kind, at=at)
        stored = await self.accept(message)
        said = await self.answer(
            message,
            stored.id,
            reply,
            writes=writes,
            flags=flags,
            remember=remember,
            tokens=tokens,
            generation=generation,
            style=style,
        )
        if said.record.outgoing is not None:
            await self.stores.outbox.sent(said.record.outgoing, [PlatformId(part) for part in parts], self.clock.now())
        return said


def _outgoing(turn: Turn, outcome: Outcome, status: TurnStatus) -> Outgoing | None:
    if outcome.reply is None:
        return None
    return Outgoing(
        id=OutboxId(turn.id),
        kind=OutgoingKind.REPLY,
        address=turn.message.address,
        reply=outcome.reply,
        nonce=f"nonce {turn.id}",
        turn_id=turn.id,
        event_id=turn.message.event_id,
        model="scripted",
        generation=outcome.generation,
        status=status,
        flags=outcome.flags,
    )
