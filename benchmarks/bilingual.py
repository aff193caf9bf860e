"""Whether a question finds what was said in its own language, and in the other: `python -m benchmarks.bilingual --json`.

The short dialogues of `benchmarks.memory`: each becomes the past of one person, after other dialogues that settle nothing of
the same kind (`--others` of them, taken in order), so that there is something to be mistaken for. The product's own import,
index and recall; a fact counts for the message it was drawn from. `within` are questions in the language of the dialogue,
`across` those in the other one. r_at_1 and r_at_5 are shares of the questions whose message is among the first one or five.

The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from benchmarks.memory import DIALOGUES, PARTS, Dialogue, load
from benchmarks.recall import House, open_house, quieten, unmeasured
from bot.memory_types import ImportedRecord
from bot.system import SystemClock
from bot.types import Language, Scope
from profiles.embed import HashEmbedder, OnnxEmbedder, ReadyEmbedder
from profiles.imported import import_records
from profiles.onnx_child import lacking

OTHERS: Final = 20
TOP: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about a dialogue, and the message (counted from 1) that answers it."""

    text: str
    language: Language
    turn: int


def questions_in(path: Path) -> dict[str, list[Question]]:
    """The questions of a file, by dialogue."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return {
        row["id"]: [Question(text=one["text"], language=one["language"], turn=one["answers_turn"]) for one in row["questions"]]
        for row in rows
    }


def beside(dialogue: Dialogue, all_of_them: Sequence[Dialogue], most: int) -> list[Dialogue]:
    """Dialogues that settle nothing of the kinds that this one does, beginning after it in the file."""
    kinds = {_kind(fact.slot) for fact in dialogue.facts}
    start = all_of_them.index(dialogue) + 1
    round_it = [*all_of_them[start:], *all_of_them[: start - 1]]
    return [one for one in round_it if not kinds & {_kind(fact.slot) for fact in one.facts}][:most]


def _kind(slot: str) -> str:
    return slot.partition(":")[0]


def records(talks: Sequence[Dialogue]) -> Iterator[ImportedRecord]:
    """The dialogues as one export would hold them, one session each."""
    for talk in talks:
        for place, turn in enumerate(talk.turns, 1):
            yield ImportedRecord(
                key=f"{talk.id}/{place}",
                text=turn.text,
                said_by="person" if turn.is_person else "Martín",
                is_own=turn.is_person,
                said_at=turn.at,
                session=talk.id,
                position=place,
                line=place,
            )


async def ranks(house: House, dialogue: Dialogue, others: Sequence[Dialogue], asked: Sequence[Question]) -> list[int]:
    """At which place (from 1) each question finds its message, 0 where it is not among the first."""
    person = await house.person(dialogue.id)
    house.clock.at = dialogue.turns[-1].at + timedelta(days=1)
    await import_records(
        records([*others, dialogue]),
        person=person,
        memories=house.stores.memories,
        pending=house.stores.memories,
        most=100_000,
        at=house.clock.now(),
        language=dialogue.language,
    )
    await house.catch_up()
    memories = {memory.id: memory.what for memory in await house.stores.memories.changed(person, Scope())}
    found: list[int] = []
    for question in asked:
        ranked = await house.memories.ranked(person, Scope(), question.text, limit=4 * TOP)
        places = list(dict.fromkeys((memories[one.id].session, memories[one.id].position) for one in ranked))[:TOP]
        wanted = dialogue.id, question.turn
        found.append(places.index(wanted) + 1 if wanted in places else 0)
    return found


async def measure(
    embedder: ReadyEmbedder, path: Path, part: str, others: int, show: Callable[[str], None]
) -> dict[str, object]:
    """The figures of one embedder."""
    dialogues, questions = load(path), questions_in(path)
    places: dict[str, list[int]] = defaultdict(list)
    async with open_house(embedder) as house:
        for dialogue in dialogues:
            asked = questions[dialogue.id]
            if not asked or (part and dialogue.part != part):
                continue
            found = await ranks(house, dialogue, beside(dialogue, dialogues, others), asked)
            for question, place in zip(asked, found, strict=True):
                is_within = question.language == dialogue.language
                places["within" if is_within else "across"].append(place)
                places[f"{question.language} asks {dialogue.language}"].append(place)
                if not place:
                    show(f"missed in {dialogue.id}: {question.text}")
    return {
        name: {
            "r_at_1": round(sum(place == 1 for place in found) / len(found), 4),
            "r_at_5": round(sum(place > 0 for place in found) / len(found), 4),
            "questions": len(found),
        }
        for name, found in sorted(places.items())
    }


async def run(named: str, path: Path, part: str, others: int, show: Callable[[str], None]) -> dict[str, object]:
    """The figures with the embedder of the command line."""
    kind, _, folder = named.partition(":")
    if kind == "onnx" and lacking(Path(folder)):
        return {**unmeasured(named, Path(folder)), "benchmark": "bilingual"}
    embedder: ReadyEmbedder = OnnxEmbedder(Path(folder), clock=SystemClock()) if kind == "onnx" else HashEmbedder()
    try:
        await embedder.ready()
        figures = await measure(embedder, path, part, others, show)
    finally:
        await embedder.aclose()
    head = {"benchmark": "bilingual", "embedder": kind, "model": embedder.name, "part": part or "all", "others": others}
    return {**head, "measured": True, **figures}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Questions in either language about what was said in one of them.")
    parser.add_argument("--embedder", default="hash", help="hash, or onnx:FOLDER with model.onnx and tokenizer.json")
    parser.add_argument("--dialogues", type=Path, default=DIALOGUES, help="another JSONL file of dialogues")
    parser.add_argument("--part", choices=PARTS, default="", help="only what is held out, or only the rest")
    parser.add_argument("--others", type=int, default=OTHERS, help="how many other dialogues each person had before")
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    given = parser.parse_args()
    if not given.embedder.startswith("onnx:") and given.embedder != "hash":
        parser.error("--embedder: expected hash or onnx:FOLDER")
    quieten()

    def show(text: str) -> None:
        if not given.json:
            print(text)

    print(json.dumps(asyncio.run(run(given.embedder, given.dialogues, given.part, given.others, show)), ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
