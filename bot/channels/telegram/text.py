"""Markdown as Telegram shows it: plain text with entities that we computed, cut to its limit. Pure (R-27, R-47).

Sources: core.telegram.org/bots/api#messageentity (Bot API 10.1): which entities may hold which, offsets in UTF-16; beyond a
hundred entities of one message the others are dropped without a word, and a link among them would come back to life.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bot.markdown.marks import Mark, Marked, Run, Style
from bot.markdown.reader import read
from bot.markdown.source import completed
from bot.splitting import split, tail, units

LIMIT: Final = 4096
"""UTF-16 units of one message."""
MOST_ENTITIES: Final = 100
ELLIPSIS: Final = "…"


class EntityKind(StrEnum):
    """The entities that we use, by Telegram's names. Never a link: what may be one, Telegram finds by itself."""

    BOLD = "bold"
    ITALIC = "italic"
    UNDERLINE = "underline"
    STRIKETHROUGH = "strikethrough"
    SPOILER = "spoiler"
    CODE = "code"
    PRE = "pre"
    BLOCKQUOTE = "blockquote"


_KINDS: Final = {
    Style.QUOTE: EntityKind.BLOCKQUOTE,
    Style.HEADING: EntityKind.BOLD,
    Style.SPOILER: EntityKind.SPOILER,
    Style.BOLD: EntityKind.BOLD,
    Style.ITALIC: EntityKind.ITALIC,
    Style.UNDERLINE: EntityKind.UNDERLINE,
    Style.STRIKETHROUGH: EntityKind.STRIKETHROUGH,
    Style.CODE: EntityKind.CODE,
    Style.PRE: EntityKind.PRE,
}


@dataclass(frozen=True, slots=True)
class Entity:
    """How a stretch of a message looks; offset and length in UTF-16 units."""

    kind: EntityKind
    offset: int
    length: int
    language: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One message: its text, and its entities in order, outer before inner."""

    text: str
    entities: tuple[Entity, ...] = ()


def rendered(markdown: str, *, seen: str = "", limit: int = LIMIT) -> tuple[Part, ...]:
    """The messages that say this, at least one. `seen` is the person's own message: only its hosts may be links."""
    marked = read(markdown, seen=seen, with_names=True)
    places = split(marked.text, limit=limit, fits=_fits(marked, limit), whole=marked.blocks)
    return tuple(_part(marked.between(start, stop)) for start, stop in places) or (Part(ELLIPSIS),)


def preview(markdown: str, *, seen: str = "", limit: int = LIMIT) -> Part:
    """What a running answer says so far, as one message: its newest text, after `…` where the beginning is left out."""
    marked = read(completed(markdown), seen=seen, with_names=True)
    text = marked.text.rstrip()
    marked = Marked(tuple(marked.between(0, len(text))))
    if not text.strip():
        return Part(ELLIPSIS)
    if _fits(marked, limit)(0, len(text)):
        return _part(marked.runs)
    start = tail(text, limit=limit, fits=_fits(marked, limit - units(ELLIPSIS)))
    part = _part(marked.between(start, len(text)))
    shift = units(ELLIPSIS)
    return Part(ELLIPSIS + part.text, tuple(replace(entity, offset=entity.offset + shift) for entity in part.entities))


class _Fits:
    """Whether a slice is short enough and has few enough entities."""

    def __init__(self, marked: Marked, limit: int) -> None:
        self._marked, self._limit = marked, limit

    def __call__(self, start: int, stop: int) -> bool:
        if units(self._marked.text[start:stop]) > self._limit:
            return False
        runs = self._marked.between(start, stop)
        return sum(len(run.marks) for run in runs) <= MOST_ENTITIES or len(_entities(runs)) <= MOST_ENTITIES


def _fits(marked: Marked, limit: int) -> _Fits:
    return _Fits(marked, limit)


def _part(runs: Sequence[Run]) -> Part:
    return Part("".join(run.text for run in runs), tuple(_entities(runs)))


def _entities(runs: Sequence[Run]) -> list[Entity]:
    """One entity for each stretch under a mark. Where two would overlap, the inner one is cut in two: Telegram wants a tree."""
    found: list[Entity] = []
    is_blank: list[bool] = []
    waiting: list[tuple[Mark, int]] = []  # open marks, outermost first, each with its entity's place in `found`
    offset = 0
    for run in runs:
        marks = _drawn(run.marks)
        shared = 0
        while shared < min(len(marks), len(waiting)) and marks[shared] == waiting[shared][0]:
            shared += 1
        del waiting[shared:]
        for mark in marks[shared:]:
            waiting.append((mark, len(found)))
            language = mark.value if mark.style is Style.PRE else ""
            found.append(Entity(_KINDS[mark.style], offset, 0, language))
            is_blank.append(True)
        length = units(run.text)
        offset += length
        for _, place in waiting:
            found[place] = replace(found[place], length=found[place].length + length)
            is_blank[place] = is_blank[place] and run.text.isspace()
    return [entity for entity, blank in zip(found, is_blank, strict=True) if not blank]


def _drawn(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
    """The marks that become entities: code takes none but a quotation around it, and no kind is inside itself."""
    known = [mark for mark in marks if mark.style in _KINDS]
    literal = [mark for mark in known if mark.style in (Style.CODE, Style.PRE)]
    if literal:
        return (*(mark for mark in known if mark.style is Style.QUOTE), literal[-1])
    drawn: dict[EntityKind, Mark] = {}
    for mark in known:
        drawn.setdefault(_KINDS[mark.style], mark)
    return tuple(drawn.values())
