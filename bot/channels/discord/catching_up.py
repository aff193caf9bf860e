"""What was said while the bot was away: read from a channel's history behind its mark, page by page, with bounds (R-06)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from bot.channels.discord.intake import PAGE, Event, Marks
from bot.channels.discord.places import Place, Places, snowflake_at
from bot.ports import Clock
from bot.types import IncomingMessage

if TYPE_CHECKING:
    from discord import Client, Message

_log = structlog.get_logger("martin.channel.discord")

OLDEST: Final = timedelta(hours=24)
LATELY: Final = timedelta(hours=1)
"""After a connection that was resumed, Discord brings what was missed; only channels busy lately are looked at as well."""
MOST_UNSURE: Final = 200
"""How many channels that do not tell whether something was missed are asked in a session; the others with their next event."""
_AT_ONCE: Final = 5
_PAUSES_S: Final = (1.0, 3.0, 10.0)

Read = Callable[["Message", Place], Awaitable[IncomingMessage | None]]


class CatchUp:
    """Reads histories. `read` is what reads every message, also the live ones."""

    def __init__(self, client: Client, clock: Clock, read: Read, *, places: Places, marks: Marks) -> None:
        self._client, self._clock, self._read, self._places, self._marks = client, clock, read, places, marks
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def visible(self) -> Sequence[tuple[Place, int]]:
        """The servers' channels and threads that the bot can read, each with the last message there, 0 for none."""
        from discord import StageChannel, TextChannel, Thread, VoiceChannel

        found: list[tuple[Place, int]] = []
        for guild in self._client.guilds:
            me = guild.get_member(self._client.user.id) if self._client.user is not None else None
            for channel in (*guild.channels, *guild.threads):
                if not isinstance(channel, (TextChannel, VoiceChannel, StageChannel, Thread)):
                    continue
                if isinstance(channel, Thread) and channel.parent is None:
                    continue
                may = channel.permissions_for(me) if me is not None else None
                if may is not None and not (may.view_channel and may.read_message_history):
                    continue
                place = self._places.known(self._client, channel.id, guild.id)
                if place is not None:
                    found.append((place, channel.last_message_id or 0))
        return found

    def start(self, place: Place) -> int:
        """From where on to read a server's channel that has no mark: since the first run, and since it is there."""
        guild = self._client.get_guild(place.guild) if place.guild is not None else None
        me = guild.get_member(self._client.user.id) if guild is not None and self._client.user is not None else None
        joined = me.joined_at if me is not None else None
        return max(self._marks.begun, snowflake_at(joined) if joined is not None else 0)

    def is_needed(self, place: Place, mark: int) -> bool | None:
        """Whether a channel holds more than was read; None for those that do not tell: direct messages, threads long quiet."""
        channel = self._client.get_channel(place.channel)
        if channel is None or place.guild is None:
            return None
        return (getattr(channel, "last_message_id", None) or 0) > mark

    async def missed(self, place: Place, mark: int) -> Sequence[Event] | None:
        """The next page of messages behind the mark, oldest first; None where they cannot be had now."""
        after = max(mark, snowflake_at(self._clock.now() - OLDEST))
        async with self._at_once:
            for pause_s in (*_PAUSES_S, 0.0):
                found = await self._history(place, after)
                if found is not None or not pause_s:
                    break
                await asyncio.sleep(pause_s)
        if found is None:
            _log.error("discord.catch_up", channel=place.channel, error="unreachable")
            return None
        if found:
            _log.info("discord.catch_up", channel=place.channel, messages=len(found))
        return [self._event(message, place) for message in found]

    async def _history(self, place: Place, after: int) -> list[Message] | None:
        """The messages; none where the bot may not look any more, None where the connection failed."""
        import aiohttp
        from discord import Forbidden, HTTPException, NotFound, Object, RateLimited

        channel = self._client.get_partial_messageable(place.channel, guild_id=place.guild)
        try:
            history = channel.history(after=Object(id=after), limit=PAGE, oldest_first=True)
            return [message async for message in history]
        except (Forbidden, NotFound):
            return []
        except (HTTPException, RateLimited, aiohttp.ClientError, OSError, TimeoutError) as error:
            _log.warning("discord.catch_up", channel=place.channel, error=type(error).__name__)
            return None

    def _event(self, message: Message, place: Place) -> Event:
        return Event(id=str(message.id), place=place, message=message.id, read=lambda: self._read(message, place))
