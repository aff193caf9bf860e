"""What is remembered of what people say: memories, where they come from, and what an import brings.

Frozen records; standard library only. Times are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

SELF = "person"
"""`said_by` of what the person said themselves; `BOT` of what the bot answered. Anything else is a name out of an import."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BOT = "bot"


def position_of(moment: datetime) -> int:
    """Where what was said at that moment stands in its conversation: in microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


class MemoryKind(StrEnum):
    """What a memory is: something that was said, or what follows from it."""

    EPISODE = "episode"
    FACT = "fact"
    PREFERENCE = "preference"


class Origin(StrEnum):
    """How a memory came about. Only `SAID`, `ASKED`, `CORRECTED` and `IMPORTED` are somebody's own words."""

    SAID = "said"
    """A message of the person."""
    ANSWERED = "answered"
    """The bot's answer to one."""
    RULE = "rule"
    """Drawn from a message by rules."""
    MODEL = "model"
    """Drawn from a message by a language model."""
    ASKED = "asked"
    """`/remember`."""
    CORRECTED = "corrected"
    """The person put another memory right."""
    IMPORTED = "imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMemory:
    """A memory about to be stored. `text` stands for itself: its reader knows nothing of what came before.

    `said_by` is `SELF`, `BOT` or an imported name; `session` and `position` place it in its conversation; `sources` are ids of
    turns, imported records or memories that it follows from. `slot` names what a fact settles (`home`, `job`,
    `likes:coffee`), empty where nothing supersedes it: a newer memory of the same slot does. `language` is that of the text.
    """

    kind: MemoryKind
    text: str
    said_by: str
    said_at: datetime
    session: str
    position: int
    origin: Origin
    sources: tuple[str, ...]
    language: str = ""
    slot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """A stored memory of one person. `ended_at` is set when `superseded_by` replaced it: it is history then, not recalled.

    `group` is the address of the group that it comes from, None in private. `stems` are what it is found by; only what is
    read for a search has them.
    """

    id: str
    what: NewMemory
    created_at: datetime
    group: str | None = None
    stems: tuple[str, ...] = ()
    supersedes: str | None = None
    superseded_by: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRecord:
    """One message out of an export of another program. `key` is the same whenever that export is read again.

    `is_own` tells what the person wrote from what others (or another bot) wrote; `line` is where it stands, for reports.
    """

    key: str
    text: str
    said_by: str
    is_own: bool
    said_at: datetime
    session: str
    position: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """Something in an export that could not be read: where it stands, and what was expected there."""

    line: int
    reason: str
