"""What admins see and decide about training files in chat, over a real data folder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
import pytest

from bot.admin_parts import admin_desk
from bot.admin_types import WaitsFor
from bot.config import Config
from bot.errors import TrainingError
from bot.learning_chores import waiting
from bot.learning_commands import queue_lines
from bot.learning_desk import SHOWN_ROWS
from bot.settings import AdminSettings
from learning.exports import QUEUE, READINESS
from learning.guard import COHORT, Asked, Queued
from learning.manifest import read_manifest
from tests.learning.lived import Learning, learning, lived_in
from tests.learning.town import LAST
from tests.store.tables import change, found

pytestmark = pytest.mark.may_block("a town lives in this process")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks and the night after them, for all tests: too few people, and nobody has approved them."""
    return lived_in(tmp_path_factory.mktemp("lived"), 60, has_night=True)


@pytest.fixture
async def here(lived: Path, tmp_path: Path) -> AsyncIterator[Learning]:
    async with learning(lived, tmp_path) as built:
        yield built


async def test_the_files_that_are_there_are_told_newest_first(here: Learning) -> None:
    export = here.parts.exports.folder.export(LAST)
    shutil.copytree(export, export.with_name("2026-01-31"))
    newest, older = await here.desk.exports()
    manifest = read_manifest(export)
    assert (newest.night, older.night.isoformat()) == (LAST, "2026-01-31")
    assert newest.folder == str(export)
    assert (newest.kept, newest.people, newest.is_small, newest.is_approved) == (manifest.kept, manifest.people, True, False)
    assert not newest.is_stale


async def test_files_name_their_rows_and_say_when_somebody_left_them(here: Learning) -> None:
    await here.stores.training.decide(COHORT, is_approved=True, at=here.clock.now())
    await here.parts.night(LAST)
    (export,) = await here.desk.exports()
    assert export.files["train/sft.jsonl"] > 0
    assert all("/" in name for name in export.files)
    assert (export.is_approved, export.is_stale) == (True, False)
    rows = (Path(export.folder) / "rows.jsonl").read_bytes().splitlines()
    origin = await here.stores.training.origin(msgspec.json.decode(rows[0])["row"])
    assert origin is not None
    await here.parts.exports.forget(origin[1])
    (after,) = await here.desk.exports()
    assert after.is_stale
    assert after.kept < export.kept


async def test_a_small_cohort_waits_before_all_else_and_only_until_somebody_decided(here: Learning) -> None:
    cohort, *others = await here.desk.waiting()
    assert (cohort.why, cohort.subjects) == (WaitsFor.COHORT, (COHORT,))
    assert cohort.count > 100
    assert 0 < cohort.people < 60
    assert others
    await here.stores.training.decide(COHORT, is_approved=False, at=here.clock.now())
    assert [one.why for one in await here.desk.waiting()] == [one.why for one in others]


async def test_what_waits_comes_with_a_few_rows_in_words_until_it_is_decided(here: Learning) -> None:
    _, first, *others = await here.desk.waiting()
    assert first.why is WaitsFor.PATTERN
    assert len(first.rows) == SHOWN_ROWS < first.count
    assert first.people > 1
    assert first.shared
    assert all(row.question and row.answer for row in first.rows)
    for subject in first.subjects:
        await here.stores.training.decide(subject, is_approved=False, at=here.clock.now())
    assert (await here.desk.waiting())[1:] == others


async def test_opposite_ratings_say_which_rows_like_the_answer(here: Learning) -> None:
    sides = found(
        here.folder.database,
        "SELECT row_id, value FROM training_rows JOIN ratings USING (turn_id) WHERE value != 0 GROUP BY value ORDER BY value",
    )
    (contra, _), (pro, _) = sides
    asked = Queued(kind=Asked.OPPOSITE_RATINGS, rows=(contra, pro), count=2, people=2, approves=(contra, pro))
    (here.parts.exports.folder.state / QUEUE).write_bytes(msgspec.json.encode(asked) + b"\n")
    _, waits = await here.desk.waiting()
    assert (waits.why, waits.subjects, waits.liked) == (WaitsFor.OPPOSITE_RATINGS, (contra, pro), (pro,))
    (told,) = await waiting(here.config)
    lines = queue_lines([told], "en")[0].splitlines()
    assert lines[-2:] == [
        f"  → The answer is good: python -m bot data approve {pro}",
        f"  → The answer is bad: python -m bot data approve {contra}",
    ], "both together would let in neither"


async def test_words_of_people_come_without_what_would_tell_who_they_are(here: Learning) -> None:
    (row, turn) = found(here.folder.database, "SELECT row_id, turn_id FROM training_rows ORDER BY row_id LIMIT 1")[0]
    change(
        here.folder.database,
        f"UPDATE turns SET question = 'Escribe a ana.perez@example.org, ¿vale?' WHERE id = '{turn}'",
        f"UPDATE ratings SET correction = 'Llama a ana.perez@example.org' WHERE turn_id = '{turn}'",
    )
    shown = await here.desk.unlabelled()
    assert shown is not None
    assert shown.row == row
    assert shown.words.question == "Escribe a [EMAIL_1], ¿vale?"
    assert "[EMAIL_1]" in shown.words.correction


async def test_rows_without_a_label_come_one_after_the_other(here: Learning) -> None:
    first = await here.desk.unlabelled()
    assert first is not None
    second = await here.desk.unlabelled(first.row)
    assert second is not None
    assert second.row > first.row
    assert second.left == first.left - 1
    await here.stores.training.set_labels({first.row: ("question", "")}, here.clock.now())
    again = await here.desk.unlabelled()
    assert again == second
    assert await here.desk.unlabelled("zzz") is None


async def test_a_row_whose_words_have_expired_is_passed_over(here: Learning) -> None:
    first = await here.desk.unlabelled()
    assert first is not None
    second = await here.desk.unlabelled(first.row)
    ((turn,),) = found(here.folder.database, f"SELECT turn_id FROM training_rows WHERE row_id = '{first.row}'")
    change(here.folder.database, f"DELETE FROM turns WHERE id = '{turn}'")
    assert await here.desk.unlabelled() == second


async def test_the_report_is_told_in_both_languages(here: Learning) -> None:
    spanish, english = await here.desk.report("es"), await here.desk.report("en")
    assert spanish is not None and spanish.startswith("# Datos de entrenamiento")
    assert english is not None and english.startswith("# Training data")


async def test_where_there_was_no_night_there_is_nothing_to_see(here: Learning) -> None:
    shutil.rmtree(here.parts.exports.folder.path)
    change(here.folder.database, "DELETE FROM training_labels", "DELETE FROM training_rows")
    assert list(await here.desk.exports()) == []
    assert list(await here.desk.waiting()) == []
    assert await here.desk.report("en") is None
    assert await here.desk.unlabelled() is None
    assert not here.parts.exports.folder.path.exists()


async def test_damaged_files_are_named_and_nothing_crashes(here: Learning) -> None:
    folder = here.parts.exports.folder
    (folder.state / READINESS).write_bytes(b'{"rows": "many"')
    with pytest.raises(TrainingError, match="cannot be read"):
        await here.desk.report("en")
    (folder.state / READINESS).unlink()
    (folder.state / READINESS).mkdir()
    with pytest.raises(TrainingError, match="cannot be read"):
        await here.desk.report("en")
    queue = folder.state / QUEUE
    queue.write_bytes(b"nonsense\n" + queue.read_bytes().splitlines()[0] + b"\n")
    assert len(await here.desk.waiting()) == 2, "the cohort, and what can still be read"
    (folder.export(LAST) / "manifest.json").write_bytes(b"{")
    for look in (here.desk.exports, here.desk.waiting):
        with pytest.raises(TrainingError, match="damaged"):
            await look()


async def test_damaged_files_of_an_older_date_keep_nobody_from_deciding(here: Learning) -> None:
    export = here.parts.exports.folder.export(LAST)
    shutil.copytree(export, export.with_name("2026-01-31"))
    (export.with_name("2026-01-31") / "manifest.json").write_bytes(b"{")
    assert (await here.desk.waiting())[0].why is WaitsFor.COHORT


async def test_the_desk_of_a_bot_knows_its_admins_and_its_disk(here: Learning) -> None:
    async def ready() -> Mapping[str, str]:
        return {"store": "ok"}

    config: Config = here.config.model_copy(update={"admins": AdminSettings(telegram=(42,), discord=(43,))})
    desk = admin_desk(config, here.stores, here.parts, here.clock, ready)
    assert desk.admins == {"telegram:42", "discord:43"}
    assert desk.began_at == here.clock.now()
    assert desk.training.is_on
    assert list(await desk.runs()) == []
    assert await desk.ready() == {"store": "ok"}
    free = desk.free_bytes()
    disk = await asyncio.to_thread(shutil.disk_usage, here.folder.path)
    assert 0 < free <= disk.total
    assert abs(free - disk.free) < disk.total // 10
