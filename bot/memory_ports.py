"""The verbs about memories: storing and finding them, embedding, and the index of vectors, as protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from bot.memory_types import Memory
from bot.types import AddressId, ConversationId, Flag, Language, PersonId, Scope, TurnId
from bot.writes import Write

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """One unit-length row for each text."""


class Embedder(Protocol):
    """Turns texts into vectors whose products tell how alike the texts are."""

    @property
    def name(self) -> str:
        """Model and version, such as `hash-1` or `ollama/embeddinggemma@1a2b3c`: another name never shares an index."""

    @property
    def dimension(self) -> int:
        """Numbers in a vector; 0 while nothing was embedded yet and the backend tells only then."""

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        """Unit-length float32 rows, shape (len(texts), dimension); a question may differ from a text. Raises EmbedderError."""

    async def aclose(self) -> None:
        """Let go of connections and processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A memory that the index found, with the cosine of its vector to the query's, -1 to 1."""

    id: str
    score: float


class MemoryIndex(Protocol):
    """Vectors by person and scope. There is no search without a person. Raises IndexUnavailable."""

    async def add(self, person: PersonId, scope: Scope, ids: Sequence[str], vectors: Vectors) -> None:
        """Put vectors in; one that is there already stays."""

    async def search(self, person: PersonId, scopes: Sequence[Scope], vector: Vectors, limit: int) -> Sequence[Hit]:
        """The nearest of this person in these scopes, best first. `vector` has shape (dimension,)."""

    async def remove(self, person: PersonId, scope: Scope, ids: Sequence[str]) -> None:
        """Take vectors out; ids that are not there change nothing."""

    async def forget(self, person: PersonId) -> None:
        """Take out every vector of the person, so that nothing of them is left in its files."""

    async def count(self, person: PersonId, scope: Scope) -> int:
        """How many vectors are in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingMemory:
    """A part of a turn that is to become memories. `text` is what the turn says now; `said_at` when that was.

    `asked_at` is when the turn's question was said, also where this is its answer. `part` is `question`, `answer`, `edited`
    (the question, which the person changed after it had been remembered) or `model` (the question, that a language model is
    still to look at). `remembers` is the person's present choice.
    """

    id: str
    part: str
    person: PersonId
    group: AddressId | None
    turn_id: TurnId
    conversation_id: ConversationId
    text: str
    language: Language
    asked_at: datetime
    said_at: datetime
    flags: frozenset[Flag]
    remembers: bool


class PendingStore(Protocol):
    """What was said and not yet remembered. Raises StoreError."""

    async def pending(self, *, with_model: bool, limit: int) -> Sequence[PendingMemory]:
        """Of the oldest turns what waits, a question before its answer: parts of kind `model` only, or all others."""

    async def remember(
        self,
        done: Sequence[str],
        writes: Sequence[Write],
        at: datetime,
        *,
        ask_model: Sequence[str] = (),
        unchanged: Sequence[PendingMemory] = (),
    ) -> None:
        """Commit what became of pending rows, and end them, in one transaction; those in `ask_model` wait as part `model`.

        Raises StoreConflict where a person was forgotten meanwhile, or one of `unchanged` does not wait as it did: its text was
        edited, everything was forgotten, the person wants nothing remembered. Nothing is written then.
        """

    async def surplus(self, *, most: int) -> Sequence[str]:
        """The pending rows of part `model` beyond the newest `most`, some at a time."""

    async def crowded(self, *, most: int) -> Sequence[tuple[PersonId, int]]:
        """The people of whom more than `most` memories are there, ended ones too, with how many."""

    async def eldest(self, person: PersonId, *, limit: int, before: datetime | None = None) -> Sequence[str]:
        """The memories that go first: ended ones, then what was said, then facts, each the oldest first.

        With `before` only those stored before then.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryVersion:
    """How many memories (ended ones too) a scope may read, and a stamp that grows with every change of one."""

    count: int
    stamp: str


class MemoryStore(Protocol):
    """The memories of one person, as far as a scope may read them: all in private, a group's own in a group.

    Raises StoreError.
    """

    async def version(self, person: PersonId, scope: Scope) -> MemoryVersion:
        """Changes whenever `changed` would have something to tell, and when a memory was forgotten."""

    async def changed(self, person: PersonId, scope: Scope, *, after: str = "") -> Sequence[Memory]:
        """What changed after a stamp, ended ones too, with stems and without sources; from the beginning only live ones."""

    async def memories(self, person: PersonId, ids: Sequence[str]) -> Sequence[Memory]:
        """Those of these ids that are this person's, in the order of `ids`, ended ones too, with their sources."""

    async def page(
        self, person: PersonId, scope: Scope, *, distilled: bool, limit: int, offset: int = 0
    ) -> tuple[Sequence[Memory], int]:
        """Live memories, newest first, and how many there are: facts and preferences, or else what was said."""

    async def in_slot(self, person: PersonId, group: AddressId | None, slot: str) -> Sequence[Memory]:
        """Facts and preferences of exactly this place and slot, ended ones too; for the slot `""` only live ones."""

    async def sourced(self, person: PersonId, source: str) -> Sequence[Memory]:
        """The memories that follow from a turn or an imported record, with all their sources."""

    async def with_replaced(self, person: PersonId, ids: Sequence[str]) -> tuple[Sequence[Memory], Sequence[Memory]]:
        """As `memories`, and the facts and preferences that share a source with any of these and have ended."""

    async def related(self, person: PersonId, id: str) -> Sequence[Memory]:
        """What is forgotten with a memory, itself first: what has its sources, what it superseded, answers that used it."""


class MemorySearch(Protocol):
    """Finds one person's memories. There is no search without a person."""

    async def find(self, person: PersonId, scope: Scope, text: str, *, limit: int) -> Sequence[Memory]:
        """The memories that fit `text` best, best first; empty when none does. Raises StoreError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVector:
    """A memory's vector as float16 numbers, little-endian, and where it belongs in the index."""

    id: str
    person: PersonId
    group: AddressId | None
    vector: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Unindexed:
    """A live memory that is not in the index yet. `vector` is None while it has none by the present embedder."""

    id: str
    person: PersonId
    group: AddressId | None
    text: str
    vector: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A vector that has to leave the index."""

    id: str
    person: PersonId
    group: AddressId | None


class VectorStore(Protocol):
    """The vectors of memories, and what the index lacks or has too much. Raises StoreError."""

    async def embedder(self) -> str:
        """The embedder by which most vectors are, `""` when there are none."""

    async def unset(self, embedder: str, *, limit: int) -> int:
        """Mark at most so many memories with vectors by any other embedder as having none; how many they were."""

    async def unindexed(self, embedder: str, *, limit: int) -> Sequence[Unindexed]:
        """Live memories that are not in the index, oldest first."""

    async def store(self, embedder: str, vectors: Sequence[StoredVector]) -> None:
        """Keep vectors; those of memories that were forgotten or ended meanwhile are let go."""

    async def indexed(self, embedder: str, ids: Sequence[str]) -> None:
        """These are in the index now."""

    async def page(self, embedder: str, *, after: str, limit: int) -> Sequence[StoredVector]:
        """All vectors by this embedder, in the order of memories' ids."""

    async def of(
        self, person: PersonId, scope: Scope, embedder: str, *, among: Sequence[str] | None = None
    ) -> Sequence[StoredVector]:
        """The vectors that a scope may read: all, or of these memories."""

    async def removals(self, *, limit: int) -> Sequence[Removal]:
        """What has to leave the index."""

    async def removed(self, ids: Sequence[str]) -> None:
        """These have left it."""

    async def counts(self, embedder: str, *, limit: int) -> Sequence[tuple[PersonId, AddressId | None, int]]:
        """How many vectors the index must hold, for some people and places taken at random."""
