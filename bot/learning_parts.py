"""The parts of learning in a running bot: the nightly process, and taking out of its files what may not be there any more."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from typing import Final

import msgspec
import structlog

from bot.admin_types import NIGHT_ENDED, NightAsked, NightDone, NightStanding
from bot.config import Config
from bot.errors import MartinError, TrainingError
from bot.job_types import Job
from bot.jobs.runner import attempt
from bot.night_order import begins_at, night_order, training_folder
from bot.nights import demand_space
from bot.ports import Clock
from bot.store.open import Stores
from bot.subprocesses import NotStarted, Process, started
from learning.exports import Exports
from learning.folder import TrainingFolder

_log = structlog.get_logger("martin.learning")

NIGHT_S: Final = 4 * 3_600.0
"""How long a night may take before it is ended, to be gone on with the next time."""
MOST_TRIES: Final = 5
"""How often a night begins anew when rows are taken out of the files meanwhile, before it is given up."""
_LOOK_EVERY_S: Final = 0.2
_LONGEST_LINE: Final = 1 << 20
_STOPPED: Final = "the bot was stopped"
_UNFORESEEN: Final = "something unforeseen: the bot's log says where"


class NightStep(msgspec.Struct, frozen=True, kw_only=True):
    """What the night's process says while it goes on: the step, and how many rows that has had."""

    step: str
    done: int


class NightEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What is told of how it ended, out of all that it says last (`learning.night.NightResult`)."""

    night: date
    collected: int
    kept: int
    people: int
    files: dict[str, int]
    queue: int
    waiting: int


class LearningParts:
    """Training files in a running bot. It never opens them itself: a night has its own process, and so has their rewriting."""

    def __init__(self, config: Config, stores: Stores, clock: Clock) -> None:
        self._config, self._stores, self._clock = config, stores, clock
        self.exports = Exports(TrainingFolder(training_folder(config)), stores.training)
        self._standing = NightStanding()
        self._asked: NightAsked | None = None
        self._made: dict[date, datetime] = {}
        """Until when what was rated is in the files that this process made, by their dates."""
        self._wanted = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    async def withdraw(self, _: Job) -> None:
        """Take out the rows of whoever does not agree any more."""
        people = await self.exports.settle()
        if people:
            _log.info("training.withdrawn", people=people)

    def and_settle(self, chore: Callable[[Job], Awaitable[None]]) -> Callable[[Job], Awaitable[None]]:
        """`chore`, after which people may be others than before: rows of those who have not agreed are taken out."""

        async def done(job: Job) -> None:
            await chore(job)
            await self.withdraw(job)

        return done

    def standing(self) -> NightStanding:
        """Where the night of this process stands."""
        return self._standing

    def begin(self, asked: NightAsked) -> bool:
        """Have `run` make today's files of all that was rated until now; False while a night is under way."""
        if self._standing.is_running:
            return False
        self._stand(is_running=True, step="", done=0, began_at=self._clock.now())
        self._asked = asked
        self._ended.clear()
        self._wanted.set()
        return True

    async def ended(self) -> None:
        """Return once no night is under way."""
        await self._ended.wait()

    async def run(self) -> None:
        """Make the files that admins ask for, and tell them, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            asked, self._asked = self._asked, None
            now = self._clock.now()
            error = await attempt(self._make(now.astimezone(self._config.zone).date(), now))
            if error is not None:
                _log.error("training.failed", error=error)
            if asked is not None:
                await self._tell(asked)

    async def night(self, night: date) -> None:
        """Make the files of that date, of what was asked until the settings' hour. Raises TrainingError and StoreError.

        The process ends with this one; what it has done so far is gone on with at the next try. There is none where nobody
        who agreed has rated anything.
        """
        until = begins_at(self._config, night)
        if not await self._stores.training.has_rated(until):
            return
        while self._standing.is_running:  # an admin's
            await self.ended()
        if self._made.get(night, until) > until:  # its files are newer than these would be
            return
        await self._make(night, until)

    async def _make(self, night: date, until: datetime) -> None:
        """One night, with what can be seen of it while it goes on."""
        began_at = self._clock.now()
        self._stand(is_running=True, step="", done=0, began_at=began_at)
        self._ended.clear()
        done = NightDone(night=night, ended_at=began_at, error=_UNFORESEEN)
        try:
            demand_space(self._config.data_dir)
            result = await self._in_its_process(night, until)
            done = _done(result, began_at)
            self._made = {night: until}
        except MartinError as error:
            done = replace(done, error=str(error))
            raise
        except asyncio.CancelledError:
            done = replace(done, error=_STOPPED)
            raise
        finally:
            self._stand(is_running=False, last=replace(done, ended_at=self._clock.now()))
            self._ended.set()
        _log.info("training.written", night=str(night), kept=done.kept, collected=done.collected, files=len(done.files))

    async def _in_its_process(self, night: date, until: datetime) -> NightEnd:
        """What it says at the end. One that was asked to end, because rows are taken out of the files, begins anew."""
        order = msgspec.json.encode(night_order(self._config, night, until))
        try:
            async with asyncio.timeout(NIGHT_S):
                for _ in range(MOST_TRIES):
                    said = await self._said_at_last(order)
                    if said is not None:
                        return msgspec.json.decode(said, type=NightEnd)
                    _log.info("training.begins_anew", night=str(night))
                    self._stand(step="", done=0)
                    await self._free_folder()
        except TimeoutError:
            raise TrainingError(f"the night took longer than {NIGHT_S / 3600:.0f} h") from None
        except msgspec.MsgspecError as error:
            raise TrainingError("the night's process did not say how it ended") from error
        raise TrainingError(f"rows were taken out of the files {MOST_TRIES} times while the night went on: begin another later")

    async def _free_folder(self) -> None:
        """Return once nobody changes the files."""
        while True:
            lock = self.exports.folder.take()
            if lock is not None:
                os.close(lock)
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _said_at_last(self, order: bytes) -> bytes | None:
        """The last line of a process that makes the night; None when it was asked to end."""
        try:
            async with started(sys.executable, "-m", "bot.night_child", longest_line=_LONGEST_LINE) as child:
                said, complaint = await self._followed(child, order)
        except NotStarted as error:
            raise TrainingError(f"the night's process did not start: {error}") from error
        except (ValueError, OSError) as error:
            raise TrainingError(f"the night's process was not understood: {type(error).__name__}") from error
        if child.returncode == -signal.SIGTERM:
            return None
        if child.returncode:
            said_why = complaint.decode(errors="replace").strip().rpartition("\n")[2]
            raise TrainingError(said_why or f"the night's process ended with status {child.returncode}")
        return said

    async def _followed(self, child: Process, order: bytes) -> tuple[bytes, bytes]:
        """The last line that the child wrote, and its errors. Its input stays open: the child ends when it closes."""
        child.write(order + b"\n")
        said, error = await asyncio.gather(self._steps(child.stdout), child.stderr.read())
        await child.wait()
        return said, error

    async def _steps(self, lines: asyncio.StreamReader) -> bytes:
        """Follow the steps, each as it is said; the last line is the result. What a library may print is passed over."""
        last = b""
        async for line in lines:
            last = line
            with suppress(msgspec.MsgspecError):
                told = msgspec.json.decode(line, type=NightStep)
                self._stand(step=told.step, done=told.done)
        return last

    async def _tell(self, asked: NightAsked) -> None:
        """Let whoever asked know that it has ended, unless they are forgotten by now."""
        try:
            kind = f"{NIGHT_ENDED}.{asked.language}"
            await self._stores.due.add(asked.person_id, asked.address_id, kind, self._clock.now())
        except MartinError as error:
            _log.warning("training.untold", error=str(error))

    def _stand(self, **changes: object) -> None:
        self._standing = replace(self._standing, **changes)  # type: ignore[arg-type]


def _done(result: NightEnd, at: datetime) -> NightDone:
    return NightDone(
        night=result.night,
        ended_at=at,
        collected=result.collected,
        kept=result.kept,
        people=result.people,
        files=result.files,
        queue=result.queue,
        is_waiting=bool(result.waiting),
    )
