"""Asks Telegram for updates for as long as the bot runs; the offset moves once what is before it is on disk (R-01, R-02)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from bot.channels.telegram.requests import ApiRefused, NoAnswer
from bot.channels.telegram.wire import BrokenUpdate
from bot.errors import ChannelRefused, IntakeError, StoreError
from bot.ports import Clock

_log = structlog.get_logger("martin.telegram")

SETTLED_S: Final = 60.0
"""After so long without a conflict this poller counts as the one that was there first."""
MOST_CONFLICTS: Final = 3
MOST_WHEN_SETTLED: Final = 12
NO_SUCH_BOT: Final = (
    "Telegram does not know this token. Copy the one that @BotFather shows for the bot (/mybots, API Token) into "
    "MARTIN_TELEGRAM__TOKEN"
)
OTHER_POLLER: Final = (
    "another program fetches this bot's messages from Telegram with the same token. Stop that one, or give this one a token of "
    "its own from @BotFather"
)
OTHER_WEBHOOK: Final = (
    "another program has Telegram post this bot's messages to itself (a webhook): end that one and remove its webhook "
    "(deleteWebhook in the Bot API), or give this bot a token of its own from @BotFather. If it is this bot's own, set from "
    "another data folder, put its address into MARTIN_TELEGRAM__WEBHOOK_URL without the /telegram at the end, and it is removed"
)
"""Our log hides what stands behind the word token and a colon: none of these may have that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Seconds: how long a poll is held open, the first and the longest pause after a failure, the pause after a conflict.

    `webhook_s`: between two questions whether what Telegram posts arrives; well below the three minutes of health.
    """

    poll_s: int = 25
    first_s: float = 0.5
    longest_s: float = 30.0
    conflict_s: float = 5.0
    webhook_s: float = 60.0


class Source(Protocol):
    """Where updates come from."""

    async def poll(self, offset: int | None, timeout_s: int) -> Sequence[bytes]:
        """The raw updates that wait, from this id on. Raises ApiRefused, NoAnswer, BrokenUpdate."""


Take = Callable[[Sequence[bytes]], Awaitable[int | None]]
"""Commits raw updates; the highest id among them, None where none could be read. Raises StoreError or IntakeError."""


class Polling:
    """The loop. `on_polled` is awaited after every poll that Telegram answered, before what it brought is taken."""

    def __init__(self, *, clock: Clock, waits: Waits, on_polled: Callable[[], Awaitable[None]]) -> None:
        self._clock, self._waits, self._on_polled = clock, waits, on_polled
        self._pause_s = waits.first_s
        self._conflicts, self._most_conflicts = 0, MOST_CONFLICTS
        self._undisturbed_since = clock.monotonic()

    async def run(self, source: Source, take: Take) -> None:
        """Poll until cancelled. Raises ChannelRefused where Telegram will not have this poller."""
        offset: int | None = None
        while True:
            try:
                updates = await source.poll(offset, self._waits.poll_s)
                await self._on_polled()
                last = await take(updates) if updates else None
                if updates and last is None:
                    await self._pause("network", "updates without ids")
                    continue
                # After an empty poll all before the offset is confirmed: without one, ids that begin lower are not lost.
                offset = last + 1 if last is not None else None
                self._pause_s = self._waits.first_s
            except (StoreError, IntakeError) as error:
                await self._pause("storage", type(error).__name__)
            except (NoAnswer, BrokenUpdate) as error:
                await self._pause("network", str(error))
            except ApiRefused as error:
                await self._refused(error)

    async def _pause(self, cause: str, error: str) -> None:
        """Wait, longer every time; Telegram keeps what it has for a day."""
        _log.warning("telegram.intake_paused", cause=cause, error=error, in_s=self._pause_s)
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, self._waits.longest_s)

    async def _refused(self, error: ApiRefused) -> None:
        if error.code in (401, 404):
            raise ChannelRefused(NO_SUCH_BOT)
        if error.code == 409:
            await self._conflict("webhook" in error.description)
        elif error.retry_after_s:
            _log.warning("telegram.intake_paused", cause="limit", error=str(error), in_s=error.retry_after_s)
            await asyncio.sleep(error.retry_after_s)
        else:
            await self._pause("refused", str(error))

    async def _conflict(self, is_webhook: bool) -> None:
        """Give way to another poller, later where this one was there first: two of them only take turns."""
        now = self._clock.monotonic()
        if now - self._undisturbed_since > SETTLED_S:
            self._conflicts, self._most_conflicts = 0, MOST_WHEN_SETTLED
        self._conflicts += 1
        self._undisturbed_since = now
        if self._conflicts >= self._most_conflicts:
            raise ChannelRefused(OTHER_WEBHOOK if is_webhook else OTHER_POLLER)
        _log.warning("telegram.conflict", conflicts=self._conflicts, in_s=self._waits.conflict_s)
        await asyncio.sleep(self._waits.conflict_s)
