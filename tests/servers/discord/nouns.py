"""What is in the local Discord: people, guilds, channels, messages and interactions, as plain records that change."""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

Json = dict[str, Any]

EPOCH_MS: Final = 1_420_070_400_000
"""Where Discord's time begins: the upper bits of an id are the milliseconds since (Discord, "Snowflakes")."""


_DAY_MS: Final = 86_400_000


class Snowflakes:
    """Ids that only rise, each with its time inside.

    Small ones begin a day after Discord's time began, and stay below 2 ** 53 for three weeks: prism, which knows no larger
    whole numbers, rounds those that discord.py sends as numbers.
    """

    def __init__(self, *, are_small: bool = False) -> None:
        self._begins_ms = time.time_ns() // 1_000_000 - _DAY_MS if are_small else EPOCH_MS
        self._last = 0

    @property
    def _ms(self) -> int:
        return time.time_ns() // 1_000_000 - self._begins_ms

    def new(self) -> int:
        """A fresh id."""
        self._last = max(self._last + 1, self._ms << 22)
        return self._last

    def new_apart(self) -> int:
        """A fresh id with a millisecond of its own, so that ids made in a row fall to different shards."""
        self._last = max(((self._last >> 22) + 1) << 22, self._ms << 22)
        return self._last


class Permission(enum.IntFlag):
    """What the bot may do in a channel; the numbers are Discord's."""

    REACT = 1 << 6
    VIEW = 1 << 10
    SEND = 1 << 11
    EMBED = 1 << 14
    FILES = 1 << 15
    HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    COMMANDS = 1 << 31
    THREADS = 1 << 35
    SEND_IN_THREADS = 1 << 38


ALL_PERMISSIONS: Final = Permission(sum(Permission))


class ChannelKind(enum.IntEnum):
    """The kinds of channel that are here."""

    TEXT = 0
    DM = 1
    THREAD = 11
    PRIVATE_THREAD = 12


class MessageKind(enum.IntEnum):
    """The kinds of message that are here."""

    DEFAULT = 0
    REPLY = 19
    CHAT_INPUT = 20
    CONTEXT_MENU = 23


class MessageFlag(enum.IntFlag):
    """What a message's `flags` say."""

    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


NO_FLAGS: Final = MessageFlag(0)


class InteractionKind(enum.IntEnum):
    """What a person did."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class CallbackKind(enum.IntEnum):
    """How the bot may answer an interaction."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True, eq=False)
class User:
    """A person, or the bot. `takes_dms` is False once they closed their direct messages to it."""

    id: int
    name: str
    locale: str = "en-US"
    is_bot: bool = False
    takes_dms: bool = True

    @property
    def mention(self) -> str:
        """What is written in a message to mention them."""
        return f"<@{self.id}>"


@dataclass(slots=True, kw_only=True, eq=False)
class Guild:
    """A server full of channels. `roles` are names by id; the role with the guild's own id is everyone's."""

    id: int
    name: str
    owner: User
    members: list[User] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    roles: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Channel:
    """A text channel, a thread (which has a parent) or a direct message (which has no guild)."""

    id: int
    kind: ChannelKind
    name: str = ""
    guild: Guild | None = None
    parent: Channel | None = None
    person: User | None = None
    own_permissions: Permission = ALL_PERMISSIONS
    messages: dict[int, Message] = field(default_factory=dict)
    is_archived: bool = False
    made_at: datetime = field(default_factory=_now)

    @property
    def is_dm(self) -> bool:
        """Whether it is a direct message."""
        return self.kind is ChannelKind.DM

    @property
    def is_thread(self) -> bool:
        """Whether it is a thread."""
        return self.parent is not None

    @property
    def permissions(self) -> Permission:
        """What the bot may do here; a thread has its parent's."""
        return self.parent.permissions if self.parent is not None else self.own_permissions

    @property
    def bot_may_send(self) -> bool:
        """Whether the bot may write here."""
        return self.may(Permission.SEND_IN_THREADS if self.is_thread else Permission.SEND)

    def may(self, permission: Permission) -> bool:
        """Whether the bot may do this here."""
        return permission in self.permissions


@dataclass(slots=True, kw_only=True, eq=False)
class Attachment:
    """A file of a message."""

    id: int
    name: str
    media_type: str
    data: bytes


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """A message as it is now.

    `edits` are its earlier contents, oldest first. `pings` is everything that any version of it would have woken up: user and
    role ids, `everyone`. `asked_mentions` are the `allowed_mentions` of each request about it, None where there was none.
    """

    id: int
    channel: Channel
    author: User
    content: str = ""
    kind: MessageKind = MessageKind.DEFAULT
    reference: int | None = None
    mentions: list[User] = field(default_factory=list)
    role_mentions: list[int] = field(default_factory=list)
    mentions_everyone: bool = False
    attachments: list[Attachment] = field(default_factory=list)
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    flags: MessageFlag = NO_FLAGS
    nonce: str | int | None = None
    sent_at: datetime = field(default_factory=_now)
    edited_at: datetime | None = None
    reactions: dict[str, list[User]] = field(default_factory=dict)
    interaction: Interaction | None = None
    thread: Channel | None = None
    edits: list[str] = field(default_factory=list)
    pings: set[str] = field(default_factory=set)
    asked_mentions: list[Json | None] = field(default_factory=list)
    is_deleted: bool = False

    @property
    def is_ephemeral(self) -> bool:
        """Whether only the person of its interaction sees it."""
        return MessageFlag.EPHEMERAL in self.flags

    @property
    def is_loading(self) -> bool:
        """Whether it is the "thinking…" of a deferred interaction."""
        return MessageFlag.LOADING in self.flags

    @property
    def buttons(self) -> list[Json]:
        """Its buttons in reading order, as Discord describes them."""
        return [part for part in _flat(self.components) if part["type"] == 2]


@dataclass(slots=True, kw_only=True, eq=False)
class Interaction:
    """Something a person did that the bot is to answer.

    `answered` says how it did. `original` is the message that `@original` means. `modal` is the form it opened, `choices` what
    it proposed while an option was typed. `opened_by` is the interaction whose form this one submits.
    """

    id: int
    token: str
    kind: InteractionKind
    user: User
    channel: Channel
    data: Json
    message: Message | None = None
    opened_by: Interaction | None = None
    asked_at: float = field(default_factory=time.monotonic)
    answered: CallbackKind | None = None
    answered_after_s: float | None = None
    original: Message | None = None
    answers: list[Message] = field(default_factory=list)
    modal: Json | None = None
    choices: list[Json] = field(default_factory=list)


def _flat(components: list[Json]) -> list[Json]:
    return [part for one in components for part in (one, *_flat(one.get("components", [])))]
