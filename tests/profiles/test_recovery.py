"""Simulated people: the profile finds what they prefer and invents little; a small run of `benchmarks.profile_recovery`."""

from __future__ import annotations

import json

import pytest

from benchmarks.profile_recovery import Run, Thumb, always_down, always_up, at_random, measure, mix, nothing, simulate

PEOPLE, SEED = 300, 11


@pytest.fixture(scope="module")
def base() -> Run:
    return simulate(mix, people=PEOPLE, looks=(0, 30), seed=SEED)


def test_thirty_ratings_improve_what_twelve_answers_found(base: Run) -> None:
    asked, rated = base.looks[0].row(), base.looks[30].row()
    assert rated["right"] >= 0.87
    assert rated["wrong"] <= 0.03
    assert rated["right"] > asked["right"]
    assert rated["neutral"] + 0.1 < rated["policy"] <= rated["oracle"]


def test_people_who_prefer_nothing_are_seldom_called_clear() -> None:
    found = simulate(nothing, people=PEOPLE, looks=(30,), seed=SEED).looks[30].row()
    assert found["clear"] <= 0.22


def test_no_gain_is_measured_where_style_does_not_matter() -> None:
    assert simulate(mix, people=PEOPLE, looks=(30,), seed=SEED, effect=0.0).gain() == pytest.approx(0, abs=0.04)


def test_a_gain_is_measured_where_style_matters(base: Run) -> None:
    assert base.gain() > 0.08


@pytest.mark.parametrize(("thumb", "most"), [(always_down, 0.02), (always_up, 0.05)])
def test_pressing_always_the_same_labels_few_wrong_poles(thumb: Thumb, most: float) -> None:
    found = simulate(mix, people=PEOPLE // 2, looks=(100,), seed=SEED, thumb=thumb).looks[100].row()
    assert found["wrong"] <= most


def test_the_guard_against_random_pressing_halves_its_harm_and_costs_honest_people_nothing() -> None:
    free, guarded = (
        simulate(mix, people=PEOPLE // 2, looks=(100,), seed=SEED, thumb=at_random, guarded=on).looks[100].row()["wrong"]
        for on in (False, True)
    )
    assert guarded < 0.7 * free
    honest = simulate(mix, people=PEOPLE // 3, looks=(100,), seed=SEED, guarded=True).looks[100].row()
    assert (honest["right"] >= 0.9, honest["wrong"] <= 0.02) == (True, True)


def test_the_same_seed_gives_the_same_figures() -> None:
    one, again = (measure(people=6, seed=3, looks=(0, 30)) for _ in range(2))
    assert one == again
    assert {"right", "wrong", "false_clear", "zero_effect_gain", "passed"} <= set(json.loads(json.dumps(one)))
