"""The measured benefit of profiles: exact figures, seldom a false alarm, nothing said before it is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import sqrt
from random import Random
from statistics import median
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profile_types import NEUTRAL, Arm, Condition, MeasuredAnswer, Propensities
from profiles.events import Dimension
from profiles.intervals import Interval, Rated, Share, anytime, by_person, newcombe, weighed_difference, wider, wilson
from profiles.intervals import Weighed as Weight
from profiles.uplift import Uplift, Verdict, measure
from profiles.uplift_words import words

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
EVEN: Propensities = ((0.4, 0.2, 0.4),) * 4
FULL, CONTEXT, NONE = Condition.FULL, Condition.CONTEXT, Condition.NONE
UP: Literal[1] = 1
DOWN: Literal[-1] = -1


def answer(
    condition: Condition,
    value: Literal[1, -1] | None,
    *,
    person: str = "ana",
    thread: str = "t",
    minutes: float = 0,
    propensities: Propensities = EVEN,
    ent: Arm = 0,
    obeyed: tuple[bool | None, ...] = (None,) * 4,
) -> MeasuredAnswer:
    return MeasuredAnswer(
        person=person,
        at=NOON + timedelta(minutes=minutes),
        thread=thread,
        condition=condition,
        value=value,
        arms=(ent, 0, 0, 0),
        used=NEUTRAL,
        propensities=propensities,
        obeyed=obeyed,
        is_length_obeyed=None if condition is NONE else True,
        words=100,
    )


def answers(condition: Condition, liked: int, rated: int, *, delivered: int = 0, people: int = 0) -> list[MeasuredAnswer]:
    """So many threads, each on a day and by a person of its own unless there are fewer `people`."""
    values: list[Literal[1, -1] | None] = [UP] * liked + [DOWN] * (rated - liked) + [None] * max(0, delivered - rated)
    return [
        answer(condition, value, person=f"{condition} {place % (people or len(values))}", thread=str(place), minutes=place)
        for place, value in enumerate(values)
    ]


def found(*groups: Sequence[MeasuredAnswer]) -> Uplift:
    return measure([row for group in groups for row in group], random=Random(7))


# --- intervals ---


@pytest.mark.parametrize(
    ("liked", "rated", "low", "high"),
    [(612, 800, 0.7344, 0.7931), (139, 200, 0.6280, 0.7546), (76, 100, 0.6677, 0.8331), (14, 20, 0.4810, 0.8545)],
)
def test_wilson_is_exact_on_the_vectors(liked: int, rated: int, low: float, high: float) -> None:
    interval = wilson(Share(liked=liked, rated=rated))
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@pytest.mark.parametrize(
    ("one", "other", "difference", "low", "high"),
    [((612, 800), (139, 200), 0.07, 0.0030, 0.1426), ((76, 100), (14, 20), 0.06, -0.1200, 0.2908)],
)
def test_newcombe_is_exact_on_the_vectors(
    one: tuple[int, int], other: tuple[int, int], difference: float, low: float, high: float
) -> None:
    first, second = Share(liked=one[0], rated=one[1]), Share(liked=other[0], rated=other[1])
    interval = newcombe(first, second)
    assert round(first.rate - second.rate, 4) == difference
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


@given(st.integers(0, 400), st.integers(1, 400))
def test_wilson_holds_the_rate_and_stays_between_none_and_all(liked: int, rated: int) -> None:
    share = Share(liked=min(liked, rated), rated=rated)
    interval = wilson(share)
    assert 0 <= interval.low <= share.rate + 1e-12
    assert share.rate - 1e-12 <= interval.high <= 1


def test_nothing_rated_leaves_everything_open() -> None:
    assert wilson(Share(liked=0, rated=0)) == Interval(low=0.0, high=1.0)


def test_bootstrap_agrees_with_newcombe_where_everybody_rates_once() -> None:
    one, other = Share(liked=1, rated=1), Share(liked=0, rated=1)
    none = Share(liked=0, rated=0)
    people = [(one, none)] * 612 + [(other, none)] * 188 + [(none, one)] * 139 + [(none, other)] * 61
    drawn = by_person(people, Random(1))
    assert drawn is not None
    assert (drawn.low, drawn.high) == pytest.approx((0.0030, 0.1426), abs=0.015)


def test_bootstrap_is_wider_where_few_people_rate_a_lot() -> None:
    likers = [(Share(liked=40, rated=40), Share(liked=5, rated=10))] * 10
    grumblers = [(Share(liked=10, rated=40), Share(liked=9, rated=10))] * 10
    drawn = by_person([*likers, *grumblers], Random(1))
    plain = newcombe(Share(liked=500, rated=800), Share(liked=140, rated=200))
    assert drawn is not None
    assert drawn.width > 1.5 * plain.width
    assert wider(plain, drawn) == drawn
    assert wider(plain, None) == plain


def test_bootstrap_says_nothing_where_one_person_holds_a_whole_arm() -> None:
    few = [(Share(liked=3, rated=4), Share(liked=0, rated=0))] * 9 + [(Share(liked=0, rated=0), Share(liked=1, rated=1))]
    assert by_person(few, Random(1)) is None
    assert by_person([], Random(1)) is None


def test_weighing_by_propensity_takes_a_lopsided_lot_away() -> None:
    """Whoever likes everything was shown plus nine times of ten, whoever likes half was shown it half the time."""
    plus = [Weight(person=f"a{n}", liked=True, weight=1 / 0.9) for n in range(90)]
    minus = [Weight(person=f"a{n + 90}", liked=True, weight=10) for n in range(10)]
    assert weighed_difference(plus, minus[:1]) is None
    plus += [Weight(person=f"b{n}", liked=n % 2 == 0, weight=2) for n in range(50)]
    minus += [Weight(person=f"c{n}", liked=n % 2 == 0, weight=2) for n in range(50)]
    result = weighed_difference(plus, minus)
    assert result is not None
    assert result[0] == pytest.approx(0)
    assert result[1].holds(0)
    assert weighed_difference(plus, []) is None


# --- the band for every day's look ---


def rated(seed: int, count: int, *, effect: float, holdout: float = 0.2, base: float = 0.7) -> list[Rated]:
    random = Random(f"{seed} {effect}")
    made = []
    for number in range(count):
        is_treated = random.random() >= holdout
        made.append(Rated(unit=number, is_treated=is_treated, liked=random.random() < (base + effect if is_treated else base)))
    return made


def stop(ratings: Sequence[Rated], every: int) -> int | None:
    """After how many ratings somebody who looks again and again first sees the band leave out 0."""
    for seen in range(200, len(ratings) + 1, every):
        band = anytime(ratings[:seen])
        if band is not None and band.is_decided:
            return seen
    return None


def test_band_is_the_formula_by_hand() -> None:
    ratings = [Rated(unit=n, is_treated=n % 4 > 0, liked=n % 3 > 0) for n in range(240)]
    liked, scores = 0, []
    for n, rating in enumerate(ratings):
        mean = (7 + liked) / (10 + n)
        scores.append((rating.liked - mean) * (1 / 0.75 if rating.is_treated else -1 / 0.25))
        liked += rating.liked
    estimate = sum(scores) / 240
    spread = sqrt(sum((score - estimate) ** 2 for score in scores) / 240)
    # 2(nρ²+1)/(n²ρ²) · ln(√(nρ²+1)/0.05) with n = 240, ρ = 0.03: nρ² = 0.216
    reach = spread * sqrt(2 * 1.216 / 51.84 * 3.0935247)
    band = anytime(ratings)
    assert band is not None
    assert (band.estimate, band.low, band.high) == pytest.approx((estimate, estimate - reach, estimate + reach), abs=1e-6)


def test_looking_again_and_again_seldom_finds_what_is_not_there() -> None:
    alarms = sum(stop(rated(seed, 2_000, effect=0), 150) is not None for seed in range(60))
    assert alarms <= 0.05 * 60


def test_fifteen_points_are_found_after_about_as_many_ratings_as_simulated() -> None:
    stops = [stop(rated(seed, 2_000, effect=0.15), 50) or 2_000 for seed in range(25)]
    assert 550 <= median(stops) <= 1_150


def test_band_says_nothing_of_fewer_than_two_hundred_or_of_one_arm() -> None:
    many = rated(1, 200, effect=0.2)
    assert anytime(many[:199]) is None
    assert anytime(many) is not None
    assert anytime([replace(one, is_treated=True) for one in many]) is None


def test_many_ratings_of_a_persons_day_are_one_score() -> None:
    many = rated(1, 400, effect=0.2)
    paired = [replace(one, unit=number // 2) for number, one in enumerate(many)]
    band = anytime(paired)
    assert band is not None
    assert band.scores == 200


def test_a_share_that_was_changed_on_the_way_scales_nothing() -> None:
    """Twenty per cent neutral answers, then ten: the estimate stays near the fifteen points that are there."""
    ratings = rated(3, 6_000, effect=0.15) + rated(4, 6_000, effect=0.15, holdout=0.1)
    band = anytime(ratings)
    assert band is not None
    assert band.estimate == pytest.approx(0.15, abs=0.03)


# --- threads ---


@pytest.mark.parametrize(
    ("values", "liked"),
    [
        ([UP, DOWN, UP], 1),
        ([DOWN, UP, DOWN], 0),
        ([UP, DOWN], 0),
        ([DOWN, None, UP, None], 1),
    ],
)
def test_a_thread_counts_once_as_most_of_its_ratings_say(values: list[Literal[1, -1] | None], liked: int) -> None:
    rows = [answer(FULL, value, minutes=minute) for minute, value in enumerate(values)]
    (rates,) = found(rows[::-1]).rates
    assert (rates.threads, rates.rated, rates.liked, rates.answers) == (1, 1, liked, len(values))


def test_a_thread_has_the_condition_of_its_first_answer() -> None:
    (rates,) = found([answer(NONE, None), answer(FULL, UP, minutes=1)]).rates
    assert (rates.condition, rates.liked, rates.answers) == (NONE, 1, 2)


def test_threads_of_two_people_are_two_whatever_their_ids() -> None:
    (rates,) = found([answer(FULL, UP), answer(FULL, DOWN, person="ben")]).rates
    assert (rates.threads, rates.people, rates.rate) == (2, 2, 0.5)


# --- the result ---


def test_rates_and_comparison_are_those_of_the_vectors() -> None:
    result = found(answers(FULL, 612, 800, delivered=1_600), answers(NONE, 139, 200, delivered=400))
    (first,) = result.comparisons
    assert [(one.rate, one.rating_rate) for one in result.rates] == [(0.765, 0.5), (0.695, 0.5)]
    assert (round(first.newcombe.low, 4), round(first.newcombe.high, 4)) == (0.0030, 0.1426)
    assert first.of_delivered is None
    assert first.interval.width >= first.newcombe.width


def test_unequal_rating_rates_bring_the_likes_of_all_delivered_threads() -> None:
    result = found(answers(FULL, 60, 100, delivered=200), answers(NONE, 30, 60, delivered=200))
    (first,) = result.comparisons
    assert first.of_delivered == pytest.approx(60 / 200 - 30 / 200)
    assert any("Careful" in line and "+15.0" in line for line in words("en", result))


def test_context_gives_three_comparisons_and_the_whole_against_none_comes_first() -> None:
    result = found(answers(CONTEXT, 7, 10), answers(NONE, 6, 10), answers(FULL, 8, 10))
    assert [(one.one, one.other) for one in result.comparisons] == [(FULL, NONE), (FULL, CONTEXT), (CONTEXT, NONE)]


def test_few_ratings_are_never_a_verdict_however_large_the_difference() -> None:
    result = found(answers(FULL, 100, 100), answers(NONE, 0, 99))
    assert result.verdict is Verdict.NOT_ENOUGH
    assert result.comparisons[0].days == 199
    assert any("199 of 200" in line for line in words("en", result))


@pytest.mark.parametrize(("liked", "verdict"), [((950, 120), Verdict.MORE), ((400, 220), Verdict.FEWER)])
def test_large_differences_of_many_are_a_verdict_either_way(liked: tuple[int, int], verdict: Verdict) -> None:
    rows = [*answers(FULL, liked[0], 1_000), *answers(NONE, liked[1], 250)]
    Random(2).shuffle(rows)
    result = found([replace(row, at=NOON + timedelta(minutes=minute)) for minute, row in enumerate(rows)])
    assert result.verdict is verdict
    assert result.comparisons[0].verdict is verdict


def test_style_that_cannot_be_worth_a_point_is_to_be_left_out() -> None:
    rows = [*answers(FULL, 400, 1_000), *answers(CONTEXT, 800, 1_000), *answers(NONE, 700, 1_000)]
    Random(2).shuffle(rows)
    result = found([replace(row, at=NOON + timedelta(minutes=minute)) for minute, row in enumerate(rows)])
    assert result.is_style_idle
    assert any("leave style out" in line for line in words("en", result))
    assert not found(answers(FULL, 4, 10), answers(CONTEXT, 8, 10)).is_style_idle


def test_obedience_is_told_per_pole_and_only_of_what_was_asked() -> None:
    rows = [
        answer(FULL, None, thread="1", ent=1, obeyed=(True, None, None, None)),
        answer(FULL, None, thread="2", ent=1, obeyed=(False, None, None, None)),
        answer(FULL, None, thread="3", ent=-1, obeyed=(True, None, None, None)),
        answer(FULL, None, thread="4", ent=1),
        answer(NONE, None, thread="5", ent=1),
    ]
    assert [(one.dimension, one.pole, one.asked, one.obeyed) for one in found(rows).obedience] == [
        (Dimension.ENT, 1, 2, 1),
        (Dimension.ENT, -1, 1, 1),
    ]


def leant(plus: float, likes_of_plus: float, likes_of_minus: float, seed: int, person: str) -> list[MeasuredAnswer]:
    """800 rated threads under a profile that draws plus with this probability and minus else."""
    random, rows = Random(seed), []
    propensities: Propensities = ((plus, 0.0, 1 - plus), *EVEN[1:])
    for number in range(800):
        arm: Arm = 1 if random.random() < plus else -1
        rate = likes_of_plus if arm > 0 else likes_of_minus
        value: Literal[1, -1] = UP if random.random() < rate else DOWN
        rows.append(answer(FULL, value, person=f"{person} {number}", thread=str(number), propensities=propensities, ent=arm))
    return rows


def test_a_crossover_needs_both_sides_to_like_their_own_pole_more() -> None:
    both = found(leant(0.8, 0.9, 0.5, 1, "plus"), leant(0.2, 0.5, 0.9, 2, "minus"))
    assert [(one.dimension, one.leaning, one.difference > 0) for one in both.crossovers] == [
        (Dimension.ENT, 1, True),
        (Dimension.ENT, -1, False),
    ]
    assert both.crossed == (Dimension.ENT,)
    assert words("en", both)[-2].endswith("Examples / Principles")
    same = found(leant(0.8, 0.9, 0.5, 1, "plus"), leant(0.2, 0.9, 0.5, 2, "minus"))
    assert same.crossed == ()
    assert len(same.crossovers) == 2


def test_pinned_dimensions_and_small_groups_have_no_crossover() -> None:
    assert found(leant(1.0, 0.9, 0.5, 1, "pinned")).crossovers == ()
    assert found(leant(0.8, 0.9, 0.5, 1, "few")[:300]).crossovers == ()


def test_the_result_is_json_and_the_same_for_the_same_seed() -> None:
    rows = [*answers(FULL, 30, 40, people=8), *answers(NONE, 6, 10, people=4)]
    first, again = found(rows), found(rows[::-1])
    assert first == again
    read = json.loads(json.dumps(first.as_json()))
    assert read["verdict"] == "not_enough"
    assert read["comparisons"][0]["newcombe"].keys() == {"low", "high"}
    assert read["first"].startswith("2026-11-01T12:00")


def test_nothing_measured_is_one_sentence() -> None:
    assert len(words("en", found())) == 1
    assert found().as_json()["first"] is None


@pytest.mark.parametrize("language", ["en", "es"])
def test_words_never_claim_learning_and_say_when_it_is_not_known(language: Literal["en", "es"]) -> None:
    lines = words(language, found(answers(FULL, 76, 100), answers(NONE, 14, 20)))
    assert all(line and "{" not in line for line in lines)
    assert ("76,0" if language == "es" else "76.0") in lines[1]
    assert not any("liked more" in line for line in lines)
