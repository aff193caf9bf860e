"""Corrections that answer everybody or may do so, in words; pure."""

from __future__ import annotations

from bot.locale import say
from bot.sharing_types import SharedAnswer
from bot.types import Language
from handlers.memory_words import plain, quoted


def in_full(language: Language, one: SharedAnswer) -> str:
    """Question and correction, whole: this is what everybody would get."""
    return "\n\n".join(
        (
            say(language, "**Question**"),
            quoted(one.question),
            say(language, "**Answer**"),
            quoted(one.answer),
        )
    )


def in_a_line(language: Language, one: SharedAnswer) -> str:
    """The beginning of both."""
    return say(language, "“{question}”: “{answer}”", question=plain(one.question), answer=plain(one.answer))
