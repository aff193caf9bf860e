"""Nights that are killed at any moment: what is published is the old state or the new one, whole.

`python -m tests.chaos.nights --kills 100`. A small town has its two weeks; the files of the night before the last are there.
Then processes make the last night, each killed after a while, until there were enough kills. After each kill every date that
is there passes the checker and is, byte for byte, what an undisturbed night makes; and so is what is resumed in the end.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.two_weeks import digest_of
from bot.errors import TrainingBusy
from bot.night_child import run_night
from learning.check import check
from learning.files import settle
from learning.folder import TrainingFolder
from learning.order import NightOrder
from tests.chaos import campaigns
from tests.learning.town import LAST, town

BEFORE = LAST - timedelta(days=1)
_ORDER = "order.json"


async def campaign(path: Path, *, people: int, kills: int, seed: int) -> Mapping[str, object]:
    """Publish, kill, look, until there were enough kills; the last night is made in the end as if nothing had happened."""
    chance = random.Random(seed)
    async with town(path, people=people) as here:
        await here.night(BEFORE)
        await here.night(LAST)
        whole = {BEFORE.isoformat(): here.digest(BEFORE), LAST.isoformat(): here.digest(LAST)}
        order, training = here.order(LAST), here.training
    (path / _ORDER).write_bytes(msgspec.json.encode(order))
    seconds = await _undisturbed_s(path, training)
    wrong: list[str] = []
    killed = ended = 0
    while killed < kills:
        if chance.random() < 0.5:
            shutil.rmtree(training.export(LAST), ignore_errors=True)  # else it is to be replaced
        was_there = training.export(LAST).exists()
        process = await _started(path)
        try:
            await asyncio.wait_for(process.wait(), chance.uniform(0, seconds))
            ended += 1
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            killed += 1
        wrong += _wrong(training, whole, was_there)
    process = await _started(path)
    await process.wait()
    return {
        "people": people,
        "kills": killed,
        "ended_before_their_kill": ended,
        "wrong": wrong,
        "ends_as_undisturbed": process.returncode == 0 and digest_of(training.export(LAST)) == whole[LAST.isoformat()],
        "work_left": training.work.exists(),
    }


def _wrong(training: TrainingFolder, whole: Mapping[str, str], was_there: bool) -> list[str]:
    """What is neither the old state nor the new one, once the next night has begun."""
    try:
        with training.owned():
            settle(training.path)
    except TrainingBusy:
        return ["the lock outlived its holder"]
    found = [f"{one.name} is not whole" for one in training.exports() if digest_of(one) != whole.get(one.name)]
    found += [f"{one.name} fails the checker" for one in training.exports() if check(one)]
    missing = [BEFORE] + ([LAST] if was_there else [])
    return found + [f"{night} is gone" for night in missing if not training.export(night).exists()]


async def _undisturbed_s(path: Path, training: TrainingFolder) -> float:
    shutil.rmtree(training.export(LAST))
    loop = asyncio.get_running_loop()
    began = loop.time()
    process = await _started(path)
    if await process.wait():
        raise RuntimeError(f"the night ended with {process.returncode}")
    return loop.time() - began


async def _started(path: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.nights", "--victim", str(path), start_new_session=True
    )


def main() -> int:
    """Exits with 1 when anything was half, lost, or not the same."""
    parser = argparse.ArgumentParser(description="Kill nights; look for half states.")
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--victim", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.victim is not None:
        order = msgspec.json.decode((given.victim / _ORDER).read_bytes(), type=NightOrder)
        asyncio.run(run_night(order, lambda step, done: None))
        return 0
    return campaigns.run(
        partial(campaign, people=given.people, kills=given.kills, seed=given.seed),
        must_be_zero=("wrong", "work_left"),
        must_hold=("ends_as_undisturbed",),
    )


if __name__ == "__main__":
    sys.exit(main())
