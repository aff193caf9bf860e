"""What nobody may miss: first messages before a crash, and channels that the bot has never heard anything in (R-06)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bot.channels.discord.intake import BEGUN, Marks
from bot.channels.discord.places import Place, Places, snowflake_at
from bot.ports import Receive
from bot.types import ChannelName, IncomingMessage, Receipt
from tests.channels.discord.house import DiscordHouse, on_discord
from tests.fakes import FakeClock
from tests.servers.discord import DiscordServer


def said(server: DiscordServer) -> list[str]:
    """What the bot has answered, in order of the alphabet."""
    return sorted(one.content for one in server.world.from_bot() if one.content.startswith("answer to"))


async def settled(house: DiscordHouse) -> None:
    """Return once all servers are known, which discord.py says two seconds after the last one came."""
    await house.ready()
    async with asyncio.timeout(10):
        while house.channel._marks.is_new or not house.channel._marks.begun:
            await asyncio.sleep(0.01)


async def test_first_messages_before_a_crash_and_while_it_was_down_are_answered(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    people = [world.person(name) for name in ("ana", "bea", "carla", "dora")]

    def never(receive: Receive) -> Receive:
        async def hanging(messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
            await asyncio.Event().wait()
            return []

        return hanging

    async with on_discord(server, tmp_path, receiving=never) as house:
        await house.ready()
        for person in people:
            world.ask(person, f"first of {person.name}")
        async with asyncio.timeout(10):
            while len(house.taken) < len(people):
                await asyncio.sleep(0.01)
    for person in people:
        world.ask(person, f"second of {person.name}")
    async with on_discord(server, tmp_path) as house:
        await world.until(lambda: len(said(server)) == 8, 15)
        await house.settled()
        assert len(set(said(server))) == 8
        assert world.doubled_answers() == 0


async def test_a_first_mention_while_the_bot_was_down_is_answered_once(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ana = world.person("ana")
    second = world.add_channel(world.guild, "second")
    hidden = world.add_channel(world.guild, "third")
    world.ask(ana, "before the first run", second)
    async with on_discord(server, tmp_path) as house:
        await settled(house)
        assert said(server) == []
    world.ask(ana, "while it was down", second)
    world.ask(ana, "here too", world.thread(ana, hidden, "aside"))
    async with on_discord(server, tmp_path) as house:
        await world.until(lambda: len(said(server)) == 2, 15)
        await house.settled()
        assert said(server) == ["answer to here too", "answer to while it was down"]


async def test_a_live_message_does_not_hide_what_was_missed_before_it(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ana = world.person("ana")
    async with on_discord(server, tmp_path) as house:
        await settled(house)
    world.ask(ana, "while it was down", world.general)
    async with on_discord(server, tmp_path) as house:
        await world.until(lambda: server.gateway.identifies == 2 and server.gateway.connected)
        world.ask(ana, "and live", world.general)
        await world.until(lambda: len(said(server)) == 2, 15)
        await house.settled()
        assert list(dict.fromkeys(one.text for one in house.taken)) == ["while it was down", "and live"]


class KeptMarks:
    """Marks as a store has them."""

    def __init__(self, kept: dict[str, str]) -> None:
        self.kept = kept

    async def marks(self, channel: ChannelName) -> dict[str, str]:
        """All of them."""
        return dict(self.kept)

    async def set_mark(self, channel: ChannelName, key: str, value: str, at: datetime) -> None:
        """Keep one."""
        self.kept[key] = value


async def test_where_the_first_run_began_is_written_once() -> None:
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    store = KeptMarks({})
    first = Marks(store, clock)
    await first.load(Places())
    assert first.is_new
    await first.begin()
    ahead = snowflake_at(clock.now()) + 5
    await first.settle(ahead)  # Discord's clock is ahead of ours
    clock.advance(3600)
    later = Marks(store, clock)
    await later.load(Places())
    await later.begin()
    await later.settle(ahead + 10)
    assert (later.is_new, later.begun, store.kept) == (False, ahead, {BEGUN: str(ahead)})


async def test_a_folder_of_before_begins_at_its_newest_mark() -> None:
    store = KeptMarks({"seen/7": "700 1 0", "seen/8": "800 0 0"})
    marks = Marks(store, FakeClock())
    await marks.load(Places())
    await marks.begin()
    assert (marks.is_new, store.kept[BEGUN]) == (False, "800")


async def test_a_first_mark_is_on_disk_before_the_message_is() -> None:
    store = KeptMarks({})
    marks = Marks(store, FakeClock())
    marks.start(Place(channel=5), 99)
    await marks.keep(5)
    assert store.kept == {"seen/5": "99 0 0"}
    marks.move(Place(channel=5), 100)
    await marks.keep(5)
    assert store.kept == {"seen/5": "99 0 0"}
    await marks.write()
    assert store.kept == {"seen/5": "100 0 0"}


async def test_only_so_many_direct_messages_are_asked_at_once(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    people = [world.person(f"person {number}") for number in range(210)]
    channels = [world.dm(person).id for person in people]
    async with on_discord(server, tmp_path) as house:
        await settled(house)
        for number, channel in enumerate(channels):
            await house.stores.chats.set_mark(
                ChannelName.DISCORD, f"seen/{channel}", Place(channel=channel).marked(channel + number), datetime.now(UTC)
            )
    server.requests.clear()
    world.ask(people[0], "the longest quiet one")
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        await world.until(lambda: len(asked(server)) >= 200, 30)
        await asyncio.sleep(1)
        newest = sorted(channels, key=lambda one: one + channels.index(one), reverse=True)[:200]
        assert asked(server) == {str(one) for one in newest}
        world.ask(people[0], "another word")
        await world.until(lambda: len(said(server)) == 2, 15)


def asked(server: DiscordServer) -> set[str]:
    """The channels whose histories the bot has looked into."""
    return {one.path.split("/")[2] for one in server.requests if one.method == "GET" and "/messages?" in one.path}
