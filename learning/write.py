"""From examples to the folder that trainers read: one pass, every file hashed as it is written, put in place in one go.

What goes where. `sft`, `messages`, `prompt_completion`, `input_response`: rows with an answer to learn from. `dpo`: those
with a worse one as well. `kto`: answers with a thumb, and corrections as liked ones. `classifier-*`: the question with its
intent, with its topic; question, blank line and answer with its thumb. The system message is how the person likes things
explained.
Plain prompts hold everything that came before as paragraphs, with a word for who spoke where there were earlier exchanges;
`input_response` has only questions that stand alone, and nothing but the question.

Within a file nothing stands against itself, and no part repeats another: where the same question came with another label
before, or the same question and answer with another thumb or in another part, the later row is left out of those files.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path

from learning.card import put_words
from learning.files import (
    CLASSIFIERS,
    DROPPED_FILE,
    ROWS_FILE,
    Kind,
    Sink,
    data_paths,
    label_of,
    parquet_of,
    partial_of,
    place,
    rare_labels,
    records,
    refusal,
    rewrite,
)
from learning.lines import AllLines, Lines, encode
from learning.manifest import CohortFacts, FileFacts, Manifest, ScrubFacts, SplitFacts
from learning.parquet import put_parquet, require
from learning.records import Dropped, Example, Rows, Split

_IDS_BYTES = 1 << 15


def _none() -> Iterator[Dropped]:
    yield from ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a night knows of its rows, and the writer cannot count.

    `date` is the local date (YYYY-MM-DD), `code` the version of Martín. `kept` makes room for that many examples; what the
    manifest says was counted while writing. `split.rows` is filled in likewise. `dropped` gives every dropped row once.
    """

    date: str
    code: str
    seed: int
    collected: int
    kept: int
    people: int
    split: SplitFacts
    cohort: CohortFacts
    scrub: ScrubFacts
    dropped: Rows[Dropped] = field(default=_none)


def write(folder: Path, examples: Rows[Example], facts: Facts, *, with_parquet: bool = False) -> Manifest:
    """Write all files in one pass over the examples and let them take the place of `folder`; what the manifest says.

    Memory grows by about 12 bytes an expected example and a few megabytes, whatever their size. Raises ParquetMissing before
    anything is written; an OSError (a full disk) leaves `folder` as it was. The same input gives the same bytes.
    """
    if with_parquet:
        require()
    partial = partial_of(folder)
    spool = partial / ".rows"
    try:
        spool.mkdir()
        with AllLines(partial, spool, facts.kept) as lines:
            for example in examples():
                lines.add(example)
            lines.flush()
        files, left_out = _chosen(partial, lines)
        files[ROWS_FILE] = _put_rows(partial, [file for file in lines.files() if file.path in files])
        shutil.rmtree(spool)
        dropped, files[DROPPED_FILE] = _put_dropped(partial, facts.dropped())
        if with_parquet:
            for path in data_paths(files):
                if beside := parquet_of(path):
                    files[beside] = put_parquet(partial / path, partial / beside)
        kept = {part.value: lines.kept[part] for part in Split}
        manifest = Manifest(
            date=facts.date,
            code=facts.code,
            seed=facts.seed,
            collected=facts.collected,
            kept=sum(kept.values()),
            dropped=dropped,
            languages=dict(lines.languages),
            people=facts.people,
            split=SplitFacts(by=facts.split.by, why=facts.split.why, rows=kept),
            cohort=facts.cohort,
            scrub=facts.scrub,
            files=files,
            left_out=left_out,
        )
        skipped = {f"{path}: {why}": rows for (path, why), rows in sorted(lines.skipped.items()) if path in files}
        manifest = put_words(partial, manifest, skipped)
        place(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def _chosen(partial: Path, lines: AllLines) -> tuple[dict[str, FileFacts], dict[str, str]]:
    """The data files that are of use to somebody, and why the other kinds are not; those are deleted."""
    files: dict[str, FileFacts] = {}
    left_out: dict[str, str] = {}
    for kind in Kind:
        of_kind = [part.files[kind] for part in lines.parts.values()]
        facts = {file.path: file.close() for file in of_kind}
        train = of_kind[0]
        if why := refusal(kind, rows=train.rows, size=facts[train.path].bytes, labels=train.labels):
            left_out[kind.value] = why.value
            for file in of_kind:
                (partial / file.path).unlink()
            continue
        if kind in CLASSIFIERS:
            known = train.labels.keys() - rare_labels(kind, train.labels)
            facts |= {file.path: _only(partial, file, kind, known) for file in of_kind if file.labels.keys() - known}
        files |= facts
    return files, left_out


def _only(partial: Path, file: Lines, kind: Kind, known: Set[str]) -> FileFacts:
    """Write a classifier's file anew with these labels alone: no others can be learned."""
    path = partial / file.path
    gone = {number for number, record in enumerate(records(path), start=1) if label_of(kind, record) not in known}
    facts = rewrite(path, gone)
    rewrite(file.rows_path, gone)
    return facts


def _put_rows(partial: Path, files: Iterable[Lines]) -> FileFacts:
    """Write `rows.jsonl`, file by file in their order: each line of each file with its row."""
    sink, total = Sink(partial / ROWS_FILE), 0
    for file in files:
        line, number = b'{"file":%b,"line":%%d,"row":%%b' % encode(file.path), 1
        with file.rows_path.open("rb") as spooled:
            while rows := spooled.readlines(_IDS_BYTES):
                values: list[object] = [None] * (2 * len(rows))
                values[::2] = range(number, number + len(rows))
                values[1::2] = rows
                sink.write((line * len(rows)) % tuple(values))
                number += len(rows)
        total += number - 1
    return sink.close(total)


def _put_dropped(partial: Path, dropped: Iterable[Dropped]) -> tuple[dict[str, dict[str, int]], FileFacts]:
    """Write `dropped.jsonl`; how many there are by step and reason."""
    sink, counts = Sink(partial / DROPPED_FILE), Counter[tuple[str, str]]()
    for one in dropped:
        counts[one.step, one.reason] += 1
        sink.write(encode(one) + b"\n")
    by_step: dict[str, dict[str, int]] = {}
    for (step, reason), number in counts.items():
        by_step.setdefault(step, {})[reason] = number
    return by_step, sink.close(counts.total())
