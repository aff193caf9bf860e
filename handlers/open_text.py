"""Questions that any text answers: which text that is, for how long, and how it is left without one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from bot.locale import say
from bot.ports import TurnStore
from bot.types import Kind, Language, Outcome, Reply, Turn
from bot.writes import CloseQuestion
from handlers.asking import ask_question, option
from handlers.help import LONE_COMMAND

ANSWERED_WITHIN: Final = timedelta(minutes=30)
"""What is written later is meant for the conversation."""
LEAVE: Final = "leave"
_ASKED_AT: Final = "asked_at"
_LEAVING: Final = frozenset({"/cancel", "/cancelar", "cancel", "cancelar", "no", "nothing", "nada"})


def asking_for_text(turn: Turn, kind: str, text: str, leave: str, state: Mapping[str, str] | None = None) -> Outcome:
    """A reply that asks for any text at all, with one button, `leave`, that gives none."""
    choices = (option(kind, LEAVE, leave),)
    kept = {_ASKED_AT: turn.message.sent_at.isoformat(), **(state or {})}
    return Outcome(reply=Reply(text=text, choices=choices), writes=(ask_question(turn, kind, choices, kept),))


def text_for(turn: Turn, kind: str) -> str | None:
    """The text that answers the open question of this kind; None for one that is late, for commands and for attachments."""
    question = turn.awaiting
    if question is None or question.kind != kind or turn.message.kind is not Kind.TEXT or turn.message.attachments:
        return None
    text = turn.message.text.strip()
    is_late = turn.message.sent_at - datetime.fromisoformat(question.state[_ASKED_AT]) > ANSWERED_WITHIN
    is_command = LONE_COMMAND.fullmatch(text) is not None and not is_leaving(text)
    return None if not text or is_late or is_command else text


def is_leaving(text: str) -> bool:
    """Whether a text leaves the question: `/cancel`, «/cancelar», a bare "no"."""
    return text.strip(" .!").casefold().partition("@")[0] in _LEAVING


def too_long(language: Language, length: int, most: int) -> Outcome:
    """That a text is longer than can be remembered; the question stays open for a shorter one."""
    text = say(
        language, "That is too long for me to remember: {length} characters, and I can keep {limit}.", length=length, limit=most
    )
    return Outcome(reply=Reply(text=text), is_refused=True)


def closing(turn: Turn, kind: str) -> tuple[CloseQuestion, ...]:
    """What ends the question of this kind, where it is the open one."""
    question = turn.awaiting
    return () if question is None or question.kind != kind else (CloseQuestion(turn_id=question.turn_id, key=None),)


async def not_next(turn: Turn, kind: str, turns: TurnStore) -> Outcome | None:
    """What is said to a text before which something else came: it was perhaps meant for the conversation. Else None."""
    last = await turns.history(turn.address_id, before=turn.id, limit=1)
    if turn.awaiting is None or (last and last[-1].id == turn.awaiting.turn_id):
        return None
    text = say(
        turn.language,
        "I was still waiting for what you wanted to tell me, but something else came first, so I did not take this for it. "
        "Please write your message again.",
    )
    return Outcome(reply=Reply(text=text), writes=closing(turn, kind), is_refused=True)
