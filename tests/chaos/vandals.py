"""Damage, kill and stop Chroma's process while people go on asking: no turn fails, and all harm is noticed and repaired (M-10).

`python -m tests.chaos.vandals --turns 1000`: every kind of file of the index is damaged in every way while it is open, and the
process is killed and stopped in between. After each act people ask on; then the hourly check is made, the index must be
whole again by itself, and find what an exact search of the vectors in SQL finds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import cycle
from pathlib import Path
from random import Random

import numpy as np

from bot.errors import IndexUnavailable
from bot.types import Flag, Scope
from profiles.index import ChromaIndex, IndexState
from tests.chaos import campaigns
from tests.chaos.village import TOLD, Village, Villager, found_in, village
from tests.profiles.test_chroma_child import KINDS, WAYS

READY_S = 120.0
TOP = 5
DEADLINE_S = 0.5

Act = tuple[str, Callable[[ChromaIndex, Path], None]]


def acts() -> Iterator[Act]:
    """Every way of damage to every kind of file, a kill or (each third time) a stop after each of them, for ever."""
    for number, (kind, way) in enumerate(cycle([(kind, way) for way in WAYS for kind in KINDS])):
        yield f"{way} {kind}", partial(damage, kind=kind, way=way)
        yield ("stop", partial(send, what=signal.SIGSTOP)) if number % 3 == 2 else ("kill", partial(send, what=signal.SIGKILL))


def damage(_index: ChromaIndex, folder: Path, *, kind: str, way: str) -> None:
    """Damage every file of a kind that there is."""
    for file in sorted(folder.rglob(kind)):
        WAYS[way](file)


def send(index: ChromaIndex, _folder: Path, *, what: signal.Signals) -> None:
    """A signal to the index's process, where it has one."""
    if index.pid is not None:
        os.kill(index.pid, what)


async def campaign(path: Path, *, people: int, turns: int, each: int, seed: int) -> Mapping[str, object]:
    """So many turns, an act before each `each` of them; what failed, and what was not repaired."""
    random = Random(seed)
    figures = dict.fromkeys(("acts", "failed", "without_recall", "late", "empty", "foreign_words", "unrepaired"), 0)
    slowest = 0.0
    wrong: list[str] = []
    async with village(path, with_index=True, deadline_s=DEADLINE_S) as here:
        await here.settle(people, random)
        assert here.indexer is not None
        assert here.index is not None
        running = asyncio.create_task(here.indexer.run())
        for number, (name, act) in zip(range(0, turns, each), acts(), strict=False):
            act(here.index, path / "chroma")
            figures["acts"] += 1
            for _ in range(min(each, turns - number)):
                who = random.choice(here.people)
                began = time.monotonic()
                prompt = await here.prompt(who, random.choice(TOLD[who.language])[1], in_group=False)
                took_s = time.monotonic() - began
                slowest = max(slowest, took_s)
                leaks, own = found_in(prompt, who, in_group=False)
                flags = here.outcome.flags if here.outcome is not None else frozenset({Flag.FAILED})
                figures["failed"] += Flag.FAILED in flags
                figures["without_recall"] += Flag.NO_RECALL in flags
                figures["late"] += took_s > DEADLINE_S + 0.5
                figures["empty"] += not own and Flag.NO_RECALL not in flags
                figures["foreign_words"] += len(leaks)
            if not await repaired(here, random):
                figures["unrepaired"] += 1
                wrong.append(name)
        running.cancel()
        await asyncio.wait([running])
    return {"people": people, "turns": turns, **figures, "slowest_turn_s": round(slowest, 2), "wrong": wrong[:5]}


async def repaired(here: Village, random: Random) -> bool:
    """Whether the index is whole again after the check that comes every hour, and finds what SQL finds."""
    assert here.indexer is not None
    assert here.index is not None
    try:
        async with asyncio.timeout(READY_S):
            while True:
                try:
                    await here.indexer.check()
                except IndexUnavailable:
                    await asyncio.sleep(0.2)
                    continue
                if here.index.status.state is IndexState.READY and here.index.rebuild is None:
                    break
                await asyncio.sleep(0.1)
    except TimeoutError:
        return False
    return all([await finds_the_same(here, who, random) for who in random.sample(here.people, min(3, len(here.people)))])


async def finds_the_same(here: Village, who: Villager, random: Random) -> bool:
    """Whether the index gives the nearest of a person's vectors as an exact search in SQL does."""
    assert here.index is not None
    rows = await here.stores.vectors.of(who.person, Scope(), here.index.embedder)
    matrix = np.stack([np.frombuffer(row.vector, "<f2").astype(np.float32) for row in rows])
    asked = matrix[random.randrange(len(rows))]
    cosines = matrix @ asked / np.linalg.norm(matrix, axis=1) / np.linalg.norm(asked)
    least = np.sort(cosines)[-TOP]
    exact = {row.id for row, cosine in zip(rows, cosines, strict=True) if cosine >= least - 1e-3}
    found = await here.index.search(who.person, [Scope(), Scope(group=who.group_id)], asked, TOP)
    return len(found) == TOP and all(hit.id in exact for hit in found)


def main() -> int:
    """Exits with 1 when a turn failed, a foreign word was in a prompt, or harm was not repaired."""
    parser = argparse.ArgumentParser(description="Damage, kill and stop the index under people who go on asking.")
    parser.add_argument("--turns", type=int, default=1_000)
    parser.add_argument("--each", type=int, default=10, help="turns after each act")
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--seed", type=int, default=10)
    given = parser.parse_args()
    return campaigns.run(
        partial(campaign, people=given.people, turns=given.turns, each=given.each, seed=given.seed),
        must_be_zero=("failed", "empty", "foreign_words", "unrepaired"),
        must_hold=("turns",),
    )


if __name__ == "__main__":
    sys.exit(main())
