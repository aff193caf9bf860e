"""Whether a new memory is news, is known already, or takes the place of another; pure.

What counts is when something was said, not when it came in: an old message imported today never ends what was said since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.lexical import content_words, fold, stem
from bot.memory_types import Memory, MemoryKind, NewMemory
from bot.types import LANGUAGES, Language
from profiles.facts.slots import LISTS, Reading, is_single, reading

_ALIKE: Final = 0.85
"""The share of stems that two texts without a slot have in common when one says the same as the other."""
_FEWEST: Final = 3
"""So few stems must be the same, not merely alike."""


@dataclass(frozen=True, slots=True)
class Keep:
    """It is news: store it."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The memory `of` says it already: store nothing, add the new sources to that one."""

    of: str


@dataclass(frozen=True, slots=True)
class Supersede:
    """Store it; the memories `of`, newest first, end with it."""

    of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outdated:
    """It is news of the past: store it as history, superseded by the memory `by`, which was said later."""

    by: str


Decision = Keep | Duplicate | Supersede | Outdated


def decide(existing: Sequence[Memory], new: NewMemory) -> Decision:
    """What is to be done with `new`, given the memories of the same person and scope (ended ones may be among them).

    Episodes are always kept. With a slot, the values decide, in whatever language they were said; without one, the words.
    """
    if new.kind is MemoryKind.EPISODE:
        return Keep()
    if not new.slot:
        return _by_words(existing, new)
    said = reading(new.slot, new.text)
    same = [memory for memory in existing if memory.what.slot == new.slot and memory.what.kind is not MemoryKind.EPISODE]
    live = [memory for memory in same if memory.ended_at is None]
    single = is_single(new.slot)
    against = [memory for memory in live if _is_against(_read(memory), said, is_single=single)]
    if known := _known(same, new, said, against):
        return Duplicate(known)
    later = [memory for memory in against if memory.what.said_at > new.said_at]
    if later:
        return Outdated(min(later, key=lambda memory: memory.what.said_at).id)
    ended = sorted(against, key=lambda memory: memory.what.said_at, reverse=True)
    return Supersede(tuple(memory.id for memory in ended)) if ended else Keep()


def _read(memory: Memory) -> Reading:
    return reading(memory.what.slot, memory.what.text)


def _is_against(known: Reading, said: Reading, *, is_single: bool) -> bool:
    """Whether both cannot be so, the one said later being right; a fuller wording of the same value replaces it, too."""
    if not is_single:
        return known.holds is not said.holds
    if known.holds and said.holds:
        return not said.value <= known.value
    # "No longer lives in Quito" ends Quito, not Lima; and only "lives in Quito" ends it in turn.
    return known.holds is not said.holds and (not said.value or not known.value or _alike(known, said))


def _alike(known: Reading, said: Reading) -> bool:
    return known.value <= said.value or said.value <= known.value


def _known(same: Iterable[Memory], new: NewMemory, said: Reading, against: Sequence[Memory]) -> str:
    """The memory that says the same: a live one, or one that was already history when the new one was said."""
    for memory in sorted(same, key=lambda memory: memory.ended_at is not None):
        known = _read(memory)
        if known.holds is not said.holds or not said.value <= known.value or memory in against:
            continue
        if (
            memory.ended_at is None
            or memory.what.said_at <= new.said_at < memory.ended_at
            or memory.what.said_at == new.said_at
        ):
            return memory.id
    return ""


def _by_words(existing: Sequence[Memory], new: NewMemory) -> Decision:
    said = _stems(new.text, new.language)
    for memory in existing:
        what = memory.what
        if what.kind is not new.kind or what.slot or memory.ended_at is not None:
            continue
        if _is_same(said, _stems(what.text, what.language)):
            return Duplicate(memory.id)
    return Keep()


def _stems(text: str, language: str) -> tuple[frozenset[str], frozenset[str]]:
    """The stems of a text, and what must be the same in both for one to repeat the other: its numbers, and each "no"."""
    known: Language = next((one for one in LANGUAGES if one == language), "en")
    stems = frozenset(stem(word, known) for word in content_words(text, None))
    words = [fold(word).strip(".,;:!?¿¡\"'()") for word in text.replace("’", "'").split()]
    return stems, frozenset(word for word in words if word in LISTS["turned"] or any(letter.isdigit() for letter in word))


def _is_same(one: tuple[frozenset[str], frozenset[str]], other: tuple[frozenset[str], frozenset[str]]) -> bool:
    if one[1] != other[1] or not one[0] or not other[0]:
        return False
    shared, every = len(one[0] & other[0]), len(one[0] | other[0])
    return shared == every if every <= _FEWEST else shared / every >= _ALIKE
