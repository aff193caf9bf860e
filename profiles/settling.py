"""What is to be written for a memory that comes in, given what is remembered of the same matter; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, assert_never

from bot.lexical import tokens
from bot.memory_types import Memory, NewMemory
from bot.types import AddressId, PersonId
from bot.writes import AddMemory, AddMemorySource, EndMemories, MemoryWrite
from profiles.facts.merging import Duplicate, Keep, Outdated, Supersede, decide
from profiles.ranking import memory_stems
from profiles.wanted import mark_of

_APART: Final = re.compile(r"[:_|]+")


def settle(
    new: NewMemory, existing: Sequence[Memory], *, person: PersonId, group: AddressId | None, id: str
) -> tuple[MemoryWrite, ...]:
    """The writes by which `new` becomes the memory `id`, is counted to one that says the same, or ends others.

    `existing` are the memories of its slot and place (`MemoryStore.in_slot`).
    """
    decision = decide(existing, new)
    match decision:
        case Keep():
            return (_added(new, person, group, id),)
        case Duplicate():
            return tuple(AddMemorySource(person_id=person, id=decision.of, source=source) for source in new.sources)
        case Supersede():
            added = _added(new, person, group, id, supersedes=decision.of[0])
            return added, EndMemories(person_id=person, ids=decision.of, by=id)
        case Outdated():
            return (_added(new, person, group, id, superseded_by=decision.by),)
        case _:
            assert_never(decision)


def _slot_stems(slot: str) -> tuple[str, ...]:
    """The stems of what a slot is about, and its mark: "Has a red Fiat." is found by "car", "Works as a nurse." by "job"."""
    return (*dict.fromkeys(tokens(_APART.sub(" ", slot), "en")), mark_of(slot)) if slot else ()


def _added(
    new: NewMemory,
    person: PersonId,
    group: AddressId | None,
    id: str,
    *,
    supersedes: str | None = None,
    superseded_by: str | None = None,
) -> AddMemory:
    return AddMemory(
        person_id=person,
        group=group,
        id=id,
        what=new,
        stems=(*memory_stems(new.text, new.language), *_slot_stems(new.slot)),
        supersedes=supersedes,
        superseded_by=superseded_by,
    )
