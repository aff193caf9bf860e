"""Embedding by a model that Ollama runs; a far server, or a cloud behind it, only where the owner named it for memory."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bot.errors import EmbedderChanged, EmbedderError, ModelBroken, ModelError, ModelMissing, ModelRejected
from bot.models.ollama_api import Listed, OllamaApi, full_name, is_cloud_name, label
from bot.ports import Clock
from bot.vectors import embeddable, in_batches, load, spread, unit_rows

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

RECOMMENDED: Final = "embeddinggemma"
"""Spanish and English among a hundred languages, 622 MB, 768 numbers."""
FRESH_S: Final = 60.0
"""Seconds that a look at the server holds: whether the model is still there, and still the same."""
FIRST_MAY_TAKE_S: Final = 90.0
"""Seconds for the first text: the server may have to load the model."""
BATCH_MAY_TAKE_S: Final = 60.0
"""Seconds for a batch of texts, where the caller has no deadline of its own."""
_BATCH_TEXTS: Final = 32
_BATCH_TOKENS: Final = 4_096
_VERSION_CHARS: Final = 12

_PREFERRED: Final = (
    *("embeddinggemma", "bge-m3", "qwen3-embedding", "snowflake-arctic-embed2", "nomic-embed-text-v2-moe"),
    *("granite-embedding", "paraphrase-multilingual"),
)
"""What reads Spanish as well as English, best first. Where none of them is installed, the newest is taken."""

_SEARCHING: Final = "Represent this sentence for searching relevant passages: "
_PREFIXES: Final[Mapping[str, tuple[str, str]]] = {
    "embeddinggemma": ("task: search result | query: ", "title: none | text: "),
    "nomic-embed-text": ("search_query: ", "search_document: "),
    "nomic-embed-text-v2-moe": ("search_query: ", "search_document: "),
    "qwen3-embedding": (
        "Instruct: Given a question, retrieve earlier messages of a conversation that answer it\nQuery:",
        "",
    ),
    "snowflake-arctic-embed2": ("query: ", ""),
    "snowflake-arctic-embed": (_SEARCHING, ""),
    "mxbai-embed-large": (_SEARCHING, ""),
}
"""What each model was trained to see before a question and before any other text, as its maker says; the server adds none."""
_PREFIXES_VERSION: Final = "p1"
"""Goes into the name of an embedder with prefixes: whoever changes one counts on, so that vectors never mix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """The model to ask, under the embedder's full name."""

    model: str
    name: str
    prefixes: tuple[str, str]


class OllamaEmbedder:
    """A model of one Ollama server that embeds.

    `model` empty picks the best that is installed and that no cloud answers for. As for chat, where `may_forward` is False no
    server beyond the private network (`is_remote`) is asked, and no model that a cloud answers for. Once `ready`, model and
    digest stay: another one behind the same name is an EmbedderError, and a new start then finds it under its own name.
    """

    def __init__(
        self,
        *,
        host: str,
        model: str,
        is_remote: bool,
        may_forward: bool,
        keep_alive_s: float,
        clock: Clock,
        may_take_s: float = BATCH_MAY_TAKE_S,
    ) -> None:
        self._model, self._is_remote, self._may_forward = model, is_remote, may_forward
        self._keep_alive_s, self._clock, self._may_take_s = keep_alive_s, clock, may_take_s
        self._api = OllamaApi(host=host, is_remote=is_remote, clock=clock)
        self._chosen: _Chosen | None = None
        self._dimension = 0
        self._looked_at = 0.0
        self._looking = asyncio.Lock()

    @property
    def name(self) -> str:
        """`ollama/MODEL@DIGEST`; without the digest, or the model, before `ready`."""
        return self._chosen.name if self._chosen else label(self._model)

    @property
    def dimension(self) -> int:
        """Numbers in a vector, 0 before `ready`."""
        return self._dimension

    async def ready(self) -> None:
        """Choose the model and embed a word with it. Raises EmbedderError."""
        await self._current()

    async def embed(self, texts: Sequence[str], *, is_query: bool = False) -> Vectors:
        """Unit-length rows; a blank text gets the row that leans nowhere. Raises EmbedderError."""
        chosen = await self._current()
        import numpy as np

        prefix = chosen.prefixes[0 if is_query else 1]
        said = [prefix + text for text in embeddable(texts)]
        pieces = [np.empty((0, self._dimension), dtype=np.float32)]
        for batch in in_batches(said, most_texts=_BATCH_TEXTS, most_tokens=_BATCH_TOKENS):
            pieces.append(await self._rows(chosen, batch, self._may_take_s))
            if pieces[-1].shape[1] != self._dimension:
                self._looked_at = 0.0
                raise EmbedderError(f"{chosen.name}: expected rows of {self._dimension}, found {pieces[-1].shape[1]}")
        return spread(np.concatenate(pieces), texts)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self._api.aclose()

    async def _current(self) -> _Chosen:
        """The model to ask, looked up where the last look is old, and tried once."""
        async with self._looking:
            now = self._clock.monotonic()
            if self._chosen is None or not self._dimension or now - self._looked_at >= FRESH_S:
                chosen = await self._look()
                if self._chosen is None:
                    await asyncio.to_thread(load)
                    rows = await self._rows(chosen, ["a"], FIRST_MAY_TAKE_S)
                    self._chosen, self._dimension, self._model = chosen, rows.shape[1], chosen.model
                if chosen.name != self._chosen.name:
                    raise EmbedderChanged(f"{self._chosen.name} has become {chosen.name}; start Martín anew")
                self._looked_at = now
            return self._chosen

    async def _look(self) -> _Chosen:
        """Ask the server for its models and choose. Raises EmbedderError."""
        if not self._may_forward and (self._is_remote or is_cloud_name(self._model)):
            raise EmbedderError(f"{label(self._model)} is beyond the private network, and nobody named it for memory")
        try:
            for listed in _candidates(await self._api.models(), self._model):
                if not self._may_forward and listed.is_forwarded:
                    continue
                if await self._can_embed(listed):
                    return _described(listed)
        except ModelError as error:
            raise EmbedderError(str(error)) from error
        raise EmbedderError(f"{label(self._model)}: the server has no such model that embeds")

    async def _can_embed(self, listed: Listed) -> bool:
        """Whether a model embeds. A server that is too old to say tells by family and name. Raises ModelError."""
        try:
            abilities = await self._api.abilities(listed.name)
        except (ModelMissing, ModelRejected, ModelBroken):
            if self._model:
                raise
            return False
        if abilities is not None:
            return "embedding" in abilities
        return "embed" in listed.name.casefold() or any("bert" in family.casefold() for family in listed.families)

    async def _rows(self, chosen: _Chosen, texts: Sequence[str], may_take_s: float) -> Vectors:
        try:
            async with asyncio.timeout(may_take_s):
                found = await self._api.embed(chosen.model, texts, keep_alive_s=self._keep_alive_s)
        except TimeoutError as error:
            raise EmbedderError(f"{chosen.name}: no vectors within {may_take_s:g} s") from error
        except ModelError as error:
            self._looked_at = 0.0
            raise EmbedderError(str(error)) from error
        return unit_rows(found, count=len(texts), of=chosen.name)


def _candidates(models: Sequence[Listed], wanted: str) -> Sequence[Listed]:
    """What may be asked, best first: the one that is wanted, or those that read Spanish, then the newest."""
    if wanted:
        return [one for one in models if full_name(one.name) == full_name(wanted)]
    newest = sorted(models, key=lambda one: one.modified_at, reverse=True)
    order = {name: place for place, name in enumerate(_PREFERRED)}
    return sorted(newest, key=lambda one: order.get(_bare(one.name), len(order)))


def _described(listed: Listed) -> _Chosen:
    prefixes = _PREFIXES.get(_bare(listed.name), ("", ""))
    version = [part for part in (listed.digest[:_VERSION_CHARS], _PREFIXES_VERSION if any(prefixes) else "") if part]
    name = "@".join(part for part in (label(listed.name), "-".join(version)) if part)
    return _Chosen(model=listed.name, name=name, prefixes=prefixes)


def _bare(name: str) -> str:
    """`nomic-embed-text` of `library/nomic-embed-text:v1.5`."""
    return full_name(name).rpartition("/")[2].partition(":")[0]
