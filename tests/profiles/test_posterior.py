"""The preference profile's formula: the published vectors to 1e-6, and what holds for any events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profile_types import NEUTRAL, Arm, Arms
from bot.types import LANGUAGES, Language
from profiles.events import DIMENSIONS, Answer, Days, Dimension, Event, Rating, Remark, Tap
from profiles.posterior import (
    PRIOR,
    Label,
    State,
    by_strength,
    chances,
    choose,
    code,
    confidence,
    contradiction,
    deviation,
    drifted,
    headline,
    is_capped,
    is_known,
    label,
    pole_word,
    preferred,
    propensity,
    replay,
    theta,
    updated,
    used,
)

ENT, RUT, ACT, FOR = DIMENSIONS
EXACT = 1e-6
PRINTED = 5e-5
"""The vectors print chances to four places."""


def answers(dimension: Dimension, *scores: float) -> list[Event]:
    return [Answer(dimension=dimension, y=y) for y in scores]


T1 = [
    *answers(ENT, 1, 1, 0.5),
    *answers(RUT, -0.5, -1, 0),
    *answers(ACT, 1, 0, -1),
    *answers(FOR, 0.5, 0.5, 0.5),
]
T2 = Rating(arms=(1, -1, 0, 1), up=True)
T3 = Rating(arms=(1, -1, 1, 1), up=False)
T4 = Tap(dimension=ACT, y=-1)

ONE_DIMENSION = [
    ((), 0, 0.5774, 0.4312, 0.1375, 0.4312, "mixed", 0),
    ((1,), 0.4, 0.4472, 0.7488, 0.1194, 0.1318, "+lean", 0),
    ((1, 1), 0.5714, 0.3780, 0.8939, 0.0683, 0.0378, "+clear", 0),
    ((1, -1), 0, 0.3780, 0.3957, 0.2087, 0.3957, "mixed", 4),
    ((-0.5, -1), -0.4286, 0.3780, 0.0810, 0.1114, 0.8077, "-clear", 0.25),
    ((1, 1, 1), 0.6667, 0.3333, 0.9554, 0.0338, 0.0107, "+clear", 0),
    ((1, 1, 0.5), 0.5556, 0.3333, 0.9141, 0.0613, 0.0246, "+clear", 1 / 3),
    ((1, 1, 0), 0.4444, 0.3333, 0.8493, 0.0995, 0.0512, "+clear", 4 / 3),
    ((1, 0.5, 0), 0.3333, 0.3333, 0.7580, 0.1452, 0.0968, "+lean", 1),
    ((1, 0, 0), 0.2222, 0.3333, 0.6431, 0.1901, 0.1669, "+lean", 4 / 3),
    ((0.5, 0, 0), 0.1111, 0.3333, 0.5133, 0.2234, 0.2633, "mixed", 1 / 3),
    ((1, 1, -1), 0.2222, 0.3333, 0.6431, 0.1901, 0.1669, "+lean", 16 / 3),
    ((1, 0, -1), 0, 0.3333, 0.3821, 0.2358, 0.3821, "mixed", 4),
    ((-0.5, -1, 0), -0.3333, 0.3333, 0.0968, 0.1452, 0.7580, "-lean", 1),
    ((-1, -1, -1), -0.6667, 0.3333, 0.0107, 0.0338, 0.9554, "-clear", 0),
]


@pytest.mark.parametrize(("scores", "mean", "sd", "plus", "none", "minus", "said", "q"), ONE_DIMENSION)
def test_questionnaire_vectors(
    scores: Sequence[float], mean: float, sd: float, plus: float, none: float, minus: float, said: str, q: float
) -> None:
    state = replay(answers(RUT, *scores))
    assert theta(state, RUT) == pytest.approx(mean, abs=PRINTED)
    assert deviation(state, RUT) == pytest.approx(sd, abs=PRINTED)
    found = chances(state, RUT)
    assert (found.plus, found.none, found.minus) == pytest.approx((plus, none, minus), abs=PRINTED)
    assert label(state, RUT) == said
    assert contradiction(scores) == pytest.approx(q, abs=EXACT)


@given(st.lists(st.sampled_from([1.0, 0.5, 0.0, -0.5, -1.0]), max_size=8))
def test_answers_alone_are_the_shrunken_mean_that_anyone_can_check(scores: list[float]) -> None:
    state = replay(answers(FOR, *scores))
    assert theta(state, FOR) == pytest.approx(2 * sum(scores) / (3 + 2 * len(scores)), abs=1e-12)
    assert deviation(state, FOR) == pytest.approx(1 / sqrt(3 + 2 * len(scores)), abs=1e-12)
    assert (theta(state, ENT), deviation(state, ENT)) == (0, deviation(PRIOR, ENT))


@pytest.mark.parametrize(
    ("events", "base", "means", "ent", "act", "labels", "letters"),
    [
        (T1, 0.7, (0.555556, -0.333333, 0, 0.333333), 0.333333, 0.333333, "+clear -lean mixed +lean", "Egxd"),
        ([*T1, T2], 0.718850, (0.563480, -0.341258, 0, 0.341258), 0.333120, 0.334830, "+clear -lean mixed +lean", "Egxd"),
        (
            [*T1, T2, T3],
            *(0.597423, (0.511867, -0.289645, -0.063755, 0.289645), 0.333446, 0.334540),
            *("+clear -lean mixed +lean", "Egxd"),
        ),
        (
            [*T1, T2, T3, T4],
            *(0.600903, (0.513346, -0.291124, -0.234990, 0.291124), 0.333443, 0.302403),
            *("+clear -lean -lean +lean", "Egrd"),
        ),
    ],
    ids=["T1", "T2", "T3", "T4"],
)
def test_whole_person_vectors(
    events: list[Event], base: float, means: tuple[float, ...], ent: float, act: float, labels: str, letters: str
) -> None:
    state = replay(events)
    assert state.mean == pytest.approx((base, *means), abs=EXACT)
    assert (deviation(state, ENT), deviation(state, ACT)) == pytest.approx((ent, act), abs=EXACT)
    assert " ".join(label(state, one) for one in DIMENSIONS) == labels
    assert code(state) == letters


def test_a_like_without_a_profile_explains_earlier_likes_less_by_their_style() -> None:
    state = replay([*T1, T2])
    after = updated(state, Rating(arms=NEUTRAL, up=True))
    assert after.mean[0] > state.mean[0]
    assert 0 < theta(after, ENT) < theta(state, ENT)


SCORES = st.sampled_from([1.0, 0.5, 0.0, -0.5, -1.0])
SHARES = st.sampled_from([1.0, 0.25, 0.0])
WHERE = st.sampled_from(DIMENSIONS)
POLES = st.sampled_from([1.0, -1.0])
ARM: st.SearchStrategy[Arm] = st.sampled_from((1, 0, -1))
ARMS: st.SearchStrategy[Arms] = st.tuples(ARM, ARM, ARM, ARM)
SAID: st.SearchStrategy[Event] = st.one_of(
    st.builds(Answer, dimension=WHERE, y=SCORES, quality=SHARES),
    st.builds(Tap, dimension=WHERE, y=POLES, quality=SHARES),
    st.builds(Remark, dimension=WHERE, y=POLES, quality=SHARES),
)
RATINGS: st.SearchStrategy[Event] = st.builds(Rating, arms=ARMS, up=st.booleans(), weight=SHARES)
EVENTS = st.lists(st.one_of(SAID, RATINGS, st.builds(Days, days=st.integers(0, 2_000))), max_size=40)


def assert_same(one: State, other: State) -> None:
    assert one.mean == pytest.approx(other.mean, abs=1e-9)
    for row, counterpart in zip(one.covariance, other.covariance, strict=True):
        assert row == pytest.approx(counterpart, abs=1e-9)


@given(st.lists(SAID, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter_without_ratings(events: list[Event], random: Random) -> None:
    shuffled = list(events)
    random.shuffle(shuffled)
    assert_same(replay(events), replay(shuffled))


@given(EVENTS, st.integers(0, 40))
def test_replay_equals_learning_one_by_one(events: list[Event], cut: int) -> None:
    assert replay(events) == replay(events[cut:], replay(events[:cut]))


@given(EVENTS, RATINGS, st.integers(0, 40))
def test_a_rating_of_no_weight_leaves_no_trace(events: list[Event], rating: Rating, place: int) -> None:
    assert replay([*events[:place], replace(rating, weight=0.0), *events[place:]]) == replay(events)


@given(EVENTS)
def test_the_covariance_stays_symmetric_positive_and_within_the_prior(events: list[Event]) -> None:
    state = PRIOR
    for event in events:
        state = updated(state, event)
        rows = state.covariance
        assert all(rows[a][b] == rows[b][a] for a in range(5) for b in range(5))
        assert all(rows[place][place] <= PRIOR.covariance[place][place] for place in range(5))
        assert_positive(rows)


def assert_positive(rows: Sequence[Sequence[float]]) -> None:
    """By elimination: every pivot of a positive definite matrix is positive."""
    left = [list(row) for row in rows]
    for place in range(5):
        assert left[place][place] > 1e-6
        for row in range(place + 1, 5):
            factor = left[row][place] / left[place][place]
            left[row] = [value - factor * above for value, above in zip(left[row], left[place], strict=True)]


@given(EVENTS, st.integers(0, 400))
def test_days_widen_only_the_four_preferences(events: list[Event], days: int) -> None:
    state = replay(events)
    later = updated(state, Days(days=days))
    assert (later.mean, later.scores) == (state.mean, state.scores)
    for a, row in enumerate(later.covariance):
        for b, value in enumerate(row):
            before = state.covariance[a][b]
            assert value == (min(before + 0.0003 * days, 1 / 3) if a == b > 0 else before)


@given(EVENTS)
def test_any_number_of_days_ends_at_the_priors_width(events: list[Event]) -> None:
    state = updated(replay(events), Days(days=10**400))
    assert [deviation(state, one) for one in DIMENSIONS] == [deviation(PRIOR, one) for one in DIMENSIONS]


@given(EVENTS, st.floats(0, 1))
def test_drift_in_two_parts_is_drift_at_once(events: list[Event], amount: float) -> None:
    state = replay(events)
    assert_same(drifted(drifted(state, amount / 2), amount / 2), drifted(state, amount))


def test_half_the_quality_is_twice_the_noise() -> None:
    whole = replay([Answer(dimension=ENT, y=1), Answer(dimension=ENT, y=1)])
    assert_same(replay([Answer(dimension=ENT, y=1, quality=0.5)] * 4), whole)


def test_a_remark_is_less_certain_than_a_tap() -> None:
    tapped, told = (replay([kind(dimension=ACT, y=1)]) for kind in (Tap, Remark))
    assert theta(tapped, ACT) == pytest.approx((1 / 3) / (1 / 3 + 0.5), abs=EXACT)
    assert theta(told, ACT) == pytest.approx((1 / 3) / (1 / 3 + 0.8), abs=EXACT)


def test_a_dislike_after_only_likes_is_a_surprise_of_at_most_095() -> None:
    state = replay([*answers(ENT, 1, 1, 1), *[Rating(arms=(1, 0, 0, 0), up=True)] * 200])
    arms = (1, 0.15, 0, 0, 0)
    spread = [sum(x * value for x, value in zip(arms, row, strict=True)) for row in state.covariance]
    total = sum(x * value for x, value in zip(arms, spread, strict=True))
    assert sum(x * value for x, value in zip(arms, state.mean, strict=True)) > 0.95
    after = updated(state, Rating(arms=(1, 0, 0, 0), up=False))
    # The variance of θ drifts by 0.001 first, which hardly widens the sum: 0.15² of it.
    assert state.mean[0] - after.mean[0] == pytest.approx(spread[0] / (total + 0.15**2 * 0.001 + 0.20) * 0.95, abs=1e-4)


def test_a_like_after_only_dislikes_is_a_surprise_of_at_most_095() -> None:
    """A style that is not wanted, shown to somebody who likes nothing, is expected to be liked by less than nobody."""
    state = replay([*answers(ENT, 1, 1, 1), *[Rating(arms=NEUTRAL, up=False)] * 200])
    rating = Rating(arms=(-1, 0, 0, 0), up=True)
    assert state.mean[0] - 0.15 * theta(state, ENT) < 0.05
    drifting = drifted(state, 0.001)
    spread = drifting.covariance[0][0] - 0.15 * drifting.covariance[0][1]
    total = spread - 0.15 * drifting.covariance[1][0] + 0.15**2 * drifting.covariance[1][1]
    assert updated(state, rating).mean[0] - state.mean[0] == pytest.approx(spread / (total + 0.20) * 0.95, abs=1e-9)


def test_four_contradicting_answers_are_never_called_clear() -> None:
    state = replay(answers(ENT, 1, 1, 1, -1))
    assert chances(state, ENT).plus >= 0.80
    assert (label(state, ENT), code(state)) == (Label.PLUS_LEAN, "exxx")
    # A retest of four agreeing answers settles it: only the latest four are compared.
    assert label(replay(answers(ENT, 1, 1, 1, 1), state), ENT) == Label.PLUS_CLEAR


@given(st.lists(SCORES, max_size=8), SCORES)
def test_one_more_answer_never_takes_a_contradiction_back(scores: list[float], more: float) -> None:
    assert contradiction([*scores, more]) >= contradiction(scores) - 1e-12


@given(EVENTS)
def test_labels_follow_the_chances_and_preferred_arms_the_labels(events: list[Event]) -> None:
    state = replay(events)
    for dimension in DIMENSIONS:
        found, said = chances(state, dimension), label(state, dimension)
        likelier = max(found.plus, found.minus)
        assert said.pole == (0 if likelier < 0.55 else 1 if found.plus > found.minus else -1)
        assert said.is_clear == (likelier >= 0.80 and not is_capped(state, dimension))
    assert preferred(state) == tuple(label(state, dimension).pole for dimension in DIMENSIONS)


@pytest.mark.parametrize(
    ("scores", "letters"),
    [((1, 1, 1), "ESTD"), ((-1, -1, -1), "PGRN"), ((1, 0, 0), "estd"), ((-1, 0, 0), "pgrn"), ((), "xxxx")],
)
def test_codes(scores: Sequence[float], letters: str) -> None:
    assert code(replay([event for one in DIMENSIONS for event in answers(one, *scores)])) == letters


NO_PREFERENCE = [event for one in DIMENSIONS for event in answers(one, 0, 0)]


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (T1, "Examples + Overview"),
        ([], "Not known yet"),
        (NO_PREFERENCE, "Balanced"),
        ([*NO_PREFERENCE, *answers(ENT, 1, 1), *answers(FOR, 1, 1, 1)], "Outline + Examples; the rest mixed"),
        ([*NO_PREFERENCE, *answers(RUT, -1, -1)], "Overview; the rest mixed"),
        # Of the other dimensions nothing is known: to call them mixed would be a claim.
        (answers(ACT, 1, 1), "Practice"),
        # One answer is no preference yet.
        (answers(ACT, 1), "Not known yet"),
    ],
)
def test_headlines(events: list[Event], words: str) -> None:
    assert headline("en", replay(events)) == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_pole_has_a_word_of_its_own(language: Language) -> None:
    assert len({pole_word(language, one, pole) for one in DIMENSIONS for pole in (1, -1)}) == 8
    assert pole_word(language, ENT, 0) == ""


def test_equal_preferences_keep_the_order_of_the_dimensions() -> None:
    assert by_strength(replay(T1)) == [ENT, RUT, FOR, ACT]
    assert by_strength(replay(reversed(T1))) == [ENT, RUT, FOR, ACT]


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        ([], None),
        (answers(ENT, 1), None),
        (answers(ENT, 1, 1), 90),
        (answers(ENT, 1, -1), 40),
        ([Answer(dimension=ENT, y=1), Tap(dimension=ENT, y=1)], 90),
        (answers(ENT, -1, -1, -1), 95),
    ],
)
def test_confidence_is_shown_in_steps_of_five_from_two_answers_on(events: list[Event], shown: int | None) -> None:
    assert confidence(replay(events), ENT) == shown


def test_ratings_alone_make_a_dimension_known_in_time() -> None:
    ratings = [Rating(arms=(1, 0, 0, 0) if turn % 2 else (-1, 0, 0, 0), up=bool(turn % 2)) for turn in range(60)]
    assert not is_known(replay(ratings[:10]), ENT)
    assert is_known(replay(ratings), ENT)


@pytest.mark.parametrize(
    ("scores", "expected"), [((1, 1, 0.5), (0.8851, 0.0748, 0.0400)), ((1, 0, -1), (0.3797, 0.2407, 0.3797))]
)
def test_propensity_vectors(scores: Sequence[float], expected: tuple[float, float, float]) -> None:
    assert propensity(replay(answers(ENT, *scores)), ENT) == pytest.approx(expected, abs=1e-4)


@given(EVENTS)
def test_propensities_are_chances(events: list[Event]) -> None:
    for found in choose(replay(events), Random(1)).propensities:
        assert sum(found) == pytest.approx(1)
        assert all(0.05 / 3 - 1e-9 <= chance < 1 for chance in found)


def test_arms_are_drawn_as_often_as_their_propensities_say() -> None:
    state, random, rounds = replay([*T1, T2, T3, T4]), Random(5), 20_000
    counts: list[Counter[int]] = [Counter() for _ in DIMENSIONS]
    for _ in range(rounds):
        for counter, arm in zip(counts, choose(state, random).arms, strict=True):
            counter[arm] += 1
    for counter, dimension in zip(counts, DIMENSIONS, strict=True):
        drawn = tuple(counter[arm] / rounds for arm in (1, 0, -1))
        assert drawn == pytest.approx(propensity(state, dimension), abs=0.015)


def test_a_pin_fixes_its_arm_and_changes_nothing_else() -> None:
    state = replay(T1)
    free, pinned = choose(state, Random(7)), choose(state, Random(7), {ENT: -1, ACT: 0})
    assert (pinned.arms[0], pinned.arms[2]) == (-1, 0)
    assert (pinned.propensities[0], pinned.propensities[2]) == ((0, 0, 1), (0, 1, 0))
    assert (pinned.arms[1], pinned.arms[3]) == (free.arms[1], free.arms[3])
    assert (pinned.propensities[1], pinned.propensities[3]) == (free.propensities[1], free.propensities[3])


def test_the_same_dice_draw_the_same_arms() -> None:
    assert choose(replay(T1), Random(3)) == choose(replay(T1), Random(3))


def test_an_overridden_dimension_counts_as_not_used() -> None:
    assert used((1, -1, 1, -1), [RUT, FOR]) == (1, 0, 1, 0)


def test_preferred_arms_follow_the_labels() -> None:
    assert preferred(replay(T1)) == (1, -1, 0, 1)
