"""The two campaigns of the village, short: foreign words in prompts (R-41), and attacks from every side (M-6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos import siege, village


@pytest.mark.parametrize("with_index", [True, False], ids=["vectors", "words"])
async def test_no_prompt_holds_a_word_of_somebody_elses(tmp_path: Path, with_index: bool) -> None:
    found = await village.campaign(tmp_path / "data", people=8, queries=300, with_index=with_index, seed=41)
    assert (found["foreign_words"], found["leaks"]) == (0, [])
    own = found["prompts_with_an_own_word"]
    assert isinstance(own, int) and own > 200, "nothing was recalled at all: the check is empty"


async def test_attacks_from_every_side_change_no_prompts_structure_and_bring_nobody_elses_words(tmp_path: Path) -> None:
    found = await siege.campaign(tmp_path / "data", people=8, attacks=150, with_index=False, seed=6)
    assert {kind: found.get(kind, 0) for kind in ("foreign words", "structure", "writes", "examples")} == {
        "foreign words": 0,
        "structure": 0,
        "writes": 0,
        "examples": [],
    }
    assert found["still_recalls"]
