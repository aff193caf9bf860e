"""Memories as they are written after a turn, and people in several places whom they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.memory_ports import StoredVector
from bot.memory_types import SELF, MemoryKind, NewMemory, Origin
from bot.store.open import Stores
from bot.types import AddressId, PersonId
from bot.writes import AddMemory, MemoryWrite
from tests.fakes import NOON
from tests.store.tables import found
from tests.talk import Talk, address_of

HASH, ONNX = "hash-1", "onnx/small@1a2b"
TABLES = ("memories", "memory_sources", "memory_vectors", "index_removals", "pending_memories")
FACT = NewMemory(
    kind=MemoryKind.FACT,
    text="Vive en Lima",
    said_by=SELF,
    said_at=NOON,
    session="s1",
    position=3,
    origin=Origin.RULE,
    sources=("t1",),
    language="es",
    slot="home",
)
EPISODE = replace(FACT, kind=MemoryKind.EPISODE, text="Ayer llegué a Lima", origin=Origin.SAID, slot="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Somebody who has talked in private and in a group, and the addresses of theirs."""

    id: PersonId
    private: AddressId
    group: AddressId


async def known(talk: Talk, user: str = "ana") -> Known:
    """Somebody new."""
    private = (await talk.say(at=address_of(user))).context
    return Known(id=private.person.id, private=private.address_id, group=await joined(talk, "a group", user))


async def joined(talk: Talk, chat: str, user: str = "ana") -> AddressId:
    """Another group that somebody talks in."""
    return (await talk.say(at=address_of(user, chat=chat))).context.address_id


def added(
    person: PersonId,
    id: str,
    what: NewMemory = FACT,
    *,
    group: AddressId | None = None,
    text: str = "",
    slot: str | None = None,
    sources: tuple[str, ...] = (),
    said_at: datetime | None = None,
    stems: tuple[str, ...] = ("viv", "lim"),
    supersedes: str | None = None,
    superseded_by: str | None = None,
) -> AddMemory:
    """The write that remembers something, `what` but for the values that are given."""
    return AddMemory(
        person_id=person,
        group=group,
        id=id,
        what=replace(
            what,
            text=text or what.text,
            slot=what.slot if slot is None else slot,
            sources=sources or what.sources,
            said_at=said_at or what.said_at,
        ),
        stems=stems,
        supersedes=supersedes,
        superseded_by=superseded_by,
    )


async def write(stores: Stores, *writes: MemoryWrite) -> None:
    """Commit these writes in one transaction."""
    await stores.memories.remember((), writes, NOON)


async def embed(
    stores: Stores,
    person: PersonId,
    *ids: str,
    group: AddressId | None = None,
    embedder: str = HASH,
    vector: bytes = b"\x00\x3c\x00\x00",
    is_indexed: bool = True,
) -> None:
    """Give memories a vector, and put them into the index."""
    await stores.vectors.store(embedder, [StoredVector(id=one, person=person, group=group, vector=vector) for one in ids])
    if is_indexed:
        await stores.vectors.indexed(embedder, ids)


def held(path: Path, tables: Sequence[str] = TABLES) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of these tables."""
    return {table: found(path, f'SELECT * FROM "{table}" ORDER BY 1, 2') for table in tables}
