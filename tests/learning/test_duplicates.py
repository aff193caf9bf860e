"""Repeated texts: found whatever was done to their case, accents and punctuation, or to a few of their letters."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.duplicates import measure, planted
from learning.duplicates import NearDuplicates, bands, letters_digest, normalised, shingles

LONG = "¿Cómo configuro el router nuevo para que la red de invitados no llegue a mi impresora ni a mis copias de seguridad?"


@pytest.mark.parametrize(
    "repeated",
    [
        LONG.upper(),
        LONG.replace("ó", "o").replace("¿", ""),
        f"  {LONG.replace(' ', '  ')}\n",
        LONG.replace("invitados", "invitadas"),
        f"Oye: {LONG}",
        f"{LONG} 👍",
    ],
)
def test_a_text_is_known_again_in_other_clothes(repeated: str) -> None:
    known = NearDuplicates()
    assert known.add("first", LONG) is None
    assert known.add("second", repeated) == "first"
    assert len(known) == 1


def test_a_different_text_of_the_same_words_is_new() -> None:
    known = NearDuplicates()
    known.add("first", LONG)
    words = LONG.split()
    random.Random(1).shuffle(words)
    assert known.add("second", " ".join(words)) is None


@pytest.mark.parametrize(
    ("one", "other", "is_repeated"),
    [
        ("2+2", "2+3", False),
        ("2+2", "2-2", False),
        ("1.5", "15", False),
        ("no", "yo", False),
        ("París", "paris.", True),
        ("¡Sí!", "si", True),
        ("👍", "👎", False),
        ("👍", "👍", True),
        ("…", "", True),
    ],
)
def test_short_texts_repeat_each_other_only_to_the_letter(one: str, other: str, is_repeated: bool) -> None:
    known = NearDuplicates()
    known.add("one", one)
    assert (known.add("other", other) == "one") is is_repeated
    assert (letters_digest(one) == letters_digest(other)) is is_repeated


def test_the_first_of_several_alike_is_named_and_a_repeated_text_is_not_kept() -> None:
    known = NearDuplicates(threshold=0.5)
    assert known.add("a", LONG) is None
    far = LONG.replace("red de invitados", "casa").replace("impresora", "cámara").replace("copias de seguridad", "fotos")
    assert known.add("b", far) is None
    near = known.add("c", LONG.replace("impresora", "cámara"))
    assert near == "a"
    assert len(known) == 2


def test_the_same_calls_give_the_same_answers() -> None:
    texts = [told.text[:200] for told in planted(300, 7)]
    one, other = NearDuplicates(), NearDuplicates()
    said = [one.add(str(place), text) for place, text in enumerate(texts)]
    assert said == [other.add(str(place), text) for place, text in enumerate(texts)]
    assert any(said)


@given(st.lists(st.text(max_size=40), max_size=12))
def test_every_text_is_known_after_it_was_added(texts: list[str]) -> None:
    known = NearDuplicates()
    for place, text in enumerate(texts):
        first = known.add(str(place), text)
        assert known.add("again", text) == (str(place) if first is None else first)
        assert first is None or int(first) < place


@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalised(text)
    assert normalised(once.decode("utf-8", "surrogatepass")) == once


def test_half_characters_and_other_scripts_do_no_harm() -> None:
    assert normalised("Año\ud83d") == b"ano"
    assert normalised("Ολα ΚΑΛΑ!") == normalised("ολα καλα")
    assert normalised("日本語") != normalised("中文字")


def test_pieces_overlap_by_all_but_one_byte() -> None:
    assert shingles(b"abcdefg") == [b"abcde", b"bcdef", b"cdefg"]
    assert shingles(b"abc") == [b"abc"]


def test_a_lower_threshold_cuts_more_bands() -> None:
    assert bands(0.8) == 16
    assert bands(0.6) == 32
    assert bands(0.3) == 64


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1])
def test_an_impossible_threshold_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="at most 1"):
        NearDuplicates(threshold=threshold)


def test_planted_copies_are_found_and_nothing_else() -> None:
    figures = measure(600, seed=5)
    assert figures["recall"] == {"rensa": 1.0, "datasketch": 1.0}
    assert figures["false_alarms"] == {"rensa": 0.0, "datasketch": 0.0}
