"""Joining and separating wait for a quiet moment, let go of what is kept in memory, and start over after a failure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from bot.errors import IndexUnavailable, StoreBusy, StoreConflict, StoreFull
from bot.job_types import Job
from bot.jobs.link import LinkJobs
from bot.link_ports import Moved
from bot.types import PersonId
from tests.fakes import NOON, FakeClock

ADA, BOB = PersonId("ada"), PersonId("bob")


@dataclass
class Links:
    """The store's part. It is quiet after `busy` looks; then `errors` are raised, one at each try."""

    log: list[str] = field(default_factory=list)
    busy: int = 0
    errors: list[Exception] = field(default_factory=list)
    moved: Moved | None = field(default_factory=lambda: Moved(person=ADA, other=BOB))

    async def is_quiet(self, person: PersonId) -> bool:
        self.busy -= 1
        return self.busy < 0

    async def join(self, job: Job, at: datetime) -> Moved | None:
        return self._done("join", job, at)

    async def joined(self, job: Job) -> None:
        self.log.append("joined")

    async def part(self, job: Job, at: datetime) -> Moved | None:
        return self._done("part", job, at)

    def _done(self, name: str, job: Job, at: datetime) -> Moved | None:
        assert at == NOON
        self.log.append(f"{name} {job.person_id}")
        if self.errors:
            raise self.errors.pop(0)
        return self.moved


@dataclass
class House:
    """The jobs with everything they tell; the first `down` tries of the index fail."""

    links: Links = field(default_factory=Links)
    down: int = 0

    def __post_init__(self) -> None:
        self.log = self.links.log
        self.jobs = LinkJobs(
            self.links,
            caches=[self._cache],
            index=self._index,
            clock=FakeClock(),
            on_change=lambda: self.log.append("wake"),
            looks=3,
            look_s=0.001,
        )

    async def _cache(self, person: PersonId) -> None:
        self.log.append(f"cache {person}")

    async def _index(self, person: PersonId) -> None:
        if self.down:
            self.down -= 1
            raise IndexUnavailable("it is down")
        self.log.append(f"index {person}")


def job(kind: str) -> Job:
    return Job(id="j", kind=kind, person_id=BOB, attempts=1)


async def test_caches_of_both_let_go_and_the_index_of_whoever_is_no_more() -> None:
    house = House()
    await house.jobs.link(job("link"))
    assert house.log == ["join bob", "cache ada", "cache bob", "index bob", "joined", "wake"]


async def test_a_separation_leaves_the_index_to_what_the_store_noted() -> None:
    house = House(Links(moved=Moved(person=BOB, other=ADA)))
    await house.jobs.unlink(job("unlink"))
    assert house.log == ["part bob", "cache bob", "cache ada", "wake"]


async def test_where_nothing_is_joined_or_separated_nothing_is_let_go() -> None:
    house = House(Links(moved=None))
    await house.jobs.link(job("link"))
    await house.jobs.unlink(job("unlink"))
    assert house.log == ["join bob", "part bob"]


async def test_a_person_who_was_forgotten_meanwhile_is_not_looked_for() -> None:
    house = House(Links(moved=Moved(person=None, other=BOB)))
    await house.jobs.link(job("link"))
    assert house.log == ["join bob", "cache bob", "index bob", "joined", "wake"]


async def test_an_answer_that_is_being_written_is_waited_for() -> None:
    house = House(Links(busy=2))
    await house.jobs.link(job("link"))
    assert house.log[0] == "join bob"
    between = House(Links(errors=[StoreConflict("a message came in")]))
    await between.jobs.link(job("link"))
    assert between.log[:3] == ["join bob", "join bob", "cache ada"]


@pytest.mark.parametrize("links", [Links(busy=9), Links(errors=[StoreConflict("a message came in")] * 9)])
async def test_a_chore_that_finds_no_quiet_moment_is_left_for_later(links: Links) -> None:
    house = House(links)
    with pytest.raises(StoreBusy, match="being answered"):
        await house.jobs.link(job("link"))
    assert "joined" not in house.log


async def test_a_failure_of_store_or_index_leaves_the_code_for_the_next_try() -> None:
    house = House(Links(errors=[StoreFull("full")]), down=1)
    with pytest.raises(StoreFull):
        await house.jobs.link(job("link"))
    with pytest.raises(IndexUnavailable):
        await house.jobs.link(job("link"))
    assert "joined" not in house.log
    await house.jobs.link(job("link"))
    assert house.log[-3:] == ["index bob", "joined", "wake"]
