"""Kill a loaded bot many times and check, from outside and in its database, that nothing was lost or doubled.

`python -m tests.chaos.kills --kills 500 [--seed N] [--json]` is what `make chaos` runs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.chaos.talk import Talker

CRASH_LABELS = (
    "BEGIN", "COMMIT", "insert arrival", "insert turn", "insert outgoing", "insert pending memory", "add usage",
    "move arrival", "end outgoing", "set rating", "count attempt", "insert delivery", "around a message",
)  # fmt: skip
"""Parts of the labels of database calls at which the victim kills itself."""
SURE_CRASH = "insert turn:1"
"""One that no life is without in which anybody is answered."""
READY_S = 60.0
REMEMBERED = """
select turn_id, count(*) from (
    select turn_id from pending_memories where part in ('question', 'answer')
    union all
    select source from memory_sources join memories on id = memory_id where kind = 'episode'
) group by turn_id
"""
"""For each turn how many of its two parts are to be remembered, or are."""
ENDED = ("sent", "failed", "refused", "absorbed", "erased")


@dataclass(slots=True)
class Result:
    """What a campaign found. From `lost` on every count must be 0."""

    kills: int = 0
    named_kills: int = 0
    accepted: int = 0
    ratings: int = 0
    failed_and_told: int = 0
    lost: int = 0
    unanswered: int = 0
    doubled_turns: int = 0
    contradictory_replies: int = 0
    wrong_ratings: int = 0
    wrong_memories: int = 0
    doctor_exit: int = 0
    seconds: float = 0.0
    examples: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost or doubled."""
        faults = (
            self.lost, self.unanswered, self.doubled_turns, self.contradictory_replies,
            self.wrong_ratings, self.wrong_memories, self.doctor_exit,
        )  # fmt: skip
        return not any(faults)


def environment(folder: Path) -> dict[str, str]:
    """The settings of a victim: an answer takes about 100 ms, so that kills fall into the middle of answers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARTIN_") and name != "PORT"}
    return kept | {
        "MARTIN_DATA_DIR": str(folder),
        "MARTIN_WEB__PORT": "0",
        "MARTIN_MODELS__PROVIDER": "scripted",
        "MARTIN_MODELS__SCRIPTED__DELAY_MS": "20",
        "MARTIN_MODELS__SCRIPTED__TOKENS_PER_S": "200",
        "MARTIN_LOG__LEVEL": "error",
    }


async def start(env: Mapping[str, str], folder: Path, crash: str = "") -> tuple[asyncio.subprocess.Process, str]:
    """A running victim and the address of its page. Raises RuntimeError when it ends instead."""
    arguments = ["-m", "tests.chaos.victim", *([crash] if crash else [])]
    run_json = folder / "run.json"
    run_json.unlink(missing_ok=True)
    with (folder / "stderr.txt").open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, env=dict(env), stdout=asyncio.subprocess.DEVNULL, stderr=errors
        )
    deadline = time.monotonic() + READY_S
    async with httpx.AsyncClient(timeout=2) as client:
        while time.monotonic() < deadline:
            if process.returncode is not None:
                raise RuntimeError(f"the bot ended with {process.returncode}")
            try:
                address = json.loads(run_json.read_text(encoding="utf-8"))["address"]
                if (await client.get(f"{address}/health/live")).status_code == 200:
                    return process, address
            except (OSError, ValueError, KeyError, httpx.HTTPError):
                await asyncio.sleep(0.02)
    raise RuntimeError("the bot was not ready in time")


async def one_life(env: Mapping[str, str], folder: Path, talkers: list[Talker], chance: random.Random, result: Result) -> None:
    """Start the bot, let people talk, kill it: at a random instant, or (at first, then two times in five) at a named call."""
    crash = f"{chance.choice(CRASH_LABELS)}:{chance.randrange(1, 9)}" if chance.random() < 0.4 else ""
    crash = crash if result.kills else SURE_CRASH
    try:
        process, address = await start(env, folder, crash)
    except RuntimeError:
        if crash:
            result.kills += 1
            result.named_kills += 1
            return
        raise
    until, patience_s = asyncio.Event(), chance.uniform(0.05, 1.2)
    if crash:
        patience_s = 30.0 if crash == SURE_CRASH else 3.0
    heard = _heard(talkers)
    async with asyncio.TaskGroup() as tasks:
        for talker in talkers:
            tasks.create_task(talker.talk(address, until))
        if not crash and chance.random() < 0.5:
            await _somebody_is_heard(talkers, heard, process)
        try:
            async with asyncio.timeout(patience_s):
                await process.wait()
        except TimeoutError:
            process.send_signal(signal.SIGKILL)
        else:
            result.named_kills += 1
        until.set()
        await process.wait()
    result.kills += 1


def _heard(talkers: list[Talker]) -> int:
    return sum(said.is_accepted for talker in talkers for said in talker.said)


async def _somebody_is_heard(talkers: list[Talker], before: int, process: asyncio.subprocess.Process) -> None:
    """Wait until a message more is taken: on a busy machine a life may end before the first, and show little."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while process.returncode is None and _heard(talkers) == before:
                await asyncio.sleep(0.01)


async def campaign(kills: int, folder: Path, seed: int, people: int = 8) -> Result:
    """Kill `kills` times, then let it finish in peace and count what is wrong."""
    began = time.monotonic()
    chance, result = random.Random(seed), Result()
    env = environment(folder)
    talkers = [Talker(f"person-{number:02}-{'x' * 20}", seed + number) for number in range(people)]
    for _ in range(kills):
        await one_life(env, folder, talkers, chance, result)
    process, address = await start(env, folder)
    enough = asyncio.Event()
    enough.set()
    await asyncio.gather(*(talker.talk(address, enough) for talker in talkers))
    await _quiet(folder)
    process.send_signal(signal.SIGTERM)
    await process.wait()
    silent = asyncio.subprocess.DEVNULL
    doctor = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", "doctor", "--check", env=env, stdout=silent)
    result.doctor_exit = await doctor.wait()
    _judge(folder, talkers, result)
    result.seconds = round(time.monotonic() - began, 1)
    return result


async def _quiet(folder: Path) -> None:
    """Wait until every inbox row has ended (at most a minute; then the judge finds what has not)."""
    for _ in range(600):
        with sqlite3.connect(folder / "martin.db") as database:
            left = database.execute("select count(*) from inbox where state in ('received', 'answered')").fetchone()[0]
        database.close()
        if not left:
            return
        await asyncio.sleep(0.1)


def _judge(folder: Path, talkers: list[Talker], result: Result) -> None:
    database = sqlite3.connect(folder / "martin.db")
    states = dict(database.execute("select id, state from inbox"))
    turns: dict[str, list[str]] = {}
    failed = set()
    for turn_id, question, status in database.execute("select id, question, status from turns where kind = 'text'"):
        turns.setdefault(question, []).append(turn_id)
        if status == "failed":
            failed.add(turn_id)
    rated = dict(database.execute("select turn_id, value from ratings"))
    memories: dict[str, int] = dict(database.execute(REMEMBERED))
    database.close()
    for talker in talkers:
        for said in talker.said:
            if not said.is_accepted:
                continue
            result.accepted += 1
            ids = turns.get(said.text, [])
            result.lost += not ids
            result.doubled_turns += len(ids) > 1
            result.unanswered += any(states.get(turn_id) not in ENDED for turn_id in ids) or not said.replies
            result.contradictory_replies += len(said.replies) > 1
            result.failed_and_told += any(turn_id in failed for turn_id in ids)
            result.wrong_memories += any(memories.get(turn_id, 0) != (0 if turn_id in failed else 2) for turn_id in ids)
            if len(ids) != 1 or len(said.replies) != 1:
                result.examples.append(f"{said.text!r}: turns {ids}, replies {len(said.replies)}")
        for turn_id, value in talker.ratings.items():
            if value is None:
                continue
            result.ratings += 1
            result.wrong_ratings += rated.get(turn_id) != value
    del result.examples[10:]


def main() -> None:
    """Run a campaign and print it as one JSON object; exit 1 unless it is clean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20261120)
    parser.add_argument("--folder", type=Path, help="keep the data folder here (default: a temporary one)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="martin-chaos-") as temporary:
        folder = arguments.folder or Path(temporary)
        result = asyncio.run(campaign(arguments.kills, folder, arguments.seed))
    shown = {name: getattr(result, name) for name in Result.__dataclass_fields__}
    print(json.dumps(shown | {"seed": arguments.seed, "is_clean": result.is_clean}))
    sys.exit(0 if result.is_clean else 1)


if __name__ == "__main__":
    main()
