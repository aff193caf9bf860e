"""Which embedder the settings of memory ask for, its yardstick, and what it costs: a `Config` in, an embedder out."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

import structlog

from bot.backends import mistral_model, price_of
from bot.config import Config
from bot.errors import StoreError
from bot.memory_ports import Embedder
from bot.models.mistral_embed import MODEL as MISTRAL_MODEL
from bot.models.mistral_embed import CountTokens, MistralEmbedder
from bot.models.ollama_embed import OllamaEmbedder
from bot.ports import Clock
from bot.store.db import Database, Unit
from bot.store.statements import ADD_USAGE_OF_ALL
from profiles.embed import HashEmbedder, OnnxEmbedder, Picked, ReadyEmbedder, pick
from profiles.onnx_child import lacking
from profiles.yardstick import COMMONPLACES, LETTERS, MEANING, Yardstick

_log = structlog.get_logger("martin.memory")


async def choose(config: Config, clock: Clock, last: str, *, count_tokens: CountTokens | None = None) -> Picked:
    """The embedder that is named, ready or not; for `auto` the best that is ready, or is of the kind of `last` (`pick`).

    `last` is the embedder by which vectors are in the store (`VectorStore.embedder`), `""` when there are none.
    `count_tokens` is told of whatever is paid for (`Meter.count`).
    """
    found = candidates(config, clock, count_tokens)
    return await pick(found, last=last if config.memory.embedder == "auto" else found[0].name)


def candidates(config: Config, clock: Clock, count_tokens: CountTokens | None = None) -> Sequence[ReadyEmbedder]:
    """What may be used, best first: just the one that is named; for `auto` those that keep every text near."""
    builder = _Builder(config, clock, count_tokens)
    if config.memory.embedder != "auto":
        return [builder.make[config.memory.embedder]()]
    names = ("onnx", "ollama", "hash") if builder.has_model() else ("ollama", "hash")
    return [builder.make[name]() for name in names]


async def yardstick_of(embedder: Embedder) -> Yardstick:
    """What the likeness of two vectors by this embedder means. Raises EmbedderError."""
    rows = await embedder.embed(list(chain.from_iterable(COMMONPLACES.values())))
    measured, start = {}, 0
    for language, texts in COMMONPLACES.items():
        measured[language] = rows[start : start + len(texts)]
        start += len(texts)
    is_of_letters = embedder.name.startswith("hash-")
    return Yardstick(commonplaces=measured, weight=LETTERS if is_of_letters else MEANING)


class Meter:
    """Adds the tokens that were embedded, and their price, to the usage of all, beside the work that they were for.

    Nobody's own usage grows: one request embeds the memories of several people.
    """

    def __init__(self, database: Database, config: Config, clock: Clock) -> None:
        self._database, self._price, self._clock = database, price_of(config.models.prices), clock
        self._waiting: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self._writing: asyncio.Task[None] | None = None

    def count(self, model: str, tokens: int) -> None:
        """So many tokens were sent to a model. They are written soon, and tried again with the next where that fails."""
        self._waiting[model] += tokens
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="counting what is embedded")

    async def aclose(self) -> None:
        """Write what is waiting."""
        if self._writing is not None:
            await self._writing
        await self._write()

    async def _write(self) -> None:
        while self._waiting:
            model, tokens = self._waiting.popitem()
            before = self._written[model]
            # A question costs less than the least that is counted: only its share in the sum is right.
            cost = self._price(model, before + tokens, 0) - self._price(model, before, 0)
            used = {"day": self._clock.now().date(), "messages": 0, "tokens": tokens, "cost": cost}
            try:
                await self._database.commit(Unit((ADD_USAGE_OF_ALL, used)))
            except StoreError as error:
                self._waiting[model] += tokens
                _log.error("embedder.not_counted", error=str(error))
                return
            self._written[model] += tokens


class _Builder:
    """Makes each embedder out of its settings."""

    def __init__(self, config: Config, clock: Clock, count_tokens: CountTokens | None) -> None:
        self._count_tokens = count_tokens
        self._memory, self._models, self._clock = config.memory, config.models, clock
        self._folder = config.data_dir / config.memory.onnx_folder
        self.make: Mapping[str, Callable[[], ReadyEmbedder]] = {
            "onnx": lambda: OnnxEmbedder(self._folder, clock=clock),
            "ollama": self._ollama,
            "mistral": self._mistral,
            "hash": HashEmbedder,
        }

    def has_model(self) -> bool:
        """Whether the folder holds a model and its tokenizer."""
        return not lacking(self._folder)

    def _ollama(self) -> OllamaEmbedder:
        settings = self._models.ollama
        return OllamaEmbedder(
            host=settings.host,
            model=self._memory.embedder_model,
            is_remote=self._models.is_remote("ollama"),
            may_forward=self._memory.embedder == "ollama",
            keep_alive_s=settings.keep_alive_minutes * 60.0,
            clock=self._clock,
        )

    def _mistral(self) -> MistralEmbedder:
        model = mistral_model(self._models, self._clock, self._memory.embedder_model or MISTRAL_MODEL)
        return MistralEmbedder(model, count_tokens=self._count_tokens)
