"""Joins two places of one person, or separates one again, once nobody there waits for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from bot.errors import StoreBusy, StoreConflict
from bot.job_types import Job
from bot.link_ports import LinkChores, Moved
from bot.ports import Clock
from bot.types import PersonId

LOOKS: Final = 50
LOOK_S: Final = 0.2
"""How often, and how far apart, to look for a moment in which nothing is being answered; then others have their turn."""

Forget = Callable[[PersonId], Awaitable[None]]
Work = Callable[[Job, datetime], Awaitable[Moved | None]]


class LinkJobs:
    """The durable chores behind `/link` and `/unlink`.

    `caches` let go of what they keep in memory of a person, and `index` of every vector; `on_change` hears that the index has
    something to do. A run that was killed or failed is simply run again.
    """

    def __init__(
        self,
        links: LinkChores,
        *,
        caches: Sequence[Forget],
        index: Forget,
        clock: Clock,
        on_change: Callable[[], None] = lambda: None,
        looks: int = LOOKS,
        look_s: float = LOOK_S,
    ) -> None:
        self._links, self._caches, self._index, self._clock = links, tuple(caches), index, clock
        self._on_change, self._looks, self._look_s = on_change, looks, look_s

    async def link(self, job: Job) -> None:
        """Make the chore's person the one whose code they entered.

        An answer that is being written for them is waited for, because it belongs to who they were when they asked. Raises
        StoreBusy when that takes longer, IndexUnavailable.
        """
        done = await self._in_quiet(job, self._links.join)
        if done is None:
            return
        await self._let_go(done)
        await self._index(done.other)  # that person is no more, so that all of theirs may go at once
        await self._links.joined(job)
        self._on_change()

    async def unlink(self, job: Job) -> None:
        """Make a person of its own of the place where that was asked for. Raises StoreBusy."""
        done = await self._in_quiet(job, self._links.part)
        if done is not None:
            await self._let_go(done)
            self._on_change()

    async def _in_quiet(self, job: Job, work: Work) -> Moved | None:
        for look in range(self._looks):
            if look:
                await asyncio.sleep(self._look_s)
            if await self._links.is_quiet(job.person_id):
                try:
                    return await work(job, self._clock.now())
                except StoreConflict:
                    continue  # a message came in between
        raise StoreBusy("a message in one of the places is being answered; they are joined or separated after that")

    async def _let_go(self, done: Moved) -> None:
        for person in filter(None, (done.person, done.other)):
            for cache in self._caches:
                await cache(person)
