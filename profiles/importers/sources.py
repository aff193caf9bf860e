"""Where an export lies, a file, a folder or a zip, as parts with a name and a size. Nothing is unpacked to disk.

A zip from elsewhere may lie: only plain files that a format asks for are opened, what they unpack to is bounded before the
first byte, and their names are compared, never followed.
"""

from __future__ import annotations

import codecs
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from bot.errors import ImportRefused
from bot.locale import say
from profiles.importers.faults import Unreadable

MAX_PARTS: Final = 200_000
MAX_DIRECTORY: Final = 16 * 1_048_576
"""Bytes of a zip's table of contents: a hundred thousand files have room in it."""
MAX_UNPACKED: Final = 8 * 1_073_741_824
MAX_RATIO: Final = 200
"""Exports shrink to a fifth or a tenth; deflate can do a thousandth."""
SMALL: Final = 64 * 1_048_576
"""Unpacked sizes up to which the ratio does not count: a small file of repetitions is harmless."""
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BROKEN: Final = (
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    OverflowError,
    RuntimeError,  # what zipfile raises for methods that it does not know
)
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file of the export: its path below the export with `/`, and its size in bytes once unpacked."""

    name: str
    size: int


class Files:
    """The parts of an export while it is open. `bytes_read` counts what was read of all of them."""

    def __init__(self, opened: Callable[[Part], IO[bytes]]) -> None:
        self._opened = opened
        self.bytes_read = 0

    @contextmanager
    def reading(self, part: Part) -> Iterator[Callable[[int], bytes]]:
        """`read(size)` over the part's text in UTF-8, whatever Unicode encoding it is in, without byte order mark."""
        try:
            file = self._opened(part)
        except (*_BROKEN, RuntimeError) as error:
            raise Unreadable from error
        try:
            yield _Text(file, self._count).read
        finally:
            file.close()

    def _count(self, size: int) -> None:
        self.bytes_read += size


class _Text:
    """Bytes as UTF-8. What is no valid UTF-8 passes through, for the reader to find in the record where it stands."""

    def __init__(self, file: IO[bytes], count: Callable[[int], None]) -> None:
        self._file, self._count = file, count
        self._decoder: codecs.IncrementalDecoder | None = None
        self._is_begun = False

    def read(self, size: int) -> bytes:
        """At most about `size` bytes, none at the end. Raises Unreadable."""
        while True:
            try:
                chunk = self._file.read(size)
            except _BROKEN as error:
                raise Unreadable from error
            self._count(len(chunk))
            is_last = not chunk
            if not self._is_begun:
                self._is_begun = True
                chunk = self._begin(chunk)
            if self._decoder is not None:
                chunk = self._decoder.decode(chunk, is_last).encode("utf-8", "replace")
            if chunk or is_last:
                return chunk

    def _begin(self, chunk: bytes) -> bytes:
        encoding = ""
        for mark, name in _MARKS:
            if chunk.startswith(mark):
                chunk, encoding = chunk[len(mark) :], name
        if not encoding and b"\0" in chunk[:2]:
            encoding = "utf-16-be" if chunk[:1] == b"\0" else "utf-16-le"
        if encoding not in ("", "utf-8"):
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        return chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """An export as the owner named it."""

    path: Path
    parts: tuple[Part, ...]
    is_file: bool = False
    is_zip: bool = False

    @contextmanager
    def opened(self, language: str = "en") -> Iterator[Files]:
        """Its files, until the end of the block. Raises ImportRefused."""
        if self.is_zip:
            with _archive(self.path, language) as archive:
                yield Files(lambda part: archive.open(part.name))
        else:
            yield Files(lambda part: _plain(self.path if self.is_file else self.path / part.name))


def found(path: Path, language: str) -> Export:
    """The export at `path` with every part that could be read. Raises ImportRefused."""
    try:
        path = path.resolve()
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            return Export(path=path, parts=tuple(_below(path)))
        if stat.S_ISREG(kind):
            if zipfile.is_zipfile(path):
                return Export(path=path, parts=_members(path, language), is_zip=True)
            return Export(path=path, parts=(Part(name=path.name, size=path.stat().st_size),), is_file=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise ImportRefused(say(language, "{file} cannot be opened.", file=repr(str(path)))) from error
    raise ImportRefused(say(language, "{file} is neither a file nor a folder.", file=repr(str(path))))


def check(export: Export, parts: Sequence[Part], language: str) -> None:
    """Refuse parts that cannot or must not be unpacked. Raises ImportRefused."""
    if not export.is_zip:
        return
    file = repr(export.path.name)
    with _archive(export.path, language) as archive:
        infos = [archive.getinfo(part.name) for part in parts]
    if any(info.flag_bits & 0x1 for info in infos):
        raise ImportRefused(say(language, "{file} is encrypted: unpack it with its password and name the folder.", file=file))
    if any(info.compress_type not in _METHODS for info in infos):
        raise ImportRefused(
            say(language, "{file} is packed in a way that is not read here: unpack it and name the folder.", file=file)
        )
    if sum(info.file_size for info in infos) > MAX_UNPACKED or any(
        info.file_size > SMALL and info.file_size > MAX_RATIO * info.compress_size for info in infos
    ):
        raise ImportRefused(say(language, "{file} would unpack to far more than an export holds: it is not read.", file=file))


def _below(folder: Path) -> Iterator[Part]:
    """Plain files at most four folders down. Links are left where they are: they could lead anywhere."""
    count = 0
    for parent, folders, files in os.walk(folder):
        inside = Path(parent).relative_to(folder)
        folders[:] = sorted(name for name in folders if len(inside.parts) < 4)
        for name in sorted(files):
            status = Path(parent, name).lstat()
            if stat.S_ISREG(status.st_mode) and (count := count + 1) <= MAX_PARTS:
                yield Part(name=(inside / name).as_posix(), size=status.st_size)


def _members(path: Path, language: str) -> tuple[Part, ...]:
    with _archive(path, language) as archive:
        infos = {info.filename: info for info in archive.infolist()[:MAX_PARTS]}
    return tuple(Part(name=name, size=info.file_size) for name, info in infos.items() if _is_plain(info))


def _is_plain(info: zipfile.ZipInfo) -> bool:
    """Whether a member is a file in its own place. A link, a folder, `..` or an absolute path is none."""
    name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
    is_inside = not name.startswith("/") and ".." not in PurePosixPath(name).parts and not set(name) & set("\\:\0")
    return is_inside and not info.is_dir() and kind in (0, stat.S_IFREG)


class _Bounded(io.BufferedReader):
    """A zip's file whose table of contents is read in one go, and not when it is huge."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY:
            raise zipfile.BadZipFile("too large a table of contents")
        return super().read(size)


@contextmanager
def _archive(path: Path, language: str) -> Iterator[zipfile.ZipFile]:
    with ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(stack.enter_context(_Bounded(io.FileIO(path)))))
        except _BROKEN as error:
            text = say(
                language, "{file} is a damaged zip: unpack what is left of it and name the folder.", file=repr(path.name)
            )
            raise ImportRefused(text) from error
        yield archive


def _plain(path: Path) -> IO[bytes]:
    """The file at `path`, which was no link when the folder was read, and must not have become one."""
    return io.BufferedReader(io.FileIO(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))))
