"""Discord's data package as records: one folder for each channel with `messages.json`, or `messages.csv` before 2024.

Only the person's own messages are in there, so all are theirs. The folders are named in the person's language ("Mensajes"), the
channels' folders `c` and the channel's id (older: the id alone). Newer packages put the newest message first, so a channel's
texts wait in a file without a name until the order is known.
"""

from __future__ import annotations

import csv
import re
import tempfile
from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import IO, Final

import msgspec

from bot.memory_types import SELF, BadRecord, ImportedRecord
from profiles.importers.common import Records, Sessions, cleaned, number_of, written_moment
from profiles.importers.faults import Fault, Faulty, Unreadable, Wrong
from profiles.importers.json_stream import CHUNK, CutShort, JsonStream, NotJson, decoded
from profiles.importers.sources import Files, Part

MAX_MESSAGE: Final = 262_144
MAX_HELD: Final = 4_194_304
"""Bytes of one channel's texts that are held in memory; more wait on disk, in a file that no other program can open."""
NAMED: Final = re.compile(r"(?:.*/)?c?(\d{5,20})/messages\.(json|csv)", re.IGNORECASE | re.DOTALL | re.ASCII)
_EMOJI: Final = re.compile(r"<a?:(\w{1,64}):\d{1,20}>")
_COLUMNS: Final = {"id": "ID", "at": "Timestamp", "text": "Contents"}


class _Message(msgspec.Struct, frozen=True, rename={"id": "ID", "at": "Timestamp", "text": "Contents"}):
    id: object = None
    at: object = None
    text: object = None


_MESSAGE: Final = msgspec.json.Decoder(_Message)
_NO_UTF8: Final = re.compile("[\udc80-\udcff]")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def channels(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts with messages, one for each channel, by its id; JSON where there is CSV beside it."""
    best: dict[int, tuple[bool, Part]] = {}
    for part in parts:
        if match := NAMED.fullmatch(part.name):
            channel, is_json = int(match[1]), match[2].lower() == "json"
            if channel not in best or is_json > best[channel][0]:
                best[channel] = (is_json, part)
    return tuple(best[channel][1] for channel in sorted(best))


def records(files: Files, parts: Sequence[Part], *, language: str) -> Records:
    """Channel by channel; in each what could not be read first, then its messages from the oldest on."""
    for part in parts:
        wrong = Wrong(language, cleaned(part.name, 120))
        line = 1
        with tempfile.SpooledTemporaryFile(MAX_HELD) as file:
            waiting = _Waiting(file)
            try:
                with files.reading(part) as read:
                    rows = _csv(read, wrong) if part.name.lower().endswith("csv") else _json(read, wrong)
                    for line, row in rows:
                        bad = row if isinstance(row, BadRecord) else _take(row, line, waiting, wrong)
                        if bad is not None:
                            yield bad
            except (NotJson, Unreadable) as error:
                yield wrong.end(line, error)
            yield from waiting.records(_channel(part), wrong)


def _channel(part: Part) -> str:
    match = NAMED.fullmatch(part.name)
    return str(int(match[1])) if match else "0"


Rows = Iterator[tuple[int, _Message | BadRecord]]


def _json(read: Callable[[int], bytes], wrong: Wrong) -> Rows:
    """The elements of `messages.json`, each with its line."""
    json = JsonStream(read)
    for line in json.elements():
        raw = json.raw(MAX_MESSAGE)
        try:
            row = wrong(line, Fault.SIZE) if raw is None else decoded(raw, _MESSAGE)
        except ValueError as error:
            row = wrong(line, error)
        yield line, row


def _csv(read: Callable[[int], bytes], wrong: Wrong) -> Rows:
    """The rows of `messages.csv`, each with the line where it begins."""
    lines = _Lines(read)
    rows = csv.reader(lines, strict=True)
    columns: list[str] = []
    while True:
        line = lines.count + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            if lines.is_done:
                raise CutShort(line) from None
            yield line, wrong(line, Fault.UNLIKE)
            continue
        if not columns:
            columns = row
            if not set(_COLUMNS.values()) <= set(columns):
                yield line, wrong(line, Fault.COLUMNS)
                return
        elif any(_NO_UTF8.search(cell) for cell in row):
            yield line, wrong(line, Fault.ENCODING)
        elif row and len(row) < len(columns):
            yield line, wrong(line, Fault.UNLIKE)
        elif row:
            yield line, _Message(**{field: row[columns.index(name)] for field, name in _COLUMNS.items()})


class _Lines:
    """The lines of a text, what is beyond `MAX_MESSAGE` bytes of one cut off. `count` is how many were handed out."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self.count = 0
        self.is_done = False

    def __iter__(self) -> Iterator[str]:
        rest = b""
        while chunk := self._read(CHUNK):
            *whole, rest = (rest + chunk).split(b"\n")
            rest = rest[:MAX_MESSAGE]
            for line in whole:
                self.count += 1
                yield (line[:MAX_MESSAGE] + b"\n").decode("utf-8", "surrogateescape")
        if rest:
            self.count += 1
            yield rest.decode("utf-8", "surrogateescape")
        self.is_done = True


def _take(message: _Message, line: int, waiting: _Waiting, wrong: Wrong) -> BadRecord | None:
    """Keep a message that has a text; what is wrong with it otherwise."""
    if message.text is not None and not isinstance(message.text, str):
        return wrong(line, Fault.UNLIKE)
    text = cleaned(_EMOJI.sub(r":\1:", message.text) if message.text and "<" in message.text else message.text or "")
    try:
        number = number_of(message.id)
        if text:
            waiting.add(number, written_moment(message.at), line, text)
    except Faulty as error:
        return wrong(line, error)
    return None


class _Waiting:
    """The messages of one channel until all are there: forty bytes each in memory, their texts in `file`."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._end = 0
        self._ids, self._times, self._lines, self._places, self._sizes = (array("q") for _ in range(5))

    def add(self, number: int, at: datetime, line: int, text: str) -> None:
        """Keep one. Raises Unreadable where there is no room."""
        raw = text.encode()
        try:
            self._file.write(raw)
        except OSError as error:
            raise Unreadable from error
        values = (number, (at - _EPOCH) // _MICROSECOND, line, self._end, len(raw))
        for column, value in zip((self._ids, self._times, self._lines, self._places, self._sizes), values, strict=True):
            column.append(value)
        self._end += len(raw)

    def records(self, channel: str, wrong: Wrong) -> Records:
        """The messages kept, oldest first; before them what came more than once."""
        order, repeated = self._order()
        for index in repeated:
            yield wrong(self._lines[index], Fault.TWICE)
        sessions = Sessions(f"discord:{channel}")
        for index in order:
            number, time, line = self._ids[index], self._times[index], self._lines[index]
            self._file.seek(self._places[index])
            text = self._file.read(self._sizes[index]).decode()
            at = _EPOCH + time * _MICROSECOND
            session, position = sessions.place(str(number), at)
            yield ImportedRecord(
                key=f"discord:{channel}:{number}",
                text=text,
                said_by=SELF,
                is_own=True,
                said_at=at,
                session=session,
                position=position,
                line=line,
            )

    def _order(self) -> tuple[Sequence[int], Sequence[int]]:
        """Places by time, then id, and the places of messages that came before: the first in the file counts."""
        ids, times = self._ids, self._times
        every = range(len(ids))
        if all(ids[one] < ids[one + 1] and times[one] <= times[one + 1] for one in every[:-1]):
            return every, ()
        if all(ids[one] > ids[one + 1] and times[one] >= times[one + 1] for one in every[:-1]):
            return every[::-1], ()
        by_id = sorted(every, key=ids.__getitem__)
        repeated = [one for before, one in pairwise(by_id) if ids[before] == ids[one]]
        left_out = set(repeated)
        return sorted((one for one in by_id if one not in left_out), key=times.__getitem__), sorted(repeated)
