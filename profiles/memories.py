"""What is remembered of a person, found when it is needed: by words from a book kept in memory, by meaning from the index.

A slow or broken embedder or index costs no more than the meaning: words decide alone then. What comes out is read from the
store at the end, so that nothing forgotten, ended or somebody else's can be among it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import numpy as np
from cachetools import LRUCache

from bot.errors import EmbedderError, IndexUnavailable
from bot.lexical import guess_language, surface
from bot.memory_ports import Hit, MemoryStore, MemoryVersion, StoredVector, VectorStore
from bot.memory_types import BOT, SELF, Memory, MemoryKind
from bot.ports import Clock
from bot.types import LANGUAGES, AddressId, Evidence, EvidenceKind, Language, PersonId, Scope
from profiles.asked import asks_what_was_answered, asks_what_was_asked
from profiles.ranking import Book, Ranked, Reading, dense_query, memory_stems, rank, read
from profiles.recall import shortened, within
from profiles.yardstick import Floats, Yardstick

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

CACHE_BYTES: Final = 64 * 1_048_576
MEANING_S: Final = 0.35
"""From the beginning of a recall until words decide alone; answers wait half a second for all of it."""
INDEX_S: Final = 0.2
"""Of that, what the index may take: the rest is for the vectors of the store."""
NEAREST: Final = 200
"""Vectors asked of the index: of some 700 memories, all of them found hardly more (docs/design.md)."""
MOST_RECALLED: Final = 10
_LOOKED_AT: Final = 30
"""Ranked memories of which the best are recalled: some say the same."""
_LARGEST_SHARE: Final = 3
"""No memory takes more than a third of the budget: a long one is cut."""
_INLINE: Final = 2_000
"""Memories ranked where it is asked, in a few milliseconds; more of them in a thread."""
_FEW: Final = 200
"""Changes that are put into a book one by one; beyond, it is opened anew."""

T = TypeVar("T")
Key = tuple[PersonId, Scope]


class QuestionEmbedder(Protocol):
    """An embedder that keeps the vectors of questions: `profiles.embed.CachedEmbedder`."""

    @property
    def name(self) -> str:
        """The embedder's."""

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        """Unit-length rows. Raises EmbedderError."""

    def clear(self) -> None:
        """Forget every question's vector."""


class VectorIndex(Protocol):
    """The index as far as it is searched: `profiles.index.ChromaIndex`."""

    async def search(
        self, person: PersonId, scopes: Sequence[Scope], vector: Vectors, limit: int, *, timeout_s: float
    ) -> Sequence[Hit]:
        """The nearest of this person in these scopes, best first. Raises IndexUnavailable."""


@dataclass(frozen=True, slots=True)
class _Means:
    """What meaning is compared with, once an embedder was chosen."""

    embedder: QuestionEmbedder
    index: VectorIndex
    yardstick: Yardstick


@dataclass(slots=True)
class _Shelf:
    """A book with what it was made of.

    `names` and `language` are the book's, `groups` those that memories came from; `vectors_of` names what the book's own
    vectors are: embedder and stamp. Whoever reads or changes the book holds `lock`, which a thread keeps though the task that
    waits for it gave up.
    """

    book: Book
    version: MemoryVersion
    names: tuple[str, ...] = ()
    language: Language = "en"
    groups: set[AddressId] = field(default_factory=set)
    vectors_of: tuple[str, str] = ("", "")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fill(self, memories: Iterable[Memory]) -> None:
        """Put live memories in."""
        live = [memory for memory in memories if memory.ended_at is None]
        self.book.fill((memory.id, memory.what, memory.stems) for memory in live)
        self.groups |= {AddressId(memory.group) for memory in live if memory.group is not None}
        self.names, self.language = self.book.names, self.book.language

    def caught_up(self, before: MemoryVersion, changed: Sequence[Memory], version: MemoryVersion) -> bool:
        """Take in what changed since `before`; False when something was forgotten besides, which it cannot name."""
        if self.version != before:
            return True  # somebody else did
        fresh = [memory for memory in changed if memory.id not in self.book]
        if before.count + len(fresh) != version.count:
            return False
        for memory in changed:
            self.book.remove(memory.id)
        self.fill(changed)
        self.version = version
        return True

    def detach(self) -> None:
        """Let go of the vectors."""
        self.book.drop_vectors()
        self.vectors_of = ("", "")

    def attach(self, vectors: Sequence[StoredVector], dimension: int, of: tuple[str, str]) -> None:
        """Give the book the store's vectors, so that it can be searched without an index."""
        self.book.drop_vectors()
        fitting = [one for one in vectors if one.id in self.book and len(one.vector) == 2 * dimension]
        rows = np.frombuffer(b"".join(one.vector for one in fitting), "<f2").reshape(-1, dimension).astype(np.float32)
        for one, row in zip(fitting, rows, strict=True):
            self.book.attach(one.id, row)
        self.vectors_of = of


@dataclass(frozen=True, slots=True)
class _Near:
    """A question's vector, and what the index found near it; None where that is unavailable."""

    vector: Floats
    hits: Sequence[Hit] | None


class MemoryRecall:
    """Finds one person's memories: `MemorySearch`, `PersonalData`, and the half of `Recall` that is about memories.

    There is no search without a person: books are kept by person and scope, the index has collections of each person's own,
    and whatever it names that is not in the book is dropped. Books live in a cache of at most `cache_bytes`.
    """

    def __init__(self, *, store: MemoryStore, vectors: VectorStore, clock: Clock, cache_bytes: int = CACHE_BYTES) -> None:
        self._store, self._vectors, self._clock = store, vectors, clock
        self._shelves: LRUCache[Key, _Shelf] = LRUCache(cache_bytes, getsizeof=lambda shelf: shelf.book.nbytes)
        self._openings: dict[Key, asyncio.Task[_Shelf]] = {}
        self._means: _Means | None = None
        self._forgotten = 0
        self._strays = 0

    @property
    def name(self) -> str:
        """`recalled memories`."""
        return "recalled memories"

    @property
    def strays(self) -> int:
        """How many memories the index has named that were not in the person's book: ended, forgotten or wrong."""
        return self._strays

    def use(self, embedder: QuestionEmbedder, index: VectorIndex, yardstick: Yardstick) -> None:
        """Compare meaning from now on. Until then words decide alone."""
        self._means = _Means(embedder, index, yardstick)
        self._shelves.clear()

    async def recall(self, person: PersonId, scope: Scope, text: str, *, budget: int) -> tuple[Evidence, ...]:
        """What is remembered and bears on `text`, best first: at most ten, and `budget` tokens. Raises StoreError.

        The bot's answers come only where the question is about them, and what the person merely asked only where it is about
        that. Of memories that say the same the best comes, and none that says just what is asked.
        """
        if budget <= 0 or not text.strip():
            return ()
        about_answers, about_questions = asks_what_was_answered(text), asks_what_was_asked(text)
        ranked = await self.ranked(
            person, scope, text, limit=_LOOKED_AT, with_answers=about_answers, with_questions=about_questions
        )
        scores = {one.id: one.score for one in ranked}
        said = {surface(text)}
        found: list[Evidence] = []
        for memory in await self._live(person, scope, scores):
            if (says := surface(memory.what.text)) not in said and len(found) < MOST_RECALLED:
                said.add(says)
                found.append(_evidence(memory, scores[memory.id], budget // _LARGEST_SHARE))
        return within(found, budget)

    async def find(self, person: PersonId, scope: Scope, text: str, *, limit: int) -> Sequence[Memory]:
        """The memories that fit `text` best, best first: where nothing is about it, those with one of its words."""
        if limit <= 0 or not text.strip():
            return ()
        ranked = await self.ranked(person, scope, text, limit=limit)
        if found := await self._live(person, scope, [one.id for one in ranked]):
            return found
        memories = await self._store.changed(person, scope)
        ids = await asyncio.to_thread(_sharing, memories, text, limit)
        return await self._live(person, scope, ids)

    async def ranked(
        self,
        person: PersonId,
        scope: Scope,
        text: str,
        *,
        limit: int,
        with_answers: bool = True,
        with_questions: bool = True,
    ) -> Sequence[Ranked]:
        """The person's memories that answer `text`, best first; see `profiles.ranking.rank`."""
        until = asyncio.get_running_loop().time() + MEANING_S
        kept = self._shelves.get((person, scope))
        # Whom the question names, and where to search, is mostly as it was: so nobody waits for the store first.
        early = None if kept is None else asyncio.create_task(self._near(person, scope, kept, text, until))
        try:
            shelf = await self._shelf(person, scope)
            if not len(shelf.book):
                return ()
            language, now = guess_language(text) or shelf.language, self._clock.now()

            def look() -> Reading | None:
                return read(shelf.book, text, language=language, now=now) if len(shelf.book) else None

            reading = await self._with(shelf, look)
            near = await (early or self._near(person, scope, shelf, text, until))
        finally:
            if early is not None:
                early.cancel()
        vector = None if near is None else near.vector
        hits = None if near is None else await self._hits(person, scope, shelf, near, until)

        def search() -> list[Ranked]:
            return rank(
                shelf.book,
                text,
                language=language,
                now=now,
                vector=vector,
                hits=hits,
                reading=reading,
                limit=limit,
                with_answers=with_answers,
                with_questions=with_questions,
            )

        return await self._with(shelf, search)

    async def export(self, person: PersonId) -> object:
        """Nothing of its own: it keeps copies of what the store exports."""
        return []

    async def forget(self, person: PersonId) -> None:
        """Let go of everything that is kept of a person, and of the vectors of everybody's questions."""
        self._forgotten += 1
        for kept in (self._shelves, self._openings):
            for key in [key for key in kept if key[0] == person]:
                del kept[key]
        if self._means is not None:
            self._means.embedder.clear()

    async def _live(self, person: PersonId, scope: Scope, ids: Iterable[str]) -> list[Memory]:
        """Those of these memories that the store has of this person, that live, and that the scope may read."""
        memories = await self._store.memories(person, list(ids))
        return [one for one in memories if one.ended_at is None and scope.group in (None, one.group)]

    # --- books ---

    async def _shelf(self, person: PersonId, scope: Scope) -> _Shelf:
        """The person's book as the store is now."""
        # Asked for before what changed, so that what is stored between the two is at worst read once more.
        version = await self._store.version(person, scope)
        key = person, scope
        shelf = self._shelves.get(key)
        if shelf is not None and (before := shelf.version) != version:
            changed = await self._store.changed(person, scope, after=before.stamp)
            shelf = shelf if await self._caught_up(shelf, before, changed, version) else None
            if shelf is not None and self._shelves.get(key) is shelf:
                self._keep(key, shelf)
        if shelf is not None:
            return shelf
        self._shelves.pop(key, None)
        if not version.count:
            return _Shelf(Book(), version)
        opening = self._openings.get(key)
        if opening is None:
            opening = self._openings[key] = asyncio.create_task(self._open(key), name="opening a book of memories")
            opening.add_done_callback(lambda task: self._opened(key, task))
        # Goes on, and is kept, though nobody may be waiting for it any more.
        return await asyncio.shield(opening)

    async def _caught_up(self, shelf: _Shelf, before: MemoryVersion, changed: Sequence[Memory], version: MemoryVersion) -> bool:
        if not before.stamp or len(changed) > _FEW:
            return False
        return await self._with(shelf, lambda: shelf.caught_up(before, changed, version))

    async def _open(self, key: Key) -> _Shelf:
        forgotten, means = self._forgotten, self._means
        person, scope = key
        version = await self._store.version(person, scope)
        memories = await self._store.changed(person, scope)
        shelf = _Shelf(Book(means.yardstick if means is not None else None), version)
        await asyncio.to_thread(shelf.fill, memories)
        # What was read before somebody was forgotten, or before an embedder was chosen, is not to be kept after it.
        if forgotten == self._forgotten and means is self._means:
            self._keep(key, shelf)
        return shelf

    def _opened(self, key: Key, task: asyncio.Task[_Shelf]) -> None:
        if self._openings.get(key) is task:
            del self._openings[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it; nobody may have

    def _keep(self, key: Key, shelf: _Shelf) -> None:
        """Keep a book, or keep it as large as it now is; the books of others make way."""
        self._shelves.pop(key, None)
        if shelf.book.nbytes <= self._shelves.maxsize:
            self._shelves[key] = shelf

    async def _with(self, shelf: _Shelf, work: Callable[[], T]) -> T:
        """What `work` on a shelf's book gives, alone with it; in a thread where that takes long or somebody is at it."""
        if len(shelf.book) <= _INLINE and shelf.lock.acquire(blocking=False):
            try:
                return work()
            finally:
                shelf.lock.release()

        def locked() -> T:
            with shelf.lock:
                return work()

        return await asyncio.to_thread(locked)

    # --- meaning ---

    async def _near(self, person: PersonId, scope: Scope, shelf: _Shelf, text: str, until: float) -> _Near | None:
        """What is near to the question; None when that cannot be told in time."""
        if (means := self._means) is None:
            return None
        groups = [] if scope.group is not None else [Scope(group=group) for group in sorted(shelf.groups)]
        try:
            async with asyncio.timeout_at(until):
                query = dense_query(text, shelf.names)
                vector: Floats = (await means.embedder.embed([query], is_query=True))[0]
                try:
                    hits = await means.index.search(person, [scope, *groups], vector, NEAREST, timeout_s=INDEX_S)
                except IndexUnavailable:
                    return _Near(vector, None)
                return _Near(vector, hits)
        except (TimeoutError, EmbedderError):
            return None

    async def _hits(
        self, person: PersonId, scope: Scope, shelf: _Shelf, near: _Near, until: float
    ) -> Mapping[str, float] | None:
        """The cosines of the book's memories that the index found; None where the book has the store's vectors instead."""
        if near.hits is not None:
            known = {hit.id: hit.score for hit in near.hits if hit.id in shelf.book}
            self._strays += len(near.hits) - len(known)
            if shelf.vectors_of[0]:
                await self._with(shelf, shelf.detach)
            return known
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._attach(person, scope, shelf, len(near.vector))
        return None

    async def _attach(self, person: PersonId, scope: Scope, shelf: _Shelf, dimension: int) -> None:
        """Read the vectors of the store into the book, unless they are there."""
        if (means := self._means) is None or shelf.vectors_of == (of := (means.embedder.name, shelf.version.stamp)):
            return
        vectors = await self._vectors.of(person, scope, means.embedder.name)
        await self._with(shelf, lambda: shelf.attach(vectors, dimension, of))
        if self._shelves.get((person, scope)) is shelf:
            self._keep((person, scope), shelf)


def _evidence(memory: Memory, score: float, most_tokens: int) -> Evidence:
    what = memory.what
    if what.kind is not MemoryKind.EPISODE:
        kind = EvidenceKind.FACT
    else:
        kind = EvidenceKind.ANSWERED if what.said_by == BOT else EvidenceKind.MEMORY
    return Evidence(
        kind=kind,
        text=shortened(what.text, most_tokens),
        source=memory.id,
        score=score,
        title="" if what.said_by in (SELF, BOT) else what.said_by,
        at=what.said_at,
    )


def _sharing(memories: Sequence[Memory], text: str, limit: int) -> list[str]:
    """The memories that contain `text`, or any of its content words, in either language; those with most first."""
    wanted = surface(text)
    stems = {one for language in LANGUAGES for one in memory_stems(text, language)}
    found = [
        (bool(wanted) and wanted in surface(memory.what.text), len(stems.intersection(memory.stems)), memory)
        for memory in memories
    ]
    best = sorted(found, key=lambda one: (one[0], one[1], one[2].what.said_at), reverse=True)
    return [memory.id for is_in, shared, memory in best if is_in or shared][:limit]
