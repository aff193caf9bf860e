"""The local Discord by hand, or for a campaign: `python -m tests.servers.discord --port 8095`."""

from __future__ import annotations

import argparse
import asyncio

from tests.servers.discord.server import TOKEN, DiscordServer


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.discord", description="A local Discord with a page.")
    parser.add_argument("--port", type=int, default=8095, help="0 takes a free one")
    parser.add_argument("--token", default=TOKEN, help="the bot's token")
    parser.add_argument("--limits", action="store_true", help="hold rate limits from the start")
    parser.add_argument("--unchecked", action="store_true", help="leave the published description out")
    parser.add_argument("--small-ids", action="store_true", help="ids that go through prism unharmed")
    return parser.parse_args()


async def _run(options: argparse.Namespace) -> None:
    server = DiscordServer(
        token=options.token, port=options.port, is_checked=not options.unchecked, has_small_ids=options.small_ids
    )
    server.limits.is_on = options.limits
    server.world.person("ana", "es-ES")
    server.world.person("ben", "en-GB")
    async with server:
        print(f"The page: {server.address}", flush=True)
        print("Start the bot with:", flush=True)
        settings = f"MARTIN_DISCORD__TOKEN={server.token} MARTIN_DISCORD__API_BASE={server.api_base}"
        print(f"  {settings} MARTIN_DISCORD__GATEWAY={server.gateway_url} make run", flush=True)
        if server.spec is None and not options.unchecked:
            print(
                "Discord's published description is not at hand (MARTIN_SPECS): requests are not held against it.", flush=True
            )
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(_run(_options()))
    except KeyboardInterrupt:
        print()
