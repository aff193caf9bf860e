"""A message to everybody, shown and counted before it goes out."""

from __future__ import annotations

from typing import Final

from bot.admin_ports import AdminDesk
from bot.admin_types import Broadcast
from bot.amounts import count
from bot.commands import parse_command
from bot.locale import say, say_many
from bot.ports import Preview, Services
from bot.types import Chosen, DueMessage, Language, Outcome, Reply, Turn
from bot.writes import AddBroadcast, AddJob
from handlers.admin_parts import Done, asked_first, button, closing, is_answered, refused, told
from handlers.memory_words import day_in_words, plain

MOST_CHARS: Final = 3_000
"""With its last line, a message of that length is one message on Telegram."""
SHOWN: Final = 5
_DIGEST: Final = 16


class BroadcastAction:
    """Shows a message and to how many it goes, and asks; says how far the last ones are; words each copy.

    The message is not kept between question and answer: it is read anew from what the admin wrote, and the button carries a
    digest of what was shown.
    """

    def __init__(self, services: Services, desk: AdminDesk) -> None:
        self._services, self._desk = services, desk

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """`/admin broadcast TEXT`, or what was told lately."""
        language, text = turn.language, argument.strip()
        if not text:
            return await self._lately(language)
        if len(text) > MOST_CHARS:
            too_long = say(
                language,
                "That has {length} characters; a message to everybody may have {most}. Please shorten it.",
                length=count(len(text), language),
                most=count(MOST_CHARS, language),
            )
            return refused(too_long, "too long")
        people = await self._desk.broadcasts.reach()
        if not people:
            return _nobody(language)
        choices = (
            button("broadcast", f"yes.{self._digest(text)}", say(language, "Yes, send it")),
            button("broadcast", "no", say(language, "No, send nothing")),
        )
        return asked_first(turn, _question(language, text, people), choices)

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """The answer to whether it is to go out."""
        language = turn.language
        if is_answered(turn):
            return refused(say(language, "You have already answered that. `/admin broadcast` shows what went out."), "late")
        answer, _, digest = wish.partition(".")
        if answer != "yes":
            return told(say(language, "Good, nothing is sent."), closing(chosen), result="cancelled")
        text = self._shown(turn)
        if text is None or self._digest(text) != digest:
            gone = say(language, "I no longer have the message that I showed you, so nothing is sent. Please write it again.")
            return refused(gone, "gone", writes=(closing(chosen),))
        return told(
            say(language, "It is on its way. `/admin broadcast` shows how far it is."),
            AddBroadcast(id=turn.id, text=text),
            AddJob(kind="broadcast", person_id=turn.person.id),
            closing(chosen),
            subject=turn.id,
        )

    async def word(self, due: DueMessage) -> Outcome:
        """The message as this person gets it; nothing when it is gone or too old."""
        text = await self._desk.broadcasts.text(due.kind.partition(".")[2])
        if text is None:
            return Outcome(reply=None)
        return Outcome(reply=Reply(text=_worded(await self._language(due), text)))

    async def _language(self, due: DueMessage) -> Language:
        """The language that the person chose, else the one that was spoken there last."""
        if due.person.language is not None:
            return due.person.language
        latest = await self._services.turns.history(due.address_id, before=None, limit=1)
        return latest[-1].language if latest else "en"

    def _shown(self, turn: Turn) -> str | None:
        """The message that the question was about, out of what the admin wrote; None when that is erased."""
        asking = turn.target
        if asking is None or asking.person_id != turn.person.id:
            return None
        command = parse_command(asking.question)
        words = () if command is None else command[1].split(maxsplit=1)  # the action, the message
        return words[1].strip() if len(words) == 2 else None

    def _digest(self, text: str) -> str:
        return self._services.keyed(f"broadcast/{text}").hex()[:_DIGEST]

    async def _lately(self, language: Language) -> Done:
        how = say(language, "`/admin broadcast TEXT` tells everybody something: I show you the message first, and ask.")
        recent = await self._desk.broadcasts.recent(SHOWN)
        if not recent:
            return told(f"{say(language, 'Nothing was told everybody yet.')}\n\n{how}", result="shown")
        lines = [say(language, "**What was told everybody, newest first**"), *(f"- {_line(language, one)}" for one in recent)]
        return told("\n".join(lines) + f"\n\n{how}", result="shown")


def _question(language: Language, text: str, people: int) -> str:
    """How many get it and what they get. The message comes last: whatever markup it leaves open changes nothing else."""
    parts = [
        say_many(
            language,
            "Shall I send this to **{count} person**?",
            "Shall I send this to **{count} people** at most?",
            people,
        ),
        say(
            language,
            "It goes once to each person with an open private chat with me on Telegram or Discord, but to nobody who is kept "
            "out. Some 100 a minute go out, and none can be taken back. Below is what people get; its last line is in the "
            "language of each.",
        ),
    ]
    if "://" in text or "www." in text:
        parts.append(say(language, "Addresses in it can be read and copied there, but are no links."))
    return "\n\n".join((*parts, "---", _worded(language, text)))


def _worded(language: Language, text: str) -> str:
    """The message with the line that says whose it is."""
    footer = say(language, "This comes from whoever runs this bot, and everybody gets it.")
    return f"{text}\n\n_{footer}_"


def _line(language: Language, told: Broadcast) -> str:
    """When it was, how it begins, and how far it is."""
    values = {
        "day": day_in_words(language, told.at),
        "time": f"{told.at:%H:%M}",
        "said": plain(told.text),
        "sent": count(told.sent, language),
        "people": count(told.people, language),
    }
    if told.is_spread:
        return say(language, "{day}, {time} UTC: “{said}”, gone out to {sent} of {people}", **values)
    return say(
        language,
        "{day}, {time} UTC: “{said}”, gone out to {sent} of {people} so far; people are still being added",
        **values,
    )


def _nobody(language: Language) -> Done:
    text = say(
        language,
        "There is nobody to tell it to: nobody has an open private chat with me on Telegram or Discord. The page and the "
        "console are not written to.",
    )
    return refused(text, "nobody")
