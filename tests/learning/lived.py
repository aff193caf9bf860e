"""A data folder in which a town has lived for two weeks, and a bot's parts of learning over a copy of it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path

from bot.admin_types import NightAsked
from bot.config import Config, load_config
from bot.learning_desk import LearningDesk
from bot.learning_parts import LearningParts
from bot.store.folder import DataFolder
from bot.store.open import Stores, open_folder
from bot.system import TimeOrderedIds
from bot.types import AddressId, PersonId
from tests.fakes import FakeClock
from tests.learning.town import LAST, town
from tests.store.tables import found

NOW = datetime.combine(LAST, time(12), tzinfo=UTC)
"""Noon of the day after the last one."""


def lived_in(path: Path, people: int, *, has_night: bool, is_approved: bool = False) -> Path:
    """Its data folder, as it is after those weeks and perhaps the night that follows."""

    async def live() -> None:
        async with town(path, people=people, is_approved=is_approved) as here:
            if has_night:
                await here.night()

    asyncio.run(live())
    if has_night:
        shutil.move(path / "training", path / "data" / "training")
    return path / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Learning:
    """What admins meet of a bot that learns, at noon after the last day."""

    config: Config
    folder: DataFolder
    stores: Stores
    clock: FakeClock
    parts: LearningParts
    desk: LearningDesk

    async def asked(self) -> NightAsked:
        """Somebody of the town, who asks for a night where they write."""
        rows = await asyncio.to_thread(found, self.folder.database, "SELECT person_id, id FROM addresses WHERE is_private")
        person, address = rows[0]
        return NightAsked(person_id=PersonId(person), address_id=AddressId(address), language="es")


@asynccontextmanager
async def learning(lived: Path, path: Path) -> AsyncIterator[Learning]:
    """The parts over a copy of such a folder."""
    await asyncio.to_thread(shutil.copytree, lived, path / "data")
    environ = {"MARTIN_STORE__TIMEZONE": "UTC", "MARTIN_MODELS__PROVIDER": "offline"}
    config = load_config(environ=environ, folder=path, data_dir=path / "data")
    clock, folder = FakeClock(NOW), DataFolder.open(path / "data")
    async with open_folder(folder, clock=clock, ids=TimeOrderedIds()) as stores:
        parts = LearningParts(config, stores, clock)
        yield Learning(
            config=config,
            folder=folder,
            stores=stores,
            clock=clock,
            parts=parts,
            desk=LearningDesk(config, stores, parts),
        )


@asynccontextmanager
async def running(parts: LearningParts) -> AsyncIterator[asyncio.Task[None]]:
    """As in a bot that serves."""
    task = asyncio.create_task(parts.run())
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
