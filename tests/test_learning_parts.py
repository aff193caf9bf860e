"""A night in a running bot: begun by an admin or by the clock, followed, ended, and told; one at a time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.admin_types import NIGHT_ENDED
from bot.types import PersonId
from tests.learning.lived import NOW, Learning, learning, lived_in, running
from tests.learning.town import LAST
from tests.store.tables import change
from tests.waiting import until

pytestmark = pytest.mark.may_block("a town lives in this process")
SECONDS = 60


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two weeks, for all tests; no night yet."""
    return lived_in(tmp_path_factory.mktemp("lived"), 24, has_night=False, is_approved=True)


@pytest.fixture
async def here(lived: Path, tmp_path: Path) -> AsyncIterator[Learning]:
    async with learning(lived, tmp_path) as built:
        yield built


async def ended(here: Learning) -> None:
    async with asyncio.timeout(SECONDS):
        await here.desk.ended()


async def told(here: Learning) -> list[tuple[str, str]]:
    """What is due to be said, and to whom."""
    return [(one.kind, one.person.id) for one in await here.stores.due.due(here.clock.now(), 9)]


async def told_soon(here: Learning, times: int = 1) -> list[tuple[str, str]]:
    """The same, once it is so many things: the bot says so after the end."""
    async with asyncio.timeout(SECONDS):
        while len(found := await told(here)) < times:
            await asyncio.sleep(0.01)
    return found


async def test_an_admins_night_is_made_of_all_until_now_and_told(here: Learning) -> None:
    asked, steps = await here.asked(), list[str]()
    assert (here.desk.standing().is_running, here.desk.standing().last) == (False, None)
    await ended(here)
    async with running(here.parts):
        assert here.desk.begin(asked)
        assert here.desk.standing().is_running
        assert here.desk.standing().began_at == NOW
        assert not here.desk.begin(asked), "one at a time"

        def has_ended() -> bool:
            steps.append(here.desk.standing().step)
            return not here.desk.standing().is_running

        await until(has_ended)
        await ended(here)
        assert await told_soon(here) == [(f"{NIGHT_ENDED}.es", asked.person_id)]
    done = here.desk.standing().last
    assert done is not None
    assert (done.error, done.night, done.ended_at) == ("", LAST, NOW)
    assert done.collected > done.kept > 0
    assert done.files["train/sft.jsonl"] > 0
    assert {"collect", "clean", "scrub"} & set(steps)
    assert len(await told(here)) == 1
    (export,) = await here.desk.exports()
    assert (export.night, export.kept, export.files) == (LAST, done.kept, done.files)


async def test_while_the_clocks_night_goes_on_an_admin_begins_none_and_sees_it(here: Learning) -> None:
    asked = await here.asked()
    async with running(here.parts):
        scheduled = asyncio.create_task(here.parts.night(LAST))
        await until(lambda: here.desk.standing().is_running)
        assert not here.desk.begin(asked)
        await until(lambda: here.desk.standing().step != "")
        scheduled.cancel()
        await ended(here)
        assert here.desk.begin(asked), "it has ended"
    assert await told(here) == [], "nobody asked for it"


async def test_while_an_admins_night_goes_on_the_clocks_waits(here: Learning) -> None:
    assert here.desk.begin(await here.asked())
    scheduled = asyncio.create_task(here.parts.night(LAST))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.shield(scheduled)
    assert here.desk.standing().is_running, "the admin's is not ended by that"
    async with running(here.parts):
        await scheduled
    last = here.desk.standing().last
    assert last is not None
    assert (last.night, last.error) == (LAST, "")


async def test_the_clocks_night_leaves_newer_files_of_its_date_alone(here: Learning) -> None:
    async with running(here.parts):
        assert here.desk.begin(await here.asked())
        await ended(here)
    (made,) = await here.desk.exports()
    before = here.desk.standing()
    assert made.night == here.clock.now().date()
    await here.parts.night(made.night)
    assert here.desk.standing() == before, "an admin's goes until noon, the clock's until four"


async def test_a_night_that_cannot_be_made_says_why_and_another_may_be_begun(here: Learning) -> None:
    asked = await here.asked()
    async with running(here.parts):
        with here.parts.exports.folder.owned():
            for number in (1, 2):
                assert here.desk.begin(asked)
                await ended(here)
                failed = here.desk.standing().last
                assert failed is not None
                assert "another night is under way" in failed.error
                assert await told_soon(here, number) == [(f"{NIGHT_ENDED}.es", asked.person_id)] * number


async def test_something_unforeseen_ends_the_night_and_not_the_bot(here: Learning) -> None:
    asked = await here.asked()
    here.folder.path.rename(here.folder.path.with_name("elsewhere"))
    async with running(here.parts) as task:
        with capture_logs() as logs:
            assert here.desk.begin(asked)
            assert await told_soon(here) == [(f"{NIGHT_ENDED}.es", asked.person_id)]
        failed = here.desk.standing().last
        assert failed is not None
        assert "unforeseen" in failed.error
        (why,) = [one["error"] for one in logs if one["event"] == "training.failed"]
        assert why.startswith("FileNotFoundError at ")
        assert not task.done()
        assert here.desk.begin(asked), "another may be begun"


async def test_a_bot_that_is_stopped_takes_its_night_along(here: Learning) -> None:
    async with running(here.parts):
        assert here.desk.begin(await here.asked())
        await until(lambda: here.desk.standing().step != "")
        assert here.parts.exports.folder.take() is None, "the night's process has the folder"
    standing = here.desk.standing()
    assert not standing.is_running
    assert standing.last is not None
    assert standing.last.error == "the bot was stopped"
    lock = here.parts.exports.folder.take()
    assert lock is not None, "the night's process is gone"
    os.close(lock)
    assert here.parts.exports.folder.exports() == []
    assert await told(here) == []


async def test_a_night_that_is_ended_for_somebody_who_leaves_begins_anew_without_them(here: Learning) -> None:
    asked = await here.asked()
    async with running(here.parts):
        with capture_logs() as logs:
            assert here.desk.begin(asked)
            await until(lambda: here.desk.standing().step != "")
            await here.parts.exports.forget(PersonId("somebody"))
            assert here.desk.standing().is_running
            assert await told_soon(here) == [(f"{NIGHT_ENDED}.es", asked.person_id)]
    assert [one["event"] for one in logs if one["event"].startswith("training.")] == [
        "training.begins_anew",
        "training.written",
    ]
    done = here.desk.standing().last
    assert done is not None
    assert done.error == ""
    assert len(await told(here)) == 1


async def test_an_admin_who_is_forgotten_meanwhile_is_told_nothing(here: Learning) -> None:
    asked = replace(await here.asked(), person_id=PersonId("nobody any more"))
    async with running(here.parts) as task:
        with capture_logs() as logs, here.parts.exports.folder.owned():
            assert here.desk.begin(asked)
            await until(lambda: any(one["event"] == "training.untold" for one in logs))
        assert not task.done()
    assert await told(here) == []


async def test_the_clock_makes_no_night_where_nobody_has_rated_anything(here: Learning) -> None:
    await asyncio.to_thread(change, here.folder.database, "DELETE FROM ratings")
    await here.parts.night(LAST)
    assert here.desk.standing().last is None
    assert not here.parts.exports.folder.path.exists()


async def test_without_a_database_the_night_says_so_in_one_line(here: Learning) -> None:
    asked = await here.asked()
    here.folder.database.write_bytes(b"no database at all, but words of people" * 200)
    async with running(here.parts) as task:
        assert here.desk.begin(asked)
        await ended(here)
        assert not task.done()
    failed = here.desk.standing().last
    assert failed is not None
    assert "SQLite says" in failed.error
    assert "words of people" not in failed.error
    assert "\n" not in failed.error


def test_what_is_unforeseen_in_the_nights_process_quotes_nobody() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot.night_child"],
        input=b'{"data_dir": ["words of people"]}\n',
        capture_output=True,
        check=False,
        timeout=SECONDS,
    )
    assert done.returncode == 1
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("ValidationError at ")
    assert "words" not in line
    assert done.stdout == b""
