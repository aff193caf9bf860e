"""The parts of memory, wired: what remembers, what indexes, what recalls; and an embedder that is chosen while the bot runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog

from bot.backends import Models
from bot.config import Config
from bot.embedders import choose, yardstick_of
from bot.errors import EmbedderError
from bot.ports import Clock, Ids, PersonalData
from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.types import PersonId
from profiles.embed import CachedEmbedder
from profiles.index import ChromaIndex
from profiles.indexer import Indexer
from profiles.memories import MemoryRecall
from profiles.recall import LexicalRecall, PersonalRecall
from profiles.remember import Rememberer

_log = structlog.get_logger("martin.memory")

SETTLE_S = 3.0
"""How long after the first thing to index its process starts: a short talk needs none."""
RETRY_S = 30.0
OPEN_S = 60.0
PAUSE_S = 0.01
"""Between the slices of a rebuild, so that answers go first."""


class MemoryParts:
    """Everything about memory in a running bot. Without an embedder or index, words decide alone."""

    def __init__(
        self,
        config: Config,
        folder: DataFolder,
        stores: Stores,
        clock: Clock,
        ids: Ids,
        *,
        models: Models,
        is_idle: Callable[[], bool],
    ) -> None:
        self._config, self._folder, self._stores, self._clock = config, folder, stores, clock
        self._models, self._is_idle = models, is_idle
        self.search = MemoryRecall(store=stores.memories, vectors=stores.vectors, clock=clock)
        examples = LexicalRecall(stores.examples)
        self.recall = PersonalRecall(examples, self.search)
        self.rememberer = Rememberer(
            pending=stores.memories,
            memories=stores.memories,
            clock=clock,
            ids=ids,
            most=config.memory.most,
            keep_days=config.memory.keep_days,
            model=models.chores if config.memory.extraction == "auto" else None,
            may_ask=self._may_ask,
            on_change=self._changed,
        )
        self._something = asyncio.Event()
        self._indexer: Indexer | None = None
        self.caches: tuple[PersonalData, ...] = (examples, self.search)
        self._opening = asyncio.Lock()
        self.embedder = ""

    @property
    def name(self) -> str:
        """`index`."""
        return "index"

    async def export(self, person: PersonId) -> object:
        """Nothing of its own: the vectors are the store's."""
        return []

    async def forget(self, person: PersonId) -> None:
        """Take every vector of the person out of the index. Raises IndexUnavailable; the chore is then tried again."""
        async with self._opening:
            if self._indexer is None:
                await forget_in_index(self._config, self._folder, self._clock, person)
                return
        await self._indexer.forget(person)

    def wake(self) -> None:
        """A reply was delivered: there may be something to remember."""
        self.rememberer.wake()

    async def run(self) -> None:
        """Remember and index until cancelled."""
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            if self._models.chores is not None:
                stack.push_async_callback(self._models.chores.aclose)
            tasks.create_task(self.rememberer.run(), name="remembering")
            tasks.create_task(self._run_index(), name="indexing")

    def _changed(self) -> None:
        self._something.set()
        if self._indexer is not None:
            self._indexer.wake()

    def _may_ask(self) -> bool:
        """Whether a language model that keeps text near is ready and has nobody to answer."""
        if self._models.chores is None or not self._is_idle():
            return False
        provider, _, _ = self._models.chores.name.partition("/")
        return any(one.is_ready and one.name.partition("/")[0] == provider for one in self._models.chain.known())

    async def _run_index(self) -> None:
        last = await self._stores.vectors.embedder()
        if not last:
            await self._something.wait()
        await asyncio.sleep(SETTLE_S)
        async with AsyncExitStack() as stack:
            embedder = await self._chosen(last)
            stack.push_async_callback(embedder.aclose)
            async with self._opening:  # the index has one opener at a time
                index = index_of(self._config, self._folder, self._clock, embedder.name)
                index.start()
                stack.push_async_callback(index.aclose)
                self._indexer = Indexer(
                    vectors=self._stores.vectors, index=index, embedder=embedder, clock=self._clock, pause_s=PAUSE_S
                )
            self.embedder = embedder.name
            self.search.use(embedder, index, await yardstick_of(embedder))
            await self._indexer.run()

    async def _chosen(self, last: str) -> CachedEmbedder:
        """The embedder of the settings, as soon as it is ready."""
        told = ""
        while True:
            try:
                picked = await choose(self._config, self._clock, last)
            except EmbedderError as error:
                reason = str(error)
            else:
                for one in picked.passed_over:
                    _log.info("embedder.passed_over", embedder=one.name, reason=one.reason)
                if picked.is_ready:
                    _log.info("embedder.chosen", embedder=picked.embedder.name)
                    return CachedEmbedder(picked.embedder)
                await picked.embedder.aclose()
                reason = f"{picked.embedder.name} does not answer"
            if reason != told:
                _log.warning("embedder.not_ready", reason=reason, again_in_s=RETRY_S)
                told = reason
            await asyncio.sleep(RETRY_S)


def index_of(config: Config, folder: DataFolder, clock: Clock, embedder: str) -> ChromaIndex:
    """The index of the settings, not yet started."""
    token = config.memory.chroma_token
    return ChromaIndex(
        folder=folder.chroma,
        secret=folder.secret_key(),
        embedder=embedder,
        clock=clock,
        server=config.memory.chroma_server,
        token=token.get_secret_value() if token is not None else "",
    )


async def forget_in_index(config: Config, folder: DataFolder, clock: Clock, person: PersonId) -> None:
    """Take a person's vectors out of an index that nobody has open; nothing where there is none. Raises IndexUnavailable."""
    if not config.memory.chroma_server and not folder.chroma.exists():
        return
    index = index_of(config, folder, clock, "")
    index.start()
    try:
        await index.wait_open(OPEN_S)
        await index.forget(person)
    finally:
        await index.aclose()
