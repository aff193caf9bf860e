"""What the bot says about itself when it starts: where it listens, what answers and why, where text goes, what to connect."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from bot import __version__
from bot.certificate import lan_addresses
from bot.config import Config
from bot.locale import say
from bot.model_types import ModelStatus
from bot.types import ChannelName, Language
from bot.where import PLATFORMS, networked_models, remote_models


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """The facts behind the lines printed at the start. `chosen` are the providers as they were named.

    `address` is where this machine finds the page, `elsewhere` where other devices do.
    """

    name: str
    version: str
    address: str
    folder: str
    chosen: Sequence[str]
    statuses: Sequence[ModelStatus]
    is_loopback: bool
    is_encrypted: bool
    elsewhere: Sequence[str]
    platforms: Sequence[str] = ()

    def lines(self, language: Language) -> list[str]:
        """The lines, in `language`, plain text."""
        first = next((one for one in self.statuses if one.is_ready), self.statuses[-1])
        lines = [
            say(language, "{name} {version} is ready.", name=self.name, version=self.version),
            say(
                language,
                "  Page      {address}  (or `make chat` in another terminal)",
                address=self.address,
            ),
            *self._platforms(language),
            say(language, "  Answers   {model}: {why}", model=first.name, why=self._why(language, first)),
            *self._steps(),
            say(language, "  Your text {where}", where=where_text_goes(self.statuses, language)),
            say(language, "  Data      {folder}", folder=self.folder),
        ]
        lines.append(self._phone(language))
        lines.append(say(language, "  Stop      Ctrl-C"))
        return lines

    def _platforms(self, language: Language) -> list[str]:
        """Where else it is, if it is let in there."""
        if not self.platforms:
            return []
        places = ", ".join(self.platforms)
        return [say(language, "  Also on   {places}, over whose servers goes what is written there", places=places)]

    def _phone(self, language: Language) -> str:
        """How other devices come in, or why they cannot."""
        if self.is_loopback:
            return say(language, "  Phone     only this machine can open the page; the README tells how to let your phone in")
        if self.is_encrypted:
            addresses = "  ".join(self.elsewhere or (self.address,))
            return say(language, "  Phone     {addresses}  (sign in with the access token)", addresses=addresses)
        return say(
            language,
            "  Phone     signing in from other devices needs https: set web.certificate and web.certificate_key "
            "(python -m bot certificate makes them), or put a TLS proxy in front",
        )

    def _why(self, language: Language, first: ModelStatus) -> str:
        if first.name != "offline":
            return first.detail
        if "offline" in self.chosen:
            return say(language, "chosen by the setting models.provider")
        if away := [one.name for one in self.statuses if one.is_wanted and not one.is_ready]:
            return say(language, "steps in until {models} can answer", models=", ".join(away))
        return say(language, "no language model is connected, so it answers from knowledge/ and from what you correct")

    def _steps(self) -> list[str]:
        """What to do about the models that do not answer, each in a line of its own."""
        return [f"            → {one.name}: {one.next_step}" for one in self.statuses if not one.is_ready and one.next_step]


def greeting(config: Config, address: str, statuses: Sequence[ModelStatus]) -> str:
    """What a bot that serves its page at `address` prints at the start, in the terminal's language."""
    banner = Banner(
        name=config.bot.name,
        version=__version__,
        address=address,
        folder=str(config.data_dir),
        chosen=config.models.named,
        statuses=statuses,
        is_loopback=config.web.is_loopback,
        is_encrypted=config.web.tls is not None,
        elsewhere=() if config.web.is_loopback else _elsewhere(config, address),
        platforms=[
            PLATFORMS[channel]
            for channel, settings in ((ChannelName.TELEGRAM, config.telegram), (ChannelName.DISCORD, config.discord))
            if settings.token is not None
        ],
    )
    return "\n".join(banner.lines(terminal_language(config.language.default)))


def _elsewhere(config: Config, address: str) -> tuple[str, ...]:
    """Where other devices find the page: under the names that were configured, else at this machine's addresses at home."""
    scheme, port = address.partition(":")[0], address.rpartition(":")[2]
    if not config.web.allowed_hosts and config.web.host not in ("0.0.0.0", "::"):  # noqa: S104 — compared, not bound
        return (address,)
    return tuple(f"{scheme}://{name}:{port}" for name in config.web.allowed_hosts or lan_addresses())


def where_text_goes(statuses: Sequence[ModelStatus], language: Language) -> str:
    """One sentence that says where people's words go."""
    remote = remote_models(statuses)
    if not remote and networked_models(statuses):
        return say(language, "stays on this machine and in its private network.")
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
