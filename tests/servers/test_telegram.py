"""The local Telegram as a bot meets it: through python-telegram-bot, with Telegram's refusals."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllGroupChats,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MessageEntity,
    ReplyParameters,
)
from telegram.error import (
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TimedOut,
)

from tests.servers.spec import ABSENT
from tests.servers.telegram.counts import count
from tests.servers.telegram.description import description
from tests.servers.telegram.faults import FaultKind
from tests.servers.telegram.fixtures import bot, keyboard, post, refused, server
from tests.servers.telegram.limits import Limits
from tests.servers.telegram.server import TOKEN, TelegramServer
from tests.servers.telegram.text import units

__all__ = ["bot", "server"]  # fixtures

needs_description = pytest.mark.skipif(description() is None, reason=ABSENT)


# --- what is sent ---


async def test_message_arrives_with_entities_buttons_reply_and_no_preview(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana", language="es")
    question = ana.says("¿qué es 😀?")
    sent = await bot.send_message(
        ana.id,
        "Es 😀 una cara",
        entities=[MessageEntity("bold", 6, 3)],
        reply_markup=keyboard("👍", "👎"),
        reply_parameters=ReplyParameters(question.id),
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    seen = await ana.reads_text("una cara")
    assert (seen.id, seen.labels, seen.reply_to) == (sent.message_id, ["👍", "👎"], question)
    assert seen.entities == [{"type": "bold", "offset": 6, "length": 3}]
    assert seen.asked["link_preview_options"] == {"is_disabled": True}
    assert server.violations == []


async def test_edits_keep_the_history_and_drop_buttons_that_are_not_given_again(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana")
    ana.says("hi")
    bubble = await bot.send_message(ana.id, "…", reply_markup=keyboard("stop"))
    await bot.edit_message_text("half an answer", ana.id, bubble.message_id)
    with refused("message is not modified"):
        await bot.edit_message_text("half an answer", ana.id, bubble.message_id)
    with refused("message is not modified"):
        await bot.edit_message_text("half an answer \n", ana.id, bubble.message_id)  # space at the end is dropped
    await bot.edit_message_reply_markup(ana.id, bubble.message_id, reply_markup=keyboard("👍"))
    seen = ana.seen()[0]
    assert [one.text for one in seen.versions] == ["…", "half an answer", "half an answer"]
    assert [bool(one.buttons) for one in seen.versions] == [True, False, True]
    await bot.delete_message(ana.id, bubble.message_id)
    assert ana.seen() == []
    with refused("message to edit not found"):
        await bot.edit_message_text("more", ana.id, bubble.message_id)
    with refused("message to delete not found"):
        await bot.delete_message(ana.id, bubble.message_id)


@pytest.mark.parametrize(
    ("text", "refusal"),
    [("x" * 4097, "message is too long"), ("😀" * 2049, "message is too long"), (" \n", "text must be non-empty")],
)
async def test_text_keeps_to_the_limits_in_utf16_units(server: TelegramServer, bot: Bot, text: str, refusal: str) -> None:
    ana = server.person("ana")
    ana.says("hi")
    with refused(refusal):
        await bot.send_message(ana.id, text)
    await bot.send_message(ana.id, "😀" * 2048)
    assert units(ana.seen()[0].text) == 4096


@pytest.mark.parametrize(
    ("offset", "length", "refusal"),
    [
        (9, 1, "begins after the end of the text"),
        (0, 9, "ends after the end of the text"),
        (1, 1, "begins in a middle of a UTF-16 symbol"),
        (0, 1, "ends in a middle of a UTF-16 symbol"),
        (-1, 2, "incorrect offset"),
    ],
)
async def test_entities_outside_the_text_are_refused(
    server: TelegramServer, bot: Bot, offset: int, length: int, refusal: str
) -> None:
    ana = server.person("ana")
    ana.says("hi")
    with refused(refusal):
        await bot.send_message(ana.id, "😀 ok", entities=[MessageEntity("bold", offset, length)])
    await bot.send_message(ana.id, " 😀 ok", entities=[MessageEntity("bold", 1, 2)])
    assert ana.seen()[0].entities == [{"type": "bold", "offset": 0, "length": 2}]  # it moves with the space that goes


async def test_buttons_need_a_label_and_1_to_64_bytes(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana")
    ana.says("hi")
    for data, refusal in (("ñ" * 33, "BUTTON_DATA_INVALID"), ("", "BUTTON_DATA_INVALID")):
        markup = InlineKeyboardMarkup([[InlineKeyboardButton("A", callback_data=data)]])
        with refused(refusal):
            await bot.send_message(ana.id, "choose", reply_markup=markup)
    with refused("BUTTON_TEXT_EMPTY"):
        await bot.send_message(
            ana.id, "choose", reply_markup=InlineKeyboardMarkup.from_button(InlineKeyboardButton(" ", url="https://a.es"))
        )
    await bot.send_message(ana.id, "choose", reply_markup=keyboard("ñ" * 29))
    assert ana.seen()[0].labels == ["ñ" * 29]


async def test_refusals_that_end_a_chat(server: TelegramServer, bot: Bot) -> None:
    ana, ben = server.person("ana"), server.person("ben")
    with refused("chat not found"):
        await bot.send_message(ana.id, "hello")
    question = ana.says("hi")
    ana.deletes(question)
    with refused("message to be replied not found"):
        await bot.send_message(ana.id, "hello", reply_parameters=ReplyParameters(question.id))
    anyhow = ReplyParameters(question.id, allow_sending_without_reply=True)
    assert (await bot.send_message(ana.id, "hello", reply_parameters=anyhow)).reply_to_message is None
    ana.blocks()
    with refused("bot was blocked by the user", Forbidden):
        await bot.send_message(ana.id, "are you there?")
    small = server.group("Club", ana, ben, kind="group")
    large = small.becomes_supergroup()
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(small.id, "hello")
    assert moved.value.new_chat_id == large.id
    large.removes_bot()
    with refused("bot was kicked from the supergroup chat", Forbidden):
        await bot.send_message(large.id, "hello")


async def test_drafts_actions_documents_reactions_and_commands(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana", language="es")
    said = ana.says("hola")
    await bot.send_chat_action(ana.id, "typing")
    await bot.send_message_draft(ana.id, 7, "Pen")
    await bot.send_message_draft(ana.id, 7, "Pensando")
    assert (ana.chat.drafts[7].text, ana.chat.drafts[7].shown, ana.chat.actions[0][0]) == ("Pensando", 2, "typing")
    await bot.send_message(ana.id, "Pensado")
    assert ana.chat.drafts == {}
    document = (await bot.send_document(ana.id, b"1,2", filename="datos.csv", caption="tus datos")).document
    assert document is not None
    assert bytes(await (await bot.get_file(document.file_id)).download_as_bytearray()) == b"1,2"
    assert ana.seen()[-1].media["document"]["file_name"] == "datos.csv"
    await bot.set_message_reaction(ana.id, said.id, "👀")
    assert said.reactions == {server.bot.id: ["👀"]}
    with refused("REACTION_INVALID"):
        await bot.set_message_reaction(ana.id, said.id, "🧦")
    await bot.set_my_commands([BotCommand("help", "What I can do")])
    await bot.set_my_commands([BotCommand("help", "Qué sé hacer")], language_code="es")
    await bot.set_my_commands([BotCommand("help", "Ask me")], scope=BotCommandScopeAllGroupChats())
    assert [one.description for one in await bot.get_my_commands(language_code="es")] == ["Qué sé hacer"]
    assert server.methods.menu(ana.account, ana.chat)[0]["description"] == "Qué sé hacer"
    assert server.methods.menu(ana.account, server.group("Club", ana).chat)[0]["description"] == "Ask me"
    assert (await bot.get_chat(ana.id)).first_name == "ana"
    assert (await bot.get_chat_member(ana.id, ana.id)).status == "member"
    assert server.violations == []


# --- what the description says ---


@needs_description
@pytest.mark.parametrize(
    ("method", "parameters", "violation"),
    [
        ("sendMessage", {"chat_id": "1001"}, "sendMessage: text: missing"),
        ("sendMessage", {"chat_id": "1001", "text": "x", "txt": "y"}, "sendMessage: txt: unknown parameter"),
        ("sendMessage", {"chat_id": "1001", "text": "x", "protect_content": "maybe"}, "protect_content: Boolean expected"),
        (
            "sendMessage",
            {"chat_id": "1001", "text": "x", "entities": '[{"type":"bold","offset":0}]'},
            "entities[0].length: missing",
        ),
        (
            "sendMessage",
            {"chat_id": "1001", "text": "x", "reply_markup": '{"inline_keyboard":[[{"text":"a","callback":"b"}]]}'},
            "unknown field of InlineKeyboardButton",
        ),
        ("setMyCommands", {"commands": "[]", "scope": '{"type":"somewhere"}'}, "scope.type"),
        ("sendDocument", {"chat_id": "1001", "document": "attach://lost"}, "attach://lost: no such file"),
        ("sendVenue", {"chat_id": "1001", "latitude": "1", "longitude": "2", "title": "a", "address": "b"}, "not simulated"),
        ("sendMessage", {"chat_id": "1001", "text": "x", "parse_mode": "HTML"}, "parse_mode: this parameter is not simulated"),
    ],
)
async def test_wrong_request_is_refused_and_written_down(
    server: TelegramServer, method: str, parameters: dict[str, str], violation: str
) -> None:
    server.person("ana").says("hi")
    status, body = await post(server, method, **parameters)
    assert (status, body["ok"], body["error_code"]) == (400, False, 400)
    assert body["description"].startswith("Bad Request: ")
    assert len(server.violations) == 1
    assert violation in server.violations[0]
    assert count(server).violations == 1


@needs_description
async def test_answers_and_updates_are_checked_too(server: TelegramServer, bot: Bot) -> None:
    server.updates.put("message", {"message_id": "twelve", "text": 4})
    await post(server, "getUpdates")
    assert any("Update.message.chat: missing" in one for one in server.own_problems)
    assert any("Update.message.text: String expected" in one for one in server.own_problems)
    server.own_problems.clear()


async def test_unknown_method_and_wrong_tokens(server: TelegramServer) -> None:
    assert await post(server, "sendMesage") == (
        404,
        {"ok": False, "error_code": 404, "description": "Not Found: method not found"},
    )
    assert server.violations == ["sendMesage: unknown method"]
    assert (await post(server, "getMe", token="1:AAAAAAAAAAAAAAAAAAAA"))[1]["description"] == "Unauthorized"
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{server.base_url}{TOKEN}/GETME")).json()["result"]["id"] == server.bot.id
    with pytest.raises(InvalidToken):
        async with Bot("1:AAAAAAAAAAAAAAAAAAAA", base_url=server.base_url):
            pass


async def test_without_the_description_it_serves_unchecked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MARTIN_SPECS", str(tmp_path))
    async with TelegramServer() as server:
        ana = server.person("ana")
        ana.says("hi")
        async with Bot(server.token, base_url=server.base_url) as bot:
            await bot.send_message(ana.id, "123", reply_markup=keyboard("👍"))
            await bot.send_document(ana.id, b"data", filename="a.txt")
        assert ([one.text for one in ana.seen()], server.is_checked, server.violations) == (["123", ""], False, [])
        assert (await post(server, "sendVenue"))[0] == 404


# --- limits and faults ---


async def test_limits_answer_429_with_the_seconds_to_wait(
    server: TelegramServer, bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else the library warns of what it will be one day
    ana, ben = server.person("ana"), server.person("ben")
    ana.says("hi")
    ben.says("hi")
    server.limits.is_on = True
    for number in range(3):
        await bot.send_message(ana.id, f"part {number}")
    with pytest.raises(RetryAfter) as limited:
        await bot.edit_message_text("part 0, edited", ana.id, ana.seen()[0].id)
    assert limited.value.retry_after == timedelta(seconds=1)
    await bot.send_message(ben.id, "another chat goes on")
    await bot.send_chat_action(ana.id, "typing")
    assert (server.limits.answers, count(server).limit_answers) == (1, 1)


def test_limits_are_per_chat_per_group_and_overall() -> None:
    now = [0.0]
    limits = Limits(clock=lambda: now[0])
    limits.is_on = True
    sent = [second for second in range(120) if not limits.refused_for("editMessageText", -5)]
    assert len(sent) == 3  # a burst of three, while the clock stands still
    for second in range(1, 121):
        now[0] = float(second)
        limits.refused_for("sendMessage", -7)
    assert limits.passed == 3 + 20 + 39  # 20 that it began with, and one for every 3 of the 119 s since
    now[0] = 1000.0
    passed = sum(not limits.refused_for("sendMessage", chat) for chat in range(1, 101))
    assert passed == 33  # 30, and 0.1 s of slack
    assert limits.refused_for("sendChatAction", 1) == 0


async def test_ambiguous_send_was_done_though_nobody_says_so(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana")
    ana.says("q1 please")
    server.faults.add(FaultKind.DROP_AFTER, "sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(ana.id, "the answer to q1")
    server.faults.add(FaultKind.DROP_BEFORE, "sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(ana.id, "never")
    assert [one.text for one in ana.seen()] == ["the answer to q1"]
    await bot.send_message(ana.id, "the answer to q1")
    await bot.send_message(ana.id, "…")
    counts = count(server)
    assert (counts.asked, counts.answered, counts.doubled, counts.strays) == (1, 1, 1, 1)


async def test_faults_that_answer_hang_and_come_late(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana")
    ana.says("hi")
    server.faults.refuse("sendMessage", 400, "Bad Request: can't parse entities: unsupported")
    with refused("can't parse entities"):
        await bot.send_message(ana.id, "one")
    server.faults.add(FaultKind.GARBAGE, "sendMessage")
    with pytest.raises(NetworkError):
        await bot.send_message(ana.id, "two")
    hung = server.faults.add(FaultKind.HANG, "sendMessage")
    with pytest.raises(TimedOut):
        await bot.send_message(ana.id, "three", read_timeout=0.2)
    server.faults.add(FaultKind.LATE, "sendMessage", seconds=0.6)
    with pytest.raises(TimedOut):
        await bot.send_message(ana.id, "four", read_timeout=0.2)
    server.faults.add(FaultKind.SLOW, "sendMessage", seconds=0.05)
    await bot.send_message(ana.id, "five")
    assert ([one.text for one in ana.seen()], hung.happened) == (["four", "five"], 1)


async def test_server_that_was_away_comes_back_with_its_world(server: TelegramServer, bot: Bot) -> None:
    server.person("ana").says("hi")
    await server.stop()
    with pytest.raises(NetworkError):
        await bot.get_me()
    await server.start()
    assert len(await bot.get_updates()) == 1


async def test_second_poller_ends_the_first(server: TelegramServer, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.2)
    async with Bot(server.token, base_url=server.base_url) as other:
        second = asyncio.create_task(other.get_updates(timeout=20))
        with refused("terminated by other getUpdates request", Conflict):
            await first
        server.person("ana").says("hi")
        assert len(await second) == 1
    assert server.updates.conflicts == 1
