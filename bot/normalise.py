"""Text from outside made safe to store, show and search, with its meaning kept; pure, in time linear in its length (R-48)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

MAX_LINES: Final = 2000
"""Lines kept of one message: more serve nobody and cost every later step."""

_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_LINE_END: Final = re.compile("\r\n?|[\u0085\u2028\u2029]")
_UNWANTED: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 controls except tab and line feed
    "\u202a-\u202e\u2066-\u2069"  # bidirectional embeddings, overrides and isolates
    "\ufeff"  # byte order mark
    "\U000e0000-\U000e007f]"  # tag characters: invisible text
)
_JOINER: Final = re.compile("[\u200c\u200d]")
_ZWJ: Final = "\u200d"
_SCRIPTS: Final = (
    (0x0600, 0x08FF),  # Arabic, Syriac, Thaana, N'Ko, Samaritan, Mandaic
    (0x0900, 0x0DFF),  # the scripts of India and Sri Lanka
    (0x0F00, 0x109F),  # Tibetan, Myanmar
    (0x1780, 0x18AF),  # Khmer, Mongolian
    (0x1A20, 0x1CFF),  # Tai Tham, Balinese, Sundanese, Batak, Vedic marks
    (0xA840, 0xABFF),  # Phags-pa, Saurashtra, Devanagari extended, Javanese, Meetei Mayek
    (0xFB50, 0xFDFF),  # Arabic presentation forms
    (0xFE70, 0xFEFE),
    (0x10A00, 0x1144F),  # Kharoshthi, Manichaean, Brahmi, Kaithi, Chakma, Newa and their neighbours
)
_EMOJI: Final = ((0x2190, 0x21FF), (0x2300, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1FAFF))
_VARIATION: Final = 0xFE0F
_TONES: Final = (0x1F3FB, 0x1F3FF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A text that is safe to go on with; `was_cut` says that it was longer than allowed, so that the person can be told."""

    text: str
    was_cut: bool


def clean(text: str, *, max_chars: int) -> Cleaned:
    """`text` with line ends as LF, without invisible controls, at most `max_chars` characters and `MAX_LINES` lines.

    The caps come before anything else looks at the text; so it is at most four times `max_chars` bytes of UTF-8. Zero-width
    joiners stay inside emoji and in scripts that are written with them. A cut never splits a letter from its accents.
    """
    kept = plain(text[: _boundary(text, max_chars)])
    lines = kept.split("\n", MAX_LINES)
    was_cut = len(text) > max_chars or len(lines) > MAX_LINES
    kept = "\n".join(lines[:MAX_LINES]) if len(lines) > MAX_LINES else kept
    if _JOINER.search(kept):
        kept = _with_needed_joiners(kept)
    return Cleaned(text=kept, was_cut=was_cut)


def plain(text: str) -> str:
    """`text` with line ends as LF, without invisible controls and halves of characters; two halves that fit become one."""
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return _UNWANTED.sub("", _LINE_END.sub("\n", text))


def _boundary(text: str, max_chars: int) -> int:
    """Where to cut: at most `max_chars`, and up to 32 characters earlier so that what belongs together stays together."""
    if len(text) <= max_chars:
        return len(text)
    end = max_chars
    while end > max(0, max_chars - 32) and (_continues(text[end]) or text[end - 1] == _ZWJ):
        end -= 1
    return end if end > max(0, max_chars - 32) else max_chars


def _continues(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    return (
        character == _ZWJ
        or unicodedata.combining(character) != 0
        or unicodedata.category(character) in ("Mn", "Mc", "Me")
        or _TONES[0] <= ord(character) <= _TONES[1]
        or "\udc00" <= character <= "\udfff"
    )


def _with_needed_joiners(text: str) -> str:
    """`text` without the zero-width joiners and non-joiners that nothing needs."""
    kept: list[str] = []
    before = ""
    for place, character in enumerate(text):
        if character in "\u200c\u200d" and not _is_needed(character, before, text[place + 1 : place + 2]):
            continue
        kept.append(character)
        before = character
    return "".join(kept)


def _is_needed(joiner: str, before: str, after: str) -> bool:
    if not before:
        return False
    if _within(before, _SCRIPTS):
        return True
    is_after_emoji = _within(before, _EMOJI) or ord(before) == _VARIATION
    return joiner == _ZWJ and is_after_emoji and bool(after) and _within(after, _EMOJI)


def _within(character: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    point = ord(character)
    return any(first <= point <= last for first, last in ranges)
