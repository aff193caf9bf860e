"""What the console's tests share."""

from __future__ import annotations

import pytest

from tests.web.house import House, settings
from web.app import build


@pytest.fixture(autouse=True, scope="session")
def _warm() -> None:
    """Build one page before any loop runs: the first costs FastAPI 100 ms of reading type hints, which is no lapse of ours."""
    house = House()
    build(settings(), web=house.web, console=house.console, histories=house, health=house, clock=house.clock)
