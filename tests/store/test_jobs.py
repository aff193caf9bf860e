"""Durable chores and nightly runs: never two at once, never one lost."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

from bot.admin_types import ShownRun
from bot.job_types import Job
from bot.store.db import Unit
from bot.store.folder import DataFolder
from bot.store.jobs import CUT
from bot.store.open import Stores
from bot.store.writes import steps_of
from bot.system import TimeOrderedIds
from bot.types import PersonId
from bot.writes import AddJob
from tests.fakes import FakeClock
from tests.store.tables import found
from tests.talk import Said, Talk

NIGHT = date(2026, 11, 20)


async def forget_after(talk: Talk) -> Said:
    """Somebody whose turn asks to be forgotten, its reply not delivered yet."""
    await talk.say()
    message = talk.message("/forgetme")
    stored = await talk.accept(message)
    met = await talk.stores.people.meet(message, history=0, now=talk.clock.now())
    job = AddJob(kind="forget", person_id=met.person.id, after_turn=stored.id)
    return await talk.answer(message, stored.id, writes=[job])


async def test_a_chore_waits_for_the_reply_of_its_turn(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    said = await forget_after(talk)
    assert await stores.jobs.lease(clock.now(), 60) is None
    await stores.outbox.sent(said.outgoing, (), clock.now())
    job = await stores.jobs.lease(clock.now(), 60)
    assert job is not None
    assert (job.kind, job.person_id, job.attempts) == ("forget", said.context.person.id, 1)


async def test_a_chore_whose_reply_can_never_be_delivered_runs_too(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    said = await forget_after(talk)
    await stores.outbox.closed(said.outgoing, clock.now())
    assert await stores.jobs.lease(clock.now(), 60) is not None


async def leased(stores: Stores, talk: Talk, clock: FakeClock) -> Job:
    said = await forget_after(talk)
    await stores.outbox.sent(said.outgoing, (), clock.now())
    job = await stores.jobs.lease(clock.now(), 60)
    assert job is not None
    return job


async def test_only_one_of_many_gets_a_chore(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    said = await forget_after(talk)
    await stores.outbox.sent(said.outgoing, (), clock.now())
    jobs = await asyncio.gather(*(stores.jobs.lease(clock.now(), 60) for _ in range(10)))
    assert sum(job is not None for job in jobs) == 1


async def test_a_done_chore_keeps_no_person(stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder) -> None:
    job = await leased(stores, talk, clock)
    await stores.jobs.finish(job, None, clock.now())
    clock.advance(3600)
    assert await stores.jobs.lease(clock.now(), 60) is None
    assert found(folder.database, "SELECT person_id, ended_at IS NOT NULL FROM jobs") == [(None, 1)]


async def test_a_failed_chore_is_free_again_and_says_why(
    stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder
) -> None:
    job = await leased(stores, talk, clock)
    await stores.jobs.finish(job, "the disk is full", clock.now())
    assert found(folder.database, "SELECT error FROM jobs") == [("the disk is full",)]
    again = await stores.jobs.lease(clock.now(), 60)
    assert again is not None and (again.id, again.attempts) == (job.id, 2)


async def test_a_chore_that_keeps_failing_holds_up_no_other(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    failing = await leased(stores, talk, clock)
    await stores.jobs.finish(failing, "not now", clock.now())
    clock.advance(1)
    later = AddJob(kind="forget", person_id=PersonId("somebody else"))
    await stores.database.commit(Unit(*steps_of([later], clock.now(), TimeOrderedIds())))
    taken = await stores.jobs.lease(clock.now(), 60)
    assert taken is not None and taken.person_id == "somebody else"
    next_one = await stores.jobs.lease(clock.now(), 60)
    assert next_one is not None and next_one.id == failing.id


async def test_a_dead_owners_chore_is_taken_over_and_its_late_word_ignored(
    stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder
) -> None:
    job = await leased(stores, talk, clock)
    assert await stores.jobs.lease(clock.now(), 60) is None
    clock.advance(61)
    taken = await stores.jobs.lease(clock.now(), 60)
    assert taken is not None and taken.id == job.id
    await stores.jobs.finish(job, None, clock.now())
    assert found(folder.database, "SELECT ended_at FROM jobs") == [(None,)]
    await stores.jobs.finish(taken, None, clock.now())
    assert found(folder.database, "SELECT ended_at IS NULL FROM jobs") == [(0,)]


async def test_a_night_runs_once_per_local_date(stores: Stores, clock: FakeClock, folder: DataFolder) -> None:
    runs = await asyncio.gather(*(stores.jobs.begin_run("backup", NIGHT, clock.now(), 60) for _ in range(5)))
    (run,) = [run for run in runs if run is not None]
    clock.advance(12.5)
    await stores.jobs.end_run(run, None, clock.now())
    assert found(folder.database, "SELECT seconds FROM job_runs") == [(12.5,)]
    clock.advance(days=3)
    assert await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60) is None
    assert await stores.jobs.begin_run("backup", NIGHT + timedelta(days=1), clock.now(), 60) is not None
    assert await stores.jobs.begin_run("retention", NIGHT, clock.now(), 60) is not None


async def test_a_clock_that_goes_back_gives_no_second_run(stores: Stores, clock: FakeClock) -> None:
    run = await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60)
    assert run is not None
    clock.set(clock.now() - timedelta(hours=2))
    assert await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60) is None
    await stores.jobs.end_run(run, None, clock.now())
    assert await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60) is None


async def test_a_run_whose_process_died_is_taken_over_with_a_higher_fence(
    stores: Stores, clock: FakeClock, folder: DataFolder
) -> None:
    dead = await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60)
    clock.advance(61)
    alive = await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60)
    assert dead is not None and alive is not None and alive.fence > dead.fence
    await stores.jobs.end_run(dead, None, clock.now())
    assert found(folder.database, "SELECT ended_at FROM job_runs") == [(None,)]
    assert await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60) is None


async def test_a_run_that_failed_may_be_tried_again_at_once(stores: Stores, clock: FakeClock, folder: DataFolder) -> None:
    run = await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60)
    assert run is not None
    await stores.jobs.end_run(run, "no space", clock.now())
    assert found(folder.database, "SELECT ended_at, error FROM job_runs") == [(None, "no space")]
    assert await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60) is not None


async def test_the_latest_run_of_each_job_says_how_it_stands(stores: Stores, clock: FakeClock) -> None:
    assert list(await stores.jobs.latest_runs()) == []
    for night, error in ((NIGHT - timedelta(days=1), "long ago"), (NIGHT, "no space")):
        run = await stores.jobs.begin_run("training", night, clock.now(), 60)
        assert run is not None
        clock.advance(1)
        await stores.jobs.end_run(run, error, clock.now())
    done = await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60)
    assert done is not None
    began = clock.now()
    clock.advance(2)
    await stores.jobs.end_run(done, None, clock.now())
    backup, training = await stores.jobs.latest_runs()
    assert backup == ShownRun(job="backup", night=NIGHT, started_at=began, ended_at=clock.now(), error="", seconds=2.0)
    assert (training.job, training.night, training.ended_at, training.error) == ("training", NIGHT, None, "no space")


async def test_a_run_that_is_tried_again_has_not_failed_while_it_goes_on(stores: Stores, clock: FakeClock) -> None:
    run = await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60)
    assert run is not None
    await stores.jobs.end_run(run, "no space", clock.now())
    await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60)
    assert [(one.ended_at, one.error) for one in await stores.jobs.latest_runs()] == [(None, "")]


async def test_a_run_that_was_killed_is_not_under_way_for_ever(stores: Stores, clock: FakeClock) -> None:
    await stores.jobs.begin_run("backup", NIGHT, clock.now(), 60)
    assert [one.error for one in await stores.jobs.latest_runs()] == [""]
    await stores.jobs.free_runs()
    assert [one.error for one in await stores.jobs.latest_runs()] == [CUT]
