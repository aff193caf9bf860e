"""What admins see and decide about training files in chat: the folder of files and the database, behind one port."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from bot.admin_types import (
    NightAsked,
    NightStanding,
    RowWords,
    ShownExport,
    UnlabelledRow,
    WaitingQuestion,
    WaitsFor,
)
from bot.config import Config
from bot.errors import TrainingError
from bot.learning_parts import LearningParts
from bot.night_order import training_folder
from bot.store.open import Stores
from bot.types import Language, PastTurn
from learning.exports import QUEUE, READINESS, read_queue
from learning.folder import TrainingFolder
from learning.guard import COHORT, STEP, Asked, Guarded, Queued
from learning.manifest import Manifest, read_manifest
from learning.readiness import Readiness
from learning.readiness_text import render_whole

SHOWN_ROWS: Final = 3
"""Rows of a question that are shown in words."""


class LearningDesk:
    """The `TrainingDesk` of a running bot. Files are read beside the loop."""

    def __init__(self, config: Config, stores: Stores, parts: LearningParts) -> None:
        self._config, self._stores, self._parts = config, stores, parts
        self._folder = TrainingFolder(training_folder(config))

    @property
    def is_on(self) -> bool:
        """Whether nights make files at all."""
        return self._config.learning.enabled

    def standing(self) -> NightStanding:
        """Where the night of this process stands."""
        return self._parts.standing()

    def begin(self, asked: NightAsked) -> bool:
        """Make today's files of all that was rated until now; False while a night is under way."""
        return self._parts.begin(asked)

    async def ended(self) -> None:
        """Return once no night is under way in this process."""
        await self._parts.ended()

    async def report(self, language: Language) -> str | None:
        """What the last night's files are good for, as Markdown; None where there was no night. Raises TrainingError."""
        found = await readiness(self._config)
        return render_whole(found, language) if found is not None else None

    async def exports(self) -> Sequence[ShownExport]:
        """The files that are there, newest date first. Raises TrainingError."""
        return [_shown(export, manifest) for export, manifest in await asyncio.to_thread(self._manifests)]

    async def waiting(self) -> Sequence[WaitingQuestion]:
        """What waits for a decision, most useful first: a small cohort before all. Raises TrainingError and StoreError."""
        found = await self._cohort()
        for one in await undecided(self._config, self._stores):
            found.append(
                WaitingQuestion(
                    why=WaitsFor(one.kind.value),
                    subjects=one.approves,
                    count=one.count,
                    people=one.people,
                    rows=await self._words(one.rows),
                    shared=one.words,
                    liked=await liked_of(self._stores, one),
                )
            )
        return found

    async def unlabelled(self, after: str = "") -> UnlabelledRow | None:
        """The next row after that one that no operator has labelled; None at the end. Raises StoreError."""
        while (found := await self._stores.training.unlabelled(after)) is not None:
            row, _, left = found
            for words in await self._words((row,)):
                return UnlabelledRow(row=row, words=words, left=left)
            after = row
        return None

    async def _cohort(self) -> list[WaitingQuestion]:
        """The small cohort of the newest files, where rows of it wait."""
        if COHORT in await self._stores.training.decisions():
            return []
        for _, manifest in await asyncio.to_thread(self._manifests, 1):
            waiting = manifest.dropped.get(STEP, {}).get(Guarded.SMALL_COHORT, 0)
            if waiting:
                return [WaitingQuestion(why=WaitsFor.COHORT, subjects=(COHORT,), count=waiting, people=manifest.cohort.people)]
        return []

    async def _words(self, rows: Sequence[str]) -> tuple[RowWords, ...]:
        return await words_of(self._stores, rows[:SHOWN_ROWS])

    def _manifests(self, most: int | None = None) -> list[tuple[Path, Manifest]]:
        """The newest dates with what their files say about themselves, newest first."""
        try:
            return [(export, read_manifest(export)) for export in self._folder.exports()[::-1][:most]]
        except OSError as error:
            raise TrainingError(f"the training files cannot be read ({error.strerror}): {self._folder.path}") from error


def _shown(export: Path, manifest: Manifest) -> ShownExport:
    files = {name: facts.rows for name, facts in manifest.files.items() if facts.rows is not None and "/" in name}
    return ShownExport(
        night=date.fromisoformat(export.name),
        folder=str(export),
        files=files,
        kept=manifest.kept,
        people=manifest.people,
        is_small=manifest.cohort.is_small,
        is_approved=manifest.cohort.approved,
        is_stale=manifest.stale is not None,
    )


async def readiness(config: Config) -> Readiness | None:
    """What the last night measured; None where there was none. Raises TrainingError."""
    file = TrainingFolder(training_folder(config)).state / READINESS
    try:
        return msgspec.json.decode(await asyncio.to_thread(file.read_bytes), type=Readiness)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise TrainingError(f"the last night's report cannot be read ({error.strerror}): {file}") from error
    except msgspec.MsgspecError as error:
        raise TrainingError("the last night's report cannot be read: `python -m bot night` makes another") from error


async def undecided(config: Config, stores: Stores) -> list[Queued]:
    """What the last night asks of admins, without what was decided since. Raises TrainingError and StoreError."""
    asked = await asyncio.to_thread(read_queue, TrainingFolder(training_folder(config)).state / QUEUE)
    decided = set(await stores.training.decisions())
    return [one for one in asked if not set(one.approves) <= decided]


async def liked_of(stores: Stores, asked: Queued) -> tuple[str, ...]:
    """Of opposite ratings, the rows whose raters liked the answer. Raises StoreError."""
    if asked.kind is not Asked.OPPOSITE_RATINGS:
        return ()
    liked = []
    for row in asked.approves:
        past = await _turn_of(stores, row)
        if past is not None and past.rating is not None and past.rating.value > 0:
            liked.append(row)
    return tuple(liked)


async def words_of(stores: Stores, rows: Sequence[str]) -> tuple[RowWords, ...]:
    """The words of rows, scrubbed beside the loop; of those that are gone, nothing."""
    found = []
    for row in rows:
        past = await _turn_of(stores, row)
        if past is not None:
            correction = (past.rating.correction or "") if past.rating else ""
            found.append((past.question, past.reply.text, correction))
    return await asyncio.to_thread(_scrubbed, found)


async def _turn_of(stores: Stores, row: str) -> PastTurn | None:
    """The turn that a row comes from; None for one that is gone."""
    origin = await stores.training.origin(row)
    return await stores.turns.past(origin[0]) if origin else None


def _scrubbed(rows: Sequence[tuple[str, str, str]]) -> tuple[RowWords, ...]:
    from learning.scrub import Scrubber

    scrubbed = []
    for texts in rows:
        question, answer, correction = Scrubber().scrub_texts(texts)
        scrubbed.append(RowWords(question=question, answer=answer, correction=correction))
    return tuple(scrubbed)
