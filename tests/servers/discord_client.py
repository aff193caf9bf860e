"""The real discord.py against the local Discord: where it looks for Discord is set for a block, and set back after it."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import yarl

from tests.servers.discord import DiscordServer

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it imports audioop for voice, which Python 3.13 has no longer
    import discord
    from discord import app_commands
    from discord.gateway import DiscordWebSocket
    from discord.http import Route

__all__ = ["Client", "app_commands", "connected", "discord", "pointed"]

READY_S: Final = 0.05
"""discord.py is ready this long after the last guild came; its own default is 2 s."""


@contextmanager
def pointed(api_base: str, gateway: str) -> Iterator[None]:
    """discord.py looks there for Discord until the end of the block."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = api_base, yarl.URL(gateway)
    try:
        yield
    finally:
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


class Client(discord.Client):
    """A client that keeps what it hears: `events` are pairs of a name and what came with it."""

    def __init__(self, *, content: bool = True, **options: Any) -> None:
        intents = discord.Intents.default()
        intents.message_content = content
        super().__init__(
            intents=intents, allowed_mentions=discord.AllowedMentions.none(), guild_ready_timeout=READY_S, **options
        )
        self.events: list[tuple[str, Any]] = []
        self.tree = app_commands.CommandTree(self)
        self.has_news = asyncio.Event()

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        """Keep every event, then hand it on."""
        self.events.append((event, args[0] if args else None))
        self.has_news.set()
        super().dispatch(event, *args, **kwargs)

    def heard(self, event: str) -> list[Any]:
        """What came with the events of this name."""
        return [what for name, what in self.events if name == event]

    async def wait_until_heard(self, event: str, count: int = 1, timeout_s: float = 10.0) -> list[Any]:
        """The same once there are so many."""
        async with asyncio.timeout(timeout_s):
            while len(self.heard(event)) < count:
                self.has_news.clear()
                await self.has_news.wait()
        return self.heard(event)


@asynccontextmanager
async def connected(server: DiscordServer, client: Client, *, api_base: str | None = None) -> AsyncIterator[Client]:
    """The client, ready, until the end of the block."""
    with pointed(api_base or server.api_base, server.gateway_url):
        async with client, asyncio.TaskGroup() as group:
            running = group.create_task(client.start(server.token))
            await client.wait_until_heard("ready")
            yield client
            await client.close()
            await running
