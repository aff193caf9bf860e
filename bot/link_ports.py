"""What linking the places of one person needs of the store: a code's row, the places, and the chores behind two commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.channel_types import CodeKind
from bot.job_types import Job
from bot.types import ChannelName, PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCode:
    """A code's row: what it is good for, whose it is, until when, and whether somebody used it."""

    kind: CodeKind
    person_id: PersonId | None
    expires_at: datetime
    is_used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place that a person talks from: a user of a channel, in all its chats."""

    channel: ChannelName
    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """How much is held of a person: turns, and live memories."""

    turns: int
    memories: int


class LinkStore(Protocol):
    """What the commands about linking look up."""

    async def code(self, hash: str) -> StoredCode | None:
        """The code with this keyed hash."""

    async def places(self, person: PersonId) -> Sequence[Place]:
        """Where this person talks from, the place known longest first."""

    async def holdings(self, person: PersonId) -> Holdings:
        """How much is held of this person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What a chore has done: `other` is whose data went to, or came from, the person `person`.

    Joined, `other` is gone and `person` has all (None where that was forgotten since); separated, `other` is new.
    """

    person: PersonId | None
    other: PersonId


class LinkChores(Protocol):
    """Makes one person of two, and two of one. Both go on where a crash ended them, and change nothing the second time."""

    async def is_quiet(self, person: PersonId) -> bool:
        """Whether no message from any place of theirs is being answered."""

    async def join(self, job: Job, at: datetime) -> Moved | None:
        """Give everything of the chore's person to the one whose code they used; None where there is nothing to join.

        Raises StoreConflict, having joined nothing, when a message of theirs is being answered.
        """

    async def joined(self, job: Job) -> None:
        """It is all over: let go of the code."""

    async def part(self, job: Job, at: datetime) -> Moved | None:
        """Make a person of its own of the place where the chore was asked for; None where there is nothing to separate.

        Raises StoreConflict, having separated nothing, when a message of theirs is being answered.
        """
