"""The gateway: sessions that are opened, kept alive, resumed and ended as Discord does it, and what goes wrong there.

Source of the codes and rules: Discord, "Gateway" and "Opcodes and Status Codes", version 10.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import WSMsgType, web

from tests.servers.discord.events import Event, Intent
from tests.servers.discord.nouns import Json
from tests.servers.discord.world import World

_MOST_SENT: Final = 120
"""Payloads that a client may send in a minute."""
_MOST_BYTES: Final = 4096


class Closed(Exception):
    """The server closes a connection with a code."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


@dataclass(slots=True, kw_only=True, eq=False)
class Session:
    """One identified client, connected or not. `kept` are the payloads a RESUME may ask for."""

    id: str
    intents: int
    shard: tuple[int, int]
    seq: int = 0
    kept: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=20_000))
    link: Link | None = None
    left_at: float = 0.0

    def dispatch(self, name: str, data: object) -> None:
        """Number an event, keep it, and send it if somebody is there."""
        self.seq += 1
        text = json.dumps({"op": 0, "s": self.seq, "t": name, "d": data}, ensure_ascii=False)
        self.kept.append((self.seq, text))
        if self.link is not None:
            self.link.send(text)


@dataclass(slots=True, eq=False)
class Link:
    """One connection. What it is to send waits in `queue`; a number there closes it with that code, None just ends it."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    deflater: Any = None
    queue: asyncio.Queue[str | int | None] = field(default_factory=asyncio.Queue)
    session: Session | None = None
    sent_at: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_SENT))
    heard_at: float = field(default_factory=time.monotonic)
    is_closing: bool = False

    def send(self, text: str) -> None:
        """Send this after everything that waits."""
        self.queue.put_nowait(text)

    def op(self, number: int, data: object = None) -> None:
        """Send a payload that is no event."""
        self.send(json.dumps({"op": number, "s": None, "t": None, "d": data}))

    def close(self, code: int) -> None:
        """Close it after what waits was sent."""
        self.is_closing = True
        self.queue.put_nowait(code)

    def cut(self) -> None:
        """Drop it in the middle, as a broken network does."""
        if self.transport is not None:
            self.transport.abort()

    async def write(self) -> None:
        """Send what comes until the end."""
        while (one := await self.queue.get()) is not None:
            with suppress(ConnectionError):
                if isinstance(one, int):
                    await self.socket.close(code=one)
                    return
                if self.deflater is None:
                    await self.socket.send_str(one)
                else:
                    data = self.deflater.compress(one.encode()) + self.deflater.flush(zlib.Z_SYNC_FLUSH)
                    await self.socket.send_bytes(data)


def _check_version(request: web.Request) -> None:
    if request.query.get("v") != "10" or request.query.get("encoding") != "json":
        raise Closed(4012)


class Gateway:
    """The sessions, and switches for what goes wrong.

    `acks` False is the zombie: heartbeats are no longer answered. `is_losing` True drops events for good, as an outage does
    that no RESUME mends. `refuses` is how many connections are turned away before they begin. `resume_s` is how long a left
    session waits for its client. `shards` is what `/gateway/bot` recommends.
    """

    def __init__(self, world: World, token: str) -> None:
        self.world, self.token = world, token
        self.address = ""
        self.heartbeat_ms = 41_250
        self.acks, self.is_losing, self.refuses = True, False, 0
        self.resume_s = 180.0
        self.shards = 1
        self.sessions: dict[str, Session] = {}
        self.links: set[Link] = set()
        self.connections = self.identifies = self.resumes = self.refused_resumes = self.heartbeats = self.lost = 0
        self.closed_with: list[int] = []
        world.listeners.append(self.publish)

    # --- what a test does to it ---

    def publish(self, event: Event) -> None:
        """Bring an event to every session that it is for."""
        for session in self.sessions.values():
            if not event.is_for(session.intents, session.shard):
                continue
            if self.is_losing:
                self.lost += 1
            else:
                session.dispatch(event.name, event.shape(session.intents))

    def reconnect(self) -> None:
        """Ask every client to reconnect (op 7)."""
        for link in self.links:
            link.op(7)

    def invalidate(self, *, is_resumable: bool) -> None:
        """End every client's session (op 9); one that is resumable goes on when its client comes back."""
        for link in list(self.links):
            if not is_resumable and link.session is not None:
                self.sessions.pop(link.session.id, None)
            link.op(9, is_resumable)

    def drop(self, code: int | None = None) -> None:
        """Close every connection with a code, or cut it."""
        for link in list(self.links):
            if code is None:
                link.cut()
            else:
                link.close(code)

    def forget(self) -> None:
        """Forget every session: a RESUME is then refused."""
        self.sessions.clear()

    def say(self, text: str) -> None:
        """Send a raw, perhaps broken text to every client."""
        for link in self.links:
            link.send(text)

    def dispatch(self, name: str, data: object) -> None:
        """An event of one's own making, numbered like every other, to every session."""
        for session in self.sessions.values():
            session.dispatch(name, data)

    @property
    def connected(self) -> list[Session]:
        """The sessions whose client is there."""
        return [one for one in self.sessions.values() if one.link is not None]

    # --- a connection ---

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Talk with one client until it leaves."""
        if self.refuses > 0:
            self.refuses -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self.connections += 1
        deflater = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        link = Link(socket, request.transport, deflater)
        self.links.add(link)
        async with asyncio.TaskGroup() as group:
            group.create_task(link.write())
            watching = group.create_task(self._watch(link))
            try:
                _check_version(request)
                link.op(10, {"heartbeat_interval": self.heartbeat_ms, "_trace": ["local"]})
                await self._listen(link)
            except Closed as closing:
                self.closed_with.append(closing.code)
                link.close(closing.code)
            except ConnectionError:
                link.cut()
            finally:
                watching.cancel()
                link.queue.put_nowait(None)
                self._left(link)
        return socket

    async def _listen(self, link: Link) -> None:
        async for message in link.socket:
            if message.type is not WSMsgType.TEXT or len(message.data.encode()) > _MOST_BYTES:
                raise Closed(4002)
            now = time.monotonic()
            if len(link.sent_at) == _MOST_SENT and now - link.sent_at[0] < 60:
                raise Closed(4008)
            link.sent_at.append(now)
            try:
                payload = json.loads(message.data)
                number, data = payload["op"], payload.get("d")
            except (ValueError, TypeError, KeyError):
                raise Closed(4002) from None
            self._hear(link, number, data)
        # A client that says goodbye with one of these gives its session up.
        if not link.is_closing and link.socket.close_code in (1000, 1001) and link.session is not None:
            self.sessions.pop(link.session.id, None)

    def _hear(self, link: Link, number: int, data: Any) -> None:
        if number == 1:
            self.heartbeats += 1
            link.heard_at = time.monotonic()
            if self.acks:
                link.op(11)
            return
        answer = self._ANSWERS.get(number)
        if answer is None:
            raise Closed(4001)
        if not isinstance(data, dict):
            raise Closed(4002)
        answer(self, link, data)

    async def _watch(self, link: Link) -> None:
        """Close a connection that has missed two heartbeats."""
        interval_s = self.heartbeat_ms / 1000
        while time.monotonic() - link.heard_at < 2 * interval_s:
            await asyncio.sleep(interval_s / 2)
        link.close(4000)

    def _left(self, link: Link) -> None:
        self.links.discard(link)
        if link.session is not None and link.session.link is link:
            link.session.link, link.session.left_at = None, time.monotonic()
        self.world.touch()

    # --- beginning ---

    def _identify(self, link: Link, data: Json) -> None:
        if link.session is not None:
            raise Closed(4005)
        self._check_token(data)
        intents, shard = data.get("intents"), data.get("shard") or [0, 1]
        if not isinstance(intents, int) or intents < 0 or intents & ~Intent.KNOWN or "properties" not in data:
            raise Closed(4013)
        if intents & Intent.PRIVILEGED & ~self.world.granted:
            raise Closed(4014)
        if len(shard) != 2 or not 0 <= shard[0] < shard[1]:
            raise Closed(4010)
        self._forget_old()
        self.identifies += 1
        session = Session(id=secrets.token_hex(16), intents=intents, shard=(shard[0], shard[1]), link=link)
        self.sessions[session.id] = session
        link.session = session
        shapes = self.world.shapes
        guilds = [one for one in self.world.guilds if (one.id >> 22) % shard[1] == shard[0]]
        ready = {
            "v": 10,
            "user": shapes.me(),
            "guilds": [{"id": str(one.id), "unavailable": True} for one in guilds],
            "private_channels": [],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self.address,
            "application": {"id": str(self.world.bot.id), "flags": 1 << 19},
            "shard": list(session.shard),
        }
        session.dispatch("READY", ready)
        for one in guilds if intents & Intent.GUILDS else []:
            session.dispatch("GUILD_CREATE", shapes.guild(one))
        self.world.touch()

    def _resume(self, link: Link, data: Json) -> None:
        if link.session is not None:
            raise Closed(4005)
        self._check_token(data)
        self._forget_old()
        session = self.sessions.get(str(data.get("session_id")))
        seq = data.get("seq")
        if session is None or not isinstance(seq, int):
            self.refused_resumes += 1
            link.op(9, False)
            return
        if seq > session.seq:
            self.sessions.pop(session.id)
            raise Closed(4007)
        if session.link is not None:
            session.link.session = None
            session.link.close(4000)
        self.resumes += 1
        session.link, link.session = link, session
        for number, text in session.kept:
            if number > seq:
                link.send(text)
        session.dispatch("RESUMED", {"_trace": ["local"]})
        self.world.touch()

    def _presence(self, link: Link, _: Json) -> None:
        if link.session is None:
            raise Closed(4003)

    def _members(self, link: Link, data: Json) -> None:
        """The members of a guild that were asked for, all in one chunk."""
        if link.session is None:
            raise Closed(4003)
        guild = next((one for one in self.world.guilds if str(one.id) == str(data.get("guild_id"))), None)
        if guild is not None:
            asked = data.get("user_ids") or [str(one.id) for one in guild.members]
            wanted = {str(one) for one in (asked if isinstance(asked, list) else [asked])}
            members = [self.world.shapes.member(one, guild) for one in guild.members if str(one.id) in wanted]
            chunk: Json = {"guild_id": str(guild.id), "members": members, "chunk_index": 0, "chunk_count": 1}
            link.session.dispatch("GUILD_MEMBERS_CHUNK", chunk | ({"nonce": data["nonce"]} if "nonce" in data else {}))

    _ANSWERS: Final[Mapping[int, Callable[[Gateway, Link, Json], None]]] = {
        2: _identify,
        3: _presence,
        4: _presence,
        6: _resume,
        8: _members,
    }

    def _check_token(self, data: Json) -> None:
        if data.get("token") != self.token:
            raise Closed(4004)

    def _forget_old(self) -> None:
        now = time.monotonic()
        for one in list(self.sessions.values()):
            if one.link is None and now - one.left_at > self.resume_s:
                del self.sessions[one.id]
