"""What people talk about, as a few dozen topics named by their own words: found in the rows, kept from night to night.

TF-IDF vectors of stems, clustered by k-means on the sphere (Dhillon and Modha 2001). Later nights begin where the last one
ended: topics move a little with their rows and keep their names; what fits none of them may become a new one. A word is in
the vocabulary only when at least three people used it, so that no name and no secret of one of them becomes a topic's.
"""

from __future__ import annotations

import hashlib
import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from bot.lexical import STOP_WORDS, content_words, fold, is_common, is_light, stem, words
from learning.records import LANGUAGES, Collected, Language, Rows
from learning.spoken import language_of

if TYPE_CHECKING:
    from collections.abc import Callable

GENERAL: Final = "general"
"""The topic of rows that fit no other, and of every row of a language with too few of them."""
FEWEST_ROWS: Final = 60
"""Rows of a language below which nothing is clustered: a topic of a handful of rows is an accident."""
FEWEST_PEOPLE: Final = 3
"""People who must have used a word before it is in the vocabulary, and have rows in a topic before there is one."""
SAMPLE: Final = 10_000
"""Rows of a language that are learned from, chosen by a hash of their ids: the same ones every night, as far as they go."""
MOST_TOPICS: Final = 32
_TOPIC_ROWS: Final = 8
_FIT: Final = 0.1
"""Cosine below which a row belongs to no topic."""
_KIN: Final = 0.5
"""Cosine from which a topic is one of the last night, and two topics of the same night are one."""
_VOCABULARY: Final = 5_000
_TOO_COMMON: Final = 0.3
"""Share of the rows above which a word says nothing about the subject."""
_GROWN: Final = 4
"""Growth after which topics are learned from nothing: four times the rows are worth twice the topics."""
_CENTRE_TERMS: Final = 64
_NAME_TERMS: Final = 3
_ROUNDS: Final = 40
_OPENING: Final = 400
_LONGEST: Final = 24
_REMEMBERED: Final = 50_000
_SEED: Final = 7
_FORMAT: Final = "martin-topics/1"

Centre = dict[str, float]
"""A vector of unit length, about: weights by stem."""


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """One topic. `name` never changes; `terms` are the words that tell it best today."""

    name: str
    terms: tuple[str, ...]
    centre: Centre


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned of one language. `rows` counts the sample, `digest` names it: SHA-256 over ids and words.

    `begun` is how many rows there were when it was last learned from nothing.
    """

    rows: int = 0
    begun: int = 0
    digest: str = ""
    idf: dict[str, float] = {}
    words: dict[str, str] = {}
    topics: tuple[Topic, ...] = ()


class _Saved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: str
    languages: dict[str, Learned]


def subject_of(row: Collected) -> str:
    """What a row's topic is found by: the question, and how the answer to it begins."""
    return f"{row.question}\n{row.answer[:_OPENING]}"


class Topics:
    """The topics of both languages."""

    def __init__(self, languages: Mapping[Language, Learned]) -> None:
        self._languages = dict(languages)
        self._fits = {language: _Fit(learned) for language, learned in self._languages.items()}
        self._stems: dict[Language, Callable[[str], str]] = {language: _Stems(language) for language in LANGUAGES}

    @classmethod
    def none(cls) -> Topics:
        """No topics: everything is `GENERAL`."""
        return cls({language: Learned() for language in LANGUAGES})

    @classmethod
    def learned(cls, rows: Rows[Collected], previous: Topics | None = None) -> Topics:
        """The topics of `rows`, two passes over them; those of `previous` that are still talked about keep their names.

        The same rows give the same topics, and those of `previous` when it learned from them. Memory: the words of at most
        `SAMPLE` rows of each language. Takes 2 s for 10,000 rows after the libraries are loaded.
        """
        before = previous or cls.none()
        chosen = _sample(rows)
        samples = {language: _Sample(language) for language in LANGUAGES}
        for row in rows():
            if _order(row.row) <= chosen[row.language]:
                samples[language_of(row)].add(row)
        return cls({language: _learned(samples[language], before._languages[language]) for language in LANGUAGES})

    @classmethod
    def from_json(cls, text: str | bytes) -> Topics:
        """The topics that `to_json` wrote. Raises ValueError when it is something else."""
        saved = msgspec.json.decode(text, type=_Saved)
        if saved.format != _FORMAT:
            raise ValueError(f"expected topics of the format {_FORMAT!r}; learn them anew")
        return cls({language: saved.languages.get(language, Learned()) for language in LANGUAGES})

    def to_json(self) -> str:
        """Plain JSON, sorted, ending with a line break: the same topics are the same text."""
        languages = {str(language): learned for language, learned in self._languages.items()}
        saved = msgspec.json.encode(_Saved(format=_FORMAT, languages=languages), order="deterministic")
        return msgspec.json.format(saved, indent=1).decode() + "\n"

    def names(self, language: Language) -> tuple[str, ...]:
        """The names of a language's topics besides `GENERAL`, the oldest first."""
        return tuple(topic.name for topic in self._languages[language].topics)

    def topic_of(self, text: str, language: Language) -> str:
        """The name of the topic that `text` fits best; `GENERAL` when it fits none."""
        if not self._languages[language].topics:
            return GENERAL
        to_stem = self._stems[language]
        return self._fits[language].best(Counter(found for word in _words(text) if (found := to_stem(word))))


class _Fit:
    """Which topic some words fit best."""

    def __init__(self, learned: Learned) -> None:
        self._idf = learned.idf
        self._names = [topic.name for topic in learned.topics]
        self._by_stem: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, topic in enumerate(learned.topics):
            for term, weight in topic.centre.items():
                self._by_stem[term].append((number, weight))

    def best(self, counted: Mapping[str, int]) -> str:
        vector = {term: (1 + math.log(count)) * self._idf[term] for term, count in sorted(counted.items()) if term in self._idf}
        length = math.sqrt(sum(weight * weight for weight in vector.values()))
        scores = [0.0] * len(self._names)
        for term, weight in vector.items():
            for number, share in self._by_stem.get(term, ()):
                scores[number] += weight * share
        best = max(range(len(scores)), key=lambda number: scores[number])
        return self._names[best] if scores[best] > 0 and scores[best] >= _FIT * length else GENERAL


class _Stems:
    """Words to the stems that may be in a vocabulary, "" for those that say nothing about a subject; remembers them."""

    def __init__(self, language: Language) -> None:
        self._language, self._known = language, dict[str, str]()

    def __call__(self, word: str) -> str:
        known = self._known.get(word)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[word] = self._stem(word)
        return known

    def _stem(self, word: str) -> str:
        plain = fold(word)
        is_empty = any(plain in STOP_WORDS[language] or not content_words(word, language) for language in LANGUAGES)
        if len(word) < 3 or not word.isalpha() or is_empty or is_light(word, self._language) or is_common(word, self._language):
            return ""
        return stem(word, self._language)


def _words(text: str) -> list[str]:
    return [word for word in words(text) if len(word) <= _LONGEST]


def _order(row: str) -> int:
    """A row's place in an order that depends on nothing but its id."""
    return int.from_bytes(hashlib.blake2b(row.encode(), digest_size=8).digest(), "big")


def _sample(rows: Rows[Collected]) -> dict[Language, int]:
    """By stored language: up to which place in that order rows are learned from."""
    lowest: dict[Language, list[int]] = {language: [] for language in LANGUAGES}
    for row in rows():
        heap, place = lowest[row.language], -_order(row.row)
        if len(heap) < SAMPLE:
            heapq.heappush(heap, place)
        elif place > heap[0]:
            heapq.heapreplace(heap, place)
    return {language: -heap[0] if heap else -1 for language, heap in lowest.items()}


class _Sample:
    """The rows of one language that are learned from, as counts of stems."""

    def __init__(self, language: Language) -> None:
        self.documents: list[list[tuple[int, int]]] = []
        self.people: list[int] = []
        self._to_stem = _Stems(language)
        self._digest = hashlib.sha256()
        self._numbers: dict[str, int] = {}
        self._person_numbers: dict[str, int] = {}
        self._users: list[set[int]] = []
        self._forms: list[dict[str, set[int]]] = []
        self._having: list[int] = []

    def add(self, row: Collected) -> None:
        """Takes the words of one row."""
        person = self._person_numbers.setdefault(row.person, len(self._person_numbers))
        counted: Counter[int] = Counter()
        for word in _words(subject_of(row)):
            if not (found := self._to_stem(word)):
                continue
            number = self._numbers.setdefault(found, len(self._numbers))
            if number == len(self._users):
                self._users.append(set())
                self._forms.append({})
                self._having.append(0)
            counted[number] += 1
            _noted(self._users[number], person)
            _noted(self._forms[number].setdefault(word, set()), person)
        for number in counted:
            self._having[number] += 1
        self.documents.append(list(counted.items()))
        self.people.append(person)
        self._digest.update(f"{row.row}\0{sorted(counted.items())}\n".encode())

    @property
    def digest(self) -> str:
        """Names what was learned from."""
        return self._digest.hexdigest() if self.documents else ""

    def vocabulary(self) -> dict[int, str]:
        """The stems that several people used and not everybody everywhere, the most usual `_VOCABULARY`, by number."""
        most = max(_TOO_COMMON * len(self.documents), FEWEST_PEOPLE)
        names = {number: name for name, number in self._numbers.items()}
        usable = [
            number
            for number in range(len(names))
            if len(self._users[number]) >= FEWEST_PEOPLE and FEWEST_PEOPLE <= self._having[number] <= most
        ]
        usable.sort(key=lambda number: (-self._having[number], names[number]))
        return {number: names[number] for number in usable[:_VOCABULARY]}

    def idf(self, number: int) -> float:
        """How telling a stem is: smoothed, as in scikit-learn's `TfidfTransformer`."""
        return round(math.log((1 + len(self.documents)) / (1 + self._having[number])) + 1, 4)

    def form(self, number: int, name: str) -> str:
        """The stem `name` as people write it, the shortest way; the stem itself where no way of writing is used by several."""
        usual = [word for word, people in self._forms[number].items() if len(people) >= FEWEST_PEOPLE]
        return min(usual, key=lambda word: (len(word), word), default=name)


def _noted(people: set[int], person: int) -> None:
    """Takes note of a person; of more than enough, one says as much as all."""
    if len(people) < FEWEST_PEOPLE:
        people.add(person)


def _learned(sample: _Sample, before: Learned) -> Learned:
    """What a sample teaches, begun where `before` ended."""
    if len(sample.documents) < FEWEST_ROWS or len(set(sample.people)) < FEWEST_PEOPLE:
        return Learned()
    if sample.digest == before.digest:
        return before
    from learning.clusters import Clusters

    numbers = sample.vocabulary()
    stems = list(numbers.values())
    columns = {number: column for column, number in enumerate(numbers)}
    idf = [sample.idf(number) for number in numbers]
    vectors = [
        [(columns[number], (1 + math.log(count)) * idf[columns[number]]) for number, count in document if number in columns]
        for document in sample.documents
    ]
    clusters = Clusters(vectors, sample.people, len(stems), fit=_FIT, kin=_KIN, terms=_CENTRE_TERMS, seed=_SEED)
    place = {name: column for column, name in enumerate(stems)}
    old = [{place[term]: weight for term, weight in topic.centre.items() if term in place} for topic in before.topics]
    wanted = _wanted(len(vectors))
    is_begun_anew = not old or len(vectors) >= _GROWN * before.begun
    centres = clusters.found(
        [] if is_begun_anew else old,
        most=MOST_TOPICS,
        wanted=wanted,
        fewest=_TOPIC_ROWS,
        people=FEWEST_PEOPLE,
        rounds=_ROUNDS,
    )
    forms = {name: sample.form(number, name) for number, name in numbers.items()}
    named = [{stems[column]: weight for column, weight in centre.items()} for centre in centres]
    return Learned(
        rows=len(vectors),
        begun=len(vectors) if is_begun_anew else before.begun,
        digest=sample.digest,
        idf=dict(zip(stems, idf, strict=True)),
        words=forms,
        topics=tuple(_named(named, before.topics, forms)),
    )


def _wanted(rows: int) -> int:
    """How many topics that many rows are worth: 5 of 100, 16 of 1,000, `MOST_TOPICS` from 4,000 on."""
    return max(3, min(MOST_TOPICS, round(math.sqrt(rows / 4))))


def _named(centres: Sequence[Centre], before: Sequence[Topic], words: Mapping[str, str]) -> Iterator[Topic]:
    """The topics of `centres`, old ones first in their order: matched by cosine, the likest pairs first."""
    likeness = sorted(
        ((-_cosine(centre, topic.centre), old, new) for new, centre in enumerate(centres) for old, topic in enumerate(before)),
    )
    matched: dict[int, int] = {}
    for negative, old, new in likeness:
        if -negative >= _KIN and old not in matched and new not in matched.values():
            matched[old] = new
    taken = {topic.name for topic in before}
    order = [*sorted(matched.items()), *((None, new) for new in range(len(centres)) if new not in matched.values())]
    for old_number, new in order:
        terms = [words[term] for term, _ in sorted(centres[new].items(), key=lambda item: (-item[1], item[0]))]
        name = before[old_number].name if old_number is not None else _new_name(terms, taken)
        taken.add(name)
        yield Topic(name=name, terms=tuple(terms[:10]), centre=centres[new])


def _new_name(terms: Sequence[str], taken: set[str]) -> str:
    """The first words of a topic; more of them, and a number in the end, where a topic has that name already."""
    names = (", ".join(terms[:count]) for count in range(_NAME_TERMS, len(terms) + 1))
    short = ", ".join(terms[:_NAME_TERMS])
    numbered = (f"{short} ({number})" for number in range(2, len(taken) + 3))
    return next(name for name in (*names, short, *numbered) if name not in taken and name != GENERAL)


def _cosine(one: Centre, other: Centre) -> float:
    length = math.sqrt(sum(weight**2 for weight in one.values()) * sum(weight**2 for weight in other.values()))
    return sum(weight * other.get(term, 0.0) for term, weight in one.items()) / length if length else 0.0
