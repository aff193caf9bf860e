"""What a person has taught: their corrections and liked answers, found again when they ask the same in other words.

And `PersonalRecall`, which puts that before what is remembered of what they said.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from cachetools import LRUCache

from bot.errors import MartinError
from bot.ports import ExampleStore, Recall, Recalled
from bot.tokens import estimate_tokens
from bot.types import Evidence, PersonId, Scope
from profiles.notebook import Notebook, found, opened

MAX_EXAMPLES = 2_000
"""The newest so many of one person and scope are searched."""
CACHE_BYTES = 16 * 1_048_576


class LexicalRecall:
    """`Recall` over corrections and liked answers, by the words that two questions share, in Spanish or English.

    There is no search without a person: the store is asked for exactly this person and scope, and the notebook that is kept of
    the answer is kept under both. Notebooks live in a cache of at most `cache_bytes` and end with their store version.
    """

    def __init__(self, examples: ExampleStore, *, cache_bytes: int = CACHE_BYTES) -> None:
        self._store = examples
        self._notebooks: LRUCache[tuple[PersonId, Scope], Notebook] = LRUCache(cache_bytes, getsizeof=lambda book: book.size)

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
        return within(await found(book, text), budget)

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

    async def _open(self, person: PersonId, scope: Scope, version: str) -> Notebook:
        self._notebooks.pop((person, scope), None)
        examples = tuple(await self._store.examples(person, scope))[:MAX_EXAMPLES]
        book = await opened(version, examples)
        if book.size <= self._notebooks.maxsize:
            self._notebooks[person, scope] = book
        return book


def within(ranked: Sequence[Evidence], budget: int, *, cuts: bool = True) -> tuple[Evidence, ...]:
    """The best that fit; one too long for what is left is passed over, but the very best is rather cut than lost."""
    kept: list[Evidence] = []
    for evidence in ranked:
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
