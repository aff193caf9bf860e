"""What goes wrong on purpose with a request."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass


class Way(enum.Enum):
    """How a request fails. `BEFORE` and `AFTER` drop the connection before or after the request took effect."""

    BEFORE = "before"
    AFTER = "after"
    STATUS = "status"
    HANG = "hang"
    SLOW = "slow"


@dataclass(slots=True, kw_only=True)
class Fault:
    """The next `times` requests whose method and path fit fail in this way.

    `path` is searched for in the path after `/api/v10`. `status` belongs to `STATUS`, `seconds` to `SLOW`. With `acts` a
    request that gets a status, or hangs, takes effect before.
    """

    way: Way
    method: str = ""
    path: str = ""
    times: int = 1
    status: int = 503
    seconds: float = 1.0
    acts: bool = False

    def fits(self, method: str, path: str) -> bool:
        """Whether it is about this request."""
        return self.times > 0 and self.method in ("", method) and re.search(self.path, path) is not None


class Faults(list[Fault]):
    """Those still to come, in order; `happened` counts those that came."""

    happened = 0

    def take(self, method: str, path: str) -> Fault | None:
        """The first that fits this request, used up once."""
        for fault in self:
            if fault.fits(method, path):
                fault.times -= 1
                self.happened += 1
                return fault
        return None
