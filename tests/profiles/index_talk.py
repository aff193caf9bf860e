"""What tests of the index need: an index on a folder, people with vectors, and where bytes are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bot.system import SystemClock
from bot.types import AddressId, PersonId, Scope
from profiles.child import Patience
from profiles.index import ChromaIndex

if TYPE_CHECKING:
    from bot.memory_ports import Vectors

SECRET = bytes(range(32))
ANA, BEN = PersonId("ana"), PersonId("ben")
PRIVATE, GROUP = Scope(), Scope(group=AddressId("a group"))
DIMENSION = 48
QUICK = Patience(first_pause_s=0.01, longest_pause_s=0.1, silent_s=6.0, look_s=0.2)
OPEN_S = 60.0


def vectors(count: int, seed: int, dimension: int = DIMENSION) -> Vectors:
    """Unit-length rows that are the same for the same seed."""
    rows = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def ids(count: int, label: str) -> list[str]:
    return [f"{label}-{number:06}" for number in range(count)]


def exact(rows: Vectors, names: list[str], vector: Vectors, limit: int) -> list[str]:
    """The ids of the nearest rows, computed in full."""
    return [names[row] for row in np.argsort(-(rows @ vector), kind="stable")[:limit]]


def new_index(folder: Path, *, embedder: str = "hash-1", server: str = "", check_every_s: float = 3_600) -> ChromaIndex:
    return ChromaIndex(
        folder=folder,
        secret=SECRET,
        embedder=embedder,
        clock=SystemClock(),
        server=server,
        patience=QUICK,
        check_every_s=check_every_s,
    )


@asynccontextmanager
async def opened(
    folder: Path, *, embedder: str = "hash-1", server: str = "", check_every_s: float = 3_600
) -> AsyncIterator[ChromaIndex]:
    """An index that is open, complete or not."""
    index = new_index(folder, embedder=embedder, server=server, check_every_s=check_every_s)
    index.start()
    try:
        await index.wait_open(OPEN_S)
        yield index
    finally:
        await index.aclose()


async def finish(index: ChromaIndex) -> None:
    """All is in."""
    if index.rebuild is not None:
        await index.rebuilt(index.rebuild)


def where(folder: Path, patterns: Mapping[str, bytes]) -> dict[str, list[str]]:
    """The files below a folder that hold each pattern, for those that any holds."""
    files = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    found = {
        name: [str(file.relative_to(folder)) for file, content in files.items() if pattern in content]
        for name, pattern in patterns.items()
    }
    return {name: places for name, places in found.items() if places}


def patterns(names: Iterable[str], rows: Vectors) -> dict[str, bytes]:
    """Ids and the first numbers of vectors, as they would stand in a file."""
    found = {name: name.encode() for name in names}
    return found | {f"row {row}": numbers[:8].tobytes() for row, numbers in enumerate(rows)}
