"""The folder that Chroma's files lie in: who owns it, whether its files are what Chroma wrote, and that nothing is left in it.

Chroma does not look at the files it loads (damaged ones were seen to end the process or to lose vectors in silence), and leaves
the files of deleted collections where they are. Both are seen to here. Nothing in the folder is worth keeping: all is in SQL.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final
from uuid import UUID

import msgspec

from bot.errors import IndexUnavailable
from profiles.child_process import ProcessSpent

DATABASE: Final = "chroma.sqlite3"
_SEAL: Final = "martin.seal"
_UNSTEADY_STARTS: Final = 6
"""So many starts in a row without a steady life in between, and the files are taken to be the reason."""

_Stamp = tuple[int, int]


class IndexDamaged(ProcessSpent):
    """The index's files are not what was put in; they were erased, an empty index is in their place."""


class Tidying(msgspec.Struct, frozen=True):
    """Collections that still hold vectors that were taken out, the one being written anew, and whether a vacuum is due."""

    names: list[str] = []
    now: str = ""
    unclean: bool = False


class ChromaFiles:
    """`folder` and what is in it: `chroma` (Chroma's own), the lock, and small notes. One owner at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.chroma = folder / "chroma"
        self._damaged = folder / "damaged"
        self._starts = folder / "starts"
        self._tidying = folder / "tidying.json"
        self._lock: int | None = None
        self._stamps: dict[str, dict[str, _Stamp]] = {}

    def own(self) -> None:
        """Become the only owner until the process ends. Raises IndexUnavailable when another one is."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise IndexUnavailable("another process has the index open") from None
        self._lock = lock
        shutil.rmtree(self._damaged, ignore_errors=True)
        self.chroma.mkdir(mode=0o700, exist_ok=True)

    def count_start(self) -> None:
        """Count the starts since the last steady life. Raises IndexDamaged after too many: it must be the files."""
        try:
            starts = int(self._starts.read_text()) + 1
        except (OSError, ValueError):
            starts = 1
        self._starts.write_text(str(starts % _UNSTEADY_STARTS))
        if starts >= _UNSTEADY_STARTS:
            raise IndexDamaged(f"{starts} starts in a row that did not last")

    def steady(self) -> None:
        """This life is a steady one."""
        self._starts.unlink(missing_ok=True)

    def erase(self) -> None:
        """Put an empty folder in place of Chroma's. The damaged one is not kept: people who are forgotten may be in it."""
        shutil.rmtree(self._damaged, ignore_errors=True)
        if self.chroma.exists():
            self.chroma.rename(self._damaged)
        self.chroma.mkdir(mode=0o700, parents=True)
        shutil.rmtree(self._damaged, ignore_errors=True)
        self._tidying.unlink(missing_ok=True)
        self._stamps.clear()

    def check_database(self, *, is_open: bool = False) -> None:
        """Raises IndexDamaged when SQLite finds its file broken, or there is none where it is open or has vectors beside it."""
        if not (self.chroma / DATABASE).exists():
            if is_open or any(self.chroma.iterdir()):
                raise IndexDamaged("the database is gone")
            return
        with self._reading() as database:
            found = database.execute("PRAGMA quick_check(1)").fetchone()
            if found != ("ok",):
                raise IndexDamaged("the database fails SQLite's check")

    def names(self, prefix: str) -> list[str]:
        """The names of collections that begin so."""
        with self._reading() as database:
            found = database.execute("SELECT name FROM collections WHERE substr(name, 1, ?) = ?", (len(prefix), prefix))
            return [str(name) for (name,) in found]

    def segment(self, collection: UUID) -> str:
        """The name of the folder of a collection's vectors. Raises IndexDamaged when the database knows none."""
        with self._reading() as database:
            found = database.execute(
                "SELECT id FROM segments WHERE collection = ? AND scope = 'VECTOR'", (str(collection),)
            ).fetchall()
        if len(found) != 1:
            raise IndexDamaged("a collection without vectors")
        return str(found[0][0])

    def count(self, collection: UUID) -> int:
        """How many vectors a collection has: Chroma's own count would load its index for that."""
        with self._reading() as database:
            found = database.execute(
                "SELECT COUNT(*) FROM embeddings JOIN segments ON segments.id = segment_id"
                " WHERE collection = ? AND scope = 'METADATA'",
                (str(collection),),
            ).fetchone()
        return int(found[0])

    def check(self, segment: str) -> None:
        """Raises IndexDamaged unless a collection's files are those that were sealed."""
        with self._reading() as database:
            written = database.execute("SELECT 1 FROM max_seq_id WHERE segment_id = ?", (segment,)).fetchone()
        folder = self.chroma / segment
        try:
            sealed = msgspec.json.decode((folder / _SEAL).read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            sealed = {}
        except (OSError, msgspec.DecodeError) as error:
            raise IndexDamaged("a seal cannot be read") from error
        if written and not sealed:
            raise IndexDamaged("the files of vectors are gone")
        if sealed != {file.name: _digest(file) for file in _files(folder)}:
            raise IndexDamaged("files of vectors are not as they were written")
        self._stamps[segment] = _stamps(folder)

    def look(self, segment: str) -> None:
        """Check a collection's files again when their times or sizes changed behind our back. Raises IndexDamaged."""
        if _stamps(self.chroma / segment) != self._stamps.get(segment, {}):
            self.check(segment)

    def seal(self, segment: str) -> None:
        """Take note of a collection's files where they have changed, which their times and sizes tell at no cost."""
        folder = self.chroma / segment
        stamps = _stamps(folder)
        if stamps == self._stamps.get(segment, {}):
            return
        fresh = folder / f"{_SEAL}.partial"
        fresh.write_bytes(msgspec.json.encode({file.name: _digest(file) for file in _files(folder)}))
        fresh.replace(folder / _SEAL)
        self._stamps[segment] = stamps

    def erase_orphans(self) -> None:
        """Erase the folders of collections that are no more: Chroma leaves them there."""
        with self._reading() as database:
            alive = {str(segment) for (segment,) in database.execute("SELECT id FROM segments")}
        for folder in self.chroma.iterdir():
            if folder.is_dir() and folder.name not in alive:
                shutil.rmtree(folder)
                self._stamps.pop(folder.name, None)

    def vacuum(self) -> None:
        """Write the database anew, so that no byte is left of what was deleted from it.

        `chroma vacuum` does this too, but loads every collection before: 4 MB for each, which is not given back.
        """
        with self._reading() as database:
            database.execute("DELETE FROM embeddings_queue WHERE substr(topic, -36) NOT IN (SELECT id FROM collections)")
            database.commit()
            database.execute("VACUUM")

    def add_indexes(self) -> None:
        """Give Chroma's tables the indexes that they lack: or each of its calls reads what is there of everybody."""
        with self._reading() as database:
            for table, column in (("embeddings_queue", "topic"), ("segments", "collection")):
                database.execute(f"CREATE INDEX IF NOT EXISTS martin_{table}_{column} ON {table} ({column})")
            database.commit()

    def tidying(self) -> Tidying:
        """What is still to be tidied."""
        try:
            return msgspec.json.decode(self._tidying.read_bytes(), type=Tidying)
        except (OSError, msgspec.DecodeError):
            return Tidying()

    def note(self, *, names: list[str] | None = None, now: str | None = None, unclean: bool | None = None) -> None:
        """Keep what has changed of what is still to be tidied."""
        before = self.tidying()
        after = Tidying(
            names=before.names if names is None else names,
            now=before.now if now is None else now,
            unclean=before.unclean if unclean is None else unclean,
        )
        fresh = self._tidying.with_suffix(".partial")
        fresh.write_bytes(msgspec.json.encode(after))
        fresh.replace(self._tidying)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Read Chroma's database beside it. Nothing else of this process uses it meanwhile: calls come one at a time.

        Not opened read-only: after a kill SQLite rolls back what was half written, and for that it writes.
        """
        database = None
        try:
            database = sqlite3.connect(f"{(self.chroma / DATABASE).absolute().as_uri()}?mode=rw", uri=True)
            yield database
        except sqlite3.Error as error:
            raise IndexDamaged("the database cannot be read") from error
        finally:
            if database is not None:
                database.close()


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith(_SEAL))


def _stamps(folder: Path) -> dict[str, _Stamp]:
    """Times and sizes, asked for around every call: so without the comfort of paths, in 20 µs."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries if not entry.name.startswith(_SEAL)]
    except FileNotFoundError:
        return {}
    return {name: (stat.st_mtime_ns, stat.st_size) for name, stat in found}


def _digest(file: Path) -> str:
    return blake2b(file.read_bytes(), digest_size=16).hexdigest()
