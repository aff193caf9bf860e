"""The operator's labels as a CSV table: written for any spreadsheet, read back from any of them, all of it or nothing."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from bot.intent_words import intent_words
from bot.lexical import fold
from bot.locale import say
from bot.training_types import Intent
from learning.records import LANGUAGES, Labelled, Language, Rows

MAX_BYTES: Final = 64 * 2**20
MAX_TOPIC: Final = 80
"""Characters of a topic."""
MAX_PROBLEMS: Final = 100
"""So many problems are named; who mends them finds the rest."""
_MAX_CELL: Final = 30_000
"""Characters of a text in a cell: Excel takes 32,767 (Excel specifications and limits, support.microsoft.com, 2026-11)."""
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL
_DELIMITERS: Final = (",", ";", "\t")
_ACTIVE: Final = re.compile(r"'*[ \u00a0]*[=+\-@＝＋－＠\t\r\n]")
"""What a spreadsheet may take for a formula (OWASP, CSV injection), apostrophes before it included so that none is lost."""
_NUMBER: Final = re.compile(r"'*[+-]?[\d.,]+(?:[eE][+-]?\d+)?")
_MANGLED: Final = re.compile(r"[+-]?\d+(?:[.,]\d+)?E[+-]?\d+")


class ByHand(msgspec.Struct, frozen=True, kw_only=True):
    """What a person of the house says of a row; None and "" where they say nothing."""

    intent: Intent | None = None
    topic: str = ""


class Fault(StrEnum):
    """What is wrong with a table."""

    UNREADABLE = "unreadable"
    SIZE = "size"
    ENCODING = "encoding"
    EMPTY = "empty"
    HEADS = "heads"
    HEAD_TWICE = "head_twice"
    TORN = "torn"
    CELLS = "cells"
    NO_ROW = "no_row"
    MANGLED = "mangled"
    TWICE = "twice"
    INTENT = "intent"
    TOPIC = "topic"


class SheetProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a table. `line` is of the file, `at` of the spreadsheet, where cells may have many lines; from 1."""

    fault: Fault
    line: int = 0
    at: int = 0

    def said(self, language: Language) -> str:
        """What is wrong, where, and how to mend it."""
        words = _mending(self.fault, language)
        if not self.line:
            return words
        if self.line == self.at:
            return say(language, "Line {line}: {words}", line=self.line, words=words)
        return say(
            language, "Row {row} of the table (line {line} of the file): {words}", row=self.at, line=self.line, words=words
        )


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """The labels by row id, or what is wrong; never both. Rows that nobody labelled are not in it."""

    labels: dict[str, ByHand]
    problems: tuple[SheetProblem, ...] = ()


def _heads(language: Language) -> dict[str, str]:
    """The columns in their order, with their heads."""
    return {
        "row": say(language, "Row"),
        "question": say(language, "Question"),
        "answer": say(language, "Answer"),
        "correction": say(language, "Correction"),
        "machine_intent": say(language, "Intent found"),
        "machine_topic": say(language, "Topic found"),
        "intent": say(language, "Your intent"),
        "topic": say(language, "Your topic"),
    }


def write_sheet(rows: Rows[Labelled], file: Path, language: Language) -> int:
    """Writes the table to `file`, heads in `language`, and returns how many rows it has. Only the owner may read it.

    UTF-8 with a byte order mark, commas, CRLF (RFC 4180). A cell that a spreadsheet might run gets an apostrophe before it, and
    so does a row id that it might round. The file is there whole or not at all. Raises OSError when it cannot be written.
    """
    part = file.with_name(f".{file.name}.part")
    count = 0
    part.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(part, _NEW, 0o600), "w", encoding="utf-8-sig", newline="") as out:
            table = csv.writer(out)
            table.writerow(_heads(language).values())
            words = intent_words(language)
            for count, row in enumerate(rows(), 1):  # noqa: B007 - counted for the caller
                table.writerow(_cells(row, words))
            out.flush()
            os.fsync(out.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return count


def _cells(row: Labelled, words: Mapping[Intent, str]) -> Iterator[str]:
    yield f"'{row.told.row}" if _NUMBER.fullmatch(row.told.row) else _guarded(row.told.row)
    for text in (row.told.question, row.told.answer, row.told.correction):
        plain = text.replace("\0", "")
        yield _guarded(plain if len(plain) <= _MAX_CELL else f"{plain[:_MAX_CELL]}…")
    yield words[row.labels.intent]
    yield _guarded(row.labels.topic)
    yield from ("", "")


def _guarded(cell: str) -> str:
    return f"'{cell}" if _ACTIVE.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _ACTIVE.match(cell) else cell


def read_sheet(file: Path) -> Sheet:
    """The labels that somebody wrote into a table of `write_sheet`, or every problem with it (the first hundred).

    Columns are known by their heads, in either language and any order; others are passed over. Comma, semicolon and tab part
    cells; UTF-8, UTF-16 with its mark, and Windows' cp1252 are read. Reads the whole file: call it in a thread.
    """
    try:
        if file.stat().st_size > MAX_BYTES:
            return _refused(Fault.SIZE)
        raw = file.read_bytes()
    except OSError:
        return _refused(Fault.UNREADABLE)
    text = _decoded(raw)
    if text is None:
        return _refused(Fault.ENCODING)
    if not text.strip():
        return _refused(Fault.EMPTY)
    reading = _Reading(text)
    problems = tuple(reading.problems[:MAX_PROBLEMS])
    return Sheet(labels={} if problems else reading.labels, problems=problems)


def _refused(fault: Fault) -> Sheet:
    return Sheet(labels={}, problems=(SheetProblem(fault=fault),))


def _decoded(raw: bytes) -> str | None:
    """The text of a file; None when it is in no encoding that a spreadsheet saves."""
    encodings = ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return None if "\0" in text else text
    return None


class _Reading:
    """One table being read: what is found in it and what is wrong with it."""

    def __init__(self, text: str) -> None:
        self.labels: dict[str, ByHand] = {}
        self.problems: list[SheetProblem] = []
        self._seen: dict[str, ByHand] = {}
        first, _, rest = text.partition("\n")
        skipped = int(bool(re.fullmatch(r"sep=.\r?", first)))
        body = rest if skipped else text
        columns: dict[str, int] = {}
        for line, at, cells in self._records(body, skipped):
            if not columns:
                columns = self._columns(cells, line, at)
                if self.problems:
                    return
                width = len(cells)
            elif any(cell.strip() for cell in cells):
                if len(cells) > width and any(cell.strip() for cell in cells[width:]):
                    self._wrong(Fault.CELLS, line, at)
                else:
                    self._take({name: _cell(cells, place) for name, place in columns.items()}, line, at)

    def _wrong(self, fault: Fault, line: int, at: int) -> None:
        self.problems.append(SheetProblem(fault=fault, line=line, at=at))

    def _records(self, body: str, skipped: int) -> Iterator[tuple[int, int, list[str]]]:
        """(line of the file, row of the spreadsheet, cells)."""
        reader = csv.reader(io.StringIO(body, newline=""), delimiter=_delimiter(body), strict=True)
        at, line = skipped, skipped + 1
        while True:
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error:
                self._wrong(Fault.TORN, line, at + 1)
                return
            at += 1
            yield line, at, cells
            line = skipped + reader.line_num + 1

    def _columns(self, cells: Sequence[str], line: int, at: int) -> dict[str, int]:
        """Where the columns are that are read."""
        found: dict[str, int] = {}
        for place, cell in enumerate(cells):
            name = _KNOWN.get(_comparable(cell))
            if name in found:
                self._wrong(Fault.HEAD_TWICE, line, at)
            if name:
                found[name] = place
        if "row" not in found or not found.keys() & {"intent", "topic"}:
            self._wrong(Fault.HEADS, line, at)
        return found

    def _take(self, cells: Mapping[str, str], line: int, at: int) -> None:
        """Takes one row of the table, or says what is wrong with it."""
        row = cells["row"].lstrip("'")
        intent_cell, topic = _comparable(cells.get("intent", "")), _unguarded(cells.get("topic", ""))
        intent = _INTENTS.get(intent_cell)
        if not intent_cell and not topic:
            return
        before = len(self.problems)
        if not row:
            self._wrong(Fault.NO_ROW, line, at)
        elif _MANGLED.fullmatch(row):
            self._wrong(Fault.MANGLED, line, at)
        if intent_cell and intent is None:
            self._wrong(Fault.INTENT, line, at)
        if len(topic) > MAX_TOPIC or not topic.isprintable():
            self._wrong(Fault.TOPIC, line, at)
        told = ByHand(intent=intent, topic=topic)
        if len(self.problems) == before and self.labels.setdefault(row, told) != told:
            self._wrong(Fault.TWICE, line, at)


def _cell(cells: Sequence[str], place: int) -> str:
    """A cell without blanks around; "" where a spreadsheet left the empty ones at the end out."""
    return cells[place].strip() if place < len(cells) else ""


def _comparable(cell: str) -> str:
    return " ".join(fold(_unguarded(cell.strip())).split())


def _delimiter(body: str) -> str:
    """What parts the cells of the first line: that which makes most known heads of it."""
    first = body.partition("\n")[0]
    return max(_DELIMITERS, key=lambda mark: sum(_comparable(cell.strip(' "\r')) in _KNOWN for cell in first.split(mark)))


_KNOWN: Final[Mapping[str, str]] = {
    _comparable(head): name for language in LANGUAGES for name, head in _heads(language).items()
}
_INTENTS: Final[Mapping[str, Intent]] = {str(intent): intent for intent in Intent} | {
    _comparable(word): intent for language in LANGUAGES for intent, word in intent_words(language).items()
}


def _mending(fault: Fault, language: Language) -> str:
    """What is wrong and how to mend it."""
    heads, words = _heads(language), ", ".join(intent_words(language).values())
    return {
        Fault.UNREADABLE: say(language, "The file cannot be read. Check that it is there and not open in another program."),
        Fault.SIZE: say(
            language,
            "The file is larger than {megabytes} MB. Leave out the rows without a label.",
            megabytes=MAX_BYTES // 2**20,
        ),
        Fault.ENCODING: say(language, "This is no text table. Save it as “CSV UTF-8” and send it again."),
        Fault.EMPTY: say(language, "The file is empty. Write the table again and fill it in."),
        Fault.HEADS: say(
            language,
            "A column is missing. The first line needs “{row}” and at least one of “{intent}” and “{topic}”.",
            row=heads["row"],
            intent=heads["intent"],
            topic=heads["topic"],
        ),
        Fault.HEAD_TWICE: say(language, "Two columns have the same head. Delete one of them."),
        Fault.TORN: say(language, "A quotation mark is not closed, or stands where none may be. Save the table again as CSV."),
        Fault.CELLS: say(
            language, "There are more cells than columns. Put texts with the separator in them in quotation marks."
        ),
        Fault.NO_ROW: say(language, "There is a label but no row id. Copy the id from the table that was written."),
        Fault.MANGLED: say(
            language, "The spreadsheet made a number of the row id. Set the column to “text” and copy the id again."
        ),
        Fault.TWICE: say(language, "This row was labelled before, and otherwise. Keep one of the two."),
        Fault.INTENT: say(language, "No such intent. Write one of: {words}; or leave the cell empty.", words=words),
        Fault.TOPIC: say(language, "A topic has at most {count} characters and no line breaks.", count=MAX_TOPIC),
    }[fault]
