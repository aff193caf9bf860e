"""Training files as personal data: which of them hold somebody's rows, and how these get out of them."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

import msgspec

from bot.errors import TrainingError
from bot.subprocesses import started
from bot.types import PersonId
from learning.folder import TrainingFolder, erase, put
from learning.guard import Queued
from learning.remove import files_of

REMOVE_S: Final = 1_800.0
"""How long it may take to write the files of all dates anew: a million rows take some minutes."""
QUEUE: Final = "queue.jsonl"
READINESS: Final = "readiness.json"


class Ledger(Protocol):
    """Whose rows are whose, as the store knows."""

    async def rows_of(self, person: PersonId) -> frozenset[str]:
        """The training rows that are this person's."""

    async def unwilling(self) -> Sequence[PersonId]:
        """Whoever has training rows and does not agree any more."""

    async def withdraw(self, person: PersonId) -> None:
        """Let nothing be known of the person's training rows."""

    async def expired(self) -> frozenset[str]:
        """The training rows whose turns are gone."""

    async def drop_rows(self, rows: Collection[str]) -> None:
        """Let nothing be known of these training rows."""


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
        """Take the person's rows out of every file, and let nothing be known of them.

        A night under way is ended, and begins anew without them. To be called before the store forgets whose turns are whose.
        Raises TrainingError when it has to be tried again.
        """
        async with self.leaving(person):
            pass

    @asynccontextmanager
    async def leaving(self, person: PersonId) -> AsyncIterator[None]:
        """Like `forget`, and no night begins until the end of it. Raises TrainingError."""
        if not self.folder.path.is_dir():
            yield
            return
        async with self.folder.taken_over() as lock:
            await self._take_out(person, lock)
            yield

    async def settle(self) -> int:
        """Take out the rows of everybody who does not agree any more; how many people that were. Raises TrainingError.

        A night under way has perhaps read the words of somebody it knows no row of yet: it begins anew in any case.
        """
        if not self.folder.path.is_dir():
            return 0
        async with self.folder.taken_over() as lock:
            unwilling = await self._ledger.unwilling()
            for person in unwilling:
                await self._take_out(person, lock)
            return len(unwilling)

    async def retire(self) -> int:
        """Take out the rows whose conversations are past their time and erased; how many rows that were.

        Raises TrainingError when it has to be tried again.
        """
        rows = await self._ledger.expired()
        if rows and self.folder.path.is_dir():
            async with self.folder.taken_over() as lock:
                await self._out_of_files(rows, lock, people=0)
                await self._ledger.drop_rows(rows)
        elif rows:
            await self._ledger.drop_rows(rows)
        return len(rows)

    async def _take_out(self, person: PersonId, lock: int) -> None:
        rows = await self._ledger.rows_of(person)
        if rows:
            await self._out_of_files(rows, lock, people=1)
        await self._ledger.withdraw(person)

    async def _out_of_files(self, rows: frozenset[str], lock: int, *, people: int) -> None:
        try:
            await asyncio.to_thread(_leave_out, self.folder.state / QUEUE, rows)
        except OSError as error:
            raise TrainingError(f"the queue for admins cannot be written anew ({error.strerror})") from error
        for export in self.folder.exports():
            await _remove(export, rows, lock, people)

    def _lines(self, rows: frozenset[str]) -> dict[str, dict[str, list[int]]]:
        found: dict[str, dict[str, list[int]]] = {}
        for export in self.folder.exports():
            for places in files_of(export, rows).values():
                for file, line in places:
                    found.setdefault(export.name, {}).setdefault(file, []).append(line)
        return found


async def clear(folder: TrainingFolder) -> None:
    """Erase the files of all dates: the store is of another time now. The next night makes them anew. Raises TrainingError."""
    if folder.path.is_dir():
        async with folder.taken_over():
            await asyncio.to_thread(_erase_all, folder)


def _erase_all(folder: TrainingFolder) -> None:
    for export in folder.exports():
        erase(export)
    if folder.state.exists():
        shutil.rmtree(folder.state)


async def _remove(export: Path, rows: frozenset[str], lock: int, people: int) -> None:
    """In a process of its own: much text is read and written anew, and the bot is not to wait for it.

    So many people go with the rows.

    It has the lock too, and keeps it should this process be killed meanwhile.
    """
    command = (sys.executable, "-m", "learning.remove", str(export), "--people", str(people))
    async with started(*command, pass_fds=(lock,)) as child:
        try:
            async with asyncio.timeout(REMOVE_S):
                _, said = await child.communicate("\n".join(sorted(rows)).encode())
        except TimeoutError:
            raise TrainingError(f"rows could not be taken out of {export.name} within {REMOVE_S:.0f} s") from None
    if child.returncode:
        reason = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise TrainingError(f"rows could not be taken out of {export.name}: {reason or child.returncode}")


def _leave_out(queue: Path, rows: frozenset[str]) -> None:
    """Write the queue for admins anew without what names these rows, and without what cannot be read."""
    if not queue.exists():
        return
    kept = [one for one in read_queue(queue) if not rows & {*one.rows, *one.approves}]
    put(queue, b"".join(msgspec.json.encode(one) + b"\n" for one in kept))


def read_queue(queue: Path) -> list[Queued]:
    """What waits for admins; lines that cannot be read are passed over."""
    found = []
    for line in queue.read_bytes().splitlines() if queue.exists() else ():
        with suppress(msgspec.MsgspecError):
            found.append(msgspec.json.decode(line, type=Queued))
    return found
