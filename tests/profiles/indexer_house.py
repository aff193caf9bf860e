"""What tests of the indexer need: a store with people who have memories, embedders with moods, and rounds until all is done."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bot.errors import EmbedderError, IndexUnavailable
from bot.memory_ports import StoredVector
from bot.memory_types import SELF, MemoryKind, NewMemory, Origin
from bot.store.folder import DataFolder
from bot.store.open import Stores, open_folder
from bot.store.vectors import StoredVectors
from bot.system import SystemClock, TimeOrderedIds
from bot.types import AddressId, PersonId, Scope
from bot.writes import AddMemory, MemoryWrite
from profiles.embed import HashEmbedder
from profiles.index import ChromaIndex, IndexState
from profiles.indexer import Indexer
from tests.profiles.index_talk import OPEN_S, PRIVATE
from tests.talk import Talk, address_of

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

CLOCK, IDS = SystemClock(), TimeOrderedIds()
HASH = HashEmbedder()
NAMES = ("lighthouse", "violin", "orchard", "marathon", "submarine", "bakery", "glacier", "typewriter", "carnival", "beehive")


class Interrupted(StoredVectors):
    """Something happens between a page being read and being put in."""

    meanwhile: Callable[[], Awaitable[None]] | None = None
    interruptions = 0

    async def by_person(self, embedder: str, *, after: tuple[PersonId, str], limit: int) -> Sequence[StoredVector]:
        page = await super().by_person(embedder, after=after, limit=limit)
        if self.meanwhile is not None and page:
            meanwhile, self.meanwhile = self.meanwhile, None
            self.interruptions += 1
            await meanwhile()
        return page


class Moody:
    """Hashed letters with a temper: it may be away, bear another name, or refuse texts with a certain word."""

    def __init__(self, name: str = "hash-1") -> None:
        self.name, self.dimension = name, HASH.dimension
        self.is_away, self.refuses = False, "never said"
        self.asked: list[list[str]] = []

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        self.asked.append(list(texts))
        if self.is_away or any(self.refuses in text for text in texts):
            raise EmbedderError("hash: away")
        return await HASH.embed(texts)

    async def aclose(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """A store, and people with memories in it."""

    stores: Stores
    vectors: Interrupted
    chroma: Path

    async def person(self, user: str, chat: str = "") -> tuple[PersonId, AddressId]:
        message = Talk(self.stores, CLOCK, IDS).message(at=address_of(user, chat))
        context = await self.stores.people.meet(message, history=0, now=CLOCK.now())
        return context.person.id, context.address_id

    async def write(self, *writes: MemoryWrite) -> None:
        await self.stores.memories.remember([], writes, CLOCK.now())

    async def remember(self, person: PersonId, *texts: str, group: AddressId | None = None) -> list[str]:
        ids = [IDS.new() for _ in texts]
        await self.write(
            *(
                AddMemory(person_id=person, group=group, id=id, what=said(text), stems=())
                for id, text in zip(ids, texts, strict=True)
            )
        )
        return ids

    def indexer(
        self, index: ChromaIndex, embedder: Moody | HashEmbedder = HASH, *, check_every_s: float = 3_600, look_s: float = 0.02
    ) -> Indexer:
        return Indexer(
            vectors=self.vectors,
            index=index,
            embedder=embedder,
            clock=CLOCK,
            pause_s=0.001,
            look_s=look_s,
            check_every_s=check_every_s,
        )


def said(text: str) -> NewMemory:
    return NewMemory(
        kind=MemoryKind.EPISODE,
        text=text,
        said_by=SELF,
        said_at=CLOCK.now(),
        session="s",
        position=0,
        origin=Origin.SAID,
        sources=("t",),
    )


def sayings(count: int, seed: int) -> list[str]:
    """So many texts, no two alike."""
    choose = random.Random(seed)
    return [f"{choose.choice(NAMES)} {choose.choice(NAMES)} {choose.randrange(10**9)} {number}" for number in range(count)]


@asynccontextmanager
async def opened_house(migrated: Path, folder: Path, before_call: Callable[[str], None] | None = None) -> AsyncIterator[House]:
    data = DataFolder.open(folder / "data")
    if not data.database.exists():
        shutil.copyfile(migrated, data.database)
    async with open_folder(data, clock=CLOCK, ids=IDS, before_call=before_call) as stores:
        yield House(stores=stores, vectors=Interrupted(stores.database), chroma=folder / "chroma")


def is_ready(index: ChromaIndex) -> bool:
    """Whether it is open and complete, now."""
    return index.status.state is IndexState.READY


@asynccontextmanager
async def running(indexer: Indexer) -> AsyncIterator[None]:
    """The indexer at work by itself."""
    task = asyncio.create_task(indexer.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def settled(indexer: Indexer, index: ChromaIndex) -> None:
    """Rounds until nothing is left to do and the index is ready."""
    async with asyncio.timeout(OPEN_S):
        while await indexer.run_once() or not is_ready(index):
            await asyncio.sleep(0)


async def found(index: ChromaIndex, person: PersonId, text: str, *scopes: Scope, limit: int = 5) -> list[str]:
    (row,) = await HASH.embed([text], is_query=True)
    return [hit.id for hit in await index.search(person, scopes or (PRIVATE,), row, limit, timeout_s=OPEN_S)]


async def agreement(house: House, index: ChromaIndex, people: Sequence[PersonId], probes: int = 50) -> float:
    """The share of the first five that the index finds of those that SQL's vectors, compared one by one, give."""
    agree = total = 0
    for number, text in enumerate(sayings(probes, 99)):
        person = people[number % len(people)]
        stored = await house.vectors.of(person, PRIVATE, index.embedder)
        rows = np.stack([np.frombuffer(one.vector, "<f2") for one in stored]).astype(np.float32)
        (row,) = await HASH.embed([text])
        best = {stored[place].id for place in np.argsort(-(rows @ row), kind="stable")[:5]}
        agree += len(best & set(await found(index, person, text)))
        total += 5
    return agree / total


async def filled(house: House, people: int, each: int) -> list[PersonId]:
    """People with so many memories, taking turns."""
    persons = [(await house.person(f"user {number}"))[0] for number in range(people)]
    texts = sayings(people * each, 1)
    for start in range(0, each, 50):
        for number, person in enumerate(persons):
            await house.remember(person, *texts[number * each + start : number * each + min(start + 50, each)])
    return persons


async def counts(index: ChromaIndex, people: Sequence[PersonId]) -> list[int]:
    """How many vectors of each are in; none while the index is away."""
    try:
        return [await index.count(person, PRIVATE) for person in people]
    except IndexUnavailable:
        return []
