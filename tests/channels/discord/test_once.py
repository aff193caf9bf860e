"""Sends of which nobody knows whether they arrived: each part is there once, whatever breaks (R-13, R-24 to R-27)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.channels.discord.handles import Handle
from bot.channels.discord.places import time_of
from bot.errors import ChatClosed, DeliveryError, DeliveryPaused
from bot.ports import Preview
from bot.types import (
    Address,
    ChannelName,
    IncomingMessage,
    Kind,
    OutboxId,
    Outgoing,
    OutgoingKind,
    Part,
    Reply,
    Turn,
    TurnId,
)
from tests.channels.discord.house import on_discord
from tests.fakes import FakeClock, FakeParts
from tests.servers.discord import DiscordServer, Fault, Message, Way
from tests.servers.discord.nouns import Interaction

TURN = TurnId("01" + "t" * 24)


def address(asked: Message | Interaction) -> Address:
    user = asked.author if isinstance(asked, Message) else asked.user
    return Address(channel=ChannelName.DISCORD, chat=str(asked.channel.id), user=str(user.id))


def outgoing(asked: Message | Interaction, text: str, *, handle: str = "", kind: OutgoingKind = OutgoingKind.REPLY) -> Outgoing:
    return Outgoing(
        id=OutboxId(TURN),
        kind=kind,
        address=address(asked),
        reply=Reply(text=text, rateable=True),
        nonce=TURN,
        turn_id=TURN,
        event_id=str(asked.id) if kind is OutgoingKind.REPLY else "",
        handle=handle,
    )


def incoming(asked: Message) -> IncomingMessage:
    return IncomingMessage(
        event_id=str(asked.id), address=address(asked), kind=Kind.TEXT, sent_at=datetime.now(UTC), text=asked.content
    )


def ours(server: DiscordServer) -> list[str]:
    return [one.content for one in server.world.from_bot()]


@pytest.mark.parametrize("way", [Way.BEFORE, Way.AFTER])
@pytest.mark.parametrize("place", ["private", "channel"])
async def test_a_dropped_connection_doubles_nothing(server: DiscordServer, tmp_path: Path, way: Way, place: str) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        channel = world.general if place == "channel" else None
        first = world.ask(world.person("ana"), "first", channel)
        await house.answered(first, "answer to first")
        server.faults.append(Fault(way=way, method="POST", path="/messages$", times=3))
        second = world.ask(world.person("ana"), "second", channel)
        await house.answered(second, "answer to second")
        await house.settled()
        assert server.faults.happened == 3
        assert ours(server) == ["answer to first", "answer to second"]


async def test_a_dropped_edit_is_made_again(server: DiscordServer, tmp_path: Path) -> None:
    async def shown(turn: Turn, preview: Preview) -> str:
        preview.show("so far")
        await server.world.until(lambda: ours(server) == ["so far"])
        server.faults.append(Fault(way=Way.AFTER, method="PATCH", times=2))
        return "the end"

    async with on_discord(server, tmp_path, shown) as house:
        await house.ready()
        await house.answered(server.world.ask(server.world.person("ana"), "hello"), "the end")
        await house.settled()
        assert ours(server) == ["the end"]


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("place", ["private", "channel"])
async def test_a_message_opened_before_a_crash_is_found_again(
    server: DiscordServer, tmp_path: Path, is_late: bool, place: str
) -> None:
    world = server.world
    clock = FakeClock(datetime.now(UTC))
    async with on_discord(server, tmp_path, clock=clock, answers="never") as house:
        await house.ready()
        ana = world.person("ana")
        earlier = world.say(ana, world.dm(ana), "before")  # so that the bot knows what place this is
        await house.answered(earlier, "answer to before")
        asked = world.say(ana, world.general if place == "channel" else world.dm(ana), "hello")
        opened = await house.channel.open(incoming(asked), TURN)
        if is_late:  # Discord has forgotten the nonce, and the bot cannot know
            world.nonce_s = 0
            clock.set(time_of(asked.id))
            clock.advance(180)
        assert await house.channel.deliver(outgoing(asked, "the answer"), FakeParts()) == (opened,)
        assert ours(server).count("the answer") == 1
        assert not [one for one in ours(server) if one.startswith("✍️")]


@pytest.mark.parametrize("is_late", [False, True])
async def test_parts_sent_before_a_crash_are_not_sent_again(server: DiscordServer, tmp_path: Path, is_late: bool) -> None:
    world = server.world
    clock = FakeClock(datetime.now(UTC))
    text = "\n\n".join(f"Part {number}: " + "Words and words. " * 100 for number in range(3))
    async with on_discord(server, tmp_path, clock=clock, answers="never") as house:
        await house.ready()
        asked = world.say(world.person("ana"), world.general, "hello")
        ids = await house.channel.deliver(outgoing(asked, text), FakeParts())
        assert len(ids) == 3
        if is_late:
            world.nonce_s = 0
            clock.set(time_of(asked.id))
            clock.advance(180)
    async with on_discord(server, tmp_path, clock=clock, answers="never") as house:
        await world.until(lambda: server.gateway.identifies == 2 and server.gateway.connected)
        assert await house.channel.deliver(outgoing(asked, text), FakeParts()) == ids
        filled = FakeParts({0: Part(platform_id=ids[0], is_filled=True)})
        assert await house.channel.deliver(outgoing(asked, text), filled) == ids
        assert len(world.from_bot()) == 3


async def test_what_falls_due_is_looked_for_before_it_is_said_again(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        asked = world.ask(world.person("ana"), "hello")
        await house.answered(asked, "answer to hello")
        reminder = outgoing(asked, "Shall we go on?", kind=OutgoingKind.DUE)
        ids = await house.channel.deliver(reminder, FakeParts())
    world.nonce_s = 0
    async with on_discord(server, tmp_path) as house:
        await world.until(lambda: server.gateway.identifies == 2 and server.gateway.connected)
        assert await house.channel.deliver(reminder, FakeParts()) == ids


async def test_a_limit_is_waited_out_by_delivery(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        asked = server.world.say(server.world.person("ana"), server.world.general, "hello")
        server.limits.shared, server.limits.shared_s = 1, 45.0
        with pytest.raises(DeliveryPaused) as paused:
            await house.channel.deliver(outgoing(asked, "the answer"), FakeParts())
        assert 40 < paused.value.retry_after_s <= 45


async def test_many_answers_keep_discords_limits(server: DiscordServer, tmp_path: Path) -> None:
    server.limits.is_on, server.limits.scale = True, 0.1
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        for number in range(20):
            world.ask(world.person(f"person {number}"), "hello", world.general if number % 2 else None)
        await world.until(lambda: len(ours(server)) == 20, 30)
        await house.settled()
        assert world.doubled_answers() == 0
        assert server.limits.limited == 0


async def test_previews_leave_the_last_edits_to_the_answer(server: DiscordServer, tmp_path: Path) -> None:
    async def long(turn: Turn, preview: Preview) -> str:
        for number in range(60):
            preview.show(f"so far {number}")
            await asyncio.sleep(0.1)
        return "the end"

    server.limits.is_on, server.limits.scale = True, 4.0
    async with on_discord(server, tmp_path, long) as house:
        await house.ready()
        asked = server.world.ask(server.world.person("ana"), "hello")
        answer = await house.answered(asked, "the end")
        assert len(answer.edits) <= 4
        assert server.limits.limited == 0


async def test_errors_hold_nobodys_words(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        asked = world.say(world.person("ana"), world.general, "my secret question")
        for fault in (Fault(way=Way.STATUS, status=418), Fault(way=Way.BEFORE), Fault(way=Way.STATUS, status=400)):
            server.faults.append(fault)
            with pytest.raises(DeliveryError) as raised:
                await house.channel.deliver(outgoing(asked, "my secret answer"), FakeParts())
            assert "secret" not in f"{raised.value} {raised.value.__cause__} {raised.value!r}"
        world.close_dms(world.person("ana"))
        private = world.say(world.person("ana"), world.dm(world.person("ana")), "psst")
        with pytest.raises(ChatClosed):
            await house.channel.deliver(outgoing(private, "my secret answer"), FakeParts())


async def test_what_may_double_is_counted(server: DiscordServer, tmp_path: Path) -> None:
    text = "\n\n".join(f"Part {number}: " + "Words and words. " * 100 for number in range(2))
    async with on_discord(server, tmp_path, lambda turn, preview: text) as house:
        await house.ready()
        world = server.world
        server.faults.append(Fault(way=Way.AFTER, method="POST", path=r"^/webhooks/\d+/[^/]+(\?|$)"))
        asked = world.slash(world.person("ana"), world.general, "mydata")
        await world.until(lambda: any(one.buttons for one in world.answers_to(asked)))
        await house.settled()
        assert house.channel.doubles == {"ephemeral": 1}


async def test_an_answer_for_ones_eyes_only_goes_to_direct_messages_once_its_token_is_too_old(
    server: DiscordServer, tmp_path: Path
) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        asked = world.slash(world.person("ana"), world.general, "help")
        await house.answered(asked, "answer to /help")
        old = Handle(application=world.bot.id, token=asked.token, at=datetime(2026, 1, 1, tzinfo=UTC), is_ephemeral=True)
        await house.channel.deliver(outgoing(asked, "your data", handle=old.written()), FakeParts())
        private = world.dm(world.person("ana"))
        assert [one.content for one in world.from_bot(private)] == ["your data"]


def test_a_token_is_in_no_repr() -> None:
    handle = Handle(application=1, token="a-token", at=datetime(2026, 1, 1, tzinfo=UTC))
    assert "a-token" not in repr(handle)
    assert "a-token" in handle.written()
