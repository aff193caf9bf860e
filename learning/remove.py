"""Take rows out of a folder of training files: of people who went, or that were found to be bad.

The folder is written anew without them and put in place in one go; nothing of them stays in it. `python -m learning.remove
FOLDER` reads the rows from standard input, one a line, with a tab and the language (es or en) after it where that is known.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeVar

import msgspec

from bot.errors import ManifestError, MartinError
from bot.lexical import guess_language
from learning.card import put_words
from learning.files import (
    CLASSIFIERS,
    DROPPED_FILE,
    ROWS_FILE,
    Kind,
    Sink,
    data_paths,
    label_of,
    parquet_of,
    partial_of,
    path_of,
    place,
    rare_labels,
    records,
    refusal,
    rewrite,
    sealed,
    settle_one,
)
from learning.manifest import FileFacts, Manifest, Stale, read_manifest
from learning.parquet import has_parquet, put_parquet
from learning.records import LANGUAGES, Dropped, Language, Split

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode

_Record = TypeVar("_Record", bound=msgspec.Struct)


class _Place(msgspec.Struct, frozen=True):
    """A line of `rows.jsonl`."""

    file: str
    line: int
    row: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What changed: rows taken out, lines gone by file, and the kinds of file that were of no use without them, and why."""

    rows: int = 0
    files: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)


def files_of(folder: Path, rows: Collection[str]) -> dict[str, list[tuple[str, int]]]:
    """Where each of these rows is: data files with line numbers, counted from 1. Rows that are nowhere are not in it.

    Reads `rows.jsonl` once: half a second for a million lines. Raises ManifestError when it makes no sense.
    """
    wanted = frozenset(rows)
    found: dict[str, list[tuple[str, int]]] = {}
    for one in _read(folder, ROWS_FILE, _Place):
        if one.row in wanted:
            found.setdefault(one.row, []).append((one.file, one.line))
    return found


def remove(
    folder: Path, rows: Collection[str], *, on: str, languages: Mapping[str, Language] | None = None, people: int = 0
) -> Removed:
    """Write a folder anew without these rows, and mark it as stale since the local date `on`; what changed.

    `languages` says in which language a row is: files do not tell, and what is not said is guessed from the words. `people` is
    how many people have no row in this folder afterwards. A folder without any of the rows is left as it is, so that trying
    again is harmless. Killed at any moment, it is the old folder or the new one. Raises ManifestError for no such folder.
    """
    settle_one(folder)
    manifest = read_manifest(folder)
    removal = _Removal(folder, manifest, frozenset(rows))
    if not removal.places and not removal.dropped:
        return Removed()
    removal.find_useless()
    partial = partial_of(folder)
    try:
        files = removal.put_files(partial)
        told = removal.languages(languages or {})
        put_words(partial, removal.manifest(files, told, people if removal.places else 0, on), {})
        place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    lines = {path: len(numbers) for path, numbers in removal.lines.items()} | removal.whole
    files_changed = {path: number for path, number in sorted(lines.items()) if number}
    return Removed(rows=removal.count, files=files_changed, left_out=removal.left_out)


class _Removal:
    """What goes with some rows of one folder: their lines, then labels and kinds of file that are too small without them."""

    def __init__(self, folder: Path, manifest: Manifest, rows: frozenset[str]) -> None:
        self._folder, self._manifest, self._rows = folder, manifest, rows
        self._there = data_paths(manifest.files)
        self.places = files_of(folder, rows)
        self.dropped = {n: one for n, one in enumerate(_read(folder, DROPPED_FILE, Dropped), start=1) if one.row in rows}
        self.count = len(self.places.keys() | {one.row for one in self.dropped.values()})
        self.left_out: dict[str, str] = {}
        self.lines: dict[str, set[int]] = {}
        self.whole: dict[str, int] = {}
        for places in self.places.values():
            for path, line in places:
                self.lines.setdefault(path, set()).add(line)

    def find_useless(self) -> None:
        """Find what consumers would refuse without these rows: whole kinds of file, and labels of a classifier."""
        for kind in Kind:
            train = path_of(Split.TRAIN, kind)
            if train not in self._there or train not in self.lines:
                continue
            labels, rows, size = Counter[str](), 0, 0
            for number, record in enumerate(records(self._folder / train), start=1):
                if number not in self.lines[train]:
                    labels[label_of(kind, record)] += 1
                    rows += 1
                    size += len(record)
            if why := refusal(kind, rows=rows, size=size, labels=labels):
                self.left_out[kind.value] = why.value
                for part in Split:
                    path = path_of(part, kind)
                    self.lines.pop(path, None)
                    self.whole[path] = self._manifest.files[path].rows or 0
            elif kind in CLASSIFIERS:
                known = labels.keys() - rare_labels(kind, labels)
                for part in Split:
                    path = path_of(part, kind)
                    for number, record in enumerate(records(self._folder / path), start=1):
                        if label_of(kind, record) not in known:
                            self.lines.setdefault(path, set()).add(number)

    def put_files(self, partial: Path) -> dict[str, FileFacts]:
        """Write all files but the words into `partial`. Data files that stay as they are become links to them.

        Where Parquet files would have to change and cannot be written, there are none afterwards.
        """
        for part in Split:
            (partial / part.value).mkdir()
        files: dict[str, FileFacts] = {}
        kept = [path for path in self._there if Path(path).name not in self.left_out]
        beside = {path: parquet_of(path) for path in kept if parquet_of(path) in self._manifest.files}
        can_write = has_parquet() or not beside.keys() & self.lines.keys()
        for path in kept:
            if gone := self.lines.get(path):
                files[path] = rewrite(self._folder / path, gone, partial / path)
            else:
                files[path] = self._linked(path, partial)
            if can_write and (other := beside.get(path)):
                files[other] = put_parquet(partial / path, partial / other) if gone else self._linked(other, partial)
        files[ROWS_FILE] = self._put_rows(partial, kept)
        files[DROPPED_FILE] = rewrite(self._folder / DROPPED_FILE, self.dropped.keys(), partial / DROPPED_FILE)
        return files

    def _linked(self, path: str, partial: Path) -> FileFacts:
        try:
            os.link(self._folder / path, partial / path)
        except OSError:  # a file system without links
            shutil.copyfile(self._folder / path, partial / path)
            sealed(partial / path)
        return self._manifest.files[path]

    def _put_rows(self, partial: Path, kept: Collection[str]) -> FileFacts:
        """Write `rows.jsonl` without what is gone, and with the new line numbers."""
        sink, total, names = Sink(partial / ROWS_FILE), 0, frozenset(kept)
        pending: list[bytes] = []
        lines = Counter[str]()
        for one in _read(self._folder, ROWS_FILE, _Place):
            if one.file not in names or one.line in self.lines.get(one.file, ()):
                continue
            lines[one.file] += 1
            pending.append(_encode(_Place(one.file, lines[one.file], one.row)))
            if len(pending) == 4_096:
                total += len(pending)
                sink.write(b"\n".join((*pending, b"")))
                pending.clear()
        sink.write(b"\n".join((*pending, b"")) if pending else b"")
        return sink.close(total + len(pending))

    def languages(self, told: Mapping[str, Language]) -> Counter[str]:
        """How many of the rows are in each language, never more than the manifest has."""
        unknown: dict[str, dict[int, str]] = {}
        for row, places in self.places.items():
            if row not in told:
                unknown.setdefault(places[0][0], {})[places[0][1]] = row
        found = Counter[str](told[row] for row in self.places if row in told)
        counted = self._manifest.languages
        likely = max(sorted(counted), key=lambda language: counted[language], default=LANGUAGES[0])
        for path, lines in unknown.items():
            for number, record in enumerate(records(self._folder / path), start=1):
                if number in lines:
                    found[guess_language(_words(record, path)) or likely] += 1
        for language in sorted(found):
            if (surplus := found[language] - counted.get(language, 0)) > 0:
                found[language] -= surplus
                found[next(other for other in sorted(counted) if other != language)] += surplus
        return found

    def manifest(self, files: dict[str, FileFacts], languages: Counter[str], people: int, on: str) -> Manifest:
        """The manifest of what is left. `collected` stays: it is what is kept, dropped and removed together."""
        old = self._manifest
        kept = old.kept - len(self.places)
        dropped = {step: Counter(reasons) for step, reasons in old.dropped.items()}
        for one in self.dropped.values():
            dropped[one.step][one.reason] -= 1
        parts = Counter(places[0][0].partition("/")[0] for places in self.places.values())
        fewest = 1 if kept else 0
        return msgspec.structs.replace(
            old,
            kept=kept,
            dropped={step: dict(+reasons) for step, reasons in dropped.items() if reasons.total()},
            languages={name: rows - languages[name] for name, rows in old.languages.items() if rows > languages[name]},
            people=min(kept, max(fewest, old.people - people)),  # nobody says whose conversations are past their time
            split=msgspec.structs.replace(old.split, rows={part: rows - parts[part] for part, rows in old.split.rows.items()}),
            cohort=msgspec.structs.replace(old.cohort, people=max(fewest, old.cohort.people - people)),
            files=files,
            left_out={**old.left_out, **self.left_out},
            stale=Stale(on=on, removed=self.count + (old.stale.removed if old.stale else 0)),
        )


def _words(record: bytes, path: str) -> str:
    """What was said in a line, without what is only form."""
    if path.endswith(".csv"):
        return next(csv.reader([record.decode()]))[0]
    return "\n".join(_texts(_decode(record)))


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key != "role":
                yield from _texts(one)


def _read(folder: Path, name: str, kind: type[_Record]) -> Iterator[_Record]:
    decode = msgspec.json.Decoder(kind).decode
    try:
        for line in records(folder / name):
            yield decode(line)
    except msgspec.MsgspecError as error:
        raise ManifestError(f"{str(folder / name)!r} is damaged ({error}): delete the folder") from error


def main() -> int:
    """Take the rows of standard input out, and say what changed, as JSON. Exit 1 when it was refused; nothing changed then."""
    parser = argparse.ArgumentParser(prog="python -m learning.remove", description="Take rows out of training files.")
    parser.add_argument("folder", type=Path, help="a folder that a night wrote")
    parser.add_argument("--on", default="", help="the date that the manifest is to name (today)")
    parser.add_argument("--people", type=int, default=0, help="how many people have no row in it afterwards")
    given = parser.parse_args()
    told = [line.rstrip("\n").partition("\t") for line in sys.stdin if line.strip()]
    languages: dict[str, Language] = {row: name for row, _, code in told for name in LANGUAGES if name == code}
    on = given.on or date.today().isoformat()
    try:
        done = remove(given.folder, [row for row, _, _ in told], on=on, languages=languages, people=given.people)
    except (MartinError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(asdict(done)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
