"""The circuit breaker lets one probe out at a time and listens to nobody who was sent before it changed its mind."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.breaker import Breaker, BreakerSettings, BreakerState, Permit, RetryBudget

FAIL, TIME_OUT, SUCCEED, RELEASE, ADMIT = "fail", "time out", "succeed", "release", "admit"


class HandClock:
    """Time that moves when the test says so."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at


def opened(clock: HandClock) -> tuple[Breaker, list[Permit]]:
    """A breaker that has just opened, and permits from before."""
    breaker = Breaker(BreakerSettings(), clock)
    early = [admitted(breaker) for _ in range(7)]
    for _ in range(5):
        breaker.failed(admitted(breaker), is_timeout=False)
    assert breaker.state is BreakerState.OPEN
    return breaker, early


def admitted(breaker: Breaker) -> Permit:
    permit = breaker.admit()
    assert permit is not None
    return permit


def test_what_was_sent_before_it_opened_neither_closes_it_nor_delays_the_probe() -> None:
    clock = HandClock()
    breaker, early = opened(clock)
    clock.at += 6
    breaker.succeeded(early.pop())
    for permit in early:
        breaker.failed(permit, is_timeout=True)
    assert breaker.state is BreakerState.OPEN
    assert breaker.wait_s == pytest.approx(4)
    clock.at += 4
    assert admitted(breaker).is_probe


def test_failed_probe_is_followed_by_the_next_one_after_the_whole_pause() -> None:
    clock = HandClock()
    breaker, _ = opened(clock)
    clock.at += 10
    probe = admitted(breaker)
    assert breaker.admit() is None
    clock.at += 3
    breaker.failed(probe, is_timeout=False)
    assert breaker.wait_s == pytest.approx(10)


def test_success_ends_the_count_of_deadlines_in_a_row() -> None:
    clock = HandClock()
    breaker = Breaker(BreakerSettings(), clock)
    for outcome in (*[TIME_OUT] * 4, SUCCEED, *[TIME_OUT] * 4):
        clock.at += 60
        permit = admitted(breaker)
        breaker.succeeded(permit) if outcome == SUCCEED else breaker.failed(permit, is_timeout=True)
    assert breaker.state == "closed"
    breaker.failed(admitted(breaker), is_timeout=True)
    assert breaker.state == "open"


@given(st.lists(st.tuples(st.sampled_from([FAIL, TIME_OUT, SUCCEED, RELEASE, ADMIT]), st.floats(0, 12)), max_size=80))
def test_whatever_happens_one_probe_is_out_at_most_and_never_sooner_than_every_ten_seconds(
    events: list[tuple[str, float]],
) -> None:
    clock = HandClock()
    breaker = Breaker(BreakerSettings(failures=2), clock)
    out: list[Permit] = []
    probed_at = float("-inf")
    for event, pause_s in events:
        clock.at += pause_s
        if event == ADMIT or not out:
            permit = breaker.admit()
            if permit is None:
                assert breaker.state is not BreakerState.CLOSED
            else:
                out.append(permit)
                if permit.is_probe:
                    assert clock.at - probed_at >= 9.999
                    probed_at = clock.at
        else:
            permit = out.pop(0)
            match event:
                case "succeed":
                    breaker.succeeded(permit)
                case "release":
                    breaker.released(permit)
                case _:
                    breaker.failed(permit, is_timeout=event == TIME_OUT)
        assert sum(1 for one in out if one.is_probe and breaker.is_current(one)) <= 1
        assert breaker.wait_s <= 10.001


def test_budget_saves_up_a_tenth_of_the_requests_and_no_more_than_its_ceiling() -> None:
    budget = RetryBudget(share=0.1, reserve=0, ceiling=2)
    assert not budget.spend()
    for _ in range(1000):
        budget.earn()
    assert [budget.spend() for _ in range(4)] == [True, True, False, False]
