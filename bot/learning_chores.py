"""What the command line does about training files: make them, label rows, decide about them, and say where they come from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import msgspec

from bot.app import open_stores
from bot.chores import find_person
from bot.config import Config
from bot.errors import DataFolderLocked, TrainingError
from bot.night_child import run_night
from bot.night_order import begins_at, night_order, training_folder
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores
from bot.system import SystemClock
from bot.types import Language, PersonId, TurnId
from learning.exports import QUEUE, read_queue
from learning.folder import TrainingFolder
from learning.guard import COHORT, Queued
from learning.night import READINESS, Night, NightResult, Progress
from learning.readiness import Readiness
from learning.remove import files_of
from learning.scrub import Scrubber
from learning.sheet import SheetProblem, read_sheet, write_sheet

SHOWN_ROWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Where a row comes from, and which lines of which dates' files it is. Nobody where it is not known any more."""

    row: str
    turn: TurnId | None
    person: PersonId | None
    places: dict[str, list[tuple[str, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for an admin, with a few of its rows in words: question, answer, correction, scrubbed."""

    asked: Queued
    rows: tuple[tuple[str, str, str], ...]


async def make_night(config: Config, night: date | None, progress: Progress, *, is_dry: bool) -> NightResult:
    """The files of a date: of what was asked until its hour, or, without one, of what was asked until now.

    Raises TrainingError and StoreError.
    """
    now = SystemClock().now()
    day = night or now.astimezone(config.zone).date()
    until = begins_at(config, day) if night is not None else now
    if until > now + timedelta(minutes=1):
        raise TrainingError(f"the night of {day} has not begun: it begins at {config.learning.hour}:00")
    await _migrated(config)
    return await run_night(night_order(config, day, until), progress, is_dry=is_dry)


async def readiness(config: Config) -> Readiness | None:
    """What the last night measured; None where there was none."""
    file = TrainingFolder(training_folder(config)).state / READINESS
    try:
        return msgspec.json.decode(file.read_bytes(), type=Readiness)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise TrainingError("the last night's report cannot be read: `python -m bot night` makes another") from error


async def labels_out(config: Config, file: Path, language: Language, progress: Progress) -> int:
    """Write a table of all rows for somebody to label; how many. Raises TrainingError and StoreError."""
    now = SystemClock().now()
    async with _opened(config) as stores:
        night = Night(night_order(config, now.astimezone(config.zone).date(), now), stores.training, progress)
        try:
            return await night.labelled(lambda rows: write_sheet(rows, file, language))
        except OSError as error:
            raise TrainingError(f"{str(file)!r} cannot be written: {error.strerror}") from error


async def labels_in(config: Config, file: Path) -> tuple[int, Sequence[SheetProblem]]:
    """Take the labels that somebody wrote into such a table, or nothing and what is wrong with it; how many rows have one."""
    sheet = read_sheet(file)
    if sheet.problems:
        return 0, sheet.problems
    async with _opened(config) as stores:
        said = {row: (one.intent.value if one.intent else "", one.topic) for row, one in sheet.labels.items()}
        return await stores.training.set_labels(said, SystemClock().now()), ()


async def waiting(config: Config) -> list[Waiting]:
    """What the last night left for an admin to decide, most useful first, without what was decided since."""
    async with _opened(config) as stores:
        return [Waiting(asked=one, rows=await _words(stores, one)) for one in await _undecided(config, stores)]


async def decide(config: Config, subjects: Sequence[str], *, is_approved: bool) -> None:
    """Let rows, patterns or a small cohort through from the next night on, or never. Raises TrainingError and StoreError."""
    async with _opened(config) as stores:
        asked = await _undecided(config, stores)
        known = {COHORT, *(subject for one in asked for subject in (*one.approves, *one.rows))}
        for subject in subjects:
            if subject not in known and await stores.training.origin(subject) is None:
                raise TrainingError(f"there is no row or question {subject!r}: `python -m bot data queue` names them")
        for subject in subjects:
            await stores.training.decide(subject, is_approved=is_approved, at=SystemClock().now())


async def trace(config: Config, what: str) -> list[Trace]:
    """A row, or all rows of a person: where they come from, and which lines they are. Raises UnknownPerson and StoreError."""
    async with _opened(config) as stores:
        origin = await stores.training.origin(what)
        rows = {what} if origin else await stores.training.rows_of(await find_person(stores, what))
        found: dict[str, dict[str, list[tuple[str, int]]]] = {row: {} for row in sorted(rows)}
        for export in TrainingFolder(training_folder(config)).exports():
            for row, places in files_of(export, rows).items():
                found[row][export.name] = places
        traced = []
        for row, places_of in found.items():
            known = await stores.training.origin(row)
            turn, person = known or (None, None)
            traced.append(Trace(row=row, turn=turn, person=person, places=places_of))
        return traced


async def _undecided(config: Config, stores: Stores) -> list[Queued]:
    asked = read_queue(TrainingFolder(training_folder(config)).state / QUEUE)
    decided = set(await stores.training.decisions())
    return [one for one in asked if not set(one.approves) <= decided]


async def _words(stores: Stores, asked: Queued) -> tuple[tuple[str, str, str], ...]:
    found = []
    for row in asked.rows[:SHOWN_ROWS]:
        origin = await stores.training.origin(row)
        past = await stores.turns.past(origin[0]) if origin else None
        if past is not None:
            correction = (past.rating.correction or "") if past.rating else ""
            question, answer, better = Scrubber().scrub_texts([past.question, past.reply.text, correction])
            found.append((question, answer, better))
    return tuple(found)


async def _migrated(config: Config) -> None:
    """A database of this version, where no bot serves it that has seen to that."""
    folder = DataFolder.open(config.data_dir)
    try:
        lock = folder.lock()
    except DataFolderLocked:
        return
    with lock:
        await migrate(folder, SystemClock())
        async with open_stores(config) as stores:
            await stores.erasure.apply_tombstones()  # whoever a restored backup brought back is in no file


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[Stores]:
    await _migrated(config)
    async with open_stores(config) as stores:
        yield stores
