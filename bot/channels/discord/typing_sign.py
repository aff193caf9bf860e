"""The "is typing…" of Discord, for as long as somebody waits and nothing is shown yet."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from bot.channels.discord.rest import Rest
from bot.channels.discord.tasks import ClientTasks
from bot.errors import DeliveryError

AGAIN_S: Final = 8.0
"""Discord shows it for ten seconds."""
FIRST_S: Final = 0.4
"""Who is answered within this time needs no sign."""
LONGEST_S: Final = 120.0
"""A turn that ends without a word is not told here."""


class TypingSign:
    """Shows it per channel, once for all who wait there."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._waiting: dict[int, dict[str, float]] = {}

    def begin(self, tasks: ClientTasks, channel: int, turn_id: str) -> None:
        """Somebody waits for this turn."""
        until = asyncio.get_running_loop().time() + LONGEST_S
        waiting = self._waiting.get(channel)
        if waiting is not None:
            waiting[turn_id] = until
            return
        self._waiting[channel] = {turn_id: until}
        showing = tasks.begin(partial(self._show, channel))
        if showing is None:
            del self._waiting[channel]
        else:
            showing.add_done_callback(lambda _: self._waiting.pop(channel, None))

    def end(self, channel: int, turn_id: str) -> None:
        """Something is shown now."""
        self._waiting.get(channel, {}).pop(turn_id, None)

    async def _show(self, channel: int) -> None:
        waiting = self._waiting[channel]
        pause_s = FIRST_S
        try:
            while True:
                await asyncio.sleep(pause_s)
                now = asyncio.get_running_loop().time()
                for turn_id in [one for one, until in waiting.items() if until < now]:
                    del waiting[turn_id]
                if not waiting:
                    return
                if not self._rest.ceiling.is_near:
                    await self._rest.type_in(channel)
                pause_s = AGAIN_S
        except DeliveryError:
            return  # the answer itself will tell what is wrong
