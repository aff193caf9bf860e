"""Corrections that an admin and their authors approved for everyone, found when somebody asks what they answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from bot.ports import Example
from bot.sharing_types import SharedAnswer
from bot.types import Evidence, EvidenceKind, PersonId
from profiles.notebook import Notebook, found, opened
from profiles.recall import within

MOST: Final = 2
"""Answers that one question is given."""
BUDGET: Final = 600
"""The tokens that they may have together."""


class SharedAnswers(Protocol):
    """What answers everybody."""

    async def version(self) -> str:
        """Changes whenever `shared` would answer differently."""

    async def shared(self) -> Sequence[SharedAnswer]:
        """All of it, with who wrote it."""


class ApprovedAnswers:
    """`Approved` over the store: a notebook of all of them is kept until one is given, changed or taken back.

    Who asks is never answered with a correction of their own this way: that is theirs already, and worth more to them. An
    answer names no source: whose turn it comes from is nobody else's business.
    """

    def __init__(self, store: SharedAnswers) -> None:
        self._store = store
        self._book: Notebook | None = None
        self._authors: Mapping[str, PersonId] = {}

    async def search(self, person: PersonId, text: str) -> tuple[Evidence, ...]:
        """Those of other people to questions like `text`, best first, scores in (0, 1]. Raises StoreError."""
        version = await self._store.version()
        if self._book is None or self._book.version != version:
            await self._open(version)
        book, authors = self._book, self._authors
        if book is None or not text.strip():
            return ()
        others = [one for one in await found(book, text) if authors.get(one.source) != person]
        return tuple(replace(one, source="") for one in within(others[:MOST], BUDGET))

    @property
    def name(self) -> str:
        """`approved`."""
        return "approved"

    async def export(self, person: PersonId) -> object:
        """Nothing of its own: it keeps copies of what the store exports."""
        return []

    async def forget(self, person: PersonId) -> None:
        """Let go of what is kept."""
        self._book, self._authors = None, {}

    async def _open(self, version: str) -> None:
        shared = await self._store.shared()
        examples = [
            Example(turn_id=one.turn_id, kind=EvidenceKind.APPROVED.value, question=one.question, answer=one.answer, at=one.at)
            for one in shared
        ]
        self._book, self._authors = await opened(version, examples), {one.turn_id: one.person_id for one in shared}
