"""What the local Discord refuses, limits, repeats and loses, and that both sides are held to the description."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.servers.discord import DiscordServer, Fault, Way
from tests.servers.discord.description import description
from tests.servers.discord_client import Client, connected, discord
from tests.servers.spec import ABSENT

needs_description = pytest.mark.skipif(description() is None, reason=ABSENT)


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer, None]:
    async with DiscordServer() as running:
        yield running


@pytest.fixture
async def client(server: DiscordServer) -> AsyncGenerator[Client, None]:
    async with connected(server, Client()) as ready:
        yield ready


async def post(server: DiscordServer, payload: object, *, method: str = "POST", path: str = "") -> tuple[int, Any]:
    """A raw request about Ana's direct messages."""
    place = path or f"/channels/{server.world.dm(server.world.person('ana')).id}/messages"
    headers = {"Authorization": f"Bot {server.token}"}
    url = server.api_base + place
    async with aiohttp.ClientSession(headers=headers) as session, session.request(method, url, json=payload) as response:
        return response.status, await response.json()


def row(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(parts)}


def button(name: str = "a", label: str = "A", **more: object) -> dict[str, Any]:
    return {"type": 2, "style": 1, "custom_id": name, "label": label, **more}


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ({"content": "x" * 2001}, ("content",)),
        ({"content": "x", "nonce": "n" * 26}, ("nonce",)),
        ({"content": "x", "components": [row(button("i" * 101))]}, ("components", "0", "components", "0", "custom_id")),
        ({"content": "x", "components": [row(button(label="l" * 81))]}, ("components", "0", "components", "0", "label")),
        ({"content": "x", "components": [row(button(""))]}, ("components", "0", "components", "0", "custom_id")),
        ({"content": "x", "components": [row(*(button(str(n)) for n in range(6)))]}, ("components", "0", "components")),
        ({"content": "x", "components": [row(button(str(n))) for n in range(6)]}, ("components",)),
        ({"content": "x", "components": [row(button(), button())]}, ("components", "0", "components", "1", "custom_id")),
        ({"content": "x", "components": [button()]}, ("components", "0", "type")),
        ({"content": "x", "embeds": [{"title": "t" * 257}]}, ("embeds", "0", "title")),
        ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, ("allowed_mentions",)),
        ({"content": "x", "message_reference": {"message_id": "1"}}, ("message_reference",)),
    ],
)
async def test_a_wrong_form_says_where(server: DiscordServer, payload: dict[str, Any], place: tuple[str, ...]) -> None:
    status, body = await post(server, payload)
    assert (status, body["code"], body["message"]) == (400, 50035, "Invalid Form Body")
    found = body["errors"]
    for step in place:
        found = found[step]
    assert found["_errors"][0]["code"]
    assert server.world.from_bot() == []


@pytest.mark.parametrize("payload", [{}, {"content": ""}, {"content": " \n"}, {"embeds": []}])
async def test_an_empty_message_is_refused(server: DiscordServer, payload: dict[str, Any]) -> None:
    status, body = await post(server, payload)
    assert (status, body["code"]) == (400, 50006)


async def test_two_thousand_characters_fit(server: DiscordServer) -> None:
    status, _ = await post(server, {"content": "ñ" * 2000})
    assert (status, server.problems) == (200, [])


@needs_description
async def test_what_the_description_does_not_know_is_written_down(server: DiscordServer) -> None:
    await post(server, {"content": "x", "colour": "red"})
    await post(server, {"content": 7})
    await post(server, None, method="GET", path="/gateway/everything")
    assert [one.partition(": ")[0].split(" ")[0] for one in server.problems] == ["request", "request", "request"]
    assert "'colour'" in server.problems[0]
    assert server.problems[2] == "request of GET /gateway/everything: not built here"


@needs_description
async def test_an_answer_that_the_description_does_not_know_is_written_down(server: DiscordServer) -> None:
    server.world.bot.locale = "nowhere"
    await post(server, None, method="GET", path="/users/@me")
    assert [one.startswith("answer of GET /users/@me: $.locale") for one in server.problems] == [True]


async def test_a_nonce_makes_one_message_of_two_requests(server: DiscordServer, client: Client) -> None:
    channel = await client.fetch_channel(server.world.dm(server.world.person("ana")).id)
    assert isinstance(channel, discord.DMChannel)
    first = await channel.send("once", nonce="turn-1-0")
    again = await channel.send("once", nonce="turn-1-0")
    other = await channel.send("once", nonce="turn-1-1")
    assert (first.id == again.id, first.id == other.id) == (True, False)
    assert server.world.doubled_nonces() == 0
    server.world.nonce_s = 0.0
    await channel.send("once", nonce="turn-1-0")
    assert server.world.doubled_nonces() == 1
    assert server.problems == []


async def test_an_answer_lost_on_the_way_was_still_sent(server: DiscordServer, client: Client) -> None:
    channel = client.get_partial_messageable(server.world.dm(server.world.person("ana")).id)
    for way in (Way.BEFORE, Way.AFTER):
        server.faults.append(Fault(way=way, method="POST", path="/messages"))
        with pytest.raises(aiohttp.ClientError):
            await channel.send(way.value, nonce=way.value)
    assert [one.content for one in server.world.from_bot()] == ["after"]
    await channel.send("after", nonce="after")
    assert len(server.world.from_bot()) == 1


async def test_an_error_after_the_message_was_sent_doubles_nothing(server: DiscordServer, client: Client) -> None:
    server.faults.append(Fault(way=Way.STATUS, status=502, path="/messages", acts=True))
    channel = client.get_partial_messageable(server.world.dm(server.world.person("ana")).id)
    await channel.send("once", nonce="turn-1-0")  # discord.py tries again by itself
    assert [one.status for one in server.requests if one.path.endswith("/messages")] == [502, 200]
    assert len(server.world.from_bot()) == 1


async def test_faults_of_the_server(server: DiscordServer, client: Client) -> None:
    channel = client.get_partial_messageable(server.world.dm(server.world.person("ana")).id)
    server.faults.append(Fault(way=Way.STATUS, status=503))
    with pytest.raises(discord.DiscordServerError):
        await channel.send("a")
    server.faults.append(Fault(way=Way.SLOW, seconds=0.1))
    await channel.send("b")
    server.faults.append(Fault(way=Way.HANG))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(channel.send("c"), 0.2)
    assert ([one.content for one in server.world.from_bot()], server.faults.happened) == (["b"], 3)


async def test_buckets_are_told_in_headers_and_held(server: DiscordServer, client: Client) -> None:
    server.limits.is_on, server.limits.scale = True, 0.1
    channel = client.get_partial_messageable(server.world.dm(server.world.person("ana")).id)
    for number in range(12):
        await channel.send(str(number))
    assert [one.content for one in server.world.from_bot()] == [str(number) for number in range(12)]
    assert (server.limits.limited, server.limits.invalid) == (0, 0)
    assert server.problems == []


async def test_who_does_not_mind_the_headers_gets_a_limit_answer(server: DiscordServer) -> None:
    server.limits.is_on = True
    statuses = [(await post(server, {"content": "x"}))[0] for _ in range(7)]
    status, body = await post(server, {"content": "x"})
    assert (statuses, status) == ([200] * 5 + [429] * 2, 429)
    assert (body["global"], 0 < body["retry_after"] <= 5) == (False, True)
    assert (server.limits.limited, server.limits.invalid, len(server.world.from_bot())) == (3, 3, 5)
    assert server.problems == []


async def test_the_limit_over_everything(server: DiscordServer) -> None:
    server.limits.is_on, server.limits.per_second = True, 2
    answers = [await post(server, None, method="GET", path="/users/@me") for _ in range(3)]
    assert [status for status, _ in answers] == [200, 200, 429]
    assert answers[2][1]["global"] is True


async def test_a_limit_answer_is_waited_for(server: DiscordServer, client: Client) -> None:
    server.limits.shared, server.limits.shared_s = 1, 0.05
    await client.get_partial_messageable(server.world.dm(server.world.person("ana")).id).send("at last")
    assert [one.content for one in server.world.from_bot()] == ["at last"]
    assert (server.limits.limited, server.limits.invalid) == (1, 0)


async def test_the_same_answer_twice_is_counted(server: DiscordServer, client: Client) -> None:
    server.world.ask(server.world.person("ana"), "hello")
    heard = (await client.wait_until_heard("message"))[0]
    await heard.reply("Hello")
    await heard.reply("How are you?")
    assert server.counts()["doubled_answers"] == 0
    await heard.reply("Hello")
    assert server.counts()["doubled_answers"] == 1


def test_the_page_reaches_for_nothing_outside() -> None:
    page = (Path(__file__).parent / "discord" / "page.html").read_text(encoding="utf-8")
    assert [one for one in ("http://", "https://", "//cdn", "@import") if one in page] == []
