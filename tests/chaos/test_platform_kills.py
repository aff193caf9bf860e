"""Short campaigns, all at once: most of their time goes by in waiting. `make chaos` runs this, and kills more often."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.chaos.platform_kills import PLACES, campaign, must_be_zero


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_kills_at_the_platforms_lose_and_double_nothing(tmp_path: Path) -> None:
    ran = (campaign(tmp_path / place, place=place, kills=3, seed=20261120, people=2) for place in PLACES)
    for found in await asyncio.gather(*ran):
        wrong = {name: found[name] for name in must_be_zero(str(found["place"])) if found[name]}
        assert not wrong, (found["place"], found["examples"])
        assert found["questions"]
