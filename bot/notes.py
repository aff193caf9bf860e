"""What is said below an answer without being part of it; pure."""

from __future__ import annotations

import re

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})(.*)$", re.MULTILINE)


def with_note(text: str, note: str) -> str:
    """The answer with the note below it. A code block that the answer left open is closed first: it would swallow the note."""
    return f"{_closed(text)}\n\n{note}" if note else text


def _closed(text: str) -> str:
    """The text with its last code block closed (CommonMark 0.31, section 4.5)."""
    fence = ""
    for found in _FENCE.finditer(text):
        marks, rest = found.groups()
        if not fence:
            fence = marks if "`" not in rest or marks[0] == "~" else ""
        elif marks[0] == fence[0] and len(marks) >= len(fence) and not rest.strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text
