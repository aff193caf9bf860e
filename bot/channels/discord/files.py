"""Text files from Discord's own file servers, and from nowhere else (R-61)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from bot.channel_settings import DISCORD_API
from bot.text_files import READABLE_BYTES

if TYPE_CHECKING:
    import aiohttp

HOSTS: Final = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
_DEADLINE_S: Final = 10.0


class DiscordFiles:
    """Reads text files; implements `Files`. With another API than Discord's, files are read from that one's host and port."""

    def __init__(self, api_base: str) -> None:
        self._own = "" if api_base == DISCORD_API else urlsplit(api_base).netloc.lower()

    def is_allowed(self, url: str) -> bool:
        """Whether this address is one that files come from."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            return False
        if self._own:
            return parts.scheme in ("http", "https") and parts.netloc.lower() == self._own
        return parts.scheme == "https" and parts.hostname in HOSTS and port in (None, 443) and "@" not in parts.netloc

    async def read(self, url: str, size: int) -> str | None:
        """The text in UTF-8; None where it is none, too large, or cannot be had."""
        import aiohttp

        if size > READABLE_BYTES or not self.is_allowed(url):
            return None
        connector = aiohttp.TCPConnector(resolver=None if self._own else _public_only())
        try:
            async with (
                asyncio.timeout(_DEADLINE_S),
                aiohttp.ClientSession(connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.get(url, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    return None
                content = bytearray()
                async for piece in response.content.iter_chunked(16_384):
                    content += piece
                    if len(content) > READABLE_BYTES:
                        return None
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None
        try:
            return bytes(content).removeprefix(b"\xef\xbb\xbf").decode("utf-8")
        except UnicodeDecodeError:
            return None


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found.is_global and not found.is_multicast


def _public_only() -> aiohttp.abc.AbstractResolver:
    """Resolves names to addresses of the open internet only: what is checked is what is then connected to."""
    import aiohttp

    class PublicOnly(aiohttp.ThreadedResolver):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[aiohttp.abc.ResolveResult]:
            found = [one for one in await super().resolve(host, port, family) if is_public(one["host"])]
            if not found:
                raise OSError("no public address")
            return found

    return PublicOnly()
