"""Corrections that answer everybody or may do so, in words; pure."""

from __future__ import annotations

from bot.locale import say
from bot.sharing_types import SharedAnswer
from bot.types import Language
from handlers.memory_words import plain

_MOST_DIGITS = 4


def in_full(language: Language, one: SharedAnswer) -> str:
    """Question and correction, whole; the correction last, as everybody would see it: its markup changes nothing else."""
    asked = say(language, "**To whoever asks:** “{question}”", question=plain(one.question, most=None))
    return f"---\n\n{asked}\n\n{one.answer.strip()}"


def in_a_line(language: Language, one: SharedAnswer) -> str:
    """The beginning of both."""
    return say(language, "“{question}”: “{answer}”", question=plain(one.question), answer=plain(one.answer))


def place_named(text: str) -> int:
    """The place in a list that a button names; the first for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0
