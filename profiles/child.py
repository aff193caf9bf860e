"""A process of our own beside the bot: calls go in one at a time over a pipe, and it ends when that pipe closes.

What may crash, hang or eat memory (native libraries) runs there. Its end costs the calls that wait, never the bot. How to
write the module that runs there: `profiles.child_process`.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from bot.errors import MartinError
from bot.ports import Clock
from bot.subprocesses import NotStarted, Process, started
from profiles.child_process import (
    LENGTH_BYTES,
    MOST_FRAME_BYTES,
    Beat,
    Done,
    Failed,
    FromChild,
    Note,
    Ready,
    Request,
    Setup,
    decode_from_child,
    frame,
    raw,
)

_log = structlog.get_logger("martin.child")

MOST_WAITING = 2_000
"""Calls that may wait at once; one more is refused."""
MOST_UNSENT_BYTES = 16 * 1_048_576
"""What may lie in the pipe to a process that does not read."""
_TAIL_BYTES = 8 * 1_024
_FAREWELL_S = 3.0
_RENEWING = "being renewed"
_ROOT = Path(__file__).resolve().parent.parent
_INHERITED = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV"}
)
"""The process gets nothing else of our environment: tokens and keys stand there."""
_PLACES = re.compile(
    rb"panicked at ([\w./\\-]+:\d+)|File \"([\w./\\@ -]+)\", line (\d+)|^([A-Za-z_][\w.]*Error)\b", re.MULTILINE
)

T = TypeVar("T")


class ChildError(MartinError):
    """A process beside the bot did not do what was asked. `child` is its name."""

    def __init__(self, child: str, reason: str) -> None:
        self.child, self.reason = child, reason
        super().__init__(f"{child}: {reason}")


class ChildDown(ChildError):
    """It is not running, still starting, or ended during the call; what was asked may have happened."""


class ChildRenewing(ChildDown):
    """It is being replaced by a fresh process at its own wish; nothing was asked of it."""


class ChildTimedOut(ChildError):
    """It did not answer in time; what was asked may still happen if it had begun."""


class ChildBusy(ChildError):
    """Too much waits for it already; nothing was asked."""


class ChildRefused(ChildError):
    """It answered that it cannot; `kind` says why, in a word of its own."""

    def __init__(self, child: str, kind: str, reason: str) -> None:
        self.kind = kind
        super().__init__(child, f"{kind}: {reason}")


class ChildState(StrEnum):
    """How a process stands. Only a `READY` one takes calls."""

    STOPPED = "stopped"
    STARTING = "starting"
    READY = "ready"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStatus:
    """How a process stands, why, and since when. `pid` is that of a process that runs."""

    state: ChildState
    since: datetime
    reason: str = ""
    pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a process may be silent, and how long to wait before it is started again: twice as long each time."""

    silent_s: float = 30.0
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0
    steady_s: float = 60.0
    """One that lived so long starts again after the first pause."""
    look_s: float = 1.0


class Child:
    """A module of ours run as `python -m module`, kept up while `run` runs: started again when it dies or falls silent.

    `setup` is handed to its `serve`; `on_ready` gets what that answered, before the first call is taken.
    """

    def __init__(
        self,
        module: str,
        setup: object,
        *,
        clock: Clock,
        patience: Patience | None = None,
        on_ready: Callable[[msgspec.Raw], None] | None = None,
    ) -> None:
        self._module, self._setup, self._clock = module, setup, clock
        self._patience = patience or Patience()
        self._on_ready = on_ready
        self._ids = count(1)
        self._waiting: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._process: Process | None = None
        self._status = ChildStatus(state=ChildState.STOPPED, since=clock.now(), reason="not started")
        self._ready = asyncio.Event()
        self._silent_s = 0.0
        self._last_words = ""
        self._is_renewing = False
        self._owner: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The module, which names it in logs and errors."""
        return self._module

    @property
    def status(self) -> ChildStatus:
        """How it stands now."""
        return self._status

    async def wait_ready(self, timeout_s: float) -> None:
        """Return once it takes calls. Raises ChildTimedOut."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            raise ChildTimedOut(self.name, f"not ready after {timeout_s:g} s; {self._status.reason}") from None

    async def call(self, name: str, payload: object, answer: type[T], *, timeout_s: float, may_take_s: float = 0.0) -> T:
        """What the operation `name` answers to `payload`, within `timeout_s`; one still waiting then is never begun.

        An operation that itself may run for longer than the process may be silent says so with `may_take_s`.
        Raises ChildDown and ChildBusy at once, ChildTimedOut, and ChildRefused.
        """
        process = self._process
        if self._status.state is not ChildState.READY or process is None or process.stdin.is_closing():
            raise ChildDown(self.name, self._status.reason or self._status.state.value)
        if len(self._waiting) >= MOST_WAITING or process.stdin.transport.get_write_buffer_size() > MOST_UNSENT_BYTES:
            raise ChildBusy(self.name, f"{len(self._waiting)} calls wait already")
        loop = asyncio.get_running_loop()
        number, future = next(self._ids), loop.create_future()
        self._waiting[number] = future
        try:
            until = time.monotonic() + timeout_s
            process.stdin.write(frame(Request(id=number, name=name, payload=raw(payload), until=until, may_take_s=may_take_s)))
            async with asyncio.timeout(timeout_s):
                found = await future
        except TimeoutError:
            raise ChildTimedOut(self.name, f"{name!r} took longer than {timeout_s:g} s") from None
        finally:
            self._waiting.pop(number, None)
            if future.done() and not future.cancelled():
                future.exception()  # seen, also where the caller was cancelled in the same moment
        try:
            return msgspec.msgpack.decode(found, type=answer)
        except msgspec.DecodeError as error:
            raise ChildRefused(self.name, "broken", f"the answer to {name!r} is not a {answer.__name__}") from error

    def kill(self, reason: str) -> None:
        """End the process at once; `run` starts it again."""
        if self._process is not None and self._process.returncode is None:
            _log.error("child.kill", child=self.name, reason=reason)
            self._process.kill()

    def start(self) -> None:
        """Begin to keep it up in a task of its own, until `aclose`. For owners without a task group."""
        if self._owner is None:
            self._owner = asyncio.create_task(self.run(), name=f"child {self.name}")

    async def aclose(self) -> None:
        """End what `start` began; returns when the process is gone. Harmless the second time."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.cancel()
            await asyncio.wait([owner])

    async def run(self) -> None:
        """Keep the process up until cancelled; it is gone when this ends."""
        pause_s = self._patience.first_pause_s
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                reason = await self._live()
                if self._is_renewing:
                    continue
                if loop.time() - began >= self._patience.steady_s:
                    pause_s = self._patience.first_pause_s
                self._set(ChildState.DOWN, reason)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, self._patience.longest_pause_s)
        finally:
            self._set(ChildState.STOPPED, "stopped")

    async def _live(self) -> str:
        """Run one process from start to end, and say how it ended."""
        self._is_renewing = False
        self._set(ChildState.STARTING, "starting")
        noise, reason = _Noise(), ""
        try:
            async with started(sys.executable, "-P", "-m", self._module, env=_environment(), cwd="/") as process:
                with self._kept(process):
                    try:
                        async with asyncio.TaskGroup() as tasks:
                            tasks.create_task(noise.drain(process), name="child noise")
                            watching = tasks.create_task(self._watch(process), name="child watch")
                            reason = await self._listen(process)
                            watching.cancel()
                            await _end(process)
                    finally:
                        await _end(process)
        except NotStarted as error:
            return f"cannot be started: {error}"
        if self._is_renewing:
            _log.info("child.renewed", child=self.name)
            return _RENEWING
        said = reason or self._last_words or _ending(process.returncode)
        _log.error("child.ended", child=self.name, reason=said, noise_bytes=noise.total, places=noise.places())
        return said

    @contextmanager
    def _kept(self, process: Process) -> Iterator[None]:
        """Hold the process while it runs; afterwards nobody waits for it any more."""
        self._process, self._silent_s, self._last_words = process, 0.0, ""
        self._set(ChildState.STARTING, "starting")
        process.write(frame(Setup(payload=raw(self._setup))))
        try:
            yield
        finally:
            self._process = None
            if not self._is_renewing:
                self._set(ChildState.DOWN, "ended")
            self._release(ChildDown(self.name, "ended during the call"))

    def _release(self, error: ChildDown) -> None:
        """Let go of every call that waits."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)

    async def _listen(self, process: Process) -> str:
        """Take what the process says until it says no more; what was wrong with it, if it was not just the end."""
        try:
            while True:
                length = int.from_bytes(await process.stdout.readexactly(LENGTH_BYTES), "big")
                if length > MOST_FRAME_BYTES:
                    return "broken: a frame too large"
                said = decode_from_child(await process.stdout.readexactly(length))
                self._silent_s = 0.0
                if isinstance(said, Failed) and said.id == 0:
                    return f"{said.kind}: {said.reason}"
                self._take(said, process.pid)
        except asyncio.IncompleteReadError:
            return ""
        except msgspec.DecodeError:
            return "broken: not a frame"

    def _take(self, said: FromChild, pid: int) -> None:
        match said:
            case Beat():
                pass
            case Note():
                _log.info(said.event, child=self.name, **said.fields)
            case Ready():
                if self._on_ready is not None:
                    self._on_ready(said.payload)
                _log.info("child.ready", child=self.name, pid=pid)
                self._set(ChildState.READY, "")
            case Done() | Failed():
                self._answered(said)

    def _answered(self, said: Done | Failed) -> None:
        future = self._waiting.pop(said.id, None)
        if future is not None and not future.done():
            if isinstance(said, Done):
                future.set_result(said.payload)
            else:
                future.set_exception(ChildRefused(self.name, said.kind, said.reason))
        if not said.is_last:
            return
        if isinstance(said, Failed):
            self._last_words = f"{said.kind}: {said.reason}"
            self._set(ChildState.DOWN, self._last_words)
        else:
            self._is_renewing = True
            self._set(ChildState.STARTING, _RENEWING)
            # Calls go in one at a time: none of those that wait was begun.
            self._release(ChildRenewing(self.name, _RENEWING))

    async def _watch(self, process: Process) -> None:
        """Kill a process that is silent for too long. Time in which this process itself stood still is not its silence."""
        loop, look_s = asyncio.get_running_loop(), self._patience.look_s
        last = loop.time()
        while process.returncode is None:
            await asyncio.sleep(look_s)
            now = loop.time()
            self._silent_s += min(now - last, 2 * look_s)
            last = now
            if self._silent_s > self._patience.silent_s:
                self.kill(f"no heartbeat for {self._patience.silent_s:g} s")
                return

    def _set(self, state: ChildState, reason: str) -> None:
        pid = self._process.pid if self._process is not None else None
        if (state, reason, pid) != (self._status.state, self._status.reason, self._status.pid):
            self._status = ChildStatus(state=state, since=self._clock.now(), reason=reason, pid=pid)
        (self._ready.set if state is ChildState.READY else self._ready.clear)()


class _Noise:
    """What native libraries print: read so that they never wait for us, counted, and only its places in code told.

    A message may quote what it was given, so no line of it reaches a log.
    """

    def __init__(self) -> None:
        self.total = 0
        self._tail = b""

    async def drain(self, process: Process) -> None:
        """Read until the process closes its end."""
        while piece := await process.stderr.read(_TAIL_BYTES):
            self.total += len(piece)
            self._tail = (self._tail + piece)[-_TAIL_BYTES:]

    def places(self) -> list[str]:
        """Files and lines of the last traceback or panic, and the names of its errors."""
        found = [
            (panic or error or b"%s:%s" % (file, line)).decode(errors="replace")
            for panic, file, line, error in _PLACES.findall(self._tail)
        ]
        return found[-6:]


async def _end(process: Process) -> None:
    """Close the pipe, and after a moment kill; returns when the process is gone."""
    if process.returncode is not None:
        return
    process.stdin.close()
    try:
        async with asyncio.timeout(_FAREWELL_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _ending(code: int | None) -> str:
    return f"killed by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key in _INHERITED}
    overwritten = {"MALLOC_PERTURB_": "165"}  # glibc overwrites what is freed: no forgotten vector gets into a file that way
    return {**kept, **overwritten, "PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1", "DO_NOT_TRACK": "1"}
