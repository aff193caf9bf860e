"""What the command line does about training files: make them, label rows, decide about them, and say where they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from bot.admin_types import TERMINAL, RowWords
from bot.chores import find_person, migrate_unserved, migrated_stores
from bot.config import Config
from bot.errors import TrainingError
from bot.learning_desk import SHOWN_ROWS, liked_of, undecided, words_of
from bot.night_child import run_night
from bot.night_order import begins_at, night_order, training_folder
from bot.store.db import Unit
from bot.store.writes import by_rank, steps_of
from bot.system import SystemClock, TimeOrderedIds
from bot.types import Language, PersonId, TurnId
from bot.writes import AddAudit, DecideTraining
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
    """What waits for an admin, with a few of its rows in words, and of opposite ratings those rows that like the answer."""

    asked: Queued
    rows: tuple[RowWords, ...]
    liked: tuple[str, ...] = ()


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
        noted = steps_of([_noted("label", "", "labelled")], SystemClock().now(), TimeOrderedIds())
        await stores.database.commit(Unit(*noted))
        return kept, ()


async def waiting(config: Config) -> list[Waiting]:
    """What the last night left for an admin to decide, most useful first, without what was decided since."""
    async with migrated_stores(config) as stores:
        return [
            Waiting(asked=one, rows=await words_of(stores, one.rows[:SHOWN_ROWS]), liked=await liked_of(stores, one))
            for one in await undecided(config, stores)
        ]


async def decide(config: Config, subjects: Sequence[str], *, is_approved: bool) -> None:
    """Let rows, patterns or a small cohort through from the next night on, or never. Raises TrainingError and StoreError."""
    async with migrated_stores(config) as stores:
        asked = await undecided(config, stores)
        known = {COHORT, *(subject for one in asked for subject in (*one.approves, *one.rows))}
        for subject in subjects:
            if subject not in known and await stores.training.origin(subject) is None:
                raise TrainingError(f"there is no row or question {subject!r}: `python -m bot data queue` names them")
        writes = [
            write
            for subject in subjects
            for write in (
                DecideTraining(subject=subject, is_approved=is_approved),
                _noted("queue", subject, "approved" if is_approved else "rejected"),
            )
        ]
        await stores.database.commit(Unit(*sorted(steps_of(writes, SystemClock().now(), TimeOrderedIds()), key=by_rank)))


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


def _noted(action: str, subject: str, result: str) -> AddAudit:
    """What was done on the command line goes into the audit log too."""
    return AddAudit(id=TimeOrderedIds().new(), channel=TERMINAL, user="", action=action, subject=subject, result=result)
