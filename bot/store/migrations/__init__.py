"""The revisions of the schema, oldest first; `versions/` holds the steps. Importing this imports no Alembic."""

from __future__ import annotations

from pathlib import Path

REVISIONS: tuple[str, ...] = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
FOLDER = Path(__file__).parent
