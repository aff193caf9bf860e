"""The gateway side: a fresh discord.py client for every start, what it hears, and what its ends mean (PEERS.md)."""

from __future__ import annotations

import sys
import time
import traceback
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import structlog

from bot.channel_settings import DISCORD_API, DiscordSettings
from bot.channels.discord.ceiling import Ceiling
from bot.channels.discord.intake import UNREADABLE
from bot.channels.discord.rest import LONGEST_WAIT_S
from bot.errors import ChannelRefused, IntakeError

if TYPE_CHECKING:
    from discord import Client, Intents
    from discord.gateway import DiscordWebSocket

_log = structlog.get_logger("martin.channel.discord")

PORTAL: Final = "https://discord.com/developers/applications"
_TOKEN: Final = (
    f"Discord does not know this bot's token. In {PORTAL}, page Bot, reset it and put the new one into MARTIN_DISCORD__TOKEN."
)
_INTENT: Final = (
    f"Discord does not let this bot read messages. In {PORTAL}, page Bot, switch on MESSAGE CONTENT INTENT and start again."
)
_SHARDS: Final = "This bot is in too many servers for one connection: set MARTIN_DISCORD__SHARDS to 0 and start again."
_BAD_TOKEN, _MUST_SHARD, _BAD_SHARDS, _BAD_INTENTS = 4004, 4011, 4010, 4013


def load() -> None:
    """Import discord.py, which takes a second; to be done beside the loop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports audioop, for voice
        import discord.webhook.async_  # noqa: F401


def new_client(settings: DiscordSettings, ceiling: Ceiling) -> Client:
    """A client that has not logged in; it keeps neither messages nor members in memory, and to the `ceiling`."""
    from discord import AllowedMentions, AutoShardedClient, Client, MemberCacheFlags
    from discord.gateway import DiscordWebSocket
    from discord.http import Route
    from yarl import URL

    if settings.api_base != DISCORD_API:
        Route.BASE = settings.api_base.rstrip("/")
    if settings.gateway:
        DiscordWebSocket.DEFAULT_GATEWAY = URL(settings.gateway)
    options: dict[str, Any] = {
        "intents": _intents(),
        "allowed_mentions": AllowedMentions.none(),
        "max_messages": None,
        "member_cache_flags": MemberCacheFlags.none(),
        "chunk_guilds_at_startup": False,
        "max_ratelimit_timeout": LONGEST_WAIT_S,
        "enable_debug_events": False,
        "http_trace": ceiling.trace(),
    }
    if settings.shards == 1:
        return Client(**options)
    return AutoShardedClient(shard_count=settings.shards or None, **options)


async def served(client: Client, token: str, ready: Callable[[], None]) -> Exception:
    """Log in, call `ready`, and listen; what ended it, as an error of ours.

    ChannelRefused is for what only the operator can mend; with anything else a fresh client may do better.
    """
    import aiohttp
    from discord import ConnectionClosed, DiscordException, LoginFailure, PrivilegedIntentsRequired

    try:
        await client.login(token)
        ready()
        await client.connect(reconnect=True)
    except LoginFailure:
        return ChannelRefused(_TOKEN)
    except PrivilegedIntentsRequired:
        return ChannelRefused(_INTENT)
    except ConnectionClosed as closed:
        return _closed(closed.code)
    except (DiscordException, aiohttp.ClientError, OSError, TimeoutError, *UNREADABLE) as error:
        # UNREADABLE: discord.py 2.7.1 dies of an event that it cannot read, and (with an AttributeError) when its very first
        # connection to the gateway fails.
        return IntakeError(f"the connection to Discord ended: {type(error).__name__}")
    return IntakeError("the connection to Discord ended")


async def closed(client: Client) -> None:
    """Close a client, and end what discord.py 2.7.1 forgets to: it would tell two seconds later that it is ready."""
    from discord import AutoShardedClient

    state = client._connection
    waiting = [state._ready_task]
    if isinstance(client, AutoShardedClient):
        waiting += client._connection._ready_tasks.values()
    for task in waiting:
        if task is not None:
            task.cancel()
    await client.close()


def ack_age_s(client: Client) -> float | None:
    """Seconds since Discord last answered a heartbeat, of the connection that waits longest; None where there is none."""
    from discord import AutoShardedClient

    if isinstance(client, AutoShardedClient):
        sockets: list[DiscordWebSocket | None] = [shard._parent.ws for shard in client.shards.values()]
    else:
        sockets = [client.ws]  # None until the first connection, whatever its type says
    beats = [socket._keep_alive if socket is not None else None for socket in sockets]
    if not beats or any(beat is None for beat in beats):
        return None
    return max(time.perf_counter() - beat._last_ack for beat in beats if beat is not None)


async def log_error(name: str, /, *_: object, **__: object) -> None:
    """An unforeseen error of one event: its type and place; what it says may hold somebody's words."""
    kind, _error, trace = sys.exc_info()
    place = "".join(traceback.format_tb(trace)[-4:])
    _log.error("discord.event_failed", kind=name, error=kind.__name__ if kind is not None else "", place=place)


def _intents() -> Intents:
    from discord import Intents

    return Intents(guilds=True, messages=True, message_content=True, reactions=True)


def _closed(code: int) -> Exception:
    if code == _BAD_TOKEN:
        return ChannelRefused(_TOKEN)
    if code == _BAD_INTENTS:
        return ChannelRefused(_INTENT)
    if code in (_MUST_SHARD, _BAD_SHARDS):
        return ChannelRefused(_SHARDS)
    return IntakeError(f"Discord closed the connection with code {code}")
