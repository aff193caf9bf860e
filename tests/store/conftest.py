"""What store tests share: a migrated data folder, copied fresh for every test that asks."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores, open_folder
from bot.system import SystemClock
from tests.fakes import FakeClock, SequentialIds
from tests.talk import Talk


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> DataFolder:
    """A migrated folder to copy from, never to write to."""
    folder = DataFolder.open(tmp_path_factory.mktemp("migrated") / "data")
    asyncio.run(migrate(folder, SystemClock()))
    return folder


@pytest.fixture
def folder(migrated: DataFolder, tmp_path: Path) -> DataFolder:
    """A data folder of its own, with an empty database of the present schema."""
    fresh = DataFolder.open(tmp_path / "data")
    shutil.copyfile(migrated.database, fresh.database)
    return fresh


@pytest.fixture
def database_path(folder: DataFolder) -> Path:
    """The empty database in `folder`."""
    return folder.database


@pytest.fixture
def clock() -> FakeClock:
    """Noon, until a test lets time pass."""
    return FakeClock()


@pytest.fixture
async def stores(folder: DataFolder, clock: FakeClock) -> AsyncIterator[Stores]:
    """Every table group on the empty database in `folder`."""
    async with open_folder(folder, clock=clock, ids=SequentialIds("s")) as stores:
        yield stores


@pytest.fixture
def talk(stores: Stores, clock: FakeClock) -> Talk:
    """People who talk over `stores`."""
    return Talk(stores, clock, SequentialIds())
