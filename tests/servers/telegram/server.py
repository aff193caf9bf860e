"""Telegram's Bot API as a local server: strict in what it takes and what it gives, with people who drive it in Python."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from aiohttp import web

from tests.servers.telegram.chats import Account, ChatKind, Refused, World, bad
from tests.servers.telegram.control import routes
from tests.servers.telegram.description import description
from tests.servers.telegram.faults import Fault, FaultKind, Faults
from tests.servers.telegram.limits import Limits
from tests.servers.telegram.methods import SIMULATED, Files, Methods, Result
from tests.servers.telegram.people import Desk, Group, Person
from tests.servers.telegram.sending import Parameters
from tests.servers.telegram.updates import Update, Updates
from tests.servers.telegram.webhook import Poster

TOKEN: Final = "123456789:AAFakeTokenForTheLocalServer-0123456"
_SHAPE: Final = re.compile(r"\d+:[\w-]{10,}")
_LARGEST_REQUEST: Final = 50 * 1024 * 1024
_TEXTS: Final = (
    "text",
    "caption",
    "url",
    "secret_token",
    "action",
    "callback_query_id",
    "file_id",
    "document",
    "language_code",
)
"""Parameters that stay text where the description, which would know, is not at hand."""
_NAMES: Final = {name.lower(): name for name in SIMULATED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of the bot and how it ended: 200, Telegram's own code, or 0 where nobody got an answer."""

    method: str
    parameters: Parameters
    at: float
    code: int
    description: str = ""


class TelegramServer:
    """Serves on a free port of 127.0.0.1. `async with TelegramServer() as server:`, then `server.base_url`.

    `violations` holds what a request had that the published description does not have, or that this server does not
    simulate: tests assert that it is empty. `own_problems` holds what is wrong by it with answers and updates given.
    `calls` is every request but getUpdates, in order. With `is_checked` False the description is not at hand.
    """

    def __init__(self, token: str = TOKEN, *, port: int = 0, username: str = "martin_test_bot") -> None:
        self.token = token
        self.bot = Account(id=int(token.partition(":")[0]), first_name="Martín", username=username, is_bot=True)
        self.world, self.updates = World(self.bot), Updates()
        self.desk = Desk(self.world, self.updates)
        self.methods = Methods(self.desk)
        self.limits, self.faults = Limits(), Faults()
        self.violations: list[str] = []
        self.own_problems: list[str] = []
        self.calls: list[Call] = []
        self.poster = Poster(self.updates, self.violations)
        self._description = description()
        self._sound: set[int] = set()
        self._port = port
        self._runner: web.AppRunner | None = None
        self._posting: asyncio.Task[None] | None = None

    # --- where it is ---

    @property
    def address(self) -> str:
        """`http://127.0.0.1:PORT`; the port stays the same over `stop` and `start`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        """What python-telegram-bot calls so."""
        return f"{self.address}/bot"

    @property
    def base_file_url(self) -> str:
        """What python-telegram-bot calls so."""
        return f"{self.address}/file/bot"

    @property
    def is_checked(self) -> bool:
        """Whether the published description is at hand."""
        return self._description is not None

    # --- who is there ---

    def person(self, name: str, *, language: str = "en", username: str = "") -> Person:
        """Somebody with the app set to this language; the same name is the same person."""
        account = self.world.people.get(name) or self.world.add_person(name, language=language, username=username)
        return Person(self.desk, account)

    def group(self, title: str, *members: Person, kind: ChatKind = "supergroup", bot_is_admin: bool = False) -> Group:
        """A group with the bot in it; the first of the members owns it. Only as an administrator the bot hears of reactions."""
        return self._group(title, members, kind, is_forum=False, bot_is_admin=bot_is_admin)

    def forum(self, title: str, *members: Person, bot_is_admin: bool = False) -> Group:
        """A supergroup with topics."""
        return self._group(title, members, "supergroup", is_forum=True, bot_is_admin=bot_is_admin)

    def queue_raw(self, update: Update) -> int:
        """Hand the bot an update that may be broken in any way; its id is given, and added where it has none."""
        return self.updates.put_raw(update)

    def called(self, method: str) -> list[Call]:
        """The requests for one method."""
        return [one for one in self.calls if one.method == method]

    # --- running ---

    async def start(self) -> None:
        """Listen (again)."""
        app = web.Application(client_max_size=_LARGEST_REQUEST)
        app.add_routes(routes(self))
        app.router.add_route("*", "/bot{token:[^/]*}/{method}", self._answer)
        app.router.add_get("/file/bot{token:[^/]*}/{path:.+}", self._download)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._posting = asyncio.create_task(self.poster.run())

    async def stop(self) -> None:
        """Stop listening and drop every connection; the world stays as it is."""
        if self._posting is not None:
            self._posting.cancel()
            await asyncio.wait([self._posting])
            if not self._posting.cancelled():
                self._posting.result()  # it ends by itself only by an error
            self._posting = None
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

    # --- requests ---

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            self._let_in(request.match_info["token"])
            name, given, files = await self._checked(request)
        except Refused as refusal:
            return self._refusal(refusal)
        fault = self.faults.take(name, given)
        if fault is not None and (early := await self._before(fault, name, given, request)) is not None:
            return early
        try:
            result = await self._act(name, given, files)
        except Refused as refusal:
            self._note(name, given, refusal.code, refusal.description)
            answer = self._refusal(refusal)
        else:
            answer = web.json_response({"ok": True, "result": result})
            self._note(name, given, 0 if fault is not None and fault.kind is FaultKind.DROP_AFTER else 200)
        if fault is not None and fault.kind is FaultKind.LATE:
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.kind is FaultKind.DROP_AFTER:
            _drop(request)
        return answer

    def _let_in(self, token: str) -> None:
        if token != self.token:
            raise Refused(401, "Unauthorized") if _SHAPE.fullmatch(token) else Refused(404, "Not Found")

    async def _checked(self, request: web.Request) -> tuple[str, dict[str, Any], Files]:
        """The method by its name and its parameters as values. Raises Refused, and notes the violation."""
        asked = request.match_info["method"]
        name = self._description.name(asked) if self._description else _NAMES.get(asked.lower())
        if name is None:
            self.violations.append(f"{asked}: unknown method")
            raise Refused(404, "Not Found: method not found")
        given, files = await _body(request)
        if self._description is None:
            values = {key: _guessed(key, value) for key, value in given.items()}
            problems: list[str] = []
            values |= {key: f"attach://{key}" for key in files if key not in values}
        else:
            values, problems = self._description.request(name, given, files=list(files))
        known = SIMULATED.get(name)
        if known is None:
            problems.append("this method is not simulated here")
        else:
            problems += [f"{key}: this parameter is not simulated here" for key in values if key not in known]
        if problems:
            self.violations += [f"{name}: {one}" for one in problems]
            self._note(name, values, 400, problems[0])
            raise bad(f"{name}: {'; '.join(problems)}")
        return name, values, files

    async def _act(self, name: str, given: Parameters, files: Files) -> Result:
        chat = given.get("chat_id", 0)
        if wait := self.limits.refused_for(name, chat if isinstance(chat, int) else 0):
            raise Refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        outcome = self.methods.call(name, given, files)
        result: Result = await outcome if inspect.isawaitable(outcome) else outcome
        if self._description is not None:
            problems = self._updates_problems(result) if name == "getUpdates" else self._description.answer(name, result)
            self.own_problems += [f"{name}: {one}" for one in problems]
        return result

    def _updates_problems(self, batch: Result) -> list[str]:
        """What is wrong with updates, each looked at once and those that are broken on purpose not at all."""
        assert self._description is not None and isinstance(batch, list)
        seen, broken = self._sound, self.updates.broken
        new = [one for one in batch if one["update_id"] not in seen and one["update_id"] not in broken]
        self._sound |= {one["update_id"] for one in new}
        return [problem for one in new for problem in self._description.value("Update", one)]

    async def _before(self, fault: Fault, name: str, given: Parameters, request: web.Request) -> web.StreamResponse | None:
        """The answer where nothing is done, None where the request goes its way."""
        match fault.kind:
            case FaultKind.ANSWER:
                more = {"retry_after": fault.retry_after} if fault.retry_after else {}
                self._note(name, given, fault.code, fault.description)
                return self._refusal(Refused(fault.code, fault.description, **more))
            case FaultKind.GARBAGE:
                self._note(name, given, 502)
                return web.Response(status=502, text="<html><body>Bad Gateway</body></html>", content_type="text/html")
            case FaultKind.HANG:
                self._note(name, given, 0)
                await asyncio.Event().wait()  # the client's leaving cancels this
            case FaultKind.DROP_BEFORE:
                self._note(name, given, 0)
                _drop(request)
                return web.Response(status=502)
            case FaultKind.SLOW:
                await asyncio.sleep(fault.seconds)
        return None

    def _refusal(self, refusal: Refused) -> web.Response:
        body: dict[str, Any] = {"ok": False, "error_code": refusal.code, "description": refusal.description}
        if refusal.parameters:
            body["parameters"] = refusal.parameters
        if self._description is not None:
            self.own_problems += self._description.error(body)
        return web.json_response(body, status=refusal.code)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != self.token:
            return self._refusal(Refused(401, "Unauthorized"))
        stored = next((one for one in self.world.files.values() if one.path == request.match_info["path"]), None)
        if stored is None:
            return self._refusal(Refused(404, "Not Found"))
        return web.Response(body=stored.data, content_type="application/octet-stream")

    def _note(self, method: str, parameters: Parameters, code: int, description: str = "") -> None:
        if method != "getUpdates":
            self.calls.append(Call(method=method, parameters=parameters, at=time.time(), code=code, description=description))

    def _group(self, title: str, members: tuple[Person, ...], kind: ChatKind, *, is_forum: bool, bot_is_admin: bool) -> Group:
        accounts = [one.account for one in members]
        return Group(self.desk, self.world.add_group(title, accounts, kind=kind, is_forum=is_forum, bot_is_admin=bot_is_admin))


async def _body(request: web.Request) -> tuple[dict[str, object], Files]:
    """What was given, in the address and as a form or JSON, and the files."""
    given: dict[str, object] = dict(request.query)
    files: dict[str, tuple[str, str, bytes]] = {}
    if request.content_type == "application/json":
        if text := await request.text():
            given |= _object(text)
        return given, files
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            files[name] = (value.filename, value.content_type, value.file.read())
        else:
            given[name] = value if isinstance(value, str) else bytes(value).decode()
    return given, files


def _object(text: str) -> Mapping[str, object]:
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise bad("can't parse JSON object")
    return parsed


def _guessed(name: str, value: object) -> object:
    if not isinstance(value, str) or name in _TEXTS:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _drop(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
