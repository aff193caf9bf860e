"""One update of Telegram's as an event of ours; pure. What is not for the bot, or nothing to answer, keeps no text."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from msgspec import UNSET

from bot import buttons
from bot.buttons import read_button
from bot.channels.telegram.contents import (
    attachments_of,
    covered,
    is_for_another,
    names_bot,
    text_of,
    without_mentions,
)
from bot.channels.telegram.wire import (
    BrokenUpdate,
    WireCallback,
    WireEntity,
    WireKeyboard,
    WireMembership,
    WireMessage,
    WirePressed,
    WireReacted,
    WireReaction,
    WireUpdate,
    WireUser,
    update_in,
)
from bot.commands import parse_command
from bot.profile_types import Reason
from bot.text_files import is_readable
from bot.types import Address, Attachment, ChannelName, Chosen, GivenRating, IncomingMessage, Kind, PlatformId, TurnId

WITHDRAW: Final = "0"
"""What the button of a rating that was given says: pressed again, it takes the rating back."""
_LOCALE: Final = re.compile(r"[A-Za-z0-9-]{1,35}")
_NOWHERE: Final = Address(channel=ChannelName.TELEGRAM, chat="0", user="0")
_VALUES: Final[dict[str, Literal[1, 0, -1]]] = {buttons.UP: 1, buttons.DOWN: -1, WITHDRAW: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """The bot's own account."""

    id: int
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A pressed button, to be answered. `says` is empty for one that is none of ours; `by` is who pressed, without content."""

    id: str
    by: IncomingMessage
    message_id: int
    says: str = ""
    turn_id: TurnId | None = None
    keyboard: WireKeyboard | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What an update comes to. `message` is None where there is nothing to store.

    `is_named`: it mentions the bot, replies to it or is a command for it; None where the message itself says whether it is for
    the bot. `readable` is a text file to be put below the text; `album` names the pictures that were sent as one; `needs_ours`:
    it counts only where its target is a message of ours. `note` says for the log why nothing is kept, `broken` what is wrong
    with an update that cannot be read. `moved` are a group's ids, before and now, where it became another kind of group.
    """

    update_id: int | None
    message: IncomingMessage | None = None
    is_named: bool | None = None
    readable: Attachment | None = None
    album: str = ""
    needs_ours: bool = False
    press: Press | None = None
    note: str = ""
    broken: str = ""
    moved: tuple[str, str] | None = None


class Reader:
    """Reads raw updates. `secret` signs the data of our buttons; `admins` are ids of accounts."""

    def __init__(self, me: Self, *, secret: bytes, admins: Collection[int]) -> None:
        self._me, self._secret, self._admins = me, secret, frozenset(admins)
        self._mention = f"@{me.username}".lower()

    def read(self, raw: bytes, now: datetime) -> Event:
        """The event. An update that cannot be read is one too, with its id and nothing else."""
        try:
            update = update_in(raw)
        except BrokenUpdate as broken:
            return _refused(broken, now)
        if update.message is not None:
            return self._message(update, update.message, raw)
        if update.edited_message is not None:
            return self._edit(update, update.edited_message)
        if update.callback_query is not None:
            return self._press(update, update.callback_query, now)
        if update.message_reaction is not None:
            return self._reaction(update, update.message_reaction)
        note = _standing(update.my_chat_member) if update.my_chat_member is not None else "unknown kind"
        return Event(update_id=update.update_id, note=note)

    # --- messages ---

    def _message(self, update: WireUpdate, message: WireMessage, raw: bytes) -> Event:
        sender = message.sender
        if sender is None or sender.is_bot or message.sender_chat is not None:
            return Event(update_id=update.update_id, message=_unheard(message), note="not a person", moved=_moved(message))
        text, marks = text_of(message)
        attachments = attachments_of(message, raw)
        if not text and not attachments:
            return Event(update_id=update.update_id, message=_unheard(message), note="notice", moved=_moved(message))
        if is_for_another(text, marks, self._mention) and not _is_private(message):
            return Event(update_id=update.update_id, message=_unheard(message), note="for another bot")
        is_named = self._is_named(text, marks)
        text = without_mentions(text, marks, self._me.id, self._mention)
        is_forwarded = message.forward_origin is not UNSET
        is_own = not is_forwarded and message.via_bot is UNSET
        answered = self._answered(message)
        readable = next((one for one in attachments if one.reference and is_readable(one.name, one.media_type, one.size)), None)
        incoming = IncomingMessage(
            event_id=_event_id(message),
            address=_address(message.chat.id, sender.id, message),
            kind=Kind.TEXT,
            sent_at=_at(message.date),
            text=_quoted(text) if is_forwarded else text,
            target=answered,
            attachments=() if readable is not None else attachments,
            is_private=_is_private(message),
            is_admin=is_own and sender.id in self._admins,
            sender_name=sender.first_name,
            locale=_locale(sender),
            handle=str(message.message_id),
        )
        return Event(
            update_id=update.update_id,
            message=incoming,
            is_named=is_named or answered is not None,
            readable=readable,
            album=message.media_group_id,
        )

    def _edit(self, update: WireUpdate, message: WireMessage) -> Event:
        """The stored question takes the new text. The edit of a message that would not be answered keeps nothing of it."""
        event = self._message(update, message, b"")
        edited = event.message
        event_id = f"{_event_id(message)}/u{update.update_id}"  # two edits may fall into one second
        if edited is None or not edited.is_addressed or not edited.text:
            return replace(
                event, message=replace(_unheard(message), event_id=event_id), is_named=None, note="edit without text"
            )
        target = PlatformId(_event_id(message))
        return replace(
            event, message=replace(edited, event_id=event_id, kind=Kind.EDIT, target=target, attachments=()), album=""
        )

    def _answered(self, message: WireMessage) -> PlatformId | None:
        """The message of ours that this one replies to."""
        replied = message.reply_to_message
        if replied is None or replied.sender is None or replied.sender.id != self._me.id:
            return None
        opens_topic = bool(replied.forum_topic_created)
        return None if opens_topic else PlatformId(str(replied.message_id))

    def _is_named(self, text: str, marks: Sequence[WireEntity]) -> bool:
        for mark in marks:
            if names_bot(text, mark, self._me.id, self._mention):
                return True
            if mark.type == "bot_command":
                part = covered(text, mark)
                _, at, name = part.partition("@")
                if f"@{name}".lower() == self._mention or (not at and mark.offset == 0 and parse_command(part) is not None):
                    return True
        return False

    # --- what people do with our messages ---

    def _press(self, update: WireUpdate, callback: WireCallback, now: datetime) -> Event:
        pressed, sender = callback.message, callback.sender
        by = IncomingMessage(
            event_id=f"callback/{callback.id}",
            address=_address(pressed.chat.id if pressed is not None else 0, sender.id, pressed),
            kind=Kind.TEXT,
            sent_at=now,
            is_private=pressed is not None and pressed.chat.type == "private",
            is_admin=sender.id in self._admins,
            sender_name=sender.first_name,
            locale=_locale(sender),
            handle=str(pressed.message_id) if pressed is not None else "",
        )
        if pressed is None:  # under a message that was sent through inline mode, which we do not use
            press = Press(id=callback.id, by=by, message_id=0)
            return Event(update_id=update.update_id, press=press, note="no button of ours")
        press = Press(id=callback.id, by=by, message_id=pressed.message_id, keyboard=pressed.reply_markup)
        read = read_button(self._secret, callback.data)
        meant = _meant(*read) if read is not None else None
        if read is not None and (meant is not None or read[1] == buttons.CORRECT):
            press = replace(press, turn_id=read[0], says=read[1])
        if meant is None:
            return Event(update_id=update.update_id, press=press, note="" if press.says else "no button of ours")
        if isinstance(meant, Chosen):
            message = replace(by, kind=Kind.CHOICE, choice=meant, target=meant.turn_id)
        else:
            message = replace(by, kind=Kind.RATING, rating=meant, target=meant.turn_id)
        return Event(update_id=update.update_id, message=message, press=press)

    def _reaction(self, update: WireUpdate, reacted: WireReacted) -> Event:
        user, before, after = reacted.user, _thumb(reacted.old_reaction), _thumb(reacted.new_reaction)
        if user is None or user.is_bot or before == after:
            return Event(update_id=update.update_id, note="no thumb of a person")
        incoming = IncomingMessage(
            event_id=f"update/{update.update_id}",
            address=_address(reacted.chat.id, user.id, None),
            kind=Kind.REACTION,
            sent_at=_at(reacted.date),
            text=after,
            target=PlatformId(str(reacted.message_id)),
            is_private=reacted.chat.type == "private",
            is_admin=user.id in self._admins,
            sender_name=user.first_name,
            locale=_locale(user),
        )
        return Event(update_id=update.update_id, message=incoming, needs_ours=True)


def unheard(message: IncomingMessage) -> IncomingMessage:
    """What is kept of a message that the bot does not answer: that it was there, and of groups not whose it was."""
    return IncomingMessage(
        event_id=message.event_id,
        address=message.address if message.is_private else _NOWHERE,
        kind=Kind.TEXT,
        sent_at=message.sent_at,
        is_private=message.is_private,
        is_addressed=False,
    )


def _refused(broken: BrokenUpdate, now: datetime) -> Event:
    if broken.id is None:
        return Event(update_id=None, broken=str(broken))
    message = IncomingMessage(
        event_id=f"update/{broken.id}",
        address=_NOWHERE,
        kind=Kind.TEXT,
        sent_at=now,
        is_private=False,
        is_addressed=False,
    )
    return Event(update_id=broken.id, message=message, broken=str(broken))


def _unheard(message: WireMessage) -> IncomingMessage:
    user = message.sender.id if message.sender is not None else message.chat.id
    return IncomingMessage(
        event_id=_event_id(message),
        address=_address(message.chat.id, user, message) if _is_private(message) else _NOWHERE,
        kind=Kind.TEXT,
        sent_at=_at(message.date),
        is_private=_is_private(message),
        is_addressed=False,
    )


def _moved(message: WireMessage) -> tuple[str, str] | None:
    """Telegram says it in both chats: in the old one where to, in the new one where from."""
    here, after, before = message.chat.id, message.migrate_to_chat_id, message.migrate_from_chat_id
    if after:
        return str(here), str(after)
    return (str(before), str(here)) if before else None


def _address(chat: int, user: int, place: WireMessage | WirePressed | None) -> Address:
    is_topic = place is not None and place.is_topic_message
    thread = str(place.message_thread_id) if place is not None and is_topic else ""
    return Address(channel=ChannelName.TELEGRAM, chat=str(chat), user=str(user), thread=thread)


def _event_id(message: WireMessage) -> str:
    return f"{message.chat.id}/{message.message_id}"


def _is_private(message: WireMessage) -> bool:
    return message.chat.type == "private"


def _quoted(text: str) -> str:
    """What somebody else has written, as it was forwarded: no command of who forwarded it (R-55)."""
    return "\n".join(f"> {line}" for line in text.splitlines())


def _at(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def _locale(user: WireUser) -> str:
    return user.language_code if _LOCALE.fullmatch(user.language_code) else ""


def _standing(membership: WireMembership) -> str:
    status = membership.new_chat_member.status
    return f"membership {status}" if status.isascii() and status.isalpha() and len(status) <= 20 else "membership"


def _thumb(reactions: Sequence[WireReaction]) -> str:
    """The first 👍 or 👎 among the reactions, in whatever skin tone."""
    return next((one.emoji for one in reactions if one.emoji[:1] in ("👍", "👎") and len(one.emoji) <= 3), "")


def _meant(turn_id: TurnId, says: str) -> GivenRating | Chosen | None:
    """What a button of ours means; None where it is from a version that had others."""
    if says.startswith(buttons.CHOICE):
        return Chosen(turn_id=turn_id, key=says)
    if says.startswith(buttons.REASON):
        reason = next((one for one in Reason if one.value == says.removeprefix(buttons.REASON)), None)
        return GivenRating(turn_id=turn_id, value=-1, reason=reason) if reason is not None else None
    value = _VALUES.get(says)
    return GivenRating(turn_id=turn_id, value=value) if value is not None else None
