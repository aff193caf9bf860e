"""The command of the command line that shows what admins did."""

# Not with `from __future__ import annotations`: see `bot.__main__`.
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer

from bot.admin_types import TERMINAL, AuditEntry
from bot.chores import audit_entries
from bot.config import Loaded
from bot.locale import say
from bot.terminal import config_option, do, folder_option, shown_language, tell
from bot.types import Language

_SHOWN: Final = 50
_MOST: Final = 1_000_000


def add_admin(cli: typer.Typer, language: str, load: Callable[[Path | None, Path | None], Loaded]) -> None:
    """Add `audit`."""
    File = Annotated[Path | None, config_option(language)]  # noqa: N806 — types
    Folder = Annotated[Path | None, folder_option(language)]  # noqa: N806
    help_of_most = say(language, "How many entries, newest first.")
    help_of_json = say(language, "One JSON object a line, for a program.")

    @cli.command("audit", help=say(language, "Show what admins did, and when."))
    def _(
        most: Annotated[int, typer.Option("--most", min=1, max=_MOST, help=help_of_most)] = _SHOWN,
        as_json: Annotated[bool, typer.Option("--json", help=help_of_json)] = False,
        config: File = None,
        data_dir: Folder = None,
    ) -> None:
        entries = do(load(config, data_dir).config, lambda config: audit_entries(config, most))
        if as_json:
            for entry in entries:
                typer.echo(msgspec.json.encode(entry).decode())
            return
        shown = shown_language(language)
        tell("\n".join(audit_lines(entries, shown)) or say(shown, "No admin has done anything yet."))


def audit_lines(entries: Iterable[AuditEntry], language: Language) -> list[str]:
    """An entry in a line each: when (UTC), who, what, how it went, and about what."""
    lines = []
    for one in entries:
        who = say(language, "command line") if one.channel == TERMINAL else one.who
        parts = (f"{one.at:%Y-%m-%d %H:%M:%S}", who, one.action, one.result, one.subject)
        lines.append("  ".join(part for part in parts if part))
    return lines
