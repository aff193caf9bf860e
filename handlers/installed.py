"""How the models are, for admins: those that answer, those that are installed, and those on their way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from bot.amounts import size
from bot.download_words import bar_line, why_not
from bot.errors import ModelError, ModelTimedOut
from bot.locale import say
from bot.model_ports import ModelLibrary
from bot.model_types import Download, DownloadState, InstalledModel, ModelStatus
from bot.ports import Services
from bot.types import Choice, Language, Outcome, Reply, Turn
from handlers.asking import asking, option
from handlers.wording import as_code, model_statuses

PULL: Final = "pull"
LOOK_S: Final = 5.0
"""How long the local server may take to say what it has."""
MOST_INSTALLED: Final = 30


async def model_list(services: Services, turn: Turn) -> Outcome:
    """The list. Where no language model is ready and a local server runs, with a button that downloads one."""
    language = turn.language
    statuses = await model_statuses(services, language)
    parts = [_answering(language, statuses)]
    installed: Sequence[InstalledModel] | None = None
    if services.library is not None:
        try:
            installed = await _installed(services.library)
            parts.append(_there(language, installed))
        except ModelError as error:
            parts.append(f"{say(language, '**On the local server**')}\n- {why_not(language, error)}")
    downloads = services.downloads.all() if services.downloads is not None else ()
    if downloads:
        lines = [f"- {_download_line(language, one)}" for one in downloads]
        parts.append("\n".join([say(language, "**Downloads**"), *lines]))
    offer = _offer(language, services, statuses, installed, downloads)
    if offer is None:
        return Outcome(reply=Reply(text="\n\n".join(parts)))
    parts.append(say(language, "No language model answers yet. I can download a good small one to the local server:"))
    return asking(turn, PULL, "\n\n".join(parts), (offer,))


def _download_line(language: Language, download: Download) -> str:
    """A download in one line: how far it is, or how it ended."""
    return f"{as_code(download.model)}: {_stand(language, download)}"


def _stand(language: Language, download: Download) -> str:
    match download.state:
        case DownloadState.RUNNING:
            return bar_line(language, download)
        case DownloadState.DONE:
            return say(language, "done")
        case DownloadState.STOPPED:
            return say(language, "stopped; what is there already is kept")
        case DownloadState.FAILED:
            return why_not(language, download.error)


async def _installed(library: ModelLibrary) -> Sequence[InstalledModel]:
    """What the local server has. Raises ModelError, also where it does not say so in time."""
    try:
        async with asyncio.timeout(LOOK_S):
            return await library.installed()
    except TimeoutError as error:
        raise ModelTimedOut("library", f"no list within {LOOK_S:g} s") from error


def _answering(language: Language, statuses: Sequence[ModelStatus]) -> str:
    if not statuses:
        return say(language, "The models did not say in time how they are. Try again in a moment.")
    lines = [say(language, "**Who answers, in this order**")]
    for status in statuses:
        lines.append(f"- {_status(language, status)}")
        if status.next_step and not status.is_ready:
            lines.append(f"  - {status.next_step}")
    return "\n".join(lines)


def _status(language: Language, status: ModelStatus) -> str:
    state = say(language, "ready") if status.is_ready else say(language, "not ready")
    if not status.is_ready and not status.is_wanted:
        state = say(language, "not in use, and nobody named it")
    where = say(language, "text leaves the private network") if status.is_remote else ""
    version = say(language, "version {version}", version=as_code(status.version)) if status.version else ""
    return " · ".join(part for part in (as_code(status.name), state, where, version, status.detail) if part)


def _there(language: Language, installed: Sequence[InstalledModel]) -> str:
    lines = [say(language, "**On the local server**")]
    for model in sorted(installed, key=lambda one: one.name)[:MOST_INSTALLED]:
        about = (
            say(language, "runs in a cloud: text leaves the private network") if model.is_remote else size(model.size, language)
        )
        lines.append(f"- {as_code(model.name)} · {about}")
    if not installed:
        lines.append(say(language, "- no model yet"))
    if (more := len(installed) - MOST_INSTALLED) > 0:
        lines.append("- " + say(language, "and {count} more", count=more))
    return "\n".join(lines)


def _offer(
    language: Language,
    services: Services,
    statuses: Sequence[ModelStatus],
    installed: Sequence[InstalledModel] | None,
    downloads: Sequence[Download],
) -> Choice | None:
    """The button that downloads the recommended model, where that would help."""
    library = services.library
    if library is None or installed is None or services.downloads is None or not statuses:
        return None
    model = library.recommended
    is_answered = any(status.is_ready and status.name != services.offline.name for status in statuses)
    is_there = any(one.name in (model, f"{model}:latest") for one in installed)
    is_coming = any(one.model == model and one.state is DownloadState.RUNNING for one in downloads)
    if is_answered or is_there or is_coming:
        return None
    about = size(library.recommended_size, language)
    return option(PULL, model, say(language, "Download {model} (about {size})", model=model, size=about))
