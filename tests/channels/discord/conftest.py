"""What the tests on Discord share."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.servers.discord import DiscordServer


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer, None]:
    """A strict Discord; whatever it found wrong with a request fails the test, and so does an active mention."""
    async with DiscordServer() as running:
        yield running
        assert running.problems == []
        assert running.world.pings() == set()
        for seen in running.requests:
            payload = seen.payload.get("data", seen.payload) if isinstance(seen.payload, dict) else {}
            if payload and "content" in payload:
                assert payload["allowed_mentions"] == {"parse": [], "replied_user": False}
