"""What the scrubber leaves is measured by code that does not trust it, and is next to nothing."""

from __future__ import annotations

import pytest

from benchmarks.scrub import is_there, measure
from learning.planting import LANGUAGES, UNSURE, Planted
from learning.residual import is_left, plant, residual, scrubbed

KINDS = 20


def test_99_of_100_structured_items_are_gone() -> None:
    result = residual(2026, 2000)
    assert result.planted == 2000
    assert result.rate <= 0.01
    assert sum(left for _, left in result.kinds.values()) == result.left
    assert sum(planted for planted, _ in result.kinds.values()) == 2000
    assert set(result.unsure) == UNSURE


def test_no_kind_is_left_out_and_none_is_bad() -> None:
    kinds = residual(5, 1000).kinds
    assert len(kinds) == KINDS
    assert all(planted == 1000 // KINDS and left <= 2 for planted, left in kinds.values())


def test_the_same_seed_gives_the_same_figures() -> None:
    assert residual(3, 200) == residual(3, 200)
    assert plant(3, 50) != plant(4, 50)


def test_everything_is_found_where_nothing_was_scrubbed() -> None:
    sure, unsure = plant(1, 400)
    assert all(is_left(item, item.text) and is_there(item.value, item.text) for item in (*sure, *unsure))
    assert {item.language for item in sure} == set(LANGUAGES)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Es 612-34-56-78.", True),
        ("Es 612 345 6 [PHONE_1]", True),
        ("Es [PHONE_1] 678", False),
        ("", False),
    ],
)
def test_what_is_half_there_or_cut_otherwise_counts_as_left(text: str, left: bool) -> None:
    item = Planted(kind="phone", language="es", value="612 345 678", text="Es 612 345 678.")
    assert is_left(item, text) is left


def test_as_many_texts_come_out_as_went_in() -> None:
    sure, _ = plant(9, 100)
    assert len(scrubbed(sure)) == 100
    assert scrubbed([]) == []


def test_the_benchmark_counts_the_same_by_itself() -> None:
    result = measure(400, seed=11, rows=20)
    assert result["passed"]
    assert result["left"] == result["independent"]
