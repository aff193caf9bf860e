"""Watches a model's download: a bar that moves, an end in words; the download itself outlasts the turn."""

from __future__ import annotations

import asyncio
import re
from typing import Final

from bot.download_words import bar_line, why_not
from bot.locale import say
from bot.model_ports import Downloads
from bot.model_types import Download, DownloadState
from bot.ports import Preview, Services
from bot.types import Language, Reply
from handlers.wording import as_code, model_statuses

SHOWN_EVERY_S: Final = 0.25
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")


class Pulling:
    """Begins or joins a download and shows how far it is, until it ends, is stopped, or was watched for long enough."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def pull(self, language: Language, model: str, preview: Preview) -> tuple[Reply, str]:
        """How the download of `model`, or of the recommended one where that is empty, ended or goes on; and that in a word."""
        library, downloads = self._services.library, self._services.downloads
        if library is None or downloads is None:
            text = say(
                language,
                "I know of no local server that could download a model. Install Ollama (https://ollama.com/download) and leave "
                "`provider` at `auto` or name `ollama` there (`[models]` in `config.toml`); then start me again.",
            )
            return Reply(text=text), "no library"
        model = model or library.recommended
        if _NAME.fullmatch(model) is None:
            text = say(language, "That is not a model's name. The names are listed at https://ollama.com/library.")
            return Reply(text=text), "no name"
        downloads.start(model)
        download = await self._watched(language, model, downloads, preview)
        return Reply(text=await self._told(language, model, download)), download.state.value

    async def _watched(self, language: Language, model: str, downloads: Downloads, preview: Preview) -> Download:
        """The download as it ended or as it stands once it was watched for long enough."""
        try:
            async with asyncio.timeout(self._services.settings.watch_s), asyncio.TaskGroup() as group:
                around = [
                    group.create_task(_show(language, model, downloads, preview)),
                    group.create_task(_end_when_stopped(model, downloads, preview)),
                ]
                await downloads.ended(model)
                for task in around:
                    task.cancel()
        except TimeoutError:
            pass
        download = downloads.of(model)
        assert download is not None, "it was started"
        return download

    async def _told(self, language: Language, model: str, download: Download) -> str:
        name = as_code(model)
        match download.state:
            case DownloadState.DONE:
                return f"{say(language, '{model} is there.', model=name)} {await self._next_step(language, model)}"
            case DownloadState.FAILED:
                why = why_not(language, download.error)
                return f"{say(language, '{model} could not be downloaded.', model=name)} {why}"
            case DownloadState.STOPPED:
                return say(
                    language,
                    "Stopped. What is downloaded already is kept: `/admin pull {model}` goes on from there.",
                    model=model,
                )
            case DownloadState.RUNNING:
                goes_on = say(
                    language,
                    "The download of {name} goes on in the background. `/admin models` shows how far it is; "
                    "`/admin pull {model}` watches it again, and /stop ends it while you watch.",
                    name=name,
                    model=model,
                )
                return f"{bar_line(language, download)}\n\n{goes_on}"

    async def _next_step(self, language: Language, model: str) -> str:
        """What is left to do before a model that is there answers."""
        ready = [one.name for one in await model_statuses(self._services, language) if one.is_ready]
        place = next((number for number, name in enumerate(ready) if _is_same(name, model)), None)
        if place == 0:
            return say(language, "It answers from now on; there is nothing more to do.")
        if place is not None:
            return say(language, "It answers when {first} cannot; there is nothing more to do.", first=as_code(ready[0]))
        return say(
            language,
            'To have it answer, set `model = "{model}"` under `[models.ollama]` in `config.toml` and start me again.',
            model=model,
        )


async def _show(language: Language, model: str, downloads: Downloads, preview: Preview) -> None:
    """The bar as the running answer, replaced whenever it has moved."""
    shown = ""
    while True:
        download = downloads.of(model)
        if download is not None and download.state is DownloadState.RUNNING:
            title = say(language, "Downloading {model}", model=as_code(model))
            text = f"{title}\n\n{bar_line(language, download)}"
            if text != shown:
                preview.show(shown := text)
        await asyncio.sleep(SHOWN_EVERY_S)


async def _end_when_stopped(model: str, downloads: Downloads, preview: Preview) -> None:
    await preview.stopped()
    downloads.stop(model)


def _is_same(name: str, model: str) -> bool:
    """Whether `ollama/llama3.2` is the model `llama3.2`, which the server also calls `llama3.2:latest`."""
    return name.partition("/")[2].removesuffix(":latest") == model.removesuffix(":latest")
