"""What a handler may ask to be written: the store turns each record into statements of one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from bot.channel_types import ChatMode, CodeKind
from bot.memory_types import NewMemory
from bot.profile_types import ProfileEventKind, Reason
from bot.types import AddressId, ChannelName, ConversationId, Language, PersonId, Question, TurnId


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLanguage:
    """The person chose a language."""

    person_id: PersonId
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class SetConsent:
    """The person allowed or refused the use of their conversations for training. Kept with version and time (R-52)."""

    person_id: PersonId
    granted: bool
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetConversation:
    """The address starts a new conversation: what came before is no longer history."""

    address_id: AddressId
    conversation_id: ConversationId


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRating:
    """The ledger's row for this turn and person becomes this; the last press wins (R-09)."""

    person_id: PersonId
    turn_id: TurnId
    value: Literal[1, 0, -1]
    reason: Reason | None = None
    correction: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskQuestion:
    """The reply of this turn asks something; the address now awaits an answer to it and to nothing else."""

    address_id: AddressId
    person_id: PersonId
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseQuestion:
    """The question asked by this turn was answered with `key`, or withdrawn (None)."""

    turn_id: TurnId
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddDueMessage:
    """Say something later: the handler named `kind` words it when it falls due."""

    person_id: PersonId
    address_id: AddressId
    kind: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RelabelTurn:
    """The person edited what they had said: the stored turn takes the new text; no second answer."""

    turn_id: TurnId
    question: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddJob:
    """Do this durably, outside the turn. `after_turn` holds it back until that turn's reply is delivered."""

    kind: Literal["forget", "link", "unlink", "withdraw", "broadcast"]
    person_id: PersonId
    after_turn: TurnId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TellAdmins:
    """Leave the admins a notice; a second one of the same kind and UTC day changes nothing."""

    kind: str
    day: date
    facts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddProfileEvent:
    """Something that the person's preference profile follows from happened; `data` as `ProfileEventKind` says."""

    person_id: PersonId
    kind: ProfileEventKind
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class DropProfileEvent:
    """A profile event is taken back: as if it had never been. One that is not there, or somebody else's, changes nothing."""

    person_id: PersonId
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropProfile:
    """The person's profile ends: every event goes but the choices about taking part in the measurement."""

    person_id: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRemembering:
    """The person lets the bot remember what they say, or no longer: then nothing new is stored or recalled."""

    person_id: PersonId
    remembers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMemory:
    """Something is remembered, in private or in one group of the person's; an id that is there already changes nothing.

    `stems` are what it is found by. One with `superseded_by` is history from the beginning.
    """

    person_id: PersonId
    group: AddressId | None
    id: str
    what: NewMemory
    stems: tuple[str, ...]
    supersedes: str | None = None
    superseded_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMemorySource:
    """A memory was said once more. One that is gone, or somebody else's, changes nothing."""

    person_id: PersonId
    id: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMemories:
    """Memories are history: `by` took their place. Those of somebody else, and ended ones, stay as they are."""

    person_id: PersonId
    ids: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropMemories:
    """Memories are forgotten, with their vectors. `revives` lets live again what they had superseded."""

    person_id: PersonId
    ids: tuple[str, ...]
    revives: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DropMemorySource:
    """No memory follows from this turn any more; what followed from nothing else is to be dropped besides."""

    person_id: PersonId
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DropAllMemories:
    """Everything remembered of the person is forgotten, with what was about to be remembered."""

    person_id: PersonId


MemoryWrite = SetRemembering | AddMemory | AddMemorySource | EndMemories | DropMemories | DropMemorySource | DropAllMemories


@dataclass(frozen=True, slots=True, kw_only=True)
class SetChatMode:
    """When the bot answers in a group chat from now on."""

    channel: ChannelName
    chat: str
    mode: ChatMode


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCode:
    """A code that is good for one use until then. Only its keyed hash is kept; `person_id` is whose it is, if anybody's."""

    hash: str
    kind: CodeKind
    expires_at: datetime
    person_id: PersonId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCode:
    """A code is used up by somebody; one that is used already, or too old, stays as it is."""

    hash: str
    by: str


ChannelWrite = SetChatMode | AddCode | UseCode


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAudit:
    """An admin did or tried something; `id` is that of the turn, so that one answered again after a crash is noted once."""

    id: str
    channel: str
    user: str
    action: str
    subject: str
    result: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetBlock:
    """Whoever a keyed hash stands for is kept out from now on, or no longer."""

    hash: str
    is_blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideTraining:
    """An admin lets a row, a pattern or a small cohort into training files, or not; the last word counts."""

    subject: str
    is_approved: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTraining:
    """An operator's intent and topic of a training row ("" leaves one to the machine); a row that is gone changes nothing."""

    row: str
    intent: str
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddBroadcast:
    """A message to everybody; the job `broadcast` spreads it."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAnswer:
    """An admin would like a correction to answer everybody, and its author is to be asked; or it is left out.

    Words that are others by now, and what their author has decided about, stay as they are.
    """

    turn_id: TurnId
    digest: str
    is_wanted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideSharing:
    """Whoever wrote a correction lets it answer everybody, or not, or no longer. Kept with version and time (R-52)."""

    person_id: PersonId
    turn_id: TurnId
    digest: str
    is_shared: bool
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSharing:
    """An admin takes back what answers everybody or was asked about."""

    turn_id: TurnId
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSharingOf:
    """Nothing of somebody's answers anybody else any more, and they are asked about nothing."""

    person_id: PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOfSharing:
    """Somebody has been told that something waits for their word."""

    person_id: PersonId


SharingWrite = OfferAnswer | DecideSharing | EndSharing | EndSharingOf | ToldOfSharing

AdminWrite = AddAudit | SetBlock | DecideTraining | LabelTraining | AddBroadcast

OtherWrite = (
    SetLanguage
    | SetConsent
    | SetConversation
    | SetRating
    | AskQuestion
    | CloseQuestion
    | AddDueMessage
    | RelabelTurn
    | AddJob
    | TellAdmins
    | AddProfileEvent
    | DropProfileEvent
    | DropProfile
)

Write = MemoryWrite | ChannelWrite | AdminWrite | SharingWrite | OtherWrite
