"""The page about the preference profile says what the formula does, in both languages alike."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from bot.commands import parse_command
from profiles.directives import target_words
from profiles.events import DIMENSIONS, Answer, Dimension, read_event
from profiles.posterior import CLEAR, LEAN, PRIOR, State, code, confidence, deviation, label, replay, theta, updated
from profiles.reasons import LENGTH_STEP
from profiles.topics import TOPICS
from tests.documents import DOCS

PAGES = {"en": DOCS / "profile.md", "es": DOCS / "profile.es.md"}
LABELS = {
    "en": {"clear": "clear", "leans": "lean", "mixed": "mixed"},
    "es": {"claro": "clear", "inclina": "lean", "mixto": "mixed"},
}
both = pytest.mark.parametrize("language", PAGES)


def text(language: str) -> str:
    """A page with its numbers as Python writes them."""
    plain = PAGES[language].read_text("utf-8").replace("−", "-")
    return re.sub(r"(?<=\d),(?=\d)", ".", plain) if language == "es" else plain


def rows(language: str, pattern: str) -> list[tuple[str, ...]]:
    """The cells of the table rows whose first cell fits a pattern."""
    cells = [
        tuple(cell.strip() for cell in line.strip("|").split("|")) for line in text(language).splitlines() if line[:1] == "|"
    ]
    return [row for row in cells if re.fullmatch(pattern, row[0])]


def numbers(cell: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", cell)]


def after(scores: Sequence[float]) -> State:
    return replay([Answer(dimension=Dimension.ENT, y=y) for y in scores])


@both
def test_the_table_of_answers_is_the_formula(language: str) -> None:
    table = rows(language, r"-?\d(\.\d)?(, -?\d(\.\d)?)*") or []
    shown = [row for row in table if len(row) == 4]
    assert len(shown) == 5
    for answers, number, spread, words in shown:
        state = after(numbers(answers))
        assert numbers(number) == [pytest.approx(theta(state, Dimension.ENT), abs=0.005)]
        assert numbers(spread) == [pytest.approx(deviation(state, Dimension.ENT), abs=0.005)]
        kind = next(kind for word, kind in LABELS[language].items() if word in words)
        assert kind in label(state, Dimension.ENT).value
        if found := re.search(r"(\d+) %", words):
            assert int(found[1]) == confidence(state, Dimension.ENT)


@both
def test_the_example_prints_what_the_page_says(language: str) -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```$", PAGES[language].read_text("utf-8"), re.MULTILINE | re.DOTALL)
    states, state = [], PRIOR
    for line in block.splitlines():
        state = updated(state, read_event(line))
        states.append(state)
    table = [row for row in rows(language, r"\d") if len(row) == 5]
    assert len(table) == len(states) == 5
    for (_, base, thetas, deviations, letters), state in zip(table, states, strict=True):
        assert numbers(base) == [pytest.approx(state.mean[0], abs=0.0005)]
        assert numbers(thetas) == pytest.approx([theta(state, one) for one in DIMENSIONS], abs=0.0005)
        assert numbers(deviations) == pytest.approx([deviation(state, one) for one in DIMENSIONS], abs=0.0005)
        assert letters == f"`{code(state)}`"


@both
def test_limits_and_lengths_are_those_of_the_code(language: str) -> None:
    page = text(language)
    assert f"| {100 * CLEAR:.0f} % " in page
    assert f"{100 * LEAN:.0f} % " in page
    lengths = [target_words(length) for length in (-1, 0, 1, -LENGTH_STEP, LENGTH_STEP)]
    assert lengths == [60, 120, 240, 101, 143]
    for length in lengths:
        assert str(length) in page
    assert len(TOPICS) == 14
    assert "fourteen" in page or "catorce" in page


@both
def test_every_command_of_the_page_is_a_command(language: str) -> None:
    named = set(re.findall(r"`(/\w+)(?: [^`]*)?`", PAGES[language].read_text("utf-8")))
    assert named
    assert [name for name in named if parse_command(name) is None] == []


def test_both_pages_have_the_same_shape() -> None:
    def shape(language: str) -> list[str]:
        return re.findall(r"^(#+ |```\w*|- |\| |> )", PAGES[language].read_text("utf-8"), re.MULTILINE)

    assert shape("en") == shape("es")
    english, spanish = (re.findall(r"https://\S+", PAGES[language].read_text("utf-8")) for language in PAGES)
    assert english == spanish
