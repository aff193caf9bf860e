"""Typed stand-ins for the ports: a clock that is set, ids that count, and the stores in memory.

The contract suite (`tests/contracts/test_stores.py`) runs over these stores and the real ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from bot.errors import StoreConflict, StoreError
from bot.ports import Arrival, Clock, Context, Ids, StoredArrival, TurnRecord, Unfinished, Usage, UsageOfDay
from bot.types import (
    Address,
    AddressId,
    AdminNotice,
    ChannelName,
    ConversationId,
    Exchange,
    Flag,
    InboxState,
    IncomingMessage,
    Kind,
    OutboxId,
    Outgoing,
    OutgoingKind,
    Part,
    PastTurn,
    Person,
    PersonId,
    PlatformId,
    Question,
    Rating,
    Reply,
    Source,
    TurnId,
    TurnStatus,
)
from bot.writes import (
    AddDueMessage,
    AddJob,
    AskQuestion,
    CloseQuestion,
    RelabelTurn,
    SetConsent,
    SetConversation,
    SetLanguage,
    SetRating,
    TellAdmins,
    Write,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class FakeClock:
    """Time that stands still until it is set."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now, self._monotonic = now, 1000.0

    def now(self) -> datetime:
        """The present, as set."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._monotonic

    def advance(self, seconds: float = 0, *, days: int = 0) -> datetime:
        """Let time pass; the new present."""
        passed = timedelta(days=days, seconds=seconds)
        self._now += passed
        self._monotonic += passed.total_seconds()
        return self._now

    def set(self, now: datetime) -> None:
        """Set the wall clock, also back; the monotonic one stands."""
        self._now = now


class SequentialIds:
    """Ids of 26 characters that count from 1."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix, self._last = prefix, 0

    def new(self) -> str:
        """The next id."""
        self._last += 1
        return f"{self._prefix}{self._last:0{26 - len(self._prefix)}d}"


@dataclass(slots=True)
class FakeArrival:
    """An inbox row."""

    arrival: Arrival
    state: InboxState
    has_text: bool
    attempts: int = 0


@dataclass(slots=True)
class FakeOutgoing:
    """An outbox row. `state` is pending, sent or closed."""

    outgoing: Outgoing
    state: str = "pending"
    platform_ids: tuple[PlatformId, ...] = ()
    error: str | None = None


@dataclass(slots=True)
class FakeAddress:
    """An address row."""

    id: AddressId
    person_id: PersonId
    conversation_id: ConversationId
    is_closed: bool = False
    questions: list[TurnId] = field(default_factory=list)


class FakeStores:
    """Inbox, people, turns, outbox, usage and notices over one memory, each behind its own attribute.

    Setting `failure` makes every method raise it, until it is None again: the disk is full, the database is locked.
    """

    def __init__(self, clock: Clock | None = None, ids: Ids | None = None) -> None:
        self.clock: Clock = clock or FakeClock()
        self.ids: Ids = ids or SequentialIds()
        self.failure: StoreError | None = None
        self.arrivals: dict[TurnId, FakeArrival] = {}
        self.keys: dict[tuple[ChannelName, str], TurnId] = {}
        self.persons: dict[PersonId, Person] = {}
        self.identities: dict[tuple[ChannelName, str], PersonId] = {}
        self.addresses: dict[Address, FakeAddress] = {}
        self.records: dict[TurnId, TurnRecord] = {}
        self.texts: dict[TurnId, str] = {}
        self.ratings: dict[TurnId, Rating] = {}
        self.asked: dict[TurnId, Question] = {}
        self.chosen: dict[TurnId, str | None] = {}
        self.used: dict[tuple[PersonId, date], Usage] = {}
        self.used_by_all: dict[date, Usage] = {}
        self.told: dict[tuple[str, date], AdminNotice] = {}
        self.due: list[AddDueMessage] = []
        self.jobs: list[AddJob] = []
        self.outgoing: dict[str, FakeOutgoing] = {}
        self.parts: dict[OutboxId, dict[int, Part]] = {}
        self.delivered: dict[tuple[ChannelName, str, PlatformId], TurnId] = {}
        self.inbox = FakeInbox(self)
        self.people = FakePeople(self)
        self.turns = FakeTurns(self)
        self.outbox = FakeOutbox(self)
        self.usage = FakeUsage(self)
        self.notices = FakeNotices(self)

    def check(self) -> None:
        """Raise the failure that was set."""
        if self.failure is not None:
            raise self.failure

    def move(self, id: TurnId, before: InboxState, after: InboxState) -> None:
        """An inbox row from one state to another; others stay."""
        row = self.arrivals.get(id)
        if row is not None and row.state is before:
            row.state, row.has_text = after, False

    def put_out(self, outgoing: Outgoing) -> None:
        """A new outbox row."""
        if outgoing.id in self.outgoing:
            raise StoreConflict(f"outbox row {outgoing.id!r} is there already")
        self.outgoing[outgoing.id] = FakeOutgoing(outgoing)

    def apply(self, write: Write, at: datetime) -> None:
        """What one write of an outcome does."""
        match write:
            case SetLanguage():
                self.persons[write.person_id] = replace(self.persons[write.person_id], language=write.language)
            case SetConsent():
                self.persons[write.person_id] = replace(self.persons[write.person_id], training_consent=write.granted)
            case SetConversation():
                self.address(write.address_id).conversation_id = write.conversation_id
            case SetRating():
                self._demand_turn(write.turn_id)
                self.ratings[write.turn_id] = Rating(
                    turn_id=write.turn_id, value=write.value, reason=write.reason, correction=write.correction, rated_at=at
                )
            case AskQuestion():
                self._demand_turn(write.question.turn_id)
                self.address(write.address_id).questions.append(write.question.turn_id)
                self.asked[write.question.turn_id] = write.question
            case CloseQuestion():
                if write.turn_id in self.asked:
                    self.chosen.setdefault(write.turn_id, write.key)
            case RelabelTurn():
                if write.turn_id in self.texts:
                    self.texts[write.turn_id] = write.question
            case AddDueMessage():
                self.due.append(write)
            case AddJob():
                self.jobs.append(write)
            case TellAdmins():
                notice = AdminNotice(kind=write.kind, day=write.day, facts=dict(write.facts), at=at)
                self.told.setdefault((write.kind, write.day), notice)

    def address(self, id: AddressId) -> FakeAddress:
        """An address by its id."""
        return next(address for address in self.addresses.values() if address.id == id)

    def _demand_turn(self, id: TurnId) -> None:
        if id not in self.records:
            raise StoreConflict(f"there is no turn {id!r}")


class FakeInbox:
    """An InboxStore in memory."""

    def __init__(self, stores: FakeStores) -> None:
        self._stores = stores

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[StoredArrival]:
        """Keep what is new."""
        self._stores.check()
        return [self._accept(arrival) for arrival in arrivals]

    def _accept(self, arrival: Arrival) -> StoredArrival:
        stores, message = self._stores, arrival.message
        key = (message.address.channel, message.event_id)
        if key not in stores.keys:
            stores.keys[key] = arrival.id
            stores.arrivals[arrival.id] = FakeArrival(arrival, arrival.state, has_text=arrival.state is InboxState.RECEIVED)
            if arrival.notice is not None:
                stores.put_out(arrival.notice)
        row = stores.arrivals[stores.keys[key]]
        return StoredArrival(id=row.arrival.id, digest=row.arrival.digest, state=row.state, is_new=row.arrival.id == arrival.id)

    async def unfinished(self) -> Sequence[Unfinished]:
        """What is still RECEIVED."""
        self._stores.check()
        rows = [row for row in self._stores.arrivals.values() if row.state is InboxState.RECEIVED]
        return [Unfinished(id=row.arrival.id, message=row.arrival.message, attempts=row.attempts) for row in rows]

    async def count_attempt(self, id: TurnId) -> None:
        """Count an attempt."""
        self._stores.check()
        self._stores.arrivals[id].attempts += 1

    async def turn_of(self, channel: ChannelName, event_id: str) -> TurnId | None:
        """The id stored for an event."""
        self._stores.check()
        return self._stores.keys.get((channel, event_id))

    async def refuse(self, id: TurnId, notice: Outgoing | None) -> None:
        """End as REFUSED."""
        self._stores.check()
        if notice is not None:
            self._stores.put_out(notice)
        self._stores.move(id, InboxState.RECEIVED, InboxState.REFUSED)


class FakePeople:
    """A PeopleStore in memory."""

    def __init__(self, stores: FakeStores) -> None:
        self._stores = stores

    async def meet(self, message: IncomingMessage, *, history: int, now: datetime) -> Context:
        """Who speaks, and what surrounds it."""
        self._stores.check()
        stores, address = self._stores, message.address
        identity = (address.channel, address.user)
        if identity not in stores.identities:
            person = Person(id=PersonId(stores.ids.new()), language=None, created_at=now)
            stores.persons[person.id] = person
            stores.identities[identity] = person.id
        person = stores.persons[stores.identities[identity]]
        if address not in stores.addresses:
            stores.addresses[address] = FakeAddress(AddressId(stores.ids.new()), person.id, ConversationId(stores.ids.new()))
        place = stores.addresses[address]
        place.is_closed = False
        newest = max(place.questions, default=None)
        used, by_all = stores.used.get((person.id, now.date()), Usage()), stores.used_by_all.get(now.date(), Usage())
        exchanges = self._exchanges(place)
        return Context(
            person=person,
            address_id=place.id,
            conversation_id=place.conversation_id,
            is_first=all(record.turn.person.id != person.id for record in stores.records.values()),
            awaiting=None if newest is None or newest in stores.chosen else stores.asked[newest],
            history=tuple(exchanges[-history:]) if history else (),
            has_earlier=len(exchanges) > history,
            usage=replace(used, tokens_of_all=by_all.tokens, cost_of_all=by_all.cost),
        )

    def _exchanges(self, place: FakeAddress) -> list[Exchange]:
        return [
            Exchange(
                question=self._stores.texts[id],
                answer=record.outcome.reply.text if record.outcome.reply else "",
                was_trimmed=Flag.TRIMMED in record.outcome.flags,
            )
            for id, record in sorted(self._stores.records.items())
            if record.turn.address_id == place.id
            and record.turn.conversation_id == place.conversation_id
            and record.turn.message.kind is Kind.TEXT
            and record.handler == "chat"
            and record.status is TurnStatus.ANSWERED
        ]


class FakeTurns:
    """A TurnStore in memory."""

    def __init__(self, stores: FakeStores) -> None:
        self._stores = stores

    async def commit(self, record: TurnRecord) -> None:
        """Keep a turn."""
        self._stores.check()
        stores, turn, outcome = self._stores, record.turn, record.outcome
        if turn.id in stores.records:
            raise StoreConflict(f"turn {turn.id!r} is there already")
        if turn.person.id not in stores.persons:
            raise StoreConflict(f"there is no person {turn.person.id!r}")
        if record.outgoing is not None:
            stores.put_out(record.outgoing)
        stores.records[turn.id] = record
        stores.texts[turn.id] = _question(record)
        ended = InboxState.FAILED if record.status is TurnStatus.FAILED else InboxState.SENT
        stores.move(turn.id, InboxState.RECEIVED, ended if record.outgoing is None else InboxState.ANSWERED)
        for write in outcome.writes:
            stores.apply(write, record.answered_at)
        if turn.message.kind is Kind.TEXT or outcome.generation is not None:
            self._count(record)

    def _count(self, record: TurnRecord) -> None:
        stores, generation = self._stores, record.outcome.generation
        day, key = record.answered_at.date(), (record.turn.person.id, record.answered_at.date())
        more = Usage(messages=1)
        if generation is not None and generation.is_counted:
            more = replace(more, tokens=generation.prompt_tokens + generation.completion_tokens, cost=generation.cost)
        stores.used[key] = _sum(stores.used.get(key, Usage()), more)
        stores.used_by_all[day] = _sum(stores.used_by_all.get(day, Usage()), more)

    async def absorb(self, id: TurnId, writes: Sequence[Write], at: datetime) -> None:
        """Do what an off-lane message asked."""
        self._stores.check()
        for write in writes:
            self._stores.apply(write, at)
        self._stores.move(id, InboxState.RECEIVED, InboxState.ABSORBED)

    async def past(self, id: TurnId) -> PastTurn | None:
        """A kept turn."""
        self._stores.check()
        record = self._stores.records.get(id)
        return None if record is None else self._past(record)

    async def history(self, address_id: AddressId, *, before: TurnId | None, limit: int) -> Sequence[PastTurn]:
        """The kept turns of an address, newest last."""
        self._stores.check()
        found = [
            self._past(record)
            for id, record in sorted(self._stores.records.items())
            if record.turn.address_id == address_id and (before is None or id < before)
        ]
        return found[-limit:] if limit else []

    async def delivered_as(self, address: Address, platform_id: PlatformId) -> TurnId | None:
        """The turn behind one of our messages."""
        self._stores.check()
        found = self._stores.delivered.get((address.channel, address.chat, platform_id))
        return found or next((id for id in self._on_its_way(address, platform_id)), None)

    def _on_its_way(self, address: Address, platform_id: PlatformId) -> Iterator[TurnId]:
        for id, there in self._stores.parts.items():
            row = self._stores.arrivals.get(TurnId(id))
            if row is None or platform_id not in [part.platform_id for part in there.values()]:
                continue
            said_at = row.arrival.message.address
            if (said_at.channel, said_at.chat) == (address.channel, address.chat):
                yield TurnId(id)

    def _past(self, record: TurnRecord) -> PastTurn:
        turn, outcome, reply = record.turn, record.outcome, record.outcome.reply
        return PastTurn(
            id=turn.id,
            person_id=turn.person.id,
            address_id=turn.address_id,
            kind=turn.message.kind,
            handler=record.handler,
            status=record.status,
            language=turn.language,
            question=self._stores.texts[turn.id],
            reply=Reply(text="") if reply is None else replace(reply, files=()),
            model=outcome.generation.model if outcome.generation else "",
            flags=outcome.flags,
            created_at=turn.message.sent_at,
            rating=self._stores.ratings.get(turn.id),
            chosen=self._stores.chosen.get(turn.id),
            note=outcome.note,
            generation=outcome.generation,
            sources=tuple(
                Source(kind=one.kind, source=one.source, score=one.score, title=one.title) for one in outcome.evidence
            ),
        )


class FakeOutbox:
    """An OutboxStore in memory."""

    def __init__(self, stores: FakeStores) -> None:
        self._stores = stores

    async def pending(self) -> Sequence[Outgoing]:
        """What is not delivered yet."""
        self._stores.check()
        return [row.outgoing for row in self._stores.outgoing.values() if row.state == "pending"]

    async def set_part(self, id: OutboxId, number: int, part: Part, at: datetime) -> None:
        """Keep what the platform has of a part."""
        self._stores.check()
        self._stores.parts.setdefault(id, {})[number] = part

    async def parts(self, id: OutboxId) -> Mapping[int, Part]:
        """What is kept of the parts."""
        self._stores.check()
        return dict(self._stores.parts.get(id, {}))

    async def sent(self, outgoing: Outgoing, platform_ids: Sequence[PlatformId], at: datetime) -> None:
        """Mark delivered."""
        self._stores.check()
        after = InboxState.FAILED if outgoing.status is TurnStatus.FAILED else InboxState.SENT
        if outgoing.turn_id is not None and outgoing.turn_id in self._stores.records:
            for platform_id in platform_ids:
                key = (outgoing.address.channel, outgoing.address.chat, platform_id)
                self._stores.delivered.setdefault(key, outgoing.turn_id)
        self._end(outgoing, "sent", after, tuple(platform_ids))

    async def tried(self, outgoing: Outgoing, error: str, at: datetime) -> None:
        """Count a failed try."""
        self._stores.check()
        row = self._stores.outgoing[outgoing.id]
        if row.state == "pending":
            row.error = error
            row.outgoing = replace(row.outgoing, attempts=row.outgoing.attempts + 1)

    async def closed(self, outgoing: Outgoing, at: datetime) -> None:
        """Drop it for good."""
        self._stores.check()
        if outgoing.address in self._stores.addresses:
            self._stores.addresses[outgoing.address].is_closed = True
        self._end(outgoing, "closed", InboxState.REFUSED, ())

    def _end(self, outgoing: Outgoing, state: str, after: InboxState, platform_ids: tuple[PlatformId, ...]) -> None:
        row = self._stores.outgoing.get(outgoing.id)
        if row is not None and row.state == "pending":
            row.state, row.platform_ids = state, platform_ids
        if outgoing.kind is OutgoingKind.REPLY:
            self._stores.move(TurnId(outgoing.id), InboxState.ANSWERED, after)
        self._stores.parts.pop(outgoing.id, None)


class FakeParts:
    """What a platform has of one outgoing message, in memory; implements the `Parts` port."""

    def __init__(self, there: Mapping[int, Part] | None = None) -> None:
        self.there = dict(there or {})

    def of(self, number: int) -> Part | None:
        """The platform's message for this part, if it was made."""
        return self.there.get(number)

    async def opened(self, number: int, platform_id: PlatformId) -> None:
        """Keep it, to be filled."""
        self.there[number] = Part(platform_id=platform_id)

    async def filled(self, number: int, platform_id: PlatformId) -> None:
        """Keep it, as filled."""
        self.there[number] = Part(platform_id=platform_id, is_filled=True)


class FakeUsage:
    """A UsageStore in memory."""

    def __init__(self, stores: FakeStores) -> None:
        self._stores = stores

    async def of_day(self, day: date) -> UsageOfDay:
        """The sums of a day."""
        self._stores.check()
        used = self._stores.used_by_all.get(day, Usage())
        people = sum(one == day for _, one in self._stores.used)
        return UsageOfDay(day=day, people=people, messages=used.messages, tokens=used.tokens, cost=used.cost)


class FakeNotices:
    """A NoticeStore in memory."""

    def __init__(self, stores: FakeStores) -> None:
        self._stores = stores

    async def recent(self, since: date, limit: int) -> Sequence[AdminNotice]:
        """The newest notices."""
        self._stores.check()
        found = [notice for notice in self._stores.told.values() if notice.day >= since]
        return sorted(found, key=lambda notice: notice.at, reverse=True)[:limit]


def _sum(used: Usage, more: Usage) -> Usage:
    return Usage(messages=used.messages + more.messages, tokens=used.tokens + more.tokens, cost=used.cost + more.cost)


def _question(record: TurnRecord) -> str:
    message = record.turn.message
    if record.outcome.question is not None:
        return record.outcome.question
    return message.text or (message.choice.key if message.choice is not None else "")
