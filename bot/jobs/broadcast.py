"""Spreads messages to everybody, a due message for each person, in slices: a crash neither skips nor repeats anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bot.admin_types import Told
from bot.job_types import Job
from bot.types import ChannelName


class Broadcasts(Protocol):
    """What it needs of the store."""

    async def open(self) -> Sequence[tuple[str, str]]:
        """Those that have not reached everybody: each with the last person that it has reached."""

    async def page(self, after: str) -> Sequence[Told]:
        """The next people to tell after that one; none at the end."""

    async def spread(self, id: str, upto: str, to: Sequence[Told], *, is_last: bool) -> None:
        """Have it said to these people, in one transaction with how far it has come."""


class BroadcastJob:
    """The durable chore behind `/admin broadcast`. Whoever is kept out is told nothing."""

    def __init__(self, broadcasts: Broadcasts, keeps_out: Callable[[ChannelName, str], Awaitable[bool]]) -> None:
        """`keeps_out` says whether a user of a channel is kept out."""
        self._broadcasts, self._keeps_out = broadcasts, keeps_out

    async def run(self, _: Job) -> None:
        """Spread whatever is open, from where it has come to. Raises StoreError."""
        for id_, begun in await self._broadcasts.open():
            reached = begun
            while page := await self._broadcasts.page(reached):
                to = [one for one in page if not await self._is_blocked(one)]
                reached = page[-1].person
                await self._broadcasts.spread(id_, reached, to, is_last=False)
            await self._broadcasts.spread(id_, reached, (), is_last=True)

    async def _is_blocked(self, told: Told) -> bool:
        for channel, user in told.users:
            if await self._keeps_out(channel, user):
                return True
        return False
