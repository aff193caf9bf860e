"""The benchmark of stopping measures what it says, on a whole bot."""

from __future__ import annotations

from pathlib import Path

from benchmarks.stopping import stops_ms
from tests.behaviour.places import PLACES


async def test_each_stop_is_timed_until_the_model_is_left(tmp_path: Path) -> None:
    found = await stops_ms("console", tmp_path / "data", 2)
    assert len(found) == 2
    assert all(0 < took < 30_000 for took in found)
    assert len(PLACES) == 5
