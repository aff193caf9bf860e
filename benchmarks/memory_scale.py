"""Whether recall stays quick while memory grows: `python -m benchmarks.memory_scale --json`.

Made-up memories of a hundred for each person go into a real database and a real index in its own process, with random vectors;
all figures are wall time in milliseconds without embedding (the question's vector is kept from an earlier asking): medians of
sixty questions or memories put in, and of such rounds the quietest, for other work on the machine only adds.

small_ms           a whole recall of a person with 100 memories, while all people together have a thirtieth, a third and all of
                   `--total`; and of the same person where all together keep a thirtieth (`still_ms`)
ratio              the one beside the other, asked in turns, for a machine is not the same from minute to minute: the median of
                   these rounds, at its highest
own_ms             the same of a person with 10,000 memories
first_touch_ms     their first recall after a start: their book is opened
add_ms             one more vector of that person goes into the index, which is a process of its own
fsync_ms           4 KiB written to the same disk and made safe: Chroma does the like eight times for each vector
remembered_ms      all that one more memory takes, after the reply: stored, embedded, its vector kept, put into the index and
                   marked there, and taken into the book by the next recall (`remembered_parts_ms` by step)
rebuild_s          filling a lost index anew with a third of the total, from the vectors in the database
rss_mib            resident memory of this process, which is the bot's part, and of the index's

`--total 3000` takes seconds, 300000 a good while. The last line of the output is one JSON object; exit 1 when an aim is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryFile
from typing import Final

import numpy as np

from benchmarks.recall import BUDGET, House, open_house, quieten, rss_mib, spread_ms
from benchmarks.telling import command, judged, tell
from bot.memory_ports import StoredVector
from bot.memory_types import SELF, MemoryKind, NewMemory, Origin
from bot.process import run
from bot.types import PersonId, Scope
from bot.writes import AddMemory
from profiles.embed import DIMENSION, HashEmbedder
from profiles.everyday import FILE
from profiles.ranking import memory_stems

SEED: Final = 5
TOTAL: Final = 300_000
SMALL: Final = 100
"""Memories of most people."""
STEPS: Final = (30, 3, 1)
"""What part of the total is there when the small person is asked."""
AIMS: Final = {"ratio": 1.3, "own_ms": 5.0, "first_touch_ms": 300.0, "add_ms": 10.0, "rebuild_s": 600.0}
ROUNDS: Final = 60
"""Questions asked for each figure."""
REPEATS: Final = 20
"""Rounds of these: one takes a quarter of a second, and what else goes on comes in longer bursts."""
ROUNDS_ADDED: Final = 3
"""Rounds of as many memories added."""
_SLICE: Final = 500
_WORDS: Final = 12
_BEGAN: Final = datetime(2026, 1, 1, tzinfo=UTC)


def vocabulary() -> Sequence[str]:
    """Everyday words of both languages."""
    return sorted({word for word in FILE.read_text("utf-8").replace("|", " ").split() if word.isalpha()})


@dataclass(slots=True, kw_only=True)
class Town:
    """The people of a house, and how many memories they have together."""

    house: House
    random: Random = field(default_factory=lambda: Random(SEED))
    numbers: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))
    words: Sequence[str] = field(default_factory=vocabulary)
    rounds: int = ROUNDS
    people: int = 0
    memories: int = 0

    async def settle(self, count: int) -> tuple[PersonId, list[str]]:
        """Somebody new with so many memories, all in the index; and what these say."""
        person = await self.house.person(f"somebody {self.people}")
        self.people += 1
        said = [" ".join(self.random.choices(self.words, k=_WORDS)) for _ in range(count)]
        for start in range(0, count, _SLICE):
            await self._remember(person, said[start : start + _SLICE], start)
        self.memories += count
        return person, said

    async def grow(self, total: int) -> None:
        """More people, until there are so many memories."""
        while self.memories < total:
            await self.settle(min(SMALL, total - self.memories))

    async def _remember(self, person: PersonId, said: Sequence[str], start: int) -> None:
        stores, embedder = self.house.stores, self.house.embedder.name
        writes = [added(person, self.house.ids.new(), text, start + number) for number, text in enumerate(said)]
        ids = [write.id for write in writes]
        rows = self.numbers.standard_normal((len(said), DIMENSION)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        halves = rows.astype("<f2")
        vectors = [
            StoredVector(id=one, person=person, group=None, vector=half.tobytes())
            for one, half in zip(ids, halves, strict=True)
        ]
        await stores.memories.remember([], writes, self.house.clock.now())
        await stores.vectors.store(embedder, vectors)
        await self.house.index.add(person, Scope(), ids, halves.astype(np.float32))
        await stores.vectors.indexed(embedder, ids)

    def questions(self, said: Sequence[str]) -> list[str]:
        """Half of the words of some memories."""
        return [" ".join(text.split()[: _WORDS // 2]) for text in self.random.sample(said, min(self.rounds, len(said)))]

    async def ask_ms(self, person: PersonId, questions: Sequence[str]) -> float:
        """A recall whose question's vector is kept: p50 of the quietest of some rounds."""
        await self.asked(person, questions)
        return min([spread_ms(await self.asked(person, questions))["p50"] for _ in range(REPEATS)])

    async def asked(self, person: PersonId, questions: Sequence[str]) -> list[float]:
        """Seconds that each recall took. Raises RuntimeError where one found nothing."""
        taken = []
        for question in questions:
            began = time.perf_counter()
            found = await self.house.memories.recall(person, Scope(), question, budget=BUDGET)
            taken.append(time.perf_counter() - began)
            if not found.evidence:
                raise RuntimeError("a person's own words were not recalled")
        return taken

    async def first_touch_ms(self, person: PersonId, questions: Sequence[str]) -> float:
        """The first recall when nothing is kept, p50."""
        taken = []
        for question in questions[:5]:
            await self.house.memories.forget(person)
            taken += await self.asked(person, [question])
        return 1_000 * median(taken)

    async def remembered_ms(self, person: PersonId, question: str, already: int) -> dict[str, float]:
        """One more memory, step by step as the indexer does it: p50 of the quietest round.

        What the next recall takes longer than the one after it is the book's.
        """
        found = [await self._remembered_ms(person, question, already + self.rounds * number) for number in range(ROUNDS_ADDED)]
        return min(found, key=lambda parts: sum(parts.values()))

    async def _remembered_ms(self, person: PersonId, question: str, already: int) -> dict[str, float]:
        steps: dict[str, list[float]] = {name: [] for name in ("store", "embed", "keep", "put in", "mark", "book")}
        stores, embedder = self.house.stores, self.house.embedder
        for number in range(self.rounds):
            write = added(person, self.house.ids.new(), f"something fresh number{number}", already + number)
            times = [time.perf_counter()]
            await stores.memories.remember([], [write], self.house.clock.now())
            times.append(time.perf_counter())
            half = (await embedder.embed([write.what.text])).astype("<f2")
            times.append(time.perf_counter())
            await stores.vectors.store(
                embedder.name, [StoredVector(id=write.id, person=person, group=None, vector=half[0].tobytes())]
            )
            times.append(time.perf_counter())
            await self.house.index.add(person, Scope(), [write.id], half.astype(np.float32))
            times.append(time.perf_counter())
            await stores.vectors.indexed(embedder.name, [write.id])
            times.append(time.perf_counter())
            (later,) = await self.asked(person, [question])
            (usual,) = await self.asked(person, [question])
            for name, took in zip(steps, [*np.diff(times).tolist(), max(0.0, later - usual)], strict=True):
                steps[name].append(took)
        self.memories += self.rounds
        return {name: round(1_000 * median(taken), 3) for name, taken in steps.items()}

    async def rebuild_s(self) -> float:
        """A lost index filled anew."""
        began = time.perf_counter()
        await self.house.indexer.reindex()
        return time.perf_counter() - began


def added(person: PersonId, id: str, text: str, number: int) -> AddMemory:
    """The write of one memory."""
    what = NewMemory(
        kind=MemoryKind.EPISODE,
        text=text,
        said_by=SELF,
        said_at=_BEGAN + timedelta(minutes=number),
        session=str(number // 25),
        position=number % 25,
        origin=Origin.SAID,
        sources=(f"turn {number}",),
        language="en",
    )
    return AddMemory(person_id=person, group=None, id=id, what=what, stems=tuple(memory_stems(text, "en")))


def fsync_ms(folder: Path) -> float:
    """4 KiB appended to a file and made safe, p50 of the quietest round."""
    found = []
    with TemporaryFile(dir=folder) as file:
        for _ in range(ROUNDS_ADDED):
            taken = []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                file.write(bytes(4096))
                file.flush()
                os.fsync(file.fileno())
                taken.append(time.perf_counter() - began)
            found.append(1e3 * median(taken))
    return round(min(found), 2)


async def in_turns_ms(
    one: tuple[Town, PersonId], other: tuple[Town, PersonId], questions: Sequence[str]
) -> tuple[float, float, float]:
    """As `Town.ask_ms` for each of two people, and the median of how long the other's rounds take beside the one's."""
    rounds = [
        [spread_ms(await town.asked(person, questions))["p50"] for town, person in (one, other)] for _ in range(REPEATS + 1)
    ]
    quiet = [min(times) for times in zip(*rounds[1:], strict=True)]
    return quiet[0], quiet[1], round(median(second / first for first, second in rounds[1:]), 2)


@asynccontextmanager
async def open_town(rounds: int = ROUNDS) -> AsyncIterator[Town]:
    """An empty town."""
    embedder = HashEmbedder()
    await embedder.ready()
    async with open_house(embedder) as house:
        yield Town(house=house, rounds=rounds)


async def measure(total: int, show: Callable[[str], None], *, rounds: int = ROUNDS) -> dict[str, object]:
    """All figures with so many memories at the end."""
    small: dict[str, float] = {}
    still: dict[str, float] = {}
    ratios: list[float] = []
    result: dict[str, object] = {}
    own = total // STEPS[0]
    async with open_town(rounds) as town:
        person, said = await town.settle(min(SMALL, own))
        questions = town.questions(said)
        async with open_town(rounds) as village:
            settled, _ = await village.settle(min(SMALL, own))  # the same, by the same seed
            await village.grow(total // STEPS[0])
            for part in STEPS:
                await town.grow(total // part)
                name = str(total // part)
                still[name], small[name], ratio = await in_turns_ms((village, settled), (town, person), questions)
                ratios.append(ratio)
                show(f"{name} memories: {small[name]} ms, beside {still[name]} ms: {ratio}")
                if part == STEPS[1]:
                    result["rebuild_s"] = round(await town.rebuild_s(), 1)
                    show(f"rebuilt in {result['rebuild_s']} s")
        person, said = await town.settle(own)
        show(f"somebody with {own} memories")
        questions = town.questions(said)
        result["first_touch_ms"] = round(await town.first_touch_ms(person, questions), 1)
        result["own_ms"] = await town.ask_ms(person, questions)
        parts = await town.remembered_ms(person, questions[0], own)
        result["add_ms"], result["fsync_ms"] = parts["put in"], fsync_ms(Path(town.house.stores.database.path).parent)
        result["remembered_ms"] = round(sum(parts.values()), 3)
        result["remembered_parts_ms"] = parts
        result["rss_mib"] = {"bot": rss_mib(os.getpid()), "index": rss_mib(town.house.index.pid)}
        people = town.people
    figures = {
        "total": total,
        "people": people,
        "own": own,
        "small_ms": small,
        "still_ms": still,
        "ratio": max(ratios),
        **result,
    }
    return judged("memory_scale", figures, AIMS)


def _total(text: str) -> int:
    if not text.isdigit() or int(text) < STEPS[0]:
        raise argparse.ArgumentTypeError(f"expected a number of at least {STEPS[0]}, found {text!r}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; exit 1 when an aim is missed."""
    parser = command("memory_scale", __doc__)
    parser.add_argument("--total", type=_total, default=TOTAL, help=f"memories at the end (default: {TOTAL})")
    options = parser.parse_args(arguments)
    quieten()
    quiet = options.json
    result = run(measure(options.total, lambda line: None if quiet else print(line, flush=True)))
    tell(result, only_json=options.json)
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
