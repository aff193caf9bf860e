"""How the running bot is: alive means that a restart would not help; ready means that it can answer now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from bot.ports import Clock

BEAT_S = 5.0
STUCK_S = 60.0
DEAF_S = 180.0


class RunningHealth:
    """Implements the `Health` port over named checks, each giving `ok` or what is wrong."""

    def __init__(
        self,
        *,
        clock: Clock,
        checks: Mapping[str, Callable[[], Awaitable[str]]],
        stuck_s: Callable[[], float],
        deaf_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`stuck_s` gives the seconds that the database's writer has spent on its present batch.

        `deaf_s` gives those since the platform was heard of that has been silent longest.
        """
        self._clock, self._checks, self._stuck_s, self._deaf_s = clock, checks, stuck_s, deaf_s
        self._beat = clock.monotonic()

    async def run(self) -> None:
        """Beat while the loop turns; until cancelled."""
        while True:
            self._beat = self._clock.monotonic()
            await asyncio.sleep(BEAT_S)

    def is_live(self) -> bool:
        """False when the loop or the database's writer has been stuck for a minute, or a platform deaf for three."""
        is_beating = self._clock.monotonic() - self._beat < STUCK_S
        return is_beating and self._stuck_s() < STUCK_S and self._deaf_s() < DEAF_S

    async def ready(self) -> Mapping[str, str]:
        """Each dependency by name, `ok` or what is wrong with it."""
        return {name: await check() for name, check in self._checks.items()}
