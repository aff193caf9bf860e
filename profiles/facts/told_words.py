"""The words after a pattern, and how many of them are its value; pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from bot.lexical import fold
from bot.types import LANGUAGES, Language
from profiles.facts.slots import LISTS, canonical

WORDS: Final[Mapping[Language, Mapping[str, Any]]] = {
    language: tomllib.loads((Path(__file__).parent / f"extract_{language}.toml").read_text("utf-8")) for language in LANGUAGES
}
INFINITIVE: Final = re.compile(r"\w{2,}(?:ar|er|ir)(?:se|me|la|lo|las|los)?$")
_TOKEN: Final = re.compile(r"\S+")
_EDGE: Final = '«»"“”()[]¦*_,.;:!?¡¿…'
_ENDS: Final = ',.;:!?)]…¦»”"'
_NOT_STOPS: Final = frozenset({"té", "sé"})
"""Their accent tells them from words that end a value."""
_MOST_LISTED: Final = 12
_WHEN: Final = re.compile(
    r"(?:el|la|este|esta|los|las|last|next|this|every|each|one) "
    r"(?:ano|mes|semana|verano|invierno|otono|primavera|proximo|proxima|pasado|lunes|martes|"
    r"miercoles|jueves|viernes|sabado|domingo|finde|fin de|year|month|week|weekend|summer|winter|autumn|fall|"
    r"spring|monday|tuesday|"
    r"wednesday|thursday|friday|saturday|sunday|day)(?!\w)"
    r"|any (?:more|longer)(?!\w)"
)
_ALSO: Final = re.compile(r"\s*(?:,\s*(?:and |y |e )?|,?\s*(?:and|y|e|o|or|&|ni)\s+)(?:(?:also|tambien) )?")


def _set(language: Language, name: str) -> frozenset[str]:
    return frozenset(fold(word).replace("_", " ") for word in WORDS[language]["words"][name].split())


SETS: Final[Mapping[Language, Mapping[str, frozenset[str]]]] = {
    language: {name: _set(language, name) for name in WORDS[language]["words"]} for language in LANGUAGES
}


@dataclass(frozen=True, slots=True)
class Rest:
    """The rest of a sentence after a pattern: `folded` is as long as `text`. `head` is what the pattern took, folded."""

    text: str
    folded: str
    head: str
    language: Language


@dataclass(frozen=True, slots=True)
class Value:
    """A value in the person's words, where it ends in the rest, and what it adds to the slot's name (`""` for nothing)."""

    text: str
    end: int
    key: str = ""
    other: str = ""


@dataclass(frozen=True, slots=True)
class Word:
    """A word with where it stands, without the punctuation around it; `ends` says that punctuation follows."""

    text: str
    folded: str
    start: int
    end: int
    ends: bool


def has(language: Language, name: str, word: str) -> bool:
    """Whether a folded word is in a list of the language's file."""
    return word in SETS[language][name]


def words_of(rest: Rest, at: int = 0, *, most: int = 40) -> list[Word]:
    """The words from `at` to the first punctuation, at most so many."""
    found: list[Word] = []
    for match in _TOKEN.finditer(rest.text, at):
        bare = match[0].strip(_EDGE)
        if not any(letter.isalnum() for letter in bare) or (found and match[0][0] in '(«"“¦'):
            break
        start = match.start() + match[0].index(bare)
        end = start + len(bare)
        ends = match[0][-1] in _ENDS
        found.append(Word(bare, rest.folded[start:end], start, end, ends))
        if ends or len(found) >= most:
            break
    return found


def cut(rest: Rest, extra: str = "", *, at: int = 0, most: int = 6) -> list[Word]:
    """The words up to the first that no value has; nothing when there are more than `most` of them."""
    stops, more = SETS[rest.language]["stop"], SETS[rest.language][extra] if extra else frozenset()
    found: list[Word] = []
    for word in words_of(rest, at, most=most + 1):
        if (
            (word.folded in stops and word.text.lower() not in _NOT_STOPS)
            or word.folded in more
            or _WHEN.match(rest.folded, word.start)
        ):
            return found
        found.append(word)
    return found if len(found) <= most else []


def joined(rest: Rest, words: list[Word]) -> str:
    """The words as they were written."""
    return rest.text[words[0].start : words[-1].end] if words else ""


def theirs(text: str, language: Language) -> str:
    """`text` with "my" told of somebody else: `mi perro` is `su perro`."""
    table = dict(pair.split(":") for pair in WORDS[language]["words"]["possessive"].split())
    return " ".join(table.get(word.lower(), word) for word in text.split())


def one(rest: Rest, words: list[Word]) -> tuple[Value, ...]:
    """The words as one value; none when they need what came before (`that`, `eso`)."""
    if not words or words[0].folded in SETS[rest.language]["never_first"]:
        return ()
    return (Value(joined(rest, words), words[-1].end),)


def listed(rest: Rest, *, most: int = 4) -> list[list[Word]]:
    """The things of a list (`hiking, old maps and strong tea`): ends where another clause begins."""
    items: list[list[Word]] = []
    at = 0
    while len(items) < _MOST_LISTED:
        words = cut(rest, at=at, most=most)
        if not words or (items and has(rest.language, "clause", words[0].folded)):
            break
        items.append(words)
        match = _ALSO.match(rest.folded, words[-1].end)
        if not match:
            break
        at = match.end()
    return _without_tail(rest, items)


def _without_tail(rest: Rest, items: list[list[Word]]) -> list[list[Word]]:
    """A comma makes a list only where an "and" ends it: "I love dal, thanks" is one thing."""
    if len(items) < 2:
        return items
    gaps = [rest.folded[before[-1].end : after[0].start] for before, after in pairwise(items)]
    last = max((at for at, gap in enumerate(gaps, 1) if re.search(r"\w|&", gap)), default=0)
    return items[: last + 1]


def many(rest: Rest, items: list[list[Word]]) -> tuple[Value, ...]:
    """The things of a list as values, told apart by their canonical words."""
    values = []
    for words in items:
        text = joined(rest, words)
        key = canonical(text)
        if key and words[-1].folded not in LISTS["articles"] and not has(rest.language, "never_first", words[0].folded):
            values.append(Value(text, words[-1].end, key))
    return tuple(values)
