"""What a night has done so far: a file for each step, whole or not there, so that a night that was killed goes on after it."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from learning.records import Drop, Dropped, Rows

T = TypeVar("T")

_BUFFER: Final = 1 << 20
_TOLD: Final = 1_000
_encoder: Final = msgspec.json.Encoder()


class Work:
    """The folder of one night's steps. One that is of another night or order is begun anew."""

    def __init__(self, folder: Path, order: bytes) -> None:
        """`order` is what the night was told: as long as it is the same, steps that are done stay done."""
        self.folder = folder
        mark = folder / "order.json"
        if not mark.exists() or mark.read_bytes() != order:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700, parents=True)
            _place(mark, [order])
        for half in folder.glob("*.partial"):
            shutil.rmtree(half) if half.is_dir() else half.unlink()

    def is_done(self, step: str) -> bool:
        """Whether the step's rows are all there."""
        return self._file(step).exists()

    def step(self, name: str, make: Callable[[Drop], Iterable[object]], seen: Callable[[int], None]) -> None:
        """Write the rows that `make` gives, and those that it drops; nothing when that is done already.

        `seen` is told from time to time how many rows there are.
        """
        if self.is_done(name):
            return
        dropped: list[Dropped] = []
        half = _written(self._file(name), _lines(make(dropped.append), seen))
        _place(self._file(f"{name}-dropped"), (_encoder.encode(one) + b"\n" for one in dropped))
        half.replace(self._file(name))

    async def collect(
        self, name: str, beside: str, found: AsyncIterator[tuple[object, object]], seen: Callable[[int], None]
    ) -> None:
        """Write the rows that come in, and what belongs to each of them into a file `beside`."""
        number = 0
        first, second = _half(self._file(name)), _half(self._file(beside))
        with first.open("wb", buffering=_BUFFER) as rows, second.open("wb", buffering=_BUFFER) as others:
            async for row, other in found:
                rows.write(_encoder.encode(row) + b"\n")
                others.write(_encoder.encode(other) + b"\n")
                number += 1
                if not number % _TOLD:
                    seen(number)
            for file in (rows, others):
                file.flush()
                os.fsync(file.fileno())
        second.replace(self._file(beside))
        first.replace(self._file(name))

    def rows(self, step: str, kind: type[T]) -> Rows[T]:
        """A way to go through a step's rows as often as one likes."""

        def passing() -> Iterator[T]:
            decode = msgspec.json.Decoder(kind).decode
            with self._file(step).open("rb", buffering=_BUFFER) as file:
                for line in file:
                    yield decode(line)

        return passing

    def dropped(self, *steps: str) -> Rows[Dropped]:
        """What these steps dropped, step by step."""

        def passing() -> Iterator[Dropped]:
            for step in steps:
                yield from self.rows(f"{step}-dropped", Dropped)()

        return passing

    def keep(self, name: str, what: object) -> None:
        """Keep one record, whole."""
        _place(self._record(name), [_encoder.encode(what)])

    def kept(self, name: str, kind: type[T]) -> T | None:
        """The record of that name; None when there is none yet."""
        file = self._record(name)
        return msgspec.json.decode(file.read_bytes(), type=kind) if file.exists() else None

    def end(self) -> None:
        """Erase all of it: it holds people's words."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _file(self, step: str) -> Path:
        return self.folder / f"{step}.jsonl"

    def _record(self, name: str) -> Path:
        return self.folder / f"{name}.json"


def _lines(rows: Iterable[object], seen: Callable[[int], None]) -> Iterator[bytes]:
    for number, row in enumerate(rows, 1):
        yield _encoder.encode(row) + b"\n"
        if not number % _TOLD:
            seen(number)


def _place(file: Path, parts: Iterable[bytes]) -> None:
    _written(file, parts).replace(file)


def _written(file: Path, parts: Iterable[bytes]) -> Path:
    """All of it on the disk, under a name that says it is not to be taken for the file yet."""
    half = _half(file)
    with half.open("wb", buffering=_BUFFER) as writing:
        for part in parts:
            writing.write(part)
        writing.flush()
        os.fsync(writing.fileno())
    return half


def _half(file: Path) -> Path:
    return file.with_name(f"{file.name}.partial")
