"""How well rules draw facts from what people say, and whether what changed takes the place of what was.

`python -m benchmarks.memory --json`: each message of the dialogues goes through `extract`, and each fact through `decide`, as
after a turn. A fact counts as found when slot and sign are the expected ones and its text has every word of the expected value;
whatever else is drawn is wrong, except what is marked optional (true, but more than was asked for). The dialogues marked
`held_out` were written before the rules, and nothing was changed for them. The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from bot.lexical import fold
from bot.memory_types import SELF, Memory, NewMemory, Origin
from bot.types import LANGUAGES, Language
from profiles.facts.extract import extract
from profiles.facts.merging import Duplicate, Outdated, Supersede, decide
from profiles.facts.slots import LISTS, Fact, canonical, reading

DIALOGUES = Path(__file__).parent / "data" / "memory-dialogues.jsonl"
PRECISION, RECALL = 0.95, 0.75
PARTS = ("held_out", "dev")
_PARTS_OF_SPEECH = LISTS["articles"] | {"del", "in", "my", "mi", "con", "y", "and"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One line of a dialogue."""

    is_person: bool
    text: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """A fact that a turn (counted from 1) settles. `is_over`: that it is not so, or no longer."""

    slot: str
    value: str
    turn: int
    is_over: bool = False
    is_optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """A short talk with what follows from it. `superseded` are (slot, value) of what a later turn replaced."""

    id: str
    part: str
    language: Language
    turns: tuple[Turn, ...]
    facts: tuple[Expected, ...]
    superseded: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a dialogue: facts found and drawn wrongly, expected ones missed, replacements right, missed and wrong."""

    dialogue: Dialogue
    found: int
    wrong: tuple[str, ...]
    missed: tuple[str, ...]
    replaced: int
    not_replaced: tuple[str, ...]
    wrongly_replaced: tuple[str, ...]
    seconds: float


def load(path: Path) -> list[Dialogue]:
    """The dialogues of a JSONL file. Raises ValueError for a bad line."""
    dialogues = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        row = json.loads(line)
        language = next((language for language in LANGUAGES if language == row["language"]), None)
        turns = tuple(
            Turn(is_person=turn["who"] == "person", text=turn["text"], at=datetime.fromisoformat(turn["at"]))
            for turn in row["turns"]
        )
        facts = tuple(
            Expected(
                slot=fact["slot"],
                value=fact["value"],
                turn=fact["after_turn"],
                is_over=fact.get("is_over", False),
                is_optional=fact.get("optional", False),
            )
            for fact in row["facts"]
        )
        own = {place for place, turn in enumerate(turns, 1) if turn.is_person}
        needed = any(not fact.is_optional for fact in facts)
        asked = {question["answers_turn"] for question in row["questions"]}
        if language is None or row["part"] not in PARTS or row["none"] is needed or not {f.turn for f in facts} | asked <= own:
            raise ValueError(
                f"{path.name}, line {number}: expected a language, a part, facts or none, questions of the person's turns"
            )
        superseded = tuple((item["slot"], item["value"]) for item in row["superseded"])
        dialogues.append(
            Dialogue(id=row["id"], part=row["part"], language=language, turns=turns, facts=facts, superseded=superseded)
        )
    return dialogues


def _words(text: str) -> set[str]:
    return {fold(word) for word in re.findall(r"\w+", text)} - _PARTS_OF_SPEECH


def fits(fact: Fact, expected: Expected) -> bool:
    """Whether what was drawn is what was expected; `likes` is also `likes:…`, and `coffee` also in the slot's own words."""
    slot = fact.slot == expected.slot or fact.slot.startswith(expected.slot + ":")
    has_value = _words(expected.value) <= _words(fact.text) or canonical(expected.value) in fact.slot.split(":")
    return slot and has_value and reading(fact.slot, fact.text).holds is not expected.is_over


def is_it(memory: Memory, slot: str, value: str) -> bool:
    """Whether this is the memory that was to be replaced."""
    own = memory.what.slot
    return (own == slot or own.startswith(slot + ":")) and _words(value) <= _words(memory.what.text)


def judge(dialogue: Dialogue) -> Verdict:
    """Draw facts from every turn of the person and let each find its place."""
    stored: list[Memory] = []
    found, wrong, missed = 0, [], []
    began = time.perf_counter()
    for place, turn in enumerate(dialogue.turns, 1):
        if not turn.is_person:
            continue
        drawn = extract(turn.text, dialogue.language, said_at=turn.at)
        waiting = [expected for expected in dialogue.facts if expected.turn == place]
        for fact in drawn:
            match = next((expected for expected in waiting if fits(fact, expected)), None)
            if match is None:
                wrong.append(f"{fact.slot} | {fact.text}")
            else:
                waiting.remove(match)
                found += not match.is_optional
            stored = remember(stored, fact, turn, place)
        missed += [f"{expected.slot} = {expected.value}" for expected in waiting if not expected.is_optional]
    seconds = time.perf_counter() - began
    ended = [memory for memory in stored if memory.ended_at is not None]
    waiting_ends = list(dialogue.superseded)
    wrong_ends = []
    for memory in ended:
        end = next((end for end in waiting_ends if is_it(memory, *end)), None)
        if end is None:
            wrong_ends.append(f"{memory.what.slot} | {memory.what.text}")
        else:
            waiting_ends.remove(end)
    return Verdict(
        dialogue=dialogue,
        found=found,
        wrong=tuple(wrong),
        missed=tuple(missed),
        replaced=len(ended) - len(wrong_ends),
        not_replaced=tuple(f"{slot} = {value}" for slot, value in waiting_ends),
        wrongly_replaced=tuple(wrong_ends),
        seconds=seconds,
    )


def remember(stored: Sequence[Memory], fact: Fact, turn: Turn, place: int) -> list[Memory]:
    """The memories once `fact` has found its place among them."""
    name = f"{place}.{len(stored)}"
    new = NewMemory(
        kind=fact.kind,
        text=fact.text,
        said_by=SELF,
        said_at=turn.at,
        session="",
        position=place,
        origin=Origin.RULE,
        sources=(str(place),),
        language=fact.language,
        slot=fact.slot,
    )
    decision = decide(stored, new)
    if isinstance(decision, Duplicate):
        return list(stored)
    by = decision.by if isinstance(decision, Outdated) else None
    memory = Memory(id=name, what=new, created_at=turn.at, superseded_by=by, ended_at=turn.at if by else None)
    of = decision.of if isinstance(decision, Supersede) else ()
    return [*(replace(old, superseded_by=name, ended_at=turn.at) if old.id in of else old for old in stored), memory]


def figures(verdicts: Iterable[Verdict]) -> dict[str, object]:
    """Precision, recall and replacements of some dialogues; a share of nothing is 1."""
    some = list(verdicts)
    found, wrong = sum(v.found for v in some), sum(len(v.wrong) for v in some)
    missed = sum(len(v.missed) for v in some)
    return {
        "dialogues": len(some),
        "facts": found + missed,
        "precision": round(found / (found + wrong), 4) if found + wrong else 1.0,
        "recall": round(found / (found + missed), 4) if found + missed else 1.0,
        "replaced_right": sum(v.replaced for v in some),
        "replaced_missed": sum(len(v.not_replaced) for v in some),
        "replaced_wrong": sum(len(v.wrongly_replaced) for v in some),
    }


def summary(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """The figures by part, and within it by language."""
    result: dict[str, object] = {"benchmark": "memory", "aim_precision": PRECISION, "aim_recall": RECALL}
    for part in PARTS:
        own = [verdict for verdict in verdicts if verdict.dialogue.part == part]
        result[part] = figures(own)
        for language in LANGUAGES:
            result[f"{part}_{language}"] = figures(v for v in own if v.dialogue.language == language)
    turns = sum(turn.is_person for verdict in verdicts for turn in verdict.dialogue.turns)
    result["ms_per_message"] = round(1000 * sum(verdict.seconds for verdict in verdicts) / turns, 3) if turns else 0.0
    held = result["held_out"]
    assert isinstance(held, dict)
    result["passed"] = bool(held["facts"]) and held["precision"] >= PRECISION and held["recall"] >= RECALL
    return result


def main() -> int:
    """Print what missed and the figures; exit 1 when an aim is missed on the dialogues that were held out."""
    parser = argparse.ArgumentParser(description="Facts drawn from dialogues by rules: precision, recall, replacements.")
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--dialogues", type=Path, default=DIALOGUES, help="another JSONL file of dialogues")
    parser.add_argument("--part", choices=PARTS, help="only what is held out, or only the rest")
    parser.add_argument("--quiet", action="store_true", help="do not list what missed")
    options = parser.parse_args()
    dialogues = [dialogue for dialogue in load(options.dialogues) if options.part in (None, dialogue.part)]
    for dialogue in dialogues[:4]:
        judge(dialogue)  # the tables are read once, and are no part of the time
    verdicts = [judge(dialogue) for dialogue in dialogues]
    result = summary(verdicts)
    if not options.json:
        for verdict in [] if options.quiet else verdicts:
            _list(verdict)
        for name, value in result.items():
            print(f"{name:18} {value}")
    print(json.dumps(result))
    return 0 if result["passed"] else 1


def _list(verdict: Verdict) -> None:
    for name in ("missed", "wrong", "not_replaced", "wrongly_replaced"):
        for item in getattr(verdict, name):
            print(f"[{verdict.dialogue.id}] {name}: {item}")


if __name__ == "__main__":
    sys.exit(main())
