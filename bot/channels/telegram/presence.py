"""“Martín is typing…” while somebody waits and nothing is shown yet."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from bot.channels.telegram.sending import Place
from bot.errors import DeliveryError
from bot.ports import Clock
from bot.types import TurnId

EVERY_S: Final = 5.0
"""How long Telegram shows the sign."""
FIRST_S: Final = 0.7
"""An answer that is there by then needs no sign."""
LONGEST_S: Final = 360.0
MOST_AT_ONCE: Final = 20
"""Chats that are told in one go: the sign is no message, but Telegram has much else to take from us."""

Show = Callable[[Place], Awaitable[None]]


class Presence:
    """Shows the sign in every chat that waits, again and again, the longest waiting first; best effort."""

    def __init__(self, clock: Clock, show: Show, *, every_s: float = EVERY_S, first_s: float = FIRST_S) -> None:
        self._clock, self._show, self._every_s, self._first_s = clock, show, every_s, first_s
        self._waiting: OrderedDict[TurnId, tuple[Place, float]] = OrderedDict()
        self._shown_at: dict[Place, float] = {}
        self._wake = asyncio.Event()

    def begin(self, turn_id: TurnId, place: Place) -> None:
        """Somebody waits for this turn there."""
        self._waiting[turn_id] = (Place(chat=place.chat, thread=place.thread), self._clock.monotonic())
        self._wake.set()

    def end(self, turn_id: TurnId) -> None:
        """Something is shown now, or is just about to be."""
        self._waiting.pop(turn_id, None)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            for place in self._due():
                self._shown_at[place] = self._clock.monotonic()
                try:
                    await self._show(place)
                except DeliveryError:
                    continue
            await asyncio.sleep(min(self._first_s, self._every_s))

    def _due(self) -> list[Place]:
        """Where the sign is wanted and not to be seen any more."""
        now = self._clock.monotonic()
        for turn_id, (_, since) in list(self._waiting.items()):
            if now - since > LONGEST_S:
                del self._waiting[turn_id]
        self._shown_at = {place: at for place, at in self._shown_at.items() if now - at < self._every_s}
        wanted = [place for place, since in self._waiting.values() if now - since >= self._first_s]
        return [place for place in dict.fromkeys(wanted) if place not in self._shown_at][:MOST_AT_ONCE]
