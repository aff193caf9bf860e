"""What is kept of platforms' channels and chats: how far they were read, and when the bot answers there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import bindparam, select

from bot.channel_types import ChatMode
from bot.store.channel_writes import MOVE_CHAT, SET_MARK
from bot.store.db import Database, Unit, read
from bot.store.schema import chats, marks
from bot.types import ChannelName

_MARKS = read("marks", select(marks.c.key, marks.c.value).where(marks.c.channel == bindparam("channel")))
_MODE = read(
    "chat mode", select(chats.c.mode).where(chats.c.channel == bindparam("channel"), chats.c.chat == bindparam("chat"))
)


class StoredChats:
    """The `MarkStore`, `ChatStore` and `ChatMoves` of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def marks(self, channel: ChannelName) -> Mapping[str, str]:
        """All marks of a channel."""
        return dict(await self._database.rows(_MARKS, channel=channel.value))

    async def set_mark(self, channel: ChannelName, key: str, value: str, at: datetime) -> None:
        """Commit one."""
        await self._database.commit(Unit((SET_MARK, {"channel": channel.value, "key": key, "value": value, "at": at})))

    async def mode(self, channel: ChannelName, chat: str) -> ChatMode | None:
        """When the bot answers there; None where nobody chose."""
        rows = await self._database.rows(_MODE, channel=channel.value, chat=chat)
        return ChatMode(rows[0][0]) if rows else None

    async def move(self, channel: ChannelName, old: str, new: str) -> None:
        """What was chosen for the old one now holds for the new one, unless something was chosen there."""
        await self._database.commit(Unit((MOVE_CHAT, {"of": channel.value, "old": old, "new": new})))
