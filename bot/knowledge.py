"""The operator's folder as passages that answer questions: Markdown, text and question/answer tables, found by their words."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from bot.lexical import fold, guess_language
from bot.ports import Clock
from bot.shelf import Passage, Shelf, shelve
from bot.types import LANGUAGES, Evidence, EvidenceKind, Language

MAX_FILE_BYTES = 1_048_576
MAX_FILES = 2_000
MAX_PASSAGES = 20_000
MAX_PASSAGE_CHARS = 1_400
"""A longer section is split between its paragraphs: a passage is shown whole, and should fit a screen."""
_INLINE_PASSAGES = 3_000
"""Up to so many passages a search takes well under a millisecond, less than a change of thread."""
_SUFFIXES = frozenset({".md", ".markdown", ".txt", ".csv"})
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*$")
_FENCE = re.compile(r"[ \t]{0,3}(```+|~~~+)")
_COMMENT = re.compile(r"^[ \t]*<!--[ \t]*(?:(also|asked):)?(.*?)-->[ \t]*\n?", re.DOTALL | re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?…])\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeProblem:
    """A file, or one line of it (0: the whole file), that could not be read as knowledge, and why. For the operator."""

    path: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Library:
    """Everything read at one moment. `seen` and `refused` are what the folder looked like."""

    seen: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    shelves: Mapping[Language, Shelf] = field(default_factory=dict)
    refused: tuple[KnowledgeProblem, ...] = ()
    problems: tuple[KnowledgeProblem, ...] = ()


class FolderKnowledge:
    """`Knowledge` over a folder; a folder that is missing or empty knows nothing.

    Files that change are read again with the next search, which looks for changes at most every `check_every_s` seconds.
    `problems` says what could not be read; a bad file never hides the others.
    """

    def __init__(self, folder: Path, *, clock: Clock, check_every_s: float = 3.0) -> None:
        self._folder, self._clock, self._check_every_s = folder, clock, check_every_s
        self._library = _Library()
        self._reading = threading.Lock()
        self._next_check = 0.0

    @property
    def problems(self) -> tuple[KnowledgeProblem, ...]:
        """What the last reading could not use, by path and line."""
        return self._library.problems

    @property
    def count(self) -> int:
        """How many passages the last reading found, each once."""
        return len({passage for shelf in self._library.shelves.values() for passage in shelf.passages})

    async def search(self, text: str, language: Language, limit: int) -> tuple[Evidence, ...]:
        """The passages that answer `text`, best first, in its language where there are any, else in the other.

        Scores are in (0, 1]; `question` of an evidence is its heading, `source` its file, `title` the headings above it.
        """
        if limit <= 0:
            return ()
        if not self._library.shelves or self._clock.monotonic() >= self._next_check:
            await self.refresh()
        if sum(len(shelf.passages) for shelf in self._library.shelves.values()) <= _INLINE_PASSAGES:
            return self._find(text, language, limit)
        return await asyncio.to_thread(self._find, text, language, limit)

    async def refresh(self) -> None:
        """Read the folder again where it has changed, in a thread."""
        self._next_check = self._clock.monotonic() + self._check_every_s
        await asyncio.to_thread(self._read_changes)

    def _read_changes(self) -> None:
        with self._reading:
            seen, refused = _look(self._folder)
            if not self._library.shelves or (seen, refused) != (self._library.seen, self._library.refused):
                self._library = _read(self._folder, seen, refused)

    def _find(self, text: str, language: Language, limit: int) -> tuple[Evidence, ...]:
        spoken = guess_language(text) or language
        shelves = self._library.shelves
        for shown in (spoken, *(other for other in LANGUAGES if other != spoken)):
            shelf = shelves.get(shown)
            if shelf and (found := shelf.search(text, spoken)):
                return tuple(_evidence(score, passage) for score, passage in found[:limit])
        return ()


def _evidence(score: float, passage: Passage) -> Evidence:
    return Evidence(
        kind=EvidenceKind.KNOWLEDGE,
        text=passage.text,
        source=passage.source,
        score=score,
        title=" › ".join((*passage.trail, passage.heading)),
        question=passage.heading,
    )


def _look(folder: Path) -> tuple[dict[str, tuple[int, int]], tuple[KnowledgeProblem, ...]]:
    """Readable files by relative path, with time and size, and what is refused."""
    seen: dict[str, tuple[int, int]] = {}
    problems: list[KnowledgeProblem] = []
    root = os.path.realpath(folder)
    for path in _files(folder, problems):
        name = path.relative_to(folder).as_posix()
        if len(seen) + len(problems) >= MAX_FILES:
            problems.append(
                KnowledgeProblem(path=name, line=0, reason=f"more than {MAX_FILES} files; this and the rest left out")
            )
            break
        try:
            state = path.stat()
        except OSError as error:
            problems.append(KnowledgeProblem(path=name, line=0, reason=error.strerror or "cannot be read"))
            continue
        if reason := _refusal(path, root, state):
            problems.append(KnowledgeProblem(path=name, line=0, reason=reason))
        else:
            seen[name] = (state.st_mtime_ns, state.st_size)
    return seen, tuple(problems)


def _refusal(path: Path, root: str, state: os.stat_result) -> str:
    """Why a file is not even opened; empty when it may be. A link may lead to a file inside the folder only."""
    if path.is_symlink() and not os.path.realpath(path).startswith(root + os.sep):
        return "the link leads out of the folder"
    if not stat.S_ISREG(state.st_mode):
        return "not an ordinary file"
    if state.st_size > MAX_FILE_BYTES:
        return f"larger than {MAX_FILE_BYTES // 1024} KiB; split it"
    return ""


def _files(folder: Path, problems: list[KnowledgeProblem]) -> Iterator[Path]:
    def report(error: OSError) -> None:
        if Path(error.filename or folder) != folder or folder.exists():
            problems.append(KnowledgeProblem(path=str(error.filename), line=0, reason=error.strerror or "cannot be listed"))

    for where, folders, names in os.walk(folder, onerror=report):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (Path(where) / name).is_symlink():
                relative = (Path(where) / name).relative_to(folder).as_posix()
                problems.append(KnowledgeProblem(path=relative, line=0, reason="a link to a folder is not followed"))
        for name in sorted(names):
            if not name.startswith((".", "~")) and Path(name).suffix.lower() in _SUFFIXES:
                yield Path(where) / name


def _read(folder: Path, seen: Mapping[str, tuple[int, int]], refused: Sequence[KnowledgeProblem]) -> _Library:
    passages: list[Passage] = []
    problems = list(refused)
    for name in seen:
        found, bad = read_file(name, _content(folder / name))
        if len(passages) + len(found) > MAX_PASSAGES:
            bad = (KnowledgeProblem(path=name, line=0, reason=f"more than {MAX_PASSAGES} passages in all; left out"),)
            found = ()
        passages += found
        problems += bad
    return _Library(dict(seen), shelve(passages), tuple(refused), tuple(problems))


def _content(path: Path) -> bytes | str:
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return error.strerror or "cannot be read"


def read_file(name: str, content: bytes | str) -> tuple[tuple[Passage, ...], tuple[KnowledgeProblem, ...]]:
    """The passages of one file, and what is wrong with it. `content` is its bytes, or why they could not be had."""
    if isinstance(content, str):
        return (), (KnowledgeProblem(path=name, line=0, reason=content),)
    if b"\0" in content:
        return (), (
            KnowledgeProblem(path=name, line=content[: content.index(b"\0")].count(b"\n") + 1, reason="not a text file"),
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return (), (KnowledgeProblem(path=name, line=line, reason="not UTF-8; save it as UTF-8"),)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    suffix = PurePosixPath(name).suffix.lower()
    if suffix == ".csv":
        return _table(name, text)
    sections = _markdown(text) if suffix != ".txt" else [((), _plain_title(name), text)]
    language = _declared(name) or guess_language(_prose(text))
    found = tuple(passage for section in sections for passage in _passages(name, section, language))
    return found, () if found else (KnowledgeProblem(path=name, line=0, reason="no text in it"),)


def _passages(name: str, section: tuple[tuple[str, ...], str, str], language: Language | None) -> Iterator[Passage]:
    trail, heading, body = section
    also = " ".join(found[2].strip() for found in _COMMENT.finditer(body) if found[1] == "also")
    listed = "|".join(found[2] for found in _COMMENT.finditer(body) if found[1] == "asked")
    asked = tuple(question for raw in listed.split("|") if (question := " ".join(raw.split())))
    whole = Passage(source=name, heading=heading or _plain_title(name), text="", trail=trail, language=language)
    for number, piece in enumerate(split(_COMMENT.sub("", body))):
        yield replace(whole, text=piece, also=also, asked=asked) if number == 0 else replace(whole, text=piece)


def _declared(name: str) -> Language | None:
    """The language that a file's name (`prices.es.md`) or a folder above it (`es/`) says."""
    path = PurePosixPath(fold(name))
    marks = (*(suffix[1:] for suffix in reversed(path.suffixes[:-1])), *reversed(path.parts[:-1]))
    return next((language for mark in marks for language in LANGUAGES if mark == language), None)


def _plain_title(name: str) -> str:
    stem = PurePosixPath(name).name.partition(".")[0]
    return re.sub(r"^\d+[-_. ]+", "", stem).replace("-", " ").replace("_", " ").strip() or stem


def _prose(text: str) -> str:
    """The text without code, addresses and markup: what tells its language."""
    return re.sub(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|[#*_>|-]+", " ", text, flags=re.DOTALL)


def _markdown(text: str) -> list[tuple[tuple[str, ...], str, str]]:
    """(headings above, heading, body) of each section with a body. Code is no heading; front matter is left out."""
    lines = text.split("\n")
    if lines[0].strip() == "---" and "---" in [line.strip() for line in lines[1:40]]:
        lines = lines[2 + [line.strip() for line in lines[1:40]].index("---") :]
    sections: list[tuple[tuple[str, ...], str, str]] = []
    above: list[tuple[int, str]] = []
    body: list[str] = []

    def close() -> None:
        if any(line.strip() for line in body):
            titles = [title for _, title in above]
            sections.append((tuple(titles[:-1]), titles[-1] if titles else "", "\n".join(body).strip("\n")))
        body.clear()

    fence = ""
    for line in lines:
        if mark := _FENCE.match(line):
            fence = mark[1] if not fence else "" if mark[1].startswith(fence) else fence
        heading = None if fence else _HEADING.match(line)
        if heading is None:
            body.append(line)
            continue
        close()
        level = len(heading[1])
        above[:] = [(other, title) for other, title in above if other < level] + [(level, heading[2])]
    close()
    return sections


def split(text: str, limit: int = MAX_PASSAGE_CHARS) -> list[str]:
    """`text` in pieces of at most about `limit` characters, cut between paragraphs, then sentences; code stays whole."""
    pieces: list[str] = []
    for block in _blocks(text):
        parts = [block]
        if len(block) > limit and not _FENCE.match(block):
            parts = [part for sentence in _SENTENCE.split(block) for part in _cut(sentence, limit)]
        for position, part in enumerate(parts):
            glue = "\n\n" if position == 0 else " "
            if pieces and len(pieces[-1]) + len(glue) + len(part) <= limit:
                pieces[-1] += glue + part
            else:
                pieces.append(part)
    return pieces


def _cut(text: str, limit: int) -> Iterable[str]:
    return (text[start : start + limit] for start in range(0, len(text), limit))


def _blocks(text: str) -> list[str]:
    """Paragraphs, and code blocks with the blank lines inside them."""
    blocks: list[list[str]] = [[]]
    fence = ""
    for line in text.split("\n"):
        if mark := _FENCE.match(line):
            fence = mark[1] if not fence else "" if mark[1].startswith(fence) else fence
        if line.strip() or fence:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return ["\n".join(block) for block in blocks if block]


def _table(name: str, text: str) -> tuple[tuple[Passage, ...], tuple[KnowledgeProblem, ...]]:
    """One passage per row of a CSV with the header `question,answer`; bad rows are reported by line and left out."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    passages: list[Passage] = []
    problems: list[KnowledgeProblem] = []
    declared = _declared(name)
    try:
        header = [fold(cell.strip()) for cell in next(reader, [])]
        if header != ["question", "answer"]:
            return (), (KnowledgeProblem(path=name, line=1, reason="the first line must be exactly `question,answer`"),)
        start = reader.line_num + 1
        for row in reader:
            line, start = start, reader.line_num + 1
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if len(cells) != 2 or not all(cells):
                reason = f"expected a question and an answer, found {len(cells)} cells, {sum(map(bool, cells))} of them filled"
                problems.append(KnowledgeProblem(path=name, line=line, reason=reason))
                continue
            language = declared or guess_language(_prose(" ".join(cells)))
            passages += [Passage(source=name, heading=cells[0], text=piece, language=language) for piece in split(cells[1])]
    except csv.Error as error:
        problems.append(KnowledgeProblem(path=name, line=reader.line_num, reason=f"not a CSV table: {error}"))
    return tuple(passages), tuple(problems)
