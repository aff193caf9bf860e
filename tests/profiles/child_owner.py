"""A bot with nothing but a child process: prints the child's id, then waits to be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from bot.system import SystemClock
from profiles.child import Child
from tests.profiles.child_victim import Setup


async def main(how: str) -> None:
    child = Child("tests.profiles.child_victim", Setup(), clock=SystemClock())
    child.start()
    await child.wait_ready(30)
    pid = child.status.pid
    assert pid is not None
    if how == "stopped":
        os.kill(pid, signal.SIGSTOP)
    print(f"child:{pid}", flush=True)
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
