"""The commands that Telegram's app offers, in the person's language; those of admins only in their own chats."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Final

import structlog

from bot.channels.telegram.polling import Waits
from bot.channels.telegram.requests import ApiRefused, Connection, NoAnswer
from bot.commands import COMMANDS, Command
from bot.types import LANGUAGES, Language

_log = structlog.get_logger("martin.telegram")

DEFAULT: Final[Language] = "en"
"""For apps in all other languages."""
LONGEST: Final = 256
"""Characters of a description."""


def menu(language: Language, commands: Sequence[Command] = COMMANDS, *, for_admins: bool = False) -> list[tuple[str, str]]:
    """Names and descriptions, as the app lists them; what every bot takes (`/empezar` is `/start`) by its Spanish name."""
    shown = [one for one in commands if for_admins or not one.is_for_admins]
    if language == "es":
        return [(one.spanish[0], one.resumen[:LONGEST]) for one in shown]
    return [(one.name, one.summary[:LONGEST]) for one in shown]


async def keep_menu(connection: Connection, admins: Collection[int], waits: Waits) -> None:
    """Tell Telegram, for as long as it takes; what it will not have is logged, and the bot does without."""
    from telegram import BotCommandScopeChat, BotCommandScopeDefault

    scopes = [(BotCommandScopeDefault(), False), *((BotCommandScopeChat(admin), True) for admin in admins)]
    for scope, for_admins in scopes:
        for code in (None, *LANGUAGES):
            commands = menu(DEFAULT if code is None else code, for_admins=for_admins)
            step = partial(connection.bot.set_my_commands, commands, scope=scope, language_code=code)
            try:
                await _told(connection, step, waits)
            except ApiRefused as error:
                _log.info("telegram.menu", scope=scope.type, language=code or "", error=str(error))
                break  # an admin who never wrote has no chat yet


async def _told(connection: Connection, step: Callable[[], Awaitable[object]], waits: Waits) -> None:
    """Ask until there is an answer. Raises ApiRefused where it is no, and not only for now."""
    pause_s = waits.first_s
    while True:
        try:
            await connection.ask(step())
        except ApiRefused as error:
            if not error.retry_after_s:
                raise
            await asyncio.sleep(error.retry_after_s)
        except NoAnswer:
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, waits.longest_s)
        else:
            return
