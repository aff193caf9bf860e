"""Server-sent events out of the bytes of a response, in pieces of any size; pure.

After the WHATWG HTML standard, section 9.2.6 "Interpreting an event stream". Ids and reconnection times are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

MOST_BYTES: Final = 1024 * 1024
"""The longest line, and the most data of one event."""
_BOM: Final = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event: its type (`message` where none is named) and its data lines, joined by line feeds."""

    type: str
    data: bytes


class WireError(ValueError):
    """What came is not what the protocol says. The message is in our own words and may be logged."""


class EventTooLong(WireError):
    """A line or an event is longer than `MOST_BYTES`."""


class EventParser:
    """Takes the bytes of one stream in order. Lines may end in LF, CR LF or CR; comments and unknown fields are passed over."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_at_start, self._has_cr = True, False
        self._type = ""
        self._data: list[bytes] = []
        self._size = 0

    def take(self, received: bytes) -> list[Event]:
        """The events that these bytes complete. Raises EventTooLong."""
        return list(self._events(self._lines(received)))

    def end(self) -> list[Event]:
        """The last event, now that the stream is over: some servers leave out the blank line after it. Raises EventTooLong."""
        rest, self._rest = self._rest, b""
        return list(self._events([rest, b""]))

    def _lines(self, received: bytes) -> list[bytes]:
        """The lines that are whole now, without their ends."""
        if not received:
            return []
        if self._has_cr:
            # The CR was taken for a line's end already: a LF after it belongs to it.
            received, self._has_cr = received.removeprefix(b"\n"), False
        held = self._rest + received
        if self._is_at_start:
            if len(held) < len(_BOM) and _BOM.startswith(held):
                self._rest = held
                return []
            held, self._is_at_start = held.removeprefix(_BOM), False
        lines = held.splitlines(keepends=True)
        self._rest = lines.pop() if lines and not lines[-1].endswith((b"\n", b"\r")) else b""
        self._has_cr = held.endswith(b"\r")
        if len(self._rest) > MOST_BYTES:
            raise EventTooLong(f"a line of more than {MOST_BYTES} bytes")
        return [line.rstrip(b"\r\n") for line in lines]

    def _events(self, lines: list[bytes]) -> Iterator[Event]:
        for line in lines:
            if line:
                self._take_field(line)
            else:
                if self._data:
                    yield Event(self._type or "message", b"\n".join(self._data))
                self._type, self._data, self._size = "", [], 0

    def _take_field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._size += len(value) + 1
            if self._size > MOST_BYTES:
                raise EventTooLong(f"an event of more than {MOST_BYTES} bytes")
            self._data.append(value)
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
