"""Which of one person's memories answer a question: by words, meaning, who said it, when, and what stands beside it (pure).

The scores of words and of meaning are divided by the best and added: fusing ranks lost to words alone. The weights were
measured on conversations (docs/design.md); each may change by half without changing much. A `Book` holds the memories of one
person in one set of scopes, so that a search can reach no others.
"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bot.lexical import content_words, fold, guess_language, is_common, is_light, stem, tokens, words
from bot.memory_types import BOT, SELF, MemoryKind, NewMemory
from bot.types import LANGUAGES, Language
from profiles.days import asks_when, days_meant, tells_when
from profiles.everyday import translations
from profiles.yardstick import Floats, Yardstick

Numbers = NDArray[np.int32]

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
_ME: Final = {"i", "me", "my", "mine", "myself", "yo", "mi", "mis", "mio", "mia", "mios", "mias", "conmigo"}
_YOU: Final = {
    *("you", "your", "tu", "tus", "te", "ti", "contigo"),
    *("dijiste", "recomendaste", "sugeriste", "explicaste", "contaste", "propusiste"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A memory that was found. `score` is in (0, 1]; `parts` says what it is made of, in shares of the best one's total."""

    id: str
    score: float
    parts: Mapping[str, float]


def memory_stems(text: str, language: str = "") -> list[str]:
    """The stems that a memory is found by, to be stored beside it, in its own language, else in the one it seems to be in."""
    known = next((one for one in LANGUAGES if one == language), None) or guess_language(text) or "en"
    return tokens(text, known)


def dense_query(text: str, names: Iterable[str]) -> str:
    """`text` without the names of those who take part, to be embedded: a name pulls greetings by the other side.

    The text as it is when nothing else is left of it.
    """
    parts = sorted({part for name in names for part in name.split() if len(part) > 1}, key=len, reverse=True)
    if not parts:
        return text
    without = re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, parts))})(?:['’]s?)?(?!\w)", " ", text, flags=re.IGNORECASE)
    return " ".join(without.split()) if any(character.isalnum() for character in without) else text


_ROW: Final = np.dtype(
    [
        ("length", "f4"),
        ("speaker", "i4"),
        ("session", "i4"),
        ("position", "i8"),
        ("at", "f8"),
        ("day", "i4"),
        ("tie", "u4"),
        ("is_there", "?"),
        ("is_episode", "?"),
        ("tells_when", "?"),
        ("is_spanish", "?"),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where each memory stands. `sessions` has the session's number by row, `starts` where each begins in `by_session`.

    `before` and `after` are the rows of what was said next to it in the same session, one past the end where there is none.
    """

    rows: NDArray[np.void]
    before: Numbers
    after: Numbers
    by_session: Numbers
    starts: Numbers
    sessions: Numbers
    session_lengths: Floats
    average: float
    names: tuple[str, ...]


class Book:
    """One person's memories, ready to be searched: stems with the rows that have them, and a matrix of vectors.

    Adding is cheap; the first search afterwards puts the sessions in order again (a few milliseconds for 10,000). It is for
    one thread at a time. `len(book)` memories are in it.
    """

    def __init__(self, yardstick: Yardstick | None = None) -> None:
        self._yardstick = yardstick or Yardstick(commonplaces={})
        self._ids: list[str] = []
        self._row: dict[str, int] = {}
        self._rows = np.zeros(16, _ROW)
        self._postings: dict[str, array[int]] = {}
        self._speakers: dict[str, int] = {}
        self._sessions: dict[str, int] = {}
        self._vectors: Floats | None = None
        self._layout: _Layout | None = None
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._row)

    def __contains__(self, id: str) -> bool:
        return id in self._row

    @property
    def weight(self) -> float:
        """What vectors count beside words."""
        return self._yardstick.weight

    @property
    def nbytes(self) -> int:
        """About how much memory it takes."""
        matrix = self._vectors.nbytes if self._vectors is not None else 0
        return 4_096 + self._bytes + 2 * self._rows.nbytes + matrix

    @property
    def names(self) -> tuple[str, ...]:
        """Those who said something, besides the person and the bot: to be cut from the dense query."""
        return self.layout().names if self._row else ()

    def add(
        self, id: str, what: NewMemory, *, stems: Sequence[str] | None = None, vector: NDArray[np.floating[Any]] | None = None
    ) -> None:
        """Put a memory in; one that is there already stays. `stems` as `memory_stems` gives them, `vector` of unit length.

        Raises ValueError for a vector of another length than those that are in.
        """
        if id in self._row:
            return
        found = Counter(memory_stems(what.text, what.language) if stems is None else stems)
        row = len(self._ids)
        if row == len(self._rows):
            self._grow()
        self._rows[row] = (
            found.total(),
            self._speakers.setdefault(what.said_by, len(self._speakers)),
            self._sessions.setdefault(what.session or f"\0{id}", len(self._sessions)),
            what.position,
            what.said_at.timestamp(),
            what.said_at.toordinal(),
            crc32(id.encode("utf-8", "surrogatepass")),
            True,
            what.kind is MemoryKind.EPISODE,
            tells_when(what.text),
            (what.language or guess_language(what.text)) == "es",
        )
        for token, count in found.items():
            postings = self._postings.get(token)
            if postings is None:
                postings = self._postings[token] = array("i")
                self._bytes += 260 + len(token)
            postings.extend((row, count))
        self._bytes += 200 + len(id) + 9 * len(found)
        self._ids.append(id)
        self._row[id] = row
        self._layout = None
        if vector is not None:
            self.attach(id, vector)

    def attach(self, id: str, vector: NDArray[np.floating[Any]]) -> None:
        """Give a memory its vector, which may come later than its words. Raises ValueError as `add`, KeyError without it."""
        row = self._row[id]
        if self._vectors is None:
            self._vectors = np.zeros((len(self._rows), *vector.shape), np.float32)
        if vector.shape != self._vectors.shape[1:]:
            raise ValueError(f"expected a vector of shape {self._vectors.shape[1:]}, found {vector.shape}")
        self._vectors[row] = vector

    def remove(self, id: str) -> None:
        """Take a memory out, with its words; one that is not in changes nothing. Tens of milliseconds for 10,000 memories."""
        row = self._row.pop(id, None)
        if row is None:
            return
        self._ids[row] = ""
        self._rows[row] = np.zeros((), _ROW)
        if self._vectors is not None:
            self._vectors[row] = 0
        for token in [token for token, postings in self._postings.items() if row in postings[::2]]:
            pairs = np.array(self._postings[token], np.intc).reshape(-1, 2)
            kept = array("i", pairs[pairs[:, 0] != row].tobytes())
            if kept:
                self._postings[token] = kept
            else:
                del self._postings[token]
        self._layout = None

    def id_of(self, row: int) -> str:
        """The memory of a row."""
        return self._ids[row]

    def layout(self) -> _Layout:
        """Where each memory stands, put together anew after a change; there must be one at least."""
        if self._layout is None:
            self._layout = self._lay_out()
        return self._layout

    def having(self, options: Mapping[str, float]) -> tuple[Numbers, Floats]:
        """The distinct rows with any of some stems, and how often they have them, each stem counting what stands beside it."""
        found = [
            (np.array(postings, np.intc).reshape(-1, 2), sure)
            for token, sure in options.items()
            if (postings := self._postings.get(token)) is not None
        ]
        if not found:
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        rows = np.concatenate([pairs[:, 0] for pairs, _ in found])
        counts = np.concatenate([pairs[:, 1] * np.float32(sure) for pairs, sure in found])
        if len(found) == 1:
            return rows, counts
        distinct, where = np.unique(rows, return_inverse=True)
        return distinct, np.bincount(where, weights=counts).astype(np.float32)

    def likeness(self, vector: NDArray[np.floating[Any]]) -> Floats | None:
        """How alike each row's vector is to this one, from 0 (unrelated, or none) to 1; None where nothing can be compared."""
        if self._vectors is None or vector.shape != self._vectors.shape[1:]:
            return None
        query = np.asarray(vector, np.float32)
        rows = self._rows[: len(self._ids)]
        levels = np.array([self._yardstick.level(query, language) for language in ("en", "es")], np.float32)
        level = np.minimum(levels, 0.99)[rows["is_spanish"].astype(np.intp)]
        # Not `@`: BLAS spreads 10,000 rows over its threads, and waiting for busy cores cost thirty times the work.
        cosines = np.nan_to_num(np.vecdot(self._vectors[: len(rows)], query), nan=0.0, posinf=0.0, neginf=0.0)
        likeness: Floats = np.clip((cosines - level) / (1 - level), 0, 1)
        return likeness

    def speakers_in(self, question: str) -> list[str]:
        """Speakers whom a question names, in its order. «Yo» and «tú» together tell nothing."""
        asked = [fold(word) for word in words(question)]
        first: dict[str, int] = {}
        for name in (SELF, BOT, *self.names):
            parts = _ME if name == SELF else _YOU if name == BOT else {fold(word) for word in words(name) if len(word) > 1}
            if name in self._speakers and (places := [place for place, word in enumerate(asked) if word in parts]):
                first[name] = min(places)
        if SELF in first and BOT in first:
            del first[SELF], first[BOT]
        return sorted(first, key=lambda name: first[name])

    def said_by(self, name: str) -> int:
        """The number that rows have for a speaker."""
        return self._speakers[name]

    def _grow(self) -> None:
        self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        if self._vectors is not None:
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])

    def _lay_out(self) -> _Layout:
        rows = self._rows[: len(self._ids)]
        there = np.flatnonzero(rows["is_there"])
        kept = rows[there]
        by_session = there[np.lexsort((kept["tie"], kept["at"], kept["position"], kept["session"]))].astype(np.int32)
        session = rows["session"][by_session]
        starts = np.flatnonzero(np.concatenate([[True], session[1:] != session[:-1]])).astype(np.int32)
        sessions = np.zeros(len(rows), np.int32)
        sessions[by_session] = np.repeat(np.arange(len(starts)), np.diff([*starts, len(by_session)]))
        said = by_session[rows["is_episode"][by_session]]
        together = sessions[said[1:]] == sessions[said[:-1]]
        before, after = np.full((2, len(rows)), len(rows), np.int32)
        before[said[1:][together]] = said[:-1][together]
        after[said[:-1][together]] = said[1:][together]
        speaking = set(np.unique(kept["speaker"]).tolist())
        return _Layout(
            rows=rows,
            before=before,
            after=after,
            by_session=by_session,
            starts=starts,
            sessions=sessions,
            session_lengths=np.add.reduceat(rows["length"][by_session], starts),
            average=float(kept["length"].mean()) or 1.0,
            names=tuple(sorted(name for name, n in self._speakers.items() if n in speaking and name not in (SELF, BOT))),
        )


def rank(
    book: Book,
    question: str,
    *,
    language: Language,
    now: datetime,
    vector: NDArray[np.floating[Any]] | None = None,
    limit: int = 10,
) -> list[Ranked]:
    """The memories that answer `question`, best first, at most `limit`; none where nothing is about the same.

    `vector` is that of `dense_query(question, book.names)` by the book's embedder; without it the words decide alone. Equal
    ones come newest first, whatever the order in which they were added.
    """
    if limit <= 0 or not len(book):
        return []
    layout = book.layout()
    spoken = _by_words(book, layout, _concepts(book, question, language))
    meant = book.likeness(vector) if vector is not None else None
    own = _scaled(spoken.scores)
    if meant is not None:
        own = own + np.float32(book.weight) * _scaled(meant)
    lent = NEIGHBOUR * (_at(own, layout.before) + _at(own, layout.after))
    evidence = own + lent
    most = float(evidence.max())
    belief = _belief(book, question, spoken, meant)
    if most <= 0 or belief < BELIEVED * min(1.0, 0.4 + 0.13 * math.log(len(book))):
        return []
    session = SESSION_BEST * np.maximum.reduceat(evidence[layout.by_session], layout.starts)
    session += SESSION_WORDS * most * _scaled(spoken.sessions)
    parts = {"evidence": own, "neighbours": lent, "session": session[layout.sessions]}
    parts |= {name: most * bonus for name, bonus in _circumstances(book, layout, question, now).items()}
    total = np.where(layout.rows["is_there"] & (evidence >= FLOOR * most), sum(parts.values()), 0.0)
    high = float(total.max())
    order = _first(np.round(total / high, 5), layout, limit)
    return [
        Ranked(
            id=book.id_of(row),
            score=min(1.0, belief) * float(total[row]) / high,
            parts={name: float(part[row]) / high for name, part in parts.items()},
        )
        for row in order
    ]


def _first(scores: NDArray[np.floating[Any]], layout: _Layout, limit: int) -> list[int]:
    """The rows with the highest scores above 0, of equal ones the newest."""
    least = np.partition(scores, -limit)[-limit] if limit < len(scores) else 0.0
    found = np.flatnonzero((scores >= least) & (scores > 0))
    rows = layout.rows[found]
    ranked: list[int] = found[np.lexsort((rows["tie"], -rows["at"], -scores[found]))][:limit].tolist()
    return ranked


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
class _Spoken:
    """What the words of a question find: BM25 by row and by session, and the share of its worth that a row covers."""

    scores: Floats
    sessions: Floats
    covered: Floats


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
    return list(found.values())


def _by_words(book: Book, layout: _Layout, concepts: Sequence[_Concept]) -> _Spoken:
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
    return _Spoken(scores, sessions, covered / whole if whole else covered)


def _belief(book: Book, question: str, spoken: _Spoken, meant: Floats | None) -> float:
    """How sure it is that anything here is about the question: above 0, 1 and more for all of its words in one memory."""
    chance = np.float32(LIKENESS_SPREAD * math.sqrt(2 * math.log(len(book))))
    relevance = spoken.covered if meant is None else spoken.covered + np.maximum(0, meant - chance)
    has_name = any(name not in (SELF, BOT) for name in book.speakers_in(question))
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


def _circumstances(book: Book, layout: _Layout, question: str, now: datetime) -> dict[str, Floats]:
    """What speaks for each row besides what it says, in shares of the best evidence: who said it, when, and what it is."""
    rows = layout.rows
    speaker, date = np.zeros((2, len(rows)), np.float32)
    if named := book.speakers_in(question):
        speaker[rows["speaker"] == book.said_by(named[0])] = SPEAKER if len(named) == 1 else SPEAKER / 2
    for first, last in days_meant(question, now.date()):
        since, length = rows["day"] - first.toordinal(), (last - first).days
        date[(since > length) & (since <= length + 7)] = DATED / 2
        date[(since >= 0) & (since <= length)] = DATED
    age = np.maximum(0, now.timestamp() - rows["at"]) / _MONTH_S
    return {
        "speaker": speaker,
        "date": date,
        "time": (TELLS_WHEN * asks_when(question)) * rows["tells_when"].astype(np.float32),
        "substance": np.float32(SUBSTANCE) * np.minimum(1, rows["length"] / FULL),
        "kind": np.float32(DISTILLED) * ~rows["is_episode"],
        "recency": (RECENT / (1 + age)).astype(np.float32),
    }
