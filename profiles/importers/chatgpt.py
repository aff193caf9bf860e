"""ChatGPT's data export as records: `conversations.json`, or the numbered `conversations-000.json` … of large accounts.

Each conversation is a tree: editing or regenerating begins a branch. What counts is the branch that was shown last, from
`current_node` up to the root. What the system, tools and hidden messages say is no record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from bot.memory_types import SELF, ImportedRecord
from profiles.importers.common import Records, cleaned, moment
from profiles.importers.faults import Fault, Unreadable, Wrong
from profiles.importers.json_stream import JsonStream, NotJson, decoded
from profiles.importers.sources import Files, Part

NAME: Final = "ChatGPT"
"""`said_by` of the answers."""
MAX_CONVERSATION: Final = 33_554_432
MAX_ID: Final = 100
NAMED: Final = re.compile(r"(?:.*/)?conversations(?:-\d{1,6})?\.json", re.IGNORECASE | re.DOTALL)
_SPOKEN: Final = ("text", "multimodal_text")
_SIDES: Final = ("user", "assistant")


class _Conversation(msgspec.Struct, frozen=True):
    mapping: dict[str, msgspec.Raw]
    id: object = None
    conversation_id: object = None
    create_time: object = None
    current_node: object = None


class _Node(msgspec.Struct, frozen=True):
    message: msgspec.Raw = msgspec.Raw(b"null")
    parent: object = None


class _Author(msgspec.Struct, frozen=True):
    role: str


class _Content(msgspec.Struct, frozen=True):
    content_type: object = "text"
    parts: list[object] = []


class _Marks(msgspec.Struct, frozen=True):
    is_visually_hidden_from_conversation: object = None
    is_user_system_message: object = None


class _Message(msgspec.Struct, frozen=True):
    author: _Author
    id: object = None
    create_time: object = None
    content: _Content | None = None
    recipient: object = None
    metadata: _Marks | None = None


_CONVERSATION: Final = msgspec.json.Decoder(_Conversation)
_NODE: Final = msgspec.json.Decoder(_Node)
_MESSAGE: Final = msgspec.json.Decoder(_Message | None)


def records(files: Files, parts: Sequence[Part], *, language: str) -> Records:
    """The messages of both sides, conversation by conversation in the order of the file, each from its beginning."""
    known: set[int] = set()
    for part in parts:
        wrong = Wrong(language, cleaned(part.name, 120) if len(parts) > 1 else "")
        line = 1
        try:
            with files.reading(part) as read:
                json = JsonStream(read)
                for line in json.elements():
                    yield from _conversation(json.raw(MAX_CONVERSATION), line, known, wrong)
        except (NotJson, Unreadable) as error:
            yield wrong.end(line, error)


def _conversation(raw: bytes | None, line: int, known: set[int], wrong: Wrong) -> Records:
    if raw is None:
        yield wrong(line, Fault.SIZE)
        return
    try:
        conversation = decoded(raw, _CONVERSATION)
    except ValueError as error:
        yield wrong(line, error)
        return
    name = _id(conversation.conversation_id) or _id(conversation.id)
    if not name:
        yield wrong(line, Fault.ID)
    elif hash(name) in known:
        yield wrong(line, Fault.TWICE)
    else:
        known.add(hash(name))
        yield from _said(conversation, name, line, wrong)


def _said(conversation: _Conversation, name: str, line: int, wrong: Wrong) -> Records:
    """The messages of the branch that was shown last."""
    position = 0
    told: set[str] = set()
    at = _moment(conversation.create_time)
    for node_id, node in _branch(conversation):
        if isinstance(node, ValueError):
            yield wrong(line, node)
            continue
        try:
            message = decoded(bytes(node.message), _MESSAGE)
        except ValueError as error:
            yield wrong(line, error)
            continue
        text = cleaned(_text(message)) if message else ""
        if message is None or not text:
            continue
        at = _moment(message.create_time) or at
        message_id = _id(message.id) or _id(node_id)
        if at is None:
            yield wrong(line, Fault.TIME)
        elif not message_id:
            yield wrong(line, Fault.ID)
        elif message_id in told:
            yield wrong(line, Fault.TWICE)
        else:
            told.add(message_id)
            is_own = message.author.role == "user"
            yield ImportedRecord(
                key=f"chatgpt:{name}:{message_id}",
                text=text,
                said_by=SELF if is_own else NAME,
                is_own=is_own,
                said_at=at,
                session=f"chatgpt:{name}",
                position=position,
                line=line,
            )
            position += 1


def _branch(conversation: _Conversation) -> Iterator[tuple[str, _Node | ValueError]]:
    """The nodes from the root to the current one; a node that cannot be read ends the way up, and comes first."""
    nodes = conversation.mapping
    current = conversation.current_node
    place: object = current if isinstance(current, str) and current in nodes else _last_leaf(nodes)
    way: list[tuple[str, _Node | ValueError]] = []
    passed: set[str] = set()
    while isinstance(place, str) and place in nodes and place not in passed:
        passed.add(place)
        try:
            node = decoded(bytes(nodes[place]), _NODE)
        except ValueError as error:
            way.append((place, error))
            break
        way.append((place, node))
        place = node.parent
    return reversed(way)


def _last_leaf(nodes: dict[str, msgspec.Raw]) -> str | None:
    """The last node that no other goes on from, for a conversation that names no current one."""
    parents: set[object] = set()
    for raw in nodes.values():
        try:
            parent = decoded(bytes(raw), _NODE).parent
        except ValueError:
            continue
        parents.add(parent if isinstance(parent, str) else None)
    return next((name for name in reversed(nodes) if name not in parents), None)


def _text(message: _Message) -> str:
    """What was said where both sides see it; spoken words count, pictures and files do not."""
    content, marks = message.content, message.metadata
    is_hidden = marks is not None and bool(marks.is_visually_hidden_from_conversation or marks.is_user_system_message)
    is_seen = message.author.role in _SIDES and message.recipient in (None, "all") and not is_hidden
    if content is None or not is_seen or content.content_type not in _SPOKEN:
        return ""
    pieces = (piece.get("text") if isinstance(piece, dict) else piece for piece in content.parts)
    return "\n".join(piece for piece in pieces if isinstance(piece, str) and piece)


def _id(value: object) -> str:
    """An id that can be part of a key: not empty, not long, without controls."""
    return value if isinstance(value, str) and len(value) <= MAX_ID and cleaned(value) == value else ""


def _moment(value: object) -> datetime | None:
    try:
        return moment(value)
    except ValueError:
        return None
