"""What was said of each of a million texts the first time, in about five bytes a text."""

from __future__ import annotations

from array import array
from zlib import adler32, crc32

_FULL = 0.85
_WORD = 0xFFFFFFFF
_MIX = 0x9E3779B1  # 2**32 over the golden ratio: spreads what differs over the upper bits (Knuth, volume 3, 6.4)


class Seen:
    """Texts as marks in a table with open addressing, and with each mark the first value that came with its text.

    A mark is no proof: about one text in `2**(30 - bits)` is taken for another one. Such a text has the
    other one's first value, so that whoever keeps only texts with their own value never keeps a text with two.
    """

    def __init__(self, expected: int, bits: int) -> None:
        """Room for `expected` texts (more may come), with values of so many bits; the other bits of 32 are for the mark."""
        self._bits, self._values = bits, (1 << bits) - 1
        self._slots = max(64, int(expected / _FULL))
        self._words = array("I", [0]) * self._slots
        self._room = int(self._slots * _FULL)
        self._more: Seen | None = None

    def first(self, value: int, text: bytes) -> int:
        """The value that came first with this text: `value` itself for a new text."""
        check, words, bits, slots = crc32(text), self._words, self._bits, self._slots
        mark = ((check ^ adler32(text)) * _MIX & _WORD) >> bits or 1
        slot = check % slots
        while found := words[slot]:
            if found >> bits == mark:
                return found & self._values
            slot += 1
            if slot == slots:
                slot = 0
        if self._room:
            self._room -= 1
            words[slot] = mark << bits | value
            return value
        if self._more is None:
            self._more = Seen(slots // 2, bits)
        return self._more.first(value, text)
