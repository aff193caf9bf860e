"""Discord's rate limits: buckets per route and channel, one limit over everything, and a count of invalid answers.

Source of the numbers: Discord, "Rate Limits" (50 requests per second); what a bucket
holds is not published and was read off its headers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Final

_SIZES: Final = {
    ("POST", "/channels/{channel_id}/messages"): (5, 5.0),
    ("PATCH", "/channels/{channel_id}/messages/{message_id}"): (5, 5.0),
    ("DELETE", "/channels/{channel_id}/messages/{message_id}"): (5, 1.0),
    ("POST", "/channels/{channel_id}/typing"): (5, 5.0),
    ("GET", "/channels/{channel_id}/messages"): (5, 5.0),
    ("PUT", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me"): (1, 0.25),
    ("DELETE", "/channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me"): (1, 0.25),
}
_USUAL: Final = (5, 5.0)


@dataclass(slots=True)
class _Bucket:
    limit: int
    window_s: float
    used: int = 0
    ends: float = 0.0

    def count(self, now: float) -> bool:
        """Whether one more fits; the window begins with its first request."""
        if now >= self.ends:
            self.used, self.ends = 0, now + self.window_s
        self.used += 1
        return self.used <= self.limit


@dataclass(slots=True, kw_only=True)
class Limits:
    """`is_on` switches them; `limited` and `invalid` count answers with 429, and with 401, 403 or 429.

    `scale` stretches or shortens every bucket's window. The next `shared` requests for messages find a limit that others used
    up, of `shared_s`: their answers count as limited, not as invalid.
    """

    is_on: bool = False
    per_second: int = 50
    scale: float = 1.0
    shared: int = 0
    shared_s: float = 0.2
    limited: int = 0
    limited_at: list[float] = field(default_factory=list)
    invalid: int = 0
    _buckets: dict[tuple[str, ...], _Bucket] = field(default_factory=dict)
    _all: _Bucket = field(default_factory=lambda: _Bucket(50, 1.0))

    def check(self, method: str, template: str, major: str, *, is_global: bool) -> tuple[dict[str, str], float, str]:
        """The headers of the answer, the seconds to wait (0: let it pass) and the scope of the limit."""
        if self.shared and template.endswith("/messages"):
            self.shared -= 1
            return self._refused(self.shared_s, "shared", {})
        if not self.is_on:
            return {}, 0.0, ""
        now = time.monotonic()
        self._all.limit = self.per_second
        if is_global and not self._all.count(now):
            return self._refused(self._all.ends - now, "global", {})
        size, window_s = _SIZES.get((method, template), _USUAL)
        bucket = self._buckets.setdefault((method, template, major), _Bucket(size, window_s * self.scale))
        fits = bucket.count(now)
        left = max(bucket.ends - now, 0.001)
        headers = {
            "X-RateLimit-Limit": str(size),
            "X-RateLimit-Remaining": str(max(size - bucket.used, 0)),
            "X-RateLimit-Reset": f"{time.time() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": f"{abs(hash((method, template))):016x}",
        }
        return (headers, 0.0, "") if fits else self._refused(left, "user", headers)

    def answered(self, status: int, scope: str) -> None:
        """Count an answer."""
        if status in (401, 403) or (status == 429 and scope != "shared"):
            self.invalid += 1

    def _refused(self, seconds: float, scope: str, headers: dict[str, str]) -> tuple[dict[str, str], float, str]:
        self.limited += 1
        self.limited_at.append(time.monotonic())
        seconds = max(seconds, 0.001)
        told = {"Retry-After": str(-int(-seconds // 1)), "X-RateLimit-Scope": scope}
        return headers | told | ({"X-RateLimit-Global": "true"} if scope == "global" else {}), seconds, scope
