"""Messages, edits and reactions of discord.py as events of ours. What is not for the bot leaves no text behind."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from bot.channel_ports import Manners
from bot.channels.discord.places import Place, Places, snowflake_at
from bot.errors import DeliveryError
from bot.text_files import is_readable, with_file
from bot.types import Attachment, IncomingMessage, Kind, PlatformId

if TYPE_CHECKING:
    import discord

_log = structlog.get_logger("martin.channel.discord")

"""The largest text file that is read."""
_OTHER: Final = "application/x-discord"
_THUMBS: Final = ("👍", "👎")
_MOST_REACTIONS: Final = 10_000
_LOOKED_UP: Final = "looked up"
"""Stands among what somebody holds under a message once Discord was asked for it."""


class Files(Protocol):
    """Where text files come from."""

    async def read(self, url: str, size: int) -> str | None:
        """The text; None where it is none, too large, or cannot be had."""


class Reader:
    """Reads what discord.py hands over. `admins` are ids of accounts."""

    def __init__(self, *, places: Places, manners: Manners, files: Files, admins: Collection[int]) -> None:
        self._places, self._manners, self._files, self._admins = places, manners, files, frozenset(admins)

    async def message(self, message: discord.Message, place: Place, me: int) -> IncomingMessage | None:
        """A message as an event; None where it is nobody's, or not for the bot. Raises StoreError."""
        if not _is_said(message, me):
            return None
        text, target = without_mention(_worded(message, me), me, _own_role(message)), _answered(message, me)
        attachments = _attachments(message)
        if not text and not attachments and not message.content:
            return None
        incoming = IncomingMessage(
            event_id=str(message.id),
            address=place.address(message.author.id),
            kind=Kind.TEXT,
            sent_at=message.created_at,
            text=text,
            target=target,
            attachments=attachments,
            is_private=place.is_private,
            is_admin=message.author.id in self._admins,
            sender_name=message.author.display_name,
        )
        if not await self._manners.is_addressed(incoming, is_named=target is not None or _is_named(message, me)):
            return None
        return await self._with_files(incoming, message)

    async def edit(self, message: discord.Message, place: Place, me: int) -> IncomingMessage | None:
        """What somebody changed a message to; None where nothing of theirs changed, or it is not for the bot."""
        if message.edited_at is None:
            return None  # Discord added a preview, or pinned it
        edited = await self.message(message, place, me)
        if edited is None or not edited.text:
            return None
        return replace(
            edited,
            event_id=f"{message.id}/e{_milliseconds(message.edited_at)}",
            kind=Kind.EDIT,
            target=PlatformId(str(message.id)),
            attachments=(),
        )

    async def _with_files(self, incoming: IncomingMessage, message: discord.Message) -> IncomingMessage:
        """The text files read and put below the text; all other files stay attachments."""
        others = list(incoming.attachments)
        for file in message.attachments:
            if not is_readable(file.filename, file.content_type or "", file.size):
                continue
            content = await self._files.read(file.url, file.size)
            if content is not None:
                others = [one for one in others if one.reference != str(file.id)]
                incoming = with_file(incoming, _name(file.filename, "file"), content)
        return replace(incoming, attachments=tuple(others))


class Reactions:
    """👍 and 👎 as events. Discord gives them neither an id nor a time: the same one told twice is known by its state.

    `thumbs` asks Discord which ones somebody has under a message: of messages older than this process that is not known.
    """

    def __init__(self, now: Callable[[], datetime], thumbs: Callable[[Place, int, int], Awaitable[Sequence[str]]]) -> None:
        self._now, self._thumbs, self._begun = now, thumbs, snowflake_at(now())
        self._held: OrderedDict[tuple[int, int], dict[str, int]] = OrderedDict()
        self._last = 0

    async def told(
        self, *, message: int, user: int, emoji: str, is_added: bool, place: Place, is_admin: bool
    ) -> IncomingMessage | None:
        """The event, once it is known which thumbs are left; None for any other emoji."""
        if not is_added and is_thumb(emoji) and message < self._begun and _LOOKED_UP not in self._held.get((message, user), {}):
            try:
                self._know(message, user, await self._thumbs(place, message, user))
            except DeliveryError as error:
                _log.warning("discord.reactions", error=type(error).__name__)
        return self.changed(message=message, user=user, emoji=emoji, is_added=is_added, place=place, is_admin=is_admin)

    def _know(self, message: int, user: int, thumbs: Sequence[str]) -> None:
        """Remember what Discord says is there, as older than all that was heard."""
        held = self._held.setdefault((message, user), {})
        found = {emoji: 1 for emoji in thumbs if held.get(emoji, 0) <= 0}
        later = {emoji: at for emoji, at in held.items() if emoji not in found}
        self._held[message, user] = {_LOOKED_UP: 0} | found | later

    def changed(
        self, *, message: int, user: int, emoji: str, is_added: bool, place: Place, is_admin: bool
    ) -> IncomingMessage | None:
        """The event; None for any other emoji. Its text is the thumb that is there now, empty where none is."""
        if not is_thumb(emoji):
            return None
        thumb = emoji[:1]
        held = self._held.setdefault((message, user), {})
        self._held.move_to_end((message, user))
        if len(self._held) > _MOST_REACTIONS:
            self._held.popitem(last=False)
        known = held.get(emoji, 0)
        is_repeated = known > 0 if is_added else known < 0
        moment = abs(known) if is_repeated else self._moment()
        held.pop(emoji, None)
        held[emoji] = moment if is_added else -moment
        left = [one for one, at in held.items() if at > 0]
        return IncomingMessage(
            event_id=f"r/{message}/{user}/{thumb}/{'add' if is_added else 'remove'}/{moment}",
            address=place.address(user),
            kind=Kind.REACTION,
            sent_at=self._now(),
            text=left[-1] if left else "",
            target=PlatformId(str(message)),
            is_private=place.is_private,
            is_admin=is_admin,
        )

    def _moment(self) -> int:
        """Milliseconds, later than every one before."""
        self._last = max(self._last + 1, _milliseconds(self._now()))
        return self._last


def is_thumb(emoji: str) -> bool:
    """Whether it is 👍 or 👎, of whatever colour."""
    return emoji[:1] in _THUMBS and len(emoji) <= 3


def without_mention(text: str, me: int, role: int | None = None) -> str:
    """The text without the bot's own name in it, nor the comma or colon behind a name that it begins with."""
    names = [rf"<@!?{me}>", *([rf"<@&{role}>"] if role is not None else [])]
    name = "|".join(names)
    text = re.sub(rf"^\s*(?:(?:{name})\s*[,:]?\s*)+", "", text)
    return re.sub(rf"[ \t]*(?:{name})", "", text).strip()


def _is_said(message: discord.Message, me: int) -> bool:
    """Whether a person wrote it: no bot, no webhook, nothing that Discord says itself."""
    from discord import MessageType

    is_person = not message.author.bot and message.webhook_id is None and message.author.id != me
    return is_person and message.type in (MessageType.default, MessageType.reply)


def _is_named(message: discord.Message, me: int) -> bool:
    role = _own_role(message)
    return any(user.id == me for user in message.mentions) or (role is not None and f"<@&{role}>" in message.content)


def _own_role(message: discord.Message) -> int | None:
    """The role that Discord made for the bot in this server; people take its name for the bot's."""
    role = message.guild.self_role if message.guild is not None else None
    return role.id if role is not None else None


def _answered(message: discord.Message, me: int) -> PlatformId | None:
    """The message of ours that this one replies to."""
    from discord import Message

    reference = message.reference
    if reference is None or reference.message_id is None:
        return None
    replied = reference.resolved
    return PlatformId(str(reference.message_id)) if isinstance(replied, Message) and replied.author.id == me else None


def _worded(message: discord.Message, me: int) -> str:
    """What was written, or forwarded, with people's names in the place of their ids."""
    text = message.content
    for user in message.mentions:
        if user.id != me:
            text = re.sub(rf"<@!?{user.id}>", lambda _, name=user.display_name: f"@{name}", text)  # type: ignore[misc]
    quoted = "\n".join(f"> {line}" for one in message.message_snapshots for line in one.content.splitlines())
    return "\n\n".join(part for part in (text, quoted) if part)


def _attachments(message: discord.Message) -> tuple[Attachment, ...]:
    """The files of a message, and what else it has that is no text."""
    found = [
        Attachment(
            name=_name(file.filename, "file"),
            media_type=_name(file.content_type or "", "application/octet-stream")[:100],
            size=file.size,
            reference=str(file.id),
        )
        for file in message.attachments
    ]
    found += [_other(sticker.name, "sticker") for sticker in message.stickers]
    if message.poll is not None:
        found.append(_other("", "poll"))
    for one in message.message_snapshots:
        found += [_other(file.filename, "file") for file in one.attachments]
    return tuple(found)


def _other(name: str, otherwise: str) -> Attachment:
    return Attachment(name=_name(name, otherwise), media_type=_OTHER, size=0, reference="")


def _name(given: str, otherwise: str) -> str:
    """A name that is safe to store and to show in one line."""
    return "".join(letter for letter in given[:400] if letter.isprintable()).strip()[:150] or otherwise


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
