"""What is done once per local date: a backup, training files, old things erased, and on Sundays the whole file checked."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from pathlib import Path

import structlog

from bot.config import Config
from bot.errors import StoreError, StoreFull
from bot.jobs.runner import NightlyJob
from bot.notices import NIGHT_FAILED
from bot.ports import Clock
from bot.store.backup import backup, keep_last, nightly_path
from bot.store.check import full_check
from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.store.retention import Retention
from bot.types import AdminNotice

_log = structlog.get_logger("martin.jobs")

FREE_FLOOR_BYTES = 256 * 1024 * 1024
"""Nightly chores do not begin with less free space than this (R-22)."""
SUNDAY = 7
_LONGEST_ERROR = 300
TRAINING = "training"
LEASE_S, NIGHT_LEASE_S = 3_600.0, 4.5 * 3_600
"""Longer than the longest chore may take (`bot.learning_parts.NIGHT_S`): one killed with its bot is tried again after it."""


class Nights:
    """The nightly chores of one data folder."""

    def __init__(
        self,
        config: Config,
        folder: DataFolder,
        stores: Stores,
        clock: Clock,
        *,
        learn: Callable[[date], Awaitable[None]],
        retire: Callable[[], Awaitable[int]],
    ) -> None:
        """`learn` makes the training files of a date; `retire` takes out of them what retention has erased."""
        self._config, self._folder, self._stores, self._clock = config, folder, stores, clock
        self._learn, self._retire = learn, retire
        self._are_freed = False
        hour = config.store.backup_hour
        chores = [("backup", self._backup, hour), ("retention", self._retain, hour), ("full check", self._check_whole, hour)]
        if config.learning.enabled:
            chores.append((TRAINING, self._train, config.learning.hour))
        self._jobs: Sequence[NightlyJob] = [
            NightlyJob(
                name=name,
                run=run,
                jobs=stores.jobs,
                clock=clock,
                zone=config.zone,
                hour=hour,
                on_failure=self._tell,
                lease_s=NIGHT_LEASE_S if name == TRAINING else LEASE_S,
            )
            for name, run, hour in chores
        ]

    async def check(self) -> None:
        """Do what is due. Runs that a killed bot had begun are free again: nobody else serves this folder."""
        if not self._are_freed:
            await self._stores.jobs.free_runs()
            self._are_freed = True
        for job in self._jobs:
            await job.check()

    async def _tell(self, job: str, night: date, error: str) -> None:
        """Let the admins know. Where that cannot be written the other jobs still have their turn: one of them makes room."""
        now = self._clock.now()
        facts = {"job": job, "night": night.isoformat(), "error": " ".join(error.split())[:_LONGEST_ERROR]}
        try:
            await self._stores.notices.tell(AdminNotice(kind=f"{NIGHT_FAILED}.{job}", day=now.date(), facts=facts, at=now))
        except StoreError as failure:
            _log.error("night.untold", job=job, date=str(night), error=str(failure))

    async def _backup(self, night: date) -> None:
        demand_space(self._folder.path)
        await backup(self._folder.database, nightly_path(self._folder.backups, night), overwrite=True)
        keep_last(self._folder.backups, night, self._config.store.backup_keep)

    async def _train(self, night: date) -> None:
        demand_space(self._folder.path)
        await self._learn(night)

    async def _retain(self, _: date) -> None:
        settings = self._config.store
        await Retention(
            self._stores.database,
            self._stores.keys,
            self._clock,
            key_days=settings.key_days,
            retention_days=settings.retention_days,
        ).run()
        await self._retire()

    async def _check_whole(self, night: date) -> None:
        """Every Sunday: what SQLite can notice of damage (R-23)."""
        if night.isoweekday() == SUNDAY:
            await full_check(self._folder.database)


def demand_space(folder: Path) -> None:
    """Raises StoreFull where there is less free space than a nightly chore may begin with (R-22)."""
    free = shutil.disk_usage(folder).free
    if free < FREE_FLOOR_BYTES:
        raise StoreFull(f"{free >> 20} MiB are free; a nightly chore needs {FREE_FLOOR_BYTES >> 20} MiB")
