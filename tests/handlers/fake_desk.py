"""What admins' commands are built from, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.admin_ports import AdminDesk
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
from bot.errors import TrainingError
from bot.types import ChannelName, Language
from tests.handlers.fake_sharing import FakeSharing

BEGAN = datetime(2026, 11, 30, 10, 30, tzinfo=UTC)
"""When the bot began: an hour and a half before `fakes.NOW`."""


@dataclass
class FakeAudit:
    """Holds entries, newest first."""

    entries: list[AuditEntry] = field(default_factory=list)

    async def recent(self, limit: int) -> Sequence[AuditEntry]:
        return self.entries[:limit]


@dataclass
class FakeCrowd:
    """Holds people, newest first."""

    people: list[ShownPerson] = field(default_factory=list)

    async def count(self) -> int:
        return len(self.people)

    async def newest(self, limit: int) -> Sequence[ShownPerson]:
        return self.people[:limit]

    async def tagged(self, tag: str) -> ShownPerson | None:
        found = [one for one in self.people if len(tag) >= 8 and one.id.endswith(tag.lower())]
        return found[0] if len(found) == 1 else None

    async def user(self, channel: ChannelName, user: str) -> ShownPerson | None:
        return next((one for one in self.people if (channel, user) in one.users), None)


@dataclass
class FakeBlocks:
    """Holds hashes."""

    hashes: set[str] = field(default_factory=set)

    async def is_blocked(self, hash: str) -> bool:
        return hash in self.hashes


@dataclass
class FakeBroadcasts:
    """Holds what was told everybody, newest first; `people` can be reached."""

    told: list[Broadcast] = field(default_factory=list)
    people: int = 3

    async def reach(self) -> int:
        return self.people

    async def recent(self, limit: int) -> Sequence[Broadcast]:
        return self.told[:limit]

    async def text(self, id: str) -> str | None:
        return next((one.text for one in self.told if one.id == id), None)


@dataclass
class FakeTraining:
    """Says what it is given; a night that was begun runs until `ends` is set, and then `then` is how it stands."""

    is_on: bool = True
    now: NightStanding = field(default_factory=NightStanding)
    then: NightStanding = field(default_factory=NightStanding)
    asked: list[NightAsked] = field(default_factory=list)
    ends: asyncio.Event = field(default_factory=asyncio.Event)
    markdown: str | None = None
    files: list[ShownExport] = field(default_factory=list)
    questions: list[WaitingQuestion] = field(default_factory=list)
    rows: list[UnlabelledRow] = field(default_factory=list)
    error: TrainingError | None = None

    def standing(self) -> NightStanding:
        return self.now

    def begin(self, asked: NightAsked) -> bool:
        if self.now.is_running:
            return False
        self.asked.append(asked)
        self.now = NightStanding(is_running=True, began_at=BEGAN, last=self.now.last)
        return True

    async def ended(self) -> None:
        if self.now.is_running:
            await self.ends.wait()
            self.now = self.then

    async def report(self, language: Language) -> str | None:
        self._fail()
        return self.markdown

    async def exports(self) -> Sequence[ShownExport]:
        self._fail()
        return self.files

    async def waiting(self) -> Sequence[WaitingQuestion]:
        self._fail()
        return self.questions

    async def unlabelled(self, after: str = "") -> UnlabelledRow | None:
        self._fail()
        return next((one for one in self.rows if one.row > after), None)

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


def desk(
    *,
    audit: FakeAudit | None = None,
    crowd: FakeCrowd | None = None,
    blocks: FakeBlocks | None = None,
    broadcasts: FakeBroadcasts | None = None,
    training: FakeTraining | None = None,
    answers: FakeSharing | None = None,
    ready: Mapping[str, str] | None = None,
    runs: Sequence[ShownRun] = (),
    free_bytes: int = 50 * 10**9,
    admins: frozenset[str] = frozenset({"telegram:1"}),
) -> AdminDesk:
    """A desk of a bot that began an hour and a half ago."""

    async def all_ready() -> Mapping[str, str]:
        return ready or {"store": "ok", "intake": "ok", "models": "ok"}

    async def all_runs() -> Sequence[ShownRun]:
        return runs

    return AdminDesk(
        audit=audit or FakeAudit(),
        crowd=crowd or FakeCrowd(),
        blocks=blocks or FakeBlocks(),
        broadcasts=broadcasts or FakeBroadcasts(),
        training=training or FakeTraining(),
        answers=answers or FakeSharing(),
        ready=all_ready,
        runs=all_runs,
        free_bytes=lambda: free_bytes,
        began_at=BEGAN,
        admins=admins,
    )
