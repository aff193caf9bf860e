"""Chores, due messages and nightly jobs over a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.errors import BackupError
from bot.job_types import Job
from bot.jobs.runner import Chores, DueMessages, NightlyJob
from bot.ports import Preview
from bot.types import ChannelName, DueMessage, Outcome, Outgoing, OutgoingKind, Reply, Turn
from bot.writes import AddDueMessage, AddJob
from tests.house import Doing, House, house, text

START = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
ZONE = ZoneInfo("Europe/Madrid")


class HandClock:
    """A clock that a test moves."""

    def __init__(self, now: datetime = START) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - START).total_seconds()


class Reminding(Doing):
    """A handler that reminds a day later and asks to be forgotten."""

    due_kinds = frozenset({"reminder"})

    async def word(self, due: DueMessage) -> Outcome:
        return Outcome(reply=Reply(text=f"remember, {due.address.user}"))


def acts(turn: Turn, preview: Preview) -> Outcome:
    at = datetime.now(UTC) + timedelta(hours=24)
    due = AddDueMessage(person_id=turn.person.id, address_id=turn.address_id, kind=turn.message.text, due_at=at)
    forget = AddJob(kind="forget", person_id=turn.person.id, after_turn=turn.id)
    return Outcome(reply=Reply(text="ok"), writes=(forget,) if turn.message.text == "forget" else (due,))


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, [Reminding(acts)]) as built:
        yield built


async def everybody(channel: ChannelName, user: str) -> bool:
    return True


async def test_whoever_is_kept_out_by_then_is_told_nothing(here: House) -> None:
    await here.door.receive([text("reminder"), text("reminder", user="bea")])
    await here.settled()
    clock, said = HandClock(datetime.now(UTC) + timedelta(hours=25)), list[Outgoing]()

    async def not_bea(channel: ChannelName, user: str) -> bool:
        return user != "bea"

    handler = Reminding(acts)
    due = DueMessages(due=here.stores.due, handler=lambda _: handler, deliver=said.append, clock=clock, may_be_told=not_bea)
    assert await due.check() == 2
    assert "bea" not in {one.address.user for one in said}
    assert len(said) == 1
    assert await due.check() == 0, "it is dropped, and comes no more"


async def test_a_due_message_is_said_once_when_its_time_has_come(here: House) -> None:
    await here.door.receive([text("reminder"), text("unknown kind", user="bea")])
    await here.settled()
    clock = HandClock(datetime.now(UTC))
    handler = Reminding(acts)
    said: list[Outgoing] = []
    due = DueMessages(
        due=here.stores.due,
        handler=lambda kind: handler if kind == "reminder" else None,
        deliver=said.append,
        clock=clock,
        may_be_told=everybody,
    )
    assert await due.check() == 0
    clock.time += timedelta(hours=25)
    assert await due.check() == 2
    assert await due.check() == 0
    assert [(one.kind, one.reply.text) for one in said] == [(OutgoingKind.DUE, "remember, ana")]
    assert [one.id for one in await here.stores.outbox.pending()] == [said[0].id]


async def test_a_chore_runs_once_after_its_turns_reply_went_out(here: House) -> None:
    await here.door.receive([text("forget")])
    await here.settled()
    ran: list[Job] = []

    async def run(job: Job) -> None:
        ran.append(job)

    chores = Chores(jobs=here.stores.jobs, run={"forget": run}, clock=HandClock(datetime.now(UTC)))
    await chores.run_free()
    await chores.run_free()
    assert len(ran) == 1
    assert await here.rows("select person_id, ended_at is not null from jobs") == [(None, 1)]


async def test_a_chore_that_fails_is_tried_again(here: House) -> None:
    await here.door.receive([text("forget")])
    await here.settled()
    tries = 0

    async def fails_once(job: Job) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise BackupError("not now")

    clock = HandClock(datetime.now(UTC))
    chores = Chores(jobs=here.stores.jobs, run={"forget": fails_once}, clock=clock)
    await chores.run_free()
    clock.time += timedelta(minutes=1)
    await chores.run_free()
    assert tries == 2
    assert await here.rows("select ended_at is not null from jobs") == [(1,)]


async def test_waking_runs_what_is_free_without_waiting_for_the_next_round(here: House) -> None:
    ran = asyncio.Event()

    async def run(job: Job) -> None:
        ran.set()

    chores = Chores(jobs=here.stores.jobs, run={"forget": run}, clock=HandClock(datetime.now(UTC)))
    running = asyncio.create_task(chores.run())
    await asyncio.sleep(0.02)
    await here.door.receive([text("forget")])
    await here.settled()
    chores.wake()
    async with asyncio.timeout(5):
        await ran.wait()
    running.cancel()


def nightly(here: House, clock: HandClock, ran: list[date], fail: bool = False, told: list[str] | None = None) -> NightlyJob:
    async def run(night: date) -> None:
        ran.append(night)
        if fail:
            raise BackupError("disk full")

    async def tell(job: str, night: date, error: str) -> None:
        heard.append(f"{job} {night}: {error}")

    heard = [] if told is None else told
    return NightlyJob(name="backup", run=run, jobs=here.stores.jobs, clock=clock, zone=ZONE, hour=3, on_failure=tell)


async def test_a_night_runs_once_whatever_the_clock_and_the_restarts(here: House) -> None:
    clock, ran = HandClock(), list[date]()
    assert await nightly(here, clock, ran).check()
    assert not await nightly(here, clock, ran).check(), "another process finds it done"
    clock.time -= timedelta(hours=2)
    assert not await nightly(here, clock, ran).check(), "the clock went back two hours"
    clock.time += timedelta(days=3, hours=2)
    assert await nightly(here, clock, ran).check(), "three days on there is one run, not three"
    assert ran == [date(2026, 11, 20), date(2026, 11, 23)]


async def test_a_night_that_failed_is_open_for_the_next_check(here: House) -> None:
    clock, ran, told = HandClock(), list[date](), list[str]()
    assert not await nightly(here, clock, ran, fail=True, told=told).check()
    assert told == ["backup 2026-11-20: disk full"]
    clock.time += timedelta(minutes=5)
    assert await nightly(here, clock, ran).check()
    assert ran == [date(2026, 11, 20)] * 2


async def test_a_night_that_died_is_taken_over_when_its_lease_is_over(here: House) -> None:
    clock, ran = HandClock(), list[date]()
    assert await here.stores.jobs.begin_run("backup", date(2026, 11, 20), clock.now(), 3600) is not None
    assert not await nightly(here, clock, ran).check()
    clock.time += timedelta(hours=1, seconds=1)
    assert await nightly(here, clock, ran).check()
