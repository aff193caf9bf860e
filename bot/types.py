"""The nouns of Martín: frozen records that every layer shares; standard library only.

Times are aware UTC. Ids are strings made by the application, ordered by time (see `bot.system`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NewType

from bot.profile_types import AnswerStyle, Form, Reason

if TYPE_CHECKING:
    from bot.writes import Write

PersonId = NewType("PersonId", str)
AddressId = NewType("AddressId", str)
ConversationId = NewType("ConversationId", str)
TurnId = NewType("TurnId", str)
"""A turn has the id of the inbox row that began it: so a row can never become two turns."""
OutboxId = NewType("OutboxId", str)
PlatformId = NewType("PlatformId", str)
"""The id that a platform gave to one message of ours."""

Language = Literal["es", "en"]
LANGUAGES: tuple[Language, ...] = ("es", "en")


class ChannelName(StrEnum):
    """A place people talk from."""

    TELEGRAM = "telegram"
    DISCORD = "discord"
    WEB = "web"
    CONSOLE = "console"


class Kind(StrEnum):
    """What an incoming message is. `ON_LANE` kinds become turns; the others act on a turn that exists."""

    TEXT = "text"
    COMMAND = "command"
    CHOICE = "choice"
    RATING = "rating"
    REACTION = "reaction"
    EDIT = "edit"
    STOP = "stop"


ON_LANE = frozenset({Kind.TEXT, Kind.COMMAND, Kind.CHOICE})


class InboxState(StrEnum):
    """Where an inbox row stands. `RECEIVED` and `ANSWERED` are on their way; every other state is an end."""

    RECEIVED = "received"
    ANSWERED = "answered"
    SENT = "sent"
    FAILED = "failed"
    REFUSED = "refused"
    ABSORBED = "absorbed"
    ERASED = "erased"


class TurnStatus(StrEnum):
    """How a turn ended."""

    ANSWERED = "answered"
    FAILED = "failed"


class Flag(StrEnum):
    """What is to be known of an answer besides its text. None of these may become a positive training example."""

    PARTIAL = "partial"
    STOPPED = "stopped"
    TIMED_OUT = "timed_out"
    FALLBACK = "fallback"
    FAILED = "failed"
    NO_RECALL = "no_recall"
    PARTIAL_RECALL = "partial_recall"
    UNKNOWN = "unknown"
    CRISIS = "crisis"
    TRIMMED = "trimmed"
    LIMITED = "limited"


class EvidenceKind(StrEnum):
    """Where a piece of evidence comes from. A `FACT` follows from what the person said, which is a `MEMORY`."""

    CORRECTION = "correction"
    LIKED = "liked"
    APPROVED = "approved"
    MEMORY = "memory"
    FACT = "fact"
    ANSWERED = "answered"
    KNOWLEDGE = "knowledge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A channel, a chat in it, a user in that chat, and a thread (`""` for none). One lane each."""

    channel: ChannelName
    chat: str
    user: str
    thread: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One option under a reply. `row` groups buttons; `key` is what comes back."""

    key: str
    label: str
    row: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A person's answer to a reply's choices."""

    turn_id: TurnId
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRating:
    """A press of 👍 (1), 👎 (-1) or a withdrawal (0), perhaps with a reason and a correction.

    A `correction` of None leaves an earlier one, a `reason` of None that of an earlier 👎; a withdrawal clears both.
    """

    turn_id: TurnId
    value: Literal[1, 0, -1]
    reason: Reason | None = None
    correction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that came with a message."""

    name: str
    media_type: str
    size: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingMessage:
    """One event from a platform. `event_id` is unique within its channel and the same when the platform repeats it.

    `target` is a message of ours that it replies or reacts to, a turn, or for an edit the event id of what was edited.
    `handle` is what its platform wants to hear with an answer (an interaction's token); nobody else reads it.
    """

    event_id: str
    address: Address
    kind: Kind
    sent_at: datetime
    text: str = ""
    choice: Chosen | None = None
    rating: GivenRating | None = None
    target: PlatformId | TurnId | None = None
    attachments: tuple[Attachment, ...] = ()
    is_private: bool = True
    is_addressed: bool = True
    is_admin: bool = False
    sender_name: str = ""
    locale: str = ""
    handle: str = ""


class ReceiptStatus(StrEnum):
    """What became of an incoming message at the door."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"
    ABSORBED = "absorbed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a channel learns once its message is on disk.

    `same_content` is False when a known `event_id` came back with other content. `reply` is what to show for a message
    that became no turn (a rating's thanks, a refusal); `is_refused` says that such a message had no effect.
    """

    event_id: str
    turn_id: TurnId
    status: ReceiptStatus
    state: InboxState
    same_content: bool = True
    reply: Reply | None = None
    is_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyFile:
    """A file that goes with a reply."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the bot says: Markdown of any length, with choices and files. A channel fits it to its platform."""

    text: str
    choices: tuple[Choice, ...] = ()
    files: tuple[ReplyFile, ...] = ()
    rateable: bool = False


class OutgoingKind(StrEnum):
    """What an outbox row carries: a turn's reply, a notice for a refused message, or a message that fell due."""

    REPLY = "reply"
    NOTICE = "notice"
    DUE = "due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One outbox row on its way to a platform. `nonce` is stored and the same at every try."""

    id: OutboxId
    kind: OutgoingKind
    address: Address
    reply: Reply
    nonce: str
    turn_id: TurnId | None = None
    event_id: str = ""
    model: str = ""
    generation: Generation | None = None
    status: TurnStatus | None = None
    flags: frozenset[Flag] = frozenset()
    attempts: int = 0
    handle: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A platform's message that carries a part of an outgoing one. `is_filled` once that part is in it whole."""

    platform_id: PlatformId
    is_filled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One human as the store knows them. `remembers` is False where they want nothing new remembered, and nothing recalled."""

    id: PersonId
    language: Language | None
    created_at: datetime
    training_consent: bool | None = None
    remembers: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a search may read: the person's private talk (`group` None), or one group address of theirs and nothing else."""

    group: AddressId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question the bot has asked and not yet had answered. `turn_id` is the turn whose reply asks it."""

    turn_id: TurnId
    kind: str
    choices: tuple[Choice, ...]
    state: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An earlier question and answer of the same conversation. `was_trimmed` says that its prompt left something out."""

    question: str
    answer: str
    was_trimmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """The ledger's one row for a turn and a person."""

    turn_id: TurnId
    value: Literal[1, 0, -1]
    reason: Reason | None
    correction: str | None
    rated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PastTurn:
    """A stored turn, as ratings, `/again`, `/why` and the page's history need it. `note` was said below the reply."""

    id: TurnId
    person_id: PersonId
    address_id: AddressId
    kind: Kind
    handler: str
    status: TurnStatus
    language: Language
    question: str
    reply: Reply
    model: str
    flags: frozenset[Flag]
    created_at: datetime
    rating: Rating | None = None
    chosen: str | None = None
    note: str = ""
    generation: Generation | None = None
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One incoming message with all that a handler may look at.

    `language` is the person's (choice, else client, else text), `spoken` that of this text where it is clear. `command` is the
    English name of a command, without the slash. `target` is the stored turn that the message is about (rating, choice,
    edit, again, why); `running` the turn being answered here while an off-lane message comes in. `has_earlier` says that the
    conversation began before `history` does. With a daily limit used up, `over_limit`, no language model is asked.
    """

    id: TurnId
    message: IncomingMessage
    person: Person
    address_id: AddressId
    conversation_id: ConversationId
    language: Language
    spoken: Language
    command: str = ""
    arguments: str = ""
    is_first: bool = False
    awaiting: Question | None = None
    history: tuple[Exchange, ...] = ()
    has_earlier: bool = False
    target: PastTurn | None = None
    running: TurnId | None = None
    over_limit: OverLimit | None = None

    @property
    def scope(self) -> Scope:
        """What recall may read for this turn."""
        return Scope() if self.message.is_private else Scope(group=self.address_id)


class Limit(StrEnum):
    """A daily limit of what language models may use, of one person or of everyone, as `[limits]` names it."""

    TOKENS = "tokens_per_day"
    MONEY = "money_per_day"
    TOKENS_OF_ALL = "tokens_per_day_all"
    MONEY_OF_ALL = "money_per_day_all"


@dataclass(frozen=True, slots=True, kw_only=True)
class OverLimit:
    """A daily limit that is used up. `most` is in tokens, or in millionths of the configured currency."""

    limit: Limit
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a piece of evidence of a stored answer came from; its text lives there. `source` as in `Evidence`."""

    kind: EvidenceKind
    source: str
    score: float
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Something that supports an answer. `source` is a turn id or a file name; `question` is what it once answered."""

    kind: EvidenceKind
    text: str
    source: str
    score: float
    title: str = ""
    question: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model is given, to render or to compose from. `left_out` counts exchanges of the history that did not fit.

    `form` says in figures, for an answerer that reads no directives, what those ask for. `schema` is the answer's in JSON.
    """

    system: str
    question: str
    language: Language
    directives: tuple[str, ...] = ()
    history: tuple[Exchange, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    left_out: int = 0
    form: Form = field(default_factory=Form)
    schema: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """How an answer was made. Token counts are the backend's own, else an estimate (`bot.tokens`).

    `version` is what the backend says it ran: a digest's beginning, or the exact name behind an alias. `cost` is in
    millionths of the configured currency. `is_counted` is False where no language model was asked (offline).
    """

    model: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    stop: Literal["end", "length", "stopped", "deadline", "error"] = "end"
    first_token_s: float | None = None
    flags: frozenset[Flag] = frozenset()
    version: str = ""
    cost: int = 0
    is_counted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of an answer; the last of a stream carries the generation.

    A chain says in `model` whose it is (in a first chunk without text: who is asked), in `is_fallback` that others were before.
    `is_thinking` marks a sign of life without text: the model reasons before it answers, and that is not shown.
    """

    text: str
    generation: Generation | None = None
    is_thinking: bool = False
    model: str = ""
    is_fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminNotice:
    """Something the admins are to know, once per kind and UTC day. `facts` hold numbers and settings, never a person."""

    kind: str
    day: date
    facts: Mapping[str, str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a handler decided: a reply and the writes that must commit with it.

    `question` is what was answered where that is not the message's own text (`/again`). `is_refused` marks a rating, choice
    or edit that had no effect (unknown, erased or somebody else's turn). `stops` names the turn whose generation is to end.
    `style` goes into the answer log, `remember` asks for pending memory rows, `note` is said below the answer.
    `kept` is stored in place of the reply's text where that must be said but not kept (a code).
    """

    reply: Reply | None
    writes: tuple[Write, ...] = ()
    generation: Generation | None = None
    evidence: tuple[Evidence, ...] = ()
    style: AnswerStyle | None = None
    flags: frozenset[Flag] = frozenset()
    question: str | None = None
    remember: bool = False
    is_refused: bool = False
    stops: TurnId | None = None
    note: str = ""
    kept: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMessage:
    """A due message whose time has come."""

    id: str
    kind: str
    person: Person
    address: Address
    address_id: AddressId
