"""The parts of memory, wired: what remembers what is said, what keeps the index, and what recalls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog

from bot.backends import Models
from bot.config import Config
from bot.errors import StoreError
from bot.model_types import ModelStatus
from bot.part_settings import embedder_elsewhere
from bot.ports import Clock, Ids, PersonalData
from bot.running_index import RETRY_S, RunningIndex
from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.supervise import kept_up
from handlers.signs import load_signs
from profiles.approved import ApprovedAnswers
from profiles.memories import MemoryRecall
from profiles.recall import LexicalRecall, PersonalRecall
from profiles.remember import Rememberer

_log = structlog.get_logger("martin.memory")

TIDY_EVERY_S = 3_600.0


def remote_embedder(config: Config) -> tuple[ModelStatus, ...]:
    """The embedder of the settings, where text leaves the house for it: it belongs among those that people are told of."""
    name = embedder_elsewhere(config)
    return (ModelStatus(name=name, is_ready=False, is_remote=True, detail="", is_wanted=True),) if name else ()


class MemoryParts:
    """Everything about memory in a running bot. Without an embedder or index, words decide alone.

    Where the owner switched memory off, nothing is remembered, embedded or indexed; what is stored is still kept only so long.
    """

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
        self._is_on, self._models, self._is_idle = config.memory.enabled, models, is_idle
        self.search = MemoryRecall(store=stores.memories, vectors=stores.vectors, clock=clock)
        self.index = RunningIndex(config, folder, stores, clock, recall=self.search)
        examples = LexicalRecall(stores.examples)
        self.recall = PersonalRecall(examples, self.search)
        self.approved = ApprovedAnswers(stores.sharing)
        self._rememberer = Rememberer(
            pending=stores.memories,
            memories=stores.memories,
            clock=clock,
            ids=ids,
            most=config.memory.most,
            keep_days=config.memory.keep_days,
            model=models.chores if config.memory.extraction == "auto" else None,
            may_ask=self._may_ask,
            is_urgent=lambda text: load_signs().find(text) is not None,
            on_change=self.index.wake,
        )
        self.caches: tuple[PersonalData, ...] = (examples, self.approved, self.search)

    def wake(self) -> None:
        """A reply was delivered: there may be something to remember, to index or to take out."""
        self._rememberer.wake()
        self.index.wake()

    async def run(self) -> None:
        """Remember and index until cancelled."""
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            if self._models.chores is not None:
                stack.push_async_callback(self._models.chores.aclose)
            tasks.create_task(kept_up("remembering", self._rememberer.run if self._is_on else self._tidy, RETRY_S))
            tasks.create_task(kept_up("indexing", self.index.run, RETRY_S))

    async def _tidy(self) -> None:
        """Let go of what is past its time, where nothing is remembered any more."""
        while True:
            try:
                await self._rememberer.tidy()
            except StoreError as error:
                _log.error("memory.tidy", error=str(error))
            await asyncio.sleep(TIDY_EVERY_S)

    def _may_ask(self) -> bool:
        """Whether a language model that keeps text near is ready and has nobody to answer."""
        if self._models.chores is None or not self._is_idle():
            return False
        provider, _, _ = self._models.chores.name.partition("/")
        return any(one.is_ready and one.name.partition("/")[0] == provider for one in self._models.chain.known())
