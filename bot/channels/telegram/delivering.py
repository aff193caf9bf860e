"""A reply as messages of one chat: each part opened, committed, filled; what is there is never sent again (R-13, R-27)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Literal, Protocol

from bot.channels.telegram import text
from bot.channels.telegram.buttons import Row, under
from bot.channels.telegram.requests import NoAnswer
from bot.channels.telegram.sending import MessageGone, Moved, Place, Sender, TooLong, place_of
from bot.channels.telegram.text import Part
from bot.errors import DeliveryError, DeliveryPaused, StoreError
from bot.locale import say
from bot.ports import Parts
from bot.splitting import LONG, split, units
from bot.types import LANGUAGES, Address, Language, OutboxId, Outgoing, PastTurn, PlatformId, Reply, ReplyFile, TurnId

SENDING: Final = PlatformId("sending")
"""Stands for a message that is sent whole, while nobody knows whether it was."""
UNSENT: Final = PlatformId("unsent")
"""Stands for one of which Telegram said that it was not."""
SMALLER: Final = 1000
"""UTF-16 units of a piece of what Telegram, against our count, takes for too long."""


class PastTurns(Protocol):
    """What the channel needs of the stored turns."""

    async def past(self, id: TurnId) -> PastTurn | None:
        """A stored turn."""

    async def delivered_as(self, address: Address, platform_id: PlatformId) -> TurnId | None:
        """The turn that one of our platform messages belongs to."""


def placeholder(language: Language | None) -> Part:
    """What stands where an answer is going to be; should it ever stay, it explains itself."""
    if language is None:
        return Part("✍️ …")
    return Part(say(language, "✍️ Writing… If this stays, look for the answer below."))


def is_placeholder(shown: str) -> bool:
    """Whether this is what an answer that never came left behind; for whoever counts them."""
    return any(shown == placeholder(language).text for language in (None, *LANGUAGES))


class Deliverer:
    """Fills the messages of replies. With `is_draft` those of private chats are sent whole instead, which a crash may double.

    `language_in` tells the language that was last spoken in a chat, for what belongs to no turn.
    """

    def __init__(
        self,
        sender: Sender,
        *,
        secret: bytes,
        turns: PastTurns,
        language_in: Callable[[str], Language | None],
        is_draft: bool = False,
        after_crash: Literal["resend", "skip"] = "resend",
    ) -> None:
        self._sender, self._secret, self._turns, self._language_in = sender, secret, turns, language_in
        self._is_draft, self._after_crash = is_draft, after_crash
        self._paused: set[OutboxId] = set()
        self._moved: dict[int, int] = {}
        self._openings: dict[TurnId, asyncio.Task[PlatformId]] = {}

    def is_drafted(self, place: Place) -> bool:
        """Whether replies there are sent whole."""
        return self._is_draft and not place.is_group

    async def open(self, place: Place, turn_id: TurnId, language: Language | None) -> PlatformId:
        """Make the message that a turn's reply is going to fill. Raises DeliveryError.

        Whoever stops waiting for it does not end it: it may have been sent. The reply fills it then, and nothing is left over.
        """
        opening = self._openings[turn_id] = asyncio.create_task(self._sender.send(place, placeholder(language)))
        try:
            made = await asyncio.shield(opening)
        except DeliveryError:
            self._openings.pop(turn_id, None)
            raise
        self._openings.pop(turn_id, None)
        return made

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        """The platform's ids of the reply's messages, once they are there. Raises DeliveryError."""
        past = await self._past(outgoing.turn_id)
        if outgoing.turn_id is not None and (opening := self._openings.pop(outgoing.turn_id, None)) is not None:
            with suppress(DeliveryError):
                await parts.opened(0, await opening)
        asked = place_of(outgoing.address, outgoing.handle)
        way = _Way(
            sender=self._sender,
            place=replace(asked, chat=self._moved.get(asked.chat, asked.chat)),
            parts=parts,
            language=past.language if past is not None else self._language_in(outgoing.address.chat),
            is_whole=self.is_drafted(asked),
            skips_unknown=self._after_crash == "skip",
            is_again=outgoing.id in self._paused,
            trusts_opened=asked.chat not in self._moved,
        )
        reply, seen = outgoing.reply, past.question if past is not None else ""
        texts = await self._rendered(reply, seen)
        rows = under(reply, outgoing.turn_id, self._secret)
        self._paused.discard(outgoing.id)
        try:
            try:
                return await way.all(texts, rows, reply.files)
            except Moved as moved:
                self._moved[asked.chat] = moved.chat
                return await way.moved(moved.chat).all(texts, rows, reply.files)
        except DeliveryPaused:
            self._paused.add(outgoing.id)
            raise

    async def _rendered(self, reply: Reply, seen: str) -> tuple[text.Part, ...]:
        if not reply.text.strip() and reply.files:
            return ()
        if len(reply.text) > LONG:
            return await asyncio.to_thread(text.rendered, reply.text, seen=seen)
        return text.rendered(reply.text, seen=seen)

    async def _past(self, turn_id: TurnId | None) -> PastTurn | None:
        try:
            return await self._turns.past(turn_id) if turn_id is not None else None
        except StoreError as error:
            raise DeliveryError(f"the turn cannot be read just now ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """How one reply gets to its chat. `trusts_opened` is False where the messages opened earlier are in another chat."""

    sender: Sender
    place: Place
    parts: Parts
    language: Language | None
    is_whole: bool
    skips_unknown: bool
    is_again: bool
    trusts_opened: bool

    def moved(self, chat: int) -> _Way:
        """The same to the chat that took this one's place; what it answered is not there."""
        return replace(self, place=replace(self.place, chat=chat, reply_to=None), trusts_opened=False)

    async def all(self, texts: Sequence[Part], rows: Sequence[Row], files: Sequence[ReplyFile]) -> tuple[PlatformId, ...]:
        """Everything that is not there yet, in order; the ids of all."""
        ids: list[PlatformId] = []
        for number, part in enumerate(texts):
            is_last = number == len(texts) - 1
            ids += await self._text(number, part, rows if is_last else (), is_last=is_last and not files)
        for number, file in enumerate(files, len(texts)):
            ids.append(await self._file(number, file))
        return tuple(ids)

    async def _text(self, number: int, part: Part, rows: Sequence[Row], *, is_last: bool) -> list[PlatformId]:
        there = self.parts.of(number)
        if there is not None and there.is_filled:
            return [there.platform_id]
        way = self if number == 0 else replace(self, place=replace(self.place, reply_to=None))
        pieces = [part]
        try:
            made = await way._put(number, part, rows)
        except TooLong:
            pieces = _smaller(part)
            made = await way._put(number, pieces[0], rows if len(pieces) == 1 else ())
        if made is not None and not is_last:
            await self.parts.filled(number, made)
        more = [await self.sender.send(way.place, one, rows if one is pieces[-1] else ()) for one in pieces[1:]]
        return ([made] if made is not None else []) + more

    async def _put(self, number: int, part: Part, rows: Sequence[Row]) -> PlatformId | None:
        there = self.parts.of(number)
        if self.is_whole and (there is None or there.platform_id in (SENDING, UNSENT)):
            return await self._send(number, part, rows)
        return await self._fill(number, part, rows)

    async def _fill(self, number: int, part: Part, rows: Sequence[Row]) -> PlatformId:
        """Edit the message that was opened for this part; open one where there is none, or somebody deleted it."""
        there, is_again = self.parts.of(number), self.is_again
        if there is not None and there.platform_id.isdecimal() and self.trusts_opened:
            try:
                await self.sender.edit(self.place, there.platform_id, part, rows, is_again=is_again)
            except MessageGone:
                is_again = False
            else:
                return there.platform_id
        made = await self.sender.send(self.place, placeholder(self.language), is_again=is_again)
        await self.parts.opened(number, made)
        await self.sender.edit(self.place, made, part, rows)
        return made

    async def _send(self, number: int, part: Part, rows: Sequence[Row]) -> PlatformId | None:
        """Send this part whole. None where nobody knows whether it was sent before, and it is not to come twice."""
        there = self.parts.of(number)
        if there is not None and there.platform_id == SENDING and self.skips_unknown:
            return None

        async def before() -> None:
            await self.parts.opened(number, SENDING)

        try:
            return await self.sender.send(self.place, part, rows, is_again=self.is_again, before=before)
        except NoAnswer:
            raise
        except DeliveryError:
            await self.parts.opened(number, UNSENT)
            raise

    async def _file(self, number: int, file: ReplyFile) -> PlatformId:
        """Send a file. Telegram has no way to make this safe: a crash in the middle sends it again."""
        there = self.parts.of(number)
        if there is not None and there.is_filled:
            return there.platform_id
        place = self.place if number == 0 else replace(self.place, reply_to=None)
        made = await self.sender.send_file(place, file, is_again=self.is_again)
        await self.parts.filled(number, made)
        return made


def _smaller(part: Part) -> list[Part]:
    """The same text without formatting, in pieces that are short by any count."""
    places = split(part.text, limit=SMALLER, fits=lambda start, stop: units(part.text[start:stop]) <= SMALLER)
    return [Part(part.text[start:stop]) for start, stop in places]
