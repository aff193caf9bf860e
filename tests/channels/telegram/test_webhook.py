"""Updates that Telegram posts: who may, how much, once, in whatever order, and on disk before the 200."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette

from bot.channels.telegram.webhook import BODY_LIMIT, PATH
from bot.errors import ChannelRefused, IntakeError, StoreFull
from bot.log import Logs
from bot.settings import LogSettings
from bot.system import SystemClock
from tests.channels.telegram.house import House
from tests.channels.telegram.updates import message, raw
from tests.servers.telegram.server import TelegramServer
from web import telegram_route as route
from web.server import WebServer

SECRET = "a-secret-of-letters_0123456789"


class Hooked:
    """The page's server with nothing but the route, and a channel behind it as soon as there is one."""

    def __init__(self) -> None:
        app = Starlette(routes=[route.telegram_route(self)])
        self.server = WebServer(app, host="127.0.0.1", port=0, chats=(), grace_s=1)
        self.address = self.server.address
        self.house = House()

    async def take(self, body: bytes, secret: str | None) -> int:
        """What the channel says."""
        return await self.house.channel.webhook.take(body, secret)

    async def post(self, body: bytes, secret: str | None = SECRET) -> int:
        """The status of a post."""
        headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
        async with httpx.AsyncClient() as client:
            return (await client.post(self.address + PATH, content=body, headers=headers)).status_code


@pytest.fixture
async def hooked(server: TelegramServer) -> AsyncIterator[Hooked]:
    """A channel that is not running yet, behind its page."""
    hooked = Hooked()
    hooked.house = House(server, mode="webhook", webhook_url=hooked.address, webhook_secret=SecretStr(SECRET))
    serving = asyncio.create_task(hooked.server.serve())
    yield hooked
    hooked.server.stop()
    await serving


def test_both_sides_mean_the_same() -> None:
    assert (route.PATH, route.BODY_LIMIT) == (PATH, BODY_LIMIT)


async def settled(server: TelegramServer) -> None:
    """Return once nothing waits any more."""
    async with asyncio.timeout(10):
        while server.updates.waiting:
            await asyncio.sleep(0.01)


async def test_messages_come_once_and_are_confirmed(server: TelegramServer, hooked: Hooked) -> None:
    ana, bea = server.person("Ana"), server.person("Bea")
    server.poster.posts_twice = True
    async with hooked.house.running():
        for number in range(10):
            ana.says(f"a{number}")
            bea.says(f"b{number}")
        taken = await hooked.house.desk.has(20)
        await settled(server)
    assert [one.text for one in taken if one.address.chat == str(ana.id)] == [f"a{number}" for number in range(10)]
    assert set(server.poster.statuses) == {200}
    assert len(server.poster.statuses) == 40
    assert server.violations == []


async def test_whatever_the_order_each_comes_once(server: TelegramServer, hooked: Hooked) -> None:
    ana = server.person("Ana")
    for number in range(30):
        ana.says(f"m{number}")
    server.poster.posts_twice = server.poster.is_disordered = True
    async with hooked.house.running():
        taken = await hooked.house.desk.has(30)
        await settled(server)
    assert sorted(one.text for one in taken) == sorted(f"m{number}" for number in range(30))


async def test_what_cannot_be_stored_is_posted_again(server: TelegramServer, hooked: Hooked) -> None:
    server.poster.retry_s = 0.005
    hooked.house.desk.failures = [StoreFull("no space"), IntakeError("starting")] * 10
    server.person("Ana").says("keep this")
    async with hooked.house.running():
        assert [one.text for one in await hooked.house.desk.has(1)] == ["keep this"]
        await settled(server)
    assert server.poster.statuses == [503] * 20 + [200]


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], SECRET + "x", "é"])
async def test_without_the_right_secret_nothing_is_taken_nor_logged(hooked: Hooked, secret: str | None) -> None:
    stream = io.StringIO()
    with Logs(LogSettings(level="debug", format="json"), stream=stream):
        async with hooked.house.running():
            status = await hooked.house.channel.webhook.take(raw("message", message("my secret")), secret)
            assert status == 403
            if secret is None or secret.isascii():
                assert await hooked.post(raw("message", message("my secret")), secret) == 403
    assert hooked.house.desk.taken == []
    assert "my secret" not in stream.getvalue()
    assert not secret or f'"{secret}"' not in stream.getvalue()


async def test_a_body_beyond_a_mebibyte_is_refused_and_one_within_is_taken(server: TelegramServer, hooked: Hooked) -> None:
    async with hooked.house.running():
        await ready(server)
        assert await hooked.post(raw("message", message("x" * (BODY_LIMIT + 1)))) == 413
        assert await hooked.post(raw("message", message("x" * 3 * BODY_LIMIT)), "wrong") == 403
        assert await hooked.post(raw("message", message("x" * 4096))) == 200
    assert [len(one.text) for one in hooked.house.desk.taken] == [4096]


async def ready(server: TelegramServer) -> None:
    """Return once the bot has set its webhook, and a moment later."""
    async with asyncio.timeout(10):
        while server.updates.webhook is None:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"\xff" * 100, 400),
        (b'{"update_id": "7"}', 400),
        (json.dumps({"update_id": 7, "message": "my secret"}).encode(), 200),
        (json.dumps({"update_id": 7}).encode(), 200),
    ],
)
async def test_what_is_no_update_is_refused_and_a_broken_one_kept_by_its_id(
    server: TelegramServer, hooked: Hooked, body: bytes, status: int
) -> None:
    async with hooked.house.running():
        await ready(server)
        assert await hooked.post(body) == status
    assert [one.event_id for one in hooked.house.desk.taken] == (["update/7"] if b"message" in body else [])


async def test_a_bot_that_is_not_there_asks_for_it_again(hooked: Hooked) -> None:
    assert await hooked.post(raw("message", message())) == 503


async def test_only_posts_are_answered(hooked: Hooked) -> None:
    async with httpx.AsyncClient() as client:
        assert (await client.get(hooked.address + PATH)).status_code == 405


async def test_the_webhook_is_set_with_its_secret_and_nothing_is_dropped(server: TelegramServer, hooked: Hooked) -> None:
    async with hooked.house.running():
        await ready(server)
    (call,) = [call for call in server.calls if call.method == "setWebhook"]
    assert (call.parameters["url"], call.parameters["secret_token"]) == (hooked.address + PATH, SECRET)
    assert "drop_pending_updates" not in call.parameters


@pytest.mark.parametrize(("given", "is_as_given"), [(SECRET, True), ("sixteen+letters/with=odd$signs", False), (None, False)])
async def test_a_secret_is_one_that_telegram_takes(server: TelegramServer, given: str | None, is_as_given: bool) -> None:
    house = House(
        server,
        mode="webhook",
        webhook_url="http://127.0.0.1:1",
        webhook_secret=None if given is None else SecretStr(given),
    )
    async with house.running():
        await ready(server)
    assert server.updates.webhook is not None
    assert (server.updates.webhook.secret == given) is is_as_given
    assert len(server.updates.webhook.secret) >= 30


@pytest.mark.parametrize("url", ["", "http://bot.example.org"])
async def test_an_address_that_telegram_cannot_reach_ends_the_channel(server: TelegramServer, url: str) -> None:
    house = House(server, mode="webhook", webhook_url=url)
    with pytest.raises(ChannelRefused, match="MARTIN_TELEGRAM__WEBHOOK_URL"):
        await house.channel.run(house.desk.receive)


# --- whether posts arrive ---


async def test_a_webhook_that_telegram_cannot_reach_is_noticed(server: TelegramServer) -> None:
    house = House(server, mode="webhook", webhook_url="http://127.0.0.1:1", clock=SystemClock())
    server.poster.retry_s = 0.05
    async with house.running() as channel:
        await ready(server)
        assert (channel.trouble, channel.last_poll_age_s() < 1) == ("", True)
        await asyncio.sleep(1.1)  # Telegram tells the time of an error in whole seconds
        server.person("Ana").says("hola")
        async with asyncio.timeout(10):
            while not channel.trouble:
                await asyncio.sleep(0.01)
        assert "1 messages wait" in channel.trouble
        before = channel.last_poll_age_s()
        await asyncio.sleep(0.3)
        assert channel.last_poll_age_s() > before + 0.2
        server.updates.clear()
        async with asyncio.timeout(10):
            while channel.trouble:
                await asyncio.sleep(0.01)
        assert channel.last_poll_age_s() < 1


async def test_a_post_is_a_sign_of_life(server: TelegramServer, hooked: Hooked) -> None:
    async with hooked.house.running() as channel:
        await ready(server)
        server.faults.refuse("getWebhookInfo", 502, "Bad Gateway", times=10_000)
        await asyncio.sleep(0.4)
        assert channel.last_poll_age_s() > 0.2
        server.person("Ana").says("hola")
        await settled(server)
        assert channel.last_poll_age_s() < 0.2


async def test_a_webhook_that_somebody_took_away_is_set_again(server: TelegramServer, hooked: Hooked) -> None:
    async with hooked.house.running():
        await ready(server)
        server.updates.webhook = None
        await ready(server)
        server.person("Ana").says("hola")
        assert [one.text for one in await hooked.house.desk.has(1)] == ["hola"]
