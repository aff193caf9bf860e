"""Memories get vectors, kept in SQL: by one embedder at a time, whatever it refuses and however long it is away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from bot.errors import EmbedderChanged, EmbedderError, RecallError
from bot.memory_ports import Embedder, StoredVector, Unindexed, VectorStore
from bot.ports import Clock
from bot.types import PersonId

_log = structlog.get_logger("martin.indexer")

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
_EMBEDDED: Final = 64
"""Memories that are embedded at a time."""
_UNSET: Final = 500
_REFUSALS: Final = 3
"""So often a text may be refused, alone and while others are taken, before it gets a vector that leans nowhere."""
_HARMLESS: Final = "a"

Halves = NDArray[np.float16]


class VectorsToIndex(VectorStore, Protocol):
    """The vectors of memories, and those ways through them that only the indexer takes. Raises StoreError."""

    async def unindexed(self, embedder: str, *, limit: int, has_vector: bool | None = None) -> Sequence[Unindexed]:
        """Live memories that are not in the index, newest first: all, or only those with a vector, or those without.

        One whose old vector has still to leave the index is none of them.
        """

    async def by_person(self, embedder: str, *, after: tuple[PersonId, str], limit: int) -> Sequence[StoredVector]:
        """All vectors by this embedder, in the order of people and then of memories' ids, after one of them."""

    async def numbers(self, embedder: str) -> tuple[int, int]:
        """How many live memories there are, and how many of them have a vector by this embedder."""


class Trouble:
    """Something that failed: tried again after a pause, twice as long each time, and told once."""

    def __init__(self, what: str, clock: Clock) -> None:
        self._what, self._clock = what, clock
        self._pause_s = 0.0
        self._until = clock.monotonic()
        self.error: RecallError | None = None

    @property
    def is_due(self) -> bool:
        """Whether it may be tried."""
        return self._clock.monotonic() >= self._until

    def begin(self, error: RecallError) -> None:
        """It failed, perhaps once more."""
        if self.error is None:
            _log.warning("indexer.waits", of=self._what, reason=str(error))
        self.error = error
        self._pause_s = min(2 * self._pause_s or FIRST_PAUSE_S, LONGEST_PAUSE_S)
        self._until = self._clock.monotonic() + self._pause_s

    def end(self) -> None:
        """It worked."""
        if self.error is not None:
            _log.info("indexer.goes_on", of=self._what)
            self.error, self._pause_s = None, 0.0


class Embedding:
    """Gives every memory a vector by the embedder of the index, in SQL; what is newest comes first."""

    def __init__(self, vectors: VectorsToIndex, embedder: Embedder, name: str, clock: Clock) -> None:
        self._vectors, self._embedder, self._name = vectors, embedder, name
        self._trouble = Trouble("embedder", clock)
        self._refusals: Counter[str] = Counter()
        self.is_unset = False
        """Whether no vector by another embedder is left."""
        self.has_backlog = True
        """Whether, for all that is known, much is still to be embedded."""
        self.done = 0

    @property
    def error(self) -> RecallError | None:
        """What the embedder says while it does not work."""
        return self._trouble.error

    async def some(self) -> int:
        """Let vectors by another embedder go, else embed some memories; how many. 0 when none is left, or none can be made.

        Raises StoreError.
        """
        if self._embedder.dimension and self._embedder.name == self._name and not self.is_unset:
            found = await self._vectors.unset(self._name, limit=_UNSET)
            self.is_unset, self.has_backlog = found == 0, True
            if found:
                return found
        self.has_backlog = False
        if not self._trouble.is_due:
            return 0
        fresh = await self._vectors.unindexed(self._name, limit=_EMBEDDED, has_vector=False)
        if not fresh:
            return 0
        made = await self._made(fresh)
        if made:
            await self._vectors.store(self._name, made)
        self.has_backlog = len(made) == _EMBEDDED
        self.done += len(made)
        return len(made)

    async def _made(self, fresh: Sequence[Unindexed]) -> list[StoredVector]:
        """Vectors of these, as far as the embedder makes any: a text that it refuses must not hold up the others."""
        try:
            rows = await self._rows([one.text for one in fresh])
        except EmbedderError as error:
            if await self._takes_any():
                return await self._one_by_one(fresh)
            self._trouble.begin(error)
            return []
        self._trouble.end()
        return [_stored(one, row) for one, row in zip(fresh, rows, strict=True)]

    async def _one_by_one(self, fresh: Sequence[Unindexed]) -> list[StoredVector]:
        """Vectors of those that are taken alone; a text that was refused often gets one that leans nowhere."""
        made: list[StoredVector] = []
        again: EmbedderError | None = None
        for one in fresh:
            try:
                (row,) = await self._rows([one.text])
            except EmbedderError as error:
                if not await self._takes_any():
                    again = error
                    break
                self._refusals[one.id] += 1
                if self._refusals[one.id] < _REFUSALS:
                    again = error
                    continue
                _log.warning("indexer.refused", reason="a text was refused while others were taken; words alone find it")
                row = np.full(self._embedder.dimension, self._embedder.dimension**-0.5).astype("<f2")
            self._refusals.pop(one.id, None)
            made.append(_stored(one, row))
        if again is not None:
            self._trouble.begin(again)
        else:
            self._trouble.end()
        return made

    async def _takes_any(self) -> bool:
        """Whether it is the text that was refused, and not every one."""
        try:
            await self._rows([_HARMLESS])
        except EmbedderError:
            return False
        return True

    async def _rows(self, texts: Sequence[str]) -> Halves:
        """Rows to be stored. Raises EmbedderError, also when they are by another embedder than those in the index."""
        rows = await self._embedder.embed(texts)
        if self._embedder.name != self._name:
            raise EmbedderChanged(f"{self._embedder.name} has taken the place of {self._name}; start Martín anew")
        return rows.astype("<f2")


def _stored(one: Unindexed, row: Halves) -> StoredVector:
    return StoredVector(id=one.id, person=one.person, group=one.group, vector=row.tobytes())
