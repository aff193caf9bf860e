"""What campaigns count: doubled answers, stray bubbles, and what Telegram had to say no to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.servers.telegram.chats import Message
    from tests.servers.telegram.server import TelegramServer

MARKER: Final = re.compile(r"\bq\d+\b")
"""What a campaign's questions hold and their answers repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """`asked` and `answered` are questions, `doubled` the answers beyond the first of each, `strays` unedited bubbles."""

    asked: int
    answered: int
    doubled: int
    strays: int
    limit_answers: int
    conflicts: int
    violations: int
    own_problems: int


def is_short_and_unedited(message: Message) -> bool:
    """What a placeholder looks like that nobody came back to."""
    return len(message.versions) == 1 and len(message.text) <= 3 and not message.buttons


def count(
    server: TelegramServer, *, marker: re.Pattern[str] = MARKER, is_stray: Callable[[Message], bool] = is_short_and_unedited
) -> Counts:
    """The whole world as it is now. Questions without a marker are not counted."""
    asked: set[tuple[int, str]] = set()
    answers: Counter[tuple[int, str]] = Counter()
    strays = 0
    for message in server.world.messages():
        marked = marker.search(message.text)
        if message.sender is server.bot:
            strays += is_stray(message)
            if marked:
                answers[message.chat.id, marked[0]] += 1
        elif marked:
            asked.add((message.chat.id, marked[0]))
    return Counts(
        asked=len(asked),
        answered=sum(one in answers for one in asked),
        doubled=sum(answers.values()) - len(answers),
        strays=strays,
        limit_answers=server.limits.answers,
        conflicts=server.updates.conflicts,
        violations=len(server.violations),
        own_problems=len(server.own_problems),
    )
