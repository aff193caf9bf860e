"""How much work something is, in units that a slow or busy machine stretches as much as the work itself."""

from __future__ import annotations

import time
from collections.abc import Callable

LAPS = 16_000
ROUNDS = 3


def effort(work: Callable[[], object], *, rounds: int = ROUNDS) -> float:
    """The processor time of `work` as a multiple of the yardstick's, which takes about a millisecond of a quiet machine.

    Both are measured in turns on the calling thread and the least of each counts, so that neither what else runs here nor a
    machine that is slower this minute decides a test.
    """
    pairs = [(_seconds(_yardstick), _seconds(work)) for _ in range(rounds)]
    return min(spent for _, spent in pairs) / min(unit for unit, _ in pairs)


def _yardstick() -> int:
    return sum(len(str(number)) for number in range(LAPS))


def _seconds(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began
