"""Text as Telegram counts and marks it: offsets and lengths are in UTF-16 units."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

MOST_UNITS: Final = 4096
MOST_ENTITIES: Final = 100
_FOUND: Final = (
    ("bot_command", re.compile(r"(?<![\w/@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])")),
    ("mention", re.compile(r"(?<![\w@/])@[A-Za-z][A-Za-z0-9_]{2,31}(?!\w)")),
    ("url", re.compile(r"https?://[^\s<>\"]+[^\s<>\".,;:!?)]")),
    ("email", re.compile(r"(?<![\w.])[\w.+-]+@[\w-]+\.[\w.]*\w")),
    ("hashtag", re.compile(r"(?<![\w#])#\w*[^\W\d_]\w*")),
)
"""What Telegram marks by itself, in the order in which it wins over what it overlaps."""
_NEEDS: Final = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id"}
_KINDS: Final = """
    mention hashtag cashtag bot_command url email phone_number bold italic underline strikethrough spoiler blockquote
    expandable_blockquote code pre text_link text_mention custom_emoji date_time
"""
_CLOSED: Final = ("code", "pre", "text_link", "text_mention")
"""In these nothing else is marked."""

Entity = dict[str, Any]


class EntityProblem(Exception):
    """Entities that do not fit their text; the message is Telegram's own."""


def units(text: str) -> int:
    """How many UTF-16 units a text has."""
    return len(text.encode("utf-16-le")) // 2


def covered(text: str, entity: Entity) -> str:
    """The part of a text that an entity marks."""
    start = 2 * entity["offset"]
    return text.encode("utf-16-le")[start : start + 2 * entity["length"]].decode("utf-16-le")


def marked(text: str, part: str, kind: str, **more: object) -> Entity:
    """An entity of this kind over the first occurrence of `part`."""
    return {"type": kind, "offset": units(text[: text.index(part)]), "length": units(part), **more}


def found(text: str, given: Sequence[Entity] = ()) -> list[Entity]:
    """The entities that were given and those that Telegram marks by itself, ordered by place."""
    taken = [(one["offset"], one["offset"] + one["length"]) for one in given if one["type"] in _CLOSED]
    marks: list[Entity] = [dict(one) for one in given]
    for kind, pattern in _FOUND:
        for match in pattern.finditer(text):
            start = units(text[: match.start()])
            end = start + units(match[0])
            if all(end <= low or start >= high for low, high in taken):
                taken.append((start, end))
                marks.append({"type": kind, "offset": start, "length": end - start})
    return sorted(marks, key=lambda one: (one["offset"], -one["length"]))


def checked(text: str, entities: Sequence[Entity]) -> None:
    """Nothing when all entities lie in the text and on whole characters. Raises EntityProblem."""
    end, inside = units(text), _inside(text)
    for one in entities:
        kind, start, length = one["type"], one["offset"], one["length"]
        stop = start + length
        if kind not in _KINDS.split():
            raise EntityProblem(f"can't parse MessageEntity: unsupported type {kind!r}")
        if (needed := _NEEDS.get(kind)) and not one.get(needed):
            raise EntityProblem(f"can't parse MessageEntity: field {needed!r} must be given")
        if start < 0:
            raise EntityProblem(f"receive an entity with incorrect offset {start}")
        if length < 0:
            raise EntityProblem(f"receive an entity with incorrect length {length}")
        if start >= end and length:
            raise EntityProblem(f"entity begins after the end of the text at UTF-16 offset {start}")
        begun = f"entity beginning at UTF-16 offset {start}"
        if stop > end:
            raise EntityProblem(f"{begun} ends after the end of the text at UTF-16 offset {stop}")
        if start in inside:
            raise EntityProblem(f"entity begins in a middle of a UTF-16 symbol at byte offset {inside[start]}")
        if stop in inside:
            raise EntityProblem(f"{begun} ends in a middle of a UTF-16 symbol at byte offset {inside[stop]}")


def trimmed(text: str, entities: Sequence[Entity]) -> tuple[str, list[Entity]]:
    """A text as it is kept: without space around it, entities moved along, empty ones dropped, at most a hundred."""
    begun = text.lstrip()
    ahead = units(text) - units(begun)
    kept = begun.rstrip()
    end = units(kept)
    moved: list[Entity] = []
    for one in entities:
        start = max(0, one["offset"] - ahead)
        stop = min(end, one["offset"] + one["length"] - ahead)
        if stop > start:
            moved.append({**one, "offset": start, "length": stop - start})
    return kept, sorted(moved, key=lambda one: (one["offset"], -one["length"]))[:MOST_ENTITIES]


def _inside(text: str) -> dict[int, int]:
    """The UTF-16 offsets that lie within a character, each with its offset in UTF-8."""
    if text.isascii():
        return {}
    offsets: dict[int, int] = {}
    at = octets = 0
    for character in text:
        wide = ord(character) > 0xFFFF
        octets += len(character.encode())
        if wide:
            offsets[at + 1] = octets
        at += 2 if wide else 1
    return offsets
