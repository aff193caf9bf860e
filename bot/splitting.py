"""Where a long text is cut, so that it reads well and nothing breaks: paragraphs, lines, sentences, words, letters. Pure."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

_PARAGRAPH: Final = re.compile(r"\n(?:[ \t]*\n)+")
_LINE: Final = re.compile(r"\n")
_SENTENCE: Final = re.compile(r"[.!?…؟।][\"'»”’)\]]*\s+|[。！？]+")
_WORD: Final = re.compile(r"\s+")
_ENDS_OF_LINES: Final = "\r\n"
_ZWJ: Final = "\u200d"
_VIRAMA: Final = 9
_LONGEST_CLUSTER: Final = 64

LONG: Final = 2_000
"""Characters from which a text is rendered beside the loop: what a model ties into knots on purpose takes 0.2 ms each."""

Fits = Callable[[int, int], bool]
"""Whether `text[start:stop]`, as it will be sent, is short enough."""


def units(text: str) -> int:
    """How long a text is in UTF-16, which Telegram counts in; never less than its code points, which Discord counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, *, limit: int, fits: Fits, whole: Sequence[tuple[int, int]] = ()) -> list[tuple[int, int]]:
    """Slices of `text`, in order, each of which `fits` and none of which is blank; only blanks are between them.

    `fits` may not turn true again for a longer slice, and is never true for one of more than `limit` characters. Slices that
    are better kept in one piece (`whole`: blocks of code, in order) are cut only where half a part would stay empty else.
    """
    slices: list[tuple[int, int]] = []
    start = _skip(text, 0)
    while start < len(text):
        end = _farthest(text, start, limit, fits)
        place = end if end == len(text) else _cut(text, start, end, whole)
        stop = start + len(text[start:place].rstrip())
        while stop > start and not fits(start, stop):  # a shorter slice can need more marks than a longer one
            place = stop = boundary_before(text, start, stop - 1)
        if stop > start and text[start:stop].strip():
            slices.append((start, stop))
        start = _skip(text, max(place, start + 1))
    return slices


def tail(text: str, *, fits: Fits, limit: int) -> int:
    """Where the longest end of `text` begins that `fits`: at a line or a word where one is near, never inside a letter."""
    low, high = max(0, len(text) - limit), len(text)
    while low < high:
        middle = (low + high) // 2
        if fits(middle, len(text)):
            high = middle
        else:
            low = middle + 1
    if low == 0:
        return 0
    near = min(len(text), low + limit // 4)
    gap = _LINE.search(text, low, near) or _WORD.search(text, low, near)
    start = gap.end() if gap else low
    while start < len(text) and not is_boundary(text, start):
        start += 1
    return start


def is_boundary(text: str, place: int) -> bool:
    """Whether a cut before `text[place]` leaves letters with their accents, and emoji of several parts, in one piece."""
    if not 0 < place < len(text):
        return True
    before, after = text[place - 1], text[place]
    if before in _ENDS_OF_LINES or after.isspace() or (after.isascii() and before.isascii()):
        return not (before == "\r" and after == "\n")
    if _is_flag_half(before) and _is_flag_half(after):
        halves = 1
        while halves < place and _is_flag_half(text[place - 1 - halves]):
            halves += 1
        return halves % 2 == 0
    is_conjunct = unicodedata.combining(before) == _VIRAMA and unicodedata.category(after) == "Lo"
    return not (before == _ZWJ or is_conjunct or _is_hangul_joined(before, after) or _continues(after))


def boundary_before(text: str, start: int, place: int) -> int:
    """The last boundary at or before `place` and after `start`; `place` itself in a heap of accents without end."""
    for candidate in range(place, max(start, place - _LONGEST_CLUSTER), -1):
        if is_boundary(text, candidate):
            return candidate
    return place


def _farthest(text: str, start: int, limit: int, fits: Fits) -> int:
    """The largest end for which a slice fits; at least one character."""
    low, high = start + 1, min(len(text), start + limit)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(start, middle):
            low = middle
        else:
            high = middle - 1
    return low


def _cut(text: str, start: int, end: int, whole: Sequence[tuple[int, int]]) -> int:
    """The best place for a cut, at most at `end`."""
    room = end - start
    indented = start + len(text[start:end]) - len(text[start:end].lstrip())
    begins = [block[0] for block in whole]

    def is_inside(place: int) -> bool:
        number = bisect_right(begins, place) - 1
        return number >= 0 and whole[number][0] < place < whole[number][1]

    for pattern, share, may_be_inside in (
        (_PARAGRAPH, 0.5, False),
        (_LINE, 0.5, False),
        (_LINE, 0.25, True),
        (_SENTENCE, 0.33, False),
        (_WORD, 0.0, True),
    ):
        floor = max(indented + 1, start + int(room * share))
        places = [match.end() for match in pattern.finditer(text, floor, end) if may_be_inside or not is_inside(match.end())]
        if places:
            return places[-1]
    gap = _WORD.match(text, end)
    return gap.end() if gap else boundary_before(text, start, end)


def _skip(text: str, place: int) -> int:
    """Past blank lines, up to the first line with something on it; the line's own indentation stays."""
    length = len(text)
    begin = place
    while place < length and text[place].isspace():
        place += 1
        if text[place - 1] == "\n":
            begin = place
    return place if place == length else begin


def _continues(character: str) -> bool:
    return (
        character in (_ZWJ, "\u200c")
        or unicodedata.category(character) in ("Mn", "Mc", "Me")
        or 0x1F3FB <= ord(character) <= 0x1F3FF
        or 0xE0020 <= ord(character) <= 0xE007F
    )


def _is_flag_half(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _is_hangul_joined(before: str, after: str) -> bool:
    """Whether two Korean letters form one syllable (Unicode Standard Annex 29, rules GB6 to GB8)."""
    first, second = ord(before), ord(after)
    leads, vowels, tails = 0x1100 <= first <= 0x115F, 0x1160 <= second <= 0x11A7, 0x11A8 <= second <= 0x11FF
    is_syllable = 0xAC00 <= first <= 0xD7A3
    has_no_tail = (first - 0xAC00) % 28 == 0
    if leads:
        return 0x1100 <= second <= 0x11A7 or 0xAC00 <= second <= 0xD7A3
    if is_syllable:
        return tails or (vowels and has_no_tail)
    return (0x1160 <= first <= 0x11A7 and (vowels or tails)) or (0x11A8 <= first <= 0x11FF and tails)
