"""A small town in a real database, and nights in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import msgspec

from benchmarks.two_weeks import digest_of, order_of
from benchmarks.two_weeks_people import DAYS, START, Happening, happenings
from benchmarks.two_weeks_town import Chronicle, new_folder
from bot.store.folder import DataFolder
from bot.store.open import Stores, open_folder
from bot.system import SystemClock, TimeOrderedIds
from bot.types import PersonId
from learning.exports import Exports
from learning.folder import TrainingFolder
from learning.guard import COHORT
from learning.night import Night, NightResult
from learning.order import NightOrder

LAST = START + timedelta(days=DAYS)


@dataclass(slots=True, kw_only=True)
class Town:
    """What happened there, and its stores."""

    happened: tuple[Happening, ...]
    folder: DataFolder
    stores: Stores
    training: TrainingFolder
    steps: list[str] = field(default_factory=list)

    @property
    def exports(self) -> Exports:
        """The training files as personal data."""
        return Exports(self.training, self.stores.training)

    def order(self, night: date = LAST) -> NightOrder:
        """A night of it."""
        return order_of(self.folder.path, self.training.path, night)

    async def night(self, night: date = LAST, *, is_dry: bool = False) -> NightResult:
        """Make that night's files."""
        made = Night(self.order(night), self.stores.training, lambda step, done: self.steps.append(step))
        return await made.run(is_dry=is_dry)

    def digest(self, night: date = LAST) -> str:
        """Of all bytes of a night's files."""
        return digest_of(self.training.export(night))

    async def somebody(self) -> PersonId:
        """The person of the first row of the last night's files."""
        first = (self.training.export(LAST) / "rows.jsonl").read_bytes().splitlines()[0]
        origin = await self.stores.training.origin(msgspec.json.decode(first)["row"])
        assert origin is not None
        return origin[1]


@asynccontextmanager
async def town(path: Path, *, people: int = 24, is_approved: bool = True) -> AsyncIterator[Town]:
    """Two weeks of some people; 60 do everything that can be planted. `is_approved`: an admin agreed to so few."""
    folder = await new_folder(path / "data", 0)
    happened = happenings(people)
    async with open_folder(folder, clock=SystemClock(), ids=TimeOrderedIds()) as stores:
        here = Town(happened=happened, folder=folder, stores=stores, training=TrainingFolder(path / "training"))
        await Chronicle(stores).live(happened)
        if is_approved:
            await stores.training.decide(COHORT, is_approved=True, at=SystemClock().now())
        yield here


class Ended:
    """A night that ends at the beginning of a step as if it had been killed."""

    def __init__(self, here: Town, step: str, error: type[BaseException]) -> None:
        self._here, self._step, self._error = here, step, error

    async def run(self) -> None:
        """Until then."""
        await Night(self._here.order(), self._here.stores.training, self._told).run()

    def _told(self, step: str, done: int) -> None:
        if step == self._step:
            raise self._error
