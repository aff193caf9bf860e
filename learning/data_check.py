"""Whether anybody's own JSONL or CSV file can teach a model something, and how to mend what is wrong with it.

The file is read line by line and never whole. No error leaves this module: whatever a file is, the report says it.
"""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final, TypeVar

from bot.lexical import guess_language
from learning.data_check_rules import ADVICE, FATAL, FEWEST_OF_A_LABEL, Code, Finding, Format, Report, Row, format_of, row_of
from learning.data_check_words import render
from learning.duplicates import NearDuplicates

__all__ = ["check_data", "render"]

FEWEST, BETTER = 10, 50
"""Examples: what hosted trainers refuse, and what OpenAI's guide suggests to begin with."""
LONGEST_LINE: Final = 4 * 1024 * 1024
MOST_LINES_KEPT: Final = 100
COMPARED, EXACTLY_COMPARED = 20_000, 500_000
"""Rows that are compared for likeness, and for being the same; more would take too much memory."""
MOST_LABELS, MOST_KEYS = 10_000, 1_000
"""Different labels, and different sets of keys, that are told apart."""
IMBALANCE: Final = 10
"""How many times more rows the commonest label may have than the rarest."""

_T = TypeVar("_T")

_SAMPLE: Final = 64 * 1024
_MAGIC: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04", b"%PDF", b"\x1f\x8b", b"PAR1", b"SQLite format", b"RIFF")
_CONTROLS: Final = bytes(code for code in range(32) if code not in (9, 10, 12, 13))
_BOM: Final = b"\xef\xbb\xbf"
_ENDS: Final = tuple(".!?…。！？:)\"'»”’`*]}")
_LIKE: Final = 0.85
_SAME_INSTRUCTIONS: Final = 85.0
_MOST_SYSTEMS: Final = 200
_TELLING: Final = 20
"""Characters below which a text does not show its language."""


@dataclass(slots=True)
class _Lines:
    """How many lines there are of something, and the first of them."""

    first: list[int] = field(default_factory=list)
    count: int = 0

    def add(self, line: int) -> None:
        self.count += 1
        if line and len(self.first) < MOST_LINES_KEPT:
            self.first.append(line)


class _Unusable(Exception):
    """There is nothing to look at in the file. Never leaves this module."""

    def __init__(self, code: Code) -> None:
        self.code = code
        super().__init__(code.value)


def check_data(file: Path) -> Report:
    """What is wrong with a file, in one pass over it."""
    looking = _Looking()
    try:
        _look(file, looking)
    except _Unusable as end:
        looking.note(end.code, 0)
    except FileNotFoundError:
        looking.note(Code.NOT_FOUND, 0)
    except (OSError, ValueError):  # no right to read it, a disk that fails, a path that cannot be
        looking.note(Code.NOT_READABLE, 0)
    return looking.report()


def _look(file: Path, looking: _Looking) -> None:
    if not stat.S_ISREG(file.stat().st_mode):
        raise _Unusable(Code.NOT_A_FILE)
    with file.open("rb") as opened:
        sample = opened.read(_SAMPLE)
    start = _start(sample)
    suffix = file.suffix.lower()
    is_json = start.startswith("{") or (suffix in (".jsonl", ".ndjson") and not start.startswith("["))
    if start.startswith("["):
        raise _Unusable(Code.JSON_LIST)
    if start == "{":
        raise _Unusable(Code.JSON_SPREAD)
    looking.container = "JSONL" if is_json else "CSV"
    lines = _lines(file, looking)
    for number, values in _objects(lines, looking) if is_json else _records(lines, start, looking, is_csv=suffix == ".csv"):
        looking.add(number, values)


def _start(sample: bytes) -> str:
    """The first line that is not empty. Raises _Unusable for what is no text."""
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _Unusable(Code.UTF_16)
    is_binary = b"\x00" in sample or len(sample) - len(sample.translate(None, _CONTROLS)) > len(sample) // 20
    if sample.startswith(_MAGIC) or is_binary:
        raise _Unusable(Code.NOT_TEXT)
    text = sample.removeprefix(_BOM).decode(errors="replace").strip()
    if not text:
        raise _Unusable(Code.EMPTY)
    return text.splitlines()[0].strip()


def _lines(file: Path, looking: _Looking) -> Iterator[tuple[int, str]]:
    """The lines of a file with their numbers, without their ends; too long ones are noted and skipped."""
    number = 0
    with file.open("rb") as opened:
        while raw := opened.readline(LONGEST_LINE):
            number += 1
            if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                while (rest := opened.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                    pass
                looking.note(Code.LINE_TOO_LONG, number)
                continue
            if number == 1 and raw.startswith(_BOM):
                looking.note(Code.BYTE_ORDER_MARK, 0)
                raw = raw[len(_BOM) :]
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                looking.note(Code.ENCODING, number)
                text = raw.decode("cp1252", errors="replace")  # what such files mostly are
            yield number, text.rstrip("\r\n")


def _objects(lines: Iterator[tuple[int, str]], looking: _Looking) -> Iterator[tuple[int, Mapping[str, object]]]:
    for number, line in lines:
        if not line.strip():
            looking.note(Code.EMPTY_LINE, number)
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            looking.note(Code.BROKEN_LINE, number)
            continue
        if isinstance(value, dict):
            yield number, value
        else:
            looking.note(Code.NOT_AN_OBJECT, number)


def _records(
    lines: Iterator[tuple[int, str]], start: str, looking: _Looking, *, is_csv: bool
) -> Iterator[tuple[int, Mapping[str, object]]]:
    """The rows of a CSV file by the names of its columns. Raises _Unusable when its first line names none that are known."""
    separator = max(",;\t", key=start.count)
    names = [name.strip().strip('"').lower() for name in start.split(separator)]
    if format_of(names) is None:
        raise _Unusable(Code.CSV_HEADER if is_csv or len(names) > 1 else Code.UNKNOWN_FORMAT)
    if separator != ",":
        looking.note(Code.CSV_SEPARATOR, 0)
    begun = 1

    def texts() -> Iterator[str]:
        nonlocal begun
        for number, line in lines:
            begun = number
            yield line + "\n"

    reader = csv.reader(texts(), delimiter=separator, strict=True)
    is_first = True
    while True:
        first = begun + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            looking.note(Code.BROKEN_RECORD, first)
            continue
        if is_first:
            is_first = not any(cells)
        elif not cells:
            looking.note(Code.EMPTY_LINE, first)
        elif len(cells) != len(names):
            looking.note(Code.BROKEN_RECORD, first)
        else:
            yield first, _typed(dict(zip(names, cells, strict=True)))


def _typed(values: dict[str, str]) -> Mapping[str, object]:
    """The cells of a row; the thumb of an answer, which a CSV can only spell, as true or false."""
    label = values.get("label", "").strip().lower()
    if format_of(frozenset(values)) is Format.THUMBS and label in ("true", "false", "1", "0"):
        return {**values, "label": label in ("true", "1")}
    return values


class _Looking:
    """What was seen so far: numbers of lines and hashes, never texts, but for the sketches of near-duplicates."""

    def __init__(self) -> None:
        self.container, self.rows = "", 0
        self._noted: dict[Code, _Lines] = {}
        self._formats: dict[Format, _Lines] = {}
        self._keys: dict[tuple[Format, frozenset[str]], _Lines] = {}
        self._styles: dict[tuple[Code, object], _Lines] = {}
        self._systems: dict[str, _Lines] = {}
        self._spelled: dict[str, _Lines] = {}
        self._whole: dict[bytes, int] = {}
        self._asked: dict[bytes, bytes] = {}
        self._alike = NearDuplicates(threshold=_LIKE)

    def note(self, code: Code, line: int) -> None:
        """Take note of something at a line; 0 for the file as a whole."""
        self._noted.setdefault(code, _Lines()).add(line)

    def add(self, line: int, values: Mapping[str, object]) -> None:
        """Look at one example."""
        self.rows += 1
        row = row_of(values)
        if row is None:
            self.note(Code.UNKNOWN_ROW, line)
            return
        self._formats.setdefault(row.format, _Lines()).add(line)
        if (row.format, row.keys) in self._keys or len(self._keys) < MOST_KEYS:
            self._keys.setdefault((row.format, row.keys), _Lines()).add(line)
        for code in row.codes:
            self.note(code, line)
        self._style(line, row)
        self._label(line, row)
        self._repeated(line, row)

    def _style(self, line: int, row: Row) -> None:
        """Which of two ways a row is written in."""
        if row.format in (Format.CHAT, Format.SHAREGPT):
            self._seen(Code.SYSTEM_SOMETIMES, row.system is not None, line)
        if row.system is not None and (row.system in self._systems or len(self._systems) < _MOST_SYSTEMS):
            self._systems.setdefault(row.system, _Lines()).add(line)
        answers = [answer for answer in row.answers if answer.strip()]
        for answer in answers[:1]:
            self._seen(Code.PUNCTUATION, answer.rstrip().endswith(_ENDS), line)
            self._seen(Code.LEADING_SPACE, answer[0].isspace(), line)
        said = answers[0] if answers else row.asked
        language = guess_language(said) if len(said) >= _TELLING else None
        if language is None:
            return
        self._seen(Code.LANGUAGES, language, line)
        asked = guess_language(row.asked) if answers and len(row.asked) >= _TELLING else None
        if asked not in (None, language):
            self.note(Code.ANSWER_LANGUAGE, line)

    def _seen(self, code: Code, side: object, line: int) -> None:
        self._styles.setdefault((code, side), _Lines()).add(line)

    def _label(self, line: int, row: Row) -> None:
        if row.label is None or not row.label.strip():
            return
        if row.label in self._spelled or len(self._spelled) < MOST_LABELS:
            self._spelled.setdefault(row.label, _Lines()).add(line)

    def _repeated(self, line: int, row: Row) -> None:
        """Whether the row was there before: whole, with another answer or label, or nearly."""
        question = row.asked if row.format is not Format.THUMBS else "\n\n".join((row.asked, *row.answers))
        answer = row.label if row.label is not None else "\n\n".join(row.answers)
        if not question.strip() or self.rows > EXACTLY_COMPARED:
            return
        asked, whole = _digest(row.system or "", question), _digest(row.system or "", question, answer)
        before = self._asked.setdefault(asked, whole)
        if self._whole.setdefault(whole, line) != line:
            self.note(Code.DUPLICATE, line)
        elif before != whole and row.format is not Format.PREFERENCES:
            self.note(Code.TWO_LABELS if row.label is not None else Code.TWO_ANSWERS, line)
        elif self.rows <= COMPARED and self._alike.add(str(line), f"{question}\n\n{'' if row.label else answer}") is not None:
            self.note(Code.NEAR_DUPLICATE, line)

    def report(self) -> Report:
        """What was found, after the last line."""
        common = max(self._formats, key=lambda one: self._formats[one].count, default=None)
        if not FATAL & self._noted.keys():
            self._conclude(common)
        findings = (
            Finding(
                level="advice" if code in ADVICE else "error", code=code, lines=tuple(noted.first), count=max(1, noted.count)
            )
            for code in Code
            if (noted := self._noted.get(code))
        )
        return Report(format=common, container=self.container, rows=self.rows, findings=tuple(findings))

    def _conclude(self, common: Format | None) -> None:
        """Note what only the whole file shows."""
        if common is None:
            self._noted.pop(Code.UNKNOWN_ROW, None)
            if self.rows:
                self.note(Code.UNKNOWN_FORMAT, 0)
            elif not self._noted.keys() - ADVICE:
                self.note(Code.EMPTY, 0)
            return
        self._rest(Code.MIXED_FORMATS, self._formats, common)
        of_format = {keys: lines for keys, lines in self._keys.items() if keys[0] is common}
        self._rest(Code.KEYS_DIFFER, of_format, max(of_format, key=lambda keys: of_format[keys].count))
        for code in (Code.SYSTEM_SOMETIMES, Code.PUNCTUATION, Code.LEADING_SPACE, Code.LANGUAGES):
            sides = {side: lines for (of, side), lines in self._styles.items() if of is code}
            if sides:
                self._rest(code, sides, max(sides, key=lambda side: sides[side].count))
        self._system_messages()
        self._all_labels(common)
        if self.rows < BETTER:
            self.note(Code.FEWER_THAN_10 if self.rows < FEWEST else Code.FEWER_THAN_50, 0)

    def _rest(self, code: Code, sides: Mapping[_T, _Lines], common: _T) -> None:
        """Note all lines but those of the commonest side."""
        for side, lines in sides.items():
            if side != common:
                self._add(code, lines)

    def _system_messages(self) -> None:
        """Note system messages that are nearly, but not quite, the commonest one."""
        from rapidfuzz import fuzz

        if not self._systems:
            return
        common = max(self._systems, key=lambda text: self._systems[text].count)
        alike = {
            text: lines
            for text, lines in self._systems.items()
            if text == common or fuzz.ratio(text[:2_000], common[:2_000]) >= _SAME_INSTRUCTIONS
        }
        self._rest(Code.SYSTEM_DIFFERS, alike, common)

    def _all_labels(self, common: Format) -> None:
        if common not in (Format.LABELS, Format.THUMBS):
            return
        if len(self._spelled) < 2:
            self.note(Code.ONE_LABEL, 0)
            return
        written: dict[str, dict[str, _Lines]] = {}
        for label, lines in self._spelled.items():
            written.setdefault(" ".join(label.casefold().split()), {})[label] = lines
        for ways in written.values():
            self._rest(Code.LABEL_SPELLING, ways, max(ways, key=lambda label: ways[label].count))
        counts = [sum(lines.count for lines in ways.values()) for ways in written.values()]
        if max(counts) > IMBALANCE * min(counts):
            self.note(Code.IMBALANCE, 0)
        for ways in written.values():
            if sum(lines.count for lines in ways.values()) < FEWEST_OF_A_LABEL and common is Format.LABELS:
                for lines in ways.values():
                    self._add(Code.RARE_LABEL, lines)

    def _add(self, code: Code, lines: _Lines) -> None:
        noted = self._noted.setdefault(code, _Lines())
        noted.count += lines.count
        noted.first = sorted([*noted.first, *lines.first])[:MOST_LINES_KEPT]


def _digest(*texts: str) -> bytes:
    return blake2b("\x00".join(texts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
