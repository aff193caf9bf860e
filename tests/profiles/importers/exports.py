"""Small exports as the programs write them today, made up for the tests: nobody ever wrote these messages."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.memory_types import BadRecord, ImportedRecord
from profiles.importers import Reader

NOON = 1_700_049_600
"""2023-11-15 12:00 UTC."""
HOUR = 3_600
CHANNEL = 174_000_000_000_000_001
FIRST = 1_174_000_000_000_000_000

Json = Mapping[str, Any]


def good(reader: Reader) -> list[ImportedRecord]:
    return [record for record in reader if isinstance(record, ImportedRecord)]


def bad(reader: Reader) -> list[BadRecord]:
    return [record for record in reader if isinstance(record, BadRecord)]


def telegram_message(
    number: int, text: object, *, sender: str = "Ana", peer: object = "user7", at: int = NOON, **more: object
) -> Json:
    """A message as `export_output_json.cpp` writes it."""
    return {
        "id": number,
        "type": "message",
        "date": "2023-11-15T13:00:00",
        "date_unixtime": str(at),
        "from": sender,
        "from_id": peer,
        "text": text,
        "text_entities": [],
        **more,
    }


def telegram_chat(messages: Sequence[object], *, number: int = 7, kind: str = "personal_chat", name: str = "Ana") -> Json:
    return {"name": name, "type": kind, "id": number, "messages": messages}


def telegram_account(chats: Sequence[object], *, user: int = 5, left: Sequence[object] = ()) -> Json:
    """A whole account's `result.json`."""
    return {
        "about": "Here is the data you requested.",
        "personal_information": {"user_id": user, "first_name": "Yo", "phone_number": "+00 000", "bio": ""},
        "profile_pictures": [],
        "contacts": {"about": "…", "list": [{"user_id": 7, "first_name": "Ana"}]},
        "chats": {"about": "…", "list": chats},
        "left_chats": {"about": "…", "list": left},
    }


def written(path: Path, content: object) -> Path:
    """`content` as JSON, indented by one space as Telegram does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    return path


def discord_row(number: int, text: str, *, at: str = "2023-11-15 12:00:00") -> Json:
    return {"ID": FIRST + number, "Timestamp": at, "Contents": text, "Attachments": ""}


def discord_package(folder: Path, rows: Iterable[object], *, messages: str = "Mensajes", channel: int = CHANNEL) -> Path:
    """A data package with one channel, its folder named in the person's language."""
    written(folder / messages / "index.json", {str(channel): "Direct Message with nobody#0"})
    written(folder / messages / f"c{channel}" / "channel.json", {"id": str(channel), "type": "DM", "recipients": []})
    written(folder / messages / f"c{channel}" / "messages.json", list(rows))
    written(folder / "Cuenta" / "user.json", {"id": "1"})
    return folder


def discord_csv(rows: Iterable[Sequence[object]]) -> str:
    """A `messages.csv` of packages before 2024."""
    text = io.StringIO()
    csv.writer(text).writerows([("ID", "Timestamp", "Contents", "Attachments"), *rows])
    return text.getvalue()


def chatgpt_node(name: str, parent: str | None, role: str, *parts: object, **more: object) -> tuple[str, Json]:
    """A node of a conversation's tree with its message."""
    message = {
        "id": name,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": float(NOON),
        "update_time": None,
        "content": {"content_type": "text", "parts": list(parts)},
        "status": "finished_successfully",
        "end_turn": None,
        "weight": 1.0,
        "metadata": {},
        "recipient": "all",
        **more,
    }
    return name, {"id": name, "message": message, "parent": parent, "children": []}


def chatgpt_conversation(name: str, nodes: Sequence[tuple[str, object]], current: str | None = None) -> Json:
    root: Json = {"id": "root", "message": None, "parent": None, "children": []}
    return {
        "title": "A title",
        "create_time": float(NOON),
        "update_time": float(NOON),
        "mapping": {"root": root, **dict(nodes)},
        "current_node": current or nodes[-1][0],
        "conversation_id": name,
        "id": name,
    }


def zipped(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path
