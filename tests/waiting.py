"""Waiting in tests for what other tasks, threads and processes do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

LONG_S: Final = 60.0
"""Longer than anything here takes on a machine that others use too."""


async def until(is_so: Callable[[], object], within_s: float = LONG_S) -> None:
    """Return as soon as it is so. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.01)
