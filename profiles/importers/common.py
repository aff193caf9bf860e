"""What the readers of all formats share: the reader itself, safe texts and names, ids, times and sessions."""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.memory_types import BOT, SELF, BadRecord, ImportedRecord
from bot.normalise import plain
from profiles.importers.faults import Fault, Faulty
from profiles.importers.sources import Export, Files, Part

MAX_CHARS: Final = 8_000
MAX_NAME: Final = 80
SILENCE: Final = timedelta(hours=6)
"""After so long a silence a conversation begins anew: a night's sleep parts two sessions, a long lunch does not."""
_EARLIEST, _LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_IDS: Final = 2**62
_DIGITS: Final = re.compile("-?[0-9]{1,19}")

Records = Iterator[ImportedRecord | BadRecord]


class Format(StrEnum):
    """An export that can be read."""

    TELEGRAM = "telegram"
    DISCORD = "discord"
    CHATGPT = "chatgpt"


class Reader:
    """The records of one export, in a stable order with the same keys each time it is iterated.

    `bytes_read` of `bytes_total` says how far the latest iteration is. Iterating raises ImportRefused when the export is gone
    by then, and nothing else: what cannot be read is a BadRecord. It reads files as it goes, so iterate it in a thread.
    """

    def __init__(
        self, *, format: Format, export: Export, parts: Sequence[Part], records: Callable[[Files], Records], language: str
    ) -> None:
        self.format = format
        self.bytes_total = sum(part.size for part in parts)
        self._export, self._records, self._language = export, records, language
        self._files: Files | None = None

    @property
    def bytes_read(self) -> int:
        """Bytes of the export, unpacked, that were read so far."""
        return self._files.bytes_read if self._files else 0

    def __iter__(self) -> Records:
        with self._export.opened(self._language) as files:
            self._files = files
            yield from self._records(files)


def cleaned(text: str, limit: int = MAX_CHARS) -> str:
    """`text` without invisible controls, line ends as LF, at most `limit` characters: no cut parts a letter and its accent."""
    end = min(len(text), limit)
    while end < len(text) and end > limit - 32 and unicodedata.combining(text[end]):
        end -= 1
    return plain(text[:end]).strip()


def name_of(name: object, peer: str) -> str:
    """Somebody else's name on one line, never one that means the person or the bot; their id where there is none."""
    shown = " ".join(cleaned(name, MAX_NAME).split()) if isinstance(name, str) else ""
    shown = shown or cleaned(peer, MAX_NAME) or "?"
    return f"@{shown}" if shown in (SELF, BOT) else shown


def moment(seconds: object) -> datetime:
    """A Unix time, as a number or its digits. Raises Faulty for anything that is none of our time."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float, str)):
        raise Faulty(Fault.TIME)
    try:
        value = float(seconds)
    except (ValueError, OverflowError) as error:
        raise Faulty(Fault.TIME) from error
    if not _EARLIEST.timestamp() <= value <= _LATEST.timestamp():
        raise Faulty(Fault.TIME)
    return datetime.fromtimestamp(value, UTC)


def written_moment(text: object) -> datetime:
    """A time in ISO 8601, in UTC where it names no zone. Raises Faulty for anything that is none of our time."""
    if not isinstance(text, str):
        raise Faulty(Fault.TIME)
    try:
        read = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Faulty(Fault.TIME) from error
    if not _EARLIEST.year <= read.year < _LATEST.year:
        raise Faulty(Fault.TIME)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def number_of(value: object) -> int:
    """An id of at most 62 bits that is a whole number or its digits. Raises Faulty."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _IDS:
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value) and abs(int(value)) < _IDS:
        return int(value)
    raise Faulty(Fault.ID)


class Sessions:
    """One conversation read in order: a silence begins a new session, named after its first message."""

    def __init__(self, conversation: str) -> None:
        self._conversation = conversation
        self._session = ""
        self._position = 0
        self._last = _EARLIEST

    def place(self, id: str, at: datetime) -> tuple[str, int]:
        """Session and position of the next message."""
        if not self._session or abs(at - self._last) > SILENCE:
            self._session, self._position = f"{self._conversation}:{id}", -1
        self._position += 1
        self._last = at
        return self._session, self._position


class Ids:
    """The ids seen so far, eight bytes each as long as they rise."""

    def __init__(self) -> None:
        self._rising = array("q")
        self._others: set[int] = set()

    def is_new(self, id: int) -> bool:
        """Whether `id` was not seen before; from now on it was."""
        if not self._rising or id > self._rising[-1]:
            self._rising.append(id)
            return True
        place = bisect_left(self._rising, id)
        if self._rising[place] == id or id in self._others:
            return False
        self._others.add(id)
        return True
