"""Conversations of a benchmark are read with their labels repaired, and what was found is scored as published."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.locomo import Found, Labels, Question, load, ndcg_at, read_labels, recall_at, summary

KNOWN = {"D8:6", "D9:17", "D11:26", "D30:5", "D1:1"}


@pytest.mark.parametrize(
    ("written", "meant", "read"),
    [
        (["D1:1", "D8:6"], {"D1:1", "D8:6"}, Labels(good=2)),
        (["D8:6; D9:17"], {"D8:6", "D9:17"}, Labels(repaired=1)),
        (["D9:17 D1:1 D8:6"], {"D9:17", "D1:1", "D8:6"}, Labels(repaired=1)),
        (["D:11:26"], {"D11:26"}, Labels(repaired=1)),
        (["D30:05", "D4:36", "D"], {"D30:5"}, Labels(repaired=1, skipped=2)),
        ([], set(), Labels()),
    ],
)
def test_labels_are_repaired_or_skipped_and_counted(written: list[str], meant: set[str], read: Labels) -> None:
    found_ids, how = read_labels(written, KNOWN)
    assert (set(found_ids), how) == (meant, read)


def found(*ids: str, evidence: set[str], category: int = 4) -> Found:
    return Found(question=Question(text="?", category=category, evidence=frozenset(evidence)), ids=ids)


def test_recall_is_the_share_of_the_evidence_and_ndcg_rewards_the_first_places() -> None:
    half = found("x", "a", "y", evidence={"a", "b"})
    assert recall_at(half, 1) == 0
    assert recall_at(half, 3) == 0.5
    assert ndcg_at(found("a", "b", evidence={"a", "b"}), 10) == pytest.approx(1)
    assert ndcg_at(half, 10) == pytest.approx((1 / 1.5849625) / (1 + 1 / 1.5849625))
    assert ndcg_at(found("a", "a", evidence={"a", "b"}), 10) < 1


def test_the_summary_averages_over_questions_overall_and_by_category() -> None:
    results = [found("a", evidence={"a"}), found("x", evidence={"a"}, category=1), found(evidence={"a", "b"}, category=1)]
    figures = summary(results)
    assert figures["r_at_10"] == pytest.approx(1 / 3, abs=1e-4)
    by_category = figures["by_category"]
    assert isinstance(by_category, dict)
    assert by_category["single_hop"]["r_at_5"] == 1
    assert by_category["multi_hop"] == {"r_at_5": 0, "r_at_10": 0, "r_at_20": 0, "ndcg_at_10": 0, "questions": 2}
    assert by_category["temporal"]["questions"] == 0


SAMPLE = {
    "sample_id": "made-up-1",
    "conversation": {
        "speaker_a": "Ana",
        "speaker_b": "Luis",
        "session_10_date_time": "9:05 am on 1 December, 2024",
        "session_10": [{"speaker": "Luis", "dia_id": "D10:1", "text": "Back again."}],
        "session_2_date_time": "1:56 pm on 8 May, 2023",
        "session_2": [
            {"speaker": "Ana", "dia_id": "D2:1", "text": "Look at this!", "blip_caption": "a photo of a red kite"},
            {"speaker": "Luis", "dia_id": "D2:2", "text": "Lovely.", "blip_caption": ""},
        ],
    },
    "qa": [
        {"question": "What colour is the kite?", "answer": "red", "evidence": ["D2:01"], "category": 4},
        {"question": "Who knows?", "answer": "nobody", "evidence": ["D7:1"], "category": 3},
        {"question": "A trap?", "adversarial_answer": "no", "evidence": ["D2:1"], "category": 5},
    ],
}


def test_a_file_is_read_in_the_order_of_its_sessions_with_captions_and_times(tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    file.write_text(json.dumps([SAMPLE]))
    [talk] = load(file)
    assert [turn.id for turn in talk.turns] == ["D2:1", "D2:2", "D10:1"]
    assert [turn.text for turn in talk.turns] == ["Look at this! [image: a photo of a red kite]", "Lovely.", "Back again."]
    assert [(turn.session, turn.position, turn.said_by) for turn in talk.turns[1:]] == [("2", 1, "Luis"), ("10", 0, "Luis")]
    assert talk.turns[0].said_at == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)
    assert [question.evidence for question in talk.questions] == [{"D2:1"}]
    assert talk.labels == Labels(repaired=1, skipped=1, without_evidence=1)


@pytest.mark.parametrize("text", ["[{}]", "[1]", '{"a": 1}', "[]x"])
def test_another_file_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "other.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"expected a list of samples|Extra data"):
        load(file)
