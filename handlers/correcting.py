"""Putting a memory right: its person writes what is so, and what was wrong is recalled no more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.locale import say
from bot.memory_types import Memory, MemoryKind, NewMemory, Origin
from bot.ports import Preview, Services
from bot.types import LANGUAGES, Chosen, Language, Outcome, Reply, Turn
from bot.writes import AddMemory, EndMemories, Write
from handlers.asking import answer_to, option
from handlers.memory_words import (
    CORRECT,
    FORGET,
    MOST_CHARS,
    back_button,
    briefly,
    described,
    is_distilled,
    is_in_sight,
    is_own_words,
    plain,
)
from handlers.noting import Noted, drawn, new_memory, note, told_facts
from handlers.open_text import LEAVE, asking_for_text, closing, is_leaving, not_next, text_for, too_long
from handlers.remembering import remembering_is_off
from profiles.facts.extract import told
from profiles.facts.slots import is_single

_NAMED: Final = "memory"
_DRAWN: Final = frozenset({Origin.RULE, Origin.MODEL})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wrong:
    """What ends with a memory: the messages that say it; of one that is a message, what was drawn from it alone."""

    episodes: tuple[Memory, ...]
    drawn: tuple[Memory, ...]


class CorrectHandler:
    """Asks for the right text of a memory, and takes it."""

    name = "correct"

    def __init__(self, services: Services) -> None:
        self._services = services

    def matches(self, turn: Turn) -> bool:
        """A press of "correct", or the text that it asked for."""
        return answer_to(turn, CORRECT, by_letter=False) is not None or text_for(turn, CORRECT) is not None

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """The question for the right text, or what is remembered instead from now on."""
        language, chosen, text = turn.language, answer_to(turn, CORRECT, by_letter=False), text_for(turn, CORRECT) or ""
        if (chosen is not None and chosen.key == LEAVE) or (chosen is None and is_leaving(text)):
            reply = Reply(text=say(language, "All right, it stays as it was."), choices=(back_button(language),))
            return Outcome(reply=reply, writes=closing(turn, CORRECT))
        if (refused := remembering_is_off(turn, self._services)) is not None:
            return refused
        if chosen is not None:
            return await self._asked(turn, chosen)
        if (refused := await not_next(turn, CORRECT, self._services.turns)) is not None:
            return refused
        if len(text) > MOST_CHARS:
            return too_long(language, len(text), MOST_CHARS)
        return await self._corrected(turn, text)

    async def _asked(self, turn: Turn, chosen: Chosen) -> Outcome:
        memory = await self._live(turn, chosen.key)
        if memory is None:
            return _gone(turn)
        text = say(
            turn.language,
            "{memory}. What is right? Write the whole sentence in your next message.",
            memory=described(turn.language, memory),
        )
        return asking_for_text(turn, CORRECT, text, say(turn.language, "Leave it as it is"), {_NAMED: memory.id})

    async def _live(self, turn: Turn, id: str) -> Memory | None:
        """The memory of this person, if it is there, current, theirs to put right, and in the sight of this place."""
        found = await self._services.memories.memories(turn.person.id, [id])
        ours = (memory for memory in found if is_in_sight(turn, memory) and is_own_words(memory))
        return next((memory for memory in ours if memory.ended_at is None), None)

    async def _corrected(self, turn: Turn, text: str) -> Outcome:
        """The new memory in place of the old one; that ends, and so does what said it."""
        language = turn.language
        memory = None if turn.awaiting is None else await self._live(turn, turn.awaiting.state.get(_NAMED, ""))
        if memory is None:
            return _gone(turn)
        if text == memory.what.text:
            reply = Reply(text=say(language, "That is what I remember already."), choices=(back_button(language),))
            return Outcome(reply=reply, writes=closing(turn, CORRECT))
        wrong = await self._wrong(turn, memory)
        ended = (memory.id, *(episode.id for episode in wrong.episodes))
        noted = await note(self._services, turn, _right(turn, memory, text), without=ended)
        by, *others = _main_first(noted, memory)
        settled = {one.id for one in noted} | {old.id for one in noted for old in one.ended}
        stale = [one for one in wrong.drawn if one.id not in settled]
        ending = EndMemories(person_id=turn.person.id, ids=(*ended, *(one.id for one in stale)), by=by.id)
        writes: list[Write] = [_after(write, memory) for write in by.writes]
        writes += [write for one in others for write in one.writes]
        reply = Reply(
            text=_told(language, memory, [by, *others], stale),
            choices=(option(FORGET, f"one.{by.id}", say(language, "Forget this")), back_button(language)),
        )
        return Outcome(reply=reply, writes=(*writes, ending, *closing(turn, CORRECT)))

    async def _wrong(self, turn: Turn, memory: Memory) -> _Wrong:
        related = await self._services.memories.related(turn.person.id, memory.id)
        sources = set(memory.what.sources)
        near = [
            one
            for one in related
            if one.id != memory.id and one.ended_at is None and is_in_sight(turn, one) and sources & set(one.what.sources)
        ]
        is_said = memory.what.kind is MemoryKind.EPISODE
        return _Wrong(
            episodes=tuple(one for one in near if not is_distilled(one)),
            drawn=tuple(
                one
                for one in near
                if is_said and is_distilled(one) and one.what.origin in _DRAWN and set(one.what.sources) <= sources
            ),
        )


def _right(turn: Turn, memory: Memory, text: str) -> list[NewMemory]:
    """The memories that a correcting text gives: of the same kind, and of the same matter where it shows no other."""
    what = memory.what
    facts = told_facts(turn, text)
    if what.kind is MemoryKind.EPISODE:
        return [
            new_memory(turn, text, Origin.CORRECTED, kind=MemoryKind.EPISODE),
            *(
                new_memory(turn, one.text, Origin.CORRECTED, kind=one.kind, slot=one.slot, language=one.language)
                for one in facts
            ),
        ]
    if facts:
        return drawn(turn, text, Origin.CORRECTED, spared=0)
    if not what.slot or not is_single(what.slot):
        return [new_memory(turn, text, Origin.CORRECTED, kind=what.kind)]
    sentence = _sentence(memory, text)
    language = "" if sentence == text else what.language
    return [new_memory(turn, sentence, Origin.CORRECTED, kind=what.kind, slot=what.slot, language=language)]


def _sentence(memory: Memory, text: str) -> str:
    """A text that is nothing but the value (`Cusco`) as the sentence that its slot has; any other as it is."""
    words = text.rstrip(".!").split()
    is_value = len(words) == 1 or all(word[:1].isupper() or word.isdecimal() for word in words)
    is_sentence = words[:1] == memory.what.text.split()[:1]
    language = next((one for one in LANGUAGES if one == memory.what.language), None)
    if not is_value or is_sentence or language is None or ":" in memory.what.slot:
        return text
    fact = told(memory.what.slot, " ".join(words), language)
    return text if fact is None else fact.text


def _main_first(noted: Sequence[Noted], memory: Memory) -> list[Noted]:
    """What takes the memory's place, then the rest: of its kind and matter, else the person's own words, else the first."""

    def rank(one: Noted) -> int:
        if memory.what.kind is MemoryKind.EPISODE:
            return 0 if one.what.kind is MemoryKind.EPISODE else 1
        if memory.what.slot and one.what.slot == memory.what.slot:
            return 0
        return 1 if not one.what.slot else 2

    return sorted(noted, key=rank)


def _after(write: Write, memory: Memory) -> Write:
    """The addition of what takes a memory's place names it."""
    return replace(write, supersedes=memory.id) if isinstance(write, AddMemory) and write.supersedes is None else write


def _told(language: Language, memory: Memory, noted: Sequence[Noted], stale: Sequence[Memory]) -> str:
    new = noted[0]
    parts = [
        say(
            language,
            "Put right: “{said}” It takes the place of “{old}”",
            said=plain(new.what.text),
            old=plain(memory.what.text),
        )
    ]
    more = _texts([one.what.text for one in noted[1:] if not one.is_known])
    if more:
        parts.append(say(language, "Noted with it:") + "\n" + more)
    if stale:
        parts.append(say(language, "This followed from the old text, and no longer counts:") + "\n" + briefly(language, stale))
    return "\n\n".join(parts)


def _texts(texts: Iterable[str]) -> str:
    return "\n".join(f"- {plain(text)}" for text in texts)


def _gone(turn: Turn) -> Outcome:
    text = say(
        turn.language, "There is nothing to put right there any more: it is forgotten, or something newer took its place."
    )
    reply = Reply(text=text, choices=(back_button(turn.language),))
    return Outcome(reply=reply, writes=closing(turn, CORRECT), is_refused=True)
