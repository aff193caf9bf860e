"""What people do in Telegram and what they see at once: groups, files, edits, reactions, buttons, the typing sign, the menu."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.buttons import UP, button
from bot.channels.telegram.buttons import MARK
from bot.channels.telegram.channel import TelegramChannel
from bot.errors import StoreBusy
from bot.profile_types import Reason
from bot.reason_words import reason_words
from bot.types import Choice, GivenRating, IncomingMessage, Kind, PlatformId, Reply
from tests.channels.telegram.house import ADMIN, SECRET, House, outgoing, turn_id
from tests.fakes import FakeParts
from tests.servers.telegram.chats import Message
from tests.servers.telegram.faults import FaultKind
from tests.servers.telegram.people import Person
from tests.servers.telegram.server import TelegramServer


@pytest.fixture
def house(server: TelegramServer) -> House:
    return House(server)


@pytest.fixture
async def channel(server: TelegramServer, house: House) -> AsyncIterator[TelegramChannel]:
    """The channel, taking messages in."""
    async with house.running() as running:
        yield running
    assert server.violations == []


@pytest.fixture
def ana(server: TelegramServer) -> Person:
    return server.person("Ana", language="es")


async def answered(house: House, channel: TelegramChannel, ana: Person, **more: object) -> Message:
    """An answer of ours in Ana's chat, with its buttons."""
    ana.says("¿qué?")
    await house.desk.has(len(house.desk.taken) + 1)
    row = outgoing(ana.id, "An answer.")
    await channel.deliver(replace(row, reply=replace(row.reply, rateable=True, **more)), FakeParts())  # type: ignore[arg-type]
    return ana.seen()[-1]


# --- groups ---


async def test_in_a_group_only_what_is_for_the_bot_keeps_its_text(
    server: TelegramServer, house: House, channel: TelegramChannel, ana: Person
) -> None:
    group = server.group("Friends", ana)
    ana.says("not for you", to=group)
    ana.says("@martin_test_bot for you", to=group)
    ana.says("/help@other_bot", to=group)
    ana.sends_photo(to=group)
    taken = await house.desk.has(4)
    assert [(one.text, one.is_addressed) for one in taken] == [("", False), ("for you", True), ("", False), ("", False)]
    assert [(one.address.chat, one.address.user) for one in taken] == [
        ("0", "0"),
        (str(group.id), str(ana.id)),
        ("0", "0"),
        ("0", "0"),
    ]
    assert not any(one.attachments for one in taken)
    assert house.manners.asked == [("not for you", False), ("for you", True), ("", False)]


async def test_where_the_bot_always_answers_everything_is_for_it(
    server: TelegramServer, house: House, channel: TelegramChannel, ana: Person
) -> None:
    house.manners.is_always = True
    group = server.group("Friends", ana)
    ana.says("anything", to=group)
    ana.says("/help@other_bot", to=group)
    assert [(one.text, one.is_addressed) for one in await house.desk.has(2)] == [("anything", True), ("", False)]


async def test_a_group_that_grows_takes_along_what_was_chosen_for_it(
    server: TelegramServer, house: House, channel: TelegramChannel, ana: Person
) -> None:
    house.moves.failures = [StoreBusy("locked")]
    group = server.group("Friends", ana, kind="group")
    grown = group.becomes_supergroup()
    await house.desk.has(2)
    assert set(house.moves.moved) == {(str(group.id), str(grown.id))}


async def test_private_chats_ask_no_manners(house: House, channel: TelegramChannel, ana: Person) -> None:
    ana.says("hola")
    assert [(one.text, one.is_private) for one in await house.desk.has(1)] == [("hola", True)]
    assert house.manners.asked == []


async def test_a_bystanders_edit_keeps_nothing(
    server: TelegramServer, house: House, channel: TelegramChannel, ana: Person
) -> None:
    group = server.group("Friends", ana)
    said = ana.says("not for you", to=group)
    ana.edits(said, "still not for you")
    taken = await house.desk.has(2)
    assert [(one.kind, one.text, one.is_addressed) for one in taken] == [(Kind.TEXT, "", False)] * 2


async def test_an_edit_of_a_question_is_one(house: House, channel: TelegramChannel, ana: Person) -> None:
    said = ana.says("¿qé?")
    ana.edits(said, "¿qué?")
    first, edit = await house.desk.has(2)
    assert (edit.kind, edit.text, edit.target) == (Kind.EDIT, "¿qué?", first.event_id)


async def test_in_a_group_the_edit_of_a_question_finds_it(
    server: TelegramServer, house: House, channel: TelegramChannel, ana: Person
) -> None:
    group = server.group("Friends", ana)
    said = ana.says("@martin_test_bot ¿qé?", to=group)
    ana.edits(said, "@martin_test_bot ¿qué?")
    first, edit = await house.desk.has(2)
    assert (edit.kind, edit.text) == (Kind.EDIT, "¿qué?")
    assert await house.desk.turn_of(edit.address.channel, edit.target or "") is not None
    assert edit.address == first.address


async def test_what_is_said_of_an_edit_is_told(house: House, channel: TelegramChannel, ana: Person) -> None:
    house.desk.replies[Kind.EDIT] = Reply(text="Please call **024**.")
    ana.edits(ana.says("¿qé?"), "I want to die")
    shown = await ana.reads_text("024")
    assert shown.text == "Please call 024."


# --- files ---


async def test_a_text_file_is_read_below_the_text(house: House, channel: TelegramChannel, ana: Person) -> None:
    ana.sends_file("notes.md", "# Rain\n\nIt falls 😀.".encode(), "text/markdown", caption="sum this up")
    (taken,) = await house.desk.has(1)
    assert taken.text == "sum this up\n\n📄 notes.md\n> # Rain\n>\n> It falls 😀."
    assert taken.attachments == ()


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a\x00b", b"  \n"])
async def test_what_is_no_text_is_owned_up_to(house: House, channel: TelegramChannel, ana: Person, data: bytes) -> None:
    ana.sends_file("notes.txt", data, caption="look")
    (taken,) = await house.desk.has(1)
    assert (taken.text, [one.name for one in taken.attachments]) == ("look", ["notes.txt"])


async def test_a_file_that_does_not_come_is_owned_up_to(
    server: TelegramServer, house: House, channel: TelegramChannel, ana: Person
) -> None:
    server.faults.refuse("getFile", 400, "Bad Request: file is temporarily unavailable")
    ana.sends_file("notes.txt", b"hello")
    ana.sends_file("large.txt", b"hello", size=300_000)
    small, large = await house.desk.has(2)
    assert [one.name for one in (*small.attachments, *large.attachments)] == ["notes.txt", "large.txt"]
    assert [call.method for call in server.calls].count("getFile") == 1


async def test_pictures_and_voices_are_there_to_be_owned_up_to(house: House, channel: TelegramChannel, ana: Person) -> None:
    ana.sends_photo()
    ana.sends_voice()
    ana.sends({"location": {"latitude": 1.0, "longitude": 2.0}})
    taken = await house.desk.has(3)
    assert [one.attachments[0].name for one in taken] == ["photo", "voice", "location"]
    assert all(one.is_addressed and one.kind is Kind.TEXT for one in taken)


async def test_an_album_is_owned_up_to_once(house: House, channel: TelegramChannel, ana: Person) -> None:
    photo = [{"file_id": "P", "file_unique_id": "U", "width": 9, "height": 9}]
    for album in ("1", "1", "2", "1"):
        ana.sends({"photo": photo, "media_group_id": album})
    assert [bool(one.attachments) for one in await house.desk.has(4)] == [True, False, True, False]


# --- reactions ---


async def test_only_reactions_to_our_answers_count(house: House, channel: TelegramChannel, ana: Person) -> None:
    answer = await answered(house, channel, ana)
    question = next(one for one in ana.chat.alive() if one.text == "¿qué?")
    house.turns.delivered[str(ana.id), PlatformId(str(answer.id))] = turn_id()
    ana.reacts(question, "👍")
    ana.reacts(answer, "👍")
    ana.reacts(answer)
    _, liked, withdrawn = await house.desk.has(3)
    assert [(one.kind, one.text, one.target) for one in (liked, withdrawn)] == [
        (Kind.REACTION, "👍", str(answer.id)),
        (Kind.REACTION, "", str(answer.id)),
    ]


# --- buttons ---


async def test_a_thumb_is_thanked_for_marked_and_taken_back(house: House, channel: TelegramChannel, ana: Person) -> None:
    answer = await answered(house, channel, ana)
    house.desk.replies[Kind.RATING] = Reply(text="Thank you! " + "x" * 300)
    press = await ana.sees_answer(ana.presses(answer, "👍"))
    assert press.text == ("Thank you! " + "x" * 300)[:200]
    await ana.reads(lambda one: one.labels == [f"{MARK}👍", "👎"])
    await ana.sees_answer(ana.presses(answer, f"{MARK}👍"))
    await ana.reads(lambda one: one.labels == ["👍", "👎"])
    assert [one.rating for one in house.desk.taken if one.kind is Kind.RATING] == [
        GivenRating(turn_id=turn_id(), value=1),
        GivenRating(turn_id=turn_id(), value=0),
    ]


async def test_a_thumb_down_asks_why(house: House, channel: TelegramChannel, ana: Person) -> None:
    answer, words = await answered(house, channel, ana), reason_words("es")
    ana.presses(answer, "👎")
    await ana.reads(lambda one: words[Reason.WRONG] in one.labels)
    assert answer.labels[:2] == ["👍", f"{MARK}👎"]
    ana.presses(answer, words[Reason.STYLE])
    await ana.reads(lambda one: words[Reason.OUTLINE] in one.labels)
    ana.presses(answer, words[Reason.OUTLINE])
    await ana.reads(lambda one: f"{MARK}{words[Reason.OUTLINE]}" in one.labels)
    hint = await ana.sees_answer(ana.presses(answer, "✏️"))
    assert hint.text
    ratings = [one.rating for one in await house.desk.has(4) if one.rating is not None]
    assert [rating.reason for rating in ratings] == [None, Reason.STYLE, Reason.OUTLINE]


async def test_a_rating_without_effect_changes_no_button(house: House, channel: TelegramChannel, ana: Person) -> None:
    answer = await answered(house, channel, ana)
    house.desk.replies[Kind.RATING], house.desk.is_refusing = Reply(text="I cannot find that answer."), True
    press = await ana.sees_answer(ana.presses(answer, "👍"))
    await asyncio.sleep(0.05)
    assert (press.text, answer.labels) == ("I cannot find that answer.", ["👍", "👎"])


CHOICES = (Choice(key="a", label="First"), Choice(key="b", label="Second"))


async def test_a_choice_is_marked_once_it_counts_and_a_second_one_moves_no_mark(
    house: House, channel: TelegramChannel, ana: Person
) -> None:
    answer = await answered(house, channel, ana, choices=CHOICES)
    await ana.sees_answer(ana.presses(answer, "Second"))
    assert answer.labels == ["First", "Second", "👍", "👎"], "nobody has judged it yet"
    house.turns.keep(turn_id(1), choices=CHOICES, chosen="b")
    await channel.deliver(outgoing(ana.id, "Second it is.", number=2), FakeParts())
    await ana.reads(lambda one: one.labels == ["First", f"{MARK}Second", "👍", "👎"])
    ana.presses(answer, "👍")
    await ana.reads(lambda one: one.labels == ["First", f"{MARK}Second", f"{MARK}👍", "👎"])
    await ana.sees_answer(ana.presses(answer, "First"))
    await channel.deliver(outgoing(ana.id, "It was Second.", number=4), FakeParts())
    await asyncio.sleep(0.05)
    assert answer.labels == ["First", f"{MARK}Second", f"{MARK}👍", "👎"]
    assert [one.choice.key for one in house.desk.taken if one.choice is not None] == ["#1", "#0"]


@pytest.mark.parametrize("is_kept", [True, False])
async def test_a_choice_that_does_not_count_marks_nothing(
    house: House, channel: TelegramChannel, ana: Person, is_kept: bool
) -> None:
    answer = await answered(house, channel, ana, choices=CHOICES)
    if is_kept:
        house.turns.keep(turn_id(1), choices=CHOICES)
    await ana.sees_answer(ana.presses(answer, "Second"))
    await channel.deliver(outgoing(ana.id, "That was not asked of you.", number=2), FakeParts())
    await asyncio.sleep(0.05)
    assert answer.labels == ["First", "Second", "👍", "👎"]


async def test_forged_buttons_get_a_polite_word_and_leave_no_trace(
    server: TelegramServer, house: House, channel: TelegramChannel, ana: Person
) -> None:
    answer = await answered(house, channel, ana)
    taken = len(house.desk.taken)
    for data in (button(b"another secret", turn_id(), UP), "x", "", button(SECRET, turn_id(), UP)[:-1] + "!"):
        press = await ana.sees_answer(ana.sends_press(answer, data))
        assert press.text
    assert len(house.desk.taken) == taken
    assert answer.labels == ["👍", "👎"]


async def test_buttons_from_before_a_restart_work_and_so_do_those_of_old_messages(
    server: TelegramServer, house: House, ana: Person
) -> None:
    async with house.running() as channel:
        answer = await answered(house, channel, ana)
    async with house.running(house.made()):
        press = ana.sends_press(answer, button(SECRET, turn_id(), UP), is_inaccessible=True)
        await ana.sees_answer(press)
        taken = await house.desk.has(2)
    assert taken[-1].rating == GivenRating(turn_id=turn_id(), value=1)


async def test_a_press_counts_also_when_its_answer_is_lost(
    server: TelegramServer, house: House, channel: TelegramChannel, ana: Person
) -> None:
    answer = await answered(house, channel, ana)
    server.faults.add(FaultKind.DROP_BEFORE, "answerCallbackQuery")
    ana.presses(answer, "👍")
    assert (await house.desk.has(2))[-1].kind is Kind.RATING


# --- signs and menu ---


async def test_whoever_waits_sees_that_the_bot_is_writing_until_something_is_shown(
    house: House, channel: TelegramChannel, ana: Person
) -> None:
    ana.says("¿qué?")
    (message,) = await house.desk.has(1)
    async with asyncio.timeout(10):
        while not ana.chat.actions:
            await asyncio.sleep(0.05)
    assert [action for action, _ in ana.chat.actions] == ["typing"]
    await channel.open(message, turn_id())


async def test_a_quick_answer_needs_no_sign(house: House, channel: TelegramChannel, ana: Person) -> None:
    await answered(house, channel, ana)
    await asyncio.sleep(1.5)
    assert ana.chat.actions == []


async def test_the_menu_is_in_the_persons_language_and_admins_have_their_own(server: TelegramServer) -> None:
    admin, ana, bea = server.person("Root"), server.person("Ana", language="es"), server.person("Bea", language="de")
    admin.account.id = ADMIN
    house = House(server)
    async with house.running():
        async with asyncio.timeout(10):
            while ("chat:4242", "en") not in server.methods.commands:
                await asyncio.sleep(0.02)
    spanish, other = (dict_of(server, one) for one in (ana, bea))
    assert spanish["ayuda"] == "qué sé hacer"
    assert other["help"] == "what I can do"
    assert "admin" not in spanish | other
    assert "admin" in dict_of(server, admin)
    assert server.violations == []


def dict_of(server: TelegramServer, person: Person) -> dict[str, str]:
    """The commands that this person's app offers in their own chat."""
    return {one["command"]: one["description"] for one in server.methods.menu(person.account, person.chat)}


async def test_a_menu_that_telegram_refuses_keeps_nobody_waiting(server: TelegramServer, house: House, ana: Person) -> None:
    server.faults.refuse("setMyCommands", 400, "Bad Request: BOT_COMMAND_INVALID", times=10)
    ana.says("hola")
    async with house.running():
        taken: list[IncomingMessage] = await house.desk.has(1)
    assert taken[0].text == "hola"


async def test_the_menu_is_set_however_often_telegram_is_away(server: TelegramServer, house: House) -> None:
    away = server.faults.refuse("setMyCommands", 502, "Bad Gateway", times=3)
    broken = server.faults.add(FaultKind.DROP_BEFORE, "setMyCommands")
    waits = server.faults.refuse("setMyCommands", 429, "Too Many Requests: retry after 1", retry_after=1)
    async with house.running():
        async with asyncio.timeout(10):
            while ("", "es") not in server.methods.commands:
                await asyncio.sleep(0.02)
    assert (away.happened, broken.happened, waits.happened) == (3, 1, 1)
