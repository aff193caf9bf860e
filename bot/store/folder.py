"""The data folder: where everything that Martín keeps lies, which process serves it, and the key that its hashes need."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.errors import ConfigError, DataFolderLocked, Problem, StoreDamaged

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """How to reach the running bot. `owner_token` is a secret and left out of `repr`.

    `certificate` is the absolute path of what to trust where the address begins with https, empty for plain http.
    """

    pid: int
    address: str
    owner_token: str
    certificate: str = ""

    def __repr__(self) -> str:
        return f"RunInfo(pid={self.pid}, address={self.address!r})"


class FolderLock:
    """The operating system's lock on a data folder, held from `DataFolder.lock` until `release` or the end of the process.

    It belongs to the open file, not to a file's existence: a killed holder leaves nothing to clean up.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @property
    def is_held(self) -> bool:
        """Whether it has not been released."""
        return self._descriptor is not None

    def release(self) -> None:
        """Let another process serve the folder. Harmless the second time."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


class DataFolder:
    """The paths inside one data folder, and its small files. Its methods touch a few bytes each and do not await."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "martin.db"
        self.backups = path / "backups"
        self.tombstones = path / "tombstones.jsonl"
        self.tls = path / "tls"
        self.chroma = path / "chroma"
        self._lock_file = path / "lock"
        self._run_file = path / "run.json"
        self._key_file = path / "secret.key"

    @classmethod
    def open(cls, path: Path) -> Self:
        """The folder at `path`, made with mode 0700 where it is missing. Raises ConfigError when it cannot be used."""
        folder = cls(path)
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.backups.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ConfigError([Problem(path="data_dir", reason=_reason(path, error), accepted="a folder")]) from error
        if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
            reason = f"{str(path)!r} cannot be read and written by this user"
            raise ConfigError([Problem(path="data_dir", reason=reason, accepted="a folder")])
        return folder

    def lock(self) -> FolderLock:
        """Become the one process that serves this folder. Raises DataFolderLocked at once, naming the holder."""
        with ExitStack() as undo:
            descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
            undo.callback(os.close, descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DataFolderLocked(str(self.path), self._holder()) from None
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
            undo.pop_all()
        return FolderLock(descriptor)

    def secret_key(self) -> bytes:
        """The 32 random bytes that key this folder's hashes; made on first use, then the same for ever.

        Raises StoreDamaged when the file holds anything else: with another key, erased people could come back from backups.
        """
        if not self._key_file.exists():
            _place(self._key_file, secrets.token_bytes(_KEY_BYTES), os.link)
        key = self._key_file.read_bytes()
        if len(key) != _KEY_BYTES:
            raise StoreDamaged(
                f"{str(self._key_file)!r} holds {len(key)} bytes instead of {_KEY_BYTES}: put the original file back. "
                "Without it erased people cannot be recognised in old backups"
            )
        return key

    def write_run_json(self, info: RunInfo) -> None:
        """Tell `chat` and other commands where this process can be reached. Mode 0600, whole or not at all."""
        _place(self._run_file, json.dumps(asdict(info)).encode(), os.replace)

    def read_run_json(self) -> RunInfo | None:
        """Where the running bot can be reached; None when there is none, or what is there makes no sense."""
        try:
            found = json.loads(self._run_file.read_bytes())
            return RunInfo(
                pid=int(found["pid"]),
                address=str(found["address"]),
                owner_token=str(found["owner_token"]),
                certificate=str(found.get("certificate") or ""),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remove_run_json(self) -> None:
        """Forget the address, at a clean exit."""
        self._run_file.unlink(missing_ok=True)

    def _holder(self) -> str:
        pid = self._lock_file.read_text().strip()
        info = self.read_run_json()
        address = f" at {info.address}" if info is not None and str(info.pid) == pid else ""
        return f"process {pid}{address}" if pid else "another process"


def sync_folder(folder: Path) -> None:
    """Return once the names in `folder` are on disk: a rename counts only after this."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _place(path: Path, content: bytes, put: Callable[[Path, Path], None]) -> None:
    """Write `content` beside `path` and put it there whole: `os.replace`, or `os.link`, which keeps a file that came first."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.partial")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        put(fresh, path)
    except FileExistsError:  # another process was first; its content counts
        pass
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(path.parent)


def _reason(path: Path, error: OSError) -> str:
    return f"{str(path)!r} cannot be made or used: {error.strerror}"
