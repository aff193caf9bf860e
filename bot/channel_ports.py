"""What the channels of platforms need of the store, and who may talk to the bot where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.channel_types import ChatMode
from bot.types import ChannelName, IncomingMessage

SEEN = "seen/"
"""How the key of a mark begins that tells how far a chat was read: the chat's id follows."""


class MarkStore(Protocol):
    """How far a channel has got, as texts by key: a Discord channel's last message, the time of the last poll."""

    async def marks(self, channel: ChannelName) -> Mapping[str, str]:
        """All marks of a channel."""

    async def set_mark(self, channel: ChannelName, key: str, value: str, at: datetime) -> None:
        """Commit one."""


class ChatStore(Protocol):
    """What admins chose for a group chat."""

    async def mode(self, channel: ChannelName, chat: str) -> ChatMode | None:
        """When the bot answers there; None where nobody chose."""


class ChatMoves(Protocol):
    """Takes along what admins chose when a group goes on under another id."""

    async def move(self, channel: ChannelName, old: str, new: str) -> None:
        """What was chosen for the old one now holds for the new one, unless something was chosen there. Raises StoreError."""


class Manners(Protocol):
    """Whether a group message is for the bot; private ones always are."""

    async def is_addressed(self, message: IncomingMessage, *, is_named: bool) -> bool:
        """Whether to answer. `is_named`: the platform says that it mentions the bot, replies to it or is a command for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What becomes of a message at the entrance: it is let in, perhaps as another one; else `notice` is said, or nothing."""

    message: IncomingMessage | None = None
    notice: str = ""


class Entrance(Protocol):
    """Who may talk with the bot at all, as the door asks it."""

    async def enter(self, message: IncomingMessage) -> Entry:
        """Whether this message is let in. Raises StoreError."""
