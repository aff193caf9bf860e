"""The world by hand and from another process: `/control/…` in JSON, and the page in a browser that uses it."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
from aiohttp import web

from tests.servers.discord.faults import Fault, Way
from tests.servers.discord.nouns import ALL_PERMISSIONS, Channel, Interaction, InteractionKind, Json, Message, Permission, User

if TYPE_CHECKING:
    from tests.servers.discord.gateway import Gateway
    from tests.servers.discord.server import DiscordServer
    from tests.servers.discord.world import World

_PAGE: Final = Path(__file__).with_name("page.html")
_POLL_S: Final = 20.0
_SHOWN: Final = 200


class Asked:
    """What a control request carries, with ids turned into what they name. Raises LookupError for what is not there."""

    def __init__(self, server: DiscordServer, body: Json) -> None:
        self.server: DiscordServer = server
        self.world: World = server.world
        self.gateway: Gateway = server.gateway
        self.body: Json = body

    def __getitem__(self, name: str) -> Any:
        """A part of the body that has to be there."""
        return self.body[name]

    @property
    def person(self) -> User:
        """The person who does it, by id or name."""
        given = str(self.body["person"])
        for one in self.world.people.values():
            if given in (str(one.id), one.name):
                return one
        raise LookupError(f"nobody is {given!r}")

    @property
    def channel(self) -> Channel:
        """The channel by id or name; `dm` is the person's direct messages."""
        given = str(self.body["channel"])
        if given == "dm":
            return self.world.dm(self.person)
        for one in self.world.channels.values():
            if given == str(one.id) or (one.name and given == one.name):
                return one
        raise LookupError(f"no channel is {given!r}")

    @property
    def message(self) -> Message:
        """The message by id."""
        return self.found(self.body["message"])

    def found(self, id: object) -> Message:
        """A message by id."""
        for one in self.world.channels.values():
            if str(id).isdecimal() and int(str(id)) in one.messages:
                return one.messages[int(str(id))]
        raise LookupError(f"no message is {id!r}")

    @property
    def interaction(self) -> Interaction:
        """The interaction by id."""
        return self.world.interactions[int(self.body["interaction"])]


# --- words ---


def _say(asked: Asked) -> Message:
    reply = asked.found(asked["reply_to"]) if asked.body.get("reply_to") else None
    files = {one["name"]: base64.b64decode(one["data"]) for one in asked.body.get("files") or []}
    return asked.world.say(asked.person, asked.channel, asked["text"], reply_to=reply, files=files)


def _person(asked: Asked) -> User:
    return asked.world.person(asked["name"], asked.body.get("locale", "en-GB"))


def _channel(asked: Asked) -> Channel:
    return asked.world.add_channel(asked.world.guild, asked["name"])


def _thread(asked: Asked) -> Channel:
    on = asked.found(asked["message"]) if asked.body.get("message") else None
    return asked.world.thread(asked.person, asked.channel, asked["name"], on=on)


def _fault(asked: Asked) -> None:
    given = {key: value for key, value in asked.body.items() if key != "way"}
    asked.server.faults.append(Fault(way=Way(asked["way"]), **given))


def _forbid(asked: Asked) -> None:
    asked.world.forbid(asked.channel, *(Permission[one] for one in asked["permissions"]))


def _set(asked: Asked) -> None:
    """Switches of the server by name: those of the limits, of the gateway, and the server's own times."""
    holders: Mapping[str, object] = {"limits": asked.server.limits, "gateway": asked.server.gateway, "server": asked.server}
    for name, value in asked.body.items():
        holder, _, attribute = name.partition(".")
        if attribute not in _SETTABLE.get(holder, ()):
            raise LookupError(f"{name!r} cannot be set: {sorted(_SETTABLE)}")
        setattr(holders[holder], attribute, value)


_SETTABLE: Final[Mapping[str, tuple[str, ...]]] = {
    "limits": ("is_on", "per_second", "scale", "shared", "shared_s"),
    "gateway": ("acks", "is_losing", "refuses", "resume_s", "heartbeat_ms"),
    "server": ("callback_s", "token_s"),
}


def _told(one: object) -> Json:
    """What is answered about what came of a word."""
    return {"id": str(one.id)} if isinstance(one, Message | Interaction | User | Channel) else {}


_WORDS: Final[Mapping[str, Callable[[Asked], object]]] = {
    "say": _say,
    "edit": lambda asked: asked.world.edit(asked.message, asked["text"]),
    "delete": lambda asked: asked.world.delete(asked.message),
    "react": lambda asked: asked.world.react(asked.person, asked.message, asked["emoji"]),
    "unreact": lambda asked: asked.world.unreact(asked.person, asked.message, asked["emoji"]),
    "press": lambda asked: asked.world.press(asked.person, asked.message, asked["button"]),
    "forge": lambda asked: asked.world.forge(asked.person, asked.message, asked["custom_id"]),
    "slash": lambda asked: asked.world.slash(asked.person, asked.channel, asked["name"], **asked.body.get("options", {})),
    "use": lambda asked: asked.world.use_on(asked.person, asked.message, asked["name"]),
    "submit": lambda asked: asked.world.submit(asked.interaction, asked["values"]),
    "person": _person,
    "channel": _channel,
    "thread": _thread,
    "dm": lambda asked: asked.world.dm(asked.person),
    "close_dms": lambda asked: asked.world.close_dms(asked.person),
    "forbid": _forbid,
    "allow": lambda asked: asked.world.allow(asked.channel, ALL_PERMISSIONS),
    "reconnect": lambda asked: asked.gateway.reconnect(),
    "invalidate": lambda asked: asked.gateway.invalidate(is_resumable=asked["is_resumable"]),
    "drop": lambda asked: asked.gateway.drop(asked.body.get("code")),
    "forget": lambda asked: asked.gateway.forget(),
    "raw": lambda asked: asked.gateway.say(asked["text"]),
    "dispatch": lambda asked: asked.gateway.dispatch(asked["name"], asked["data"]),
    "fault": _fault,
    "set": _set,
}


# --- what is shown ---


def state(server: DiscordServer, *, most: int = _SHOWN) -> Json:
    """Everything there is to see, as plain values; of each channel the last `most` messages."""
    world = server.world
    return {
        "version": world.version,
        "bot": {"id": str(world.bot.id), "name": world.bot.name},
        "is_connected": bool(server.gateway.connected),
        "people": [_shown_person(one) for one in world.people.values() if not one.is_bot],
        "channels": [_shown_channel(one, most) for one in world.channels.values()],
        "commands": world.commands,
        "forms": [_shown_form(one) for one in _open_forms(server)],
        "silent": [_shown_silent(one) for one in world.interactions.values() if _is_silent(server, one)][-_SHOWN:],
        "problems": server.problems[-20:],
        "counts": server.counts(),
    }


def _shown_person(one: User) -> Json:
    return {"id": str(one.id), "name": one.name, "locale": one.locale, "takes_dms": one.takes_dms}


def _shown_channel(one: Channel, most: int) -> Json:
    messages = [message for message in one.messages.values() if not message.is_deleted][-most:]
    return {
        "id": str(one.id),
        "name": one.name,
        "kind": one.kind.name.lower(),
        "parent": str(one.parent.id) if one.parent is not None else None,
        "person": str(one.person.id) if one.person is not None else None,
        "messages": [_shown_message(message) for message in messages],
    }


def _shown_message(one: Message) -> Json:
    return {
        "id": str(one.id),
        "author": str(one.author.id),
        "name": one.author.name,
        "is_bot": one.author.is_bot,
        "content": one.content,
        "nonce": one.nonce,
        "sent_at": one.sent_at.isoformat(),
        "edits": one.edits,
        "reply_to": str(one.reference) if one.reference is not None else None,
        "rows": [row.get("components", []) for row in one.components],
        "embeds": one.embeds,
        "reactions": [{"emoji": emoji, "people": [str(user.id) for user in who]} for emoji, who in one.reactions.items()],
        "attachments": [{"id": str(part.id), "name": part.name} for part in one.attachments],
        "is_loading": one.is_loading,
        "only_for": str(one.interaction.user.id) if one.is_ephemeral and one.interaction is not None else None,
        "answers": _asked_with(one.interaction) if one.interaction is not None else None,
        "pings": sorted(one.pings),
        "thread": str(one.thread.id) if one.thread is not None else None,
    }


def _asked_with(one: Interaction) -> Json:
    name = one.data.get("name") if one.kind is InteractionKind.COMMAND else None
    return {"id": str(one.id), "kind": one.kind.name.lower(), "person": one.user.name, "name": name}


def _open_forms(server: DiscordServer) -> list[Interaction]:
    """Interactions whose form nobody has sent yet."""
    every = server.world.interactions.values()
    done = {one.opened_by.id for one in every if one.opened_by is not None}
    return [one for one in every if one.modal is not None and one.id not in done]


def _shown_form(one: Interaction) -> Json:
    return {"interaction": str(one.id), "person": str(one.user.id), "channel": str(one.channel.id), "modal": one.modal}


def _is_silent(server: DiscordServer, one: Interaction) -> bool:
    return one.answered is None and time.monotonic() - one.asked_at > server.callback_s


def _shown_silent(one: Interaction) -> Json:
    return {"interaction": str(one.id), "person": str(one.user.id), "channel": str(one.channel.id)}


# --- the routes ---


def add_to(app: web.Application, server: DiscordServer) -> None:
    """Put the page and the control routes into the application."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text=_PAGE.read_text(encoding="utf-8"), content_type="text/html")

    async def show(request: web.Request) -> web.Response:
        """The state; with `since`, once there is another version than that."""
        since = request.query.get("since")
        with suppress(TimeoutError):
            await server.world.until(lambda: str(server.world.version) != since, _POLL_S)
        return web.json_response(state(server, most=int(request.query.get("most", _SHOWN))))

    async def count(_: web.Request) -> web.Response:
        return web.json_response(server.counts() | {"found_problems": server.problems[-100:]})

    async def act(request: web.Request) -> web.Response:
        word = _WORDS.get(request.match_info["word"])
        if word is None:
            return web.json_response({"error": f"the words are {sorted(_WORDS)}"}, status=404)
        try:
            return web.json_response(_told(word(Asked(server, await request.json()))))
        except (LookupError, ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)

    app.router.add_get("/", page)
    app.router.add_get("/control/state", show)
    app.router.add_get("/control/counts", count)
    app.router.add_post("/control/{word}", act)


class Control:
    """The world of a server in another process. `async with Control(address) as control:`."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """A client."""
        self._session = aiohttp.ClientSession(self._address)
        return self

    async def __aexit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        """Close it."""
        assert self._session is not None
        await self._session.close()

    async def do(self, word: str, **body: object) -> Json:
        """Do something; gives the `id` of what came of it. Raises ValueError with the reason where it cannot be done."""
        assert self._session is not None
        async with self._session.post(f"/control/{word}", json=body) as response:
            answer: Json = await response.json()
        if response.status != 200:
            raise ValueError(answer["error"])
        return answer

    async def state(self, *, since: int | None = None, most: int = _SHOWN) -> Json:
        """What there is to see; with `since` once that version has passed, or after 20 seconds."""
        query = {"most": str(most)} | ({"since": str(since)} if since is not None else {})
        return await self._get("/control/state", query)

    async def counts(self) -> Json:
        """The figures."""
        return await self._get("/control/counts", {})

    async def _get(self, path: str, query: Mapping[str, str]) -> Json:
        assert self._session is not None
        async with self._session.get(path, params=query) as response:
            answer: Json = await response.json()
            return answer
