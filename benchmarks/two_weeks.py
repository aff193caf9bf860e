"""Two weeks of 300 invented people in both languages, and a night after each day: are the files right, and the same every time?

Everything is real but the people: their days are stored in a database, each night runs in its steps as the bot's own, and the
independent checker looks at what is published. Some of what they do is planted: it must be dropped, or mended.
"""

from __future__ import annotations

import asyncio
import hashlib
import platform
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from benchmarks.telling import command, tell
from benchmarks.two_weeks_people import DAYS, PER_NIGHT, START, Happening, What, happenings
from benchmarks.two_weeks_planted import CORRECTIONS, MENDED, Planted
from benchmarks.two_weeks_town import Chronicle, new_folder
from bot import __version__
from bot.store.open import Stores, open_folder
from bot.system import SystemClock, TimeOrderedIds
from learning.check import check
from learning.manifest import read_manifest
from learning.night import Night, NightResult
from learning.order import NightOrder

PEOPLE = 300
HOUR = 4


def order_of(folder: Path, training: Path, night: date) -> NightOrder:
    """The night that begins at four in the morning UTC, of what was asked until then."""
    return NightOrder(
        data_dir=str(folder),
        folder=str(training),
        night=night,
        until=datetime(night.year, night.month, night.day, HOUR, tzinfo=UTC),
        zone="UTC",
        busy_timeout_s=5,
        keep=DAYS + 1,
        parquet=False,
        trusted=(),
        per_person=PER_NIGHT,
        min_account_days=7,
        min_conversations=5,
        own_name="Martín",
    )


async def two_weeks(
    out: Path, *, people: int, seed: int, nights: int, show: Callable[[str], None]
) -> tuple[list[NightResult], tuple[Happening, ...], dict[str, str]]:
    """Live through it in `out`; what each night said, what happened, and the name of each turn's row.

    The last `nights` days have a night each; the last one follows the last day.
    """
    happened = happenings(people, seed=seed)
    folder = await new_folder(out / "data", seed)
    results = []
    async with open_folder(folder, clock=SystemClock(), ids=TimeOrderedIds()) as stores:
        left, chronicle = list(happened), Chronicle(stores)
        for day in range(DAYS + 1 - nights, DAYS + 1):
            order = order_of(folder.path, out / "training", START + timedelta(days=day))
            await chronicle.live([one for one in left if one.at < order.until])
            left = [one for one in left if one.at >= order.until]
            results.append(await Night(order, stores.training, lambda step, done: None).run())
            show(f"{order.night}: {results[-1].collected} collected, {results[-1].kept} kept")
        rows = await _rows(stores, happened)
    return results, happened, rows


async def _rows(stores: Stores, happened: Iterable[Happening]) -> dict[str, str]:
    return {stores.keys.training("row", one.turn): one.turn for one in happened if one.what is What.TURN}


def judged(folder: Path, happened: Sequence[Happening], turn_of: Mapping[str, str]) -> dict[str, object]:
    """What became of each kind of planted row in the files of `folder`, and which of them are wrong."""
    asker = {one.turn: one.person for one in happened if one.what is What.TURN}
    # A bystander's thumb on somebody else's answer plants nothing in that row: it must not count there.
    planted: dict[str, str] = {one.turn: one.planted for one in happened if one.planted and asker.get(one.turn) == one.person}
    secrets = {one.secret for one in happened if one.secret}
    kept = {turn_of[one["row"]] for one in _lines(folder / "rows.jsonl")}
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    gone: set[str] = set()
    for one in _lines(folder / "dropped.jsonl"):
        turn = turn_of[one["row"]]
        gone.add(turn)
        reasons[planted.get(turn, "honest")][f"{one['step']}: {one['reason']}"] += 1
    stayed = Counter(planted.get(turn, "honest") for turn in kept)
    allowed = {*MENDED, *CORRECTIONS, Planted.ABOVE_CAP}
    wrong = {kind: number for kind, number in sorted(stayed.items()) if kind != "honest" and kind not in allowed}
    text = b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()).decode()
    kinds = Counter(planted.values())
    return {
        "kinds_planted": len(kinds),
        "planted": dict(sorted(kinds.items())),
        "stayed": dict(sorted(stayed.items())),
        "stayed_and_must_not": wrong,
        "secrets_in_files": sum(secret in text for secret in secrets),
        "reasons": {kind: dict(sorted(counted.items())) for kind, counted in sorted(reasons.items())},
    }


def digest_of(folder: Path) -> str:
    """SHA-256 over names and bytes of all files."""
    whole = hashlib.sha256()
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        content = path.read_bytes()
        whole.update(f"{path.relative_to(folder)}\0{len(content)}\0".encode() + content)
    return whole.hexdigest()


def _lines(file: Path) -> list[dict[str, str]]:
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


async def measure(out: Path, *, people: int, seed: int, nights: int, show: Callable[[str], None]) -> dict[str, object]:
    """Two weeks in `out`, and again beside it: everything that is to be shown of them."""
    began = time.perf_counter()
    results, happened, turn_of = await two_weeks(out, people=people, seed=seed, nights=nights, show=show)
    seconds = time.perf_counter() - began
    last = Path(results[-1].folder)
    with TemporaryDirectory(prefix="martin-again-") as beside:
        again, *_ = await two_weeks(Path(beside), people=people, seed=seed, nights=nights, show=show)
        same = [digest_of(Path(one.folder)) for one in again] == [digest_of(Path(one.folder)) for one in results]
    manifest = read_manifest(last)
    problems = [f"{one.file}:{one.line} {one.code}" for export in results for one in check(Path(export.folder))]
    found = judged(last, happened, turn_of)
    result: dict[str, object] = {
        "benchmark": "two_weeks",
        "version": __version__,
        "python": platform.python_version(),
        "people": people,
        "seed": seed,
        "nights": len(results),
        "turns": sum(one.what is What.TURN for one in happened),
        "collected": results[-1].collected,
        "kept": results[-1].kept,
        "files": results[-1].files,
        "left_out": results[-1].left_out,
        "residual": {"planted": manifest.scrub.planted, "left": manifest.scrub.left},
        **found,
        "checker_problems": problems,
        "same_bytes_again": same,
        "sha256": digest_of(last),
        "seconds": round(seconds, 1),
    }
    result["missed"] = [
        name
        for name, is_missed in (
            ("planted rows that stayed", bool(found["stayed_and_must_not"])),
            ("secrets", bool(found["secrets_in_files"])),
            ("checker", bool(problems)),
            ("same bytes", not same),
        )
        if is_missed
    ]
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; exit 1 when something is not as it must be."""
    parser = command("two_weeks", __doc__)
    parser.add_argument("--out", type=Path, required=True, help="a folder that is new or empty; data and files stay there")
    parser.add_argument("--people", type=int, default=PEOPLE, help=f"how many people (default: {PEOPLE})")
    parser.add_argument("--seed", type=int, default=0, help="the same seed gives the same bytes (default: 0)")
    parser.add_argument("--nights", type=int, default=DAYS, help=f"nights at the end of the two weeks (default: {DAYS})")
    options = parser.parse_args(arguments)
    if options.out.exists() and any(options.out.iterdir()):
        parser.error(f"{str(options.out)!r} is not empty")
    quiet = options.json
    result = asyncio.run(
        measure(
            options.out,
            people=options.people,
            seed=options.seed,
            nights=max(1, min(DAYS, options.nights)),
            show=lambda line: None if quiet else print(line, file=sys.stderr, flush=True),
        )
    )
    tell(result, only_json=options.json)
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
