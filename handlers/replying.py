"""A reply to an answer that puts it right: taken as a correction where that is what it is, an ordinary question else."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from bot.ports import Preview
from bot.types import GivenRating, Kind, Outcome, PastTurn, Turn
from handlers.asking import answer_to
from handlers.feedback import FeedbackHandler
from handlers.help import LONE_COMMAND
from handlers.levels import LEVEL
from handlers.unreadable import unread_note

_MARKS: Final = re.compile(
    r"""
    (?:
        (?:the\ )?(?:right|correct)\ answer(?:\ (?:is|would\ be)\b[\ ]?:?|\ ?:)
        |correction\ ?:
        |(?:no[,.]?\ )?that(?:'|’|\ i)s\ (?:wrong|not\ (?:right|true|correct))\ ?:
        |(?:la\ )?respuesta\ correcta(?:\ (?:es|ser[ií]a)\b[\ ]?:?|\ ?:)
        |lo\ (?:correcto|cierto)\ (?:es|ser[ií]a)\b[\ ]?:?
        |correcci[oó]n\ ?:
        |(?:no[,.]?\ )?(?:eso|esto)\ (?:est[aá]\ mal|es\ falso|no\ es\ (?:cierto|verdad|correcto))\ ?:
    )
    \s{0,8}
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Beginnings that nobody gives to a question."""


class ReplyHandler:
    """Takes what the person who asked replies to their answer: after a 👎 without a correction, or begun as one.

    It goes into the ledger as if it had been written under 👎, by the same handler.
    """

    name = "reply"

    def __init__(self, feedback: FeedbackHandler) -> None:
        self._feedback = feedback

    def matches(self, turn: Turn) -> bool:
        """A text that replies to this person's answer and puts it right."""
        answer, text = turn.target, turn.message.text.strip()
        if turn.message.kind is not Kind.TEXT or answer is None or answer.person_id != turn.person.id or not text:
            return False
        if not answer.reply.rateable:
            return False
        if _MARKS.match(text) is not None:
            return True
        return _awaits_correction(answer) and _may_correct(turn, text)

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The ledger's row, with thanks; a refusal of what is empty or too long."""
        assert turn.target is not None, "handle is only called where matches said yes"
        text = turn.message.text.strip()
        correction = text[mark.end() :] if (mark := _MARKS.match(text)) is not None else text
        given = GivenRating(turn_id=turn.target.id, value=-1, correction=correction)
        rated = replace(turn, message=replace(turn.message, kind=Kind.RATING, rating=given))
        outcome = await self._feedback.handle(rated, preview)
        return replace(outcome, note=unread_note(turn.language, turn.message.attachments))


def _awaits_correction(answer: PastTurn) -> bool:
    """Whether the person said that it is wrong, and not yet what is right."""
    return answer.rating is not None and answer.rating.value == -1 and answer.rating.correction is None


def _may_correct(turn: Turn, text: str) -> bool:
    """Whether a text without a mark may be what is right: no question, no command, nothing that something else waits for."""
    if turn.message.attachments or text.endswith("?") or text.startswith("¿"):
        return False
    return LONE_COMMAND.fullmatch(text) is None and answer_to(turn, LEVEL, by_letter=False) is None
