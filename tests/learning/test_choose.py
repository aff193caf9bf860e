"""What is learned from a rated answer, and what never is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bot.types import Flag
from learning.choose import example, examples, instructions
from learning.guard import GuardRules, plan
from learning.lesson import Lesson, NoLesson, lesson, why_not
from learning.records import Agreement, Dropped, Labelled, Said
from tests.learning.crowd import again, labelled

ASKED, TOLD, BETTER = "When does it open?", "At ten, I believe.", "At nine."
HISTORY = (Said(question="Is there a pool?", answer="Yes, in Mill Lane."),)


def row(
    *, value: int = 1, correction: str = "", flags: tuple[str, ...] = (), agreement: Agreement | None = None, **told: Any
) -> Labelled:
    return labelled("r1", "p1", ASKED, TOLD, value=value, correction=correction, agreement=agreement, flags=flags, **told)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (row(value=1), Lesson(good=TOLD, liked=True)),
        (row(value=-1), Lesson(bad=TOLD, liked=False)),
        (row(value=-1, correction=BETTER), Lesson(good=BETTER, bad=TOLD, liked=False)),
        (row(value=0, correction=BETTER, agreement=Agreement.BAD), Lesson(good=BETTER, bad=TOLD)),
        (row(value=1, correction=BETTER), Lesson(good=BETTER, liked=True)),
        (row(value=0), Lesson()),
    ],
)
def test_a_correction_is_better_than_what_was_liked_and_that_than_nothing(found: Labelled, expected: Lesson) -> None:
    assert lesson(found) == expected


@pytest.mark.parametrize("flag", list(Flag))
@pytest.mark.parametrize("value", [1, 0, -1])
@pytest.mark.parametrize("correction", ["", BETTER])
def test_no_flagged_answer_is_ever_good_or_liked(flag: Flag, value: int, correction: str) -> None:
    found = lesson(row(value=value, correction=correction, flags=(flag.value,)))
    assert found.good in ("", BETTER)
    assert found.liked is None


@pytest.mark.parametrize("flag", [Flag.PARTIAL, Flag.STOPPED, Flag.TIMED_OUT, Flag.FAILED])
def test_an_answer_that_failed_is_not_bad_style_but_its_correction_counts(flag: Flag) -> None:
    assert not lesson(row(value=-1, flags=(flag.value,))).teaches
    assert lesson(row(value=-1, correction=BETTER, flags=(flag.value,))) == Lesson(good=BETTER)


def test_a_flagged_answer_that_was_whole_may_be_bad() -> None:
    assert lesson(row(value=-1, flags=("fallback",))) == Lesson(bad=TOLD)


def test_nothing_is_learned_from_what_is_said_in_a_crisis() -> None:
    assert not lesson(row(value=-1, correction=BETTER, flags=("crisis",))).teaches


def test_a_correction_that_says_the_same_makes_no_pair() -> None:
    assert lesson(row(value=-1, correction="at ten I BELIEVE")).bad == ""


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (row(value=1, flags=("partial",)), NoLesson.FLAGGED),
        (row(value=-1, flags=("crisis",)), NoLesson.CRISIS),
        (row(value=1, agreement=Agreement.BAD), NoLesson.CONTRADICTION),
        (row(value=-1, agreement=Agreement.GOOD), NoLesson.CONTRADICTION),
        (row(value=0), NoLesson.NO_SIGNAL),
    ],
)
def test_a_row_that_teaches_nothing_is_dropped_with_its_reason(found: Labelled, reason: NoLesson) -> None:
    dropped: list[Dropped] = []
    kept = plan(again([found]), GuardRules(), frozenset({"cohort"}), dropped.append)
    assert kept.kept == frozenset()
    assert dropped == [Dropped(row="r1", step="guard", reason=reason.value)]
    assert why_not(found) is reason


def test_only_a_question_that_needs_it_takes_its_history_along() -> None:
    alone = row(history=HISTORY)
    needing = msgspec.structs.replace(alone, labels=msgspec.structs.replace(alone.labels, needs_context=True))
    assert example(alone, "person").history == ()
    assert example(needing, "person").history == HISTORY


def test_the_answer_is_there_only_with_a_thumb_that_counts() -> None:
    assert example(row(value=1), "person").answer == TOLD
    assert example(row(value=-1, correction=BETTER, flags=("fallback",)), "person").answer == ""


def test_examples_are_the_kept_rows_in_their_order() -> None:
    rows = again([labelled(f"r{at}", f"p{at}", f"{ASKED} {at * 'x'}", f"{TOLD} {at}" * 9, value=at % 2) for at in range(6)])
    found = plan(rows, GuardRules(near=1.0), frozenset({"cohort"}), lambda dropped: None)
    assert [made.row for made in examples(rows, found)] == ["r1", "r3", "r5"]


def test_instructions_are_one_sentence_for_each_leaning() -> None:
    assert instructions({}, "en") == ""
    assert instructions({"ENT": "0", "FOR": "", "other": "+"}, "en") == ""
    assert instructions({"ENT": "+", "ACT": "-1"}, "en") == (
        "Start with a solved example, then give the rule. Set no exercise; close with a thought that helps to understand why."
    )


def test_instructions_that_would_contradict_each_other_become_one() -> None:
    assert instructions({"RUT": "+", "FOR": "-"}, "en") == "Explain the steps in order, as connected text."
    assert instructions({"ENT": "1", "RUT": "-1"}, "en").count(".") == 1
