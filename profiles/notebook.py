"""Questions that were answered well, found again when they are asked in other words: by the telling words that two share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.lexical import Bm25, content_words, fold, is_light, nearly, relatives, stem
from bot.ports import Example
from bot.types import LANGUAGES, Evidence, EvidenceKind, Language

_INLINE_EXAMPLES = 200
"""So many are read and compared at once; more of them in a thread."""
_LIGHT = 0.3
_LARGER_SHARE = 0.5
_SMALLER_SHARE = 0.3
"""Half of the content words of one question must be in the other, and a third of the other's back: length may differ."""
_RIGHT_SHARE = 0.6
"""A liked answer, or one for everybody, was right for its own question; it was not written for whoever asks like that now."""
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class _Words:
    """A question as its distinct telling stems with their weights, in one language, and as plain text for a literal match."""

    weights: dict[str, float]
    surface: str


@dataclass(frozen=True, slots=True)
class Notebook:
    """Examples, ready to be searched; `version` is the store's, `size` about what they take, in bytes."""

    version: str
    examples: tuple[Example, ...]
    words: dict[Language, tuple[_Words, ...]]
    indexes: dict[Language, Bm25]
    size: int


async def opened(version: str, examples: Sequence[Example]) -> Notebook:
    """A notebook of these examples."""
    few = len(examples) <= _INLINE_EXAMPLES
    return _note(version, tuple(examples)) if few else await asyncio.to_thread(_note, version, tuple(examples))


async def found(book: Notebook, text: str) -> list[Evidence]:
    """The answers to questions like `text`, best first, one to each question: a correction before others, the newest of a kind.

    Scores are in (0, 1], 1 for the same words.
    """
    if not book.examples:
        return []
    return _find(book, text) if len(book.examples) <= _INLINE_EXAMPLES else await asyncio.to_thread(_find, book, text)


def _note(version: str, examples: tuple[Example, ...]) -> Notebook:
    read = {language: tuple(_read(example.question, language) for example in examples) for language in LANGUAGES}
    size = 512 + sum(2 * len(example.question) * 12 + 2 * len(example.answer) + 600 for example in examples)
    return Notebook(
        version=version,
        examples=examples,
        words=read,
        indexes={language: Bm25([list(words.weights) for words in read[language]]) for language in LANGUAGES},
        size=size,
    )


def _read(question: str, language: Language) -> _Words:
    """The telling stems of a question as this language sees them, without the stop words of either."""
    weights: dict[str, float] = {}
    for word in content_words(question, None):
        weights[stem(word, language)] = _LIGHT if any(is_light(word, either) for either in LANGUAGES) else 1.0
    return _Words(weights, " ".join(fold(question).split()).strip(" ¿?¡!.,;:"))


def _find(book: Notebook, text: str) -> list[Evidence]:
    """What is similar enough, ranked. Each language has its own say, for the language of a short line is not always plain."""
    best: dict[int, float] = {}
    for language in LANGUAGES:
        index, asked = book.indexes[language], _read(text, language)
        partners = {token: _partners(token, index, book, language) for token in asked.weights}
        reached = index.scores({partner for found in partners.values() for partner in found})
        telling = index.coverage(asked.weights)
        for number, known in enumerate(book.words[language]):
            alike = 0.0
            if asked.surface and asked.surface == known.surface:
                alike = 1.0
            elif reached[number]:
                alike = similarity(asked.weights, known.weights, partners)
            if 0.0 < alike < 1.0:
                alike = min(0.99, 0.9 * alike + 0.1 * telling[number])
            if alike > best.get(number, 0.0):
                best[number] = alike
    return _ranked(book, best)


def _partners(token: str, index: Bm25, book: Notebook, language: Language) -> frozenset[str]:
    """The stems that count as `token` in this notebook: itself, related words, or what it was probably meant to be."""
    found = {other for other in (token, *relatives(token, language, language)) if other in index}
    if not found:
        found.update(nearly(token, {known for words in book.words[language] for known in words.weights}))
    return frozenset(found)


def similarity(asked: Mapping[str, float], known: Mapping[str, float], partners: Mapping[str, frozenset[str]]) -> float:
    """How alike two questions are by their weighted stems, 0 when they are not about the same, 1 when they share every word.

    They are alike when they share half of the words of one and a third of those of the other, and at least two telling words.
    A single shared word is enough only where nothing else was asked: the shorter question has no other telling word.
    """
    if not asked or not known:
        return 0.0
    shared: dict[str, str] = {}
    for token in asked:
        if token in known:
            shared[token] = token
        elif meant := partners.get(token, frozenset()) & known.keys():
            shared[token] = min(meant)
    of_asked = sum(asked[token] for token in shared) / sum(asked.values())
    of_known = sum(known[token] for token in set(shared.values())) / sum(known.values())
    telling = sum(1 for token, known_as in shared.items() if asked[token] == 1.0 and known[known_as] == 1.0)
    is_part = telling == 1 and max(of_asked, of_known) > 1 - _SLACK and min(of_asked, of_known) > _LARGER_SHARE - _SLACK
    all_light = telling == 0 and of_asked > 1 - _SLACK and of_known > 1 - _SLACK
    if telling < 2 and not is_part and not all_light:
        return 0.0
    larger, smaller = max(of_asked, of_known), min(of_asked, of_known)
    if larger < _LARGER_SHARE - _SLACK or smaller < _SMALLER_SHARE - _SLACK:
        return 0.0
    return (larger + smaller) / 2


def _ranked(book: Notebook, best: dict[int, float]) -> list[Evidence]:
    """One piece of evidence per question, best first."""
    answers: dict[frozenset[str] | str, tuple[tuple[float, bool, float], Evidence]] = {}
    for number, score in best.items():
        example, known = book.examples[number], book.words["es"][number]
        kind = EvidenceKind(example.kind)
        if kind is not EvidenceKind.CORRECTION and score < _RIGHT_SHARE:
            continue
        evidence = Evidence(
            kind=kind, text=example.answer, source=example.turn_id, score=score, question=example.question, at=example.at
        )
        key = frozenset(known.weights) or known.surface
        order = (round(score, 3), kind is EvidenceKind.CORRECTION, example.at.timestamp())
        kept = answers.get(key)
        if kept is None or (order[1], order[2]) > (kept[0][1], kept[0][2]):
            answers[key] = (order, evidence)
    return [evidence for _, evidence in sorted(answers.values(), key=lambda pair: pair[0], reverse=True)]
