"""Whether a text shows somebody in danger: a cheap rule over reviewed phrases in `signs.toml`, in Spanish and in English.

It needs no model, no network and no state. It is not a medical safeguard: it catches what people commonly write, it errs on
the side of catching, and its recall and false alarms are measured in `tests/handlers/test_signs.py`.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from bot.types import LANGUAGES, Language

FOLDER: Final = Path(__file__).parent
_LEET: Final = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_WORD: Final = re.compile(r"[a-z0-9@$*](?:[a-z0-9@$*!]*[a-z0-9@$*])?|[.!?;]")
_REPEATED: Final = re.compile(r"([a-zñç])\1+")
_ELLIPSIS: Final = re.compile(r"\.{2,}")
_FAST: Final = str.maketrans("áàâäãéèêëíìîïóòôöõúùûüñç¿¡", "aaaaaeeeeiiiiooooouuuunc  ", "'’‘`´")
_MAX_CHARS: Final = 20_000
_LONGEST_MISSPELT: Final = 20


class Danger(StrEnum):
    """What a sign points to: harm to oneself, or danger from outside or of the body."""

    SELF_HARM = "self_harm"
    DANGER = "danger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """What was found, and in which language it was written."""

    danger: Danger
    language: Language


@dataclass(frozen=True, slots=True)
class _Phrase:
    sign: Sign
    regex: str

    def is_in(self, line: str) -> bool:
        return _compiled(self.regex).search(line) is not None


class Signs:
    """The reviewed phrases, ready to be looked for. Raises ValueError when the file says something that means nothing."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._aliases = {_fold(word): tuple(_fold(into).split()) for word, into in source["aliases"].items()}
        self._fuzzy, self._exceptions = _folded(source["fuzzy"]), _folded(source["exceptions"]) - _folded(source["fuzzy"])
        self._settled = self._fuzzy | self._exceptions | self._aliases.keys()
        self._near = _deletions(self._fuzzy)
        notation = _Notation(source)
        self._by_word: dict[str, list[_Phrase]] = {}
        self._by_beginning: dict[str, list[_Phrase]] = {}
        idioms: list[str] = []
        for language in LANGUAGES:
            section = source[language]
            for danger in Danger:
                for phrase in section[danger]:
                    self._add(phrase, Sign(danger=danger, language=language), notation)
            idioms += (notation.regex(idiom) for idiom in section["idioms"])
        self._idioms = "|".join(idioms)
        self._beginnings = tuple(self._by_beginning)
        self._meant = lru_cache(maxsize=8_192)(self._spelt)  # people use the same few thousand words again and again

    def find(self, text: str) -> Sign | None:
        """The first sign in `text`, harm to oneself before other danger; None when there is none."""
        words = self.words(text)
        phrases = self._candidates(set(words))
        if not phrases:
            return None
        line = " ".join(words) + " "
        if _first(phrases, line) is None:
            return None
        return _first(phrases, _compiled(self._idioms).sub("_ ", line))

    def words(self, text: str) -> list[str]:
        """The words of `text` as the phrases spell them, with `.` for the end of a sentence."""
        read: list[str] = []
        for piece in _WORD.findall(_plain(text[:_MAX_CHARS])):
            if piece in ".!?;":
                read.append(".")
            else:
                read.extend(self._meant(piece) if len(piece) <= _LONGEST_MISSPELT else self._spelt(piece))
        return read

    def _spelt(self, piece: str) -> tuple[str, ...]:
        """The words that a piece of text stands for."""
        word = self._known(_letters(piece))
        return self._aliases.get(word, (word,))

    def _known(self, word: str) -> str:
        """`word`, or the word under `fuzzy` that it misspells."""
        if "*" in word and len(word) <= _LONGEST_MISSPELT:
            return _unstarred(word, self._fuzzy)
        if not 5 <= len(word) <= _LONGEST_MISSPELT or word in self._by_word or word in self._settled:
            return word
        for shorter in (word, *_without_one(word)):
            for meant in self._near.get(shorter, ()):
                if _is_one_slip(word, meant):
                    return meant
        return word

    def _candidates(self, words: set[str]) -> list[_Phrase]:
        found = [phrase for word in words & self._by_word.keys() for phrase in self._by_word[word]]
        for word in words:
            if word.startswith(self._beginnings):
                found += (
                    phrase for start in self._beginnings if word.startswith(start) for phrase in self._by_beginning[start]
                )
        return found

    def _add(self, phrase: str, sign: Sign, notation: _Notation) -> None:
        entry = _Phrase(sign, notation.regex(phrase))
        for word in notation.anchor(phrase):
            index = self._by_beginning if word.endswith("*") else self._by_word
            index.setdefault(word.rstrip("*"), []).append(entry)


class _Notation:
    """The phrase notation that the head of `signs.toml` explains, turned into regular expressions without nested repeats."""

    def __init__(self, source: Mapping[str, Any]) -> None:
        self._lists = {name: tuple(_fold(item) for item in items) for name, items in source["lists"].items()}
        self._common = _folded(source["common"])
        self._fillers = "(?:(?:" + "|".join(sorted(_folded(source["fillers"]))) + ") ){0,3}"

    def regex(self, phrase: str) -> str:
        """A regular expression over words that are each followed by one blank."""
        parts = ["(?<!\\S)"]
        for element in phrase.split():
            match element:
                case "^":
                    parts.append("^")
                case "~":
                    parts.append(self._fillers)
                case "..":
                    parts.append("(?:[a-z0-9]+ ){0,2}")
                case "...":
                    parts.append("(?:[a-z0-9]+ ){0,4}")
                case _ if element.startswith("!"):
                    parts.append(f"(?!{self._one_of(element[1:])})")
                case _:
                    parts.append(self._one_of(element.removesuffix("?")) + ("?" if element.endswith("?") else ""))
        return "".join(parts)

    def anchor(self, phrase: str) -> Sequence[str]:
        """The words of which one must be in a text for `phrase` to match: those of its rarest element."""
        elements = [
            self._words(element)
            for element in phrase.split()
            if element[0] not in "^~!." and not element.endswith("?") and "." not in element.split("|")
        ]
        if not elements:
            raise ValueError(f"the phrase {phrase!r} needs at least one word that cannot be missing")
        return max(elements, key=lambda words: (not self._common.intersection(words), min(len(word) for word in words)))

    def _one_of(self, element: str) -> str:
        alternatives = []
        for item in self._items(element):
            if item == ".":
                alternatives.append("(?:\\. |$)")
            else:
                alternatives.append(re.escape(item).replace("\\ ", " ").replace("\\*", "[a-z0-9]*") + " ")
        return "(?:" + "|".join(alternatives) + ")"

    def _words(self, element: str) -> tuple[str, ...]:
        """The last word of each alternative: an alternative cannot match without it."""
        return tuple(item.split()[-1] for item in self._items(element))

    def _items(self, element: str) -> Iterable[str]:
        for item in element.split("|"):
            if item.startswith("@"):
                if item[1:] not in self._lists:
                    raise ValueError(f"the phrases name the list {item!r}, which is not under [lists]")
                yield from self._lists[item[1:]]
            else:
                yield item if item == "." else _fold(item.replace("_", " "))


@cache
def _compiled(regex: str) -> re.Pattern[str]:
    """A phrase's expression, compiled when it is first looked for: most never are, and all together cost a slow start."""
    return re.compile(regex)


@cache
def load_signs(path: Path = FOLDER / "signs.toml") -> Signs:
    """The signs written in `path`, read once."""
    return Signs(tomllib.loads(path.read_text("utf-8")))


def _first(phrases: Iterable[_Phrase], line: str) -> Sign | None:
    """The sign of a phrase that is in `line`, harm to oneself before other danger."""
    found = [phrase.sign for phrase in phrases if phrase.is_in(line)]
    return min(found, key=lambda sign: (sign.danger is not Danger.SELF_HARM, sign.language), default=None)


def _plain(text: str) -> str:
    """Lower case without accents, apostrophes, invisible and repeated letters; an ellipsis is a pause, not an end."""
    text = text.casefold().translate(_FAST)
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) not in ("Mn", "Cf"))
    return _ELLIPSIS.sub(" ", _REPEATED.sub(r"\1", text))


def _letters(piece: str) -> str:
    """A word with digits read as the letters they stand for, and the signs around it dropped."""
    if piece.isalpha() or piece.isdigit():
        return piece
    piece = piece.strip("*@$") or piece
    return _REPEATED.sub(r"\1", piece.translate(_LEET)) if any(c.isalpha() for c in piece) else piece


def _fold(text: str) -> str:
    """Words of the file in the spelling in which texts are read; `*` at an end stays."""
    return " ".join(_plain(text).split())


def _folded(words: Iterable[str]) -> frozenset[str]:
    return frozenset(_fold(word) for word in words)


def _without_one(word: str) -> Iterable[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


def _deletions(words: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Each word, and each word with one letter missing, with the words it may stand for."""
    near: dict[str, tuple[str, ...]] = {}
    for word in sorted(words):
        for shorter in {word, *_without_one(word)}:
            near[shorter] = (*near.get(shorter, ()), word)
    return near


def _is_one_slip(word: str, meant: str) -> bool:
    """Whether one letter is missing, added, changed or swapped with its neighbour; in words of five letters only swapped."""
    if len(word) == len(meant):
        wrong = [place for place, (one, other) in enumerate(zip(word, meant, strict=True)) if one != other]
        if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
            return word[wrong[0]] == meant[wrong[1]] and word[wrong[1]] == meant[wrong[0]]
        return len(wrong) == 1 and len(meant) > 5
    short, long = sorted((word, meant), key=len)
    return len(meant) > 5 and short in _without_one(long)


def _unstarred(word: str, known: Iterable[str]) -> str:
    """The known word in which stars hide letters (`k*ll`), else the word without its stars."""
    pattern = re.compile("".join("[a-z]" if c == "*" else re.escape(c) for c in word))
    return next((meant for meant in (*known, "kill", "kil", "die") if pattern.fullmatch(meant)), word.replace("*", ""))


def is_in_danger(text: str) -> bool:
    """Whether a text shows that somebody may be in danger."""
    return load_signs().find(text) is not None
