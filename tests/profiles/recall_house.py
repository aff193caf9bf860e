"""Memory recall on stand-ins: a store that counts and waits, vectors of four numbers, an embedder and index that may fail."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from bot.errors import EmbedderError, IndexUnavailable, StoreError
from bot.memory_ports import Hit, MemoryVersion, Removal, StoredVector, Unindexed
from bot.memory_types import SELF, Memory, MemoryKind, NewMemory, Origin
from bot.types import AddressId, Evidence, Outcome, PersonId, Scope
from bot.writes import AddMemory, DropMemories, EndMemories
from profiles.memories import MemoryRecall
from profiles.ranking import memory_stems
from profiles.wanted import mark_of
from profiles.yardstick import Floats, Yardstick
from tests.handlers.fake_memories import FakeMemories
from tests.handlers.fakes import ADA, NOW, FixedClock

PRIVATE = Scope()
CHESS, CHOIR = AddressId("chess club"), AddressId("choir")
BUDGET = 1_200
AXES = {"animals": "Any pets?", "travel": "Where to?", "music": "What shall we sing?", "nothing": ""}
YARDSTICK = Yardstick(commonplaces={"en": np.eye(4, dtype=np.float32)[3:], "es": np.eye(4, dtype=np.float32)[3:]})


def about(subject: str) -> Floats:
    vector: Floats = np.eye(4, dtype=np.float32)[list(AXES).index(subject)]
    return vector


@dataclass
class Stored(FakeMemories):
    """Memories as the database gives them. Counts openings, holds them back until `let_go`, and fails while `error` is set."""

    openings: int = 0
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event | None = None
    error: StoreError | None = None

    async def version(self, person: PersonId, scope: Scope) -> MemoryVersion:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return await super().version(person, scope)

    async def changed(self, person: PersonId, scope: Scope, *, after: str = "") -> Sequence[Memory]:
        found = await super().changed(person, scope, after=after)
        if not after:
            self.openings += 1
            self.is_asked.set()
            if self.let_go is not None:
                await self.let_go.wait()
        return found

    def say(
        self,
        person: PersonId,
        id: str,
        text: str,
        *,
        by: str = SELF,
        kind: MemoryKind = MemoryKind.EPISODE,
        origin: Origin = Origin.SAID,
        group: AddressId | None = None,
        days_ago: float = 30,
        session: str = "",
        position: int = 0,
        source: str = "",
        slot: str = "",
    ) -> None:
        """Remember something that was said."""
        what = NewMemory(
            kind=kind,
            text=text,
            said_by=by,
            said_at=NOW - timedelta(days=days_ago),
            session=session,
            position=position,
            origin=origin,
            sources=(source or f"source of {id}",),
            slot=slot,
        )
        stems = (*memory_stems(text), *([mark_of(slot)] if slot else []))
        write = AddMemory(person_id=person, group=group, id=id, what=what, stems=stems)
        self.take(Outcome(reply=None, writes=(write,)), NOW)

    def end(self, person: PersonId, id: str, by: str) -> None:
        self.take(Outcome(reply=None, writes=(EndMemories(person_id=person, ids=(id,), by=by),)), NOW)

    def drop(self, person: PersonId, *ids: str, revives: bool = False) -> None:
        self.take(Outcome(reply=None, writes=(DropMemories(person_id=person, ids=ids, revives=revives),)), NOW)


@dataclass
class Vectors:
    """A `VectorStore` that only knows whose vectors are which; counts reads, each of which `takes_s`, and vectors asked for."""

    rows: dict[tuple[PersonId, Scope], dict[str, Floats]] = field(default_factory=dict)
    reads: int = 0
    read: int = 0
    takes_s: float = 0.0

    async def of(
        self, person: PersonId, scope: Scope, embedder: str, *, among: Sequence[str] | None = None
    ) -> Sequence[StoredVector]:
        assert among is not None
        self.reads += 1
        self.read += len(among)
        await asyncio.sleep(self.takes_s)
        return [
            StoredVector(id=id, person=person, group=scope.group, vector=row.astype("<f2").tobytes())
            for id, row in self.rows.get((person, scope), {}).items()
            if id in among
        ]

    async def embedder(self) -> str:
        return ""

    async def unset(self, embedder: str, *, limit: int) -> int:
        return 0

    async def unindexed(self, embedder: str, *, limit: int) -> Sequence[Unindexed]:
        return ()

    async def store(self, embedder: str, vectors: Sequence[StoredVector]) -> None:
        raise AssertionError("recall never writes")

    async def indexed(self, embedder: str, ids: Sequence[str]) -> None:
        raise AssertionError("recall never writes")

    async def page(self, embedder: str, *, after: str, limit: int) -> Sequence[StoredVector]:
        return ()

    async def removals(self, *, limit: int) -> Sequence[Removal]:
        return ()

    async def removed(self, ids: Sequence[str]) -> None:
        raise AssertionError("recall never writes")

    async def counts(self, embedder: str, *, limit: int) -> Sequence[tuple[PersonId, AddressId | None, int]]:
        return ()


@dataclass
class Embedding:
    """Knows what the questions in `AXES` are about; anything else is about nothing."""

    error: EmbedderError | None = None
    hangs: bool = False
    takes_s: float = 0.0
    asked: list[str] = field(default_factory=list)
    cleared: int = 0
    name: str = "four-1"

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Floats:
        assert is_query
        self.asked += texts
        if self.hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        subjects = {question: subject for subject, question in AXES.items()}
        rows: Floats = np.stack([about(subjects.get(text, "nothing")) for text in texts])
        return rows

    def clear(self) -> None:
        self.cleared += 1


@dataclass
class Index:
    """Holds vectors by person and place; `strays` are named besides, whoever asks."""

    rows: dict[tuple[PersonId, Scope], dict[str, Floats]] = field(default_factory=dict)
    is_down: bool = False
    hangs: bool = False
    strays: tuple[str, ...] = ()
    asked: list[tuple[PersonId, tuple[Scope, ...]]] = field(default_factory=list)

    async def search(
        self, person: PersonId, scopes: Sequence[Scope], vector: Floats, limit: int, *, timeout_s: float
    ) -> Sequence[Hit]:
        self.asked.append((person, tuple(scopes)))
        if self.hangs:
            await asyncio.sleep(timeout_s)
        if self.is_down or self.hangs:
            raise IndexUnavailable("down")
        near = [Hit(id=id, score=float(row @ vector)) for scope in scopes for id, row in self._of(person, scope).items()]
        return [*(Hit(id=id, score=1.0) for id in self.strays), *sorted(near, key=lambda hit: -hit.score)][:limit]

    def _of(self, person: PersonId, scope: Scope) -> dict[str, Floats]:
        return self.rows.get((person, scope), {})


@dataclass
class House:
    """Memory recall with everything it looks into."""

    stored: Stored = field(default_factory=Stored)
    vectors: Vectors = field(default_factory=Vectors)
    embedding: Embedding = field(default_factory=Embedding)
    index: Index = field(default_factory=Index)

    def __post_init__(self) -> None:
        self.memories = MemoryRecall(store=self.stored, vectors=self.vectors, clock=FixedClock())

    def mean(self) -> None:
        """An embedder was chosen."""
        self.memories.use(self.embedding, self.index, YARDSTICK)

    def knows(self, person: PersonId, id: str, subject: str, *, place: Scope = PRIVATE) -> None:
        """The vector of a memory is in the index and in the store."""
        self.index.rows.setdefault((person, place), {})[id] = about(subject)
        for scope in {place, PRIVATE}:
            self.vectors.rows.setdefault((person, scope), {})[id] = about(subject)

    async def texts(self, question: str, person: PersonId = ADA, scope: Scope = PRIVATE) -> list[str]:
        return [one.text for one in await self.recalled(question, person, scope)]

    async def recalled(
        self, question: str, person: PersonId = ADA, scope: Scope = PRIVATE, *, budget: int = BUDGET
    ) -> tuple[Evidence, ...]:
        return (await self.memories.recall(person, scope, question, budget=budget)).evidence
