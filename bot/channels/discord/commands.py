"""The commands as Discord lists them, in both languages, and the entry of a message's menu; pure."""

from __future__ import annotations

from typing import Any, Final

from bot.commands import COMMANDS, Command
from bot.locale import say

PRIVATE: Final = frozenset(
    {
        *("profile", "memory", "remember", "forget", "mydata", "forgetme", "link", "unlink"),
        *("language", "admin", "why", "help", "about", "stop"),
    }
)
"""The commands whose answers nobody else sees where others are: what is private, and what would only be noise there."""

_SPANISH: Final = ("es-ES", "es-419")
_CHAT_INPUT, _MESSAGE, _STRING = 1, 3, 3
_EVERYWHERE: Final = [0, 1]
"""In servers and in direct messages with the bot."""
_MOST_CHARS: Final = 100


def registered() -> list[dict[str, Any]]:
    """What to put in the place of all commands that Discord has of this bot."""
    return [*(_slash(command) for command in COMMANDS), _menu_entry()]


def correct_entry() -> str:
    """The name of the entry in a message's menu."""
    return say("en", "Correct this answer")


def typed(name: str, argument: str) -> str:
    """A slash command as somebody would type it."""
    return f"/{name} {argument}".strip()


def _slash(command: Command) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "type": _CHAT_INPUT,
        "name": command.name,
        "name_localizations": dict.fromkeys(_SPANISH, command.spanish[0]),
        "description": command.summary[:_MOST_CHARS],
        "description_localizations": dict.fromkeys(_SPANISH, command.resumen[:_MOST_CHARS]),
        "contexts": _EVERYWHERE,
    }
    if command.argument:
        shape["options"] = [_option(command)]
    return shape


def _option(command: Command) -> dict[str, Any]:
    """The one text behind a command; what may be chosen there stands in its description."""
    english, spanish = command.argument, command.argumento or command.argument
    name, nombre = ("option", "opción") if "|" in english else (english.lower(), spanish.lower())
    return {
        "type": _STRING,
        "name": name,
        "name_localizations": dict.fromkeys(_SPANISH, nombre),
        "description": english[:_MOST_CHARS],
        "description_localizations": dict.fromkeys(_SPANISH, spanish[:_MOST_CHARS]),
        "required": False,
    }


def _menu_entry() -> dict[str, Any]:
    name = say("es", "Correct this answer")
    return {
        "type": _MESSAGE,
        "name": correct_entry(),
        "name_localizations": dict.fromkeys(_SPANISH, name[:32]),
        "contexts": _EVERYWHERE,
    }
