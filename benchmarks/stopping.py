"""How soon an answer stops: `python -m benchmarks.stopping --json`.

A whole bot at each place, on the local platforms of the tests, answers with a local model that would go on for a minute.
Somebody sees the beginning and says stop, again and again.

stop_ms             from saying so until the model's connection is closed, p50 and worst by place; the model looks every 20 ms
worst_ms            the worst of all

The last line is one JSON object; exit 1 when an aim is missed.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.telling import command, judged, tell
from tests.behaviour.places import PLACES, at

STOPS: Final = 20
AIMS: Final = {"worst_ms": 1_000.0}
_BETWEEN_TOKENS_S: Final = 0.02
_STORY: Final = "A long story without any end to it. " * 500


async def stops_ms(place_name: str, folder: Path, stops: int) -> list[float]:
    """Milliseconds that each of so many stops took."""
    found = []
    async with at(place_name, folder) as place:
        place.model.say = lambda _: _STORY
        place.model.between_tokens_s = _BETWEEN_TOKENS_S
        for number in range(stops):
            friend = place.meet("es" if number % 2 else "en")
            place.model.left.clear()
            await friend.begin("Tell me a story.")
            began = time.perf_counter()
            stopping = asyncio.create_task(friend.stop())
            await place.model.left.wait()
            found.append((time.perf_counter() - began) * 1e3)
            await stopping
    return found


async def measure(stops: int) -> dict[str, object]:
    """All figures."""
    taken: dict[str, dict[str, float]] = {}
    for name in PLACES:
        with tempfile.TemporaryDirectory(prefix="martin-stopping-") as folder:
            found = await stops_ms(name, Path(folder) / "data", stops)
        taken[name] = {"p50": round(median(found), 1), "worst": round(max(found), 1)}
    worst = max(times["worst"] for times in taken.values())
    return judged("stopping", {"stops": stops, "stop_ms": taken, "worst_ms": worst}, AIMS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; exit 1 when an aim is missed."""
    parser = command("stopping", __doc__)
    parser.add_argument("--stops", type=int, default=STOPS, help=f"stops at each place (default: {STOPS})")
    options = parser.parse_args(arguments)
    result = asyncio.run(measure(options.stops))
    tell(result, only_json=options.json)
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
