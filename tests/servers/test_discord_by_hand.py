"""The local Discord in a process of its own: by its control routes, and by its page in a real Chromium."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from playwright.async_api import expect

from tests.servers.discord import DiscordServer
from tests.servers.discord.control import Control
from tests.servers.discord_client import Client, connected, discord, pointed
from tests.servers.spec import ROOT
from tests.web.browser import chromium, needs_chromium


@pytest.fixture
async def server() -> AsyncGenerator[DiscordServer, None]:
    async with DiscordServer() as running:
        running.world.person("ana", "es-ES")
        yield running
        assert running.problems == []


@pytest.mark.timeout(60)
async def test_a_world_in_its_own_process_outlives_its_bots() -> None:
    arguments = ("-m", "tests.servers.discord", "--port", "0", "--token", "a.b.c")
    running = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert running.stdout is not None
    try:
        address = (await running.stdout.readline()).decode().split()[-1]
        await running.stdout.readline()
        told = dict(one.split("=", 1) for one in (await running.stdout.readline()).decode().split() if "=" in one)
        assert told["MARTIN_DISCORD__TOKEN"] == "a.b.c"
        async with Control(address) as control:
            channel = (await control.do("dm", person="ana"))["id"]
            for text in ("one", "two"):
                with pointed(told["MARTIN_DISCORD__API_BASE"], told["MARTIN_DISCORD__GATEWAY"]):
                    await _one_life(told["MARTIN_DISCORD__TOKEN"], control, text)
            with pytest.raises(ValueError, match="nobody is 'eve'"):
                await control.do("say", person="eve", channel="dm", text="hello")
            state, counts = await control.state(), await control.counts()
        shown = next(one for one in state["channels"] if one["id"] == channel)
        assert [one["content"] for one in shown["messages"]] == ["one", "one", "two", "two"]
        assert (counts["identifies"], counts["doubled_answers"], counts["problems"]) == (2, 0, 0)
    finally:
        running.kill()
        await running.wait()


async def _one_life(token: str, control: Control, text: str) -> None:
    """A bot that begins, says again what it hears, and ends."""
    async with Client() as client, asyncio.TaskGroup() as group:
        life = group.create_task(client.start(token))
        await client.wait_until_heard("ready")
        await control.do("say", person="ana", channel="dm", text=text)
        heard = (await client.wait_until_heard("message"))[0]
        await heard.reply(heard.content)
        await client.close()
        await life


class Answering(Client):
    """A bot that answers what is addressed to it, with a button under it that opens a form."""

    async def on_message(self, message: discord.Message) -> None:
        if message.author.bot:
            return
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.Button(label="Correct", custom_id="correct"))
        sent = await message.reply("…")
        await sent.edit(content="**Hello**, `Ana`", view=view)

    async def on_interaction(self, heard: discord.Interaction[Any]) -> None:
        if heard.type is discord.InteractionType.component:
            form = discord.ui.Modal(title="Correct this answer", custom_id="form")
            form.add_item(discord.ui.TextInput(label="The right answer", custom_id="right"))
            await heard.response.send_modal(form)
        elif heard.type is discord.InteractionType.modal_submit:
            await heard.response.send_message("Thank you", ephemeral=True)


@needs_chromium
@pytest.mark.timeout(120)
async def test_somebody_talks_with_a_bot_in_the_page(server: DiscordServer) -> None:
    troubles: list[str] = []
    foreign: list[str] = []
    async with connected(server, Answering()) as client, chromium() as browser:

        @client.tree.command(name="about", description="About the bot")
        async def about(heard: discord.Interaction[Any], topic: str) -> None:
            await heard.response.send_message(f"About {topic}")

        await client.tree.sync()
        page = await browser.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(server.address) else foreign.append(request.url))
        await page.goto(server.address)
        await expect(page.locator("#status")).to_contain_text("The bot is here.")
        await page.fill("#text", "hello <b>there</b>")
        await page.press("#text", "Enter")
        answer = page.locator("#messages > li.bot").first
        await expect(answer).to_contain_text("(edited 1×)")
        await expect(answer.locator("strong")).to_have_text("Hello")
        await expect(page.locator("#messages > li").first).to_contain_text("hello <b>there</b>")
        await answer.get_by_role("button", name="Correct").click()
        await page.get_by_label("The right answer").fill("Lisbon")
        await page.get_by_role("button", name="Submit").click()
        await expect(page.locator("#messages > li.only")).to_contain_text("Thank you")
        await answer.hover()
        await answer.get_by_role("button", name="👍").click()
        await expect(answer.locator(".reactions")).to_have_text("👍 1")
        await page.select_option("#commands", "about")
        await page.get_by_label("topic").fill("tea")
        await page.click("#send")
        await expect(page.locator("#messages > li").last).to_contain_text("About tea")
        await page.click("#direct button")
        await page.fill("#text", "in private")
        await page.click("#send")
        await expect(page.locator("#messages > li.bot")).to_contain_text("Hello")
    assert (troubles, foreign) == ([], [])
