"""What a person wants remembered, as memories: the facts in it, and its own words where facts do not say it all."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.memory_types import SELF, Memory, MemoryKind, NewMemory, Origin, position_of
from bot.ports import Services
from bot.types import Language, Turn
from bot.writes import AddMemory, AddMemorySource, EndMemories, MemoryWrite
from profiles.facts.extract import extract
from profiles.facts.slots import Fact
from profiles.settling import after, left_out, settle


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A memory as it is after the writes; `is_known` where it was there before, `ended` what it took the place of."""

    id: str
    what: NewMemory
    writes: tuple[MemoryWrite, ...]
    is_known: bool = False
    ended: tuple[Memory, ...] = ()


def told_facts(turn: Turn, text: str) -> tuple[Fact, ...]:
    """The facts in a text, read in its language, else in the other one."""
    first: Language = turn.spoken
    other: Language = "en" if first == "es" else "es"
    said_at = turn.message.sent_at
    return extract(text, first, said_at=said_at) or extract(text, other, said_at=said_at)


def new_memory(
    turn: Turn, text: str, origin: Origin, *, kind: MemoryKind = MemoryKind.FACT, slot: str = "", language: str = ""
) -> NewMemory:
    """A memory that this turn's message gives in the person's own words."""
    return NewMemory(
        kind=kind,
        text=text,
        said_by=SELF,
        said_at=turn.message.sent_at,
        session=turn.conversation_id,
        position=position_of(turn.message.sent_at),
        origin=origin,
        sources=(turn.id,),
        language=language,
        slot=slot,
    )


def drawn(turn: Turn, text: str, origin: Origin, *, spared: int) -> list[NewMemory]:
    """The facts in a text; and the text itself, without a slot, where more than `spared` of its words are in none of them."""
    facts = [
        new_memory(turn, fact.text, origin, kind=fact.kind, slot=fact.slot, language=fact.language)
        for fact in told_facts(turn, text)
    ]
    whole = new_memory(turn, text, origin)
    return facts if facts and len(left_out(whole, facts)) <= spared else [*facts, whole]


async def note(services: Services, turn: Turn, news: Sequence[NewMemory], *, without: Collection[str] = ()) -> list[Noted]:
    """What becomes of new memories, one after another, beside those of the same place but the ones `without`."""
    person, group = turn.person.id, turn.scope.group
    beside: dict[str, list[Memory]] = {}
    noted: list[Noted] = []
    for what in news:
        if what.slot not in beside:
            stored = await services.memories.in_slot(person, group, what.slot)
            beside[what.slot] = [memory for memory in stored if memory.id not in without]
        existing = beside[what.slot]
        writes = settle(what, existing, person=person, group=group, id=services.ids.new())
        beside[what.slot] = after(existing, writes, turn.message.sent_at)
        noted.append(_settled(what, existing, writes))
    return noted


def _settled(what: NewMemory, existing: Sequence[Memory], writes: tuple[MemoryWrite, ...]) -> Noted:
    known = next((write.id for write in writes if isinstance(write, AddMemorySource)), None)
    if known is not None:
        memory = next(memory for memory in existing if memory.id == known)
        return Noted(id=known, what=memory.what, writes=writes, is_known=True)
    added = next(write.id for write in writes if isinstance(write, AddMemory))
    ending = {one for write in writes if isinstance(write, EndMemories) for one in write.ids}
    return Noted(id=added, what=what, writes=writes, ended=tuple(memory for memory in existing if memory.id in ending))
