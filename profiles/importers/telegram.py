"""Telegram Desktop's JSON export, of one chat or of a whole account, as records (`export_output_json.cpp` writes it).

One message is read at a time. Service messages, media without a caption and empty messages are no records. A forwarded message
is somebody else's words, whoever forwarded it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from bot.errors import ImportRefused
from bot.locale import say
from bot.memory_types import SELF, ImportedRecord
from profiles.importers.common import (
    Ids,
    Records,
    Sessions,
    cleaned,
    moment,
    name_of,
    number_of,
    written_moment,
)
from profiles.importers.faults import Fault, Faulty, Unreadable, Wrong
from profiles.importers.json_stream import JsonStream, NotJson, decoded
from profiles.importers.sources import Files, Part

MAX_MESSAGE: Final = 1_048_576
SURVEYED: Final = 50_000
"""Messages looked at for the names to offer; enough to meet everybody who matters."""
_MAX_SENDERS: Final = 10_000
_OFFERED: Final = 20
_PEERS: Final = {
    **dict.fromkeys(("private_supergroup", "public_supergroup", "private_channel", "public_channel"), "channel"),
    "private_group": "chat",
}
"""What kind of peer the `id` of a chat counts; all others are users. The same number may name one of each."""


class _Message(msgspec.Struct, frozen=True, rename={"sender": "from", "sender_id": "from_id"}):
    """What is read of a message; the rest is passed over."""

    id: object = None
    type: object = None
    date: object = None
    date_unixtime: object = None
    text: object = None
    sender: object = None
    sender_id: object = None
    forwarded_from: object | msgspec.UnsetType = msgspec.UNSET
    forwarded_from_id: object = None
    via_bot: object = None


_MESSAGE: Final = msgspec.json.Decoder(_Message)


@dataclass(frozen=True, slots=True)
class _Found:
    """A message as it stands in the file; without `raw` it is too long. `chat` is None where its chat has no id."""

    chat: str | None
    line: int
    raw: bytes | None


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose account was exported."""

    peer: str


def own_id(files: Files, part: Part, *, me: str | None, language: str) -> str:
    """The `from_id` of the person whose words are theirs: the account's owner, or whom `me` names by id or by exact name.

    Raises ImportRefused, with the people found and what to pass, where that is not clear.
    """
    wanted = me.strip() if me is not None else None
    by_id = _user(wanted.removeprefix("user")) if wanted else ""
    senders = _Senders()
    try:
        with files.reading(part) as read:
            for found in _walk(JsonStream(read)):
                peer = found.peer if isinstance(found, _Owner) else senders.take(found)
                if peer and (peer == by_id or (isinstance(found, _Owner) and wanted is None)):
                    return peer
                if wanted is None and senders.looked_at >= SURVEYED:
                    break
    except (NotJson, Unreadable):
        pass  # Whoever was met before the break is known; the reader reports the break.
    named = senders.named(wanted) if wanted else []
    if len(named) == 1:
        return named[0]
    raise ImportRefused(_who(senders, wanted, len(named), language))


class _Senders:
    """The people met in an export, with their names and how many messages each wrote."""

    def __init__(self) -> None:
        self.looked_at = 0
        self._names: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def take(self, found: _Found) -> str:
        """Count the sender of a message, and give their id; empty where it is nobody's."""
        self.looked_at += 1
        try:
            message = decoded(found.raw or b"", _MESSAGE)
        except ValueError:
            return ""
        peer = _peer(message.sender_id)
        if message.type != "message" or not peer or peer != _user(peer.removeprefix("user")):
            return ""
        if peer in self._names or len(self._names) < _MAX_SENDERS:
            self._names[peer] = name_of(message.sender, peer)
            self._counts[peer] += 1
        return peer

    def named(self, name: str) -> list[str]:
        """The ids of everybody with exactly that name, in upper or lower case."""
        wanted = name_of(name, "").casefold()
        return [peer for peer, met in self._names.items() if met.casefold() == wanted]

    def shown(self) -> str:
        """Ids and names, who wrote most first."""
        most = self._counts.most_common(_OFFERED)
        return ", ".join(f"{peer} ({self._names[peer]})" for peer, _ in most) + (", …" if len(self._counts) > _OFFERED else "")


def _who(senders: _Senders, wanted: str | None, count: int, language: str) -> str:
    people = senders.shown()
    if not people:
        return say(language, "No messages of people were found in this Telegram export.")
    if wanted is None:
        return say(
            language,
            "This Telegram export does not say whose it is. Pass --me with one of these ids or names: {people}",
            people=people,
        )
    if count:
        return say(
            language,
            "Several people in this Telegram export have that name. Pass --me with the id instead: {people}",
            people=people,
        )
    return say(
        language, "Nobody in this Telegram export has that id or name. Pass --me with one of these: {people}", people=people
    )


def records(files: Files, part: Part, *, own: str, language: str) -> Records:
    """Every message with a text, in the order of the file."""
    wrong = Wrong(language)
    chats: dict[str, tuple[Sessions, Ids]] = {}
    line = 1
    try:
        with files.reading(part) as read:
            for found in _walk(JsonStream(read)):
                if isinstance(found, _Owner):
                    continue
                line = found.line
                try:
                    record = _record(found, own, chats)
                except ValueError as error:
                    yield wrong(line, error)
                else:
                    if record is not None:
                        yield record
    except (NotJson, Unreadable) as error:
        yield wrong.end(line, error)


def _record(found: _Found, own: str, chats: dict[str, tuple[Sessions, Ids]]) -> ImportedRecord | None:
    """The record of a message, None where it has no words. Raises ValueError, Faulty among them."""
    if found.raw is None:
        raise Faulty(Fault.SIZE)
    message = decoded(found.raw, _MESSAGE)
    if not isinstance(message.type, str):
        raise Faulty(Fault.UNLIKE)
    text = cleaned(_text(message.text))
    if message.type != "message" or not text:
        return None
    number = number_of(message.id)
    if found.chat is None:
        raise Faulty(Fault.ID)
    at = written_moment(message.date) if message.date_unixtime is None else moment(message.date_unixtime)
    sessions, ids = chats.setdefault(found.chat, (Sessions(f"telegram:{found.chat}"), Ids()))
    if not ids.is_new(number):
        raise Faulty(Fault.TWICE)
    said_by = _said_by(message, own)
    session, position = sessions.place(str(number), at)
    return ImportedRecord(
        key=f"telegram:{found.chat}:{number}",
        text=text,
        said_by=said_by,
        is_own=said_by == SELF,
        said_at=at,
        session=session,
        position=position,
        line=found.line,
    )


def _said_by(message: _Message, own: str) -> str:
    """Who chose the words: not who forwarded them, nor who let a bot write them."""
    if message.forwarded_from is not msgspec.UNSET or message.forwarded_from_id is not None:
        peer = _peer(message.forwarded_from_id)
        return SELF if peer == own else name_of(message.forwarded_from, peer)
    if message.via_bot is not None:
        return name_of(message.via_bot, "")
    peer = _peer(message.sender_id)
    return SELF if peer == own else name_of(message.sender, peer)


def _text(text: object) -> str:
    """A text, which is a string or a list of strings and of entities with a `text` each."""
    if isinstance(text, list):
        pieces = (piece.get("text") if isinstance(piece, dict) else piece for piece in text)
        return "".join(piece for piece in pieces if isinstance(piece, str))
    return text if isinstance(text, str) else ""


def _user(id: object) -> str:
    try:
        return f"user{number_of(id)}"
    except ValueError:
        return ""


def _peer(id: object) -> str:
    """`user123`; exports before 2021 have the bare number."""
    return id if isinstance(id, str) else _user(id)


def _walk(json: JsonStream) -> Iterator[_Found | _Owner]:
    """Every message of the file and whose account it is, in order. Raises NotJson and Unreadable."""
    if json.peek() != "{":
        raise NotJson(json.line)
    yield from _chat(json, is_top=True)


def _chat(json: JsonStream, *, is_top: bool = False) -> Iterator[_Found | _Owner]:
    kind, number = "user", ""
    for key in json.members():
        if key == "messages" and json.peek() == "[":
            chat = f"{kind}{number}" if number else None
            for line in json.elements():
                yield _Found(chat, line, json.raw(MAX_MESSAGE))
        elif key == "type":
            kind = _PEERS.get(str(json.value()), "user")
        elif key == "id":
            number = _user(json.value()).removeprefix("user")
        elif key == "personal_information" and is_top:
            person = json.value()
            if isinstance(person, dict) and (owner := _user(person.get("user_id"))):
                yield _Owner(owner)
        elif key in ("chats", "left_chats") and is_top and json.peek() == "{":
            for inner in json.members():
                if inner == "list" and json.peek() == "[":
                    for _ in json.elements():
                        if json.peek() == "{":
                            yield from _chat(json)
