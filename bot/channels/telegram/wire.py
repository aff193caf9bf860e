"""What Telegram sends, as far as we read it: an update is checked against these records before anything looks at it. Pure.

Only what is named here is decoded. python-telegram-bot's own classes check nothing (a wrong type surfaces anywhere, later), and
building them takes 150 µs of CPU for each update where this takes 5.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

Number = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""An id: at most 52 bits, says Telegram."""
Moment = Annotated[int, Meta(ge=0, le=253_402_300_799)]
"""Unix time, up to the year 9999."""
Place = Annotated[int, Meta(ge=0, le=2**31)]

_UPDATE_ID: Final = re.compile(rb'"update_id"\s*:\s*(\d{1,16})\b')


class BrokenUpdate(Exception):
    """An update that is not what Telegram describes. `id` is all that is kept of it, None where not even that is there."""

    def __init__(self, id: int | None, reason: str) -> None:
        self.id = id
        super().__init__(reason)


class WireUser(Struct, frozen=True, kw_only=True):
    """A person or a bot."""

    id: Number
    is_bot: bool = False
    first_name: str = ""
    username: str = ""
    language_code: str = ""


class WireChat(Struct, frozen=True, kw_only=True):
    """A chat: `private`, `group`, `supergroup` or `channel`."""

    id: Number
    type: str


class WireEntity(Struct, frozen=True, kw_only=True):
    """A marked stretch of a text; offset and length in UTF-16 units."""

    type: str
    offset: Place
    length: Place
    user: WireUser | None = None


class WireFile(Struct, frozen=True, kw_only=True):
    """A document, or any other thing that can be had by its `file_id`."""

    file_id: str = ""
    file_size: Annotated[int, Meta(ge=0)] = 0
    file_name: str = ""
    mime_type: str = ""


class WireReplied(Struct, frozen=True, kw_only=True):
    """What a message replies to. In a topic, every message that replies to nothing replies to the one that opened it."""

    message_id: Number
    sender: WireUser | None = field(name="from", default=None)
    forum_topic_created: msgspec.Raw | UnsetType = UNSET


class WireMessage(Struct, frozen=True, kw_only=True):
    """A message. What is neither text nor a file is only noticed (`other_content`)."""

    message_id: Number
    date: Moment
    chat: WireChat
    sender: WireUser | None = field(name="from", default=None)
    sender_chat: WireChat | None = None
    message_thread_id: Number = 0
    is_topic_message: bool = False
    reply_to_message: WireReplied | None = None
    forward_origin: msgspec.Raw | UnsetType = UNSET
    via_bot: msgspec.Raw | UnsetType = UNSET
    media_group_id: str = ""
    migrate_to_chat_id: Number = 0
    migrate_from_chat_id: Number = 0
    text: str = ""
    entities: tuple[WireEntity, ...] = ()
    caption: str = ""
    caption_entities: tuple[WireEntity, ...] = ()
    document: WireFile | None = None
    photo: tuple[WireFile, ...] = ()
    animation: WireFile | None = None
    audio: WireFile | None = None
    sticker: WireFile | None = None
    video: WireFile | None = None
    video_note: WireFile | None = None
    voice: WireFile | None = None


class WireButton(Struct, frozen=True, kw_only=True):
    """A button under a message of ours."""

    text: str
    callback_data: str = ""


class WireKeyboard(Struct, frozen=True, kw_only=True):
    """The buttons under a message of ours, by row."""

    inline_keyboard: tuple[tuple[WireButton, ...], ...] = ()


class WirePressed(Struct, frozen=True, kw_only=True):
    """The message whose button was pressed; of a very old one only its ids are told, and `date` is 0."""

    message_id: Number
    chat: WireChat
    date: Moment = 0
    message_thread_id: Number = 0
    is_topic_message: bool = False
    reply_markup: WireKeyboard | None = None


class WireCallback(Struct, frozen=True, kw_only=True):
    """A pressed button."""

    id: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")]
    sender: WireUser = field(name="from")
    message: WirePressed | None = None
    data: str = ""


class WireReaction(Struct, frozen=True, kw_only=True):
    """One emoji under a message; custom and paid ones have no `emoji`."""

    emoji: str = ""


class WireReacted(Struct, frozen=True, kw_only=True):
    """A change of somebody's reactions; an anonymous one names no user."""

    chat: WireChat
    message_id: Number
    date: Moment
    user: WireUser | None = None
    old_reaction: tuple[WireReaction, ...] = ()
    new_reaction: tuple[WireReaction, ...] = ()


class WireMember(Struct, frozen=True, kw_only=True):
    """How somebody stands in a chat."""

    status: str


class WireMembership(Struct, frozen=True, kw_only=True):
    """The bot's own standing in a chat has changed."""

    chat: WireChat
    new_chat_member: WireMember


class WireUpdate(Struct, frozen=True, kw_only=True):
    """One event. At most one of the fields is there; none for a kind that we did not ask for."""

    update_id: Annotated[int, Meta(ge=0, le=2**53)]
    message: WireMessage | None = None
    edited_message: WireMessage | None = None
    callback_query: WireCallback | None = None
    message_reaction: WireReacted | None = None
    my_chat_member: WireMembership | None = None


class _Batch(Struct, frozen=True, kw_only=True):
    result: tuple[msgspec.Raw, ...]


_T = TypeVar("_T")
_UPDATE: Final = msgspec.json.Decoder(WireUpdate)
_BATCH: Final = msgspec.json.Decoder(_Batch)


def updates_in(payload: bytes) -> tuple[bytes, ...]:
    """The raw updates of an answer to `getUpdates`. Raises BrokenUpdate when it is no such answer at all."""
    try:
        return tuple(bytes(raw) for raw in _decoded(_BATCH, payload).result)
    except BrokenUpdate:
        return _leniently(payload)  # one bad letter somewhere must not take the others along


def _leniently(payload: bytes) -> tuple[bytes, ...]:
    try:
        answer = json.loads(payload.decode("utf-8", "replace"))
        found = answer["result"] if isinstance(answer, dict) and isinstance(answer.get("result"), list) else None
        if found is not None:
            return tuple(json.dumps(one).encode() for one in found)
    except (ValueError, RecursionError):
        pass
    raise BrokenUpdate(None, "no list of updates")


def update_in(raw: bytes) -> WireUpdate:
    """One update. Raises BrokenUpdate."""
    return _decoded(_UPDATE, raw)


def content_of(raw: bytes) -> frozenset[str]:
    """The names of the fields that an update's message has: to tell a content that is new to us from a notice of Telegram's."""
    try:
        update: Any = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return frozenset()
    message = update.get("message") if isinstance(update, dict) else None
    return frozenset(message) if isinstance(message, dict) else frozenset()


def _decoded(decoder: msgspec.json.Decoder[_T], data: bytes) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        found = _UPDATE_ID.search(data)
        raise BrokenUpdate(int(found[1]) if found else None, type(error).__name__) from None
