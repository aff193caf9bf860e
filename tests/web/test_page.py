"""The page in a real browser: talking, rating, choosing, coming back, by keyboard, and unharmed by hostile text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from bot.types import OutboxId, Outgoing, OutgoingKind, Reply
from tests.fakes import FakeParts
from tests.web.browser import ANSWERED, Reader, at_the_page, chromium, needs_chromium
from tests.web.house import House, served, settings

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this file; each test has a fresh profile in it."""
    async with chromium() as running:
        yield running


PAYLOADS = tuple(
    template.format(n=count, code=f"alert({count})")
    for count, template in enumerate(
        (
            "<script>{code}</script>",
            "<img src=x onerror={code}>",
            "<svg/onload={code}>",
            "<iframe srcdoc='<script>parent.{code}</script>'></iframe>",
            "[click](javascript:{code})",
            "[click](JaVaScRiPt:{code})",
            "[x](data:text/html,<script>{code}</script>)",
            "![x](https://evil.example/{n}.png)",
            "![x](javascript:{code})",
            "[![x](https://evil.example/{n}.png)](https://evil.example/)",
            "<a href='javascript:{code}'>x</a>",
            "</script><script>{code}</script>",
            "```html\n<script>{code}</script>\n```",
            "`<img src=x onerror={code}>`",
            "| <img src=x onerror={code}> | b |\n|---|---|\n| <script>{code}</script> | [y](vbscript:{code}) |",
            "> <details open ontoggle={code}>",
            "- <body onload={code}>\n  - <input autofocus onfocus={code}>",
            "<style>@import 'https://evil.example/{n}.css';</style>",
            "<link rel=stylesheet href=https://evil.example/{n}.css>",
            "https://evil.example/{n}?leak=secret",
        )
        * 5
    )
)


async def test_an_answer_streams_in_and_stays(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        house.word_s = 0.1
        await reader.send("slow " + " ".join(f"word{count}" for count in range(12)))
        await expect(reader.page.locator(".text.running")).to_contain_text("word1")
        await expect(reader.page.locator(".text.running")).not_to_contain_text("word11")
        await expect(reader.page.locator("#stop")).to_be_visible()
        await expect(reader.page.locator(ANSWERED)).to_contain_text("word11")
        await expect(reader.page.locator("#stop")).to_be_hidden()
        await expect(reader.page.locator(".line")).to_have_text("answered by scripted")


async def test_escape_stops_the_answer_and_the_page_says_so(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        house.word_s = 0.1
        await reader.send("slow " + "word " * 300)
        await expect(reader.page.locator(".text.running")).to_contain_text("word")
        await reader.page.keyboard.press("Escape")
        await expect(reader.page.locator(".line")).to_contain_text("stopped by you")
        await expect(reader.page.locator("#text")).to_be_focused()


async def test_the_keyboard_is_enough(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        await expect(reader.page.locator("#text")).to_be_focused()
        await reader.page.keyboard.type("first line")
        await reader.page.keyboard.press("Shift+Enter")
        await reader.page.keyboard.type("second line")
        assert not house.rows
        await reader.page.keyboard.press("Enter")
        await expect(reader.page.locator(ANSWERED)).to_contain_text("second line")
        assert next(iter(house.rows.values())).message.text == "first line\nsecond line"
        await expect(reader.page.locator("#text")).to_be_focused()
        for _ in range(30):
            await reader.page.keyboard.press("Shift+Tab")
            if await reader.page.evaluate("document.activeElement.getAttribute('aria-label')") == "Good answer":
                break
        await reader.page.keyboard.press("Enter")
        await expect(reader.page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")


async def test_a_rating_with_reason_and_correction_survives_a_reload_and_can_be_withdrawn(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        page = reader.page
        await reader.ask("hello")
        bad = page.get_by_role("button", name="Bad answer")
        await bad.click()
        await page.get_by_role("button", name="Too long").click()
        await page.get_by_label("What should I have said?").fill("Just hi.")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".given")).to_have_text("Corrected by you: Just hi.")
        await expect(page.locator(".correction")).to_be_hidden()
        await page.reload()
        await expect(bad).to_have_attribute("aria-pressed", "true")
        await expect(page.get_by_role("button", name="Too long")).to_have_attribute("aria-pressed", "true")
        await expect(page.locator(".given")).to_have_text("Corrected by you: Just hi.")
        await bad.click()
        await expect(bad).to_have_attribute("aria-pressed", "false")
        await expect(page.locator(".why")).to_be_hidden()
        await page.reload()
        await expect(bad).to_have_attribute("aria-pressed", "false")


async def test_a_good_answer_can_be_corrected_too(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        page = reader.page
        await reader.ask("hello")
        await page.get_by_role("button", name="Good answer").click()
        await page.get_by_role("button", name="Correct", exact=True).click()
        await expect(page.get_by_label("What should I have said?")).to_be_focused()
        await page.keyboard.type("Better.")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".given")).to_have_text("Corrected by you: Better.")
        rating = next(row.past.rating for row in house.rows.values() if row.past)
        assert rating is not None
        assert (rating.value, rating.correction) == (1, "Better.")


async def test_a_rating_that_could_not_be_stored_is_taken_back(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        await reader.ask("hello")
        house.is_full = True
        await reader.page.get_by_role("button", name="Good answer").click()
        await expect(reader.page.locator(".thanks")).to_contain_text("can't take this in right now")
        await expect(reader.page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "false")


async def test_a_taken_choice_stays_marked(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        page = reader.page
        await reader.ask("choose")
        await page.get_by_role("button", name="From the idea").click()
        await expect(page.locator(".turn").last).to_contain_text("You chose b.")
        for _ in range(2):
            await expect(page.get_by_role("button", name="From the idea")).to_have_attribute("aria-pressed", "true")
            await expect(page.get_by_role("button", name="By example")).to_be_disabled()
            await page.reload()


async def test_again_asks_for_another_answer(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        await reader.ask("one")
        await reader.ask("two")
        await expect(reader.page.get_by_role("button", name="Answer again")).to_have_count(1)
        await reader.page.get_by_role("button", name="Answer again").click()
        await expect(reader.page.locator(".turn").last).to_contain_text("Once more: two")


async def test_the_conversation_is_there_after_a_reload_and_a_new_one_starts_empty(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        page = reader.page
        await reader.ask("remember me")
        await page.reload()
        await expect(page.locator(".said")).to_contain_text("remember me")
        await page.get_by_role("button", name="New conversation").click()
        await expect(page.locator(".divider")).to_contain_text("A new conversation begins.")
        await expect(page.locator("#welcome")).to_be_visible()
        await page.reload()
        await expect(page.locator(".divider")).to_be_visible()
        await expect(page.locator(".turn")).to_have_count(1)
        await page.get_by_role("button", name="Show earlier messages").click()
        await expect(page.locator(".turn").first).to_contain_text("remember me")


async def test_an_answer_under_way_is_joined_again_after_a_reload(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        await reader.send("hold that thought")
        await expect(reader.page.locator(".writing")).to_be_visible()
        await reader.page.reload()
        await expect(reader.page.locator(".writing")).to_be_visible()
        house.release.set()
        await expect(reader.page.locator(ANSWERED)).to_have_count(1)
        await expect(reader.page.locator(".turn")).to_have_count(1)
        assert len(house.rows) == 1


async def test_a_dropped_line_is_picked_up_again_without_a_second_message(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        await reader.send("hold the line")
        await expect(reader.page.locator(".writing")).to_be_visible()
        for streams in list(house.web._streams.values()):
            for stream in list(streams):
                stream.close()
        await expect(reader.page.locator(".state")).to_contain_text("Picking up where we were")
        house.release.set()
        await expect(reader.page.locator(ANSWERED)).to_contain_text("You said: hold the line")
        await expect(reader.page.locator(".state")).to_be_hidden()
        assert len(house.rows) == 1


async def test_a_refused_message_keeps_its_text(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        page = reader.page
        await reader.send("refuse this")
        await expect(page.locator(".state.trouble")).to_contain_text("Too many messages at once.")
        await expect(page.get_by_role("button", name="Try again")).to_be_visible()
        await page.get_by_role("button", name="Edit").click()
        await expect(page.locator("#text")).to_have_value("refuse this")
        await expect(page.locator(".turn")).to_have_count(0)


async def test_a_draft_survives_a_reload_and_too_much_text_is_told_before_it_is_sent(browser: Browser) -> None:
    async with at_the_page(browser, settings(text_limit=100)) as (house, reader):
        page = reader.page
        await page.fill("#text", "x" * 120)
        await expect(page.locator("#count")).to_have_text("120 of at most 100 characters")
        await page.press("#text", "Enter")
        assert not house.rows
        await page.reload()
        await expect(page.locator("#text")).to_have_value("x" * 120)


async def test_two_tabs_show_one_conversation(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        other = await reader.second_tab()
        await expect(other.locator("#welcome")).to_be_visible()
        await reader.ask("hello from the first")
        await expect(other.locator(".said")).to_contain_text("hello from the first")
        await expect(other.locator(ANSWERED)).to_contain_text("You said: hello from the first")
        await reader.page.get_by_role("button", name="Good answer").click()
        await expect(other.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
        await expect(reader.page.locator(".turn")).to_have_count(1)


async def test_a_message_that_fell_due_appears_by_itself(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        await reader.ask("hello")
        (row,) = house.rows.values()
        due = Outgoing(
            id=OutboxId("zzz"), kind=OutgoingKind.DUE, address=row.message.address, reply=Reply(text="Time for tea."), nonce="n"
        )
        await house.web.deliver(due, FakeParts())
        await expect(reader.page.locator(".turn").last).to_contain_text("Time for tea.")


async def test_the_language_switch_changes_the_page_and_tells_the_bot(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        page = reader.page
        await page.get_by_role("link", name="español").click()
        await expect(page.locator("html")).to_have_attribute("lang", "es")
        assert not house.rows
        await reader.ask("hola")
        assert next(iter(house.rows.values())).message.locale == "es"
        await page.locator("#language").click()
        await expect(page.locator("html")).to_have_attribute("lang", "en")
        await expect(page.locator(".turn").last).to_contain_text("Language: en")
        await expect(page.locator("#notice")).to_contain_text("automated AI")


async def test_light_and_dark_follow_the_system_until_somebody_chooses(browser: Browser) -> None:
    async with at_the_page(browser, color_scheme="dark") as (_, reader):
        page = reader.page
        dark = await _paper(page)
        await page.get_by_role("button", name="Switch between light and dark").click()
        light = await _paper(page)
        assert dark != light
        await page.reload()
        assert await _paper(page) == light


async def test_a_hundred_hostile_texts_stay_text(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        page = reader.page
        for start in range(0, len(PAYLOADS), 5):
            await reader.ask("show " + "\n\n".join(PAYLOADS[start : start + 5]).replace("evil.example", "evil\u200b.example"))
            await reader.ask("look " + PAYLOADS[start])
        assert len(PAYLOADS) == 100
        await page.reload()
        await expect(page.locator(".turn").first).to_be_visible()
        await asyncio.sleep(0.2)
        assert (
            await page.locator("#conversation :is(script, img, iframe, style, link, object, embed, input, details)").count()
            == 0
        )
        links = await page.locator("#conversation a").evaluate_all("links => links.map(link => link.href)")
        assert [link for link in links if not link.startswith(("http://", "https://"))] == []
        assert reader.troubles == []


async def test_a_link_is_live_only_where_the_person_named_its_host(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        answer = "See [docs](https://docs.example/a) and https://other.example/x?leak=1 and [you](https://evil.example/)."
        for row_text, live in (("show " + answer, 3), ("tell me", 0)):
            turn = await reader.ask(row_text)
            assert await turn.locator("a").count() == (live if row_text.startswith("show") else 0)
        # Somebody else's words: the same answer to a question that names one host only.
        count = await reader.page.evaluate(
            """async (answer) => {
                const { hostsIn, render } = await import("/static/markdown.js");
                const holder = document.createElement("div");
                holder.append(render(answer, hostsIn("What is docs.example about?")));
                return [holder.querySelectorAll("a").length, holder.textContent];
            }""",
            answer,
        )
        assert count[0] == 1
        assert "(https://evil.example/)" in count[1]
        assert house.rows


async def test_markdown_becomes_the_elements_it_means(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        turn = await reader.ask(
            "show # Title\n\n**bold** *italic* `code` ~~gone~~ snake_case_name 2*3*4\n\n1. one\n   - inner\n2. two\n\n"
            "> quoted\n\n```python\nprint('<b>')\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n---\n"
        )
        for element, text in (
            ("h3", "Title"),
            ("strong", "bold"),
            ("em", "italic"),
            ("p code", "code"),
            ("s", "gone"),
            ("ol > li ul li", "inner"),
            ("blockquote", "quoted"),
            ("pre code", "print('<b>')"),
            ("th", "a"),
            ("td.right", "2"),
            (".code-head > span", "python"),
        ):
            await expect(turn.locator(f".text {element}").first).to_have_text(text)
        await expect(turn.locator(".text")).to_contain_text("snake_case_name")
        await expect(turn.locator("hr")).to_have_count(1)
        await expect(turn.get_by_role("button", name="Copy")).to_have_count(2)
        prose = "Prose that an editor wrapped at a column of its own choosing, long before its sentence\nended."
        wrapped = await reader.ask(f"show {prose}\n\nshort\nlines")
        await expect(wrapped.locator(".text p").first).to_have_text(prose.replace("\n", " "))
        await expect(wrapped.locator(".text br")).to_have_count(1)


async def test_markdown_of_any_shape_renders_in_time(browser: Browser) -> None:
    shapes = [
        "*" * 20_000,
        "[" * 20_000,
        "`a" * 10_000,
        "> " * 10_000,
        "- " * 9_000,
        "|" * 20_000,
        "_a*b" * 5_000,
        "![](" * 5_000,
    ]
    shapes += ["[a](" * 5_000, "https://" * 2_500, "\n".join(f"{'  ' * depth}- x" for depth in range(300)), "**a** " * 3_300]
    shapes += ["|a|b|\n|-|-|\n" * 1500, "* * * *" * 3000 + "x", "| " + "- |" * 6000, "```\n" * 5000, "<br" * 6000, "~~" * 9999]
    async with at_the_page(browser) as (_, reader):
        slow = await reader.page.evaluate(
            """async (shapes) => {
                const { render } = await import("/static/markdown.js");
                const times = shapes.map((shape) => {
                    const began = performance.now();
                    render(shape, new Set());
                    return performance.now() - began;
                });
                return times;
            }""",
            shapes,
        )
    assert max(slow) < 1500, json.dumps(slow)


async def test_a_narrow_screen_never_scrolls_sideways(browser: Browser) -> None:
    async with at_the_page(browser, viewport={"width": 360, "height": 640}) as (_, reader):
        await reader.ask(
            "show " + "x" * 400 + "\n\n```\n" + "y" * 300 + "\n```\n\n| " + "wide column | " * 9 + "\n|" + "---|" * 9
        )
        await reader.ask("choose")
        await reader.page.locator("[aria-pressed]").nth(1).click()
        assert await reader.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        for locator in ("#send", "#text", "#new", "#language", "#theme"):
            box = await reader.page.locator(locator).bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 360


async def test_a_screen_reader_hears_each_answer_once_and_no_stream(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        await reader.ask("slow one two three four five")
        announced = reader.page.locator("#announcer p")
        await expect(announced).to_have_count(1)
        await expect(announced).to_have_text("Martín: one two three four five")
        assert await reader.page.locator("[aria-live], [role=log]").count() == 1
        names = "buttons => buttons.map(button => button.ariaLabel || button.textContent.trim())"
        assert all(await reader.page.locator("button").evaluate_all(names))


async def test_signing_in_and_out_works_from_the_form(browser: Browser) -> None:
    house, token = House(), "an-access-token-of-the-test"
    async with served(house, settings(access_token=token)) as server:
        context = await browser.new_context(locale="en-GB")
        page = await context.new_page()
        await page.goto(server.address)
        await page.get_by_label("Token").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("That token is not right.")
        await page.get_by_label("Token").fill(token)
        await page.get_by_role("button", name="Sign in").click()
        await Reader(page, context, server.address).ask("hello")
        await page.get_by_role("button", name="Sign out").click()
        await expect(page.get_by_label("Token")).to_be_focused()
        await context.close()


async def _paper(page: Page) -> str:
    return str(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
