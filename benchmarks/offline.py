"""How often the shipped knowledge answers right, and how often it honestly says that it does not know.

`python -m benchmarks.offline --json`: each question goes through `FolderKnowledge` and `OfflineModel` as in a turn. A question
inside counts when the first passage is the expected file and heading, one outside when the answer carries the flag UNKNOWN.
The questions are written by somebody who saw the folder only. The last line of the output is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.knowledge import FolderKnowledge
from bot.models.offline import OfflineModel
from bot.system import SystemClock
from bot.types import LANGUAGES, Evidence, Flag, Language, Prompt

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = Path(__file__).parent / "data" / "offline-questions.jsonl"
AIM = 0.9
PASSAGES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question with the passage that answers it, or none (None) when the folder does not."""

    language: Language
    question: str
    file: str | None
    heading: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a case. `rank` is the place of the right passage, 0 when it was not found."""

    case: Case
    is_right: bool
    is_unknown: bool
    rank: int
    seconds: float
    got: str


def load(path: Path) -> list[Case]:
    """The cases of a JSONL file with `language`, `question`, `file`, `heading`. Raises ValueError for a bad line."""
    cases = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        row = json.loads(line)
        language = next((language for language in LANGUAGES if language == row["language"]), None)
        if language is None or (row["file"] is None) != (row["heading"] is None) or not row["question"].strip():
            raise ValueError(
                f"{path.name}, line {number}: expected a language, a question, and both or neither of file and heading"
            )
        if row["file"] is not None and f"\n## {row['heading']}\n" not in (ROOT / "knowledge" / row["file"]).read_text("utf-8"):
            raise ValueError(f"{path.name}, line {number}: no heading {row['heading']!r} in knowledge/{row['file']}")
        cases.append(Case(language=language, question=row["question"], file=row["file"], heading=row["heading"]))
    return cases


async def judge(case: Case, knowledge: FolderKnowledge, model: OfflineModel) -> Verdict:
    """Ask one question as a turn does."""
    began = time.perf_counter()
    found = await knowledge.search(case.question, case.language, PASSAGES)
    prompt = Prompt(system="", question=case.question, language=case.language, evidence=found)
    flags: frozenset[Flag] = frozenset()
    text = ""
    async for chunk in model.stream(prompt, max_tokens=1024, temperature=0.4):
        text += chunk.text
        flags = chunk.generation.flags if chunk.generation else flags
    seconds = time.perf_counter() - began
    rank = next((place for place, item in enumerate(found, 1) if _is(item, case)), 0)
    is_unknown = Flag.UNKNOWN in flags
    is_right = is_unknown if case.file is None else rank == 1 and not is_unknown and f"`{case.file}`" in text
    got = f"{found[0].source} › {found[0].question} ({found[0].score:.2f})" if found else "nothing"
    return Verdict(case=case, is_right=is_right, is_unknown=is_unknown, rank=rank, seconds=seconds, got=got)


def _is(item: Evidence, case: Case) -> bool:
    return (item.source, item.question) == (case.file, case.heading)


def share(verdicts: Sequence[Verdict]) -> float:
    """The part that is right; 0 of none."""
    return sum(verdict.is_right for verdict in verdicts) / len(verdicts) if verdicts else 0.0


def summary(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """The figures, by language and in all."""
    result: dict[str, object] = {"benchmark": "offline", "aim": AIM}
    inside = [verdict for verdict in verdicts if verdict.case.file is not None]
    outside = [verdict for verdict in verdicts if verdict.case.file is None]
    for language in LANGUAGES:
        own = [verdict for verdict in inside if verdict.case.language == language]
        result[f"right_first_{language}"] = round(share(own), 4)
        result[f"questions_{language}"] = len(own)
        strange = [verdict for verdict in outside if verdict.case.language == language]
        result[f"honest_{language}"] = round(share(strange), 4)
        result[f"outside_{language}"] = len(strange)
    result["right_first"] = round(share(inside), 4)
    result["right_in_four"] = round(sum(verdict.rank > 0 for verdict in inside) / len(inside), 4) if inside else 0.0
    result["said_unknown_though_inside"] = sum(verdict.is_unknown for verdict in inside)
    result["honest"] = round(share(outside), 4)
    times = sorted(verdict.seconds for verdict in verdicts)
    result["median_ms"] = round(1000 * times[len(times) // 2], 3) if times else 0.0
    figures = (share([v for v in inside if v.case.language == language]) for language in LANGUAGES)
    result["passed"] = bool(inside and outside) and all(figure >= AIM for figure in figures) and share(outside) >= AIM
    return result


async def measure(path: Path) -> list[Verdict]:
    """Every case of the file, judged in its order."""
    clock = SystemClock()
    knowledge, model = FolderKnowledge(ROOT / "knowledge", clock=clock), OfflineModel(clock=clock)
    await knowledge.refresh()
    return [await judge(case, knowledge, model) for case in load(path)]


def main() -> int:
    """Print what missed and the figures; exit 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description="Answers without a language model: right passages and honest ignorance.")
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--questions", type=Path, default=QUESTIONS, help="another JSONL file of questions")
    parser.add_argument("--quiet", action="store_true", help="do not list what missed")
    options = parser.parse_args()
    verdicts = asyncio.run(measure(options.questions))
    result = summary(verdicts)
    if not options.json:
        for verdict in verdicts:
            if not verdict.is_right and not options.quiet:
                wanted = f"{verdict.case.file} › {verdict.case.heading}" if verdict.case.file else "I do not know"
                print(f"[{verdict.case.language}] {verdict.case.question}\n    wanted {wanted}\n    got    {verdict.got}")
        for name, value in result.items():
            print(f"{name:28} {value}")
    print(json.dumps(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
