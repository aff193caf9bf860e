"""Which of very many texts are the same, by 64-bit hashes: 16 bytes for each, never the text. Standard library only."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

_BUCKETS: Final = 256


def digest(text: str) -> int:
    """64 bits of `text`: two of a million differing texts share them once in 40 million sets."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class Hashes:
    """Texts with a number each (0 to 2**64 - 1). Equal texts are found bucket by bucket, so that looking costs no memory.

    `kinds` above 0 says that the number modulo `kinds` is all that matters: of equal texts with an equal one, the first stays.
    """

    def __init__(self, kinds: int = 0) -> None:
        self._kinds = kinds
        self._buckets = tuple(array("Q") for _ in range(_BUCKETS))
        self._full = [8_192] * _BUCKETS

    def add(self, text: str, number: int) -> None:
        """Take note of a text."""
        found = digest(text)
        place = found % _BUCKETS
        bucket = self._buckets[place]
        bucket.append(found)
        bucket.append(number)
        if self._kinds and len(bucket) >= self._full[place]:
            self._compact(place)

    def _compact(self, place: int) -> None:
        """Keep the first of each text and kind only."""
        bucket = self._buckets[place]
        first: dict[tuple[int, int], int] = {}
        for text, number in zip(bucket[::2], bucket[1::2], strict=True):
            first.setdefault((text, number % self._kinds), number)
        bucket[:] = array("Q", [value for (text, _), number in first.items() for value in (text, number)])
        self._full[place] = max(8_192, 2 * len(bucket))

    def groups(self) -> Iterator[list[int]]:
        """The numbers of each text that was added more than once, in the order in which they came."""
        for place, bucket in enumerate(self._buckets):
            if self._kinds:
                self._compact(place)
            numbers: dict[int, list[int]] = {}
            for text, number in zip(bucket[::2], bucket[1::2], strict=True):
                numbers.setdefault(text, []).append(number)
            yield from (group for group in numbers.values() if len(group) > 1)

    def distinct(self) -> int:
        """How many different texts there are."""
        return sum(len(set(bucket[::2])) for bucket in self._buckets)
