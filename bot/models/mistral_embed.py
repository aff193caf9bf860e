"""Embedding by Mistral's servers: every remembered text goes there, so only where the owner named it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol

from bot.errors import EmbedderChanged, EmbedderError, ModelError
from bot.models.mistral_wire import Embedded
from bot.tokens import estimate_tokens
from bot.vectors import embeddable, in_batches, load, spread, unit_rows

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

MODEL: Final = "mistral-embed"
"""1,024 numbers, texts of up to 8,192 tokens (docs.mistral.ai, embeddings, as of 2026-11-21)."""
BATCH_MAY_TAKE_S: Final = 60.0
"""Seconds for a batch of texts, where the caller has no deadline of its own."""
_BATCH_TEXTS: Final = 64
_BATCH_TOKENS: Final = 8_000
"""Half of what the server takes in one request, and no more than one text may have."""

CountTokens = Callable[[str, int], None]
"""Is told the model's name and the tokens of each request, for what they cost."""


class EmbeddingModel(Protocol):
    """The connection to a model that embeds."""

    @property
    def name(self) -> str:
        """Backend and model: `mistral/mistral-embed`."""

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Rows of numbers, one for each text. Raises ModelError."""

    async def aclose(self) -> None:
        """Let go of connections."""


class MistralEmbedder:
    """Vectors from a model of Mistral's. Once `ready`, its version stays: another one behind the name is an EmbedderError."""

    def __init__(
        self, model: EmbeddingModel, *, count_tokens: CountTokens | None = None, may_take_s: float = BATCH_MAY_TAKE_S
    ) -> None:
        self._model, self._count_tokens, self._may_take_s = model, count_tokens, may_take_s
        self._name = ""
        self._dimension = 0
        self._trying = asyncio.Lock()

    @property
    def name(self) -> str:
        """`mistral/mistral-embed`, with the version after an `@` where the server tells one."""
        return self._name or self._model.name

    @property
    def dimension(self) -> int:
        """Numbers in a vector, 0 before `ready`."""
        return self._dimension

    async def ready(self) -> None:
        """Embed a word. Raises EmbedderError."""
        async with self._trying:
            if not self._dimension:
                await asyncio.to_thread(load)
                name, rows = await self._rows(["a"])
                self._name, self._dimension = name, rows.shape[1]

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        """Unit-length rows; a blank text gets the row that leans nowhere. Raises EmbedderError."""
        await self.ready()
        import numpy as np

        pieces = [np.empty((0, self._dimension), dtype=np.float32)]
        for batch in in_batches(embeddable(texts), most_texts=_BATCH_TEXTS, most_tokens=_BATCH_TOKENS):
            name, rows = await self._rows(batch)
            if (name, rows.shape[1]) != (self._name, self._dimension):
                raise EmbedderChanged(f"{self._name} has become {name} with {rows.shape[1]} numbers; start Martín anew")
            pieces.append(rows)
        return spread(np.concatenate(pieces), texts)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._model.aclose()

    async def _rows(self, texts: Sequence[str]) -> tuple[str, Vectors]:
        """The full name of the model that answered, and its rows."""
        name = self._model.name
        try:
            async with asyncio.timeout(self._may_take_s):
                found = await self._model.embed(texts)
        except TimeoutError as error:
            raise EmbedderError(f"{name}: no vectors within {self._may_take_s:g} s") from error
        except ModelError as error:
            raise EmbedderError(str(error)) from error
        if self._count_tokens is not None:
            self._count_tokens(name, found.tokens or sum(map(estimate_tokens, texts)))
        return f"{name}@{found.model}" if found.model else name, unit_rows(found.rows, count=len(texts), of=name)
