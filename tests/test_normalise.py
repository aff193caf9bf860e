"""Text from outside comes in safe, short enough, and with its meaning kept."""

from __future__ import annotations

import random
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.normalise import MAX_LINES, clean

HOSTILE = [
    *map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\r\n", "\u200b", "\u200c", "\u200d", "\u202a", "\u202e", "\u2028",
    "\u2029", "\u2066", "\u2069", "\ufeff", "\ud800", "\udbff", "\udc00", "\udfff", "\U000e0001", "\U000e0041", "\U000e007f",
    "\ufe0f", "a", "ñ", "\u0301", " ", "👩", "🏽", "ن", "म", "\u094d", "🏴", "中", "Z̸",
]  # fmt: skip
KEPT_CONTROLS = {"\t", "\n"}


def assert_safe(text: str, max_chars: int) -> None:
    assert len(text) <= max_chars
    assert text.count("\n") < MAX_LINES
    text.encode("utf-8")
    for character in text:
        point = ord(character)
        assert unicodedata.category(character) not in ("Cc", "Cs") or character in KEPT_CONTROLS, hex(point)
        assert not 0xE0000 <= point <= 0xE007F
        assert not (0x202A <= point <= 0x202E or 0x2066 <= point <= 0x2069 or point == 0xFEFF)


def test_ten_thousand_generated_strings_come_out_safe_and_stay_so() -> None:
    dice = random.Random(48)
    for _ in range(10_000):
        text = "".join(dice.choices(HOSTILE, k=dice.randrange(40)))
        once = clean(text, max_chars=30).text
        assert_safe(once, 30)
        assert clean(once, max_chars=30).text == once


@given(st.text(st.characters(), max_size=200), st.integers(1, 100))
def test_any_text_comes_out_safe(text: str, max_chars: int) -> None:
    assert_safe(clean(text, max_chars=max_chars).text, max_chars)


@pytest.mark.parametrize(
    "text",
    [
        "¿Qué tal, señora? ¡Así, así! «Año» — 20 €",
        "مرحبا بالعالم، كيف حالك؟",
        "می‌خواهم بنویسم",  # Persian: zero-width non-joiner inside the word
        "नमस्ते दुनिया, क्‍या हाल है?",  # Hindi: zero-width joiner after the virama
        "ශ්‍රී ලංකාව",  # Sinhala: zero-width joiner inside the conjunct
        "မင်္ဂလာပါ",
        "👩‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 ❤️‍🔥 👁️‍🗨️ 🙂‍↔️ 🐦‍⬛ 👍🏿",
        "日本語のテキスト、한국어 텍스트, עברית",
        "def f():\n\treturn 1  # tab and line feed stay",
        "e\u0301 stays as it was written",
    ],
)
def test_what_people_write_is_left_as_it_is(text: str) -> None:
    assert clean(text, max_chars=1000).text == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\r\nb\rc\x85d\u2028e\u2029f", "a\nb\nc\nd\ne\nf"),
        ("pass\x00word\x1b[31m", "password[31m"),
        ("evil\u202eexe.txt", "evilexe.txt"),
        ("\ufeffhello", "hello"),
        ("hi\U000e0049\U000e0067nore", "hinore"),
        ("a\u200db\u200cc\u200d", "abc"),
        ("👩\u200d", "👩"),
        ("\u200dx", "x"),
        ("half \ud83d here", "half  here"),
        ("whole \ud83d\ude42 here", "whole 🙂 here"),
        ("tab\tkept\x7f", "tab\tkept"),
    ],
)
def test_what_hides_is_taken_out(text: str, kept: str) -> None:
    assert clean(text, max_chars=1000).text == kept


def test_a_long_text_is_cut_and_says_so() -> None:
    cleaned = clean("x" * 101, max_chars=100)
    assert cleaned.text == "x" * 100
    assert cleaned.was_cut
    assert not clean("x" * 100, max_chars=100).was_cut


def test_many_lines_are_cut_and_say_so() -> None:
    cleaned = clean("a\n" * (MAX_LINES + 5), max_chars=10**6)
    assert cleaned.text.count("\n") == MAX_LINES - 1
    assert cleaned.was_cut


@pytest.mark.parametrize(("text", "kept"), [("abe\u0301", "ab"), ("ab👩‍🚀", "ab"), ("ab👍🏽", "ab"), ("abcd", "abc")])
def test_a_cut_does_not_split_what_belongs_together(text: str, kept: str) -> None:
    assert clean(text, max_chars=3).text == kept


def test_accents_without_end_are_cut_all_the_same() -> None:
    assert len(clean("a" + "\u0301" * 1000, max_chars=100).text) == 100


@pytest.mark.parametrize("piece", ["a", "\u200d", "\u0301", "\r", "\ud800", "👩\u200d", "\n", "म\u200d"])
def test_time_grows_no_faster_than_the_text(piece: str) -> None:
    def seconds(length: int) -> float:
        text = piece * length
        began = time.process_time()
        clean(text, max_chars=len(text))
        return time.process_time() - began

    seconds(1000)
    assert seconds(80_000) < 0.5
