"""The session channel alone: sessions apart, streams that keep what matters, nothing taken while nothing is served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.web import LISTENERS_LIMIT, QUEUE_LIMIT, SessionChannel, SessionStream
from bot.errors import IntakeError, StoreFull
from bot.ports import Channel
from bot.system import SystemClock, TimeOrderedIds
from bot.types import (
    Address,
    ChannelName,
    Chosen,
    GivenRating,
    InboxState,
    IncomingMessage,
    Kind,
    OutboxId,
    Outgoing,
    OutgoingKind,
    PlatformId,
    Receipt,
    ReceiptStatus,
    Reply,
    TurnId,
)
from bot.web_ports import Posted, SessionEvent, Visitor, WebChat, Written
from tests.fakes import FakeParts

ANA, BEA = Visitor(session="a" * 64), Visitor(session="b" * 64, locale="es-MX")


class Inbox:
    """Takes everything, and answers before it returns where it is told to."""

    def __init__(self) -> None:
        self.taken: list[IncomingMessage] = []
        self.channel: SessionChannel | None = None
        self.state = InboxState.RECEIVED
        self.status = ReceiptStatus.ACCEPTED
        self.is_full = False

    async def receive(self, messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
        """One receipt each; the turn's id counts up."""
        if self.is_full:
            raise StoreFull("no space")
        self.taken += messages
        turn_id = TurnId(f"t{len(self.taken)}")
        if self.channel is not None:
            await self.channel.preview(messages[0], turn_id, None, "half")
            await self.channel.deliver(outgoing(messages[0].address, turn_id, event_id=messages[0].event_id), FakeParts())
        return [
            Receipt(event_id=message.event_id, turn_id=turn_id, status=self.status, state=self.state) for message in messages
        ]


def outgoing(address: Address, turn_id: str | None, *, kind: OutgoingKind = OutgoingKind.REPLY, event_id: str = "") -> Outgoing:
    """A reply on its way."""
    return Outgoing(
        id=OutboxId(turn_id or "x"),
        kind=kind,
        address=address,
        reply=Reply(text="whole"),
        nonce="n",
        turn_id=TurnId(turn_id) if turn_id else None,
        event_id=event_id,
    )


@asynccontextmanager
async def running(name: ChannelName = ChannelName.WEB) -> AsyncIterator[tuple[SessionChannel, Inbox]]:
    """A channel that takes messages in."""
    channel, inbox = SessionChannel(name, clock=SystemClock(), ids=TimeOrderedIds()), Inbox()
    task = asyncio.create_task(channel.run(inbox.receive))
    await asyncio.sleep(0)
    try:
        yield channel, inbox
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def drained(stream: AsyncIterator[SessionEvent]) -> list[SessionEvent]:
    """What waits in a stream, and nothing more."""
    seen: list[SessionEvent] = []
    with suppress(TimeoutError, StopAsyncIteration):
        while True:
            async with asyncio.timeout(0.02):
                seen.append(await anext(stream))
    return seen


def test_it_is_a_channel_and_a_chat() -> None:
    channel = SessionChannel(ChannelName.WEB, clock=SystemClock(), ids=TimeOrderedIds())
    as_channel: Channel = channel
    as_chat: WebChat = channel
    assert as_channel.answers_requests
    assert as_chat.address(ANA).chat == ANA.session


async def test_nothing_is_taken_before_it_runs_while_it_drains_or_after() -> None:
    channel = SessionChannel(ChannelName.WEB, clock=SystemClock(), ids=TimeOrderedIds())
    with pytest.raises(IntakeError):
        await channel.say(ANA, "hello")
    async with running() as (channel, inbox):
        channel.drain()
        with pytest.raises(IntakeError):
            await channel.rate(ANA, GivenRating(turn_id=TurnId("t"), value=1))
        assert not inbox.taken
    with pytest.raises(IntakeError):
        await channel.say(ANA, "hello")


async def test_event_ids_of_two_sessions_never_meet() -> None:
    async with running() as (channel, inbox):
        await channel.say(ANA, "x", event_id="1")
        await channel.say(BEA, "x", event_id="1")
    assert len({message.event_id for message in inbox.taken}) == 2
    assert all(message.event_id.endswith(":1") for message in inbox.taken)


async def test_without_an_event_id_each_message_gets_its_own() -> None:
    async with running() as (channel, _):
        first, second = await channel.say(ANA, "x"), await channel.say(ANA, "x")
    assert first.event_id
    assert first.event_id != second.event_id


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hello", Kind.TEXT),
        ("/new", Kind.COMMAND),
        (" /nueva ", Kind.COMMAND),
        ("/stop", Kind.STOP),
        ("/parar", Kind.STOP),
        ("/x", Kind.TEXT),
    ],
)
async def test_commands_are_told_from_text(text: str, kind: Kind) -> None:
    async with running() as (channel, inbox):
        await channel.say(ANA, text)
    assert inbox.taken[0].kind is kind


async def test_what_a_message_carries() -> None:
    async with running(ChannelName.CONSOLE) as (channel, inbox):
        await channel.choose(BEA, Chosen(turn_id=TurnId("t9"), key="k"))
        await channel.again(BEA, TurnId("t9"))
        await channel.stop(BEA, TurnId("t9"))
    choice, again, stop = inbox.taken
    assert (choice.kind, choice.choice, choice.locale) == (Kind.CHOICE, Chosen(turn_id=TurnId("t9"), key="k"), "es-MX")
    assert (again.kind, again.text, again.target) == (Kind.COMMAND, "/again", "t9")
    assert (stop.kind, stop.target) == (Kind.STOP, "t9")
    assert all(message.is_admin and message.is_private for message in inbox.taken)


async def test_an_answer_that_is_quicker_than_its_receipt_is_not_lost() -> None:
    async with running() as (channel, inbox):
        inbox.channel = channel
        posted = await channel.say(ANA, "hello")
        (event,) = await drained(posted.events.__aiter__())
        assert isinstance(event, Outgoing)
        assert event.turn_id == posted.receipt.turn_id
        assert channel.running(ANA) == []


async def test_a_message_that_met_a_daily_limit_no_longer_counts_as_running() -> None:
    async with running() as (channel, inbox):
        posted = await channel.say(ANA, "hello")
        assert [said.text for said in channel.running(ANA)] == ["hello"]
        event_id = inbox.taken[0].event_id
        # A notice belongs to no turn; its outbox row has its message's id.
        refused = replace(
            outgoing(channel.address(ANA), None, kind=OutgoingKind.NOTICE, event_id=event_id),
            id=OutboxId(posted.receipt.turn_id),
        )
        await channel.deliver(refused, FakeParts())
        assert await drained(posted.events.__aiter__()) == [refused]
        assert channel.running(ANA) == []


async def test_two_messages_of_one_session_keep_their_answers_apart() -> None:
    async with running() as (channel, _):
        first, second = await channel.say(ANA, "1"), await channel.say(ANA, "2")
        await _answer(channel, second)
        await _answer(channel, first)
        for posted in (first, second):
            (event,) = await drained(posted.events.__aiter__())
            assert isinstance(event, Outgoing)
            assert event.turn_id == posted.receipt.turn_id


async def test_a_slow_reader_gets_the_newest_preview_only() -> None:
    async with running() as (channel, inbox):
        posted = await channel.say(ANA, "hello")
        for length in range(1, 2000):
            await channel.preview(inbox.taken[-1], posted.receipt.turn_id, None, "x" * length)
        assert await drained(posted.events.__aiter__()) == [Written(turn_id=posted.receipt.turn_id, text="x" * 1999)]


async def test_a_preview_that_nobody_read_gives_way_to_the_reply() -> None:
    async with running() as (channel, inbox):
        posted = await channel.say(ANA, "hello")
        await channel.preview(inbox.taken[-1], posted.receipt.turn_id, None, "ha")
        await _answer(channel, posted)
        assert [type(event) for event in await drained(posted.events.__aiter__())] == [Outgoing]


async def test_a_reply_counts_as_delivered_whether_or_not_anybody_listens() -> None:
    async with running() as (channel, inbox):
        address = channel.address(ANA)
        await channel.say(ANA, "hello")
        assert await channel.open(inbox.taken[0], TurnId("t1")) is None
        assert await channel.deliver(outgoing(address, "t1"), FakeParts()) == (PlatformId("t1"),)
        assert await channel.deliver(outgoing(address, None, kind=OutgoingKind.DUE), FakeParts()) == ()


async def test_a_notice_goes_to_its_own_request_and_without_one_to_whoever_listens() -> None:
    async with running() as (channel, inbox):
        listening = channel.listen(ANA)
        posted = await channel.say(ANA, "hello", event_id="e1")
        other = await channel.say(ANA, "hello", event_id="e2")
        notice = outgoing(channel.address(ANA), None, kind=OutgoingKind.NOTICE, event_id=inbox.taken[0].event_id)
        assert await channel.deliver(notice, FakeParts()) == ()
        assert await drained(posted.events.__aiter__()) == [notice]
        assert await drained(other.events.__aiter__()) == []
        posted.events.close()
        await channel.deliver(notice, FakeParts())
        assert (await drained(listening))[-1] == notice


async def test_joining_a_running_turn_shows_at_once_what_is_written() -> None:
    async with running() as (channel, inbox):
        posted = await channel.say(ANA, "hello", event_id="e1")
        await channel.preview(inbox.taken[-1], posted.receipt.turn_id, None, "ha")
        inbox.status = ReceiptStatus.DUPLICATE
        inbox.taken.clear()
        again = await channel.say(ANA, "hello", event_id="e1")
        assert await drained(again.events.__aiter__()) == [Written(turn_id=TurnId("t1"), text="ha")]


async def test_a_message_that_could_not_be_stored_leaves_no_stream_behind() -> None:
    async with running() as (channel, inbox):
        inbox.is_full = True
        with pytest.raises(StoreFull):
            await channel.say(ANA, "hello")
        assert channel._streams == {}


async def test_closed_streams_leave_nothing_behind() -> None:
    async with running() as (channel, _):
        for _ in range(50):
            posted = await channel.say(ANA, "hello")
            await _answer(channel, posted)
            posted.events.close()
            channel.listen(BEA).close()
        assert (channel._streams, channel._running, channel._written) == ({}, {}, {})


async def test_a_listener_too_far_behind_is_ended_and_never_blocks_others() -> None:
    async with running() as (channel, _):
        stalled, posted = channel.listen(ANA), await channel.say(ANA, "hello")
        for count in range(QUEUE_LIMIT + 5):
            await channel.deliver(outgoing(channel.address(ANA), f"d{count}"), FakeParts())
        assert len([event async for event in stalled]) == QUEUE_LIMIT
        await _answer(channel, posted)
        assert len(await drained(posted.events.__aiter__())) == 1


async def test_a_session_holds_a_bounded_number_of_listeners() -> None:
    async with running() as (channel, _):
        first = channel.listen(ANA)
        rest = [channel.listen(ANA) for _ in range(LISTENERS_LIMIT)]
        assert [event async for event in first] == []
        assert len(channel._streams[channel.address(ANA)]) == len(rest)


async def test_when_the_channel_ends_every_stream_ends() -> None:
    async with running() as (channel, _):
        listening, posted = channel.listen(ANA), await channel.say(ANA, "hello")
    assert len([event async for event in listening]) == 1
    assert [event async for event in posted.events] == []


@given(st.lists(st.one_of(st.integers(0, 3), st.none()), max_size=60))
def test_no_reply_is_lost_or_reordered_whatever_previews_come_between(steps: list[int | None]) -> None:
    address = Address(channel=ChannelName.WEB, chat="c", user="c")

    async def play() -> None:
        stream = SessionStream(lambda ended: None)
        for place, step in enumerate(steps):
            stream.put(
                Written(turn_id=TurnId(f"t{step}"), text=str(place)) if step is not None else outgoing(address, f"r{place}")
            )
        stream.close()
        replies = [event.turn_id async for event in stream if isinstance(event, Outgoing)]
        assert replies == [f"r{place}" for place, step in enumerate(steps) if step is None]

    asyncio.run(play())


async def _answer(channel: SessionChannel, posted: Posted) -> None:
    await channel.deliver(outgoing(channel.address(ANA), posted.receipt.turn_id), FakeParts())
