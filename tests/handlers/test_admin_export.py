"""Which training files there are, of which dates and where; they are never sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.admin_types import ShownExport
from bot.errors import ManifestError
from bot.types import LANGUAGES, Language
from tests.handlers.fake_desk import FakeTraining
from tests.handlers.fakes import said
from tests.handlers.night_talk import EXPORT, asked, audited, days


@pytest.mark.parametrize(("arguments", "language"), [("export", "en"), ("exportar", "es")])
async def test_dates_are_listed_newest_first_at_most_ten_with_where_they_lie(arguments: str, language: Language) -> None:
    outcome = await asked(arguments, FakeTraining(files=days(12)), language)
    lines = said(outcome).splitlines()
    listed = [line[4:14] for line in lines if line.startswith("- **")]
    assert listed == [one.night.isoformat() for one in days(10)]
    assert any(line.startswith("- ") and "2" in line and "**" not in line for line in lines), "two more"
    assert "`/data/training`" in said(outcome)
    assert "`python -m bot data trace`" in said(outcome)
    assert outcome.reply is not None
    assert outcome.reply.files == ()
    assert audited(outcome) == ("export", "", "shown")


async def test_date_is_listed_with_its_sums() -> None:
    assert "- **2026-11-30** · 1,234 rows · 63 people · 2 files" in said(await asked("export", FakeTraining(files=[EXPORT])))


@pytest.mark.parametrize(
    ("export", "is_marked_small", "is_marked_stale"),
    [
        (EXPORT, False, False),
        (replace(EXPORT, is_small=True), True, False),
        (replace(EXPORT, is_small=True, is_approved=True), False, False),
        (replace(EXPORT, is_stale=True), False, True),
    ],
)
@pytest.mark.parametrize("arguments", ["export", "export 2026-11-30"])
async def test_small_cohort_and_rows_taken_out_are_marked(
    export: ShownExport, is_marked_small: bool, is_marked_stale: bool, arguments: str
) -> None:
    text = said(await asked(arguments, FakeTraining(files=[export])))
    assert ("small cohort" in text) is is_marked_small
    assert ("trained anew" in text) is is_marked_stale


@pytest.mark.parametrize("language", LANGUAGES)
async def test_one_date_is_shown_with_its_files_and_folder(language: Language) -> None:
    outcome = await asked("export 2026-11-30", FakeTraining(files=days(3)), language)
    text = said(outcome)
    assert "- `sft.jsonl`: `train` 80 · `validation` 10" in text
    assert "`/data/training/2026-11-30`" in text
    assert "2026-11-29" not in text
    assert "`python -m bot data trace`" in text
    assert audited(outcome) == ("export", "2026-11-30", "shown")


async def test_date_without_files_is_told_as_such() -> None:
    outcome = await asked("export 2026-11-01", FakeTraining(files=[EXPORT]))
    assert outcome.is_refused
    assert "no files of 2026-11-01" in said(outcome)
    assert audited(outcome) == ("export", "2026-11-01", "none")


@pytest.mark.parametrize("argument", ["yesterday", "2026-13-01", "30.11.2026", "2026-11-30 please", "../etc"])
async def test_what_is_no_date_is_told_what_was_expected(argument: str) -> None:
    outcome = await asked(f"export {argument}", FakeTraining(files=[EXPORT]))
    assert outcome.is_refused
    assert "such as 2026-11-20" in said(outcome)
    assert argument not in said(outcome)
    assert audited(outcome) == ("export", "", "unknown")


async def test_without_files_it_says_how_to_make_them() -> None:
    assert "`/admin night run`" in said(await asked("export", FakeTraining()))


async def test_folder_that_is_damaged_is_told_and_what_to_do() -> None:
    outcome = await asked("export", FakeTraining(error=ManifestError("'/x/manifest.json' is damaged")))
    assert "`'/x/manifest.json' is damaged`" in said(outcome)
    assert audited(outcome) == ("export", "", "unreadable")


async def test_name_of_a_folder_is_never_markup() -> None:
    text = said(await asked("export 2026-11-30", FakeTraining(files=[replace(EXPORT, folder="/a`b/**c**/2026-11-30")])))
    assert "`/a'b/**c**/2026-11-30`" in text
