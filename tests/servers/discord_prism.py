"""The local Discord behind prism, which holds what goes in and out to the published description, apart from our own check.

prism compiles an operation's schemas when it first meets it, which takes seconds, and an interaction waits for three. So each
is met once before the block, with a server that is then replaced by the real one on the same port.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.servers.discord import DiscordServer
from tests.servers.discord.description import file, mended
from tests.servers.discord.server import ROUTES
from tests.servers.prism import proxying

_PERIOD_S: Final = 60.0
_METHODS: Final = frozenset({"get", "put", "post", "patch", "delete"})
_COMPONENT: Final = re.compile(r'"#/components/(\w+)/([^"/]+)')


@asynccontextmanager
async def behind_prism(folder: Path) -> AsyncIterator[tuple[DiscordServer, str]]:
    """A server and the API base that leads to it through prism. Blocks for half a minute and more while prism gets ready.

    The description and what prism prints lie in `folder`.
    """
    described = folder / "discord.json"
    described.write_text(json.dumps(_needed(mended(json.loads(file().read_bytes())))))
    first = DiscordServer(has_small_ids=True)
    await first.start()
    with proxying(described, first.api_base, folder / "prism.log") as address:
        await _meet(first, address)
        await first.stop()
        port = int(first.address.rpartition(":")[2])
        async with DiscordServer(port=port, has_small_ids=True) as server:
            yield server, address


def _needed(document: dict[str, Any]) -> dict[str, Any]:
    """The description with no other operations than those that are built here, and nothing that they do not refer to."""
    here = {(route.method.lower(), _nameless(route.template)) for route in ROUTES}
    paths = {}
    for path, item in document["paths"].items():
        kept = {name: one for name, one in item.items() if name not in _METHODS or (name, _nameless(path)) in here}
        if _METHODS.intersection(kept):
            paths[path] = kept
    return document | {"paths": paths, "components": _referred(document, paths)}


def _referred(document: dict[str, Any], paths: dict[str, Any]) -> dict[str, Any]:
    """The components that these paths refer to, and those that they refer to in their turn."""
    kept: dict[str, Any] = {"securitySchemes": document["components"].get("securitySchemes", {})}
    waiting = [json.dumps(paths)]
    while waiting:
        for kind, name in _COMPONENT.findall(waiting.pop()):
            if name not in kept.setdefault(kind, {}):
                kept[kind][name] = document["components"][kind][name]
                waiting.append(json.dumps(kept[kind][name]))
    return kept


def _nameless(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", template)


async def _meet(server: DiscordServer, address: str) -> None:
    """Use every operation that a bot uses once."""
    world = server.world
    ana, channel, bot = world.person("ana"), f"/channels/{world.general.id}", world.bot.id
    timeout = aiohttp.ClientTimeout(total=_PERIOD_S)
    server.callback_s = _PERIOD_S
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {server.token}"}, timeout=timeout) as session:

        async def ask(method: str, path: str, body: object = None) -> Any:
            async with session.request(method, address + path, json=body) as response:
                assert response.status < 300, (method, path, await response.text())
                return await response.json() if response.status != 204 else None

        for path in ("/users/@me", "/oauth2/applications/@me", "/applications/@me", "/gateway/bot", channel):
            await ask("GET", path)
        await ask("POST", "/users/@me/channels", {"recipient_id": str(ana.id)})
        await ask("PUT", f"/applications/{bot}/commands", [{"name": "help", "description": "help", "type": 1}])
        await ask("GET", f"/applications/{bot}/commands")
        await ask("POST", f"{channel}/typing")
        sent = await ask("POST", f"{channel}/messages", {"content": "a"})
        message = f"{channel}/messages/{sent['id']}"
        await ask("PATCH", message, {"content": "b"})
        await ask("GET", f"{channel}/messages?limit=1")
        await ask("GET", message)
        for method in ("PUT", "DELETE"):
            await ask(method, f"{message}/reactions/%F0%9F%91%80/@me")
        await ask("DELETE", message)
        asked = world.slash(ana, world.general, "help")
        token = f"/webhooks/{bot}/{asked.token}"
        answer = {"type": 4, "data": {"content": "a"}}
        await ask("POST", f"/interactions/{asked.id}/{asked.token}/callback?with_response=1", answer)
        await ask("PATCH", f"{token}/messages/@original?with_components=0", {"content": "b"})
        await ask("GET", f"{token}/messages/@original")
        more = await ask("POST", f"{token}?wait=1&with_components=0", {"content": "c"})
        await ask("PATCH", f"{token}/messages/{more['id']}?with_components=0", {"content": "d"})
        await ask("DELETE", f"{token}/messages/{more['id']}")
