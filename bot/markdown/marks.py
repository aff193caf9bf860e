"""Text with marks: what a piece of Markdown says once its markup is understood. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import accumulate
from typing import Final


class Style(StrEnum):
    """What a mark says of its text. `MARKER` is what begins an item of a list; `ADDRESS` may be a link."""

    QUOTE = "quote"
    HEADING = "heading"
    SPOILER = "spoiler"
    BOLD = "bold"
    ITALIC = "italic"
    UNDERLINE = "underline"
    STRIKETHROUGH = "strikethrough"
    ADDRESS = "address"
    MARKER = "marker"
    CODE = "code"
    PRE = "pre"


AROUND: Final = frozenset({Style.QUOTE, Style.HEADING})
"""Marks of whole blocks: they stand outside all others."""
LITERAL: Final = frozenset({Style.CODE, Style.PRE})


@dataclass(frozen=True, slots=True)
class Mark:
    """One mark. `value` is a block of code's language or a heading's level; `number` tells two neighbouring blocks apart."""

    style: Style
    value: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text and its marks, outermost first."""

    text: str
    marks: tuple[Mark, ...] = ()

    def has(self, *styles: Style) -> bool:
        """Whether any of these marks is on it."""
        return any(mark.style in styles for mark in self.marks)


@dataclass(frozen=True)
class Marked:
    """A whole text in runs."""

    runs: tuple[Run, ...]

    @cached_property
    def text(self) -> str:
        """What is read, without any marks."""
        return "".join(run.text for run in self.runs)

    @cached_property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """From where to where blocks of code go in `text`, in order."""
        return tuple((end - len(run.text), end) for run, end in zip(self.runs, self._ends, strict=True) if run.has(Style.PRE))

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(len(run.text) for run in self.runs))

    def between(self, start: int, stop: int) -> list[Run]:
        """The runs of `text[start:stop]`."""
        found = []
        number = bisect_right(self._ends, start)
        while number < len(self.runs) and (begin := self._ends[number] - len(self.runs[number].text)) < stop:
            run = self.runs[number]
            text = run.text[max(0, start - begin) : stop - begin]
            if text:
                found.append(run if text == run.text else Run(text, run.marks))
            number += 1
        return found


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of `text[start:end]`: other marks, or nothing at all where `marks` is None."""

    start: int
    end: int
    marks: Callable[[tuple[Mark, ...]], tuple[Mark, ...]] | None


def joined(runs: Iterable[Run]) -> tuple[Run, ...]:
    """The same text with as few runs as possible."""
    pieces: list[tuple[list[str], tuple[Mark, ...]]] = []
    for run in runs:
        if pieces and pieces[-1][1] == run.marks:
            pieces[-1][0].append(run.text)
        elif run.text:
            pieces.append(([run.text], run.marks))
    return tuple(Run("".join(texts), marks) for texts, marks in pieces)


def changed(runs: Sequence[Run], changes: Sequence[Change]) -> tuple[Run, ...]:
    """The runs with these changes made; they are in order and do not overlap."""
    result = []
    waiting = iter(changes)
    change = next(waiting, None)
    begin = 0
    for run in runs:
        place, end = begin, begin + len(run.text)
        while place < end:
            while change is not None and change.end <= place:
                change = next(waiting, None)
            is_inside = change is not None and change.start <= place
            until = min(end, change.end if is_inside else change.start) if change is not None else end
            text = run.text[place - begin : until - begin]
            if change is None or not is_inside:
                result.append(Run(text, run.marks))
            elif change.marks is not None:
                result.append(Run(text, change.marks(run.marks)))
            place = until
        begin = end
    return joined(result)


def masked(runs: Sequence[Run], styles: frozenset[Style]) -> str:
    """The text with NUL in the place of everything that has one of these marks: nothing is to be looked for there."""
    return "".join("\x00" * len(run.text) if run.has(*styles) else run.text for run in runs)


def within_blocks(mark: Mark) -> Callable[[tuple[Mark, ...]], tuple[Mark, ...]]:
    """Adds a mark outside of all others but those of whole blocks."""

    def added(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
        around = tuple(other for other in marks if other.style in AROUND)
        return (*around, mark, *(other for other in marks if other.style not in AROUND and other != mark))

    return added


def innermost(mark: Mark) -> Callable[[tuple[Mark, ...]], tuple[Mark, ...]]:
    """Adds a mark inside of all others."""
    return lambda marks: (*marks, mark)
