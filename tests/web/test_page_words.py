"""What the page says, and when: what a screen reader hears, words for trouble, its language, and what it lets go of."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Route, expect

from tests.web.browser import ANSWERED, at_the_page, chromium, needs_chromium
from tests.web.client import ANA, at_home, error_of
from tests.web.house import settings

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this file; each test has a fresh profile in it."""
    async with chromium() as running:
        yield running


@pytest.mark.parametrize("language", ["es", "en"])
async def test_no_page_shows_the_insides_of_the_program(language: str) -> None:
    configured = settings(access_token="an-access-token-of-the-test", admin_token="an-admin-token-of-the-test")
    async with at_home(configured) as (_, client):
        signed_in = ANA | {"X-Martin-Owner": "owner-token-of-the-test", "Accept": "text/html", "Accept-Language": language}
        pages = {}
        for path in ("/login", "/nowhere", "/"):
            response = await client.get(path, headers=signed_in)
            pages[path] = response.text
            assert response.headers["content-type"].startswith("text/html"), path
            assert f'<html lang="{language}">' in response.text
            assert "built-in" not in response.text
            assert re.search(r"\b0x[0-9a-f]+", response.text) is None
    described = re.findall(r'aria-describedby="([^"]+)"', pages["/"])[0].split()
    assert all(f'id="{name}"' in pages["/"] for name in described)
    assert ("Intro" if language == "es" else "Enter sends") in pages["/"]


async def test_an_unknown_address_is_a_page_for_people_and_json_for_programs() -> None:
    async with at_home() as (_, client):
        browsing = ANA | {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "es"}
        page = await client.get("/nada/de<b>nada", headers=browsing)
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "No hay nada" in page.text
        assert "<b>" not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
        for path, headers in (("/nada", ANA), ("/api/nada", browsing)):
            response = await client.get(path, headers=headers)
            assert (response.status_code, error_of(response)) == (404, "not_found")


@needs_chromium
async def test_a_screen_reader_hears_an_answer_once_whichever_stream_brings_it_first(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        # The answer's own stream comes late, as over a slow line; /api/events has brought everything by then.
        await reader.page.evaluate(
            """() => {
                const plain = window.fetch;
                window.fetch = async (path, options) => {
                    const response = await plain(path, options);
                    if (String(path).endsWith("/api/messages") && options?.method === "POST")
                        await new Promise((done) => setTimeout(done, 600));
                    return response;
                };
            }"""
        )
        await reader.send("show First paragraph.\n\nSecond one.\n\n- an item\n- another")
        await expect(reader.page.locator(ANSWERED)).to_have_count(1)
        await expect(reader.page.locator("#announcer p")).to_have_count(1)
        await reader.page.wait_for_timeout(900)
        await expect(reader.page.locator(".turn")).to_have_count(1)
        heard = await reader.page.locator("#announcer p").all_text_contents()
        assert heard == ["Martín: First paragraph. Second one. an item another"]
        for count in range(2, 5):
            await reader.ask(f"number {count}")
            await expect(reader.page.locator("#announcer p")).to_have_count(count)
        assert house.rows


@needs_chromium
async def test_a_bot_that_cannot_take_messages_is_no_lost_connection(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        house.is_full = True
        await reader.send("hello")
        await expect(reader.page.locator(".state")).to_contain_text("I can't take messages at the moment.")
        await expect(reader.page.locator(".state")).not_to_contain_text("onnection")
        house.is_full = False
        await expect(reader.page.locator(ANSWERED)).to_contain_text("You said: hello")
        assert len(house.rows) == 1


@needs_chromium
async def test_a_page_opened_while_nothing_can_be_read_says_so_and_comes_round_by_itself(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        await reader.ask("hello")
        house.is_full = True
        await reader.page.reload()
        await expect(reader.page.locator("#connection")).to_contain_text("I can't take messages at the moment.")
        house.is_full = False
        await expect(reader.page.locator(ANSWERED)).to_contain_text("You said: hello", timeout=8000)
        await expect(reader.page.locator("#connection")).to_be_hidden()


@needs_chromium
async def test_a_stop_that_fails_is_told_beside_the_answer_and_goes_with_it(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        await reader.send("hold on")
        await expect(reader.page.locator(".writing")).to_be_visible()
        house.is_full = True
        await reader.page.click("#stop")
        alert = reader.page.locator(".turn [role=alert]")
        await expect(alert).to_have_text("Stopping did not work just now. Please press Stop again.")
        await expect(reader.page.locator(".writing")).to_be_visible()
        house.is_full = False
        house.release.set()
        await expect(reader.page.locator(ANSWERED)).to_contain_text("You said: hold on")
        await expect(alert).to_be_hidden()


@needs_chromium
@pytest.mark.parametrize("way", ["typed", "pressed", "by letter"])
async def test_a_change_of_language_in_the_chat_changes_the_page_and_keeps_the_draft(browser: Browser, way: str) -> None:
    async with at_the_page(browser) as (house, reader):
        page = reader.page
        house.word_s = 0.05
        if way == "typed":
            await reader.send("/idioma español")
        else:
            await reader.ask("/language")
            if way == "pressed":
                await page.get_by_role("button", name="Español").click()
            else:
                await reader.send("a")
        await page.fill("#text", "half a thought")
        await expect(page.locator("html")).to_have_attribute("lang", "es")
        await expect(page.locator("#text")).to_have_value("half a thought")
        await expect(page.locator("#text")).to_have_attribute("placeholder", re.compile("^Escribe"))
        count = len(house.rows)
        await page.wait_for_timeout(300)
        assert len(house.rows) == count


@needs_chromium
async def test_what_is_typed_before_the_page_is_ready_is_not_lost(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        page, may_load = reader.page, asyncio.Event()

        async def late(route: Route) -> None:
            await may_load.wait()
            await route.continue_()

        await page.route("**/static/app.js", late)
        await page.reload(wait_until="commit")
        await page.fill("#text", "quick fingers")
        may_load.set()
        await expect(page.locator("#welcome")).to_be_visible()
        await expect(page.locator("#text")).to_have_value("quick fingers")


@needs_chromium
async def test_a_language_that_nobody_speaks_leaves_the_page_as_it_is(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        await reader.ask("/language klingon")
        await reader.page.wait_for_timeout(300)
        await expect(reader.page.locator("html")).to_have_attribute("lang", "en")


@needs_chromium
async def test_a_documents_answer_says_where_it_comes_from_and_a_chain_keeps_its_names(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        for model, words in (
            ("offline", "from documents, corrections and memories"),
            ("scripted → offline", "answered by scripted → offline"),
        ):
            house.model = model
            turn = await reader.ask(f"who answers: {model}?")
            await expect(turn.locator(".line")).to_have_text(words)


@needs_chromium
@pytest.mark.parametrize("way", ["pressed", "typed"])
async def test_what_was_forgotten_leaves_the_page_with_only_the_farewell(browser: Browser, way: str) -> None:
    async with at_the_page(browser) as (_, reader):
        page, other = reader.page, await reader.second_tab()
        await reader.ask("a secret")
        await reader.ask("/forgetme")
        await expect(other.locator(".turn")).to_have_count(2)
        if way == "pressed":
            await page.get_by_role("button", name="Yes, erase everything").click()
        else:
            await reader.send("Yes, erase everything!")
        for tab in (page, other):
            await expect(tab.locator(".turn")).to_have_count(1)
            await expect(tab.locator("#conversation")).to_contain_text("You chose" if way == "pressed" else "You said")
            await expect(tab.locator("#conversation")).not_to_contain_text("secret")
            await expect(tab.locator("#earlier")).to_be_hidden()


@needs_chromium
async def test_keeping_everything_keeps_everything_on_the_page(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        await reader.ask("a secret")
        await reader.ask("/forgetme")
        await reader.page.get_by_role("button", name="No, keep it").click()
        await expect(reader.page.locator(".turn")).to_have_count(3)
        await expect(reader.page.locator("#conversation")).to_contain_text("secret")


@needs_chromium
async def test_an_answer_stopped_before_its_first_word_can_be_asked_for_again_but_not_rated(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        await reader.send("mute please")
        await expect(reader.page.locator(".writing")).to_be_visible()
        await reader.page.click("#stop")
        turn = reader.page.locator(".turn").last
        await expect(turn.locator(".text")).to_have_text("Stopped, before I had written anything.")
        for _ in range(2):
            await expect(turn.get_by_role("button", name="Answer again")).to_be_visible()
            await expect(_rating(turn)).to_have_count(0)
            await reader.page.reload()


def _rating(turn: Locator) -> Locator:
    return turn.get_by_role("button", name=re.compile("Good answer|Bad answer|Correct"))
