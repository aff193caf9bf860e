"""The local Discord as one server: `async with DiscordServer() as server:`, then its `world`, `gateway`, `limits`, `faults`."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from urllib.parse import unquote

from aiohttp import web

from tests.servers.discord import commands, control, interactions, rest
from tests.servers.discord.calls import Answer, Route, read
from tests.servers.discord.description import description
from tests.servers.discord.faults import Fault, Faults, Way
from tests.servers.discord.gateway import Gateway
from tests.servers.discord.limits import Limits
from tests.servers.discord.nouns import Json
from tests.servers.discord.refusals import Refusal
from tests.servers.discord.world import World

TOKEN: Final = "bG9jYWw.local-discord.token-of-nobody"
_API: Final = "/api/v10"
_DROPPING: Final = (Way.BEFORE, Way.AFTER)
ROUTES: Final = (*rest.ROUTES, *commands.ROUTES, *interactions.ROUTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that came, what it carried, and the status of its answer (0: the connection was dropped)."""

    method: str
    path: str
    payload: Any
    status: int


class DiscordServer:
    """Serves on 127.0.0.1. `problems` is what was wrong with requests and answers: tests assert that it is empty.

    `callback_s` is how long an interaction waits for its answer, `token_s` how long its token lives. `is_checked` False leaves
    the published description out, for load. Behind prism it needs `has_small_ids` (see `Snowflakes`).
    """

    def __init__(self, *, token: str = TOKEN, port: int = 0, is_checked: bool = True, has_small_ids: bool = False) -> None:
        self.token = token
        self.world: World = World(has_small_ids=has_small_ids)
        self.gateway: Gateway = Gateway(self.world, token)
        self.limits = Limits()
        self.faults = Faults()
        self.problems: list[str] = []
        self.requests: deque[Seen] = deque(maxlen=50_000)
        self.callback_s, self.token_s = 3.0, 900.0
        self.spec = description() if is_checked else None
        self._port = port
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        """`http://127.0.0.1:PORT`, where the page is."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def api_base(self) -> str:
        """What `MARTIN_DISCORD__API_BASE`, or `Route.BASE` of discord.py, has to be."""
        return self.address + _API

    @property
    def gateway_url(self) -> str:
        """What `MARTIN_DISCORD__GATEWAY`, or `DEFAULT_GATEWAY` of discord.py, has to be."""
        return f"ws://127.0.0.1:{self._port}/gateway"

    async def start(self) -> None:
        """Listen (again), on the same port as before."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", _API + "/{path:.*}", self._serve)
        app.router.add_get("/gateway", self.gateway.serve)
        app.router.add_get("/attachments/{channel}/{id}/{name}", self._attachment)
        control.add_to(app, self)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.world.shapes.address, self.gateway.address = self.address, self.gateway_url

    async def stop(self) -> None:
        """Stop listening and drop every connection; the world stays."""
        for link in list(self.gateway.links):
            link.cut()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> Self:
        """A listening server."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def counts(self) -> Json:
        """The figures of a campaign."""
        asked = self.world.interactions.values()
        return {
            "messages": sum(1 for _ in self.world.messages()),
            "from_bot": len(self.world.from_bot()),
            "doubled_nonces": self.world.doubled_nonces(),
            "doubled_answers": self.world.doubled_answers(),
            "pings": len(self.world.pings()),
            "interactions": len(asked),
            "unanswered_interactions": sum(1 for one in asked if one.answered is None),
            "limited": self.limits.limited,
            "invalid": self.limits.invalid,
            "problems": len(self.problems),
            "faults": self.faults.happened,
            "requests": len(self.requests),
            "identifies": self.gateway.identifies,
            "resumes": self.gateway.resumes,
            "lost_events": self.gateway.lost,
        }

    # --- REST ---

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        """One request: its fault, its limits, its answer; all of it written down and checked."""
        path = request.raw_path.removeprefix(_API)
        fault = self.faults.take(request.method, path)
        is_late = fault is not None and (fault.way is Way.AFTER or fault.acts)
        if fault is not None and not is_late:
            ending = await self._ending(fault, request)
            if ending is not None:
                return self._noted(request, path, None, ending, is_dropped=fault.way in _DROPPING)
        route, names = _route(request.method, path.partition("?")[0])
        headers, wait_s, scope = self._limited(route, request.method, names)
        payload: Any = None
        if wait_s:
            body = {"message": "You are being rate limited.", "code": 0, "retry_after": round(wait_s, 3)}
            body["global"] = scope == "global"
            answer = Answer(429, body)
        else:
            answer, payload = await self._answer(request, path, route, names)
        self.limits.answered(answer.status, scope)
        if self.spec is not None and route is not None:
            found = self.spec.answer_problems(request.method, path, answer.status, answer.body)
            self._note_problems(request, path, "answer", found)
        if fault is not None and is_late:
            ending = await self._ending(fault, request)
            if ending is not None:
                return self._noted(request, path, payload, ending, is_dropped=fault.way in _DROPPING)
        return self._noted(request, path, payload, _response(answer, headers))

    async def _answer(
        self, request: web.Request, path: str, route: Route | None, names: Mapping[str, str]
    ) -> tuple[Answer, Any]:
        """The answer, and what the request carried."""
        payload: Any = None
        try:
            found_route = self._admitted(request, path, route)
            call = await read(request, self.world, path)
            payload = call.payload
            if self.spec is not None:
                found = self.spec.request_problems(request.method, path, payload)
                self._note_problems(request, path, "request", found)
            made = replace(
                call,
                names=names,
                deadline_s=self.callback_s,
                token_s=self.token_s,
                gateway_url=self.gateway_url,
                shards=self.gateway.shards,
            )
            return found_route.answer(made), payload
        except Refusal as refused:
            return Answer(refused.status, refused.body), payload

    def _admitted(self, request: web.Request, path: str, route: Route | None) -> Route:
        if route is None:
            self._note_problems(request, path, "request", ["not built here"])
            raise Refusal(404, 0, "404: Not Found")
        if not route.is_open and request.headers.get("Authorization") != f"Bot {self.token}":
            raise Refusal(401, 0, "401: Unauthorized")
        return route

    def _limited(self, route: Route | None, method: str, names: Mapping[str, str]) -> tuple[dict[str, str], float, str]:
        if route is None:
            return {}, 0.0, ""
        return self.limits.check(method, route.template, route.major(names), is_global=not route.is_open)

    async def _ending(self, fault: Fault, request: web.Request) -> web.Response | None:
        """How the fault ends a request, None where it goes on."""
        if fault.way is Way.SLOW:
            await asyncio.sleep(fault.seconds)
            return None
        if fault.way is Way.HANG:
            await asyncio.Event().wait()
        if fault.way in _DROPPING:
            return _cut(request)
        return _response(Answer(fault.status, {"message": "no upstream", "code": 0}), {})

    def _noted(
        self, request: web.Request, path: str, payload: Any, response: web.Response, *, is_dropped: bool = False
    ) -> web.Response:
        status = 0 if is_dropped else response.status
        self.requests.append(Seen(method=request.method, path=path, payload=payload, status=status))
        self.world.touch()
        return response

    def _note_problems(self, request: web.Request, path: str, what: str, problems: list[str]) -> None:
        """Write problems down, with the token of an interaction left out."""
        if not problems:
            return
        shown = unquote(path.partition("?")[0])
        for token in self.world.tokens:
            shown = shown.replace(token, "TOKEN")
        self.problems += [f"{what} of {request.method} {shown}: {one}" for one in problems]

    async def _attachment(self, request: web.Request) -> web.Response:
        channel = self.world.channels.get(int(request.match_info["channel"]))
        every = channel.messages.values() if channel is not None else ()
        for one in (part for message in every for part in message.attachments):
            if str(one.id) == request.match_info["id"] and one.name == request.match_info["name"]:
                return web.Response(body=one.data, headers={"Content-Type": one.media_type})
        raise web.HTTPNotFound


def _route(method: str, path: str) -> tuple[Route | None, Mapping[str, str]]:
    for route in ROUTES:
        names = route.match(method, path)
        if names is not None:
            return route, names
    return None, {}


def _cut(request: web.Request) -> web.Response:
    """Drop the connection; the answer is for nobody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=502)


def _response(answer: Answer, headers: Mapping[str, str]) -> web.Response:
    told = {"Via": "1.1 google", **headers}
    if answer.body is None:
        return web.Response(status=answer.status, headers=told)
    told["Content-Type"] = "application/json"  # with nothing after it, as Discord has it: discord.py looks for just that
    return web.Response(body=json.dumps(answer.body).encode(), status=answer.status, headers=told)
