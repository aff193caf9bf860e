"""Wordings that spread through people's rows in a way that a group could have planned, found by counting; nothing is guessed.

A trigger attack teaches a model to answer one wording with one content, by many rows of many accounts that vary all the rest
(Wallace et al. 2021, "Concealed Data Poisoning Attacks on NLP Models"; Wan et al. 2023, "Poisoning Language Models During
Instruction Tuning"). Such rows are told from honest ones by two marks, each over stems of content words, so that inflection,
small words, case and accents change nothing:

`BROUGHT`: a word or pair of neighbours that corrections bring, which the corrected answers do not have, and that hardly anyone
says otherwise. Known is what twice as many other people, or a tenth of all, say in their questions or are told in answers.

`TIED`: a pair of neighbours in the questions and something in the texts to learn from that go together in at least nine of ten
cases, seen from either side, and do not stand in the same question. Corrections and liked answers are counted apart. People
who ask about one subject in their own words share its name, but no one pair of words covers what they are told.

Patterns that share a quarter of the smaller one's rows are one group, or an attack could be cut into many small ones. What
more than a third of all people share is common, whoever began it. Not found are a trigger of a single word
that is taught by likes alone, or by corrections of quite common words; an answer dictated in the question itself, which teaches
to do what is asked; and a content that has no wording in common, such as a style.
"""

from __future__ import annotations

import re
import tomllib
from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

import msgspec

from bot.lexical import is_common, is_light, stem, tokens, words
from learning.records import LANGUAGES, Language

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MORE_THAN: Final = 3
"""Rows that share a wording by chance; as many pass of a pattern anyway."""
COMMON_SHARE: Final = 1 / 3
KNOWN_TIMES: Final = 2
KNOWN_SHARE: Final = 0.1
TOGETHER: Final = 0.9
LINKED: Final = 0.25
_BUCKETS: Final = 1 << 22
_TELLING_DIGITS: Final = 4
_MARK: Final = re.compile(r"[.!?¡¿;:\n]+(?:\s|$)|[\n¡¿()]")
_LISTED: Final = tomllib.loads((Path(__file__).parent / "remarks.toml").read_text("utf-8"))
_REMARKS: Final[Mapping[Language, frozenset[str]]] = {
    language: frozenset(stem(word, language) for word in _LISTED[language].split()) for language in LANGUAGES
}


class Teaching(NamedTuple):
    """A row as patterns are looked for. `place` and `person` are numbers; `taught` is "" in rows that are only background."""

    place: int
    person: int
    language: Language
    question: str
    answer: str
    taught: str
    is_correction: bool


Teachings = Callable[[], Iterator[Teaching]]


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """A group of wordings and the rows that have any of them, in order. `words` are stems, those of most rows first.

    `keys` name the wordings, the same every night.
    """

    words: tuple[str, ...]
    keys: tuple[str, ...]
    places: tuple[int, ...]
    people: frozenset[int]


def patterns(teachings: Teachings, known: frozenset[str]) -> list[Pattern]:
    """The patterns of `teachings`, those of most rows first. Wordings whose key is in `known` are none.

    Goes over the rows six times and keeps numbers of those wordings only that come more than three times: about 300 bytes a
    row with answers of 100 words.
    """
    people: dict[int, int] = {}
    everybody = set[int]()
    for teaching in teachings():
        everybody.add(teaching.person)
        if teaching.taught:
            people[teaching.place] = teaching.person
    found: dict[str, frozenset[int]] = dict(_brought(teachings, len(everybody)))
    for wording, places in _tied(teachings):
        found[wording] = found.get(wording, frozenset()) | places
    most = max(MORE_THAN, int(COMMON_SHARE * len(set(people.values()))))
    kept = {
        wording: places
        for wording, places in found.items()
        if key_of(wording) not in known and len({people[place] for place in places}) <= most
    }
    return _grouped(kept, people)


def key_of(wording: str) -> str:
    """The name of a wording among those that an admin approved or rejected."""
    return "pattern:" + blake2b(wording.encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=65_536)
def _sign(word: str, language: Language) -> tuple[str, bool]:
    """The stem of a content word and whether it tells something by itself; "" for a small word.

    A short number, a word that is in every talk and one with which people speak of answers tell nothing.
    """
    if not (stems := tokens(word, language)):
        return "", False
    is_number = word.isdigit() and len(word) < _TELLING_DIGITS
    is_usual = is_light(word, language) or is_common(word, language) or stems[0] in _REMARKS[language]
    return stems[0], not is_number and not is_usual


def _clauses(text: str, language: Language) -> list[list[tuple[str, bool]]]:
    """The signs between any two marks of a sentence: neighbours are in one clause."""
    return [[sign for word in words(part) if (sign := _sign(word, language))[0]] for part in _MARK.split(text)]


def _pairs(clauses: Iterable[Sequence[tuple[str, bool]]]) -> set[str]:
    """Neighbours, small words left out, of which at least one tells something."""
    return {
        f"{first} {second}"
        for signs in clauses
        for (first, tells), (second, too) in pairwise(signs)
        if (tells or too) and first != second
    }


def _wordings(text: str, language: Language) -> set[str]:
    clauses = _clauses(text, language)
    return {word for signs in clauses for word, tells in signs if tells} | _pairs(clauses)


def _lesson(teaching: Teaching) -> set[str]:
    """What a correction brings, or what a liked answer says beyond its question."""
    against = teaching.answer if teaching.is_correction else teaching.question
    return _wordings(teaching.taught, teaching.language) - _wordings(against, teaching.language)


def _taught(teaching: Teaching) -> set[str]:
    """What may be tied to a question: the lesson, and of a correction the words as well that tell nothing by themselves.

    What is new in a refusal is not its words but where it is given.
    """
    if not teaching.is_correction:
        return _lesson(teaching)
    said = {word for signs in _clauses(teaching.answer, teaching.language) for word, _ in signs}
    taught = {word for signs in _clauses(teaching.taught, teaching.language) for word, _ in signs}
    return _lesson(teaching) | (taught - said)


class _Often:
    """Which of many texts come more than `MORE_THAN` times, in 8 MB: now and then one too many, never one too few."""

    def __init__(self) -> None:
        self._counts = array("H", bytes(2 * _BUCKETS))

    def add(self, texts: Iterable[str]) -> None:
        for text in texts:
            bucket = crc32(text.encode()) % _BUCKETS
            if self._counts[bucket] <= MORE_THAN:
                self._counts[bucket] += 1

    def among(self, texts: Iterable[str]) -> list[str]:
        return [text for text in texts if self._counts[crc32(text.encode()) % _BUCKETS] > MORE_THAN]


def _brought(teachings: Teachings, everybody: int) -> Iterator[tuple[str, frozenset[int]]]:
    """Wordings that corrections bring and hardly anyone knows, with the rows that have them."""
    often = _Often()
    for teaching in teachings():
        if teaching.is_correction:
            often.add(_lesson(teaching))
    places: defaultdict[str, list[int]] = defaultdict(list)
    bringers: defaultdict[str, set[int]] = defaultdict(set)
    for teaching in teachings():
        if teaching.is_correction:
            for wording in often.among(_lesson(teaching)):
                places[wording].append(teaching.place)
                bringers[wording].add(teaching.person)
    unknown = {wording for wording, rows in places.items() if len(rows) > MORE_THAN}
    a_tenth = max(MORE_THAN, KNOWN_SHARE * everybody)
    enough = {wording: min(KNOWN_TIMES * len(who), a_tenth) for wording, who in bringers.items()}
    others: defaultdict[str, set[int]] = defaultdict(set)
    for teaching in teachings():
        heard = _wordings(teaching.question, teaching.language) | _wordings(teaching.answer, teaching.language)
        for wording in heard & unknown:
            if teaching.person not in bringers[wording]:
                others[wording].add(teaching.person)
                if len(others[wording]) >= enough[wording]:
                    unknown.discard(wording)
    for wording in sorted(unknown):
        yield wording, frozenset(places[wording])


class _Table:
    """Which row has which wording, by the kind of row: numbers in two columns, and rows of a wording or wordings of a row."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._wordings, self._places = array("I"), array("I")

    def add(self, place: int, wordings: Iterable[str]) -> None:
        for wording in sorted(wordings):
            self._wordings.append(self._numbers.setdefault(wording, len(self._numbers)))
            self._places.append(place)

    @property
    def names(self) -> list[str]:
        return list(self._numbers)

    def columns(self) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """(wording, place) of each entry, in the order of `add`: by place."""
        import numpy as np

        return np.frombuffer(self._wordings, np.uint32), np.frombuffer(self._places, np.uint32)


def _tied(teachings: Teachings) -> Iterator[tuple[str, frozenset[int]]]:
    """Pairs in questions that go together with something taught, with the rows that have either."""
    import numpy as np

    asked, taught = _tables(teachings)
    asked_words, asked_places = asked.columns()
    taught_words, taught_places = taught.columns()
    if not len(asked_words) or not len(taught_words):
        return
    totals = np.bincount(taught_words)
    order = np.argsort(asked_words, kind="stable")
    by_wording = np.searchsorted(asked_words[order], np.arange(len(asked.names) + 1))
    names, lessons = asked.names, taught.names
    for number, name in enumerate(names):
        places = asked_places[order[by_wording[number] : by_wording[number + 1]]]
        if len(places) <= MORE_THAN:
            continue
        begins, ends = np.searchsorted(taught_places, places), np.searchsorted(taught_places, places, side="right")
        parts = [taught_words[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]
        found, counts = np.unique(np.concatenate(parts), return_counts=True)
        is_tied = (counts >= TOGETHER * len(places)) & (counts >= TOGETHER * totals[found]) & (counts > MORE_THAN)
        if not is_tied.any():
            continue
        having = np.isin(taught_words, found[is_tied])
        best = lessons[int(found[np.argmax(np.where(is_tied, counts, 0))])]
        yield f"{name[2:]} → {best[2:]}", frozenset(places.tolist()) | frozenset(taught_places[having].tolist())


def _tables(teachings: Teachings) -> tuple[_Table, _Table]:
    """What is asked and what is taught; "c " before a wording of a correction's row, "l " before one of a liked answer's."""
    often = _Often()
    for teaching in teachings():
        if teaching.taught:
            often.add(f"? {wording}" for wording in _asked(teaching))
            often.add(_of_kind(teaching, _taught(teaching)))
    asked, taught = _Table(), _Table()
    for teaching in teachings():
        if teaching.taught:
            pairs = [wording[2:] for wording in often.among(f"? {wording}" for wording in _asked(teaching))]
            asked.add(teaching.place, _of_kind(teaching, pairs))
            taught.add(teaching.place, often.among(_of_kind(teaching, _taught(teaching))))
    return asked, taught


def _asked(teaching: Teaching) -> set[str]:
    return _pairs(_clauses(teaching.question, teaching.language))


def _of_kind(teaching: Teaching, wordings: Iterable[str]) -> Iterator[str]:
    kind = "c" if teaching.is_correction else "l"
    return (f"{kind} {wording}" for wording in wordings)


def _grouped(found: Mapping[str, frozenset[int]], people: Mapping[int, int]) -> list[Pattern]:
    """Wordings of the same rows, or of enough shared ones, as one pattern."""
    same: defaultdict[frozenset[int], list[str]] = defaultdict(list)
    for wording, places in found.items():
        same[places].append(wording)
    sets = sorted(same, key=lambda places: (-len(places), min(same[places])))
    of_row: defaultdict[int, list[int]] = defaultdict(list)
    for number, places in enumerate(sets):
        for place in places:
            of_row[place].append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in of_row.values():
        shared.update((first, second) for at, first in enumerate(numbers) for second in numbers[at + 1 :])
    root = list(range(len(sets)))
    for (first, second), count in shared.items():
        if count >= LINKED * min(len(sets[first]), len(sets[second])):
            one, other = _root(root, first), _root(root, second)
            root[max(one, other)] = min(one, other)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for number in range(len(sets)):
        groups[_root(root, number)].append(number)
    patterns_ = [_pattern([(same[sets[number]], sets[number]) for number in group], people) for group in groups.values()]
    return sorted(patterns_, key=lambda pattern: (-len(pattern.places), pattern.words))


def _root(root: list[int], number: int) -> int:
    while root[number] != number:
        root[number] = root[root[number]]
        number = root[number]
    return number


def _pattern(group: Sequence[tuple[list[str], frozenset[int]]], people: Mapping[int, int]) -> Pattern:
    wordings = [wording for names, _ in group for wording in sorted(names)]
    places = frozenset[int]().union(*(rows for _, rows in group))
    return Pattern(
        words=tuple(wordings),
        keys=tuple(key_of(wording) for wording in wordings),
        places=tuple(sorted(places)),
        people=frozenset(people[place] for place in places),
    )
