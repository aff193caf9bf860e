"""A person's way out and end: everything held of them as a file, and its erasure (R-63, R-64)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from bot.locale import say, say_many
from bot.ports import Preview, Services
from bot.sharing_types import SharedState
from bot.types import Language, Outcome, Reply, ReplyFile, Turn
from bot.writes import AddJob, CloseQuestion
from handlers.asking import answer_to, asking, option

FORGETME: Final = "forgetme"
HEADER: Final = "martin_export"


class MyDataHandler:
    """Gives the person everything that is held of them, in private only."""

    name = "mydata"

    def __init__(self, services: Services) -> None:
        self._services = services

    def matches(self, turn: Turn) -> bool:
        """`/mydata`."""
        return turn.command == "mydata"

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """One JSON file with a key per owner of personal data, and how much there is."""
        language = turn.language
        if not turn.message.is_private:
            text = say(
                language, "I show your data only in a private chat, where nobody else reads it. Write /mydata to me there."
            )
            return Outcome(reply=Reply(text=text), is_refused=True)
        now = self._services.clock.now()
        held = {owner.name: await owner.export(turn.person.id) for owner in self._services.personal}
        content = await asyncio.to_thread(_written, turn, now, held)
        file = ReplyFile(name=f"martin-mydata-{now.date().isoformat()}.json", media_type="application/json", content=content)
        text = say(language, "Here is everything I hold about you, as a JSON file that any text editor opens:")
        count = say_many(language, "It has {count} entry.", "It has {count} entries.", _entries(held))
        more = say(
            language,
            "What I remember of you, corrections, ratings and your preference profile are in it too. /forgetme erases "
            "all of it.",
        )
        return Outcome(reply=Reply(text=f"{text} **{file.name}**. {count} {more}", files=(file,)))


class ForgetMeHandler:
    """Asks once whether to erase everything, then has it done."""

    name = "forgetme"

    def __init__(self, services: Services) -> None:
        self._services = services

    def matches(self, turn: Turn) -> bool:
        """`/forgetme`, or an answer to its question."""
        return turn.command == "forgetme" or answer_to(turn, FORGETME) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The question; or the erasure, held back until its reply is delivered; or nothing at all."""
        chosen = answer_to(turn, FORGETME)
        if chosen is None:
            return self._ask(turn)
        if turn.target is not None and turn.target.chosen is not None:
            text = say(turn.language, "You have already answered that. If you want to erase your data, write /forgetme again.")
            return Outcome(reply=Reply(text=text), is_refused=True)
        closing = CloseQuestion(turn_id=chosen.turn_id, key=f"{FORGETME}:{chosen.key}")
        if chosen.key != "yes":
            return Outcome(reply=Reply(text=say(turn.language, "Good, nothing was erased.")), writes=(closing,))
        erase = AddJob(kind="forget", person_id=turn.person.id, after_turn=turn.id)
        theirs = await self._services.sharing.of_person(turn.person.id)
        has_shared = any(one.state is SharedState.SHARED for one in theirs)
        return Outcome(reply=Reply(text=self._farewell(turn.language, has_shared=has_shared)), writes=(closing, erase))

    def _ask(self, turn: Turn) -> Outcome:
        language = turn.language
        text = say(
            language,
            "This erases **everything** I hold about you: conversations, what I remember of them, ratings, corrections, your "
            "preference profile, consent and settings, in every chat where I know you. It cannot be undone. If you want a copy "
            "first, /mydata gives you one. Shall I erase it?",
        )
        choices = (
            option(FORGETME, "yes", say(language, "Yes, erase everything")),
            option(FORGETME, "no", say(language, "No, keep it")),
        )
        return asking(turn, FORGETME, text, choices)

    def _farewell(self, language: Language, *, has_shared: bool) -> str:
        shared = say(language, "What others were answered with words that you shared stays in their conversations.")
        return f"{self._erased(language)}\n\n{shared}" if has_shared else self._erased(language)

    def _erased(self, language: Language) -> str:
        last = self._services.clock.now().date() + timedelta(days=self._services.backup_keep_days)
        return say(
            language,
            "I am erasing everything I hold about you, right after this message: conversations, what I remember of them, "
            "ratings, corrections, your preference profile, consent, settings and this reply.\n\n"
            "What remains: backup copies made until now, the last of them until {date}, and a keyed fingerprint that says "
            "nothing about you and keeps an old backup from bringing you back. No model was trained with your words. What your "
            "chat app itself keeps is not mine to erase.\n\n"
            "Thank you for the time we talked. If you ever write again, we meet for the first time.",
            date=last.isoformat(),
        )


def _written(turn: Turn, now: datetime, held: Mapping[str, object]) -> bytes:
    """The export as UTF-8 JSON, indented, with a header that says what it is."""
    header = {
        "about": say(turn.language, "Everything that Martín holds about one person, asked for with /mydata."),
        "person": turn.person.id,
        "made_at": now.isoformat(),
        "format": 1,
    }
    return json.dumps({HEADER: header, **held}, ensure_ascii=False, indent=2, default=str).encode("utf-8")


def _entries(held: object) -> int:
    """How many rows an export holds: the items of its lists, wherever they stand; anything else that is there counts as one."""
    if isinstance(held, Mapping):
        return sum(_entries(one) for one in held.values())
    if isinstance(held, (list, tuple)):
        return len(held)
    return 0 if held is None else 1
