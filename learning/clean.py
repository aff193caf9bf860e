"""Rated answers as their owner would keep them: texts repaired, what teaches nothing dropped, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

from bot.control_tokens import neutralise
from learning import text_faults as faults
from learning.duplicates import NearDuplicates, letters_digest, normalised
from learning.records import Collected, Drop, Dropped, Rows, Said

STEP: Final = "clean"

FEWEST_QUESTION_CHARACTERS: Final = 4
"""Not counting blanks: `why?` is a question, `y?` is none."""
FEWEST_ANSWER_CHARACTERS: Final = 4
"""Not counting blanks. A shorter answer with a digit is whole."""
MOST_QUESTION_CHARACTERS: Final = 8_000
"""What people may send at most (`limits.text_max_chars`)."""
MOST_ANSWER_CHARACTERS: Final = 16_000
"""About 4,000 tokens: with its question and history, more than most are trained with (R-15)."""

_COMMAND: Final = re.compile(r"/[^\W\d_]\w{0,31}(?:@\w+)?(?=\s|$)")


class Reason(StrEnum):
    """Why a row is dropped here. One is given: the first that applies, about in this order."""

    EMPTY_QUESTION = "empty_question"
    """Nothing was asked."""
    QUESTION_TOO_LONG = "question_too_long"
    """A question of more than `MOST_QUESTION_CHARACTERS`."""
    COMMAND_AS_QUESTION = "command_as_question"
    """The question is a command for the bot."""
    CONTROL_TOKENS = "control_tokens"
    """The marks of a chat template stand in question, answer or correction."""
    BROKEN_QUESTION = "broken_question"
    """Letters of the question are lost."""
    SMALL_TALK = "small_talk"
    """The question is a greeting, thanks, a farewell, a yes, or laughter."""
    LINKS_ONLY = "links_only"
    """The question or the correction is nothing but links."""
    SYMBOLS_ONLY = "symbols_only"
    """The question or the answer is nothing but punctuation or emoji."""
    QUESTION_TOO_SHORT = "question_too_short"
    """A question of fewer than `FEWEST_QUESTION_CHARACTERS`."""
    REPEATED_WORDS = "repeated_words"
    """The question or the correction is the same few letters or words again and again."""
    GIBBERISH = "gibberish"
    """The question or the correction consists of words that no one meant."""
    ADVERTISING = "advertising"
    """The question or the correction advertises."""
    RATING_WITHDRAWN = "rating_withdrawn"
    """No rating is left, and nothing was corrected."""
    ANOTHERS_ANSWER = "anothers_answer"
    """The answer rests on a correction that another person lets everybody have: they teach it, once, and may take it back."""
    ANSWER_TOO_LONG = "answer_too_long"
    """An answer or a correction of more than `MOST_ANSWER_CHARACTERS`."""
    CORRECTION_REPEATS_ANSWER = "correction_repeats_answer"
    """The correction says what the answer said."""
    CORRECTION_REPEATS_QUESTION = "correction_repeats_question"
    """The correction says what the question said."""
    EMPTY_CORRECTION = "empty_correction"
    """The correction has neither letters nor digits."""
    BROKEN_CORRECTION = "broken_correction"
    """Letters of the correction are lost, or its code block has no end."""
    CORRECTION_INSULTS = "correction_insults"
    """The correction is an insult."""
    CORRECTION_ONLY_JUDGES = "correction_only_judges"
    """The correction says that the answer was bad, not what a good one is."""
    CORRECTION_ONLY_INSTRUCTS = "correction_only_instructs"
    """The correction tells what to do differently instead of doing it."""
    CORRECTION_REFUSES = "correction_refuses"
    """The correction is itself an excuse or a message of the bot."""
    CORRECTION_IN_OTHER_LANGUAGE = "correction_in_other_language"
    """The correction is neither in the person's language nor in that of the question."""
    FLAGGED = "flagged"
    """The answer carries a flag (partial, fallback, failed …) and nobody corrected it (R-16)."""
    EMPTY_ANSWER = "empty_answer"
    """Nothing was answered."""
    BROKEN_ANSWER = "broken_answer"
    """Letters of the answer are lost."""
    CUT_OFF_ANSWER = "cut_off_answer"
    """The answer's last code block has no end."""
    BOT_MESSAGE = "bot_message"
    """The answer is a fixed text of the bot or the message of a failed program."""
    STUCK_ANSWER = "stuck_answer"
    """The answer goes round in circles."""
    GIBBERISH_ANSWER = "gibberish_answer"
    """The answer consists of words that no one meant."""
    ECHO = "echo"
    """The answer says what the question said."""
    OTHER_LANGUAGE = "other_language"
    """The answer is neither in the person's language nor in that of the question."""
    REFUSAL_LIKED = "refusal_liked"
    """The answer says that it is none, and was liked for that."""
    ANSWER_TOO_SHORT = "answer_too_short"
    """An answer of fewer than `FEWEST_ANSWER_CHARACTERS` was liked."""
    DUPLICATE = "duplicate"
    """The person asked the same and got the same in an earlier row."""
    NEAR_DUPLICATE = "near_duplicate"
    """The person asked and got nearly the same in an earlier row."""


_Check = tuple[Reason, Callable[[str], bool]]


def clean(rows: Rows[Collected], drop: Drop) -> Iterator[Collected]:
    """The rows worth learning from, in their order, their texts repaired; the others go to `drop`, each with a `Reason`.

    A row with a correction needs no good answer: what the person wrote counts, and the answer serves as the worse one. An
    answer that was not liked may refuse or be short, but must be a text that somebody could have meant. Exchanges of the
    history that are damaged go, the row stays. Flags are never taken off.

    Of every kept row the person's duplicates are remembered: about 2.5 KB, as long as this runs.
    """
    earlier: dict[str, _Earlier] = {}
    for row in rows():
        told = _repaired(row)
        reason = _fault(told)
        if reason is None:
            if told.person not in earlier:
                earlier[told.person] = _Earlier()
            reason = earlier[told.person].repeats(told)
        if reason is not None:
            drop(Dropped(row=row.row, step=STEP, reason=reason.value))
        else:
            yield told


class _Earlier:
    """What one person said in rows that were kept, corrected and uncorrected ones apart.

    Whoever disliked an answer and corrected the same one another time gave two things to learn from.
    """

    def __init__(self) -> None:
        self._exact: set[bytes] = set()
        self._near = (NearDuplicates(), NearDuplicates())

    def repeats(self, row: Collected) -> Reason | None:
        """Why a row says nothing new; None when it does, and it is remembered."""
        is_corrected = bool(row.correction)
        text = f"{row.question}\n{row.correction or row.answer}"
        digest = letters_digest(text) + bytes([is_corrected])
        if digest in self._exact:
            return Reason.DUPLICATE
        self._exact.add(digest)
        return Reason.NEAR_DUPLICATE if self._near[is_corrected].add(row.row, text) is not None else None


def fault_of(row: Collected) -> Reason | None:
    """Why nothing could be learned from a row by itself, whatever the person said before; None where something can."""
    return _fault(_repaired(row))


def _repaired(row: Collected) -> Collected:
    """`row` with every text repaired, and without damaged exchanges of its history and words that are another person's."""
    history = (Said(question=faults.repaired(said.question), answer=faults.repaired(said.answer)) for said in row.history)
    return msgspec.structs.replace(
        row,
        question=faults.repaired(row.question),
        answer="" if row.is_anothers else faults.repaired(row.answer),
        reason=faults.repaired(row.reason),
        correction=faults.repaired(row.correction),
        history=tuple(said for said in history if not _is_damaged(said)),
    )


def _is_damaged(said: Said) -> bool:
    """Whether an earlier exchange would do harm as context. A greeting or a short answer does none."""
    return (
        not (said.question and said.answer)
        or len(said.question) > MOST_QUESTION_CHARACTERS
        or len(said.answer) > MOST_ANSWER_CHARACTERS
        or any(_has_control_tokens(text) or faults.is_damaged(text) for text in (said.question, said.answer))
        or faults.is_advertising(said.question)
        or faults.is_gibberish(said.question)
        or any(is_so(said.answer) for _, is_so in _OF_ANSWERS)
    )


def _fault(row: Collected) -> Reason | None:
    """The first reason against a repaired row that lies in itself; None when there is none."""
    return (
        _fault_of_question(row) or _fault_of_rating(row) or (_fault_of_correction if row.correction else _fault_of_answer)(row)
    )


def _fault_of_question(row: Collected) -> Reason | None:
    question = row.question
    if not question:
        return Reason.EMPTY_QUESTION
    if len(question) > MOST_QUESTION_CHARACTERS:
        return Reason.QUESTION_TOO_LONG
    if _COMMAND.match(question):
        return Reason.COMMAND_AS_QUESTION
    if any(_has_control_tokens(text) for text in (question, row.answer, row.correction)):
        return Reason.CONTROL_TOKENS
    if reason := _first(question, _OF_QUESTIONS):
        return reason
    return _spam(question, question)


def _fault_of_rating(row: Collected) -> Reason | None:
    if row.value == 0 and not row.correction:
        return Reason.RATING_WITHDRAWN
    if row.is_anothers and not row.correction:
        return Reason.ANOTHERS_ANSWER
    if max(len(row.answer), len(row.correction)) > MOST_ANSWER_CHARACTERS:
        return Reason.ANSWER_TOO_LONG
    return None


def _fault_of_correction(row: Collected) -> Reason | None:
    correction = row.correction
    said = normalised(correction)
    if said and said == normalised(row.answer):
        return Reason.CORRECTION_REPEATS_ANSWER
    if said and said == normalised(row.question):
        return Reason.CORRECTION_REPEATS_QUESTION
    if reason := _first(correction, _OF_CORRECTIONS) or _spam(correction, row.question):
        return reason
    if faults.is_in_other_language(correction, row.question, row.language):
        return Reason.CORRECTION_IN_OTHER_LANGUAGE
    return None


def _fault_of_answer(row: Collected) -> Reason | None:
    """What speaks against an answer that is to be learned from, as a good or as a bad one."""
    answer = row.answer
    if row.flags:
        return Reason.FLAGGED
    if not answer:
        return Reason.EMPTY_ANSWER
    if reason := _first(answer, _OF_ANSWERS):
        return reason
    if normalised(answer) == normalised(row.question) != b"":
        return Reason.ECHO
    if faults.is_in_other_language(answer, row.question, row.language):
        return Reason.OTHER_LANGUAGE
    return _first(answer, _OF_LIKED) if row.value > 0 else None


def _spam(text: str, question: str) -> Reason | None:
    """What makes a text of a person spam. Who asks for an advertisement may have one."""
    if faults.is_repeated(text):
        return Reason.REPEATED_WORDS
    if faults.is_gibberish(text):
        return Reason.GIBBERISH
    if faults.is_advertising(text) and not faults.asks_for_writing(question):
        return Reason.ADVERTISING
    return None


def _has_control_tokens(text: str) -> bool:
    """Whether `neutralise` finds a mark to break by a blank; that it takes out hidden characters is no matter."""
    return neutralise(text).count(" ") > text.count(" ")


def _is_short_question(text: str) -> bool:
    return faults.characters(text) < FEWEST_QUESTION_CHARACTERS


def _is_short_answer(text: str) -> bool:
    return faults.characters(text) < FEWEST_ANSWER_CHARACTERS and not any(map(str.isdigit, text))


def _refuses(text: str) -> bool:
    return faults.is_own_message(text) or faults.is_refusal(text)


def _first(text: str, checks: tuple[_Check, ...]) -> Reason | None:
    return next((reason for reason, is_so in checks if is_so(text)), None)


_OF_QUESTIONS: Final[tuple[_Check, ...]] = (
    (Reason.BROKEN_QUESTION, faults.is_damaged),
    (Reason.REPEATED_WORDS, faults.is_drawn_out),
    (Reason.SMALL_TALK, faults.is_small_talk),
    (Reason.LINKS_ONLY, faults.is_only_links),
    (Reason.SYMBOLS_ONLY, faults.is_only_symbols),
    (Reason.QUESTION_TOO_SHORT, _is_short_question),
)
_OF_CORRECTIONS: Final[tuple[_Check, ...]] = (
    (Reason.EMPTY_CORRECTION, faults.is_only_symbols),
    (Reason.BROKEN_CORRECTION, faults.is_damaged),
    (Reason.BROKEN_CORRECTION, faults.has_open_fence),
    (Reason.LINKS_ONLY, faults.is_only_links),
    (Reason.CORRECTION_INSULTS, faults.is_insult),
    (Reason.CORRECTION_ONLY_JUDGES, faults.is_verdict),
    (Reason.CORRECTION_ONLY_INSTRUCTS, faults.is_instruction),
    (Reason.CORRECTION_REFUSES, _refuses),
)
_OF_ANSWERS: Final[tuple[_Check, ...]] = (
    (Reason.BROKEN_ANSWER, faults.is_damaged),
    (Reason.SYMBOLS_ONLY, faults.is_only_symbols),
    (Reason.CUT_OFF_ANSWER, faults.has_open_fence),
    (Reason.BOT_MESSAGE, faults.is_own_message),
    (Reason.STUCK_ANSWER, faults.is_stuck),
    (Reason.GIBBERISH_ANSWER, faults.is_gibberish),
)
_OF_LIKED: Final[tuple[_Check, ...]] = (
    (Reason.REFUSAL_LIKED, faults.is_refusal),
    (Reason.ANSWER_TOO_SHORT, _is_short_answer),
)
