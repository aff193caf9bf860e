"""How fast training files are written, against the plainest writer: `python -m benchmarks.export --rows 1000000 --json`.

Made-up examples (seeded; both languages, some with instructions, earlier exchanges and corrections) are put into a JSONL file
and a SQLite file. Then each of the two writers runs in a fresh process, by turns, `--rounds` times; the best run of each
counts.
- Ours: `learning.write.write`, from the JSONL file to a folder in its place: all files, hashed, on disk (fsync), with
  `rows.jsonl`, cards and manifest.
- The plain one: `fetchmany(64)` from SQLite, a `msgspec` struct for each line, encoded by one encoder, into buffered binary
  files. It writes the same bytes for each line of the 27 data files and of `rows.jsonl` (which it leaves in 27 pieces), and
  nothing else: no hash, no fsync, no look at what is said twice. With `--check` both results are compared byte by byte.

`write_ratio` is ours divided by the plain one's rows a second, although ours waits for the disk. `write_ratio_synced` is
against the plain one with an fsync of each file at the end; `write_ratio_data` against the one that leaves the lines of
`rows.jsonl` out (and waits for nothing). Reading the JSONL file is part of ours; `read` says what that alone takes.
`peak_growth_mb` is what VmHWM grew by during our writing, after all imports. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from bot.training_types import Intent
from learning.files import CSV_HEAD, Kind, path_of
from learning.manifest import CohortFacts, ScrubFacts, SplitFacts
from learning.records import Example, Language, Rows, Said, Split
from learning.write import Facts, write

SEED: Final = 7
WRITE_RATIO_AIM: Final = 0.8
GROWTH_AIM_MB: Final = 20.0
_FETCH: Final = 64
_BUFFER: Final = 1 << 18
_TEXTS: Final[dict[Language, str]] = {
    "es": "la cuenta del pedido se cambia en los ajustes y queda guardada para todas las compras que hagas después con esa "
    "dirección porque así el envío llega antes y no hace falta escribirla otra vez cuando añades algo a la cesta",
    "en": "the account of an order is changed in the settings and stays there for every purchase that you make later with this "
    "address so that parcels arrive sooner and nobody has to type it again when something goes into the basket",
}
_TOPICS: Final = ("envíos", "pagos", "cuenta", "devoluciones", "ajustes", "otros")
_TABLE: Final = (
    "CREATE TABLE example (row TEXT, part TEXT, language TEXT, intent TEXT, topic TEXT, question TEXT, good TEXT, bad TEXT, "
    "answer TEXT, liked INTEGER, instructions TEXT, history TEXT)"
)


def examples(rows: int, seed: int = SEED) -> Iterator[Example]:
    """Examples of about 800 characters, no two with the same question."""
    chance = random.Random(seed)
    sentences = {language: [_sentence(chance, text.split()) for _ in range(400)] for language, text in _TEXTS.items()}
    parts, intents = (*(Split.TRAIN,) * 8, Split.VALIDATION, Split.TEST), tuple(Intent)
    for number in range(rows):
        language: Language = "es" if chance.random() < 0.6 else "en"
        said, draw = sentences[language], chance.random()
        question = f"{said[int(draw * 400)][:60]} ({number})?"
        answer = " ".join(chance.choices(said, k=4))
        is_liked, is_corrected = draw < 0.75, draw > 0.85
        good = answer if is_liked else " ".join(chance.choices(said, k=3)) + ' "así".' if is_corrected else ""
        yield Example(
            row=f"{number:012x}",
            part=parts[number % 10],
            language=language,
            intent=intents[number % 5],
            topic=_TOPICS[number % 6],
            question=question,
            good=good,
            bad="" if is_liked else answer,
            answer=answer,
            liked=is_liked,
            instructions=said[number % 20] if number % 5 < 2 else "",
            history=(Said(question=said[number % 50], answer=said[number % 70]),) if number % 7 == 0 else (),
        )


def _sentence(chance: random.Random, words: Sequence[str]) -> str:
    return " ".join(chance.choices(words, k=chance.randint(10, 18))).capitalize() + "."


def prepare(folder: Path, rows: int) -> None:
    """Write `examples.jsonl` and `examples.db`, on disk and in memory alike for both writers."""
    encode = msgspec.json.Encoder().encode
    with (folder / "examples.jsonl").open("wb", buffering=1 << 20) as file:
        file.writelines(encode(one) + b"\n" for one in examples(rows))
    with closing(sqlite3.connect(folder / "examples.db")) as connection, connection:
        connection.execute(_TABLE)
        connection.executemany(f"INSERT INTO example VALUES ({','.join('?' * 12)})", (_columns(one) for one in examples(rows)))
    os.sync()


def _columns(one: Example) -> tuple[object, ...]:
    history = msgspec.json.encode(one.history).decode() if one.history else ""
    told = (one.row, one.part, one.language, one.intent, one.topic, one.question, one.good, one.bad, one.answer)
    return (*told, one.liked, one.instructions, history)


def read(path: Path) -> Rows[Example]:
    """The examples as a night passes them on."""

    def rows() -> Iterator[Example]:
        decode = msgspec.json.Decoder(Example).decode
        with path.open("rb", buffering=1 << 20) as file:
            for line in file:
                yield decode(line)

    return rows


def write_ours(folder: Path, rows: int) -> None:
    """The folder as a night writes it."""
    facts = Facts(
        date="2026-11-20",
        code="benchmark",
        seed=SEED,
        collected=rows,
        kept=rows,
        people=rows,
        split=SplitFacts(by="person", why="made up"),
        cohort=CohortFacts(people=rows, is_small=False, approved=True),
        scrub=ScrubFacts(planted=1, left=0, rate=0.0),
    )
    write(folder / "ours", read(folder / "examples.jsonl"), facts)


class _Message(msgspec.Struct):
    role: str
    content: str


class _Weighed(msgspec.Struct, omit_defaults=True):
    role: str
    content: str
    weight: int | None = None


class _Sft(msgspec.Struct):
    prompt: list[_Message]
    completion: list[_Message]


class _Messages(msgspec.Struct):
    messages: list[_Weighed]


class _Dpo(msgspec.Struct):
    prompt: list[_Message]
    chosen: list[_Message]
    rejected: list[_Message]


class _Kto(msgspec.Struct):
    prompt: list[_Message]
    completion: list[_Message]
    label: bool


class _Plain(msgspec.Struct):
    prompt: str
    completion: str


class _Pair(msgspec.Struct):
    input: str
    response: str


class _Row(msgspec.Struct):
    file: str
    line: int
    row: str


class _PlainFiles:
    """27 buffered files, and 27 for the lines of `rows.jsonl`."""

    def __init__(self, folder: Path, stack: ExitStack, *, with_rows: bool) -> None:
        self._encode, self._with_rows = msgspec.json.Encoder().encode, with_rows
        self._files: dict[tuple[str, Kind], BinaryIO] = {}
        self._rows: dict[tuple[str, Kind], BinaryIO] = {}
        self._lines = {(part.value, kind): 0 for part in Split for kind in Kind}
        for part in Split:
            (folder / part.value).mkdir(parents=True)
            for kind in Kind:
                path, key = folder / path_of(part, kind), (part.value, kind)
                self._files[key] = stack.enter_context(path.open("wb", buffering=_BUFFER))
                if with_rows:
                    beside = path.with_name(f"{path.name}.rows")
                    self._rows[key] = stack.enter_context(beside.open("wb", buffering=_BUFFER))
                if kind.value.endswith(".csv"):
                    self._files[key].write(CSV_HEAD)

    def sync(self) -> None:
        """Wait until all of it is on disk."""
        for file in (*self._files.values(), *self._rows.values()):
            file.flush()
            os.fsync(file.fileno())

    def json(self, part: str, kind: Kind, row: str, value: object) -> None:
        """One line of a JSONL file."""
        self._files[part, kind].write(self._encode(value) + b"\n")
        self._row(part, kind, row)

    def csv(self, part: str, kind: Kind, row: str, text: str, label: str) -> None:
        """One row of a CSV file; no label here needs quotes."""
        doubled = text.replace('"', '""')
        self._files[part, kind].write(f'"{doubled}",{label}\n'.encode())
        self._row(part, kind, row)

    def _row(self, part: str, kind: Kind, row: str) -> None:
        if self._with_rows:
            line = self._lines[part, kind] = self._lines[part, kind] + 1
            self._rows[part, kind].write(self._encode(_Row(f"{part}/{kind.value}", line, row)) + b"\n")


def write_plain(folder: Path, *, with_rows: bool = True, synced: bool = False) -> None:
    """The same lines, as plainly as they can be written in one pass."""
    with ExitStack() as stack:
        connection = stack.enter_context(closing(sqlite3.connect(folder / "examples.db")))
        files = _PlainFiles(folder / "plain", stack, with_rows=with_rows)
        found = connection.execute("SELECT * FROM example ORDER BY rowid")
        while batch := found.fetchmany(_FETCH):
            for columns in batch:
                _write_plainly(files, *columns)
        if synced:
            files.sync()


def _write_plainly(
    files: _PlainFiles,
    row: str,
    part: str,
    language: str,
    intent: str,
    topic: str,
    question: str,
    good: str,
    bad: str,
    answer: str,
    liked: int,
    instructions: str,
    history: str,
) -> None:
    files.csv(part, Kind.INTENT, row, question, intent)
    files.csv(part, Kind.TOPIC, row, question, topic)
    said: list[Any] = json.loads(history) if history else []
    prompt = [_Message("system", instructions)] if instructions else []
    for one in said:
        prompt += [_Message("user", one["question"]), _Message("assistant", one["answer"])]
    prompt.append(_Message("user", question))
    files.json(part, Kind.KTO, row, _Kto(prompt, [_Message("assistant", answer)], liked == 1))
    files.csv(part, Kind.LIKED, row, f"{question}\n\n{answer}", "1" if liked else "0")
    if not good:
        return
    learned = [_Message("assistant", good)]
    if good != answer:
        files.json(part, Kind.KTO, row, _Kto(prompt, learned, True))
    files.json(part, Kind.SFT, row, _Sft(prompt, learned))
    weighed = [_Weighed(one.role, one.content, 0 if one.role == "assistant" else None) for one in prompt]
    files.json(part, Kind.MESSAGES, row, _Messages([*weighed, _Weighed("assistant", good, 1)]))
    text = question
    if said:
        user, assistant = ("Persona", "Asistente") if language == "es" else ("User", "Assistant")
        earlier = "".join(f"{user}: {one['question']}\n\n{assistant}: {one['answer']}\n\n" for one in said)
        text = f"{earlier}{user}: {question}"
    files.json(part, Kind.PROMPT_COMPLETION, row, _Plain(f"{instructions}\n\n{text}" if instructions else text, good))
    if not said:
        files.json(part, Kind.INPUT_RESPONSE, row, _Pair(question, good))
    if bad:
        files.json(part, Kind.DPO, row, _Dpo(prompt, learned, [_Message("assistant", bad)]))


def differing(folder: Path) -> list[str]:
    """The files whose bytes are not the same in both results."""
    paths = sorted(path_of(part, kind) for part in Split for kind in Kind)
    found = [path for path in paths if (folder / "ours" / path).read_bytes() != (folder / "plain" / path).read_bytes()]
    pieces = b"".join((folder / "plain" / f"{path}.rows").read_bytes() for path in paths)
    return found + (["rows.jsonl"] if pieces != (folder / "ours" / "rows.jsonl").read_bytes() else [])


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def alone(what: str, folder: Path, rows: int) -> dict[str, float]:
    """Run one of the writers and measure it; to be called in a process of its own."""
    before, began, cpu = _peak_mb(), time.perf_counter(), time.process_time()
    if what == "ours":
        write_ours(folder, rows)
    elif what == "read":
        sum(1 for _ in read(folder / "examples.jsonl")())
    else:
        write_plain(folder, with_rows=what != "plain-data", synced=what == "plain-synced")
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "cpu_s": time.process_time() - cpu, "growth_mb": _peak_mb() - before}


def _apart(what: str, folder: Path, rows: int) -> dict[str, float]:
    for name in ("ours", "plain"):
        if what.startswith(name):
            shutil.rmtree(folder / name, ignore_errors=True)
    os.sync()
    command = [sys.executable, "-m", "benchmarks.export", "--alone", what, "--folder", str(folder), "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def measure(rows: int, rounds: int, folder: Path, *, check: bool) -> dict[str, object]:
    """Prepare, run both by turns, and compare; the figures."""
    prepare(folder, rows)
    runs: dict[str, list[dict[str, float]]] = {what: [] for what in ("read", "ours", "plain-data", "plain-synced", "plain")}
    for _ in range(rounds):
        for what, found in runs.items():
            found.append(_apart(what, folder, rows))
    best = {what: min(found, key=lambda run: run["seconds"]) for what, found in runs.items()}
    rates = {what: rows / run["seconds"] for what, run in best.items()}
    ratio, growth = rates["ours"] / rates["plain"], max(run["growth_mb"] for run in runs["ours"])
    wrong = differing(folder) if check else []
    size = sum(path.stat().st_size for path in (folder / "ours").rglob("*") if path.is_file())
    return {
        "benchmark": "export",
        "rows": rows,
        "rounds": rounds,
        "mb_written": round(size / 1e6, 1),
        "rows_per_s": {what: round(rate) for what, rate in rates.items()},
        "cpu_us_per_row": {what: round(run["cpu_s"] / rows * 1e6, 2) for what, run in best.items()},
        "write_ratio": round(ratio, 2),
        "write_ratio_synced": round(rates["ours"] / rates["plain-synced"], 2),
        "write_ratio_data": round(rates["ours"] / rates["plain-data"], 2),
        "peak_growth_mb": round(growth, 1),
        "differing": wrong if check else None,
        "passed": ratio >= WRITE_RATIO_AIM and growth <= GROWTH_AIM_MB and not wrong,
    }


def main() -> int:
    """Print the figures; exit 1 when an aim was missed."""
    parser = argparse.ArgumentParser(description="Training files written by us, and as plainly as can be.")
    parser.add_argument("--rows", type=int, default=100_000, help="how many examples")
    parser.add_argument("--rounds", type=int, default=2, help="how often each writer runs; its best time counts")
    parser.add_argument("--check", action="store_true", help="compare the bytes of both results")
    parser.add_argument("--folder", type=Path, help="where to work, instead of a temporary folder (4 KB a row, twice)")
    parser.add_argument("--alone", choices=("ours", "plain", "plain-synced", "plain-data", "read"), help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    given = parser.parse_args()
    if given.alone:
        print(json.dumps(alone(given.alone, given.folder, given.rows)))
        return 0
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        result = measure(given.rows, given.rounds, Path(folder), check=given.check)
    if not given.json:
        for name, value in result.items():
            print(f"{name:18} {value}")
    print(json.dumps(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
