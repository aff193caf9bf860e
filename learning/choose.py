"""Rows made into examples: what to learn, what to keep away from, for whom it was written, and in which part it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bot.locale import say
from learning.collect import DIMENSIONS
from learning.guard import Plan
from learning.lesson import lesson
from learning.records import Example, Labelled, Language, Rows
from learning.split import SplitBy, key_of, part_of

_PLUS: Final = frozenset({"+", "1", "+1"})
_MINUS: Final = frozenset({"-", "−", "-1"})


def examples(rows: Rows[Labelled], plan: Plan) -> Iterator[Example]:
    """An example for each row that the plan keeps, in the order of the rows."""
    return (example(row, plan.split_by) for row in rows() if row.told.row in plan.kept)


def example(row: Labelled, by: SplitBy) -> Example:
    """The example of a row that teaches something (`learning.lesson`).

    What was said before is in it only where the question cannot be understood without. `answer` is the one that the thumb is
    about, "" where nobody may tell.
    """
    told, labels, found = row.told, row.labels, lesson(row)
    return Example(
        row=told.row,
        part=part_of(key_of(told, by)),
        language=labels.language,
        intent=labels.intent,
        topic=labels.topic,
        question=told.question,
        good=found.good,
        bad=found.bad,
        answer=told.answer if found.liked is not None else "",
        liked=found.liked,
        instructions=instructions(told.arms, labels.language),
        history=told.history if labels.needs_context else (),
    )


def instructions(arms: Mapping[str, str], language: Language) -> str:
    """The system message for these arms, one short sentence for each that leans to a side; "" for none.

    `arms` has "+" or "-" (or 1 and -1) by dimension: ENT, RUT, ACT, FOR; anything else says nothing. The wording is fixed, so
    that nothing a person wrote gets into it, and a model learns few instructions well.
    """
    plus = {name for name in DIMENSIONS if arms.get(name, "") in _PLUS}
    minus = {name for name in DIMENSIONS if arms.get(name, "") in _MINUS}
    told = _sentences(language)
    if "RUT" in plus and "FOR" in minus:
        told["RUT", "+"] = say(language, "Explain the steps in order, as connected text.")
        minus.discard("FOR")
    if "ENT" in plus and "RUT" in minus:
        told["ENT", "+"] = say(language, "Begin with one sentence of overview, then a solved example, then the rule.")
        minus.discard("RUT")
    leaning = ((name, "+" if name in plus else "-") for name in DIMENSIONS if name in plus or name in minus)
    return " ".join(told[side] for side in leaning)


def _sentences(language: Language) -> dict[tuple[str, str], str]:
    return {
        ("ENT", "+"): say(language, "Start with a solved example, then give the rule."),
        ("ENT", "-"): say(language, "Start with the general idea and keep one example for the end."),
        ("RUT", "+"): say(language, "Explain step by step, one action in each."),
        ("RUT", "-"): say(language, "Begin with an overview of the parts and how they relate."),
        ("ACT", "+"): say(language, "Close with a short exercise."),
        ("ACT", "-"): say(language, "Set no exercise; close with a thought that helps to understand why."),
        ("FOR", "+"): say(language, "Use headings and short bullets."),
        ("FOR", "-"): say(language, "Write in paragraphs, without bullets."),
    }
