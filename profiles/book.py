"""One person's memories in one set of scopes, ready to be searched: their words, places, and what was said beside them (pure).

A search can reach no memories but those of its book. Texts are not kept in it.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bot.lexical import fold, guess_language, tokens, words
from bot.memory_types import BOT, SELF, MemoryKind, NewMemory, Origin
from bot.types import LANGUAGES, Language
from profiles.asked import only_asks
from profiles.days import tells_when
from profiles.yardstick import Floats, Yardstick

Numbers = NDArray[np.int32]
Truths = NDArray[np.bool_]
Halves = NDArray[np.float16]

_AT_ONCE: Final = 2_048
"""Vectors that are compared at a time."""

_SAMPLE: Final = 120
"""Characters from which the language of a memory is guessed that came without one."""

_ME: Final = {"i", "me", "my", "mine", "myself", "yo", "mi", "mis", "mio", "mia", "mios", "mias", "conmigo"}
_YOU: Final = {
    *("you", "your", "tu", "tus", "te", "ti", "contigo"),
    *("dijiste", "recomendaste", "sugeriste", "explicaste", "contaste", "propusiste"),
}


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
        ("asks", "?"),
        ("only_asks", "?"),
        ("has_vector", "?"),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
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
    language: Language


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
        """The rows that have a stem, ascending, each as often as it has it."""
        self._speakers: dict[str, int] = {}
        self._sessions: dict[str, int] = {}
        self._vectors: Halves | None = None
        """As the store has them, and for no more rows than were attached."""
        self._layout: Layout | None = None
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

    @property
    def language(self) -> Language:
        """That of most of them."""
        return self.layout().language if self._row else "en"

    def add(
        self, id: str, what: NewMemory, *, stems: Sequence[str] | None = None, vector: NDArray[np.floating[Any]] | None = None
    ) -> None:
        """Put a memory in; one that is there already stays. `stems` as `memory_stems` gives them, `vector` of unit length.

        Raises ValueError for a vector of another length than those that are in.
        """
        if id in self._row:
            return
        self.fill([(id, what, memory_stems(what.text, what.language) if stems is None else stems)])
        if vector is not None:
            self.attach(id, vector)

    def fill(self, memories: Iterable[tuple[str, NewMemory, Sequence[str]]]) -> None:
        """Put many in, as ids, memories and stems; those that are there already stay. About 10 µs each."""
        fresh: list[tuple[float | bool, ...]] = []
        for name, what, stems in memories:
            if name in self._row:
                continue
            row = self._row[name] = len(self._ids)
            self._ids.append(name)
            fresh.append(self._described(name, what, len(stems)))
            for token in stems:
                postings = self._postings.get(token)
                if postings is None:
                    postings = self._postings[token] = array("i")
                    self._bytes += 260 + len(token)
                postings.append(row)
            self._bytes += 200 + len(name) + 5 * len(stems)
        while len(self._rows) < len(self._ids):
            self._grow()
        if fresh:
            self._rows[len(self._ids) - len(fresh) : len(self._ids)] = np.array(fresh, _ROW)
            self._layout = None

    def _described(self, id: str, what: NewMemory, length: int) -> tuple[float | bool, ...]:
        """What its row holds."""
        is_episode = what.kind is MemoryKind.EPISODE
        asks = is_episode and "?" in what.text
        return (
            length,
            self._speakers.setdefault(what.said_by, len(self._speakers)),
            self._sessions.setdefault(what.session or f"\0{id}", len(self._sessions)),
            what.position,
            what.said_at.timestamp(),
            what.said_at.toordinal(),
            crc32(id.encode("utf-8", "surrogatepass")),
            True,
            is_episode,
            tells_when(what.text),
            (what.language or guess_language(what.text[:_SAMPLE])) == "es",
            asks and what.text.rstrip().endswith("?"),
            asks and what.origin is Origin.SAID and what.said_by == SELF and only_asks(what.text),
            False,
        )

    def attach(self, id: str, vector: NDArray[np.floating[Any]]) -> None:
        """Give a memory its vector, which may come later than its words. Raises ValueError as `add`, KeyError without it."""
        row = self._row[id]
        if self._vectors is None:
            self._vectors = np.zeros((len(self._ids), *vector.shape), np.float16)
        if vector.shape != self._vectors.shape[1:]:
            raise ValueError(f"expected a vector of shape {self._vectors.shape[1:]}, found {vector.shape}")
        if (missing := row + 1 - len(self._vectors)) > 0:
            room = np.zeros((missing + len(self._ids) // 16, *vector.shape), np.float16)
            self._vectors = np.concatenate([self._vectors, room])
        self._vectors[row] = vector
        self._rows["has_vector"][row] = True

    def drop_vectors(self) -> None:
        """Let go of all vectors."""
        self._vectors = None
        self._rows["has_vector"] = False

    @property
    def has_vectors(self) -> bool:
        """Whether it was given any."""
        return self._vectors is not None

    def without_vector(self) -> list[str]:
        """The memories that were given none."""
        there = self._rows[: len(self._ids)]
        return [self._ids[row] for row in np.flatnonzero(there["is_there"] & ~there["has_vector"])]

    def with_vectors_nbytes(self, dimension: int) -> int:
        """About how much memory it would take with a vector for each."""
        matrix = self._vectors.nbytes if self._vectors is not None else 0
        return self.nbytes - matrix + 2 * dimension * (len(self._ids) + len(self._ids) // 16)

    def remove(self, id: str) -> None:
        """Take a memory out, with its words; one that is not in changes nothing. Some milliseconds for 10,000 memories."""
        row = self._row.pop(id, None)
        if row is None:
            return
        self._ids[row] = ""
        self._rows[row] = np.zeros((), _ROW)
        if self._vectors is not None and row < len(self._vectors):
            self._vectors[row] = 0
        for token in [token for token, postings in self._postings.items() if _holds(postings, row)]:
            kept = array("i", [other for other in self._postings[token] if other != row])
            if kept:
                self._postings[token] = kept
            else:
                del self._postings[token]
        self._layout = None

    def id_of(self, row: int) -> str:
        """The memory of a row."""
        return self._ids[row]

    def layout(self) -> Layout:
        """Where each memory stands, put together anew after a change; there must be one at least."""
        if self._layout is None:
            self._layout = self._lay_out()
        return self._layout

    def having(self, options: Mapping[str, float]) -> tuple[Numbers, Floats]:
        """The distinct rows with any of some stems, and how often they have them, each stem counting what stands beside it."""
        found = [
            (*_counted(postings), np.float32(sure))
            for token, sure in options.items()
            if (postings := self._postings.get(token)) is not None
        ]
        if not found:
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        rows = np.concatenate([some for some, _, _ in found])
        counts = np.concatenate([often * sure for _, often, sure in found])
        if len(found) == 1:
            return rows, counts
        distinct, where = np.unique(rows, return_inverse=True)
        return distinct, np.bincount(where, weights=counts).astype(np.float32)

    def likeness(self, vector: NDArray[np.floating[Any]], hits: Mapping[str, float] | None = None) -> Floats | None:
        """How alike each row's vector is to this one, from 0 (unrelated, or none) to 1; None where nothing can be compared.

        With `hits`, cosines by memory, it comes from these alone: every other row has 0.
        """
        rows = self._rows[: len(self._ids)]
        query = np.asarray(vector, np.float32)
        if hits is not None:
            near = {row: score for name, score in hits.items() if (row := self._row.get(name)) is not None}
            places = np.fromiter(near, np.intp, len(near))
            likeness = np.zeros(len(rows), np.float32)
            likeness[places] = self._above_chance(np.fromiter(near.values(), np.float32, len(near)), query, rows[places])
            return likeness
        if self._vectors is None or query.shape != self._vectors.shape[1:]:
            return None
        cosines = np.zeros(len(rows), np.float32)
        for start in range(0, min(len(rows), len(self._vectors)), _AT_ONCE):
            some = self._vectors[start : min(start + _AT_ONCE, len(rows))].astype(np.float32)
            # Not `@`: BLAS spreads the rows over its threads, and waiting for busy cores cost thirty times the work.
            cosines[start : start + len(some)] = np.vecdot(some, query)
        return self._above_chance(cosines, query, rows)

    def _above_chance(self, cosines: Floats, query: Floats, rows: NDArray[np.void]) -> Floats:
        """Cosines as shares of the way from unrelated texts in a row's language to the same text."""
        english, spanish = (min(self._yardstick.level(query, language), 0.99) for language in ("en", "es"))
        level = np.where(rows["is_spanish"], np.float32(spanish), np.float32(english))
        likeness: Floats = np.minimum(1, np.maximum(0, (cosines - level) / (1 - level)))
        return np.where(np.isfinite(cosines), likeness, np.float32(0))

    def shown(self, *, answers: bool, questions: bool) -> Truths:
        """The rows that may come up: all there are, or not the bot's answers, or not what the person merely asked."""
        rows = self._rows[: len(self._ids)]
        shown: Truths = rows["is_there"].copy()
        if not answers and BOT in self._speakers:
            shown &= (rows["speaker"] != self._speakers[BOT]) | ~rows["is_episode"]
        if not questions:
            shown &= ~rows["only_asks"]
        return shown

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

    def _lay_out(self) -> Layout:
        rows = self._rows[: len(self._ids)]
        there = np.flatnonzero(rows["is_there"])
        kept = rows[there]
        by_session = there[_in_order(kept)].astype(np.int32)
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
        return Layout(
            rows=rows,
            before=before,
            after=after,
            by_session=by_session,
            starts=starts,
            sessions=sessions,
            session_lengths=np.add.reduceat(rows["length"][by_session], starts),
            average=float(kept["length"].mean()) or 1.0,
            names=tuple(sorted(name for name, n in self._speakers.items() if n in speaking and name not in (SELF, BOT))),
            language="es" if 2 * np.count_nonzero(kept["is_spanish"]) > len(kept) else "en",
        )


def _in_order(rows: NDArray[np.void]) -> NDArray[np.intp]:
    """The places of rows, session after session, each as it went; mostly they come so, which takes a tenth of sorting."""
    session, position = np.ascontiguousarray(rows["session"]), np.ascontiguousarray(rows["position"])
    order = np.argsort(session, kind="stable")
    session, position = session[order], position[order]
    if np.all((session[1:] != session[:-1]) | (position[1:] > position[:-1])):
        return order
    return np.lexsort((rows["tie"], rows["at"], rows["position"], rows["session"]))


def _holds(postings: array[int], row: int) -> bool:
    place = bisect_left(postings, row)
    return place < len(postings) and postings[place] == row


def _counted(postings: array[int]) -> tuple[Numbers, Numbers]:
    """The distinct rows, and how often each stands there."""
    rows = np.array(postings, np.int32)
    is_first = np.ones(len(rows), bool)
    np.not_equal(rows[1:], rows[:-1], out=is_first[1:])
    if is_first.all():
        return rows, np.ones(len(rows), np.int32)
    starts = np.flatnonzero(is_first)
    counts = np.full(len(starts), len(rows), np.int32)
    counts[:-1] = starts[1:]
    return rows[starts], counts - starts.astype(np.int32)
