"""Updates in Telegram's real shapes, to be changed by a test as it likes."""

from __future__ import annotations

import json
from typing import Any

from bot.channels.telegram.events import Event, Reader, Self
from tests.channels.telegram.house import ADMIN, SECRET
from tests.fakes import NOON

ME = Self(id=777, username="Martin_Bot")
READER = Reader(ME, secret=SECRET, admins=(ADMIN,))
ANA: dict[str, Any] = {
    "id": 1001,
    "is_bot": False,
    "first_name": "Ana",
    "username": "ana",
    "language_code": "es",
    "is_premium": True,
}
MARTIN: dict[str, Any] = {"id": 777, "is_bot": True, "first_name": "Martín", "username": "martin_bot"}
PRIVATE: dict[str, Any] = {"id": 1001, "type": "private", "first_name": "Ana", "username": "ana"}
GROUP: dict[str, Any] = {"id": -1001234567890, "type": "supergroup", "title": "Friends", "is_forum": True}


def message(
    text: str | None = "hola", *, chat: dict[str, Any] = PRIVATE, sender: dict[str, Any] | None = ANA, **fields: Any
) -> dict[str, Any]:
    """A message of Ana's; None takes a field away."""
    body = {"message_id": 5, "date": 1_795_000_000, "chat": chat, "from": sender, "text": text} | fields
    return {name: value for name, value in body.items() if value is not None}


def entity(text: str, part: str, kind: str, **more: Any) -> dict[str, Any]:
    """A mark on the first place where `part` stands, counted as Telegram counts."""
    start = len(text[: text.index(part)].encode("utf-16-le")) // 2
    return {"type": kind, "offset": start, "length": len(part.encode("utf-16-le")) // 2} | more


def raw(kind: str, body: object, *, update_id: int = 9) -> bytes:
    """The update as it comes over the wire."""
    return json.dumps({"update_id": update_id, kind: body}).encode()


def read(kind: str, body: object, *, update_id: int = 9) -> Event:
    """What the reader makes of it."""
    return READER.read(raw(kind, body, update_id=update_id), NOON)
