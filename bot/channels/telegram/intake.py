"""From raw updates to what is on disk: who is meant, which text files are read, and what becomes of the rest (R-61)."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog

from bot.channel_ports import ChatMoves, Manners
from bot.channels.telegram.delivering import PastTurns
from bot.channels.telegram.events import Event, Reader, unheard
from bot.errors import DeliveryError, IntakeError
from bot.ports import Clock, Receive
from bot.text_files import READABLE_BYTES, with_file
from bot.types import Attachment, ChannelName, IncomingMessage, Kind, PlatformId, Receipt, TurnId

_log = structlog.get_logger("martin.telegram")

FILE_S: Final = 10.0
"""How long a text file may take to come; without it its message says that it could not be read."""
FILES_AT_ONCE: Final = 8
MOST_TRIES: Final = 5
ALBUMS_REMEMBERED: Final = 1_000

Fetch = Callable[[str], Awaitable[bytes]]
"""The content of a file by Telegram's id for it. Raises DeliveryError."""


class KeptEvents(Protocol):
    """What the channel needs of the inbox."""

    async def turn_of(self, channel: ChannelName, event_id: str) -> TurnId | None:
        """The inbox id stored for a platform's event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """An event with what became of it; `receipt` is None where nothing was stored."""

    event: Event
    message: IncomingMessage | None = None
    receipt: Receipt | None = None


class Intake:
    """Reads raw updates and hands on those that are to be stored, all of a batch in one call."""

    def __init__(
        self,
        reader: Reader,
        *,
        manners: Manners,
        turns: PastTurns,
        inbox: KeptEvents,
        fetch: Fetch,
        clock: Clock,
        moves: ChatMoves | None = None,
    ) -> None:
        self._reader, self._manners, self._turns, self._inbox, self._moves = reader, manners, turns, inbox, moves
        self._fetch, self._clock = fetch, clock
        self._undone: Counter[str] = Counter()
        self._albums: OrderedDict[str, str] = OrderedDict()
        self._files = asyncio.Semaphore(FILES_AT_ONCE)

    async def take(self, updates: Sequence[bytes], receive: Receive) -> tuple[int | None, list[Heard]]:
        """Commit them; the highest id among them, and what became of each. Raises StoreError or IntakeError."""
        now = self._clock.now()
        events = [self._reader.read(raw, now) for raw in updates]
        for old, new in dict.fromkeys(event.moved for event in events if event.moved is not None):
            if self._moves is not None:
                await self._moves.move(ChannelName.TELEGRAM, old, new)
        settled = [(event, await self._settled(event)) for event in events]
        settled = await self._with_files(settled)
        messages = [message for _, message in settled if message is not None]
        receipts = iter(await self._handed_over(messages, receive) if messages else ())
        heard = [
            Heard(event=event, message=message, receipt=next(receipts, None) if message is not None else None)
            for event, message in settled
        ]
        self._say_so(heard)
        ids = [event.update_id for event in events if event.update_id is not None]
        return max(ids, default=None), heard

    async def _handed_over(self, messages: Sequence[IncomingMessage], receive: Receive) -> Sequence[Receipt]:
        """The receipts; none where all of it is on disk and yet again cannot be done: the next start tries that anew.

        Without this a press that breaks its handler would come again for ever, and keep everybody else's messages out.
        """
        first = messages[0].event_id
        try:
            receipts = await receive(messages)
        except IntakeError:
            if not await self._are_kept(messages):
                raise
            self._undone[first] += 1
            if self._undone[first] < MOST_TRIES:
                raise
            _log.error("telegram.undone", messages=len(messages), tries=MOST_TRIES)
            receipts = ()
        self._undone.clear()
        return receipts

    async def _are_kept(self, messages: Sequence[IncomingMessage]) -> bool:
        for message in messages:
            if await self._inbox.turn_of(ChannelName.TELEGRAM, message.event_id) is None:
                return False
        return True

    async def _settled(self, event: Event) -> IncomingMessage | None:
        """The message as it is to be stored, None for nothing at all."""
        message = event.message
        if message is None or (event.needs_ours and not await self._is_ours(message)):
            return None
        if event.album and self._is_shown_already(event, message):
            return unheard(message)
        if event.is_named is None or message.is_private:
            return message
        # An edit is for the bot where its text would be: that of a bystander is not to make them known here.
        said = replace(message, kind=Kind.TEXT)
        is_addressed = await self._manners.is_addressed(said, is_named=event.is_named)
        return message if is_addressed else unheard(message)

    async def _is_ours(self, message: IncomingMessage) -> bool:
        """Whether what was reacted to is an answer of ours: reactions to others are nobody's business here."""
        return message.target is not None and (
            await self._turns.delivered_as(message.address, PlatformId(message.target)) is not None
        )

    def _is_shown_already(self, event: Event, message: IncomingMessage) -> bool:
        """Whether another picture of the same album was there before: one answer is enough for all of them."""
        first = self._albums.setdefault(event.album, message.event_id)
        if len(self._albums) > ALBUMS_REMEMBERED:
            self._albums.popitem(last=False)
        return first != message.event_id and not message.text and event.readable is None

    async def _with_files(
        self, settled: list[tuple[Event, IncomingMessage | None]]
    ) -> list[tuple[Event, IncomingMessage | None]]:
        if all(event.readable is None for event, _ in settled):
            return settled
        async with asyncio.TaskGroup() as tasks:
            reading = [tasks.create_task(self._with_file(event, message)) for event, message in settled]
        return [(event, task.result()) for (event, _), task in zip(settled, reading, strict=True)]

    async def _with_file(self, event: Event, message: IncomingMessage | None) -> IncomingMessage | None:
        file = event.readable
        if file is None or message is None or not message.is_addressed:
            return message
        text = await self._read(file)
        if text is None:
            return replace(message, attachments=(file,))
        return with_file(message, file.name, text)

    async def _read(self, file: Attachment) -> str | None:
        """A text file's content; None where it does not come, or is no text in UTF-8."""
        try:
            async with self._files, asyncio.timeout(FILE_S):
                content = await self._fetch(file.reference)
            text = content.decode("utf-8-sig") if len(content) <= READABLE_BYTES else ""
        except (DeliveryError, TimeoutError, UnicodeDecodeError) as error:
            _log.info("telegram.file_unread", error=type(error).__name__)
            return None
        return text if text.strip() and "\x00" not in text else None

    def _say_so(self, heard: Sequence[Heard]) -> None:
        """What came to nothing, in counts; a broken update by its id."""
        for one in heard:
            if one.event.broken:
                _log.warning("telegram.broken_update", update_id=one.event.update_id, error=one.event.broken)
        notes = Counter(one.event.note for one in heard if one.event.note)
        if notes:
            _log.info("telegram.passed_over", **{note.replace(" ", "_"): count for note, count in sorted(notes.items())})
