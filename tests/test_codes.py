"""Codes that people pass on by hand."""

from __future__ import annotations

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channel_types import CodeKind
from bot.codes import ALPHABET, LENGTH, code_hash, new_code, read_code, shown_code


def keyed(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=16, key=b"secret").digest()


@given(st.binary(min_size=16, max_size=16))
def test_a_code_is_read_as_it_is_shown(chance: bytes) -> None:
    code = new_code(chance)
    assert len(code) == LENGTH
    assert set(code) <= set(ALPHABET)
    assert read_code(shown_code(code)) == code


@given(st.binary(min_size=16, max_size=16))
def test_nothing_in_a_code_is_mistaken_for_something_else(chance: bytes) -> None:
    assert not set(new_code(chance)) & set("01OILU")


@pytest.mark.parametrize("typed", ["abcd-efgh", " ABCD EFGH ", "abcdefgh.", "A B C D - E F G H", "ABCD–EFGH"])
def test_small_letters_blanks_and_dashes_do_not_matter(typed: str) -> None:
    assert read_code(typed) == "ABCDEFGH"


@pytest.mark.parametrize(
    "typed", ["", "ABCDEFG", "ABCDEFGHJ", "ABCDEFG0", "ABCDEFG1", "my code is ABCDEFGH", "ABCD\nEFG!", "Ñ" * 8, "A-" * 500]
)
def test_nothing_else_is_a_code(typed: str) -> None:
    assert read_code(typed) is None


def test_what_is_kept_of_a_code_says_neither_the_code_nor_fits_another_use() -> None:
    kept = {code_hash(keyed, kind, code) for kind in CodeKind for code in ("ABCDEFGH", "ABCDEFGJ")}
    assert len(kept) == 4
    assert not any("ABCD" in one for one in kept)
