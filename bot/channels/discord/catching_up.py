"""What was said while the bot was away: read from a channel's history behind its mark, bounded in number and age (R-06)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from bot.channels.discord.intake import Event
from bot.channels.discord.places import Place, snowflake_at
from bot.ports import Clock
from bot.types import IncomingMessage

if TYPE_CHECKING:
    from discord import Client, Message

_log = structlog.get_logger("martin.channel.discord")

MOST_MESSAGES: Final = 200
OLDEST: Final = timedelta(hours=24)
LATELY: Final = timedelta(hours=1)
"""After a connection that was resumed, Discord brings what was missed; only channels busy lately are looked at as well."""
_AT_ONCE: Final = 5
_PAUSES_S: Final = (1.0, 3.0, 10.0)

Read = Callable[["Message", Place], Awaitable[IncomingMessage | None]]


class CatchUp:
    """Reads histories. `read` is what reads every message, also the live ones."""

    def __init__(self, client: Client, clock: Clock, read: Read) -> None:
        self._client, self._clock, self._read = client, clock, read
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    def is_needed(self, place: Place, mark: int) -> bool:
        """Whether a channel may hold more than was read; only direct messages, and threads long quiet, do not tell."""
        channel = self._client.get_channel(place.channel)
        last = getattr(channel, "last_message_id", None) if channel is not None and place.guild is not None else None
        return last is None or last > mark

    async def missed(self, place: Place, mark: int) -> Sequence[Event] | None:
        """The messages behind the mark, oldest first; None where they cannot be had now."""
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
        if len(found) == MOST_MESSAGES:
            _log.warning("discord.catch_up", channel=place.channel, messages=len(found), hint="later ones are left out")
        elif found:
            _log.info("discord.catch_up", channel=place.channel, messages=len(found))
        return [self._event(message, place) for message in found]

    async def _history(self, place: Place, after: int) -> list[Message] | None:
        """The messages; none where the bot may not look any more, None where the connection failed."""
        import aiohttp
        from discord import Forbidden, HTTPException, NotFound, Object, RateLimited

        channel = self._client.get_partial_messageable(place.channel, guild_id=place.guild)
        try:
            history = channel.history(after=Object(id=after), limit=MOST_MESSAGES, oldest_first=True)
            return [message async for message in history]
        except (Forbidden, NotFound):
            return []
        except (HTTPException, RateLimited, aiohttp.ClientError, OSError, TimeoutError) as error:
            _log.warning("discord.catch_up", channel=place.channel, error=type(error).__name__)
            return None

    def _event(self, message: Message, place: Place) -> Event:
        return Event(id=str(message.id), place=place, message=message.id, read=lambda: self._read(message, place))
