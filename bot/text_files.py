"""Which files that come with a message are read, and how their text stands in it, the same on every platform; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bot.types import IncomingMessage

READABLE_BYTES: Final = 256 * 1024
"""The largest text file that is read."""
_NAMES: Final = (".md", ".markdown", ".txt", ".text")


def is_readable(name: str, media_type: str, size: int) -> bool:
    """Whether a file is a text of a size that is read."""
    is_text = media_type.lower().startswith("text/") or name.lower().endswith(_NAMES)
    return is_text and 0 < size <= READABLE_BYTES


def with_file(message: IncomingMessage, name: str, content: str) -> IncomingMessage:
    """The message with a text file below its text, quoted, under the file's name."""
    quoted = "\n".join(f"> {line}".rstrip() for line in content.strip().splitlines())
    block = f"📄 {name}\n{quoted}"
    return replace(message, text=f"{message.text}\n\n{block}" if message.text else block)
