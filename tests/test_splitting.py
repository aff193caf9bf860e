"""Where long texts are cut: at the best place near the end, and never inside of what people see as one letter."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from bot.splitting import is_boundary, split, tail, units

LETTERS = st.sampled_from(
    [
        *"aé ñ\n.漢각ก",
        "e\u0301",
        "👩‍👩‍👧‍👦",
        "🇪🇸",
        "🇲🇽",
        "👍🏽",
        "❤️‍🔥",
        "1️⃣",
        "क्ष",
        "स्त्री",
        "한",
        "\u0301",
        "\u200d",
        "\u1112\u1161\u11ab",
    ]
)


def cut(text: str, limit: int, *, whole: tuple[tuple[int, int], ...] = ()) -> list[str]:
    places = split(text, limit=limit, fits=lambda start, stop: units(text[start:stop]) <= limit, whole=whole)
    return [text[start:stop] for start, stop in places]


def test_a_text_that_fits_is_one_piece() -> None:
    assert cut("Hola.\n\nAdiós.", 20) == ["Hola.\n\nAdiós."]
    assert cut(" \n\n ", 20) == []


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("one two\n\nthree four\nfive six", ["one two", "three four", "five six"]),
        ("one two\nthree four five", ["one two", "three four", "five"]),
        ("One two. Three four five", ["One two.", "Three four", "five"]),
        ("¿Qué tal, amigo?", ["¿Qué tal,", "amigo?"]),
        ("abcdefghijklmno", ["abcdefghijkl", "mno"]),
    ],
)
def test_paragraphs_go_before_lines_sentences_and_words(text: str, pieces: list[str]) -> None:
    assert cut(text, 12) == pieces


def test_a_block_of_code_is_kept_whole_where_that_leaves_no_big_hole() -> None:
    text = "Some words before.\n\na = 1\nb = 2\nc = 3\n\nand after"
    block = (text.index("a ="), text.index("\n\nand"))
    assert cut(text, 32, whole=(block,))[0] == "Some words before."


def test_indentation_survives_a_cut_between_lines() -> None:
    assert cut("def f():\n    return 1", 10) == ["def f():", "    return", "1"]


@given(st.lists(LETTERS, max_size=60).map("".join), st.integers(12, 40))
def test_nothing_is_lost_and_no_piece_is_too_long(text: str, limit: int) -> None:
    pieces = cut(text, limit)
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert all(units(piece) <= limit and piece.strip() for piece in pieces)


@example(" \u0301")
@given(st.lists(LETTERS, min_size=1, max_size=12).map("".join))
def test_boundaries_are_never_inside_of_a_letter(text: str) -> None:
    places = {0}
    for grapheme in iter_graphemes(text):
        places.add(max(places) + len(grapheme))
    ours = {place for place in range(len(text) + 1) if is_boundary(text, place)}
    assert ours - places == set()


def test_a_heap_of_accents_is_cut_all_the_same() -> None:
    assert [len(piece) for piece in cut("a" + "\u0301" * 50, 20)] == [20, 20, 11]


def test_the_newest_text_begins_at_a_line_or_a_word() -> None:
    text = "one two three four five"
    assert text[tail(text, limit=12, fits=lambda start, stop: stop - start <= 12) :] == "four five"
