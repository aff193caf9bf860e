"""The queue of updates: one poller at a time, offsets that confirm for good, and a webhook that is really posted to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from tests.servers.telegram.chats import Refused

Update = dict[str, Any]

FIRST_UPDATE: Final = 700_000_001
LONGEST_POLL_S: Final = 50
ASKED_FOR_ONLY: Final = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
"""What a bot gets only when it names it."""
_OTHER_POLLER: Final = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_HAS_WEBHOOK: Final = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


@dataclass(slots=True, kw_only=True)
class Webhook:
    """Where updates are posted to, and what went wrong there last."""

    url: str
    secret: str = ""
    most_connections: int = 40
    has_certificate: bool = False
    last_error: str = ""
    last_error_at: float = 0.0


class Updates:
    """What the bot has not confirmed yet. `confirmed` counts what it has, `handed` every time an update was handed out.

    `broken` holds the ids of updates that are wrong on purpose. With `slows_repeats`, as on Telegram's own servers, the same
    offset again within half a second gets one update at most, and an empty queue then waits 3 s.
    """

    def __init__(self) -> None:
        self.waiting: dict[int, Update] = {}
        self.broken: set[int] = set()
        self.handed: dict[int, int] = {}
        self.confirmed = self.polls = self.conflicts = 0
        self.wanted: frozenset[str] | None = None
        self.webhook: Webhook | None = None
        self.slows_repeats = False
        self._next = FIRST_UPDATE
        self._came = asyncio.Event()
        self._poller: asyncio.Future[None] | None = None
        self._last: tuple[int, float] = (0, -100.0)

    def put(self, kind: str, body: object) -> int | None:
        """Queue an update, unless the bot does not want this kind: then None."""
        if not self.wants(kind):
            return None
        return self._queue({kind: body})

    def put_raw(self, update: Update) -> int:
        """Queue an update that may be anything; the description is not asked."""
        number = self._queue(update)
        self.broken.add(number)
        return number

    def jump(self, by: int) -> None:
        """Leave a gap in the numbers, backwards too, as after a week without updates."""
        self._next += by

    def wants(self, kind: str) -> bool:
        """Whether the bot gets this kind, by what it last said."""
        return kind not in ASKED_FOR_ONLY if self.wanted is None else kind in self.wanted

    def want(self, kinds: Sequence[str] | None) -> None:
        """Remember what the bot wants from now on; an empty list is the default, None leaves it as it was."""
        if kinds is not None:
            self.wanted = frozenset(kinds) or None

    def confirm(self, number: int) -> None:
        """Forget one update: it was taken."""
        if self.waiting.pop(number, None) is not None:
            self.confirmed += 1
            self.wake()

    def clear(self) -> None:
        """Forget all, unread."""
        self.waiting.clear()
        self.wake()

    def handing(self, batch: Sequence[Update]) -> None:
        """Count what is being handed out."""
        for one in batch:
            self.handed[one["update_id"]] = self.handed.get(one["update_id"], 0) + 1

    async def poll(self, offset: int, limit: int, timeout: int) -> list[Update]:
        """The next updates, waiting for the first. Raises Refused when another poller comes, or while a webhook is set."""
        if self.webhook is not None:
            self.conflicts += 1
            raise Refused(409, _HAS_WEBHOOK)
        self.polls += 1
        limit, timeout = max(1, min(limit, 100)), max(0, min(timeout, LONGEST_POLL_S))
        if self.slows_repeats:
            limit, timeout = self._slowed(offset, limit, timeout)
        self._confirm_before(offset)
        if not self.waiting and timeout:
            await self._wait(timeout)
        batch = [self.waiting[number] for number in sorted(self.waiting)][:limit]
        self.handing(batch)
        return batch

    async def arrival(self) -> None:
        """Return when the queue changes."""
        await self._came.wait()

    def stop_poller(self, reason: str = _OTHER_POLLER) -> None:
        """End the poll that is held open, if there is one."""
        if self._poller is not None and not self._poller.done():
            self.conflicts += 1
            self._poller.set_exception(Refused(409, reason))
        self._poller = None

    def _queue(self, update: Update) -> int:
        number = self._next
        self._next += 1
        self.waiting[number] = {"update_id": number, **update}
        self.wake()
        return number

    def wake(self) -> None:
        """Let who waits look again."""
        came, self._came = self._came, asyncio.Event()
        came.set()

    def _slowed(self, offset: int, limit: int, timeout: int) -> tuple[int, int]:
        (before, at), now = self._last, time.monotonic()
        self._last = (offset, now)
        if offset != before:
            return limit, timeout
        return (1 if now < at + 0.5 else limit), (3 if timeout < 3 and now < at + 3 else timeout)

    def _confirm_before(self, offset: int) -> None:
        numbers = sorted(self.waiting)
        if offset > self._next + 10:  # so far ahead that Telegram takes it for a mistake, and begins at the oldest
            return
        gone = numbers[:offset] if offset < 0 else [number for number in numbers if number < offset]
        for number in gone:
            del self.waiting[number]
        self.confirmed += len(gone)

    async def _wait(self, timeout: int) -> None:
        self.stop_poller()
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._poller = mine
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._first(mine)
        finally:
            if self._poller is mine:  # also when the client is gone
                self._poller = None

    async def _first(self, ended: asyncio.Future[None]) -> None:
        """Return when there is an update; raises what ends the poll."""
        while not self.waiting:
            came = asyncio.ensure_future(self._came.wait())
            try:
                await asyncio.wait((ended, came), return_when=asyncio.FIRST_COMPLETED)
            finally:
                came.cancel()
            if ended.done():
                ended.result()
