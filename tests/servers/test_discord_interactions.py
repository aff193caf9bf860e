"""Commands, buttons, menus and forms of the local Discord, driven by the real discord.py 2.7.1."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.servers.discord import DiscordServer, Message
from tests.servers.discord.nouns import CallbackKind
from tests.servers.discord_client import Client, app_commands, connected, discord

Heard = discord.Interaction[Any]


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer, None]:
    async with DiscordServer() as running:
        yield running
        assert running.problems == []


@pytest.fixture
async def client(server: DiscordServer) -> AsyncGenerator[Client, None]:
    async with connected(server, Client()) as ready:
        yield ready


async def with_buttons(server: DiscordServer, client: Client) -> tuple[Message, Any]:
    """A message of the bot's with 👍 and 👎 under it, in Ana's direct messages."""
    server.world.ask(server.world.person("ana", "es-ES"), "hello")
    heard = (await client.wait_until_heard("message"))[0]
    view = discord.ui.View(timeout=None)
    for emoji, name in (("👍", "turn:up"), ("👎", "turn:down")):
        view.add_item(discord.ui.Button(emoji=emoji, custom_id=name))
    await heard.channel.send("How was that?", view=view)
    (message,) = server.world.from_bot()
    return message, heard


async def test_commands_are_registered_in_both_languages(server: DiscordServer, client: Client) -> None:
    names = {"name_localizations": {"es-ES": "ayuda"}, "description_localizations": {"es-ES": "Qué puedo hacer"}}
    help_command = {"name": "help", "description": "What I can do", "type": 1, **names}
    menu = {"name": "Correct this answer", "type": 3}
    sent = await client.http.bulk_upsert_global_commands(server.world.bot.id, [help_command, menu])
    again = await client.http.bulk_upsert_global_commands(server.world.bot.id, [help_command])
    assert [one["name"] for one in sent] == ["help", "Correct this answer"]
    assert (again[0]["id"], again[0]["version"] == sent[0]["version"]) == (sent[0]["id"], False)
    fetched = await client.tree.fetch_commands()
    assert [(one.name, one.description) for one in fetched] == [("help", "What I can do")]
    assert [one["name_localizations"] for one in server.world.commands] == [{"es-ES": "ayuda"}]


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"name": "Help"}, "name"),
        ({"name": "two words"}, "name"),
        ({"name": "a" * 33}, "name"),
        ({"description": ""}, "description"),
        ({"description": "d" * 101}, "description"),
        ({"name_localizations": {"es-ES": "Ayuda"}}, "name_localizations"),
        ({"name_localizations": {"es": "ayuda"}}, "name_localizations"),
        ({"options": [{"type": 3, "name": "A b", "description": "d"}]}, "options"),
    ],
)
async def test_wrong_commands_are_refused_where_they_are_wrong(
    server: DiscordServer, client: Client, changed: dict[str, Any], place: str
) -> None:
    command: Any = {"name": "help", "description": "What I can do", "type": 1} | changed
    with pytest.raises(discord.HTTPException) as refused:
        await client.http.bulk_upsert_global_commands(server.world.bot.id, [command])
    assert (refused.value.status, refused.value.code) == (400, 50035)
    assert f"0.{place}" in str(refused.value)
    assert server.world.commands == []
    server.problems.clear()  # the description knows some of these rules too


async def test_a_slash_command_is_deferred_and_then_answered(server: DiscordServer, client: Client) -> None:
    is_deferred, is_done = asyncio.Event(), asyncio.Event()

    @client.tree.command(name="remember", description="Remember something")
    @app_commands.describe(text="What to remember")
    async def remember(heard: Heard, text: str) -> None:
        await heard.response.defer(ephemeral=True)
        is_deferred.set()
        await is_done.wait()
        await heard.edit_original_response(content=f"I will remember: {text}")

    await client.tree.sync()
    ana = server.world.person("ana", "es-ES")
    asked = server.world.slash(ana, server.world.general, "remember", text="tea")
    await is_deferred.wait()
    assert asked.original is not None
    assert (asked.answered, asked.original.is_loading) == (CallbackKind.DEFERRED_MESSAGE, True)
    is_done.set()
    answer = await server.world.answer(asked)
    assert (answer.content, answer.is_ephemeral, answer.is_loading) == ("I will remember: tea", True, False)
    assert client.heard("interaction")[0].locale is discord.Locale.spain_spanish
    with pytest.raises(ValueError, match="needs 'text'"):
        server.world.slash(ana, server.world.general, "remember")
    with pytest.raises(LookupError, match="not registered"):
        server.world.slash(ana, server.world.general, "forget")


async def test_the_first_follow_up_takes_the_place_of_thinking(server: DiscordServer, client: Client) -> None:
    @client.tree.command(name="why", description="Why")
    async def why(heard: Heard) -> None:
        await heard.response.defer()
        await heard.followup.send("Because")
        await heard.followup.send("And also", wait=True)

    await client.tree.sync()
    asked = server.world.slash(server.world.person("ana"), server.world.general, "why")
    await server.world.until(lambda: len(server.world.answers_to(asked)) == 2)
    assert [(one.content, one.is_loading) for one in asked.answers] == [("Because", False), ("And also", False)]
    assert asked.answers[0] is asked.original


async def test_a_pressed_button_updates_its_message(server: DiscordServer, client: Client) -> None:
    message, _ = await with_buttons(server, client)
    assert [one["emoji"]["name"] for one in message.buttons] == ["👍", "👎"]
    pressed = server.world.press(server.world.person("ana"), message, "👍")
    heard = (await client.wait_until_heard("interaction"))[0]
    assert (heard.data["custom_id"], heard.message.id) == ("turn:up", message.id)
    await heard.response.edit_message(content="Thank you", view=None)
    assert (message.content, message.edits, message.buttons) == ("Thank you", ["How was that?"], [])
    assert (pressed.answered, pressed.original) == (CallbackKind.UPDATE, message)
    with pytest.raises(LookupError):
        server.world.press(server.world.person("ana"), message, "👍")


async def test_an_interaction_is_answered_once(server: DiscordServer, client: Client) -> None:
    message, _ = await with_buttons(server, client)
    server.world.press(server.world.person("ana"), message, "turn:down")
    heard = (await client.wait_until_heard("interaction"))[0]
    await heard.response.send_message("Noted", ephemeral=True)
    second = discord.webhook.async_.async_context.get()
    with pytest.raises(discord.HTTPException) as refused:
        await second.create_interaction_response(
            heard.id,
            heard.token,
            session=heard._session,
            params=discord.webhook.async_.interaction_response_params(6),
        )
    assert refused.value.code == 40060


async def test_an_answer_after_three_seconds_is_too_late(server: DiscordServer, client: Client) -> None:
    server.callback_s = 0.05
    message, _ = await with_buttons(server, client)
    pressed = server.world.press(server.world.person("ana"), message, "turn:down")
    heard = (await client.wait_until_heard("interaction"))[0]
    await asyncio.sleep(0.1)
    with pytest.raises(discord.NotFound) as refused:
        await heard.response.defer()
    assert refused.value.code == 10062
    assert (pressed.answered, server.counts()["unanswered_interactions"]) == (None, 1)


async def test_a_token_ends(server: DiscordServer, client: Client) -> None:
    message, _ = await with_buttons(server, client)
    server.world.press(server.world.person("ana"), message, "turn:up")
    heard = (await client.wait_until_heard("interaction"))[0]
    with pytest.raises(discord.NotFound) as early:
        await heard.edit_original_response(content="too early")
    await heard.response.defer()
    server.token_s = 0.0
    with pytest.raises(discord.HTTPException) as late:
        await heard.followup.send("too late")
    assert (early.value.code, late.value.status, late.value.code) == (10015, 401, 50027)


async def test_a_form_is_opened_and_sent(server: DiscordServer, client: Client) -> None:
    class Correction(discord.ui.Modal, title="Correct this answer"):
        right: discord.ui.TextInput[Any] = discord.ui.TextInput(label="The right answer", custom_id="right", max_length=20)

        async def on_submit(self, heard: Heard, /) -> None:
            await heard.response.send_message(f"Learned: {self.right.value}", ephemeral=True)

    message, _ = await with_buttons(server, client)
    pressed = server.world.press(server.world.person("ana"), message, "👎")
    heard = (await client.wait_until_heard("interaction"))[0]
    await heard.response.send_modal(Correction())
    assert pressed.modal is not None
    assert pressed.modal["title"] == "Correct this answer"
    with pytest.raises(ValueError, match="does not take 21"):
        server.world.submit(pressed, "x" * 21)
    sent = server.world.submit(pressed, {"right": "Lisbon"})
    answer = await server.world.answer(sent)
    assert (answer.content, answer.is_ephemeral) == ("Learned: Lisbon", True)


async def test_a_context_menu_brings_its_message(server: DiscordServer, client: Client) -> None:
    @client.tree.context_menu(name="Correct this answer")
    async def correct(heard: Heard, message: discord.Message) -> None:
        await heard.response.send_message(f"About: {message.content}")

    await client.tree.sync()
    message, _ = await with_buttons(server, client)
    asked = server.world.use_on(server.world.person("ana"), message, "Correct this answer")
    assert (await server.world.answer(asked)).content == "About: How was that?"


async def test_choices_are_proposed_while_typing(server: DiscordServer, client: Client) -> None:
    @client.tree.command(name="forget", description="Forget")
    async def forget(heard: Heard, what: str) -> None:
        await heard.response.send_message(what)

    @forget.autocomplete("what")
    async def propose(_: Heard, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{typed}a", value="tea")]

    await client.tree.sync()
    asked = server.world.complete(server.world.person("ana"), server.world.general, "forget", "what", "te")
    await server.world.until(lambda: asked.answered)
    assert asked.choices == [{"name": "tea", "value": "tea"}]


async def test_an_ephemeral_answer_is_nowhere_else(server: DiscordServer, client: Client) -> None:
    message, earlier = await with_buttons(server, client)
    server.world.press(server.world.person("ana"), message, "👍")
    heard = (await client.wait_until_heard("interaction"))[0]
    await heard.response.send_message("only you", ephemeral=True)
    history = [one.content async for one in earlier.channel.history()]
    original = await heard.original_response()
    assert (history, original.content) == (["How was that?", "hello"], "only you")
    with pytest.raises(discord.NotFound):
        await earlier.channel.fetch_message(original.id)
    assert [one.content for one in server.world.from_bot()] == ["How was that?", "only you"]
