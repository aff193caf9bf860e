"""What personal data is told apart by, and a text as those who look for it see it; pure, in time linear in its length."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

WORDS: Final[Mapping[str, Any]] = tomllib.loads((Path(__file__).parent / "personal_data.toml").read_text("utf-8"))
"""The words that personal data stands beside, by what it is and by language."""

BARRIER: Final = "\ue000"
"""Stands, as often as it is long, where something was replaced already: a private-use character, part of no word."""

_BEHIND: Final = ".,;:!?*_~)]}>'\"»”’…"
_TOKEN: Final = re.compile(r"[a-z0-9]+")
_SENTENCE_END: Final = re.compile(r"\n|[.!?;]\s")
_LINK: Final = re.compile(rf"(?<![a-z0-9])(?:[a-z][a-z0-9+.\-]{{1,20}}://|www\.)[^\s<>\"'`{BARRIER}]++")
_GAP: Final = re.compile(r"\s?(?:(?:de|of)\s)?")
_CODE: Final = re.compile(r"```[^`]*+(?:`{1,2}(?!`)[^`]*+)*+(?:```|\Z)|`[^`\n]++`")


class Kind(StrEnum):
    """What a placeholder stands for; `[EMAIL_1]` is the first of a row."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    IBAN = "IBAN"
    CARD = "CARD"
    IP = "IP"
    MAC = "MAC"
    URL = "URL"
    SECRET = "SECRET"  # noqa: S105 - a name
    ID = "ID"
    HANDLE = "HANDLE"
    ADDRESS = "ADDRESS"
    NAME = "NAME"


class Found(NamedTuple):
    """Where something personal stands, `start` to `end`, and `key`, in which all spellings of the same thing agree."""

    start: int
    end: int
    kind: Kind
    key: str


def _plain_letters() -> dict[int, str]:
    found = {}
    for code in range(0xC0, 0x250):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base.isascii():
            found[code] = base.lower()
    return found


_PLAIN: Final = _plain_letters()


def flat(text: str) -> str:
    """`text` in lower case and without accents, letter for letter: place n is the same letter as in `text`."""
    low = text.lower()
    if len(low) != len(text):
        low = "".join(letter if len(letter.lower()) != 1 else letter.lower() for letter in text)
    return low if low.isascii() else low.translate(_PLAIN)


def bare(text: str) -> str:
    """The letters and digits of `text` in lower case: how two spellings of one number agree."""
    return "".join(letter for letter in text.lower() if letter.isalnum())


def words_of(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The words of all languages of one table of `WORDS`, longest first."""
    listed = {word for words in table.values() if isinstance(words, list) for word in words}
    return tuple(sorted(listed, key=lambda word: (-len(word), word)))


class Cue:
    """Words beside which something personal stands."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words: Final = tuple(sorted(set(words), key=lambda word: (-len(word), word)))
        one_of = "|".join(re.escape(word).replace(r"\ ", r"[\s_\-]") for word in self.words)
        self.pattern: Final = re.compile(rf"(?<![a-z0-9])(?:{one_of})(?![a-z0-9])")
        self.anywhere: Final = re.compile(rf"(?:{one_of})(?![a-z0-9])")
        """The same also behind other letters, as in `dbPassword`."""
        self.rarest: Final = frozenset(max(_TOKEN.findall(word) or [word], key=len) for word in self.words)
        """The longest part of each of the words: one of these is a word of every text that has any of the words."""
        self.pieces: Final = tuple(
            sorted(piece for piece in self.rarest if not any(other != piece and other in piece for other in self.rarest))
        )
        """One of these is somewhere in every text that has any of the words, perhaps inside of another word."""


class Scene:
    """A text as it is looked through: `low` is `flat`, with the same places; what was replaced before is `BARRIER`."""

    def __init__(self, text: str) -> None:
        self.text: Final = text
        self.low: Final = flat(text)

    def knows(self, cue: Cue) -> bool:
        """Whether any word of `cue` may be in the text: cheap."""
        return not cue.rarest.isdisjoint(self._words)

    def has_piece(self, cue: Cue) -> bool:
        """Whether any word of `cue` may be in the text, perhaps inside of another word."""
        return any(piece in self.low for piece in cue.pieces)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(_TOKEN.findall(self.low))

    def is_behind(self, cue: Cue, place: int, reach: int = 40) -> bool:
        """Whether a word of `cue` stands in the same sentence, at most `reach` characters before `place`."""
        if not self.knows(cue):
            return False
        begin = max(0, place - reach)
        for end in _SENTENCE_END.finditer(self.low, begin, place):
            begin = end.end()
        return cue.pattern.search(self.low, begin, place) is not None

    def is_before(self, cue: Cue, place: int) -> bool:
        """Whether a word of `cue` follows at `place`, after a space and `de` or `of` at most."""
        gap = _GAP.match(self.low, place)
        return gap is not None and cue.pattern.match(self.low, gap.end()) is not None

    @cached_property
    def has_digits(self) -> bool:
        """Whether there is any digit at all."""
        return re.search(r"\d", self.text) is not None

    @cached_property
    def links(self) -> Sequence[tuple[int, int]]:
        """Where addresses of pages stand, full stop or bracket behind left out."""
        if "://" not in self.low and "www." not in self.low:
            return ()
        return [(m.start(), m.start() + len(trimmed(m[0]))) for m in _LINK.finditer(self.low)]

    @cached_property
    def code(self) -> Sequence[tuple[int, int]]:
        """Where Markdown's code stands."""
        return [m.span() for m in _CODE.finditer(self.text)] if "`" in self.text else ()

    def in_link(self, place: int) -> bool:
        """Whether `place` is inside of an address."""
        return _inside(self.links, place)

    def in_code(self, place: int) -> bool:
        """Whether `place` is inside of code."""
        return _inside(self.code, place)


def _inside(spans: Sequence[tuple[int, int]], place: int) -> bool:
    number = bisect_right(spans, (place, len(spans) and 1 << 60)) - 1
    return number >= 0 and spans[number][0] <= place < spans[number][1]


def trimmed(text: str) -> str:
    """`text` without the punctuation behind that belongs to the sentence; a bracket stays when it was opened inside."""
    end = len(text)
    open_still = {closing: text.count(closing) - text.count(opening) for opening, closing in ("()", "[]", "{}")}
    while end and text[end - 1] in _BEHIND:
        last = text[end - 1]
        if last in open_still:
            if open_still[last] <= 0:
                break
            open_still[last] -= 1
        end -= 1
    return text[:end]
