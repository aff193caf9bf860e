"""Remembering what a person asks to have remembered, in their own words or as the facts in them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.locale import say
from bot.memory_types import Origin
from bot.ports import Preview, Services
from bot.types import Choice, Language, Outcome, Reply, Turn
from bot.writes import Write
from handlers.asking import answer_to, option
from handlers.memory_words import FORGET, MEMORY, MOST_CHARS, REMEMBER, forget_button, owner_is_off, plain
from handlers.noting import Noted, drawn, note
from handlers.open_text import asking_for_text, closing, is_leaving, not_next, text_for, too_long

_THAT: Final = re.compile(r"(?:de\s+)?(?:that|que)\s+(?=\S)", re.IGNORECASE)
_SPARED: Final = 1
"""A fact has other words than what it was drawn from: one of those is no loss."""


class RememberHandler:
    """`/remember TEXT`, and the text that is written when it was given without one."""

    name = "remember"

    def __init__(self, services: Services) -> None:
        self._services = services

    def matches(self, turn: Turn) -> bool:
        """`/remember`, or what it asked for."""
        return (
            turn.command == "remember"
            or answer_to(turn, REMEMBER, by_letter=False) is not None
            or text_for(turn, REMEMBER) is not None
        )

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What was noted, with a button that forgets it again; nothing where remembering is off."""
        language, text = turn.language, turn.arguments if turn.command else text_for(turn, REMEMBER) or ""
        if not turn.command and (answer_to(turn, REMEMBER, by_letter=False) is not None or is_leaving(text)):
            reply = Reply(text=say(language, "All right, I noted nothing."))
            return Outcome(reply=reply, writes=closing(turn, REMEMBER))
        if not turn.command and (refused := await not_next(turn, REMEMBER, self._services.turns)) is not None:
            return refused
        if (refused := remembering_is_off(turn, self._services)) is not None:
            return refused
        return await self._noted(turn, text.strip())

    async def _noted(self, turn: Turn, text: str) -> Outcome:
        language = turn.language
        text = text[match.end() :] if (match := _THAT.match(text)) else text
        if not text:
            asked = say(language, "What shall I remember? Write it in your next message.")
            return asking_for_text(turn, REMEMBER, asked, say(language, "Nothing after all"))
        if len(text) > MOST_CHARS:
            return too_long(language, len(text), MOST_CHARS)
        noted = await note(self._services, turn, drawn(turn, text, Origin.ASKED, spared=_SPARED))
        writes: list[Write] = [write for one in noted for write in one.writes]
        reply = Reply(text=_told(turn, noted), choices=tuple(_buttons(language, noted)))
        return Outcome(reply=reply, writes=(*writes, *closing(turn, REMEMBER)))


def remembering_is_off(turn: Turn, services: Services) -> Outcome | None:
    """What is said where nothing may be noted: that memory is off, and how it comes on; None where it is on."""
    language = turn.language
    if not services.settings.remembers:
        return Outcome(reply=Reply(text=owner_is_off(language)), is_refused=True)
    if turn.person.remembers:
        return None
    text = say(language, "Remembering is off, so I noted nothing. Shall I switch it on?")
    on = option(MEMORY, "on", say(language, "Switch remembering on"))
    return Outcome(reply=Reply(text=text, choices=(on,)), is_refused=True)


def _told(turn: Turn, noted: Sequence[Noted]) -> str:
    """What was noted, line by line."""
    language = turn.language
    lines = [told_of(language, one) for one in noted]
    if len(lines) > 1:
        lines = [f"{number}. {line}" for number, line in enumerate(lines, 1)]
    if not turn.message.is_private:
        lines.append("\n" + say(language, "I remember this for this group, and for our private talk."))
    return "\n".join(lines)


def told_of(language: Language, one: Noted) -> str:
    """What was noted, and what it takes the place of."""
    text = plain(one.what.text)
    if one.is_known:
        return say(language, "I knew that already: “{said}”", said=text)
    if one.ended:
        return say(language, "Noted: “{said}” It takes the place of “{old}”", said=text, old=plain(one.ended[0].what.text))
    return say(language, "Noted: “{said}”", said=text)


def _buttons(language: Language, noted: Sequence[Noted]) -> list[Choice]:
    if len(noted) == 1:
        return [option(FORGET, f"one.{noted[0].id}", say(language, "Forget this"))]
    return [forget_button(language, one.id, number) for number, one in enumerate(noted, 1)]
