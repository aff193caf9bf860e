"""Events into the store, in order per channel, and how far each channel was read: marks move only after storage (R-06)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog

from bot.channel_ports import MarkStore
from bot.channels.discord.places import Place, Places, read_mark, snowflake_at
from bot.channels.discord.tasks import ClientTasks
from bot.errors import IntakeError, StoreError
from bot.ports import Clock, Receive
from bot.types import ChannelName, IncomingMessage, Receipt

_log = structlog.get_logger("martin.channel.discord")

SEEN: Final = "seen/"
BEGUN: Final = "begun"
"""The mark that tells from where on servers' channels without a mark of their own are read: where the first run began."""
MOST_MESSAGES: Final = 200
"""How many messages for the bot are caught up with in a channel."""
PAGE: Final = 100
MOST_PAGES: Final = 200
MARKS_EVERY_S: Final = 1.0
BATCH: Final = 50
MOST_TRIES: Final = 8
"""Tries of what was stored but could not be done: its next chance is the next start."""
UNREADABLE: Final = (KeyError, ValueError, TypeError, AttributeError, IndexError)
"""What reading an event of a shape that nobody foresaw may raise: it is left out, with its id in the log."""

Read = Callable[[], Awaitable[IncomingMessage | None]]
Then = Callable[[IncomingMessage, Receipt], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a channel. `message` is the id of a new message, 0 for what moves no mark."""

    id: str
    place: Place
    read: Read
    message: int = 0


class Marks:
    """How far each channel was read, written at most once a second each. Losing the last second reads it once more."""

    def __init__(self, store: MarkStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._seen: dict[int, tuple[Place, int]] = {}
        self._moved: set[int] = set()
        self._kept: set[int] = set()  # channels with a mark on disk
        self._begun, self._is_begun_kept = 0, False
        self.is_new = False

    async def load(self, places: Places) -> None:
        """Read what an earlier process wrote. Raises StoreError."""
        stored = await self._store.marks(ChannelName.DISCORD)
        for key, value in stored.items():
            name = key.removeprefix(SEEN)
            found = read_mark(int(name), value) if key.startswith(SEEN) and name.isascii() and name.isdigit() else None
            if found is not None:
                self._seen.setdefault(found[0].channel, found)
                self._kept.add(found[0].channel)
                places.note(found[0])
        begun = stored.get(BEGUN, "")
        if begun.isascii() and begun.isdigit():
            self._begun, self._is_begun_kept = int(begun), True
        elif not self._begun:
            self._begun = max((mark for _, mark in self._seen.values()), default=0)
            self.is_new = not self._begun

    @property
    def begun(self) -> int:
        """From where on servers' channels without a mark of their own are to be read: nothing is answered of before (R-06)."""
        return self._begun

    async def begin(self) -> None:
        """A session begins: write down where the first one of all began."""
        self._begun = self._begun or snowflake_at(self._clock.now())
        await self._write_begun()

    async def settle(self, newest: int) -> None:
        """All servers are known, and `newest` is the last message there: on a first run it and all before are not answered."""
        if self.is_new and newest > self._begun:  # this machine's clock is behind Discord's
            self._begun, self._is_begun_kept = newest, False
        self.is_new = False
        await self._write_begun()

    async def _write_begun(self) -> None:
        if self._is_begun_kept:
            return
        try:
            await self._store.set_mark(ChannelName.DISCORD, BEGUN, str(self._begun), self._clock.now())
            self._is_begun_kept = True
        except StoreError as error:
            _log.error("discord.mark", error=type(error).__name__)

    @property
    def channels(self) -> Sequence[tuple[Place, int]]:
        """Every channel with a mark, and the message that it was read up to."""
        return tuple(self._seen.values())

    def of(self, channel: int) -> int | None:
        """The message that a channel was read up to."""
        seen = self._seen.get(channel)
        return seen[1] if seen is not None else None

    def start(self, place: Place, message: int) -> None:
        """Give a channel without a mark its first one; `keep` brings it to disk."""
        self._seen.setdefault(place.channel, (place, message))

    async def keep(self, channel: int) -> None:
        """Have a channel's mark on disk before anything of it is stored: a crash leaves it to be caught up with."""
        if channel not in self._kept:
            await self._write(channel)

    def move(self, place: Place, message: int) -> None:
        """This channel was read, and what was for the bot stored, up to that message."""
        seen = self._seen.get(place.channel)
        if seen is None or seen[1] < message:
            self._seen[place.channel] = (place, message)
            self._moved.add(place.channel)

    async def run(self) -> None:
        """Write marks that moved until cancelled."""
        while True:
            await asyncio.sleep(MARKS_EVERY_S)
            await self.write()

    async def write(self) -> None:
        """Write marks that moved, all together; those that the store does not take are written the next time."""
        moved, self._moved = self._moved, set()
        await asyncio.gather(*(self._write(channel) for channel in moved))

    async def _write(self, channel: int) -> None:
        place, message = self._seen[channel]
        try:
            await self._store.set_mark(ChannelName.DISCORD, f"{SEEN}{channel}", place.marked(message), self._clock.now())
        except StoreError as error:
            self._moved.add(channel)
            _log.error("discord.mark", error=type(error).__name__)
        else:
            self._kept.add(channel)


class Intake:
    """Takes events in, channel by channel. A channel that is behind is caught up before its next event.

    `catch_up` brings what was missed, a page at a time; `start` is where to read a server's channel from that has no mark;
    `then` hears of every message that was taken.
    """

    def __init__(
        self,
        *,
        tasks: ClientTasks,
        receive: Receive,
        marks: Marks,
        catch_up: Callable[[Place, int], Awaitable[Sequence[Event] | None]],
        start: Callable[[Place], int],
        then: Then,
        pauses_s: tuple[float, float],
    ) -> None:
        self._tasks, self._receive, self._marks = tasks, receive, marks
        self._catch_up, self._start, self._then, self._pauses_s = catch_up, start, then, pauses_s
        self._lanes: dict[int, deque[Event]] = {}
        self._behind: set[int] = set()
        self._held: set[int] = set()  # channels whose mark stays where it is until the next catch-up

    def fall_behind(self, channels: Sequence[int]) -> None:
        """Something may have been missed in these channels."""
        self._behind.update(channels)

    def is_behind(self, channel: int) -> bool:
        """Whether something may have been missed there."""
        return channel in self._behind

    def is_current(self, channel: int) -> None:
        """Nothing was missed there after all."""
        self._behind.discard(channel)

    def wake(self, place: Place) -> None:
        """Look now whether something was missed there."""
        self._lane(place)

    def put(self, event: Event) -> None:
        """Take an event in, after all that came before it in its channel."""
        self._lane(event.place).append(event)

    async def stored(self, messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
        """Hand messages over, again for as long as the store cannot write: nobody sends them a second time.

        Raises IntakeError for what is stored but cannot be done, or while the bot is stopping.
        """
        (pause_s, longest_s), refused = self._pauses_s, 0
        while True:
            try:
                return await self._receive(messages)
            except StoreError as error:
                _log.error("discord.intake", error=type(error).__name__, again_in_s=pause_s)
            except IntakeError:
                refused += 1
                if refused >= MOST_TRIES:
                    raise
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, longest_s)

    def _lane(self, place: Place) -> deque[Event]:
        lane = self._lanes.get(place.channel)
        if lane is None:
            lane = self._lanes[place.channel] = deque()
            self._tasks.begin(partial(self._work, place, lane))
        return lane

    async def _work(self, place: Place, lane: deque[Event]) -> None:
        while lane or place.channel in self._behind:
            await self._mark_first(place, next((event.message for event in lane if event.message), 0))
            if place.channel in self._behind:
                await self._caught_up(place)
            await self._take([lane.popleft() for _ in range(min(BATCH, len(lane)))])
        del self._lanes[place.channel]

    async def _mark_first(self, place: Place, first: int) -> None:
        """See to it that the channel has a mark on disk, before the message that comes first is stored."""
        if self._marks.of(place.channel) is None:
            if place.guild is not None and not self._marks.is_new:
                self._marks.start(place, self._start(place))
                self._behind.add(place.channel)
            elif first:
                self._marks.start(place, first - 1)
            else:
                return
        await self._marks.keep(place.channel)

    async def _caught_up(self, place: Place) -> None:
        """Bring what was missed. Where that cannot be had now, the mark stays, so that the next connection tries again."""
        self._behind.discard(place.channel)
        after, room = self._marks.of(place.channel), MOST_MESSAGES
        was_held = place.channel in self._held
        for _ in range(MOST_PAGES if after is not None else 0):
            missed = await self._catch_up(place, after or 0)
            if missed is None:
                self._held.add(place.channel)
                return
            if was_held:
                self._held.discard(place.channel)
                was_held = False
            for first in range(0, len(missed), BATCH):
                room -= await self._take(missed[first : first + BATCH], room)
            if len(missed) < PAGE:
                return
            if not room:
                break
            after = missed[-1].message
        if after is not None:
            _log.warning("discord.catch_up", channel=place.channel, hint="later ones are left out")

    async def _take(self, batch: Sequence[Event], most: int = BATCH) -> int:
        """Store what is for the bot, at most so many, all together; then move the mark. How many there were."""
        told: list[tuple[Event, IncomingMessage | None]] = []
        for event in batch:
            if most == sum(message is not None for _, message in told):
                break
            told.append((event, await self._read(event)))
        messages = [message for _, message in told if message is not None]
        try:
            taken = list(zip(messages, await self.stored(messages), strict=True)) if messages else []
        except IntakeError:
            self._held.add(batch[0].place.channel)
            taken = await self._one_by_one(messages)
        for message, receipt in taken:
            self._then(message, receipt)
        newest = max((event.message for event, _ in told), default=0)
        if newest and batch[0].place.channel not in self._held:
            self._marks.move(batch[0].place, newest)
        return len(messages)

    async def _one_by_one(self, messages: Sequence[IncomingMessage]) -> list[tuple[IncomingMessage, Receipt]]:
        """What of a batch can be taken where the whole cannot; the rest is tried again with the next connection."""
        taken: list[tuple[IncomingMessage, Receipt]] = []
        for message in messages:
            try:
                (receipt,) = await self._receive([message])
            except (StoreError, IntakeError):
                _log.error("discord.refused", event_id=message.event_id)
            else:
                taken.append((message, receipt))
        return taken

    async def _read(self, event: Event) -> IncomingMessage | None:
        pause_s, longest_s = self._pauses_s
        while True:
            try:
                return await event.read()
            except UNREADABLE as error:
                _log.error("discord.unreadable", event_id=event.id, error=type(error).__name__)
                return None
            except StoreError as error:  # whether it is for the bot stands in the store
                _log.error("discord.intake", error=type(error).__name__, again_in_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, longest_s)
