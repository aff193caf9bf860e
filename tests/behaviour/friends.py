"""Somebody who talks with the bot: on the page, at the console, or on a platform. The same few verbs for all."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from bot.commands import COMMANDS, parse_command
from tests.chaos.talk import events
from tests.servers.discord import Message as DiscordMessage
from tests.servers.discord import User
from tests.servers.discord.world import World
from tests.servers.telegram.chats import Message
from tests.servers.telegram.people import Person

WITHIN_S = 30.0
STILL_S = 1.5
"""What has no thumbs under it, and has not changed for so long, is all there: a chat gets a message or an edit each second."""
WRITING = "✍️"
"""How what stands where an answer is going to be begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the bot said, in one piece however many messages it took; `shown` is what it is called where it was said."""

    text: str
    labels: Sequence[str] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    shown: Any = None


class Friend(Protocol):
    """Somebody who talks with the bot."""

    async def ask(self, text: str) -> Answer:
        """Say something, and wait for all of the answer."""

    async def begin(self, text: str) -> None:
        """Say something, and return once the beginning of the answer can be seen."""

    async def stop(self) -> Answer:
        """Have the bot stop what `begin` began; what it had said by then."""

    async def choose(self, answer: Answer, label: str) -> Answer:
        """Press one of the choices under an answer; what follows."""

    async def rate(self, answer: Answer, value: int) -> str:
        """👍 (1) or 👎 (-1); what the bot says to that."""

    async def correct(self, answer: Answer, right: str) -> str:
        """Give the right answer for one that was rated 👎; what the bot says to that."""


class WebFriend:
    """Whoever uses the page's or, as its owner, the console's API."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        self._client = httpx.AsyncClient(base_url=address, headers=headers, timeout=WITHIN_S)
        self._begun: asyncio.Task[Answer] | None = None
        self._turn = ""

    async def ask(self, text: str) -> Answer:
        """Say something, and wait for all of the answer."""
        return await self._post("/api/messages", {"text": text})

    async def begin(self, text: str) -> None:
        """Say something, and return once the beginning of the answer can be seen."""
        seen = asyncio.Event()
        self._begun = asyncio.create_task(self._post("/api/messages", {"text": text}, seen))
        async with asyncio.timeout(WITHIN_S):
            await seen.wait()

    async def stop(self) -> Answer:
        """Have the bot stop what `begin` began; what it had said by then."""
        assert self._begun is not None
        (await self._client.post(f"/api/turns/{self._turn}/stop")).raise_for_status()
        return await self._begun

    async def choose(self, answer: Answer, label: str) -> Answer:
        """Press one of the choices under an answer; what follows."""
        key = next(choice["key"] for choice in answer.shown["choices"] if label in choice["label"])
        return await self._post("/api/choices", {"turn_id": answer.shown["turn_id"], "key": key})

    async def rate(self, answer: Answer, value: int) -> str:
        """👍 (1) or 👎 (-1); what the bot says to that."""
        return await self._rated(answer, {"value": value})

    async def correct(self, answer: Answer, right: str) -> str:
        """Give the right answer for one that was rated 👎; what the bot says to that."""
        return await self._rated(answer, {"value": -1, "correction": right})

    async def sign_in(self, token: str) -> None:
        """Sign in with a token at the page's form, and open the page."""
        assert (await self._client.post("/login", data={"token": token})).status_code == 303
        assert (await self._client.get("/")).status_code == 200

    async def aclose(self) -> None:
        """Leave."""
        await self._client.aclose()

    async def _rated(self, answer: Answer, body: dict[str, object]) -> str:
        response = await self._client.post("/api/ratings", json={"turn_id": answer.shown["turn_id"], **body})
        response.raise_for_status()
        return str(response.json()["message"])

    async def _post(self, path: str, body: dict[str, str], seen: asyncio.Event | None = None) -> Answer:
        async with self._client.stream("POST", path, json=body) as response:
            assert response.status_code == 200, await response.aread()
            async for name, data in events(response):
                self._turn = str(data.get("turn_id") or self._turn)
                if name == "preview" and seen is not None:
                    seen.set()
                if name == "reply":
                    return _from_page(data)
                if name == "error":
                    return Answer(text=str(data["message"]))
        raise AssertionError("the stream ended without a reply")


class ConsoleFriend(WebFriend):
    """The owner at the console, who is always the same person: so they say first which language it is to be now."""

    def __init__(self, address: str, headers: dict[str, str], language: str) -> None:
        super().__init__(address, headers)
        self._language = language

    async def ask(self, text: str) -> Answer:
        """Say something, and wait for all of the answer."""
        if self._language:
            language, self._language = self._language, ""
            await super().ask(f"/language {language}")
        return await super().ask(text)


def _from_page(data: dict[str, Any]) -> Answer:
    return Answer(
        text=data["text"],
        labels=[choice["label"] for choice in data.get("choices", ())],
        files={one["name"]: b64decode(one["base64"]) for one in data.get("files", ())},
        shown=data,
    )


class TelegramFriend:
    """Whoever uses Telegram's app."""

    def __init__(self, person: Person) -> None:
        self.person = person

    async def ask(self, text: str) -> Answer:
        """Say something, and wait for all of the answer."""
        last = self._last()
        self.person.says(text)
        return await self._answer(last)

    async def begin(self, text: str) -> None:
        """Say something, and return once the beginning of the answer can be seen."""
        self._before = self._last()
        self.person.says(text)
        await self.person.reads(lambda one: one.id > self._before and not one.text.startswith(WRITING), within=WITHIN_S)

    async def stop(self) -> Answer:
        """Have the bot stop what `begin` began; what it had said by then."""
        self.person.says("/stop")
        return await self._answer(self._before)

    async def choose(self, answer: Answer, label: str) -> Answer:
        """Press one of the choices under an answer; what follows."""
        last = self._last()
        await self.person.sees_answer(self.person.presses(answer.shown[-1], label))
        return await self._answer(last)

    async def rate(self, answer: Answer, value: int) -> str:
        """👍 (1) or 👎 (-1); what the bot says to that."""
        press = self.person.presses(answer.shown[-1], "👍" if value == 1 else "👎")
        return (await self.person.sees_answer(press)).text

    async def correct(self, answer: Answer, right: str) -> str:
        """Give the right answer for one that was rated 👎; what the bot says to that."""
        last = self._last()
        self.person.says(right, reply_to=answer.shown[-1])
        return (await self._answer(last)).text

    def _last(self) -> int:
        return max((one.id for one in self.person.chat.alive()), default=0)

    def _since(self, last: int) -> list[Message]:
        return [one for one in self.person.seen() if one.id > last]

    async def _answer(self, last: int) -> Answer:
        """The bot's messages after one, once nothing of them changes any more."""
        before: list[tuple[str, list[str]]] = []
        still_s = 0.0
        async with asyncio.timeout(WITHIN_S):
            while still_s < STILL_S or not before:
                await asyncio.sleep(0.1)
                now = [(one.text, one.labels) for one in self._since(last)]
                is_there = bool(now) and not any(text.startswith(WRITING) for text, _ in now)
                if is_there and "👍" in now[-1][1]:
                    break
                still_s = still_s + 0.1 if is_there and now == before else 0.0
                before = now
        messages = self._since(last)
        return Answer(
            text="\n".join(one.text for one in messages),
            labels=[label for one in messages for label in one.labels],
            files={
                one.media["document"]["file_name"]: self.person.desk.world.files[one.media["document"]["file_id"]].data
                for one in messages
                if "document" in one.media
            },
            shown=messages,
        )


class DiscordFriend:
    """Whoever uses Discord's app, in direct messages; commands are slash commands, in their own language."""

    def __init__(self, world: World, person: User) -> None:
        self.world, self.person, self.room = world, person, world.dm(person)
        self._before = 0

    async def ask(self, text: str) -> Answer:
        """Say something, and wait for all of the answer."""
        last = self._last()
        self._say(text)
        return await self._answer(last)

    async def begin(self, text: str) -> None:
        """Say something, and return once the beginning of the answer can be seen."""
        self._before = self._last()
        self._say(text)
        await self.world.until(lambda: [one for one in self._since(self._before) if _is_said(one)], WITHIN_S)

    async def stop(self) -> Answer:
        """Have the bot stop what `begin` began; what it had said by then."""
        self.world.say(self.person, self.room, "/stop")
        return await self._answer(self._before)

    async def choose(self, answer: Answer, label: str) -> Answer:
        """Press one of the choices under an answer; what follows."""
        last = self._last()
        self.world.press(self.person, answer.shown[-1], next(one for one in answer.labels if label in one))
        return await self._answer(last)

    async def rate(self, answer: Answer, value: int) -> str:
        """👍 (1) or 👎 (-1); what the bot says to that."""
        pressed = self.world.press(self.person, answer.shown[-1], "👍" if value == 1 else "👎")
        return (await self.world.answer(pressed, WITHIN_S)).content

    async def correct(self, answer: Answer, right: str) -> str:
        """Give the right answer for one that was rated 👎; what the bot says to that."""
        pressed = self.world.press(self.person, answer.shown[-1], "✏️")
        await self.world.until(lambda: pressed.modal is not None, WITHIN_S)
        return (await self.world.answer(self.world.submit(pressed, right), WITHIN_S)).content

    def _say(self, text: str) -> None:
        command = parse_command(text)
        known = next((one for one in COMMANDS if command is not None and one.name == command[0]), None)
        if command is None or known is None:
            self.world.say(self.person, self.room, text)
            return
        name, argument = command
        registered = next(one for one in self.world.commands if one["name"] == name)
        options = {registered["options"][0]["name"]: argument} if argument else {}
        self.world.slash(self.person, self.room, name, **options)

    def _last(self) -> int:
        return max((one.id for one in self.room.messages.values()), default=0)

    def _since(self, last: int) -> list[DiscordMessage]:
        return [one for one in self.world.from_bot(self.room) if one.id > last]

    async def _answer(self, last: int) -> Answer:
        """The bot's messages after one, once nothing of them changes any more."""
        before: list[str] = []
        still_s = 0.0
        async with asyncio.timeout(WITHIN_S):
            while still_s < STILL_S or not before:
                await asyncio.sleep(0.1)
                messages = self._since(last)
                now = [one.content for one in messages]
                is_there = bool(now) and all(map(_is_said, messages))
                if is_there and any(one.get("emoji", {}).get("name") == "👍" for one in messages[-1].buttons):
                    break
                still_s = still_s + 0.1 if is_there and now == before else 0.0
                before = now
        messages = self._since(last)
        return Answer(
            text="\n".join(one.content for one in messages),
            labels=[one.get("label") or one["emoji"]["name"] for message in messages for one in message.buttons],
            files={one.name: one.data for message in messages for one in message.attachments},
            shown=messages,
        )


def _is_said(message: DiscordMessage) -> bool:
    return not message.is_loading and not message.content.startswith(WRITING)
