"""The whole bot in one process: what only its wiring can get wrong."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from bot.app import Bot, open_stores
from bot.config import load_config
from bot.door import Door
from bot.ports import Example
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.system import SystemClock
from bot.types import GivenRating, TurnId
from tests.house import RecordingChannel, rating, text

CANARY = "quicksilverfern"


@asynccontextmanager
async def running(path: Path, channel: RecordingChannel) -> AsyncIterator[Bot]:
    """A bot that talks through `channel` and serves no page."""
    config = load_config(environ={"MARTIN_DATA_DIR": str(path), "MARTIN_MODELS__PROVIDER": "offline"})
    folder, ready = DataFolder.open(config.data_dir), asyncio.Event()
    with folder.lock():
        await migrate(folder, SystemClock())
        async with open_stores(config) as stores, asyncio.TaskGroup() as tasks:
            bot = Bot(config, folder, stores, {channel.name: channel})
            tasks.create_task(bot.run(None, ready.set))
            await ready.wait()
            try:
                yield bot
            finally:
                bot.stop()


async def ask(bot: Bot, channel: RecordingChannel, words: str) -> tuple[TurnId, str]:
    """Say something; its turn and its answer."""
    (receipt,) = await bot.door.receive([text(words)])
    await bot.core.idle()
    await bot.delivery.idle()
    return receipt.turn_id, channel.texts[-1]


async def correct(door: Door, turn_id: TurnId, correction: str) -> None:
    """Give the right answer."""
    message = rating(turn_id, -1, event_id="corrected")
    await door.receive([replace(message, rating=GivenRating(turn_id=turn_id, value=-1, correction=correction))])


def remembered() -> int:
    """How many examples in this process's memory hold the canary. It looks at every object: not for an event loop."""
    gc.collect()
    return sum(isinstance(found, Example) and CANARY in found.answer for found in gc.get_objects())


async def test_forgetting_somebody_also_clears_what_the_process_had_in_mind(tmp_path: Path) -> None:
    channel = RecordingChannel()
    async with running(tmp_path, channel) as bot, asyncio.timeout(20):
        turn_id, _ = await ask(bot, channel, "Which plant grows beside the lighthouse?")
        await correct(bot.door, turn_id, f"The {CANARY} grows there.")
        _, answer = await ask(bot, channel, "What plant grows beside the lighthouse?")
        assert CANARY in answer
        assert await asyncio.to_thread(remembered)
        await ask(bot, channel, "/forgetme")
        await ask(bot, channel, "Yes, erase everything")
        channel.delivered.clear()
        channel.tries.clear()
        while await asyncio.to_thread(remembered):
            await asyncio.sleep(0.05)
