"""A whole night beside a running bot: `python -m benchmarks.night --turns 100000 --json`.

The invented people of the two weeks, as many as it takes, have their rated answers in a real database. A whole bot runs in
this process, people write to it all the time (a model of 100 ms), and an admin has the night made, in its own process.

minutes             the night from beginning to end; `steps_s` by step
night_rss_mib       most memory of the night's process
chat_p95_ms         from a message to its delivered answer, before and after the night (`quiet`), and while it goes on (`night`)
loop_ms             how late the bot's loop woke: its 99.9th percentile and its worst, of wakes 5 ms apart
loop_cpu_ms         the most CPU time that the loop's thread used between two wakes: what the bot itself did there. The rest of
                    a late wake is the machine's, which had given the core to somebody else

The last line is one JSON object; exit 1 when an aim is missed.
"""

from __future__ import annotations

import asyncio
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.overhead import InProcess
from benchmarks.telling import command, judged, tell
from benchmarks.two_weeks_people import happenings
from benchmarks.two_weeks_town import Chronicle, new_folder
from bot.admin_types import NightAsked
from bot.app import Bot, open_stores
from bot.config import load_config
from bot.log import Logs
from bot.process import run, settle
from bot.store.folder import DataFolder
from bot.store.open import open_folder
from bot.system import SystemClock, TimeOrderedIds
from bot.types import AddressId, PersonId

SEED: Final = 3
TURNS: Final = 100_000
RATED_OF_EACH: Final = 10.5
"""Rated answers of an invented person that a night collects."""
TALKERS: Final = 8
MODEL_MS: Final = 100
QUIET_S: Final = 30.0
WAKE_S: Final = 0.005
AIMS: Final = {"chat_ratio": 1.2, "loop_cpu_ms": 20.0}
_SETTINGS: Final = {
    "MARTIN_MODELS__PROVIDER": "scripted",
    "MARTIN_MODELS__SCRIPTED__DELAY_MS": str(MODEL_MS),
    "MARTIN_MODELS__SCRIPTED__TEXT": "certainly",
    "MARTIN_MODELS__PARALLEL": "64",
    "MARTIN_MEMORY__ENABLED": "false",
    "MARTIN_LEARNING__ENABLED": "false",  # the clock's: an admin asks for this one
    "MARTIN_LOG__LEVEL": "error",
}


@dataclass(slots=True, kw_only=True)
class Watch:
    """What was seen in one stretch of time, in milliseconds."""

    chat: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, other: Watch) -> None:
        """Add what another stretch saw."""
        self.chat += other.chat
        self.late += other.late
        self.cpu += other.cpu


class Talk:
    """People who write all the time, and a task that looks at the loop."""

    def __init__(self, channel: InProcess) -> None:
        self._channel = channel
        self.now = Watch()
        self.is_over = False
        self._number = 0

    async def talker(self, who: int) -> None:
        """Ask, wait for the answer, ask again."""
        while not self.is_over:
            self._number += 1
            watch, began = self.now, time.perf_counter()
            await self._channel.ask(who, self._number, f"please tell me thing {self._number} about lighthouses")
            watch.chat.append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(0.05)

    async def look(self) -> None:
        """Wake every few milliseconds, and note how late and after how much CPU time of this thread."""
        while not self.is_over:
            began, used = time.perf_counter(), time.thread_time()
            await asyncio.sleep(WAKE_S)
            self.now.late.append((time.perf_counter() - began - WAKE_S) * 1e3)
            self.now.cpu.append((time.thread_time() - used) * 1e3)

    def turn_over(self) -> Watch:
        """What was seen so far; from now on it goes elsewhere."""
        seen, self.now = self.now, Watch()
        return seen


async def settled(folder: Path, turns: int, show: Callable[[str], None]) -> None:
    """A data folder with the lives of so many people that some `turns` answers are rated."""
    people = max(60, round(turns / RATED_OF_EACH))
    began = time.perf_counter()
    data = await new_folder(folder, SEED)
    async with open_folder(data, clock=SystemClock(), ids=TimeOrderedIds()) as stores:
        await Chronicle(stores, at_once=500).live(happenings(people, seed=SEED))
    show(f"{people} people settled in {time.perf_counter() - began:.0f} s")


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[Bot, InProcess]]:
    """A whole bot over that folder in this process."""
    config = load_config(environ={**_SETTINGS, "MARTIN_DATA_DIR": str(folder)})
    place, channel, ready = DataFolder.open(config.data_dir), InProcess(), asyncio.Event()
    with place.lock(), Logs(config.log):
        async with open_stores(config) as stores, asyncio.TaskGroup() as tasks:
            bot = Bot(config, place, stores, {channel.name: channel})
            tasks.create_task(bot.run(None, ready.set))
            await ready.wait()
            await settle(bot.knowledge.refresh())
            yield bot, channel
            bot.stop()


async def followed(bot: Bot) -> dict[str, float]:
    """Seconds by step of the night that is under way, once it has ended."""
    steps: dict[str, float] = {}
    step, began = "", time.perf_counter()
    while (standing := bot.learning.standing()).is_running:
        if standing.step != step:
            if step:
                steps[step] = round(steps.get(step, 0.0) + time.perf_counter() - began, 1)
            step, began = standing.step, time.perf_counter()
        await asyncio.sleep(0.1)
    return {**steps, step: round(time.perf_counter() - began, 1)}


async def measure(folder: Path, turns: int, show: Callable[[str], None]) -> dict[str, object]:
    """All figures."""
    await settled(folder, turns, show)
    quiet = Watch()
    async with serving(folder) as (bot, channel), asyncio.TaskGroup() as around:
        talk = Talk(channel)
        for who in range(TALKERS):
            around.create_task(talk.talker(who))
        await asyncio.sleep(3)
        around.create_task(talk.look())
        talk.turn_over()
        await asyncio.sleep(QUIET_S)
        quiet.take(talk.turn_over())
        nobody = NightAsked(person_id=PersonId(""), address_id=AddressId(""), language="en")
        began = time.perf_counter()
        if not bot.learning.begin(nobody):
            raise RuntimeError("a night is under way already")
        steps = await followed(bot)
        minutes = (time.perf_counter() - began) / 60
        night = talk.turn_over()
        rss = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        await asyncio.sleep(QUIET_S)
        quiet.take(talk.turn_over())
        talk.is_over = True
        done = bot.learning.standing().last
    if done is None or done.error:
        raise RuntimeError(f"the night failed: {done.error if done else 'nothing is known of it'}")
    p95 = {"quiet": _percentile(quiet.chat, 95), "night": _percentile(night.chat, 95)}
    figures = {
        "collected": done.collected,
        "kept": done.kept,
        "people": done.people,
        "files": len(done.files),
        "minutes": round(minutes, 2),
        "steps_s": steps,
        "night_rss_mib": round(rss, 1),
        "chats": {"quiet": len(quiet.chat), "night": len(night.chat)},
        "chat_p50_ms": {"quiet": _percentile(quiet.chat, 50), "night": _percentile(night.chat, 50)},
        "chat_p95_ms": p95,
        "chat_ratio": round(p95["night"] / p95["quiet"], 3),
        "loop_ms": {
            name: {"p999": _percentile(watch.late, 99.9), "worst": round(max(watch.late), 1)}
            for name, watch in (("quiet", quiet), ("night", night))
        },
        "loop_late_over_20_ms": sum(late > AIMS["loop_cpu_ms"] for late in night.late),
        "loop_wakes": len(night.late),
        "loop_cpu_ms": round(max(night.cpu), 1),
        "loop_cpu_quiet_ms": round(max(quiet.cpu), 1),
    }
    return judged("night", figures, AIMS)


def _percentile(values: Sequence[float], which: float) -> float:
    return round(statistics.quantiles(values, n=1000, method="inclusive")[round(which * 10) - 1], 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; exit 1 when an aim is missed."""
    parser = command("night", __doc__)
    parser.add_argument("--turns", type=int, default=TURNS, help=f"rated answers (default: {TURNS})")
    options = parser.parse_args(arguments)

    def show(line: str) -> None:
        if not options.json:
            print(line, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory(prefix="martin-night-") as folder:
        result = run(measure(Path(folder) / "data", options.turns, show))
    tell(result, only_json=options.json)
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
