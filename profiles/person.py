"""What is known of how one person likes things explained: the replay of their stored events; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.profile_types import Arm
from bot.types import PersonId
from profiles.directives import Style
from profiles.events import Dimension
from profiles.posterior import Label, State
from profiles.questionnaire import Course, Quality
from profiles.weights import Vote

CONSENT_VERSION = "2026-11"
"""The wording that people agree to; another use of their answers needs a new version and a new question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One person's profile at one moment.

    `consent` is None for who was never asked or answered. `course` is the newest one (None: never begun), `course_ids` the
    event ids of its answers in order, `asked_at` when its last step was taken. `level` is the default of all topics, `levels`
    holds the topics that have their own. `noted` are (what, topic) of the notes that were made. `event_ids` are all, oldest
    first; `told_at` is when the person last told something.
    """

    consent: bool | None
    is_on: bool
    takes_part: bool
    state: State
    labels: tuple[Label, Label, Label, Label]
    pins: Mapping[Dimension, Arm]
    level: float
    levels: Mapping[str, float]
    goal: str
    length: float
    course: Course | None
    course_ids: tuple[str, ...]
    asked_at: datetime | None
    quality: Quality
    votes: tuple[Vote, ...]
    noted: Mapping[tuple[str, str], datetime]
    event_ids: tuple[str, ...]
    has_told: bool
    told_at: datetime | None

    @property
    def is_used(self) -> bool:
        """Whether answers follow it: agreed to, switched on, and something is known."""
        return bool(self.consent) and self.is_on and self.has_told

    def level_of(self, topic: str) -> float:
        """The level of a topic, 1 to 4; the default for one without its own."""
        return self.levels.get(topic, self.level)

    def style(self, arms: tuple[Arm, Arm, Arm, Arm]) -> Style:
        """The profile as the directives take it, with the arms of this thread; pins as they are."""
        raise NotImplementedError


class Profiles(Protocol):
    """Where handlers get profiles from. Raises StoreError."""

    async def of(self, person: PersonId) -> Profile:
        """The person's profile now."""
