"""One message in, at most one reply out: once, in order per address, recorded."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import random
import sqlite3
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core import MOST_ATTEMPTS, CoreSettings
from bot.door import DoorLimits
from bot.errors import DeliveryPaused, IntakeError, StoreFull
from bot.ports import Preview
from bot.types import (
    Flag,
    Generation,
    InboxState,
    Kind,
    Outcome,
    PersonId,
    ReceiptStatus,
    Reply,
    Turn,
    TurnId,
    TurnStatus,
)
from bot.writes import SetLanguage
from tests.house import Doing, OffLane, RecordingChannel, house, look, rating, text


def echo(turn: Turn, preview: Preview) -> str:
    return f"you said {turn.message.text}"


async def test_a_message_is_answered_stored_and_delivered(tmp_path: Path) -> None:
    async with house(tmp_path, [Doing(echo)]) as here:
        (receipt,) = await here.door.receive([text("hello")])
        await here.settled()
        assert receipt.status is ReceiptStatus.ACCEPTED
        assert here.channel.texts == ["you said hello"]
        assert await here.rows("select state, message from inbox") == [("sent", None)]
        assert await here.rows("select id, question, answer, status from turns") == [
            (receipt.turn_id, "hello", "you said hello", "answered")
        ]
        assert await here.rows("select state, message from outbox") == [("sent", None)]
        assert await here.rows("select part from pending_memories order by part") == [("answer",), ("question",)]


async def test_the_second_message_waits_for_the_first(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def slow_first(turn: Turn, preview: Preview) -> str:
        if turn.message.text == "first":
            await gate.wait()
        return turn.message.text

    async with house(tmp_path, [Doing(slow_first)]) as here:
        await here.door.receive([text("first"), text("second")])
        await here.door.receive([text("other", user="bea")])
        while here.channel.texts != ["other"]:
            await asyncio.sleep(0.005)
        gate.set()
        await here.settled()
        assert here.channel.texts == ["other", "first", "second"]


async def test_everybody_is_answered_in_their_own_order(tmp_path: Path) -> None:
    chance = random.Random(7)

    async def some_time(turn: Turn, preview: Preview) -> str:
        await asyncio.sleep(chance.random() * 0.01)
        return turn.message.text

    async with house(tmp_path, [Doing(some_time)]) as here:

        async def person(user: str) -> None:
            for number in range(10):
                await here.door.receive([text(f"{user} {number}", user=user)])

        await asyncio.gather(*(person(f"p{number}") for number in range(40)))
        await here.settled()
        for number in range(40):
            mine = [said for said in here.channel.texts if said.startswith(f"p{number} ")]
            assert mine == [f"p{number} {index}" for index in range(10)]


async def test_a_repeated_event_is_answered_once_and_other_words_under_its_id_are_noticed(tmp_path: Path) -> None:
    async with house(tmp_path, [Doing(echo)]) as here:
        (first,) = await here.door.receive([text("hello", event_id="7")])
        (same, other) = await here.door.receive([text("hello", event_id="7"), text("bye", event_id="7")])
        await here.settled()
        assert (same.status, same.turn_id, same.same_content) == (ReceiptStatus.DUPLICATE, first.turn_id, True)
        assert (other.status, other.same_content) == (ReceiptStatus.DUPLICATE, False)
        assert here.channel.texts == ["you said hello"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(st.integers(0, 4), min_size=1, max_size=15), cuts=st.sets(st.integers(1, 14)))
async def test_any_repeats_and_batches_leave_the_same_as_each_event_once(
    tmp_path_factory: pytest.TempPathFactory, events: list[int], cuts: set[int]
) -> None:
    folder = tmp_path_factory.mktemp("house")
    async with house(folder, [Doing(echo)]) as here:
        bounds = [0, *sorted(cut for cut in cuts if cut < len(events)), len(events)]
        for begin, end in itertools.pairwise(bounds):
            await here.door.receive([text(f"m{event}", event_id=str(event)) for event in events[begin:end]])
        await here.settled()
        once = list(dict.fromkeys(events))
        assert await here.rows("select question from turns order by id") == [(f"m{event}",) for event in once]
        assert here.channel.texts == [f"you said m{event}" for event in once]


async def test_a_handler_that_breaks_is_told_and_the_next_message_is_answered(tmp_path: Path) -> None:
    def breaks_once(turn: Turn, preview: Preview) -> str:
        if turn.message.text == "bad":
            raise ZeroDivisionError("secret words of the person")
        return "fine"

    async with house(tmp_path, [Doing(breaks_once)]) as here:
        await here.door.receive([text("bad"), text("good")])
        await here.settled()
        assert "/again" in here.channel.texts[0]
        assert here.channel.delivered[0].status is TurnStatus.FAILED
        assert here.channel.texts[1] == "fine"
        assert await here.rows("select state from inbox order by id") == [("failed",), ("sent",)]


async def test_a_handler_that_never_ends_is_ended_and_told(tmp_path: Path) -> None:
    async def hangs(turn: Turn, preview: Preview) -> str:
        await asyncio.Event().wait()
        return "never"

    async with house(tmp_path, [Doing(hangs)], settings=CoreSettings(turn_deadline_s=0.05)) as here:
        await here.door.receive([text("hello")])
        await here.settled()
        assert [outgoing.status for outgoing in here.channel.delivered] == [TurnStatus.FAILED]


async def test_a_write_that_breaks_a_constraint_leaves_a_failed_turn_and_no_half(tmp_path: Path) -> None:
    def bad_write(turn: Turn, preview: Preview) -> Outcome:
        nobody = PersonId("nobody")
        from bot.writes import SetConsent

        return Outcome(
            reply=Reply(text="done"),
            writes=(
                SetLanguage(person_id=turn.person.id, language="es"),
                SetConsent(person_id=nobody, granted=True, version="1"),
            ),
        )

    async with house(tmp_path, [Doing(bad_write)]) as here:
        await here.door.receive([text("hello")])
        await here.settled()
        assert [outgoing.status for outgoing in here.channel.delivered] == [TurnStatus.FAILED]
        assert await here.rows("select language from people") == [(None,)]
        assert await here.rows("select count(*) from turns") == [(1,)]


async def test_what_a_crash_left_unfinished_is_answered_at_the_next_start(tmp_path: Path) -> None:
    async def hangs(turn: Turn, preview: Preview) -> str:
        preview.show("half an ans")
        await asyncio.Event().wait()
        return "never"

    channel = RecordingChannel()
    async with house(tmp_path, [Doing(hangs)], channel=channel) as here:
        await here.door.receive([text("hello"), text("and bye")])
        while not channel.previews:
            await asyncio.sleep(0.005)
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.settled()
        assert channel.texts == ["you said hello", "you said and bye"]
        assert len(channel.opened) == 1, "the message opened before the crash is filled, no second one is opened"
        assert await here.rows("select platform_id from deliveries order by platform_id") == [
            ("message-1",),
            (f"sent-{channel.delivered[1].id}",),
        ]


async def test_a_message_at_which_every_process_dies_is_given_up_and_told(tmp_path: Path) -> None:
    async def hangs(turn: Turn, preview: Preview) -> str:
        await asyncio.Event().wait()
        return "never"

    channel = RecordingChannel()
    async with house(tmp_path, [Doing(hangs)], channel=channel) as here:
        await here.door.receive([text("poison")])
    for attempt in range(1, MOST_ATTEMPTS + 1):
        async with house(tmp_path, [Doing(hangs)], channel=channel) as here:
            while await here.rows("select attempts from inbox") != [(attempt,)]:
                await asyncio.sleep(0.005)
    async with house(tmp_path, [Doing(hangs)], channel=channel) as here:
        await here.settled()
        assert await here.rows("select state from inbox") == [("failed",)]
    assert [outgoing.status for outgoing in channel.delivered] == [TurnStatus.FAILED]


async def test_a_reply_that_was_not_delivered_is_delivered_by_the_next_start(tmp_path: Path) -> None:
    channel = RecordingChannel()
    channel.failures = [DeliveryPaused("flood wait", 60.0)]
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.door.receive([text("hello")])
        while not channel.tries:
            await asyncio.sleep(0.005)
    async with house(tmp_path, [Doing(echo)], channel=channel) as here:
        await here.settled()
    assert channel.texts == ["you said hello"]
    assert channel.tries[0].nonce == channel.tries[1].nonce
    assert look(tmp_path / "martin.db", "select state from inbox") == [("sent",)]


async def test_a_caller_who_leaves_takes_nothing_back(tmp_path: Path) -> None:
    async with house(tmp_path, [Doing(echo)]) as here:
        await here.core.recovered()
        asking = asyncio.create_task(here.door.receive([text("hello")]))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        while not here.channel.texts:
            await asyncio.sleep(0.005)
        assert here.channel.texts == ["you said hello"]


async def test_whoever_writes_too_fast_is_told_once_a_minute_and_nobody_else_notices(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def waits(turn: Turn, preview: Preview) -> str:
        await gate.wait()
        return turn.message.text

    async with house(tmp_path, [Doing(waits)], limits=DoorLimits(per_person=3)) as here:
        receipts = await here.door.receive([text(f"m{number}") for number in range(6)])
        (other,) = await here.door.receive([text("hello", user="bea")])
        assert [receipt.status for receipt in receipts] == [ReceiptStatus.ACCEPTED] * 3 + [ReceiptStatus.REFUSED] * 3
        assert [receipt.reply is not None for receipt in receipts] == [False] * 3 + [True, False, False]
        assert other.status is ReceiptStatus.ACCEPTED
        gate.set()
        await here.settled()
        (again,) = await here.door.receive([text("m9")])
        await here.settled()
        assert again.status is ReceiptStatus.ACCEPTED
        assert len([said for said in here.channel.texts if "faster" in said]) == 1
        assert await here.rows("select count(*) from inbox where state = 'refused' and message is null") == [(3,)]


async def test_replies_that_are_still_on_their_way_count_for_whoever_writes_too_fast(tmp_path: Path) -> None:
    channel = RecordingChannel()
    channel.failures = [DeliveryPaused("one a second", retry_after_s=0.3)]
    async with house(tmp_path, [Doing(echo)], channel=channel, limits=DoorLimits(per_person=3)) as here:
        states = []
        for number in range(5):
            (receipt,) = await here.door.receive([text(f"number {number}")])
            await here.core.idle()
            states.append(receipt.status)
        assert states == [ReceiptStatus.ACCEPTED] * 3 + [ReceiptStatus.REFUSED] * 2
        (other,) = await here.door.receive([text("me too", user="luis")])
        assert other.status is ReceiptStatus.ACCEPTED
        await here.settled()
        (later,) = await here.door.receive([text("number 5")])
        await here.settled()
        assert later.status is ReceiptStatus.ACCEPTED
        assert sum("faster than I can answer" in said for said in channel.texts) == 1


async def test_too_much_waiting_in_all_is_refused_too(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def waits(turn: Turn, preview: Preview) -> str:
        await gate.wait()
        return "ok"

    async with house(tmp_path, [Doing(waits)], limits=DoorLimits(per_person=10, of_all=4)) as here:
        receipts = await here.door.receive([text("hi", user=f"p{number}") for number in range(6)])
        assert [receipt.status for receipt in receipts].count(ReceiptStatus.REFUSED) == 2
        gate.set()


async def test_a_daily_limit_is_told_once_and_ends_the_message(tmp_path: Path) -> None:
    async with house(tmp_path, [Doing(echo)], settings=CoreSettings(messages_per_day=2)) as here:
        for number in range(4):
            await here.door.receive([text(f"m{number}")])
            await here.settled()
        assert here.channel.texts[:2] == ["you said m0", "you said m1"]
        assert len(here.channel.texts) == 3
        assert "2" in here.channel.texts[2]
        assert await here.rows("select state from inbox order by id") == [("sent",), ("sent",), ("refused",), ("refused",)]


def made(turn: Turn, preview: Preview) -> Outcome:
    generation = Generation(model="model", prompt_tokens=6, completion_tokens=4, seconds=0.1, version="2606", cost=10)
    return Outcome(reply=Reply(text="by the model"), generation=generation)


async def test_a_conversation_longer_than_its_history_is_known_as_such(tmp_path: Path) -> None:
    chat = Doing(echo)
    async with house(tmp_path, [chat], settings=CoreSettings(history=2)) as here:
        for number in range(4):
            await here.door.receive([text(f"m{number}")])
            await here.settled()
        assert [(len(turn.history), turn.has_earlier) for turn in chat.seen] == [(0, False), (1, False), (2, False), (2, True)]


async def test_a_reply_carries_how_it_was_made_to_its_channel_also_after_a_crash(tmp_path: Path) -> None:
    channel = RecordingChannel()
    channel.failures = [DeliveryPaused("flood wait", 60.0)]
    async with house(tmp_path, [Doing(made)], channel=channel) as here:
        await here.door.receive([text("hello")])
        while not channel.tries:
            await asyncio.sleep(0.005)
    async with house(tmp_path, [Doing(made)], channel=channel) as here:
        await here.settled()
    (first, second) = channel.tries
    assert first.generation is not None and first.generation.cost == 10
    assert second.generation == first.generation


async def test_a_command_about_an_earlier_turn_finds_it(tmp_path: Path) -> None:
    chat = Doing(made)
    async with house(tmp_path, [chat]) as here:
        (said,) = await here.door.receive([text("hello")])
        await here.settled()
        await here.door.receive([text("/why", kind=Kind.COMMAND, target=said.turn_id)])
        await here.settled()
        target = chat.seen[1].target
        assert target is not None and (target.id, target.question) == (said.turn_id, "hello")
        assert target.generation is not None and target.generation.model == "model"


async def test_where_somebody_waits_on_a_request_every_refusal_is_told(tmp_path: Path) -> None:
    channel = RecordingChannel(answers_requests=True)
    async with house(tmp_path, [Doing(echo)], channel=channel, settings=CoreSettings(messages_per_day=1)) as here:
        for number in range(3):
            await here.door.receive([text(f"m{number}")])
            await here.settled()
        assert len(channel.delivered) == 3
        assert channel.delivered[2].event_id == "ana:m2"


async def test_stop_ends_the_running_answer_at_once(tmp_path: Path) -> None:
    async def writes(turn: Turn, preview: Preview) -> Outcome:
        await preview.stopped()
        return Outcome(reply=Reply(text="as far as I got"), flags=frozenset({Flag.STOPPED}))

    async with house(tmp_path, [Doing(writes)]) as here:
        await here.door.receive([text("tell me everything")])
        await asyncio.sleep(0.02)
        (receipt,) = await here.door.receive([text("/stop")])
        await here.settled()
        assert receipt.status is ReceiptStatus.ABSORBED
        assert here.channel.texts == ["as far as I got"]
        (nothing,) = await here.door.receive([text("/parar", event_id="again")])
        assert nothing.is_refused
        assert await here.rows("select count(*) from turns") == [(1,)]


async def test_a_waiting_message_can_be_stopped_before_it_begins(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def waits(turn: Turn, preview: Preview) -> str:
        await gate.wait()
        return f"{turn.message.text} {'stopped' if preview.is_stopped else 'whole'}"

    async with house(tmp_path, [Doing(waits)]) as here:
        _, second = await here.door.receive([text("one"), text("two")])
        await here.door.receive([text("", event_id="s", kind=Kind.STOP, target=second.turn_id)])
        gate.set()
        await here.settled()
        assert here.channel.texts == ["one whole", "two stopped"]


async def test_a_rating_does_not_wait_for_the_answer_that_is_being_written(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def waits(turn: Turn, preview: Preview) -> str:
        if turn.message.text == "two":
            await gate.wait()
        return turn.message.text

    async with house(tmp_path, [Doing(waits)]) as here:
        (first,) = await here.door.receive([text("one")])
        await here.settled()
        await here.door.receive([text("two")])
        (pressed,) = await here.door.receive([rating(first.turn_id, 1, event_id="r1")])
        assert pressed.reply is not None
        assert not pressed.is_refused
        await here.door.receive([rating(first.turn_id, -1, event_id="r2")])
        (foreign,) = await here.door.receive([rating(first.turn_id, 1, event_id="r3", user="bea")])
        assert foreign.is_refused
        gate.set()
        await here.settled()
        assert await here.rows("select turn_id, value from ratings") == [(first.turn_id, -1)]


@pytest.mark.parametrize("kind", [Kind.REACTION, Kind.EDIT])
async def test_what_is_about_an_answer_that_is_being_written_waits_for_it_and_holds_nobody_up(
    tmp_path: Path, kind: Kind
) -> None:
    gate, begun = asyncio.Event(), asyncio.Event()

    async def slow(turn: Turn, preview: Preview) -> str:
        preview.show("the answer beg")
        while not here.channel.previews:
            await asyncio.sleep(0.001)
        begun.set()
        await gate.wait()
        return "the answer"

    async with house(tmp_path, [Doing(slow)]) as here:
        (asked,) = await here.door.receive([text("why?", event_id="asked")])
        await begun.wait()
        about = "message-1" if kind is Kind.REACTION else "asked"
        (taken,) = await here.door.receive([text("what?", event_id="about", kind=kind, target=about)])
        (again,) = await here.door.receive([text("what?", event_id="about", kind=kind, target=about)])
        assert (taken.status, taken.state, taken.reply) == (ReceiptStatus.ABSORBED, InboxState.RECEIVED, None)
        assert again.turn_id == taken.turn_id
        gate.set()
        await here.settled()
        while await here.rows("select 1 from inbox where state = 'received'"):
            await asyncio.sleep(0.001)
        ratings = await here.rows("select turn_id, value from ratings")
        questions = await here.rows("select question from turns")
    assert ratings == ([(asked.turn_id, 1)] if kind is Kind.REACTION else [])
    assert questions == [("what?" if kind is Kind.EDIT else "why?",)]


async def test_a_reaction_to_what_a_crash_left_half_delivered_counts_at_the_next_start(tmp_path: Path) -> None:
    async def slow(turn: Turn, preview: Preview) -> str:
        preview.show("the answer beg")
        while not here.channel.previews:
            await asyncio.sleep(0.001)
        return "the answer"

    crashing = RecordingChannel()
    crashing.failures = [DeliveryPaused("the answer is there, but the bot dies before it knows", retry_after_s=60)]
    async with house(tmp_path, [Doing(slow)], channel=crashing) as here:
        (asked,) = await here.door.receive([text("why?")])
        await here.core.idle()
    async with house(tmp_path, [Doing(slow)], channel=RecordingChannel()) as here:
        reaction = text("👍", event_id="reaction", kind=Kind.REACTION, target="message-1")
        (done,) = await here.door.receive([reaction])
        await here.settled()
        assert done.status is ReceiptStatus.ABSORBED
        assert await here.rows("select turn_id, value from ratings") == [(asked.turn_id, 1)]


class Slowly(OffLane):
    """Takes its time over one message."""

    def __init__(self, event_id: str, seconds: float) -> None:
        self._event_id, self._seconds = event_id, seconds
        self.begun = asyncio.Event()

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        if turn.message.event_id == self._event_id:
            self.begun.set()
            await asyncio.sleep(self._seconds)
        return await super().handle(turn, preview)


async def test_what_a_crash_left_of_ratings_is_done_before_newer_ones(tmp_path: Path) -> None:
    never = Slowly("older", 3_600)
    async with house(tmp_path, lambda _: [never, Doing(echo)]) as here:
        (asked,) = await here.door.receive([text("why?")])
        await here.settled()
        older = asyncio.create_task(here.door.receive([rating(asked.turn_id, -1, event_id="older")]))
        await never.begun.wait()
    with pytest.raises(IntakeError):
        await older
    async with house(tmp_path, lambda _: [Slowly("older", 0.1), Doing(echo)]) as here:
        (done,) = await here.door.receive([rating(asked.turn_id, 1, event_id="newer")])
        assert done.status is ReceiptStatus.ABSORBED
        assert await here.rows("select state, count(*) from inbox where kind = 'rating' group by state") == [("absorbed", 2)]
        assert await here.rows("select value from ratings") == [(1,)]


async def test_a_group_message_that_is_not_for_the_bot_leaves_no_text(tmp_path: Path) -> None:
    async with house(tmp_path, [Doing(echo)]) as here:
        (receipt,) = await here.door.receive([dataclasses.replace(text("gossip"), is_addressed=False, sender_name="Bea")])
        await here.settled()
        assert receipt.status is ReceiptStatus.ABSORBED
        assert here.channel.texts == []
    raw = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"gossip" not in raw.replace(b"ana:gossip", b"")
    assert b"Bea" not in raw


async def test_the_platforms_message_is_opened_and_stored_before_the_first_preview(tmp_path: Path) -> None:
    async def writes(turn: Turn, preview: Preview) -> str:
        for end in range(1, 6):
            preview.show("word " * end)
            await asyncio.sleep(0.01)
        return "word " * 5 + "done"

    async with house(tmp_path, [Doing(writes)]) as here:
        (receipt,) = await here.door.receive([text("hello")])
        await here.settled()
        assert here.channel.opened == [receipt.turn_id]
        assert {opened for opened, _ in here.channel.previews} == {"message-1"}
        shown = [words for _, words in here.channel.previews]
        assert shown == sorted(set(shown), key=len)
        assert await here.rows("select platform_id, turn_id from deliveries") == [("message-1", receipt.turn_id)]
        assert await here.rows("select count(*) from parts") == [(0,)]


async def test_an_answer_that_comes_at_once_opens_nothing(tmp_path: Path) -> None:
    def at_once(turn: Turn, preview: Preview) -> str:
        preview.show("quick")
        return "quick"

    async with house(tmp_path, [Doing(at_once)]) as here:
        await here.door.receive([text("hello")])
        await here.settled()
        assert here.channel.opened == []


async def test_a_platform_that_refuses_previews_still_gets_its_reply(tmp_path: Path) -> None:
    class Refusing(RecordingChannel):
        async def preview(self, *_: object) -> None:
            raise DeliveryPaused("too many edits", 30)

    async def writes(turn: Turn, preview: Preview) -> str:
        preview.show("half")
        await asyncio.sleep(0.03)
        return "whole"

    async with house(tmp_path, [Doing(writes)], channel=Refusing()) as here:
        await here.door.receive([text("hello")])
        await here.settled()
        assert here.channel.texts == ["whole"]


async def test_while_the_disk_is_full_nothing_is_confirmed_and_it_recovers_by_itself(tmp_path: Path) -> None:
    is_full = False

    def before_call(call: str) -> None:
        if is_full and "arrival" in call:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    async with house(tmp_path, [Doing(echo)], before_call=before_call) as here:
        await here.core.recovered()
        is_full = True
        for number in range(5):
            with pytest.raises(StoreFull):
                await here.door.receive([text("hello", event_id=str(number))])
        is_full = False
        (receipt,) = await here.door.receive([text("hello", event_id="0")])
        await here.settled()
        assert receipt.state is InboxState.RECEIVED
        assert here.channel.texts == ["you said hello"]


async def test_a_closed_door_takes_nothing(tmp_path: Path) -> None:
    async with house(tmp_path, [Doing(echo)]) as here:
        here.door.is_closed = True
        with pytest.raises(IntakeError, match="stopping"):
            await here.door.receive([text("hello")])
        assert await here.rows("select count(*) from inbox") == [(0,)]


async def test_whoever_waits_for_a_receipt_when_the_bot_stops_is_told_at_once(tmp_path: Path) -> None:
    class NeverDone(Doing):
        def matches(self, turn: Turn) -> bool:
            return True

    def before_call(call: str) -> None:
        if is_slow and call == "insert arrival":
            time.sleep(0.2)  # in the writer's thread: the message is being stored while the door is closed

    is_slow = False
    async with house(
        tmp_path, lambda _: [NeverDone(lambda turn, preview: asyncio.Event().wait())], before_call=before_call
    ) as here:
        await here.core.recovered()
        rated = asyncio.create_task(here.door.receive([rating(TurnId("t"), 1, event_id="r")]))
        while not await here.rows("select 1 from inbox"):
            await asyncio.sleep(0.005)
        is_slow = True
        said = asyncio.create_task(here.door.receive([text("hello")]))
        await asyncio.sleep(0.02)
    for waiting in (rated, said):
        async with asyncio.timeout(2):
            with pytest.raises(IntakeError, match="stopping"):
                await waiting
    assert {state for (state,) in look(tmp_path / "martin.db", "select state from inbox")} == {"received"}


@pytest.mark.parametrize("event_id", ["\ud800", "a\nb", "\x00"])
async def test_an_event_that_cannot_be_stored_is_refused_alone(tmp_path: Path, event_id: str) -> None:
    async with house(tmp_path, [Doing(echo)]) as here:
        bad, good = await asyncio.gather(
            here.door.receive([text("bad", event_id=event_id)]), here.door.receive([text("good")]), return_exceptions=True
        )
        await here.settled()
        assert isinstance(bad, IntakeError)
        assert not isinstance(good, BaseException)
        assert here.channel.texts == ["you said good"]


async def test_somebody_forgotten_while_an_answer_is_written_is_told_and_begins_anew(tmp_path: Path) -> None:
    gate = asyncio.Event()

    async def waits(turn: Turn, preview: Preview) -> str:
        if turn.message.text == "second":
            await gate.wait()
        return turn.message.text

    async with house(tmp_path, [Doing(waits)]) as here:
        await here.door.receive([text("first")])
        await here.settled()
        await here.door.receive([text("second")])
        await asyncio.sleep(0.02)
        ((before,),) = await here.rows("select id from people")
        await here.stores.erasure.forget_person(PersonId(str(before)))
        gate.set()
        await here.settled()
        assert [outgoing.status for outgoing in here.channel.delivered] == [TurnStatus.ANSWERED, TurnStatus.FAILED]
        ((after,),) = await here.rows("select id from people")
        assert after != before
        assert await here.rows("select question from turns") == [("second",)]


async def test_a_cry_for_help_is_heard_whatever_limit_is_reached_and_whatever_waits(tmp_path: Path) -> None:
    gate = asyncio.Event()

    def helps(turn: Turn, preview: Preview) -> str:
        return "help is here"

    async def waits(turn: Turn, preview: Preview) -> str:
        await gate.wait()
        return "chat"

    class Crisis(Doing):
        def matches(self, turn: Turn) -> bool:
            return "help me" in turn.message.text

    limits, day = DoorLimits(per_person=2), CoreSettings(messages_per_day=1, store_retry_s=(0.005,))
    handlers = [Crisis(helps, name="crisis"), Doing(waits)]
    async with house(tmp_path, handlers, limits=limits, settings=day, is_urgent=lambda words: "help me" in words) as here:
        receipts = await here.door.receive([text("one"), text("two"), text("three"), text("help me")])
        assert [receipt.status for receipt in receipts][2:] == [ReceiptStatus.REFUSED, ReceiptStatus.ACCEPTED]
        gate.set()
        await here.settled()
        assert here.channel.texts[-1] == "help is here"
        assert await here.rows("select state from inbox order by id") == [("sent",), ("refused",), ("refused",), ("sent",)]


async def test_the_same_press_twice_in_one_batch_acts_once(tmp_path: Path) -> None:
    async with house(tmp_path, [Doing(echo)]) as here:
        (said,) = await here.door.receive([text("one")])
        await here.settled()
        up, down = rating(said.turn_id, 1, event_id="r1"), rating(said.turn_id, -1, event_id="r2")
        receipts = await here.door.receive([up, down, up])
        assert [receipt.status for receipt in receipts][2] is ReceiptStatus.DUPLICATE
        assert await here.rows("select value from ratings") == [(-1,)]


async def test_a_target_that_cannot_be_stored_is_refused_alone(tmp_path: Path) -> None:
    async with house(tmp_path, [Doing(echo)]) as here:
        bad = text("", event_id="s", kind=Kind.STOP, target="\ud800")
        results = await asyncio.gather(here.door.receive([bad]), here.door.receive([text("good")]), return_exceptions=True)
        await here.settled()
        assert isinstance(results[0], IntakeError)
        assert here.channel.texts == ["you said good"]


async def test_a_platform_that_hangs_over_a_preview_does_not_hold_the_answer_up(tmp_path: Path) -> None:
    class Hanging(RecordingChannel):
        async def preview(self, *_: object) -> None:
            await asyncio.Event().wait()

    async def writes(turn: Turn, preview: Preview) -> str:
        preview.show("half")
        await asyncio.sleep(0.03)
        return "whole"

    async with house(tmp_path, [Doing(writes)], channel=Hanging()) as here, asyncio.timeout(20):
        await here.door.receive([text("hello")])
        await here.settled()
        assert here.channel.texts == ["whole"]


async def test_whoever_waits_while_the_disk_is_full_is_told_so_and_answered_later(tmp_path: Path) -> None:
    is_full = False

    def before_call(call: str) -> None:
        if is_full and call == "insert turn":
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    async with house(tmp_path, [Doing(echo)], before_call=before_call) as here:
        is_full = True
        await here.door.receive([text("hello")])
        async with asyncio.timeout(10):
            while not any("disk" in shown for _, shown in here.channel.previews):
                await asyncio.sleep(0.01)
        is_full = False
        await here.settled()
        assert here.channel.texts == ["you said hello"]
