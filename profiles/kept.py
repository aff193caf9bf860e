"""Profiles, replayed from the stored events and kept while nothing new is stored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from cachetools import LRUCache

from bot.ports import Clock
from bot.profile_ports import ProfileStore
from bot.types import PersonId
from profiles.events import DIMENSIONS
from profiles.items import load_questionnaire
from profiles.person import Profile, replayed
from profiles.posterior import MODEL_VERSION, code_of, deviation, theta
from profiles.questionnaire import is_finished

MOST_KEPT: Final = 1_000
_INLINE_EVENTS: Final = 200
"""More are replayed in a thread, so that the loop goes on meanwhile."""


@dataclass(frozen=True, slots=True)
class _Kept:
    version: str
    days: int
    profile: Profile


@dataclass(frozen=True, slots=True)
class _Replay:
    """One that is under way, of the events as they were at this version."""

    version: str
    task: asyncio.Task[Profile]


class KeptProfiles:
    """Implements `Profiles` and `PersonalData`: the cache is personal data too.

    A profile is kept for the 1,000 people who were last seen, while the store's version of their events is the same and no
    further whole day has made it less certain. There is one replay of a person at a time, and it ends and is kept though
    nobody waits for it any more. Raises ConfigError when the questionnaire's file cannot be used.
    """

    name = "profile"

    def __init__(self, store: ProfileStore, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._questionnaire = load_questionnaire()
        self._kept: LRUCache[PersonId, _Kept] = LRUCache(MOST_KEPT)
        self._replays: dict[PersonId, _Replay] = {}
        self._forgotten = 0

    async def of(self, person: PersonId) -> Profile:
        """The person's profile now."""
        while True:
            # Asked for before the events, so that what is stored between the two is at worst read once more.
            version = await self._store.version(person)
            kept, now = self._kept.get(person), self._clock.now()
            if kept is not None and (kept.version, kept.days) == (version, _days(kept.profile, now)):
                return kept.profile
            under_way = self._replays.get(person)
            if under_way is None or under_way.version == version:
                return await asyncio.shield((under_way or self._begin(person, version, now)).task)
            await asyncio.wait([under_way.task])

    def _begin(self, person: PersonId, version: str, now: datetime) -> _Replay:
        begun = _Replay(version, asyncio.create_task(self._replayed(person, version, now), name="replay of a profile"))
        self._replays[person] = begun
        begun.task.add_done_callback(partial(self._ended, person))
        return begun

    def _ended(self, person: PersonId, task: asyncio.Task[Profile]) -> None:
        if (under_way := self._replays.get(person)) is not None and under_way.task is task:
            del self._replays[person]

    async def _replayed(self, person: PersonId, version: str, now: datetime) -> Profile:
        forgotten, events = self._forgotten, await self._store.events(person)
        if len(events) <= _INLINE_EVENTS:
            profile = replayed(self._questionnaire, events, now=now)
        else:
            profile = await asyncio.to_thread(replayed, self._questionnaire, events, now=now)
        # What was read before somebody was forgotten is not to be kept after it.
        if forgotten == self._forgotten:
            self._kept[person] = _Kept(version, _days(profile, now), profile)
        return profile

    async def export(self, person: PersonId) -> object:
        """What the events come to: figures and labels. The events themselves have an owner of their own."""
        profile = await self.of(person)
        if not profile.kinds:
            return {}
        course = profile.course
        return {
            "model_version": MODEL_VERSION,
            "is_used": profile.is_used,
            "base": profile.state.mean[0],
            "code": code_of(profile.labels),
            "dimensions": {
                str(one): {"mean": theta(profile.state, one), "sd": deviation(profile.state, one), "label": str(found)}
                for one, found in zip(DIMENSIONS, profile.labels, strict=True)
            },
            "pins": {str(one): arm for one, arm in profile.pins.items()},
            "level": profile.level,
            "levels": dict(profile.levels),
            "goal": profile.goal,
            "length": profile.length,
            "course": None
            if course is None
            else {
                "mode": str(course.mode),
                "answered": len(course.answers),
                "is_stopped": course.is_stopped,
                "is_finished": is_finished(self._questionnaire, course),
            },
        }

    async def forget(self, person: PersonId) -> None:
        """Drop what is kept in memory."""
        self._forgotten += 1
        self._kept.pop(person, None)
        self._replays.pop(person, None)


def _days(profile: Profile, now: datetime) -> int:
    """How many whole days of `now` the profile counts."""
    return 0 if profile.since is None else (now - profile.since).days
