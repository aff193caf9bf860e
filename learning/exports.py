"""Training files as personal data: which of them hold somebody's rows, and how these get out of them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from bot.errors import TrainingError
from bot.types import PersonId
from learning.files import settle
from learning.folder import TrainingFolder
from learning.remove import files_of

REMOVE_S: Final = 1_800.0
"""How long it may take to write the files of all dates anew: a million rows take some minutes."""
QUEUE: Final = "queue.jsonl"


class Ledger(Protocol):
    """Whose rows are whose, as the store knows."""

    async def rows_of(self, person: PersonId) -> frozenset[str]:
        """The training rows that are this person's."""

    async def unwilling(self) -> Sequence[PersonId]:
        """Whoever has training rows and does not agree any more."""

    async def withdraw(self, person: PersonId) -> None:
        """Let nothing be known of the person's training rows."""


class Exports:
    """The training files of all dates, as an owner of personal data."""

    name = "training files"

    def __init__(self, folder: TrainingFolder, ledger: Ledger) -> None:
        self.folder, self._ledger = folder, ledger

    async def export(self, person: PersonId) -> object:
        """Where rows of this person are: by date, each file with its lines."""
        rows = await self._ledger.rows_of(person)
        if not rows:
            return {}
        return await asyncio.to_thread(self._lines, rows)

    async def forget(self, person: PersonId) -> None:
        """Take the person's rows out of every file. A night under way is ended, and begins anew without them.

        To be called before the store forgets whose rows they were. Raises TrainingError when it has to be tried again.
        """
        await self._take_out(await self._ledger.rows_of(person))

    async def settle(self) -> int:
        """Take out the rows of everybody who does not agree any more; how many people that were. Raises TrainingError."""
        unwilling = await self._ledger.unwilling()
        for person in unwilling:
            await self._take_out(await self._ledger.rows_of(person))
            await self._ledger.withdraw(person)
        return len(unwilling)

    async def _take_out(self, rows: frozenset[str]) -> None:
        if self.folder.path.is_dir():
            await asyncio.to_thread(self._clear, rows)

    def _clear(self, rows: frozenset[str]) -> None:
        """End a night that may have read these rows, and write the files of all dates anew without them."""
        with self.folder.taken_over():
            shutil.rmtree(self.folder.work, ignore_errors=True)
            settle(self.folder.path)
            if rows:
                _leave_out(self.folder.state / QUEUE, rows)
                for export in self.folder.exports():
                    _remove(export, rows)

    def _lines(self, rows: frozenset[str]) -> dict[str, dict[str, list[int]]]:
        found: dict[str, dict[str, list[int]]] = {}
        for export in self.folder.exports():
            for places in files_of(export, rows).values():
                for file, line in places:
                    found.setdefault(export.name, {}).setdefault(file, []).append(line)
        return found


def _remove(export: Path, rows: frozenset[str]) -> None:
    """In a process of its own: much text is read and written anew, and the bot is not to wait for it."""
    command = (sys.executable, "-m", "learning.remove", str(export), "--people", "1")
    try:
        done = subprocess.run(  # noqa: S603 — our own module, and a path of our own
            command, input="\n".join(sorted(rows)), text=True, capture_output=True, timeout=REMOVE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise TrainingError(f"rows could not be taken out of {export.name} within {REMOVE_S:.0f} s") from None
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise TrainingError(f"rows could not be taken out of {export.name}: {reason or done.returncode}")


def _leave_out(queue: Path, rows: frozenset[str]) -> None:
    """Write the queue for admins anew without what names these rows."""
    if not queue.exists():
        return
    kept = [line for line in queue.read_bytes().splitlines() if not rows & _named(msgspec.json.decode(line))]
    fresh = queue.with_suffix(".partial")
    fresh.write_bytes(b"".join(line + b"\n" for line in kept))
    fresh.replace(queue)


def _named(item: Any) -> frozenset[str]:
    return frozenset(item["rows"])
