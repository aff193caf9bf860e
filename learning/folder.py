"""The folder of training files: one folder for each date, what the next night needs, and one owner at a time."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Final

from bot.errors import TrainingBusy, TrainingError
from learning.files import MANIFEST_FILE, settle

STOP_WITHIN_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.05


class TrainingFolder:
    """The paths of a training folder, and who may change what is in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.work = path / "work"
        """What a night that is not done has got so far; its words end with it."""
        self.state = path / "state"
        """What the next night and the admins need: topics, the readiness report, the queue."""
        self._lock = path / "night.lock"

    def export(self, night: date) -> Path:
        """The folder of that date's files."""
        return self.path / night.isoformat()

    def exports(self) -> list[Path]:
        """The folders of dates that are there, oldest first; one without a manifest is none."""
        if not self.path.is_dir():
            return []
        return sorted(one for one in self.path.iterdir() if _is_date(one.name) and (one / MANIFEST_FILE).is_file())

    def keep(self, most: int, made: Path) -> None:
        """Erase all but the newest so many dates, never the one that was just made."""
        for old in self.exports()[:-most]:
            if old != made:
                erase(old)

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the only one to change what is in it. Raises TrainingBusy at once while another night is under way."""
        descriptor = self.take()
        if descriptor is None:
            raise TrainingBusy("another night is under way in this folder: wait until it has ended")
        try:
            yield
        finally:
            os.close(descriptor)

    @asynccontextmanager
    async def taken_over(self) -> AsyncIterator[int]:
        """Be the only one, ending a night that is under way: it begins anew later, and what it had so far is erased.

        Gives the descriptor of the lock, which holds as long as a process has it open. Raises TrainingBusy when that night
        will not end, TrainingError when the folder cannot be used.
        """
        until = time.monotonic() + STOP_WITHIN_S
        while (descriptor := self.take()) is None:
            if time.monotonic() > until:
                raise TrainingBusy("a night is under way and does not stop")
            self._stop()
            await asyncio.sleep(_LOOK_EVERY_S)
        try:
            await asyncio.to_thread(self._erase_halves)
            yield descriptor
        finally:
            os.close(descriptor)

    def take(self) -> int | None:
        """The lock, as a descriptor to close; None while somebody else has it. Raises TrainingError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise TrainingError(f"the folder of training files cannot be used ({error.strerror}): {self.path}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        return descriptor

    def _erase_halves(self) -> None:
        """Leave nothing of a night that was ended, or killed while it wrote."""
        try:
            settle(self.path)
            if self.work.exists():
                shutil.rmtree(self.work)
            for half in self.state.glob("*.partial"):
                half.unlink()
        except OSError as error:
            raise TrainingError(f"what a night left in {self.path} cannot be erased ({error.strerror})") from error

    def _stop(self) -> None:
        """Ask the holder to end: whoever wrote the number has the lock as long as it lives."""
        with suppress(OSError):
            holder = self._lock.read_text().strip()
            if holder.isdigit() and int(holder) != os.getpid():
                os.kill(int(holder), signal.SIGTERM)


def put(file: Path, content: bytes) -> None:
    """Let a small file have this content, whole or not at all."""
    fresh = file.with_name(f"{file.name}.partial")
    fresh.write_bytes(content)
    fresh.replace(file)


def erase(export: Path) -> None:
    """Take a date's folder away, so that a kill leaves it whole or gone."""
    aside = export.with_name(f".{export.name}.old")
    shutil.rmtree(aside, ignore_errors=True)
    export.rename(aside)
    shutil.rmtree(aside)


def _is_date(name: str) -> bool:
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return len(name) == len("2026-11-20")
