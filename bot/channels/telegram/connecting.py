"""Becoming the bot that a token stands for, and having Telegram hand its updates over as the settings say."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Final
from urllib.parse import urlsplit

import structlog

from bot.channel_settings import TelegramSettings
from bot.channels.telegram.own_webhook import OwnWebhook
from bot.channels.telegram.polling import NO_SUCH_BOT, OTHER_WEBHOOK, Waits
from bot.channels.telegram.requests import ApiRefused, Connection, NoAnswer, connect
from bot.errors import ChannelRefused

_log = structlog.get_logger("martin.telegram")

NO_ADDRESS: Final = "for webhooks Telegram has to know where this bot is: set MARTIN_TELEGRAM__WEBHOOK_URL"

BAD_ADDRESS: Final = "Telegram does not take the address in MARTIN_TELEGRAM__WEBHOOK_URL"


async def connected(settings: TelegramSettings, webhook: OwnWebhook, waits: Waits) -> Connection:
    """A connection that is ready to take updates in, tried for as long as it takes. Raises ChannelRefused."""
    if settings.token is None:
        raise ChannelRefused(NO_SUCH_BOT)
    pause_s = waits.first_s
    while True:
        try:
            return await _prepared(settings, settings.token.get_secret_value(), webhook)
        except ApiRefused as error:
            if error.code in (401, 404):
                raise ChannelRefused(NO_SUCH_BOT) from None
            if error.code == 400 and settings.mode == "webhook":
                raise ChannelRefused(f"{BAD_ADDRESS} ({error})") from None
            pause_s = max(pause_s, error.retry_after_s)
            _log.warning("telegram.connect", error=str(error), in_s=pause_s)
        except NoAnswer as error:
            _log.warning("telegram.connect", error=str(error), in_s=pause_s)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, waits.longest_s)


async def _prepared(settings: TelegramSettings, token: str, webhook: OwnWebhook) -> Connection:
    async with AsyncExitStack() as undo:
        connection = await connect(settings, token)
        undo.push_async_callback(connection.close)
        await _hand_over(settings, connection, webhook)
        undo.pop_all()
    return connection


async def _hand_over(settings: TelegramSettings, connection: Connection, webhook: OwnWebhook) -> None:
    """Set the webhook, or see that there is none. Raises ChannelRefused, ApiRefused, NoAnswer.

    A webhook that is not ours is left alone: whoever set it gets this bot's messages, and would not any more. Our own, from
    the days when the mode was another, is removed. What waits is kept in either case.
    """
    if settings.mode == "webhook":
        if not webhook.address:
            raise ChannelRefused(NO_ADDRESS)
        await webhook.set(connection)
        return
    bot = connection.bot
    there = (await connection.ask(bot.get_webhook_info())).url
    if there and not await webhook.is_at(there):
        _log.critical("telegram.webhook", host=urlsplit(there).hostname or "")
        raise ChannelRefused(OTHER_WEBHOOK)
    if there:
        await connection.ask(bot.delete_webhook())
