"""Who may talk with the bot on platforms that anybody can join: the owner's lists, and people who were given a code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from typing import Final, Protocol

from cachetools import LRUCache, TTLCache

from bot.admin_ports import BlockStore
from bot.channel_ports import Entry
from bot.channel_settings import AccessSettings
from bot.channel_types import CodeKind
from bot.codes import block_hash, code_hash, read_code
from bot.locale import say
from bot.ports import Clock
from bot.settings import AdminSettings
from bot.types import ON_LANE, ChannelName, IncomingMessage, Kind, Language
from bot.where import PLATFORMS

MOST_TRIES: Final = 5
TRIES_EVERY_S: Final = 3600.0
"""Wrong codes of one user that are told as such; more are met with silence until an hour has passed."""
KNOWN_FOR_S: Final = 10.0
"""How long it is not looked up again whether somebody was let in."""
_MOST_USERS: Final = 10_000
_START: Final = "/start"
_REFUSED: Final = Entry()


class AdmissionStore(Protocol):
    """Who was let in."""

    async def is_admitted(self, channel: ChannelName, user: str) -> bool:
        """Whether a user was let in by a code."""

    async def admit(self, code: str, channel: ChannelName, user: str, by: str, at: datetime) -> bool:
        """Let a user in by a pairing code's hash, and use that up; `by` stands for them there.

        True again for a code that let the same user in, who still is; False for any other one that is used, too old or unknown.
        """


class Doorkeeper:
    """Lets in whom the owner lets in. The web and the console have doors of their own: there only who is kept out stays out."""

    def __init__(
        self,
        *,
        settings: AccessSettings,
        admins: AdminSettings,
        store: AdmissionStore,
        blocks: BlockStore,
        clock: Clock,
        keyed: Callable[[str], bytes],
        language: Callable[[IncomingMessage], Language],
        is_urgent: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`keyed` is a hash under the data folder's secret, the one that codes were hashed with.

        `is_urgent` tells a text that is heard in private whoever writes it, if they are not blocked: help in a crisis (R-67).
        """
        self._is_open, self._blocked = settings.is_open, frozenset(settings.block)
        self._admins = admin_users(admins)
        self._allowed = {*settings.allow, *self._admins}
        self._store, self._blocks, self._clock, self._keyed, self._language = store, blocks, clock, keyed, language
        self._is_urgent = is_urgent
        self._admitted: TTLCache[str, bool] = TTLCache(_MOST_USERS, KNOWN_FOR_S, timer=clock.monotonic)
        self._tries: TTLCache[str, frozenset[str]] = TTLCache(_MOST_USERS, TRIES_EVERY_S, timer=clock.monotonic)
        """By the ids of events: one that cannot be stored comes again, and is no other try."""
        self._told: LRUCache[str, tuple[date, str]] = LRUCache(_MOST_USERS)
        """The day and the event at which somebody was told last that they are not invited."""

    async def enter(self, message: IncomingMessage) -> Entry:
        """The message, if it is let in: one that is a right code as `/start`, which welcomes. Raises StoreError."""
        channel, user = message.address.channel, message.address.user
        who = f"{channel.value}:{user}"
        if await self.keeps_out(channel, user):
            return _REFUSED if channel in PLATFORMS else self._kept_out(message)
        if channel not in PLATFORMS:
            return Entry(message=message)
        if self._is_open or who in self._allowed:
            return Entry(message=message)
        code, is_admitted = _code_in(message), await self._is_admitted(message, who)
        if code is not None and (is_admitted or len(self._tries.get(who, frozenset()) - {message.event_id}) < MOST_TRIES):
            return await self._tried(message, who, code, is_admitted=is_admitted)
        if is_admitted or (message.is_private and message.kind is Kind.TEXT and self._is_urgent(message.text)):
            return Entry(message=message)
        return _REFUSED if code is not None else self._not_invited(message, who)

    async def keeps_out(self, channel: ChannelName, user: str) -> bool:
        """Whether the settings or an admin keep a user out. Raises StoreError."""
        who = f"{channel.value}:{user}"
        if who in self._blocked:
            return True
        return who not in self._admins and await self._blocks.is_blocked(block_hash(self._keyed, channel, user))

    async def may_be_told(self, channel: ChannelName, user: str) -> bool:
        """Whether the bot may write to a user unasked: nobody keeps them out, and they are let in. Raises StoreError."""
        if await self.keeps_out(channel, user):
            return False
        if channel not in PLATFORMS or self._is_open or f"{channel.value}:{user}" in self._allowed:
            return True
        return await self._store.is_admitted(channel, user)

    async def _is_admitted(self, message: IncomingMessage, who: str) -> bool:
        known = self._admitted.get(who)
        if known is None:
            known = await self._store.is_admitted(message.address.channel, message.address.user)
            self._admitted[who] = known
        return known

    async def _tried(self, message: IncomingMessage, who: str, code: str, *, is_admitted: bool) -> Entry:
        """What becomes of a message that may be a code; somebody let in before may have meant a word by it."""
        address, by = message.address, self._keyed(f"admitted/{who}").hex()
        hashed = code_hash(self._keyed, CodeKind.PAIR, code)
        if await self._store.admit(hashed, address.channel, address.user, by, self._clock.now()):
            self._admitted[who] = True
            return Entry(message=replace(message, kind=Kind.COMMAND, text=_START))
        if is_admitted:
            return Entry(message=message)
        self._tries[who] = self._tries.get(who, frozenset()) | {message.event_id}
        text = say(
            self._language(message),
            "That code does not let you in: it may be mistyped, used already or too old. Ask who gave it to you for a new one.",
        )
        return Entry(notice=text)

    def _kept_out(self, message: IncomingMessage) -> Entry:
        """Said on the page, where somebody waits for an answer."""
        return Entry(notice=say(self._language(message), "Whoever runs this bot keeps you out of it."))

    def _not_invited(self, message: IncomingMessage, who: str) -> Entry:
        """Said in private, to whoever says something, once a day."""
        if not message.is_private or message.kind not in ON_LANE:
            return _REFUSED
        today = self._clock.now().date()
        if (told := self._told.get(who)) is not None and told[0] == today and told[1] != message.event_id:
            return _REFUSED
        self._told[who] = today, message.event_id
        text = say(
            self._language(message),
            "I answer only invited people. If somebody gave you a code, send me just that, in a message of its own.",
        )
        return Entry(notice=text)


def admin_users(settings: AdminSettings) -> frozenset[str]:
    """The admins on platforms, as `channel:user`."""
    return frozenset(
        {*(f"telegram:{number}" for number in settings.telegram), *(f"discord:{number}" for number in settings.discord)}
    )


def _code_in(message: IncomingMessage) -> str | None:
    """The code that a private message is, alone or behind `/start`, as links to a bot on Telegram send it."""
    if not message.is_private or message.kind not in (Kind.TEXT, Kind.COMMAND):
        return None
    text = message.text[:100]
    command, _, argument = text.partition(" ")
    return read_code(argument if command == _START else text) if len(message.text) <= len(text) else None
