"""Conversations with questions in LoCoMo's format: read with its malformed labels repaired, and what was found scored (pure).

The file (`locomo10.json` of snap-research/LoCoMo, Maharana et al. 2024, CC BY-NC 4.0) is the caller's: no part of it is here.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

CATEGORIES: Mapping[int, str] = {1: "multi_hop", 2: "temporal", 3: "open_domain", 4: "single_hop"}
"""Category 5, questions with a false premise, is left out of the score."""
DEPTHS = (5, 10, 20)
NDCG_AT = 10

_LABEL = re.compile(r"D:?(\d+):(\d+)")
_SESSION = re.compile(r"session_(\d+)")
_TIME = "%I:%M %p on %d %B, %Y"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What one of the two said. `position` counts within the session, from 0."""

    id: str
    text: str
    said_by: str
    said_at: datetime
    session: str
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with the ids of the turns that answer it; at least one."""

    text: str
    category: int
    evidence: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """How the labels of evidence were read: as they are, repaired, or skipped because no such turn exists."""

    good: int = 0
    repaired: int = 0
    skipped: int = 0
    without_evidence: int = 0
    """Questions of the four categories that are left out, for nothing of theirs remains."""

    def __add__(self, other: Labels) -> Labels:
        return Labels(
            good=self.good + other.good,
            repaired=self.repaired + other.repaired,
            skipped=self.skipped + other.skipped,
            without_evidence=self.without_evidence + other.without_evidence,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation of two people over many sessions, and what is asked about it."""

    id: str
    speakers: tuple[str, str]
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]
    labels: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A question, and the turns that were recalled for it, best first."""

    question: Question
    ids: tuple[str, ...]


def load(path: Path) -> list[Conversation]:
    """The conversations of a file. Raises ValueError naming what is missing, OSError when it cannot be read."""
    try:
        return [_conversation(sample) for sample in json.loads(path.read_text("utf-8"))]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path.name}: expected a list of samples with sample_id, conversation and qa as LoCoMo has, found {error!r}"
        ) from error


def _conversation(sample: Mapping[str, Any]) -> Conversation:
    talk = sample["conversation"]
    numbers = sorted(int(match[1]) for key in talk if (match := _SESSION.fullmatch(key)))
    turns = tuple(turn for number in numbers for turn in _session(talk, number))
    known = {turn.id for turn in turns}
    questions: list[Question] = []
    labels = Labels()
    for asked in sample["qa"]:
        if asked["category"] not in CATEGORIES:
            continue
        evidence, read = read_labels(asked["evidence"], known)
        labels += read if evidence else replace(read, without_evidence=1)
        if evidence:
            questions.append(Question(text=str(asked["question"]), category=asked["category"], evidence=evidence))
    return Conversation(
        id=sample["sample_id"],
        speakers=(talk["speaker_a"], talk["speaker_b"]),
        turns=turns,
        questions=tuple(questions),
        labels=labels,
    )


def _session(talk: Mapping[str, Any], number: int) -> Iterable[Turn]:
    said_at = datetime.strptime(talk[f"session_{number}_date_time"], _TIME).replace(tzinfo=UTC)
    for position, said in enumerate(talk[f"session_{number}"]):
        image = f" [image: {said['blip_caption']}]" if said.get("blip_caption") else ""
        yield Turn(
            id=said["dia_id"],
            text=said["text"] + image,
            said_by=said["speaker"],
            said_at=said_at,
            session=str(number),
            position=position,
        )


def read_labels(written: Iterable[str], known: Collection[str]) -> tuple[frozenset[str], Labels]:
    """The turns that labels of evidence mean, and how they were read.

    `D8:6; D9:17` are two turns, `D:11:26` is `D11:26` and `D30:05` is `D30:5`; what names no known turn is skipped.
    """
    found: set[str] = set()
    labels = Labels()
    for label in written:
        if label in known:
            found.add(label)
            labels += Labels(good=1)
            continue
        meant = {f"D{int(session)}:{int(turn)}" for session, turn in _LABEL.findall(label)} & set(known)
        found |= meant
        labels += Labels(repaired=1) if meant else Labels(skipped=1)
    return frozenset(found), labels


def recall_at(found: Found, depth: int) -> float:
    """The share of the question's evidence among the first `depth`."""
    return len(found.question.evidence & set(found.ids[:depth])) / len(found.question.evidence)


def ndcg_at(found: Found, depth: int) -> float:
    """Normalised discounted cumulative gain of the first `depth`; each evidence turn gains 1 (Järvelin, Kekäläinen 2002)."""
    first = dict.fromkeys(found.ids[:depth])
    gain = sum(1 / math.log2(place + 2) for place, turn in enumerate(first) if turn in found.question.evidence)
    return gain / sum(1 / math.log2(place + 2) for place in range(min(depth, len(found.question.evidence))))


def figures(results: Sequence[Found]) -> dict[str, float]:
    """`r_at_5`, `r_at_10`, `r_at_20`, `ndcg_at_10`: means over the questions, 0 of none; and how many `questions`."""
    count = len(results)
    means = {f"r_at_{depth}": sum(recall_at(found, depth) for found in results) / max(1, count) for depth in DEPTHS}
    means[f"ndcg_at_{NDCG_AT}"] = sum(ndcg_at(found, NDCG_AT) for found in results) / max(1, count)
    return {**{name: round(mean, 4) for name, mean in means.items()}, "questions": count}


def summary(results: Sequence[Found]) -> dict[str, object]:
    """The figures over all questions, and the same by category."""
    kinds: dict[str, list[Found]] = defaultdict(list)
    for found in results:
        kinds[CATEGORIES[found.question.category]].append(found)
    return {**figures(results), "by_category": {name: figures(kinds[name]) for name in CATEGORIES.values()}}
