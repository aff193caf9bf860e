"""The index of memories in a running bot: an embedder is chosen, an index opened, both again whenever that ends.

Neither may cost a turn or the bot: what goes wrong here is logged and tried again, and meanwhile words decide, or the vectors
in SQL.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from bot.config import Config
from bot.embedders import Meter, choose, yardstick_of
from bot.errors import EmbedderError, IndexUnavailable, StoreError
from bot.ports import Clock
from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.system import SystemClock
from bot.types import PersonId
from profiles.embed import CachedEmbedder
from profiles.index import ChromaIndex
from profiles.indexer import Indexer
from profiles.memories import MemoryRecall

_log = structlog.get_logger("martin.memory")

SETTLE_S = 3.0
"""How long after the first thing to index its process starts: a short talk needs none."""
LOOK_S = 60.0
RETRY_S = 30.0
OPEN_S = 60.0
FORGET_S = 120.0
"""How long a forgetting may wait for an index that does not answer; one of ours is then thrown away and made anew."""
PAUSE_S = 0.01
"""Between the slices of a rebuild, so that answers go first."""


class RunningIndex:
    """Keeps the index of the settings filled, and is the owner of what is in it."""

    def __init__(
        self,
        config: Config,
        folder: DataFolder,
        stores: Stores,
        clock: Clock,
        *,
        recall: MemoryRecall,
        retry_s: float = RETRY_S,
        forget_s: float = FORGET_S,
    ) -> None:
        self._config, self._folder, self._stores, self._clock, self._recall = config, folder, stores, clock, recall
        self._retry_s, self._forget_s = retry_s, forget_s
        self._something, self._ended = asyncio.Event(), asyncio.Event()
        self._opening = asyncio.Lock()
        self._indexer: Indexer | None = None
        self._told = ""

    @property
    def name(self) -> str:
        """`index`."""
        return "index"

    @property
    def trouble(self) -> str:
        """Why memories are found by their words alone or out of SQL just now; empty when all is well."""
        return self._told

    async def export(self, person: PersonId) -> object:
        """Nothing of its own: the vectors are the store's."""
        return []

    async def forget(self, person: PersonId) -> None:
        """Take every vector of the person out of the index; an index of ours that cannot do that is thrown away whole.

        Raises IndexUnavailable for a server that does not answer: the chore is then tried again.
        """
        indexer = self._indexer
        if indexer is not None:
            try:
                async with asyncio.timeout(self._forget_s):
                    await indexer.forget(person)
            except (IndexUnavailable, TimeoutError) as error:
                if self._config.memory.chroma_server:
                    raise IndexUnavailable("the Chroma server does not answer") from error
                _log.error("index.thrown_away", reason=str(error) or "it did not answer in time")
                self._ended.set()
            else:
                return
        async with self._opening:  # nobody has it open now
            await forget_vectors(self._config, self._folder, person, open_s=min(OPEN_S, self._forget_s))

    def wake(self) -> None:
        """There may be something to index, or to take out."""
        self._something.set()
        if self._indexer is not None:
            self._indexer.wake()

    async def run(self) -> None:
        """Keep the index until cancelled. Where memory is off there is none: it can be made anew out of SQL."""
        if not self._config.memory.enabled:
            await self._without()
            return
        while True:
            try:
                await self._wait_for_something()
                await self._keep()
                self._tell("")
            except (EmbedderError, IndexUnavailable, StoreError) as error:
                self._tell(str(error))
                await asyncio.sleep(self._retry_s)

    async def _without(self) -> None:
        try:
            async with self._opening:
                await empty_index(self._config, self._folder)
        except (IndexUnavailable, OSError) as error:
            _log.error("index.not_emptied", reason=str(error))

    async def _wait_for_something(self) -> None:
        """Return a little after there is something that the index should hold, or let go of."""
        vectors = self._stores.vectors
        while not (await vectors.embedder() or await vectors.unindexed("", limit=1) or await vectors.removals(limit=1)):
            self._something.clear()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._something.wait()
            except TimeoutError:
                continue
        await asyncio.sleep(SETTLE_S)

    async def _keep(self) -> None:
        """Choose an embedder, open the index and keep it filled; returns when one has to be chosen or opened anew."""
        async with AsyncExitStack() as stack:
            meter = Meter(self._stores.database, self._config, self._clock)
            stack.push_async_callback(meter.aclose)
            embedder = await self._chosen(meter)
            stack.push_async_callback(embedder.aclose)
            yardstick = await yardstick_of(embedder)
            await stack.enter_async_context(self._opening)  # the index has one opener at a time
            index = index_of(self._config, self._folder, self._clock, embedder.name)
            index.start()
            stack.push_async_callback(index.aclose)
            self._ended.clear()
            self._indexer = Indexer(
                vectors=self._stores.vectors, index=index, embedder=embedder, clock=self._clock, pause_s=PAUSE_S
            )
            stack.callback(self._let_go)
            self._recall.use(embedder, index, yardstick)
            self._tell("")
            running = asyncio.create_task(self._indexer.run(), name="indexer")
            ending = asyncio.create_task(self._ended.wait(), name="index to be opened anew")
            try:
                await asyncio.wait((running, ending), return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (running, ending):
                    task.cancel()
                await asyncio.wait((running, ending))
            if not running.cancelled() and (error := running.exception()) is not None:
                raise error

    def _let_go(self) -> None:
        self._indexer = None

    async def _chosen(self, meter: Meter) -> CachedEmbedder:
        """The embedder of the settings. Raises EmbedderError while it is not ready."""
        last = await self._stores.vectors.embedder()
        picked = await choose(self._config, self._clock, last, count_tokens=meter.count)
        for one in picked.passed_over:
            _log.info("embedder.passed_over", embedder=one.name, reason=one.reason)
        if not picked.is_ready:
            await picked.embedder.aclose()
            raise EmbedderError(f"{picked.embedder.name} does not answer")
        _log.info("embedder.chosen", embedder=picked.embedder.name)
        return CachedEmbedder(picked.embedder, on_changed=self._ended.set)

    def _tell(self, trouble: str) -> None:
        """Log what is wrong when it changes."""
        if trouble and trouble != self._told:
            _log.warning("memory.without_index", reason=trouble, again_in_s=self._retry_s)
        self._told = trouble


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


@asynccontextmanager
async def opened_index(config: Config, embedder: str, *, open_s: float = OPEN_S) -> AsyncIterator[ChromaIndex]:
    """The index of the data folder, or the server, which nobody else has open. Raises IndexUnavailable."""
    index = index_of(config, DataFolder.open(config.data_dir), SystemClock(), embedder)
    index.start()
    try:
        await index.wait_open(open_s)
        yield index
    finally:
        await index.aclose()


async def empty_index(config: Config, folder: DataFolder) -> None:
    """Leave nothing in the index, which nobody has open. Raises IndexUnavailable for a server, and OSError."""
    if folder.chroma.is_dir():
        await asyncio.to_thread(shutil.rmtree, folder.chroma)
    else:
        folder.chroma.unlink(missing_ok=True)
    if config.memory.chroma_server:
        async with opened_index(config, "") as index:
            await index.discard()


async def forget_vectors(config: Config, folder: DataFolder, person: PersonId, *, open_s: float = OPEN_S) -> None:
    """Leave no vector of a person in the index, which nobody has open; one of ours that does not open goes as a whole.

    Raises IndexUnavailable for a server.
    """
    if not config.memory.chroma_server and not folder.chroma.exists():
        return
    try:
        async with asyncio.timeout(FORGET_S), opened_index(config, "", open_s=open_s) as index:
            await index.forget(person)
    except (IndexUnavailable, TimeoutError) as error:
        if config.memory.chroma_server:
            raise IndexUnavailable("the Chroma server does not answer") from error
        await empty_index(config, folder)
