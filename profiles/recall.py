"""What a person has taught: their corrections and liked answers, found again when they ask the same in other words.

And `PersonalRecall`, which puts that before what is remembered of what they said.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from cachetools import LRUCache

from bot.errors import MartinError
from bot.lexical import Bm25, content_words, fold, is_light, nearly, relatives, stem
from bot.ports import Example, ExampleStore, Recall, Recalled
from bot.tokens import estimate_tokens
from bot.types import LANGUAGES, Evidence, EvidenceKind, Language, PersonId, Scope

MAX_EXAMPLES = 2_000
"""The newest so many of one person and scope are searched."""
CACHE_BYTES = 16 * 1_048_576
_INLINE_EXAMPLES = 200
_LIGHT = 0.3
_LARGER_SHARE = 0.5
_SMALLER_SHARE = 0.3
"""Half of the content words of one question must be in the other, and a third of the other's back: length may differ."""
_LIKED_SHARE = 0.6
"""A liked answer was right for its own question; unlike a correction it was not written to replace anything."""
_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class _Words:
    """A question as its distinct telling stems with their weights, in one language, and as plain text for a literal match."""

    weights: dict[str, float]
    surface: str


@dataclass(frozen=True, slots=True)
class _Notebook:
    """One person's examples in one scope, ready to be searched; `version` is the store's."""

    version: str
    examples: tuple[Example, ...]
    words: dict[Language, tuple[_Words, ...]]
    indexes: dict[Language, Bm25]
    size: int


class LexicalRecall:
    """`Recall` over corrections and liked answers, by the words that two questions share, in Spanish or English.

    There is no search without a person: the store is asked for exactly this person and scope, and the notebook that is kept of
    the answer is kept under both. Notebooks live in a cache of at most `cache_bytes` and end with their store version.
    """

    def __init__(self, examples: ExampleStore, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._store = examples
        self._notebooks: LRUCache[tuple[PersonId, Scope], _Notebook] = LRUCache(cache_bytes, getsizeof=lambda book: book.size)

    async def recall(
        self, person: PersonId, scope: Scope, text: str, *, budget: int, deadline_s: float, with_memories: bool = True
    ) -> Recalled:
        """Corrections and liked answers to similar questions, best first, at most `budget` tokens of about four characters.

        Of one question only one answer is given: a correction rather than a liked answer, the newest of the same kind. Scores
        are in (0, 1], 1 for the same words. Raises StoreError, TimeoutError.
        """
        if budget <= 0 or not text.strip():
            return Recalled()
        async with asyncio.timeout(deadline_s):
            return Recalled(evidence=await self._taught(person, scope, text, budget))

    async def _taught(self, person: PersonId, scope: Scope, text: str, budget: int) -> tuple[Evidence, ...]:
        version = await self._store.version(person, scope)
        book = self._notebooks.get((person, scope))
        if book is None or book.version != version:
            book = await self._open(person, scope, version)
        if not book.examples:
            return ()
        found = _find(book, text) if len(book.examples) <= _INLINE_EXAMPLES else await asyncio.to_thread(_find, book, text)
        return within(found, budget)

    @property
    def name(self) -> str:
        """`recall`."""
        return "recall"

    async def export(self, person: PersonId) -> object:
        """Nothing of its own: it keeps copies of what the store exports."""
        return []

    async def forget(self, person: PersonId) -> None:
        """Let go of everything that is kept of a person."""
        for key in [key for key in self._notebooks if key[0] == person]:
            del self._notebooks[key]

    async def _open(self, person: PersonId, scope: Scope, version: str) -> _Notebook:
        self._notebooks.pop((person, scope), None)
        examples = tuple(await self._store.examples(person, scope))[:MAX_EXAMPLES]
        few = len(examples) <= _INLINE_EXAMPLES
        book = _note(version, examples) if few else await asyncio.to_thread(_note, version, examples)
        if book.size <= self._notebooks.maxsize:
            self._notebooks[person, scope] = book
        return book


def _note(version: str, examples: tuple[Example, ...]) -> _Notebook:
    read = {language: tuple(_read(example.question, language) for example in examples) for language in LANGUAGES}
    size = 512 + sum(2 * len(example.question) * 12 + 2 * len(example.answer) + 600 for example in examples)
    return _Notebook(
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


def _find(book: _Notebook, text: str) -> list[Evidence]:
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


def _partners(token: str, index: Bm25, book: _Notebook, language: Language) -> frozenset[str]:
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


def _ranked(book: _Notebook, best: dict[int, float]) -> list[Evidence]:
    """One piece of evidence per question, best first."""
    answers: dict[frozenset[str] | str, tuple[tuple[float, bool, float], Evidence]] = {}
    for number, score in best.items():
        example, known = book.examples[number], book.words["es"][number]
        kind = EvidenceKind(example.kind)
        if kind is EvidenceKind.LIKED and score < _LIKED_SHARE:
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


def within(found: Sequence[Evidence], budget: int, *, cuts: bool = True) -> tuple[Evidence, ...]:
    """The best that fit; one too long for what is left is passed over, but the very best is rather cut than lost."""
    kept: list[Evidence] = []
    for evidence in found:
        beside = estimate_tokens(evidence.question) + estimate_tokens(evidence.title)
        cost = estimate_tokens(evidence.text) + beside
        if cuts and not kept and cost > budget:
            cut = shortened(evidence.text, budget - beside)
            return (replace(evidence, text=cut),) if cut else ()
        if cost <= budget:
            kept.append(evidence)
            budget -= cost
    return tuple(kept)


def shortened(text: str, most_tokens: int) -> str:
    """The text, or as many of its first words as fit, with an ellipsis; empty when none does."""
    if estimate_tokens(text) <= most_tokens:
        return text
    fitting = bisect_right(range(len(text)), most_tokens - 1, key=lambda end: estimate_tokens(text[:end]))
    cut = text[: max(0, fitting - 1)].rpartition(" ")[0]
    return cut + "…" if cut else ""


class RememberedEvidence(Protocol):
    """What is remembered of what a person said."""

    async def recall(self, person: PersonId, scope: Scope, text: str, *, budget: int, deadline_s: float) -> Recalled:
        """What bears on `text`, best first, at most `budget` tokens; without meaning where that would take too long."""


class PersonalRecall:
    """`Recall` over examples and memories, looked for at the same time; examples come first, for they were taught."""

    def __init__(self, examples: Recall, memories: RememberedEvidence) -> None:
        self._examples, self._memories = examples, memories

    async def recall(
        self, person: PersonId, scope: Scope, text: str, *, budget: int, deadline_s: float, with_memories: bool = True
    ) -> Recalled:
        """Corrections and liked answers, then the memories that fit into the rest of the budget.

        Memories that are slow or cannot be read cost nothing that was taught. Raises StoreError, RecallError or TimeoutError
        when that cannot be looked through itself.
        """
        if not with_memories:
            return await self._examples.recall(person, scope, text, budget=budget, deadline_s=deadline_s)
        try:
            async with asyncio.TaskGroup() as group:
                remembering = group.create_task(self._remembered(person, scope, text, budget, deadline_s))
                taught = await self._examples.recall(person, scope, text, budget=budget, deadline_s=deadline_s)
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        remembered = remembering.result()
        spent = sum(estimate_tokens(one.text) + estimate_tokens(one.question) for one in taught.evidence)
        rest = within(remembered.evidence, budget - spent, cuts=not taught.evidence)
        return Recalled(evidence=(*taught.evidence, *rest), is_partial=taught.is_partial or remembered.is_partial)

    async def _remembered(self, person: PersonId, scope: Scope, text: str, budget: int, deadline_s: float) -> Recalled:
        try:
            async with asyncio.timeout(deadline_s):
                return await self._memories.recall(person, scope, text, budget=budget, deadline_s=deadline_s)
        except (TimeoutError, MartinError):
            return Recalled(is_partial=True)
