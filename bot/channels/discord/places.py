"""Where on Discord something was said: a channel, a thread of one, or direct messages; and how marks write that down."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from bot.types import Address, ChannelName

if TYPE_CHECKING:
    from discord import Client

EPOCH: Final = datetime(2015, 1, 1, tzinfo=UTC)
"""Where Discord's time begins: the upper 42 bits of an id are the milliseconds since (Discord, "Snowflakes")."""
MOST_PLACES: Final = 10_000

_THREADS: Final = frozenset({10, 11, 12})
"""Kinds of channel that are threads: of announcements, public, private."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A channel by its id. `guild` is None in direct messages, `parent` the channel that a thread belongs to."""

    channel: int
    guild: int | None = None
    parent: int | None = None

    @property
    def is_private(self) -> bool:
        """Whether only the person and the bot are here."""
        return self.guild is None

    def address(self, user: int) -> Address:
        """The address of somebody here."""
        if self.parent is None:
            return Address(channel=ChannelName.DISCORD, chat=str(self.channel), user=str(user))
        return Address(channel=ChannelName.DISCORD, chat=str(self.parent), user=str(user), thread=str(self.channel))

    def marked(self, message: int) -> str:
        """A mark's value: this place was read up to that message."""
        return f"{message} {self.guild or 0} {self.parent or 0}"


def read_mark(channel: int, value: str) -> tuple[Place, int] | None:
    """The place and message of a mark; None where its value is none of ours."""
    parts = value.split()
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    message, guild, parent = (int(part) for part in parts)
    return Place(channel=channel, guild=guild or None, parent=parent or None), message


def channel_of(address: Address) -> int:
    """The channel, or thread, that messages to this address go to."""
    return int(address.thread or address.chat)


def time_of(snowflake: int) -> datetime:
    """When an id was made."""
    return EPOCH + timedelta(milliseconds=snowflake >> 22)


def snowflake_at(moment: datetime) -> int:
    """The lowest id of that moment."""
    return max(0, int((moment - EPOCH).total_seconds() * 1000)) << 22


class Places:
    """What channels are, as far as that is known: from events, marks, the client's cache, and else by asking Discord."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, Place] = OrderedDict()

    def note(self, place: Place) -> Place:
        """Remember a place."""
        self._known[place.channel] = place
        self._known.move_to_end(place.channel)
        if len(self._known) > MOST_PLACES:
            self._known.popitem(last=False)
        return place

    def is_private(self, channel: int) -> bool:
        """Whether this is known to be direct messages."""
        place = self._known.get(channel)
        return place is not None and place.is_private

    def known(self, client: Client, channel: int, guild: int | None) -> Place | None:
        """The place, where nobody has to be asked."""
        if guild is None:
            return self.note(Place(channel=channel))
        place = self._known.get(channel)
        if place is not None:
            return place
        found = client.get_channel(channel)
        if found is None:
            return None
        return self.note(Place(channel=channel, guild=guild, parent=_parent(found)))

    async def of(self, client: Client, channel: int, guild: int | None) -> Place:
        """The place. Raises what discord.py raises where it has to ask and gets no answer."""
        place = self.known(client, channel, guild)
        if place is not None:
            return place
        data = await client.http.get_channel(channel)
        parent = data.get("parent_id") if data["type"] in _THREADS else None
        return self.note(Place(channel=channel, guild=guild, parent=int(str(parent)) if parent else None))


def _parent(channel: object) -> int | None:
    """The channel that a thread of discord.py's belongs to."""
    from discord import Thread

    return channel.parent_id if isinstance(channel, Thread) else None
