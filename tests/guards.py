"""What every test is held to: no network beyond loopback, and nothing of ours that blocks an event loop.

Both are watched with the interpreter's own audit events and with the loop thread's CPU time, so that a busy machine, which
makes everything slow by the clock, fails nobody.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import SupportsIndex

ROOT = Path(__file__).resolve().parent.parent
OUR_FOLDERS = ("bot", "handlers", "profiles", "web")
MOST_CPU_S = 0.25
"""On a shared virtual machine the same work was seen to take up to 2.5 times the CPU time; 100 ms on a quiet one is the aim."""
TICK_S = 0.02


class NetworkForbidden(OSError):
    """A test tried to reach something beyond this machine."""


class Guards:
    """Watches the process from `install` on. `take` hands over what was seen since the last call."""

    def __init__(self, root: Path = ROOT, folders: Iterable[str] = OUR_FOLDERS) -> None:
        self._folders = tuple(str(root / folder) + "/" for folder in folders)
        self._root = str(root) + "/"
        self._outside = (str(root / ".venv") + "/",)
        self._begun: dict[int, tuple[float, int]] = {}
        self._collections: dict[int, float] = {}
        self._seen: list[str] = []

    def install(self) -> None:
        """Begin to watch; once per process, since audit hooks stay for good."""
        sys.addaudithook(self._audit)
        gc.callbacks.append(self._collecting)
        self.watch_loops()

    def watch_loops(self) -> None:
        """Measure each callback of every event loop (asyncio runs all through `Handle._run`), and see who sleeps there."""
        run, begun = asyncio.Handle._run, self._begun

        def watched(handle: asyncio.Handle) -> None:
            thread = threading.get_ident()
            begun[thread] = (time.thread_time(), time.pthread_getcpuclockid(thread))
            try:
                run(handle)
            finally:
                begun.pop(thread, None)

        nap = time.sleep

        def watched_nap(seconds: float | SupportsIndex, /) -> None:
            self._check_blocking("time.sleep")
            nap(seconds)

        asyncio.Handle._run = watched  # type: ignore[method-assign,assignment]
        time.sleep = watched_nap  # before Python 3.13 it is no audit event
        threading.Thread(target=self._look, name="guards", daemon=True).start()

    def _collecting(self, phase: str, _: object) -> None:
        """Leave garbage collection out: in a process that has run two thousand tests one takes longer than any callback may."""
        thread = threading.get_ident()
        if phase == "start":
            self._collections[thread] = time.thread_time()
            return
        began = self._collections.pop(thread, None)
        callback = self._begun.get(thread)
        if began is not None and callback is not None:
            self._begun[thread] = (callback[0] + time.thread_time() - began, callback[1])

    def take(self) -> list[str]:
        """What was seen since the last call, each lapse once."""
        seen, self._seen = self._seen, []
        return list(dict.fromkeys(seen))

    def _look(self) -> None:
        told: dict[int, float] = {}
        pause = threading.Event()
        while True:
            pause.wait(TICK_S)
            for thread, (start, clock) in list(self._begun.items()):
                try:
                    used = time.clock_gettime(clock) - start
                except OSError:
                    continue
                frame = sys._current_frames().get(thread)
                if used < MOST_CPU_S or frame is None or told.get(thread) == start or thread in self._collections:
                    continue
                place = self._our_place(frame)
                if place is not None and self._begun.get(thread) == (start, clock):
                    told[thread] = start
                    self._seen.append(f"{place} kept the event loop busy for more than {MOST_CPU_S * 1000:.0f} ms of CPU time")

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if event == "sqlite3.connect":
            self._check_blocking(event)
        elif event in ("socket.connect", "socket.sendto"):
            address = arguments[1]
            if isinstance(address, tuple):
                self._check_host(event, address[0])
        elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
            self._check_host(event, arguments[0])

    def _check_blocking(self, event: str) -> None:
        if threading.get_ident() in self._begun:
            place = self._our_place(sys._getframe(2))
            if place is not None:
                self._seen.append(f"{place} called {event} on an event loop")

    def _check_host(self, event: str, host: object) -> None:
        name = host.decode() if isinstance(host, bytes) else host
        if name is None or not isinstance(name, str) or name in ("", "localhost"):
            return
        try:
            address = ipaddress.ip_address(name.partition("%")[0])
            is_near = address.is_loopback or (event == "socket.getaddrinfo" and address.is_unspecified)
        except ValueError:
            is_near = False
        if not is_near:
            message = f"{event} to {name!r}: tests reach nothing but loopback"
            self._seen.append(message)
            raise NetworkForbidden(message)

    def _our_place(self, frame: FrameType | None) -> str | None:
        """File and line of the innermost frame of the repository, when that is product code and not the import of a module."""
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(self._root) and not name.startswith(self._outside):
                is_ours = name.startswith(self._folders) and frame.f_code.co_name != "<module>"
                return f"{name.removeprefix(self._root)}:{frame.f_lineno}" if is_ours else None
            frame = frame.f_back
        return None
