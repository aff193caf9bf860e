"""The server inside our loop: its port, its signals, and how it ends."""

from __future__ import annotations

import asyncio
import errno
import signal

import httpx
import pytest

from bot.errors import ConfigError
from tests.web.client import ANA, at_home, events
from tests.web.house import House, application, served, settings
from web.routes_doc import markdown, routes
from web.server import WebServer, unusable


def _server(house: House, host: str = "127.0.0.1", port: int = 0) -> WebServer:
    app = application(house, settings())
    return WebServer(app, host=host, port=port, chats=(house.web, house.console), grace_s=1)


async def test_port_zero_takes_a_free_port_and_says_which() -> None:
    async with served(House()) as server:
        assert not server.address.endswith(":0")
        async with httpx.AsyncClient(base_url=server.address) as client:
            assert (await client.get("/health/live")).status_code == 200


async def test_a_taken_port_is_known_before_anything_starts() -> None:
    async with served(House()) as server:
        port = int(server.address.rpartition(":")[2])
        with pytest.raises(ConfigError) as raised:
            _server(House(), port=port)
    (problem,) = raised.value.problems
    assert problem.path == "web.port"
    assert str(port) in problem.reason


def test_an_address_that_cannot_be_had_is_told_by_setting_and_reason() -> None:
    elsewhere = unusable("203.0.113.7", 80, OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address"))
    assert (elsewhere.path, "203.0.113.7" in elsewhere.reason) == ("web.host", True)
    forbidden = unusable("127.0.0.1", 80, PermissionError(errno.EACCES, "Permission denied"))
    assert (forbidden.path, forbidden.accepted) == ("web.port", "1024 to 65535")


async def test_signals_stay_ours() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with served(House()) as server, httpx.AsyncClient(base_url=server.address) as client:
        await client.get("/health/live")
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_stopping_ends_open_streams_within_the_grace() -> None:
    house = House()
    async with house.open(), asyncio.TaskGroup() as tasks:
        server = _server(house)
        serving = tasks.create_task(server.serve())
        async with (
            httpx.AsyncClient(base_url=server.address) as client,
            client.stream("GET", "/api/events", headers=ANA) as listening,
            client.stream("POST", "/api/messages", json={"text": "hold"}, headers=ANA) as waiting,
        ):
            server.stop()
            assert [name async for name, _ in events(listening)] == ["said"]
            assert [name async for name, _ in events(waiting)] == ["accepted"]
        async with asyncio.timeout(3):
            await serving


async def test_cancelling_stops_as_cleanly_as_asking() -> None:
    house = House()
    async with house.open(), asyncio.TaskGroup() as tasks:
        server = _server(house)
        serving = tasks.create_task(server.serve())
        async with httpx.AsyncClient(base_url=server.address) as client:
            assert (await client.get("/health/live")).status_code == 200
        serving.cancel()
        async with asyncio.timeout(3):
            await asyncio.wait({serving})
        assert serving.cancelled()
        _server(house, port=int(server.address.rpartition(":")[2])).close()


async def test_drained_the_bot_still_brings_answers_under_way() -> None:
    async with (
        at_home() as (house, client),
        client.stream("POST", "/api/messages", json={"text": "hold"}, headers=ANA) as waiting,
    ):
        house.web.drain()
        house.release.set()
        assert [name async for name, _ in events(waiting)] == ["accepted", "reply"]


def test_every_route_is_documented() -> None:
    assert all(description for _, _, description in routes())
    assert "`POST /api/messages`" in markdown()
    assert len({(method, path) for method, path, _ in routes()}) == len(routes())
