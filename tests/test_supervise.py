"""A channel that fails is started again; what it did not foresee never passes its supervisor."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import ChannelRefused, ChatClosed, DeliveryError
from bot.ports import Parts, Receive
from bot.supervise import SupervisedChannel
from bot.types import (
    Address,
    ChannelName,
    IncomingMessage,
    OutboxId,
    Outgoing,
    OutgoingKind,
    PlatformId,
    Reply,
    TurnId,
)
from tests.fakes import FakeParts
from tests.house import RecordingChannel, text

ADDRESS = Address(channel=ChannelName.TELEGRAM, chat="1", user="1")
MESSAGE = text("hi")
OUTGOING = Outgoing(id=OutboxId("o"), kind=OutgoingKind.DUE, address=ADDRESS, reply=Reply(text="hi"), nonce="n")


class Clumsy(RecordingChannel):
    def __init__(self) -> None:
        super().__init__()
        self.starts = 0

    async def run(self, receive: Receive) -> None:
        self.starts += 1
        if self.starts == 1:
            raise KeyError("an unforeseen fault")

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        raise ZeroDivisionError("somebody's words")

    async def open(self, message: IncomingMessage, turn_id: TurnId) -> PlatformId | None:
        raise ChatClosed("blocked")


async def nothing(_: object) -> tuple[()]:
    return ()


async def test_a_channel_that_ends_in_an_error_is_started_again() -> None:
    clumsy = Clumsy()
    async with asyncio.timeout(5):
        await SupervisedChannel(clumsy).run(nothing)
    assert clumsy.starts == 2


async def test_an_unforeseen_error_of_a_send_is_a_delivery_error_without_its_words() -> None:
    with pytest.raises(DeliveryError, match="ZeroDivisionError") as caught:
        await SupervisedChannel(Clumsy()).deliver(OUTGOING, FakeParts())
    assert "words" not in str(caught.value)


async def test_foreseen_errors_pass_as_they_are() -> None:
    with pytest.raises(ChatClosed):
        await SupervisedChannel(Clumsy()).open(MESSAGE, TurnId("t"))


async def test_a_platform_that_will_not_have_the_bot_ends_its_channel_with_the_reason() -> None:
    class Unwanted(RecordingChannel):
        async def run(self, receive: Receive) -> None:
            raise ChannelRefused("the token is wrong")

    supervised = SupervisedChannel(Unwanted())
    assert supervised.refused == ""
    async with asyncio.timeout(5):
        await supervised.run(nothing)
    assert supervised.refused == "the token is wrong"
    with pytest.raises(ChannelRefused):
        await supervised.deliver(OUTGOING, FakeParts())
