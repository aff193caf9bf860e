"""The preference profile on the page: reasons under a 👎, and the questionnaire by mouse, by keyboard and on small screens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from bot.channels.web import SessionChannel
from bot.profile_types import Reason
from bot.types import LANGUAGES, Choice, Flag, Kind, Language, Reply
from profiles.items import LETTERS, load_questionnaire
from profiles.questionnaire import Asked, Course, ask, step
from tests.web.browser import at_the_page, chromium, needs_chromium
from tests.web.house import House, Row
from web.strings import page_strings

pytestmark = [needs_chromium, pytest.mark.asyncio(loop_scope="module")]

LOCALES = {"es": "es-MX", "en": "en-GB"}
PHONE: Mapping[str, Any] = {"viewport": {"width": 390, "height": 700}, "has_touch": True, "is_mobile": True}
STYLES = tuple(Reason)[-8:]
QUESTIONNAIRE = load_questionnaire()


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all tests of this file; each test has a fresh profile in it."""
    async with chromium() as running:
        yield running


class Asking(House):
    """A house that asks the questionnaire: `begin ITEM` asks that item, and each answer, pressed or typed, brings the next."""

    def __init__(self) -> None:
        super().__init__()
        self.course = Course()
        self.asking: Row | None = None

    async def _answer(self, row: Row) -> None:
        message, asked = row.message, self._asked()
        word, _, item = message.text.partition(" ")
        if word == "begin":
            while (first := self._asked()).item.id != item:
                self._go_on(first, first.options[0].key)
        elif self.asking is not None and message.kind is Kind.CHOICE and message.choice is not None:
            self._go_on(asked, message.choice.key.rpartition(":")[2])
            row.message = replace(message, choice=None)
        elif self.asking is not None and len(word) == 1:
            self._go_on(asked, asked.options[LETTERS.index(word.upper())].key)
        else:
            await super()._answer(row)
            return
        await super()._finish(row, self.web, self._reply(row.language), set(), "questionnaire")
        self.asking = row

    def _asked(self) -> Asked:
        asked = ask(QUESTIONNAIRE, self.course, person="ana", salt="even")
        assert asked is not None
        return asked

    def _go_on(self, asked: Asked, key: str) -> None:
        meaning = asked.pressed(key)
        assert meaning is not None
        if self.asking is not None and self.asking.past is not None:
            self.asking.past = replace(self.asking.past, chosen=f"item:{asked.item.id}:{key}")
        self.course = step(QUESTIONNAIRE, self.course, asked, meaning, seconds=5)

    def _reply(self, language: Language) -> Reply:
        asked = self._asked()
        keyed = [replace(one, key=f"item:{asked.item.id}:{one.key}") for one in asked.choices(QUESTIONNAIRE, language)]
        return Reply(text=asked.wording(QUESTIONNAIRE, language), choices=tuple(keyed))


class Showing(House):
    """A house that answers everything with one text, under which there may be a menu: its presses answer no question."""

    def __init__(self, text: str, choices: tuple[Choice, ...] = ()) -> None:
        super().__init__()
        self.shown = Reply(text=text, choices=choices)

    async def _answer(self, row: Row) -> None:
        row.message = replace(row.message, choice=None)
        await super()._finish(row, self.web, self.shown, set(), "profile")


# --- reasons ---


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_last_reason_opens_the_styles_and_the_given_one_is_shown_again(browser: Browser, language: Language) -> None:
    words = page_strings(language, "Martín")
    async with at_the_page(browser, locale=LOCALES[language]) as (_, reader):
        page = reader.page
        await reader.ask("hello")
        await page.get_by_role("button", name=words["bad"]).click()
        reasons = page.get_by_role("group", name=words["why"])
        assert [(await one.inner_text()).strip() for one in await reasons.get_by_role("button").all()] == [
            words[f"reason_{reason}"] for reason in ("wrong", "long", "short", "hard", "easy", "style")
        ]
        more = reasons.get_by_role("button", name=words["reason_style"])
        await expect(more).to_have_attribute("aria-expanded", "false")
        await more.focus()
        await page.keyboard.press("Enter")
        await expect(more).to_have_attribute("aria-expanded", "true")
        styles = page.locator(f"#{await more.get_attribute('aria-controls')}")
        assert await styles.get_by_role("button").all_inner_texts() == [words[f"reason_{one.value}"] for one in STYLES]
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        taken = styles.get_by_role("button", name=words["reason_more_theory"])
        await expect(taken).to_have_attribute("aria-pressed", "true")
        for _ in range(2):
            await expect(taken).to_be_visible()
            await expect(page.locator(".why [data-reason][aria-pressed=true]")).to_have_count(1)
            await expect(more).to_have_attribute("aria-pressed", "true")
            await page.reload()


async def test_a_plain_reason_takes_the_place_of_a_style_and_escape_closes_the_styles(browser: Browser) -> None:
    async with at_the_page(browser) as (house, reader):
        page = reader.page
        await reader.ask("hello")
        await page.get_by_role("button", name="Bad answer").click()
        more = page.get_by_role("button", name="Other style")
        await more.click()
        await page.get_by_role("button", name="As an outline").click()
        await page.get_by_role("button", name="Too short").click()
        await expect(more).to_have_attribute("aria-expanded", "false")
        await expect(more).to_have_attribute("aria-pressed", "false")
        await expect(page.get_by_role("button", name="Too short")).to_have_attribute("aria-pressed", "true")
        await more.click()
        await page.get_by_role("button", name="As prose").focus()
        await page.keyboard.press("Escape")
        await expect(more).to_have_attribute("aria-expanded", "false")
        await expect(more).to_be_focused()
        ratings = [row.past.rating for row in house.rows.values() if row.past and row.past.rating]
        assert [one.reason for one in ratings] == [Reason.SHORT]


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_reason_fits_a_phone_and_a_finger(browser: Browser, theme: str) -> None:
    async with at_the_page(browser, locale=LOCALES["es"], color_scheme=theme, **PHONE) as (_, reader):
        page = reader.page
        await reader.ask("hola")
        await page.get_by_role("button", name="Mala respuesta").tap()
        await page.locator(".more").tap()
        await expect(page.locator(".why button")).to_have_count(len(Reason))
        await _fits(page, page.locator(".why button"))


# --- the questionnaire ---


async def test_a_pressed_option_brings_the_next_item_and_the_focus_to_it(browser: Browser) -> None:
    async with at_the_page(browser, house=Asking()) as (_, reader):
        page = reader.page
        await reader.ask("begin ENT1")
        first = page.locator(".turn").first
        await expect(first.locator(".text")).to_have_text(
            "1 of 12 · You are about to learn something completely new. Where should the explanation start?"
        )
        heard = reader.page.locator("#announcer p").last
        await expect(heard).to_contain_text("With a real case already solved, no theory yet")
        await first.get_by_role("button", name="With a real case already solved, no theory yet").click()
        second = page.locator(".turn").nth(1)
        await expect(second.locator(".text")).to_contain_text("2 of 12")
        await expect(second.locator(".choices")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        third = page.locator(".turn").nth(2)
        await expect(third.locator(".text")).to_contain_text("3 of 12")
        for _ in range(2):
            for done in (first, second):
                await expect(done.locator(".choice:enabled")).to_have_count(1)
                await expect(done.locator(".choice[aria-pressed=true]")).to_have_count(1)
            await expect(third.locator(".choice:enabled")).to_have_count(7)
            await expect(third.locator(".choice[aria-pressed=true]")).to_have_count(0)
            await page.reload()
        await expect(page.locator(".choice[aria-pressed=true]").first).to_contain_text("With a real case")


async def test_the_second_half_of_a_double_click_does_not_answer_the_item_that_came_under_it(browser: Browser) -> None:
    async with at_the_page(browser, house=Asking()) as (_, reader):
        page = reader.page
        await reader.ask("begin ENT1")
        await page.locator(".choice").first.click()
        option = page.locator(".turn").nth(1).locator(".choice").first
        await option.hover()
        for count, turns in ((2, 2), (1, 3)):
            await page.mouse.down(click_count=count)
            await page.mouse.up(click_count=count)
            await page.wait_for_timeout(300)
            await expect(page.locator(".turn")).to_have_count(turns)


async def test_a_letter_can_be_typed_wherever_the_focus_is(browser: Browser) -> None:
    async with at_the_page(browser, house=Asking()) as (house, reader):
        page = reader.page
        await reader.ask("begin ENT1")
        await page.locator(".choice").first.click()
        await expect(page.locator(".turn").nth(1).locator(".choices")).to_be_focused()
        await page.keyboard.type("b")
        await expect(page.locator("#text")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.locator(".turn").nth(2).locator(".text")).to_contain_text("3 of 12")
        await expect(page.locator("#text")).to_be_focused()
        taken = page.locator(".turn").nth(1).locator(".choice[aria-pressed=true]")
        await expect(taken.locator(".letter")).to_have_text("B")
        assert isinstance(house, Asking)
        assert len(house.course.answers) == 5, "three of context, and two"


async def test_a_question_in_between_leaves_the_item_open_and_a_later_item_closes_it(browser: Browser) -> None:
    async with at_the_page(browser, house=Asking()) as (_, reader):
        page = reader.page
        await reader.ask("begin ENT1")
        item = page.locator(".turn").first
        await reader.ask("Why is the sky blue?")
        await expect(item.locator(".choice:enabled")).to_have_count(7)
        await reader.ask("a")
        await expect(item.locator(".choice[aria-pressed=true] .letter")).to_have_text("A")
        again = await reader.ask("begin RUT1")
        await expect(again.locator(".choice:enabled")).to_have_count(7)
        await expect(page.locator(".turn").nth(2).locator(".choice:enabled")).to_have_count(0)


@pytest.mark.parametrize("item", ["ENT1", "ENT3", "RUT3", "ACT3", "FOR3"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_item_fits_a_phone_from_its_first_line_on(browser: Browser, item: str, language: Language) -> None:
    async with at_the_page(browser, house=Asking(), locale=LOCALES[language], **PHONE) as (_, reader):
        page = reader.page
        await reader.ask("show " + "A long answer before it. " * 60)
        turn = await reader.ask(f"begin {item}")
        await _fits(page, turn.locator(".choice"))
        await expect(turn.locator(".text")).to_be_in_viewport(ratio=1)
        text = await turn.locator(".choices").inner_text()
        for one in QUESTIONNAIRE.items[item].options:
            plain = one.text[language].replace("- ", "• ")
            assert all(line in text for line in plain.splitlines()), text


async def test_choices_without_letters_stay_as_they_are(browser: Browser) -> None:
    async with at_the_page(browser) as (_, reader):
        turn = await reader.ask("choose")
        assert await turn.locator(".choice").all_inner_texts() == ["By example", "From the idea", "Neither"]
        await expect(turn.locator(".whole")).to_have_count(0)


async def test_letters_that_the_text_does_not_explain_stay_plain_buttons(browser: Browser) -> None:
    class Terse(House):
        async def _finish(self, row: Row, channel: SessionChannel, reply: Reply, flags: set[Flag], handler: str) -> None:
            lettered = tuple(Choice(key=letter, label=letter) for letter in "AB")
            await super()._finish(row, channel, Reply(text="**A** · yes", choices=lettered), flags, handler)

    async with at_the_page(browser, house=Terse()) as (_, reader):
        turn = await reader.ask("hello")
        await expect(turn.locator(".text")).to_have_text("A · yes")
        assert await turn.locator(".choice").all_inner_texts() == ["A", "B"]


# --- the profile ---

SHOWN = """How you like things explained: **Examples**

- Principles `-----|-o---` Examples: leans to Examples, 70 %
- Overview `o----|-----` Steps: quite sure, Overview, 95 %
- Prose `-----o-----` Outline: not known yet
- Level: The basics"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(390, 844), (1280, 800)], ids=["phone", "desk"])
async def test_the_scales_of_a_profile_line_up_and_never_wrap(browser: Browser, size: tuple[int, int], theme: str) -> None:
    viewport = {"width": size[0], "height": size[1]}
    async with at_the_page(browser, house=Showing(SHOWN), viewport=viewport, color_scheme=theme) as (_, reader):
        turn = await reader.ask("/profile")
        scales = turn.locator(".scale")
        await expect(scales).to_have_count(3)
        assert await scales.all_inner_texts() == ["-----|-o---", "o----|-----", "-----o-----"]
        boxes = [await one.bounding_box() for one in await scales.all()]
        lines = {(box["x"], box["width"], box["height"]) for box in boxes if box}
        assert len(lines) == 1, lines
        assert max(height for *_, height in lines) < 30, "one line each"
        poles = [await one.bounding_box() for one in await turn.locator(".pole").all()]
        assert len({box["x"] for box in poles[0::2] if box}) == len({box["x"] for box in poles[1::2] if box}) == 1
        assert (await turn.locator(".scaled").first.inner_text()).split() == [
            *("Principles", "-----|-o---", "Examples", ":", "leans", "to", "Examples,", "70", "%")
        ]
        await expect(turn.locator("li").last).to_have_text("Level: The basics")
        assert await reader.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("code", ["-----", "--flag-o", "o", "-|-", "a-----|-o---", "ooo----"])
async def test_other_code_stays_code(browser: Browser, code: str) -> None:
    async with at_the_page(browser) as (_, reader):
        turn = await reader.ask(f"show - try `{code}` here: now")
        await expect(turn.locator("code")).to_have_text(code)
        await expect(turn.locator("li")).to_have_text(f"try {code} here: now")


async def test_a_long_profile_is_shown_from_its_beginning_and_its_menu_takes_press_after_press(browser: Browser) -> None:
    menu = tuple(Choice(key=f"profile:{name}", label=name) for name in ("hand", "off"))
    house = Showing(SHOWN + "\n\nAnd more of it." * 30, menu)
    async with at_the_page(browser, house=house, **PHONE) as (_, reader):
        page = reader.page
        await reader.ask("/profile")
        await expect(page.locator(".text p").first).to_be_in_viewport(ratio=1)
        first = page.locator(".turn").first
        for name in ("hand", "off"):
            await first.get_by_role("button", name=name).click()
        await expect(page.locator(".turn")).to_have_count(3)
        await expect(first.locator(".choice:enabled")).to_have_count(2)
        await expect(first.locator(".choice[aria-pressed=true]")).to_have_count(0)


async def _fits(page: Page, buttons: Locator) -> None:
    """Every button is at least 44 pixels high and wide, and inside the screen."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    width = await page.evaluate("innerWidth")
    for box in [await one.bounding_box() for one in await buttons.all()]:
        assert box is not None
        assert box["height"] >= 44, box
        assert box["width"] >= 44, box
        assert box["x"] >= 0, box
        assert box["x"] + box["width"] <= width, box
