"""Parts that never share a person, whoever else there is and in whatever order they came."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from learning.guard import GuardRules, plan
from learning.records import Split
from learning.split import FEWEST_PEOPLE, key_of, part_of, split_by
from tests.learning.crowd import again, honest, labelled

PEOPLE = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("12345")), min_size=1, max_size=30, unique=True)


def test_parts_of_a_key_are_the_same_for_good() -> None:
    assert [part_of(f"person {number}") for number in range(12)] == [
        *[Split.TRAIN] * 6,
        Split.TEST,
        *[Split.TRAIN] * 5,
    ]


def test_eight_in_ten_are_for_training_and_one_each_for_validation_and_test() -> None:
    counts = Counter(part_of(f"person {number}") for number in range(20_000))
    assert abs(counts[Split.TRAIN] / 20_000 - 0.8) < 0.01
    assert abs(counts[Split.VALIDATION] / 20_000 - 0.1) < 0.01
    assert abs(counts[Split.TEST] / 20_000 - 0.1) < 0.01


@given(PEOPLE, st.randoms(use_true_random=False))
def test_a_part_depends_on_no_order_and_on_nobody_else(said: list[tuple[str, str]], random: object) -> None:
    rows = [labelled(f"{person}{thread}", person, "Why?", "So.", thread=thread).told for person, thread in said]
    parts = {row.row: part_of(key_of(row, "person")) for row in rows}
    shuffled = sorted(rows, key=lambda _: random.random())  # type: ignore[attr-defined]
    some = shuffled[: len(shuffled) // 2 + 1]
    assert {row.row: part_of(key_of(row, "person")) for row in some} == {row.row: parts[row.row] for row in some}


@given(PEOPLE)
def test_no_person_and_no_conversation_is_in_two_parts(said: list[tuple[str, str]]) -> None:
    rows = [
        labelled(f"{person}{thread}{at}", person, "Why?", "So.", thread=thread).told for person, thread in said for at in (1, 2)
    ]
    for by in ("person", "conversation"):
        where: dict[object, set[Split]] = {}
        for row in rows:
            key = row.person if by == "person" else (row.person, row.thread)
            where.setdefault(key, set()).add(part_of(key_of(row, "person" if by == "person" else "conversation")))
        assert {len(parts) for parts in where.values()} == {1}


def test_below_twenty_people_conversations_are_split() -> None:
    assert split_by(FEWEST_PEOPLE - 1) == "conversation"
    assert split_by(FEWEST_PEOPLE) == "person"


def test_the_people_whose_rows_are_kept_decide_how_the_plan_splits() -> None:
    few, many = (plan(again(honest(people)), GuardRules(), frozenset({"cohort"}), lambda dropped: None) for people in (15, 60))
    assert (few.split_by, many.split_by) == ("conversation", "person")
