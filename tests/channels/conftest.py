"""What the console's tests share."""

from __future__ import annotations

import pytest

from tests.web.house import House, application, settings


@pytest.fixture(autouse=True, scope="session")
def _warm() -> None:
    """Build one page before any loop runs: the first costs FastAPI 100 ms of reading type hints, which is no lapse of ours."""
    application(House(), settings())
