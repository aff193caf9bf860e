"""Whoever takes their consent back, or is forgotten, is in no file any more, and the files say that they changed."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time
from pathlib import Path
from time import monotonic, sleep

import msgspec
import pytest

from bot.errors import TrainingBusy, TrainingError
from bot.store.db import Unit
from bot.store.retention import Retention
from bot.store.writes import steps_of
from bot.system import SystemClock, TimeOrderedIds
from bot.types import PersonId
from bot.writes import SetConsent
from learning.check import check
from learning.exports import QUEUE, clear
from learning.folder import TrainingFolder
from learning.guard import COHORT
from learning.manifest import read_manifest
from learning.night import TOPICS
from tests.fakes import FakeClock
from tests.learning.town import LAST, Ended, Town, town
from tests.store.tables import found

pytestmark = pytest.mark.may_block("a night has a process of its own")


def words_of(here: Town, person: PersonId) -> list[bytes]:
    """Questions that nobody else asked."""
    others = {one.question for one in here.happened if one.person != person}
    return [one.question.encode() for one in here.happened if one.person == person and one.question not in others]


def standing(here: Town, words: list[bytes]) -> int:
    """How many of them are in any file of the training folder."""
    text = b"\n".join(path.read_bytes() for path in here.training.path.rglob("*") if path.is_file())
    return sum(one in text for one in words)


def lines_of(here: Town, rows: frozenset[str]) -> int:
    """How many lines of any file of the training folder name one of these rows."""
    files = [path for path in here.training.path.rglob("*.json*") if path.is_file()]
    return sum(any(row.encode() in line for row in rows) for path in files for line in path.read_bytes().splitlines())


async def consented(here: Town, person: PersonId, *, granted: bool) -> None:
    said = SetConsent(person_id=person, granted=granted, version="1")
    await here.stores.database.commit(Unit(*steps_of([said], SystemClock().now(), TimeOrderedIds())))


async def test_a_forgotten_person_is_in_no_file(tmp_path: Path) -> None:
    async with town(tmp_path, people=40) as here:
        await here.night()
        person = await here.somebody()
        words, rows = words_of(here, person), await here.stores.training.rows_of(person)
        assert standing(here, words) > 0
        where = await here.exports.export(person)
        assert isinstance(where, dict)
        assert set(where) == {LAST.isoformat()}
        before = read_manifest(here.training.export(LAST))
        await here.exports.forget(person)
        assert standing(here, words) == 0
        assert lines_of(here, rows) == 0
        export = here.training.export(LAST)
        assert check(export) == []
        after = read_manifest(export)
        assert after.stale is not None
        assert after.stale.removed == len(rows)
        assert after.kept < before.kept
        changed = [name for name, facts in after.files.items() if before.files.get(name) != facts]
        assert set(where[LAST.isoformat()]) <= set(changed)
        await here.exports.forget(person)
        await here.stores.erasure.forget_person(person)
        assert await here.exports.export(person) == {}
        await here.night()
        assert standing(here, words) == 0


async def test_rows_of_files_that_a_restored_database_knows_nothing_of_go_too(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.night()
        person = await here.somebody()
        rows = await here.stores.training.rows_of(person)
        with sqlite3.connect(here.folder.database) as database:
            database.execute("DELETE FROM training_rows")
        await here.exports.forget(person)
        assert lines_of(here, rows) == 0


async def test_who_withdraws_before_a_night_has_noted_them_is_in_none(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.night(is_dry=True)
        ended = Ended(here, "clean", KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            await ended.run()
        first = msgspec.json.decode((here.training.work / "origins.jsonl").read_bytes().splitlines()[0])
        person = PersonId(first["person"])
        await consented(here, person, granted=False)
        assert await here.exports.settle() == 0, "nobody is noted yet"
        assert not here.training.work.exists()
        await here.night()
        assert await here.stores.training.origin(first["row"]) is None
        assert lines_of(here, frozenset({first["row"]})) == 0


async def test_a_night_that_meets_somebody_else_begins_anew(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        ended = Ended(here, "guard", KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            await ended.run()
        origins = here.training.work / "origins.jsonl"
        origins.write_bytes(origins.read_bytes().replace(b'"person":"', b'"person":"nobody ', 1))
        with pytest.raises(TrainingError, match="begins anew"):
            await here.night()
        assert not here.training.work.exists()
        await here.night()


async def test_damaged_files_of_a_night_keep_nobody_from_being_forgotten(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.night()
        person = await here.somebody()
        rows = await here.stores.training.rows_of(person)
        (here.training.state / QUEUE).write_bytes(b'{"rows": 7}\nnonsense\n' + next(iter(rows)).encode() + b"\n")
        (here.training.state / "queue.jsonl.partial").write_bytes(next(iter(rows)).encode())
        (here.training.path / "2026-01-01").mkdir()
        await here.exports.forget(person)
        assert lines_of(here, rows) == 0
        assert not (here.training.state / "queue.jsonl.partial").exists()
        (here.training.state / TOPICS).write_bytes(b'{"format": "another"}')
        await here.night()


async def test_a_store_of_another_time_keeps_no_files(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.night()
        await clear(here.training)
        assert here.training.exports() == []
        assert not here.training.state.exists()


async def test_a_withdrawn_consent_takes_the_rows_out_and_leaves_the_person(tmp_path: Path) -> None:
    async with town(tmp_path, people=40) as here:
        await here.night()
        person = await here.somebody()
        words = words_of(here, person)
        assert await here.exports.settle() == 0
        await consented(here, person, granted=False)
        assert await here.exports.settle() == 1
        assert standing(here, words) == 0
        assert await here.stores.people.exists(person)
        assert await here.exports.export(person) == {}
        await here.night()
        assert standing(here, words) == 0


async def test_a_night_under_way_is_ended_for_it_and_leaves_no_words(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.night()
        person = await here.somebody()
        work = here.training.work
        work.mkdir()
        (work / "collect.jsonl").write_bytes(b"words of people")
        with _holder(here.training) as holder:
            await asyncio.wait_for(here.exports.forget(person), 30)
            assert holder.wait(10) == -signal.SIGTERM
        assert not work.exists()


async def test_what_waits_for_an_admin_goes_too(tmp_path: Path) -> None:
    async with town(tmp_path, people=60) as here:
        await here.night()
        queue = here.training.state / QUEUE
        asked = [msgspec.json.decode(line) for line in queue.read_bytes().splitlines()]
        assert asked
        origin = await here.stores.training.origin(asked[0]["rows"][0])
        assert origin is not None
        rows = await here.stores.training.rows_of(origin[1])
        await here.exports.forget(origin[1])
        left = [msgspec.json.decode(line) for line in queue.read_bytes().splitlines()]
        assert left == [one for one in asked if not rows & set(one["rows"])]


async def test_nothing_is_made_where_there_are_no_files(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.exports.forget(PersonId("nobody"))
        assert await here.exports.export(PersonId("nobody")) == {}
        assert not here.training.path.exists()


async def expired(here: Town, *, days: int) -> int:
    """Erase the conversations that are older than that at noon after the last day; how many turns that were."""
    clock = FakeClock(datetime.combine(LAST, time(12), tzinfo=UTC))
    retention = Retention(here.stores.database, here.stores.keys, clock, key_days=7, retention_days=days)
    return (await retention.run()).turns


async def test_rows_of_conversations_that_are_past_their_time_are_in_no_file(tmp_path: Path) -> None:
    async with town(tmp_path, people=60) as here:
        await here.night()
        queue = here.training.state / QUEUE
        before, asked = read_manifest(here.training.export(LAST)), queue.read_bytes().splitlines()
        assert await expired(here, days=12) > 100
        gone = await here.stores.training.expired()
        unnamed = [line for line in asked if not any(row.encode() in line for row in gone)]
        assert 0 < len(unnamed) < len(asked), "a question for admins names one of them"
        assert lines_of(here, gone) > 0
        assert await here.exports.retire() == len(gone)
        assert lines_of(here, gone) == 0
        assert queue.read_bytes().splitlines() == unnamed
        after = read_manifest(here.training.export(LAST))
        assert check(here.training.export(LAST)) == []
        assert after.stale is not None
        assert after.stale.removed == len(gone)
        assert 0 < after.kept < before.kept
        assert await here.stores.training.expired() == frozenset()
        for row in gone:
            assert await here.stores.training.origin(row) is None
        assert await here.exports.retire() == 0
        await expired(here, days=1)
        await here.exports.retire()
        least = read_manifest(here.training.export(LAST))
        assert least.people <= least.kept, "with fewer rows than there were people there are fewer people"


async def test_where_nothing_is_past_its_time_nothing_is_touched(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.night()
        digest = here.digest()
        work = here.training.work
        work.mkdir()
        assert await expired(here, days=60) == 0
        with here.training.owned():
            assert await here.exports.retire() == 0, "nor is a night under way disturbed"
        assert here.digest() == digest
        assert work.is_dir()


async def test_rows_whose_files_are_gone_are_let_go_of_without_making_any(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.night()
        shutil.rmtree(here.training.path)
        await expired(here, days=1)
        assert await here.exports.retire() > 0
        assert await here.exports.retire() == 0
        assert not here.training.path.exists()


async def test_labels_and_decisions_of_rows_that_are_past_their_time_go_with_them(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.night()
        training, now = here.stores.training, SystemClock().now()
        ((row,),) = found(here.folder.database, "SELECT row_id FROM training_rows ORDER BY turn_id LIMIT 1")
        await training.set_labels({row: ("question", "birds")}, now)
        await training.decide(row, is_approved=True, at=now)
        await expired(here, days=1)
        assert row in await training.expired()
        await here.exports.retire()
        assert await training.labels() == {}
        assert await training.decisions() == {COHORT: True}


def test_one_that_will_not_stop_is_told(tmp_path: Path) -> None:
    folder = TrainingFolder(tmp_path)
    with folder.owned(), pytest.raises(TrainingBusy), folder.owned():
        raise AssertionError("both have it")


@contextmanager
def _holder(folder: TrainingFolder) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has the folder until it is told to end."""
    code = (
        "import sys, time; from pathlib import Path; from learning.folder import TrainingFolder\n"
        "with TrainingFolder(Path(sys.argv[1])).owned():\n"
        "    (Path(sys.argv[1]) / 'held').touch(); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder.path)]) as process:
        until = monotonic() + 20
        while not (folder.path / "held").exists():
            assert monotonic() < until
            sleep(0.02)
        yield process
        process.kill()
