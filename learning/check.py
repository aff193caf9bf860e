"""Whether a folder of training files keeps every rule of its formats: `python -m learning.check FOLDER [--json]`.

It shares no code with what writes such folders and needs the standard library only, so that anybody can run it anywhere.
Files are read once, line by line; of 1,000,000 rows only 64-bit hashes are kept. Exit 0: no problem; 1: problems; 2: not such
a folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from learning.check_codes import MENDING
from learning.check_files import CLASSIFIERS, Facts, Reading, card_faults, info_faults, size_faults
from learning.check_hashes import Hashes
from learning.check_manifest import PARTS, manifest_faults
from learning.check_parquet import NotParquet, parquet_rows
from learning.check_rules import KINDS, Fault, KeyTwice, parsed

MANIFEST, ROWS, DROPPED, CARD, INFO = "manifest.json", "rows.jsonl", "dropped.jsonl", "README.md", "dataset_info.json"
_MISSING: Final = {ROWS: "rows-missing", DROPPED: "dropped-missing", CARD: "card-missing", INFO: "info-missing"}
_OTHER_CARD: Final = "README.es.md"
_AT_ROOT: Final = (MANIFEST, ROWS, DROPPED, CARD, INFO, _OTHER_CARD)
_NAMES: Final = (*KINDS, *CLASSIFIERS)
_LARGEST_MANIFEST: Final = 16 * 1024 * 1024
_SHOWN: Final = 10
"""Of the same problem in the same file; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something wrong at a line of a file (0: the file as a whole); `more` further lines of it have the same problem."""

    file: str
    line: int
    code: str
    wrong: str
    mend: str
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was looked at, and every problem by file and line."""

    files: int
    rows: int
    problems: tuple[Problem, ...]


class NotTrainingFiles(ValueError):
    """The path is no folder of training files; the message says what was expected."""


def check(folder: Path) -> list[Problem]:
    """Every problem of a folder, by file and line; none when it may be used. NotTrainingFiles when it is no such folder."""
    return list(examine(folder).problems)


def examine(folder: Path) -> Checked:
    """What `check` finds, and how many files and rows were looked at."""
    if not folder.is_dir():
        raise NotTrainingFiles(f"{str(folder)!r} is not a folder")
    if not (folder / MANIFEST).exists() and not any((folder / part).is_dir() for part in PARTS):
        expected = f"{MANIFEST} and {', '.join(f'{part}/' for part in PARTS)}"
        raise NotTrainingFiles(f"{str(folder)!r} holds no training files: expected {expected} in it")
    found = _Folder(folder)
    found.look()
    rows = sum(facts.rows or 0 for path, facts in found.reading.facts.items() if "/" in path and not path.endswith(".parquet"))
    return Checked(files=len(found.files), rows=rows, problems=found.problems())


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._first: dict[tuple[str, str], list[Problem]] = {}
        self._counted: Counter[tuple[str, str]] = Counter()
        self.reading = Reading(folder, self._note)
        self.files: set[str] = set()

    def _note(self, file: str, line: int, fault: Fault) -> None:
        first = self._first.setdefault((file, fault.code), [])
        self._counted[file, fault.code] += 1
        if len(first) < _SHOWN:
            mend = MENDING[fault.code]
            first.append(Problem(file=file, line=line, code=fault.code, wrong=fault.wrong, mend=mend))

    def problems(self) -> tuple[Problem, ...]:
        """All that was noted, each kind's further ones counted with the last that is shown."""
        for place, first in self._first.items():
            first[-1] = replace(first[-1], more=self._counted[place] - len(first))
        found = (problem for first in self._first.values() for problem in first)
        return tuple(sorted(found, key=lambda problem: (problem.file, problem.line, problem.code)))

    def look(self) -> None:
        """Read everything."""
        self._walk()
        manifest = self._manifest()
        self._kinds(manifest)
        self._root_files(manifest)
        self._parquet()
        if manifest is not None:
            self._listed(manifest)

    def _walk(self) -> None:
        """The files that are there, by path, with what does not belong noted."""
        for at, folders, names in os.walk(self._folder):
            here = Path(at).relative_to(self._folder).as_posix()
            for name in sorted(folders):
                path = name if here == "." else f"{here}/{name}"
                if path not in PARTS:
                    self._note(path, 0, Fault("folder-unknown", "the folder is none of train, validation and test"))
                elif (Path(at) / name).is_symlink():
                    self._note(path, 0, Fault("not-a-plain-file", "the folder is a link"))
            for name in sorted(names):
                path = name if here == "." else f"{here}/{name}"
                if (Path(at) / name).is_symlink() or not (Path(at) / name).is_file():
                    self._note(path, 0, Fault("not-a-plain-file", "it is a link or a device"))
                    continue
                self.files.add(path)
                own = Path(name).stem + ".jsonl" if name.endswith(".parquet") else name
                if (here == "." and name not in _AT_ROOT) or (here in PARTS and own not in _NAMES):
                    self._note(path, 0, Fault("file-unknown", "no such file belongs here"))
        for part in PARTS:
            if not (self._folder / part).is_dir():
                self._note(part, 0, Fault("part-missing", "the folder is not there"))

    def _manifest(self) -> Mapping[str, Any] | None:
        """The manifest, when it is an object."""
        if MANIFEST not in self.files:
            self._note(MANIFEST, 0, Fault("manifest-missing", "the manifest is not there"))
            return None
        text = "\n".join(line for _, line in self.reading.lines(MANIFEST))
        try:
            found = parsed(text)
        except KeyTwice:
            self._note(MANIFEST, 0, Fault("key-twice", "an object has the same key twice"))
            return None
        except (ValueError, RecursionError):
            self._note(MANIFEST, 0, Fault("manifest-not-json", "the manifest is not JSON"))
            return None
        if not isinstance(found, dict):
            self._note(MANIFEST, 0, Fault("manifest-not-json", "the manifest is JSON, but no object"))
            return None
        if not text.startswith('{\n  "'):
            self._note(MANIFEST, 1, Fault("manifest-layout", "the manifest is not indented by two spaces"))
        for fault in manifest_faults(found):
            self._note(MANIFEST, 0, fault)
        return found

    def _kinds(self, manifest: Mapping[str, Any] | None) -> None:
        """Read the data, kind by kind."""
        given = manifest.get("left_out") if manifest else None
        left_out = {Path(name).stem for name in given} if isinstance(given, dict) else set()
        for name in _NAMES:
            parts = tuple(part for part in PARTS if f"{part}/{name}" in self.files)
            for part in PARTS if parts else ():
                if part not in parts and (self._folder / part).is_dir():
                    self._note(f"{part}/{name}", 0, Fault("not-in-all-parts", f"the file is only in {', '.join(parts)}"))
            if parts and Path(name).stem in left_out:
                self._note(MANIFEST, 0, Fault("left-out-but-there", f"{name} is in the folder and in left_out"))
            if not parts and manifest is not None and Path(name).stem not in left_out:
                self._note(MANIFEST, 0, Fault("kind-not-accounted-for", f"{name} is neither in the folder nor in left_out"))
            if name in KINDS:
                self.reading.rows(name, parts)
            elif parts:
                self.reading.classifier(name, parts)
            if "train" in parts:
                for fault in size_faults(name, self.reading.facts[f"train/{name}"]):
                    self._note(f"train/{name}", 0, fault)

    def _root_files(self, manifest: Mapping[str, Any] | None) -> None:
        reading, known = self.reading, Hashes(kinds=4)
        for name, code in (
            (ROWS, "rows-missing"),
            (DROPPED, "dropped-missing"),
            (CARD, "card-missing"),
            (INFO, "info-missing"),
        ):
            if name not in self.files:
                self._note(name, 0, Fault(code, "the file is not there"))
        if ROWS in self.files:
            self._rows(known, manifest)
        if DROPPED in self.files:
            self._dropped(known, manifest)
        for group in known.groups():
            kept = [number for number in group if number % 4 < 3]
            if len(kept) > 1:
                fault = Fault("row-in-two-parts", f"the row is also in line {kept[0] // 4}, in another part")
                self._note(ROWS, kept[1] // 4, fault)
            if kept and len(kept) < len(group):
                fault = Fault("dropped-but-kept", f"the row is in line {kept[0] // 4} of {ROWS}")
                self._note(DROPPED, next(number for number in group if number % 4 == 3) // 4, fault)
        for card in sorted({CARD, _OTHER_CARD} & self.files):
            for fault in card_faults("\n".join(line for _, line in reading.lines(card)), with_head=card == CARD):
                self._note(card, 0, fault)
        if INFO in self.files:
            for fault in info_faults("\n".join(line for _, line in reading.lines(INFO)), reading.facts):
                self._note(INFO, 0, fault)
        for path in sorted(self.files - reading.facts.keys()):
            reading.whole(path)

    def _rows(self, known: Hashes, manifest: Mapping[str, Any] | None) -> None:
        """Compare rows.jsonl with the lines that were read."""
        counted: Counter[str] = Counter()
        own, before = Hashes(), ("", 0)
        for number, told in self.reading.objects(ROWS):
            file, line, row = told.get("file"), told.get("line"), told.get("row")
            if (
                told.keys() != {"file", "line", "row"}
                or not isinstance(file, str)
                or type(line) is not int
                or not isinstance(row, str)
            ):
                self._note(ROWS, number, Fault("rows-keys", "the line is not made of file, line and row"))
                continue
            part, _, name = file.partition("/")
            if part not in PARTS or name not in _NAMES or file not in self.files:
                self._note(ROWS, number, Fault("rows-file-unknown", "the line names a file that is not there"))
                continue
            if (file, line) != ((before[0], before[1] + 1) if file == before[0] else (max(file, before[0]), 1)):
                self._note(ROWS, number, Fault("rows-order", "the line is out of order"))
            if file != before[0]:
                self._twice(own, ROWS, "row-twice", times=_times(before[0]))
                own = Hashes()
            before = file, line
            counted[file] += 1
            own.add(row, number)
            known.add(row, number * 4 + PARTS.index(part))
        self._twice(own, ROWS, "row-twice", times=_times(before[0]))
        for path, facts in self.reading.facts.items():
            if path.partition("/")[2] in _NAMES and counted[path] != facts.rows:
                fault = Fault("rows-differ", f"{ROWS} has {counted[path]} lines for {path}, which has {facts.rows} rows")
                self._note(ROWS, 0, fault)
        kept = manifest.get("kept") if manifest else None
        if isinstance(kept, int) and (distinct := known.distinct()) > kept:
            self._note(MANIFEST, 0, Fault("split-differs", f"the files have {distinct} rows, but {kept} were kept"))

    def _twice(self, seen: Hashes, file: str, code: str, *, times: int = 1) -> None:
        for group in seen.groups():
            if len(group) > times:
                self._note(file, group[times], Fault(code, f"the row is in line {group[0]} already"))

    def _dropped(self, known: Hashes, manifest: Mapping[str, Any] | None) -> None:
        counted: Counter[tuple[str, str]] = Counter()
        own = Hashes()
        for number, told in self.reading.objects(DROPPED):
            values = [told.get("row"), told.get("step"), told.get("reason")]
            row, step, reason = (value if isinstance(value, str) else "" for value in values)
            if told.keys() != {"row", "step", "reason"} or not (row and step and reason):
                self._note(DROPPED, number, Fault("dropped-keys", "the line is not made of row, step and reason"))
                continue
            counted[step, reason] += 1
            own.add(row, number)
            known.add(row, number * 4 + 3)
        self._twice(own, DROPPED, "dropped-twice")
        given = manifest.get("dropped") if manifest else None
        if isinstance(given, dict) and all(isinstance(reasons, dict) for reasons in given.values()):
            told_of = {(step, reason): count for step, reasons in given.items() for reason, count in reasons.items() if count}
            if told_of != dict(counted):
                fault = Fault("dropped-differ", f"the manifest's counts are not those of the {sum(counted.values())} lines")
                self._note(DROPPED, 0, fault)

    def _parquet(self) -> None:
        """Parquet files beside all JSONL files or beside none, each with as many rows."""
        wanted = {path.removesuffix(".jsonl") + ".parquet" for path in self.files if "/" in path and path.endswith(".jsonl")}
        there = {path for path in self.files if path.endswith(".parquet")}
        for path in sorted(wanted - there if there else ()):
            self._note(path, 0, Fault("parquet-incomplete", "other files have Parquet beside them, this one has not"))
        for path in sorted(there):
            beside = self.reading.facts.get(path.removesuffix(".parquet") + ".jsonl")
            try:
                rows = parquet_rows(self._folder / path)
            except (NotParquet, OSError):
                self._note(path, 0, Fault("parquet-broken", "the file is not Parquet, or its footer is broken"))
                continue
            self.reading.facts[path].rows = rows
            if beside is None or rows != beside.rows:
                fault = Fault("parquet-rows", f"the file has {rows} rows, the JSONL file {beside.rows if beside else 0}")
                self._note(path, 0, fault)

    def _listed(self, manifest: Mapping[str, Any]) -> None:
        """Compare the manifest's list of files with what was read."""
        given = manifest.get("files")
        listed: Mapping[str, object] = given if isinstance(given, dict) else {}
        for path in sorted(self.files - {MANIFEST} - listed.keys()):
            self._note(path, 0, Fault("file-not-listed", "the manifest does not list it"))
        for path in sorted(listed):
            if path not in self.files or path == MANIFEST:
                self._note(MANIFEST, 0, Fault("file-missing", "a file is listed that is not there"))
            elif isinstance(entry := listed[path], dict):
                for fault in _against(entry, self.reading.facts[path]):
                    self._note(path, 0, fault)


def _times(file: str) -> int:
    """How often a row may be in a file: in KTO's once as the answer and once as its correction."""
    return 2 if file.endswith("/kto.jsonl") else 1


def _against(entry: Mapping[str, object], facts: Facts) -> Iterator[Fault]:
    if entry.get("rows") != facts.rows and not (entry.get("rows") is None and facts.rows is None):
        yield Fault("file-rows", f"the file has {facts.rows} rows, the manifest says {entry.get('rows')}")
    if entry.get("bytes") != facts.size:
        yield Fault("file-size", f"the file has {facts.size} bytes, the manifest says {entry.get('bytes')}")
    if entry.get("sha256") != facts.sha256:
        yield Fault("file-hash", f"the SHA-256 of the file is {facts.sha256}")


_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "what": "Check a folder of training files against the rules of its formats.",
        "folder": "the folder that has manifest.json",
        "json": "print one JSON object",
        "language": "the language of the summary",
        "line": "line {line}",
        "more": "and {more} more of the same kind in this file",
        "mend": "To mend it",
        "files": "{files} files, {rows} rows, ",
        "none": "no problem",
        "one": "1 problem",
        "many": "{problems} problems",
        "not": "These are not training files",
    },
    "es": {
        "what": "Comprueba una carpeta de archivos de entrenamiento con las reglas de sus formatos.",
        "folder": "la carpeta que tiene manifest.json",
        "json": "escribe un objeto JSON",
        "language": "el idioma del resumen",
        "line": "línea {line}",
        "more": "y {more} más del mismo tipo en este archivo",
        "mend": "Cómo arreglarlo",
        "files": "{files} archivos, {rows} filas, ",
        "none": "ningún problema",
        "one": "1 problema",
        "many": "{problems} problemas",
        "not": "No son archivos de entrenamiento",
    },
}


def lines(checked: Checked, language: str) -> Iterator[str]:
    """The problems and a summary, for reading. What is wrong is told in English, as the codes and keys are."""
    words = _WORDS[language]
    for problem in checked.problems:
        place = f", {words['line'].format(line=problem.line)}" if problem.line else ""
        yield f"{_printable(problem.file)}{place}: {problem.wrong} [{problem.code}]"
        if problem.more:
            yield f"    {words['more'].format(more=problem.more)}"
        yield f"    {words['mend']}: {problem.mend}"
    count = sum(1 + problem.more for problem in checked.problems)
    end = words["none"] if not count else words["one"] if count == 1 else words["many"].format(problems=count)
    yield words["files"].format(files=checked.files, rows=checked.rows) + end


def _printable(name: str) -> str:
    """A file's name that no terminal takes for a command."""
    return name if name.isprintable() else ascii(name)


def main(arguments: Sequence[str]) -> int:
    """Run the command line; its exit status."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--language", choices=tuple(_WORDS), default="en")
    words = _WORDS[first.parse_known_args(arguments)[0].language]
    parser = argparse.ArgumentParser(prog="python -m learning.check", description=words["what"])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=words["folder"])
    parser.add_argument("--json", action="store_true", help=words["json"])
    parser.add_argument("--language", choices=tuple(_WORDS), default="en", help=words["language"])
    told = parser.parse_args(arguments)
    try:
        checked = examine(told.folder)
    except (NotTrainingFiles, OSError) as error:
        sys.stderr.write(f"{words['not']}: {error}\n")
        return 2
    if told.json:
        sys.stdout.write(json.dumps(asdict(checked), ensure_ascii=True) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines(checked, told.language))
    return 1 if checked.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
