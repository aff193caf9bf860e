"""The machine's clock and ids, behind the ports that the core asks for them."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS = tuple(range(120, -1, -10))


class SystemClock:
    """Time from the operating system."""

    def now(self) -> datetime:
        """The present, aware, UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


class TimeOrderedIds:
    """Ids of 26 characters of Crockford's base 32: 48 bits of milliseconds, then 80 random bits, as ULIDs have them.

    Within one process each id is greater than the one before, also when the clock stands still or goes back.
    """

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        """A fresh id, later than every id made before it by this process."""
        fresh = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
        if fresh <= self._last:
            fresh = self._last + 1 + secrets.randbits(32)
        self._last = fresh
        return "".join([_PAIRS[(fresh >> shift) & 1023] for shift in _SHIFTS])
