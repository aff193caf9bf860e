"""The index in a running bot: whatever fails there is tried again, and forgetting never waits for what cannot answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Literal

import pytest

from bot.config import Config
from bot.memory_settings import MemorySettings
from bot.running_index import RunningIndex
from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.system import SystemClock
from profiles.memories import MemoryRecall
from tests.onnx_models import write_folder
from tests.store.conftest import clock, folder, migrated, stores, talk  # noqa: F401
from tests.store.remembered import added, known, write
from tests.talk import Talk

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def running(
    data: DataFolder, stored: Stores, *, embedder: Literal["hash", "onnx"] = "hash", enabled: bool = True
) -> AsyncIterator[RunningIndex]:
    """The index of a folder, kept until the end of the block."""
    config = Config(data_dir=data.path, memory=MemorySettings(embedder=embedder, enabled=enabled))
    recall = MemoryRecall(store=stored.memories, vectors=stored.vectors, clock=SystemClock())
    index = RunningIndex(config, data, stored, SystemClock(), recall=recall, retry_s=0.1, forget_s=3)
    task = asyncio.create_task(index.run())
    try:
        yield index
        assert not enabled or not task.done(), "nothing that happens to the index may end its keeper"
    finally:
        task.cancel()
        await asyncio.wait([task])


async def eventually(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Return once it is so."""
    async with asyncio.timeout(60):
        while not await is_so():
            await asyncio.sleep(0.05)


async def is_indexed(stores: Stores) -> bool:  # noqa: F811
    """Whether nothing waits for the index."""
    return not await stores.vectors.unindexed(await stores.vectors.embedder() or "none", limit=1)


async def test_an_embedder_that_comes_later_is_waited_for(folder: DataFolder, stores: Stores, talk: Talk) -> None:  # noqa: F811
    ana = await known(talk)
    await write(stores, added(ana.id, "m1"))
    async with running(folder, stores, embedder="onnx") as index:

        async def is_told() -> bool:
            return bool(index.trouble)

        await eventually(is_told)
        write_folder(folder.path / "embedder")
        await eventually(partial(is_indexed, stores))
        assert index.trouble == ""
        assert (await stores.vectors.embedder()).startswith("onnx-")


async def test_what_is_there_at_the_start_is_indexed_without_a_word_from_anybody(
    folder: DataFolder,  # noqa: F811
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1"))
    async with running(folder, stores):
        await eventually(partial(is_indexed, stores))
    assert folder.chroma.is_dir()


@pytest.mark.parametrize("when", ["before it is open", "while it runs"])
async def test_forgetting_throws_away_an_index_that_cannot_be_opened(
    folder: DataFolder,  # noqa: F811
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    when: str,
) -> None:
    ana = await known(talk)
    folder.chroma.write_text("no folder")
    if when == "while it runs":
        await write(stores, added(ana.id, "m1"))
    async with running(folder, stores) as index:
        if when == "while it runs":
            await asyncio.sleep(4)
        await index.forget(ana.id)
        assert not folder.chroma.is_file()


async def test_where_memory_is_off_nothing_is_embedded_and_the_index_goes(
    folder: DataFolder,  # noqa: F811
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
) -> None:
    ana = await known(talk)
    await write(stores, added(ana.id, "m1"))
    folder.chroma.mkdir()
    (folder.chroma / "old").write_text("vectors")
    async with running(folder, stores, enabled=False):

        async def is_gone() -> bool:
            return not folder.chroma.exists()

        await eventually(is_gone)
        await asyncio.sleep(0.5)
    assert await stores.vectors.embedder() == ""
