"""Small typed stand-ins for what handlers are built from, and makers of turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from hashlib import blake2b

from bot.admin_ports import AdminDesk
from bot.errors import ModelError
from bot.model_ports import Price
from bot.model_types import InstalledModel, ModelStatus, PullProgress
from bot.ports import Handler, HandlerSettings, PersonalData, Recalled, Services, TurnRecord, UsageOfDay
from bot.profile_types import LoggedStyle, ProfileEvent, ProfileEventKind
from bot.router import Router
from bot.types import (
    Address,
    AddressId,
    AdminNotice,
    ChannelName,
    Choice,
    Chosen,
    Chunk,
    ConversationId,
    Evidence,
    EvidenceKind,
    Exchange,
    Flag,
    Generation,
    GivenRating,
    IncomingMessage,
    Kind,
    Language,
    Outcome,
    OverLimit,
    PastTurn,
    Person,
    PersonId,
    PlatformId,
    Prompt,
    Question,
    Rating,
    Reply,
    Scope,
    Source,
    Turn,
    TurnId,
    TurnStatus,
)
from bot.writes import AddAudit, AddProfileEvent, DropProfile, DropProfileEvent, Write
from handlers import build
from handlers.admin_chats import Places
from handlers.signs import load_signs
from profiles.kept import KeptProfiles
from tests.handlers import fake_desk
from tests.handlers.fake_links import FakeLinks
from tests.handlers.fake_memories import FakeMemories
from tests.handlers.fake_sharing import FakeSharing

load_signs()  # read once, before a loop runs that it would hold up
NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)
ADDRESS = Address(channel=ChannelName.WEB, chat="c", user="u")
ADA, BOB = PersonId("ada"), PersonId("bob")
KNOWN = Evidence(kind=EvidenceKind.KNOWLEDGE, text="It learns from corrections.", source="about.md", score=0.8)


class FixedClock:
    """A clock that stands at one moment."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 100.0


class CountingIds:
    """Ids one after another."""

    def __init__(self) -> None:
        self._made = 0

    def new(self) -> str:
        self._made += 1
        return f"id{self._made}"


@dataclass
class FakeModel:
    """Says `pieces`, then its usage; raises `error` after them; waits for ever before the piece of number `hang_before`.

    It thinks `thoughts` times before its first piece. `is_counted` is False for one that is no language model; `author` is the
    one of a chain that speaks.
    """

    pieces: Sequence[str] = ("Hello", ", world.")
    error: ModelError | None = None
    flags: frozenset[Flag] = frozenset()
    hang_before: int | None = None
    name: str = "fake"
    thoughts: int = 0
    is_counted: bool = True
    author: str = ""
    prompts: list[Prompt] = field(default_factory=list)
    is_closed: bool = False
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def check(self, language: Language = "en") -> ModelStatus:
        return ModelStatus(name=self.name, is_ready=True, is_remote=False, detail="")

    async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncGenerator[Chunk, None]:
        self.prompts.append(prompt)
        self.is_asked.set()
        try:
            for _ in range(self.thoughts):
                yield Chunk(text="", is_thinking=True, model=self.author)
            for number, piece in enumerate(self.pieces):
                if number == self.hang_before:
                    await asyncio.Event().wait()
                yield Chunk(text=piece, model=self.author)
            if self.error is not None:
                raise self.error
            usage = Generation(
                model=self.name,
                prompt_tokens=7,
                completion_tokens=3,
                seconds=0.1,
                flags=self.flags,
                is_counted=self.is_counted,
            )
            yield Chunk(text="", generation=usage)
        finally:
            self.is_closed = True

    async def aclose(self) -> None:
        return None


@dataclass
class FakeRecall:
    """Gives `found` after `delay_s`, or raises `error`; keeps what it was asked."""

    found: tuple[Evidence, ...] = ()
    is_partial: bool = False
    delay_s: float = 0.0
    error: Exception | None = None
    asked: list[tuple[PersonId, Scope, str]] = field(default_factory=list)
    with_memories: list[bool] = field(default_factory=list)

    async def recall(
        self, person: PersonId, scope: Scope, text: str, *, budget: int, deadline_s: float, with_memories: bool = True
    ) -> Recalled:
        self.asked.append((person, scope, text))
        self.with_memories.append(with_memories)
        async with asyncio.timeout(deadline_s):
            await asyncio.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        return Recalled(evidence=self.found, is_partial=self.is_partial)


@dataclass
class FakeKnowledge:
    """Gives `found` whatever is asked."""

    found: tuple[Evidence, ...] = (KNOWN,)

    async def search(self, text: str, language: Language, limit: int) -> tuple[Evidence, ...]:
        return self.found[:limit]


@dataclass
class FakeTurns:
    """Holds the turns of one address, oldest first."""

    stored: list[PastTurn] = field(default_factory=list)

    async def commit(self, record: TurnRecord) -> None:
        raise AssertionError("handlers never write")

    async def absorb(self, id: TurnId, writes: Sequence[Write], at: datetime) -> None:
        raise AssertionError("handlers never write")

    async def past(self, id: TurnId) -> PastTurn | None:
        return next((turn for turn in self.stored if turn.id == id), None)

    async def history(self, address_id: AddressId, *, before: TurnId | None, limit: int) -> Sequence[PastTurn]:
        return [turn for turn in self.stored if turn.address_id == address_id][-limit:]

    async def delivered_as(self, address: Address, platform_id: PlatformId) -> TurnId | None:
        return None


@dataclass
class FakeLibrary:
    """A local server that has `models`; a download reports `steps`, then raises `error` or is installed.

    `asked` holds the models that were to be downloaded.
    """

    models: list[InstalledModel] = field(default_factory=list)
    steps: Sequence[PullProgress] = (
        PullProgress(step="pulling manifest"),
        PullProgress(step="downloading", done=50, total=100),
        PullProgress(step="downloading", done=100, total=100),
        PullProgress(step="success"),
    )
    error: ModelError | None = None
    recommended: str = "recommended:1b"
    recommended_size: int = 1_300_000_000
    asked: list[str] = field(default_factory=list)

    async def installed(self) -> Sequence[InstalledModel]:
        if self.error is not None:
            raise self.error
        return tuple(self.models)

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        self.asked.append(model)
        for step in self.steps:
            yield step
        if self.error is not None:
            raise self.error
        self.models.append(InstalledModel(name=model, size=self.steps[-1].total if self.steps else 0))


@dataclass
class FakeUsage:
    """Says `days`, and zeros for every other day."""

    days: dict[date, UsageOfDay] = field(default_factory=dict)

    async def of_day(self, day: date) -> UsageOfDay:
        return self.days.get(day, UsageOfDay(day=day, people=0, messages=0, tokens=0, cost=0))


@dataclass
class FakeNotices:
    """Holds notices, in any order."""

    notices: list[AdminNotice] = field(default_factory=list)

    async def recent(self, since: date, limit: int) -> Sequence[AdminNotice]:
        found = [notice for notice in self.notices if notice.day >= since]
        return sorted(found, key=lambda notice: notice.at, reverse=True)[:limit]


@dataclass
class FakeOwner:
    """One owner of personal data; fails `failures` times before it forgets."""

    name: str
    held: object = None
    failures: int = 0
    log: list[str] = field(default_factory=list)

    async def export(self, person: PersonId) -> object:
        return self.held

    async def forget(self, person: PersonId) -> None:
        if self.failures:
            self.failures -= 1
            raise ModelError(self.name, "not now")
        self.held = None
        self.log.append(f"{self.name}:{person}")


class FakePreview:
    """Keeps what was shown; `stop()` is the person's wish to stop, `stop_at` says it once so many texts were shown."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.shown: list[str] = []
        self._stop_at, self._wish = stop_at, asyncio.Event()
        if stop_at == 0:
            self.stop()

    def stop(self) -> None:
        self._wish.set()

    def show(self, text: str) -> None:
        self.shown.append(text)
        if len(self.shown) == self._stop_at:
            self.stop()

    @property
    def is_stopped(self) -> bool:
        return self._wish.is_set()

    async def stopped(self) -> None:
        await self._wish.wait()


def free(model: str, prompt_tokens: int, completion_tokens: int) -> int:
    """What an answer costs where no model has a price."""
    return 0


@dataclass
class FakeProfiles:
    """Implements `ProfileStore` in memory. `take` does what a turn's transaction would do with an outcome."""

    stored: dict[PersonId, list[ProfileEvent]] = field(default_factory=dict)
    styles: list[tuple[AddressId, ConversationId, PersonId, LoggedStyle]] = field(default_factory=list)
    ids: CountingIds = field(default_factory=CountingIds)

    async def version(self, person: PersonId) -> str:
        events = self.stored.get(person, [])
        return f"{len(events)}:{events[-1].id if events else ''}"

    async def events(self, person: PersonId) -> Sequence[ProfileEvent]:
        return tuple(self.stored.get(person, ()))

    async def presses_of(self, person: PersonId, turn_id: TurnId) -> Sequence[ProfileEvent]:
        presses = [event for event in self.stored.get(person, ()) if event.kind is ProfileEventKind.PRESS]
        return [event for event in presses if event.data["turn"] == turn_id]

    async def last_style(self, address_id: AddressId, conversation_id: ConversationId) -> LoggedStyle | None:
        found = [
            log for address, conversation, _, log in self.styles if (address, conversation) == (address_id, conversation_id)
        ]
        return found[-1] if found else None

    async def style_of(self, turn_id: TurnId) -> LoggedStyle | None:
        return next((log for *_, log in self.styles if log.turn_id == turn_id), None)

    async def answers_since(self, person: PersonId, since: datetime) -> int:
        return sum(owner == person and log.at >= since for _, _, owner, log in self.styles)

    def add(self, person: PersonId, kind: ProfileEventKind, at: datetime = NOW, **data: object) -> None:
        """Store an event."""
        event = ProfileEvent(id=f"p{self.ids.new()[2:]:>06}", kind=kind, data=data, at=at)
        self.stored.setdefault(person, []).append(event)

    def take(self, turn: Turn, outcome: Outcome, at: datetime = NOW) -> None:
        """Store what an outcome asks for, as far as it is about profiles."""
        for write in outcome.writes:
            if isinstance(write, AddProfileEvent):
                self.add(write.person_id, write.kind, at, **write.data)
            elif isinstance(write, DropProfileEvent):
                events = self.stored.get(write.person_id, [])
                self.stored[write.person_id] = [event for event in events if event.id != write.id]
            elif isinstance(write, DropProfile):
                events = self.stored.get(write.person_id, [])
                self.stored[write.person_id] = [event for event in events if event.kind is ProfileEventKind.MEASURE]
        if outcome.style is not None:
            log = LoggedStyle(turn_id=turn.id, style=outcome.style, at=at)
            self.styles.append((turn.address_id, turn.conversation_id, turn.person.id, log))


def services(
    *,
    model: FakeModel | None = None,
    offline: FakeModel | None = None,
    library: FakeLibrary | None = None,
    recall: FakeRecall | None = None,
    knowledge: FakeKnowledge | None = None,
    turns: Sequence[PastTurn] = (),
    personal: Sequence[PersonalData] = (),
    statuses: Sequence[ModelStatus] = (ModelStatus(name="offline", is_ready=True, is_remote=False, detail=""),),
    usage: FakeUsage | None = None,
    notices: FakeNotices | None = None,
    price: Price = free,
    settings: HandlerSettings | None = None,
    profiles: FakeProfiles | None = None,
    memories: FakeMemories | None = None,
    sharing: FakeSharing | None = None,
) -> Services:
    """Services of fakes. There is no local server unless `library` is given."""
    remembered = memories or FakeMemories()

    async def status(language: Language) -> Sequence[ModelStatus]:
        return statuses

    return Services(
        model=model or FakeModel(),
        offline=offline or FakeModel(name="offline", pieces=("From", " memory."), is_counted=False),
        library=library,
        recall=recall or FakeRecall(),
        memories=remembered,
        search=remembered,
        knowledge=knowledge or FakeKnowledge(),
        approved=sharing or FakeSharing(),
        sharing=sharing or FakeSharing(),
        turns=FakeTurns(list(turns)),
        profiles=profiles or FakeProfiles(),
        personal=personal,
        clock=FixedClock(),
        ids=CountingIds(),
        usage=usage or FakeUsage(),
        notices=notices or FakeNotices(),
        price=price,
        status=status,
        known=lambda: statuses,
        keyed=lambda text: blake2b(text.encode(), digest_size=16).digest(),
        backup_keep_days=7,
        settings=settings or HandlerSettings(recall_deadline_s=0.05, version="0.1.0"),
    )


def message(
    kind: Kind = Kind.TEXT,
    text: str = "",
    *,
    choice: Chosen | None = None,
    rating: GivenRating | None = None,
    target: TurnId | None = None,
    is_private: bool = True,
    locale: str = "",
) -> IncomingMessage:
    """A message from the one address."""
    return IncomingMessage(
        event_id="e1",
        address=ADDRESS,
        kind=kind,
        sent_at=NOW,
        text=text,
        choice=choice,
        rating=rating,
        target=target,
        is_private=is_private,
        locale=locale,
    )


def turn(
    incoming: IncomingMessage,
    language: Language = "en",
    *,
    person: PersonId = ADA,
    chosen_language: Language | None = None,
    consent: bool | None = None,
    command: str = "",
    arguments: str = "",
    is_first: bool = False,
    awaiting: Question | None = None,
    history: tuple[Exchange, ...] = (),
    target: PastTurn | None = None,
    running: TurnId | None = None,
    spoken: Language | None = None,
    has_earlier: bool = False,
    over_limit: OverLimit | None = None,
    is_admin: bool = False,
    remembers: bool = True,
) -> Turn:
    """A turn as the core makes it. `is_admin` marks its message as an admin's."""
    return Turn(
        id=TurnId("t9"),
        message=replace(incoming, is_admin=True) if is_admin else incoming,
        person=Person(id=person, language=chosen_language, created_at=NOW, training_consent=consent, remembers=remembers),
        address_id=AddressId("a1"),
        conversation_id=ConversationId("k1"),
        language=language,
        spoken=spoken or language,
        command=command,
        arguments=arguments,
        is_first=is_first,
        awaiting=awaiting,
        history=history,
        target=target,
        running=running,
        has_earlier=has_earlier,
        over_limit=over_limit,
    )


def command(
    name: str,
    language: Language = "en",
    *,
    arguments: str = "",
    consent: bool | None = None,
    target: PastTurn | None = None,
    is_admin: bool = False,
    is_private: bool = True,
) -> Turn:
    """A command."""
    return turn(
        message(Kind.COMMAND, f"/{name} {arguments}", is_private=is_private),
        language,
        command=name,
        arguments=arguments,
        consent=consent,
        target=target,
        is_admin=is_admin,
    )


def past(
    id: str = "t1",
    *,
    person: PersonId = ADA,
    handler: str = "chat",
    kind: Kind = Kind.TEXT,
    status: TurnStatus = TurnStatus.ANSWERED,
    question: str = "What is it?",
    answer: str = "A thing.",
    rateable: bool = True,
    choices: tuple[Choice, ...] = (),
    rating: Rating | None = None,
    chosen: str | None = None,
    language: Language = "en",
    model: str = "offline",
    flags: frozenset[Flag] = frozenset(),
    generation: Generation | None = None,
    sources: tuple[Source, ...] = (),
) -> PastTurn:
    """A stored turn."""
    return PastTurn(
        id=TurnId(id),
        person_id=person,
        address_id=AddressId("a1"),
        kind=kind,
        handler=handler,
        status=status,
        language=language,
        question=question,
        reply=Reply(text=answer, choices=choices, rateable=rateable),
        model=model,
        flags=flags,
        created_at=NOW,
        rating=rating,
        chosen=chosen,
        generation=generation,
        sources=sources,
    )


async def answer(
    given: Turn,
    using: Services | None = None,
    preview: FakePreview | None = None,
    places: Places | None = None,
    desk: AdminDesk | None = None,
) -> tuple[Handler, Outcome]:
    """The handler that the real order picks for a turn, and what it decides."""
    parts = using or services()
    handler = Router(
        build(parts, KeptProfiles(parts.profiles, parts.clock), FakeLinks(), desk or fake_desk.desk(), places)
    ).route(given)
    return handler, await handler.handle(given, preview or FakePreview())


def beside_the_audit(outcome: Outcome) -> tuple[Write, ...]:
    """What an admin's turn writes besides its one entry of the audit log."""
    (entry,) = [write for write in outcome.writes if isinstance(write, AddAudit)]
    return tuple(write for write in outcome.writes if write is not entry)


def said(outcome: Outcome) -> str:
    """The text of an outcome's reply."""
    assert outcome.reply is not None
    return outcome.reply.text


def pressed(
    asking: PastTurn, key: str, language: Language = "en", *, person: PersonId = ADA, consent: bool | None = None
) -> Turn:
    """The press of a button under `asking`."""
    chosen = Chosen(turn_id=asking.id, key=key)
    return turn(message(Kind.CHOICE, choice=chosen), language, person=person, target=asking, consent=consent)
