"""What others notice of somebody who writes without end: `python -m benchmarks.noisy --place telegram --json`.

On a platform's local server with its limits on, 199 people write now and then and one writes 1,000 messages a minute, in
stretches with and without that one, in turns. The bot has its usual limits; its model takes 100 ms.

p95_ms              from a message of the 199 until its answer stands there, without the noisy one (`calm`) and with (`noisy`)
ratio               the one beside the other
answered, lost      messages of the 199
told                how often the noisy one was told to wait, in so many minutes of noise

The last line is one JSON object; exit 1 when an aim is missed.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Final

from benchmarks.flood import PLACES, Place, opened
from benchmarks.recall import spread_ms
from benchmarks.telling import command, judged, tell
from bot.process import run
from tests.journeys.process import running

SEED: Final = 7
CALM: Final = 199
EVERY_S: Final = 30.0
"""Between two messages of one of the calm."""
NOISE_EVERY_S: Final = 0.06
STRETCH_S: Final = 40.0
STRETCHES: Final = 4
WARM_UP_S: Final = 20.0
PATIENCE_S: Final = 60.0
AIMS: Final = {"ratio": 1.2, "lost": 0.0}
_END: Final = ": certainly."
_ASKED: Final = re.compile(r"\bq(\d+)\b")
_SETTINGS: Final = {
    "MARTIN_MODELS__PROVIDER": "scripted",
    "MARTIN_MODELS__SCRIPTED__TEXT": f"About {{question}}{_END}",
    "MARTIN_MODELS__SCRIPTED__DELAY_MS": "100",
    "MARTIN_MODELS__PARALLEL": "64",
}


class Crowd:
    """People on a platform, and how long each of their messages waited."""

    def __init__(self, say: Callable[[int, str], None], *, every_s: float = EVERY_S, patience_s: float = PATIENCE_S) -> None:
        self._say, self._chance = say, Random(SEED)
        self._every_s, self._patience_s = every_s, patience_s
        self._number = 0
        self._waiting: dict[int, asyncio.Future[float]] = {}
        self.told = 0
        self.lost = 0
        self.now: list[float] = []
        self.is_noisy = self.is_over = False

    def hear(self, text: str) -> None:
        """Something that the bot says."""
        found = _ASKED.search(text)
        if found is not None and _END in text:
            waiting = self._waiting.pop(int(found[1]), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(time.perf_counter())
        elif found is None:
            self.told += "faster than I can answer" in text

    async def calm(self, person: int) -> None:
        """Ask, wait for the answer, and ask again after a while."""
        await asyncio.sleep(self._chance.uniform(0, self._every_s))
        while not self.is_over:
            self._number += 1
            answered = self._waiting[self._number] = asyncio.get_running_loop().create_future()
            taken, began = self.now, time.perf_counter()
            self._say(person, f"q{self._number} about lighthouses, please")
            try:
                async with asyncio.timeout(self._patience_s):
                    taken.append(await answered - began)
            except TimeoutError:
                self.lost += 1
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) * self._every_s)

    async def noise(self) -> None:
        """The one who writes without end."""
        while not self.is_over:
            if self.is_noisy:
                self._say(CALM, "and another thing about lighthouses")
            await asyncio.sleep(NOISE_EVERY_S)


async def measure(place: Place, stretch_s: float) -> dict[str, object]:
    """All figures of a place."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="martin-noisy-"))
        there = await stack.enter_async_context(opened(place))
        crowd = Crowd(there.say)
        bot = await stack.enter_async_context(running(Path(folder), **_SETTINGS, **there.settings))
        await there.ready()
        seen: dict[bool, list[float]] = {False: [], True: []}
        async with asyncio.TaskGroup() as tasks:
            living = [tasks.create_task(crowd.calm(person)) for person in range(CALM)]
            living.append(tasks.create_task(crowd.noise()))
            living.append(tasks.create_task(there.overhear(crowd.hear)))
            await asyncio.sleep(WARM_UP_S)
            for number in range(STRETCHES):
                crowd.is_noisy = bool(number % 2)
                crowd.now = seen[crowd.is_noisy]
                await asyncio.sleep(stretch_s)
            for task in living:
                task.cancel()
        sight = there.sight()
        ended = await bot.end()
    p95 = {name: spread_ms(seen[is_noisy])["p95"] for name, is_noisy in (("calm", False), ("noisy", True))}
    ratio = round(p95["noisy"] / p95["calm"], 3)
    return {
        "place": place,
        "p95_ms": p95,
        "ratio": ratio,
        "answered": {"calm": len(seen[False]), "noisy": len(seen[True])},
        "lost": crowd.lost,
        "told": crowd.told,
        "noise_minutes": round(stretch_s * STRETCHES / 2 / 60, 2),
        "limit_answers": sight.limit_answers,
        "problems": sight.problems,
        "bot_ended_with": ended,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; exit 1 when an aim is missed."""
    parser = command("noisy", __doc__)
    parser.add_argument("--place", choices=PLACES, default=PLACES[0], help=f"where (default: {PLACES[0]})")
    parser.add_argument("--seconds", type=float, default=STRETCH_S, help=f"of each stretch (default: {STRETCH_S:g})")
    options = parser.parse_args(arguments)
    result = judged("noisy", run(measure(options.place, options.seconds)), AIMS)
    tell(result, only_json=options.json)
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
