"""What is wrong with the files of a folder of training files, read line by line, each one once. Standard library only."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from learning.check_hashes import Hashes, digest
from learning.check_rules import (
    KINDS,
    LONGEST_EXAMPLE,
    Fault,
    KeyTwice,
    Kind,
    cell_faults,
    parsed,
    records,
    shape,
    text_faults,
    texts_of,
)

Note = Callable[[str, int, Fault], None]
"""Takes note of a fault at a line of a file; 0 for the file as a whole."""

CLASSIFIERS: Final = ("classifier-intent.csv", "classifier-topic.csv", "classifier-liked.csv")
FEWEST_ROWS: Final = 10
FEWEST_OF_A_LABEL: Final = 5
MOST_ROWS: Final = 10_000_000
SIZES: Final = (1_000, 10_000_000_000)
"""Bytes that mistral-finetune takes."""
LONGEST_LINE: Final = 16 * 1024 * 1024

_PIECE: Final = 1 << 20
_BOM: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Facts:
    """What was found out about a file while it was read; `rows` is None for files that have none."""

    rows: int | None = None
    size: int = 0
    sha256: str = ""
    keys: frozenset[str] = frozenset()
    labels: Counter[str] = field(default_factory=Counter)


class Reading:
    """One pass over every file, the facts of each, and what is said in more than one part."""

    def __init__(self, folder: Path, note: Note) -> None:
        self._folder, self._note = folder, note
        self.facts: dict[str, Facts] = {}

    def lines(self, path: str) -> Iterator[tuple[int, str]]:
        """The lines of a text file without their ends, numbered from 1. Its size and SHA-256 are known afterwards."""
        facts = self.facts[path] = Facts()
        hashed = hashlib.sha256()
        number = 0
        try:
            with (self._folder / path).open("rb") as file:
                while raw := file.readline(LONGEST_LINE):
                    number += 1
                    hashed.update(raw)
                    facts.size += len(raw)
                    if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                        self._note(path, number, Fault("line-too-long", f"the line has more than {LONGEST_LINE} bytes"))
                        while (rest := file.readline(_PIECE)) and not rest.endswith(b"\n"):
                            hashed.update(rest)
                            facts.size += len(rest)
                        hashed.update(rest)
                        facts.size += len(rest)
                        continue
                    yield number, self._decoded(path, number, raw)
        except OSError as error:
            self._note(path, 0, Fault("unreadable", f"the file cannot be read ({type(error).__name__})"))
        facts.sha256 = hashed.hexdigest()

    def _decoded(self, path: str, number: int, raw: bytes) -> str:
        if raw.startswith(_BOM) and number == 1:
            self._note(path, 1, Fault("bom", "the file begins with a byte order mark"))
            raw = raw[len(_BOM) :]
        if raw.endswith(b"\n"):
            raw = raw[:-1]
        else:
            self._note(path, number, Fault("no-final-line-feed", "the last line does not end"))
        if raw.endswith(b"\r"):
            self._note(path, number, Fault("carriage-return", "the line ends with a carriage return"))
            raw = raw[:-1]
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            self._note(path, number, Fault("not-utf8", f"byte {error.start + 1} of the line is not UTF-8"))
            return raw.decode(errors="replace")

    def whole(self, path: str) -> None:
        """Read a file for its size and SHA-256 only."""
        facts = self.facts[path] = Facts()
        hashed = hashlib.sha256()
        try:
            with (self._folder / path).open("rb") as file:
                while piece := file.read(_PIECE):
                    hashed.update(piece)
                    facts.size += len(piece)
        except OSError as error:
            self._note(path, 0, Fault("unreadable", f"the file cannot be read ({type(error).__name__})"))
        facts.sha256 = hashed.hexdigest()

    def objects(self, path: str) -> Iterator[tuple[int, dict[str, object]]]:
        """The objects of a JSONL file, with the numbers of their lines; lines that hold none are noted and counted."""
        number = 0
        for number, line in self.lines(path):
            try:
                row = parsed(line)
            except KeyTwice:
                self._note(path, number, Fault("key-twice", "an object has the same key twice"))
                continue
            except (ValueError, RecursionError):
                empty = not line.strip()
                fault = Fault("empty-line", "the line is empty") if empty else Fault("not-json", "the line is not JSON")
                self._note(path, number, fault)
                continue
            if isinstance(row, dict):
                yield number, row
            else:
                self._note(path, number, Fault("not-an-object", "the line is JSON, but no object"))
        self.facts[path].rows = number

    def rows(self, name: str, parts: tuple[str, ...]) -> None:
        """Read a kind of JSONL file in the parts that have it, each part against the others."""
        kind, said, labels = KINDS[name], Hashes(), Hashes()
        for place, part in enumerate(parts):
            path = f"{part}/{name}"
            first: tuple[tuple[str, str], ...] = ()
            for number, row in self.objects(path):
                first = first or shape(row)
                self.facts[path].keys = self.facts[path].keys or frozenset(row)
                for fault in self._of_row(kind, row, first):
                    self._note(path, number, fault)
                said.add(kind.compared(row), number * 4 + place)
                if name == "kto.jsonl":
                    self.facts[path].labels[str(row.get("label"))] += 1
                    labels.add(kind.compared(row), (number * 4 + place) * 2 + (row.get("label") is True))
        self._shared(name, parts, said)
        for group in labels.groups():
            if len({number % 2 for number in group}) > 1:
                line, place = divmod(group[-1] // 2, 4)
                fault = Fault("label-contradicts", "the same answer to the same prompt has both labels")
                self._note(f"{parts[place]}/{name}", line, fault)

    @staticmethod
    def _of_row(kind: Kind, row: dict[str, object], first: tuple[tuple[str, str], ...]) -> Iterator[Fault]:
        texts = "\n\n".join(texts_of(row))
        if len(texts) > LONGEST_EXAMPLE:
            yield Fault("example-too-long", f"the example has {len(texts)} characters")
        yield from text_faults(texts)
        yield from kind.faults(row)
        if shape(row) != first and {key for key, _ in first} == row.keys():
            yield Fault("mixed-kinds", "a value is of another type than in the first row")

    def classifier(self, name: str, parts: tuple[str, ...]) -> None:
        """Read a classifier's file in the parts that have it."""
        said, labelled = Hashes(), Hashes()
        for place, part in enumerate(parts):
            path, rows = f"{part}/{name}", 0
            read = records(self.lines(path))
            header = next(read, (1, None))
            if header[1] != ["text", "label"]:
                self._note(path, 1, Fault("csv-header", "the first line is not text,label"))
            for number, cells in read:
                rows += 1
                for fault in cell_faults(cells, is_binary=name == "classifier-liked.csv"):
                    self._note(path, number, fault)
                if cells and len(cells) == 2:
                    self.facts[path].labels[cells[1]] += 1
                    said.add(cells[0], number * 4 + place)
                    labelled.add(cells[0], (number * 4 + place) << 24 | digest(cells[1]) & 0xFFFFFF)
            self.facts[path].rows = rows
        self._shared(name, parts, said)
        for group in labelled.groups():
            if len({number & 0xFFFFFF for number in group}) > 1:
                line, place = divmod(group[-1] >> 24, 4)
                self._note(f"{parts[place]}/{name}", line, Fault("csv-two-labels", "the same text has two labels"))
        self._labels(name, parts)

    def _shared(self, name: str, parts: tuple[str, ...], said: Hashes) -> None:
        """Note what is said in more than one part."""
        for group in said.groups():
            for number in group[1:]:
                if number % 4 != group[0] % 4:
                    where = f"{parts[group[0] % 4]}/{name}, line {group[0] // 4}"
                    fault = Fault("shared-between-parts", f"the same example is in {where}")
                    self._note(f"{parts[number % 4]}/{name}", number // 4, fault)

    def _labels(self, name: str, parts: tuple[str, ...]) -> None:
        """Note labels that cannot be learned, and those that only the test knows."""
        if parts[0] != "train":
            return
        train = f"train/{name}"
        counts = self.facts[train].labels
        if sum(count >= FEWEST_OF_A_LABEL for count in counts.values()) < 2:
            self._note(train, 0, Fault("csv-few-labels", f"fewer than two labels have {FEWEST_OF_A_LABEL} rows"))
        few = sum(count < FEWEST_OF_A_LABEL for count in counts.values())
        if few:
            self._note(train, 0, Fault("csv-small-label", f"{few} label(s) have fewer than {FEWEST_OF_A_LABEL} rows"))
        for part in parts[1:]:
            if strange := self.facts[f"{part}/{name}"].labels.keys() - counts.keys():
                fault = Fault("csv-label-not-in-train", f"{len(strange)} label(s) are not in train")
                self._note(f"{part}/{name}", 0, fault)


def size_faults(name: str, facts: Facts) -> Iterator[Fault]:
    """What is wrong with the size of a kind of file in train."""
    if name in KINDS and facts.rows is not None:
        if facts.rows < FEWEST_ROWS:
            yield Fault("too-few-rows", f"train has {facts.rows} rows")
        elif facts.rows > MOST_ROWS:
            yield Fault("too-many-rows", f"train has {facts.rows} rows")
    if name == "messages.jsonl" and facts.size < SIZES[0]:
        yield Fault("too-small", f"the file has {facts.size} bytes")
    elif facts.size > SIZES[1]:
        yield Fault("too-big", f"the file has {facts.size} bytes")
    if name == "kto.jsonl" and not {"True", "False"} <= facts.labels.keys():
        yield Fault("one-label-only", "train has only one of the two labels")


def info_faults(text: str, facts: dict[str, Facts]) -> Iterator[Fault]:
    """What is wrong with dataset_info.json (LLaMA-Factory 0.9.5, `data/README.md`)."""
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        yield Fault("not-json", "the file is not JSON")
        return
    if not isinstance(info, dict):
        yield Fault("info-shape", "the file is not an object with an entry for each file")
        return
    for place, entry in enumerate(info.values(), 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("file_name"), str):
            yield Fault("info-shape", f"entry {place} is not an object with a file_name")
            continue
        if entry.get("formatting", "alpaca") not in ("alpaca", "sharegpt"):
            yield Fault("info-shape", f"the formatting of entry {place} is neither alpaca nor sharegpt")
        if entry["file_name"] not in facts:
            yield Fault("info-file-missing", f"the file of entry {place} is not in the folder")
            continue
        columns = entry.get("columns", {})
        named = set(columns.values()) if isinstance(columns, dict) else {""}
        keys = facts[entry["file_name"]].keys
        if keys and not named <= keys:
            yield Fault("info-column", f"entry {place} names a column that its file does not have")
        elif entry.get("ranking") is True and not {"chosen", "rejected"} <= set(columns):
            yield Fault("info-column", f"entry {place} is ranked, but names no chosen and rejected")


def card_faults(text: str, *, with_head: bool) -> Iterator[Fault]:
    """What is wrong with a dataset card. Only README.md has a head, which the Hub reads."""
    lines = text.split("\n")
    if not with_head:
        if not text.strip():
            yield Fault("card-head", "the card is empty")
    elif lines[0] != "---" or "---" not in lines[2:] or not "\n".join(lines[lines.index("---", 2) + 1 :]).strip():
        yield Fault("card-head", "there is no YAML head between two lines of ---, or nothing after it")
