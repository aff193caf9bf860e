"""What all tests share: the guards that watch them, secrets that must not come out, and a configuration on a fresh folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bot.config import Config, load_config
from tests.canaries import Canaries, new_canaries
from tests.guards import Guards

_GUARDS = Guards()
# A busy machine makes examples slow by the clock, which is no lapse of ours; the guards look at the loop's CPU time.
settings.register_profile("martin", deadline=None)
settings.load_profile("martin")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch before anything is imported for a test."""
    # No test may meet a model server that happens to run here: `auto` would ask it. Nothing listens on port 1.
    os.environ.update(OLLAMA_HOST="http://127.0.0.1:1", MISTRAL_API_KEY="")
    config.addinivalue_line("markers", "may_block(reason): this test keeps an event loop busy on purpose")
    _GUARDS.install()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no core waits for it at the end; all else stays in its random order."""
    items.sort(key=lambda item: item.get_closest_marker("timeout") is None)


@pytest.fixture(autouse=True)
def _watched(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test during which the network was tried or an event loop was blocked by code of ours."""
    _GUARDS.take()
    yield
    seen = _GUARDS.take()
    if seen and request.node.get_closest_marker("may_block") is None:
        pytest.fail("\n".join(seen), pytrace=False)


@pytest.fixture(scope="session")
def canaries() -> Canaries:
    """Secrets of every shape that must never appear in logs, errors or files."""
    return new_canaries()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """The defaults on a data folder of this test's own, untouched by this machine's environment."""
    return load_config(environ={"MARTIN_MODELS__PROVIDER": "offline"}, folder=tmp_path, data_dir=tmp_path / "data")
