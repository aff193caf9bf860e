"""What a question is like: which document, and whether the collection at all or rather everyday life (pure)."""

from __future__ import annotations

import math
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from bot.lexical import MISTYPED, WORLD, Concept, content_words, fold, stem, words
from bot.types import Language

Said = tuple[str, float]
"""A short text and what it counts."""

_ELSEWHERE: Mapping[Language, str] = tomllib.loads((Path(__file__).parent / "elsewhere.toml").read_text("utf-8"))["questions"]
_GRAM = 4
_UNSEEN = 50
"""Texts imagined besides, so that in a small collection a trait is not taken for common because two of three texts have it."""
_PIECE, _SMALL, _PAIR = 0.3, 0.25, 0.35
"""What a piece of a word, a small word (`why`, `how`, `my`) and two neighbours count beside a stem.

Pieces find what stems and typists miss; small words and pairs tell `how long` from `how much` and `what is` from `where is`.
"""
_SHARP = 200.0
"""How much being there at all counts against being there often; `size / alpha` of the smoothing in `Likeness`."""
_GUESS = 0.3
"""What a related word counts for one that the collection lacks; where it has the word itself, relatives only mislead."""
_WORLDLY = 0.5
"""What a word of another walk of life counts beside a question of everyday life."""
_FAINT = 0.001
"""Smoothing of `belonging`: a trait that makes up less than this of what is said tells little."""


def traits(text: str, language: Language) -> dict[str, float]:
    """What `text` is recognised by, with weights: stems, `~` pieces of words, `?` small words, and pairs of neighbours."""
    found: dict[str, float] = {}
    before = ""
    for word in words(text):
        own = _of_word(word, language)
        found.update(own)
        trait = own[0][0]
        if before:
            found[f"{before} {trait}"] = _PAIR
        before = trait
    return found


@lru_cache(maxsize=32_768)
def _of_word(word: str, language: Language) -> tuple[tuple[str, float], ...]:
    if not content_words(word, language):
        return ((f"?{fold(word)}", _SMALL),)
    marked = f"<{fold(word)}>"
    pieces = (marked[start : start + _GRAM] for start in range(max(1, len(marked) - _GRAM + 1)))
    return ((stem(word, language), 1.0), *((f"~{piece}", _PIECE) for piece in dict.fromkeys(pieces)))


def _shares(found: Mapping[str, float], idf: Mapping[str, float], highest: float) -> dict[str, float]:
    """Traits as a vector of length 1, weighted by how rare they are: so every text counts alike whatever its length."""
    vector = {trait: kind * idf.get(trait, highest) for trait, kind in found.items()}
    length = math.sqrt(sum(value * value for value in vector.values())) or 1.0
    return {trait: value / length for trait, value in vector.items()}


class Likeness:
    """An index of documents, each given as short texts with weights: the questions it answers, its heading, its sentences.

    A document's score for a question is the sum of log P(document | trait), smoothed, as in multinomial naive Bayes (Manning,
    Raghavan and Schütze 2008, chapter 13) with a prior for each trait: what only few documents have decides, and long
    documents have no advantage. A pair of words that only one text has is left out: it says nothing of others.

    `belonging` is the log-odds that a question is about the collection rather than about everyday life, of which the program
    brings examples (out-of-scope examples, Larson et al. 2019). A small collection is taken for larger than it is, or each of
    its words would seem to speak for it.
    """

    def __init__(self, documents: Sequence[Sequence[Said]], language: Language) -> None:
        having: Counter[str] = Counter()
        for document in documents:
            for text, _ in document:
                having.update(traits(text, language).keys())
        size = sum(map(len, documents)) + _UNSEEN
        self._highest = math.log(1 + size)
        self._idf = {trait: math.log(1 + size / count) for trait, count in having.items() if " " not in trait or count > 1}
        mass: dict[str, dict[int, float]] = defaultdict(dict)
        for number, document in enumerate(documents):
            for text, weight in document:
                known = {trait: kind for trait, kind in traits(text, language).items() if trait in self._idf}
                for trait, share in _shares(known, self._idf, self._highest).items():
                    mass[trait][number] = mass[trait].get(number, 0.0) + weight * share
        self._postings: Mapping[str, tuple[tuple[int, float], ...]] = {
            trait: tuple((number, math.log1p(_SHARP * share)) for number, share in shares.items())
            for trait, shares in mass.items()
        }
        self._top = {trait: max(gain for _, gain in postings) for trait, postings in self._postings.items()}
        self._usual = sum(self._top.values()) / len(self._top) if self._top else 1.0
        self._odds = self._against({trait: sum(shares.values()) for trait, shares in mass.items()}, language)

    def _against(self, inside: Mapping[str, float], language: Language) -> dict[str, float]:
        """The log-odds of every trait: how much more of the collection it makes up than of everyday talk."""
        outside: defaultdict[str, float] = defaultdict(float)
        said: list[Said] = [(line, 1.0) for line in _ELSEWHERE[language].strip().splitlines()]
        for text, weight in (*said, *((word, _WORLDLY) for word in WORLD[language])):
            for trait, share in _shares(traits(text, language), self._idf, self._highest).items():
                outside[trait] += weight * share
        without, own = sum(outside.values()), sum(inside.values())
        within = max(own, math.sqrt(own * without)) or 1.0
        return {
            trait: math.log((inside.get(trait, 0.0) / within + _FAINT) / (outside.get(trait, 0.0) / without + _FAINT))
            for trait in inside.keys() | outside.keys()
        }

    def scores(self, question: Mapping[str, float]) -> dict[int, float]:
        """How like the traits of a question each document is, 0 to 1: 1 where no other document has any of them more.

        A word that no document has lowers every score.
        """
        total, found = 0.0, dict[int, float]()
        for trait, kind in question.items():
            postings = self._postings.get(trait, ())
            if not postings and " " in trait:
                continue
            weight = kind * self._idf.get(trait, self._highest)
            total += weight * self._top.get(trait, self._usual)
            for number, gain in postings:
                found[number] = found.get(number, 0.0) + weight * gain
        return {number: score / total for number, score in found.items()}

    def reach(self, question: Mapping[str, float]) -> float:
        """What no document's score for these traits can exceed; cheap, because it looks at no document."""
        total, known = 0.0, 0.0
        for trait, kind in question.items():
            top = self._top.get(trait)
            if top is None and " " in trait:
                continue
            weight = kind * self._idf.get(trait, self._highest)
            total += weight * (self._usual if top is None else top)
            known += weight * (top or 0.0)
        return known / total if total else 0.0

    def belonging(self, question: Mapping[str, float]) -> float:
        """Above 0 when the traits of a question are those of the collection, below when they are those of everyday life."""
        known = {trait: kind for trait, kind in question.items() if " " not in trait or trait in self._odds}
        shares = _shares(known, self._idf, self._highest)
        return sum(share * self._odds.get(trait, 0.0) for trait, share in shares.items())


def widened(question: Mapping[str, float], concepts: Iterable[Concept]) -> dict[str, float]:
    """The traits of a question with what its words probably mean in the collection, where that does not have them."""
    asked = dict(question)
    for concept in concepts:
        if concept.options and concept.options[0][1] < 1:
            for token, sure in concept.options:
                asked[token] = max(asked.get(token, 0.0), sure if sure >= MISTYPED else _GUESS)
    return asked
