"""What the data of one night is good for: how much there is for which use, how even it is, and what its training would take.

`Readiness.measured` goes through the examples once; `learning.readiness_text` says it to admins, in a few lines or whole.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Final

import msgspec

from bot.tokens import estimate_tokens
from learning.consistency import Consistency, Tally
from learning.duplicates import normalised
from learning.records import LANGUAGES, Example, Language, Rows, Split
from learning.training_cost import Plan

FEW_OF_A_TOPIC: Final = 5
"""Examples; with fewer, a classifier learns nothing of a topic and an evaluation says nothing about it."""


class Use(StrEnum):
    """What examples may be used for."""

    ANSWERS = "answers"
    """Good answers to learn from (SFT, prompt and completion)."""
    PAIRS = "pairs"
    """A better and a worse answer to the same question (DPO)."""
    THUMBS = "thumbs"
    """Answers with a thumb up or down (KTO, a classifier of what is liked)."""
    LABELS = "labels"
    """Questions of topics with at least `FEW_OF_A_TOPIC` examples (a classifier of topics)."""
    RETRIEVAL = "retrieval"
    """Conversations with a good answer, to find and reuse without any training."""


_TRAINING: Final = (10, 50, 100, 200, 5_000, 100_000)
LADDERS: Final[Mapping[Use, tuple[int, ...]]] = {
    Use.ANSWERS: _TRAINING,
    Use.PAIRS: _TRAINING,
    Use.THUMBS: _TRAINING,
    Use.LABELS: _TRAINING[:4],
    Use.RETRIEVAL: (100, 1_000),
}
"""How many people rely on: 10 at least, 50 to 100 recommended, 200 for hard cases, 5,000 to 100,000 for a LoRA that changes how
a model behaves; for retrieval 100 to 1,000 conversations (issue 7)."""


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """Of how many people the examples are; a small cohort needs an admin's approval (R-49)."""

    people: int = 0
    is_small: bool = False
    approved: bool = False


class Scrub(msgspec.Struct, frozen=True, kw_only=True):
    """How many planted secrets were left after scrubbing (R-53)."""

    planted: int = 0
    left: int = 0

    @property
    def rate(self) -> float:
        """The share that was left, 0 to 1; 1 where nothing was tried, because then nothing is known."""
        return self.left / self.planted if self.planted else 1.0


class File(msgspec.Struct, frozen=True, kw_only=True):
    """How many rows a file has; None for one without rows."""

    rows: int | None = None


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an export besides its examples: the part of `manifest.json` that matters here, and decodes from it."""

    date: str
    collected: int = 0
    kept: int = 0
    people: int = 0
    dropped: dict[str, dict[str, int]] = {}
    cohort: Cohort = msgspec.field(default_factory=Cohort)
    scrub: Scrub = msgspec.field(default_factory=Scrub)
    files: dict[str, File] = {}
    left_out: dict[str, str] = {}


class Amounts(msgspec.Struct, frozen=True, kw_only=True):
    """What there is in one language. `tokens`: about those of good answers in the part for training, with what comes before."""

    rows: int
    by_use: dict[Use, int]
    liked: int
    disliked: int
    corrections: int
    topics: dict[str, int]
    tokens: int
    consistency: Consistency


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements of one night; plain data, so that they can be kept as JSON and told in either language later.

    `duplicates` are rows whose question and answer are, but for case, accents and punctuation, those of another row.
    """

    export: Export
    plan: Plan
    languages: dict[Language, Amounts]
    duplicates: int

    @classmethod
    def measured(cls, examples: Rows[Example], export: Export, plan: Plan | None = None) -> Readiness:
        """One pass over the examples; about 16 bytes are kept of each."""
        found = {language: _Count(language) for language in LANGUAGES}
        texts = _Distinct()
        for example in examples():
            found[example.language].add(example)
            texts.add(f"{example.question}\n{example.good or example.bad or example.answer}")
        return cls(
            export=export,
            plan=plan or Plan(),
            languages={language: count.result() for language, count in found.items()},
            duplicates=len(texts) - texts.distinct(),
        )

    @property
    def rows(self) -> int:
        """The examples of all languages."""
        return sum(amounts.rows for amounts in self.languages.values())

    @property
    def tokens(self) -> int:
        """About how many tokens a training on the good answers would see in one epoch."""
        return sum(amounts.tokens for amounts in self.languages.values())

    @property
    def topics(self) -> Counter[str]:
        """Examples by topic, of all languages."""
        return sum((Counter(amounts.topics) for amounts in self.languages.values()), Counter[str]())

    def spoken(self) -> tuple[Language, ...]:
        """The languages with at least a tenth of the examples: those that a house really speaks."""
        return tuple(
            language for language, amounts in self.languages.items() if amounts.rows and 10 * amounts.rows >= self.rows
        )


def next_step_of(use: Use, count: int) -> int | None:
    """The next number on the ladder of a use; None above the last."""
    return next((step for step in LADDERS[use] if count < step), None)


@dataclass(slots=True)
class _Distinct:
    """Counts how many texts are different but for case, accents and punctuation, by 64 bits of a hash."""

    _hashes: array[int] = field(default_factory=lambda: array("Q"))

    def __len__(self) -> int:
        return len(self._hashes)

    def add(self, text: str) -> None:
        """Count a text."""
        digest = blake2b(normalised(text), digest_size=8).digest()
        self._hashes.append(int.from_bytes(digest, "big"))

    def distinct(self) -> int:
        """How many different ones there were."""
        import numpy as np

        return int(np.unique(np.frombuffer(self._hashes, dtype=np.uint64)).size) if self._hashes else 0


class _Count:
    """Counts the examples of one language."""

    def __init__(self, language: Language) -> None:
        self._uses: Counter[Use] = Counter()
        self._topics: Counter[str] = Counter()
        self._talks = _Distinct()
        self._tally = Tally(language)
        self._rows = self._liked = self._disliked = self._corrections = self._tokens = 0

    def add(self, example: Example) -> None:
        """Count an example."""
        self._rows += 1
        self._topics[example.topic] += 1
        self._liked += example.liked is True
        self._disliked += example.liked is False
        if example.liked is not None:
            self._uses[Use.THUMBS] += 1
        if not example.good:
            return
        self._uses[Use.ANSWERS] += 1
        self._uses[Use.PAIRS] += bool(example.bad)
        self._corrections += bool(example.bad) or example.liked is False
        self._tally.add(example.good)
        self._talks.add(example.history[0].question if example.history else example.question)
        if example.part is Split.TRAIN:
            before = (text for said in example.history for text in (said.question, said.answer))
            self._tokens += sum(map(estimate_tokens, (example.instructions, *before, example.question, example.good)))

    def result(self) -> Amounts:
        """What has been counted. A conversation is told by how it begins."""
        labels = sum(count for topic, count in self._topics.items() if topic and count >= FEW_OF_A_TOPIC)
        counts = {**self._uses, Use.LABELS: labels, Use.RETRIEVAL: self._talks.distinct()}
        return Amounts(
            rows=self._rows,
            by_use={use: counts.get(use, 0) for use in Use},
            liked=self._liked,
            disliked=self._disliked,
            corrections=self._corrections,
            topics=dict(sorted(self._topics.items())),
            tokens=self._tokens,
            consistency=self._tally.result(),
        )
