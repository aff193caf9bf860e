"""Who was forgotten, as keyed hashes in a file apart from the database: so that no restored backup brings anybody back."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from bot.errors import StoreDamaged, StoreFull
from bot.store.folder import sync_folder
from bot.store.keys import Keys


class _Line(msgspec.Struct):
    identity: str
    at: datetime


_encode = msgspec.json.Encoder().encode
_lines = msgspec.json.Decoder(_Line)


class Tombstones:
    """One line of JSON per forgotten identity: its keyed hash and when. A line is on disk before anything is erased."""

    def __init__(self, path: Path, keys: Keys) -> None:
        self._path, self._keys = path, keys

    async def add(self, identities: Sequence[tuple[str, str]], at: datetime) -> None:
        """Put these (channel, user) pairs on disk, or raise StoreFull."""
        lines = b"".join(_encode(_Line(self._keys.identity(*identity), at)) + b"\n" for identity in identities)
        if lines:
            await asyncio.to_thread(self._append, lines)

    async def read(self) -> Mapping[str, datetime]:
        """When each identity (by its keyed hash) was last forgotten. Raises StoreDamaged for lines that make no sense."""
        return await asyncio.to_thread(self._read)

    def _append(self, lines: bytes) -> None:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.lseek(descriptor, _end_of_lines(descriptor), os.SEEK_SET)
                _write(descriptor, lines)
                os.ftruncate(descriptor, os.lseek(descriptor, 0, os.SEEK_CUR))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            sync_folder(self._path.parent)
        except OSError as error:
            raise StoreFull(f"tombstones cannot be written: {error.strerror}; nothing was erased") from error

    def _read(self) -> Mapping[str, datetime]:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        latest: dict[str, datetime] = {}
        for number, line in enumerate(content.split(b"\n")[:-1], start=1):  # a torn last line was never promised to anybody
            try:
                found = _lines.decode(line)
            except msgspec.MsgspecError as error:
                raise StoreDamaged(
                    f"line {number} of {self._path.name!r} makes no sense: put the file back from a copy. "
                    "Without it erased people could come back from backups"
                ) from error
            latest[found.identity] = max(found.at, latest.get(found.identity, found.at))
        return latest


def _end_of_lines(descriptor: int) -> int:
    """Where the last whole line ends: a crash may have torn the one after it."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    tail = os.pread(descriptor, min(end, 4096), max(0, end - 4096))
    return end - len(tail) + tail.rfind(b"\n") + 1


def _write(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
