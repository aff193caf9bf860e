"""A real Chromium for tests of the page, and words for what a person does in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

from tests.web.house import House, served
from web.settings import WebSettings

CHROMIUM = Path("/usr/bin/chromium")
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")
ANSWERED = ".turn:not([aria-busy]) .answer:not([hidden])"

expect.set_options(timeout=15_000)  # a busy machine takes its time


class Reader:
    """A person at the page. Whatever the page does wrong on its own is kept in `troubles`."""

    def __init__(self, page: Page, context: BrowserContext, address: str) -> None:
        self.page, self.context, self.address = page, context, address
        self.troubles: list[str] = []
        self.foreign: list[str] = []
        self.watch(page)

    def watch(self, page: Page) -> None:
        """Listen for script errors, dialogs, and requests that leave the house."""
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))
        page.on("console", lambda message: self.troubles.append(message.text) if "Content Security" in message.text else None)
        page.on("request", self._seen)

    def _seen(self, request: Any) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.foreign.append(request.url)

    async def open(self) -> None:
        """Go to the page and wait until it is ready."""
        await self.page.goto(self.address)
        await self.is_ready()

    async def is_ready(self) -> None:
        """Wait until the page's script runs: before that nobody hears a key."""
        await expect(self.page.locator("#welcome:not([hidden]), .turn").first).to_be_visible()

    async def send(self, text: str) -> None:
        """Type a message and press Enter."""
        await self.is_ready()
        await self.page.fill("#text", text)
        await self.page.press("#text", "Enter")

    async def ask(self, text: str) -> Locator:
        """Send a message and wait for its answer, whose turn is given."""
        count = await self.page.locator(ANSWERED).count()
        await self.send(text)
        await expect(self.page.locator(ANSWERED)).to_have_count(count + 1)
        return self.page.locator(".turn").last

    async def second_tab(self) -> Page:
        """Another tab of the same session."""
        page = await self.context.new_page()
        self.watch(page)
        await page.goto(self.address)
        return page


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A running Chromium."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@asynccontextmanager
async def at_the_page(
    browser: Browser, configured: WebSettings | None = None, *, house: House | None = None, **options: Any
) -> AsyncIterator[tuple[House, Reader]]:
    """A served house and somebody who has its page open, in English unless told otherwise."""
    house = house or House()
    async with served(house, configured) as server:
        context = await browser.new_context(**({"locale": "en-GB"} | options))
        context.set_default_timeout(10_000)
        reader = Reader(await context.new_page(), context, server.address)
        await reader.open()
        yield house, reader
        await context.close()
    assert reader.troubles == []
    assert reader.foreign == []
