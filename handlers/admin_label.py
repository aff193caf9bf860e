"""Rows that no operator has labelled yet: shown one by one, and labelled by pressing or by typing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bot.admin_ports import AdminDesk
from bot.admin_types import UnlabelledRow
from bot.errors import StoreError
from bot.intent_words import intent_words
from bot.locale import say, say_many
from bot.ports import Preview, Services
from bot.training_types import Intent
from bot.types import LANGUAGES, Choice, Chosen, Language, Turn
from bot.writes import LabelTraining, Write
from handlers.admin_parts import Done, button, closing, is_answered, refused, told
from handlers.admin_rows import next_asked, rows_in_words, unreadable, withdrawing
from handlers.memory_words import plain
from handlers.wording import as_code

LABEL: Final = "label"
MOST_TOPIC: Final = 80
"""Characters of a topic, as in a table of labels (`learning.sheet`)."""
_LONGEST_SHOWN: Final = 40
_IN_A_ROW: Final = 3
_ROW: Final = re.compile(r"r[0-9a-f]{20}")
"""What rows are called (`bot.store.keys`)."""


def _bare(word: str) -> str:
    """Small letters without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(c))


_INTENTS: Final[Mapping[str, Intent]] = {one.value: one for one in Intent} | {
    _bare(word): one for language in LANGUAGES for one, word in intent_words(language).items()
}


class LabelAction:
    """`/admin label`: one row at a time, a button for each intent; every press leads to the row after it.

    A button names its row, so it works for as long as no operator has labelled that.
    """

    def __init__(self, services: Services, desk: AdminDesk) -> None:
        self._services, self._training = services, desk.training

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """The first row without a label; or a label for the row that is named."""
        try:
            return await self._named(turn, argument) if argument else await self._first(turn)
        except StoreError as error:
            return unreadable(turn.language, error)

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """The row gets the intent, or is skipped; then the next one."""
        language = turn.language
        if is_answered(turn):
            return refused(say(language, "You have already answered that. `/admin label` shows the next row."), "answered")
        verb, _, row = wish.partition(".")
        intent = _INTENTS.get(verb)
        try:
            if intent is None:
                return await self._after(turn, row, *withdrawing(turn, chosen), result="skipped")
            if await self._unlabelled(row) is None:
                lead = say(language, "That row has no need of it: somebody labelled it meanwhile, or it is gone.")
                done = await self._after(turn, row, *withdrawing(turn, chosen), lead=lead, result="gone")
                return replace(done, outcome=replace(done.outcome, is_refused=True))
            label = LabelTraining(row=row, intent=intent.value)
            lead = _noted(language, label, intent)
            return await self._after(turn, row, label, closing(chosen), lead=lead, result="labelled")
        except StoreError as error:
            return unreadable(language, error)

    async def _first(self, turn: Turn) -> Done:
        language, found = turn.language, await self._training.unlabelled()
        table = say(language, "Many rows are labelled faster in a table: `python -m bot data labels FILE.csv`.")
        if found is not None:
            return _shown(turn, found, tail=table)
        text = say(
            language,
            "No row is without a label: all have one, or there are none yet. Rows come with the first night: "
            "`/admin night run`.",
        )
        return told(f"{text}\n\n{table}", result="empty")

    async def _after(self, turn: Turn, row: str, *writes: Write, result: str, lead: str = "") -> Done:
        """What was done with a row, and the next one without a label."""
        found = await self._training.unlabelled(row)
        if found is not None:
            return _shown(turn, found, *writes, lead=lead, result=result, subject=row)
        end = say(turn.language, "That was the last row. `/admin label` begins again with those that were skipped.")
        return told("\n\n".join(filter(None, (lead, end))), *writes, result=result, subject=row)

    async def _unlabelled(self, row: str) -> UnlabelledRow | None:
        """The row, where no operator has labelled it; rows come in the order of their names."""
        found = await self._training.unlabelled(row[:-1])
        while found is not None and found.row < row:
            found = await self._training.unlabelled(found.row)
        return found if found is not None and found.row == row else None

    async def _named(self, turn: Turn, argument: str) -> Done:
        """A label for a row that an admin names; it takes the place of an earlier one."""
        language = turn.language
        row, *words = argument.split()
        if _ROW.fullmatch(row) is None:
            text = say(language, "No row is called {name}.", name=as_code(row[:_LONGEST_SHOWN]))
            return refused(f"{text} {_ways(language)}", "unknown")
        intent = _INTENTS.get(_bare(words[0])) if words else None
        if intent is None:
            return refused(_ways(language), "no intent", row)
        topic = " ".join(words[1:])
        if len(topic) > MOST_TOPIC or not topic.isprintable():
            text = say(language, "A topic has at most {count} characters and no line breaks.", count=MOST_TOPIC)
            return refused(text, "no topic", row)
        label = LabelTraining(row=row, intent=intent.value, topic=topic)
        lead = _noted(language, label, intent)
        if await self._unlabelled(row) is None:
            lead += " " + say(language, "It takes the place of an earlier label; a row that is gone is not changed.")
        return await self._after(turn, row, label, lead=lead, result="labelled")


def _shown(
    turn: Turn,
    found: UnlabelledRow,
    *writes: Write,
    lead: str = "",
    tail: str = "",
    result: str = "shown",
    subject: str = "",
) -> Done:
    """A row with its words and a button for each intent."""
    language = turn.language
    left = say_many(language, "{count} row left to label", "{count} rows left to label", found.left)
    head, question = f"**{left}** · {as_code(found.row)}", say(language, "What does somebody do who says that?")
    text, kept = [
        "\n\n".join(filter(None, (lead, head, rows_in_words(language, rows), question, tail))) for rows in ((found.words,), ())
    ]
    choices, subject = _choices(language, found.row), subject or found.row
    return next_asked(turn, text, choices, *writes, kept=kept, result=result, subject=subject)


def _choices(language: Language, row: str) -> list[Choice]:
    words = intent_words(language)
    choices = [
        button(LABEL, f"{intent.value}.{row}", words[intent].capitalize(), row=place // _IN_A_ROW)
        for place, intent in enumerate(Intent)
    ]
    return [*choices, button(LABEL, f"skip.{row}", say(language, "Skip"), row=len(choices) // _IN_A_ROW + 1)]


def _noted(language: Language, label: LabelTraining, intent: Intent) -> str:
    row, word = as_code(label.row), intent_words(language)[intent]
    if label.topic:
        return say(language, "Noted: {row} is “{intent}”, about “{topic}”.", row=row, intent=word, topic=plain(label.topic))
    return say(language, "Noted: {row} is “{intent}”.", row=row, intent=word)


def _ways(language: Language) -> str:
    return say(
        language,
        "A label is given with `/admin label ROW INTENT`, and a topic behind it where you want to name one. The intents: "
        "{intents}. `/admin label` alone shows the next row.",
        intents=", ".join(intent_words(language).values()),
    )
