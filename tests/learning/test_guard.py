"""Whose rows are kept, how many of each person, and what an admin is asked."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from learning.caps import Kind, Row, most_each, ranked
from learning.guard import COHORT, Asked, Guarded, GuardRules, Plan, plan
from learning.records import Agreement, Dropped, Labelled
from tests.learning.crowd import again, honest, labelled

APPROVED = frozenset({COHORT})
COUNTS = st.lists(st.integers(1, 200), max_size=120)


def guarded(
    rows: list[Labelled], *, approved: frozenset[str] = APPROVED, rules: GuardRules | None = None
) -> tuple[Plan, dict[str, str]]:
    dropped: list[Dropped] = []
    found = plan(again(rows), rules or GuardRules(), approved, dropped.append)
    assert all(one.step == "guard" for one in dropped)
    assert [one.row for one in dropped] == sorted(one.row for one in dropped)
    reasons = {one.row: one.reason for one in dropped}
    assert found.kept.isdisjoint(reasons)
    assert found.kept | reasons.keys() == {row.told.row for row in rows}
    return found, reasons


def unlike(number: int) -> tuple[str, str]:
    """A question and an answer that nobody else has."""
    one, other = f"{number * 7919 + 13:x}", f"{number * 104729 + 7:x}"
    return f"What is known of {one}{other} in {other}?", f"{other}{one} grows near {one * 2} and {other * 2}."


def row(name: str, person: str, *, number: int | None = None, **told: Any) -> Labelled:
    question, answer = unlike(sum(map(ord, name)) * 31 + len(name) if number is None else number)
    return labelled(name, person, question, answer, **told)


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"account_days": 6}, Guarded.NEW_ACCOUNT),
        ({"conversations": 4}, Guarded.FEW_CONVERSATIONS),
        ({"agreement": Agreement.UNCLEAR}, Guarded.UNCLEAR),
    ],
)
def test_a_row_that_fails_a_rule_is_dropped_with_its_reason(told: dict[str, Any], reason: Guarded) -> None:
    assert guarded([row("a", "p", **told)])[1] == {"a": reason.value}


def test_accounts_of_a_week_with_five_conversations_count() -> None:
    assert guarded([row("a", "p", account_days=7, conversations=5)])[0].kept == {"a"}


def test_trusted_people_need_no_age_and_no_conversations_but_clear_signals() -> None:
    fresh = row("a", "p", account_days=0, conversations=1, is_trusted=True)
    unclear = row("b", "p", is_trusted=True, agreement=Agreement.UNCLEAR)
    assert guarded([fresh, unclear])[1] == {"b": Guarded.UNCLEAR.value}


def test_an_approved_row_may_be_unclear_and_a_rejected_one_never_passes() -> None:
    unclear = row("a", "p", agreement=Agreement.UNCLEAR)
    assert guarded([unclear], approved=APPROVED | {"a"})[0].kept == {"a"}
    rejected = GuardRules(rejected=frozenset({"a"}))
    assert guarded([unclear], approved=APPROVED | {"a"}, rules=rejected)[1] == {"a": Guarded.REJECTED.value}


def test_approval_of_a_row_lifts_no_other_rule() -> None:
    young = row("a", "p", account_days=1)
    assert guarded([young], approved=APPROVED | {"a"})[1] == {"a": Guarded.NEW_ACCOUNT.value}


def test_what_two_accounts_say_alike_counts_once() -> None:
    question, answer = unlike(5)
    rows = [labelled("a", "p", question, answer), labelled("b", "q", question.upper(), answer + "!")]
    assert guarded(rows)[1] == {"b": Guarded.REPEATED.value}


def test_opposite_ratings_of_one_answer_wait_for_an_admin_who_takes_a_side() -> None:
    question, answer = unlike(5)
    rows = [labelled("a", "p", question, answer, value=1), labelled("b", "q", question, answer, value=-1)]
    found, reasons = guarded(rows)
    assert set(reasons.values()) == {Guarded.OPPOSITE_RATINGS.value}
    assert [(asked.kind, asked.rows, asked.people) for asked in found.queue] == [(Asked.OPPOSITE_RATINGS, ("a", "b"), 2)]
    decided, _ = guarded(rows, approved=APPROVED | {"b"})
    assert decided.kept == {"b"}
    assert decided.queue == ()


def test_a_vote_of_many_accounts_decides_nothing() -> None:
    question, answer = unlike(5)
    rows = [labelled(f"a{at}", f"p{at}", question, answer, value=1) for at in range(9)]
    rows.append(labelled("b", "q", question, answer, value=-1))
    assert guarded(rows)[0].kept == frozenset()


def test_an_account_too_young_to_count_disputes_nothing() -> None:
    question, answer = unlike(5)
    rows = [labelled("a", "p", question, answer, value=1), labelled("b", "q", question, answer, value=-1, account_days=1)]
    assert guarded(rows)[0].kept == {"a"}


def test_the_queue_asks_about_one_unclear_row_a_person_and_no_more_than_it_may() -> None:
    rows = [row(f"{person}{at}", f"p{person}", agreement=Agreement.UNCLEAR) for person in range(9) for at in range(3)]
    found, _ = guarded(rows, rules=GuardRules(queue_most=6))
    assert len(found.queue) == 6
    assert {asked.kind for asked in found.queue} == {Asked.UNCLEAR}
    assert len({asked.rows[0][0] for asked in found.queue}) == 6


def test_unclear_corrections_are_asked_about_first() -> None:
    rows = [
        row("a", "p", agreement=Agreement.UNCLEAR),
        row("b", "q", agreement=Agreement.UNCLEAR, correction="Another wording."),
    ]
    assert [asked.rows for asked in guarded(rows)[0].queue] == [("b",), ("a",)]


def test_a_small_cohort_waits_and_its_trusted_people_do_not() -> None:
    rows = [row("a", "p", number=1), row("b", "q", number=2), row("c", "r", number=3, is_trusted=True)]
    found, reasons = guarded(rows, approved=frozenset())
    assert found.kept == {"c"}
    assert set(reasons.values()) == {Guarded.SMALL_COHORT.value}
    assert found.cohort.is_small
    assert (found.cohort.people, found.cohort.trusted, found.cohort.waiting) == (3, 1, 2)
    agreed, _ = guarded(rows)
    assert agreed.kept == {"a", "b", "c"}
    assert (agreed.cohort.is_approved, agreed.cohort.waiting) == (True, 0)


def test_trusted_people_keep_no_more_than_twenty_five_rows_either() -> None:
    rows = [row(f"a{at:02d}", "p", number=at + 1, is_trusted=True) for at in range(40)]
    found, reasons = guarded(rows, approved=frozenset())
    assert len(found.kept) == 25
    assert set(reasons.values()) == {Guarded.PERSON_CAP.value}


def test_fifty_people_are_no_small_cohort_and_nobody_has_more_than_the_share() -> None:
    rows = honest(70, each=6)
    found, reasons = guarded(rows, approved=frozenset())
    assert not found.cohort.is_small
    of_person = Counter(name.partition("-")[0] for name in found.kept)
    assert max(of_person.values()) <= 0.02 * len(found.kept)
    assert Guarded.SHARE.value in reasons.values()


def test_the_same_rows_give_the_same_plan_and_the_order_of_people_changes_no_cap() -> None:
    rows = honest(60)
    assert guarded(rows) == guarded(list(reversed(rows)))


def test_a_new_row_displaces_at_most_one_other_of_its_person() -> None:
    rows = [row(f"a{at:02d}", "p", number=at + 1, is_trusted=True) for at in range(41)]
    before, after = guarded(rows[:40])[0].kept, guarded(rows)[0].kept
    assert len(before - after) <= 1


@given(COUNTS, st.integers(0, 500))
def test_the_cap_holds_against_what_it_leaves_and_no_larger_one_does(counts: list[int], exempt: int) -> None:
    most = most_each(counts, exempt, per_person=25, share=0.02)

    def holds(cap: int) -> bool:
        total = exempt + sum(min(count, cap) for count in counts)
        return max((min(count, cap) for count in counts), default=0) <= 0.02 * total + 1e-9

    assert most == max((cap for cap in range(1, 26) if holds(cap)), default=0)


@given(st.lists(st.sampled_from(list(Kind)), max_size=40))
def test_corrections_come_first_then_good_and_bad_in_turn(kinds: list[Kind]) -> None:
    chosen = [kinds[place] for place in ranked(Row(place, kind, place * 7919 % 101) for place, kind in enumerate(kinds))]
    corrections = kinds.count(Kind.CORRECTION)
    assert Counter(chosen) == Counter(kinds)
    assert all(kind is Kind.CORRECTION for kind in chosen[:corrections])
    pairs = 2 * min(kinds.count(Kind.GOOD), kinds.count(Kind.BAD))
    assert chosen[corrections : corrections + pairs] == [Kind.GOOD, Kind.BAD] * (pairs // 2)
