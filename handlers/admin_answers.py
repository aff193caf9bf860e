"""Corrections that could answer everybody: an admin chooses, their authors are asked, and what is shared can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from bot.admin_ports import AdminDesk
from bot.errors import StoreError
from bot.locale import say
from bot.ports import Preview, Services
from bot.sharing_types import SharedAnswer, SharedState
from bot.types import Chosen, Language, Turn, TurnId
from bot.writes import EndSharing, OfferAnswer, Write
from handlers.admin_parts import Done, button, closing, is_answered, refused, told
from handlers.admin_rows import next_asked, unreadable, withdrawing
from handlers.shared_words import in_a_line, in_full, named, page_of, place_named

ANSWERS: Final = "answers"
MOST: Final = 400
_LIST: Final = frozenset({"list", "lista"})
_AGAIN: Final = frozenset({"again", "otra", "otra vez", "descartadas"})
_UNDECIDED, _LEFT_OUT = "u", "l"
"""Through which of them a button goes on: those nobody has decided about, or also those that were left out."""


class AnswersAction:
    """`/admin answers`: corrections one by one; `/admin answers list`: what is shared or asked about.

    Only what people wrote while their conversations might help train the bot is shown, and only where nobody's data is found
    in it. A button names its correction by what that said when it was shown.
    """

    def __init__(self, services: Services, desk: AdminDesk) -> None:
        self._services, self._answers = services, desk.answers

    async def asked(self, turn: Turn, argument: str, preview: Preview) -> Done:
        """The first correction, or what is offered."""
        word = " ".join(argument.lower().split())
        try:
            if not word:
                return await self._next(turn, None, _UNDECIDED)
            if word in _AGAIN:
                return await self._next(turn, None, _LEFT_OUT)
            if word in _LIST:
                return _listed(turn, await self._answers.offered(MOST))
        except StoreError as error:
            return unreadable(turn.language, error)
        return refused(_ways(turn.language), "unknown")

    async def pressed(self, turn: Turn, chosen: Chosen, wish: str, preview: Preview) -> Done:
        """What was decided about a correction, and the next one."""
        language = turn.language
        if is_answered(turn):
            return refused(say(language, "You have already answered that. `/admin answers` shows what there is."), "answered")
        verb, *names = wish.split(".")
        try:
            return await self._done(turn, chosen, verb, names)
        except StoreError as error:
            return unreadable(language, error)

    async def _done(self, turn: Turn, chosen: Chosen, verb: str, names: Sequence[str]) -> Done:
        match verb, names:
            case "more", [first]:
                return _listed(turn, await self._answers.offered(MOST), closing(chosen), first=place_named(first))
            case "end", [turn_id, digest]:
                return await self._ended(turn, chosen, TurnId(turn_id), digest)
            case (("ask" | "out"), [turn_id, digest, through]):
                return await self._decided(turn, chosen, TurnId(turn_id), digest, through, is_wanted=verb == "ask")
            case "later", [turn_id, through]:
                writes = withdrawing(turn, chosen)
                return await self._next(turn, TurnId(turn_id), through, *writes, result="later", subject=turn_id)
            case _:
                return refused(_ways(turn.language), "unknown")

    async def _decided(
        self, turn: Turn, chosen: Chosen, turn_id: TurnId, digest: str, through: str, *, is_wanted: bool
    ) -> Done:
        language, one = turn.language, await self._answers.of_turn(turn_id)
        if one is None or not one.digest.startswith(digest):
            return await self._gone(turn, chosen, turn_id, through)
        if is_wanted:
            lead = say(
                language,
                "I ask whoever wrote it, in private. Until they agree, nobody else is answered with it. "
                "`/admin answers list` shows how it stands.",
            )
        else:
            lead = say(language, "Left out. `/admin answers again` shows it once more.")
        offer = OfferAnswer(turn_id=one.turn_id, digest=one.digest, is_wanted=is_wanted)
        result = "asked" if is_wanted else "left out"
        return await self._next(turn, turn_id, through, offer, closing(chosen), lead=lead, result=result, subject=turn_id)

    async def _ended(self, turn: Turn, chosen: Chosen, turn_id: TurnId, digest: str) -> Done:
        offered = await self._answers.offered(MOST)
        one = next((one for one in offered if one.turn_id == turn_id and one.digest.startswith(digest)), None)
        if one is None:
            done = _listed(
                turn, offered, *withdrawing(turn, chosen), lead=_changed(turn.language), result="gone", subject=turn_id
            )
            return replace(done, outcome=replace(done.outcome, is_refused=True))
        left = [other for other in offered if other is not one]
        lead = say(turn.language, "Taken back: nobody else is answered with it from the next question on.")
        end = EndSharing(turn_id=one.turn_id, digest=one.digest)
        return _listed(turn, left, end, closing(chosen), lead=lead, result="taken back", subject=turn_id)

    async def _gone(self, turn: Turn, chosen: Chosen, turn_id: TurnId, through: str) -> Done:
        """It was decided meanwhile, changed or forgotten."""
        writes, lead = withdrawing(turn, chosen), _changed(turn.language)
        done = await self._next(turn, turn_id, through, *writes, lead=lead, result="gone", subject=turn_id)
        return replace(done, outcome=replace(done.outcome, is_refused=True))

    async def _next(
        self,
        turn: Turn,
        after: TurnId | None,
        through: str,
        *writes: Write,
        lead: str = "",
        result: str = "shown",
        subject: str = "",
    ) -> Done:
        """What was done, and the correction that comes after that turn, if there is one."""
        language = turn.language
        one = await self._answers.next(after, with_left_out=through == _LEFT_OUT)
        if one is None:
            text = _end(language, is_first=after is None)
            return told("\n\n".join(filter(None, (lead, text))), *writes, result=result, subject=subject)
        head = say(language, "**Shall this correction answer everybody?** Somebody wrote it under an answer of mine.")
        tail = say(
            language,
            "If you say yes, I first ask whoever wrote it; nobody is told whose it is, not even you. Check that it is true for "
            "everybody and names nobody: I find names only where something announces them.",
        )
        choices = (
            button(ANSWERS, f"{named('ask', one)}.{through}", say(language, "Yes, ask its author")),
            button(ANSWERS, f"{named('out', one)}.{through}", say(language, "No")),
            button(ANSWERS, f"later.{one.turn_id}.{through}", say(language, "Later")),
        )
        text, kept = ["\n\n".join(filter(None, (lead, head, tail, words))) for words in (in_full(language, one), "")]
        return next_asked(turn, text, choices, *writes, kept=kept, result=result, subject=subject)


def _listed(
    turn: Turn,
    offered: Sequence[SharedAnswer],
    *writes: Write,
    first: int = 0,
    lead: str = "",
    result: str = "shown",
    subject: str = "",
) -> Done:
    """What answers everybody, and what its authors are asked about, each with the button that takes it back."""
    language = turn.language
    if not offered:
        text = say(language, "Nothing is shared and nobody is being asked. `/admin answers` shows corrections to choose from.")
        return told("\n\n".join(filter(None, (lead, text))), *writes, result=result, subject=subject)
    shared = sum(one.state is SharedState.SHARED for one in offered)
    counts = [
        say(language, "Shared: {count}", count=shared),
        say(language, "waiting for the author: {count}", count=len(offered) - shared),
    ]
    page, choices = page_of(language, offered, first, partial(button, ANSWERS))
    lines = [f"{number}. {_state(language, one)} {in_a_line(language, one)}" for number, one in page]
    head = " · ".join(counts)
    text = "\n\n".join(filter(None, (lead, f"**{head}**", "\n".join(lines))))
    kept = "\n\n".join(filter(None, (lead, f"**{head}**")))
    return next_asked(turn, text, choices, *writes, kept=kept, result=result, subject=subject)


def _changed(language: Language) -> str:
    return say(language, "That has changed since I showed it to you: it was decided, put in other words or forgotten.")


def _state(language: Language, one: SharedAnswer) -> str:
    if one.state is SharedState.SHARED:
        return say(language, "*shared*")
    return say(language, "*asked*")


def _end(language: Language, *, is_first: bool) -> str:
    ways = _ways(language)
    if not is_first:
        return say(language, "That was the last one.") + " " + ways
    return (
        say(
            language,
            "No correction waits for you. I show those that people wrote while their conversations might help train me, where "
            "question and correction make sense by themselves and I find nobody's data in them.",
        )
        + " "
        + ways
    )


def _ways(language: Language) -> str:
    return say(
        language,
        "`/admin answers` shows corrections that could answer everybody, one by one; `/admin answers list` what is shared or "
        "asked about, to take it back; `/admin answers again` also those that were left out.",
    )
