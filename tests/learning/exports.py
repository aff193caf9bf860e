"""Examples, and folders that were written from them, for the tests of what writes, changes and describes training files."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bot.training_types import Intent
from learning.manifest import CohortFacts, Manifest, ScrubFacts, SplitFacts
from learning.records import Dropped, Example, Language, Said, Split
from learning.write import Facts, write

PARTS = (Split.TRAIN, Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST)
INTENTS = (Intent.QUESTION, Intent.REQUEST)
TOPICS = ("envíos", "pagos, recibos")


def example(number: int, **changes: Any) -> Example:
    """The example of that number; every fourth was not liked, and every eighth corrected."""
    language: Language = "en" if number % 3 == 0 else "es"
    is_liked = number % 4 != 3
    answer = (
        f"Respuesta {number}: abre los ajustes y cambia «dirección»." if language == "es" else f'Answer {number}: say "yes".'
    )
    good = answer if is_liked else f"Mejor así {number}." if number % 8 == 3 else ""
    told: dict[str, Any] = {
        "row": f"row-{number:05}",
        "part": PARTS[number % len(PARTS)],
        "language": language,
        "intent": INTENTS[number % 2],
        "topic": TOPICS[number // 2 % 2],
        "question": f"¿Dónde cambio la dirección {number}?" if language == "es" else f"Where is parcel {number}, please?",
        "good": good,
        "bad": "" if is_liked else answer,
        "answer": answer,
        "liked": is_liked,
        "instructions": "Con pasos cortos." if number % 5 == 0 else "",
        "history": (Said(question="Hola, una duda", answer="Claro, dime.\nTe leo."),) if number % 7 == 0 else (),
    }
    return Example(**{**told, **changes})


def some(count: int = 200) -> list[Example]:
    """The first so many."""
    return [example(number) for number in range(count)]


def facts(examples: Sequence[Example], dropped: Iterable[Dropped] = (), **changes: Any) -> Facts:
    """What a night would know of these."""
    gone = tuple(dropped)
    told: dict[str, Any] = {
        "date": "2026-11-20",
        "code": "0.1.0",
        "seed": 7,
        "collected": len(examples) + len(gone),
        "kept": len(examples),
        "people": max(1, len(examples) // 4),
        "split": SplitFacts(by="person", why="at least 20 people"),
        "cohort": CohortFacts(people=max(1, len(examples) // 4), is_small=False, approved=True),
        "scrub": ScrubFacts(planted=2_000, left=1, rate=0.0005, kinds={"email": 0, "iban": 1}, replaced={"email": 4}),
        "dropped": lambda: iter(gone),
    }
    return Facts(**{**told, **changes})


def written(
    folder: Path, examples: Sequence[Example], dropped: Iterable[Dropped] = (), *, with_parquet: bool = False
) -> Manifest:
    """Write these examples."""

    def rows() -> Iterator[Example]:
        return iter(examples)

    return write(folder, rows, facts(examples, dropped), with_parquet=with_parquet)


def lines(path: Path) -> list[Any]:
    """The values of a JSONL file, or the cells of a CSV file without its header."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))[1:]
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
