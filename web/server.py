"""Serves the application on a socket inside our own loop: signals stay ours, and a stop ends open streams."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from bot.errors import ConfigError, Problem
from bot.web_ports import WebChat


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: `bot.app` owns them."""
        yield


class WebServer:
    """A web server bound to its port from the beginning, so that a taken port is known before anything else starts."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        chats: Sequence[WebChat],
        grace_s: int = 5,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        """Bind. Port 0 takes a free one. Raises ConfigError when the address cannot be had.

        At the end open requests get `grace_s` seconds to finish. With `tls`, certificate and key, it speaks https only.
        """
        self._socket = _bind(host, port)
        self._address = _address(self._socket, "http" if tls is None else "https")
        self._chats = tuple(chats)
        self._stopping = asyncio.Event()
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=grace_s,
            ssl_certfile=tls[0] if tls is not None else None,
            ssl_keyfile=tls[1] if tls is not None else None,
        )
        self._server = _Server(config)

    @property
    def address(self) -> str:
        """Where this machine finds the page: `http://127.0.0.1:8080`, also when it listens on every address."""
        return self._address

    async def serve(self) -> None:
        """Serve until `stop` or cancellation; either way open streams are ended and requests get their grace."""
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self._server.serve(sockets=[self._socket]), name="web server")
            try:
                await self._stopping.wait()
            finally:
                for chat in self._chats:
                    chat.close()
                self._server.should_exit = True
                await asyncio.wait({running})

    def stop(self) -> None:
        """Ask `serve` to end."""
        self._stopping.set()

    def close(self) -> None:
        """Give the port back without ever having served."""
        self._socket.close()


def _bind(host: str, port: int) -> socket.socket:
    """A bound socket. Raises ConfigError that names the setting and says why."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
            bound.listen(2048)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise ConfigError([unusable(host, port, error)]) from error
    bound.setblocking(False)
    return bound


def _address(bound: socket.socket, scheme: str) -> str:
    host, port = bound.getsockname()[:2]
    if ip_address(host.partition("%")[0]).is_unspecified:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def unusable(host: str, port: int, error: OSError) -> Problem:
    """What to tell the owner about an address that could not be bound."""
    if error.errno == errno.EADDRINUSE:
        reason = f"port {port} on {host} is used by another program (perhaps Martín is running already)"
        return Problem(path="web.port", reason=reason, accepted="a free port, or 0 for any free one")
    if error.errno == errno.EACCES:
        return Problem(path="web.port", reason=f"port {port} may not be used without special rights", accepted="1024 to 65535")
    reason = f"{host!r} cannot be bound: {error.strerror or error}"
    return Problem(path="web.host", reason=reason, accepted="an address of this machine, such as 127.0.0.1")
