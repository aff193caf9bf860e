"""The local Telegram's updates: offsets, what a bot asked for, people's deeds, and webhooks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from telegram import Bot, Update
from telegram.error import Conflict

from tests.servers.telegram.fixtures import EVERYTHING, bot, keyboard, post, refused, server
from tests.servers.telegram.server import TelegramServer
from tests.servers.telegram.text import covered

__all__ = ["bot", "server"]  # fixtures


async def updates(server: TelegramServer, **parameters: Any) -> list[dict[str, Any]]:
    """The raw updates."""
    status, body = await post(server, "getUpdates", **parameters)
    assert status == 200
    result: list[dict[str, Any]] = body["result"]
    return result


def texts(batch: Sequence[dict[str, Any]]) -> list[str]:
    return [one["message"]["text"] for one in batch]


# --- offsets ---


async def test_confirmed_updates_vanish_for_good(server: TelegramServer) -> None:
    ana = server.person("ana")
    for number in range(5):
        ana.says(f"{number}")
    batch = await updates(server, limit=2)
    assert texts(batch) == ["0", "1"]
    assert texts(await updates(server, limit=2)) == ["0", "1"]  # not confirmed: they come again
    assert texts(await updates(server, offset=batch[-1]["update_id"] + 1)) == ["2", "3", "4"]
    assert texts(await updates(server)) == ["2", "3", "4"]
    assert texts(await updates(server, offset=-1)) == ["4"]
    assert texts(await updates(server)) == ["4"]  # a negative offset forgets what is before it
    assert server.updates.confirmed == 4


async def test_poll_is_held_open_until_something_comes(server: TelegramServer) -> None:
    began = time.monotonic()
    polling = asyncio.create_task(updates(server, timeout=20))
    await asyncio.sleep(0.2)
    assert not polling.done()
    server.person("ana").says("now")
    assert texts(await polling) == ["now"]
    assert await updates(server, timeout=1, offset=server.updates.waiting.popitem()[0] + 1) == []
    assert 1.1 < time.monotonic() - began < 10


async def test_only_what_was_asked_for_comes(server: TelegramServer) -> None:
    ana = server.person("ana")
    said = ana.says("hi")
    ana.reacts(said, "👍")  # not among the defaults
    assert [list(one)[1] for one in await updates(server)] == ["message"]
    await updates(server, allowed_updates=json.dumps(["message_reaction"]), offset=-1)
    ana.reacts(said, "👎")
    ana.says("unheard")
    reaction = (await updates(server))[-1]["message_reaction"]
    assert reaction["old_reaction"] == [{"type": "emoji", "emoji": "👍"}]
    assert reaction["new_reaction"] == [{"type": "emoji", "emoji": "👎"}]
    assert len(server.updates.waiting) == 2


async def test_broken_update_is_handed_out_as_it_is(server: TelegramServer, bot: Bot) -> None:
    server.person("ana").says("before")
    number = server.queue_raw({"message": {"message_id": 5, "date": "never", "chat": {"id": 1}}})
    server.person("ana").says("after")
    assert [one["update_id"] for one in await updates(server)] == [number - 1, number, number + 1]
    with pytest.raises((TypeError, ValueError, KeyError)):
        await bot.get_updates()


# --- what people do ---


async def test_commands_mentions_and_replies_look_as_telegram_sends_them(server: TelegramServer, bot: Bot) -> None:
    ana, ben = server.person("ana", username="ana_prueba"), server.person("ben")
    club = server.group("Club", ana, ben)
    first = ana.says("/help@martin_test_bot please", to=club)
    second = ben.says(
        "😀 @martin_test_bot and ana, see https://example.org.", to=club, naming={"ana": ana.account}, reply_to=first
    )
    batch = [one["message"] for one in await updates(server)]
    assert [(one["type"], covered(first.text, one)) for one in batch[0]["entities"]] == [
        ("bot_command", "/help@martin_test_bot")
    ]
    found = [(one["type"], covered(second.text, one)) for one in batch[1]["entities"]]
    assert found == [("mention", "@martin_test_bot"), ("text_mention", "ana"), ("url", "https://example.org")]
    assert batch[1]["entities"][1]["user"]["id"] == ana.id
    assert batch[1]["reply_to_message"]["message_id"] == first.id
    assert batch[1]["message_thread_id"] == first.id  # a thread of replies, which is no topic
    assert "is_topic_message" not in batch[1]
    sent = await bot.send_message(club.id, "a thread that is no topic is passed over", message_thread_id=first.id)
    assert sent.message_thread_id is None


async def test_topics_are_threads_whose_messages_reply_to_the_topic(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana")
    forum = server.forum("Estudio", ana)
    topic = forum.topic("Física")
    ana.says("hola", to=forum, topic=topic)
    said = (await updates(server))[-1]["message"]
    assert (said["message_thread_id"], said["is_topic_message"], said["chat"]["is_forum"]) == (topic, True, True)
    assert "forum_topic_created" in said["reply_to_message"]
    sent = await bot.send_message(forum.id, "hola", message_thread_id=topic)
    assert (sent.message_thread_id, ana.seen(forum)[0].thread) == (topic, topic)
    with refused("message thread not found"):
        await bot.send_message(forum.id, "hola", message_thread_id=999)


async def test_privacy_mode_hides_what_is_not_for_the_bot(server: TelegramServer, bot: Bot) -> None:
    server.world.reads_everything = False
    ana, ben = server.person("ana"), server.person("ben")
    club = server.group("Club", ana, ben)
    ana.says("hi ben", to=club)
    ana.says("/help", to=club)  # whose command is it?
    ana.says("/help@martin_test_bot", to=club)
    ana.says("hey @Martin_Test_Bot", to=club)
    ana.says("Martín?", to=club, naming={"Martín": server.bot})
    answer = await bot.send_message(club.id, "yes?")
    ana.says("/help", to=club)  # the bot spoke last
    ben.says("right", to=club, reply_to=club.chat.messages[answer.message_id])
    heard = ["/help@martin_test_bot", "hey @Martin_Test_Bot", "Martín?", "/help", "right"]
    assert texts(await updates(server)) == heard
    assert (await bot.get_me()).can_read_all_group_messages is False


async def test_files_pictures_voice_edits_and_departures(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana")
    said = ana.says("hola")
    ana.edits(said, "hola, ¿qué tal?")
    ana.sends_file("notas.md", b"# Notas", "text/markdown", caption="mira")
    ana.sends_file("huge.bin", b"", "application/octet-stream", size=30_000_000)
    ana.sends_photo()
    ana.sends_voice()
    ana.sends({"location": {"latitude": 40.4, "longitude": -3.7}})
    ana.blocks()
    batch = await bot.get_updates(allowed_updates=EVERYTHING)
    edited, document, huge = batch[1].edited_message, batch[2].message, batch[3].message
    assert edited is not None and edited.text == "hola, ¿qué tal?" and edited.edit_date is not None
    assert document is not None and document.document is not None and document.caption == "mira"
    assert bytes(await (await document.document.get_file()).download_as_bytearray()) == b"# Notas"
    assert huge is not None and huge.document is not None
    with refused("file is too big"):
        await huge.document.get_file()
    kinds = [one.message and (one.message.photo, one.message.voice, one.message.location) for one in batch[4:7]]
    assert all(any(one) for one in kinds if one) and all(kinds)
    assert batch[7].my_chat_member is not None
    assert batch[7].my_chat_member.new_chat_member.status == "kicked"


async def test_button_is_pressed_answered_once_and_shown(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana")
    ana.says("hi")
    await bot.send_message(ana.id, "good?", reply_markup=keyboard("👍", "👎"))
    press = ana.presses(await ana.reads_text("good?"), "👎")
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None and query.data == "press:👎" and query.message is not None
    await bot.answer_callback_query(query.id, "Noted")
    assert (await ana.sees_answer(press)).text == "Noted"
    with refused("query is too old"):
        await bot.answer_callback_query(query.id)
    with pytest.raises(AssertionError, match="no button"):
        ana.presses(ana.seen()[0], "🤷")
    ana.sends_press(ana.seen()[0], "forged", is_inaccessible=True)
    forged = (await bot.get_updates())[-1].callback_query
    assert forged is not None and forged.message is not None and not forged.message.is_accessible


async def test_reading_waits_and_says_what_was_seen_instead(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana")
    ana.says("hi")
    reading = asyncio.create_task(ana.reads_text("done", within=5))
    sent = await bot.send_message(ana.id, "…")
    await bot.edit_message_text("done", ana.id, sent.message_id)
    assert (await reading).id == sent.message_id
    with pytest.raises(AssertionError, match="done"):
        await ana.reads_text("more", within=0.05)


# --- webhooks ---


@asynccontextmanager
async def webhook(statuses: Sequence[int] = ()) -> AsyncIterator[tuple[str, list[web.Request], list[dict[str, Any]]]]:
    """A place to post to. It answers with these statuses first, then 200, and keeps what it was sent."""
    requests: list[web.Request] = []
    bodies: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        bodies.append(await request.json())
        requests.append(request)
        return web.Response(status=statuses[len(requests) - 1] if len(requests) <= len(statuses) else 200)

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", requests, bodies
    await runner.cleanup()


async def taken(server: TelegramServer) -> None:
    """Return when every update was taken."""
    async with asyncio.timeout(10):
        while server.updates.waiting:
            await asyncio.sleep(0.02)


async def test_webhook_gets_each_chats_updates_in_order_with_the_secret(server: TelegramServer, bot: Bot) -> None:
    ana, ben = server.person("ana"), server.person("ben")
    async with webhook() as (url, requests, bodies):
        assert await bot.set_webhook(url, secret_token="a-secret_1", allowed_updates=["message"])
        for number in range(10):
            ana.says(f"a{number}")
            ben.says(f"b{number}")
        await taken(server)
        assert {one.headers["X-Telegram-Bot-Api-Secret-Token"] for one in requests} == {"a-secret_1"}
        assert [one for one in texts(bodies) if one.startswith("a")] == [f"a{number}" for number in range(10)]
        assert len(bodies) == 20
        assert Update.de_json(bodies[0], bot).message is not None
        with refused("can't use getUpdates method while webhook is active", Conflict):
            await bot.get_updates()
        assert (await bot.get_webhook_info()).url == url
        await bot.delete_webhook()
        ana.says("polled")
        assert texts(await updates(server)) == ["polled"]


async def test_webhook_that_fails_gets_the_update_again(server: TelegramServer, bot: Bot) -> None:
    server.poster.retry_s = 0.05
    async with webhook([503, 500]) as (url, _, bodies):
        await bot.set_webhook(url)
        server.person("ana").says("hi")
        await taken(server)
        assert (server.poster.statuses, len(bodies)) == ([503, 500, 200], 3)
        assert (await bot.get_webhook_info()).last_error_message == "Wrong response from the webhook: 500 Internal Server Error"


async def test_webhook_can_get_everything_twice_and_out_of_order(server: TelegramServer, bot: Bot) -> None:
    ana = server.person("ana")
    for number in range(5):
        ana.says(f"{number}")
    server.poster.posts_twice = server.poster.is_disordered = True
    async with webhook() as (url, _, bodies):
        await bot.set_webhook(url, max_connections=1)
        await taken(server)
    assert texts(bodies) == ["4", "4", "3", "3", "2", "2", "1", "1", "0", "0"]


@pytest.mark.parametrize("url", ["http://example.org/hook", "ftp://127.0.0.1/"])
async def test_webhook_needs_tls_beyond_this_machine(server: TelegramServer, bot: Bot, url: str) -> None:
    with refused("HTTPS"):
        await bot.set_webhook(url)
    with refused("unallowed characters"):
        await bot.set_webhook("https://example.org/", secret_token="with space")


async def test_webhook_set_during_a_poll_ends_it(server: TelegramServer, bot: Bot) -> None:
    polling = asyncio.create_task(bot.get_updates(timeout=20))
    await asyncio.sleep(0.2)
    async with Bot(server.token, base_url=server.base_url) as other, webhook() as (url, _, _):
        await other.set_webhook(url)
        with refused("terminated by setWebhook", Conflict):
            await polling
