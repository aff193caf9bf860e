"""Corrections that answer everybody or may do so, in words; pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from bot.locale import say
from bot.sharing_types import SharedAnswer
from bot.types import Choice, Language
from handlers.memory_words import plain

SHOWN: Final = 8
"""Answers in one reply, each with its button."""
_MOST_DIGITS: Final = 4


def in_full(language: Language, one: SharedAnswer) -> str:
    """Question and correction, whole; the correction last, as everybody would see it: its markup changes nothing else."""
    asked = say(language, "**To whoever asks:** “{question}”", question=plain(one.question, most=None))
    return f"---\n\n{asked}\n\n{one.answer.strip()}"


def in_a_line(language: Language, one: SharedAnswer) -> str:
    """The beginning of both."""
    return say(language, "“{question}”: “{answer}”", question=plain(one.question), answer=plain(one.answer))


def page_of(
    language: Language, answers: Sequence[SharedAnswer], first: int, button: Callable[[str, str, int], Choice]
) -> tuple[list[tuple[int, SharedAnswer]], list[Choice]]:
    """The answers from that place on with their numbers, and a button to take each back; where there are more, one for those.

    `button` makes one of its key, label and row. A place behind the last answer is the first.
    """
    first = first if first < len(answers) else 0
    page = list(enumerate(answers[first : first + SHOWN], first + 1))
    choices = [
        button(named("end", one), say(language, "Take back {number}", number=number), (number - first - 1) // 2)
        for number, one in page
    ]
    if first + SHOWN < len(answers):
        choices.append(button(f"more.{first + SHOWN}", say(language, "More"), SHOWN))
    return page, choices


def named(verb: str, one: SharedAnswer) -> str:
    """A button's key: what it does, to which answer, in which words."""
    return f"{verb}.{one.turn_id}.{one.digest[:8]}"


def place_named(text: str) -> int:
    """The place in a list that a button names; the first for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0
