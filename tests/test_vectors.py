"""What goes to an embedder and what comes back: blank texts, long ones, and rows that are none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import EmbedderError
from bot.tokens import estimate_tokens
from bot.vectors import LONGEST, embeddable, in_batches, spread, unit_rows


def test_blank_texts_are_not_embedded_and_long_ones_are_cut() -> None:
    assert embeddable(["a", " \n", "", "b" * (LONGEST + 1)]) == ["a", "b" * LONGEST]


def test_what_cannot_be_written_is_replaced() -> None:
    assert embeddable(["a\ud800b"]) == ["a?b"]


def test_rows_come_out_as_float32_of_unit_length() -> None:
    rows = unit_rows([[3, 4], [0, 1e-30], [1e100, 0]], count=3, of="x")
    assert rows.dtype == np.float32
    assert rows.tolist() == [pytest.approx([0.6, 0.8]), [0, 1], [1, 0]]


@pytest.mark.parametrize(
    "rows",
    [[[1, 2]], [[1], [1], [1]], [1, 2], [[], []], [[1, 2], [1]], [[0, 0], [1, 1]], [[float("nan")], [1]], [["a"], ["b"]], None],
)
def test_what_are_no_two_directions_is_refused(rows: object) -> None:
    with pytest.raises(EmbedderError, match="hash: "):
        unit_rows(rows, count=2, of="hash")


def test_blank_texts_get_the_row_that_leans_nowhere() -> None:
    rows = unit_rows([[1, 0, 0, 0], [0, 0, 0, 1]], count=2, of="x")
    found = spread(rows, ["a", "", "b", " "])
    assert found.tolist() == [[1, 0, 0, 0], [0.5] * 4, [0, 0, 0, 1], [0.5] * 4]
    assert np.allclose(np.linalg.norm(found, axis=1), 1)


@given(st.lists(st.text(max_size=60), max_size=30), st.integers(1, 5), st.integers(5, 30))
def test_batches_hold_every_text_in_order_and_never_too_much(texts: list[str], most_texts: int, most_tokens: int) -> None:
    batches = list(in_batches(texts, most_texts=most_texts, most_tokens=most_tokens))
    whole = [text for batch in batches for text in batch]
    assert len(whole) == len(texts)
    assert all(text.startswith(cut) for text, cut in zip(texts, whole, strict=True))
    assert all(text == cut or estimate_tokens(text) > most_tokens for text, cut in zip(texts, whole, strict=True))
    assert all(batch and len(batch) <= most_texts and sum(map(estimate_tokens, batch)) <= most_tokens for batch in batches)
