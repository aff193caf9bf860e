"""What admins are shown of what admins did."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from bot.admin_types import TERMINAL, AuditEntry
from bot.locale import say
from bot.types import LANGUAGES, Kind, Language, Outcome
from bot.writes import AddAudit
from handlers.admin_audit import MOST, SHOWN
from handlers.admin_parts import button
from tests.handlers.fake_desk import FakeAudit, desk
from tests.handlers.fakes import NOW, answer, command, message, past, pressed, said, turn

BLOCKED = AuditEntry(
    id="t1", at=NOW, channel="telegram", user="1", action="block", subject="ab12cd34", result="done"
)  # fmt: skip
WORDS = pytest.mark.parametrize("word", ["audit", "registro", "AUDIT"])


def many(count: int) -> FakeAudit:
    """So many entries, newest first, each a minute older than the one before."""
    return FakeAudit([replace(BLOCKED, id=f"t{one}", at=NOW - timedelta(minutes=one)) for one in range(count)])


async def asked(arguments: str, audit: FakeAudit | None = None, language: Language = "en") -> Outcome:
    handler, outcome = await answer(command("admin", language, arguments=arguments, is_admin=True), desk=desk(audit=audit))
    assert handler.name == "admin"
    return outcome


def shown(outcome: Outcome) -> list[str]:
    """The lines of entries."""
    return [line for line in said(outcome).splitlines() if line.startswith("- ")]


def noted(outcome: Outcome) -> list[tuple[str, str, str]]:
    """What goes into the audit log: action, subject, result."""
    return [(one.action, one.subject, one.result) for one in outcome.writes if isinstance(one, AddAudit)]


@WORDS
async def test_entry_is_a_line_of_time_who_action_subject_and_result(word: str) -> None:
    outcome = await asked(word, FakeAudit([BLOCKED]))
    assert shown(outcome) == ["- 2026-11-30 12:00 · `telegram:1` · `block` · `ab12cd34` · `done`"]
    assert noted(outcome) == [("audit", "", "done")]
    assert not outcome.is_refused


async def test_a_session_of_the_page_is_shown_by_the_beginning_of_its_id() -> None:
    outcome = await asked("audit", FakeAudit([replace(BLOCKED, channel="web", user="0123456789abcdef" * 4)]))
    assert shown(outcome) == ["- 2026-11-30 12:00 · `web:01234567…` · `block` · `ab12cd34` · `done`"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_was_done_on_the_command_line_says_so_and_what_is_empty_is_left_out(language: Language) -> None:
    entry = replace(BLOCKED, channel=TERMINAL, user="", action="label", subject="", result="labelled")
    outcome = await asked("audit", FakeAudit([entry]), language)
    assert shown(outcome) == [f"- 2026-11-30 12:00 · {say(language, 'command line')} · `label` · `labelled`"]


async def test_times_are_told_in_utc_whatever_they_are_stored_in() -> None:
    madrid = datetime(2026, 12, 1, 0, 59, 30, tzinfo=timezone(timedelta(hours=1)))
    outcome = await asked("audit", FakeAudit([replace(BLOCKED, at=madrid)]))
    assert shown(outcome)[0].startswith("- 2026-11-30 23:59 · ")
    assert "(UTC)" in said(outcome)


async def test_nothing_in_an_entry_is_markup() -> None:
    entry = replace(BLOCKED, channel="web", user="a`b**c**\n# d", subject="x`y")
    outcome = await asked("audit", FakeAudit([entry]))
    assert shown(outcome) == ["- 2026-11-30 12:00 · `web:a'b**c** # d` · `block` · `x'y` · `done`"]


@pytest.mark.parametrize(
    ("argument", "count"), [("", SHOWN), ("1", 1), (" 007 ", 7), ("50", 50), ("100", MOST), ("101", MOST), ("999999999", MOST)]
)
async def test_as_many_are_shown_as_asked_for_newest_first(argument: str, count: int) -> None:
    lines = shown(await asked(f"audit {argument}", many(150)))
    assert len(lines) == count
    assert lines[0].startswith("- 2026-11-30 12:00")
    assert lines == sorted(lines, reverse=True)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("argument", ["0", "000", "-5", "1.5", "many", "5 5", "½", "٣", "²", "1_0", "9" * 5_000])
async def test_what_is_no_number_is_told_what_was_expected(argument: str, language: Language) -> None:
    outcome = await asked(f"audit {argument}", many(3), language)
    assert outcome.is_refused
    assert shown(outcome) == []
    assert str(MOST) in said(outcome)
    assert argument not in said(outcome) or argument == "0"
    assert noted(outcome) == [("audit", "", "no number")], "what was typed is not noted"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_says_where_the_whole_log_is(language: Language) -> None:
    assert "`python -m bot audit`" in said(await asked("audit", many(2), language))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_empty_log_says_so(language: Language) -> None:
    outcome = await asked("audit", language=language)
    assert said(outcome) == say(language, "No admin has done anything yet.")
    assert not outcome.is_refused


@WORDS
@pytest.mark.parametrize("language", LANGUAGES)
async def test_who_is_no_admin_learns_nothing(word: str, language: Language) -> None:
    _, outcome = await answer(command("admin", language, arguments=word), desk=desk(audit=many(3)))
    _, other = await answer(command("admin", language))
    assert outcome == other
    assert outcome.is_refused


async def test_in_a_group_nothing_is_shown() -> None:
    given = turn(message(Kind.COMMAND, "/admin audit", is_private=False), command="admin", arguments="audit", is_admin=True)
    _, outcome = await answer(given, desk=desk(audit=many(3)))
    assert outcome.is_refused
    assert shown(outcome) == []


@pytest.mark.parametrize("is_admin", [True, False])
async def test_there_is_nothing_to_press(is_admin: bool) -> None:
    choice = button("audit", "more", "More")
    asking = past(handler="admin", kind=Kind.COMMAND, choices=(choice,))
    press = replace(pressed(asking, choice.key).message, is_admin=is_admin)
    _, outcome = await answer(turn(press, target=asking), desk=desk(audit=many(3)))
    assert outcome.is_refused
    assert shown(outcome) == []
    assert noted(outcome) == ([("audit", "", "gone")] if is_admin else [])
