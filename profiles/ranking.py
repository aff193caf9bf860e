"""Which of one person's memories answer a question: by words, meaning, who said it, when, and what stands beside it (pure).

The scores of words and of meaning are divided by the best and added: fusing ranks lost to words alone. The weights were
measured on conversations (docs/design.md); each may change by half without changing much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bot.lexical import content_words, is_common, is_light, stem, tokens, words
from bot.memory_types import BOT, SELF
from bot.types import Language
from profiles.book import Book, Layout, Numbers, dense_query, memory_stems
from profiles.days import Span, asks_when, days_meant, tells_when
from profiles.everyday import translations
from profiles.wanted import asked_about, mark_of, wanted_facts
from profiles.yardstick import Floats

__all__ = ["Book", "Ranked", "Reading", "dense_query", "memory_stems", "rank", "read"]

K1: Final = 1.2
B: Final = 0.4
"""Of BM25 (Robertson and Zaragoza 2009); `B` is small because the length of a turn says little."""
SESSION_B: Final = 0.75
UNSEEN: Final = 50
"""Memories imagined besides, so that among three a word is not taken for common because two have it."""
LIGHT: Final = 0.7
COMMON: Final = 0.85
"""What words of nearly any talk count beside a telling one."""
FORGIVEN: Final = 0.3
"""What such a word counts against relevance where no memory has it."""
OF_ANOTHER: Final = 0.3
"""What a fact keeps of its worth where the question is about somebody of theirs whom it does not name."""
WANTED: Final = 1.5
"""What being a fact of the kind that is asked for counts beside a telling word."""
TRANSLATED: Final = 0.6
"""What a word of the other language counts beside the word itself."""

NEIGHBOUR: Final = 0.3
"""How much of its score a memory lends to what was said just before and after it."""
SESSION_BEST: Final = 0.2
SESSION_WORDS: Final = 0.25
"""What a session's best memory, and all of its words taken together, count for each of its memories."""
SPEAKER: Final = 0.4
"""For what was said by whom the question names; half of it where it names several, for the first."""
DATED: Final = 0.3
"""For what was said on the days that the question means; half of it in the week after, when it is told."""
TELLS_WHEN: Final = 0.1
"""For what mentions a time, where the question asks for one."""
SUBSTANCE: Final = 0.15
FULL: Final = 12
"""For as many stems; less in proportion for fewer: «¡Qué bien!» answers nothing."""
DISTILLED: Final = 0.1
"""For facts and preferences beside what was merely said."""
RECENT: Final = 0.02
"""For what was said this very day, half of it after a month: of equals the newer goes first."""

BELIEVED: Final = 0.4
"""A memory this relevant must be there, or nothing is recalled: the share of the question's words that it has, weighted by how
rare they are, and its likeness above chance. Fewer than a hundred memories need less, for less is in them by chance."""
LIKENESS_SPREAD: Final = 0.055
"""Of unrelated texts: of n of them the nearest is at about sqrt(2 ln n) times that by chance (0.2 of 700)."""
NAMED: Final = 0.25
"""What naming somebody who takes part counts for relevance."""
FLOOR: Final = 0.1
"""Of the best memory's own and borrowed evidence; whatever has less is left out."""
_MONTH_S: Final = 30 * 86_400.0

_TELLING: Final[Mapping[Language, frozenset[str]]] = {
    "en": frozenset(tokens("say said tell told mention mentioned talk talked speak spoke think thought remember know", "en")),
    "es": frozenset(tokens("decir dicho dije contar mencionar hablar comentar pensar opinar recordar acordar saber", "es")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A memory that was found. `score` is in (0, 1]; `parts` says what it is made of, in shares of the best one's total."""

    id: str
    score: float
    parts: Mapping[str, float]


def rank(
    book: Book,
    question: str,
    *,
    language: Language,
    now: datetime,
    vector: NDArray[np.floating[Any]] | None = None,
    hits: Mapping[str, float] | None = None,
    reading: Reading | None = None,
    limit: int = 10,
    with_answers: bool = True,
    with_questions: bool = True,
) -> list[Ranked]:
    """The memories that answer `question`, best first, at most `limit`; none where nothing is about the same.

    `vector` is that of `dense_query(question, book.names)` by the book's embedder; without it the words decide alone. `hits`
    are the cosines of the memories nearest to it, from an index; without them all vectors of the book are compared. `reading`
    is what `read` gave while those were looked for; it is read anew where the book has changed.

    The bot's answers, and what the person merely asked, may be left out: then they only lend to what was said beside them.
    Equal ones come newest first, whatever the order in which they were added.
    """
    if limit <= 0 or not len(book):
        return []
    layout = book.layout()
    shown = book.shown(answers=with_answers, questions=with_questions)
    if reading is None or reading.layout is not layout:
        reading = read(book, question, language=language, now=now)
    meant = book.likeness(vector, hits) if vector is not None else None
    own = _scaled(reading.scores)
    if meant is not None:
        own = own + np.float32(book.weight) * _scaled(meant)
    lent = NEIGHBOUR * (_at(own, layout.before) + _at(own, layout.after))
    evidence = np.where(shown, own + lent, np.float32(0))
    most = float(evidence.max())
    belief = _belief(reading, _relevance(book, reading, meant, shown))
    if most <= 0 or belief < BELIEVED * min(1.0, 0.4 + 0.13 * math.log(len(book))):
        return []
    session = SESSION_BEST * np.maximum.reduceat(evidence[layout.by_session], layout.starts)
    session += SESSION_WORDS * most * _scaled(reading.sessions)
    found = np.flatnonzero(evidence >= FLOOR * most)
    if len(found) > limit:
        sure = own[found] + lent[found] + session[layout.sessions[found]]
        found = found[sure + most * _most_bonus(reading) >= np.partition(sure, -limit)[-limit]]
    rows = layout.rows[found]
    parts = {"evidence": own[found], "neighbours": lent[found], "session": session[layout.sessions[found]]}
    parts |= {name: most * bonus for name, bonus in _circumstances(book, rows, reading, now).items()}
    total = sum(parts.values(), np.zeros(len(found)))
    high = float(total.max())
    # Of equal ones the newest.
    order = np.lexsort((rows["tie"], -rows["at"], -np.round(total / high, 5)))[:limit]
    return [
        Ranked(
            id=book.id_of(int(found[place])),
            score=min(1.0, belief) * float(total[place]) / high,
            parts={name: float(part[place]) / high for name, part in parts.items()},
        )
        for place in order
    ]


@dataclass(frozen=True, slots=True)
class _Concept:
    """A content word of a question: its stems in either language with how sure each is, and what it counts.

    `is_about` is False for names of those who take part, words of time, and of telling and remembering: they tell who, when
    and how one came to know, not what it is about.
    """

    options: Mapping[str, float]
    weight: float
    is_about: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What the words of a question find: BM25 by row and by session, and the share of its worth that a row covers.

    `named` are the speakers whom it names, `days` those it means.
    """

    layout: Layout
    scores: Floats
    sessions: Floats
    covered: Floats
    named: Sequence[str]
    days: Sequence[Span]
    asks_when: bool


def _concepts(book: Book, question: str, language: Language) -> list[_Concept]:
    """The distinct content words of a question."""
    found: dict[str, _Concept] = {}
    other: Language = "en" if language == "es" else "es"
    names = {word for name in book.names for word in words(name)}
    for word in content_words(question, language):
        weight = LIGHT if is_light(word, language) else COMMON if is_common(word, language) else 1.0
        options = dict.fromkeys(translations(word, language), TRANSLATED)
        options |= {stem(word, other): 1.0, stem(word, language): 1.0}
        is_about = word not in names and not tells_when(word) and stem(word, language) not in _TELLING[language]
        found.setdefault(stem(word, language), _Concept(options, weight, is_about))
    wanted = [_Concept({mark_of(slot): 1.0}, WANTED, is_about=True) for slot in wanted_facts(question, language)]
    return [*found.values(), *(concept for concept in wanted if len(book.having(concept.options)[0]))]


def read(book: Book, question: str, *, language: Language, now: datetime) -> Reading:
    """What the words of `question` find in a book that is not empty, to be ranked until it changes."""
    layout, concepts = book.layout(), _concepts(book, question, language)
    lengths = layout.rows["length"]
    scores, covered = np.zeros((2, len(lengths)), np.float32)
    sessions = np.zeros(len(layout.starts), np.float32)
    norms = K1 * (1 - SESSION_B + SESSION_B * layout.session_lengths / (float(layout.session_lengths.mean()) or 1.0))
    nothing_else = not any(concept.is_about for concept in concepts)
    whole = 0.0
    for concept in concepts:
        rows, counts = book.having(concept.options)
        worth = concept.weight * _rarity(len(rows), len(book) + UNSEEN)
        forgiven = FORGIVEN if concept.weight < 1 and not len(rows) else 1.0
        share = worth * forgiven * (concept.is_about or nothing_else)
        whole += share
        if not len(rows):
            continue
        scores[rows] += worth * (K1 + 1) * counts / (counts + K1 * (1 - B + B * lengths[rows] / layout.average))
        covered[rows] += share
        often = np.bincount(layout.sessions[rows], weights=counts, minlength=len(sessions)).astype(np.float32)
        worth = concept.weight * _rarity(int(np.count_nonzero(often)), len(sessions))
        sessions += worth * (K1 + 1) * often / (often + norms)
    if whom := asked_about(question, language):
        other: Language = "en" if language == "es" else "es"
        names = {*translations(whom, language), stem(whom, language), stem(whom, other)}
        named = np.zeros(len(lengths), bool)
        named[book.having(dict.fromkeys(names, 1.0))[0]] = True
        elsewhere = ~layout.rows["is_episode"] & ~named
        scores[elsewhere] *= OF_ANOTHER
        covered[elsewhere] *= OF_ANOTHER
    return Reading(
        layout=layout,
        scores=scores,
        sessions=sessions,
        covered=covered / whole if whole else covered,
        named=book.speakers_in(question),
        days=days_meant(question, now.date()),
        asks_when=asks_when(question),
    )


def _relevance(book: Book, reading: Reading, meant: Floats | None, shown: NDArray[np.bool_]) -> Floats:
    """How much of the question each row has. What answers a question that is not shown has what that has."""
    chance = np.float32(LIKENESS_SPREAD * math.sqrt(2 * math.log(len(book))))
    relevance = reading.covered if meant is None else reading.covered + np.maximum(0, meant - chance)
    asked = np.where(reading.layout.rows["asks"] & ~shown, relevance, np.float32(0))
    return np.where(shown, np.maximum(relevance, _at(asked, reading.layout.before)), np.float32(0))


def _belief(reading: Reading, relevance: Floats) -> float:
    """How sure it is that anything here is about the question: above 0, 1 and more for all of its words in one memory."""
    has_name = any(name not in (SELF, BOT) for name in reading.named)
    return float(relevance.max()) + NAMED * has_name


def _rarity(having: int, of: int) -> float:
    return math.log(1 + (of - having + 0.5) / (having + 0.5))


def _scaled(scores: Floats) -> Floats:
    """Scores from 0 to 1."""
    most = float(scores.max())
    return scores / np.float32(most) if most > 0 else scores


def _at(scores: Floats, rows: Numbers) -> Floats:
    """The scores of some rows, 0 for the one past the end."""
    return np.append(scores, np.float32(0))[rows]


def _most_bonus(reading: Reading) -> float:
    """More than `_circumstances` can come to: what lacks more than this beside others need not be looked at."""
    bonus = SUBSTANCE + DISTILLED + RECENT + TELLS_WHEN * reading.asks_when
    return bonus + SPEAKER * bool(reading.named) + DATED * bool(reading.days) + 0.001


def _circumstances(book: Book, rows: NDArray[np.void], reading: Reading, now: datetime) -> dict[str, Floats]:
    """What speaks for some rows besides what they say, in shares of the best evidence: who said it, when, and what it is."""
    speaker, date = np.zeros((2, len(rows)), np.float32)
    if named := reading.named:
        speaker[rows["speaker"] == book.said_by(named[0])] = SPEAKER if len(named) == 1 else SPEAKER / 2
    for first, last in reading.days:
        since, length = rows["day"] - first.toordinal(), (last - first).days
        date[(since > length) & (since <= length + 7)] = DATED / 2
        date[(since >= 0) & (since <= length)] = DATED
    age = np.maximum(0, now.timestamp() - rows["at"]) / _MONTH_S
    return {
        "speaker": speaker,
        "date": date,
        "time": (TELLS_WHEN * reading.asks_when) * rows["tells_when"].astype(np.float32),
        "substance": np.float32(SUBSTANCE) * np.minimum(1, rows["length"] / FULL),
        "kind": np.float32(DISTILLED) * ~rows["is_episode"],
        "recency": (RECENT / (1 + age)).astype(np.float32),
    }
