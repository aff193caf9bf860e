"""What is recalled and no longer holds, as far as the facts that were drawn from it tell; pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.memory_types import BOT, Memory, MemoryKind
from profiles.facts.merging import Supersede, decide


def is_told(memory: Memory) -> bool:
    """Whether it is somebody's own words, out of which facts may have been drawn."""
    return memory.what.kind is MemoryKind.EPISODE and memory.what.said_by != BOT


def holding(found: Sequence[Memory], replaced: Sequence[Memory]) -> list[Memory]:
    """What still holds, best first, then what was said that may not: `replaced` are ended facts out of it.

    Of facts from several places that cannot all be so the one said last is right. What was said comes not at all where what
    took its fact's place does.
    """
    facts = [memory for memory in found if memory.what.kind is not MemoryKind.EPISODE]
    older = {memory.id: memory for memory in facts if any(_replaces(later, memory) for later in facts)}
    past = [*replaced, *older.values()]
    first, last = [], []
    for memory in found:
        sources = set(memory.what.sources)
        gone = [fact for fact in past if is_told(memory) and not sources.isdisjoint(fact.what.sources)]
        heirs = [fact for fact in facts if fact.id not in older and any(_succeeds(fact, one) for one in gone)]
        if not gone or any(not sources.isdisjoint(heir.what.sources) for heir in heirs):
            if memory.id not in older:
                first.append(memory)
        elif not heirs:
            last.append(memory)
    return [*first, *last]


def _replaces(later: Memory, earlier: Memory) -> bool:
    """Whether a fact cannot be so beside one of the same slot that was said later."""
    is_later = later.what.said_at > earlier.what.said_at and bool(later.what.slot) and later.what.slot == earlier.what.slot
    return is_later and isinstance(decide([earlier], later.what), Supersede)


def _succeeds(fact: Memory, ended: Memory) -> bool:
    return fact.id == ended.superseded_by or (bool(fact.what.slot) and fact.what.slot == ended.what.slot)
