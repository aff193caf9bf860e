"""The tasks of one client: they end with it, and none begins after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class ClientTasks:
    """Begins tasks in a group that ends when its client does; discord.py may still tell of an event after that."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self.is_over = False

    def begin(self, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T] | None:
        """A task that does this; None where the client is over."""
        return None if self.is_over else self._group.create_task(work())
