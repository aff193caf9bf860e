"""A message that was opened when nobody waited for it any more: its answer fills it, and nothing is left over (R-13)."""

from __future__ import annotations

import asyncio

import pytest

from bot.channels.telegram.delivering import is_placeholder
from bot.types import Part, PlatformId
from tests.channels.telegram.house import House, outgoing, turn_id
from tests.fakes import FakeParts
from tests.servers.telegram.faults import FaultKind
from tests.servers.telegram.server import TelegramServer


@pytest.mark.parametrize("kind", [FaultKind.LATE, FaultKind.SLOW])
async def test_an_opening_that_was_given_up_is_filled_by_its_answer(server: TelegramServer, kind: FaultKind) -> None:
    house, ana, parts = House(server), server.person("Ana"), FakeParts()
    ana.says("hi")
    fault = server.faults.add(kind, "sendMessage", seconds=0.3)
    async with house.running() as channel:
        (message,) = await house.desk.has(1)
        opening = asyncio.create_task(channel.open(message, turn_id()))
        async with asyncio.timeout(5):
            while not fault.happened:
                await asyncio.sleep(0.01)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await channel.deliver(outgoing(ana.id), parts)
    (shown,) = ana.seen()
    assert shown.text == "An answer."
    assert is_placeholder(shown.versions[0].text)
    assert parts.there == {0: Part(platform_id=PlatformId(str(shown.id)))}


async def test_where_a_given_up_opening_was_refused_the_answer_makes_its_own(server: TelegramServer) -> None:
    house, ana = House(server), server.person("Ana")
    ana.says("hi")
    server.faults.refuse("sendMessage", 400, "Bad Request: something else")
    async with house.running() as channel:
        (message,) = await house.desk.has(1)
        opening = asyncio.create_task(channel.open(message, turn_id()))
        await asyncio.sleep(0)  # it has begun
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        await channel.deliver(outgoing(ana.id), FakeParts())
    assert [one.text for one in ana.seen()] == ["An answer."]
    assert [one.code for one in server.called("sendMessage")] == [400, 200]
