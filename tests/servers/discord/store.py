"""Everything that is in the local Discord, and how it changes: every change is published to whoever listens."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from tests.servers.discord.events import Event, Intent
from tests.servers.discord.mentions import woken
from tests.servers.discord.nouns import (
    ALL_PERMISSIONS,
    NO_FLAGS,
    Attachment,
    Channel,
    ChannelKind,
    Guild,
    Interaction,
    Json,
    Message,
    MessageFlag,
    MessageKind,
    Permission,
    Snowflakes,
    User,
)
from tests.servers.discord.shapes import Shapes

T = TypeVar("T")
NONCE_S = 180.0
"""How long a nonce is remembered: Discord says "the past few minutes"."""


class Store:
    """The facts. `listeners` hear of every event, `version` rises with every change.

    `granted` are the privileged intents that the application has in the portal.
    """

    def __init__(self, *, has_small_ids: bool = False) -> None:
        self.ids = Snowflakes(are_small=has_small_ids)
        self.bot = User(id=self.ids.new(), name="martin", is_bot=True)
        self.shapes = Shapes(self.bot)
        self.people: dict[int, User] = {self.bot.id: self.bot}
        self.guilds: list[Guild] = []
        self.channels: dict[int, Channel] = {}
        self.interactions: dict[int, Interaction] = {}
        self.tokens: dict[str, Interaction] = {}
        self.commands: list[Json] = []
        self.typing: list[tuple[Channel, float]] = []
        self.listeners: list[Callable[[Event], None]] = []
        self.granted: int = Intent.MESSAGE_CONTENT
        self.nonce_s = NONCE_S
        self.version = 0
        self._nonces: dict[tuple[int, str], tuple[float, Message]] = {}
        self._waiting: set[asyncio.Event] = set()

    # --- telling ---

    def publish(self, event: Event) -> None:
        """Tell the listeners, and wake up who waits."""
        for hear in self.listeners:
            hear(event)
        self.touch()

    def touch(self) -> None:
        """Something changed that no event tells."""
        self.version += 1
        for waiting in self._waiting:
            waiting.set()

    async def until(self, check: Callable[[], T], timeout_s: float = 10.0) -> T:
        """What `check` gives once that is true; it is asked after every change. Raises TimeoutError."""
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            async with asyncio.timeout(timeout_s):
                while not (found := check()):
                    changed.clear()
                    await changed.wait()
                return found
        finally:
            self._waiting.discard(changed)

    # --- finding ---

    def messages(self) -> Iterator[Message]:
        """Every message that is there, channel by channel, oldest first."""
        for channel in self.channels.values():
            yield from (one for one in channel.messages.values() if not one.is_deleted)

    def known_nonce(self, author: User, nonce: str | int) -> Message | None:
        """The message that this author lately sent with this nonce."""
        at, message = self._nonces.get((author.id, str(nonce)), (0.0, None))
        return message if time.monotonic() - at < self.nonce_s else None

    # --- places and people ---

    def add_person(self, name: str, locale: str) -> User:
        """Somebody new, a member of every guild."""
        person = User(id=self.ids.new(), name=name, locale=locale)
        self.people[person.id] = person
        for guild in self.guilds:
            guild.members.append(person)
        self.touch()
        return person

    def add_guild(self, name: str) -> Guild:
        """A guild with everybody in it and one role that can be mentioned."""
        owner = next((one for one in self.people.values() if not one.is_bot), self.bot)
        guild = Guild(id=self.ids.new_apart(), name=name, owner=owner, members=list(self.people.values()))
        guild.roles[self.ids.new()] = "helpers"
        self.guilds.append(guild)
        self.publish(Event(name="GUILD_CREATE", data=self.shapes.guild(guild), intent=Intent.GUILDS, guild=guild))
        return guild

    def add_channel(self, guild: Guild, name: str) -> Channel:
        """A text channel."""
        channel = Channel(id=self.ids.new(), kind=ChannelKind.TEXT, name=name, guild=guild)
        self.channels[channel.id] = channel
        guild.channels.append(channel)
        self._tell("CHANNEL_CREATE", channel, self.shapes.channel(channel), Intent.GUILDS)
        return channel

    def open_dm(self, person: User) -> Channel:
        """The direct messages between this person and the bot; the same ones each time."""
        for channel in self.channels.values():
            if channel.is_dm and channel.person is person:
                return channel
        channel = Channel(id=self.ids.new(), kind=ChannelKind.DM, person=person)
        self.channels[channel.id] = channel
        self.touch()
        return channel

    def add_thread(
        self, parent: Channel, name: str, starter: User, *, on: Message | None = None, kind: ChannelKind = ChannelKind.THREAD
    ) -> Channel:
        """A thread, out of a message (whose id it then has) or of nothing."""
        id = on.id if on is not None else self.ids.new()
        thread = Channel(id=id, kind=kind, name=name, guild=parent.guild, parent=parent, person=starter)
        assert parent.guild is not None
        self.channels[id] = thread
        parent.guild.channels.append(thread)
        self._tell("THREAD_CREATE", thread, self.shapes.thread(thread) | {"newly_created": True}, Intent.GUILDS)
        if on is not None:
            on.thread = thread
            on.flags |= MessageFlag.HAS_THREAD
            self._tell_message("MESSAGE_UPDATE", on)
        return thread

    def allow(self, channel: Channel, permissions: Permission = ALL_PERMISSIONS) -> None:
        """From now on the bot may do this in the channel, and nothing else."""
        could_view = channel.may(Permission.VIEW)
        channel.own_permissions = permissions
        if could_view:
            event = Event(name="CHANNEL_UPDATE", data=self.shapes.channel(channel), intent=Intent.GUILDS, guild=channel.guild)
            self.publish(event)

    # --- messages ---

    def add_message(
        self,
        channel: Channel,
        author: User,
        content: str = "",
        *,
        kind: MessageKind = MessageKind.DEFAULT,
        replied: Message | None = None,
        allowed: Json | None = None,
        nonce: str | int | None = None,
        interaction: Interaction | None = None,
        flags: MessageFlag = NO_FLAGS,
        embeds: Sequence[Json] = (),
        components: Sequence[Json] = (),
        files: Sequence[tuple[str, str, bytes]] = (),
    ) -> Message:
        """A new message. Files are name, media type and bytes."""
        message = Message(
            id=self.ids.new(),
            channel=channel,
            author=author,
            content=content,
            kind=MessageKind.REPLY if replied is not None else kind,
            reference=replied.id if replied is not None else None,
            embeds=[{"type": "rich"} | one for one in embeds],
            components=numbered(components),
            flags=flags,
            nonce=nonce,
            interaction=interaction,
        )
        message.attachments = [
            Attachment(id=self.ids.new(), name=name, media_type=kind, data=data) for name, kind, data in files
        ]
        self._wake(message, allowed, replied)
        channel.messages[message.id] = message
        if nonce is not None:
            self._nonces[(author.id, str(nonce))] = (time.monotonic(), message)
        self._tell_message("MESSAGE_CREATE", message)
        return message

    def edit_message(self, message: Message, changes: Json, files: Sequence[tuple[str, str, bytes]] = ()) -> None:
        """Change what `changes` names, as an edit's request does; a None empties."""
        allowed = changes.get("allowed_mentions")
        message.edits.append(message.content)
        if "content" in changes:
            message.content = changes["content"] or ""
        if "embeds" in changes:
            message.embeds = [{"type": "rich"} | one for one in changes["embeds"] or []]
        if "components" in changes:
            message.components = numbered(changes["components"] or [])
        if "flags" in changes and changes["flags"] is not None:
            kept = message.flags & (MessageFlag.EPHEMERAL | MessageFlag.HAS_THREAD)
            message.flags = kept | (MessageFlag(changes["flags"]) & MessageFlag.SUPPRESS_EMBEDS)
        if "attachments" in changes:
            kept_ids = {int(one["id"]) for one in changes["attachments"] or []}
            message.attachments = [one for one in message.attachments if one.id in kept_ids]
        message.attachments += [Attachment(id=self.ids.new(), name=n, media_type=k, data=d) for n, k, d in files]
        replied = message.channel.messages.get(message.reference or 0)
        kept_mentions = [user for user in message.mentions if replied is not None and user is replied.author]
        message.flags &= ~MessageFlag.LOADING
        message.edited_at = datetime.now(UTC)
        self._wake(message, allowed, None)
        message.mentions += [user for user in kept_mentions if user not in message.mentions]
        self._tell_message("MESSAGE_UPDATE", message)

    def delete_message(self, message: Message) -> None:
        """Take a message away; the record stays, so that a test can look at it."""
        message.is_deleted = True
        if not message.is_ephemeral:
            self._tell(
                "MESSAGE_DELETE", message.channel, self._where(message.channel) | {"id": str(message.id)}, self._kind(message)
            )
        self.touch()

    def add_reaction(self, message: Message, user: User, emoji: str) -> None:
        """React; doing it twice changes nothing."""
        who = message.reactions.setdefault(emoji, [])
        if user not in who:
            who.append(user)
            self._tell_reaction("MESSAGE_REACTION_ADD", message, user, emoji)

    def remove_reaction(self, message: Message, user: User, emoji: str) -> None:
        """Take a reaction back, if it is there."""
        who = message.reactions.get(emoji, [])
        if user in who:
            who.remove(user)
            if not who:
                del message.reactions[emoji]
            self._tell_reaction("MESSAGE_REACTION_REMOVE", message, user, emoji)

    def type_in(self, channel: Channel, user: User) -> None:
        """Somebody types."""
        self.typing.append((channel, time.monotonic()))
        intent = Intent.DIRECT_TYPING if channel.is_dm else Intent.GUILD_TYPING
        data = self._where(channel) | {"user_id": str(user.id), "timestamp": int(time.time())}
        if channel.guild is not None:
            data["member"] = self.shapes.member(user, channel.guild)
        self._tell("TYPING_START", channel, data, intent)

    def add_interaction(self, interaction: Interaction) -> None:
        """Something for the bot to answer."""
        self.interactions[interaction.id] = interaction
        self.tokens[interaction.token] = interaction
        # It comes with no intent, and where the bot cannot look, too.
        event = Event(name="INTERACTION_CREATE", data=self.shapes.interaction(interaction), guild=interaction.channel.guild)
        self.publish(event)

    def new_token(self) -> str:
        """A fresh interaction token, which nobody can guess."""
        return secrets.token_urlsafe(60)

    # --- helpers ---

    def _wake(self, message: Message, allowed: Json | None, replied: Message | None) -> None:
        found = woken(message.content, message.channel, self.people, allowed, replied)
        message.mentions, message.role_mentions, message.mentions_everyone = found.users, found.roles, found.everyone
        message.pings |= found.pings
        message.asked_mentions.append(allowed)

    def _tell_message(self, name: str, message: Message) -> None:
        if message.is_ephemeral:
            self.touch()
            return
        shape = self.shapes.message(message, is_event=True)
        is_open = message.channel.is_dm or message.author is self.bot or self.bot in message.mentions
        bare = None if is_open else self.shapes.bare(shape)
        self._tell(name, message.channel, shape, self._kind(message), bare)

    def _tell_reaction(self, name: str, message: Message, user: User, emoji: str) -> None:
        channel = message.channel
        shape = self._where(channel) | {
            "user_id": str(user.id),
            "message_id": str(message.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if name == "MESSAGE_REACTION_ADD":
            shape["message_author_id"] = str(message.author.id)
            if channel.guild is not None:
                shape["member"] = self.shapes.member(user, channel.guild)
        self._tell(name, channel, shape, Intent.DIRECT_REACTIONS if channel.is_dm else Intent.GUILD_REACTIONS)

    def _tell(self, name: str, channel: Channel, data: Json, intent: int, bare: Json | None = None) -> None:
        self.publish(Event(name=name, data=data, intent=intent, guild=channel.guild, channel=channel, bare=bare))

    def _kind(self, message: Message) -> int:
        return Intent.DIRECT_MESSAGES if message.channel.is_dm else Intent.GUILD_MESSAGES

    def _where(self, channel: Channel) -> Json:
        guild: Json = {"guild_id": str(channel.guild.id)} if channel.guild is not None else {}
        return {"channel_id": str(channel.id)} | guild


def numbered(components: Sequence[Json]) -> list[Json]:
    """Components as an answer shows them: each with a number, and without what is not set."""
    counter = iter(range(1, 1000))

    def shown(one: Any) -> Json:
        kept: Json = {"id": next(counter)} | {key: value for key, value in one.items() if value is not None}
        if isinstance(kept.get("emoji"), dict):
            kept["emoji"] = {key: value for key, value in kept["emoji"].items() if value is not None}
        if "components" in kept:
            kept["components"] = [shown(part) for part in kept["components"]]
        return kept

    return [shown(one) for one in components]
