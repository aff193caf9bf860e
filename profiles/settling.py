"""What is to be written for a memory that comes in, given what is remembered of the same matter; pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, assert_never

from bot.lexical import tokens
from bot.memory_types import Memory, NewMemory
from bot.types import AddressId, PersonId
from bot.writes import AddMemory, AddMemorySource, EndMemories, MemoryWrite
from profiles.facts.merging import Duplicate, Keep, Outdated, Supersede, decide
from profiles.ranking import memory_stems
from profiles.wanted import mark_of

_APART: Final = re.compile(r"[:_|]+")
_ALIKE: Final = 4
"""Stems that begin with so many same letters are of one family: «alérgica», «alergia»; «vivo», «vive»."""


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


def after(existing: Sequence[Memory], writes: Sequence[MemoryWrite], at: datetime) -> list[Memory]:
    """The memories of a slot as they are once `writes` are done, as far as settling looks at them.

    A message may say two things of the same matter, the second of which counts.
    """
    there = list(existing)
    for write in writes:
        match write:
            case AddMemory():
                there.append(
                    Memory(
                        id=write.id,
                        what=write.what,
                        created_at=at,
                        group=write.group,
                        supersedes=write.supersedes,
                        superseded_by=write.superseded_by,
                        ended_at=None if write.superseded_by is None else at,
                    )
                )
            case EndMemories():
                there = [
                    replace(one, superseded_by=write.by, ended_at=at) if one.id in write.ids and one.ended_at is None else one
                    for one in there
                ]
            case _:
                pass  # one more source of a memory that stays as it is
    return there


def left_out(whole: NewMemory, facts: Sequence[NewMemory]) -> set[str]:
    """The stems of a text that no fact drawn from it has, as far as their beginnings tell."""
    told = {stem[:_ALIKE] for fact in facts for stem in _stems(fact)}
    return {stem for stem in _stems(whole) if stem[:_ALIKE] not in told}


def _stems(what: NewMemory) -> tuple[str, ...]:
    """What a memory is found by."""
    return (*memory_stems(what.text, what.language), *_slot_stems(what.slot))


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
        stems=_stems(new),
        supersedes=supersedes,
        superseded_by=superseded_by,
    )
