"""A person talks with the bot on Discord: in direct messages, in a channel, in a thread."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.ports import Preview
from bot.types import Kind, Outcome, PlatformId, Reply, ReplyFile, Turn
from tests.channels.discord.house import Act, on_discord, reply
from tests.servers.discord import DiscordServer, Permission


async def test_a_direct_message_is_answered_with_thumbs_under_it(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        asked = server.world.ask(server.world.person("ana"), "hello")
        answer = await house.answered(asked, "answer to hello")
        assert answer.reference is None
        assert [part["emoji"]["name"] for part in answer.buttons] == ["👍", "👎", "✏️"]


async def test_a_mention_in_a_channel_is_answered_as_a_reply_and_cut_out(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, reply("yes")) as house:
        await house.ready()
        world = server.world
        ana, bea = world.person("ana"), world.person("bea")
        first = world.say(ana, world.general, f"{world.bot.mention}, is {bea.mention} right?")
        second = world.say(ana, world.general, f"tell me {world.bot.mention}!")
        await house.answered(second, "yes")
        assert len(world.answers_to(first)) == 1
        assert [message.text for message in house.taken] == ["is @Bea right?", "tell me!"]
        assert [message.is_private for message in house.taken] == [False, False]


async def test_what_is_not_for_the_bot_is_not_stored(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        overheard = world.say(ana, world.general, "between us")
        world.edit(overheard, "just between us")
        asked = world.ask(ana, "now you", world.general)
        await house.answered(asked, "answer to now you")
        await house.settled()
        assert await house.rows("SELECT count(*) FROM inbox") == [(1,)]


async def test_a_reply_to_an_answer_needs_no_mention(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        answer = await house.answered(world.ask(ana, "one", world.general), "answer to one")
        again = world.say(ana, world.general, "and two?", reply_to=answer)
        await house.answered(again, "answer to and two?")
        assert house.taken[-1].target == PlatformId(str(answer.id))


async def test_a_thread_is_a_conversation_of_its_own(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        thread = world.thread(ana, world.general, "aside")
        answer = await house.answered(world.ask(ana, "psst", thread), "answer to psst")
        assert answer.channel is thread
        address = house.taken[-1].address
        assert (address.chat, address.thread) == (str(world.general.id), str(thread.id))


async def test_an_answer_grows_in_one_message(server: DiscordServer, tmp_path: Path) -> None:
    async def slowly(turn: Turn, preview: Preview) -> str:
        for number in range(1, 5):
            preview.show(" ".join(["word"] * number))
            await asyncio.sleep(0.6)
        return "word word word word end"

    async with on_discord(server, tmp_path, slowly) as house:
        await house.ready()
        asked = server.world.ask(server.world.person("ana"), "go on")
        answer = await house.answered(asked, "word word word word end")
        assert len(server.world.from_bot(answer.channel)) == 1
        assert answer.edits[0].startswith("✍️")
        assert 2 <= len(answer.edits) <= 4  # at most once a second
        await house.settled()
        assert await house.rows("SELECT platform_id FROM deliveries") == [(str(answer.id),)]


async def test_somebody_who_waits_sees_the_bot_type(server: DiscordServer, tmp_path: Path) -> None:
    async def thinking(turn: Turn, preview: Preview) -> str:
        await asyncio.sleep(0.8)
        return "done"

    async with on_discord(server, tmp_path, thinking) as house:
        await house.ready()
        asked = server.world.ask(server.world.person("ana"), "think")
        await server.world.until(lambda: server.world.typing)
        await house.answered(asked, "done")
        assert [channel for channel, _ in server.world.typing] == [asked.channel]


async def test_a_long_answer_comes_in_parts_of_which_the_last_has_the_buttons(server: DiscordServer, tmp_path: Path) -> None:
    text = "\n\n".join(f"Paragraph {number}. " + "Words and words. " * 40 for number in range(8))
    async with on_discord(server, tmp_path, reply(text)) as house:
        await house.ready()
        world = server.world
        asked = world.ask(world.person("ana"), "much", world.general)
        await world.until(lambda: any(one.buttons for one in world.from_bot()))
        await house.settled()
        parts = world.from_bot(world.general)
        assert len(parts) >= 3
        assert [bool(one.buttons) for one in parts] == [False] * (len(parts) - 1) + [True]
        assert [one.reference for one in parts] == [asked.id] + [None] * (len(parts) - 1)
        assert "".join("".join(one.content.split()) for one in parts) == "".join(text.split())
        assert len({one.nonce for one in parts}) == len(parts)
        assert len(await house.rows("SELECT * FROM deliveries")) == len(parts)


async def test_files_of_a_reply_come_with_it(server: DiscordServer, tmp_path: Path) -> None:
    file = ReplyFile(name="data.json", media_type="application/json", content=b'{"a": 1}')
    act = reply_with(Reply(text="Here it is.", files=(file,)))
    async with on_discord(server, tmp_path, act) as house:
        await house.ready()
        answer = await house.answered(server.world.ask(server.world.person("ana"), "my data"), "Here it is.")
        assert [(part.name, part.data) for part in answer.attachments] == [("data.json", b'{"a": 1}')]


async def test_text_files_are_read_and_others_are_named(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path, reply("read")) as house:
        await house.ready()
        world = server.world
        files = {"notes.md": b"# One\nTwo\n", "cat.png": b"\x89PNG", "odd.txt": b"\xff\xfe\x00"}
        asked = world.say(world.person("ana"), world.dm(world.person("ana")), "look", files=files)
        await house.answered(asked, "read")
        assert house.taken[-1].text == "look\n\n📄 notes.md\n> # One\n> Two"
        assert [one.name for one in house.taken[-1].attachments] == ["cat.png", "odd.txt"]


async def test_an_edit_relabels_the_question_and_is_not_answered(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        asked = world.ask(world.person("ana"), "first wording", world.general)
        await house.answered(asked, "answer to first wording")
        await house.settled()
        world.edit(asked, f"{world.bot.mention} better wording")
        await house.rows_become("SELECT question FROM turns", [("better wording",)])
        assert len(world.from_bot()) == 1


async def test_a_reaction_and_its_end_are_in_the_ledger(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        answer = await house.answered(world.ask(ana, "hi", world.general), "answer to hi")
        await house.settled()
        for emoji in ("👍🏽", "🎉", "👎"):
            world.react(ana, answer, emoji)
        await house.rows_become("SELECT value FROM ratings", [(-1,)])
        world.unreact(ana, answer, "👎")
        await house.rows_become("SELECT value FROM ratings", [(1,)])
        world.unreact(ana, answer, "👍🏽")
        await house.rows_become("SELECT value FROM ratings", [(0,)])
        assert len({one.event_id for one in house.taken if one.kind is Kind.REACTION}) == 4


async def test_reactions_among_people_are_not_stored(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        ana = world.person("ana")
        theirs = world.say(world.person("bea"), world.general, "between us")
        world.react(ana, theirs, "👍")
        world.unreact(ana, theirs, "👍")
        await house.answered(world.ask(ana, "hi", world.general), "answer to hi")
        assert await house.rows("SELECT count(*) FROM inbox") == [(1,)]


async def test_no_mention_of_an_answer_is_active(server: DiscordServer, tmp_path: Path) -> None:
    world = server.world
    ana, bea = world.person("ana"), world.person("bea")
    async with on_discord(server, tmp_path, reply(f"@everyone {bea.mention} <@&{next(iter(world.guild.roles))}>")) as house:
        await house.ready()
        world.ask(ana, "shout", world.general)
        await world.until(world.from_bot)
        await house.settled()
        assert world.pings() == set()


async def test_only_addresses_that_the_person_named_are_links(server: DiscordServer, tmp_path: Path) -> None:
    said = "See https://example.org/page and https://evil.example/?q=secret"
    async with on_discord(server, tmp_path, reply(said)) as house:
        await house.ready()
        asked = server.world.ask(server.world.person("ana"), "what is on example.org?")
        await house.answered(asked, "See <https://example.org/page> and `https://evil.example/?q=secret`")


async def test_a_chat_that_is_closed_is_tried_once(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        world.forbid(world.general, Permission.SEND)
        world.ask(world.person("ana"), "hello", world.general)
        await world.until(lambda: sent(server))
        await house.settled()
        assert sent(server) == [403]
        assert await house.rows("SELECT state FROM inbox") == [("refused",)]


async def test_without_the_history_an_answer_is_no_reply(server: DiscordServer, tmp_path: Path) -> None:
    async with on_discord(server, tmp_path) as house:
        await house.ready()
        world = server.world
        world.forbid(world.general, Permission.HISTORY)
        world.ask(world.person("ana"), "hello", world.general)
        await world.until(world.from_bot)
        await house.settled()
        assert [(one.content, one.reference) for one in world.from_bot()] == [("answer to hello", None)]


async def test_an_opened_message_that_was_taken_away_is_made_anew(server: DiscordServer, tmp_path: Path) -> None:
    async def watched(turn: Turn, preview: Preview) -> str:
        preview.show("so far")
        opened = (await server.world.until(server.world.from_bot))[0]
        await server.world.until(lambda: opened.content == "so far")
        server.world.delete(opened)
        return "the end"

    async with on_discord(server, tmp_path, watched) as house:
        await house.ready()
        asked = server.world.ask(server.world.person("ana"), "hello")
        await house.answered(asked, "the end")
        assert [one.content for one in server.world.from_bot()] == ["the end"]


def reply_with(said: Reply) -> Act:
    return lambda turn, preview: Outcome(reply=said)


def sent(server: DiscordServer) -> list[int]:
    return [one.status for one in server.requests if one.method == "POST" and one.path.endswith("/messages")]
