"""Messages come in by polling: on disk before Telegram hears of it, whatever fails; and who may not poll says so once."""

from __future__ import annotations

import asyncio
import io
import logging
from datetime import timedelta

import pytest
from pydantic import SecretStr

from bot.buttons import UP, button
from bot.channels.telegram.connecting import BAD_ADDRESS, NO_ADDRESS
from bot.channels.telegram.intake import MOST_TRIES
from bot.channels.telegram.polling import NO_SUCH_BOT, OTHER_POLLER, OTHER_WEBHOOK
from bot.channels.telegram.requests import ALLOWED_UPDATES
from bot.channels.telegram.watch import PollWatch
from bot.errors import ChannelRefused, IntakeError, StoreBusy
from bot.log import Logs, Redactor
from bot.settings import LogSettings
from bot.types import Kind
from tests.channels.telegram.house import SECRET, FakeMarks, House, turn_id
from tests.channels.telegram.updates import message
from tests.fakes import NOON, FakeClock
from tests.servers.telegram.fixtures import post
from tests.servers.telegram.server import TOKEN, TelegramServer


@pytest.fixture
def house(server: TelegramServer) -> House:
    return House(server)


async def confirmed(server: TelegramServer, count: int) -> None:
    """Return once the bot has confirmed so many updates."""
    async with asyncio.timeout(10):
        while server.updates.confirmed < count:
            await asyncio.sleep(0.01)


async def test_messages_come_in_order_and_are_confirmed(server: TelegramServer, house: House) -> None:
    ana = server.person("Ana", language="es")
    for number in range(250):
        ana.says(f"m{number}")
    async with house.running():
        taken = await house.desk.has(250)
        await confirmed(server, 250)
    assert [one.text for one in taken] == [f"m{number}" for number in range(250)]
    assert len(house.desk.batches) == 3, "a hundred at a time, each in one transaction"
    assert server.violations == []


async def test_nothing_is_confirmed_while_nothing_can_be_stored(server: TelegramServer, house: House) -> None:
    ana = server.person("Ana")
    ana.says("keep this")
    house.desk.failures = [StoreBusy("locked"), IntakeError("starting")] * 50
    async with house.running() as channel:
        async with asyncio.timeout(10):
            while len(house.desk.failures) > 1:
                assert (server.updates.confirmed, len(server.updates.waiting)) == (0, 1)
                await asyncio.sleep(0.01)
        assert channel.last_poll_age_s() < 5, "the poller is well, the disk is not"
        ana.says("and this")
        assert [one.text for one in await house.desk.has(2)] == ["keep this", "and this"]
        await confirmed(server, 2)


async def test_a_press_that_can_never_be_done_keeps_nobody_else_out(server: TelegramServer, house: House) -> None:
    ana = server.person("Ana")
    house.desk.broken = {Kind.RATING}
    async with house.running():
        said = ana.says("hola")
        ana.sends_press(said, button(SECRET, turn_id(), UP))
        ana.says("and this")
        await confirmed(server, 3)
    assert len(house.desk.batches) >= MOST_TRIES
    assert [one.text for one in house.desk.taken if one.kind is Kind.TEXT] == ["hola", "and this"]


async def test_what_a_crash_left_unconfirmed_comes_again_and_counts_once(server: TelegramServer, house: House) -> None:
    server.person("Ana").says("hola")
    async with house.running():
        await house.desk.has(1)
    # Whether the next poll had confirmed it by then is open: both are right.
    async with house.running(house.made()):
        server.person("Ana").says("otra")
        await house.desk.has(2)
    assert [one.text for one in house.desk.taken] == ["hola", "otra"]


async def test_ids_that_begin_anew_below_are_taken(server: TelegramServer, house: House) -> None:
    ana = server.person("Ana")
    async with house.running():
        ana.says("one")
        await house.desk.has(1)
        await confirmed(server, 1)
        polls = server.updates.polls
        async with asyncio.timeout(10):
            while server.updates.polls < polls + 2:  # an empty poll went by
                await asyncio.sleep(0.01)
        server.updates.jump(-5)
        ana.says("two")
        assert [one.text for one in await house.desk.has(2)] == ["one", "two"]


async def test_a_broken_update_harms_neither_its_batch_nor_the_log(server: TelegramServer, house: House) -> None:
    ana, stream = server.person("Ana"), io.StringIO()
    ana.says("before")
    server.queue_raw({"message": message("my secret") | {"date": "noon"}})
    server.queue_raw({"message": "my secret"})
    server.queue_raw({"something_new": {"text": "my secret"}})
    ana.says("after")
    with Logs(LogSettings(level="debug", format="json"), stream=stream):
        async with house.running():
            taken = await house.desk.has(4)
            await confirmed(server, 5)
    assert [(one.text, one.is_addressed) for one in taken] == [("before", True), ("", False), ("", False), ("after", True)]
    assert stream.getvalue().count("telegram.broken_update") == 2
    assert "my secret" not in stream.getvalue()


@pytest.mark.parametrize(("code", "retry_after"), [(502, 0), (500, 0), (429, 1)])
async def test_a_telegram_in_trouble_is_asked_again(server: TelegramServer, house: House, code: int, retry_after: int) -> None:
    server.faults.refuse("getUpdates", code, "Trouble", times=2, retry_after=retry_after)
    server.person("Ana").says("hola")
    async with house.running():
        await house.desk.has(1)


async def test_a_telegram_that_is_away_at_the_start_is_waited_for(server: TelegramServer, house: House) -> None:
    server.faults.refuse("getMe", 502, "Bad Gateway", times=3)
    server.person("Ana").says("hola")
    async with house.running():
        await house.desk.has(1)


async def test_connections_that_break_are_made_anew(server: TelegramServer, house: House) -> None:
    ana = server.person("Ana")
    async with house.running():
        ana.says("one")
        await house.desk.has(1)
        await server.stop()
        ana.says("two")
        await asyncio.sleep(0.1)
        await server.start()
        await house.desk.has(2)


# --- who may not poll ---


async def test_an_unknown_token_ends_the_channel_with_one_sentence(server: TelegramServer) -> None:
    house = House(server, token=SecretStr("123456789:AAnOtHeRtOkEn-that-nobody-knows-12345"))
    with pytest.raises(ChannelRefused) as refused:
        await house.channel.run(house.desk.receive)
    assert str(refused.value) == NO_SUCH_BOT
    assert "123456789" not in f"{refused.value!r}{refused.value.__cause__!r}{refused.value.__context__!r}"


async def test_the_later_of_two_pollers_gives_way(server: TelegramServer) -> None:
    clock = FakeClock()
    first, second = House(server, clock=clock), House(server)
    async with first.running():
        server.person("Ana").says("one")
        await first.desk.has(1)
        clock.advance(61)
        with pytest.raises(ChannelRefused) as refused:
            async with asyncio.timeout(10):
                await second.channel.run(second.desk.receive)
        server.person("Ana").says("two")
        await first.desk.has(2)
    assert str(refused.value) == OTHER_POLLER


async def test_somebody_elses_webhook_is_left_alone(server: TelegramServer, house: House) -> None:
    await post(server, "setWebhook", url="https://else.example.org/hook/secret")
    with pytest.raises(ChannelRefused) as refused:
        await house.channel.run(house.desk.receive)
    assert str(refused.value) == OTHER_WEBHOOK
    assert server.updates.webhook is not None


async def test_our_own_webhook_of_another_day_is_removed_and_nothing_dropped(server: TelegramServer) -> None:
    await post(server, "setWebhook", url="http://127.0.0.1:1/telegram")
    server.person("Ana").says("waiting")
    house = House(server, webhook_url="http://127.0.0.1:1")
    async with house.running():
        assert [one.text for one in await house.desk.has(1)] == ["waiting"]
    assert not any(call.parameters.get("drop_pending_updates") for call in server.calls)


async def test_our_own_webhook_is_known_again_when_the_settings_have_forgotten_it(server: TelegramServer) -> None:
    address = "http://127.0.0.1:1/elsewhere"
    before = House(server, mode="webhook", webhook_url=address)
    async with before.running():
        async with asyncio.timeout(10):
            while server.updates.webhook is None:
                await asyncio.sleep(0.01)
    assert address not in str(before.marks.kept)
    house = House(server)
    house.marks.kept = before.marks.kept
    server.person("Ana").says("waiting")
    async with house.running(house.made()):
        assert [one.text for one in await house.desk.has(1)] == ["waiting"]
    await post(server, "setWebhook", url="http://127.0.0.1:2/telegram")
    with pytest.raises(ChannelRefused, match="another program"):
        await house.channel.run(house.desk.receive)


async def test_a_channel_that_ended_can_run_again(server: TelegramServer, house: House) -> None:
    for text in ("one", "two"):
        server.person("Ana").says(text)
        async with house.running(house.channel):
            await house.desk.has(1 if text == "one" else 2)


# --- how long it is ---


@pytest.mark.parametrize(("hours", "is_trouble"), [(23, False), (30, True)])
async def test_more_than_a_day_away_is_owned_up_to_until_telegram_is_heard(
    server: TelegramServer, hours: int, is_trouble: bool
) -> None:
    house, stream = House(server, clock=FakeClock()), io.StringIO()
    house.marks.kept["last_poll"] = (NOON - timedelta(hours=hours)).isoformat()
    trouble = server.faults.refuse("getUpdates", 500, "Trouble", times=10_000)
    with Logs(LogSettings(format="json"), stream=stream):
        async with house.running() as channel:
            async with asyncio.timeout(10):
                while not trouble.happened:
                    await asyncio.sleep(0.01)
            assert ("30 hours" in channel.trouble) is is_trouble
            assert house.gaps == []
            server.faults.clear()
            server.person("Ana").says("hola")
            await house.desk.has(1)
            assert channel.trouble == ""
        async with house.running(house.made()):
            server.person("Ana").says("otra")
            await house.desk.has(2)
    assert house.gaps == ([30.0] if is_trouble else [])
    assert stream.getvalue().count("telegram.gap") == len(house.gaps)


async def test_a_gap_that_could_not_be_told_of_is_told_of_later() -> None:
    clock, marks, told = FakeClock(), FakeMarks(), list[float]()
    failures = [StoreBusy("locked")]

    async def on_gap(hours: float) -> None:
        if failures:
            raise failures.pop()
        told.append(hours)

    watch = PollWatch(marks, clock, on_gap)
    await watch.polled()
    clock.advance(25 * 3600)
    for _ in range(3):
        await watch.polled()
    assert told == [25.0]
    assert marks.kept["last_poll"] == clock.now().isoformat()


async def test_the_time_of_the_last_poll_is_written_at_most_once_a_minute(server: TelegramServer, house: House) -> None:
    ana = server.person("Ana")
    async with house.running():
        for number in range(5):
            ana.says(f"m{number}")
            await house.desk.has(number + 1)
    assert house.marks.writes == 1


async def test_a_deaf_poller_is_noticed(server: TelegramServer) -> None:
    clock = FakeClock()
    house = House(server, clock=clock)
    server.faults.refuse("getUpdates", 500, "Trouble", times=10_000)
    async with house.running() as channel:
        clock.advance(240)
        assert channel.last_poll_age_s() == 240
        server.faults.clear()
        server.person("Ana").says("hola")
        await house.desk.has(1)
        assert channel.last_poll_age_s() < 1


# --- secrets ---


@pytest.mark.parametrize("refusal", [NO_SUCH_BOT, OTHER_POLLER, OTHER_WEBHOOK, NO_ADDRESS, BAD_ADDRESS])
def test_our_own_log_leaves_the_sentences_whole(refusal: str) -> None:
    redact = Redactor()
    assert redact(refusal) == refusal
    assert redact(f"channel.refused problem={refusal}") == f"channel.refused problem={refusal}"


async def test_neither_token_nor_words_come_into_the_log(server: TelegramServer, house: House) -> None:
    stream = io.StringIO()
    # The redactor of our own log knows the token's shape: here nothing stands between the libraries and the stream.
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        server.faults.refuse("getUpdates", 500, "Trouble")
        ana = server.person("Ana")
        ana.says("my secret")
        async with house.running():
            await house.desk.has(1)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert TOKEN not in stream.getvalue()
    assert "my secret" not in stream.getvalue()


async def test_kinds_of_update_are_asked_for_by_name(server: TelegramServer, house: House) -> None:
    ana = server.person("Ana")
    ana.says("hola")
    async with house.running():
        await house.desk.has(1)
    assert server.updates.wanted == frozenset(ALLOWED_UPDATES)
    assert house.desk.taken[0].kind is Kind.TEXT
