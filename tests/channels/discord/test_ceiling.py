"""Fifty requests a second over all channels: kept whatever the answers take, without keeping interactions waiting (R-24)."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from bot.channels.discord.ceiling import RESERVED, Ceiling

WINDOW_S = 0.2
MOST = 20


class Server:
    """Writes down when requests came; every third is answered late."""

    def __init__(self) -> None:
        self.came: list[tuple[float, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.came.append((time.monotonic(), request.path))
        if len(self.came) % 3 == 0:
            await asyncio.sleep(0.05)
        return web.Response(text="ok")


@asynccontextmanager
async def connected(ceiling: Ceiling) -> AsyncIterator[tuple[Server, aiohttp.ClientSession, str]]:
    server, app = Server(), web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession(trace_configs=[ceiling.trace()]) as session:
            yield server, session, f"http://127.0.0.1:{runner.addresses[0][1]}/api/v10"
    finally:
        await runner.cleanup()


def is_free(ceiling: Ceiling) -> bool:
    return not ceiling.is_near


async def ask(session: aiohttp.ClientSession, address: str) -> None:
    async with session.get(address) as response:
        assert await response.text() == "ok"


def most_within(times: Sequence[float], seconds: float) -> int:
    return max(place + 1 - bisect_left(times, at - seconds) for place, at in enumerate(times))


async def test_no_window_of_the_servers_clock_holds_more_and_little_time_is_lost() -> None:
    async with connected(Ceiling(most=MOST, window_s=WINDOW_S)) as (server, session, address):
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(5 * MOST):
                tasks.create_task(ask(session, f"{address}/channels/{number}/messages"))
        took_s = time.monotonic() - began
    times = [at for at, _ in server.came]
    assert len(times) == 5 * MOST
    assert most_within(times, WINDOW_S) <= MOST
    assert took_s < 3 * 5 * WINDOW_S


async def test_answers_to_interactions_wait_for_nothing_and_take_nothing() -> None:
    ceiling = Ceiling(most=1, window_s=60.0)
    async with connected(ceiling) as (server, session, address), asyncio.timeout(5):
        await ask(session, f"{address}/channels/1/messages")
        for number in range(5):
            await ask(session, f"{address}/interactions/{number}/token/callback")
            await ask(session, f"{address}/webhooks/{number}/token/messages/@original")
    assert len(server.came) == 11


async def test_a_request_that_breaks_or_is_given_up_does_not_take_its_place_along() -> None:
    ceiling = Ceiling(most=1, window_s=0.01)
    async with connected(ceiling) as (server, session, address), asyncio.timeout(5):
        first = asyncio.create_task(ask(session, f"{address}/channels/1/messages"))
        waiting = asyncio.create_task(ask(session, f"{address}/channels/2/messages"))
        await asyncio.sleep(0)
        waiting.cancel()
        await first
        await asyncio.gather(ask(session, "http://127.0.0.1:1/channels/3"), return_exceptions=True)
        await ask(session, f"{address}/channels/4/messages")
    assert [path[-10:] for _, path in server.came] == ["1/messages", "4/messages"]


async def test_previews_stay_away_while_what_is_left_is_for_answers() -> None:
    ceiling = Ceiling(most=RESERVED, window_s=0.05)
    async with connected(ceiling) as (_, session, address), asyncio.timeout(5):
        assert is_free(ceiling)
        await ask(session, f"{address}/channels/1/messages")
        assert ceiling.is_near
        await asyncio.sleep(0.2)
        assert is_free(ceiling)
