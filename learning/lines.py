"""The lines of every kind of file, put together from texts that are encoded once each, in a few hundred rows at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from learning.files import CLASSIFIERS, CSV_HEAD, Kind, Sink, path_of
from learning.manifest import FileFacts
from learning.records import Example, Language, Said, Split
from learning.seen import Seen

_USER = b'{"role":"user","content":%b}'
_ASSISTANT = b'{"role":"assistant","content":%b}'
_PROMPT = b'{"prompt":[%b' + _USER + b"],"
_CELLS = b'"%b",%b\n'
TEMPLATES: Final[Mapping[Kind, bytes]] = {
    Kind.SFT: _PROMPT + b'"completion":[' + _ASSISTANT + b"]}\n",
    Kind.MESSAGES: b'{"messages":[%b' + _USER + b',{"role":"assistant","content":%b,"weight":1}]}\n',
    Kind.DPO: _PROMPT + b'"chosen":[' + _ASSISTANT + b'],"rejected":[' + _ASSISTANT + b"]}\n",
    Kind.KTO: _PROMPT + b'"completion":[' + _ASSISTANT + b'],"label":%b}\n',
    Kind.PROMPT_COMPLETION: b'{"prompt":%b,"completion":%b}\n',
    Kind.INPUT_RESPONSE: b'{"input":%b,"response":%b}\n',
    **dict.fromkeys(CLASSIFIERS, _CELLS),
}
"""A line of each kind; what goes into the gaps is JSON, or a CSV cell with its quotes doubled, already."""

SPEAKERS: Final[Mapping[Language, tuple[str, str]]] = {"es": ("Persona", "Asistente"), "en": ("User", "Assistant")}
"""Who spoke, in plain prompts with earlier exchanges."""

_ROWS_AT_ONCE = 256
_CHARACTERS_AT_ONCE = 1 << 18
_TRUTH = (("false", b"false"), ("true", b"true"))
_DIGIT = (("0", b"0"), ("1", b"1"))
_CODE_BITS = 12

encode: Final = msgspec.json.Encoder().encode


class Skipped(StrEnum):
    """Why a row is not in a file that its kind would be in."""

    CONTRADICTED = "an earlier row has the same text with another label"
    SHARED = "an earlier row of another part has the same text"


class Lines:
    """One data file in the making. Beside it grows a file with the row of each line, as JSON with the } that follows it."""

    def __init__(self, path: str, folder: Path, spool: Path) -> None:
        kind = Kind(path.partition("/")[2])
        self.path, self.rows, self.labels = path, 0, Counter[str]()
        self.rows_path = spool / f"{path.replace('/', '-')}.rows"
        self._template, self._values, self._pending = TEMPLATES[kind], list[bytes](), list[bytes]()
        self._sink, self._rows_file = Sink(folder / path), self.rows_path.open("xb")
        if kind in CLASSIFIERS:
            self._sink.write(CSV_HEAD)

    def add(self, row: bytes, values: tuple[bytes, ...]) -> None:
        """One more line, by what goes into the gaps of its template."""
        self._pending.append(row)
        self._values += values

    def add_label(self, row: bytes, cell: bytes, label: str) -> None:
        """One more row of a classifier's file; none for a blank label."""
        if label and not label.isspace():
            self._pending.append(row)
            self._values += (cell, _label_cell(label))
            self.labels[label] += 1

    def flush(self) -> None:
        """Write what is pending."""
        if count := len(self._pending):
            self._sink.write((self._template * count) % tuple(self._values))
            self._rows_file.write(b"}\n".join(self._pending) + b"}\n")
            self.rows += count
            self._values.clear()
            self._pending.clear()

    def close(self) -> FileFacts:
        """What the manifest says of the file, which is on disk then."""
        self._rows_file.close()
        return self._sink.close(self.rows)


class Part:
    """The nine files of one part."""

    def __init__(self, number: int, part: Split, folder: Path, spool: Path) -> None:
        (folder / part.value).mkdir()
        self.number = number
        self.files = {kind: Lines(path_of(part, kind), folder, spool) for kind in Kind}
        self.sft, self.messages, self.dpo, self.kto = (
            self.files[kind] for kind in (Kind.SFT, Kind.MESSAGES, Kind.DPO, Kind.KTO)
        )
        self.prompt_completion = self.files[Kind.PROMPT_COMPLETION]
        self.input_response = self.files[Kind.INPUT_RESPONSE]
        self.intent, self.topic, self.liked = (self.files[kind] for kind in CLASSIFIERS)


class AllLines:
    """The data files of a folder, which examples are added to one by one. Closes them when left."""

    def __init__(self, folder: Path, spool: Path, expected: int) -> None:
        """`expected` examples are to come; more may."""
        self.parts = {part: Part(number, part, folder, spool) for number, part in enumerate(Split)}
        self.languages, self.kept, self.skipped = Counter[str](), Counter[Split](), Counter[tuple[str, Skipped]]()
        self._questions, self._pairs = Seen(expected, _CODE_BITS), Seen(expected, 3)
        self._codes: dict[tuple[int, str, str], int] = {}
        self._coded: list[tuple[int, str, str]] = []
        self._examples = self._characters = 0

    def __enter__(self) -> AllLines:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for file in self.files():
            file.close()

    def files(self) -> list[Lines]:
        """All of them, sorted by path."""
        return sorted((file for part in self.parts.values() for file in part.files.values()), key=lambda file: file.path)

    def flush(self) -> None:
        """Write what is pending in any of them."""
        for part in self.parts.values():
            for file in part.files.values():
                file.flush()
        self._examples = self._characters = 0

    def add(self, example: Example) -> None:
        """Put the example into every file that can use it. One without a question goes into none."""
        self.languages[example.language] += 1
        self.kept[example.part] += 1
        if not example.question or example.question.isspace():
            return
        part, row = self.parts[example.part], encode(example.row)
        cell = example.question.replace('"', '""').encode()
        self._add_labels(example, part, row, cell)
        self._add_answers(example, part, row, cell)
        self._examples += 1
        self._characters += len(example.question) + len(example.good) + len(example.answer)
        if self._examples >= _ROWS_AT_ONCE or self._characters >= _CHARACTERS_AT_ONCE:
            self.flush()

    def _add_labels(self, example: Example, part: Part, row: bytes, cell: bytes) -> None:
        """The question with its intent and its topic, unless it came with another one before, or in another part."""
        intent, topic = example.intent, example.topic
        told = (part.number, intent, topic)
        code = self._codes.get(told, -1)
        if code < 0:
            code = self._codes[told] = len(self._coded)
            self._coded.append(told)
        if code >> _CODE_BITS:  # more than 270 topics: what cannot be compared is not written
            return
        first = self._questions.first(code, cell)
        if first == code:
            part.intent.add_label(row, cell, intent)
            part.topic.add_label(row, cell, topic)
            return
        number, first_intent, first_topic = self._coded[first]
        for file, label, before in ((part.intent, intent, first_intent), (part.topic, topic, first_topic)):
            if number != part.number:
                self.skipped[file.path, Skipped.SHARED] += 1
            elif label != before:
                self.skipped[file.path, Skipped.CONTRADICTED] += 1
            else:
                file.add_label(row, cell, label)

    def _add_answers(self, example: Example, part: Part, row: bytes, cell: bytes) -> None:
        """The question with the answers: what to learn, what not, and what somebody thought of it."""
        good = "" if example.good.isspace() else example.good
        answer = "" if example.liked is None or example.answer.isspace() else example.answer
        if not good and not answer:
            return
        asked = encode(example.question)
        system = _system(example.instructions) if example.instructions else b""
        said = _spoken(example.history) if example.history else None
        before = system + said[0] if said else system
        first, learned = -1, b""
        if answer:
            learned, pair, is_liked = encode(answer), _pair(cell, answer), bool(example.liked)
            mine = part.number * 2 + is_liked
            first = self._pairs.first(mine, pair)
            if first == mine:
                label, written = _TRUTH[is_liked]
                part.kto.add(row, (before, asked, learned, written))
                part.kto.labels[label] += 1
                label, written = _DIGIT[is_liked]
                part.liked.add(row, (pair, written))
                part.liked.labels[label] += 1
            else:
                self._skip(part, first, part.kto, part.liked)
        if not good:
            return
        if good != answer:
            learned, mine = encode(good), part.number * 2 + 1
            first = self._pairs.first(mine, _pair(cell, good))
            if first == mine:
                part.kto.add(row, (before, asked, learned, b"true"))
                part.kto.labels["true"] += 1
            else:
                self._skip(part, first, part.kto)
        if first >> 1 != part.number:
            self._skip(part, first, part.sft, part.messages, part.prompt_completion, part.input_response)
            return
        part.sft.add(row, (before, asked, learned))
        part.messages.add(row, (system + said[1] if said else system, asked, learned))
        part.prompt_completion.add(row, (encode(_prompt(example)) if before else asked, learned))
        if not example.history:
            part.input_response.add(row, (asked, learned))
        if example.bad and example.bad != good and not example.bad.isspace():
            part.dpo.add(row, (before, asked, learned, encode(example.bad)))

    def _skip(self, part: Part, first: int, *files: Lines) -> None:
        """Count a row that is not in these files, because of one in the part and with the label of `first`."""
        why = Skipped.CONTRADICTED if first >> 1 == part.number else Skipped.SHARED
        for file in files:
            self.skipped[file.path, why] += 1


def _pair(cell: bytes, answer: str) -> bytes:
    return b"%b\n\n%b" % (cell, answer.replace('"', '""').encode())


@lru_cache(4096)
def _label_cell(label: str) -> bytes:
    """A label as a CSV cell, in quotes where RFC 4180 demands them."""
    quoted = label.replace('"', '""').encode()
    return b'"%b"' % quoted if any(sign in label for sign in '",\r\n') else quoted


@lru_cache(4096)
def _system(instructions: str) -> bytes:
    """The system's message and a comma; b"" for no instructions."""
    return b'{"role":"system","content":%b},' % encode(instructions) if instructions.strip() else b""


def _spoken(history: tuple[Said, ...]) -> tuple[bytes, bytes] | None:
    """Earlier exchanges as messages, each with a comma: plain, and with the weight 0. None for none."""
    whole = [(encode(said.question), encode(said.answer)) for said in whole_exchanges(history)]
    if not whole:
        return None
    plain = b"".join((_USER + b"," + _ASSISTANT + b",") % one for one in whole)
    return plain, b"".join((_USER + b',{"role":"assistant","content":%b,"weight":0},') % one for one in whole)


def whole_exchanges(history: tuple[Said, ...]) -> list[Said]:
    """Those that have both texts: no trainer takes an empty message, and user and assistant must take turns."""
    return [said for said in history if said.question.strip() and said.answer.strip()]


def _prompt(example: Example) -> str:
    """Everything before the answer as paragraphs."""
    paragraphs = [example.instructions] if example.instructions.strip() else []
    if history := whole_exchanges(example.history):
        user, assistant = SPEAKERS[example.language]
        for said in history:
            paragraphs += [f"{user}: {said.question}", f"{assistant}: {said.answer}"]
        paragraphs.append(f"{user}: {example.question}")
    else:
        paragraphs.append(example.question)
    return "\n\n".join(paragraphs)
