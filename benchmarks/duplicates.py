"""Near-duplicates found by `learning.duplicates` (rensa) and by datasketch: how fast, how many of them, how many wrong.

`python -m benchmarks.duplicates --json`: made-up questions with answers in both languages, among them copies with planted
changes, go through both in one run, with the same pieces, slots, bands and threshold, and the same check of candidates. Speed
is counted in processor time from text to verdict, in turns, so that other programs do not matter. The last line of the output
is one JSON object; exit 1 when a figure misses its aim.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from datasketch import MinHash, MinHashLSH  # type: ignore[import-untyped]

from bot.lexical import STOP_WORDS, WORLD
from bot.types import LANGUAGES
from learning.duplicates import PERMUTATIONS, SEED, NearDuplicates, bands, normalised, shingles

THRESHOLD = 0.8
WANTED_RATIO, WANTED_RECALL, MOST_FALSE = 15.0, 0.99, 0.001
COPIED = 0.2
"""The share of texts that are copies of an earlier one."""
_TURN = 250


class Planted(NamedTuple):
    """A text, what was done to it, and the number of the text that it is a copy of; None for a new one."""

    text: str
    change: str
    of: int | None


class Datasketch:
    """What `NearDuplicates` does, with datasketch."""

    def __init__(self) -> None:
        count = bands(THRESHOLD)
        self._index = MinHashLSH(num_perm=PERMUTATIONS, params=(count, PERMUTATIONS // count))
        self._empty = MinHash(num_perm=PERMUTATIONS, seed=SEED)
        self._sketches: dict[str, MinHash] = {}

    def add(self, key: str, text: str) -> str | None:
        """The key of the first kept text that this one repeats; None when it is new, and kept."""
        sketch = self._empty.copy()  # a new one would draw its permutations again, which takes eight times as long
        sketch.update_batch(shingles(normalised(text)))
        alike: list[str] = [other for other in self._index.query(sketch) if self._sketches[other].jaccard(sketch) >= THRESHOLD]
        if alike:
            return min(alike, key=int)
        self._index.insert(key, sketch)
        self._sketches[key] = sketch
        return None


def planted(count: int, seed: int) -> list[Planted]:
    """That many texts: questions of 6 to 20 words with answers of 40 to 200, some of them copied with small changes."""
    choose = random.Random(seed)
    common = {language: sorted(STOP_WORDS[language]) for language in LANGUAGES}
    rare = {language: sorted(WORLD[language]) for language in LANGUAGES}
    texts: list[Planted] = []
    originals: list[int] = []
    for number in range(count):
        if originals and choose.random() < COPIED:
            of = choose.choice(originals)
            change = choose.choice(sorted(_CHANGES))
            texts.append(Planted(_CHANGES[change](texts[of].text, choose), change, of))
            continue
        language = LANGUAGES[number % 2]
        said = [
            choose.choice(rare[language] if choose.random() < 0.6 else common[language])
            for _ in range(choose.randint(6, 20) + choose.randint(40, 200))
        ]
        marks = (word + choose.choice(("", "", "", "", "", ",", ".")) for word in said)
        texts.append(Planted(" ".join(marks).capitalize() + ".", "new", None))
        originals.append(number)
    return texts


def _slips(text: str, choose: random.Random) -> str:
    """One letter in a hundred words or so mistyped: two to four in all."""
    letters = list(text)
    for _ in range(choose.randint(2, 4)):
        letters[choose.randrange(len(letters))] = choose.choice("aeiounrst")
    return "".join(letters)


def _other_word(text: str, choose: random.Random) -> str:
    said = text.split()
    said[choose.randrange(len(said))] = "otherwise"
    return " ".join(said)


def _framed(text: str, choose: random.Random) -> str:
    return f"{choose.choice(('Oye,', 'Please,', 'Hola:'))} {text} {choose.choice(('Gracias.', 'Thanks a lot!', '👍'))}"


def _shouted(text: str, choose: random.Random) -> str:
    return text.upper().replace(",", choose.choice((" -", ";", "")))


def _less(text: str, choose: random.Random) -> str:
    """Without two neighbouring words."""
    said = text.split()
    place = choose.randrange(len(said) - 2)
    return " ".join(said[:place] + said[place + 2 :])


_CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "two to four letters": _slips,
    "another word": _other_word,
    "words around it": _framed,
    "case and punctuation": _shouted,
    "two words less": _less,
}


def similarity(one: str, other: str) -> float:
    """The true Jaccard similarity of the pieces of two texts."""
    first, second = set(shingles(normalised(one))), set(shingles(normalised(other)))
    return len(first & second) / len(first | second)


def measure(count: int, *, seed: int = 0) -> dict[str, object]:
    """Both over the same texts; the figures."""
    texts = planted(count, seed)
    ours, theirs = NearDuplicates(threshold=THRESHOLD), Datasketch()
    ours.add("", "a first text loads the library")
    spent = {"rensa": 0.0, "datasketch": 0.0}
    said: dict[str, list[str | None]] = {"rensa": [], "datasketch": []}
    for start in range(0, count, _TURN):
        turn = texts[start : start + _TURN]
        for name, add in (("rensa", ours.add), ("datasketch", theirs.add)):
            began = time.process_time()
            said[name] += [add(str(start + place), told.text) for place, told in enumerate(turn)]
            spent[name] += time.process_time() - began
    rates = {name: round(count / seconds) for name, seconds in spent.items()}
    copies = sum(told.of is not None for told in texts)
    recall = {name: _found(texts, found) / max(1, copies) for name, found in said.items()}
    false = {name: _wrong(texts, found) / max(1, count - copies) for name, found in said.items()}
    missed = Counter(told.change for told, of in zip(texts, said["rensa"], strict=True) if told.of is not None and of is None)
    least = min((similarity(told.text, texts[told.of].text) for told in texts if told.of is not None), default=1.0)
    ratio = spent["datasketch"] / spent["rensa"]
    return {
        "benchmark": "duplicates",
        "texts": count,
        "characters": round(sum(len(told.text) for told in texts) / count),
        "copies": copies,
        "least_similarity": round(least, 3),
        "texts_per_s": rates,
        "ratio": round(ratio, 1),
        "recall": {name: round(share, 4) for name, share in recall.items()},
        "false_alarms": {name: round(share, 5) for name, share in false.items()},
        "missed": dict(sorted(missed.items())),
        "passed": ratio >= WANTED_RATIO and recall["rensa"] >= WANTED_RECALL and false["rensa"] <= MOST_FALSE,
    }


def _found(texts: list[Planted], said: list[str | None]) -> int:
    """The copies of which the right original was named."""
    return sum(told.of is not None and of == str(told.of) for told, of in zip(texts, said, strict=True))


def _wrong(texts: list[Planted], said: list[str | None]) -> int:
    """The new texts that were taken for copies."""
    return sum(told.of is None and of is not None for told, of in zip(texts, said, strict=True))


def main() -> int:
    """Print the figures; exit 1 when one misses its aim."""
    parser = argparse.ArgumentParser(description="Near-duplicates: rensa through our class against datasketch.")
    parser.add_argument("--texts", type=int, default=5_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="of the texts")
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    options = parser.parse_args()
    result = measure(options.texts, seed=options.seed)
    if not options.json:
        for name, value in result.items():
            print(f"{name:17} {value}")
    print(json.dumps(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
