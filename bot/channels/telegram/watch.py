"""When Telegram last answered: for health, and to know after a long absence that messages were lost (R-05, R-38)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.channel_ports import MarkStore
from bot.errors import StoreError
from bot.ports import Clock
from bot.types import ChannelName

_log = structlog.get_logger("martin.telegram")

LAST_POLL: Final = "last_poll"
MARK_EVERY: Final = timedelta(minutes=1)
KEPT_FOR: Final = timedelta(hours=24)
"""How long Telegram keeps what nobody fetches (core.telegram.org/bots/api#getting-updates)."""

OnGap = Callable[[float], Awaitable[None]]
"""What is done about messages that are lost, once Telegram is heard again after so many hours. May raise StoreError."""


async def nothing(hours: float) -> None:
    """Do nothing about a gap."""


class PollWatch:
    """Keeps the time of the last poll that went well, on disk at most once a minute.

    `on_gap` is awaited before the mark moves on: a crash or a failing store in between has it called again.
    """

    def __init__(self, marks: MarkStore, clock: Clock, on_gap: OnGap = nothing) -> None:
        self._marks, self._clock, self._on_gap = marks, clock, on_gap
        self._live_at = clock.monotonic()
        self._marked_at: datetime | None = None
        self.trouble = ""

    @property
    def age_s(self) -> float:
        """Seconds since the last one, or since this was made."""
        return self._clock.monotonic() - self._live_at

    async def begin(self) -> None:
        """Look how long ago an earlier process last heard from Telegram."""
        try:
            mark = (await self._marks.marks(ChannelName.TELEGRAM)).get(LAST_POLL)
            self._marked_at = datetime.fromisoformat(mark) if mark is not None else None
        except (StoreError, ValueError) as error:
            _log.warning("telegram.mark", error=type(error).__name__)
            return
        hours = self._gap_h(self._clock.now())
        if hours:
            self.trouble = f"Telegram was not heard for {hours:.0f} hours and keeps messages for 24, so older ones are lost"

    async def polled(self) -> None:
        """Telegram answered just now: whatever was the matter with it is over."""
        self._live_at, now = self._clock.monotonic(), self._clock.now()
        self.trouble = ""
        if self._marked_at is not None and timedelta() <= now - self._marked_at < MARK_EVERY:
            return
        hours = self._gap_h(now)
        try:
            if hours:
                await self._on_gap(hours)
                _log.warning("telegram.gap", hours=round(hours))
            self._marked_at = now
            await self._marks.set_mark(ChannelName.TELEGRAM, LAST_POLL, now.isoformat(), now)
        except StoreError as error:
            _log.warning("telegram.mark", error=type(error).__name__)

    def _gap_h(self, now: datetime) -> float:
        """Hours since the mark, where that is too long; else 0."""
        if self._marked_at is None or now - self._marked_at <= KEPT_FOR:
            return 0.0
        return (now - self._marked_at).total_seconds() / 3600
