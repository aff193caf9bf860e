"""Starts `python -m bot` in a process that writes down every host it connects to or looks up, before anything else runs."""

from __future__ import annotations

import os
import runpy
import sys


def ledger(path: str) -> None:
    """Append `event host` to the file at `path` for each outgoing connection, datagram and name lookup of this process."""
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def audit(event: str, arguments: tuple[object, ...]) -> None:
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            address = arguments[1]
            host = address[0] if isinstance(address, tuple) else address
        elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
            host = arguments[0]
        else:
            return
        name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
        os.write(out, f"{event} {name}\n".encode())

    sys.addaudithook(audit)


if __name__ == "__main__":
    # libuv connects and looks names up without Python's knowledge; on asyncio's own loop every call is an audit event.
    sys.modules["uvloop"] = None  # type: ignore[assignment]
    ledger(sys.argv[1])
    del sys.argv[1]
    sys.argv[0] = "bot"
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
