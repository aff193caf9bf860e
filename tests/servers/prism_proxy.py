"""prism between a client and a local server: it passes on what fits a published description, and answers 4xx or 5xx else.

Like `tests.servers.prism` it needs Node; `MARTIN_PRISM` names its executable.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.prism import PRISM, _free_port, _wait_for


@contextmanager
def proxying(description: Path, upstream: str, log: Path) -> Iterator[str]:
    """The address of a prism in front of `upstream`, until the end of the block; what it prints goes to `log`.

    Requests that `description` does not allow are refused with 422, answers with 500. Blocks while it starts.
    """
    port = _free_port()
    with log.open("wb") as output:
        running = subprocess.Popen(
            [PRISM, "proxy", "--errors", "-h", "127.0.0.1", "-p", str(port), str(description), upstream],
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
