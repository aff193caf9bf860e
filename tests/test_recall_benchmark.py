"""The measures of recall drive the product's own path, and say what they could not measure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import memory_scale
from benchmarks.locomo import load
from benchmarks.recall import main, records, rss_mib, run, spread_ms
from tests.profiles.test_locomo import SAMPLE


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A conversation of three turns with one question."""
    file = tmp_path / "talk.json"
    file.write_text(json.dumps([SAMPLE]), "utf-8")
    return file


def test_a_conversation_reads_as_an_export_of_others_words(data: Path) -> None:
    [talk] = load(data)
    first, second, third = records(talk)
    assert (first.key, first.text, first.said_by) == ("made-up-1/D2:1", "Look at this! [image: a photo of a red kite]", "Ana")
    assert (third.session, third.position, third.line) == ("10", 0, 3)
    assert not any(one.is_own for one in (first, second, third))


@pytest.mark.may_block("Chroma, beside which recall is measured, is loaded in this process")
async def test_questions_go_through_import_index_and_recall(data: Path) -> None:
    told: list[str] = []
    result = await run(load(data), "hash", told.append)
    assert (result["r_at_5"], result["questions"], result["turns"]) == (1.0, 1, 3)
    assert (result["measured"], result["passed"], result["strays"]) == (True, True, 0)
    plain = result["plain_chroma"]
    assert isinstance(plain, dict)
    assert plain["r_at_5"] == 1.0
    memory = result["rss_mib"]
    assert isinstance(memory, dict)
    assert memory.keys() == {"bot", "index"}
    assert len(told) == 3


async def test_without_a_model_nothing_is_measured_and_how_to_get_one_is_said(data: Path, tmp_path: Path) -> None:
    result = await run(load(data), f"onnx:{tmp_path}", print)
    assert result["measured"] is False
    assert "embedder-pull" in str(result["reason"])
    assert "r_at_10" not in result


@pytest.mark.parametrize("given", [["--embedder", "bert"], ["--embedder", "onnx:"], []])
def test_what_cannot_be_measured_is_refused(given: list[str], data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main([*(["--data", str(data)] if given else []), *given])
    assert refused.value.code == 2
    assert ("expected hash or onnx:FOLDER" if given else "--data") in capsys.readouterr().err


def test_another_file_is_refused_with_what_was_expected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other.json"
    file.write_text("[{}]", "utf-8")
    assert main(["--data", str(file)]) == 2
    assert "LoCoMo" in capsys.readouterr().err


def test_times_are_told_in_milliseconds_and_a_process_that_is_gone_has_no_memory() -> None:
    assert spread_ms([0.002]) == {"p50": 2.0, "p95": 2.0}
    assert spread_ms([0.001] * 19 + [1.0])["p50"] == 1.0
    assert rss_mib(2**30) is None


async def test_a_small_town_is_measured_as_a_large_one_is() -> None:
    result = await memory_scale.measure(300, lambda line: None, rounds=5)
    assert (result["total"], result["people"], result["own"]) == (300, 5, 10)
    small = result["small_ms"]
    assert isinstance(small, dict)
    assert list(small) == ["10", "100", "300"]
    assert all(value > 0 for value in small.values())
    parts = result["remembered_parts_ms"]
    assert isinstance(parts, dict)
    assert result["add_ms"] == parts["put in"]
    assert result["remembered_ms"] == pytest.approx(sum(parts.values()), abs=0.01)
    assert set(memory_scale.AIMS) <= result.keys()
