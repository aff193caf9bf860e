"""Durable chores and nightly runs, each leased to one process at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import func, select

from bot.admin_types import ShownRun
from bot.job_types import Job, JobRun
from bot.store.db import Database, Unit, read
from bot.store.schema import job_runs
from bot.store.statements import BEGIN_RUN, END_JOB, END_RUN, FREE_JOB, FREE_RUNS, LEASE_JOB, free_job
from bot.types import PersonId

CUT = "the bot ended in the middle of it"
"""What became of a run that nobody has a lease of and that said nothing."""

_FREE = read("free chore", free_job)
_newest = select(job_runs.c.job, func.max(job_runs.c.local_date).label("night")).group_by(job_runs.c.job).subquery("newest")
_LATEST = read(
    "latest run of each job",
    select(
        *(job_runs.c.job, job_runs.c.local_date, job_runs.c.started_at, job_runs.c.ended_at),
        *(job_runs.c.error, job_runs.c.seconds, job_runs.c.lease_until.is_not(None)),
    )
    .join(_newest, (_newest.c.job == job_runs.c.job) & (_newest.c.night == job_runs.c.local_date))
    .order_by(job_runs.c.job),
)


class StoredJobs:
    """The `JobStore` of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def lease(self, now: datetime, seconds: float) -> Job | None:
        """Take a chore that is free and whose turn's reply has been delivered: of those tried least often, the oldest.

        It is asked for after every reply, so it looks before it writes: a unit that runs alone ends everybody's batch.
        """
        if not await self._database.rows(_FREE, now=now):
            return None
        unit = Unit((LEASE_JOB, {"now": now, "until": now + timedelta(seconds=seconds)}))
        (rows,) = await self._database.commit_returning(unit)
        if not rows:
            return None
        job_id, kind, person, attempts = rows[0]
        return Job(id=job_id, kind=kind, person_id=PersonId(person), attempts=attempts)

    async def finish(self, job: Job, error: str | None, at: datetime) -> None:
        """Done (None), or failed and free again; a done chore keeps no person.

        Changes nothing when the lease ran out and somebody else took the chore: their attempt has another number.
        """
        if error is None:
            await self._database.commit(Unit((END_JOB, {"job": job.id, "fence": job.attempts, "at": at})))
        else:
            await self._database.commit(Unit((FREE_JOB, {"job": job.id, "fence": job.attempts, "reason": error})))

    async def begin_run(self, job: str, local_date: date, now: datetime, seconds: float) -> JobRun | None:
        """Lease the one run of `job` for that date; None when it is done or another holds the lease."""
        until = now + timedelta(seconds=seconds)
        unit = Unit((BEGIN_RUN, {"job": job, "local_date": local_date, "lease_until": until, "started_at": now}))
        (rows,) = await self._database.commit_returning(unit)
        return JobRun(job=job, local_date=local_date, fence=rows[0][0]) if rows else None

    async def free_runs(self) -> None:
        """Whoever had begun a run is gone: for the one process that serves the folder, at its start."""
        await self._database.commit(Unit((FREE_RUNS, {})))

    async def latest_runs(self) -> Sequence[ShownRun]:
        """The latest run of each nightly job, by name."""
        return [
            ShownRun(
                job=job,
                night=night,
                started_at=began,
                ended_at=ended,
                error="" if ended is not None or is_leased else error or CUT,
                seconds=seconds,
            )
            for job, night, began, ended, error, seconds, is_leased in await self._database.rows(_LATEST)
        ]

    async def end_run(self, run: JobRun, error: str | None, at: datetime) -> None:
        """Record how it ended; an error leaves the date open for a later try.

        Changes nothing for a run that lost its lease: the newer one has a higher fence.
        """
        step = {
            "name": run.job,
            "date": run.local_date,
            "number": run.fence,
            "end": at if error is None else None,
            "at": at,
            "reason": error,
        }
        await self._database.commit(Unit((END_RUN, step)))
