"""Downloads in the background: one per model, joined, stopped, and never the bot's end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bot.amounts import BLANK
from bot.download_words import bar_line, why_not
from bot.downloads import KEPT, BackgroundDownloads
from bot.errors import (
    ModelBroken,
    ModelBusy,
    ModelError,
    ModelMissing,
    ModelNoSpace,
    ModelRejected,
    ModelTimedOut,
    ModelTooNew,
    ModelUnreachable,
)
from bot.model_types import Download, DownloadState, InstalledModel, PullProgress
from bot.types import LANGUAGES, Language
from tests.fakes import FakeClock

HALF = PullProgress(step="downloading", done=50, total=100)


@dataclass
class Gated:
    """A library whose downloads report `steps`, wait for `gate`, and then end, or raise `error`."""

    steps: Sequence[PullProgress] = (HALF,)
    error: Exception | None = None
    recommended: str = "small:1b"
    recommended_size: int = 1_000_000_000
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    async def installed(self) -> Sequence[InstalledModel]:
        return ()

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        self.asked.append(model)
        try:
            for step in self.steps:
                yield step
            await self.gate.wait()
            if self.error is not None:
                raise self.error
        finally:
            self.closed.append(model)


@asynccontextmanager
async def running(library: Gated, clock: FakeClock | None = None) -> AsyncIterator[BackgroundDownloads]:
    downloads = BackgroundDownloads(library, clock or FakeClock())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(downloads.run())
        await asyncio.sleep(0)
        yield downloads
        task.cancel()


async def state(downloads: BackgroundDownloads, model: str) -> DownloadState:
    async with asyncio.timeout(5):
        ended = await downloads.ended(model)
    assert ended is not None
    return ended.state


async def underway(downloads: BackgroundDownloads, model: str) -> Download:
    async with asyncio.timeout(5):
        while (download := downloads.of(model)) is None or not download.progress.done:
            await asyncio.sleep(0)
    return download


async def test_download_goes_on_by_itself_until_it_is_done() -> None:
    library = Gated()
    async with running(library) as downloads:
        downloads.start("a")
        assert (await underway(downloads, "a")).progress == HALF
        library.gate.set()
        assert await state(downloads, "a") is DownloadState.DONE
    assert [one.model for one in downloads.all()] == ["a"]


async def test_same_model_asked_for_twice_is_downloaded_once() -> None:
    library = Gated()
    async with running(library) as downloads:
        downloads.start("a")
        await underway(downloads, "a")
        downloads.start("a")
        downloads.start("b")
        await underway(downloads, "b")
        library.gate.set()
        assert await state(downloads, "a") is await state(downloads, "b") is DownloadState.DONE
    assert library.asked == ["a", "b"]


async def test_stopped_download_closes_the_stream_and_can_go_on_later() -> None:
    library = Gated()
    async with running(library) as downloads:
        downloads.start("a")
        await underway(downloads, "a")
        downloads.stop("a")
        assert await state(downloads, "a") is DownloadState.STOPPED
        assert library.closed == ["a"]
        library.gate.set()
        downloads.start("a")
        assert await state(downloads, "a") is DownloadState.DONE


async def test_download_that_is_begun_again_right_after_its_stop_goes_on() -> None:
    library = Gated()
    async with running(library) as downloads:
        downloads.start("a")
        await underway(downloads, "a")
        downloads.stop("a")
        library.gate.set()
        downloads.start("a")
        assert await state(downloads, "a") is DownloadState.DONE


async def test_download_that_is_stopped_before_it_began_is_stopped() -> None:
    library = Gated()
    async with running(library) as downloads:
        downloads.start("a")
        downloads.stop("a")
        assert await state(downloads, "a") is DownloadState.STOPPED
    assert library.asked == []


@pytest.mark.parametrize("error", [ModelNoSpace("small", "the disk is full"), ZeroDivisionError("with somebody's words")])
async def test_download_that_fails_takes_nothing_else_along(error: Exception) -> None:
    library = Gated(error=error)
    async with running(library) as downloads:
        downloads.start("a")
        library.gate.set()
        assert await state(downloads, "a") is DownloadState.FAILED
        failed = downloads.of("a")
        assert failed is not None
        assert isinstance(failed.error, ModelError)
        assert "words" not in str(failed.error)
        library.error = None
        downloads.start("b")
        assert await state(downloads, "b") is DownloadState.DONE


async def test_downloads_under_way_end_with_the_bot() -> None:
    library = Gated()
    async with running(library) as downloads:
        downloads.start("a")
        await underway(downloads, "a")
    assert library.closed == ["a"]


async def test_what_ended_long_ago_is_forgotten_and_what_runs_is_not() -> None:
    library = Gated()
    async with running(library) as downloads:
        downloads.start("runs")
        await underway(downloads, "runs")
        for number in range(KEPT + 5):
            downloads.start(f"m{number}")
            downloads.stop(f"m{number}")
            await state(downloads, f"m{number}")
        known = [one.model for one in downloads.all()]
    assert known == ["runs", *(f"m{number}" for number in range(5, KEPT + 5))]


async def test_unknown_model_has_no_download() -> None:
    async with running(Gated()) as downloads:
        downloads.stop("a")
        assert downloads.of("a") is None
        assert await downloads.ended("a") is None


def test_download_before_the_bot_runs_is_a_mistake() -> None:
    with pytest.raises(RuntimeError, match="run"):
        BackgroundDownloads(Gated(), FakeClock()).start("a")


# --- how long it still takes ---


@dataclass
class Paced(Gated):
    """A library that takes a second of the clock for each step."""

    clock: FakeClock = field(default_factory=FakeClock)

    async def pull(self, model: str) -> AsyncGenerator[PullProgress, None]:
        for step in self.steps:
            self.clock.advance(1.0)
            yield step
        await self.gate.wait()


async def remaining_s(*done_and_total: tuple[int, int]) -> float | None:
    """The time told as remaining after these, one each second."""
    clock = FakeClock()
    steps = [PullProgress(step="x", done=done, total=total) for done, total in done_and_total]
    async with running(Paced(steps=steps, clock=clock), clock) as downloads:
        downloads.start("a")
        async with asyncio.timeout(5):
            while (download := downloads.of("a")) is None or download.progress != steps[-1]:
                await asyncio.sleep(0)
    return download.remaining_s


async def test_remaining_time_follows_the_speed_of_late() -> None:
    assert await remaining_s((0, 100), (10, 100), (20, 100)) == pytest.approx(8.0)
    slow_then_quick = [(second, 10_000) for second in range(60)] + [(60 + 100 * second, 10_000) for second in range(30)]
    assert await remaining_s(*slow_then_quick) == pytest.approx((10_000 - 2960) / 100, rel=0.05)


async def test_remaining_time_is_not_guessed_from_nothing() -> None:
    assert await remaining_s((0, 0), (5, 0)) is None, "the size is not known"
    assert await remaining_s((50, 100)) is None, "what was there before is no speed"
    assert await remaining_s((50, 100), (50, 100)) is None, "nothing moves"
    assert await remaining_s((50, 100), (150, 300)) is None, "another layer turned up"


# --- in words ---


def test_bar_tells_the_time_left_where_it_is_known() -> None:
    known = Download(model="a", state=DownloadState.RUNNING, progress=HALF, remaining_s=200)
    assert bar_line("en", known).endswith(f"50{BLANK}% · 50 of 100{BLANK}B · about 3{BLANK}min{BLANK}20{BLANK}s left")
    unknown = Download(model="a", state=DownloadState.RUNNING, progress=HALF)
    assert "left" not in bar_line("en", unknown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_failure_has_words_of_its_own(language: Language) -> None:
    errors: list[ModelError] = [
        kind("m", "a detail")
        for kind in (ModelMissing, ModelNoSpace, ModelTooNew, ModelRejected, ModelUnreachable, ModelBusy, ModelBroken)
    ]
    texts = [why_not(language, error) for error in errors]
    assert len(set(texts)) == len(errors)
    assert why_not(language, ModelTimedOut("m", "x")) == why_not(language, ModelUnreachable("m", "x"))
    assert why_not(language, None)
