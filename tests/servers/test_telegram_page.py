"""The local Telegram as a contributor uses it by hand, and other processes over its control routes."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import httpx
import pytest
from playwright.async_api import expect
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity

from tests.servers.spec import ROOT
from tests.servers.telegram.__main__ import settle
from tests.servers.telegram.fixtures import bot, server
from tests.servers.telegram.server import TelegramServer
from tests.web.browser import chromium, needs_chromium

__all__ = ["bot", "server"]  # fixtures


async def ask(address: str, name: str, body: dict[str, Any] | None = None) -> Any:
    """What a control route answers."""
    async with httpx.AsyncClient() as client:
        path = f"{address}/control/{name}"
        answer = await (client.get(path) if body is None else client.post(path, json=body))
        answer.raise_for_status()
        return answer.json()


@needs_chromium
async def test_contributor_talks_with_the_bot_in_the_browser(server: TelegramServer, bot: Bot) -> None:
    settle(server)
    ana = server.person("Ana")
    async with chromium() as browser:
        page = await browser.new_page()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
        await page.goto(server.address)
        await page.get_by_role("button", name="Ana (es)").click()
        await page.fill("#text", "/start")
        await page.press("#text", "Enter")
        await expect(page.locator(".mine .text")).to_have_text("/start")
        sent = await bot.send_message(ana.id, "…")
        await expect(page.locator(".message:not(.mine) .text")).to_have_text("…")
        keys = InlineKeyboardMarkup(
            [[InlineKeyboardButton("👍", callback_data="1:up"), InlineKeyboardButton("👎", callback_data="1:down")]]
        )
        entities = [MessageEntity("bold", 3, 4), MessageEntity("pre", 8, 5, language="python")]
        await bot.edit_message_text("😀 Hola 1 + 1", ana.id, sent.message_id, entities=entities, reply_markup=keys)
        await expect(page.locator(".text b")).to_have_text("Hola")
        await expect(page.locator(".text pre")).to_have_text("1 + 1")
        await page.locator(".keys button", has_text="👎").click()
        await page.get_by_title("React with 👍").last.click()
        await expect(page.get_by_title("React with 👍").last).to_have_attribute("aria-pressed", "true")
        await page.get_by_role("button", name="edit", exact=True).click()
        await page.fill("#text", "/start again")
        await page.press("#text", "Enter")
        await expect(page.locator(".mine .text")).to_have_text("/start again")
        updates = await bot.get_updates()
        (press,) = [update.callback_query for update in updates if update.callback_query]
        assert press.data == "1:down"
        assert updates[-1].edited_message is not None
        await bot.answer_callback_query(press.id, "Anotado")
        await expect(page.locator("#toast")).to_have_text("Anotado")
        await page.get_by_role("button", name="Study forum").click()
        await page.get_by_role("button", name="Deberes").click()
        await page.fill("#text", "hola")
        await page.press("#text", "Enter")
        await expect(page.locator(".mine .text")).to_have_text("hola")
        assert troubles == []


async def test_other_processes_drive_the_world(server: TelegramServer, bot: Bot) -> None:
    ana = await ask(server.address, "people", {"name": "ana", "language": "es"})
    said = await ask(server.address, "act", {"person": "ana", "do": "says", "text": "q1, please"})
    await bot.send_message(ana["id"], "the answer to q1")
    group = await ask(server.address, "groups", {"title": "Club", "members": ["ana"], "kind": "forum"})
    topic = await ask(server.address, "act", {"person": "ana", "do": "opens_topic", "chat": group["id"], "text": "Maths"})
    await ask(
        server.address, "act", {"person": "ana", "do": "says", "chat": group["id"], "topic": topic["topic"], "text": "q2"}
    )
    assert (await ask(server.address, "counts"))["asked"] == 2
    assert (await ask(server.address, "counts"))["answered"] == 1
    chats = (await ask(server.address, "world"))["chats"]
    assert [one["text"] for one in chats[0]["messages"]] == ["q1, please", "the answer to q1"]
    assert chats[0]["messages"][0]["message_id"] == said["message"]
    await ask(server.address, "faults", {"kind": "answer", "method": "sendMessage", "code": 500, "description": "Internal"})
    await ask(server.address, "limits", {"is_on": True})
    assert (len(server.faults.waiting), server.limits.is_on) == (1, True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Type": "text/plain"}, 415), ({"Content-Type": "application/json", "Host": "evil.example"}, 403)],
)
async def test_pages_from_elsewhere_do_not_drive_it(server: TelegramServer, headers: dict[str, str], status: int) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{server.address}/control/people", content=b'{"name": "eve"}', headers=headers)
    assert (answer.status_code, list(server.world.people)) == (status, [])


async def test_starts_as_a_process_of_its_own_and_says_how_to_start_the_bot() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.servers.telegram", "--port", "0", "--token", "42:AAAAAAAAAAAAAAAA", "--limits"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        lines = [(await asyncio.wait_for(process.stdout.readline(), 30)).decode() for _ in range(3)]
        address = lines[0].split()[-1].rstrip("/")
        assert f"MARTIN_TELEGRAM__TOKEN=42:AAAAAAAAAAAAAAAA MARTIN_TELEGRAM__API_BASE={address}" in lines[2]
        async with Bot("42:AAAAAAAAAAAAAAAA", base_url=f"{address}/bot") as running:
            assert running.bot.id == 42
        assert {one["first_name"] for one in (await ask(address, "world"))["people"]} == {"Martín", "Ana", "Ben"}
    finally:
        process.kill()
        await process.wait()
