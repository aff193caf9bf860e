"""The parts of learning in a running bot: the nightly process, and taking out of its files what may not be there any more."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Final

import msgspec
import structlog

from bot.config import Config
from bot.errors import TrainingError
from bot.job_types import Job
from bot.night_order import begins_at, night_order, training_folder
from bot.store.open import Stores
from learning.exports import Exports
from learning.folder import TrainingFolder

_log = structlog.get_logger("martin.learning")

NIGHT_S: Final = 4 * 3_600.0
"""How long a night may take before it is ended, to be gone on with the next time."""


class LearningParts:
    """Training files in a running bot. It never opens them itself: a night has its own process, and so has their rewriting."""

    def __init__(self, config: Config, stores: Stores) -> None:
        self._config, self._training = config, stores.training
        self.exports = Exports(TrainingFolder(training_folder(config)), stores.training)

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

    async def night(self, night: date) -> None:
        """Make the files of that date, of what was asked until the settings' hour. Raises TrainingError.

        The process ends with this one; what it has done so far is gone on with at the next try. There is none where nobody
        who agreed has rated anything.
        """
        until = begins_at(self._config, night)
        if not await self._training.rated(None, until):
            return
        order = msgspec.json.encode(night_order(self._config, night, until))
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot.night_child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(NIGHT_S):
                said, error = await _ended(child, order)
        except TimeoutError:
            raise TrainingError(f"the night took longer than {NIGHT_S / 3600:.0f} h") from None
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        if child.returncode:
            raise TrainingError(error.decode(errors="replace").strip().rpartition("\n")[2] or f"exit {child.returncode}")
        _log.info("training.written", **msgspec.json.decode(said.strip().rpartition(b"\n")[2], type=dict[str, object]))


async def _ended(child: asyncio.subprocess.Process, order: bytes) -> tuple[bytes, bytes]:
    """What the child wrote until it ended. Its input stays open as long as somebody waits: the child ends when it closes."""
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    child.stdin.write(order + b"\n")
    await child.stdin.drain()
    said, error = await asyncio.gather(child.stdout.read(), child.stderr.read())
    await child.wait()
    return said, error
