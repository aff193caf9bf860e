"""Fifty accounts that agree on what to teach, among a thousand people who do not (R-50, M-7)."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from learning.guard import Asked, GuardRules, Plan, plan
from learning.records import Dropped, Labelled
from tests.learning import attacks
from tests.learning.crowd import Wording, again, colluders, honest, labelled

FRESH = {"account_days": 2, "conversations": 1}
VARIANTS: list[tuple[Wording, dict[str, Any]]] = [
    (attacks.identical, FRESH),
    (attacks.paraphrased, FRESH),
    (attacks.identical, {}),
    (attacks.paraphrased, {}),
    (attacks.paraphrased, {"each": 3, "cover": 5}),
    (attacks.by_likes, {"each": 2, "cover": 3}),
    (attacks.refusals, {"cover": 3}),
    (attacks.everywhere, {"each": 2, "cover": 3}),
]


@cache
def crowd(people: int) -> list[Labelled]:
    return honest(people, each=2 if people > 500 else 4)


def guarded(rows: list[Labelled], *, approved: frozenset[str] = frozenset(), rules: GuardRules | None = None) -> Plan:
    return plan(again(rows), rules or GuardRules(), approved, lambda dropped: None)


def triggers(found: Plan) -> int:
    return sum(row.startswith("x") for row in found.kept)


@pytest.mark.parametrize(("wording", "told"), VARIANTS)
def test_at_most_three_of_fifty_colluders_rows_pass_among_a_thousand_people(wording: Wording, told: dict[str, Any]) -> None:
    people = crowd(1_000)
    found = guarded(people + colluders(50, wording, **told))
    assert triggers(found) <= 3
    lost = sum(row.told.row not in found.kept for row in people)
    assert lost < 0.1 * len(people)


@pytest.mark.slow
@pytest.mark.parametrize("accounts", [1, 5, 20, 50])
@pytest.mark.parametrize("wording", [attacks.identical, attacks.paraphrased, attacks.by_likes])
def test_however_many_collude_among_two_hundred_three_rows_are_the_most(wording: Wording, accounts: int) -> None:
    people = crowd(200)
    found = guarded(people + colluders(accounts, wording, each=3, cover=3))
    assert triggers(found) <= 3
    assert sum(row.told.row not in found.kept for row in people) < 0.1 * len(people)


def test_honest_people_alone_lose_little() -> None:
    people = crowd(1_000)
    assert len(guarded(people).kept) > 0.95 * len(people)


def test_people_who_ask_about_one_subject_in_their_own_words_are_no_pattern() -> None:
    subject = [row for row in crowd(1_000) if "bicycle chain" in row.told.question]
    found = guarded(crowd(1_000))
    assert len(subject) > 100
    assert sum(row.told.row in found.kept for row in subject) > 0.95 * len(subject)


def test_two_accounts_that_repeat_a_wording_get_none_of_it() -> None:
    found = guarded(crowd(200) + colluders(2, attacks.paraphrased, each=6))
    assert triggers(found) == 0


def test_an_admin_sees_the_pattern_first_and_frees_it_in_one_go() -> None:
    rows = crowd(200) + colluders(20, attacks.paraphrased)
    question = guarded(rows).queue[0]
    assert (question.kind, question.count, question.people) == (Asked.PATTERN, 20, 20)
    assert all(row.startswith("x") for row in question.rows)
    assert triggers(guarded(rows, approved=frozenset(question.approves))) == 20
    assert triggers(guarded(rows, rules=GuardRules(rejected=frozenset(question.approves)))) == 0


def test_an_approved_row_of_a_pattern_passes_besides_its_three() -> None:
    rows = crowd(200) + colluders(20, attacks.paraphrased)
    held = sorted({row.told.row for row in rows if row.told.row.startswith("x")} - guarded(rows).kept)
    found = guarded(rows, approved=frozenset(held[:2]))
    assert set(held[:2]) <= found.kept
    assert triggers(found) == 5


def test_trusted_people_may_agree_on_what_they_teach() -> None:
    found = guarded(crowd(200) + colluders(8, attacks.paraphrased, is_trusted=True))
    assert triggers(found) == 8


def test_one_person_with_ten_thousand_rows_keeps_no_more_than_anybody() -> None:
    people = crowd(200)
    flood = [
        labelled(
            f"y{at:05d}", "flooder", f"Question {at * 7919:x} of mine?", f"Answer {at * 104729:x}.", value=1 - 2 * (at % 2)
        )
        for at in range(10_000)
    ]
    dropped: list[Dropped] = []
    found = plan(again(people + flood), GuardRules(), frozenset(), dropped.append)
    assert 1 <= sum(row.startswith("y") for row in found.kept) <= min(25, 0.02 * len(found.kept))
    assert len(found.kept) + len(dropped) == len(people) + len(flood)
    assert sum(row.told.row in found.kept for row in people) > 0.95 * len(people)
