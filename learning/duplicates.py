"""Texts that repeat an earlier one but for case, accents, punctuation or a few letters; only the order of calls decides."""

from __future__ import annotations

import re
import unicodedata
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rensa import RMinHashDeduplicator  # type: ignore[import-untyped]

SHINGLE: Final = 5
"""Bytes of a piece: in Spanish and English about a syllable of one word with the next, so that word order counts."""
PERMUTATIONS: Final = 128
"""Slots of a sketch: its estimate of a Jaccard similarity of .8 is off by .035 (one standard deviation)."""
SEED: Final = 20_261_120
FEWEST_SHINGLES: Final = 8
"""Of fewer pieces, one letter more or less is a quarter: the estimate would say little about such a text."""
_WANTED_RECALL: Final = 0.93
"""The chance that two texts exactly at the threshold are compared at all; a little above it nearly all are."""

_NOT_WRITTEN: Final = re.compile(r"[^\w\s\x00-\x7f]+")
"""Accents that stand alone after NFKD, `¿¡«»` and emoji."""
_SPANISH_MARKS: Final = "\u0301\u0303\u0308¿¡"
"""What most texts have of these, quicker to count than the others are to find."""
_BLANKED: Final = bytes(
    32 if code < 128 and not chr(code).isalnum() else ord(chr(code).lower()) if code < 128 else code for code in range(256)
)
_SENTENCE_MARKS: Final = re.compile(r"[\s.,;:!?¿¡\"'…«»“”‘’]+")


def normalised(text: str) -> bytes:
    """`text` in UTF-8 without case, accents, punctuation and emoji, one blank between words: 15 ns a character."""
    if text.isascii():
        return b" ".join(text.encode().translate(_BLANKED).split())
    plain = unicodedata.normalize("NFKD", text)
    letters = plain.encode("ascii", "ignore")
    if len(plain) - len(letters) != sum(map(plain.count, _SPANISH_MARKS)):
        letters = _NOT_WRITTEN.sub("", plain).casefold().encode("utf-8", "surrogatepass")
    return b" ".join(letters.translate(_BLANKED).split())


def shingles(normal: bytes) -> list[bytes]:
    """Every piece of `SHINGLE` bytes, in order; a shorter text is one piece."""
    import numpy as np

    count = len(normal) - SHINGLE + 1
    if count < 1:
        return [normal]
    found: list[bytes] = np.ndarray((count,), f"S{SHINGLE}", normal, strides=(1,)).tolist()
    return found


def bands(threshold: float) -> int:
    """Into how many bands a sketch is cut: so few that most unlike texts never meet, so many that alike ones do.

    Two texts of similarity s meet with probability 1 - (1 - s^rows)^bands (Leskovec, Rajaraman and Ullman 2014, chapter 3).
    """
    for rows in (8, 4):
        if 1 - (1 - threshold**rows) ** (PERMUTATIONS // rows) >= _WANTED_RECALL:
            return PERMUTATIONS // rows
    return PERMUTATIONS // 2


class NearDuplicates:
    """Remembers texts and says which of them a new one repeats.

    Texts whose letters and digits are the same always count as repeated. Others do when the estimated Jaccard similarity of
    their pieces (MinHash; Broder 1997) is at least `threshold`: candidates are found by LSH, then verified on the sketches.
    A short text (fewer than `FEWEST_SHINGLES` pieces: up to 11 letters) repeats another only when both say the same to the
    letter but for case, accents, blanks and the marks of a sentence: `2+2` is not `2+3`, `no` is not `yo`.

    Up to 2.5 KB for each text that is kept; one of 900 characters takes about 50 microseconds, however many were kept before.
    """

    def __init__(self, *, threshold: float = 0.8) -> None:
        if not 0 < threshold <= 1:
            message = f"a similarity above 0 and at most 1 was expected, {threshold!r} was given"
            raise ValueError(message)
        self._threshold = threshold
        self._keys: list[str] = []
        self._exact: dict[bytes, int] = {}
        self._sketches: RMinHashDeduplicator | None = None

    def __len__(self) -> int:
        """How many texts are kept."""
        return len(self._keys)

    def add(self, key: str, text: str) -> str | None:
        """The key of the first kept text that this one repeats; None when it is new, and kept from now on."""
        normal = normalised(text)
        digest = _digest(normal, text)
        if (first := self._exact.get(digest)) is not None:
            return self._keys[first]
        if not _is_short(normal) and (near := self._near(shingles(normal))) is not None:
            self._exact[digest] = near
            return self._keys[near]
        self._exact[digest] = len(self._keys)
        self._keys.append(key)
        return None

    def _near(self, pieces: list[bytes]) -> int | None:
        """The place of the first kept text that is like these pieces; None when there is none, and they are kept."""
        from rensa import RMinHash, RMinHashDeduplicator

        if self._sketches is None:
            self._sketches = RMinHashDeduplicator(
                threshold=self._threshold,
                num_perm=PERMUTATIONS,
                use_lsh=True,
                num_bands=bands(self._threshold),
                seed=SEED,
            )
        sketch = RMinHash(PERMUTATIONS, SEED)
        sketch.update(pieces)
        if self._sketches.add(str(len(self._keys)), sketch):
            return None
        return min(map(int, self._sketches.get_duplicates(sketch)))


def letters_digest(text: str) -> bytes:
    """16 bytes that are the same for texts which repeat each other to the letter, by the rules of `NearDuplicates`."""
    return _digest(normalised(text), text)


def _digest(normal: bytes, text: str) -> bytes:
    return blake2b(_short(text) if _is_short(normal) else normal, digest_size=16).digest()


def _is_short(normal: bytes) -> bool:
    return len(normal) < FEWEST_SHINGLES + SHINGLE - 1


def _short(text: str) -> bytes:
    """What a short text says, its signs of calculation and emoji included."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return b"short " + " ".join(_SENTENCE_MARKS.sub(" ", plain).split()).encode("utf-8", "surrogatepass")
