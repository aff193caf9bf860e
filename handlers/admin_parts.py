"""What every command of admins is made of: what it gave, its buttons, and how a name stands for somebody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from bot.ports import Preview
from bot.types import Choice, Chosen, Outcome, Reply, Turn
from bot.writes import CloseQuestion, Write
from handlers.asking import asking, option

ADMIN: Final = "admin"
"""The kind of every question to an admin; its keys begin with the action."""
NOTICE_DAYS: Final = 7
"""How far back notices are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What an action gave, how it went in a word, and what it was about: a name without anybody's words, for the audit log."""

    outcome: Outcome
    result: str = "done"
    subject: str = ""


class Action(Protocol):
    """One command of admins."""

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """What was asked for by `/admin ACTION ARGUMENT`."""

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """What was chosen below one of its replies: `wish` is the key behind `admin:ACTION.`."""


def button(action: str, wish: str, label: str, row: int = 0) -> Choice:
    """A button of an action; `wish` comes back when it is pressed."""
    return option(ADMIN, f"{action}.{wish}", label, row)


def told(text: str, *writes: Write, result: str = "done", subject: str = "") -> Done:
    """A plain reply."""
    return Done(outcome=Outcome(reply=Reply(text=text), writes=writes), result=result, subject=subject)


def refused(text: str, result: str, subject: str = "", *, writes: tuple[Write, ...] = ()) -> Done:
    """A reply to what could not be done, and why; nothing was, but for `writes`, which end a question."""
    return Done(outcome=Outcome(reply=Reply(text=text), writes=writes, is_refused=True), result=result, subject=subject)


def asked_first(turn: Turn, text: str, choices: Sequence[Choice], *, result: str = "asked", subject: str = "") -> Done:
    """A question before anything is done."""
    return Done(outcome=asking(turn, ADMIN, text, choices), result=result, subject=subject)


def closing(chosen: Chosen) -> CloseQuestion:
    """What marks the question as answered, so that its buttons do nothing more."""
    return CloseQuestion(turn_id=chosen.turn_id, key=f"{ADMIN}:{chosen.key}")


def minute(at: datetime) -> str:
    """A moment to the minute, in UTC: `2026-11-30 12:00`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def is_answered(turn: Turn) -> bool:
    """Whether the question whose button this turn presses was answered before."""
    return turn.target is not None and turn.target.chosen is not None
