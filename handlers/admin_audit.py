"""What admins did, for admins to read."""

from __future__ import annotations

from typing import Final

from bot.admin_ports import AdminDesk
from bot.admin_types import TERMINAL, AuditEntry
from bot.locale import say, say_many
from bot.ports import Preview, Services
from bot.types import Chosen, Language, Turn
from handlers.admin_parts import Done, minute, refused, told
from handlers.wording import as_code

SHOWN: Final = 20
MOST: Final = 100
_MOST_DIGITS: Final = 9


class AuditAction:
    """`/admin audit [NUMBER]`: the newest entries of the audit log, as many as asked for, at most a hundred."""

    def __init__(self, services: Services, desk: AdminDesk) -> None:
        self._services, self._desk = services, desk

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """The entries, newest first; the one of this very command is not among them yet."""
        language = turn.language
        number = _number(argument)
        if number is None:
            text = say(language, "I expected a whole number, 1 to {most}: for example `/admin audit 50`.", most=MOST)
            return refused(text, "no number")
        entries = await self._desk.audit.recent(number)
        if not entries:
            return told(say(language, "No admin has done anything yet."))
        title = say_many(
            language,
            "**The newest entry of the audit log** (UTC)",
            "**The newest {count} entries of the audit log** (UTC)",
            len(entries),
        )
        lines = [f"- {_line(language, entry)}" for entry in entries]
        whole = say(language, "The whole log, on the machine that I run on: `python -m bot audit`.")
        return told("\n\n".join([title, "\n".join(lines), whole]))

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """Nothing: the log has no buttons."""
        return refused(say(turn.language, "There is nothing to press there any more."), "gone")


def _number(argument: str) -> int | None:
    """How many entries are asked for; None for what is no number of entries."""
    word = argument.strip()
    if not word:
        return SHOWN
    if not (word.isascii() and word.isdecimal() and len(word) <= _MOST_DIGITS and int(word)):
        return None
    return min(int(word), MOST)


def _line(language: Language, entry: AuditEntry) -> str:
    """An entry: when, who, what, about what, how it went. What is empty is left out."""
    who = say(language, "command line") if entry.channel == TERMINAL else as_code(entry.who)
    words = (as_code(word) for word in (entry.action, entry.subject, entry.result) if word)
    return " · ".join([minute(entry.at), who, *words])
