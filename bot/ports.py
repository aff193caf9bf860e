"""The verbs of Martín: what the core and the handlers need from outside, as protocols.

One small protocol per consumer. A database error leaves every store method as a `StoreError`; nothing is retried silently.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from bot.job_types import Job, JobRun
from bot.memory_ports import MemorySearch, MemoryStore
from bot.model_ports import ChatModel, Downloads, ModelLibrary, Price
from bot.model_types import ModelStatus
from bot.profile_ports import ProfileStore
from bot.sharing_ports import Approved, SharingStore
from bot.types import (
    Address,
    AddressId,
    AdminNotice,
    ChannelName,
    ConversationId,
    DueMessage,
    Evidence,
    Exchange,
    InboxState,
    IncomingMessage,
    Language,
    Limit,
    OutboxId,
    Outcome,
    Outgoing,
    Part,
    PastTurn,
    Person,
    PersonId,
    PlatformId,
    Question,
    Receipt,
    Scope,
    Turn,
    TurnId,
    TurnStatus,
)
from bot.writes import Write


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The present, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class Ids(Protocol):
    """Where new ids come from."""

    def new(self) -> str:
        """A fresh id of 26 letters and digits, later than every id made before it by this process."""


Receive = Callable[[Sequence[IncomingMessage]], Awaitable[Sequence[Receipt]]]
"""Puts messages on disk and hands them on; one receipt each, in the same order. When it returns, they are committed.

Raises StoreError or IntakeError when nothing of the batch was taken: the platform is then not to be told "received".
"""


class Preview(Protocol):
    """The running answer, between a handler and the person who waits for it."""

    def show(self, text: str) -> None:
        """Show the whole text written so far. Never blocks; a later text replaces an earlier one that was not shown yet."""

    @property
    def is_stopped(self) -> bool:
        """Whether the person asked to stop."""

    async def stopped(self) -> None:
        """Return once the person asks to stop; waits for ever otherwise."""


class Parts(Protocol):
    """What the platform has of one outgoing message, part by part from 0; kept on disk."""

    def of(self, number: int) -> Part | None:
        """The platform's message for this part, if it was made."""

    async def opened(self, number: int, platform_id: PlatformId) -> None:
        """Commit that the platform made a message for this part, which is to be filled."""

    async def filled(self, number: int, platform_id: PlatformId) -> None:
        """Commit that this part is there whole; not needed for the last one."""


class Channel(Protocol):
    """A place people talk from."""

    @property
    def name(self) -> ChannelName:
        """Its name."""

    @property
    def answers_requests(self) -> bool:
        """True where somebody waits on an open request for every message (web, console): a notice is never left out."""

    async def run(self, receive: Receive) -> None:
        """Take messages in until cancelled."""

    async def open(self, message: IncomingMessage, turn_id: TurnId) -> PlatformId | None:
        """Make the message that previews and the reply to `message` will fill, or None where the platform needs none."""

    async def preview(self, message: IncomingMessage, turn_id: TurnId, opened: PlatformId | None, text: str) -> None:
        """Show `text`, the answer so far; best effort, raises nothing for a platform's refusal."""

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        """Bring the reply to the person and return the platform's ids, one per part. Raises DeliveryError.

        It is called again after an error or a crash; `parts` tells what the platform has by then.
        """


class Knowledge(Protocol):
    """The operator's folder."""

    async def search(self, text: str, language: Language, limit: int) -> tuple[Evidence, ...]:
        """The passages that answer `text`, best first, scores in (0, 1]; empty when none is relevant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What was found of what is known from a person, best first.

    `is_partial` says that memories could not be looked through as they should: not at all, or by their words alone.
    """

    evidence: tuple[Evidence, ...] = ()
    is_partial: bool = False


class Recall(Protocol):
    """What is known from this person."""

    async def recall(
        self, person: PersonId, scope: Scope, text: str, *, budget: int, deadline_s: float, with_memories: bool = True
    ) -> Recalled:
        """What bears on `text` out of what `scope` may read, at most `budget` tokens; empty when nothing does.

        Without memories, as people may choose, only corrections and liked answers are looked through. Raises StoreError,
        RecallError, or, when it takes longer than `deadline_s`, TimeoutError, where not even those could be looked through.
        """


class Handler(Protocol):
    """One thing the bot can do with a turn."""

    @property
    def name(self) -> str:
        """Its name in logs and in the stored turn."""

    def matches(self, turn: Turn) -> bool:
        """Whether this handler answers the turn. Pure and quick."""

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """Decide. Never writes: what is to be written goes into the outcome."""


class DueHandler(Protocol):
    """A handler that also words messages that fall due."""

    @property
    def due_kinds(self) -> frozenset[str]:
        """The kinds of due message it words, each by what comes before its first point."""

    async def word(self, due: DueMessage) -> Outcome:
        """What to say now; a reply of None drops the message."""


class PersonalData(Protocol):
    """One owner of personal data: a way out and an end."""

    @property
    def name(self) -> str:
        """The key under which the export holds it."""

    async def export(self, person: PersonId) -> object:
        """Everything held of the person, as JSON-ready values."""

    async def forget(self, person: PersonId) -> None:
        """Erase it. Doing it twice changes nothing."""


# --- what the core needs of the store ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A message about to be stored. `digest` is a keyed hash of its content; `notice` is said when it is refused."""

    id: TurnId
    message: IncomingMessage
    digest: str
    state: InboxState
    received_at: datetime
    notice: Outgoing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArrival:
    """What the inbox holds for an arrival's key. `is_new` is False when the key was there before."""

    id: TurnId
    digest: str
    state: InboxState
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """An inbox row that a crash left behind. `attempts` counts the later processes that began to answer it, and died too."""

    id: TurnId
    message: IncomingMessage
    attempts: int


class InboxStore(Protocol):
    """Messages on disk before anything else happens to them."""

    async def accept(self, arrivals: Sequence[Arrival]) -> Sequence[StoredArrival]:
        """Commit them together, and say what is stored for each key, in the same order."""

    async def unfinished(self) -> Sequence[Unfinished]:
        """Rows still RECEIVED, in arrival order."""

    async def count_attempt(self, id: TurnId) -> None:
        """Count an attempt to answer a row that an earlier process left behind."""

    async def turn_of(self, channel: ChannelName, event_id: str) -> TurnId | None:
        """The inbox id stored for a platform's event."""

    async def refuse(self, id: TurnId, notice: Outgoing | None) -> None:
        """End a RECEIVED row as REFUSED, with the notice's outbox row in the same transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What was used on one UTC day. Costs are in millionths of the configured currency."""

    messages: int = 0
    tokens: int = 0
    tokens_of_all: int = 0
    cost: int = 0
    cost_of_all: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the store knows around a message, read in one statement.

    `has_earlier` says that the conversation began before `history` does.
    """

    person: Person
    address_id: AddressId
    conversation_id: ConversationId
    is_first: bool
    awaiting: Question | None
    history: tuple[Exchange, ...]
    usage: Usage
    has_earlier: bool = False


class PeopleStore(Protocol):
    """Who is speaking."""

    async def meet(self, message: IncomingMessage, *, history: int, now: datetime) -> Context:
        """The person, address and conversation of a message, made on first sight; at most `history` exchanges, oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """Everything that one turn commits: turn, answer, writes, outbox row, pending memory rows, usage, the inbox row's state.

    `reply` is None only where a turn says nothing; the inbox row then ends at once as SENT.
    """

    turn: Turn
    handler: str
    status: TurnStatus
    outcome: Outcome
    answered_at: datetime
    outgoing: Outgoing | None


class TurnStore(Protocol):
    """Turns as they happened."""

    async def commit(self, record: TurnRecord) -> None:
        """Commit a turn whole, in ONE transaction."""

    async def absorb(self, id: TurnId, writes: Sequence[Write], at: datetime) -> None:
        """Commit what an off-lane message did, and end its inbox row as ABSORBED, in one transaction."""

    async def past(self, id: TurnId) -> PastTurn | None:
        """A stored turn with its rating, whoever's it is: the caller checks the person."""

    async def history(self, address_id: AddressId, *, before: TurnId | None, limit: int) -> Sequence[PastTurn]:
        """An address's turns, newest last."""

    async def delivered_as(self, address: Address, platform_id: PlatformId) -> TurnId | None:
        """The turn that one of our platform messages belongs to."""


class OutboxStore(Protocol):
    """Replies on disk until a platform has them."""

    async def pending(self) -> Sequence[Outgoing]:
        """Rows not yet delivered, oldest first."""

    async def set_part(self, id: OutboxId, number: int, part: Part, at: datetime) -> None:
        """Commit what the platform has of a part of this row; for a turn's reply before the row itself, too."""

    async def parts(self, id: OutboxId) -> Mapping[int, Part]:
        """What was committed of this row's parts, by number."""

    async def sent(self, outgoing: Outgoing, platform_ids: Sequence[PlatformId], at: datetime) -> None:
        """Mark delivered, clear its text, keep the ids of its parts, end its inbox row (SENT, or FAILED for a failed turn)."""

    async def tried(self, outgoing: Outgoing, error: str, at: datetime) -> None:
        """Count a try that failed."""

    async def closed(self, outgoing: Outgoing, at: datetime) -> None:
        """Drop it for good: the chat is closed until the person writes again. Its inbox row ends as REFUSED."""


class DueStore(Protocol):
    """Things to say later."""

    async def due(self, now: datetime, limit: int) -> Sequence[DueMessage]:
        """Messages whose time has come, oldest first, people who are gone left out."""

    async def release(self, due: DueMessage, outgoing: Outgoing | None, writes: Sequence[Write], at: datetime) -> None:
        """Turn it into an outbox row (None drops it), with the writes of its wording, in one transaction."""


class JobStore(Protocol):
    """Durable chores and nightly runs."""

    async def lease(self, now: datetime, seconds: float) -> Job | None:
        """Take a chore that is free and whose turn's reply has been delivered: of those tried least often, the oldest."""

    async def finish(self, job: Job, error: str | None, at: datetime) -> None:
        """Done (None), or failed and free again; a done chore keeps no person."""

    async def begin_run(self, job: str, local_date: date, now: datetime, seconds: float) -> JobRun | None:
        """Lease the one run of `job` for that date; None when it is done or another holds the lease."""

    async def end_run(self, run: JobRun, error: str | None, at: datetime) -> None:
        """Record how it ended; an error leaves the date open for a later try."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageOfDay:
    """What all people together used on one UTC day. `cost` is in millionths of the configured currency."""

    day: date
    people: int
    messages: int
    tokens: int
    cost: int


class UsageStore(Protocol):
    """What language models were used for, in sums that name nobody."""

    async def of_day(self, day: date) -> UsageOfDay:
        """The sums of one UTC day, zeros where nothing was used."""


class NoticeStore(Protocol):
    """What the admins are to know."""

    async def recent(self, since: date, limit: int) -> Sequence[AdminNotice]:
        """The notices of that UTC day and later, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A question of this person with the answer they corrected or liked."""

    turn_id: TurnId
    kind: str
    question: str
    answer: str
    at: datetime


class ExampleStore(Protocol):
    """Corrected and liked answers of one person."""

    async def version(self, person: PersonId, scope: Scope) -> str:
        """Changes whenever `examples` would answer differently."""

    async def examples(self, person: PersonId, scope: Scope) -> Sequence[Example]:
        """The corrected (kind `correction`) and liked (kind `liked`) answers that this scope may read, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What handlers are built from.

    `offline` answers where a daily limit is used up; `library` is None where no local server of models was asked for.
    `status` asks each model how it is; `known` says at once how each was when last asked, in whatever language. `keyed` is a
    hash of 16 bytes under the data folder's secret: the same for ever, and nobody outside can foretell it.
    """

    model: ChatModel
    offline: ChatModel
    library: ModelLibrary | None
    recall: Recall
    memories: MemoryStore
    search: MemorySearch
    knowledge: Knowledge
    approved: Approved
    sharing: SharingStore
    turns: TurnStore
    profiles: ProfileStore
    personal: Sequence[PersonalData]
    clock: Clock
    ids: Ids
    usage: UsageStore
    notices: NoticeStore
    price: Price
    status: Callable[[Language], Awaitable[Sequence[ModelStatus]]]
    known: Callable[[], Sequence[ModelStatus]]
    keyed: Callable[[str], bytes]
    backup_keep_days: int
    settings: HandlerSettings
    downloads: Downloads | None = None


class Health(Protocol):
    """How the running bot is."""

    def is_live(self) -> bool:
        """False only when a restart would help: the loop, the writer or a channel's intake is stuck."""

    async def ready(self) -> Mapping[str, str]:
        """Each dependency by name with `ok` or what is wrong with it; anything but `ok` means not ready."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerSettings:
    """The settings that handlers use, out of `bot.config`.

    `limits` are the daily limits that are set, in tokens or in millionths of `currency`. A download is watched for `watch_s`
    in one turn, which must be less than a turn may take. Of the threads of people with a profile, `holdout_percent` are
    answered without it and `context_percent` without its style, to measure what it is worth. `remembers` is False where the
    owner lets nobody be remembered; `embedder_elsewhere` names the embedder where text leaves the house for it.
    """

    recall_deadline_s: float = 0.5
    recall_budget: int = 1200
    knowledge_limit: int = 4
    max_tokens: int = 1024
    temperature: float = 0.4
    prompt_budget: int = 4096
    max_correction_chars: int = 8000
    bot_name: str = "Martín"
    version: str = ""
    crisis_country: str = ""
    currency: str = "EUR"
    limits: Mapping[Limit, int] = field(default_factory=dict)
    watch_s: float = 240.0
    holdout_percent: int = 20
    context_percent: int = 0
    remembers: bool = True
    embedder_elsewhere: str = ""
