"""What the commands of admins about training rows share: rows in words, and replies that go on to the next question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.admin_types import RowWords
from bot.errors import StoreError, TrainingError
from bot.locale import say
from bot.types import Choice, Chosen, Language, Turn
from bot.writes import CloseQuestion, Write
from handlers.admin_parts import Done, asked_first, refused
from handlers.memory_words import plain


def rows_in_words(language: Language, rows: Sequence[RowWords]) -> str:
    """Rows as a list; nothing that a person wrote in them is markup, and what is long is cut off."""
    if not rows:
        return say(language, "What was said is not there any more.")
    lines = []
    for row in rows:
        lines.append("- " + say(language, "Question: “{said}”", said=plain(row.question)))
        lines.append("  - " + say(language, "Answer: “{said}”", said=plain(row.answer)))
        if row.correction:
            lines.append("  - " + say(language, "Correction: “{said}”", said=plain(row.correction)))
    return "\n".join(lines)


def next_asked(
    turn: Turn,
    text: str,
    choices: Sequence[Choice],
    *writes: Write,
    kept: str | None = None,
    result: str = "shown",
    subject: str = "",
) -> Done:
    """A question in the same reply as what was decided before it, which `writes` hold.

    `kept` is the text without what people said in it: they may be forgotten, and the admin's conversation stays.
    """
    done = asked_first(turn, text, choices, result=result, subject=subject)
    return replace(done, outcome=replace(done.outcome, writes=(*writes, *done.outcome.writes), kept=kept))


def withdrawing(turn: Turn, chosen: Chosen) -> tuple[CloseQuestion, ...]:
    """What ends the wait for an answer in words and lets the buttons work on: nothing was decided."""
    is_open = turn.awaiting is not None and turn.awaiting.turn_id == chosen.turn_id
    return (CloseQuestion(turn_id=chosen.turn_id, key=None),) if is_open else ()


def unreadable(language: Language, error: TrainingError | StoreError) -> Done:
    """That the rows or what waits cannot be shown now, and what helps."""
    if isinstance(error, StoreError):
        text = say(language, "The database did not answer. Try it again in a moment; `/admin status` says how it is.")
        return refused(text, "no database")
    text = say(language, "What the last night left cannot be read. `/admin night run` makes it anew.")
    return refused(text, "unreadable")
