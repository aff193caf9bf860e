"""prism as a local server: it answers out of a published description, and refuses what does not fit it.

It runs on Node (npm `@stoplight/prism-cli`); `MARTIN_PRISM` names its executable. Where that is not set, tests are skipped
with `NO_PRISM` as the reason.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PRISM: Final = os.environ.get("MARTIN_PRISM", "")
NO_PRISM: Final = "MARTIN_PRISM names no prism (npm @stoplight/prism-cli)"
START_S: Final = 90.0
"""Seconds that its start may take: many on a busy machine."""


@contextmanager
def mocking(description: Path, log: Path) -> Iterator[str]:
    """The address of a prism that answers as `description` says, until the end of the block; what it prints goes to `log`.

    Blocks while it starts.
    """
    with _running("mock", [str(description)], log) as address:
        yield address


@contextmanager
def proxying(description: Path, upstream: str, log: Path) -> Iterator[str]:
    """The address of a prism in front of `upstream`, until the end of the block; what it prints goes to `log`.

    Requests that `description` does not allow are refused with 422, answers with 500. Blocks while it starts.
    """
    with _running("proxy", ["--errors", str(description), upstream], log) as address:
        yield address


@contextmanager
def _running(how: str, given: Sequence[str], log: Path) -> Iterator[str]:
    port = _free_port()
    with log.open("wb") as output:
        running = subprocess.Popen(
            [PRISM, how, "-h", "127.0.0.1", "-p", str(port), *given],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_for(port, running, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        running.kill()
        running.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _wait_for(port: int, running: subprocess.Popen[bytes], log: Path) -> None:
    """Return once it listens. Raises RuntimeError when it ends before, or takes too long."""
    deadline = time.monotonic() + START_S
    while running.poll() is None and time.monotonic() < deadline:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"prism does not listen:\n{log.read_text()[-2000:]}")
