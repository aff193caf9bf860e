"""Never more requests in a second than Discord takes from one bot, over all channels (R-24); discord.py keeps the other limits.

discord.py learns of this limit only from being sent away, and sends all that waits at once when that is over: 300 answers to
200 people cost 1,100 refusals, of which ten thousand in ten minutes get a bot locked out.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import ClientSession, TraceConfig, TraceRequestStartParams

MOST: Final = 49
"""Requests in a second; Discord takes 50."""
WINDOW_S: Final = 1.0
RESERVED: Final = 12
"""So many are for answers: previews and signs of typing are left out where fewer are free."""
_EXEMPT: Final = ("/interactions/", "/webhooks/", "/gateway")
"""Answers to interactions do not count, and have three seconds (R-07); nor do connections to the gateway."""


class Ceiling:
    """Counts a request from when it is sent until a second after its answer.

    Discord counts it somewhere in between, so that no second of Discord's own clock holds more than `most`, however late
    requests arrive there.
    """

    def __init__(self, *, most: int = MOST, window_s: float = WINDOW_S) -> None:
        self._free, self._window_s = most, window_s
        self._turns = asyncio.Semaphore(most)

    @property
    def is_near(self) -> bool:
        """Whether what is left is for answers."""
        return self._free < RESERVED

    def trace(self) -> TraceConfig:
        """What makes a client's requests wait here, those that it tries again included."""
        from aiohttp import TraceConfig

        trace = TraceConfig()
        trace.on_request_start.append(self._begin)
        trace.on_request_end.append(self._end)
        trace.on_request_exception.append(self._end)
        return trace

    async def _begin(self, _: ClientSession, request: SimpleNamespace, about: TraceRequestStartParams) -> None:
        request.counts = not any(part in about.url.path for part in _EXEMPT)
        if request.counts:
            await self._turns.acquire()
            self._free -= 1

    async def _end(self, _: ClientSession, request: SimpleNamespace, __: object) -> None:
        if request.counts:
            request.counts = False
            asyncio.get_running_loop().call_later(self._window_s, self._release)

    def _release(self) -> None:
        self._free += 1
        self._turns.release()
