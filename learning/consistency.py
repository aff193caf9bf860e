"""Whether answers are of one kind: how they address people, how they are spelt, how long and how marked up they are."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from bot.tokens import count_words
from learning.records import Language

MIXED: Final = "mixed"
"""An answer that goes both ways."""
_LONGEST: Final = 2_000
"""Words; longer answers count as so long."""
_WORD: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_MARKS: Final = re.compile(r"^ {0,3}(?:#{1,6} |[-*+] |\d{1,3}[.)] |```|> |\|.*\|)|\*\*\S|`[^`\n]+`", re.MULTILINE)


@cache
def _values(language: Language) -> tuple[Mapping[str, tuple[str, str]], tuple[tuple[str, tuple[str, str]], ...]]:
    """The (group, value) that each word shows, and the same of the pairs of words, with blanks around them."""
    groups = tomllib.loads((Path(__file__).parent / "consistency.toml").read_text("utf-8"))[language]
    known = {word: (group, value) for group, values in groups.items() for value, words in values.items() for word in words}
    pairs = tuple((f" {words} ", shows) for words, shows in known.items() if " " in words)
    return {word: shows for word, shows in known.items() if " " not in word}, pairs


def shown(text: str, language: Language) -> dict[str, str]:
    """By group (`address`, `contractions`, `spelling`) the value that the words of an answer show, or `MIXED`."""
    known, pairs = _values(language)
    words = _WORD.findall(text.lower().replace("’", "'"))
    whole = f" {' '.join(words)} "
    shows = {known[word] for word in known.keys() & words} | {value for pair, value in pairs if pair in whole}
    found: dict[str, str] = {}
    for group, value in shows:
        found[group] = MIXED if group in found else value
    return found


def is_marked_up(text: str) -> bool:
    """Whether a text has headings, lists, tables, quotes, bold words or code of Markdown."""
    return _MARKS.search(text) is not None


class Consistency(msgspec.Struct, frozen=True, kw_only=True):
    """How alike the answers of one language are.

    `wording` counts answers by group and value (`shown`). `shortest`, `median` and `longest` are words at the 10th, 50th and
    90th percentile; 0 without answers.
    """

    answers: int
    wording: dict[str, dict[str, int]]
    shortest: int
    median: int
    longest: int
    marked_up: int

    def leading(self, group: str) -> tuple[str, float]:
        """The most usual value of a group and its share of the answers that show any; ("", 1) where none does."""
        values = self.wording.get(group, {})
        if not values:
            return "", 1.0
        best = min((value for value in values if value != MIXED), key=lambda value: (-values[value], value), default=MIXED)
        return best, values[best] / sum(values.values())


@dataclass(slots=True)
class Tally:
    """Counts answers one by one; its size does not grow with them."""

    language: Language
    _wording: dict[str, Counter[str]] = field(default_factory=dict)
    _lengths: Counter[int] = field(default_factory=Counter)
    _marked_up: int = 0

    def add(self, answer: str) -> None:
        """Count an answer."""
        for group, value in shown(answer, self.language).items():
            self._wording.setdefault(group, Counter())[value] += 1
        self._lengths[min(count_words(answer), _LONGEST)] += 1
        self._marked_up += is_marked_up(answer)

    def result(self) -> Consistency:
        """What has been counted."""
        return Consistency(
            answers=self._lengths.total(),
            wording={group: dict(sorted(self._wording[group].items())) for group in sorted(self._wording)},
            shortest=self._percentile(10),
            median=self._percentile(50),
            longest=self._percentile(90),
            marked_up=self._marked_up,
        )

    def _percentile(self, percent: int) -> int:
        """The smallest length that at least so many of a hundred answers do not exceed."""
        wanted, seen = self._lengths.total() * percent / 100, 0
        for length in sorted(self._lengths):
            seen += self._lengths[length]
            if seen >= wanted:
                return length
        return 0
