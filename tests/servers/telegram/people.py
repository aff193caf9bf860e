"""What people do in Telegram: they write, edit, react, press and leave, and read what the bot made of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.servers.telegram.chats import Account, Chat, Message, World
from tests.servers.telegram.text import Entity, checked, covered, found, marked, trimmed
from tests.servers.telegram.updates import Updates

PHOTO = b"\x89PNG\r\n\x1a\n a picture"
VOICE = b"OggS a voice"


@dataclass(slots=True, kw_only=True, eq=False)
class Press:
    """A press of a button. `text` is what the app shows once the bot has answered; `pressed_at` is Unix time."""

    id: str
    sender: Account
    message: Message
    data: str
    pressed_at: float
    is_answered: bool = False
    text: str = ""
    is_alert: bool = False
    answered_after: float = 0.0


class Desk:
    """What the people share: the world, the queue of updates, and the buttons pressed so far."""

    def __init__(self, world: World, updates: Updates) -> None:
        self.world, self.updates = world, updates
        self.presses: dict[str, Press] = {}

    def hears(self, message: Message) -> bool:
        """Whether the bot gets what was written there, by its privacy mode."""
        chat, bot = message.chat, self.world.bot
        if bot.id not in chat.members:
            return False
        if chat.is_private or self.world.reads_everything or chat.bot_is_admin:
            return True
        if message.reply_to is not None and message.reply_to.sender is bot:
            return True
        named = f"@{bot.username}".lower()
        for one in message.entities:
            part = covered(message.text, one).lower()
            if one["type"] == "text_mention" and one["user"]["id"] == bot.id:
                return True
            if one["type"] == "mention" and part == named:
                return True
            if one["type"] == "bot_command" and (part.endswith(named) or ("@" not in part and self._spoke_last(chat, message))):
                return True
        return False

    def tell(self, kind: str, message: Message) -> int | None:
        """Queue an update about a message, where the bot hears of it."""
        return self.updates.put(kind, message.shown()) if self.hears(message) else None

    def membership(self, chat: Chat, by: Account, before: str, after: str) -> None:
        """Tell the bot that its own place in a chat has changed."""
        user = self.world.bot.shown()

        def as_member(status: str) -> dict[str, Any]:
            return {"status": status, "user": user} | ({"until_date": 0} if status == "kicked" else {})

        update = {"chat": chat.shown(), "from": by.shown(), "date": int(time.time())}
        members = {"old_chat_member": as_member(before), "new_chat_member": as_member(after)}
        self.updates.put("my_chat_member", update | members)
        self.world.touch()

    def _spoke_last(self, chat: Chat, before: Message) -> bool:
        others = [one for one in chat.alive() if one is not before]
        return bool(others) and others[-1].sender is self.world.bot


class Group:
    """A group as people use it."""

    def __init__(self, desk: Desk, chat: Chat) -> None:
        self.desk, self.chat = desk, chat

    @property
    def owner(self) -> Account:
        """Who made it."""
        return self.chat.members[self.chat.owner]

    @property
    def id(self) -> int:
        """The chat's id."""
        return self.chat.id

    def topic(self, name: str) -> int:
        """Open a topic in a forum; its thread's id is given."""
        media = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
        created = self.desk.world.new_message(self.chat, self.owner, media=media)
        created.thread = created.id
        self.chat.topics[created.id] = name
        self.desk.tell("message", created)
        return created.id

    def removes_bot(self) -> None:
        """Throw the bot out."""
        del self.chat.members[self.desk.world.bot.id]
        self.chat.bot_is_gone = True
        self.desk.membership(self.chat, self.owner, "member", "kicked")

    def becomes_supergroup(self) -> Group:
        """What happens to a small group that grows: another chat with another id takes its place."""
        everyone = [one for one in self.chat.members.values() if not one.is_bot]
        world = self.desk.world
        grown = world.add_group(self.chat.title, everyone, kind="supergroup", is_forum=False, bot_is_admin=False)
        self.chat.upgraded_to = grown.id
        moved = world.new_message(self.chat, self.owner, media={"migrate_to_chat_id": grown.id})
        self.desk.tell("message", moved)
        arrived = world.new_message(grown, self.owner, media={"migrate_from_chat_id": self.chat.id})
        self.desk.tell("message", arrived)
        return Group(self.desk, grown)


class Person:
    """Somebody with the app. Where no group is named, they are in their own chat with the bot.

    What they do takes effect at once; the bot hears of it through its updates.
    """

    def __init__(self, desk: Desk, account: Account) -> None:
        self.desk, self.account = desk, account

    @property
    def id(self) -> int:
        """Their number on the platform, which is also their private chat's."""
        return self.account.id

    @property
    def chat(self) -> Chat:
        """Their own chat with the bot."""
        return self.desk.world.private(self.account)

    # --- what they do ---

    def says(
        self,
        text: str,
        *,
        to: Group | None = None,
        reply_to: Message | None = None,
        topic: int = 0,
        entities: Sequence[Entity] = (),
        naming: Mapping[str, Account] | None = None,
    ) -> Message:
        """Write a message, /commands included. `naming` mentions by name accounts that have no @name: text -> account."""
        named = [marked(text, part, "text_mention", user=one.shown()) for part, one in (naming or {}).items()]
        checked(text, [*entities, *named])
        kept, marks = trimmed(text, found(text, [*entities, *named]))
        assert kept, "the app sends no empty message"
        return self._send(to, reply_to, topic, text=kept, entities=marks)

    def sends(
        self,
        media: Mapping[str, Any],
        *,
        to: Group | None = None,
        caption: str = "",
        reply_to: Message | None = None,
        topic: int = 0,
    ) -> Message:
        """Send what is not text: the fields of a `Message`, such as `{"location": {…}}`."""
        return self._send(to, reply_to, topic, text=caption, entities=found(caption), media=dict(media))

    def sends_file(
        self, name: str, data: bytes, media_type: str = "text/plain", *, size: int | None = None, **more: Any
    ) -> Message:
        """Send a document; `size` pretends that it is larger. `more` is as for `sends`."""
        stored = self.desk.world.keep_file(name, data, size)
        about = {"file_id": stored.id, "file_unique_id": f"U{stored.id}", "file_size": stored.size}
        return self.sends({"document": about | {"file_name": name, "mime_type": media_type}}, **more)

    def sends_photo(self, **more: Any) -> Message:
        """Send a picture."""
        stored = self.desk.world.keep_file("photo.jpg", PHOTO)
        about = {"file_id": stored.id, "file_size": stored.size}
        sizes = [about | {"file_unique_id": f"U{stored.id}{side}", "width": side, "height": side} for side in (90, 320)]
        return self.sends({"photo": sizes}, **more)

    def sends_voice(self, seconds: int = 3, **more: Any) -> Message:
        """Send a voice message."""
        stored = self.desk.world.keep_file("voice.oga", VOICE)
        about = {"file_id": stored.id, "file_unique_id": f"U{stored.id}", "duration": seconds, "mime_type": "audio/ogg"}
        return self.sends({"voice": about}, **more)

    def edits(self, message: Message, text: str) -> None:
        """Change a message of their own."""
        assert message.sender is self.account, "people edit only what they wrote"
        kept, marks = trimmed(text, found(text))
        message.edited = time.time()
        self.desk.world.change_message(message, text=kept, entities=marks)
        self.desk.tell("edited_message", message)

    def deletes(self, message: Message) -> None:
        """Delete a message; the bot is not told."""
        message.is_deleted = True
        self.desk.world.touch()

    def reacts(self, message: Message, *emoji: str) -> None:
        """Put these reactions on a message in place of earlier ones; none takes them away."""
        before = message.reactions.get(self.id, [])
        message.reactions[self.id] = list(emoji)
        self.desk.world.touch()
        if message.chat.is_private or message.chat.bot_is_admin:
            update = {"chat": message.chat.shown(), "message_id": message.id, "user": self.account.shown()}
            reactions = {"old_reaction": _reactions(before), "new_reaction": _reactions(emoji)}
            self.desk.updates.put("message_reaction", update | reactions | {"date": int(time.time())})

    def presses(self, message: Message, label: str) -> Press:
        """Press the button with this label, or the first whose label holds it."""
        buttons = [button for row in message.buttons for button in row if "callback_data" in button]
        meant = [one for one in buttons if one["text"] == label] or [one for one in buttons if label in one["text"]]
        assert meant, f"no button {label!r} under this message, only {message.labels}"
        return self.sends_press(message, meant[0]["callback_data"])

    def sends_press(self, message: Message, data: str, *, is_inaccessible: bool = False) -> Press:
        """Send any data as if it were a button's; the message may be so old that Telegram no longer shows it."""
        desk = self.desk
        number = f"{4_000_000_000_000 + len(desk.presses) + 1}"
        press = Press(id=number, sender=self.account, message=message, data=data, pressed_at=time.time())
        desk.presses[number] = press
        shown = message.shown()
        if is_inaccessible:
            shown = {"chat": message.chat.shown(), "message_id": message.id, "date": 0}
        body = {"id": number, "from": self.account.shown(), "message": shown, "data": data}
        desk.updates.put("callback_query", body | {"chat_instance": str(7 * message.chat.id)})
        desk.world.touch()
        return press

    def blocks(self) -> None:
        """Block the bot."""
        self.account.has_blocked = True
        self.desk.membership(self.chat, self.account, "member", "kicked")

    def unblocks(self) -> None:
        """Let the bot write again."""
        self.account.has_blocked = False
        self.desk.membership(self.chat, self.account, "kicked", "member")

    def leaves(self, group: Group) -> None:
        """Leave a group."""
        del group.chat.members[self.id]
        gone = self.desk.world.new_message(group.chat, self.account, media={"left_chat_member": self.account.shown()})
        self.desk.tell("message", gone)

    # --- what they see ---

    def seen(self, group: Group | None = None) -> list[Message]:
        """The bot's messages there as they are now, oldest first."""
        return [one for one in (group.chat if group else self.chat).alive() if one.sender is self.desk.world.bot]

    async def reads(
        self,
        holds: Callable[[Message], bool],
        *,
        within: float = 10,
        in_group: Group | None = None,
        after: Message | None = None,
    ) -> Message:
        """The first message of the bot for which this holds, once there is one; `after` leaves out all up to that one."""

        def fitting() -> list[Message]:
            return [one for one in self.seen(in_group) if (after is None or one.id > after.id) and holds(one)]

        came = await self.desk.world.until(lambda: bool(fitting()), within)
        texts = [one.text for one in self.seen(in_group)]
        assert came, f"nothing of the kind within {within} s; {self.account.first_name} sees {texts}"
        return fitting()[0]

    async def reads_text(self, part: str, **more: Any) -> Message:
        """The first message of the bot that holds this text."""
        return await self.reads(lambda message: part in message.text, **more)

    async def sees_answer(self, press: Press, *, within: float = 10) -> Press:
        """The press, once the bot has answered it."""
        assert await self.desk.world.until(lambda: press.is_answered, within), f"the press was not answered within {within} s"
        return press

    def _send(self, to: Group | None, reply_to: Message | None, topic: int, **facts: Any) -> Message:
        chat = to.chat if to else self.chat
        assert self.id in chat.members, "people write only where they are members"
        assert reply_to is None or reply_to.chat is chat, "people reply where the message is"
        thread = topic or (reply_to.thread if reply_to is not None and chat.is_forum else 0)
        if reply_to is None and topic:  # in a topic everything replies to the message that opened it
            reply_to = chat.messages[topic]
        message = self.desk.world.new_message(chat, self.account, reply_to=reply_to, thread=thread, **facts)
        self.desk.tell("message", message)
        return message


def _reactions(emoji: Sequence[str]) -> list[dict[str, str]]:
    return [{"type": "emoji", "emoji": one} for one in emoji]
