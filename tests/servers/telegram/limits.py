"""Telegram's limits on sending, as token buckets: 30 a second overall, one a second in a chat, 20 a minute in a group."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

SLACK_S: Final = 0.1
"""Requests that were sent in time may arrive closer together: so much of a bucket's rate is given on top."""
COUNTED: Final = frozenset(
    {"sendMessage", "sendDocument", "sendMessageDraft", "editMessageText", "editMessageReplyMarkup"},
)


class Bucket:
    """Holds up to `burst` tokens and gets `rate` a second."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate, self._burst = rate, burst + rate * SLACK_S
        self._tokens, self._at = self._burst, now

    def missing(self, now: float) -> float:
        """Seconds until there is a token; 0 when there is one."""
        self._tokens, self._at = min(self._burst, self._tokens + (now - self._at) * self._rate), now
        return max(0.0, (1 - self._tokens) / self._rate)

    def take(self) -> None:
        """Use a token up."""
        self._tokens -= 1


class Limits:
    """Off unless `is_on` is set; every bucket begins full. `answers` counts the requests that were sent away."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.is_on = False
        self.answers = self.passed = 0
        self._clock = clock
        self._buckets: dict[tuple[str, int], Bucket] = {}

    def refused_for(self, method: str, chat: int) -> int:
        """0 when the request may pass, else how many seconds the bot has to wait. `chat` is 0 where none is named."""
        if not self.is_on or method not in COUNTED:
            return 0
        now = self._clock()
        buckets = [self._bucket("overall", 0, 30, 30, now), self._bucket("chat", chat, 1, 3, now)]
        if chat < 0:
            buckets.append(self._bucket("group", chat, 20 / 60, 20, now))
        wait = max(one.missing(now) for one in buckets)
        if wait > 0:
            self.answers += 1
            return max(1, math.ceil(wait))
        for one in buckets:
            one.take()
        self.passed += 1
        return 0

    def _bucket(self, kind: str, of: int, rate: float, burst: float, now: float) -> Bucket:
        if (kind, of) not in self._buckets:
            self._buckets[kind, of] = Bucket(rate, burst, now)
        return self._buckets[kind, of]
