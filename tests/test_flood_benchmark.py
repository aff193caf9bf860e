"""The measure of floods: nobody is lost, nobody is sent away, and what it counts is what there is."""

from __future__ import annotations

import pytest

from benchmarks.flood import Place, flood, opened


@pytest.mark.slow
@pytest.mark.parametrize("place", ["telegram", "discord"])
async def test_a_small_flood_is_answered_in_order_within_the_limits(place: Place) -> None:
    found = await flood(place, people=20, messages=60)
    assert (found["answered"], found["lost"], found["doubled"], found["strays"]) == (60, 0, 0, 0)
    assert (found["limit_answers"], found["problems"], found["bot_ended_with"]) == (0, 0, 0)
    assert found["calls"] >= found["needed_calls"] == (120 if place == "telegram" else 60)
    assert found["drain_s"] >= 0.9 * found["theory_s"], "no faster than the limits let anybody be"


async def test_the_least_time_is_that_of_all_or_of_the_fullest_chat() -> None:
    async with opened("telegram") as telegram, opened("discord") as discord:
        assert telegram.needed(200, 6000) == (12_000, 400.0)
        assert telegram.needed(1, 100) == (200, 197.0)
        assert discord.needed(200, 5000) == (5000, 100.0)
        assert discord.needed(1, 100) == (100, 95.0)
