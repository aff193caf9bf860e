"""What admins say about nights and files, and what is on record of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from bot.admin_types import ShownExport
from bot.types import Language, Outcome
from bot.writes import AddAudit
from tests.handlers.fake_desk import FakeTraining, desk
from tests.handlers.fakes import answer, command

TODAY = date(2026, 11, 30)
EXPORT = ShownExport(
    night=TODAY,
    folder="/data/training/2026-11-30",
    files={"train/sft.jsonl": 80, "validation/sft.jsonl": 10},
    kept=1_234,
    people=63,
    is_small=False,
    is_approved=False,
    is_stale=False,
)


def days(number: int) -> list[ShownExport]:
    """Files of so many dates, newest first."""
    nights = [TODAY - timedelta(days=back) for back in range(number)]
    return [replace(EXPORT, night=night, folder=f"/data/training/{night.isoformat()}") for night in nights]


async def asked(arguments: str, training: FakeTraining, language: Language = "en", *, is_admin: bool = True) -> Outcome:
    """What `/admin ARGUMENTS` gives."""
    given = command("admin", language, arguments=arguments, is_admin=is_admin)
    return (await answer(given, desk=desk(training=training)))[1]


def audited(outcome: Outcome) -> tuple[str, str, str]:
    """The action, subject and result of an outcome's entry in the audit log."""
    (entry,) = [write for write in outcome.writes if isinstance(write, AddAudit)]
    return entry.action, entry.subject, entry.result
