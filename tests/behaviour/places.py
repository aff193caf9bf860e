"""A whole bot in a process of its own, on every place at once, with a local language model that says what a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.behaviour.friends import ConsoleFriend, DiscordFriend, Friend, TelegramFriend, WebFriend
from tests.journeys.process import Running, free_port, running
from tests.servers.discord import DiscordServer
from tests.servers.openai import OpenAiServer
from tests.servers.telegram.server import TelegramServer

PLACES = ("web", "console", "telegram-polling", "telegram-webhook", "discord")
ADMIN_TOKEN = "the-token-of-whoever-runs-it"
_NUMBERS = count(1)


@dataclass(slots=True, kw_only=True)
class Place:
    """A running bot, its admin, and the way to meet somebody new there."""

    name: str
    bot: Running
    model: OpenAiServer
    meet: Callable[[str], Friend]
    admin: Friend
    problems: Callable[[], list[str]] = field(default=lambda: [])


@asynccontextmanager
async def at(name: str, folder: Path, **settings: str) -> AsyncIterator[Place]:
    """A bot of its own at one place, answering with a local model; the platform's server found nothing to complain of."""
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(OpenAiServer())
        given = {
            "MARTIN_MODELS__PROVIDER": "openai",
            "MARTIN_MODELS__OPENAI__BASE_URL": f"{model.address}/v1",
            "MARTIN_LIMITS__QUEUE_PER_PERSON": "20",
            **settings,
        }
        place = await _OPEN[name.partition("-")[0]](stack, name, folder, model, given)
        yield place
        assert place.problems() == []
        assert model.problems == []


async def _web(stack: AsyncExitStack, name: str, folder: Path, model: OpenAiServer, settings: Mapping[str, str]) -> Place:
    bot = await stack.enter_async_context(running(folder, **{"MARTIN_WEB__ADMIN_TOKEN": ADMIN_TOKEN, **settings}))
    admin = _with_an_end(stack, WebFriend(bot.address, {"Origin": bot.address, "Accept-Language": "en"}))
    await admin.sign_in(ADMIN_TOKEN)

    def meet(language: str) -> Friend:
        headers = {"Authorization": f"Bearer a-person-of-the-page-{next(_NUMBERS)}", "Accept-Language": language}
        return _with_an_end(stack, WebFriend(bot.address, headers))

    return Place(name=name, bot=bot, model=model, meet=meet, admin=admin)


async def _console(stack: AsyncExitStack, name: str, folder: Path, model: OpenAiServer, settings: Mapping[str, str]) -> Place:
    bot = await stack.enter_async_context(running(folder, **settings))
    token = json.loads(await asyncio.to_thread((folder / "run.json").read_text))["owner_token"]

    def meet(language: str) -> Friend:
        return _with_an_end(stack, ConsoleFriend(bot.address, {"X-Martin-Owner": token, "Accept-Language": language}, language))

    return Place(name=name, bot=bot, model=model, meet=meet, admin=meet("en"))


def _with_an_end(stack: AsyncExitStack, friend: WebFriend) -> WebFriend:
    stack.push_async_callback(friend.aclose)
    return friend


async def _telegram(stack: AsyncExitStack, name: str, folder: Path, model: OpenAiServer, settings: Mapping[str, str]) -> Place:
    server = await stack.enter_async_context(TelegramServer())
    admin = server.person("the owner", language="en")
    given = {
        "MARTIN_TELEGRAM__TOKEN": server.token,
        "MARTIN_TELEGRAM__API_BASE": server.address,
        "MARTIN_ADMINS__TELEGRAM": f"[{admin.account.id}]",
        **settings,
    }
    if name.endswith("webhook"):
        port = free_port()
        given |= {
            "MARTIN_WEB__PORT": str(port),
            "MARTIN_TELEGRAM__MODE": "webhook",
            "MARTIN_TELEGRAM__WEBHOOK_URL": f"http://127.0.0.1:{port}",
        }
    bot = await stack.enter_async_context(running(folder, **given))

    def meet(language: str) -> Friend:
        return TelegramFriend(server.person(f"somebody {next(_NUMBERS)}", language=language))

    return Place(
        name=name,
        bot=bot,
        model=model,
        meet=meet,
        admin=TelegramFriend(admin),
        problems=lambda: [*map(str, server.violations), *server.own_problems],
    )


async def _discord(stack: AsyncExitStack, name: str, folder: Path, model: OpenAiServer, settings: Mapping[str, str]) -> Place:
    server = await stack.enter_async_context(DiscordServer())
    admin = server.world.person("the owner", "en-GB")
    given = {
        "MARTIN_ADMINS__DISCORD": f"[{admin.id}]",
        "MARTIN_DISCORD__TOKEN": server.token,
        "MARTIN_DISCORD__API_BASE": server.api_base,
        "MARTIN_DISCORD__GATEWAY": server.gateway_url,
        **settings,
    }
    bot = await stack.enter_async_context(running(folder, **given))
    await server.world.until(lambda: server.gateway.connected and server.world.commands, 60)

    def meet(language: str) -> Friend:
        person = server.world.person(f"somebody {next(_NUMBERS)}", "es-ES" if language == "es" else "en-GB")
        return DiscordFriend(server.world, person)

    return Place(
        name=name,
        bot=bot,
        model=model,
        meet=meet,
        admin=DiscordFriend(server.world, admin),
        problems=lambda: list(map(str, server.problems)),
    )


_OPEN = {"web": _web, "console": _console, "telegram": _telegram, "discord": _discord}
