"""JSON of any size read piece by piece: objects and lists are walked, single values handed out whole, memory stays bounded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import msgspec

CHUNK: Final = 262_144
MAX_DEPTH: Final = 200
"""A value that nests deeper is no value of any export, and would exhaust the decoder's stack."""
_LARGE: Final = 2_097_152
"""A string that is passed over is not held beyond this."""

_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_SCALAR: Final = re.compile(rb'[^,:"\[\]{} \t\r\n]*+')
_TO_BRACKET: Final = re.compile(rb'(?:[^"\[\]{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
_IN_STRING: Final = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_ESCAPE: Final = re.compile(rb"\\(?:x[0-9A-Fa-f:;<=>?]{2}|(?:u[dD][89abAB]..\\u[dD][c-fC-F]..)|u[dD][89a-fA-F]..|.)", re.DOTALL)
_CONTROLS: Final = bytes(32 if byte < 32 else byte for byte in range(256))
_OPEN, _QUOTE = b"[{", ord('"')

T = TypeVar("T")


class NotJson(ValueError):
    """What stands at `line` is no JSON, and where it goes on cannot be told."""

    def __init__(self, line: int) -> None:
        self.line = line
        super().__init__(f"line {line}: no JSON")


class CutShort(NotJson):
    """The text ends in the middle of what began at `line`."""


class JsonStream:
    """A cursor over JSON text in UTF-8; `read(size)` hands out the next bytes, none at the end.

    Within `members()` and `elements()` the cursor stands before each value, to be taken by exactly one of `raw`, `value`,
    `members`, `elements`; a value that was not taken is passed over. Raises NotJson, CutShort and what `read` raises.
    """

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read
        self._buffer = b""
        self._at = 0
        self._dropped = 0
        self._counted = 0
        self._lines = 1

    @property
    def line(self) -> int:
        """The line of the cursor, from 1."""
        self._lines += self._buffer.count(b"\n", self._counted, self._at)
        self._counted = self._at
        return self._lines

    def peek(self) -> str:
        """The next character that is not white space. Raises CutShort at the end."""
        self._at = self._space()
        while self._at == len(self._buffer):
            if not self._more():
                raise CutShort(self.line)
            self._at = self._space()
        return chr(self._buffer[self._at])

    def is_done(self) -> bool:
        """Whether nothing but white space is left."""
        try:
            self.peek()
        except CutShort:
            return True
        return False

    def members(self) -> Iterator[str]:
        """The keys of the object at the cursor, in order, a key that is repeated each time."""
        self._expect("{")
        while self.peek() != "}":
            if self.peek() != '"':
                raise NotJson(self.line)
            key = self.value()
            self._expect(":")
            self.peek()
            start = self._place()
            yield key if isinstance(key, str) else ""
            if self._place() == start:
                self.raw(0)
            if self.peek() == ",":
                self._at += 1
            elif self.peek() != "}":
                raise NotJson(self.line)
        self._at += 1

    def elements(self) -> Iterator[int]:
        """The lines on which the elements of the list at the cursor begin."""
        self._expect("[")
        while self.peek() != "]":
            start = self._place()
            yield self.line
            if self._place() == start:
                self.raw(0)
            if self.peek() == ",":
                self._at += 1
            elif self.peek() != "]":
                raise NotJson(self.line)
        self._at += 1

    def value(self, limit: int = 1_048_576) -> object:
        """The value at the cursor; None for one that is longer than `limit` bytes or no JSON."""
        raw = self.raw(limit)
        try:
            return None if raw is None else decoded(raw, _ANYTHING)
        except ValueError:
            return None

    def raw(self, limit: int) -> bytes | None:
        """The bytes of the value at the cursor, not yet looked at; None for more than `limit` of them or too deep a value."""
        first = self.peek()
        start, line = self._at, self.line
        if first in "[{":
            return self._nested(limit, line)
        if first == '"':
            while not (found := _STRING.match(self._buffer, self._at)):
                if len(self._buffer) - self._at > max(limit, _LARGE):
                    self._pass_string(line)
                    return None
                if not self._more():
                    raise CutShort(line)
        else:
            while (found := _SCALAR.match(self._buffer, self._at)) and found.end() == len(self._buffer):
                if len(self._buffer) - self._at > max(limit, CHUNK):
                    raise NotJson(line)
                if not self._more():
                    break
        end = found.end() if found else self._at
        if end == self._at:
            raise NotJson(line)
        start, self._at = self._at, end
        return self._buffer[start:end] if end - start <= limit else None

    def _place(self) -> int:
        return self._dropped + self._at

    def _nested(self, limit: int, line: int) -> bytes | None:
        """Pass the list or object at the cursor, and give its bytes unless there are too many."""
        place, depth, is_kept = self._at, 0, True
        while True:
            found = _TO_BRACKET.match(self._buffer, place)
            place = found.end() if found else place
            if place < len(self._buffer) and self._buffer[place] != _QUOTE:
                depth += 1 if self._buffer[place] in _OPEN else -1
                place += 1
                is_kept = is_kept and depth <= MAX_DEPTH and place - self._at <= limit
                if depth == 0:
                    break
                continue
            is_kept = is_kept and len(self._buffer) - self._at <= limit
            if not is_kept:
                self._at = place
                if len(self._buffer) - place > _LARGE:
                    self._pass_string(line)
                    place = self._at
                    continue
            place -= self._at
            if not self._more():
                raise CutShort(line)
            place += self._at
        start, self._at = self._at, place
        return self._buffer[start:place] if is_kept else None

    def _pass_string(self, line: int) -> None:
        """Pass the string at the cursor without holding it."""
        self._at += 1
        while True:
            found = _IN_STRING.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer) and self._buffer[self._at] == _QUOTE:
                self._at += 1
                return
            if not self._more():
                raise CutShort(line)

    def _expect(self, character: str) -> None:
        if self.peek() != character:
            raise NotJson(self.line)
        self._at += 1

    def _space(self) -> int:
        found = _SPACE.match(self._buffer, self._at)
        return found.end() if found else self._at

    def _more(self) -> bool:
        """Take in more, at least as much again as is held, so that looking again costs no more than reading did."""
        chunk = self._read(max(CHUNK, len(self._buffer) - self._at))
        self._lines += self._buffer.count(b"\n", self._counted, self._at)
        self._buffer = self._buffer[self._at :] + chunk
        self._dropped += self._at
        self._counted = self._at = 0
        return bool(chunk)


_ANYTHING: Final = msgspec.json.Decoder()


def decoded(raw: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    r"""What `raw` says. Raises ValueError: UnicodeDecodeError for no UTF-8, msgspec's errors for no JSON or another shape.

    Telegram Desktop writes control characters as `\x0B`, which is no JSON (`export_output_json.cpp`), and cut emoji leave
    half a surrogate pair in many exports: both are mended rather than losing the message.
    """
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        return decoder.decode(_ESCAPE.sub(_mended, raw.translate(_CONTROLS)))


def _mended(escape: re.Match[bytes]) -> bytes:
    kind = escape[0][1:2]
    if kind == b"x":
        return b" "
    return rb"\ufffd" if kind == b"u" and len(escape[0]) == _LONE else escape[0]


_LONE: Final = len(rb"\ud83d")
