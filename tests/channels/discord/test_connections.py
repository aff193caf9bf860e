"""What connections to Discord do: they break, are ended, never begin; nothing is lost and nothing answered twice (R-06)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.channels.discord.intake import MOST_MESSAGES
from bot.errors import StoreBusy
from bot.ports import Receive
from bot.types import IncomingMessage, Receipt
from tests.channels.discord.house import DiscordHouse, on_discord
from tests.fakes import FakeClock
from tests.servers.discord import Channel, DiscordServer, User


def said(server: DiscordServer) -> list[str]:
    """What the bot has answered, in order of the alphabet."""
    return sorted(one.content for one in server.world.from_bot() if one.content.startswith("answer to"))


async def answered(server: DiscordServer, count: int) -> None:
    """Return once there are so many answers."""
    await server.world.until(lambda: len(said(server)) >= count, 30)


async def introduced(house: DiscordHouse, people: Sequence[User], channels: Sequence[Channel]) -> int:
    """Everybody has written once, everywhere, and the marks are on disk; how many answers that made."""
    world = house.server.world
    await house.ready()
    asked = [world.ask(person, "first") for person in people]
    asked += [world.ask(people[0], "first", channel) for channel in channels]
    count = len(people) + len(channels)
    await answered(house.server, count)
    await house.settled()
    read = " OR ".join(f"key = 'seen/{one.channel.id}' AND CAST(value AS INTEGER) >= {one.id}" for one in asked)
    await house.rows_become(f"SELECT count(*) FROM marks WHERE {read}", [(count,)])
    return count


@pytest.mark.parametrize("end", ["cut", "reconnect", "resumable"])
async def test_what_is_said_while_a_connection_is_broken_is_answered_once(
    server: DiscordServer, tmp_path: Path, end: str
) -> None:
    async with on_discord(server, tmp_path) as house:
        world, gateway = server.world, server.gateway
        ana = world.person("ana")
        count = await introduced(house, [ana], [world.general])
        if end == "cut":
            gateway.drop()
        elif end == "reconnect":
            gateway.reconnect()
        else:
            gateway.invalidate(is_resumable=True)
        for number in range(10):
            world.ask(ana, f"number {number}", world.general if number % 2 else None)
        await answered(server, count + 10)
        await house.settled()
        assert said(server) == sorted([*["answer to first"] * count, *(f"answer to number {n}" for n in range(10))])
        assert world.doubled_answers() == 0


async def test_fifty_lost_events_are_caught_up_with_once(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        world, gateway = server.world, server.gateway
        people = [world.person(name) for name in ("ana", "bea", "carla")]
        channels = [world.general, world.add_channel(world.guild, "second")]
        channels.append(world.thread(people[0], world.general, "aside"))
        count = await introduced(house, people, channels)
        gateway.is_losing = True
        places: list[Channel | None] = [None, *channels]
        for number in range(50):
            world.ask(people[number % 3], f"number {number}", places[number % 4])
        world.say(people[0], world.general, "not for the bot")
        gateway.is_losing = False
        assert gateway.lost >= 50
        gateway.invalidate(is_resumable=False)
        await answered(server, count + 50)
        world.ask(people[0], "and now live", world.general)
        await answered(server, count + 51)
        await house.settled()
        assert len(said(server)) == count + 51
        assert [server.world.doubled_answers(), gateway.identifies] == [0, 2]


async def test_a_first_run_answers_nothing_of_before(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ana = world.person("ana")
    for number in range(5):
        world.ask(ana, f"number {number}", world.general if number % 2 else None)
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world.ask(ana, "the first one", world.general)
        await answered(server, 1)
        await asyncio.sleep(2.5)  # discord.py says that it is ready two seconds after the last server came
        assert said(server) == ["answer to the first one"]


async def test_what_was_said_while_the_bot_was_down_is_answered_once(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ana = world.person("ana")
    async with on_discord(server, tmp_path) as house:
        count = await introduced(house, [ana], [world.general])
    for number in range(6):
        world.ask(ana, f"number {number}", world.general if number % 2 else None)
    async with on_discord(server, tmp_path) as house:
        await answered(server, count + 6)
        await house.settled()
        assert len(said(server)) == count + 6
        texts = [one.text for one in house.taken]
        for words in (["number 0", "number 2", "number 4"], ["number 1", "number 3", "number 5"]):
            assert [text for text in texts if text in words] == words


async def test_catching_up_is_bounded_in_age_and_number(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ana = world.person("ana")
    async with on_discord(server, tmp_path) as house:
        count = await introduced(house, [ana], [world.general])
    for number in range(MOST_MESSAGES + 5):
        world.say(ana, world.general, f"aside {number}")
    for number in range(MOST_MESSAGES + 3):
        world.ask(ana, f"number {number}", world.general)
    world.ask(ana, "just said")
    tomorrow = FakeClock(datetime.now(UTC) + timedelta(hours=25))
    async with on_discord(server, tmp_path, clock=tomorrow) as house:
        await world.until(lambda: server.gateway.connected)
        await asyncio.sleep(3)
        assert len(said(server)) == count
    async with on_discord(server, tmp_path) as house:
        await answered(server, count + 1)
        await house.rows_become("SELECT count(*) FROM inbox", [(count + 1 + MOST_MESSAGES,)], 20)
        await asyncio.sleep(1)
        taken = {one.text for one in house.taken}
        assert {"just said", "number 0", f"number {MOST_MESSAGES - 1}"} <= taken
        assert f"number {MOST_MESSAGES}" not in taken


async def test_a_store_that_fails_a_hundred_times_loses_nothing(server: DiscordServer, tmp_path: Path) -> None:
    failures = 100

    def failing(receive: Receive) -> Receive:
        async def flaky(messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
            nonlocal failures
            if failures:
                failures -= 1
                raise StoreBusy("locked")
            return await receive(messages)

        return flaky

    async with on_discord(server, tmp_path, receiving=failing, intake_pauses_s=(0.001, 0.005)) as house:
        await house.ready()
        world = server.world
        people = [world.person(name) for name in ("ana", "bea")]
        for number in range(10):
            world.ask(people[number % 2], f"number {number}")
        await answered(server, 10)
        assert failures == 0
        for person, rest in zip(people, (0, 1), strict=True):
            theirs = [one.content for one in world.from_bot(world.dm(person))]
            assert theirs == [f"answer to number {number}" for number in range(rest, 10, 2)]


async def test_a_mark_never_passes_what_is_not_stored(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ana = world.person("ana")

    def full(receive: Receive) -> Receive:
        async def refusing(messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
            raise StoreBusy("locked")

        return refusing

    async with on_discord(server, tmp_path) as house:
        count = await introduced(house, [ana], [])
    async with on_discord(server, tmp_path, receiving=full) as house:
        await world.until(lambda: server.gateway.connected)
        marks = await house.rows("SELECT value FROM marks")
        world.ask(ana, "kept by Discord")
        await asyncio.sleep(2.5)
        assert await house.rows("SELECT value FROM marks") == marks
    async with on_discord(server, tmp_path) as house:
        await answered(server, count + 1)
        assert said(server)[-1] == "answer to kept by Discord"


async def test_a_wrong_token_ends_the_channel_with_a_sentence(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, token="bG9jYWw.wrong-secret.token") as house:
        await refused(house)
        assert "reset it and put the new one into MARTIN_DISCORD__TOKEN" in house.supervised.refused
        assert "wrong-secret" not in house.supervised.refused


async def test_a_missing_intent_ends_the_channel_with_a_sentence(server: DiscordServer, tmp_path: Path) -> None:
    server.world.granted = 0
    async with on_discord(server, tmp_path) as house:
        await refused(house)
        assert "MESSAGE CONTENT INTENT" in house.supervised.refused


async def test_a_gateway_that_refuses_the_first_connection_is_tried_with_a_fresh_client(
    server: DiscordServer, tmp_path: Path
) -> None:
    server.gateway.refuses = 1
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        asked = server.world.ask(server.world.person("ana"), "hello")
        await house.answered(asked, "answer to hello")


@pytest.mark.parametrize("broken", ["no json", '{"op": 0, "s": 9, "t": "MESSAGE_CREATE", "d": {"id": "1"}}'])
async def test_an_event_that_cannot_be_read_loses_no_other(server: DiscordServer, tmp_path: Path, broken: str) -> None:
    async with on_discord(server, tmp_path) as house:
        world = server.world
        ana = world.person("ana")
        count = await introduced(house, [ana], [world.general])
        server.gateway.say(broken)
        world.ask(ana, "still there?")
        world.ask(ana, "and here?", world.general)
        await answered(server, count + 2)
        await house.settled()
        assert len(said(server)) == count + 2


async def test_the_heartbeat_is_watched(server: DiscordServer, tmp_path: Path) -> None:
    server.gateway.heartbeat_ms = 200
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        await server.world.until(lambda: server.gateway.connected)
        await asyncio.sleep(0.6)
        assert 0 <= (house.channel.last_ack_age_s or -1) < 0.5


async def test_shards_share_the_servers(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    second = world.add_guild("Otra")
    there = world.add_channel(second, "general")
    async with on_discord(server, tmp_path, shards=2) as house:
        await world.until(lambda: len(server.gateway.connected) == 2, 30)
        await world.until(lambda: world.commands)
        ana = world.person("ana")
        for channel in (world.general, there, None):
            asked = world.ask(ana, f"in {channel.id if channel else 'private'}", channel)
            await house.answered(asked, f"answer to in {channel.id if channel else 'private'}")


async def refused(house: DiscordHouse) -> None:
    async with asyncio.timeout(10):
        while not house.supervised.refused:
            await asyncio.sleep(0.01)
