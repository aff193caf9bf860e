"""Presses of buttons that lead nowhere any more are refused politely (R-09)."""

from __future__ import annotations

from bot.locale import say
from bot.ports import Preview
from bot.types import Kind, Outcome, Reply, Turn


class StaleChoiceHandler:
    """After every handler that asks something: takes the presses that none of them recognised."""

    name = "stale_choice"

    def matches(self, turn: Turn) -> bool:
        """Any press that is left."""
        return turn.message.kind is Kind.CHOICE

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """Why nothing happened."""
        if turn.target is not None and turn.target.person_id != turn.person.id:
            text = say(turn.language, "That question was for somebody else, so I left it as it was.")
        else:
            text = say(turn.language, "That button does not work any more. /help shows what I can do.")
        return Outcome(reply=Reply(text=text), is_refused=True)
