"""Rows taken out of a folder: nothing of them is left, the folder is as sound as before, and trying again is harmless."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import ManifestError
from learning.check import check
from learning.manifest import Stale, read_manifest
from learning.parquet import put_parquet
from learning.records import Dropped
from learning.remove import Removed, files_of, remove
from tests.learning.exports import content, example, lines, some, written

ON = "2026-11-25"
DROPPED = [Dropped(row=f"bad-{number}", step="clean", reason="spam") for number in range(3)]


def out(tmp_path: Path, count: int = 200, *, with_parquet: bool = False) -> Path:
    written(tmp_path / "out", some(count), DROPPED, with_parquet=with_parquet)
    return tmp_path / "out"


def test_nothing_of_the_rows_is_left_and_everything_else_is(tmp_path: Path) -> None:
    folder = out(tmp_path)
    gone = [example(number) for number in (3, 11, 12, 40)]
    before = {path: lines(folder / path) for path in content(folder) if path.endswith((".jsonl", ".csv")) and "/" in path}
    where = files_of(folder, [one.row for one in gone])
    done = remove(folder, [one.row for one in gone], on=ON, languages={one.row: one.language for one in gone}, people=2)
    assert done.rows == 4
    assert sum(done.files.values()) == sum(len(places) for places in where.values())
    for path, found in content(folder).items():
        for one in gone:
            for text in (one.row, one.question, one.answer, *filter(None, (one.good, one.bad))):
                assert json.dumps(text, ensure_ascii=False)[1:-1].encode() not in found, path
                assert text.encode() not in found, path
    for path, rows in before.items():
        lost = {line for places in where.values() for file, line in places if file == path}
        assert lines(folder / path) == [row for line, row in enumerate(rows, start=1) if line not in lost]
    assert check(folder) == []


def test_the_manifest_says_since_when_it_is_stale(tmp_path: Path) -> None:
    folder = out(tmp_path)
    old = read_manifest(folder)
    remove(folder, ["row-00003", "bad-1"], on=ON, languages={"row-00003": "en"}, people=1)
    new = read_manifest(folder)
    assert new.stale == Stale(on=ON, removed=2)
    assert (new.collected, new.kept, new.people) == (old.collected, old.kept - 1, old.people - 1)
    assert new.dropped == {"clean": {"spam": 2}}
    assert new.languages == {**old.languages, "en": old.languages["en"] - 1}
    remove(folder, ["row-00004"], on="2026-11-26")
    assert read_manifest(folder).stale == Stale(on="2026-11-26", removed=3)
    assert "> 3 rows were taken out on 2026-11-26" in (folder / "README.md").read_text("utf-8")
    assert check(folder) == []


def test_trying_again_changes_nothing(tmp_path: Path) -> None:
    folder = out(tmp_path)
    remove(folder, ["row-00003"], on=ON, people=1)
    before = content(folder)
    assert remove(folder, ["row-00003", "unknown"], on="2026-12-01", people=1) == Removed()
    assert content(folder) == before


def test_files_too_small_without_the_rows_go_too(tmp_path: Path) -> None:
    folder = out(tmp_path)
    corrected = [one.row for one in some() if one.bad and one.good]
    done = remove(folder, corrected[: len(corrected) // 2 + 5], on=ON)
    assert done.left_out["dpo.jsonl"] == "fewer than 10 rows to learn from"
    assert not list(folder.rglob("dpo.jsonl"))
    assert read_manifest(folder).left_out == done.left_out
    assert check(folder) == []


def test_labels_too_rare_without_the_rows_go_too(tmp_path: Path) -> None:
    examples = [example(number, topic="raro" if number % 20 == 0 else example(number).topic) for number in range(200)]
    written(tmp_path / "out", examples)
    rare = [one.row for one in examples if one.topic == "raro" and one.part.value == "train"]
    assert len(rare) == 10
    remove(tmp_path / "out", rare[:6], on=ON)
    assert "raro" not in {label for path in (tmp_path / "out").rglob("classifier-topic.csv") for _, label in lines(path)}
    assert check(tmp_path / "out") == []


def test_everything_can_go(tmp_path: Path) -> None:
    folder = out(tmp_path, 60)
    remove(folder, [one.row for one in some(60)] + [one.row for one in DROPPED], on=ON, people=99)
    manifest = read_manifest(folder)
    assert (manifest.people, manifest.dropped, len(manifest.left_out)) == (0, {}, 9)
    assert (folder / "rows.jsonl").read_bytes() == b""
    assert (folder / "dropped.jsonl").read_bytes() == b""


def test_files_that_stay_as_they_are_are_not_copied(tmp_path: Path) -> None:
    folder = out(tmp_path)
    inode = (folder / "test" / "sft.jsonl").stat().st_ino
    remove(folder, ["row-00000"], on=ON)
    assert (folder / "test" / "sft.jsonl").stat().st_ino == inode
    assert (folder / "test" / "sft.jsonl").stat().st_nlink == 1


def test_parquet_files_follow(tmp_path: Path) -> None:
    folder = out(tmp_path, with_parquet=True)
    gone = example(3)
    remove(folder, [gone.row], on=ON)
    assert check(folder) == []
    found = content(folder)
    beside = folder / "train" / "sft.jsonl"
    put_parquet(beside, tmp_path / "again.parquet")
    assert found["train/sft.parquet"] == (tmp_path / "again.parquet").read_bytes()


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    folder = out(tmp_path, with_parquet=True)
    for name in ("sft", "kto", "dpo", "prompt_completion", "input_response"):
        assert pq.read_table(folder / "train" / f"{name}.parquet").to_pylist() == lines(folder / "train" / f"{name}.jsonl")
    first = pq.read_table(folder / "train" / "messages.parquet").to_pylist()[0]["messages"][-1]
    assert first == {"role": "assistant", "content": example(0).good, "weight": 1}
    again = tmp_path / "again"
    written(again, some(), DROPPED, with_parquet=True)
    assert content(again) == content(folder)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError):
        remove(tmp_path, ["row"], on=ON)
    folder = out(tmp_path)
    (folder / "rows.jsonl").write_text('{"file": 3}\n')
    with pytest.raises(ManifestError, match="is damaged"):
        remove(folder, ["row"], on=ON)


@settings(max_examples=6)
@given(numbers=st.sets(st.integers(0, 119), max_size=60))
def test_any_rows_can_be_taken_out(tmp_path_factory: pytest.TempPathFactory, numbers: set[int]) -> None:
    folder = out(tmp_path_factory.mktemp("any"), 120)
    rows = [example(number).row for number in numbers]
    remove(folder, rows, on=ON)
    assert files_of(folder, rows) == {}
    assert [problem.code for problem in check(folder) if problem.code != "info-shape"] == []


def test_the_command_takes_rows_from_standard_input(tmp_path: Path) -> None:
    folder = out(tmp_path)
    command = [sys.executable, "-m", "learning.remove", str(folder), "--on", ON, "--people", "1"]
    done = subprocess.run(command, input="row-00003\ten\nrow-00004\n", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["rows"] == 2
    assert read_manifest(folder).stale == Stale(on=ON, removed=2)
    nowhere = subprocess.run([*command[:3], str(tmp_path / "no")], input="x\n", capture_output=True, text=True, check=False)
    assert nowhere.returncode == 1
    assert "is missing: name a folder" in nowhere.stderr
