"""Forgetting single memories: found by what they say, or chosen below a list; what hangs together goes together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bot.locale import say
from bot.memory_types import Memory
from bot.ports import Preview, Services
from bot.types import Choice, Chosen, Language, Outcome, Reply, Turn, TurnId
from bot.writes import CloseQuestion, DropMemories, Write
from handlers.asking import answer_to, ask_question, option
from handlers.memory_words import (
    FORGET,
    back_button,
    briefly,
    described,
    forget_button,
    is_in_sight,
    listed,
    owner_is_off,
    plain,
)

MOST_FOUND: Final = 5
_LONGEST_SOUGHT: Final = 1_000


class ForgetHandler:
    """Forgets memories: `/forget WHAT`, and the buttons "forget" wherever memories are shown.

    A button names its memory, so it works for as long as that is there. What follows from the same message, what a memory had
    replaced, and the answers that it was used in are forgotten with it, after a question that shows it.
    """

    name = "forget"

    def __init__(self, services: Services) -> None:
        self._services = services

    def matches(self, turn: Turn) -> bool:
        """`/forget`, or a wish to forget."""
        return turn.command == "forget" or answer_to(turn, FORGET) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """What was found, what goes together, or what is forgotten now."""
        chosen = answer_to(turn, FORGET)
        if chosen is None:
            return await self._sought(turn)
        wish, _, named = chosen.key.partition(".")
        match wish:
            case "one":
                return await self._wished(turn, chosen, (named,), f"yes.{named}")
            case "all":
                return await self._wished(turn, chosen, _offered(_choices(turn)), f"set.{chosen.turn_id}")
            case "yes":
                return await self._confirmed(turn, chosen, (named,))
            case "set":
                return await self._confirmed(turn, chosen, await self._offered_in(turn, TurnId(named)))
            case _:
                closing = CloseQuestion(turn_id=chosen.turn_id, key=f"{FORGET}:{chosen.key}")
                return Outcome(reply=Reply(text=say(turn.language, "Good, nothing was forgotten.")), writes=(closing,))

    async def _sought(self, turn: Turn) -> Outcome:
        """What fits the words, and the question which of it to forget."""
        language, sought = turn.language, " ".join(turn.arguments[:_LONGEST_SOUGHT].split())
        if not sought:
            return Outcome(reply=Reply(text=_difference(language), choices=(back_button(language),)), is_refused=True)
        found = await self._services.search.find(turn.person.id, turn.scope, sought, limit=MOST_FOUND)
        found = [memory for memory in found if is_in_sight(turn, memory)][:MOST_FOUND]
        note = () if self._services.settings.remembers else (owner_is_off(language),)
        if not found:
            text = say(
                language,
                "I remember nothing that fits “{sought}”. Try other words of it; /memory shows everything. To erase all that "
                "I hold about you, there is /forgetme.",
                sought=plain(sought),
            )
            return Outcome(reply=Reply(text="\n\n".join((*note, text)), choices=(back_button(language),)), is_refused=True)
        lead = say(language, "This fits what you want forgotten. Which of it shall I forget?")
        choices = [forget_button(language, memory.id, number, row=0) for number, memory in enumerate(found, 1)]
        if len(found) > 1:
            choices.append(option(FORGET, "all", say(language, "All of these"), row=1))
        choices.append(option(FORGET, "none", say(language, "None"), row=1))
        reply = Reply(text="\n\n".join((*note, lead, listed(language, found))), choices=tuple(choices))
        return Outcome(reply=reply, writes=(ask_question(turn, FORGET, choices),))

    async def _wished(self, turn: Turn, chosen: Chosen, ids: Sequence[str], confirm: str) -> Outcome:
        """Forgets what goes alone; of what hangs together, asks first. The list that it was chosen from can be used again."""
        is_open = turn.awaiting is not None and turn.awaiting.turn_id == chosen.turn_id
        closing: tuple[Write, ...] = (CloseQuestion(turn_id=chosen.turn_id, key=None),) if is_open else ()
        wanted, going = await self._going(turn, ids)
        if not going:
            return _gone(turn.language, closing)
        if len(going) == len(wanted):
            return _forgotten(turn, going, closing)
        language = turn.language
        text = say(
            language,
            "These {count} go together: they came from the same message, one took the place of another, or I used them in an "
            "answer. Shall I forget them all?",
            count=len(going),
        )
        choices = (
            option(FORGET, confirm, say(language, "Yes, forget them")),
            option(FORGET, "no", say(language, "No, keep them")),
        )
        reply = Reply(text=f"{text}\n\n{briefly(language, going)}", choices=choices)
        return Outcome(reply=reply, writes=(*closing, ask_question(turn, FORGET, choices)))

    async def _confirmed(self, turn: Turn, chosen: Chosen, ids: Sequence[str]) -> Outcome:
        """Forgets what was asked about, with what hangs on it by now."""
        if turn.target is not None and turn.target.chosen is not None:
            text = say(turn.language, "You have already answered that. /memory shows what I remember.")
            return Outcome(reply=Reply(text=text), is_refused=True)
        closing = (CloseQuestion(turn_id=chosen.turn_id, key=f"{FORGET}:{chosen.key}"),)
        _, going = await self._going(turn, ids)
        return _forgotten(turn, going, closing) if going else _gone(turn.language, closing)

    async def _going(self, turn: Turn, ids: Sequence[str]) -> tuple[Sequence[Memory], list[Memory]]:
        """Those of the memories that are there, and all that goes with them, in the sight of this place."""
        memories, person = self._services.memories, turn.person.id
        wanted = [memory for memory in await memories.memories(person, ids) if is_in_sight(turn, memory)]
        going: dict[str, Memory] = {memory.id: memory for memory in wanted}
        for memory in wanted:
            going |= {one.id: one for one in await memories.related(person, memory.id) if is_in_sight(turn, one)}
        return wanted, list(going.values())

    async def _offered_in(self, turn: Turn, id: TurnId) -> Sequence[str]:
        """The memories that an earlier reply to this person offered to forget."""
        asked = await self._services.turns.past(id)
        return () if asked is None or asked.person_id != turn.person.id else _offered(asked.reply.choices)


def _choices(turn: Turn) -> Sequence[Choice]:
    """What the answered question let choose from, pressed or written."""
    if turn.target is not None:
        return turn.target.reply.choices
    return () if turn.awaiting is None else turn.awaiting.choices


def _offered(choices: Sequence[Choice]) -> Sequence[str]:
    one = f"{FORGET}:one."
    return [choice.key.removeprefix(one) for choice in choices if choice.key.startswith(one)]


def _forgotten(turn: Turn, going: Sequence[Memory], closing: tuple[Write, ...]) -> Outcome:
    language = turn.language
    if len(going) == 1:
        text = say(language, "Forgotten: {memory}.", memory=described(language, going[0]))
    else:
        text = say(language, "Forgotten: {count} memories.", count=len(going))
    text += " " + say(language, "It may still stand in what we talk about now; /new begins without it.")
    text += " " + say(language, "Answers that you liked, and your corrections, stay; /forgetme erases those too.")
    drop = DropMemories(person_id=turn.person.id, ids=tuple(memory.id for memory in going))
    return Outcome(reply=Reply(text=text, choices=(back_button(language),)), writes=(*closing, drop))


def _gone(language: Language, closing: tuple[Write, ...]) -> Outcome:
    text = say(language, "I do not remember that any more: it is gone already.")
    return Outcome(reply=Reply(text=text, choices=(back_button(language),)), writes=closing, is_refused=True)


def _difference(language: Language) -> str:
    return say(
        language,
        "What shall I forget? Write it behind the command, as in `/forget my old address`: I show what I remember of it, and "
        "ask. /memory shows everything that I remember. To erase all that I hold about you, our conversations included, there "
        "is /forgetme.",
    )
