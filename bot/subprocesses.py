"""Processes beside the bot, started so that it does not stand still meanwhile.

An event loop forks: the page tables of all that the bot holds are copied, and every page that it writes afterwards faults.
With 700 MiB that took 100 ms of the thread that answers everybody. `subprocess.Popen` lends the memory until the new program
begins (vfork), in a thread that then waits for its end.
"""

from __future__ import annotations

import asyncio
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import IO, Any, Final

from bot.errors import MartinError

LONGEST_LINE: Final = 1 << 16
"""The longest line that can be read of a process, in bytes, if its starter does not say otherwise."""


class NotStarted(MartinError):
    """The system did not start a process; the text says why."""


class _Reading(asyncio.StreamReaderProtocol):
    """Feeds a reader, and holds it: what a process still says after nobody listens is nothing to complain of."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__(reader)
        self._held = reader


class Process:
    """A process that `started` runs. Its input, its output and its errors are pipes."""

    stdin: asyncio.StreamWriter

    def __init__(self, popen: subprocess.Popen[bytes], ended: asyncio.Future[int], longest_line: int) -> None:
        self._popen, self._ended = popen, ended
        self._transports: list[asyncio.BaseTransport] = []
        self.stdout = asyncio.StreamReader(longest_line)
        self.stderr = asyncio.StreamReader(longest_line)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The status with which it ended, or minus the signal that ended it; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    def write(self, said: bytes) -> None:
        """Put this into its input. One that does not listen any more says why in its errors."""
        if not self.stdin.is_closing():
            self.stdin.write(said)

    def kill(self) -> None:
        """End it at once. Harmless when it has ended."""
        self._popen.kill()

    async def wait(self) -> int:
        """The status with which it ended, once it has."""
        return await asyncio.shield(self._ended)

    async def communicate(self, said: bytes = b"") -> tuple[bytes, bytes]:
        """Write `said`, close its input, and return all of its output and all of its errors once it has ended."""
        self.write(said)
        self.stdin.close()
        output, errors = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return output, errors

    async def connect(self) -> None:
        """Take its pipes into the event loop."""
        loop = asyncio.get_running_loop()
        flow = _Reading(asyncio.StreamReader())  # says when to wait before more is written
        to_it, _ = await loop.connect_write_pipe(lambda: flow, _pipes(self._popen)[0])
        self._transports.append(to_it)
        self.stdin = asyncio.StreamWriter(to_it, flow, None, loop)
        self._ended.add_done_callback(lambda _: to_it.close())
        for reader, pipe in zip((self.stdout, self.stderr), _pipes(self._popen)[1:], strict=True):
            from_it, _ = await loop.connect_read_pipe(partial(_Reading, reader), pipe)
            self._transports.append(from_it)

    def close(self) -> None:
        """Let go of its pipes."""
        for transport in self._transports:
            transport.close()


@asynccontextmanager
async def started(
    *command: str,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    pass_fds: Collection[int] = (),
    longest_line: int = LONGEST_LINE,
) -> AsyncIterator[Process]:
    """A process that runs `command`. When the block ends it is killed, if it has not ended, and gone. Raises NotStarted."""
    loop = asyncio.get_running_loop()

    def begin() -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(  # noqa: S603 - no shell, and our own commands
            command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, env=env, cwd=cwd, pass_fds=tuple(pass_fds)
        )

    async def connected() -> Process:
        begun: asyncio.Future[subprocess.Popen[bytes]] = loop.create_future()
        ended: asyncio.Future[int] = loop.create_future()
        name = f"process {command[-1]}"
        threading.Thread(target=_live, args=(begin, loop, begun, ended), name=name, daemon=True).start()
        process = Process(await begun, ended, longest_line)
        await process.connect()
        return process

    beginning = asyncio.create_task(connected())
    try:
        yield await asyncio.shield(beginning)
    finally:
        await asyncio.wait([beginning])  # also when this is cancelled: one that has begun is seen to its end
        if not beginning.cancelled() and beginning.exception() is None:
            process = beginning.result()
            process.kill()
            await process.wait()
            process.close()


def _live(
    begin: Callable[[], subprocess.Popen[bytes]],
    loop: asyncio.AbstractEventLoop,
    begun: asyncio.Future[subprocess.Popen[bytes]],
    ended: asyncio.Future[int],
) -> None:
    """A thread as long as the life of its process."""

    def hand_over() -> None:
        if not begun.cancelled():
            begun.set_result(popen)
            return
        popen.kill()
        for pipe in _pipes(popen):
            pipe.close()

    try:
        popen = begin()
    except OSError as error:
        _tell(loop, _fail, begun, NotStarted(error.strerror or type(error).__name__))
        return
    if not _tell(loop, hand_over):
        popen.kill()
    code = popen.wait()
    _tell(loop, ended.set_result, code)


def _fail(begun: asyncio.Future[Any], error: NotStarted) -> None:
    if not begun.cancelled():
        begun.set_exception(error)


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[..., object], *arguments: object) -> bool:
    """Have the loop do something; False when it is closed."""
    try:
        loop.call_soon_threadsafe(what, *arguments)
    except RuntimeError:
        return False
    return True


def _pipes(popen: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    """Its input, its output and its errors."""
    assert popen.stdin is not None and popen.stdout is not None and popen.stderr is not None
    return popen.stdin, popen.stdout, popen.stderr
