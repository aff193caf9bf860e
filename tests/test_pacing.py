"""Messages go out as fast as the platform allows and no faster, in order, and a pause holds back everything it is about."""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left

import pytest

from bot.pacing import FIRST_SWEEP, Pace, Rate
from tests.models.virtual_time import LoopClock, in_virtual_time

FAST = Rate(per_s=1000, burst=1)
CHAT = Rate(per_s=1, burst=3)


class Sender:
    """Sends through a pace, and writes down what went when."""

    def __init__(self, pace: Pace) -> None:
        self.pace, self.clock = pace, LoopClock()
        self.sent: list[tuple[float, str, int]] = []

    async def send(self, chat: str, number: int = 0, *, is_group: bool = False, is_again: bool = False) -> None:
        await self.pace.turn(chat, is_group=is_group, is_again=is_again)
        self.sent.append((self.clock.monotonic(), chat, number))

    def times(self, chat: str | None = None) -> list[float]:
        return [at for at, of, _ in self.sent if chat in (None, of)]


def most_within(times: list[float], seconds: float) -> int:
    """The most that any window of that length holds."""
    return max((place + 1 - bisect_left(times, at - seconds + 1e-6) for place, at in enumerate(times)), default=0)


def pace(*, overall: Rate = FAST, per_chat: Rate = CHAT, per_group: Rate | None = None, preview_share: float = 0.5) -> Pace:
    return Pace(LoopClock(), overall=overall, per_chat=per_chat, per_group=per_group, preview_share=preview_share)


@in_virtual_time
async def test_nothing_goes_at_once_after_a_start_and_a_burst_goes_later() -> None:
    sender = Sender(pace())
    await sender.send("ana")
    assert sender.times() == pytest.approx([1.0])
    await asyncio.sleep(60)
    for _ in range(5):
        await sender.send("ana")
    assert [round(at - 61) for at in sender.times()[1:]] == [0, 0, 0, 1, 2]


@in_virtual_time
async def test_a_chat_seen_for_the_first_time_waits_for_nothing_once_the_start_is_past() -> None:
    sender = Sender(pace())
    await asyncio.sleep(10)
    await sender.send("new")
    assert sender.times() == pytest.approx([10.0])


@in_virtual_time
async def test_a_chat_that_waits_holds_nobody_else_up() -> None:
    sender = Sender(pace())
    await asyncio.sleep(10)
    async with asyncio.TaskGroup() as tasks:
        for number in range(20):
            tasks.create_task(sender.send("busy", number))
        tasks.create_task(sender.send("quiet"))
    assert sender.times("quiet")[0] < 10.1
    assert [number for _, chat, number in sender.sent if chat == "busy"] == list(range(20))


@in_virtual_time
async def test_five_thousand_messages_to_two_hundred_chats_drain_in_time() -> None:
    sender = Sender(pace(overall=Rate.within(30, 1.0), per_chat=CHAT))
    async with asyncio.TaskGroup() as tasks:
        for number in range(25):
            for chat in range(200):
                tasks.create_task(sender.send(f"chat {chat}", number))
    times = sender.times()
    assert len(times) == 5000
    assert times[-1] <= 1.1 * 5000 / 30
    assert most_within(times, 1.0) <= 30
    for chat in range(200):
        assert [number for _, of, number in sender.sent if of == f"chat {chat}"] == list(range(25))


@in_virtual_time
async def test_no_window_ever_holds_more_than_allowed() -> None:
    dice = random.Random(6)
    for _ in range(20):
        overall = Rate(per_s=dice.choice((2.0, 10.0, 30.0)), burst=dice.randint(1, 5))
        per_chat, per_group = Rate(per_s=dice.choice((0.5, 1.0)), burst=dice.randint(1, 4)), Rate.within(20, 60.0, burst=3)
        sender = Sender(pace(overall=overall, per_chat=per_chat, per_group=per_group))

        async def later(
            sender: Sender, delay: float, chat: str, *, is_group: bool, is_preview: bool, pause: float | None
        ) -> None:
            await asyncio.sleep(delay)
            if pause is not None:
                sender.pace.pause(chat if pause < 3 else None, pause)
            elif not is_preview:
                await sender.send(chat, is_group=is_group)
            elif sender.pace.may_now(chat, is_group=is_group):
                sender.sent.append((sender.clock.monotonic(), chat, -1))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(150):
                number = dice.randint(0, 5)
                pause = dice.uniform(0, 4) if dice.random() < 0.03 else None
                delay, is_preview = dice.uniform(0, 90), dice.random() < 0.4
                tasks.create_task(later(sender, delay, str(number), is_group=number < 2, is_preview=is_preview, pause=pause))
        for window in (0.5, 1.0, 7.0, 60.0):
            assert most_within(sender.times(), window) <= overall.burst + overall.per_s * window
            for chat in map(str, range(6)):
                assert most_within(sender.times(chat), window) <= per_chat.burst + per_chat.per_s * window
        assert all(most_within(sender.times(group), 60.0) <= 20 for group in ("0", "1"))


@in_virtual_time
async def test_a_group_keeps_to_its_own_rate_too() -> None:
    sender = Sender(pace(per_group=Rate.within(20, 60.0, burst=3)))
    async with asyncio.TaskGroup() as tasks:
        for number in range(40):
            tasks.create_task(sender.send("group", number, is_group=True))
    assert most_within(sender.times(), 60.0) <= 20
    assert sender.times()[-1] < 150


@in_virtual_time
async def test_a_pause_of_one_chat_holds_back_whoever_waits_for_it_already_and_nobody_else() -> None:
    sender = Sender(pace())
    await asyncio.sleep(10)
    async with asyncio.TaskGroup() as tasks:
        for number in range(6):
            tasks.create_task(sender.send("ana", number))
        await asyncio.sleep(0.5)
        sender.pace.pause("ana", 20)
        tasks.create_task(sender.send("luis"))
    assert sender.times("luis")[0] < 10.6
    assert [round(at, 1) for at in sender.times("ana")][:4] == [10.0, 10.0, 10.0, 30.5]
    assert [number for _, chat, number in sender.sent if chat == "ana"] == list(range(6))


@in_virtual_time
async def test_a_pause_of_everything_lets_nothing_pass_not_even_what_stood_in_front() -> None:
    sender = Sender(pace(overall=Rate(per_s=1)))
    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            tasks.create_task(sender.send(f"chat {number}", number))
        await asyncio.sleep(1.5)
        sender.pace.pause(None, 30)
        assert not sender.pace.may_now("another")
        await asyncio.sleep(29)
        assert len(sender.sent) == 1
    assert [round(at, 1) for at in sender.times()] == [1.0, 31.5, 32.5, 33.5, 34.5]
    assert sorted(number for _, _, number in sender.sent) == list(range(5))


@in_virtual_time
async def test_a_chat_paused_while_it_stands_in_front_gives_way() -> None:
    sender = Sender(pace(overall=Rate(per_s=1)))
    await asyncio.sleep(10)
    async with asyncio.TaskGroup() as tasks:
        for chat in ("first", "paused", "third"):
            tasks.create_task(sender.send(chat))
            await asyncio.sleep(0.1)
        sender.pace.pause("paused", 20)
    assert [(round(at, 1), chat) for at, chat, _ in sender.sent] == [(10.0, "first"), (11.0, "third"), (30.3, "paused")]


@in_virtual_time
async def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    sender = Sender(pace())
    sender.pace.pause("ana", 30)
    sender.pace.pause("ana", 1)
    await sender.send("ana")
    assert sender.times() == pytest.approx([30.0])


@in_virtual_time
async def test_what_was_refused_goes_again_before_what_came_after_it() -> None:
    sender = Sender(pace())
    await asyncio.sleep(10)
    async with asyncio.TaskGroup() as tasks:
        for number in range(6):
            tasks.create_task(sender.send("ana", number))
        await asyncio.sleep(0.1)
        sender.pace.pause("ana", 5)
        tasks.create_task(sender.send("ana", 2, is_again=True))
    assert [number for _, _, number in sender.sent] == [0, 1, 2, 3, 2, 4, 5]


@in_virtual_time
async def test_previews_leave_room_for_finals() -> None:
    sender = Sender(pace(overall=Rate(per_s=10), preview_share=0.2))
    await asyncio.sleep(10)
    previews = 0
    for moment in range(1000):
        previews += sender.pace.may_now(f"chat {moment}")
        await asyncio.sleep(0.01)
    assert previews <= 21
    assert previews >= 19


@in_virtual_time
async def test_a_preview_never_takes_the_last_token_of_a_chat_nor_overtakes_a_message() -> None:
    sender = Sender(pace())
    await asyncio.sleep(10)
    taken = 0
    for _ in range(5):
        taken += sender.pace.may_now("ana")
        await asyncio.sleep(0.01)
    assert taken == 2
    begin = sender.clock.monotonic()
    await sender.send("ana")
    assert sender.clock.monotonic() == pytest.approx(begin)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sender.send("ana"))
        await asyncio.sleep(0)
        assert not sender.pace.may_now("ana")


@in_virtual_time
async def test_a_preview_does_not_take_the_token_that_another_chats_message_waits_for() -> None:
    sender = Sender(Pace(LoopClock(), overall=Rate(per_s=1), per_chat=CHAT, sleep=lambda seconds: asyncio.sleep(seconds + 0.5)))
    await asyncio.sleep(10)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sender.send("first"))
        tasks.create_task(sender.send("second"))
        await asyncio.sleep(1.2)  # the token is there, and the message it is for sleeps late
        assert not sender.pace.may_now("other")
    await asyncio.sleep(5)
    assert sender.pace.may_now("other")


@in_virtual_time
async def test_who_gives_up_waiting_takes_nothing_and_stops_nobody() -> None:
    sender = Sender(pace())
    await asyncio.sleep(10)
    waiting = [asyncio.ensure_future(sender.send("ana", number)) for number in range(8)]
    await asyncio.sleep(0.2)
    for number in (3, 5, 6):  # the first in line, and two behind it
        waiting[number].cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert [number for _, _, number in sender.sent] == [0, 1, 2, 4, 7]
    assert sender.times()[3] == pytest.approx(11.0)


@in_virtual_time
async def test_whoever_is_called_forward_and_gives_up_at_that_moment_passes_the_turn_on() -> None:
    dice = random.Random(5)
    for _ in range(200):
        sender = Sender(pace(per_chat=Rate(per_s=100)))
        waiting = [asyncio.ensure_future(sender.send("ana", number)) for number in range(6)]
        for number in dice.sample(range(5), 3):
            await asyncio.sleep(dice.choice((0.0, 0.01, 0.02)))
            waiting[number].cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert sender.sent[-1][2] == 5
        assert [number for _, _, number in sender.sent] == sorted(number for _, _, number in sender.sent)


@in_virtual_time
async def test_idle_chats_are_forgotten_and_paused_ones_are_not() -> None:
    ours = pace(overall=Rate(per_s=100_000), preview_share=1.0)
    ours.pause("paused", 1_000_000)
    for number in range(20 * FIRST_SWEEP):
        ours.may_now(str(number))
        await asyncio.sleep(0.1)
    assert ours.remembered <= 2 * FIRST_SWEEP
    assert not ours.may_now("paused")


@pytest.mark.parametrize(("per_s", "burst"), [(0, 1), (-1.0, 1), (1.0, 0)])
def test_a_rate_without_sense_is_refused(per_s: float, burst: int) -> None:
    with pytest.raises(ValueError, match="expected a rate above 0"):
        Rate(per_s=per_s, burst=burst)


def test_a_burst_that_fills_the_whole_window_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a burst below 3"):
        Rate.within(3, 60.0, burst=3)
