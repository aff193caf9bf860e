"""An interaction's token between its arrival and its answer: in a message's handle, and known while it is deferred."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

GOOD_FOR_S: Final = 14 * 60.0
"""How long a token is used: Discord takes it for 15 minutes, and a send may take one."""
_MOST_PENDING: Final = 10_000
_DEFERRED_IN_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """What an interaction's answer needs. The token opens the answer to whoever has it: it is in no repr."""

    application: int
    token: str = field(repr=False)
    at: datetime
    is_ephemeral: bool = False

    def written(self) -> str:
        """As it stands in `IncomingMessage.handle`."""
        return f"{self.application}:{int(self.at.timestamp())}:{'e' if self.is_ephemeral else 'p'}:{self.token}"

    def is_good(self, now: datetime) -> bool:
        """Whether Discord still takes it."""
        return (now - self.at).total_seconds() < GOOD_FOR_S


def read_handle(text: str) -> Handle | None:
    """The handle; None where there is none."""
    parts = text.split(":", 3)
    if len(parts) != 4 or not all(part.isascii() and part.isdigit() for part in parts[:2]):
        return None
    application, at, kind, token = parts
    return Handle(application=int(application), token=token, at=datetime.fromtimestamp(int(at), UTC), is_ephemeral=kind == "e")


class Pending:
    """The interactions whose deferral is under way or done: whoever answers waits for it."""

    def __init__(self) -> None:
        self._deferred: OrderedDict[str, asyncio.Future[int | None]] = OrderedDict()

    def begin(self, token: str) -> None:
        """An interaction has come, and is not deferred yet."""
        self._deferred[token] = asyncio.get_running_loop().create_future()
        if len(self._deferred) > _MOST_PENDING:
            self._deferred.popitem(last=False)

    def done(self, token: str, message: int | None) -> None:
        """It is deferred; `message` is what will hold the answer, None where that failed."""
        future = self._deferred.get(token)
        if future is not None and not future.done():
            future.set_result(message)

    async def message(self, token: str) -> int | None:
        """The message that will hold the answer, once it is there; None where nobody knows it."""
        future = self._deferred.get(token)
        if future is None:
            return None
        await asyncio.wait({future}, timeout=_DEFERRED_IN_S)
        return future.result() if future.done() else None
