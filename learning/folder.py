"""The folder of training files: one folder for each date, what the next night needs, and one owner at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final

from bot.errors import TrainingBusy

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
        """The folders of dates that are there, oldest first."""
        if not self.path.is_dir():
            return []
        return sorted(one for one in self.path.iterdir() if one.is_dir() and _is_date(one.name))

    def keep(self, most: int) -> None:
        """Erase all but the newest so many dates."""
        for old in self.exports()[:-most]:
            shutil.rmtree(old)

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the only one to change what is in it. Raises TrainingBusy at once while another night is under way."""
        with self._locked() as descriptor:
            if descriptor is None:
                raise TrainingBusy("another night is under way in this folder: wait until it has ended")
            yield

    @contextmanager
    def taken_over(self) -> Iterator[None]:
        """Be the only one, ending a night that is under way: it begins anew later. Raises TrainingBusy when it will not end."""
        until = time.monotonic() + STOP_WITHIN_S
        while time.monotonic() < until:
            with self._locked() as descriptor:
                if descriptor is not None:
                    yield
                    return
            self._stop()
            time.sleep(_LOOK_EVERY_S)
        raise TrainingBusy("a night is under way and does not stop")

    @contextmanager
    def _locked(self) -> Iterator[int | None]:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield descriptor
        finally:
            os.close(descriptor)

    def _stop(self) -> None:
        """Ask the holder to end: whoever wrote the number has the lock as long as it lives."""
        holder = self._lock.read_text().strip()
        if holder.isdigit() and int(holder) != os.getpid():
            try:
                os.kill(int(holder), signal.SIGTERM)
            except ProcessLookupError:
                return


def _is_date(name: str) -> bool:
    try:
        date.fromisoformat(name)
    except ValueError:
        return False
    return len(name) == len("2026-11-20")
