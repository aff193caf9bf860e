"""The measure of drawn facts: it counts what it says it counts, and what was reached is not lost."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.memory import DIALOGUES, Dialogue, Expected, Turn, figures, judge, load, summary
from bot.types import Language


def line(**changes: object) -> str:
    row: dict[str, object] = {
        "id": "x",
        "part": "dev",
        "language": "en",
        "turns": [{"who": "person", "text": "I live in Leeds", "at": "2026-03-04T12:00:00+00:00"}],
        "facts": [{"slot": "home", "value": "Leeds", "after_turn": 1}],
        "superseded": [],
        "none": False,
        "questions": [],
    }
    return json.dumps(row | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"language": "fr"},
        {"part": "test"},
        {"none": True},
        {"facts": []},
        {"facts": [{"slot": "home", "value": "Leeds", "after_turn": 2}]},
        {"questions": [{"text": "Where?", "language": "en", "answers_turn": 3}]},
    ],
)
def test_a_bad_dialogue_is_refused_with_its_line(tmp_path: Path, changes: dict[str, object]) -> None:
    path = tmp_path / "dialogues.jsonl"
    path.write_text(f"{line()}\n{line(**changes)}\n", "utf-8")
    with pytest.raises(ValueError, match="line 2"):
        load(path)


def dialogue(*texts: str, facts: tuple[Expected, ...], superseded: tuple[tuple[str, str], ...] = ()) -> Dialogue:
    turns = tuple(Turn(is_person=True, text=text, at=datetime(2026, 3, day, tzinfo=UTC)) for day, text in enumerate(texts, 1))
    return Dialogue(id="x", part="held_out", language="en", turns=turns, facts=facts, superseded=superseded)


def test_found_wrong_and_missed_facts_and_replacements_are_counted() -> None:
    verdict = judge(
        dialogue(
            "I live in Quito. I like tea. My dream is to fly.",
            "I live in Lima",
            facts=(
                Expected(slot="home", value="Quito", turn=1),
                Expected(slot="likes", value="flying", turn=1),
                Expected(slot="home", value="Lima", turn=2),
            ),
            superseded=(("home", "Quito"), ("home", "Cuenca")),
        )
    )
    assert (verdict.found, verdict.wrong, verdict.missed) == (2, ("likes:tea | Likes tea.",), ("likes = flying",))
    assert (verdict.replaced, verdict.not_replaced, verdict.wrongly_replaced) == (1, ("home = Cuenca",), ())
    counted = figures([verdict])
    assert (counted["precision"], counted["recall"], counted["replaced_missed"]) == (0.6667, 0.6667, 1)


def test_an_optional_fact_is_neither_found_nor_wrong() -> None:
    verdict = judge(dialogue("I like tea", facts=(Expected(slot="likes", value="tea", turn=1, is_optional=True),)))
    assert (verdict.found, verdict.wrong, verdict.missed) == (0, (), ())


def test_a_fact_with_the_wrong_sign_is_wrong() -> None:
    verdict = judge(dialogue("I hate tea", facts=(Expected(slot="likes", value="tea", turn=1),)))
    assert (verdict.found, len(verdict.wrong), len(verdict.missed)) == (0, 1, 1)


def test_the_dialogues_are_many_and_in_both_languages() -> None:
    every = load(DIALOGUES)
    languages: Counter[Language] = Counter(one.language for one in every)
    assert languages["es"] >= 60
    assert languages["en"] >= 60
    assert len({one.id for one in every}) == len(every)
    assert sum(one.part == "held_out" for one in every) >= len(every) / 3


def test_dialogues_are_read_no_worse_than_before() -> None:
    """A floor under what was once measured; the aims are the benchmark's."""
    result = summary([judge(one) for one in load(DIALOGUES)])
    for part, precision, recall in (("held_out", 0.94, 0.85), ("dev", 0.97, 0.95)):
        counted = result[part]
        assert isinstance(counted, dict)
        assert counted["precision"] >= precision
        assert counted["recall"] >= recall
