"""The local Discord as the real discord.py 2.7.1 sees it: messages, and what people and the bot do with them."""

from __future__ import annotations

import io
from collections.abc import AsyncGenerator

import pytest

from tests.servers.discord import DiscordServer, Permission
from tests.servers.discord_client import Client, connected, discord, pointed


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer, None]:
    async with DiscordServer() as running:
        yield running
        assert running.problems == []


@pytest.fixture
async def client(server: DiscordServer) -> AsyncGenerator[Client, None]:
    async with connected(server, Client()) as ready:
        yield ready


async def test_a_client_becomes_ready_and_knows_the_guild(server: DiscordServer, client: Client) -> None:
    assert client.user is not None
    assert client.user.id == server.world.bot.id
    assert [(guild.name, [one.name for one in guild.text_channels]) for guild in client.guilds] == [("Casa", ["general"])]
    assert len(server.gateway.connected) == 1


async def test_a_wrong_token_is_refused(server: DiscordServer) -> None:
    with pointed(server.api_base, server.gateway_url):
        async with Client() as client:
            with pytest.raises(discord.LoginFailure):
                await client.login("not the token")
    assert server.limits.invalid == 1


async def test_a_mention_is_heard_and_a_reply_seen(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana", "es-ES")
    asked = server.world.ask(ana, "¿qué hora es?", server.world.general)
    heard = (await client.wait_until_heard("message"))[0]
    assert heard.content.endswith("¿qué hora es?")
    assert heard.mentions == [client.get_guild(server.world.guild.id).me]  # type: ignore[union-attr]
    await heard.reply("Las ocho")
    answer = await server.world.answer(asked)
    assert (answer.content, answer.reference, answer.pings) == ("Las ocho", asked.id, set())


async def test_an_edit_keeps_what_was_there_before(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    server.world.ask(ana, "hello")
    heard = (await client.wait_until_heard("message"))[0]
    sent = await heard.channel.send("…")
    await sent.edit(content="Hello, Ana")
    (shown,) = server.world.from_bot()
    assert (shown.content, shown.edits) == ("Hello, Ana", ["…"])
    await sent.delete()
    assert server.world.from_bot() == []


async def test_people_edit_delete_and_react(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    message = server.world.ask(ana, "helo", server.world.general)
    server.world.edit(message, f"{server.world.bot.mention} hello")
    (raw,) = await client.wait_until_heard("raw_message_edit")
    assert (raw.message_id, raw.data["content"]) == (message.id, f"{server.world.bot.mention} hello")
    server.world.react(ana, message, "👍")
    (added,) = await client.wait_until_heard("raw_reaction_add")
    assert (added.emoji.name, added.user_id, added.message_author_id) == ("👍", ana.id, ana.id)
    server.world.unreact(ana, message, "👍")
    await client.wait_until_heard("raw_reaction_remove")
    server.world.delete(message)
    (gone,) = await client.wait_until_heard("raw_message_delete")
    assert gone.message_id == message.id


async def test_the_bot_reacts_and_takes_it_back(server: DiscordServer, client: Client) -> None:
    message = server.world.ask(server.world.person("ana"), "hello")
    heard = (await client.wait_until_heard("message"))[0]
    await heard.add_reaction("👀")
    assert message.reactions == {"👀": [server.world.bot]}
    assert client.user is not None
    await heard.remove_reaction("👀", client.user)
    assert message.reactions == {}


async def test_files_go_both_ways(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    server.world.say(ana, server.world.dm(ana), "read this", files={"notes.md": b"# Notes"})
    heard = (await client.wait_until_heard("message"))[0]
    assert [(one.filename, one.size, await one.read()) for one in heard.attachments] == [("notes.md", 7, b"# Notes")]
    await heard.channel.send("here", file=discord.File(io.BytesIO(b"mine"), "export.txt"))
    (answer,) = server.world.from_bot()
    assert [(one.name, one.data) for one in answer.attachments] == [("export.txt", b"mine")]


async def test_threads_are_heard_and_opened(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    thread = server.world.thread(ana, server.world.general, "Recipes")
    await client.wait_until_heard("thread_create")
    server.world.ask(ana, "in here", thread)
    heard = (await client.wait_until_heard("message"))[0]
    assert isinstance(heard.channel, discord.Thread)
    assert heard.channel.parent_id == server.world.general.id
    asked = server.world.ask(ana, "open one", server.world.general)
    second = (await client.wait_until_heard("message", 2))[1]
    opened = await second.create_thread(name="Mine")
    assert opened.id == asked.id
    await opened.send("welcome")
    assert [one.channel.name for one in server.world.from_bot()] == ["Mine"]


async def test_a_direct_message_can_be_opened_and_closed(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    user = await client.fetch_user(ana.id)
    await user.send("good morning")
    assert [one.channel.person for one in server.world.from_bot()] == [ana]
    server.world.close_dms(ana)
    with pytest.raises(discord.Forbidden) as refused:
        await user.send("are you there?")
    assert refused.value.code == 50007


async def test_typing_is_seen(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    server.world.ask(ana, "hello")
    heard = (await client.wait_until_heard("message"))[0]
    async with heard.channel.typing():
        pass
    assert [channel for channel, _ in server.world.typing] == [server.world.dm(ana)]
    server.world.type_in(server.world.general, ana)
    await client.wait_until_heard("raw_typing")


async def test_history_is_read_after_and_before_a_message(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    said = [server.world.say(ana, server.world.general, str(number)) for number in range(7)]
    channel = client.get_partial_messageable(server.world.general.id, guild_id=server.world.guild.id)
    after = [one.content async for one in channel.history(limit=3, after=discord.Object(said[1].id))]
    before = [one.content async for one in channel.history(limit=2, before=discord.Object(said[4].id))]
    around = [one.content async for one in channel.history(limit=3, around=discord.Object(said[3].id))]
    assert (after, before, sorted(around)) == (["2", "3", "4"], ["3", "2"], ["2", "3", "4"])


async def test_without_the_intent_words_of_others_stay_hidden(server: DiscordServer) -> None:
    async with connected(server, Client(content=False)) as client:
        ana = server.world.person("ana")
        server.world.say(ana, server.world.general, "between us")
        server.world.ask(ana, "to you", server.world.general)
        server.world.ask(ana, "in private")
        heard = [one.content for one in await client.wait_until_heard("message", 3)]
    assert heard == ["", f"{server.world.bot.mention} to you", "in private"]


async def test_missing_permissions_and_unknown_things_have_their_codes(server: DiscordServer, client: Client) -> None:
    general = client.get_partial_messageable(server.world.general.id)
    gone = client.get_partial_messageable(server.world.bot.id)
    theirs = server.world.say(server.world.person("ana"), server.world.general, "mine")
    codes = []
    tries = [gone.send("a"), general.fetch_message(1), general.get_partial_message(theirs.id).edit(content="b")]
    for one in tries:
        with pytest.raises(discord.HTTPException) as refused:
            await one
        codes.append(refused.value.code)
    for permission in (Permission.SEND, Permission.VIEW):
        server.world.forbid(server.world.general, permission)
        with pytest.raises(discord.Forbidden) as forbidden:
            await general.send("a")
        codes.append(forbidden.value.code)
    assert codes == [10003, 10008, 50005, 50013, 50001]


async def test_what_would_ping_is_counted(server: DiscordServer, client: Client) -> None:
    ana = server.world.person("ana")
    asked = server.world.ask(ana, "hello", server.world.general)
    heard = (await client.wait_until_heard("message"))[0]
    text = f"{ana.mention} @everyone <@&{next(iter(server.world.guild.roles))}> `@here`"
    quiet = await heard.reply(text)
    assert server.world.pings() == set()
    await heard.reply(text, allowed_mentions=discord.AllowedMentions.all())
    loud = server.world.answers_to(asked)[1]
    assert loud.pings == {str(ana.id), "everyone", str(next(iter(server.world.guild.roles)))}
    assert quiet.mentions == []
    assert server.world.answers_to(asked)[0].asked_mentions == [{"parse": []}]
