"""How an answer was made, as the page shows it: the line, the details behind it, waiting, and the admins' strip."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from bot.amounts import count, duration, money
from bot.notices import notice_text
from bot.system import SystemClock
from bot.types import LANGUAGES, AdminNotice, EvidenceKind, Flag, Generation, Language, Limit, Source
from tests.web.browser import ANSWERED, Reader, at_the_page, chromium, needs_chromium
from tests.web.house import House, settings
from web.strings import page_strings

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]

ADMIN = "an-admin-token-of-the-test"
LOCALES = {"es": "es-MX", "en": "en-GB"}
MADE = Generation(
    model="mistral/small-latest",
    prompt_tokens=12_045,
    completion_tokens=1_087,
    seconds=4.21,
    first_token_s=0.93,
    version="mistral-small-2506",
    cost=2_950,
)
OFFLINE = Generation(model="offline", prompt_tokens=90, completion_tokens=30, seconds=0.02, is_counted=False)
SOURCES = (
    Source(kind=EvidenceKind.CORRECTION, source="0123456789abcdefghjkmnpqrs", score=0.9),
    Source(kind=EvidenceKind.LIKED, source="0123456789abcdefghjkmnpqrt", score=0.8),
    Source(kind=EvidenceKind.KNOWLEDGE, source="mill.md", score=0.7, title="The mill › Its gate"),
    Source(kind=EvidenceKind.KNOWLEDGE, source="mill.md", score=0.6, title="The mill › Its gate"),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this file; each test has a fresh profile in it."""
    async with chromium() as running:
        yield running


def _answers(house: House, made: Generation, *flags: Flag, sources: tuple[Source, ...] = SOURCES) -> None:
    house.model, house.generation, house.flags, house.sources = made.model, made, frozenset(flags), sources


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_details_of_an_answer_open_and_close_by_keyboard(browser: Browser, language: Language) -> None:
    words = page_strings(language, "Martín")
    configured = settings(currency="MXN", place={"mistral/small-latest": "remote"}.get)
    async with at_the_page(browser, configured, locale=LOCALES[language]) as (house, reader):
        _answers(house, MADE, Flag.TRIMMED)
        turn = await reader.ask("hello")
        button, details = turn.get_by_role("button", name=words["made"]), turn.locator(".details")
        await expect(button).to_have_attribute("aria-expanded", "false")
        await expect(details).to_be_hidden()
        await _tab_to(reader.page, button)
        await reader.page.keyboard.press("Enter")
        await expect(button).to_have_attribute("aria-expanded", "true")
        assert await button.get_attribute("aria-controls") == await details.get_attribute("id")
        assert await _rows(details) == [
            (words["made_model"], "mistral/small-latest"),
            (words["made_version"], "mistral-small-2506"),
            (
                words["made_tokens"],
                words["made_tokens_value"].format(prompt=count(12_045, language), answer=count(1_087, language)),
            ),
            (
                words["made_time"],
                words["made_time_value"].format(seconds=duration(4.21, language), first=duration(0.93, language)),
            ),
            (words["made_cost"], money(2_950, "MXN", language)),
            (words["made_where"], words["made_remote"]),
            (words["made_remarks"], words["flag_trimmed"]),
            (
                words["made_sources"],
                "\n".join((words["source_correction"], words["source_liked"], "The mill › Its gate (mill.md)")),
            ),
        ]
        await expect(button).to_be_focused()
        await reader.page.keyboard.press("Space")
        await expect(button).to_have_attribute("aria-expanded", "false")
        await expect(details).to_be_hidden()
    if language == "es":
        assert (words["made"], words["made_cost"]) == ("Cómo se hizo esta respuesta", "Costo")


async def test_details_are_the_same_after_a_reload_and_on_another_page(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        other = await reader.second_tab()
        await expect(other.locator("#welcome")).to_be_visible()
        _answers(house, MADE)
        turn = await reader.ask("hello")
        await _open(turn)
        shown = await _rows(turn.locator(".details"))
        assert len(shown) == 6
        await reader.page.reload()
        for page in (reader.page, other):
            again = page.locator(".turn").last
            await _open(again)
            assert await _rows(again.locator(".details")) == shown


async def test_details_tell_what_is_known_when_the_rest_cannot_be_read(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        _answers(house, MADE)
        turn = await reader.ask("hello")
        house.is_full = True
        await _open(turn)
        assert [label for label, _ in await _rows(turn.locator(".details"))] == ["Model", "Version", "Tokens", "Time", "Cost"]
        house.is_full = False
        await turn.get_by_role("button", name="How this answer was made").click()
        await _open(turn)
        assert (await _rows(turn.locator(".details")))[-1][0] == "Rests on"


async def test_an_answer_without_a_language_model_has_no_tokens_and_no_cost(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        _answers(house, OFFLINE, Flag.LIMITED, sources=())
        turn = await reader.ask("hello")
        await expect(turn.locator(".line")).to_have_text(
            "from documents, corrections and memories · answered without a language model: today's limit is reached"
        )
        await _open(turn)
        assert dict(await _rows(turn.locator(".details"))) == {
            "Model": "offline, no language model",
            "Time": duration(0.02, "en"),
            "Where": "on the machine I run on",
            "Remarks": "answered without a language model: today's limit is reached",
            "Rests on": "nothing that you taught me and no document",
        }


async def test_a_fallback_is_told_at_once_and_never_claims_that_the_text_stayed(browser: Browser) -> None:
    async with at_the_page(browser, settings(place={"ollama/llama3.2": "network"}.get)) as (house, reader):
        near = replace(MADE, model="ollama/llama3.2", cost=0, flags=frozenset({Flag.FALLBACK}))
        for made, line, where in (
            (
                near,
                "answered by ollama/llama3.2 · another model stepped in · 4.2\N{NO-BREAK SPACE}s",
                "in the private network of the machine I run on; other models were tried before",
            ),
            (
                replace(OFFLINE, flags=frozenset({Flag.FALLBACK})),
                "from documents, corrections and memories · no language model was available",
                "on the machine I run on; other models were tried before",
            ),
        ):
            _answers(house, made, Flag.FALLBACK)
            turn = await reader.ask(f"who answers: {made.model}?")
            await expect(turn.locator(".line")).to_have_text(line)
            await _open(turn)
            shown = dict(await _rows(turn.locator(".details")))
            assert shown["Where"] == where
            assert shown.get("Cost", "no price is set") == "no price is set"


async def test_what_was_not_generated_has_no_details(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        turn = await reader.ask("/language")
        await expect(turn.locator(".line")).to_have_count(0)
        await expect(turn.get_by_role("button", name="How this answer was made")).to_have_count(0)


async def test_opening_details_on_a_phone_moves_nothing_above_them_and_never_sideways(browser: Browser) -> None:
    screen = {"width": 390, "height": 844}
    async with at_the_page(browser, viewport=screen, has_touch=True, is_mobile=True) as (house, reader):
        _answers(house, MADE)
        await reader.ask("hello")
        _answers(house, replace(MADE, model="ollama/" + "a-very-long-name" * 6, version="0123456789abcdef" * 4))
        for question in ("one", "two", "three"):
            await reader.ask(question)
        turn = reader.page.locator(".turn").first
        button = turn.get_by_role("button", name="How this answer was made")
        await reader.page.evaluate("scrollTo({ top: 0 })")
        before = await button.bounding_box()
        await button.tap()
        await expect(turn.locator(".details")).to_be_visible()
        assert before is not None
        assert before["y"] < 300, "there is room below"
        assert await button.bounding_box() == before
        assert min(before["width"], before["height"]) >= 40
        last = reader.page.locator(".turn").last
        await last.get_by_role("button", name="How this answer was made").tap()
        await expect(last.locator(".details dd").last).to_be_in_viewport(ratio=1)
        assert await reader.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_page_writes_amounts_as_the_bot_does(browser: Browser, language: Language) -> None:
    counts = [0, 7, 999, 1000, 9999, 10_000, 12_345, 1_234_567]
    times = [0.0004, 0.009, 0.0101, 0.354, 0.99, 0.996, 4.21, 9.94, 9.96, 48.3, 59.4, 59.6, 200.1, 3599.4, 3600.2, 3900.5]
    prices = [1, 30, 295, 2_950, 29_500, 123_456, 999_999, 1_000_000, 1_250_000, 12_345_678_900]
    async with at_the_page(browser, locale=LOCALES[language]) as (_, reader):
        written = await reader.page.evaluate(
            """async ([counts, times, prices]) => {
                const { count, duration, money } = await import("/static/amounts.js");
                return [counts.map(count), times.map(duration), prices.map((price) => money(price / 1e6, "EUR"))];
            }""",
            [counts, times, prices],
        )
    assert written[0] == [count(number, language) for number in counts]
    assert written[1] == [duration(seconds, language) for seconds in times]
    assert written[2] == [money(price, "EUR", language) for price in prices]


async def test_a_long_wait_counts_its_seconds_for_the_eye_and_is_told_aloud_once(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        page = reader.page
        await page.clock.install()
        await reader.send("hold on")
        await expect(page.locator(".writing")).to_have_text("Martín is writing…")
        await page.clock.fast_forward(9_000)
        await expect(page.locator(".writing")).to_have_text(re.compile(r"^Martín is still working… \d+\Ws$"))
        aloud = page.locator("#announcer p")
        await expect(aloud).to_have_text("Martín is still working. The answer is read out when it is there.")
        for _ in range(2):
            await page.wait_for_timeout(500)  # for a heartbeat: after 45 silent seconds the page would take the line for dead
            await page.clock.fast_forward(30_000)
        await expect(page.locator(".writing")).to_have_text(re.compile(r"^Martín is still working… 1\Wmin"))
        await expect(aloud).to_have_count(1)
        house.release.set()
        await expect(page.locator(ANSWERED)).to_have_count(1)
        await page.clock.fast_forward(5_000)
        await expect(page.locator(".writing")).to_have_count(0)
        await expect(aloud).to_have_count(2)


async def test_a_reload_does_not_forget_how_long_it_has_been_waited(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        page = reader.page
        await page.clock.install()
        await reader.send("hold on")
        await expect(page.locator(".writing")).to_be_visible()
        await page.clock.fast_forward(30_000)
        await page.reload()
        await expect(page.locator(".writing")).to_have_text(re.compile(r"still working… [3-9]\d\Ws$"))
        house.release.set()
        await expect(page.locator(ANSWERED)).to_have_count(1)


async def test_a_wait_that_becomes_text_stops_counting(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        page = reader.page
        await page.clock.install()
        await reader.send("pull llama3.2")
        await expect(page.locator(".text.running")).to_be_visible()
        await page.clock.fast_forward(20_000)
        await expect(page.locator(".writing")).to_have_count(0)
        await expect(page.locator("#announcer p")).to_have_count(0)
        house.release.set()
        await expect(page.locator(ANSWERED)).to_have_count(1)


async def test_a_downloads_bar_stays_in_one_piece_on_a_phone(browser: Browser) -> None:
    async with at_the_page(browser, viewport={"width": 390, "height": 700}) as (house, reader):
        await reader.send("pull llama3.2")
        bar = reader.page.locator(".text.running .blocks")
        await expect(bar).to_have_text("▓" * 8 + "░" * 12)
        await expect(reader.page.locator(".text.running")).to_contain_text(
            "42\N{NO-BREAK SPACE}% · 1.1 of 2.6\N{NO-BREAK SPACE}GB"
        )
        box = await bar.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390
        assert box["height"] < 40
        await expect(bar).to_have_attribute("aria-hidden", "true")
        assert await bar.evaluate("bar => bar.style.getPropertyValue('--share')") == "40%"
        house.release.set()
        await expect(reader.page.locator(ANSWERED)).to_have_count(1)


async def test_an_admin_reads_the_notices_until_they_are_put_aside(browser: Browser) -> None:
    async with at_the_page(browser, settings(admin_token=ADMIN)) as (house, reader):
        page, strip = reader.page, reader.page.locator("#notices")
        first, second = _notice(Limit.MONEY_OF_ALL, 1), _notice(Limit.TOKENS, 0)
        house.notices = (first,)
        await _sign_in(reader)
        await expect(strip).to_contain_text(notice_text(first, "en", "EUR"))
        await page.keyboard.press("Shift+Tab")
        await page.get_by_role("button", name="Put these notices aside").press("Enter")
        await expect(strip).to_be_hidden()
        await expect(page.locator("#text")).to_be_focused()
        await page.reload()
        await expect(page.locator("#welcome")).to_be_visible()
        house.notices = (second, first)
        await page.reload()
        await expect(strip.locator("li")).to_have_count(1)
        await expect(strip).to_contain_text(notice_text(second, "en", "EUR"))


async def test_an_admin_without_notices_sees_no_strip_and_asks_for_the_models_with_one_press(browser: Browser) -> None:
    async with at_the_page(browser, settings(admin_token=ADMIN)) as (house, reader):
        async with reader.page.expect_response("**/api/notices"):
            await _sign_in(reader)
        await expect(reader.page.locator("#notices")).to_be_hidden()
        await reader.page.get_by_role("button", name="Models").click()
        await expect(reader.page.locator(ANSWERED)).to_contain_text("You said: /admin models")
        (row,) = house.rows.values()
        assert row.message.is_admin


async def test_who_is_no_admin_sees_and_asks_for_nothing_of_it(browser: Browser) -> None:
    async with at_the_page(browser, settings(admin_token=ADMIN)) as (house, reader):
        house.notices = (_notice(Limit.TOKENS, 0),)
        asked: list[str] = []
        reader.page.on("request", lambda request: asked.append(request.url))
        await reader.page.reload()
        await reader.ask("hello")
        await expect(reader.page.locator("#notices")).to_have_count(0)
        await expect(reader.page.get_by_role("button", name="Models")).to_have_count(0)
        assert any("/api/messages" in url for url in asked)
        assert not any("/api/notices" in url for url in asked)


def _notice(limit: Limit, days_ago: int) -> AdminNotice:
    now = SystemClock().now()
    return AdminNotice(kind=limit.value, day=now.date() - timedelta(days=days_ago), facts={"limit": "5000000"}, at=now)


async def _sign_in(reader: Reader) -> None:
    await reader.page.goto(f"{reader.address}/login")
    await reader.page.get_by_label("Token").fill(ADMIN)
    await reader.page.keyboard.press("Enter")
    await expect(reader.page.locator("#account")).to_contain_text("You are signed in as admin.")


async def _open(turn: Locator) -> None:
    await turn.get_by_role("button", name="How this answer was made").click()
    await expect(turn.locator(".details")).to_be_visible()


async def _rows(details: Locator) -> list[tuple[str, str]]:
    labels, values = await details.locator("dt").all_inner_texts(), await details.locator("dd").all_inner_texts()
    return list(zip(labels, values, strict=True))


async def _tab_to(page: Page, button: Locator) -> None:
    for _ in range(30):
        await page.keyboard.press("Shift+Tab")
        if await button.evaluate("button => button === document.activeElement"):
            return
    raise AssertionError("the keyboard does not reach it")
