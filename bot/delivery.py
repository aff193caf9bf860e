"""From the outbox to the platforms: in order per chat, again until it is delivered, never twice by us."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

import structlog

from bot.door import User
from bot.errors import ChannelRefused, ChatClosed, DeliveryError, DeliveryPaused, DeliveryRefused, StoreError
from bot.locale import say
from bot.ports import Channel, Clock, OutboxStore
from bot.types import LANGUAGES, Address, ChannelName, OutboxId, Outgoing, OutgoingKind, Part, PlatformId, Reply

_log = structlog.get_logger("martin.delivery")

T = TypeVar("T")

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 300.0
MOST_REFUSALS = 5
"""Tries of a message that its platform will not take; then it is said that there was one, and the chat goes on."""

Waiting = tuple[Outgoing, "DeliveredParts"]
Lane = tuple[ChannelName, str, str]


class Delivery:
    """Brings outbox rows to their channels. One at a time per chat and thread; other chats never wait.

    A row is marked sent in one transaction with the end of its inbox row. What a platform refuses is tried again with growing
    pauses of at most five minutes, for as long as the process lives, and from the start at the next one.
    """

    def __init__(
        self,
        *,
        outbox: OutboxStore,
        channels: Mapping[ChannelName, Channel],
        clock: Clock,
        on_sent: Callable[[], None],
        store_retry_s: float = 1.0,
    ) -> None:
        self._outbox, self._channels, self._clock, self._on_sent = outbox, channels, clock, on_sent
        self._store_retry_s = store_retry_s
        self._lanes: dict[Lane, deque[Waiting]] = {}
        self._known: set[OutboxId] = set()
        self._of_user: Counter[User] = Counter()
        self._is_catching_up = True
        self._tasks: asyncio.TaskGroup | None = None
        self._idle = asyncio.Event()

    async def run(self) -> None:
        """Deliver until cancelled, beginning with what an earlier process left."""
        early = tuple(self._lanes)
        async with asyncio.TaskGroup() as self._tasks:
            for lane in early:
                self._tasks.create_task(self._work(lane))
            for outgoing in await self._patiently(self._outbox.pending):
                self._add(outgoing, await self._patiently(partial(self._outbox.parts, outgoing.id)))
            self._is_catching_up = False
            self._known = {outgoing.id for waiting in self._lanes.values() for outgoing, _ in waiting}
            if not self._lanes:
                self._idle.set()
            await asyncio.Event().wait()

    def add(self, outgoing: Outgoing, opened: PlatformId | None = None) -> None:
        """Deliver this row, after what already waits for the same chat. Its row is committed.

        A row may come twice: from whoever stored it, and from the outbox where that is read at the same moment.
        """
        self._add(outgoing, {} if opened is None else {0: Part(platform_id=opened)})

    def _add(self, outgoing: Outgoing, there: Mapping[int, Part]) -> None:
        if outgoing.id in self._known:
            return
        self._known.add(outgoing.id)
        self._of_user[_user(outgoing)] += outgoing.kind is OutgoingKind.REPLY
        parts = DeliveredParts(self._outbox, self._clock, outgoing.id, there, self._patiently)
        address = outgoing.address
        lane = (address.channel, address.chat, address.thread)
        waiting = self._lanes.get(lane)
        if waiting is not None:
            waiting.append((outgoing, parts))
            return
        self._lanes[lane] = deque([(outgoing, parts)])
        self._idle.clear()
        if self._tasks is not None:
            self._tasks.create_task(self._work(lane))

    def is_waiting(self, address: Address) -> bool:
        """Whether something is on its way to this chat and thread: what is opened there now would stand before it."""
        return (address.channel, address.chat, address.thread) in self._lanes

    def waiting(self, user: User) -> int:
        """How many replies to this user are on their way."""
        return self._of_user[user]

    async def idle(self) -> None:
        """Return once nothing waits, nor anything that an earlier process left."""
        await self._idle.wait()

    async def _work(self, lane: Lane) -> None:
        waiting = self._lanes[lane]
        while waiting:
            await self._deliver(*waiting[0])
            outgoing, _ = waiting.popleft()
            self._of_user[_user(outgoing)] -= outgoing.kind is OutgoingKind.REPLY
            if not self._of_user[_user(outgoing)]:
                del self._of_user[_user(outgoing)]
            if not self._is_catching_up:
                self._known.discard(outgoing.id)
        del self._lanes[lane]
        if not self._lanes:
            self._idle.set()

    async def _deliver(self, outgoing: Outgoing, parts: DeliveredParts) -> None:
        channel = self._channels.get(outgoing.address.channel)
        if channel is None:
            return  # not configured any more: the row waits for the day it is
        pause_s, said, refusals = FIRST_RETRY_S, outgoing, 0
        while True:
            try:
                ids = await channel.deliver(said, parts)
                break
            except ChannelRefused:
                return  # not while this process lives: the row waits for the next one
            except ChatClosed:
                await self._patiently(partial(self._outbox.closed, outgoing, self._clock.now()))
                self._on_sent()
                return
            except DeliveryPaused as pause:
                await asyncio.sleep(pause.retry_after_s)
            except DeliveryError as error:
                refusals += isinstance(error, DeliveryRefused)
                if refusals == MOST_REFUSALS:
                    _log.error("delivery.given_up", outbox_id=outgoing.id, error=type(error).__name__)
                    said = replace(outgoing, reply=_apology())
                elif refusals >= 2 * MOST_REFUSALS:
                    ids = ()
                    break
                _log.warning("delivery.retry", outbox_id=outgoing.id, error=type(error).__name__, in_s=pause_s)
                await self._patiently(partial(self._outbox.tried, outgoing, str(error), self._clock.now()))
                await asyncio.sleep(pause_s)
                pause_s = FIRST_RETRY_S if refusals else min(pause_s * 2, LONGEST_RETRY_S)
        await self._patiently(partial(self._outbox.sent, outgoing, ids, self._clock.now()))
        self._on_sent()

    async def _patiently(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do a step of the database, again for as long as it fails: the platform has already heard what is to be recorded."""
        while True:
            try:
                return await step()
            except StoreError as error:
                _log.error("delivery.store", error=str(error))
                await asyncio.sleep(self._store_retry_s)


def _user(outgoing: Outgoing) -> User:
    return outgoing.address.channel, outgoing.address.user


def _apology() -> Reply:
    """What is said in place of a message that cannot be; in every language, for the row does not tell whose it is."""
    texts = [
        say(one, "I had a reply for you, but this platform does not take it: it may be too large. Whoever runs me can help.")
        for one in LANGUAGES
    ]
    return Reply(text="\n\n".join(texts))


class DeliveredParts:
    """What the platform has of one row; implements the `Parts` port. A part is on disk before the next one is made."""

    def __init__(
        self,
        outbox: OutboxStore,
        clock: Clock,
        id: OutboxId,
        there: Mapping[int, Part],
        patiently: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]],
    ) -> None:
        self._outbox, self._clock, self._id, self._there, self._patiently = outbox, clock, id, dict(there), patiently

    def of(self, number: int) -> Part | None:
        """The platform's message for this part, if it was made."""
        return self._there.get(number)

    async def opened(self, number: int, platform_id: PlatformId) -> None:
        """Commit that the platform made a message for this part."""
        await self._set(number, Part(platform_id=platform_id))

    async def filled(self, number: int, platform_id: PlatformId) -> None:
        """Commit that this part is there whole."""
        await self._set(number, Part(platform_id=platform_id, is_filled=True))

    async def _set(self, number: int, part: Part) -> None:
        self._there[number] = part
        await self._patiently(lambda: self._outbox.set_part(self._id, number, part, self._clock.now()))
