"""Nights for admins: begun, followed and told; their report, and the files that they left."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from bot.admin_ports import AdminDesk, TrainingDesk
from bot.admin_types import NightAsked, NightDone
from bot.errors import TrainingError
from bot.locale import say
from bot.ports import Preview, Services
from bot.types import LANGUAGES, Address, ChannelName, Chosen, DueMessage, Language, Outcome, PersonId, Reply, Turn
from bot.writes import CloseQuestion
from handlers.admin_night_words import (
    export_line,
    export_list,
    export_of_a_date,
    how_it_ended,
    not_known,
    quoted_error,
    step_line,
    under_way,
)
from handlers.admin_parts import Done, asked_first, button, closing, is_answered, refused, told

NIGHT: Final = "night"
SHOWN_EVERY_S: Final = 0.5
_OWN_DOORS: Final = frozenset({ChannelName.WEB, ChannelName.CONSOLE})

_WISHES: Final[Mapping[str, str]] = {
    "": "status", "status": "status", "estado": "status",
    "run": "run", "ejecutar": "run", "hacer": "run",
    "report": "report", "informe": "report",
}  # fmt: skip


class NightAction:
    """`/admin night`: where it stands; `run` makes today's files, once confirmed; `report` says what the last are good for."""

    def __init__(self, services: Services, desk: AdminDesk) -> None:
        self._clock, self._watch_s = services.clock, services.settings.watch_s
        self._training, self._admins = desk.training, desk.admins
        self._seen: dict[PersonId, datetime] = {}
        """When the night ended whose end an admin saw while they watched: they are not told that one again."""

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """Where the night stands, the report, or the question whether to make today's files."""
        language = turn.language
        match _WISHES.get(" ".join(argument.casefold().split())):
            case "status":
                return told(await self._standing(language), result="shown")
            case "run":
                return self._question(turn)
            case "report":
                return await self._report(language)
            case _:
                text = say(
                    language,
                    "That I do not know. `/admin night` shows where the night stands, `/admin night run` makes today's "
                    "training files, and `/admin night report` says what the last ones are good for.",
                )
                return refused(text, "unknown")

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """The night that was confirmed, watched; or none."""
        language = turn.language
        if is_answered(turn):
            text = say(language, "You have already answered that. `/admin night` shows where the night stands.")
            return refused(text, "answered before")
        if wish != "run":
            return told(say(language, "Good, I make no files now."), closing(chosen), result="declined")
        if not self._training.is_on:
            return refused(_switched_off(language), "off", writes=(closing(chosen),))
        asked = NightAsked(person_id=turn.person.id, address_id=turn.address_id, language=language)
        if not self._training.begin(asked):
            return refused(self._already(language), "under way", writes=(closing(chosen),))
        await _watched(language, self._training, preview, self._watch_s)
        return self._so_far(turn, closing(chosen))

    async def word(self, due: DueMessage) -> Outcome:
        """How the night that somebody asked for has ended; nothing for who saw it end, and for who is no admin any more."""
        last = self._training.standing().last
        if not self._may_know(due.address) or (last is not None and self._seen.get(due.person.id) == last.ended_at):
            return Outcome(reply=None)
        return Outcome(reply=Reply(text=_end(_language_of(due), last)))

    def _so_far(self, turn: Turn, close: CloseQuestion) -> Done:
        """How it ended, or that it goes on unwatched."""
        language, standing = turn.language, self._training.standing()
        if standing.is_running:
            goes_on = say(
                language,
                "It goes on in the background, and I tell you here once it has ended. `/admin night` shows how far it is.",
            )
            return told(f"{under_way(language, standing, self._clock.now())}\n\n{goes_on}", close, result="begun")
        last = standing.last
        if last is None:
            return told(_end(language, None), close, result="ended")
        self._seen[turn.person.id] = last.ended_at
        result = "failed" if last.error else "done"
        return told(_end(language, last), close, result=result, subject=last.night.isoformat())

    def _question(self, turn: Turn) -> Done:
        language = turn.language
        if not self._training.is_on:
            return refused(_switched_off(language), "off")
        if self._training.standing().is_running:
            return refused(self._already(language), "under way")
        text = say(
            language,
            "I would make today's training files, of everything rated until now by people who agreed to that; files of today "
            "that are there already are replaced. It takes from seconds to minutes, in a process of its own that slows nobody "
            "down. Shall I?",
        )
        return asked_first(
            turn,
            text,
            (button(NIGHT, "run", say(language, "Yes, make them")), button(NIGHT, "no", say(language, "No, not now"))),
        )

    async def _standing(self, language: Language) -> str:
        """Whether a night is under way, and how the one before it ended, as far as that is known."""
        standing = self._training.standing()
        parts = [_switched_off(language)] if not self._training.is_on else []
        if standing.is_running:
            parts.append(under_way(language, standing, self._clock.now()))
        elif self._training.is_on:
            parts.append(say(language, "No night is under way."))
        parts.append(how_it_ended(language, standing.last) if standing.last is not None else await self._newest(language))
        return "\n\n".join(parts)

    async def _newest(self, language: Language) -> str:
        """The newest files, made before this process began or by another."""
        try:
            exports = await self._training.exports()
        except TrainingError as error:
            return _unreadable(language, error)
        if not exports:
            return _none_yet(language)
        lead = say(language, "None has ended since I was started. The newest files that are there:")
        more = say(language, "`/admin night report` says what they are good for, and `/admin export` where they lie.")
        return f"{lead}\n{export_line(language, exports[0])}\n\n{more}"

    async def _report(self, language: Language) -> Done:
        try:
            report = await self._training.report(language)
        except TrainingError as error:
            text = say(
                language,
                "The last night's report cannot be read. `/admin night run` makes another one.\n\nIt said: {error}",
                error=quoted_error(error),
            )
            return refused(text, "unreadable")
        if report is None:
            return refused(say(language, "There was no night yet. `/admin night run` makes one."), "none")
        return told(report, result="shown")

    def _already(self, language: Language) -> str:
        now = under_way(language, self._training.standing(), self._clock.now())
        return f"{now}\n\n{say(language, 'Only one runs at a time. `/admin night` shows how far it is.')}"

    def _may_know(self, address: Address) -> bool:
        """Who is no admin any more learns nothing of nights (R-55); the page and the console have doors of their own."""
        return address.channel in _OWN_DOORS or f"{address.channel.value}:{address.user}" in self._admins


class ExportAction:
    """`/admin export`: which files are there, of which dates, and where; never the files themselves."""

    def __init__(self, services: Services, desk: AdminDesk) -> None:
        self._training = desk.training

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """All dates, or one date's files."""
        language = turn.language
        night = _date(argument)
        if argument.strip() and night is None:
            text = say(
                language,
                "That is no date. I expected one such as 2026-11-20, as in `/admin export 2026-11-20`; without one, "
                "I show all.",
            )
            return refused(text, "unknown")
        try:
            exports = await self._training.exports()
        except TrainingError as error:
            return refused(_unreadable(language, error), "unreadable")
        if not exports:
            return refused(_none_yet(language), "none")
        if night is None:
            return told(export_list(language, exports), result="shown")
        for export in exports:
            if export.night == night:
                return told(export_of_a_date(language, export), result="shown", subject=night.isoformat())
        text = say(
            language,
            "There are no files of {night}. `/admin export` shows the dates that there are; older ones are erased in time "
            "(`keep` under `[learning]` in `config.toml`).",
            night=night.isoformat(),
        )
        return refused(text, "none", night.isoformat())

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """What there is: it has no buttons of its own."""
        return await self.asked(turn, wish, preview)


async def _watched(language: Language, training: TrainingDesk, preview: Preview, watch_s: float) -> None:
    """Show how far the night is until it has ended, was watched for long enough, or is to be watched no more."""
    async with asyncio.TaskGroup() as group:
        showing = group.create_task(_show(language, training, preview))
        ends = {group.create_task(training.ended()), group.create_task(preview.stopped())}
        await asyncio.wait(ends, timeout=watch_s, return_when=asyncio.FIRST_COMPLETED)
        for task in (showing, *ends):
            task.cancel()


async def _show(language: Language, training: TrainingDesk, preview: Preview) -> None:
    """The step and its rows as the running answer, replaced whenever they have changed."""
    shown = ""
    while True:
        text = f"{say(language, 'Making training files')}\n\n{step_line(language, training.standing())}"
        if text != shown:
            preview.show(shown := text)
        await asyncio.sleep(SHOWN_EVERY_S)


def _end(language: Language, last: NightDone | None) -> str:
    return not_known(language) if last is None else how_it_ended(language, last)


def _language_of(due: DueMessage) -> Language:
    """The language that the night was asked for in."""
    named = due.kind.partition(".")[2]
    return next((language for language in LANGUAGES if language == named), due.person.language or "en")


def _date(argument: str) -> date | None:
    try:
        return date.fromisoformat(argument.strip())
    except ValueError:
        return None


def _switched_off(language: Language) -> str:
    return say(
        language,
        "Nights are switched off: no training files are made. To switch them on, set `enabled = true` under `[learning]` in "
        "`config.toml` and start me again.",
    )


def _none_yet(language: Language) -> str:
    return say(
        language,
        "There are no training files yet. `/admin night run` makes them now, of what was rated by people who agreed to that.",
    )


def _unreadable(language: Language, error: TrainingError) -> str:
    return say(
        language,
        "The training files cannot be looked through: one of their folders is damaged. `/admin night run` writes today's "
        "again; the folder of an older date can be erased.\n\nIt said: {error}",
        error=quoted_error(error),
    )
