"""What an export brings becomes memories of one person: an episode for each message, facts by rules; all of it or nothing."""

from __future__ import annotations

import asyncio
import heapq
import threading
from base64 import b32hexencode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Final

from bot.lexical import guess_language
from bot.memory_ports import MemoryStore, PendingStore
from bot.memory_types import SELF, BadRecord, ImportedRecord, Memory, MemoryKind, NewMemory, Origin
from bot.types import Language, PersonId
from bot.writes import AddMemory, EndMemories, MemoryWrite
from profiles.facts.extract import extract
from profiles.facts.slots import Fact
from profiles.remember import LONGEST_SAID, shortened
from profiles.settling import settle

_LOOKED_UP: Final = 1_000
"""Ids looked for at a time."""

Found = Iterable[ImportedRecord | BadRecord]
OnBad = Callable[[BadRecord], None]
OnProgress = Callable[[int, int], None]
"""Is told how many of how many messages were gone through for facts, often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of an export: messages that are `new` or were `known`, records that were `bad`, `older` messages than fit.

    `facts` were drawn from the new ones.
    """

    new: int
    known: int
    bad: int
    older: int
    facts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message:
    """A message that is not remembered yet, with what it settles."""

    id: str
    record: ImportedRecord
    language: Language
    facts: tuple[Fact, ...]

    @property
    def source(self) -> str:
        return f"import:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The newest records of an export, in the order of time, and how many others there were."""

    records: Sequence[ImportedRecord]
    bad: int
    older: int


async def import_records(
    found: Found,
    *,
    person: PersonId,
    memories: MemoryStore,
    pending: PendingStore,
    most: int,
    at: datetime,
    language: Language,
    on_bad: OnBad | None = None,
    on_progress: OnProgress | None = None,
) -> Imported:
    """Remember the newest `most` messages of an export, in private, in one transaction; what is there already stays as it is.

    `language` is that of a message which shows none, in a session that has shown none before. `found` is read in a thread, and
    both callbacks are called there. What `found` raises passes through, with nothing stored. Raises StoreError.
    """
    stop = threading.Event()
    try:
        chosen = await asyncio.to_thread(_newest, found, most, on_bad, stop)
        records: dict[str, ImportedRecord] = {}
        for record in chosen.records:
            records.setdefault(_id(person, record.key), record)
        known = await _known(memories, person, list(records))
        fresh = [(one, record) for one, record in records.items() if one not in known]
        messages = await asyncio.to_thread(_read, fresh, language, on_progress, stop)
    finally:
        stop.set()
    slots = dict.fromkeys(fact.slot for message in messages for fact in message.facts)
    settling = _Settling(person, {slot: await memories.in_slot(person, None, slot) for slot in slots})
    writes = await asyncio.to_thread(settling.writes, messages)
    if writes:
        await pending.remember((), writes, at)
    return Imported(
        new=len(messages),
        known=len(chosen.records) - len(messages),
        bad=chosen.bad,
        older=chosen.older,
        facts=settling.facts,
    )


def _newest(found: Found, most: int, on_bad: OnBad | None, stop: threading.Event) -> _Chosen:
    kept: list[tuple[datetime, int, ImportedRecord]] = []
    bad = older = 0
    for number, record in enumerate(found):
        if stop.is_set():  # nobody waits for this any more
            break
        if isinstance(record, BadRecord):
            bad += 1
            if on_bad is not None:
                on_bad(record)
        elif record.text.strip():
            if len(kept) < most:
                heapq.heappush(kept, (record.said_at, number, record))
            else:
                heapq.heappushpop(kept, (record.said_at, number, record))
                older += 1
    return _Chosen(records=[record for _, _, record in sorted(kept)], bad=bad, older=older)


async def _known(memories: MemoryStore, person: PersonId, ids: Sequence[str]) -> set[str]:
    """Those of these ids that are remembered."""
    known: set[str] = set()
    for start in range(0, len(ids), _LOOKED_UP):
        known |= {memory.id for memory in await memories.memories(person, ids[start : start + _LOOKED_UP])}
    return known


def _read(
    fresh: Sequence[tuple[str, ImportedRecord]], language: Language, on_progress: OnProgress | None, stop: threading.Event
) -> list[_Message]:
    """The messages with their languages and, where they are the person's own, what they settle."""
    spoken: dict[str, Language] = {}
    messages = []
    for number, (key, record) in enumerate(fresh):
        if stop.is_set():  # nobody waits for this any more
            break
        if on_progress is not None:
            on_progress(number, len(fresh))
        seems = guess_language(record.text) or spoken.get(record.session, language)
        spoken[record.session] = seems
        facts = extract(record.text, seems, said_at=record.said_at) if record.is_own else ()
        messages.append(_Message(id=key, record=record, language=seems, facts=facts))
    return messages


class _Settling:
    """What is to be written, one message after the other, given what is stored and what came before in the same import."""

    def __init__(self, person: PersonId, stored: Mapping[str, Sequence[Memory]]) -> None:
        self._person = person
        self._there = {slot: _as_said(memories) for slot, memories in stored.items()}
        self._added: dict[str, AddMemory] = {}
        self._others: list[MemoryWrite] = []
        self.facts = 0

    def writes(self, messages: Iterable[_Message]) -> list[MemoryWrite]:
        """The writes for messages in the order of time."""
        for message in messages:
            self._take(_episode(message), message.id, [])
            for number, fact in enumerate(message.facts):
                there = self._there.setdefault(fact.slot, [])
                self._take(_fact(message, fact), _id(self._person, message.record.key, str(number)), there)
        return [*self._added.values(), *self._others]

    def _take(self, new: NewMemory, id: str, there: list[Memory]) -> None:
        """Settle `new` among what is `there` of its slot, and keep that up to date."""
        for write in settle(new, there, person=self._person, group=None, id=id):
            match write:
                case AddMemory():
                    self._added[id] = write
                    if new.kind is not MemoryKind.EPISODE:
                        self.facts += 1
                        there.append(_remembered(write, there))
                case EndMemories():
                    self._end(write, there, new.said_at)
                case _:
                    self._others.append(write)

    def _end(self, write: EndMemories, there: list[Memory], at: datetime) -> None:
        """End memories: what this import brings is history from the beginning."""
        there[:] = [
            replace(memory, superseded_by=write.by, ended_at=at) if memory.id in write.ids else memory for memory in there
        ]
        for ended in self._added.keys() & set(write.ids):
            self._added[ended] = replace(self._added[ended], superseded_by=write.by)
        if stored := tuple(one for one in write.ids if one not in self._added):
            self._others.append(replace(write, ids=stored))


def _as_said(memories: Sequence[Memory]) -> list[Memory]:
    """Memories that end when that was said which took their place, not when it came in: an import is all of the past."""
    at = {memory.id: memory.what.said_at for memory in memories}
    return [
        replace(memory, ended_at=at.get(memory.superseded_by or "", memory.ended_at)) if memory.ended_at else memory
        for memory in memories
    ]


def _remembered(write: AddMemory, there: Sequence[Memory]) -> Memory:
    """What `write` will have stored, as far as settling looks at it."""
    ended_at = next((memory.what.said_at for memory in there if memory.id == write.superseded_by), None)
    return Memory(
        id=write.id,
        what=write.what,
        created_at=write.what.said_at,
        supersedes=write.supersedes,
        superseded_by=write.superseded_by,
        ended_at=ended_at,
    )


def _episode(message: _Message) -> NewMemory:
    record = message.record
    return NewMemory(
        kind=MemoryKind.EPISODE,
        text=shortened(record.text, LONGEST_SAID),
        said_by=SELF if record.is_own else record.said_by,
        said_at=record.said_at,
        session=record.session,
        position=record.position,
        origin=Origin.IMPORTED,
        sources=(message.source,),
        language=message.language,
    )


def _fact(message: _Message, fact: Fact) -> NewMemory:
    record = message.record
    return NewMemory(
        kind=fact.kind,
        text=fact.text,
        said_by=SELF,
        said_at=record.said_at,
        session=record.session,
        position=record.position,
        origin=Origin.RULE,
        sources=(message.source,),
        language=fact.language,
        slot=fact.slot,
    )


def _id(person: PersonId, *parts: str) -> str:
    """26 letters and digits that are the same whenever the same record of the same person is imported."""
    digest = blake2b("\0".join(("import", person, *parts)).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return b32hexencode(digest).decode().rstrip("=").lower()
