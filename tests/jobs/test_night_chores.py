"""What is done once per date over a real data folder, and how admins hear of what failed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.config import Config, load_config
from bot.errors import StoreFull, TrainingError
from bot.nights import Nights
from bot.notices import NIGHT_FAILED, notice_text
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores, open_folder
from bot.system import SystemClock
from bot.types import AdminNotice
from tests.fakes import FakeClock, SequentialIds
from tests.store.tables import counts
from tests.talk import Talk

NIGHT = date(2026, 11, 20)


@dataclass
class Here:
    """The nights of a folder, at five in the morning, and what their chores did."""

    config: Config
    folder: DataFolder
    stores: Stores
    clock: FakeClock
    did: list[str] = field(default_factory=list)
    error: Exception | None = None
    disk_is_full: bool = False

    def nights(self) -> Nights:
        return Nights(self.config, self.folder, self.stores, self.clock, learn=self._learn, retire=self._retire)

    async def notices(self) -> list[AdminNotice]:
        return list(await self.stores.notices.recent(NIGHT, 9))

    async def _learn(self, night: date) -> None:
        self.did.append(f"learn {night}")
        if self.error is not None:
            raise self.error

    async def _retire(self) -> int:
        self.did.append(f"retire beside {counts(self.folder.database)['turns']} turns")
        return 0


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Here]:
    environ = {"MARTIN_STORE__TIMEZONE": "UTC", "MARTIN_STORE__RETENTION_DAYS": "2", "MARTIN_MODELS__PROVIDER": "offline"}
    config = load_config(environ=environ, folder=tmp_path, data_dir=tmp_path / "data")
    folder, clock = DataFolder.open(config.data_dir), FakeClock(datetime(2026, 11, 20, 5, tzinfo=UTC))
    await migrate(folder, SystemClock())
    full: list[Here] = []

    def before_call(name: str) -> None:
        if name == "tell admins" and full[0].disk_is_full:
            raise MemoryError

    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=before_call) as stores:
        full.append(Here(config=config, folder=folder, stores=stores, clock=clock))
        yield full[0]


async def test_rows_leave_the_files_after_their_conversations_are_erased(here: Here) -> None:
    talk = Talk(here.stores, here.clock, SequentialIds())
    here.clock.advance(days=-3)
    await talk.say("vieja")
    here.clock.advance(days=3)
    await talk.say("nueva")
    await here.nights().check()
    assert here.did == ["retire beside 1 turns", f"learn {NIGHT}"]
    assert await here.notices() == []


async def test_a_night_that_fails_leaves_the_admins_a_notice_and_is_tried_again(here: Here) -> None:
    here.error = TrainingError("the files break their rules:\n  " + "x" * 1000)
    nights = here.nights()
    await nights.check()
    (notice,) = await here.notices()
    assert (notice.kind, notice.day) == (f"{NIGHT_FAILED}.training", NIGHT)
    assert notice.facts["error"].startswith("the files break their rules: xxx")
    assert len(notice.facts["error"]) == 300
    here.clock.advance(300)
    await nights.check()
    assert len(await here.notices()) == 1, "one for each job and day"
    here.error = None
    await nights.check()
    assert here.did.count(f"learn {NIGHT}") == 3
    assert [run.error for run in await here.stores.jobs.latest_runs()] == [""] * 4


async def test_what_was_unforeseen_is_told_by_its_kind_and_place_and_quotes_nobody(here: Here) -> None:
    here.error = ValueError("words of people")
    await here.nights().check()
    (notice,) = await here.notices()
    assert notice.facts["error"].startswith("ValueError at ")
    assert "words" not in notice.facts["error"]


async def test_a_notice_that_cannot_be_written_keeps_no_other_job_from_its_turn(here: Here) -> None:
    here.error, here.disk_is_full = StoreFull("no space left"), True
    path = here.folder.backups
    path.rename(path.with_name("aside"))
    path.write_bytes(b"no folder, so that the first job fails")
    with capture_logs() as logs:
        await here.nights().check()
    assert here.did == ["retire beside 0 turns", f"learn {NIGHT}"]
    assert [one["job"] for one in logs if one["event"] == "night.untold"] == ["backup", "training"]
    assert await here.notices() == []


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "the nightly job `backup` of 2026-11-20 failed and is tried again: no space left"),
        ("es", "la tarea nocturna `backup` del 2026-11-20 falló y se intenta de nuevo: no space left"),
    ],
)
def test_a_failed_night_is_told_in_words(language: str, says: str) -> None:
    facts = {"job": "backup", "night": "2026-11-20", "error": "no space left"}
    notice = AdminNotice(kind=f"{NIGHT_FAILED}.backup", day=NIGHT, facts=facts, at=datetime(2026, 11, 20, tzinfo=UTC))
    text = notice_text(notice, "es" if language == "es" else "en", "EUR")
    assert says in text
    assert "no space left" in text
