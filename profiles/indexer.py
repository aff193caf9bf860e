"""Memories become vectors in SQL and entries of the index; what was forgotten leaves it, and one that was lost is filled anew.

SQL is the truth, and everything here can be done again: after a kill the same work is found there. Whatever goes into the
index or leaves it passes through one pair of hands, one step after the other. So a memory that is forgotten between being read
and being put in leaves again: that it has to is in SQL by then, and is looked for in the next round.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import structlog

from bot.errors import IndexUnavailable, StoreError
from bot.memory_ports import Embedder, StoredVector, Unindexed
from bot.ports import Clock
from bot.types import PersonId, Scope
from profiles.embedding import FIRST_PAUSE_S, LONGEST_PAUSE_S, Embedding, Trouble, VectorsToIndex

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

_log = structlog.get_logger("martin.indexer")

PAUSE_S: Final = 0.01
LOOK_S: Final = 2.0
"""How often to look for something to do where nobody said that there is: what was forgotten, an index that was lost."""
CHECK_EVERY_S: Final = 3_600.0
STUCK_S: Final = 180.0
"""After so long without a step forward `reindex` gives up."""
_PUT_IN: Final = 100
_PAGE: Final = 500
"""Memories that are embedded, put in, or put in again at a time; others get their turn in between."""
_REMOVALS: Final = 500
_CHECKED_PEOPLE: Final = 50
_START: Final = (PersonId(""), "")


class Index(Protocol):
    """What is kept filled: the vectors of one embedder. Raises IndexUnavailable."""

    @property
    def embedder(self) -> str:
        """The name of the embedder whose vectors are in."""

    @property
    def is_open(self) -> bool:
        """Whether it takes vectors and lets them go, complete or not."""

    @property
    def rebuild(self) -> int | None:
        """The number of the rebuild that is wanted, another one after each loss of what was put in; None when all is in."""

    async def add(self, person: PersonId, scope: Scope, ids: Sequence[str], vectors: Vectors) -> None:
        """Put vectors in; one that is there already stays."""

    async def remove(self, person: PersonId, scope: Scope, ids: Sequence[str]) -> None:
        """Take vectors out."""

    async def forget(self, person: PersonId) -> None:
        """Take out every vector of the person."""

    async def discard(self) -> None:
        """Erase all that is in; returns when it is open again and wants to be rebuilt."""

    async def rebuilt(self, rebuild: int) -> None:
        """All is in."""

    async def check(self, expected: Mapping[tuple[PersonId, Scope], int]) -> None:
        """Look whether it works and so many vectors are in; where not, it is erased and wants to be rebuilt."""

    async def tidy(self) -> None:
        """Leave no byte of what was taken out."""


@dataclass(slots=True, kw_only=True)
class _Rebuild:
    """How far a rebuild has come."""

    number: int
    began_at: float
    after: tuple[PersonId, str] = _START
    done: int = 0


class Indexer:
    """Keeps vectors and index in step with the memories, and is the `PersonalData` owner of the index.

    Vectors go into the index as they are stored, in float16, so that a rebuild finds the same neighbours. While one is wanted,
    what is new is only embedded: it is put in with the rest, and until then is found in SQL.
    """

    def __init__(
        self,
        *,
        vectors: VectorsToIndex,
        index: Index,
        embedder: Embedder,
        clock: Clock,
        pause_s: float = PAUSE_S,
        look_s: float = LOOK_S,
        check_every_s: float = CHECK_EVERY_S,
    ) -> None:
        self._vectors, self._index, self._clock = vectors, index, clock
        self._pause_s, self._look_s, self._check_every_s = pause_s, look_s, check_every_s
        self._embedding = Embedding(vectors, embedder, index.embedder, clock)
        self._trouble = Trouble("index", clock)
        self._to_embed, self._to_put_in = asyncio.Event(), asyncio.Event()
        self._batch, self._round, self._step = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
        self._rebuild: _Rebuild | None = None
        self._forgotten: set[PersonId] = set()
        self._check_at = clock.monotonic()
        self._put_in = 0

    @property
    def name(self) -> str:
        """`index`."""
        return "index"

    async def export(self, person: PersonId) -> object:
        """How many vectors of the person there are by the present embedder; they themselves come with the memories."""
        return {"vectors": {self._present: len(await self._vectors.of(person, Scope(), self._present))}}

    async def forget(self, person: PersonId) -> None:
        """Take every vector of the person out of the index; none is put in afterwards. Raises IndexUnavailable."""
        self._forgotten.add(person)
        async with self._step:
            pass  # what was on its way has come in
        await self._index.forget(person)

    def wake(self) -> None:
        """There may be something to do."""
        self._to_embed.set()
        self._to_put_in.set()

    async def run(self) -> None:
        """Embed and index, each at its own pace, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._repeat(self._embed, self._to_embed), name="embedding")
            tasks.create_task(self._repeat(self._put, self._to_put_in), name="indexing")

    async def run_once(self) -> int:
        """A little of everything that is to be done; how many memories that concerned.

        0 when nothing is left, or nothing can be done as embedder and index stand. Raises StoreError.
        """
        return await self._embed() + await self._put()

    async def check(self) -> None:
        """Have the index look whether it holds what it must, for some people. Raises IndexUnavailable where it does not."""
        async with self._round:
            while not await self._is_checked():
                if not await self._once():
                    raise self._trouble.error or IndexUnavailable("it is not up to date: its vectors cannot be counted")

    async def reindex(self, show: Callable[[int, int], None] | None = None) -> None:
        """Everything into a fresh index; what has no vector is embedded. `show` is told how much of how much is done, often.

        Raises IndexUnavailable and EmbedderError when nothing moves for `STUCK_S`, and StoreError.
        """
        async with self._round:
            await self._index.discard()
            live, embedded = await self._vectors.numbers(self._present)
            total, began = 2 * live - embedded, self._embedding.done + self._put_in
        moved_at = self._clock.monotonic()
        while True:
            if await self.run_once():
                moved_at = self._clock.monotonic()
            elif await self._is_done():
                break
            elif self._clock.monotonic() - moved_at > STUCK_S:
                raise self._embedding.error or self._trouble.error or IndexUnavailable("it does not come up")
            else:
                await asyncio.sleep(FIRST_PAUSE_S / 10)
            if show is not None:
                show(min(self._embedding.done + self._put_in - began, total), total)
        if show is not None:
            show(total, total)

    async def _repeat(self, work: Callable[[], Awaitable[int]], woken: asyncio.Event) -> None:
        """Work as long as there is something to do, then whenever woken, and now and then."""
        failed_s = 0.0
        while True:
            woken.clear()
            try:
                moved, failed_s = await work(), 0.0
            except StoreError as error:
                if not failed_s:
                    _log.error("indexer.store", reason=str(error))
                failed_s = min(2 * failed_s or FIRST_PAUSE_S, LONGEST_PAUSE_S)
                await asyncio.sleep(failed_s)
                continue
            if moved:
                await asyncio.sleep(self._pause_s)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(self._look_s):
                    await woken.wait()

    # --- one round ---

    @property
    def _present(self) -> str:
        """The name of the embedder whose vectors are kept."""
        return self._index.embedder

    @property
    def _is_able(self) -> bool:
        """Whether the index may be asked."""
        return self._index.is_open and self._trouble.is_due

    async def _embed(self) -> int:
        async with self._batch:
            had_backlog = self._embedding.has_backlog
            made = await self._embedding.some()
        if made or had_backlog:
            self._to_put_in.set()
        return made

    async def _put(self) -> int:
        async with self._round:
            return await self._once()

    async def _once(self) -> int:
        trouble = self._trouble.error
        if trouble is not None and not await self._is_sound():
            return 0
        moved = await self._let_go()
        if self._index.rebuild is None:
            moved += await self._bring_in()
        elif not self._embedding.has_backlog:  # else much would come behind what is put in now, people mixed
            moved += await self._refill()
        await self._look_after()
        if self._trouble.error is trouble:  # nothing new failed
            self._trouble.end()
        return moved

    async def _is_done(self) -> bool:
        """Whether nothing is left to do."""
        if not self._index.is_open or self._index.rebuild is not None or not self._embedding.is_unset:
            return False
        return not await self._vectors.removals(limit=1) and not await self._vectors.unindexed(self._present, limit=1)

    async def _let_go(self) -> int:
        """Take out what was forgotten or is history."""
        moved = 0
        while self._is_able and (gone := await self._vectors.removals(limit=_REMOVALS)):
            places: defaultdict[tuple[PersonId, Scope], list[str]] = defaultdict(list)
            for one in gone:
                places[one.person, Scope(group=one.group)].append(one.id)
            async with self._step:
                for (person, scope), ids in places.items():
                    if not await self._did(self._index.remove(person, scope, ids)):
                        return moved
            await self._vectors.removed([one.id for one in gone])
            moved += len(gone)
        return moved

    async def _bring_in(self) -> int:
        """Put in what is new."""
        if not self._is_able:
            return 0
        async with self._step:
            found = await self._vectors.unindexed(self._present, limit=_PUT_IN, has_vector=True)
            return len(found) if await self._filled(found) else 0

    async def _refill(self) -> int:
        """Put a page of all vectors into an index that was lost, person after person: so each collection is opened once."""
        number = self._index.rebuild
        if number is None or not self._is_able:
            return 0
        if self._rebuild is None or self._rebuild.number != number:
            self._rebuild = _Rebuild(number=number, began_at=self._clock.monotonic())
        state = self._rebuild
        async with self._step:
            page = await self._vectors.by_person(self._present, after=state.after, limit=_PAGE)
            if not page:
                return await self._refilled(state)
            if not await self._filled(page):
                return 0
        state.after, state.done = (page[-1].person, page[-1].id), state.done + len(page)
        return len(page)

    async def _refilled(self, state: _Rebuild) -> int:
        if not await self._did(self._index.rebuilt(state.number)):
            return 0
        seconds = round(self._clock.monotonic() - state.began_at, 1)
        _log.info("index.rebuilt", memories=state.done, seconds=seconds)
        self._rebuild = None
        return 1

    async def _filled(self, vectors: Sequence[StoredVector | Unindexed]) -> bool:
        """Put vectors into the index, within the step in which they were read; whether all are in."""
        places: defaultdict[tuple[PersonId, Scope], list[tuple[str, bytes]]] = defaultdict(list)
        for one in vectors:
            if one.person not in self._forgotten and one.vector is not None:
                places[one.person, Scope(group=one.group)].append((one.id, one.vector))
        for (person, scope), theirs in places.items():
            rows = np.stack([np.frombuffer(vector, "<f2") for _, vector in theirs]).astype(np.float32)
            if not await self._did(self._index.add(person, scope, [one for one, _ in theirs], rows)):
                return False
        if vectors:
            await self._vectors.indexed(self._present, [one.id for one in vectors])
            self._put_in += len(vectors)
        return True

    async def _did(self, work: Awaitable[None]) -> bool:
        """Whether the index did what was asked."""
        try:
            await work
        except IndexUnavailable as error:
            self._trouble.begin(error)
            return False
        return True

    # --- looking after it ---

    async def _look_after(self) -> None:
        """Check and tidy a complete index, once after the start and every hour."""
        if self._clock.monotonic() < self._check_at or not self._is_able or self._index.rebuild is not None:
            return
        try:
            if not await self._is_checked():
                return
            await self._index.tidy()
        except IndexUnavailable as error:
            self._trouble.begin(error)
        self._check_at = self._clock.monotonic() + self._check_every_s

    async def _is_sound(self) -> bool:
        """Whether what failed may be tried again: first the index looks whether it is broken, and begins anew if so."""
        if not self._is_able:
            return False
        try:
            await self._index.check({})
        except IndexUnavailable as error:
            self._trouble.begin(error)
            return False
        return True

    async def _is_checked(self) -> bool:
        """Compare counts; False where that would tell nothing, for SQL and index are not in step now.

        Nothing is put in or taken out meanwhile; what is forgotten between the looks into SQL shows in the last of them.
        """
        async with self._step:
            if await self._vectors.unindexed(self._present, limit=1, has_vector=True):
                return False
            if await self._vectors.removals(limit=1):
                return False
            counts = await self._vectors.counts(self._present, limit=_CHECKED_PEOPLE)
            if await self._vectors.removals(limit=1):
                return False
            expected = {(person, Scope(group=group)): count for person, group, count in counts if person not in self._forgotten}
            await self._index.check(expected)
        return True
