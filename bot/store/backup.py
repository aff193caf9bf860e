"""Copies of the database that are known to work before they count, and the way back from one."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.errors import BackupError, DataFolderLocked, StoreError
from bot.ports import Clock
from bot.store.check import count_rows, find_faults, in_thread, is_in_wal_mode, open_file, revision_of
from bot.store.folder import DataFolder, FolderLock, sync_folder
from bot.store.migrations import REVISIONS

_NIGHTLY = re.compile(r"martin-(\d{4}-\d{2}-\d{2})\.db")
_ASIDE = re.compile(r"martin-before-.*-(\d{8})T\d{6}Z(?:-\d+)?\.db(?:-wal)?")
_PARTIAL = re.compile(r"\..+\.(\d+)\.partial(?:-\w+)?")
_ASK_AGAIN = "UPDATE shared_answers SET state = 'asked', version = '', told_at = NULL, decided_at = NULL WHERE state = 'shared'"
"""Nobody knows who took back what they shared after that backup: so each is asked once more."""
_PAGES = 4096  # copied between two looks at whether to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A file that was checked and can be restored. `rows` counts each table."""

    path: Path
    revision: str
    rows: Mapping[str, int]
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore put in place, and where it left what was there before (None when there was nothing)."""

    revision: str
    rows: Mapping[str, int]
    kept_aside: Path | None


async def backup(database: Path, destination: Path, *, overwrite: bool = False) -> Backup:
    """Copy the database, in use or not, to `destination`, mode 0600: whole and checked, or not at all.

    The copy is one moment's state. It must pass the integrity and foreign key checks, have the row counts of that moment, and
    open as a live database, before it takes its name. Raises BackupError for a destination that may not be written: a folder,
    the database itself, or, unless `overwrite`, a file that is not a backup of ours.
    """
    return await in_thread(lambda stop: _backup(database, destination, overwrite, stop))


async def restore(source: Path, folder: DataFolder, lock: FolderLock, clock: Clock) -> Restored:
    """Put the database of `source` in place of the folder's own, which is kept aside under backups/.

    `lock` is the folder's, held: nobody may use the database meanwhile. Raises BackupError, with nothing changed, when
    `source` is missing, damaged, not ours, or of a newer version. An older version's is migrated at the next start.
    """
    if not lock.is_held:
        raise DataFolderLocked(str(folder.path), "nobody: a restore needs the lock")
    return await in_thread(lambda stop: _restore(source, folder, clock.now(), stop))


def nightly_path(backups: Path, day: date) -> Path:
    """Where the nightly backup of a local date lies."""
    return backups / f"martin-{day.isoformat()}.db"


def aside_path(backups: Path, event: str, now: datetime) -> Path:
    """A free name for the database as it was before `event`, dated so that `keep_last` can end it."""
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"martin-before-{event}-{stamp}{number}.db" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(path for name in names if not (path := backups / name).exists())


def keep_last(backups: Path, today: date, n: int = 7) -> tuple[Path, ...]:
    """Remove what is older than the last `n` nights up to `today`; return what was removed.

    Databases kept aside before a migration or a restore go by the same rule, so that nothing erased outlives the promised
    date. Unfinished copies of processes that are gone go too. Every whole file stays while no nightly backup is that young.
    """
    first_kept = today - timedelta(days=n - 1)
    names = sorted(path.name for path in backups.iterdir())
    is_covered = any(first_kept <= day <= today for name in names if (day := _date_in(_NIGHTLY, name)))
    removed = []
    for name in names:
        day = _date_in(_NIGHTLY, name) or _date_in(_ASIDE, name)
        partial = _PARTIAL.fullmatch(name)
        if (is_covered and day is not None and day < first_kept) or (partial and not _is_alive(int(partial[1]))):
            (backups / name).unlink()
            removed.append(backups / name)
    return tuple(removed)


def _backup(database: Path, destination: Path, overwrite: bool, stop: threading.Event) -> Backup:
    _demand_destination(database, destination, overwrite)
    with _partial(destination) as fresh:
        expected = _copy(database, fresh, stop)
        revision, rows = _verify(fresh, stop)
        if rows != expected:
            raise BackupError(f"the copy of {str(database)!r} holds {rows} instead of {expected}; it was thrown away")
        with _partial(fresh) as rehearsed:
            _install(fresh, rehearsed)
        fresh.replace(destination)
    sync_folder(destination.parent)
    return Backup(path=destination, revision=revision, rows=rows, size=destination.stat().st_size)


def _demand_destination(database: Path, destination: Path, overwrite: bool) -> None:
    if not destination.parent.is_dir():
        raise BackupError(f"there is no folder {str(destination.parent)!r} for the backup")
    if not destination.exists():
        return
    if not destination.is_file() or destination.samefile(database):
        raise BackupError(f"{str(destination)!r} is {'the database itself' if destination.is_file() else 'a folder'}")
    if not overwrite and not _is_backup(destination):
        raise BackupError(f"{str(destination)!r} is there already and is not a backup of Martín's; choose another name")


def _is_backup(path: Path) -> bool:
    try:
        with open_file(path, "copy") as connection:
            return revision_of(connection, path) is not None and not is_in_wal_mode(path)
    except StoreError:
        return False


def _copy(database: Path, fresh: Path, stop: threading.Event) -> dict[str, int]:
    """Copy one moment of the database into the new file `fresh`, on disk when this returns; the row counts of that moment."""

    def look(*_: int) -> None:
        if stop.is_set():
            raise BackupError("the backup was stopped")

    with open_file(database, "live", stop) as source:
        source.execute("BEGIN")  # holds that moment over counting and copying; writers go on
        expected = count_rows(source)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL, 0o600))
        with open_file(fresh, "live") as target:
            target.execute("PRAGMA synchronous = OFF")  # synchronised below, once
            source.backup(target, pages=_PAGES, progress=look)
            target.execute("PRAGMA journal_mode = DELETE")  # one file, which leaves none beside it when it is read
    _sync(fresh)
    return expected


def _verify(path: Path, stop: threading.Event | None = None) -> tuple[str, dict[str, int]]:
    """Revision and row counts of a file that can be restored. Raises BackupError when it cannot."""
    wal = path.with_name(path.name + "-wal")
    if not path.is_file():
        raise BackupError(f"there is no file {str(path)!r}")
    if wal.exists() and wal.stat().st_size:
        raise BackupError(f"{str(path)!r} is in use, or was not closed; make a backup of it first: python -m bot backup FILE")
    try:
        with open_file(path, "copy", stop) as connection:
            revision = revision_of(connection, path)
            if faults := find_faults(connection, "integrity_check"):
                raise BackupError(f"{str(path)!r} is damaged: {faults}")
            rows = count_rows(connection)
    except StoreError as error:
        raise BackupError(f"{str(path)!r} cannot be used as a backup: {error}") from error
    if revision is None:
        raise BackupError(f"{str(path)!r} is empty")
    if revision not in REVISIONS:
        raise BackupError(f"{str(path)!r} was written by a newer version of Martín (schema {revision}); update Martín first")
    return revision, rows


def _install(source: Path, place: Path) -> None:
    """Make `place` a copy of `source` that has been opened as a live database and read, on disk when this returns."""
    os.close(os.open(place, os.O_CREAT | os.O_EXCL, 0o600))
    shutil.copyfile(source, place)
    with open_file(place, "live") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        if "shared_answers" in count_rows(connection):
            connection.execute(_ASK_AGAIN)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    _sync(place)


def _restore(source: Path, folder: DataFolder, now: datetime, stop: threading.Event) -> Restored:
    revision, rows = _verify(source, stop)
    with _partial(folder.database) as fresh:
        _install(source, fresh)
        kept_aside = _keep_aside(folder, now) if folder.database.exists() else None
        for suffix in ("-wal", "-shm"):  # a log must never meet a database that is not its own
            folder.database.with_name(folder.database.name + suffix).unlink(missing_ok=True)
        sync_folder(folder.path)
        fresh.replace(folder.database)
        sync_folder(folder.path)
    return Restored(revision=revision, rows=rows, kept_aside=kept_aside)


def _keep_aside(folder: DataFolder, now: datetime) -> Path:
    """Keep the present database: as a backup where it is sound, else byte for byte with its log."""
    aside = aside_path(folder.backups, "restore", now)
    try:
        with open_file(folder.database, "live") as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _backup(folder.database, aside, False, threading.Event())
    except (StoreError, BackupError):
        for suffix in ("", "-wal"):
            present, kept = (path.with_name(path.name + suffix) for path in (folder.database, aside))
            if present.exists():
                os.close(os.open(kept, os.O_CREAT | os.O_EXCL, 0o600))
                shutil.copyfile(present, kept)
                _sync(kept)
        sync_folder(folder.backups)
    return aside


@contextmanager
def _partial(path: Path) -> Iterator[Path]:
    """A hidden name beside `path` for a file in the making; nothing is left under it. Earlier leftovers go, too."""
    for left in path.parent.glob(f".{path.name.lstrip('.')}.*.partial*"):
        found = _PARTIAL.fullmatch(left.name)
        if found and not _is_alive(int(found[1])):
            left.unlink(missing_ok=True)
    fresh = path.with_name(f".{path.name.lstrip('.')}.{os.getpid()}.partial")
    try:
        yield fresh
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _date_in(pattern: re.Pattern[str], name: str) -> date | None:
    """The date that a file's name bears, written 2026-11-20 or 20261120; None for other names."""
    found = pattern.fullmatch(name)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
