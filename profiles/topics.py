"""Which of a few subjects a question is about, by the keyword lists of `topics.toml` in both languages; pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from bot.errors import ConfigError, Problem
from bot.locale import say
from bot.types import LANGUAGES, Language
from profiles.data_files import text_of, toml_of
from profiles.items import comparable
from profiles.wishes import Told

FILE: Final = Path(__file__).parent / "topics.toml"
GENERAL: Final = "general"
"""What has no subject of the list, or as much of one as of another."""
TOPICS: Final = (
    *("mathematics", "physics_chemistry", "biology_health", "programming", "computers_internet", "languages", "history"),
    *("geography", "economics_money", "law_administration", "arts_literature", "philosophy_psychology", "cooking_home"),
    "sports",
)
_MOST_WORDS: Final = 4
_FEWEST_LETTERS: Final = 3
_LONGEST_BEGINNING: Final = 24


@dataclass(frozen=True, slots=True)
class Keywords:
    """One language's keywords with their topics, and the words that open its phrases."""

    whole: dict[str, str] = field(default_factory=dict)
    beginnings: dict[str, str] = field(default_factory=dict)
    openers: set[str] = field(default_factory=set)

    def scores(self, words: Sequence[str]) -> dict[str, int]:
        """How well each topic that is found fits: how many words its different keywords have. Longer keywords go first."""
        found: dict[str, set[str]] = defaultdict(set)
        seen: dict[str, tuple[str, str]] = {}
        at = 0
        while at < len(words):
            most = min(_MOST_WORDS, len(words) - at) if words[at] in self.openers else 1
            for size in range(most, 0, -1):
                phrase = words[at] if size == 1 else " ".join(words[at : at + size])
                if phrase not in seen:
                    seen[phrase] = self._keyword(phrase)
                keyword, topic = seen[phrase]
                if topic:
                    found[topic].add(keyword)
                    break
            at += size
        return {topic: sum(keyword.count(" ") + 1 for keyword in keywords) for topic, keywords in found.items()}

    def _keyword(self, phrase: str) -> tuple[str, str]:
        """The keyword that a phrase is, or whose last word that of the phrase begins with, and its topic, if there is one."""
        for form in (phrase, phrase.removesuffix("s"), phrase.removesuffix("es")):
            if topic := self.whole.get(form):
                return form, topic
        before = phrase.rfind(" ") + 1
        for length in range(min(len(phrase) - before, _LONGEST_BEGINNING), _FEWEST_LETTERS - 1, -1):
            beginning = phrase[: before + length]
            if topic := self.beginnings.get(beginning):
                return beginning, topic
        return "", ""


def topic_of(told: Told, language: Language) -> str:
    """The topic whose keywords fit a message in `language` best, `GENERAL` when none or no single one does; in linear time.

    Where no keyword of that language is found, the other language's are tried.
    """
    words = told.words
    for tried in sorted(LANGUAGES, key=lambda one: one != language):
        if scores := load_topics()[tried].scores(words):
            best = max(scores.values())
            fitting = [topic for topic, score in scores.items() if score == best]
            return fitting[0] if len(fitting) == 1 else GENERAL
    return GENERAL


def topic_name(language: str, topic: str) -> str:
    """The topic as people read it, in the middle of a sentence."""
    names = {
        "mathematics": say(language, "mathematics"),
        "physics_chemistry": say(language, "physics and chemistry"),
        "biology_health": say(language, "biology and health"),
        "programming": say(language, "programming"),
        "computers_internet": say(language, "computers and the internet"),
        "languages": say(language, "languages"),
        "history": say(language, "history"),
        "geography": say(language, "geography"),
        "economics_money": say(language, "economics and money"),
        "law_administration": say(language, "law and paperwork"),
        "arts_literature": say(language, "arts and literature"),
        "philosophy_psychology": say(language, "philosophy and psychology"),
        "cooking_home": say(language, "cooking and the home"),
        "sports": say(language, "sports"),
    }
    return names.get(topic, say(language, "everything else"))


@cache
def load_topics(path: Path = FILE, *, language: str = "en") -> Mapping[Language, Keywords]:
    """The keywords in `path`, read once. Raises ConfigError with everything that is wrong, worded in `language`."""
    return parse_topics(text_of(path, language), name=path.name, language=language)


def parse_topics(text: str, *, name: str = FILE.name, language: str = "en") -> Mapping[Language, Keywords]:
    """The keywords that `text` lists. Raises ConfigError with everything that is wrong, as `name:line: place`."""
    reader = _Reader(text, name, language)
    keywords = reader.read(toml_of(text, name, language))
    if reader.problems:
        raise ConfigError(reader.problems)
    return keywords


class _Reader:
    """Makes keyword lists of a parsed file, noting everything that is wrong instead of stopping at it."""

    def __init__(self, text: str, name: str, language: str) -> None:
        self.problems: list[Problem] = []
        self._lines, self._name, self._language = text.splitlines(), name, language

    def read(self, source: Mapping[str, Any]) -> Mapping[Language, Keywords]:
        """The lists of both languages; of use only when there are no problems."""
        for key in sorted(source.keys() - set(TOPICS)):
            self._wrong((key,), say(self._language, "this name is not known here"), ", ".join(TOPICS))
        found: dict[Language, Keywords] = {language: Keywords() for language in LANGUAGES}
        for topic in TOPICS:
            table = source.get(topic)
            if not isinstance(table, dict):
                self._wrong((topic,), say(self._language, "this must be a table"))
                continue
            for key in sorted(table.keys() - set(LANGUAGES)):
                self._wrong((topic, key), say(self._language, "this name is not known here"), ", ".join(LANGUAGES))
            for language in LANGUAGES:
                self._take(table.get(language), topic, language, found[language])
        return found

    def _take(self, listed: object, topic: str, language: Language, into: Keywords) -> None:
        if not isinstance(listed, str) or not comparable(listed):
            self._wrong((topic, language), say(self._language, "a text in this language is missing"))
            return
        for raw in (" ".join(keyword.split()) for keyword in listed.split(",")):
            keyword, is_beginning = comparable(raw), raw.endswith("*")
            last = keyword.rpartition(" ")[2]
            fewest, most = (_FEWEST_LETTERS, _LONGEST_BEGINNING) if is_beginning else (1, len(keyword))
            if not fewest <= len(last) <= most or keyword.count(" ") >= _MOST_WORDS or "*" in raw[:-1]:
                reason = say(self._language, "a keyword is one to four words, with * only at its end, after three letters")
                self._wrong((topic, language, raw), reason, "equation*")
                continue
            if keyword in into.whole or keyword in into.beginnings:
                self._wrong((topic, language, raw), say(self._language, "this key stands here twice"))
            (into.beginnings if is_beginning else into.whole)[keyword] = topic
            if " " in keyword:
                into.openers.add(keyword.partition(" ")[0])

    def _wrong(self, place: tuple[str, ...], reason: str, accepted: str = "") -> None:
        path = f"{self._name}:{self._line(place)}: {'.'.join(place)}"
        self.problems.append(Problem(path=path, reason=reason, accepted=accepted))

    def _line(self, place: tuple[str, ...]) -> int:
        """Where `place` stands, as near as can be told: its keyword, its language, its table, else the first line."""
        marks = (rf"\s*\[\s*{re.escape(place[0])}\s*\]", *(rf"\s*{re.escape(key)}\s*=" for key in place[1:2]))
        patterns = (*marks, *(rf"(?:.*[,\"\s])?{re.escape(raw)}\s*(?:[,\"]|$)" for raw in place[2:]))
        at = 0
        for pattern in patterns:
            at = next((n for n in range(at, len(self._lines)) if re.match(pattern, self._lines[n])), at)
        return at + 1
