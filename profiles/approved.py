"""Corrections that an admin and their authors approved for everyone, found when somebody asks what they answer."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from bot.lexical import content_words, fold, stem, surface, words
from bot.sharing_types import SharedAnswer
from bot.types import LANGUAGES, Evidence, EvidenceKind, Language, PersonId

SAME_WORDS: Final = 1.0
SAME_QUESTION: Final = 0.9
_INLINE: Final = 100
"""So many are read at once; more of them in a thread."""

_FREE_TEXT: Final = """hora tiempo momento exactamente normalmente simplemente realmente manera forma modo tipo explicar contar
    ayudar hablar preguntar necesitar querer entender creer pensar buscar encontrar saber significar time moment exactly
    normally simply really way kind type sort explain help talk ask understand think believe search find call usually
    actually mean"""
"""Light words that may stand in one question and not in the other."""
_ASKING: Final[Mapping[str, str]] = {
    word: sort
    for sort, those in {
        "when": "when cuando hora time horario",
        "where": "where donde adonde",
        "who": "who whom whose quien quienes",
        "amount": "cuanto cuanta cuantos cuantas much many",
        "why": "why",
        "not": "no not nor never nunca jamas tampoco sin without cannot",
        "before": "antes before",
        "after": "despues after",
        "more": "mas more",
        "less": "menos less fewer",
        "all": "todo toda todos todas all every cada",
        "only": "solo solamente unicamente only",
        "other": "otro otra otros otras other another else",
        "own": "mi mis my mine nuestro nuestra our ours",
    }.items()
    for word in those.split()
}
"""What stop words ask for or turn round; two questions must agree in it."""
_SHORTENED_NOT: Final = re.compile(r"n['’]t\b", re.IGNORECASE)
_WHY: Final = re.compile(r"\bpor qu[eé]\b", re.IGNORECASE)
_HOW: Final = re.compile(r"\bhow (?:do|does|can|could|to|should)\b|\bc[oó]mo\b", re.IGNORECASE)

_Meaning = tuple[Language, frozenset[str], frozenset[str]]


class SharedAnswers(Protocol):
    """What answers everybody."""

    async def version(self) -> str:
        """Changes whenever `shared` would answer differently."""

    async def shared(self) -> Sequence[SharedAnswer]:
        """All of it, with who wrote it, newest first."""


@dataclass(frozen=True, slots=True)
class _Book:
    """All of it, by what each question means; `version` is the store's."""

    version: str
    by_meaning: Mapping[_Meaning, Sequence[SharedAnswer]]


class ApprovedAnswers:
    """`Approved` over the store: all of it is kept in memory until one is given, changed or taken back.

    Somebody else's answer is given to the same question alone, whatever its filling words and endings; a similar one is no
    reason, for what is true of adults, Saturdays or water need not be of children, Sundays or bleach. Who asks is never
    answered with a correction of their own this way: that is theirs already, and worth more to them. An answer names no source
    and no day: whose turn it comes from is nobody else's business.
    """

    def __init__(self, store: SharedAnswers) -> None:
        self._store = store
        self._book: _Book | None = None

    async def search(self, person: PersonId, text: str) -> tuple[Evidence, ...]:
        """The newest of other people to the question that `text` is, or nothing. Raises StoreError."""
        version = await self._store.version()
        book = self._book
        if book is None or book.version != version:
            book = self._book = await self._open(version)
        if not book.by_meaning:
            return ()
        for language in LANGUAGES:
            meant = _meaning(text, language)
            for one in book.by_meaning.get(meant, ()) if meant else ():
                if one.person_id != person:
                    return (_evidence(one, text),)
        return ()

    @property
    def name(self) -> str:
        """`approved`."""
        return "approved"

    async def export(self, person: PersonId) -> object:
        """Nothing of its own: it keeps copies of what the store exports."""
        return []

    async def forget(self, person: PersonId) -> None:
        """Let go of what is kept."""
        self._book = None

    async def _open(self, version: str) -> _Book:
        shared = await self._store.shared()
        return _Book(version, _noted(shared) if len(shared) <= _INLINE else await asyncio.to_thread(_noted, shared))


def _noted(shared: Sequence[SharedAnswer]) -> Mapping[_Meaning, Sequence[SharedAnswer]]:
    found: dict[_Meaning, list[SharedAnswer]] = {}
    for one in shared:
        for language in LANGUAGES:
            if meant := _meaning(one.question, language):
                found.setdefault(meant, []).append(one)
    return found


def _meaning(question: str, language: Language) -> _Meaning | None:
    """What a question says, as this language sees it: its stems, and what is asked of them; None where it says nothing."""
    stems = frozenset(stem(word, language) for word in content_words(question, None)) - _FREE_STEMS[language]
    marks = {_ASKING[folded] for word in words(question) if (folded := fold(word)) in _ASKING}
    if _SHORTENED_NOT.search(question):
        marks.add("not")
    if _WHY.search(question):
        marks.add("why")
    if _HOW.search(question):
        marks.discard("own")  # how one renews a loan is how one renews one's own
    return (language, stems, frozenset(marks)) if stems else None


_FREE_STEMS: Final[Mapping[Language, frozenset[str]]] = {
    language: frozenset(stem(word, language) for word in _FREE_TEXT.split()) for language in LANGUAGES
}


def _evidence(one: SharedAnswer, text: str) -> Evidence:
    is_literal = surface(one.question) == surface(text)
    return Evidence(
        kind=EvidenceKind.APPROVED,
        text=one.answer,
        source="",
        score=SAME_WORDS if is_literal else SAME_QUESTION,
        question=one.question,
    )
