"""Profiles, replayed from the stored events and kept while nothing new is stored."""

from __future__ import annotations

from bot.ports import Clock
from bot.profile_ports import ProfileStore
from bot.types import PersonId
from profiles.person import Profile


class KeptProfiles:
    """Implements `Profiles` and `PersonalData`: the cache is personal data too."""

    name = "profile"

    def __init__(self, store: ProfileStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    async def of(self, person: PersonId) -> Profile:
        """The person's profile now."""
        raise NotImplementedError

    async def export(self, person: PersonId) -> object:
        """What the events come to: figures and labels. The events themselves have an owner of their own."""
        raise NotImplementedError

    async def forget(self, person: PersonId) -> None:
        """Drop what is kept in memory."""
        raise NotImplementedError
