"""What is remembered of a person, found when it is needed: by words from a book kept in memory, by meaning from the index.

A slow or broken embedder or index costs no more than the meaning: words decide alone then. What comes out is read from the
store at the end, so that nothing forgotten, ended or somebody else's can be among it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import numpy as np
from cachetools import LRUCache

from bot.errors import EmbedderError, IndexUnavailable, StoreError
from bot.lexical import guess_language, surface
from bot.memory_ports import Hit, MemoryStore, MemoryVersion, StoredVector, VectorStore
from bot.memory_types import BOT, SELF, Memory, MemoryKind
from bot.ports import Clock, Recalled
from bot.types import LANGUAGES, AddressId, Evidence, EvidenceKind, Language, PersonId, Scope
from profiles.asked import asks_what_was_answered, asks_what_was_asked
from profiles.facts.holding import holding
from profiles.ranking import Book, Ranked, Reading, dense_query, memory_stems, rank, read
from profiles.recall import shortened, within
from profiles.yardstick import Floats, Yardstick

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

CACHE_BYTES: Final = 64 * 1_048_576
DEADLINE_S: Final = 0.5
"""As answers wait for it unless the owner says otherwise (`recall.deadline_ms`)."""
MEANING_SHARE: Final = 0.7
"""Of the deadline, from the beginning of a recall until words decide alone."""
INDEX_SHARE: Final = 0.4
"""Of the deadline, what the index may take: the rest is for the vectors of the store."""
NEAREST: Final = 200
"""Vectors asked of the index: of some 700 memories, all of them found hardly more (docs/design.md)."""
_NEAREST_OF_MANY: Final = 100
_MANY: Final = 2_000
"""Of a larger book half as many: the search takes a third less."""
MOST_RECALLED: Final = 10
_LOOKED_AT: Final = 20
"""Ranked memories of which the best are recalled: some say the same."""
_LARGEST_SHARE: Final = 3
"""No memory takes more than a third of the budget: a long one is cut."""
_INLINE: Final = 12_000
"""Memories ranked where it is asked, in a millisecond or two; more of them in a thread."""
_SLICE: Final = 1_000
"""Vectors read from the store at once."""
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

    `names` and `language` are the book's, `groups` those that memories came from. `filling` reads vectors of the store into
    it; `filled` is the stamp up to which that was done. Whoever reads or changes the book holds `lock`, which a thread keeps
    though the task that waits for it gave up.
    """

    book: Book
    version: MemoryVersion
    names: tuple[str, ...] = ()
    language: Language = "en"
    groups: set[AddressId] = field(default_factory=set)
    filling: asyncio.Task[None] | None = None
    filled: str = ""
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
        self.filled = ""

    def attach(self, vectors: Sequence[StoredVector], dimension: int) -> None:
        """Give the book some of the store's vectors, so that it can be searched without an index."""
        for one in vectors:
            if one.id in self.book and len(one.vector) == 2 * dimension:
                self.book.attach(one.id, np.frombuffer(one.vector, "<f2"))

    def stop(self) -> None:
        """Read no more vectors."""
        if self.filling is not None:
            self.filling.cancel()


@dataclass(frozen=True, slots=True)
class _Near:
    """A question's vector, and what the index found near it; None where that is unavailable."""

    vector: Floats
    hits: Sequence[Hit] | None


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was found, best first, and whether meaning had no say where it should have had one."""

    ranked: Sequence[Ranked] = ()
    by_words_alone: bool = False


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
        self._strays, self._exact = 0, 0

    @property
    def name(self) -> str:
        """`recalled memories`."""
        return "recalled memories"

    @property
    def strays(self) -> int:
        """How many memories the index has named that were not in the person's book: ended, forgotten or wrong."""
        return self._strays

    @property
    def exact(self) -> int:
        """How many recalls compared the store's vectors, for want of the index: they find what others do, more slowly."""
        return self._exact

    @property
    def cached_bytes(self) -> int:
        """What the books that are kept are counted as."""
        return int(self._shelves.currsize)

    def use(self, embedder: QuestionEmbedder, index: VectorIndex, yardstick: Yardstick) -> None:
        """Compare meaning from now on. Until then words decide alone."""
        self._means = _Means(embedder, index, yardstick)
        self._shelves.clear()

    async def recall(
        self, person: PersonId, scope: Scope, text: str, *, budget: int, deadline_s: float = DEADLINE_S
    ) -> Recalled:
        """What is remembered and bears on `text`, best first: at most ten, and `budget` tokens. Raises StoreError.

        The bot's answers come only where the question is about them, and what the person merely asked only where it is about
        that. Of memories that say the same the best comes, and none that says just what is asked; nor what no longer holds
        beside what took its place. `deadline_s` is what it may take: meaning waits for no more than a share of it.
        """
        if budget <= 0 or not text.strip():
            return Recalled()
        shown = {"with_answers": asks_what_was_answered(text), "with_questions": asks_what_was_asked(text)}
        looked = await self._look((person, scope), text, limit=_LOOKED_AT, deadline_s=deadline_s, **shown)
        scores = {one.id: one.score for one in looked.ranked}
        said, found = {surface(text)}, list[Evidence]()
        for memory in await self._current(person, scope, list(scores)):
            if len(found) == MOST_RECALLED:
                break
            if (says := surface(memory.what.text)) not in said:
                said.add(says)
                found.append(_evidence(memory, scores[memory.id], budget // _LARGEST_SHARE))
        return Recalled(evidence=within(found, budget), is_partial=looked.by_words_alone)

    async def find(self, person: PersonId, scope: Scope, text: str, *, limit: int) -> Sequence[Memory]:
        """The memories with a word of `text`, those about it first; where none has one, those about it in other words."""
        if limit <= 0 or not text.strip():
            return ()
        ranked = [one.id for one in await self.ranked(person, scope, text, limit=4 * limit)]
        memories = await self._store.changed(person, scope)
        sharing = await asyncio.to_thread(_sharing, memories, text)
        among = set(sharing)
        ids = [*(one for one in ranked if one in among), *sharing] if sharing else ranked
        return _readable(await self._store.memories(person, list(dict.fromkeys(ids))[:limit]), scope)

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
        shown = {"with_answers": with_answers, "with_questions": with_questions}
        return (await self._look((person, scope), text, limit=limit, deadline_s=DEADLINE_S, **shown)).ranked

    async def _look(
        self, key: Key, text: str, *, limit: int, with_answers: bool, with_questions: bool, deadline_s: float
    ) -> _Looked:
        began = asyncio.get_running_loop().time()
        until, index_s = began + MEANING_SHARE * deadline_s, INDEX_SHARE * deadline_s
        kept = self._shelves.get(key)
        # Whom the question names, and where to search, is mostly as it was: so nobody waits for the store first.
        early = None if kept is None else asyncio.create_task(self._near(key, kept, text, until, index_s=index_s))
        try:
            await asyncio.sleep(0)  # the index searches while the words are read here
            shelf = await self._shelf(key)
            if not len(shelf.book):
                return _Looked()
            language, now = guess_language(text) or shelf.language, self._clock.now()

            def look() -> Reading | None:
                return read(shelf.book, text, language=language, now=now) if len(shelf.book) else None

            reading = await self._with(shelf, look)
            near = await (early or self._near(key, shelf, text, until, index_s=index_s))
        finally:
            if early is not None:
                early.cancel()
        hits = None if near is None else await self._hits(key, shelf, near)
        is_comparable = near is not None and (hits is not None or await self._attached(key, shelf, near, until))
        vector = near.vector if near is not None and is_comparable else None

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

        # Before an embedder is chosen, and while nothing of theirs is embedded yet, there is nothing that words lack.
        is_late = near is None or (not is_comparable and shelf.filled != shelf.version.stamp)
        return _Looked(await self._with(shelf, search), by_words_alone=self._means is not None and is_late)

    async def export(self, person: PersonId) -> object:
        """Nothing of its own: it keeps copies of what the store exports."""
        return []

    async def forget(self, person: PersonId) -> None:
        """Let go of everything that is kept of a person, and of the vectors of everybody's questions."""
        self._forgotten += 1
        for shelf in [shelf for key, shelf in self._shelves.items() if key[0] == person]:
            shelf.stop()
        for kept in (self._shelves, self._openings):
            for key in [key for key in kept if key[0] == person]:
                del kept[key]
        if self._means is not None:
            self._means.embedder.clear()

    async def _current(self, person: PersonId, scope: Scope, ids: Sequence[str]) -> Sequence[Memory]:
        """The live ones of these without what no longer holds, as far as that can be told."""
        if not ids:
            return ()
        found, replaced = await self._store.with_replaced(person, ids)
        return holding(_readable(found, scope), replaced)

    # --- books ---

    async def _shelf(self, key: Key) -> _Shelf:
        """The person's book as the store is now."""
        person, scope = key
        # Asked for before what changed, so that what is stored between the two is at worst read once more.
        version = await self._store.version(person, scope)
        shelf = self._shelves.get(key)
        if shelf is not None and (before := shelf.version) != version:
            changed = await self._store.changed(person, scope, after=before.stamp)
            shelf = shelf if await self._caught_up(shelf, before, changed, version) else None
            if shelf is not None:
                await self._account(key, shelf)
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

    async def _account(self, key: Key, shelf: _Shelf) -> None:
        """Where a book is still kept, keep it as large as it now is: without vectors where it is too large with them."""
        if shelf.book.nbytes > self._shelves.maxsize:
            shelf.stop()
            await self._with(shelf, shelf.detach)
        if self._shelves.get(key) is shelf:
            self._keep(key, shelf)

    def _keep(self, key: Key, shelf: _Shelf) -> None:
        """Keep a book; the books of others make way."""
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

    async def _near(self, key: Key, shelf: _Shelf, text: str, until: float, *, index_s: float) -> _Near | None:
        """What is near to the question; None when that cannot be told in time."""
        if (means := self._means) is None:
            return None
        person, scope = key
        nearest = NEAREST if len(shelf.book) <= _MANY else _NEAREST_OF_MANY
        groups = [] if scope.group is not None else [Scope(group=group) for group in sorted(shelf.groups)]
        try:
            async with asyncio.timeout_at(until):
                query = dense_query(text, shelf.names)
                vector: Floats = (await means.embedder.embed([query], is_query=True))[0]
                try:
                    hits = await means.index.search(person, [scope, *groups], vector, nearest, timeout_s=index_s)
                except IndexUnavailable:
                    return _Near(vector, None)
                return _Near(vector, hits)
        except (TimeoutError, EmbedderError):
            return None

    async def _hits(self, key: Key, shelf: _Shelf, near: _Near) -> Mapping[str, float] | None:
        """The cosines of the book's memories that the index found; None where it is unavailable."""
        if near.hits is None:
            return None
        known = {hit.id: hit.score for hit in near.hits if hit.id in shelf.book}
        self._strays += len(near.hits) - len(known)
        if shelf.book.has_vectors:
            shelf.stop()
            await self._with(shelf, shelf.detach)
            await self._account(key, shelf)
        return known

    async def _attached(self, key: Key, shelf: _Shelf, near: _Near, until: float) -> bool:
        """Whether the book has the vectors of the store, to be compared instead; what is not read in time is read on."""
        try:
            async with asyncio.timeout_at(until):
                if not await self._is_filled(key, shelf, len(near.vector)):
                    return False
        except (TimeoutError, StoreError):
            return False
        self._exact += 1
        return True

    async def _is_filled(self, key: Key, shelf: _Shelf, dimension: int) -> bool:
        if (means := self._means) is None:
            return False
        if shelf.filling is None:
            if shelf.filled == (stamp := shelf.version.stamp):
                return shelf.book.has_vectors
            if shelf.book.with_vectors_nbytes(dimension) > self._shelves.maxsize:
                return False
            work = self._fill(key, shelf, stamp, embedder=means.embedder.name, dimension=dimension)
            shelf.filling = asyncio.create_task(work, name="reading vectors of memories")
            shelf.filling.add_done_callback(partial(_ended, shelf))
        await asyncio.wait([filling := shelf.filling])
        return not filling.cancelled() and filling.exception() is None and shelf.book.has_vectors

    async def _fill(self, key: Key, shelf: _Shelf, stamp: str, *, embedder: str, dimension: int) -> None:
        """Read the vectors that the book has not into it, slice by slice."""
        missing = await self._with(shelf, shelf.book.without_vector)
        for start in range(0, len(missing), _SLICE):
            vectors = await self._vectors.of(*key, embedder, among=missing[start : start + _SLICE])
            await self._with(shelf, partial(shelf.attach, vectors, dimension))
            await self._account(key, shelf)
        shelf.filled = stamp


def _ended(shelf: _Shelf, filling: asyncio.Task[None]) -> None:
    if shelf.filling is filling:
        shelf.filling = None
    if not filling.cancelled():
        filling.exception()  # whoever waited has it; nobody may have


def _readable(memories: Iterable[Memory], scope: Scope) -> list[Memory]:
    """Those that live and that the scope may read."""
    return [one for one in memories if one.ended_at is None and scope.group in (None, one.group)]


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


def _sharing(memories: Sequence[Memory], text: str) -> list[str]:
    """The memories that contain `text`, or any of its content words, in either language; those with most first."""
    wanted = f" {surface(text)} "
    stems = {one for language in LANGUAGES for one in memory_stems(text, language)}
    if not stems:
        return []
    found = [(wanted in f" {surface(memory.what.text)} ", len(stems.intersection(memory.stems)), memory) for memory in memories]
    best = sorted(found, key=lambda one: (one[0], one[1], one[2].what.said_at), reverse=True)
    return [memory.id for is_in, shared, memory in best if is_in or shared]
