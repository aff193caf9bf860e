"""A backend's local server in a process of its own, for measurements: `python -m benchmarks.model_server openai`.

It prints its address, then does what it is told, a word a line, and answers each with a number:

tokens N    every answer from now on has N tokens
die         accept connections and drop them at once, as a server that crashed behind a proxy does
revive      be well again; the number of connections that were dropped
served      the number of answers that were asked for
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from bot.process import run
from tests.servers.backends import SERVED
from tests.servers.http import ModelServer

TOKENS_PER_S = 100
TOKEN_CHARS = 12
"""What the local servers send as one token."""
_STAMP = re.compile(r"\d{11}")
_LAP = 10**11
"""Stamps are microseconds of the machine's monotonic clock, which all its processes share, without what is above 28 hours."""


def stamped(tokens: int) -> str:
    """An answer of so many tokens, the first of which says when it was written."""
    return f"{_now():011d} " + "lighthouses " * (tokens - 1)


def seconds_since(text: str) -> float | None:
    """How long ago the stamp in `text` was written, None where there is none."""
    found = _STAMP.search(text)
    return None if found is None else ((_now() - int(found[0])) % _LAP) / 1e6


def _now() -> int:
    return time.monotonic_ns() // 1000 % _LAP


class Undertaker:
    """Stands at a dead server's port and drops whoever comes; `dropped` counts them."""

    def __init__(self, port: int) -> None:
        self._port, self.dropped = port, 0
        self._server: asyncio.Server | None = None

    async def begin(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._drop, "127.0.0.1", self._port)

    async def end(self) -> None:
        """Leave the port."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _drop(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.dropped += 1
        writer.transport.abort()


async def obey(server: ModelServer) -> None:
    """Do what standard input says until it ends."""
    undertaker = Undertaker(int(server.address.rpartition(":")[2]))
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode().split():
        match line:
            case ["tokens", number]:
                tokens = int(number)
                server.say = lambda _, tokens=tokens: stamped(tokens)  # type: ignore[misc]
                done = tokens
            case ["die"]:
                await server.stop()
                await undertaker.begin()
                done = 0
            case ["revive"]:
                await undertaker.end()
                await server.start()
                done = undertaker.dropped
            case _:
                done = server.generations
        print(done, flush=True)


async def serve(name: str) -> None:
    """Serve until standard input ends."""
    async with SERVED[name].server() as server:
        server.between_tokens_s = 1 / TOKENS_PER_S
        server.say = lambda _: stamped(100)
        print(server.address, flush=True)
        await obey(server)


class Served:
    """The server as its parent process sees it."""

    def __init__(self, address: str, process: asyncio.subprocess.Process) -> None:
        self.address, self._process = address, process

    async def tell(self, *words: object) -> int:
        """Say a line; the number that is answered."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, words)).encode() + b"\n")
        return int(await self._process.stdout.readline())


@asynccontextmanager
async def in_own_process(name: str) -> AsyncGenerator[Served, None]:
    """A server of this backend in a process of its own; it ends with the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.model_server", name, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield Served((await process.stdout.readline()).decode().strip(), process)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(SERVED))
    run(serve(parser.parse_args().name))
