"""Both languages say everything: the catalogue is what the source says, whole, and compiled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.locale import say, say_many
from tests.catalogues import (
    MO,
    PO,
    NotLiteral,
    forms,
    is_whole,
    mo_bytes,
    originals,
    placeholders,
    po_bytes,
    read,
    said,
    untranslated,
    updated,
)

CATALOGUE = read(PO)
MESSAGES = [message for message in CATALOGUE if message.id and is_whole(message)]


def test_the_catalogue_holds_what_the_source_says_and_nothing_else() -> None:
    assert PO.read_bytes() == po_bytes(updated([CATALOGUE])), "run: make locale"


def test_the_compiled_catalogue_is_in_step() -> None:
    assert MO.read_bytes() == mo_bytes(PO.read_bytes()), "run: make locale"


def test_nothing_lacks_its_spanish() -> None:
    assert untranslated(CATALOGUE) == []


def test_placeholders_are_the_same_in_both_languages() -> None:
    wrong = [
        original
        for message in MESSAGES
        for original, translation in zip(originals(message), forms(message), strict=True)
        if placeholders(original) != placeholders(translation)
    ]
    assert wrong == []


def test_code_commands_and_line_ends_are_the_same_in_both_languages() -> None:
    def shape(text: str) -> tuple[list[str], bool, bool]:
        return re.findall(r"MARTIN_\w+|https?://\S+", text), text.startswith(" "), text.endswith((" ", "\n"))

    wrong = [
        original
        for message in MESSAGES
        for original, translation in zip(originals(message), forms(message), strict=True)
        if shape(original) != shape(translation)
    ]
    assert wrong == []


def test_spanish_is_not_english_left_as_it_was() -> None:
    same = [one for message in MESSAGES for one in originals(message) if len(one.split()) > 3 and one in forms(message)]
    assert same == []


def test_questions_and_exclamations_open_as_spanish_does() -> None:
    wrong = [
        text
        for message in MESSAGES
        for text in forms(message)
        if text.count("?") != text.count("¿") + len(re.findall(r"\?[a-z&=]|`[^`]*\?[^`]*`", text))
        or text.count("!") != text.count("¡")
    ]
    assert wrong == []


def test_a_text_is_said_in_the_language_asked_for() -> None:
    assert say("en", "this is not a list") == "this is not a list"
    assert say("es", "this is not a list") != "this is not a list"
    one, many = "{count} setting differs from its default", "{count} settings differ from their defaults"
    assert [say_many("en", one, many, count)[:9] for count in (0, 1, 2)] == ["0 setting", "1 setting", "2 setting"]
    assert say_many("es", one, many, 1) != say_many("es", one, many, 2)


@pytest.mark.parametrize("code", ["say(language, text)", 'say(language, f"x {1}")', 'say_many(language, "one", many, 2)'])
def test_a_text_that_is_not_written_out_is_noticed(code: str, tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text(code)
    with pytest.raises(NotLiteral, match=r"source\.py:1"):
        list(said(file))
