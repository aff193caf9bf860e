"""The Telegram channel: polling or webhook, a batch on disk before the next is asked for, replies that fill their messages."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from hashlib import blake2b, sha256
from typing import Final

from bot.channel_ports import ChatMoves, Manners, MarkStore
from bot.channel_settings import TelegramSettings
from bot.channels.telegram import text as words
from bot.channels.telegram.answers import Answers
from bot.channels.telegram.connecting import connected
from bot.channels.telegram.delivering import Deliverer, PastTurns
from bot.channels.telegram.events import Reader, Self
from bot.channels.telegram.intake import Heard, Intake, KeptEvents
from bot.channels.telegram.menu import keep_menu
from bot.channels.telegram.own_webhook import OwnWebhook, PostWatch
from bot.channels.telegram.polling import Polling, Waits
from bot.channels.telegram.presence import Presence
from bot.channels.telegram.requests import Connection
from bot.channels.telegram.sending import Sender, place_of, telegram_pace
from bot.channels.telegram.watch import OnGap, PollWatch, nothing
from bot.channels.telegram.webhook import WebhookIntake
from bot.errors import DeliveryError, DeliveryPaused, MartinError
from bot.pacing import Pace
from bot.ports import Clock, Parts, Receive
from bot.text_files import READABLE_BYTES
from bot.types import ChannelName, IncomingMessage, Kind, Language, Outgoing, PlatformId, TurnId

CONNECTS_IN_S: Final = 10.0
LONGEST_PREVIEW_S: Final = 5.0
CHATS_REMEMBERED: Final = 10_000
_TAKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")


class TelegramChannel:
    """People on Telegram. `webhook` answers what is posted to the page's server, where that is how updates come."""

    name = ChannelName.TELEGRAM
    answers_requests = False

    def __init__(
        self,
        settings: TelegramSettings,
        *,
        secret: bytes,
        marks: MarkStore,
        manners: Manners,
        turns: PastTurns,
        inbox: KeptEvents,
        admins: Collection[int],
        clock: Clock,
        language: Callable[[IncomingMessage], Language],
        pace: Pace | None = None,
        waits: Waits | None = None,
        moves: ChatMoves | None = None,
        on_gap: OnGap = nothing,
    ) -> None:
        """`settings` hold a token. `secret` signs buttons; `language` is that of somebody's message.

        `on_gap` is told after how many hours Telegram is heard again, where it keeps nothing for so long.
        """
        self._settings, self._secret, self._marks, self._manners = settings, secret, marks, manners
        self._turns, self._inbox, self._moves, self._admins = turns, inbox, moves, tuple(admins)
        self._clock, self._language = clock, language
        self._waits = waits or Waits()
        self._connection: Connection | None = None
        self._connected = asyncio.Event()
        self._sender = Sender(self._bot, pace or telegram_pace(clock))
        self._presence = Presence(clock, self._sender.show_typing)
        self._answers = Answers(self._sender, self._presence, secret=secret, language=language, turns=turns)
        self._tasks: asyncio.TaskGroup | None = None
        self._deliverer = Deliverer(
            self._sender,
            secret=secret,
            turns=turns,
            language_in=self._spoken_in,
            is_draft=settings.streaming == "draft",
            after_crash=settings.after_crash,
        )
        webhook_secret = _webhook_secret(settings)
        self.webhook = WebhookIntake(webhook_secret)
        self._own = OwnWebhook(settings.webhook_url, secret=webhook_secret, key=secret, marks=marks, clock=clock)
        self._spoken: OrderedDict[str, Language] = OrderedDict()
        self._watch = PollWatch(marks, clock, on_gap)

    def last_poll_age_s(self) -> float:
        """Seconds since Telegram last answered a poll; where it posts, since it did so or last said that it can."""
        return self._watch.age_s

    @property
    def trouble(self) -> str:
        """What the owner is to know, empty for nothing: messages are lost (R-05), until it is heard; posts do not arrive."""
        return self._watch.trouble

    async def run(self, receive: Receive) -> None:
        """Take messages in until cancelled. Raises ChannelRefused."""
        connection = await connected(self._settings, self._own, self._waits)
        refused: MartinError | None = None
        try:
            await self._watch.begin()
            async with asyncio.TaskGroup() as tasks:
                self._connection, self._tasks = connection, tasks
                self._connected.set()
                background = [
                    tasks.create_task(self._presence.run()),
                    tasks.create_task(keep_menu(connection, self._admins, self._waits)),
                ]
                try:
                    await self._take_in(connection, receive, tasks)
                except MartinError as error:  # out of a group it would come as one
                    refused = error
                finally:
                    self._tasks = None
                    self.webhook.opens(None)
                    for task in background:
                        task.cancel()
        finally:
            self._connected.clear()
            self._connection = None
            await connection.close()
        if refused is not None:
            raise refused

    async def open(self, message: IncomingMessage, turn_id: TurnId) -> PlatformId | None:
        """Make the message that the answer will fill; none where drafts are shown instead. Raises DeliveryError."""
        place = place_of(message.address, message.handle)
        if self._deliverer.is_drafted(place):
            return None
        opened = await self._deliverer.open(place, turn_id, self._language(message))
        self._presence.end(turn_id)
        return opened

    async def preview(self, message: IncomingMessage, turn_id: TurnId, opened: PlatformId | None, text: str) -> None:
        """Show the answer so far, if it may be done at once; what Telegram says to it is nobody's business."""
        place = place_of(message.address, message.handle)
        part = partial(words.preview, text, seen=message.text)
        with suppress(DeliveryError, TimeoutError):
            if opened is not None and opened.isdecimal():
                await self._sender.show(place, opened, part)
            elif self._deliverer.is_drafted(place):
                await self._sender.show_draft(place, _draft_number(turn_id), part)
            else:  # something is in the way of the answer, and there is no message yet to say so in
                async with asyncio.timeout(LONGEST_PREVIEW_S):
                    await self._sender.send(place, part())
            self._presence.end(turn_id)

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        """Bring the reply to its chat. Raises DeliveryError."""
        self._presence.end(outgoing.turn_id or TurnId(outgoing.id))  # a notice has no turn, and the id of its message
        try:
            return await self._deliverer.deliver(outgoing, parts)
        finally:  # the turn is recorded in any case: what was chosen stands there
            turn_id = outgoing.turn_id
            if turn_id is not None and self._tasks is not None and self._answers.has_choice(turn_id):
                self._tasks.create_task(self._answers.mark_choice(turn_id))

    # --- inside ---

    async def _bot(self) -> Connection:
        """The connection, as soon as there is one. Raises DeliveryPaused."""
        if self._connection is None:
            try:
                async with asyncio.timeout(CONNECTS_IN_S):
                    await self._connected.wait()
            except TimeoutError:
                raise DeliveryPaused("Telegram is not reached yet", CONNECTS_IN_S) from None
        if self._connection is None:
            raise DeliveryPaused("Telegram is not reached any more", 1.0)
        return self._connection

    async def _take_in(self, connection: Connection, receive: Receive, tasks: asyncio.TaskGroup) -> None:
        me = connection.bot.bot
        reader = Reader(Self(id=me.id, username=me.username or ""), secret=self._secret, admins=self._admins)
        intake = Intake(
            reader,
            manners=self._manners,
            turns=self._turns,
            inbox=self._inbox,
            fetch=partial(_file, connection),
            clock=self._clock,
            moves=self._moves,
        )

        async def take(updates: Sequence[bytes]) -> int | None:
            last, heard = await intake.take(updates, receive)
            for one in heard:
                self._remember(one)
                if self._answers.wants(one):
                    tasks.create_task(self._answers.answer(one))
            return last

        if self._settings.mode == "polling":
            await Polling(clock=self._clock, waits=self._waits, on_polled=self._watch.polled).run(connection, take)
            return
        watch = PostWatch(self._own, self._watch, self._clock, every_s=self._waits.webhook_s)

        async def take_post(updates: Sequence[bytes]) -> int | None:
            last = await take(updates)
            await watch.taken()
            return last

        self.webhook.opens(take_post)
        await watch.run(connection)

    def _remember(self, heard: Heard) -> None:
        """Who speaks what language in a chat, for what is said there without a turn."""
        message = heard.message
        if message is None or not message.is_addressed or message.kind is Kind.REACTION:
            return
        self._spoken[message.address.chat] = self._language(message)
        self._spoken.move_to_end(message.address.chat)
        if len(self._spoken) > CHATS_REMEMBERED:
            self._spoken.popitem(last=False)

    def _spoken_in(self, chat: str) -> Language | None:
        return self._spoken.get(chat)


async def _file(connection: Connection, id: str) -> bytes:
    """The content of a file. Raises DeliveryError."""
    file = await connection.ask(connection.bot.get_file(id))
    if file.file_size is not None and file.file_size > READABLE_BYTES:
        raise DeliveryError("the file is larger than was said")
    return bytes(await connection.ask(file.download_as_bytearray()))


def _webhook_secret(settings: TelegramSettings) -> str:
    """What posts have to show: what the owner set, hashed where it has letters that Telegram does not take, or a new one."""
    given = settings.webhook_secret.get_secret_value() if settings.webhook_secret is not None else secrets.token_urlsafe(32)
    return given if _TAKEN.fullmatch(given) else sha256(given.encode()).hexdigest()


def _draft_number(turn_id: TurnId) -> int:
    """A number for a draft, the same for all of a turn's previews; never 0."""
    return int.from_bytes(blake2b(turn_id.encode(), digest_size=4).digest()) // 2 + 1
