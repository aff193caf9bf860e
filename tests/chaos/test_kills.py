"""The short campaign of every test run; `make chaos` runs forty times as many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.kills import campaign


@pytest.mark.timeout(600)
async def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    result = await campaign(12, tmp_path, seed=20261120)
    assert result.is_clean, result
    assert result.kills == 12
    assert result.named_kills >= 1
    assert result.accepted >= 12
