"""Memories as their person reads them: what each says, when that was, and where it is from; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from bot.locale import say
from bot.memory_types import BOT, SELF, Memory, MemoryKind, Origin
from bot.types import Choice, Language, Turn
from handlers.asking import option

MEMORY: Final = "memory"
"""The kind of what is asked below `/memory`: `facts.10` and `said.0` are pages, by the number of memories before them."""
FORGET: Final = "forget"
"""The kind of what asks for memories to be forgotten. Its keys name them, so that an old button still means the same one."""
CORRECT: Final = "correct"
REMEMBER: Final = "remember"
FIRST_PAGE: Final = "facts.0"
MOST_CHARS: Final = 1_000
"""The longest text that a person may have remembered: recall has room for a few of that length."""
_SHOWN_CHARS: Final = 240
_MOST_LISTED: Final = 8
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#|~])")
_MONTHS: Final[Mapping[Language, tuple[str, ...]]] = {
    "es": (
        *("enero", "febrero", "marzo", "abril", "mayo", "junio"),
        *("julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}


def plain(text: str, *, most: int | None = _SHOWN_CHARS) -> str:
    """A text as one line in which no character is markup, its end cut off where it is longer than `most`, if that is given."""
    line = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", line if most is None or len(line) <= most else line[: most - 1].rstrip() + "…")


def day_in_words(language: Language, when: datetime) -> str:
    """`30 November 2026`, «30 de noviembre de 2026»."""
    month = _MONTHS[language][when.month - 1]
    return say(language, "{day} {month} {year}", day=when.day, month=month, year=when.year)


def described(language: Language, memory: Memory) -> str:
    """What a memory says, since when, and where it is from."""
    what = memory.what
    text, day = plain(what.text), day_in_words(language, what.said_at)
    origin = _origin(language, memory)
    if memory.ended_at is not None:
        return say(language, "“{said}”, {day}: {origin}; no longer current", said=text, day=day, origin=origin)
    return say(language, "“{said}”, {day}: {origin}", said=text, day=day, origin=origin)


def _origin(language: Language, memory: Memory) -> str:
    """How the memory came about, and in which place."""
    match memory.what.origin:
        case Origin.SAID:
            in_private, in_group = say(language, "you said it in private"), say(language, "you said it in a group")
        case Origin.ANSWERED:
            in_private, in_group = say(language, "I answered it in private"), say(language, "I answered it in a group")
        case Origin.RULE:
            in_private = say(language, "I noted it from what you said in private")
            in_group = say(language, "I noted it from what you said in a group")
        case Origin.MODEL:
            in_private = say(language, "a language model noted it from what you said in private")
            in_group = say(language, "a language model noted it from what you said in a group")
        case Origin.ASKED:
            in_private = say(language, "you asked me in private to remember it")
            in_group = say(language, "you asked me in a group to remember it")
        case Origin.CORRECTED:
            in_private, in_group = say(language, "you put it right in private"), say(language, "you put it right in a group")
        case Origin.IMPORTED:
            in_private = in_group = _imported(language, memory.what.said_by)
    return in_private if memory.group is None else in_group


def _imported(language: Language, said_by: str) -> str:
    if said_by == SELF:
        return say(language, "you said it, in a conversation that was imported")
    if said_by == BOT:
        return say(language, "a program answered it, in a conversation that was imported")
    return say(language, "{name} said it, in a conversation that was imported", name=plain(said_by))


def listed(language: Language, memories: Iterable[Memory], *, first: int = 1) -> str:
    """Memories as a numbered list."""
    lines = (f"{number}. {described(language, memory)}" for number, memory in enumerate(memories, first))
    return "\n".join(lines)


def briefly(language: Language, memories: Sequence[Memory]) -> str:
    """Memories as a list of at most eight, and how many more there are."""
    lines = [f"- {described(language, memory)}" for memory in memories[:_MOST_LISTED]]
    if (more := len(memories) - _MOST_LISTED) > 0:
        lines.append("- " + say(language, "and {count} more", count=more))
    return "\n".join(lines)


def is_in_sight(turn: Turn, memory: Memory) -> bool:
    """Whether the place of a turn may see a memory: in private all, in a group only its own."""
    return turn.scope.group is None or memory.group == turn.scope.group


def is_own_words(memory: Memory) -> bool:
    """Whether it is the person's to put right: not what somebody else or the bot said."""
    return memory.what.said_by == SELF


def forget_button(language: Language, memory_id: str, number: int, *, row: int = 0) -> Choice:
    """The button that forgets a memory out of a numbered list."""
    return option(FORGET, f"one.{memory_id}", say(language, "Forget {number}", number=number), row=row)


def correct_button(language: Language, memory_id: str, number: int, *, row: int = 0) -> Choice:
    """The button that puts a memory out of a numbered list right."""
    return option(CORRECT, memory_id, say(language, "Correct {number}", number=number), row=row)


def back_button(language: Language, *, row: int = 0) -> Choice:
    """The button that shows what is remembered."""
    return option(MEMORY, FIRST_PAGE, say(language, "What I remember"), row=row)


def owner_is_off(language: Language) -> str:
    """That nobody is remembered here."""
    return say(language, "Whoever runs me has switched memory off: I note nothing new, and nothing I noted goes into answers.")


def is_distilled(memory: Memory) -> bool:
    """Whether it is a fact or a preference, not merely something that was said."""
    return memory.what.kind is not MemoryKind.EPISODE
