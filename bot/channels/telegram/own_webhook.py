"""The webhook that we set: known again when the settings have forgotten it, and asked after while it is there (R-04, R-38)."""

from __future__ import annotations

import asyncio
import hmac
from hashlib import blake2b
from typing import Final
from urllib.parse import urlsplit

import structlog

from bot.channel_ports import MarkStore
from bot.channels.telegram.polling import NO_SUCH_BOT
from bot.channels.telegram.requests import ALLOWED_UPDATES, ApiRefused, Connection, NoAnswer
from bot.channels.telegram.watch import PollWatch
from bot.channels.telegram.webhook import PATH
from bot.errors import ChannelRefused, StoreError
from bot.ports import Clock
from bot.types import ChannelName

_log = structlog.get_logger("martin.telegram")

MARK: Final = "webhook"
CONNECTIONS: Final = 40
RECENT_S: Final = 3600.0
"""How old an error may be that still counts; Telegram tries again more often than that."""


class OwnWebhook:
    """Where Telegram is to post, and what it shows there. `key` is for the mark: a hash of the address, never the address."""

    def __init__(self, url: str, *, secret: str, key: bytes, marks: MarkStore, clock: Clock) -> None:
        self.address = url.rstrip("/") + PATH if url else ""
        self._secret, self._key, self._marks, self._clock = secret, key[:64], marks, clock

    async def set(self, connection: Connection) -> None:
        """Have Telegram post there; what waits is kept. Raises ApiRefused, NoAnswer."""
        try:  # the mark first: a crash in between leaves one too many, which says nothing
            await self._marks.set_mark(ChannelName.TELEGRAM, MARK, self._hash(self.address), self._clock.now())
        except StoreError as error:
            _log.warning("telegram.mark", error=type(error).__name__)
        step = connection.bot.set_webhook(
            self.address, max_connections=CONNECTIONS, allowed_updates=ALLOWED_UPDATES, secret_token=self._secret
        )
        await connection.ask(step)

    async def is_at(self, url: str) -> bool:
        """Whether the webhook there is ours: by the settings, or the last one that we set."""
        if url == self.address:
            return True
        try:
            mark = (await self._marks.marks(ChannelName.TELEGRAM)).get(MARK, "")
        except StoreError as error:
            _log.warning("telegram.mark", error=type(error).__name__)
            return False
        return hmac.compare_digest(mark.encode(), self._hash(url).encode())

    def _hash(self, url: str) -> str:
        return blake2b(url.encode(), key=self._key, digest_size=16, person=b"webhook").hexdigest()


class PostWatch:
    """Asks Telegram again and again whether its posts arrive: nobody else can know that they do not."""

    def __init__(self, webhook: OwnWebhook, watch: PollWatch, clock: Clock, *, every_s: float) -> None:
        self._webhook, self._watch, self._clock, self._every_s = webhook, watch, clock, every_s
        self._taken_at = 0.0

    async def taken(self) -> None:
        """A post was taken in just now."""
        self._taken_at = self._clock.now().timestamp()
        await self._watch.polled()

    async def run(self, connection: Connection) -> None:
        """Until cancelled. Raises ChannelRefused."""
        self._taken_at = self._clock.now().timestamp()  # what went wrong before we were there is no news
        while True:
            try:
                await self._look(connection)
            except ApiRefused as error:
                if error.code in (401, 404):
                    raise ChannelRefused(NO_SUCH_BOT) from None
                _log.warning("telegram.webhook_unknown", error=str(error))
            except NoAnswer as error:
                _log.warning("telegram.webhook_unknown", error=str(error))
            await asyncio.sleep(self._every_s)

    async def _look(self, connection: Connection) -> None:
        info = await connection.ask(connection.bot.get_webhook_info())
        if info.url != self._webhook.address:
            _log.warning("telegram.webhook_gone", host=urlsplit(info.url).hostname or "")
            await self._webhook.set(connection)
            return
        failed_at = info.last_error_date.timestamp() if info.last_error_date is not None else 0.0
        is_recent = failed_at >= max(self._taken_at, self._clock.now().timestamp() - RECENT_S)
        if is_recent and info.pending_update_count:
            _log.warning("telegram.webhook_unreached", waiting=info.pending_update_count)
            self._watch.trouble = (
                f"Telegram cannot post to MARTIN_TELEGRAM__WEBHOOK_URL and {info.pending_update_count} messages wait: "
                "see whether the address, its certificate and the proxy are right"
            )
            return
        await self._watch.polled()
