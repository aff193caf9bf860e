"""An HTTP client for tests of the web: sessions, and answers read from event streams."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.web.house import House, served
from web.settings import WebSettings

Event = tuple[str, dict[str, Any]]
ANA = {"Authorization": "Bearer ana-has-a-session"}
BEA = {"Authorization": "Bearer bea-has-a-session"}


@asynccontextmanager
async def at_home(configured: WebSettings | None = None) -> AsyncIterator[tuple[House, httpx.AsyncClient]]:
    """A served house and a client of it that brings no session of its own."""
    house = House()
    async with served(house, configured) as server, httpx.AsyncClient(base_url=server.address, timeout=10) as client:
        yield house, client


async def stream(client: httpx.AsyncClient, path: str, body: Any, **options: Any) -> AsyncIterator[Event]:
    """The events of a POST's stream."""
    async with client.stream("POST", path, json=body, **options) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        async for event in events(response):
            yield event


async def events(response: httpx.Response) -> AsyncGenerator[Event, None]:
    """The events of an open stream."""
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def say(client: httpx.AsyncClient, text: str, headers: dict[str, str] = ANA, **more: Any) -> list[Event]:
    """Everything that a message streams back."""
    return [event async for event in stream(client, "/api/messages", {"text": text, **more}, headers=headers)]


async def reply(client: httpx.AsyncClient, text: str, headers: dict[str, str] = ANA, **more: Any) -> dict[str, Any]:
    """The reply to a message."""
    name, data = (await say(client, text, headers, **more))[-1]
    assert name == "reply", data
    return data


def error_of(response: httpx.Response) -> str:
    """The code of an error response, checked to be of the one shape."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["message"]
    return str(body["error"]["code"])
