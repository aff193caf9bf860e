"""The short campaigns of every test run; `make chaos` kills 500 times at each place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.platform_kills import MUST_BE_ZERO, PLACES, campaign


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", PLACES)
async def test_kills_at_a_platform_lose_and_double_nothing(place: str, tmp_path: Path) -> None:
    found = await campaign(tmp_path / "data", place=place, kills=3, seed=20261120, people=2)
    zero = [*MUST_BE_ZERO, *(("doubled", "unaccounted") if place != "telegram-draft" else ())]
    assert {name: found[name] for name in zero if found[name]} == {}, found["examples"]
    assert found["questions"]
