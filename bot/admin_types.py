"""What admins see of a running bot: the audit log, people, nights, and rows that wait for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from bot.types import AddressId, ChannelName, Language, PersonId

LOW_SPACE_BYTES = 1 << 30
"""Less free space than this is told as wrong."""
STALE_BACKUP = timedelta(hours=48)
"""A latest backup that is older is told as wrong."""
NIGHT_ENDED = "night"
"""The due message that tells an admin how the night that they asked for has ended: its kind is `night.LANGUAGE`."""
BROADCAST = "broadcast"
"""The due message that everybody is told: its kind is `broadcast.ID`."""
TERMINAL = "terminal"
"""Whoever wrote on the command line of the machine that the bot runs on, in the audit log's column of channels."""

_LONGEST_USER = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Something that an admin did or tried. `id` is the turn's, `user` the admin's; `subject` holds nobody's words."""

    id: str
    at: datetime
    channel: str
    user: str
    action: str
    subject: str
    result: str

    @property
    def who(self) -> str:
        """The admin as people read it: a session of the page by the beginning of its long id."""
        user = self.user if len(self.user) <= _LONGEST_USER else f"{self.user[:8]}…"
        return f"{self.channel}:{user}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPerson:
    """Somebody in a list for admins. `tag` is the end of their id: it stands for them in commands and in the audit log."""

    id: PersonId
    tag: str
    users: tuple[tuple[ChannelName, str], ...]
    since: datetime
    last_at: datetime | None
    turns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRun:
    """The latest run of a nightly job. One without `ended_at` is under way or failed, and then `error` says how."""

    job: str
    night: date
    started_at: datetime
    ended_at: datetime | None
    error: str
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightDone:
    """How the latest night of this process ended; with an `error`, the rest says nothing."""

    night: date
    ended_at: datetime
    error: str = ""
    collected: int = 0
    kept: int = 0
    people: int = 0
    files: Mapping[str, int] = field(default_factory=dict)
    queue: int = 0
    is_waiting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NightStanding:
    """Where the night stands: its step and how many rows that has had so far; and how the one before ended, if any."""

    is_running: bool = False
    step: str = ""
    done: int = 0
    began_at: datetime | None = None
    last: NightDone | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NightAsked:
    """Who asked for a night, to be told when it has ended."""

    person_id: PersonId
    address_id: AddressId
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownExport:
    """The files of one date: rows by file, and whether somebody's were taken out since they were made."""

    night: date
    folder: str
    files: Mapping[str, int]
    kept: int
    people: int
    is_small: bool
    is_approved: bool
    is_stale: bool


class WaitsFor(StrEnum):
    """Why something waits for an admin."""

    COHORT = "cohort"
    PATTERN = "pattern"
    OPPOSITE_RATINGS = "opposite_ratings"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowWords:
    """A row's words, scrubbed."""

    question: str
    answer: str
    correction: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingQuestion:
    """Something that an admin is asked to decide: `count` rows of `people`, a few of them in words.

    `subjects` are what is approved or rejected, all of them together; the first one names the question. `shared` are words
    that the rows of a pattern have in common; `liked` are those subjects of opposite ratings whose rater liked the answer.
    """

    why: WaitsFor
    subjects: tuple[str, ...]
    count: int
    people: int
    rows: tuple[RowWords, ...] = ()
    shared: tuple[str, ...] = ()
    liked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlabelledRow:
    """A row that no operator has labelled, and how many such rows there are with it."""

    row: str
    words: RowWords
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Broadcast:
    """A message to everybody: for how many it is, to how many of them it has gone out, and whether all are known yet."""

    id: str
    text: str
    at: datetime
    people: int
    sent: int
    is_spread: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Somebody who is to be told something, where, and as which users they are known."""

    person: PersonId
    address: AddressId
    users: tuple[tuple[ChannelName, str], ...]
