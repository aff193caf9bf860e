"""Memories in memory: `MemoryStore` and `MemorySearch` as the database keeps them, for tests of what handlers do with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.memory_ports import MemoryVersion
from bot.memory_types import SELF, Memory, MemoryKind, NewMemory, Origin
from bot.types import AddressId, Outcome, PersonId, Scope
from bot.writes import (
    AddMemory,
    AddMemorySource,
    DropAllMemories,
    DropMemories,
    DropMemorySource,
    EndMemories,
    SetRemembering,
    Write,
)

BEGAN = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
"""When the first memory that a test adds was said; each later one a day after the one before."""


@dataclass
class FakeMemories:
    """Everybody's memories. `take` does what a turn's transaction would do with an outcome."""

    stored: dict[PersonId, list[Memory]] = field(default_factory=dict)
    stamps: dict[str, str] = field(default_factory=dict)
    remembers: dict[PersonId, bool] = field(default_factory=dict)
    used: dict[str, set[str]] = field(default_factory=dict)
    """The answers that are kept as memories, with the memories that each was given from."""
    changes: int = 0

    async def version(self, person: PersonId, scope: Scope) -> MemoryVersion:
        found = self._of(person, scope)
        return MemoryVersion(count=len(found), stamp=max((self.stamps[memory.id] for memory in found), default=""))

    async def changed(self, person: PersonId, scope: Scope, *, after: str = "") -> Sequence[Memory]:
        found = sorted(self._of(person, scope), key=lambda memory: memory.id)
        wanted = [memory for memory in found if (self.stamps[memory.id] > after if after else memory.ended_at is None)]
        return [replace(memory, what=replace(memory.what, sources=())) for memory in wanted]

    async def memories(self, person: PersonId, ids: Sequence[str]) -> Sequence[Memory]:
        found = {memory.id: memory for memory in self._sourced(person)}
        return [found[one] for one in dict.fromkeys(ids) if one in found]

    async def page(
        self, person: PersonId, scope: Scope, *, distilled: bool, limit: int, offset: int = 0
    ) -> tuple[Sequence[Memory], int]:
        found = [
            memory
            for memory in self._sourced(person, scope)
            if memory.ended_at is None and (memory.what.kind is not MemoryKind.EPISODE) is distilled
        ]
        return found[offset : offset + limit], len(found)

    async def in_slot(self, person: PersonId, group: AddressId | None, slot: str) -> Sequence[Memory]:
        return [
            memory
            for memory in self._sourced(person)
            if memory.group == group
            and memory.what.slot == slot
            and memory.what.kind is not MemoryKind.EPISODE
            and (slot or memory.ended_at is None)
        ]

    async def sourced(self, person: PersonId, source: str) -> Sequence[Memory]:
        return [memory for memory in self._sourced(person) if source in memory.what.sources]

    async def with_replaced(self, person: PersonId, ids: Sequence[str]) -> tuple[Sequence[Memory], Sequence[Memory]]:
        found = await self.memories(person, ids)
        sources = {source for memory in found for source in memory.what.sources}
        return found, [
            memory
            for memory in self._sourced(person)
            if memory.ended_at is not None
            and memory.what.kind is not MemoryKind.EPISODE
            and not sources.isdisjoint(memory.what.sources)
        ]

    async def related(self, person: PersonId, id: str) -> Sequence[Memory]:
        everything = self._sourced(person)
        found: dict[str, Memory] = {}
        looked_at: set[str] = set()
        wanted = {id}
        while wanted:
            looked_at |= wanted
            sources = {source for memory in everything if memory.id in wanted for source in memory.what.sources}
            for memory in everything:
                if memory.id in wanted or sources & set(memory.what.sources) or memory.superseded_by in wanted:
                    found[memory.id] = memory
            wanted = {memory.id for memory in found.values() if memory.superseded_by in looked_at} - looked_at
        while resting := [one for one in everything if one.id not in found and self.used.get(one.id, set()) & found.keys()]:
            found |= {one.id: one for one in resting}
        return sorted(found.values(), key=lambda memory: memory.id != id)

    async def find(self, person: PersonId, scope: Scope, text: str, *, limit: int) -> Sequence[Memory]:
        """Live memories that share a word of four letters or more with `text`, those that share most first."""
        asked = _words(text)
        live = [memory for memory in self._sourced(person, scope) if memory.ended_at is None]
        found = [memory for memory in live if asked & _words(memory.what.text)]
        return sorted(found, key=lambda memory: -len(asked & _words(memory.what.text)))[:limit]

    def add(
        self,
        person: PersonId,
        id: str,
        text: str,
        *,
        kind: MemoryKind = MemoryKind.FACT,
        origin: Origin = Origin.RULE,
        sources: Sequence[str] = (),
        slot: str = "",
        group: str | None = None,
        said_by: str = SELF,
        said_at: datetime | None = None,
        language: str = "",
    ) -> None:
        """Store a memory."""
        at = said_at or BEGAN + timedelta(days=len(self.stored.get(person, ())))
        what = NewMemory(
            kind=kind,
            text=text,
            said_by=said_by,
            said_at=at,
            session="k1",
            position=0,
            origin=origin,
            sources=tuple(sources) or (f"source-of-{id}",),
            language=language,
            slot=slot,
        )
        self._put(person, Memory(id=id, what=what, created_at=at, group=group))

    def end(self, person: PersonId, id: str, *, by: str) -> None:
        """Make a memory history."""
        for memory in self._named(person, (id,)):
            self._put(person, replace(memory, superseded_by=by, ended_at=BEGAN))

    def texts(self, person: PersonId) -> list[str]:
        """What lives of a person, newest first."""
        return [memory.what.text for memory in self._sourced(person) if memory.ended_at is None]

    def take(self, outcome: Outcome, at: datetime) -> None:
        """Store what an outcome asks for, as far as it is about memories: additions first, deletions last."""
        for write in sorted(outcome.writes, key=_rank):
            self._take(write, at)

    def _take(self, write: Write, at: datetime) -> None:
        match write:
            case SetRemembering():
                self.remembers[write.person_id] = write.remembers
            case AddMemory():
                self._add(write, at)
            case AddMemorySource():
                for memory in self._named(write.person_id, (write.id,)):
                    self._sources(write.person_id, memory, (*memory.what.sources, write.source))
            case EndMemories():
                for memory in self._named(write.person_id, write.ids):
                    if memory.ended_at is None:
                        self._put(write.person_id, replace(memory, superseded_by=write.by, ended_at=at))
            case DropMemories():
                self._drop(write)
            case DropMemorySource():
                for memory in list(self.stored.get(write.person_id, ())):
                    left = tuple(source for source in memory.what.sources if source != write.source)
                    self._sources(write.person_id, memory, left)
            case DropAllMemories():
                self.stored.pop(write.person_id, None)
            case _:
                pass

    def _add(self, write: AddMemory, at: datetime) -> None:
        if any(memory.id == write.id for memories in self.stored.values() for memory in memories):
            return
        added = Memory(
            id=write.id,
            what=write.what,
            created_at=at,
            group=write.group,
            stems=write.stems,
            supersedes=write.supersedes,
            superseded_by=write.superseded_by,
            ended_at=at if write.superseded_by is not None else None,
        )
        self._put(write.person_id, added)

    def _drop(self, write: DropMemories) -> None:
        kept = [memory for memory in self.stored.get(write.person_id, ()) if memory.id not in write.ids]
        self.stored[write.person_id] = kept
        for memory in [one for one in kept if write.revives and one.superseded_by in write.ids]:
            self._put(write.person_id, replace(memory, superseded_by=None, ended_at=None))

    def _sources(self, person: PersonId, memory: Memory, sources: tuple[str, ...]) -> None:
        self._put(person, replace(memory, what=replace(memory.what, sources=tuple(dict.fromkeys(sources)))))

    def _put(self, person: PersonId, memory: Memory) -> None:
        self.changes += 1
        self.stamps[memory.id] = f"{self.changes:06}"
        others = [one for one in self.stored.get(person, ()) if one.id != memory.id]
        self.stored[person] = [*others, memory]

    def _of(self, person: PersonId, scope: Scope) -> list[Memory]:
        return [memory for memory in self.stored.get(person, ()) if scope.group is None or memory.group == scope.group]

    def _named(self, person: PersonId, ids: Sequence[str]) -> list[Memory]:
        return [memory for memory in self.stored.get(person, ()) if memory.id in ids]

    def _sourced(self, person: PersonId, scope: Scope | None = None) -> list[Memory]:
        """Without stems, as the store gives what is not searched; newest first."""
        found = self._of(person, scope or Scope())
        newest_first = sorted(found, key=lambda memory: (memory.what.said_at, memory.id), reverse=True)
        return [replace(memory, stems=()) for memory in newest_first]


def _words(text: str) -> set[str]:
    return {word for word in "".join(c if c.isalnum() else " " for c in text.casefold()).split() if len(word) > 3}


def _rank(write: Write) -> int:
    """Where a write stands in a transaction: what is added before what is changed before what is taken away."""
    if isinstance(write, (AddMemory, AddMemorySource)):
        return 0
    return 2 if isinstance(write, (DropMemories, DropMemorySource, DropAllMemories)) else 1
