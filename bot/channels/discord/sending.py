"""Replies to Discord: a message opened, edited while it grows, and filled; never a second one for the same part (R-13).

Every message carries a nonce made of the stored one, under which Discord knows it again for some minutes; after that the
history is looked at first. Only further parts of an answer that nobody else may see have neither: what may double is counted.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import blake2b
from typing import Final, TypeVar

import structlog

from bot.channels.discord import buttons, text
from bot.channels.discord.handles import Handle, Pending, read_handle
from bot.channels.discord.places import Places, channel_of, snowflake_at, time_of
from bot.channels.discord.rest import EPHEMERAL, Gone, Json, NoReply, Rest, Unsure, body
from bot.errors import ChatClosed, DeliveryPaused
from bot.links import hosts
from bot.locale import say
from bot.ports import Clock, Parts
from bot.splitting import LONG
from bot.types import LANGUAGES, IncomingMessage, Language, Outgoing, OutgoingKind, PlatformId, ReplyFile, TurnId

_log = structlog.get_logger("martin.channel.discord")

K = TypeVar("K")
V = TypeVar("V")

NONCE_KNOWN_FOR: Final = timedelta(minutes=2)
"""How long a nonce is relied on; Discord remembers it for "the past few minutes"."""
PREVIEW_EVERY_S: Final = 1.0
_MOST_KNOWN: Final = 10_000
_DUE_LATELY: Final = timedelta(hours=1)
"""How far back a message that fell due is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """Where a reply goes. `question` is the event that it is about, 0 where there is none; it `is_reply` to a message only.

    `handle` is an interaction's, `old_handle` one that Discord does not take any more.
    """

    channel: int
    nonce: str
    user: int
    question: int = 0
    is_reply: bool = False
    handle: Handle | None = None
    old_handle: Handle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One message to be. `behind` is the message that it comes after."""

    number: int
    text: str
    rows: Sequence[Json] | None = None
    files: Sequence[ReplyFile] = ()
    behind: int = 0


def nonce_of(nonce: str, number: int) -> str:
    """What Discord knows a part by: 24 letters and digits."""
    return blake2b(f"{nonce}/{number}".encode(), digest_size=12, person=b"discord").hexdigest()


class Sender:
    """Sends for the channel. `doubles` counts, by reason, the messages that may be there twice."""

    def __init__(self, rest: Rest, places: Places, pending: Pending, clock: Clock, *, secret: bytes) -> None:
        self._rest, self._places, self._pending, self._clock, self._secret = rest, places, pending, clock, secret
        self.doubles: Counter[str] = Counter()
        self._hosts: OrderedDict[str, str] = OrderedDict()
        self._previewed: OrderedDict[PlatformId, float] = OrderedDict()
        self._unsure: set[tuple[str, int]] = set()
        self._ours: OrderedDict[int, None] = OrderedDict()

    def asked(self, message: IncomingMessage) -> None:
        """Keep in mind which hosts a question names, until it is answered: only those may be links in the answer."""
        named = " ".join(sorted(hosts(message.text)))
        if named:
            _remember(self._hosts, message.event_id, named)

    # --- previews ---

    async def open(self, message: IncomingMessage, turn_id: TurnId, language: Language) -> PlatformId | None:
        """Make the message that the answer will fill; an interaction has it already. Raises DeliveryError."""
        target = self._target_of(message, turn_id)
        if target.handle is not None:
            made = await self._pending.message(target.handle.token)
            try:
                return PlatformId(str(made or await self._rest.original(target.handle)))
            except Gone:
                _log.info("discord.interaction_gone", turn_id=turn_id)
        if target.old_handle is not None and target.old_handle.is_ephemeral:
            return None
        if self._rest.ceiling.is_near:
            raise DeliveryPaused("so many wait that answers come whole", 1.0)
        part = _Part(number=0, text=opening(language))
        return PlatformId(str(await self._sent(target, part)))

    async def preview(self, message: IncomingMessage, turn_id: TurnId, opened: PlatformId | None, written: str) -> None:
        """Show the answer so far; left out where it would come too fast, or use up what Discord allows."""
        now = self._clock.monotonic()
        target = self._target_of(message, turn_id)
        key = opened or PlatformId(turn_id)
        if now - self._previewed.get(key, now - PREVIEW_EVERY_S) < PREVIEW_EVERY_S:
            return
        _remember(self._previewed, key, now)
        shown = text.preview(written, seen=self._hosts.get(message.event_id, ""))
        if target.handle is not None:
            await self._pending.message(target.handle.token)
            await self._rest.edit_original(target.handle, body(shown))
        elif opened is None:
            await self._sent(target, _Part(number=0, text=shown))
        elif not self._rest.is_low(target.channel):
            await self._rest.edit(target.channel, int(opened), body(shown))

    # --- answers ---

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        """Bring all parts there, each once, and return their ids."""
        target = self._target_for(outgoing)
        ids: list[PlatformId] = []
        is_long = len(outgoing.reply.text) > LONG
        wanted = await asyncio.to_thread(self._parts, outgoing) if is_long else self._parts(outgoing)
        for part in wanted:
            there = parts.of(part.number)
            if there is not None and there.is_filled:
                ids.append(there.platform_id)
                continue
            behind = int(ids[-1]) if ids else target.question
            opened = there.platform_id if there is not None else None
            made = await self._brought(target, replace(part, behind=behind), opened)
            ids.append(PlatformId(str(made)))
            if len(ids) < len(wanted):
                await parts.filled(part.number, ids[-1])
        self._hosts.pop(outgoing.event_id, None)
        return tuple(ids)

    async def show(self, message: IncomingMessage, said: str) -> None:
        """Say something about a message that became no turn: best effort, but not twice."""
        target = self._target_of(message, TurnId(message.event_id))
        for number, part in enumerate(text.rendered(said)):
            await self._sent(target, _Part(number=number, text=part))

    def _parts(self, outgoing: Outgoing) -> list[_Part]:
        """The messages of a reply: files and buttons are with the last."""
        reply = outgoing.reply
        said = "\n\n".join((reply.text, *(f"- {label}" for label in buttons.long_labels(reply.choices))))
        texts = text.rendered(said, seen=self._hosts.get(outgoing.event_id, "")) if said.strip() or not reply.files else ("",)
        rows = buttons.components(self._secret, outgoing.turn_id, reply) if outgoing.turn_id is not None else []
        last = len(texts) - 1
        return [
            _Part(
                number=number,
                text=one,
                rows=rows if number == last else (),
                files=reply.files if number == last else (),
            )
            for number, one in enumerate(texts)
        ]

    async def _brought(self, target: _Target, part: _Part, opened: PlatformId | None) -> int:
        """Bring one part there: into the message that is open for it, else as a new one."""
        if part.number == 0 and target.handle is not None:
            filled = await self._filled_original(target.handle, part)
            if filled is not None:
                return filled
        elif opened is not None:
            try:
                return int((await self._rest.edit(target.channel, int(opened), _body(part), part.files))["id"])
            except Gone:
                _log.info("discord.placeholder_gone", part=part.number)
        handle = target.handle
        if handle is not None and handle.is_ephemeral:
            return await self._followed_up(target, handle, part, "ephemeral")
        if target.old_handle is not None and target.old_handle.is_ephemeral:
            direct = await self._rest.direct(target.user)
            return await self._sent(_Target(channel=direct, nonce=target.nonce, user=target.user), part)
        try:
            return await self._sent(target, part)
        except ChatClosed:
            if handle is None:
                raise
            return await self._followed_up(target, handle, part, "no_permission")

    async def _filled_original(self, handle: Handle, part: _Part) -> int | None:
        """Fill an interaction's own answer; None where that is not there any more."""
        await self._pending.message(handle.token)
        try:
            return int((await self._rest.edit_original(handle, _body(part), part.files))["id"])
        except Gone:
            _log.info("discord.interaction_gone", part=part.number)
            return None

    async def _followed_up(self, target: _Target, handle: Handle, part: _Part, reason: str) -> int:
        """One more message through the interaction, which knows no nonce: a second try after an unclear one may double it."""
        key = (target.nonce, part.number)
        if key in self._unsure:
            self.doubles[reason] += 1
            _log.warning("discord.may_be_double", reason=reason)
        self._unsure.discard(key)
        payload = _body(part, flags=EPHEMERAL if handle.is_ephemeral else 0)
        try:
            return int((await self._rest.follow_up(handle, payload, part.files))["id"])
        except Unsure:
            self._unsure.add(key)
            raise

    async def _sent(self, target: _Target, part: _Part) -> int:
        """The message of a part: the one that is there already, else a new one; with this part's content in the end."""
        found = await self._found(target, part) if self._is_late(target) else None
        if found is None:
            found = await self._posted(target, part, nonce_of(target.nonce, part.number))
        if not _says(found, part):
            try:
                await self._rest.edit(target.channel, int(found["id"]), _body(part), part.files)
            except Gone:  # somebody took it away, and Discord still knows its nonce
                found = await self._posted(target, part, nonce_of(f"{target.nonce}/again", part.number))
        _remember(self._ours, int(found["id"]), None)
        return int(found["id"])

    async def _posted(self, target: _Target, part: _Part, nonce: str) -> Json:
        payload = _body(part) | {"nonce": nonce, "enforce_nonce": True}
        if part.number or not target.is_reply:
            return await self._rest.send(target.channel, payload, part.files)
        reference = {"message_id": str(target.question), "channel_id": str(target.channel), "fail_if_not_exists": False}
        try:
            return await self._rest.send(target.channel, payload | {"message_reference": reference}, part.files)
        except NoReply:
            return await self._rest.send(target.channel, payload, part.files)

    async def _found(self, target: _Target, part: _Part) -> Json | None:
        """A message of ours that an earlier try made for this part, out of the channel's history."""
        behind = part.behind or target.question or snowflake_at(self._clock.now() - _DUE_LATELY)
        me, nonce = self._rest.me, nonce_of(target.nonce, part.number)
        for one in await self._rest.history(target.channel, behind):
            if int(one["author"]["id"]) != me:
                continue
            if str(one.get("nonce", "")) == nonce or self._is_it(one, target, part):
                return one
        return None

    def _is_it(self, one: Json, target: _Target, part: _Part) -> bool:
        if int(one["id"]) in self._ours:
            return False  # another answer's, which happens to say the same
        replied = (one.get("message_reference") or {}).get("message_id")
        if part.number == 0 and (replied is not None or target.is_reply):
            return str(replied) == str(target.question)
        return _says(one, part) or (part.number == 0 and one.get("content") in {opening(one) for one in LANGUAGES})

    def _is_late(self, target: _Target) -> bool:
        """Whether an earlier try may be longer ago than Discord remembers a nonce."""
        return not target.question or self._clock.now() - time_of(target.question) > NONCE_KNOWN_FOR

    # --- where to ---

    def _target_of(self, message: IncomingMessage, turn_id: TurnId) -> _Target:
        return self._target(message.handle, channel_of(message.address), turn_id, message.address.user, message.event_id)

    def _target_for(self, outgoing: Outgoing) -> _Target:
        event_id = outgoing.event_id if outgoing.kind is not OutgoingKind.DUE else ""
        return self._target(outgoing.handle, channel_of(outgoing.address), outgoing.nonce, outgoing.address.user, event_id)

    def _target(self, handle: str, channel: int, nonce: str, user: str, event_id: str) -> _Target:
        read = read_handle(handle)
        is_good = read is not None and read.is_good(self._clock.now())
        event = event_id.partition("/")[0]
        question = int(event) if event.isascii() and event.isdigit() else 0
        return _Target(
            channel=channel,
            nonce=nonce,
            user=int(user),
            question=question,
            is_reply=question > 0 and read is None and not self._places.is_private(channel),
            handle=read if is_good else None,
            old_handle=None if is_good else read,
        )


def opening(language: Language) -> str:
    """What stands where an answer will be; it explains itself, should a crash leave it there."""
    return say(language, "✍️ Writing… If this stays, look for the answer below.")


def _body(part: _Part, *, flags: int = 0) -> Json:
    return body(part.text, components=part.rows, flags=flags)


def _says(found: Json, part: _Part) -> bool:
    return str(found.get("content", "")).strip() == part.text.strip()


def _remember(table: OrderedDict[K, V], key: K, value: V) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > _MOST_KNOWN:
        table.popitem(last=False)
