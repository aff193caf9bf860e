"""Updates that Telegram posts to us: the secret in constant time, a cap, commit, and only then 200 (R-01, R-04)."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from bot.errors import IntakeError, StoreError

_log = structlog.get_logger("martin.telegram")

BODY_LIMIT: Final = 1024 * 1024
"""Bytes of one update."""
PATH: Final = "/telegram"
"""What is added to the address of the bot's page."""

TakenIn = Callable[[Sequence[bytes]], Awaitable[int | None]]


class WebhookIntake:
    """Answers posts with an HTTP status. `take` is what commits; without one the bot is not there to take anything."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._take: TakenIn | None = None

    def opens(self, take: TakenIn | None) -> None:
        """From now on posts are taken in (None: not any more)."""
        self._take = take

    async def take(self, body: bytes, secret: str | None) -> int:
        """The status for a post: 200 once it is on disk, 403 without the right secret, 413, 400, and 503: send it again."""
        if not hmac.compare_digest((secret or "").encode("utf-8", "replace"), self._secret):
            return 403
        if len(body) > BODY_LIMIT:
            return 413
        if self._take is None:
            return 503
        try:
            return 400 if await self._take([body]) is None else 200
        except (StoreError, IntakeError) as error:
            _log.warning("telegram.intake_paused", cause="storage", error=type(error).__name__)
            return 503
