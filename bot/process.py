"""How a process that is this bot's own runs: its event loop, and when it looks for garbage."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
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


@contextmanager
def signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and SIGINT ask to stop; the second one ends the process at once (R-33)."""
    asked = False

    def on_signal() -> None:
        nonlocal asked
        if asked:
            os._exit(130)
        asked = True
        stop()

    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    for number in numbers:
        loop.add_signal_handler(number, on_signal)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
