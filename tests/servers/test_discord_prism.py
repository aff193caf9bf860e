"""The real discord.py against the local Discord with prism in between, which holds both to the published description."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.servers.discord import DiscordServer
from tests.servers.discord.description import file
from tests.servers.discord_client import Client, connected, discord
from tests.servers.discord_prism import behind_prism
from tests.servers.prism import NO_PRISM, PRISM
from tests.servers.spec import ABSENT

pytestmark = [
    pytest.mark.skipif(not PRISM, reason=NO_PRISM),
    pytest.mark.skipif(not file().is_file(), reason=ABSENT),
    pytest.mark.timeout(400),
]


async def test_a_talk_passes_through_prism(tmp_path: Path) -> None:
    async with behind_prism(tmp_path) as (server, address), connected(server, Client(), api_base=address) as client:
        await _talk(server, client)
        with pytest.raises(discord.HTTPException) as refused:
            await client.http.bulk_upsert_global_commands(server.world.bot.id, [{"name": ""}])
    assert refused.value.status == 422
    assert server.problems == []
    assert {one.status for one in server.requests} <= {200, 201, 204}


async def _talk(server: DiscordServer, client: Client) -> None:
    """A question, an answer with buttons, an edit, a command that is deferred, and a form."""
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(emoji="👍", label="Good", custom_id="turn:up"))

    @client.tree.command(name="why", description="Why")
    async def why(heard: discord.Interaction[Any], text: str = "") -> None:
        await heard.response.defer(ephemeral=True)
        await heard.edit_original_response(content="Because", view=view)
        await heard.followup.send(f"And {text}", ephemeral=True)

    await client.tree.sync()
    ana = server.world.person("ana", "es-ES")
    question = server.world.ask(ana, "hello", server.world.general)
    heard = (await client.wait_until_heard("message"))[0]
    async with heard.channel.typing():
        sent = await heard.reply("…", nonce="turn-1", view=view)
    await sent.edit(content="Hello, Ana", view=view)
    await heard.add_reaction("👀")
    assert [one.id async for one in heard.channel.history(after=discord.Object(question.id))] == [sent.id]
    asked = server.world.slash(ana, server.world.dm(ana), "why", text="so on")
    await server.world.until(lambda: len(server.world.answers_to(asked)) == 2)
    pressed = server.world.press(ana, server.world.answers_to(question)[0], "Good")
    interaction = (await client.wait_until_heard("interaction", 2))[1]
    form = discord.ui.Modal(title="Correct this", custom_id="form")
    form.add_item(discord.ui.TextInput(label="The right answer", custom_id="right"))
    await interaction.response.send_modal(form)
    server.world.submit(pressed, "Lisbon")
    await (await client.wait_until_heard("interaction", 3))[2].response.send_message("Learned")
    await sent.delete()
