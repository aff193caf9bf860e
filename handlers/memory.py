"""What is remembered of a person, as they see it: page by page, with a switch that turns remembering off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.amounts import count
from bot.locale import say
from bot.memory_types import Memory
from bot.ports import Preview, Services
from bot.types import Choice, Language, Outcome, Reply, Turn
from bot.writes import CloseQuestion, DropAllMemories, SetRemembering, Write
from handlers.asking import answer_to, ask_question, option
from handlers.memory_words import (
    FIRST_PAGE,
    MEMORY,
    correct_button,
    forget_button,
    is_own_words,
    listed,
    owner_is_off,
)
from profiles.items import comparable

PAGE: Final = 5
_FACTS: Final = "facts"
_SAID: Final = "said"
_FURTHEST: Final = 1_000_000
_WORDS: Final[Mapping[str, str]] = {
    "": FIRST_PAGE,
    "on": "on", "encender": "on", "activar": "on",
    "off": "off", "apagar": "off", "desactivar": "off",
}  # fmt: skip
"""What may be written behind the command, as `comparable` gives it, and what it means."""


class MemoryHandler:
    """Shows a person what is remembered of them: everything in private, in a group only what is from there."""

    name = "memory"

    def __init__(self, services: Services) -> None:
        self._services = services

    def matches(self, turn: Turn) -> bool:
        """`/memory`, or a press of one of its buttons."""
        return turn.command == "memory" or answer_to(turn, MEMORY) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """A page, or the switch as it is now."""
        chosen = answer_to(turn, MEMORY)
        wish = _WORDS.get(comparable(turn.arguments)) if chosen is None else chosen.key
        match wish:
            case "on" | "off":
                return await self._switched(turn, remembers=wish == "on")
            case "erase" | "keep":
                return self._decided(turn, erases=wish == "erase")
            case None:
                text = say(turn.language, "I do not know that. /memory shows what I remember, and you can add: `on` or `off`.")
                return Outcome(reply=Reply(text=text), is_refused=True)
            case _:
                section, _, skipped = wish.partition(".")
                place = min(int(skipped), _FURTHEST) if skipped.isdecimal() and len(skipped) < 8 else 0
                return Outcome(reply=await self._page(turn, is_said=section == _SAID, place=place))

    # --- pages ---

    async def _page(self, turn: Turn, *, is_said: bool, place: int) -> Reply:
        """The memories from `place` on, or the last page where there are not so many any more."""
        facts, said = await self._number(turn, distilled=True), await self._number(turn, distilled=False)
        most = said if is_said else facts
        place = min(place - place % PAGE, max(0, (most - 1) // PAGE * PAGE))
        found, _ = await self._services.memories.page(
            turn.person.id, turn.scope, distilled=not is_said, limit=PAGE, offset=place
        )
        language = turn.language
        parts = [self._head(turn, facts, said)]
        if not turn.message.is_private:
            parts.append(say(language, "Here I show only what is from this group."))
        if found:
            parts += [_heading(language, place, len(found), most, is_said=is_said), listed(language, found, first=place + 1)]
        else:
            parts.append(self._nothing(turn, facts, said, is_said=is_said))
        choices = [
            *self._of_entries(turn, found, place),
            *_turning(language, place, most, is_said=is_said),
            *self._of_all(turn, facts, said, is_said=is_said),
        ]
        return Reply(text="\n\n".join(parts), choices=tuple(choices))

    async def _number(self, turn: Turn, *, distilled: bool) -> int:
        _, number = await self._services.memories.page(turn.person.id, turn.scope, distilled=distilled, limit=1)
        return number

    def _head(self, turn: Turn, facts: int, said: int) -> str:
        language = turn.language
        numbers = {"facts": count(facts, language), "said": count(said, language)}
        if not self._services.settings.remembers:
            counts = say(language, "**Your memories.** Facts and preferences: {facts}. What was said: {said}.", **numbers)
            return f"{counts}\n\n{owner_is_off(language)}"
        if turn.person.remembers:
            return say(
                language,
                "**Your memories.** Facts and preferences: {facts}. What was said: {said}. Remembering is **on**.",
                **numbers,
            )
        return say(
            language,
            "**Your memories.** Facts and preferences: {facts}. What was said: {said}. Remembering is **off**: I note nothing "
            "new, and nothing of this goes into answers.",
            **numbers,
        )

    def _nothing(self, turn: Turn, facts: int, said: int, *, is_said: bool) -> str:
        language = turn.language
        if facts or said:
            return say(language, "There is nothing here.")
        if turn.person.remembers and self._services.settings.remembers:
            return say(
                language,
                "I remember nothing yet. What you tell me while we talk is noted here; `/remember` notes something at once.",
            )
        return say(language, "I remember nothing.")

    def _of_entries(self, turn: Turn, found: Sequence[Memory], place: int) -> list[Choice]:
        """To forget and to put right each entry, a row each; nothing is put right where nothing may be noted."""
        may_note = turn.person.remembers and self._services.settings.remembers
        choices: list[Choice] = []
        for row, memory in enumerate(found):
            number = place + row + 1
            choices.append(forget_button(turn.language, memory.id, number, row=row))
            if may_note and is_own_words(memory):
                choices.append(correct_button(turn.language, memory.id, number, row=row))
        return choices

    def _of_all(self, turn: Turn, facts: int, said: int, *, is_said: bool) -> list[Choice]:
        """To the other list, and the switch."""
        language = turn.language
        choices = []
        if is_said:
            choices.append(option(MEMORY, FIRST_PAGE, say(language, "Facts and preferences"), row=PAGE + 1))
        elif said:
            choices.append(option(MEMORY, f"{_SAID}.0", say(language, "What was said"), row=PAGE + 1))
        if self._services.settings.remembers:
            off = option(MEMORY, "off", say(language, "Switch remembering off"), row=PAGE + 2)
            on = option(MEMORY, "on", say(language, "Switch remembering on"), row=PAGE + 2)
            choices.append(off if turn.person.remembers else on)
        return choices

    # --- the switch ---

    async def _switched(self, turn: Turn, *, remembers: bool) -> Outcome:
        """Remembering as the person wants it. Whoever switches it off is asked about what is there, in private."""
        language, person = turn.language, turn.person
        if not self._services.settings.remembers:
            return Outcome(reply=Reply(text=owner_is_off(language)), is_refused=True)
        writes: tuple[Write, ...] = ()
        if person.remembers is not remembers:
            writes = (SetRemembering(person_id=person.id, remembers=remembers),)
        if remembers:
            text = say(language, "**Remembering is on:** I note what you tell me from now on, and use it. /memory shows it.")
            return Outcome(reply=Reply(text=text), writes=writes)
        text = say(
            language,
            "**Remembering is off**, everywhere: I note nothing new, and nothing that I noted goes into answers. Your "
            "corrections still do. `/memory on` switches it on again.",
        )
        if not turn.message.is_private:
            more = say(
                language, "What I remember is kept until you have it forgotten; /memory in a private chat shows all of it."
            )
            return Outcome(reply=Reply(text=f"{text} {more}"), writes=writes)
        held = await self._number(turn, distilled=True) + await self._number(turn, distilled=False)
        if not held:
            return Outcome(reply=Reply(text=text), writes=writes)
        question = say(
            language,
            "What I remember is still there, in case you change your mind: {count} in all. Shall I forget that too? It cannot "
            "be undone.",
            count=count(held, language),
        )
        choices = (
            option(MEMORY, "erase", say(language, "Yes, forget all of it")),
            option(MEMORY, "keep", say(language, "No, keep it")),
        )
        reply = Reply(text=f"{text}\n\n{question}", choices=choices)
        return Outcome(reply=reply, writes=(*writes, ask_question(turn, MEMORY, choices)))

    def _decided(self, turn: Turn, *, erases: bool) -> Outcome:
        """The answer about what is there. One that comes when remembering is on again is not about what was meant."""
        language, chosen = turn.language, answer_to(turn, MEMORY)
        if chosen is None or (turn.target is not None and turn.target.chosen is not None):
            text = say(language, "You have already answered that. /memory shows what I remember.")
            return Outcome(reply=Reply(text=text), is_refused=True)
        if not turn.message.is_private or (turn.person.remembers and erases):
            text = say(language, "That question is not open any more, so nothing was forgotten. `/memory off` asks it again.")
            return Outcome(reply=Reply(text=text), is_refused=True)
        closing = CloseQuestion(turn_id=chosen.turn_id, key=f"{MEMORY}:{chosen.key}")
        if not erases:
            text = say(language, "Good, nothing was forgotten. /memory shows it.")
            return Outcome(reply=Reply(text=text), writes=(closing,))
        text = say(
            language,
            "Forgotten: everything that I remembered of you. Our conversations and your corrections stay; /forgetme erases "
            "those too.",
        )
        return Outcome(reply=Reply(text=text), writes=(closing, DropAllMemories(person_id=turn.person.id)))


def _heading(language: Language, place: int, shown: int, most: int, *, is_said: bool) -> str:
    numbers = {
        "first": count(place + 1, language),
        "last": count(place + shown, language),
        "all": count(most, language),
    }
    if is_said:
        return say(language, "What was said, {first} to {last} of {all}, the newest first:", **numbers)
    return say(language, "Facts and preferences, {first} to {last} of {all}, the newest first:", **numbers)


def _turning(language: Language, place: int, most: int, *, is_said: bool) -> list[Choice]:
    """To the pages before and after."""
    section, choices = (_SAID if is_said else _FACTS), []
    if place > 0:
        choices.append(option(MEMORY, f"{section}.{place - PAGE}", say(language, "Previous"), row=PAGE))
    if place + PAGE < most:
        choices.append(option(MEMORY, f"{section}.{place + PAGE}", say(language, "Next"), row=PAGE))
    return choices
