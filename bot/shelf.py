"""The passages of one language, and which of them answer a question: by what they cover of it and by what is asked of them."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.lexical import Bm25, Reader, surface, tokens
from bot.likeness import Likeness, traits, widened
from bot.types import LANGUAGES, Language

_HEADING_WEIGHT, _ALSO_WEIGHT, _TRAIL_WEIGHT, _ASKED_WEIGHT = 3.0, 2.0, 0.5, 1.0
"""A heading says what a section answers, so its words count as if they stood there so often; the trail counts less."""
_HEADING_SAID, _ASKED_SAID, _ALSO_SAID, _TEXT_SAID = 2.0, 1.0, 0.5, 0.5
"""What each heading, asked question, phrase of `also` and clause of the text counts for recognising what a question is like."""
_UNSEEN = 20
_COVER = 0.3
"""What the covered share of a question counts beside its likeness when passages are put in order."""
_RELEVANT = 0.7
"""Less sense than this is none: see `Shelf.search`. Chosen on offline-dev.jsonl, with an eye on the aggregate of the others."""
_RELEVANT_ABROAD = 0.8
"""The same where only the other language is left: few of the words can be compared, so those must fit."""
_NEAR_BEST = 0.6
"""Further passages are shown only when they are at least this good relative to the best one."""
_PHRASE = re.compile(r"[,;]")
_CLAUSE = re.compile(r"(?<=[.:;])\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a file that can be shown on its own; language None is both.

    `trail` are the headings above it. Searched and never shown are `also`, other words for what it answers
    (`<!-- also: … -->`), and `asked`, questions that it answers (`<!-- asked: one | two -->`).
    """

    source: str
    heading: str
    text: str
    also: str = ""
    asked: tuple[str, ...] = ()
    trail: tuple[str, ...] = ()
    language: Language | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """The passages of one language with their indexes."""

    language: Language
    passages: tuple[Passage, ...]
    index: Bm25
    reader: Reader
    likeness: Likeness
    literal: Mapping[str, Sequence[int]]

    def search(self, question: str, spoken: Language) -> list[tuple[float, Passage]]:
        """Relevant passages, best first; empty when none answers `question`, which is in `spoken`.

        The order is by likeness, with a say for how much of the question is covered. Whether the best is an answer at all is
        decided by the sum of three signs: how much of the question it covers, how far it leads before the second, and how much
        more the question sounds like this shelf than like everyday life (each about -1 to 1; weights near 1 fitted best).
        """
        concepts = self.reader.concepts(question, spoken)
        covered, literal = self.index.match(concepts), self.literal.get(surface(question), ())
        if spoken != self.language and not covered and not literal:
            return []  # pieces of words mean nothing across languages
        plain = traits(question, spoken)
        asked = widened(plain, concepts)
        belonging, relevant = self.likeness.belonging(plain), _RELEVANT if spoken == self.language else _RELEVANT_ABROAD
        if max(covered.values(), default=0.0) + self.likeness.reach(asked) + belonging < relevant and not literal:
            return []  # the sum below cannot be enough for any passage
        alike = self.likeness.scores(asked)
        if not alike:
            return []
        scores = {number: (score + _COVER * covered.get(number, 0.0)) / (1 + _COVER) for number, score in alike.items()}
        best, *others = heapq.nlargest(2, scores, key=scores.__getitem__)
        lead = alike[best] - sum(alike[other] for other in others)
        if covered.get(best, 0.0) + lead + belonging < relevant and not literal:
            return []
        found = {number: score for number, score in scores.items() if score >= _NEAR_BEST * scores[best]}
        found |= dict.fromkeys(literal, 1.0)
        ranked = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
        return [(score, self.passages[number]) for number, score in ranked]


def shelve(passages: Sequence[Passage]) -> dict[Language, Shelf]:
    """The passages by language, ready to be searched."""
    return {
        language: _shelf([passage for passage in passages if passage.language in (language, None)], language)
        for language in LANGUAGES
    }


def _shelf(kept: Sequence[Passage], language: Language) -> Shelf:
    texts = (" ".join((*passage.trail, passage.heading, passage.also, *passage.asked, passage.text)) for passage in kept)
    index = Bm25([_weigh(passage, language) for passage in kept], unseen=_UNSEEN)
    literal: dict[str, list[int]] = {}
    for number, passage in enumerate(kept):
        for question in (passage.heading, *passage.asked):
            if said := surface(question):
                literal.setdefault(said, []).append(number)
    likeness = Likeness([_said(passage) for passage in kept], language)
    return Shelf(language, tuple(kept), index, Reader(index, texts, language), likeness, literal)


def _said(passage: Passage) -> list[tuple[str, float]]:
    """The short texts that a passage is recognised by, with what each counts."""
    return [
        (passage.heading, _HEADING_SAID),
        *((question, _ASKED_SAID) for question in passage.asked),
        *((phrase, _ALSO_SAID) for phrase in _PHRASE.split(passage.also) if phrase.strip()),
        *((clause, _TEXT_SAID) for clause in _CLAUSE.split(passage.text)),
    ]


def _weigh(passage: Passage, language: Language) -> dict[str, float]:
    """How much each token of a passage counts."""
    counted: dict[str, float] = dict(Counter(tokens(passage.text, language)))
    parts = (
        (passage.heading, _HEADING_WEIGHT),
        (passage.also, _ALSO_WEIGHT),
        (" ".join(passage.trail), _TRAIL_WEIGHT),
        *((question, _ASKED_WEIGHT) for question in passage.asked),
    )
    for text, weight in parts:
        for token in set(tokens(text, language)):
            counted[token] = counted.get(token, 0.0) + weight
    return counted
