"""Erasing a person goes through every owner in order, and starts over after a failure."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import StoreBusy
from bot.jobs.forget import ForgetJob
from bot.types import PersonId

ADA, BOB = PersonId("ada"), PersonId("bob")


@dataclass
class Owner:
    """Holds rows of people; the first `failures` tries to forget fail before anything is erased."""

    name: str
    log: list[str]
    failures: int = 0
    rows: dict[PersonId, list[str]] = field(default_factory=lambda: {ADA: ["canary"], BOB: ["kept"]})

    async def export(self, person: PersonId) -> object:
        return self.rows.get(person, [])

    async def forget(self, person: PersonId) -> None:
        self.log.append(self.name)
        if self.failures:
            self.failures -= 1
            raise StoreBusy(f"{self.name} is locked")
        self.rows.pop(person, None)


async def test_every_owner_erases_in_order_and_other_people_stay() -> None:
    log: list[str] = []
    owners = [Owner(name, log) for name in ("index", "ratings", "people")]
    await ForgetJob(owners).run(ADA)
    assert log == ["index", "ratings", "people"]
    assert all(owner.rows == {BOB: ["kept"]} for owner in owners)


async def test_a_second_run_changes_nothing() -> None:
    owners = [Owner("turns", []), Owner("people", [])]
    await ForgetJob(owners).run(ADA)
    await ForgetJob(owners).run(ADA)
    assert all(owner.rows == {BOB: ["kept"]} for owner in owners)


async def test_a_failure_ends_the_run_before_the_owners_that_depend_on_it() -> None:
    log: list[str] = []
    owners = [Owner("index", log), Owner("turns", log, failures=1), Owner("people", log)]
    job = ForgetJob(owners)
    with pytest.raises(StoreBusy):
        await job.run(ADA)
    assert log == ["index", "turns"]
    assert owners[2].rows[ADA] == ["canary"]
    await job.run(ADA)
    assert all(ADA not in owner.rows for owner in owners)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=5))
async def test_however_often_it_fails_it_ends_erased(failures: list[int]) -> None:
    owners = [Owner(f"owner{number}", [], failures=times) for number, times in enumerate(failures)]
    job = ForgetJob(owners)
    for _ in range(sum(failures)):
        with pytest.raises(StoreBusy):
            await job.run(ADA)
    await job.run(ADA)
    assert all(ADA not in owner.rows and BOB in owner.rows for owner in owners)
