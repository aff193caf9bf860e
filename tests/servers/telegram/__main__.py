"""A Telegram without accounts: `python -m tests.servers.telegram`, then talk with the bot in the browser."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import suppress

from tests.servers.telegram.server import TOKEN, TelegramServer


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until Ctrl+C."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.telegram", description=__doc__)
    parser.add_argument("--port", type=int, default=8081, help="where to listen on 127.0.0.1; 0 takes any free port")
    parser.add_argument("--token", default=TOKEN, help="the bot's token on this server")
    parser.add_argument("--limits", action="store_true", help="hold the bot to Telegram's limits on sending")
    parser.add_argument("--empty", action="store_true", help="begin without people and groups")
    chosen = parser.parse_args(arguments)
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(chosen.token, chosen.port, has_limits=chosen.limits, is_empty=chosen.empty))


async def serve(token: str, port: int, *, has_limits: bool, is_empty: bool) -> None:
    """Print how to start the bot, and serve until cancelled."""
    server = TelegramServer(token, port=port)
    server.limits.is_on = has_limits
    if not is_empty:
        settle(server)
    async with server:
        print(f"Telegram's page:  {server.address}/", flush=True)
        print("Start the bot in another terminal:", flush=True)
        print(f"  MARTIN_TELEGRAM__TOKEN={token} MARTIN_TELEGRAM__API_BASE={server.address} make run", flush=True)
        if not server.is_checked:
            print("Requests are not checked: MARTIN_SPECS names no folder with the published description.", flush=True)
        await asyncio.Event().wait()


def settle(server: TelegramServer) -> None:
    """The people and groups of the page."""
    ana = server.person("Ana", language="es", username="ana_prueba")
    ben = server.person("Ben", language="en", username="ben_testing")
    server.group("Clase de física", ana, ben, bot_is_admin=True)
    forum = server.forum("Study forum", ben, ana, bot_is_admin=True)
    for name in ("Homework", "Deberes"):
        forum.topic(name)
    server.world.private(ana.account)
    server.world.private(ben.account)


if __name__ == "__main__":
    main()
