"""Kept profiles: never an old one, never somebody else's, nothing of a person who was forgotten."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from pytest import approx

from bot.errors import StoreBusy
from bot.profile_types import ProfileEvent, ProfileEventKind
from bot.types import Outcome, PersonId
from bot.writes import AddProfileEvent, DropProfileEvent
from profiles.events import DIMENSIONS, Dimension
from profiles.items import load_questionnaire
from profiles.kept import MOST_KEPT, KeptProfiles
from profiles.person import replayed
from profiles.posterior import deviation
from tests.handlers.fakes import ADA, BOB, NOW, FakeProfiles, FixedClock, command
from tests.profiles.stories import known

KIND = ProfileEventKind
QV1 = load_questionnaire()


@dataclass
class Later(FixedClock):
    """A clock that stands where it is put."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


@dataclass
class SlowProfiles(FakeProfiles):
    """Counts how often events are read; holds what was read back until it is `let_go`."""

    reads: int = 0
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def events(self, person: PersonId) -> Sequence[ProfileEvent]:
        self.reads += 1
        found = await super().events(person)
        self.is_asked.set()
        await self.let_go.wait()
        return found


@dataclass
class BusyProfiles(FakeProfiles):
    """Cannot be read for so many times."""

    failures: int = 0

    async def events(self, person: PersonId) -> Sequence[ProfileEvent]:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise StoreBusy("locked")
        return await super().events(person)


def quick() -> SlowProfiles:
    """A store that holds nothing back."""
    store = SlowProfiles()
    store.let_go.set()
    return store


def told(store: FakeProfiles, person: PersonId = ADA) -> FakeProfiles:
    """The store with a person who agreed and answered an item."""
    store.add(person, KIND.CONSENT, granted=True, version="1")
    store.add(person, KIND.COURSE, mode="full", version="qv1", replaces=False)
    store.add(person, KIND.ANSWER, item="ENT1", option="a", position=0, seconds=5)
    return store


async def test_a_profile_is_replayed_once_until_something_new_is_stored() -> None:
    store = quick()
    told(store)
    profiles = KeptProfiles(store, FixedClock())
    first = await profiles.of(ADA)
    assert await profiles.of(ADA) is first
    assert store.reads == 1
    store.add(ADA, KIND.ANSWER, item="ENT2", option="a", position=1, seconds=5)
    later = await profiles.of(ADA)
    assert later == replayed(QV1, store.stored[ADA], now=NOW)
    assert (later.labels[0], store.reads) == ("+clear", 2)


async def test_nobody_gets_the_profile_of_another() -> None:
    store = told(FakeProfiles(), ADA)
    profiles = KeptProfiles(store, FixedClock())
    assert (await profiles.of(ADA)).has_told
    nobody = await profiles.of(BOB)
    assert (nobody.has_told, nobody.consent, nobody.kinds) == (False, None, frozenset())


async def test_every_whole_day_makes_it_less_certain() -> None:
    store, clock = quick(), Later()
    told(store)
    profiles = KeptProfiles(store, clock)

    async def width() -> float:
        profile = await profiles.of(ADA)
        assert profile == replayed(QV1, store.stored[ADA], now=clock.at)
        return deviation(profile.state, Dimension.ENT)

    fresh = await width()
    clock.at = NOW + timedelta(hours=23, minutes=59)
    assert (await width(), store.reads) == (fresh, 1)
    clock.at = NOW + timedelta(days=1)
    assert await width() > fresh
    assert store.reads == 2


async def test_an_answer_that_was_taken_back_is_as_if_it_had_never_been() -> None:
    store = told(FakeProfiles())
    profiles = KeptProfiles(store, FixedClock())
    before = await profiles.of(ADA)
    add = AddProfileEvent(person_id=ADA, kind=KIND.ANSWER, data={"item": "ENT2", "option": "c", "position": 0, "seconds": 5})
    store.take(command("profile"), Outcome(reply=None, writes=(add,)))
    answered = await profiles.of(ADA)
    assert answered.state != before.state
    drops = tuple(DropProfileEvent(person_id=ADA, id=id_) for id_ in answered.course_ids[-1])
    store.take(command("profile"), Outcome(reply=None, writes=drops))
    assert await profiles.of(ADA) == before


async def test_two_calls_at_once_agree() -> None:
    store = SlowProfiles()
    told(store)
    profiles = KeptProfiles(store, FixedClock())
    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(profiles.of(ADA)) for _ in range(3)]
        await store.is_asked.wait()
        store.let_go.set()
    expected = replayed(QV1, store.stored[ADA], now=NOW)
    assert [call.result() for call in calls] == [expected] * 3
    assert store.reads == 1


async def test_a_replay_that_nobody_waits_for_any_more_ends_and_is_kept() -> None:
    store = SlowProfiles()
    told(store)
    profiles = KeptProfiles(store, FixedClock())
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await profiles.of(ADA)
    store.let_go.set()
    assert (await profiles.of(ADA)).has_told
    assert store.reads == 1


async def test_who_asks_while_an_older_replay_runs_gets_what_is_stored_now() -> None:
    store = SlowProfiles()
    told(store)
    profiles = KeptProfiles(store, FixedClock())
    async with asyncio.TaskGroup() as tasks:
        early = tasks.create_task(profiles.of(ADA))
        await store.is_asked.wait()
        store.add(ADA, KIND.SET, what="level", value=4, topic="")
        late = [tasks.create_task(profiles.of(ADA)) for _ in range(2)]
        await asyncio.sleep(0)
        assert store.reads == 1, "one at a time"
        store.let_go.set()
    assert (early.result().level, [call.result().level for call in late], store.reads) == (2, [4, 4], 2)


async def test_events_that_cannot_be_read_are_read_again() -> None:
    store = BusyProfiles(failures=1)
    told(store)
    profiles = KeptProfiles(store, FixedClock())
    calls = await asyncio.gather(profiles.of(ADA), profiles.of(ADA), return_exceptions=True)
    assert [type(one) for one in calls] == [StoreBusy, StoreBusy]
    assert (await profiles.of(ADA)).has_told


async def test_what_was_stored_while_events_were_read_is_not_missed() -> None:
    store = SlowProfiles()
    told(store)
    profiles = KeptProfiles(store, FixedClock())
    async with asyncio.TaskGroup() as tasks:
        early = tasks.create_task(profiles.of(ADA))
        await store.is_asked.wait()
        store.add(ADA, KIND.SET, what="level", value=4, topic="")
        store.let_go.set()
    assert early.result().level == 2
    assert (await profiles.of(ADA)).level == 4


async def test_a_long_story_is_replayed_all_the_same() -> None:
    store = told(FakeProfiles())
    for number in range(1_200):
        store.add(ADA, KIND.NOTE, what="level_asked", topic=f"topic {number}")
    profile = await KeptProfiles(store, FixedClock()).of(ADA)
    assert (len(profile.noted), profile.labels[0]) == (1_200, "+lean")


async def test_what_was_just_being_read_of_somebody_who_is_forgotten_is_not_kept() -> None:
    store = SlowProfiles()
    told(store)
    profiles = KeptProfiles(store, FixedClock())
    async with asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(profiles.of(ADA))
        await store.is_asked.wait()
        await profiles.forget(ADA)
        store.let_go.set()
    assert reading.result().has_told
    await profiles.of(ADA)
    assert store.reads == 2, "what was read before was not kept"


async def test_nobody_joins_what_was_being_read_before_somebody_was_forgotten() -> None:
    store = SlowProfiles()
    told(store)
    profiles = KeptProfiles(store, FixedClock())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(profiles.of(ADA))
        await store.is_asked.wait()
        await profiles.forget(ADA)
        later = tasks.create_task(profiles.of(ADA))
        await asyncio.sleep(0.01)
        assert store.reads == 2
        store.let_go.set()
    assert await profiles.of(ADA) is later.result()
    assert store.reads == 2


async def test_forgetting_drops_what_is_kept_and_can_be_repeated() -> None:
    store = quick()
    told(store)
    profiles = KeptProfiles(store, FixedClock())
    await profiles.of(ADA)
    await profiles.forget(ADA)
    await profiles.forget(ADA)
    await profiles.of(ADA)
    assert store.reads == 2


async def test_only_so_many_people_are_kept() -> None:
    store = quick()
    profiles = KeptProfiles(store, FixedClock())
    for number in range(MOST_KEPT + 1):
        await profiles.of(PersonId(f"p{number}"))
    await profiles.of(PersonId(f"p{MOST_KEPT}"))
    assert store.reads == MOST_KEPT + 1
    await profiles.of(PersonId("p0"))
    assert store.reads == MOST_KEPT + 2


async def test_the_export_says_what_the_events_come_to() -> None:
    store = FakeProfiles()
    story = known().set("level", 3, "history").pin(Dimension.FOR, -1)
    store.stored[ADA] = story.events
    profiles = KeptProfiles(store, Later(story.at))
    exported = json.loads(json.dumps(await profiles.export(ADA)))
    assert exported.pop("base") == 0.7
    assert list(exported["dimensions"]) == [*DIMENSIONS]
    assert exported.pop("dimensions")["ENT"] == {"mean": approx(5 / 9), "sd": approx(1 / 3), "label": "+clear"}
    assert exported == {
        "model_version": 1,
        "is_used": True,
        "code": "Egxd",
        "pins": {"FOR": -1},
        "level": 2,
        "levels": {"history": 3},
        "goal": "task",
        "length": 0,
        "course": {"mode": "full", "answered": 12, "is_stopped": False, "is_finished": False},
    }
    assert profiles.name == "profile"
    assert await profiles.export(BOB) == {}
