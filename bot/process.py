"""How a process that is this bot's own runs: its event loop, and when it looks for garbage."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_NEW_OBJECTS = 5_000
"""How many new objects are looked through for garbage at a time. Turns leave hardly any that is not freed at once."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in a fresh event loop: uvloop's where there is one, which halves the cost of a turn's tasks."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


async def settle(loaded: Awaitable[object]) -> None:
    """Once all is `loaded`, never look through it for garbage again: every few thousand turns that stopped everybody for 0.1 s.

    What comes later is collected as ever. For the process that serves, not for tests: nothing of what is there now is freed.
    """
    await loaded
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
