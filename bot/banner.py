"""What the bot says about itself when it starts: where it listens, what answers and why, where text goes, what to connect."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from bot.locale import say
from bot.types import Language, ModelStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """The facts behind the lines printed at the start. `chosen` is the provider as it was configured."""

    name: str
    version: str
    address: str
    folder: str
    chosen: str
    statuses: Sequence[ModelStatus]
    is_loopback: bool

    def lines(self, language: Language) -> list[str]:
        """The lines, in `language`, plain text."""
        first = self.statuses[0]
        lines = [
            say(language, "{name} {version} is ready.", name=self.name, version=self.version),
            say(
                language,
                "  Page      {address}  (or `make chat` in another terminal)",
                address=self.address,
            ),
            say(language, "  Answers   {model}: {why}", model=first.name, why=self._why(language)),
            say(language, "  Your text {where}", where=where_text_goes(self.statuses, language)),
            say(language, "  Data      {folder}", folder=self.folder),
        ]
        if self.is_loopback:
            lines.append(
                say(language, "  Phone     only this machine can open the page; the README tells how to let your phone in")
            )
        lines.append(say(language, "  Stop      Ctrl-C"))
        return lines

    def _why(self, language: Language) -> str:
        if self.chosen == "auto":
            return say(language, "no language model is connected, so it answers from knowledge/ and from what you correct")
        return say(language, "chosen by the setting models.provider")


def remote_models(statuses: Sequence[ModelStatus]) -> tuple[str, ...]:
    """The models to which text leaves this machine, in the order they are asked."""
    return tuple(status.name for status in statuses if status.is_remote)


def where_text_goes(statuses: Sequence[ModelStatus], language: Language) -> str:
    """One sentence that says where people's words go."""
    remote = remote_models(statuses)
    if not remote:
        return say(language, "stays on this machine.")
    return say(language, "is sent to {models}.", models=", ".join(remote))


def terminal_language(default: Language) -> Language:
    """The language of whoever started this: the terminal's locale, else `default`."""
    names = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    locale = next((name for name in names if name), "").lower()
    if locale.startswith("es"):
        return "es"
    return "en" if locale.startswith("en") else default
