"""Becoming the bot that a token stands for, and having Telegram hand its updates over as the settings say."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

import structlog

from bot.channel_settings import TelegramSettings
from bot.channels.telegram.polling import NO_SUCH_BOT, OTHER_WEBHOOK, Waits
from bot.channels.telegram.requests import ALLOWED_UPDATES, ApiRefused, Connection, NoAnswer, connect
from bot.channels.telegram.webhook import PATH
from bot.errors import ChannelRefused

_log = structlog.get_logger("martin.telegram")

WEBHOOK_CONNECTIONS: Final = 40
NO_ADDRESS: Final = "for webhooks Telegram has to know where this bot is: set MARTIN_TELEGRAM__WEBHOOK_URL"


async def connected(settings: TelegramSettings, webhook_secret: str, waits: Waits) -> Connection:
    """A connection that is ready to take updates in, tried for as long as it takes. Raises ChannelRefused."""
    if settings.token is None:
        raise ChannelRefused(NO_SUCH_BOT)
    pause_s = waits.first_s
    while True:
        try:
            return await _prepared(settings, settings.token.get_secret_value(), webhook_secret)
        except ApiRefused as error:
            if error.code in (401, 404):
                raise ChannelRefused(NO_SUCH_BOT) from None
            if error.code == 400 and settings.mode == "webhook":
                raise ChannelRefused(f"Telegram does not take the address in MARTIN_TELEGRAM__WEBHOOK_URL ({error})") from None
            pause_s = max(pause_s, error.retry_after_s)
            _log.warning("telegram.connect", error=str(error), in_s=pause_s)
        except NoAnswer as error:
            _log.warning("telegram.connect", error=str(error), in_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, waits.longest_s)


async def _prepared(settings: TelegramSettings, token: str, webhook_secret: str) -> Connection:
    connection = await connect(settings, token)
    try:
        await _hand_over(settings, connection, webhook_secret)
    except BaseException:
        await connection.close()
        raise
    return connection


async def _hand_over(settings: TelegramSettings, connection: Connection, webhook_secret: str) -> None:
    """Set the webhook, or see that there is none. Raises ChannelRefused, ApiRefused, NoAnswer.

    A webhook that is not ours is left alone: whoever set it gets this bot's messages, and would not any more. Our own, from
    the days when the mode was another, is removed. What waits is kept in either case.
    """
    ours = settings.webhook_url.rstrip("/") + PATH if settings.webhook_url else ""
    bot = connection.bot
    if settings.mode == "webhook":
        if not ours:
            raise ChannelRefused(NO_ADDRESS)
        step = bot.set_webhook(
            ours, max_connections=WEBHOOK_CONNECTIONS, allowed_updates=ALLOWED_UPDATES, secret_token=webhook_secret
        )
        await connection.ask(step)
        return
    there = (await connection.ask(bot.get_webhook_info())).url
    if there and there != ours:
        _log.critical("telegram.webhook", host=urlsplit(there).hostname or "")
        raise ChannelRefused(OTHER_WEBHOOK)
    if there:
        await connection.ask(bot.delete_webhook())
