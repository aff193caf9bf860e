"""The measure of answers without a language model: it counts what it says it counts, and what was reached is not lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.offline import QUESTIONS, Case, Verdict, load, measure, summary


def line(**changes: object) -> str:
    row: dict[str, object] = {"language": "en", "question": "What is LoRA?", "file": None, "heading": None}
    return json.dumps(row | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"language": "fr"},
        {"question": " "},
        {"file": "en/15-rag-lora-or-from-scratch.md"},
        {"file": "en/15-rag-lora-or-from-scratch.md", "heading": "No such heading"},
    ],
)
def test_a_bad_case_is_refused_with_its_line(tmp_path: Path, changes: dict[str, object]) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(f"{line()}\n{line(**changes)}\n", "utf-8")
    with pytest.raises(ValueError, match="line 2"):
        load(path)


def verdict(*, inside: bool, right: bool, rank: int = 0) -> Verdict:
    case = Case(language="en", question="?", file="a.md" if inside else None, heading="A" if inside else None)
    return Verdict(case=case, is_right=right, is_unknown=not inside and right, rank=rank, seconds=0.001, got="")


def test_figures_are_shares_of_what_was_asked() -> None:
    result = summary(
        [
            verdict(inside=True, right=True, rank=1),
            verdict(inside=True, right=False, rank=3),
            verdict(inside=False, right=True),
            verdict(inside=False, right=True),
        ]
    )
    assert (result["right_first_en"], result["right_in_four"], result["honest_en"], result["questions_es"]) == (
        0.5,
        1.0,
        1.0,
        0,
    )
    assert result["passed"] is False


async def test_independent_questions_are_answered_no_worse_than_before(tmp_path: Path) -> None:
    """A floor under what was once measured; the aim is `AIM`, and the benchmark reports it."""
    some = tmp_path / "some.jsonl"
    some.write_text("\n".join(QUESTIONS.read_text("utf-8").splitlines()[::2]), "utf-8")
    result = summary(await measure(some))
    assert isinstance(result["right_first"], float)
    assert isinstance(result["honest"], float)
    assert result["right_first"] >= 0.85
    assert result["honest"] >= 0.8
