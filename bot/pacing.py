"""How fast messages may go out: never faster than a platform allows, in order per chat, finals before previews (R-24, R-25)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from bot.ports import Clock

FIRST_SWEEP: Final = 1024
"""Chats that are remembered before the idle ones among them are looked for."""
_SOON_S: Final = 1e-6
"""Differences below this are the clock's, not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """At most `burst` at once and `per_s` over time: no window of `w` seconds holds more than `burst + per_s * w`."""

    per_s: float
    burst: int = 1

    def __post_init__(self) -> None:
        if self.per_s <= 0 or self.burst < 1:
            raise ValueError(f"expected a rate above 0 and a burst of at least 1, found {self.per_s!r} and {self.burst!r}")

    @classmethod
    def within(cls, most: int, seconds: float, *, burst: int = 1) -> Rate:
        """The rate at which no window of `seconds` holds more than `most`, its burst included."""
        if most <= burst:
            raise ValueError(f"expected a burst below {most!r}, found {burst!r}")
        return cls(per_s=(most - burst) / seconds, burst=burst)

    @property
    def gap_s(self) -> float:
        """Seconds until one more may go."""
        return 1 / self.per_s


class _Bucket:
    """A token bucket as one number: the moment it will be full again (the generic cell rate algorithm, ITU-T I.371)."""

    __slots__ = ("full_at", "rate")

    def __init__(self, rate: Rate, empty_at: float) -> None:
        self.rate = rate
        self.full_at = empty_at + rate.burst * rate.gap_s

    def free_at(self, spare: int = 0) -> float:
        """When a token can be taken that leaves `spare` of them."""
        return self.full_at - (self.rate.burst - 1 - spare) * self.rate.gap_s

    def take(self, now: float) -> None:
        self.full_at = max(now, self.full_at) + self.rate.gap_s


@dataclass(slots=True)
class _Chat:
    """What is known of one chat while it is not idle."""

    buckets: tuple[_Bucket, ...]
    paused_until: float = 0.0
    is_taken: bool = False
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    def free_at(self, *, leave_one: bool = False) -> float:
        spares = (1 if leave_one and bucket.rate.burst > 1 else 0 for bucket in self.buckets)
        return max(self.paused_until, *(bucket.free_at(spare) for bucket, spare in zip(self.buckets, spares, strict=True)))

    def is_idle(self, now: float) -> bool:
        is_full = all(bucket.full_at <= now for bucket in self.buckets)
        return is_full and self.paused_until <= now and not self.is_taken and not self.waiting


class Pace:
    """Gives turns to send. All buckets are empty at first: the platform may remember what an earlier process sent.

    Whoever waits for a chat waits behind those who came before, and keeps nobody else waiting; among chats whose turn it is,
    the first to be ready goes first. Nothing is kept of a chat whose buckets are full again.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        overall: Rate,
        per_chat: Rate,
        per_group: Rate | None = None,
        preview_share: float = 0.5,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`preview_share` of the overall rate is the most that previews may use of it."""
        self._clock, self._sleep = clock, sleep
        self._per_chat, self._per_group = per_chat, per_group
        self._began_at = clock.monotonic()
        self._overall = _Bucket(overall, self._began_at)
        self._previews = _Bucket(Rate(per_s=overall.per_s * preview_share), self._began_at)
        self._paused_until = 0.0
        self._front = asyncio.Lock()
        self._chats: dict[str, _Chat] = {}
        self._sweep_at = FIRST_SWEEP

    @property
    def remembered(self) -> int:
        """How many chats something is kept of."""
        return len(self._chats)

    async def turn(self, chat: str, *, is_group: bool = False, is_again: bool = False) -> None:
        """Return when a message to this chat may go out. `is_again`: it was refused for its pace, and comes before others."""
        async with self._line(self._chat(chat, is_group=is_group), is_again=is_again) as here:
            while not await self._passed(here):
                await self._until(here.free_at())

    def may_now(self, chat: str, *, is_group: bool = False) -> bool:
        """Whether a preview may go out at once; then it has its token. Never while a message waits that it would delay."""
        now = self._clock.monotonic()
        here = self._chat(chat, is_group=is_group)
        if here.is_taken or here.waiting or self._front.locked():
            return False
        if max(here.free_at(leave_one=True), self._overall_at(), self._previews.free_at()) > now + _SOON_S:
            return False
        self._previews.take(now)
        self._take(here, now)
        return True

    def pause(self, chat: str | None, seconds: float) -> None:
        """After a limit answer: nothing goes to this chat (None: to any) before, whoever waits already included."""
        until = self._clock.monotonic() + seconds
        if chat is None:
            self._paused_until = max(self._paused_until, until)
        else:
            here = self._chat(chat, is_group=None)
            here.paused_until = max(here.paused_until, until)

    async def _passed(self, here: _Chat) -> bool:
        """Take the turn if the chat is ready; wait for the overall rate, and give way if the chat is paused meanwhile."""
        if here.free_at() > self._clock.monotonic() + _SOON_S:
            return False
        async with self._front:
            while True:
                now = self._clock.monotonic()
                if here.free_at() > now + _SOON_S:
                    return False
                if self._overall_at() <= now + _SOON_S:
                    self._take(here, now)
                    return True
                await self._until(self._overall_at())

    async def _until(self, moment: float) -> None:
        await self._sleep(max(0.0, moment - self._clock.monotonic()))

    def _overall_at(self) -> float:
        return max(self._paused_until, self._overall.free_at())

    def _take(self, here: _Chat, now: float) -> None:
        for bucket in (self._overall, *here.buckets):
            bucket.take(now)

    @asynccontextmanager
    async def _line(self, here: _Chat, *, is_again: bool) -> AsyncIterator[_Chat]:
        """Stand in a chat's line; whoever leaves lets the next one step forward."""
        if here.is_taken or here.waiting:
            ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            (here.waiting.appendleft if is_again else here.waiting.append)(ticket)
            try:
                await ticket
            except asyncio.CancelledError:
                if ticket in here.waiting:
                    here.waiting.remove(ticket)
                elif not ticket.cancelled():  # called forward in the same moment
                    self._step_forward(here)
                raise
        here.is_taken = True
        try:
            yield here
        finally:
            self._step_forward(here)

    def _step_forward(self, here: _Chat) -> None:
        while here.waiting:
            ticket = here.waiting.popleft()
            if not ticket.done():  # one that was cancelled has not left yet
                ticket.set_result(None)
                return
        here.is_taken = False

    def _chat(self, chat: str, *, is_group: bool | None) -> _Chat:
        """What is known of a chat; `is_group` None takes it as it was last seen."""
        here = self._chats.get(chat)
        rates = (self._per_chat, *((self._per_group,) if is_group and self._per_group else ()))
        if here is None:
            self._sweep()
            here = self._chats[chat] = _Chat(tuple(_Bucket(rate, self._began_at) for rate in rates))
        elif len(rates) > len(here.buckets):
            here.buckets += tuple(_Bucket(rate, self._began_at) for rate in rates[1:])
        return here

    def _sweep(self) -> None:
        """Forget idle chats, whenever there are twice as many as were left the last time."""
        if len(self._chats) < self._sweep_at:
            return
        now = self._clock.monotonic()
        self._chats = {chat: here for chat, here in self._chats.items() if not here.is_idle(now)}
        self._sweep_at = max(FIRST_SWEEP, 2 * len(self._chats))
