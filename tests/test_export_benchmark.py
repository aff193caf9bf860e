"""Both writers of the benchmark write the same bytes, and its figures are what they are said to be."""

from __future__ import annotations

from pathlib import Path

from benchmarks.export import differing, examples, measure, prepare, write_ours, write_plain


def test_both_writers_write_the_same_lines(tmp_path: Path) -> None:
    prepare(tmp_path, 600)
    write_ours(tmp_path, 600)
    write_plain(tmp_path)
    assert differing(tmp_path) == []
    with (tmp_path / "plain" / "train" / "sft.jsonl").open("ab") as file:
        file.write(b"\n")
    assert differing(tmp_path) == ["train/sft.jsonl"]


def test_examples_are_the_same_every_time() -> None:
    assert list(examples(50)) == list(examples(50))
    assert len({one.question for one in examples(500)}) == 500


def test_the_figures_are_there(tmp_path: Path) -> None:
    found = measure(300, 1, tmp_path, check=True)
    assert found["differing"] == []
    assert found["rows"] == 300
    assert isinstance(found["write_ratio"], float)
    assert isinstance(found["peak_growth_mb"], float)
