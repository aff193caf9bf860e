"""The bot on Discord: a channel like every other. discord.py is imported when it runs, and nowhere else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

import structlog

from bot.channel_ports import Manners, MarkStore
from bot.channel_settings import DiscordSettings
from bot.channels.discord import client as gateway
from bot.channels.discord.catching_up import CatchUp
from bot.channels.discord.ceiling import Ceiling
from bot.channels.discord.commands import registered
from bot.channels.discord.files import DiscordFiles
from bot.channels.discord.handles import Pending
from bot.channels.discord.intake import Intake, Marks
from bot.channels.discord.interactions import Interactions, TurnOf
from bot.channels.discord.live import Live
from bot.channels.discord.places import Place, Places, channel_of
from bot.channels.discord.reading import Reactions, Reader
from bot.channels.discord.rest import Rest
from bot.channels.discord.sending import Sender
from bot.channels.discord.tasks import ClientTasks
from bot.channels.discord.typing_sign import TypingSign
from bot.errors import ChannelRefused, DeliveryError
from bot.ports import Clock, Parts, Receive
from bot.types import ChannelName, IncomingMessage, Kind, Language, Outgoing, PlatformId, Receipt, ReceiptStatus, TurnId

if TYPE_CHECKING:
    from discord import Client, Message

_log = structlog.get_logger("martin.channel.discord")

MOST_TRIES = 3


class _Ended(Exception):
    """The client ended, which ends everything that was begun for it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class DiscordChannel:
    """Implements `Channel`. `turn_of` finds the turn that one of our messages belongs to, `admins` are numeric ids.

    `intake_pauses_s` are the first and the longest pause between tries of a store that cannot write.
    """

    answers_requests = False

    def __init__(
        self,
        settings: DiscordSettings,
        *,
        secret: bytes,
        marks: MarkStore,
        manners: Manners,
        admins: Collection[int],
        clock: Clock,
        language: Callable[[IncomingMessage], Language],
        turn_of: TurnOf,
        intake_pauses_s: tuple[float, float] = (0.2, 5.0),
    ) -> None:
        self._settings, self._secret, self._admins, self._clock = settings, secret, frozenset(admins), clock
        self._language, self._turn_of, self._pauses_s = language, turn_of, intake_pauses_s
        self._manners = manners
        self._places, self._pending, self._rest = Places(), Pending(), Rest(Ceiling())
        self._marks = Marks(marks, clock)
        self._reader = Reader(places=self._places, manners=manners, files=DiscordFiles(settings.api_base), admins=self._admins)
        self._reactions = Reactions(clock.now, self._rest.thumbs)
        self._sender = Sender(self._rest, self._places, self._pending, clock, secret=secret)
        self._typing = TypingSign(self._rest)
        self._client: Client | None = None
        self._is_registered = False

    @property
    def name(self) -> ChannelName:
        """Its name."""
        return ChannelName.DISCORD

    @property
    def doubles(self) -> Counter[str]:
        """How many messages may be there twice, by reason."""
        return self._sender.doubles

    @property
    def last_ack_age_s(self) -> float | None:
        """Seconds since Discord last answered a heartbeat; None while there is no connection."""
        return gateway.ack_age_s(self._client) if self._client is not None else None

    # --- in ---

    async def run(self, receive: Receive) -> None:
        """Take events in until cancelled, with one client. Raises ChannelRefused, IntakeError and StoreError."""
        token = self._settings.token.get_secret_value() if self._settings.token is not None else ""
        if not token:
            raise ChannelRefused("There is no token for Discord: set MARTIN_DISCORD__TOKEN.")
        await asyncio.to_thread(gateway.load)
        await self._marks.load(self._places)
        client = self._client = gateway.new_client(self._settings, self._rest.ceiling)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = ClientTasks(group)
                self._live(client, tasks, receive).begin()
                tasks.begin(self._marks.run)
                try:
                    raise _Ended(await gateway.served(client, token, lambda: self._logged_in(client, tasks)))
                finally:
                    tasks.is_over = True
        except* _Ended as raised:
            error = next(one for one in raised.exceptions if isinstance(one, _Ended)).error
        finally:
            self._client = None
            self._rest.attach(None)
            await gateway.closed(client)
        raise error

    def _live(self, client: Client, tasks: ClientTasks, receive: Receive) -> Live:
        """The handlers of a client, wired."""

        async def read(message: Message, place: Place) -> IncomingMessage | None:
            return await self._reader.message(message, place, client.user.id if client.user is not None else 0)

        catch_up = CatchUp(client, self._clock, read, places=self._places, marks=self._marks)
        intake = Intake(
            tasks=tasks,
            receive=receive,
            marks=self._marks,
            catch_up=catch_up.missed,
            start=catch_up.start,
            pauses_s=self._pauses_s,
            then=lambda message, receipt: self._taken(tasks, message, receipt),
        )
        interactions = Interactions(
            rest=self._rest,
            stored=intake.stored,
            tasks=tasks,
            places=self._places,
            pending=self._pending,
            manners=self._manners,
            secret=self._secret,
            admins=self._admins,
            clock=self._clock,
            language=self._language,
            turn_of=self._turn_of,
        )
        return Live(
            client,
            tasks,
            intake=intake,
            interactions=interactions,
            catch_up=catch_up,
            read=read,
            places=self._places,
            marks=self._marks,
            reader=self._reader,
            reactions=self._reactions,
            turn_of=self._turn_of,
            admins=self._admins,
            clock=self._clock,
        )

    def _logged_in(self, client: Client, tasks: ClientTasks) -> None:
        self._rest.attach(client)
        if not self._is_registered:
            tasks.begin(self._register)

    async def _register(self) -> None:
        """Tell Discord the commands; without them the bot still answers what is typed."""
        try:
            await self._rest.register(registered())
        except DeliveryError as error:
            _log.error("discord.commands", error=type(error).__name__)
        else:
            self._is_registered = True

    def _taken(self, tasks: ClientTasks, message: IncomingMessage, receipt: Receipt) -> None:
        """What to do once a message is stored: show that it is being answered, or what there is to say at once."""
        if receipt.status is ReceiptStatus.ACCEPTED:
            self._sender.asked(message)
            self._typing.begin(tasks, channel_of(message.address), receipt.turn_id)
        elif receipt.status is ReceiptStatus.ABSORBED and receipt.reply is not None and message.kind is not Kind.REACTION:
            tasks.begin(partial(self._show, message, receipt.reply.text))

    async def _show(self, message: IncomingMessage, text: str) -> None:
        for number in range(MOST_TRIES):
            try:
                await self._sender.show(message, text)
            except DeliveryError as error:
                _log.warning("discord.not_said", event_id=message.event_id, error=type(error).__name__)
                await asyncio.sleep(number + 1)
            else:
                return

    # --- out ---

    async def open(self, message: IncomingMessage, turn_id: TurnId) -> PlatformId | None:
        """The message that the answer will fill: a new one, or an interaction's own."""
        self._sender.asked(message)
        self._typing.end(channel_of(message.address), turn_id)
        return await self._sender.open(message, turn_id, self._language(message))

    async def preview(self, message: IncomingMessage, turn_id: TurnId, opened: PlatformId | None, text: str) -> None:
        """Show the answer so far, at most once a second."""
        self._typing.end(channel_of(message.address), turn_id)
        try:
            await self._sender.preview(message, turn_id, opened, text)
        except DeliveryError as error:
            _log.info("discord.preview", turn_id=turn_id, error=type(error).__name__)

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        """Bring the reply there, each part once."""
        self._typing.end(channel_of(outgoing.address), outgoing.turn_id or outgoing.id)
        return await self._sender.deliver(outgoing, parts)
