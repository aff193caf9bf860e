"""A whole night on a real database: what it publishes, what it leaves behind, and what an ended one goes on with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from benchmarks.two_weeks import judged
from bot.errors import TrainingBusy, TrainingRefused
from learning.check import check
from learning.exports import QUEUE, READINESS
from learning.manifest import read_manifest
from learning.night import TOPICS, Night
from learning.readiness import Readiness
from learning.records import Labelled
from learning.work import Work
from tests.learning.town import LAST, Ended, town

pytestmark = pytest.mark.may_block("a night has a process of its own")
LAST_AT = datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC)


async def test_two_weeks_become_files_that_prove_themselves(tmp_path: Path) -> None:
    async with town(tmp_path, people=60) as here:
        result = await here.night()
        export = here.training.export(LAST)
        assert check(export) == []
        manifest = read_manifest(export)
        turn_of = {here.stores.keys.training("row", one.turn): one.turn for one in here.happened}
        found = judged(export, here.happened, turn_of)
    assert result.folder == str(export)
    assert result.collected == manifest.collected > result.kept > 100
    assert (found["stayed_and_must_not"], found["secrets_in_files"]) == ({}, 0)
    planted = found["planted"]
    assert isinstance(planted, dict)
    assert len(planted) >= 25
    assert not here.training.work.exists()
    assert {one.name for one in here.training.state.iterdir()} == {TOPICS, READINESS, QUEUE}
    assert msgspec.json.decode((here.training.state / READINESS).read_bytes(), type=Readiness).rows == result.kept


async def test_the_same_night_again_gives_the_same_bytes(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.night()
        first = here.digest()
        await here.night()
        assert here.digest() == first
        assert [one.name for one in here.training.exports()] == [LAST.isoformat()]


async def test_a_dry_run_publishes_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        result = await here.night(is_dry=True)
        assert result.folder == ""
        assert result.kept > 50
        assert here.training.exports() == []
        assert not here.training.work.exists()
        assert not here.training.state.exists()


@pytest.mark.slow
async def test_what_was_done_before_a_kill_is_not_done_again(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    async with town(tmp_path) as here:
        await here.night()
        whole = here.digest()
        for step in ("clean", "scrub", "guard", "write", "publish"):
            ended = Ended(here, step, Killed)
            with pytest.raises(Killed):
                await ended.run()
            here.steps.clear()
            await here.night()
            assert "collect" not in here.steps
            assert step in here.steps
            assert here.digest() == whole


async def test_another_order_begins_anew(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        ended = Ended(here, "scrub", KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            await ended.run()
        assert (here.training.work / "label.jsonl").exists()
        await here.night(LAST - timedelta(days=1))
        assert here.steps[0] == "collect"


async def test_two_nights_at_once_are_one(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        with here.training.owned(), pytest.raises(TrainingBusy):
            await here.night()


async def test_a_small_cohort_waits_for_an_admin(tmp_path: Path) -> None:
    async with town(tmp_path, is_approved=False) as here:
        result = await here.night()
        assert (result.is_small, result.is_approved, result.kept) == (True, False, 0)
        assert result.dropped["guard"]["small_cohort"] > 50
        assert check(here.training.export(LAST)) == []


async def test_files_that_break_a_rule_are_not_published(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        ended = Ended(here, "check", KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            await ended.run()
        spoilt = here.training.work / "export" / "train" / "sft.jsonl"
        spoilt.write_bytes(spoilt.read_bytes() + b'{"prompt": "x"}\n')
        with pytest.raises(TrainingRefused, match=r"train/sft\.jsonl"):
            await here.night()
        assert here.training.exports() == []


async def test_only_so_many_dates_are_kept(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        for back in (3, 2, 1, 0):
            order = msgspec.structs.replace(here.order(LAST - timedelta(days=back)), keep=2)
            await Night(order, here.stores.training, lambda step, done: None).run()
        assert [one.name for one in here.training.exports()] == [f"{LAST - timedelta(days=1)}", f"{LAST}"]


async def test_labels_of_an_operator_count_from_the_next_night_on(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        await here.night()
        lines = [msgspec.json.decode(line) for line in (here.training.export(LAST) / "rows.jsonl").read_bytes().splitlines()]
        rows = [one["row"] for one in lines if one["file"] == "train/classifier-topic.csv"][:6]
        said = dict.fromkeys(rows, ("", "our own topic")) | {"unknown": ("", "x")}
        assert await here.stores.training.set_labels(said, LAST_AT) == len(rows) == 6
        await here.night()
        topics = (here.training.export(LAST) / "train" / "classifier-topic.csv").read_text()
        assert topics.count(",our own topic\n") == 6


async def test_rows_with_their_labels_are_shown_and_nothing_is_left(tmp_path: Path) -> None:
    async with town(tmp_path) as here:
        night = Night(here.order(), here.stores.training, lambda step, done: None)
        rows = await night.labelled(lambda rows: [row.told.row for row in rows()])
        assert len(rows) > 100
        assert await here.stores.training.origin(rows[0]) is not None
        assert not here.training.work.exists()


def test_a_half_written_step_is_written_again(tmp_path: Path) -> None:
    work = Work(tmp_path / "work", b"order")
    (tmp_path / "work" / "label.jsonl.partial").write_bytes(b"half")
    work = Work(tmp_path / "work", b"order")
    assert list(tmp_path.glob("work/*.partial")) == []
    assert not work.is_done("label")
    with pytest.raises(FileNotFoundError):
        next(work.rows("label", Labelled)())
