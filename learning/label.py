"""What a row is about and what its rater meant: language, intent, topic, context, and whether the signals agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bot.lexical import surface
from bot.training_types import Intent
from learning.intents import intent_of, needs_context
from learning.records import Agreement, Collected, Labelled, Labels, Language, Rows
from learning.sheet import ByHand
from learning.spoken import language_of
from learning.topics import Topics, subject_of

SMALL_CHANGE: Final = 0.75
"""From this likeness on a correction touches the answer up: a 👍 and such a correction do not contradict each other."""
_CLEARLY: Final = 1.1
"""How many times as long a text is that counts as longer."""
_REMARK_WORDS: Final = 10
_COMPARED: Final = 4_000


def label(rows: Rows[Collected], topics: Topics, by_hand: Mapping[str, ByHand]) -> Iterator[Labelled]:
    """Each row with its labels, in order. What `by_hand` says by row id wins; ids of other rows are passed over."""
    for row in rows():
        yield Labelled(told=row, labels=_labels(row, topics, by_hand.get(row.row)))


def _labels(row: Collected, topics: Topics, told: ByHand | None) -> Labels:
    language = language_of(row)
    return Labels(
        language=language,
        intent=(told.intent if told else None) or intent_of(row.question, language),
        topic=(told.topic if told else "") or topics.topic_of(subject_of(row), language),
        needs_context=needs_context(row.question, language),
        agreement=agreement_of(row, language),
        is_by_operator=told is not None and (told.intent is not None or bool(told.topic)),
    )


def agreement_of(row: Collected, language: Language) -> Agreement:
    """Whether the signals of the person who rated tell one story: value, reason, correction and length.

    GOOD: the answer was liked and at most touched up. BAD: it was disliked, or something else was wanted in its place.
    UNCLEAR: the signals contradict each other (👍 with a reason for 👎, 👍 with a correction that changes much, 👎 with the
    same text again, `too long` with a longer one), the correction reads like a remark on the answer and not like an answer, or
    nothing was said at all.
    """
    if not row.correction.strip():
        if row.value == 1:
            return Agreement.UNCLEAR if row.reason else Agreement.GOOD
        return Agreement.BAD if row.value == -1 else Agreement.UNCLEAR
    if row.value == 1:
        is_touched_up = not row.reason and _likeness(row.answer, row.correction) >= SMALL_CHANGE
        return Agreement.GOOD if is_touched_up else Agreement.UNCLEAR
    is_unclear = _is_same(row.answer, row.correction) or _contradicts_length(row) or _is_remark(row, language)
    return Agreement.UNCLEAR if is_unclear else Agreement.BAD


def _likeness(answer: str, correction: str) -> float:
    """How much of two texts is the same, 0 to 1, by the edits between them (Indel distance); case, accents and marks apart."""
    from rapidfuzz import fuzz

    return fuzz.ratio(surface(answer[:_COMPARED]), surface(correction[:_COMPARED])) / 100


def _is_same(answer: str, correction: str) -> bool:
    """Whether a correction corrects nothing: case, blanks and the mark at the end apart, it is the answer."""
    one, other = (" ".join(text.casefold().split()).rstrip(".!") for text in (answer, correction))
    return one == other


def _contradicts_length(row: Collected) -> bool:
    """Whether somebody who found the answer too long wrote a longer one, or the other way round."""
    longer = len(row.correction) >= len(row.answer) * _CLEARLY
    shorter = len(row.correction) * _CLEARLY <= len(row.answer)
    return (row.reason == "long" and longer) or (row.reason == "short" and shorter)


def _is_remark(row: Collected, language: Language) -> bool:
    """Whether the correction speaks about the answer (`that is wrong`, `make it shorter`) in place of giving a better one."""
    if len(surface(row.correction).split()) > _REMARK_WORDS:
        return False
    intent = intent_of(row.correction, language)
    is_order = intent is Intent.REQUEST and needs_context(row.correction, language)
    return is_order or intent in (Intent.CORRECTION, Intent.COMPLAINT)
