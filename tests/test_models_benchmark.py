"""The measure of language models counts what it says it counts, with a real bot and a server in a process of its own."""

from __future__ import annotations

import time

import pytest

from benchmarks.model_server import TOKEN_CHARS, in_own_process, seconds_since, stamped
from benchmarks.models import MOST_PROBES, Crowd, Turn, measure, of_outage, percentile, spread


def test_answer_has_as_many_tokens_as_it_was_asked_for_and_says_when_it_was_written() -> None:
    assert len(stamped(7)) == 7 * TOKEN_CHARS
    text = stamped(7)
    time.sleep(0.02)
    age_s = seconds_since(text[:TOKEN_CHARS])
    assert age_s is not None
    assert 0.02 <= age_s < 5
    assert seconds_since("no stamp") is None


def test_percentiles_are_of_the_sorted_values() -> None:
    values = [number / 1000 for number in range(100, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)) == (0.051, 0.1, 0.1)
    assert spread(values, 0.5, 0.95) == {"p50": 51.0, "p95": 96.0}


def turn(seconds: float, *flags: str) -> Turn:
    return Turn(first_s=None, seconds=seconds, reply={"flags": list(flags)})


@pytest.mark.parametrize(
    ("longest_s", "probes", "passed"), [(0.4, MOST_PROBES, True), (1.2, 3, False), (0.4, MOST_PROBES + 1, False)]
)
def test_outage_is_judged_by_the_answers_of_the_next_model_and_by_the_probes(
    longest_s: float, probes: int, passed: bool
) -> None:
    crowd = Crowd("http://nowhere.invalid", people=3)
    crowd.answers = [(5, turn(9)), (20, turn(0.1, "fallback")), (30, turn(longest_s, "fallback")), (31, turn(8, "partial"))]
    figures = of_outage(crowd, died_at=10, lived_at=40, probes=probes, recovered_s=2)
    assert (figures["n"], figures["people"], figures["answers_before"]) == (2, 3, 1)
    assert figures["longest_ms"] == longest_s * 1000
    assert figures["passed"] is passed


async def test_server_in_its_own_process_dies_and_comes_back_at_the_same_address() -> None:
    async with in_own_process("openai") as server:
        assert server.address.startswith("http://127.0.0.1:")
        assert await server.tell("tokens", 5) == 5
        assert await server.tell("die") == 0
        assert await server.tell("revive") == 0
        assert await server.tell("served") == 0


@pytest.mark.timeout(180)
async def test_a_few_turns_give_all_figures() -> None:
    figures = await measure("openai", turns=2, tokens=5, idle_s=0.5)
    assert (figures["turns"], figures["tokens"]) == (2, 5)
    assert 0 < figures["first_preview_ms"]["p50"] <= figures["first_preview_ms"]["p95"]
    assert figures["cpu_ms_per_turn"] >= 0
