"""The names and rules of a folder of training files, and how a new folder takes an old one's place in one go."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Set
from enum import StrEnum
from pathlib import Path
from typing import Final

from learning.manifest import FileFacts
from learning.records import Split


class Kind(StrEnum):
    """A kind of file, under its name in each of the three parts."""

    SFT = "sft.jsonl"
    MESSAGES = "messages.jsonl"
    DPO = "dpo.jsonl"
    KTO = "kto.jsonl"
    PROMPT_COMPLETION = "prompt_completion.jsonl"
    INPUT_RESPONSE = "input_response.jsonl"
    INTENT = "classifier-intent.csv"
    TOPIC = "classifier-topic.csv"
    LIKED = "classifier-liked.csv"


class LeftOut(StrEnum):
    """Why a kind of file is in no part: its train part is of no use to those who would read it."""

    FEW_ROWS = "fewer than 10 rows to learn from"
    SMALL = "fewer than 1,000 bytes to learn from"
    ONE_LABEL = "only one of the two labels"
    FEW_LABELS = "fewer than two labels with five rows each"


CLASSIFIERS: Final = (Kind.INTENT, Kind.TOPIC, Kind.LIKED)
ROWS_FILE: Final = "rows.jsonl"
DROPPED_FILE: Final = "dropped.jsonl"
INFO_FILE: Final = "dataset_info.json"
CARDS: Final[Mapping[str, str]] = {"en": "README.md", "es": "README.es.md"}
MANIFEST_FILE: Final = "manifest.json"
CSV_HEAD: Final = b"text,label\n"

# OpenAI's fewest examples in a file; mistral-finetune's smallest file; what a class needs to be in every fold of a test.
MIN_ROWS: Final = 10
MIN_BYTES: Final = 1_000
MIN_LABELS: Final = 2
MIN_ROWS_OF_A_LABEL: Final = 5

_BLOCK_BYTES = 1 << 18
_RECORDS_AT_ONCE = 512
_SEND_BYTES = 8 << 20


def path_of(part: Split, kind: Kind) -> str:
    """Where a kind of file lies in a folder, with / on every system."""
    return f"{part.value}/{kind.value}"


def data_paths(files: Iterable[str]) -> list[str]:
    """The data files among `files`, sorted as in `rows.jsonl`; no Parquet."""
    return sorted({path_of(part, kind) for part in Split for kind in Kind} & set(files))


def parquet_of(path: str) -> str:
    """The Parquet file beside a JSONL file; "" for a CSV, which has none."""
    return f"{path.removesuffix('.jsonl')}.parquet" if path.endswith(".jsonl") else ""


def rare_labels(kind: Kind, trained: Mapping[str, int]) -> set[str]:
    """Labels that a classifier could not learn, of those in its train part; both of `LIKED` stay, or the file goes."""
    return set() if kind is Kind.LIKED else {label for label, rows in trained.items() if rows < MIN_ROWS_OF_A_LABEL}


def refusal(kind: Kind, *, rows: int, size: int, labels: Mapping[str, int]) -> LeftOut | None:
    """Why this kind of file is left out, by its train part: rows, bytes, rows of each label. None for one to be written."""
    if kind in (Kind.KTO, Kind.LIKED) and len(labels) < MIN_LABELS:
        return LeftOut.ONE_LABEL if rows else LeftOut.FEW_ROWS
    if kind in CLASSIFIERS and sum(count >= MIN_ROWS_OF_A_LABEL for count in labels.values()) < MIN_LABELS:
        return LeftOut.FEW_LABELS
    if rows < MIN_ROWS:
        return LeftOut.FEW_ROWS
    return LeftOut.SMALL if kind is Kind.MESSAGES and size < MIN_BYTES else None


class Sink:
    """A file in the making: its bytes are hashed as they come, and on disk once it is closed."""

    def __init__(self, path: Path) -> None:
        """Raises FileExistsError for a file that is there."""
        self._file = path.open("xb")
        self._hash = hashlib.sha256()
        self.size = self._sent = 0

    def write(self, content: bytes) -> None:
        """Add these bytes; best many at once."""
        self._hash.update(content)
        self._file.write(content)
        self.size += len(content)
        if self.size - self._sent >= _SEND_BYTES:
            self._send()

    def _send(self) -> None:
        """Let the disk begin with what is there, so that it is not all left for `fsync`, which others would wait behind."""
        if hasattr(os, "posix_fadvise"):  # of pages that are not yet on disk, Linux only starts to write them (mm/fadvise.c)
            self._file.flush()
            os.posix_fadvise(self._file.fileno(), self._sent, self.size - self._sent, os.POSIX_FADV_DONTNEED)
        self._sent = self.size

    def close(self, rows: int | None = None) -> FileFacts:
        """What the manifest says of the file. Closing again is harmless and costs nothing."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return FileFacts(rows=rows, bytes=self.size, sha256=self._hash.hexdigest())


def put(path: Path, content: bytes) -> FileFacts:
    """Write a small file at once; what the manifest says of it."""
    sink = Sink(path)
    sink.write(content)
    return sink.close()


def sealed(path: Path, rows: int | None = None) -> FileFacts:
    """What the manifest says of a file that something else wrote, which is on disk then."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return FileFacts(rows=rows, bytes=file.tell(), sha256=digest)


def records(path: Path) -> Iterator[bytes]:
    """Each line of a JSONL file, or record of a CSV file without its header, with its line feed."""
    with path.open("rb", buffering=_BLOCK_BYTES) as file:
        if path.suffix != ".csv":
            yield from file
            return
        next(file, b"")
        pending = b""
        for line in file:
            pending += line
            if pending.count(b'"') % 2 == 0:  # an open quote means that the text goes on in the next line
                yield pending
                pending = b""


def label_of(kind: Kind, record: bytes) -> str:
    """The label of a KTO line ("true" or "false") or of a CSV record; "" for other kinds."""
    if kind is Kind.KTO:
        return "true" if record.rstrip().endswith(b"true}") else "false"
    if kind not in CLASSIFIERS:
        return ""
    return next(csv.reader([record.decode()]))[1]


def rewrite(path: Path, gone: Set[int], target: Path | None = None) -> FileFacts:
    """Write a file anew without these lines (see `records`), which are counted from 1; what the manifest says of it then.

    In its own place, or as `target`.
    """
    aside = target or path.with_name(f"{path.name}.fresh")
    sink, rows = Sink(aside), 0
    pending: list[bytes] = []
    if path.suffix == ".csv":
        sink.write(CSV_HEAD)
    for number, record in enumerate(records(path), start=1):
        if number not in gone:
            rows += 1
            pending.append(record)
            if len(pending) == _RECORDS_AT_ONCE:
                sink.write(b"".join(pending))
                pending.clear()
    sink.write(b"".join(pending))
    facts = sink.close(rows)
    if target is None:
        aside.replace(path)
    return facts


def partial_of(folder: Path) -> Path:
    """A fresh, empty folder to write in, beside `folder`; what an earlier try left there is gone."""
    partial = _aside(folder, "partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    return partial


def place(partial: Path, folder: Path) -> None:
    """Let a finished folder take the place of `folder`, which is deleted.

    Its files must be on disk. Killed at any moment, `settle` brings out the old folder or the new one, whole.
    """
    for inner in (*sorted(path for path in partial.iterdir() if path.is_dir()), partial):
        sync_folder(inner)
    partial.rename(_aside(folder, "ready"))  # from here on the new one counts
    sync_folder(folder.parent)
    settle_one(folder)


def settle(parent: Path) -> None:
    """Finish or undo what a kill interrupted in the folders of `parent`, and delete what is no longer needed.

    Call it at every start, before looking which folders there are, and only while nobody writes one.
    """
    names = {path.name for path in parent.glob(".*")}
    for name in sorted({name[1:].rpartition(".")[0] for name in names if name.endswith((".partial", ".ready", ".old"))}):
        if name:
            settle_one(parent / name)
            shutil.rmtree(_aside(parent / name, "partial"), ignore_errors=True)


def settle_one(folder: Path) -> None:
    """Let `folder` be there, old or new, if it was before a kill; and nothing of an old one beside it."""
    ready, old = _aside(folder, "ready"), _aside(folder, "old")
    if ready.exists():
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        ready.rename(folder)
        sync_folder(folder.parent)
    if old.exists():
        if folder.exists():
            shutil.rmtree(old)
            sync_folder(folder.parent)
        else:
            old.rename(folder)


def _aside(folder: Path, state: str) -> Path:
    return folder.with_name(f".{folder.name}.{state}")


def sync_folder(folder: Path) -> None:
    """Return once the names in `folder` are on disk: a rename counts only after this."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
