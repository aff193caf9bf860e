"""One request to the REST side, the answer to it, and which function answers which path."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from tests.servers.discord.nouns import Channel, Json, Message, Permission
from tests.servers.discord.refusals import Form, refusal
from tests.servers.discord.world import World


@dataclass(slots=True, kw_only=True)
class Call:
    """A request. `path` is as it came, below `/api/v10`, without the query; `names` are the parts that the route names."""

    world: World
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    payload: Any = None
    files: Sequence[tuple[str, str, bytes]] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    deadline_s: float = 3.0
    token_s: float = 900.0
    gateway_url: str = ""
    shards: int = 1

    @property
    def body(self) -> Json:
        """The payload, which has to be an object."""
        if not isinstance(self.payload, dict):
            raise refusal(50109)
        return self.payload

    def id(self, name: str) -> int:
        """A part of the path as an id."""
        return snowflake(self.names[name], name)

    @property
    def channel(self) -> Channel:
        """The channel of the path, if the bot may look into it."""
        found = self.world.channels.get(self.id("channel_id"))
        if found is None:
            raise refusal(10003)
        if not found.may(Permission.VIEW):
            raise refusal(50001)
        return found

    @property
    def message(self) -> Message:
        """The message of the path; an ephemeral one is there for its interaction's token only."""
        found = self.channel.messages.get(self.id("message_id"))
        if found is None or found.is_deleted or found.is_ephemeral:
            raise refusal(10008)
        return found


def snowflake(value: object, place: str) -> int:
    """An id out of what a request says there. Refuses what is none."""
    text = str(value)
    if not text.isdecimal():
        form = Form()
        form.wrong(place, code="NUMBER_TYPE_COERCE", message=f"Value {text!r} is not snowflake.")
        form.done()
    return int(text)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and what comes with it; None is nothing."""

    status: int
    body: Any = None


@dataclass(frozen=True, slots=True)
class Route:
    """What answers a method and a path. `is_open` needs no bot's token and is not counted globally."""

    method: str
    template: str
    answer: Callable[[Call], Answer]
    is_open: bool = False

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """The named parts of the path, None when it is not this route."""
        found = _pattern(self.template).fullmatch(path) if method == self.method else None
        return None if found is None else {name: unquote(value) for name, value in found.groupdict().items()}

    def major(self, names: Mapping[str, str]) -> str:
        """The parts of the path that have limits of their own."""
        return "+".join(names[one] for one in ("channel_id", "guild_id", "webhook_id", "webhook_token") if one in names)


_PATTERNS: dict[str, re.Pattern[str]] = {}


def _pattern(template: str) -> re.Pattern[str]:
    if template not in _PATTERNS:
        parts = re.split(r"(\{[^}]*\})", template)
        written = (f"(?P<{one[1:-1]}>[^/]+)" if one.startswith("{") else re.escape(one) for one in parts)
        _PATTERNS[template] = re.compile("".join(written))
    return _PATTERNS[template]


async def read(request: web.Request, world: World, path: str) -> Call:
    """The request as a call. Raises Refusal for a body that cannot be read."""
    bare, _, query = path.partition("?")
    payload: Any = None
    files: list[tuple[str, str, bytes]] = []
    if request.content_type == "multipart/form-data":
        form = await request.post()
        for name, value in form.items():
            if isinstance(value, web.FileField) and name.startswith("files["):
                files.append((value.filename, _media(value.filename), value.file.read()))
            elif name == "payload_json" and isinstance(value, str):
                payload = _parsed(value)
    elif request.can_read_body:
        payload = _parsed(await request.text())
    parsed = dict(parse_qsl(query, keep_blank_values=True))
    return Call(world=world, method=request.method, path=bare, query=parsed, payload=payload, files=files)


def _parsed(text: str) -> Any:
    if not text:
        return None
    try:
        return json.loads(text)
    except ValueError:
        raise refusal(50109) from None


def _media(name: str) -> str:
    kinds = {"txt": "text/plain; charset=utf-8", "md": "text/markdown", "json": "application/json", "csv": "text/csv"}
    return kinds.get(name.rpartition(".")[2], "application/octet-stream")
