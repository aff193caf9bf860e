"""When the bot answers in a group: when it is spoken to, always, or never, as its owner and admins chose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cachetools import TTLCache

from bot.channel_ports import ChatStore
from bot.channel_settings import GroupSettings
from bot.channel_types import ChatMode
from bot.commands import parse_command
from bot.types import ON_LANE, ChannelName, IncomingMessage, Kind

KNOWN_FOR_S: Final = 10.0
"""How long a chat's mode is not read again: a busy group does not cost a read for every message."""
_MOST_CHATS: Final = 10_000
_SAID: Final = frozenset({Kind.TEXT, Kind.COMMAND})
_Chat = tuple[ChannelName, str]


class GroupManners:
    """The `Manners` that settings and admins ask for."""

    def __init__(self, chats: ChatStore, settings: GroupSettings, monotonic: Callable[[], float]) -> None:
        self._chats, self._prefix = chats, settings.prefix
        self._usual = ChatMode(settings.answers)
        self._modes: TTLCache[_Chat, ChatMode] = TTLCache(_MOST_CHATS, KNOWN_FOR_S, timer=monotonic)
        self._changing: TTLCache[_Chat, bool] = TTLCache(_MOST_CHATS, KNOWN_FOR_S, timer=monotonic)

    async def is_addressed(self, message: IncomingMessage, *, is_named: bool) -> bool:
        """Whether to answer. `is_named`: the platform says that it mentions the bot, replies to it or is a command for it.

        Where never is chosen, an admin's commands still count, so that it can be undone. Raises StoreError.
        """
        if message.is_private:
            return True
        command = _command(message)
        if not is_named and _is_for_another(message, command):
            return False
        if command is not None and message.is_admin:
            # It may be the one that changes the mode: who gave it sees the change with the next message.
            self._changing[_chat(message)] = True
            return True
        mode = await self._mode(_chat(message))
        if mode is ChatMode.NEVER:
            return message.kind not in ON_LANE
        if mode is ChatMode.ALWAYS or is_named or message.kind not in _SAID:
            return True
        return command is not None or has_prefix(message.text, self._prefix)

    async def _mode(self, chat: _Chat) -> ChatMode:
        known = self._modes.get(chat)
        if known is not None and chat not in self._changing:
            return known
        self._modes[chat] = mode = await self._chats.mode(*chat) or self._usual
        return mode


def has_prefix(text: str, prefix: str) -> bool:
    """Whether a text begins with the prefix, as a word of its own where that ends in a letter: `!m` does not begin `!more`."""
    if not prefix or text[: len(prefix)].casefold() != prefix.casefold():
        return False
    follows = text[len(prefix) : len(prefix) + 1]
    return not (prefix[-1].isalnum() and (follows.isalnum() or follows == "_"))


def without_prefix(text: str, prefix: str) -> str:
    """The text without the prefix that calls the bot, and without what parts the two; as it is where it begins otherwise."""
    return text[len(prefix) :].lstrip(" \t\n,:;") if has_prefix(text, prefix) else text


def _command(message: IncomingMessage) -> str | None:
    """The name of the command that a message is, if it is one that the bot knows."""
    parsed = parse_command(message.text) if message.kind in _SAID else None
    return None if parsed is None else parsed[0]


def _is_for_another(message: IncomingMessage, command: str | None) -> bool:
    """Whether a command names a bot (`/help@other_bot`); the platform has said by then that it is not this one."""
    return command is not None and "@" in message.text.split(maxsplit=1)[0]


def _chat(message: IncomingMessage) -> _Chat:
    return message.address.channel, message.address.chat
