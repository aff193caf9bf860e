"""What goes wrong at the local Discord's gateway, and how the real discord.py 2.7.1 comes through it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import pytest

from tests.servers.discord import DiscordServer
from tests.servers.discord.events import Intent
from tests.servers.discord_client import READY_S, Client, connected, discord, pointed


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer, None]:
    async with DiscordServer() as running:
        yield running
        assert running.problems == []


@pytest.fixture
async def client(server: DiscordServer) -> AsyncGenerator[Client, None]:
    async with connected(server, Client()) as ready:
        yield ready


def words(client: Client) -> list[str]:
    return [one.content for one in client.heard("message")]


async def test_asked_to_reconnect_it_resumes_and_hears_what_it_missed(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    server.world.ask(ana, "one")
    await client.wait_until_heard("message")
    server.gateway.reconnect()
    await server.world.until(lambda: not server.gateway.connected)
    server.world.ask(ana, "two")
    await client.wait_until_heard("resumed")
    assert words(client) == ["one", "two"]
    assert (server.gateway.identifies, server.gateway.resumes) == (1, 1)


@pytest.mark.parametrize("code", [None, 4000, 1000])
async def test_a_dropped_connection_is_resumed(server: DiscordServer, client: Client, code: int | None) -> None:
    server.gateway.drop(code)
    await client.wait_until_heard("resumed")
    server.world.ask(server.world.person("ana"), "still there?")
    await client.wait_until_heard("message")
    assert (server.gateway.identifies, server.gateway.resumes) == (1, 1)


async def test_an_invalid_session_that_is_resumable_goes_on(server: DiscordServer, client: Client) -> None:
    server.gateway.invalidate(is_resumable=True)
    await client.wait_until_heard("resumed")
    assert server.gateway.identifies == 1


async def test_an_invalid_session_begins_again_and_events_are_gone(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    server.gateway.invalidate(is_resumable=False)
    server.world.ask(ana, "nobody hears this")
    await client.wait_until_heard("ready", 2)
    server.world.ask(ana, "here again")
    await client.wait_until_heard("message")
    assert words(client) == ["here again"]
    assert (server.gateway.identifies, server.gateway.resumes) == (2, 0)
    channel = await client.fetch_channel(server.world.dm(ana).id)
    assert isinstance(channel, discord.DMChannel)
    assert [one.content async for one in channel.history()] == ["here again", "nobody hears this"]


async def test_a_forgotten_session_is_not_resumed(server: DiscordServer, client: Client) -> None:
    server.gateway.forget()
    server.gateway.drop()
    await client.wait_until_heard("ready", 2)
    assert (server.gateway.identifies, server.gateway.refused_resumes) == (2, 1)


async def test_lost_events_stay_in_the_history(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    server.gateway.is_losing = True
    lost = server.world.ask(ana, "lost", server.world.general)
    server.gateway.is_losing = False
    server.world.ask(ana, "heard", server.world.general)
    await client.wait_until_heard("message")
    general = client.get_partial_messageable(server.world.general.id)
    assert [one.id async for one in general.history(limit=1, after=discord.Object(lost.id - 1))] == [lost.id]
    assert (len(words(client)), server.gateway.lost) == (1, 1)


async def test_a_zombie_is_left_and_resumed(server: DiscordServer) -> None:
    server.gateway.heartbeat_ms = 100
    async with connected(server, Client(heartbeat_timeout=0.3)) as client:
        server.gateway.acks = False
        await server.world.until(lambda: not server.gateway.connected)
        server.gateway.acks = True
        await client.wait_until_heard("resumed")
    assert server.gateway.heartbeats > 1


async def test_a_broken_event_ends_the_connection_of_discord_py(server: DiscordServer) -> None:
    """A text that is no JSON goes straight through `connect`: whoever runs a client has to start it again."""
    with pytest.raises(ExceptionGroup) as broken:
        async with connected(server, Client()) as client:
            server.gateway.say("{not json")
            await client.wait_until_heard("never")
    assert broken.group_contains(ValueError)


async def test_an_event_of_an_unknown_kind_is_passed_over(server: DiscordServer, client: Client) -> None:
    server.gateway.dispatch("SOMETHING_NEW", {"id": "1"})
    server.world.ask(server.world.person("ana"), "hello")
    await client.wait_until_heard("message")


async def test_an_intent_that_was_not_granted_is_refused(server: DiscordServer) -> None:
    server.world.granted = 0
    with pointed(server.api_base, server.gateway_url):
        async with Client() as client:
            with pytest.raises(discord.PrivilegedIntentsRequired):
                await client.start(server.token)
    assert server.gateway.closed_with == [4014]


async def test_shards_share_the_guilds(server: DiscordServer) -> None:
    guilds = {(server.world.guild.id >> 22) % 2: server.world.guild}
    while len(guilds) < 2:
        added = server.world.add_guild(f"Otra {len(server.world.guilds)}")
        guilds[(added.id >> 22) % 2] = added
    server.gateway.shards = 2
    heard: dict[str, int] = {}

    class Sharded(discord.AutoShardedClient):
        async def on_message(self, message: discord.Message) -> None:
            assert message.guild is not None
            heard[message.guild.name] = message.guild.shard_id
            server.world.touch()

    client = Sharded(intents=discord.Intents.default(), guild_ready_timeout=READY_S)
    with pointed(server.api_base, server.gateway_url):
        async with client, asyncio.TaskGroup() as group:
            running = group.create_task(client.start(server.token))
            await server.world.until(lambda: len(server.gateway.connected) == 2, 20)
            shards = sorted(one.shard for one in server.gateway.connected)
            for guild in guilds.values():
                server.world.say(server.world.person("ana"), server.world.add_channel(guild, "new"), "hello")
            await server.world.until(lambda: len(heard) == 2)
            await client.close()
            await running
    assert shards == [(0, 2), (1, 2)]
    assert heard == {one.name: shard for shard, one in guilds.items()}


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"op": 1, "d": None}, None),
        ({"op": 3, "d": {}}, 4003),
        ({"op": 99, "d": {}}, 4001),
        ("no json", 4002),
        ({"op": 2, "d": {"token": "wrong", "intents": 0, "properties": {}}}, 4004),
        ({"op": 2, "d": {"token": "right", "intents": 1 << 40, "properties": {}}}, 4013),
        ({"op": 2, "d": {"token": "right", "intents": 1, "properties": {}, "shard": [2, 2]}}, 4010),
        ({"op": 2, "d": {"token": "right", "intents": Intent.PRESENCES, "properties": {}}}, 4014),
        ({"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 1}}, 4004),
    ],
)
async def test_what_a_client_may_not_say_closes_with_its_code(
    server: DiscordServer, first: dict[str, Any] | str, code: int | None
) -> None:
    if isinstance(first, dict) and isinstance(first["d"], dict) and first["d"].get("token") == "right":
        first["d"]["token"] = server.token
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.gateway_url}?v=10&encoding=json") as socket:
        assert (await socket.receive_json())["op"] == 10
        if isinstance(first, dict):
            await socket.send_json(first)
        else:
            await socket.send_str(first)
        answer = await socket.receive()
    if code is None:
        assert answer.json()["op"] == 11
    else:
        assert (answer.data, server.gateway.closed_with) == (code, [code])


async def test_an_old_version_is_refused(server: DiscordServer) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{server.gateway_url}?v=6&encoding=json") as socket:
        assert (await socket.receive()).data == 4012
