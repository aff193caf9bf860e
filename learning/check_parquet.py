"""How many rows a Parquet file says it has, read from its footer alone. Standard library only.

The footer is Thrift's compact protocol (apache/parquet-format, `parquet.thrift`, FileMetaData: field 3 is `num_rows`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

_MAGIC: Final = b"PAR1"
_LARGEST_FOOTER: Final = 64 * 1024 * 1024
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 11, 12
_WHOLE: Final = (4, 5, 6)
_DEEPEST: Final = 32


class NotParquet(ValueError):
    """The file is not Parquet, or its footer is broken."""


def parquet_rows(path: Path) -> int:
    """The number of rows. NotParquet when the file cannot be one, OSError when it cannot be read."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size < 12:
            raise NotParquet
        file.seek(size - 8)
        tail = file.read(8)
        length = int.from_bytes(tail[:4], "little")
        file.seek(0)
        if file.read(4) != _MAGIC or tail[4:] != _MAGIC or not 0 < length <= min(size - 12, _LARGEST_FOOTER):
            raise NotParquet
        file.seek(size - 8 - length)
        footer = file.read(length)
    try:
        return _Thrift(footer).whole_number(3)
    except IndexError:
        raise NotParquet from None


class _Thrift:
    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def whole_number(self, wanted: int) -> int:
        """The whole number in field `wanted` of the struct that begins here."""
        field = 0
        while (head := self._byte()) != 0:
            field = field + (head >> 4) if head >> 4 else self._zigzag()
            if field == wanted and head & 15 in _WHOLE:
                return self._zigzag()
            self._skip(head & 15, 0)
        raise NotParquet

    def _byte(self) -> int:
        self._place += 1
        return self._data[self._place - 1]

    def _varint(self) -> int:
        value, shift = 0, 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128 or shift > 70:
                return value

    def _zigzag(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)

    def _skip(self, kind: int, depth: int) -> None:
        if depth > _DEEPEST:
            raise NotParquet
        if kind in _WHOLE:
            self._varint()
        elif kind in (_BYTE, _DOUBLE):
            self._place += 1 if kind == _BYTE else 8
        elif kind == _BINARY:
            length = self._varint()  # moves the place itself
            self._place += length
        elif kind in (_LIST, _SET, _MAP):
            self._skip_many(kind, depth)
        elif kind == _STRUCT:
            while (head := self._byte()) != 0:
                if not head >> 4:
                    self._varint()
                self._skip(head & 15, depth + 1)
        elif kind not in (_TRUE, _FALSE):
            raise NotParquet

    def _skip_many(self, kind: int, depth: int) -> None:
        if kind == _MAP:
            count = self._varint()
            head = self._byte() if count else 0
            kinds = [head >> 4, head & 15]
        else:
            head = self._byte()
            count = self._varint() if head >> 4 == 15 else head >> 4
            kinds = [head & 15]
        for _ in range(count):
            for inner in kinds:
                # Inside of a list a truth value is a byte of its own.
                self._skip(_BYTE if inner in (_TRUE, _FALSE) else inner, depth + 1)
