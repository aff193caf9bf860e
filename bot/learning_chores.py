"""What the command line does about training files: make them, label rows, decide about them, and say where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from bot.admin_types import TERMINAL, AuditEntry, RowWords
from bot.chores import find_person, migrate_unserved, migrated_stores
from bot.config import Config
from bot.errors import TrainingError
from bot.learning_desk import SHOWN_ROWS, undecided, words_of
from bot.night_child import run_night
from bot.night_order import begins_at, night_order, training_folder
from bot.store.open import Stores
from bot.system import SystemClock, TimeOrderedIds
from bot.types import Language, PersonId, TurnId
from learning.folder import TrainingFolder
from learning.guard import COHORT, Queued
from learning.night import Night, NightResult, Progress
from learning.remove import files_of
from learning.sheet import SheetProblem, read_sheet, write_sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Where a row comes from, and which lines of which dates' files it is. Nobody where it is not known any more."""

    row: str
    turn: TurnId | None
    person: PersonId | None
    places: dict[str, list[tuple[str, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits for an admin, with a few of its rows in words."""

    asked: Queued
    rows: tuple[RowWords, ...]


async def make_night(config: Config, night: date | None, progress: Progress, *, is_dry: bool) -> NightResult:
    """The files of a date: of what was asked until its hour, or, without one, of what was asked until now.

    Raises TrainingError and StoreError.
    """
    now = SystemClock().now()
    day = night or now.astimezone(config.zone).date()
    until = begins_at(config, day) if night is not None else now
    if until > now + timedelta(minutes=1):
        raise TrainingError(f"the night of {day} has not begun: it begins at {config.learning.hour}:00")
    await migrate_unserved(config)
    return await run_night(night_order(config, day, until), progress, is_dry=is_dry)


async def labels_out(config: Config, file: Path, language: Language, progress: Progress) -> int:
    """Write a table of all rows for somebody to label; how many. Raises TrainingError and StoreError."""
    now = SystemClock().now()
    async with migrated_stores(config) as stores:
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
    async with migrated_stores(config) as stores:
        said = {row: (one.intent.value if one.intent else "", one.topic) for row, one in sheet.labels.items()}
        kept = await stores.training.set_labels(said, SystemClock().now())
        await _note(stores, "", "labelled")
        return kept, ()


async def waiting(config: Config) -> list[Waiting]:
    """What the last night left for an admin to decide, most useful first, without what was decided since."""
    async with migrated_stores(config) as stores:
        return [
            Waiting(asked=one, rows=await words_of(stores, one.rows[:SHOWN_ROWS])) for one in await undecided(config, stores)
        ]


async def decide(config: Config, subjects: Sequence[str], *, is_approved: bool) -> None:
    """Let rows, patterns or a small cohort through from the next night on, or never. Raises TrainingError and StoreError."""
    async with migrated_stores(config) as stores:
        asked = await undecided(config, stores)
        known = {COHORT, *(subject for one in asked for subject in (*one.approves, *one.rows))}
        for subject in subjects:
            if subject not in known and await stores.training.origin(subject) is None:
                raise TrainingError(f"there is no row or question {subject!r}: `python -m bot data queue` names them")
        for subject in subjects:
            await stores.training.decide(subject, is_approved=is_approved, at=SystemClock().now())
            await _note(stores, subject, "approved" if is_approved else "rejected")


async def trace(config: Config, what: str) -> list[Trace]:
    """A row, or all rows of a person: where they come from, and which lines they are. Raises UnknownPerson and StoreError."""
    async with migrated_stores(config) as stores:
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


async def _note(stores: Stores, subject: str, result: str) -> None:
    """What was decided on the command line goes into the audit log too."""
    entry = AuditEntry(
        id=TimeOrderedIds().new(),
        at=SystemClock().now(),
        channel=TERMINAL,
        user="",
        action="label" if result == "labelled" else "queue",
        subject=subject,
        result=result,
    )
    await stores.audit.add(entry)
