"""The simulated world: who is there, which chats they have, and what every message looks like now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from tests.servers.telegram.text import Entity

ChatKind = Literal["private", "group", "supergroup"]
Place = tuple[int, int]
"""A chat's id and a message's in it: message ids alone say nothing in supergroups, where each chat counts its own."""

_FIRST_PERSON: Final = 1001
_FIRST_MESSAGE: Final = 11


class Refused(Exception):
    """What Telegram answers instead of a result."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


def bad(description: str) -> Refused:
    """The most frequent refusal."""
    return Refused(400, f"Bad Request: {description}")


@dataclass(slots=True, kw_only=True, eq=False)
class Account:
    """A person or the bot. `language` is what the app is set to."""

    id: int
    first_name: str
    username: str = ""
    language: str = ""
    is_bot: bool = False
    has_blocked: bool = False

    def shown(self) -> dict[str, Any]:
        """A `User`."""
        more = {"username": self.username, "language_code": self.language}
        return {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name} | {k: v for k, v in more.items() if v}


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a message said from `at` (Unix time) on."""

    text: str
    entities: tuple[Entity, ...]
    buttons: tuple[tuple[Entity, ...], ...]
    at: float


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """A message as it is now; `versions` is how it came to that, the first as it was sent.

    `media` holds the fields that make it more than text; a caption counts as its text. `asked` is what the bot gave when it
    sent or last edited it, as parameters. `thread` is 0 where there is none.
    """

    id: int
    chat: Chat
    sender: Account
    date: float
    text: str = ""
    entities: list[Entity] = field(default_factory=list)
    buttons: list[list[dict[str, Any]]] = field(default_factory=list)
    media: dict[str, Any] = field(default_factory=dict)
    reply_to: Message | None = None
    thread: int = 0
    edited: float | None = None
    is_deleted: bool = False
    reactions: dict[int, list[str]] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    asked: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> Place:
        """What names it in the whole world."""
        return self.chat.id, self.id

    @property
    def labels(self) -> list[str]:
        """What its buttons say, row by row."""
        return [button["text"] for row in self.buttons for button in row]

    def keep(self, now: float) -> None:
        """Write down what it says from now on."""
        buttons = tuple(tuple(row) for row in self.buttons)
        self.versions.append(Version(text=self.text, entities=tuple(self.entities), buttons=buttons, at=now))

    def shown(self, *, with_reply: bool = True) -> dict[str, Any]:
        """A `Message`. What it replies to is shown one level deep, as Telegram does."""
        body: dict[str, Any] = {"message_id": self.id, "date": int(self.date)}
        body |= {"chat": self.chat.shown(), "from": self.sender.shown()}
        if self.thread:
            body["message_thread_id"] = self.thread
            if self.chat.is_forum:
                body["is_topic_message"] = True
        if self.edited is not None:
            body["edit_date"] = int(self.edited)
        said, marks = ("caption", "caption_entities") if self.media else ("text", "entities")
        if self.text:
            body[said] = self.text
        if self.entities:
            body[marks] = self.entities
        if self.buttons:
            body["reply_markup"] = {"inline_keyboard": self.buttons}
        if "link_preview_options" in self.asked:
            body["link_preview_options"] = self.asked["link_preview_options"]
        if with_reply and self.reply_to is not None and not self.reply_to.is_deleted:
            body["reply_to_message"] = self.reply_to.shown(with_reply=False)
        return body | self.media


@dataclass(slots=True, kw_only=True)
class Draft:
    """What the bot shows of a message that it is still writing (`sendMessageDraft`), and how often it did."""

    text: str
    entities: list[Entity]
    at: float
    shown: int = 1


@dataclass(slots=True, kw_only=True, eq=False)
class Chat:
    """A chat. A supergroup with topics is a forum; `topics` maps thread ids to names.

    Of a group's reactions and, in privacy mode, of most of its messages the bot hears only as an administrator.
    `actions` holds what the bot was said to be doing, with the time; `drafts` those still shown.
    """

    id: int
    kind: ChatKind
    title: str = ""
    members: dict[int, Account] = field(default_factory=dict)
    messages: dict[int, Message] = field(default_factory=dict)
    topics: dict[int, str] = field(default_factory=dict)
    is_forum: bool = False
    owner: int = 0
    bot_is_admin: bool = False
    bot_is_gone: bool = False
    upgraded_to: int = 0
    actions: list[tuple[str, float]] = field(default_factory=list)
    drafts: dict[int, Draft] = field(default_factory=dict)

    @property
    def is_private(self) -> bool:
        """Whether it is one person's talk with the bot."""
        return self.kind == "private"

    @property
    def person(self) -> Account:
        """Whom a private chat is with."""
        return next(one for one in self.members.values() if not one.is_bot)

    def shown(self) -> dict[str, Any]:
        """A `Chat`."""
        body: dict[str, Any] = {"id": self.id, "type": self.kind}
        if self.is_private:
            person = self.person.shown()
            return body | {name: person[name] for name in ("first_name", "username") if name in person}
        return body | {"title": self.title} | ({"is_forum": True} if self.is_forum else {})

    def alive(self) -> Iterator[Message]:
        """The messages that are not deleted, oldest first."""
        return (one for one in self.messages.values() if not one.is_deleted)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file on Telegram's servers."""

    id: str
    path: str
    data: bytes
    size: int


class World:
    """People, chats, messages and files. `await change()` returns at the next thing that happens in it.

    `reads_everything` says that the bot's privacy mode is off, so that it hears all that is said in its groups.
    """

    def __init__(self, bot: Account) -> None:
        self.bot = bot
        self.people: dict[str, Account] = {}
        self.chats: dict[int, Chat] = {}
        self.files: dict[str, StoredFile] = {}
        self.reads_everything = True
        self.version = 0
        self._last_message = _FIRST_MESSAGE
        self._changed = asyncio.Event()

    # --- who and where ---

    def add_person(self, name: str, *, language: str, username: str) -> Account:
        """Somebody with an account. The private chat begins with their first message."""
        account = Account(id=_FIRST_PERSON + len(self.people), first_name=name, language=language, username=username)
        self.people[name] = account
        self.touch()
        return account

    def add_group(self, title: str, members: list[Account], *, kind: ChatKind, is_forum: bool, bot_is_admin: bool) -> Chat:
        """A group that the bot is in; the first member owns it."""
        number = 1 + sum(not one.is_private for one in self.chats.values())
        group = Chat(
            id=-(number if kind == "group" else 1_000_000_000_000 + number),
            kind=kind,
            title=title,
            is_forum=is_forum,
            bot_is_admin=bot_is_admin,
            owner=members[0].id,
            members={one.id: one for one in (*members, self.bot)},
        )
        self.chats[group.id] = group
        self.touch()
        return group

    def private(self, person: Account) -> Chat:
        """The person's own chat with the bot, begun if it was not."""
        if person.id not in self.chats:
            self.chats[person.id] = Chat(id=person.id, kind="private", members={one.id: one for one in (person, self.bot)})
        return self.chats[person.id]

    # --- what is said ---

    def new_message(self, chat: Chat, sender: Account, **facts: Any) -> Message:
        """A message that was just sent there."""
        now = time.time()
        if chat.kind == "supergroup":
            number = max(chat.messages, default=1) + 1  # the first is the group's making
        else:  # all private chats and small groups of one account share their numbers
            self._last_message += 1
            number = self._last_message
        message = Message(id=number, chat=chat, sender=sender, date=now, **facts)
        if message.reply_to is not None and not message.thread and chat.kind == "supergroup" and not chat.is_forum:
            message.thread = message.reply_to.thread or message.reply_to.id  # a thread of replies, which is no topic
        message.keep(now)
        chat.messages[number] = message
        self.touch()
        return message

    def change_message(self, message: Message, **facts: Any) -> None:
        """Give a message other contents, and keep what it was."""
        for name, value in facts.items():
            setattr(message, name, value)
        message.keep(time.time())
        self.touch()

    def messages(self) -> Iterator[Message]:
        """Every message that is not deleted, by chat."""
        for chat in self.chats.values():
            yield from chat.alive()

    def of_bot(self) -> Iterator[Message]:
        """The bot's messages that are not deleted."""
        return (one for one in self.messages() if one.sender is self.bot)

    def keep_file(self, name: str, data: bytes, size: int | None = None) -> StoredFile:
        """Store a file; `size` pretends that it is larger."""
        number = len(self.files) + 1
        stored = StoredFile(id=f"FILE{number}", path=f"documents/file_{number}_{name}", data=data, size=size or len(data))
        self.files[stored.id] = stored
        return stored

    # --- waiting ---

    def touch(self) -> None:
        """Something happened: wake who waits."""
        self.version += 1
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def change(self, within: float) -> None:
        """Return when something happens, at the latest after so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._changed.wait()

    async def until(self, holds: Callable[[], bool], within: float) -> bool:
        """Whether it came to hold in time."""
        end = time.monotonic() + within
        while not holds():
            left = end - time.monotonic()
            if left <= 0:
                return False
            await self.change(left)
        return True
