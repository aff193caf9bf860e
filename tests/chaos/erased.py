"""Forget a thousand people, killed again and again meanwhile: no byte of theirs is left, nor comes back with a backup (M-8).

`python -m tests.chaos.erased --people 1000 --kills 100`. Everybody has words of their own in messages, memories and
corrections, and vectors of their own in SQL and Chroma; half of as many people again stay, and must not notice.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import signal
import sqlite3
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path

import numpy as np

from bot.app import open_stores
from bot.chores import back_up, restore_from
from bot.config import Config
from bot.jobs.forget import ForgetJob
from bot.running_index import OPEN_S, index_of
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.open import Stores
from bot.system import SystemClock
from bot.types import PersonId, Scope
from profiles.embed import HashEmbedder
from profiles.indexer import Indexer
from tests.chaos import campaigns
from tests.chaos.village import Villager, village, word_of

LIST = "people-to-forget"
PIECE = 100
"""Numbers of a vector that are looked for."""
SLOWEST_S = 3_600.0
SLOWEST_KILL_S = 0.3
"""How long at most after enough were forgotten a process is killed, in the middle of the next one."""
BEGIN = b"zq"
"""Of every word that only one person says: four thousand of them are looked for in one pass."""


def config_of(path: Path) -> Config:
    """The settings of the campaign's folder."""
    return Config(data_dir=path)


async def forget_all(path: Path, people: Iterable[str]) -> None:
    """The chore behind `/forgetme` for these people, one after another, with the real index."""
    config, clock = config_of(path), SystemClock()
    folder = DataFolder.open(path)
    async with AsyncExitStack() as stack:
        stack.enter_context(folder.lock())
        stores = await stack.enter_async_context(open_stores(config))
        await stores.erasure.apply_tombstones()
        embedder = HashEmbedder()
        index = index_of(config, folder, clock, embedder.name)
        index.start()
        stack.push_async_callback(index.aclose)
        await index.wait_open(OPEN_S)
        indexer = Indexer(vectors=stores.vectors, index=index, embedder=embedder, clock=clock, pause_s=0)
        chore = ForgetJob((indexer, *stores.personal))
        for person in people:
            await chore.run(PersonId(person))


async def vectors_of(stores: Stores, people: Sequence[Villager], others: Sequence[Villager]) -> list[bytes]:
    """Telling pieces of some people's vectors as files hold them, float16 in SQL and float32 in Chroma; no other has them."""
    foreign = [row.vector for who in others for row in await stores.vectors.of(who.person, Scope(), HashEmbedder().name)]
    found: list[bytes] = []
    for who in people:
        for row in await stores.vectors.of(who.person, Scope(), HashEmbedder().name):
            numbers = np.frombuffer(row.vector, np.float16)
            start = int(np.argmax(np.convolve(numbers != 0, np.ones(PIECE), "valid")))
            piece = numbers[start : start + PIECE]
            if not any(piece.tobytes() in vector for vector in foreign):
                found += [piece.tobytes(), piece.astype(np.float32).tobytes()]
    return found


def holding(path: Path, words: Sequence[bytes], pieces: Sequence[bytes]) -> list[str]:
    """The files outside `backups/` in which any of the words stands, in letters of either case, or any of the pieces."""
    wanted = set(words)
    lengths = {len(word) for word in wanted}
    found = []
    for file in sorted(path.rglob("*")):
        if file.is_file() and "backups" not in file.relative_to(path).parts:
            content = file.read_bytes()
            folded = content.lower()
            places = [start.start() for start in re.finditer(re.escape(BEGIN), folded)]
            said = {folded[place : place + length] for place in places for length in lengths} & wanted
            if count := len(said) + sum(piece in content for piece in pieces):
                found.append(f"{file.relative_to(path)}: {count}")
    return found


async def campaign(path: Path, *, people: int, kills: int, seed: int) -> Mapping[str, object]:
    """Settle, back up, forget under kills, look; restore the backup, start, look again."""
    chance = random.Random(seed)
    async with village(path, with_index=True) as here:
        await here.settle(people + people // 2, chance)
        leaving, staying = here.people[:people], here.people[people:]
        vectors = await vectors_of(here.stores, chance.sample(leaving, min(20, people)), staying)
        kept = {who.person: await _number(here.stores, who.person) for who in staying}
    words = [word_of(who.number, place, told).lower().encode() for who in leaving for place in "pg" for told in (0, 9)]
    assert all(word.startswith(BEGIN) for word in words)
    before = holding(path, words[:8], vectors[:4])
    await back_up(config_of(path), path / "backups" / "before.db")
    killed = await _forget_under_kills(path, [who.person for who in leaving], kills, chance)
    left = holding(path, words, vectors)
    async with open_stores(config_of(path)) as stores:
        lost = [who for who, count in kept.items() if await _number(stores, who) != count]
        broken = [one.name for one in await broken_invariants(stores.database)]
    await restore_from(config_of(path), path / "backups" / "before.db")
    await forget_all(path, ())  # what every start does before it serves
    returned = holding(path, words, vectors)
    return {
        "people": people,
        "kills": killed,
        "files_with_them_before": len(before),
        "files_with_them_after": left,
        "files_with_them_after_a_restored_backup": returned,
        "who_stayed_and_lost_something": len(lost),
        "broken_invariants": broken,
    }


async def _number(stores: Stores, person: PersonId) -> int:
    return (await stores.memories.version(person, Scope())).count


async def _forget_under_kills(path: Path, people: Sequence[str], kills: int, chance: random.Random) -> int:
    """Let processes forget these people, each killed after a while until there were enough kills; how many there were."""
    listed = path.parent / LIST
    listed.write_text("\n".join(people), "utf-8")
    killed, tombstones = 0, DataFolder.open(path).tombstones
    while True:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.erased", "--victim", str(path), "--list", str(listed), start_new_session=True
        )
        enough = len(people) * (killed + 1) / (kills + 1) if killed < kills else float("inf")
        if await _forgotten(tombstones, enough, process):
            await asyncio.sleep(chance.uniform(0, SLOWEST_KILL_S))
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
                killed += 1
                continue
        if process.returncode == 0:
            return killed
        raise RuntimeError(f"the victim ended with {process.returncode}")


async def _forgotten(tombstones: Path, enough: float, process: asyncio.subprocess.Process) -> bool:
    """Whether so many have a tombstone, before the process ended by itself."""
    async with asyncio.timeout(SLOWEST_S):
        while process.returncode is None:
            if tombstones.exists() and len(tombstones.read_bytes().splitlines()) >= enough:
                return True
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 0.02)
    return False


def _still_there(path: Path, people: Sequence[str]) -> list[str]:
    """Those of the people who are not forgotten yet, the one whose turn it was first."""
    connection = sqlite3.connect(path / "martin.db")
    try:
        known = {person for (person,) in connection.execute("SELECT id FROM people")}
    finally:
        connection.close()
    first = next((number for number, person in enumerate(people) if person in known), len(people))
    return list(people[max(0, first - 1) :])


def main() -> int:
    """Exits with 1 when anything of anybody was left, came back, or somebody else lost something."""
    parser = argparse.ArgumentParser(description="Forget people under kills; look for any byte of theirs.")
    parser.add_argument("--people", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--victim", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--list", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.victim is not None:
        people = given.list.read_text("utf-8").split()
        asyncio.run(forget_all(given.victim, _still_there(given.victim, people)))
        return 0
    return campaigns.run(
        partial(campaign, people=given.people, kills=given.kills, seed=given.seed),
        must_be_zero=(
            "files_with_them_after",
            "files_with_them_after_a_restored_backup",
            "who_stayed_and_lost_something",
            "broken_invariants",
        ),
        must_hold=("files_with_them_before",),
    )


if __name__ == "__main__":
    sys.exit(main())
