"""What may fail without taking the bot along: a channel, one of the house's three boundaries, and work in the background."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Coroutine
from typing import TypeVar

import structlog

from bot.errors import ChannelRefused, DeliveryError, MartinError
from bot.ports import Channel, Parts, Receive
from bot.types import ChannelName, IncomingMessage, Outgoing, PlatformId, TurnId

_log = structlog.get_logger("martin.channel")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0

T = TypeVar("T")


class SupervisedChannel:
    """Runs a channel again with growing pauses when it ends in an error; an unforeseen error of a send is a DeliveryError."""

    def __init__(self, channel: Channel) -> None:
        self._channel, self._refused = channel, ""

    @property
    def refused(self) -> str:
        """Why the platform will not have the bot, empty where it will."""
        return self._refused

    @property
    def name(self) -> ChannelName:
        """The channel's name."""
        return self._channel.name

    @property
    def answers_requests(self) -> bool:
        """Whether somebody waits on an open request for every message."""
        return self._channel.answers_requests

    async def run(self, receive: Receive) -> None:
        """Run the channel until cancelled, or until it ends by itself."""
        pause_s = FIRST_PAUSE_S
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._guarded(self._channel.run(receive))
                return
            except ChannelRefused as error:
                self._refused = str(error)
                _log.critical("channel.refused", channel=self.name, reason=self._refused)
                return
            except MartinError as error:
                if asyncio.get_running_loop().time() - began > LONGEST_PAUSE_S:
                    pause_s = FIRST_PAUSE_S  # it was well for a while
                _log.error("channel.restart", channel=self.name, error=type(error).__name__, in_s=pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def open(self, message: IncomingMessage, turn_id: TurnId) -> PlatformId | None:
        """The channel's `open`."""
        return await self._guarded(self._channel.open(message, turn_id))

    async def preview(self, message: IncomingMessage, turn_id: TurnId, opened: PlatformId | None, text: str) -> None:
        """The channel's `preview`."""
        await self._guarded(self._channel.preview(message, turn_id, opened, text))

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        """The channel's `deliver`. Raises ChannelRefused where the platform will not have the bot."""
        if self._refused:
            raise ChannelRefused(self._refused)
        return await self._guarded(self._channel.deliver(outgoing, parts))

    async def _guarded(self, step: Awaitable[T]) -> T:
        try:
            return await step
        except MartinError:
            raise
        except Exception as error:
            place = "".join(traceback.format_tb(error.__traceback__)[-4:])
            _log.error("channel.error", channel=self.name, error=type(error).__name__, place=place)
            raise DeliveryError(f"{self.name}: unforeseen {type(error).__name__}") from error


async def kept_up(name: str, work: Callable[[], Coroutine[object, object, None]], retry_s: float) -> None:
    """Do some work in the background, again a while after it failed: whatever it was, it may not take the bot with it.

    Returns when the work does; cancelling this cancels it.
    """
    while True:
        task = asyncio.create_task(work(), name=name)
        try:
            await asyncio.wait((task,))
        finally:
            task.cancel()
            await asyncio.wait((task,))
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        place = traceback.extract_tb(error.__traceback__)[-1]
        _log.error("background.failed", work=name, error=type(error).__name__, at=f"{place.filename}:{place.lineno}")
        await asyncio.sleep(retry_s)
