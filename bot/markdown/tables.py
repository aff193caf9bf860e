"""Tables drawn with letters of one width. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

WIDEST: Final = 40
"""A column is padded to at most this many letters: one long cell is not to push the others off the screen."""


def drawn(rows: Sequence[Sequence[str]]) -> str:
    """The rows below one another with aligned columns, the first one as head; empty for no rows."""
    if not rows:
        return ""
    columns = max(len(row) for row in rows)
    full = [[*row, *[""] * (columns - len(row))] for row in rows]
    widths = [min(WIDEST, max(width(row[column]) for row in full)) for column in range(columns)]
    lines = [" │ ".join(_padded(cell, wide) for cell, wide in zip(row, widths, strict=True)).rstrip() for row in full]
    lines.insert(1, "─┼─".join("─" * wide for wide in widths))
    return "\n".join(lines)


def width(text: str) -> int:
    """How many columns a text takes in type of one width."""
    return sum(
        0
        if unicodedata.category(letter) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(letter) in ("W", "F")
        else 1
        for letter in text
    )


def _padded(cell: str, wide: int) -> str:
    return cell + " " * max(0, wide - width(cell))
