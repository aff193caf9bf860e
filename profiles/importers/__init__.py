"""Exports of other programs read as records: Telegram Desktop's, Discord's and ChatGPT's, whole or damaged, of any size."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Final

from bot.errors import ImportRefused
from bot.locale import say
from profiles.importers import chatgpt, discord, telegram
from profiles.importers.common import Format, Reader
from profiles.importers.faults import Unreadable
from profiles.importers.json_stream import JsonStream, NotJson
from profiles.importers.sources import Export, Part, check, found

__all__ = ["Format", "Reader", "read"]

_TELEGRAM: Final = frozenset({"messages", "chats", "left_chats", "personal_information"})
_LOOKED_AT: Final = 60
"""Keys of the outermost object, or elements of the list, that are looked at to tell what it is."""


class _Other(StrEnum):
    """What people take for one of the exports."""

    NOTHING = "nothing"
    PAGE = "page"
    CLAUDE = "claude"
    DISCORD_FILE = "discord file"
    EXPORTER = "exporter"
    UNKNOWN = "unknown"


def read(path: Path, *, format: Format | None = None, me: str | None = None, language: str = "en") -> Reader:
    """The records of the export at `path`: a file, a folder or a zip. Its format is found out; `format` insists on one.

    `me` says who the person is in a Telegram export that does not say so itself, by id or name. What is wrong is worded in
    `language`. Raises ImportRefused; a Telegram export of one chat is read through for its people, so call this in a thread.
    """
    export = found(path, language)
    seen, parts = _chosen(export, format, language)
    if seen is Format.TELEGRAM:
        with export.opened(language) as files:
            own = telegram.own_id(files, parts[0], me=me, language=language)
        return Reader(
            format=seen,
            export=export,
            parts=parts,
            records=lambda files: telegram.records(files, parts[0], own=own, language=language),
            language=language,
        )
    records = discord.records if seen is Format.DISCORD else chatgpt.records
    return Reader(
        format=seen,
        export=export,
        parts=parts,
        records=lambda files: records(files, parts, language=language),
        language=language,
    )


def _chosen(export: Export, format: Format | None, language: str) -> tuple[Format, tuple[Part, ...]]:
    """The format and the parts to read. Raises ImportRefused."""
    if export.is_file:
        choices = dict.fromkeys((Format.TELEGRAM, Format.CHATGPT), export.parts)
    else:
        names = {part: PurePosixPath(part.name).name.lower() for part in export.parts}
        choices = {
            Format.DISCORD: discord.channels(export.parts),
            Format.TELEGRAM: tuple(part for part in export.parts if names[part] == "result.json"),
            Format.CHATGPT: tuple(part for part in export.parts if chatgpt.NAMED.fullmatch(part.name)),
        }
        choices = {each: parts for each, parts in choices.items() if parts and format in (None, each)}
        if len(choices) > 1 or len(choices.get(Format.TELEGRAM, ())) > 1:
            raise ImportRefused(
                say(language, "There are several exports in {file}: name one of them.", file=repr(export.path.name))
            )
    if not choices:
        raise ImportRefused(_refusal(export, _Other.UNKNOWN, language))
    parts = next(iter(choices.values()))
    check(export, parts, language)
    seen = Format.DISCORD if Format.DISCORD in choices else _seen(export, parts[0], language)
    if isinstance(seen, _Other) or seen not in choices or format not in (None, seen):
        raise ImportRefused(_refusal(export, seen if isinstance(seen, _Other) else _Other.UNKNOWN, language))
    return seen, parts


def _seen(export: Export, part: Part, language: str) -> Format | _Other:
    """What the beginning of a part is."""
    try:
        with export.opened(language) as files, files.reading(part) as read:
            json = JsonStream(read)
            if json.is_done():
                return _Other.NOTHING
            if json.peek() == "<":
                return _Other.PAGE
            return _in_list(json) if json.peek() == "[" else _in_object(json)
    except (NotJson, Unreadable):
        return _Other.UNKNOWN


def _in_list(json: JsonStream) -> Format | _Other:
    is_empty = True
    for _ in islice(json.elements(), _LOOKED_AT):
        is_empty = False
        for key in islice(json.members(), _LOOKED_AT) if json.peek() == "{" else ():
            if key == "mapping":
                return Format.CHATGPT
            if key in ("chat_messages", "Contents"):
                return _Other.CLAUDE if key == "chat_messages" else _Other.DISCORD_FILE
    return _Other.NOTHING if is_empty else _Other.UNKNOWN


def _in_object(json: JsonStream) -> Format | _Other:
    for key in islice(json.members(), _LOOKED_AT):
        if key == "guild":
            return _Other.EXPORTER
        if key in _TELEGRAM:
            return Format.TELEGRAM
    return _Other.UNKNOWN


def _refusal(export: Export, other: _Other, language: str) -> str:
    """What was expected, and what was found where that is known."""
    expected = say(
        language,
        "{file} is none of the exports that can be read: Telegram Desktop's result.json, a Discord data package, or ChatGPT's "
        "conversations.json, each also in a folder or a zip.",
        file=repr(export.path.name),
    )
    if other is _Other.NOTHING:
        return expected + " " + say(language, "It is empty.")
    if other is _Other.PAGE:
        return expected + " " + say(language, "It is a web page: in Telegram Desktop, choose the format JSON when you export.")
    if other is _Other.CLAUDE:
        return expected + " " + say(language, "It looks like an export of Claude, which is not read yet.")
    if other is _Other.DISCORD_FILE:
        return expected + " " + say(language, "It is one file of a Discord data package: name the whole folder or zip.")
    if other is _Other.EXPORTER:
        return (
            expected + " " + say(language, "It was written by DiscordChatExporter: ask Discord itself for your data package.")
        )
    return expected
