"""A whole bot in a process of its own that may kill itself at a chosen database call.

`python -m tests.chaos.victim [LABEL:N]`: settings come from the environment as for `python -m bot run`. With LABEL:N the
process sends itself SIGKILL right before its N-th database call whose label contains LABEL.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

from bot.app import serve
from bot.config import load_config


def crash_at(label: str, count: int) -> Callable[[str], None]:
    """A hook that kills this process at the `count`-th call whose label contains `label`."""
    seen = 0

    def before_call(call: str) -> None:
        nonlocal seen
        seen += label in call
        if seen >= count:
            os.kill(os.getpid(), signal.SIGKILL)

    return before_call


def main() -> None:
    """Serve until killed."""
    hook = None
    if len(sys.argv) > 1:
        label, _, count = sys.argv[1].rpartition(":")
        hook = crash_at(label, int(count))
    asyncio.run(serve(load_config(), before_call=hook))


if __name__ == "__main__":
    main()
