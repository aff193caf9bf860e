"""Downloads of models in the background: they outlast the turn that began them, and end with the bot."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Final

import structlog

from bot.errors import ModelBroken, ModelError
from bot.model_ports import ModelLibrary
from bot.model_types import Download, DownloadState, PullProgress
from bot.ports import Clock

_log = structlog.get_logger("martin.download")

SPEED_OVER_S: Final = 20.0
"""The remaining time is told from the speed of the last so many seconds: a stall shows, a hiccup does not."""
KEPT: Final = 20
"""Downloads that ended and are still told of."""


class BackgroundDownloads:
    """Implements the `Downloads` port over a local server's models. Downloads run while `run` does."""

    def __init__(self, library: ModelLibrary, clock: Clock) -> None:
        self._library, self._clock = library, clock
        self._downloads: dict[str, Download] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._ending: dict[asyncio.Task[None], str] = {}
        self._is_running = False

    async def run(self) -> None:
        """Let downloads go on until cancelled; then they end, and what they had got is kept by the server.

        They are no task group: one that fails unforeseen must take neither the others nor the bot along.
        """
        self._is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self._is_running = False
            for model in tuple(self._tasks):
                self.stop(model)
            if self._ending:
                await asyncio.wait(tuple(self._ending))

    def start(self, model: str) -> None:
        """Download it in the background; nothing where that is under way."""
        if model in self._tasks:
            return
        if not self._is_running:
            raise RuntimeError("downloads begin only while `run` does")
        self._downloads.pop(model, None)  # what began last stands last
        self._downloads[model] = Download(model=model, state=DownloadState.RUNNING, progress=PullProgress(step=""))
        self._tasks[model] = task = asyncio.create_task(self._download(model), name="download")
        task.add_done_callback(lambda task: self._ended(model, task))

    def stop(self, model: str) -> None:
        """End its download; what is there already is kept. Nothing where none is under way."""
        if (task := self._tasks.pop(model, None)) is not None:
            self._set(model, DownloadState.STOPPED)
            _log.info("download.stopped")
            self._ending[task] = model
            task.cancel()

    def of(self, model: str) -> Download | None:
        """Its last download, None where there was none."""
        return self._downloads.get(model)

    def all(self) -> Sequence[Download]:
        """Every download that is known, oldest first."""
        return tuple(self._downloads.values())

    async def ended(self, model: str) -> Download | None:
        """Return its last download once that is no longer under way; None where there was none."""
        tasks = [task for task, ending in self._ending.items() if ending == model]
        if tasks := [*tasks, *([self._tasks[model]] if model in self._tasks else [])]:
            await asyncio.wait(tasks)
            await asyncio.sleep(0)  # what is to be done when they end comes after it
        return self.of(model)

    async def _download(self, model: str) -> None:
        """Take one download to its end."""
        try:
            await self._pull(model)
            self._set(model, DownloadState.DONE)
            _log.info("download.done", model=model)  # its name is safe to log now: the library knows it
        except ModelError as error:
            self._set(model, DownloadState.FAILED, error)
            _log.warning("download.failed", error=type(error).__name__)

    async def _pull(self, model: str) -> None:
        speed = _Speed()
        pulling = self._library.pull(model)
        try:
            async for progress in pulling:
                remaining_s = speed.remaining_s(progress, self._clock.monotonic())
                self._downloads[model] = replace(self._downloads[model], progress=progress, remaining_s=remaining_s)
        finally:
            if isinstance(pulling, AsyncGenerator):
                await pulling.aclose()

    def _set(self, model: str, state: DownloadState, error: ModelError | None = None) -> None:
        self._downloads[model] = replace(self._downloads[model], state=state, error=error, remaining_s=None)

    def _ended(self, model: str, task: asyncio.Task[None]) -> None:
        """Of the downloads that ended, the oldest are forgotten. One that was stopped may have been begun anew meanwhile."""
        self._ending.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            place = "".join(traceback.format_tb(error.__traceback__)[-4:])
            _log.error("download.error", error=type(error).__name__, place=place)
        if self._tasks.get(model) is task:
            del self._tasks[model]
            if error is not None:
                self._set(model, DownloadState.FAILED, ModelBroken(model, f"unforeseen {type(error).__name__}"))
        over = [name for name in self._downloads if name not in self._tasks]
        for name in over[:-KEPT]:
            del self._downloads[name]


class _Speed:
    """How fast a download has been lately."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, PullProgress]] = deque()

    def remaining_s(self, progress: PullProgress, now: float) -> float | None:
        """How long the rest takes at that speed; None while nothing moves or the size is not known."""
        if self._seen and self._seen[-1][1].total != progress.total:
            self._seen.clear()  # another layer turned up: what was there of it already would count as speed
        self._seen.append((now, progress))
        while now - self._seen[0][0] > SPEED_OVER_S and len(self._seen) > 2:
            self._seen.popleft()
        then, before = self._seen[0]
        moved = progress.done - before.done
        if progress.total <= 0 or moved <= 0 or now - then < 1.0:
            return None
        return max(0, progress.total - progress.done) * (now - then) / moved
