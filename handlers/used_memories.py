"""The memories that an answer rested on, as they are now, each with a button that forgets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.locale import say, say_many
from bot.memory_ports import MemoryStore
from bot.types import Choice, EvidenceKind, Source, Turn
from handlers.memory_words import forget_button, is_in_sight, listed

REMEMBERED: Final = frozenset({EvidenceKind.MEMORY, EvidenceKind.FACT, EvidenceKind.ANSWERED})
"""The kinds of evidence whose source is a memory."""
_MOST_SHOWN: Final = 8
_IN_A_ROW: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedMemories:
    """What is said of them, and the buttons below; both empty where none was used."""

    text: str = ""
    choices: tuple[Choice, ...] = ()


NOTHING_USED: Final = UsedMemories()


async def used_memories(turn: Turn, sources: Sequence[Source], store: MemoryStore) -> UsedMemories:
    """The memories among the sources of an answer, best first, as far as this place may see them; and how many are gone."""
    best_first = sorted((one for one in sources if one.kind in REMEMBERED), key=lambda one: -one.score)
    ids = list(dict.fromkeys(one.source for one in best_first))
    if not ids:
        return NOTHING_USED
    language, there = turn.language, await store.memories(turn.person.id, ids)
    shown = [memory for memory in there if is_in_sight(turn, memory)][:_MOST_SHOWN]
    parts = []
    if shown:
        parts.append(say(language, "I remembered this, best first:") + "\n" + listed(language, shown))
    if hidden := sum(not is_in_sight(turn, memory) for memory in there):
        parts.append(
            say_many(
                language,
                "Besides, {count} memory from elsewhere, which I do not repeat here.",
                "Besides, {count} memories from elsewhere, which I do not repeat here.",
                hidden,
            )
        )
    if gone := len(ids) - len(there):
        parts.append(
            say_many(
                language,
                "Besides, {count} memory that is forgotten since.",
                "Besides, {count} memories that are forgotten since.",
                gone,
            )
        )
    choices = (
        forget_button(language, memory.id, number, row=(number - 1) // _IN_A_ROW) for number, memory in enumerate(shown, 1)
    )
    return UsedMemories(text="\n\n".join(parts), choices=tuple(choices))
