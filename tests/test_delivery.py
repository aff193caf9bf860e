"""From the outbox to the platforms: in order per chat, again until delivered, nothing overtakes."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from bot.delivery import MOST_REFUSALS
from bot.errors import ChatClosed, DeliveryError, DeliveryPaused, DeliveryRefused
from bot.ports import Preview
from bot.types import ChannelName, IncomingMessage, PlatformId, Turn, TurnId
from tests.house import Doing, RecordingChannel, house, look, text


def echo(turn: Turn, preview: Preview) -> str:
    return turn.message.text


async def test_what_a_platform_refuses_is_tried_again_and_nothing_overtakes_it(tmp_path: Path) -> None:
    channel = RecordingChannel()
    channel.failures = [DeliveryError("bad gateway"), DeliveryPaused("slow down", 0.05)]
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.door.receive([text("one"), text("two"), text("three", user="bea")])
        await here.settled()
        mine = [outgoing.reply.text for outgoing in channel.delivered if outgoing.address.user == "ana"]
        assert mine == ["one", "two"]
        assert await here.rows("select count(*) from outbox where state = 'sent'") == [(3,)]


async def test_every_try_of_a_reply_carries_the_same_nonce(tmp_path: Path) -> None:
    channel = RecordingChannel()
    channel.failures = [DeliveryError("bad gateway")]
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.door.receive([text("one")])
        await here.settled()
        assert len({outgoing.nonce for outgoing in channel.tries}) == 1
        assert len(channel.tries) == 2
        assert await here.rows("select attempts from outbox") == [(1,)]


async def test_a_closed_chat_is_tried_once_and_opens_when_its_person_writes_again(tmp_path: Path) -> None:
    channel = RecordingChannel()
    channel.failures = [ChatClosed("blocked by the user")]
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.door.receive([text("one")])
        await here.settled()
        assert len(channel.tries) == 1
        assert await here.rows("select state, closed_at is not null from inbox, addresses") == [("refused", 1)]
        await here.door.receive([text("two")])
        await here.settled()
        assert channel.texts == ["two"]
        assert await here.rows("select closed_at from addresses") == [(None,)]


async def test_a_reply_that_its_platform_will_never_take_is_told_of_and_mutes_nobody(tmp_path: Path) -> None:
    channel = RecordingChannel()
    channel.failures = [DeliveryRefused("413") for _ in range(MOST_REFUSALS)]
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.door.receive([text("one"), text("two")])
        await here.settled()
        assert ["too large" in said for said in channel.texts] == [True, False]
        assert channel.texts[1] == "two"
        assert await here.rows("select count(*) from outbox where state = 'sent'") == [(2,)]


async def test_where_not_even_that_is_taken_the_chat_goes_on(tmp_path: Path) -> None:
    channel = RecordingChannel()
    channel.failures = [DeliveryRefused("400") for _ in range(2 * MOST_REFUSALS)]
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.door.receive([text("one"), text("two")])
        await here.settled()
        assert channel.texts == ["two"]


async def test_a_chat_that_waits_holds_nobody_else_up(tmp_path: Path) -> None:
    channel = RecordingChannel()
    channel.failures = [DeliveryPaused("flood wait", 60)]
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.door.receive([text("one")])
        while not channel.tries:
            await asyncio.sleep(0.005)
        await here.door.receive([text("two", user="bea")])
        await here.core.idle()
        while channel.texts != ["two"]:
            await asyncio.sleep(0.005)


async def test_a_reply_for_a_channel_that_is_gone_waits_in_the_outbox(tmp_path: Path) -> None:
    class Elsewhere(RecordingChannel):
        name = ChannelName.DISCORD

    channel = RecordingChannel()
    channel.failures = [DeliveryPaused("flood wait", 60)]
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.door.receive([text("one")])
        while not channel.tries:
            await asyncio.sleep(0.005)
    async with house(tmp_path, [Doing(echo)], channel=Elsewhere()) as here:
        await here.settled()
    assert look(tmp_path / "martin.db", "select state from outbox") == [("pending",)]
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.settled()
    assert channel.texts == ["one"]


async def test_what_is_answered_while_the_outbox_is_still_being_read_goes_out_once(tmp_path: Path) -> None:
    never = asyncio.Event()
    async with house(tmp_path, [Doing(lambda turn, preview: never.wait())]) as here:
        await here.door.receive([text("one")])
    tries = 0

    def before_call(call: str) -> None:
        nonlocal tries
        if call == "pending outgoing":
            tries += 1
            if not channel.tries:
                raise sqlite3.OperationalError("database is locked")

    channel = RecordingChannel()
    channel.failures = [DeliveryPaused("slow down", 0.2)]
    async with house(tmp_path, [Doing(echo)], channel=channel, before_call=before_call) as here:
        await here.settled()
        assert tries > 1
        assert channel.texts == ["one"]


async def test_nothing_is_opened_while_an_earlier_answer_is_on_its_way_there(tmp_path: Path) -> None:
    class Counting(RecordingChannel):
        """Remembers what had arrived when it opened a message."""

        arrived = -1

        async def open(self, message: IncomingMessage, turn_id: TurnId) -> PlatformId | None:
            self.arrived = len(self.delivered)
            return await super().open(message, turn_id)

    channel = Counting()
    channel.failures = [DeliveryPaused("slow down", 1.0)]

    async def writes(turn: Turn, preview: Preview) -> str:
        if turn.message.text == "two":
            for _ in range(5):
                preview.show("two")
                await asyncio.sleep(0.01)
        while turn.message.text == "three" and not channel.opened:
            preview.show("three")
            await asyncio.sleep(0.01)
        return turn.message.text

    async with house(tmp_path, [Doing(writes)], channel=channel) as here, asyncio.timeout(20):
        _, _, three = await here.door.receive([text("one"), text("two"), text("three")])
        await here.settled()
        assert channel.texts == ["one", "two", "three"]
        assert channel.opened == [three.turn_id], "only that was still being written when the others had arrived"
        assert channel.arrived == 2
