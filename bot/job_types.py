"""Chores and nightly runs, as the store hands them out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bot.types import PersonId


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A durable chore that was leased to this process."""

    id: str
    kind: str
    person_id: PersonId
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One run of a nightly job for one local date."""

    job: str
    local_date: date
    fence: int
