"""The verbs about memories: embedding and the index of vectors, as protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from bot.types import PersonId, Scope

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
