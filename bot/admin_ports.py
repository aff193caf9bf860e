"""What the commands of admins need, as protocols, and the one record that they are built from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.admin_types import (
    AuditEntry,
    Broadcast,
    NightAsked,
    NightStanding,
    ShownExport,
    ShownPerson,
    ShownRun,
    UnlabelledRow,
    WaitingQuestion,
)
from bot.sharing_ports import AnswerDesk
from bot.types import ChannelName, Language


class AuditStore(Protocol):
    """What admins did: it grows, and nothing in it changes."""

    async def recent(self, limit: int) -> Sequence[AuditEntry]:
        """The newest entries, newest first."""


class Crowd(Protocol):
    """The people of this bot, for admins."""

    async def count(self) -> int:
        """How many there are."""

    async def newest(self, limit: int) -> Sequence[ShownPerson]:
        """Those who were heard of last, newest first."""

    async def tagged(self, tag: str) -> ShownPerson | None:
        """Whose id ends so; None for nobody, and for an end that two share."""

    async def user(self, channel: ChannelName, user: str) -> ShownPerson | None:
        """Who is behind a user of a channel."""


class BlockStore(Protocol):
    """Whom admins keep out. It knows keyed hashes of users, and no user: it outlasts their being forgotten."""

    async def is_blocked(self, hash: str) -> bool:
        """Whether whoever the hash stands for is kept out."""


class BroadcastStore(Protocol):
    """Messages to everybody."""

    async def reach(self) -> int:
        """How many people can be written to in private now."""

    async def recent(self, limit: int) -> Sequence[Broadcast]:
        """The newest ones, newest first."""

    async def text(self, id: str) -> str | None:
        """What one says; None when it is gone or too old to be said."""


class TrainingDesk(Protocol):
    """What admins see and decide about training files."""

    @property
    def is_on(self) -> bool:
        """Whether nights make files at all (`[learning] enabled`)."""

    def standing(self) -> NightStanding:
        """Where the night of this process stands."""

    def begin(self, asked: NightAsked) -> bool:
        """Make today's files of all that was rated until now, in the background; False while a night is under way."""

    async def ended(self) -> None:
        """Return once no night is under way in this process."""

    async def report(self, language: Language) -> str | None:
        """What the last night's files are good for, as Markdown; None where there was no night. Raises TrainingError."""

    async def exports(self) -> Sequence[ShownExport]:
        """The files that are there, newest date first. Raises TrainingError."""

    async def waiting(self) -> Sequence[WaitingQuestion]:
        """What waits for a decision, most useful first. Raises TrainingError and StoreError."""

    async def unlabelled(self, after: str = "") -> UnlabelledRow | None:
        """The next row after that one that no operator has labelled; None at the end. Raises StoreError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminDesk:
    """What the commands of admins are built from, besides what every handler has.

    `ready` gives each dependency with `ok` or what is wrong with it; `runs` the latest run of each nightly job, by name;
    `free_bytes` what is free on the disk of the data folder. `admins` are `channel:user`.
    """

    audit: AuditStore
    crowd: Crowd
    blocks: BlockStore
    broadcasts: BroadcastStore
    training: TrainingDesk
    answers: AnswerDesk
    ready: Callable[[], Awaitable[Mapping[str, str]]]
    runs: Callable[[], Awaitable[Sequence[ShownRun]]]
    free_bytes: Callable[[], int]
    began_at: datetime
    admins: frozenset[str]
