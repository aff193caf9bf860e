"""When Telegram last answered: for health, and to know after a long absence that messages were lost (R-05, R-38)."""

from __future__ import annotations

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


class PollWatch:
    """Keeps the time of the last poll that went well, on disk at most once a minute."""

    def __init__(self, marks: MarkStore, clock: Clock) -> None:
        self._marks, self._clock = marks, clock
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
            before = datetime.fromisoformat(mark) if mark is not None else None
        except (StoreError, ValueError) as error:
            _log.warning("telegram.mark", error=type(error).__name__)
            return
        if before is not None:
            self._judge(before, self._clock.now())

    async def polled(self) -> None:
        """Telegram answered just now."""
        self._live_at, now = self._clock.monotonic(), self._clock.now()
        if self._marked_at is not None:
            if now - self._marked_at < MARK_EVERY:
                return
            self._judge(self._marked_at, now)
        self._marked_at = now
        try:
            await self._marks.set_mark(ChannelName.TELEGRAM, LAST_POLL, now.isoformat(), now)
        except StoreError as error:
            _log.warning("telegram.mark", error=type(error).__name__)

    def _judge(self, before: datetime, now: datetime) -> None:
        if now - before > KEPT_FOR:
            hours = round((now - before).total_seconds() / 3600)
            _log.warning("telegram.gap", hours=hours)
            self.trouble = f"Telegram was not heard for {hours} hours and keeps messages for 24: older ones are lost"
