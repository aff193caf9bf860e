"""Words made comparable: tokens, Spanish and English stems, BM25, and which of the two languages a line is in (pure)."""

from __future__ import annotations

import math
import re
import threading
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import snowballstemmer  # type: ignore[import-untyped]
from rapidfuzz import process
from rapidfuzz.distance import OSA

from bot.types import LANGUAGES, Language

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*|[\U0001f300-\U0001faff]")
_LETTERS = re.compile(r"[^\W\d_]+")
_LONGEST_WORD = 40
_SAMPLE = 400
"""Characters that decide about the language; more would cost time and change nothing."""

_LEXICON = tomllib.loads((Path(__file__).parent / "lexicon.toml").read_text("utf-8"))


def fold(text: str) -> str:
    """`text` without accents, in lower case: `Configuración` is `configuracion`."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", text.casefold()).casefold()
    return unicodedata.normalize("NFC", "".join(c for c in plain if not unicodedata.combining(c)))


def surface(text: str) -> str:
    """`text` as it is compared literally: without case, accents and punctuation."""
    return fold(" ".join(words(text)))


def words(text: str) -> list[str]:
    """The words of `text` in order, lower case, accents kept, without what follows an apostrophe (`don't` is `don`)."""
    found = _WORD.findall(unicodedata.normalize("NFC", text).lower())
    return [word.replace("’", "'").partition("'")[0][:_LONGEST_WORD] for word in found]


_stemmers = {"es": snowballstemmer.stemmer("spanish"), "en": snowballstemmer.stemmer("english")}
_stemming = threading.Lock()
"""A Snowball stemmer keeps its word in itself, and the knowledge folder is read in a thread."""
_BARE_ACCENT = re.compile(r"([cs])ion$")
_CLITIC = re.compile(r"^(\w*[áéíóú]\w*?)(?:(?:me|se)(?:l[oa]s?)?|l[oa]s?)$")
_INFINITIVE = re.compile(r"^(\w{2,}(?:ar|er|ir))(?:[mts]e|nos)?(?:l[oae]s?)$|^(\w{2,}(?:ar|er|ir))(?:[ms]e|nos)$")
_DIPHTHONG = re.compile(r"(ie|(?<![qgj])ue)(?=[^aeiou]{1,3}$)")
_SPELLING = ((re.compile(r"zc$|z$|qu$"), "c"), (re.compile(r"gu$|j$"), "g"))
"""Letters that change before `e` and `i` while the sound stays: `busqué`, `apagué`, `empecé`, `corrijo`."""


@lru_cache(maxsize=32_768)
def stem(word: str, language: Language) -> str:
    """The stem of one lower-case word, accents folded: `configurar`, `configuración` and `configuro` are `configur`.

    Besides Snowball's rules, Spanish gets back the accent that people leave out (`-cion`), loses the pronouns of an imperative
    (`bórrame`), has its changing vowels and spellings levelled (`cuesta`, `costar`, `apagué`) and its irregular verbs brought
    together (`pongo`, `puesto`): all of it on both sides of every comparison.
    """
    plain = fold(word)
    if len(word) <= 2 or not word.isalpha():
        return plain
    if fixed := _FIXED[language].get(plain):
        return fixed
    found = _regular(word, language)
    return _IRREGULAR.get(found, found) if language == "es" else found


def _regular(word: str, language: Language) -> str:
    if language == "es":
        word = _BARE_ACCENT.sub(r"\1ión", word)
        if with_pronoun := _CLITIC.match(word) or _INFINITIVE.match(word):
            bare = next(found for found in with_pronoun.groups() if found)
            word = bare if len(bare) > 2 else word
    with _stemming:
        stemmed = fold(_stemmers[language].stemWord(word))
    if language == "es" and len(stemmed) >= 4:
        stemmed = _DIPHTHONG.sub(lambda found: "e" if found[0] == "ie" else "o", stemmed)
        for pattern, letter in _SPELLING:
            stemmed = pattern.sub(letter, stemmed)
    return stemmed


def _listed(text: str) -> list[tuple[str, str]]:
    """(form, head) of lines such as `head: form form`."""
    lines = (line.partition(":") for line in text.strip().splitlines())
    return [(form, head.strip()) for head, _, forms in lines for form in forms.split()]


_FIXED: Mapping[Language, Mapping[str, str]] = {
    language: {fold(form): fold(head) for form, head in _listed(_LEXICON["fixed"][language])} for language in LANGUAGES
}
_IRREGULAR: Mapping[str, str] = {
    _regular(form, "es"): _regular(verb, "es") for form, verb in _listed(_LEXICON["irregular"]["es"])
}
_AUXILIARY = frozenset(_regular(verb, "es") for verb in _LEXICON["auxiliary"]["es"].split())
STOP_WORDS: Mapping[Language, frozenset[str]] = {
    language: frozenset(fold(word) for word in _LEXICON["stop"][language].split()) for language in LANGUAGES
}
_STOPS_OF_BOTH = STOP_WORDS["es"] | STOP_WORDS["en"]
_LIGHT: Mapping[Language, frozenset[str]] = {
    language: frozenset(stem(word, language) for word in _LEXICON["light"][language].split()) for language in LANGUAGES
}
_COMMON: Mapping[Language, frozenset[str]] = {
    language: frozenset(stem(word, language) for word in _LEXICON["common"][language].split()) for language in LANGUAGES
}


def content_words(text: str, language: Language | None) -> list[str]:
    """The words of `text` that carry its meaning. None takes the stop words of both languages out."""
    stops = STOP_WORDS[language] if language else _STOPS_OF_BOTH
    found = (
        word for word in words(text) if (len(word) > 1 or not word.isascii() or word.isdigit()) and fold(word) not in stops
    )
    return list(found) if language == "en" else [word for word in found if stem(word, "es") not in _AUXILIARY]


def tokens(text: str, language: Language) -> list[str]:
    """The stems of the content words of `text`, in order."""
    return [stem(word, language) for word in content_words(text, language)]


def is_light(word: str, language: Language) -> bool:
    """Whether a content word is so common that it says little about the subject (`use`, `time`, `usar`, `día`)."""
    return stem(word, language) in _LIGHT[language]


def is_common(word: str, language: Language) -> bool:
    """Whether a word is so usual in any talk that a collection without it may still answer (`husband`, `reasonable`)."""
    return stem(word, language) in _COMMON[language]


WORLD: Mapping[Language, frozenset[str]] = {language: frozenset(words(_LEXICON["world"][language])) for language in LANGUAGES}
_WORLD: Mapping[Language, frozenset[str]] = {
    language: frozenset(stem(word, language) for word in WORLD[language]) for language in LANGUAGES
}


def is_worldly(word: str, language: Language) -> bool:
    """Whether a word belongs to another walk of life: a collection without it is hardly about it (`soup`, `Netflix`)."""
    return stem(word, language) in _WORLD[language] and not is_light(word, language) and not is_common(word, language)


def _families() -> dict[tuple[Language, Language], dict[str, frozenset[str]]]:
    """By (language of the word, language of the answer): stem to related stems."""
    related: dict[tuple[Language, Language], dict[str, set[str]]] = {
        (spoken, target): defaultdict(set) for spoken in LANGUAGES for target in LANGUAGES
    }
    for line in _LEXICON["families"]["words"].strip().splitlines():
        spanish, _, english = line.partition("|")
        stems: dict[Language, set[str]] = {"es": set(tokens(spanish, "es")), "en": set(tokens(english, "en"))}
        for (spoken, target), table in related.items():
            for key in stems[spoken]:
                table[key] |= stems[target] - ({key} if spoken == target else set())
    return {pair: {key: frozenset(found) for key, found in table.items()} for pair, table in related.items()}


_FAMILIES = _families()


def relatives(word: str, spoken: Language, target: Language) -> frozenset[str]:
    """Stems in `target` of everyday words that people use for a word of `spoken`; empty when none is known."""
    return _FAMILIES[spoken, target].get(stem(word, spoken), frozenset())


LIGHT_WEIGHT, COMMON_WEIGHT = 0.4, 0.7
FORGIVEN_WEIGHT, STRANGE_WEIGHT = 0.3, 1.6
UNKNOWN_WEIGHT = 1.7
_PATIENCE = 0.3
RELATED, MISTYPED = 0.5, 0.8


@dataclass(frozen=True, slots=True)
class Concept:
    """One content word of a question: its stems in a collection, each with how sure the reading is (0 to 1).

    `weight` is what it counts for, 1 for a telling word. No option means that the collection has nothing like it.
    """

    weight: float
    options: tuple[tuple[str, float], ...]


class Bm25:
    """Okapi BM25 over documents given as tokens, or as tokens with weights that count as frequencies.

    `k1` and `b` as in Robertson and Zaragoza 2009; the idf is never negative. `unseen` documents without any of the words are
    imagined besides, so that in a small collection a word is not taken for common because two of three documents have it.
    """

    def __init__(
        self, documents: Sequence[Sequence[str] | Mapping[str, float]], *, k1: float = 1.2, b: float = 0.75, unseen: int = 0
    ) -> None:
        counted = [document if isinstance(document, Mapping) else Counter(document) for document in documents]
        self._k1, self.size, self._unseen = k1, len(counted), unseen
        average = sum(sum(document.values()) for document in counted) / self.size if self.size else 0.0
        self._postings: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for number, document in enumerate(counted):
            norm = k1 * (1 - b + b * sum(document.values()) / average) if average else k1
            for token, count in document.items():
                self._postings[token].append((number, count / (count + norm)))
        self._postings.default_factory = None
        self._highest = self._rarity(0)
        self._idf = {token: self._rarity(len(postings)) for token, postings in self._postings.items()}

    def __contains__(self, token: str) -> bool:
        """Whether any document has it."""
        return token in self._postings

    def idf(self, token: str) -> float:
        """How telling a token is: above 0, highest for one that no document has."""
        return self._idf.get(token, self._highest)

    def _rarity(self, having: int) -> float:
        return math.log(1 + (self.size + self._unseen - having + 0.5) / (having + 0.5))

    def scores(self, query: Iterable[str]) -> list[float]:
        """The BM25 score of every document, 0 for one that shares no token."""
        scores = [0.0] * self.size
        for token in query:
            weight = self.idf(token) * (self._k1 + 1)
            for number, saturation in self._postings.get(token, ()):
                scores[number] += weight * saturation
        return scores

    def coverage(self, query: Iterable[str]) -> list[float]:
        """The share of the query's distinct tokens, weighted by idf, that each document has: 0 to 1."""
        wanted = set(query)
        total = sum(self.idf(token) for token in wanted)
        covered = [0.0] * self.size
        for token in wanted:
            for number, _ in self._postings.get(token, ()):
                covered[number] += self.idf(token) / total
        return [min(1.0, share) for share in covered]

    def match(self, concepts: Sequence[Concept], *, presence: float = 0.3) -> dict[int, float]:
        """How well each document answers the concepts, above 0 to 1; documents that have none of them are left out.

        Each concept counts by its idf, that of an unknown word being the highest: so a question about something else scores low
        everywhere, however rare the one word that it happens to share. Of what a concept can give, `presence` is for being
        there at all and the rest grows with BM25's saturation. A question of light words alone cannot score high, and of a long
        question a smaller share is enough: two telling words found in one place are more than one.
        """
        highest = UNKNOWN_WEIGHT * self.idf("")
        total, found = 0.0, dict[int, float]()
        for concept in concepts:
            worth = concept.weight * max((self.idf(token) for token, _ in concept.options), default=highest)
            total += worth
            best: dict[int, float] = {}
            for token, sure in concept.options:
                for number, saturation in self._postings.get(token, ()):
                    best[number] = max(best.get(number, 0.0), sure * (presence + (1 - presence) * saturation))
            for number, share in best.items():
                found[number] = found.get(number, 0.0) + worth * share
        if all(concept.weight < 1 for concept in concepts):
            total = max(total, highest / 2)
        full = total ** (1 - _PATIENCE) * highest**_PATIENCE
        return {number: min(1.0, score / full) for number, score in found.items()}


class Reader:
    """Reads questions in the words of one collection: unaccented, mistyped and related words find what is there.

    How a word reads is kept for the next time: people use the same few thousand words again and again.
    """

    def __init__(self, index: Bm25, texts: Iterable[str], language: Language) -> None:
        self._index, self.language = index, language
        self._surface = {fold(word): stem(word, language) for text in texts for word in content_words(text, language)}
        self._by_length: dict[int, list[str]] = defaultdict(list)
        for word in self._surface:
            if word.isalpha():
                self._by_length[len(word)].append(word)
        self._by_start: dict[str, set[str]] = defaultdict(set)
        for found in set(self._surface.values()):
            for start in range(5, len(found) + 1):
                self._by_start[found[:start]].add(found)
        self._concept = lru_cache(maxsize=8_192)(self._read)

    def concepts(self, question: str, spoken: Language | None = None) -> tuple[Concept, ...]:
        """The distinct content words of `question`, which is in `spoken` (None: in the collection's language)."""
        language = spoken or self.language
        found: dict[str, Concept] = {}
        for word in content_words(question, language if language == self.language else None):
            own, concept = self._concept(word, language)
            found.setdefault(own, concept)
        return tuple(found.values())

    def _read(self, word: str, spoken: Language) -> tuple[str, Concept]:
        """A word's stem and what it stands for."""
        options = self._options(word, spoken)
        weight = LIGHT_WEIGHT if is_light(word, spoken) else COMMON_WEIGHT if is_common(word, spoken) else 1.0
        if not options:
            weight *= FORGIVEN_WEIGHT if weight < 1 else STRANGE_WEIGHT if is_worldly(word, spoken) else 1.0
        return stem(word, spoken), Concept(weight, options)

    def _options(self, word: str, spoken: Language) -> tuple[tuple[str, float], ...]:
        """What the collection has for a word: itself, related words, else what was probably meant, else its next of kin."""
        own = stem(word, self.language)
        known = own if own in self._index else self._surface.get(fold(word), "")
        related = [
            (other, RELATED)
            for other in sorted(relatives(word, spoken, self.language))
            if other in self._index and other != known
        ]
        if known:
            return ((known, 1.0), *related)
        if related or is_light(word, spoken) or is_common(word, spoken) or is_worldly(word, spoken):
            return tuple(related)
        if near := self._nearly(fold(word)):
            return tuple((self._surface[other], MISTYPED) for other in near)
        return tuple((other, RELATED) for other in self._kin(own))

    def _kin(self, stemmed: str) -> list[str]:
        """Stems with the same long beginning: `anonim` for `anonimiz`."""
        start = max(5, len(stemmed) - 3)
        return sorted(other for other in self._by_start.get(stemmed[:start], ()) if len(other) <= len(stemmed) + 4)[:4]

    def _nearly(self, word: str) -> list[str]:
        near = (other for size in (len(word) - 1, len(word), len(word) + 1) for other in self._by_length.get(size, ()))
        return nearly(word, near)


def nearly(word: str, others: Iterable[str]) -> list[str]:
    """Those one slip of the finger away: a letter more, less, other, or two swapped; never the first, nor in a short word."""
    if len(word) < 5 or not word.isalpha():
        return []
    alike = [other for other in others if other[:1] == word[0] and abs(len(other) - len(word)) <= 1]
    return [found for found, _, _ in process.extract(word, alike, scorer=OSA.distance, score_cutoff=1, limit=3)]


_AMBIGUOUS = {"a", "as", "come", "di", "has", "he", "i", "me", "no", "once", "pan", "red", "sea", "sin", "son"}


def _telling() -> dict[str, Language]:
    known: dict[Language, set[str]] = {
        language: {fold(word) for kind in ("stop", "light", "common", "telling") for word in _LEXICON[kind][language].split()}
        for language in LANGUAGES
    }
    for line in _LEXICON["families"]["words"].strip().splitlines():
        spanish, _, english = line.partition("|")
        known["es"] |= {fold(word) for word in spanish.split()}
        known["en"] |= {fold(word) for word in english.split()}
    shared = known["es"] & known["en"] | _AMBIGUOUS
    return {word: language for language in LANGUAGES for word in known[language] - shared}


_TELLING = _telling()
_SPANISH_MARK = re.compile(r"[ñ¿¡]")
_SPANISH_ACCENT = re.compile(r"[áéíóú]")
_SPANISH_END = re.compile(r"(?:cion|ciones|dad|dades|mente|ando|iendo|amos|emos|aron|ieron|aje|illo|illa)$")
_ENGLISH_END = re.compile(r"(?:ing|tion|tions|ness|ly|ght|sh|ck|th|ould|ful|ed)$|^(?:wh|th|kn)|w$|ee|oo")


def guess_language(text: str) -> Language | None:
    """Whether a line is Spanish or English, None when it shows neither: a few microseconds over its first 400 characters."""
    sample = unicodedata.normalize("NFC", text[:_SAMPLE]).lower()
    lean = 3.0 if _SPANISH_MARK.search(sample) else 0.0
    lean += 1.0 if _SPANISH_ACCENT.search(sample) else 0.0
    for word in _LETTERS.findall(sample):
        plain = word if word.isascii() else fold(word)
        if telling := _TELLING.get(plain):
            lean += 1.0 if telling == "es" else -1.0
        elif len(plain) > 3:
            lean += 0.4 * bool(_SPANISH_END.search(plain)) - 0.4 * bool(_ENGLISH_END.search(plain))
    if abs(lean) < 0.4:
        return None
    return "es" if lean > 0 else "en"
