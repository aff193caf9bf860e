"""The whole bot as people start it, with its page in a real browser: what was taught stays, and stays with who taught it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.web.browser import Reader, chromium, needs_chromium

REPOSITORY = Path(__file__).parents[2]
TAUGHT = "The garden gate is painted ultramarine, and the key hangs behind the clock."


@asynccontextmanager
async def bot(data: Path) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """A running bot on a free port, offline: its address and its process. It is killed at the end, not asked."""
    (data / "run.json").unlink(missing_ok=True)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MARTIN_") and name != "PORT"}
    settings = {"MARTIN_DATA_DIR": str(data), "MARTIN_WEB__PORT": "0", "MARTIN_MODELS__PROVIDER": "offline"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", "run", cwd=REPOSITORY, env=plain | settings,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield await _address(data / "run.json", process), process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def _address(run: Path, process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(40):
        while True:
            assert process.returncode is None, "the bot ended before it was ready"
            try:
                return str(json.loads(run.read_text())["address"])
            except (FileNotFoundError, json.JSONDecodeError, KeyError):
                await asyncio.sleep(0.05)


@needs_chromium
@pytest.mark.timeout(120)
async def test_a_correction_changes_the_next_answer_outlives_kill_9_and_reaches_nobody_else(tmp_path: Path) -> None:
    async with chromium() as browser:
        mine, theirs = await browser.new_context(locale="en-GB"), await browser.new_context(locale="en-GB")
        page = await mine.new_page()
        async with bot(tmp_path) as (address, _):
            reader = Reader(page, mine, address)
            await reader.open()
            first = await reader.ask("What colour is the garden gate of the old mill?")
            await first.get_by_role("button", name="Bad answer").click()
            await page.get_by_label("What should I have said?").fill(TAUGHT)
            await page.get_by_role("button", name="Save").click()
            await expect(page.locator(".given:not([hidden])")).to_contain_text("ultramarine")
            await expect(await reader.ask("Which colour has the gate in the garden at the mill?")).to_contain_text(
                "ultramarine"
            )
        cookies = await mine.cookies()
        async with bot(tmp_path) as (address, _):
            assert [cookie["name"] for cookie in cookies if cookie.get("httpOnly")] == ["martin_session"]
            reader = Reader(page, mine, address)
            await reader.open()
            await expect(page.locator(".given:not([hidden])")).to_contain_text("ultramarine")
            await expect(await reader.ask("The gate of the mill's garden: what colour is it?")).to_contain_text("ultramarine")
            other = Reader(await theirs.new_page(), theirs, address)
            await other.open()
            answer = await other.ask("What colour is the garden gate of the old mill?")
            await expect(answer).not_to_contain_text("ultramarine")
            assert reader.troubles == other.troubles == []
            assert reader.foreign == other.foreign == []


@needs_chromium
@pytest.mark.timeout(120)
async def test_the_page_follows_the_bots_language_and_lets_go_of_what_it_forgot(tmp_path: Path) -> None:
    async with chromium() as browser, bot(tmp_path) as (address, _):
        person = await browser.new_context(locale="en-GB")
        page = await person.new_page()
        reader = Reader(page, person, address)
        await reader.open()
        await reader.ask("What colour is the garden gate of the old mill?")
        await reader.ask("/language")
        await page.get_by_role("button", name="Español").click()
        await expect(page.locator("html")).to_have_attribute("lang", "es")
        await expect(page.locator(".turn").last).to_contain_text("español")
        await reader.send("/language en")
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(page.locator(".turn")).to_have_count(4)
        await expect(page.locator(".line")).to_contain_text("from documents, corrections and memories")
        await reader.ask("/forgetme")
        await page.get_by_role("button", name="Yes, erase everything").click()
        await expect(page.locator(".turn")).to_have_count(1)
        await expect(page.locator(".turn")).to_contain_text("I am erasing everything I hold about you")
        await expect(page.get_by_role("button", name="Good answer")).to_have_count(0)
        assert reader.troubles == []


@needs_chromium
@pytest.mark.timeout(120)
async def test_a_questionnaire_begun_by_clicking_goes_on_after_a_reload_and_a_kill(tmp_path: Path) -> None:
    async with chromium() as browser:
        person = await browser.new_context(
            locale="es-MX", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
        )
        page = await person.new_page()
        async with bot(tmp_path) as (address, _):
            reader = Reader(page, person, address)
            await reader.open()
            await reader.ask("/perfil")
            await page.locator("[data-key='profile_start:full']").tap()
            for place, option in enumerate(("Lo básico", "Curiosidad", "120")):
                item = page.locator(".turn").nth(place + 1)
                await expect(item.locator(".choices")).to_be_focused()
                await item.locator(".whole").filter(has_text=option).tap()
            await expect(page.locator(".turn").nth(4)).to_contain_text("1 de 12")
            await page.reload()
            await _stands_at(page, "1 de 12", done=("Lo básico", "Curiosidad", "120"))
            await page.get_by_role("button", name="Con la regla y enseguida un ejemplo corto").tap()
            await expect(page.locator(".turn").nth(5)).to_contain_text("2 de 12")
        async with bot(tmp_path) as (address, _):
            await page.goto("about:blank")  # until it is left, it asks for the dead bot
            reader = Reader(page, person, address)
            await reader.open()
            await _stands_at(page, "2 de 12", done=("Lo básico", "Curiosidad", "120", "Con la regla"))
            await page.locator(".turn").nth(5).get_by_role("button", name="Atrás").tap()
            await expect(page.locator(".turn").nth(6)).to_contain_text("1 de 12")
            await expect(page.locator(".turn").nth(6).locator(".choices")).to_be_focused()
            assert reader.troubles == []
            assert reader.foreign == []


async def _stands_at(page: Page, place: str, *, done: tuple[str, ...]) -> None:
    """The last item is open and whole on the screen; the others are marked as they were answered, and take nothing more."""
    items = page.locator(".turn:has(.whole)")
    await expect(items).to_have_count(len(done) + 1)
    await expect(items.last.locator(".text")).to_contain_text(place)
    await expect(items.last.locator(".text")).to_be_in_viewport(ratio=1)
    await expect(items.last.locator(".whole:enabled")).to_have_count(4)
    for number, option in enumerate(done):
        await expect(items.nth(number).locator(".choice:enabled")).to_have_count(1)
        await expect(items.nth(number).locator("[aria-pressed=true]")).to_contain_text(option)
