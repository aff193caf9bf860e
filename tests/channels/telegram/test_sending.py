"""Replies on the strict local Telegram: opened, filled, never twice, and what Telegram says no to."""

from __future__ import annotations

import asyncio

import pytest

from bot.channels.telegram.delivering import is_placeholder
from bot.channels.telegram.sending import telegram_pace
from bot.errors import ChatClosed, DeliveryError, DeliveryPaused, StoreBusy
from bot.types import Choice, Part, PlatformId, ReplyFile
from tests.channels.telegram.house import House, outgoing, turn_id
from tests.fakes import FakeParts
from tests.servers.telegram.faults import FaultKind
from tests.servers.telegram.people import Person
from tests.servers.telegram.server import TelegramServer
from tests.servers.telegram.text import units


@pytest.fixture
def house(server: TelegramServer) -> House:
    return House(server)


@pytest.fixture
def ana(server: TelegramServer) -> Person:
    """Somebody whose chat with the bot has begun."""
    ana = server.person("Ana", language="es")
    ana.says("hola")
    return ana


def methods(server: TelegramServer) -> list[str]:
    """What was asked that changes messages, in order."""
    wanted = ("sendMessage", "editMessageText", "sendDocument", "editMessageReplyMarkup")
    return [call.method for call in server.calls if call.method in wanted]


async def test_every_message_is_opened_committed_and_then_filled(server: TelegramServer, house: House, ana: Person) -> None:
    parts = FakeParts()
    async with house.running() as channel:
        ids = await channel.deliver(outgoing(ana.id, "**Yes.** It is."), parts)
    (shown,) = ana.seen()
    assert (shown.text, [one["type"] for one in shown.entities]) == ("Yes. It is.", ["bold"])
    assert is_placeholder(shown.versions[0].text)
    assert parts.there == {0: Part(platform_id=PlatformId(str(shown.id)))}
    assert ids == (PlatformId(str(shown.id)),)
    assert server.violations == []


async def test_link_previews_are_off(server: TelegramServer, house: House, ana: Person) -> None:
    async with house.running() as channel:
        await channel.deliver(outgoing(ana.id, "see"), FakeParts())
    assert ana.seen()[0].asked["link_preview_options"] == {"is_disabled": True}


async def test_the_placeholder_speaks_the_language_of_its_turn(server: TelegramServer, house: House, ana: Person) -> None:
    house.turns.keep(turn_id(), language="es")
    async with house.running() as channel:
        await channel.deliver(outgoing(ana.id, "sí"), FakeParts())
    assert is_placeholder(ana.seen()[0].versions[0].text)
    assert ana.seen()[0].versions[0].text != "✍️ …"


async def test_a_long_answer_comes_in_order_within_the_limit(server: TelegramServer, house: House, ana: Person) -> None:
    text = "\n\n".join(f"Paragraph {number} with some words 😀." for number in range(400))
    parts = FakeParts()
    async with house.running() as channel:
        ids = await channel.deliver(outgoing(ana.id, text, rateable=True), parts)
    shown = ana.seen()
    assert len(shown) == len(ids) > 2
    assert [PlatformId(str(one.id)) for one in shown] == list(ids)
    assert all(units(one.text) <= 4096 for one in shown)
    assert "\n\n".join(one.text for one in shown) == text
    assert [one.labels for one in shown] == [[]] * (len(shown) - 1) + [["👍", "👎"]]
    assert [part.is_filled for part in parts.there.values()] == [True] * (len(shown) - 1) + [False]


async def test_an_answer_that_was_shown_while_it_was_written_fills_the_same_message(
    server: TelegramServer, house: House, ana: Person
) -> None:
    async with house.running() as channel:
        (message,) = await house.desk.has(1)
        opened = await channel.open(message, turn_id())
        assert opened is not None
        await channel.preview(message, turn_id(), opened, "An ans")
        await channel.deliver(outgoing(ana.id), FakeParts({0: Part(platform_id=opened)}))
    (shown,) = ana.seen()
    assert [version.text for version in shown.versions][1:] == ["An ans", "An answer."]
    assert methods(server) == ["sendMessage", "editMessageText", "editMessageText"]


# --- a crash in the middle ---


async def test_after_a_crash_nothing_that_is_filled_comes_again(server: TelegramServer, house: House, ana: Person) -> None:
    text = "\n\n".join("word " * 150 for _ in range(10))
    parts = FakeParts()
    async with house.running() as channel:
        fault = server.faults.add(
            FaultKind.DROP_BEFORE, "editMessageText", where=lambda given: given["message_id"] != first(ana)
        )
        with pytest.raises(DeliveryError):
            await channel.deliver(outgoing(ana.id, text), parts)
        assert fault.happened == 1
    kept = dict(parts.there)
    assert kept[0].is_filled
    assert not kept[1].is_filled
    async with house.running(house.made()) as channel:
        ids = await channel.deliver(outgoing(ana.id, text), FakeParts(kept))
    assert [PlatformId(str(one.id)) for one in ana.seen()] == list(ids)
    assert [len(one.versions) for one in ana.seen()] == [2] * len(ids)
    assert not any(is_placeholder(one.text) for one in ana.seen())


def first(person: Person) -> int:
    """The id of the first message that the bot wrote them."""
    return person.seen()[0].id


async def test_an_edit_that_was_done_unnoticed_is_done(server: TelegramServer, house: House, ana: Person) -> None:
    parts = FakeParts()
    async with house.running() as channel:
        server.faults.add(FaultKind.DROP_AFTER, "editMessageText")
        with pytest.raises(DeliveryError):
            await channel.deliver(outgoing(ana.id), parts)
        ids = await channel.deliver(outgoing(ana.id), parts)
    (shown,) = ana.seen()
    assert (shown.text, len(shown.versions), ids) == ("An answer.", 2, (PlatformId(str(shown.id)),))


async def test_a_send_that_was_done_unnoticed_leaves_one_bubble_that_explains_itself(
    server: TelegramServer, house: House, ana: Person
) -> None:
    parts = FakeParts()
    async with house.running() as channel:
        server.faults.add(FaultKind.DROP_AFTER, "sendMessage")
        with pytest.raises(DeliveryError):
            await channel.deliver(outgoing(ana.id), parts)
        await channel.deliver(outgoing(ana.id), parts)
    stray, shown = ana.seen()
    assert is_placeholder(stray.text)
    assert shown.text == "An answer."


async def test_a_message_that_somebody_deleted_is_made_anew(server: TelegramServer, house: House, ana: Person) -> None:
    async with house.running() as channel:
        (message,) = await house.desk.has(1)
        opened = await channel.open(message, turn_id())
        assert opened is not None
        ana.deletes(ana.seen()[0])
        await channel.deliver(outgoing(ana.id), FakeParts({0: Part(platform_id=opened)}))
    assert [one.text for one in ana.seen()] == ["An answer."]


# --- what Telegram says no to ---


async def test_a_limit_answer_pauses_the_chat_for_its_time(server: TelegramServer, house: House, ana: Person) -> None:
    bea = server.person("Bea")
    bea.says("hi")
    server.faults.refuse("sendMessage", 429, "Too Many Requests: retry after 1", retry_after=1)
    parts, loop = FakeParts(), asyncio.get_running_loop()
    async with house.running() as channel:
        with pytest.raises(DeliveryPaused) as paused:
            await channel.deliver(outgoing(ana.id), parts)
        began = loop.time()
        await channel.deliver(outgoing(bea.id, number=2), FakeParts())
        assert loop.time() - began < 0.8, "another chat waits for nobody"
        await channel.deliver(outgoing(ana.id), parts)
        assert loop.time() - began > 0.9
    assert paused.value.retry_after_s == 1
    assert [one.text for one in ana.seen()] == ["An answer."]


async def test_whoever_blocked_the_bot_closes_the_chat(server: TelegramServer, house: House, ana: Person) -> None:
    ana.blocks()
    async with house.running() as channel:
        with pytest.raises(ChatClosed):
            await channel.deliver(outgoing(ana.id), FakeParts())
        with pytest.raises(ChatClosed):
            await channel.deliver(outgoing(999_999), FakeParts())
    assert methods(server) == ["sendMessage", "sendMessage"], "one try each"


@pytest.mark.parametrize("description", ["Bad Request: can't parse entities", "Bad Request: ENTITY_BOUNDS_INVALID"])
async def test_formatting_that_is_refused_is_left_out(
    server: TelegramServer, house: House, ana: Person, description: str
) -> None:
    server.faults.add(
        FaultKind.ANSWER, "editMessageText", code=400, description=description, where=lambda given: bool(given.get("entities"))
    )
    async with house.running() as channel:
        await channel.deliver(outgoing(ana.id, "**Yes.**", rateable=True), FakeParts())
    (shown,) = ana.seen()
    assert (shown.text, shown.entities, shown.labels) == ("Yes.", [], ["👍", "👎"])


async def test_buttons_that_are_refused_are_left_out_last(server: TelegramServer, house: House, ana: Person) -> None:
    server.faults.add(
        FaultKind.ANSWER,
        "editMessageText",
        times=5,
        code=400,
        description="Bad Request: BUTTON_DATA_INVALID",
        where=lambda given: "reply_markup" in given,
    )
    async with house.running() as channel:
        await channel.deliver(outgoing(ana.id, "Yes.", rateable=True), FakeParts())
    assert [(one.text, one.labels) for one in ana.seen()] == [("Yes.", [])]


async def test_what_telegram_finds_too_long_comes_in_smaller_pieces(server: TelegramServer, house: House, ana: Person) -> None:
    text = "word " * 500
    server.faults.refuse("editMessageText", 400, "Bad Request: MESSAGE_TOO_LONG")
    async with house.running() as channel:
        ids = await channel.deliver(outgoing(ana.id, text, rateable=True), FakeParts())
    shown = ana.seen()
    assert [PlatformId(str(one.id)) for one in shown] == list(ids)
    assert " ".join(one.text for one in shown) == text.strip()
    assert [one.labels for one in shown][-1] == ["👍", "👎"]


@pytest.mark.parametrize("kind", [FaultKind.DROP_BEFORE, FaultKind.GARBAGE])
async def test_a_lost_connection_is_tried_again_by_the_delivery(
    server: TelegramServer, house: House, ana: Person, kind: FaultKind
) -> None:
    server.faults.add(kind, "sendMessage")
    async with house.running() as channel:
        with pytest.raises(DeliveryError) as lost:
            await channel.deliver(outgoing(ana.id), FakeParts())
        assert server.token not in f"{lost.value!r} {lost.value.__cause__!r} {lost.value.__context__!r}"
        await channel.deliver(outgoing(ana.id), FakeParts())
    assert [one.text for one in ana.seen()] == ["An answer."]


async def test_a_database_that_cannot_be_read_delays_the_delivery(server: TelegramServer, house: House, ana: Person) -> None:
    house.turns.error = StoreBusy("locked")
    async with house.running() as channel:
        with pytest.raises(DeliveryError):
            await channel.deliver(outgoing(ana.id), FakeParts())
    assert ana.seen() == []


# --- groups ---


async def test_in_a_group_the_answer_replies_to_its_question_in_its_topic(server: TelegramServer, house: House) -> None:
    ana = server.person("Ana")
    group = server.forum("Friends", ana)
    topic = group.topic("Weather")
    question = ana.says("@martin_test_bot and tomorrow?", to=group, topic=topic)
    async with house.running() as channel:
        await channel.deliver(outgoing(group.id, thread=topic, handle=str(question.id)), FakeParts())
        ana.deletes(question)
        await channel.deliver(outgoing(group.id, "Late.", number=2, thread=topic, handle=str(question.id)), FakeParts())
    shown, late = ana.seen(group)
    assert (shown.text, shown.reply_to, shown.thread) == ("An answer.", question, topic)
    assert (late.text, late.reply_to, late.thread) == ("Late.", None, topic)


async def test_a_topic_that_is_gone_does_not_take_the_answer_along(server: TelegramServer, house: House) -> None:
    ana = server.person("Ana")
    group = server.forum("Friends", ana)
    async with house.running() as channel:
        await channel.deliver(outgoing(group.id, thread=77), FakeParts())
    assert [(one.text, one.thread) for one in ana.seen(group)] == [("An answer.", 0)]


async def test_a_group_that_became_a_supergroup_gets_its_answer_there(server: TelegramServer, house: House) -> None:
    ana = server.person("Ana")
    group = server.group("Friends", ana, kind="group")
    question = ana.says("@martin_test_bot why?", to=group)
    async with house.running() as channel:
        grown = group.becomes_supergroup()
        opened = FakeParts({0: Part(platform_id=PlatformId("1"))})
        await channel.deliver(outgoing(group.id, handle=str(question.id)), opened)
        await channel.deliver(outgoing(group.id, "More.", number=2, handle=str(question.id)), FakeParts())
    assert [one.text for one in ana.seen(grown)] == ["An answer.", "More."]


# --- drafts and files ---


async def test_drafts_show_what_is_written_and_the_whole_is_sent_once(server: TelegramServer, ana: Person) -> None:
    house, parts = House(server, streaming="draft"), FakeParts()
    async with house.running() as channel:
        (message,) = await house.desk.has(1)
        assert await channel.open(message, turn_id()) is None
        await channel.preview(message, turn_id(), None, "An ans")
        (draft,) = ana.chat.drafts.values()
        assert draft.text == "An ans"
        ids = await channel.deliver(outgoing(ana.id), parts)
    (shown,) = ana.seen()
    assert ([one.text for one in shown.versions], ids) == (["An answer."], (PlatformId(str(shown.id)),))
    assert server.violations == []


@pytest.mark.parametrize(("after_crash", "messages"), [("resend", 2), ("skip", 1)])
async def test_with_drafts_an_unknown_send_is_repeated_or_skipped(
    server: TelegramServer, ana: Person, after_crash: str, messages: int
) -> None:
    house, parts = House(server, streaming="draft", after_crash=after_crash), FakeParts()
    async with house.running() as channel:
        server.faults.add(FaultKind.DROP_AFTER, "sendMessage")
        with pytest.raises(DeliveryError):
            await channel.deliver(outgoing(ana.id), parts)
    async with house.running(house.made()) as channel:
        ids = await channel.deliver(outgoing(ana.id), FakeParts(parts.there))
    assert [one.text for one in ana.seen()] == ["An answer."] * messages
    assert len(ids) == messages - 1


async def test_with_drafts_a_refused_send_is_never_skipped(server: TelegramServer, ana: Person) -> None:
    house, parts = House(server, streaming="draft", after_crash="skip"), FakeParts()
    server.faults.refuse("sendMessage", 429, "Too Many Requests: retry after 1", retry_after=1)
    async with house.running() as channel:
        with pytest.raises(DeliveryPaused):
            await channel.deliver(outgoing(ana.id), parts)
        await channel.deliver(outgoing(ana.id), parts)
    assert [one.text for one in ana.seen()] == ["An answer."]


async def test_files_come_after_the_text_and_not_again(server: TelegramServer, house: House, ana: Person) -> None:
    parts = FakeParts()
    row = outgoing(ana.id, "Here.", files=(ReplyFile(name="data.json", media_type="application/json", content=b"{}"),))
    async with house.running() as channel:
        ids = await channel.deliver(row, parts)
        assert await channel.deliver(row, parts) == ids
    text, file = ana.seen()
    assert (text.text, file.media["document"]["file_name"]) == ("Here.", "data.json")
    assert [*server.world.files.values()][-1].data == b"{}"


async def test_choices_are_buttons_in_the_rows_they_ask_for(server: TelegramServer, house: House, ana: Person) -> None:
    choices = tuple(Choice(key="k" * 200 + str(number), label=f"Option {number}", row=number // 2) for number in range(3))
    async with house.running() as channel:
        await channel.deliver(outgoing(ana.id, "Which?", choices=choices), FakeParts())
    (shown,) = ana.seen()
    assert [[one["text"] for one in row] for row in shown.buttons] == [["Option 0", "Option 1"], ["Option 2"]]
    assert server.violations == []


# --- previews ---


async def test_previews_are_dropped_where_they_would_have_to_wait(server: TelegramServer, house: House, ana: Person) -> None:
    async with house.running(house.made(telegram_pace(house.clock))) as channel:
        (message,) = await house.desk.has(1)
        opened = await channel.open(message, turn_id())
        began = asyncio.get_running_loop().time()
        for number in range(50):
            await channel.preview(message, turn_id(), opened, "word " * number)
        assert asyncio.get_running_loop().time() - began < 0.9
    assert len(ana.seen()[0].versions) <= 3


async def test_previews_raise_nothing(server: TelegramServer, house: House, ana: Person) -> None:
    async with house.running() as channel:
        (message,) = await house.desk.has(1)
        opened = await channel.open(message, turn_id())
        server.faults.refuse("editMessageText", 429, "Too Many Requests: retry after 60", retry_after=60)
        await channel.preview(message, turn_id(), opened, "one")
        await channel.preview(message, turn_id(), opened, "two")
    assert methods(server) == ["sendMessage", "editMessageText"], "the chat is paused"


async def test_trouble_before_there_is_a_message_is_told_in_one_of_its_own(
    server: TelegramServer, house: House, ana: Person
) -> None:
    async with house.running() as channel:
        (message,) = await house.desk.has(1)
        await channel.preview(message, turn_id(), None, "My disk may be full.")
    assert [one.text for one in ana.seen()] == ["My disk may be full."]


async def test_nothing_is_sent_before_the_bot_is_connected(house: House, server: TelegramServer, ana: Person) -> None:
    delivering = asyncio.create_task(house.channel.deliver(outgoing(ana.id), FakeParts()))
    await asyncio.sleep(0.05)
    assert server.calls == []
    async with house.running():
        await delivering
    assert [one.text for one in ana.seen()] == ["An answer."]


async def test_a_strict_telegram_finds_nothing_to_limit(server: TelegramServer, house: House) -> None:
    server.limits.is_on = True
    people = [server.person(f"P{number}") for number in range(6)]
    for one in people:
        one.says("hi")
    async with house.running(house.made(telegram_pace(house.clock))) as channel, asyncio.TaskGroup() as tasks:
        for number, one in enumerate(people):
            tasks.create_task(channel.deliver(outgoing(one.id, number=number + 1), FakeParts()))
    assert server.limits.answers == 0
    assert [one.seen()[0].text for one in people] == ["An answer."] * 6
