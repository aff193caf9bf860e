"""The running answer: what a handler writes and the person already sees, and the person's wish to stop it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bot.errors import DeliveryError, StoreError
from bot.ports import Channel
from bot.types import IncomingMessage, PlatformId, TurnId

LAST_PREVIEW_S = 5.0
"""A platform that hangs over a preview for longer than this does not hold the answer up."""
FIRST_PREVIEW_S = 0.01
"""An answer that is complete within this time is sent at once, without a preview."""


class Stop:
    """A person's wish to end one answer; may be said before the answer has begun."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ask(self) -> None:
        """The person wants it to stop."""
        self._event.set()

    @property
    def is_asked(self) -> bool:
        """Whether the person asked to stop."""
        return self._event.is_set()

    async def asked(self) -> None:
        """Return once the person asks."""
        await self._event.wait()


class RunningPreview:
    """Shows one turn's answer while it is written; implements the `Preview` port.

    The platform's message is opened, and its id committed, before the first preview. Previews are best effort: a platform or a
    database that refuses one ends the previews and never the turn.
    """

    def __init__(
        self,
        *,
        tasks: asyncio.TaskGroup,
        channel: Channel,
        message: IncomingMessage,
        turn_id: TurnId,
        stop: Stop,
        interval_s: float,
        opened: PlatformId | None,
        on_opened: Callable[[PlatformId], Awaitable[None]],
        is_held: Callable[[], bool] = lambda: False,
    ) -> None:
        """While it `is_held` nothing is opened: an earlier answer is on its way there, and is to stand before this one."""
        self._tasks, self._channel, self._message, self._turn_id = tasks, channel, message, turn_id
        self._stop, self._interval_s, self._on_opened, self._is_held = stop, interval_s, on_opened, is_held
        self._text = ""
        self._timer: asyncio.TimerHandle | None = None
        self._pump: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._opened = opened

    def show(self, text: str) -> None:
        """Show the whole text written so far."""
        self._text = text
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(FIRST_PREVIEW_S, self._begin)

    @property
    def is_stopped(self) -> bool:
        """Whether the person asked to stop."""
        return self._stop.is_asked

    async def stopped(self) -> None:
        """Return once the person asks to stop."""
        await self._stop.asked()

    async def end(self) -> PlatformId | None:
        """No preview after the one under way, which is waited for; the platform's message that was opened, if any."""
        self._ended.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._pump is not None:
            await asyncio.wait({self._pump}, timeout=LAST_PREVIEW_S)
            self._pump.cancel()
        return self._opened

    def _begin(self) -> None:
        self._pump = self._tasks.create_task(self._show_until_ended())

    async def _show_until_ended(self) -> None:
        shown = ""
        try:
            while self._opened is None and self._is_held() and not self._ended.is_set():
                await self._interval()
            if self._ended.is_set():
                return
            if self._opened is None:
                self._opened = await self._channel.open(self._message, self._turn_id)
                if self._opened is not None:
                    await self._on_opened(self._opened)
            while not self._ended.is_set():
                if self._text != shown:
                    shown = self._text
                    await self._channel.preview(self._message, self._turn_id, self._opened, shown)
                await self._interval()
        except (DeliveryError, StoreError):
            return

    async def _interval(self) -> None:
        """Return after a while, at once where the answer is complete."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._interval_s):
                await self._ended.wait()


class NoPreview:
    """The preview of a message that becomes no turn: nothing is shown and nothing stops it."""

    is_stopped = False

    def show(self, text: str) -> None:
        """Nobody waits for a text here."""

    async def stopped(self) -> None:
        """Never: it is over at once."""
        await asyncio.Event().wait()
