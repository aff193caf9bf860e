"""What happens without anybody writing: durable chores, messages that fall due, and one run of each nightly job per date."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from bot.errors import MartinError
from bot.job_types import Job
from bot.ports import Clock, DueHandler, DueStore, JobStore
from bot.types import ChannelName, DueMessage, OutboxId, Outgoing, OutgoingKind

_log = structlog.get_logger("martin.jobs")

CHORE_LEASE_S = 60.0
RETRY_S = 30.0
IDLE_S = 60.0


class Chores:
    """Runs durable chores one after another; a chore that fails is tried again, also after a restart."""

    def __init__(self, *, jobs: JobStore, run: Mapping[str, Callable[[Job], Awaitable[None]]], clock: Clock) -> None:
        self._jobs, self._run, self._clock = jobs, run, clock
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something may be free to run now."""
        self._wake.set()

    async def run(self) -> None:
        """Run chores until cancelled."""
        while True:
            pause_s = await self.run_free()
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def run_free(self) -> float:
        """Run every chore that is free now, up to the first that fails; how many seconds to wait until the next look."""
        try:
            while (job := await self._jobs.lease(self._clock.now(), CHORE_LEASE_S)) is not None:
                if not await self._do(job):
                    return RETRY_S
        except MartinError as error:
            _log.error("chore.store", error=str(error))
            return RETRY_S
        return IDLE_S

    async def _do(self, job: Job) -> bool:
        error = await attempt(self._run[job.kind](job))
        await self._jobs.finish(job, error, self._clock.now())
        if error is None:
            _log.info("chore.done", job_id=job.id, kind=job.kind)
        else:
            _log.error("chore.failed", job_id=job.id, kind=job.kind, attempts=job.attempts, error=error)
        return error is None


class DueMessages:
    """Puts messages whose time has come into the outbox, worded by the handler that asked for them."""

    def __init__(
        self,
        *,
        due: DueStore,
        handler: Callable[[str], DueHandler | None],
        deliver: Callable[[Outgoing], None],
        clock: Clock,
        may_be_told: Callable[[ChannelName, str], Awaitable[bool]],
        limit: int = 100,
    ) -> None:
        """Whoever may not be told anything by `may_be_told` any more hears nothing, and the message is dropped."""
        self._may_be_told = may_be_told
        self._due, self._handler, self._deliver, self._clock, self._limit = due, handler, deliver, clock, limit

    async def check(self) -> int:
        """Release what is due now; how many messages that were."""
        messages = await self._due.due(self._clock.now(), self._limit)
        for message in messages:
            await self._release(message)
        return len(messages)

    async def _release(self, due: DueMessage) -> None:
        handler = self._handler(due.kind)
        is_told = handler is not None and await self._may_be_told(due.address.channel, due.address.user)
        outcome = await handler.word(due) if handler is not None and is_told else None
        outgoing = None
        if outcome is not None and outcome.reply is not None:
            outgoing = Outgoing(
                id=OutboxId(due.id),
                kind=OutgoingKind.DUE,
                address=due.address,
                reply=outcome.reply,
                nonce=due.id,
                event_id=due.id,
            )
        await self._due.release(due, outgoing, outcome.writes if outcome is not None else (), self._clock.now())
        if outgoing is not None:
            self._deliver(outgoing)


CATCH_UP = timedelta(hours=12)


def night_of(now: datetime, zone: ZoneInfo, hour: int) -> date | None:
    """The local date whose nightly job should have begun by `now`, or None outside the catch-up window (R-28, R-29).

    The local date decides, so a day with a change of clocks has one night like any other. `now` is aware. The job of a date is
    due from `hour` on the local clock (from the next moment that exists, where that hour is skipped) for twelve hours.
    """
    local = now.astimezone(zone)
    for day in (local.date(), local.date() - timedelta(days=1)):
        begin = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
        if begin.timestamp() <= now.timestamp() < begin.timestamp() + CATCH_UP.total_seconds():
            return day
    return None


class NightlyJob:
    """One job that runs once per local date, leased so that two processes never run it together."""

    def __init__(
        self,
        *,
        name: str,
        run: Callable[[date], Awaitable[None]],
        jobs: JobStore,
        clock: Clock,
        zone: ZoneInfo,
        hour: int,
        on_failure: Callable[[str, date, str], Awaitable[None]],
        lease_s: float = 3600.0,
    ) -> None:
        """`on_failure` hears the job's name, the night's date and what ended it."""
        self._name, self._run, self._jobs, self._clock = name, run, jobs, clock
        self._zone, self._hour, self._lease_s, self._on_failure = zone, hour, lease_s, on_failure

    async def check(self) -> bool:
        """Run it if its date is due and not done; whether it ran and ended well."""
        now = self._clock.now()
        day = night_of(now, self._zone, self._hour)
        run = day and await self._jobs.begin_run(self._name, day, now, self._lease_s)
        if not run:
            return False
        try:
            error = await attempt(self._run(run.local_date))
        except asyncio.CancelledError:
            await asyncio.shield(self._jobs.end_run(run, "the bot was stopped", self._clock.now()))
            raise
        await self._jobs.end_run(run, error, self._clock.now())
        if error is None:
            _log.info("night.done", job=self._name, date=str(day))
        else:
            _log.error("night.failed", job=self._name, date=str(day), error=error)
            await self._on_failure(self._name, run.local_date, error)
        return error is None


async def attempt(step: Awaitable[None]) -> str | None:
    """None when the step went well, else what ended it: an unforeseen error by its type and place only."""
    try:
        await step
    except MartinError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 — one of the house's three boundaries: one chore or step of a night
        return f"{type(error).__name__} at {traceback.extract_tb(error.__traceback__)[-1]}"
    return None
