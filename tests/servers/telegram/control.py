"""The world over HTTP, for the page and for other processes: JSON under `/control/`, the page at `/`."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from tests.servers.telegram.chats import Chat, Message
from tests.servers.telegram.counts import count
from tests.servers.telegram.faults import FaultKind
from tests.servers.telegram.people import Group, Person

if TYPE_CHECKING:
    from tests.servers.telegram.server import TelegramServer

_PAGE: Final = Path(__file__).with_name("page.html")
_HOSTS: Final = frozenset({"127.0.0.1", "localhost"})
_MOST_SHOWN: Final = 200
_LONGEST_WAIT_S: Final = 20.0
_POLICY: Final = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src data:"

Asked = Mapping[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Wrong(Exception):
    """What was asked of the world cannot be done; the message says why."""


def routes(server: TelegramServer) -> list[web.RouteDef]:
    """What the server answers besides the Bot API.

    `GET world` (with `?since=VERSION` it waits for something new), `GET counts`; `POST people` with name, language and
    username, `POST groups` with title, members, kind (group, supergroup, forum) and bot_is_admin, `POST act` with person,
    do and what that needs, `POST faults`, `POST limits` with is_on, `POST updates` with a raw update.
    """
    control = Control(server)
    posted: Mapping[str, Callable[[Asked], object]] = {
        "people": control.add_person,
        "groups": control.add_group,
        "act": control.act,
        "faults": control.add_fault,
        "limits": control.set_limits,
        "updates": control.queue,
    }
    return [
        web.get("/", _guarded(control.page)),
        web.get("/control/world", _guarded(control.world)),
        web.get("/control/counts", _guarded(control.counts)),
        *(web.post(f"/control/{name}", _guarded(_with_json(does))) for name, does in posted.items()),
    ]


def _guarded(handler: Handler) -> Handler:
    """Only by this machine's own name, so that no page from elsewhere drives the world."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if (request.url.host or "") not in _HOSTS:
            return web.json_response({"error": "ask for 127.0.0.1"}, status=403)
        return await handler(request)

    return answer


def _with_json(does: Callable[[Asked], object]) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            return web.json_response({"error": "send application/json"}, status=415)
        try:
            return web.json_response(does(await request.json()))
        except (Wrong, AssertionError, LookupError, ValueError) as problem:
            return web.json_response({"error": f"{type(problem).__name__}: {problem}"}, status=400)

    return answer


class Control:
    """Reads and changes one server's world."""

    def __init__(self, server: TelegramServer) -> None:
        self.server = server

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The page to talk with the bot on."""
        del request
        text = _PAGE.read_text(encoding="utf-8")
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": _POLICY})

    async def counts(self, request: web.Request) -> web.StreamResponse:
        """What campaigns count, and every violation in words."""
        del request
        server = self.server
        return web.json_response(asdict(count(server)) | {"violations": server.violations, "own_problems": server.own_problems})

    async def world(self, request: web.Request) -> web.StreamResponse:
        """Everything as it is now; of each chat the latest 200 messages."""
        world = self.server.world
        since = int(request.query.get("since", "-1"))
        await world.until(lambda: world.version > since, _LONGEST_WAIT_S)
        everyone = [self.server.bot, *world.people.values()]
        return web.json_response(
            {
                "version": world.version,
                "bot": self.server.bot.shown(),
                "people": [one.shown() | {"has_blocked": one.has_blocked} for one in everyone],
                "chats": [self._chat(one) for one in world.chats.values()],
                "presses": [
                    {"id": one.id, "by": one.sender.id, "text": one.text, "is_alert": one.is_alert}
                    for one in self.server.desk.presses.values()
                    if one.is_answered
                ][-20:],
                "violations": self.server.violations[-20:],
            }
        )

    # --- changes ---

    def add_person(self, asked: Asked) -> object:
        """Somebody new, or who was there."""
        person = self.server.person(asked["name"], language=asked.get("language", "en"), username=asked.get("username", ""))
        return {"id": person.id}

    def add_group(self, asked: Asked) -> object:
        """A group, with people by name."""
        members = [self._person(name) for name in asked["members"]]
        is_admin = bool(asked.get("bot_is_admin"))
        if asked.get("kind") == "forum":
            return {"id": self.server.forum(asked["title"], *members, bot_is_admin=is_admin).id}
        kind = asked.get("kind", "supergroup")
        if kind not in ("group", "supergroup"):
            raise Wrong(f"no such kind of group: {kind!r}")
        return {"id": self.server.group(asked["title"], *members, kind=kind, bot_is_admin=is_admin).id}

    def add_fault(self, asked: Asked) -> object:
        """What goes wrong next: `clear` takes all planned ones back first."""
        if asked.get("clear"):
            self.server.faults.clear()
        if "kind" in asked:
            facts = {name: asked[name] for name in ("times", "seconds", "code", "description", "retry_after") if name in asked}
            self.server.faults.add(FaultKind(asked["kind"]), asked.get("method", ""), **facts)
        return {"planned": len(self.server.faults.waiting)}

    def set_limits(self, asked: Asked) -> object:
        """Telegram's limits on or off."""
        self.server.limits.is_on = bool(asked["is_on"])
        return {"is_on": self.server.limits.is_on}

    def queue(self, asked: Asked) -> object:
        """An update as it is given, however broken."""
        return {"update_id": self.server.queue_raw(dict(asked))}

    def act(self, asked: Asked) -> object:
        """Let a person do something: `do` names what, `chat` and `message` where; a private chat needs no `chat`."""
        person = self._person(asked["person"])
        chat = self.server.world.chats[asked["chat"]] if "chat" in asked else person.chat
        to = None if chat.is_private else Group(self.server.desk, chat)
        if chat.is_private and chat is not person.chat:
            raise Wrong("that is somebody else's private chat")
        replied = chat.messages[asked["reply_to"]] if asked.get("reply_to") else None
        where: dict[str, Any] = {"to": to, "reply_to": replied, "topic": asked.get("topic", 0)}
        match asked["do"]:
            case "says":
                return {"message": person.says(asked["text"], **where).id}
            case "sends_file":
                data = base64.b64decode(asked["data"])
                sent = person.sends_file(asked["name"], data, asked.get("media_type", "text/plain"), **where)
                return {"message": sent.id}
            case "sends_photo":
                return {"message": person.sends_photo(**where).id}
            case "sends_voice":
                return {"message": person.sends_voice(**where).id}
            case "blocks":
                person.blocks()
            case "unblocks":
                person.unblocks()
            case "opens_topic" if to is not None:
                return {"topic": to.topic(asked["text"])}
            case other:
                return self._on_message(person, other, chat.messages[asked["message"]], asked)
        return {"done": asked["do"]}

    def _on_message(self, person: Person, do: str, message: Message, asked: Asked) -> object:
        match do:
            case "edits":
                person.edits(message, asked["text"])
            case "deletes":
                person.deletes(message)
            case "reacts":
                person.reacts(message, *asked["emoji"])
            case "presses":
                return {"press": person.sends_press(message, asked["data"]).id}
            case _:
                raise Wrong(f"nobody can do {do!r}")
        return {"done": do}

    def _person(self, name: str) -> Person:
        if name not in self.server.world.people:
            raise Wrong(f"there is nobody called {name!r}")
        return self.server.person(name)

    def _chat(self, chat: Chat) -> dict[str, Any]:
        methods = self.server.methods
        messages = list(chat.alive())[-_MOST_SHOWN:]
        people = [one for one in chat.members.values() if not one.is_bot]
        return chat.shown() | {
            "members": list(chat.members),
            "topics": [{"id": number, "name": name} for number, name in chat.topics.items()],
            "messages": [_message(one) for one in messages],
            "drafts": [{"text": one.text, "entities": one.entities} for one in chat.drafts.values()],
            "actions": [{"action": action, "at": at} for action, at in chat.actions[-1:]],
            "menus": {str(one.id): methods.menu(one, chat) for one in people},
        }


def _message(message: Message) -> dict[str, Any]:
    """A message for the page: as Telegram shows it, with its reactions and how often it changed."""
    body = message.shown(with_reply=False)
    return body | {
        "reply_to": message.reply_to.id if message.reply_to is not None and not message.reply_to.is_deleted else 0,
        "reactions": {str(by): emoji for by, emoji in message.reactions.items() if emoji},
        "versions": len(message.versions),
        "at": message.date,
    }
