"""A bot on the local Discord: the real discord.py, channel, core and stores; only what it answers is the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from bot.channel_settings import DiscordSettings, GroupSettings
from bot.channels.discord.channel import DiscordChannel
from bot.core import Core, CoreSettings
from bot.delivery import Delivery
from bot.door import Door, DoorLimits
from bot.manners import GroupManners
from bot.ports import Clock, Preview, Receive
from bot.router import Router
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores, open_folder
from bot.supervise import SupervisedChannel
from bot.system import SystemClock, TimeOrderedIds
from bot.types import ChannelName, IncomingMessage, Kind, Language, Outcome, Receipt, Reply, Turn
from bot.writes import RelabelTurn, SetRating
from tests.house import Doing, look
from tests.servers.discord import DiscordServer, Interaction, Message, User
from tests.servers.discord.nouns import InteractionKind
from tests.servers.discord_client import pointed

SECRET = b"a secret that signs buttons in tests"


class Ledger:
    """Stops, ratings, reactions and edits as the product means them, in words of its own."""

    name = "ledger"

    def matches(self, turn: Turn) -> bool:
        """What is no turn."""
        return turn.message.kind in (Kind.STOP, Kind.RATING, Kind.REACTION, Kind.EDIT)

    async def handle(self, turn: Turn, preview: Preview) -> Outcome:
        """Write it down if it is about a turn of this person's."""
        message, target = turn.message, turn.target
        if message.kind is Kind.STOP:
            return Outcome(reply=None, stops=turn.running, is_refused=turn.running is None)
        if target is None or target.person_id != turn.person.id:
            return Outcome(reply=Reply(text="not yours") if message.kind is Kind.RATING else None, is_refused=True)
        if message.kind is Kind.EDIT:
            return Outcome(reply=None, writes=(RelabelTurn(turn_id=target.id, question=message.text),))
        value = message.rating.value if message.rating is not None else {"👍": 1, "👎": -1}.get(message.text[:1], 0)
        write = SetRating(
            person_id=turn.person.id,
            turn_id=target.id,
            value=1 if value > 0 else -1 if value < 0 else 0,
            reason=message.rating.reason if message.rating is not None else None,
            correction=message.rating.correction if message.rating is not None else None,
        )
        return Outcome(reply=Reply(text="thanks") if message.kind is Kind.RATING else None, writes=(write,))


@dataclass
class DiscordHouse:
    """A running bot and the Discord that it is on."""

    server: DiscordServer
    channel: DiscordChannel
    supervised: SupervisedChannel
    stores: Stores
    core: Core
    delivery: Delivery
    taken: list[IncomingMessage] = field(default_factory=list)

    async def ready(self) -> None:
        """Return once the bot is connected and its commands are registered."""
        world, gateway = self.server.world, self.server.gateway
        await world.until(lambda: gateway.connected and world.commands)

    async def answered(self, asked: Message | Interaction, text: str) -> Message:
        """The answer, once it says this."""

        def found() -> Message | None:
            said = self.server.world.answers_to(asked)
            if isinstance(asked, Message) and asked.channel.is_dm:
                said = [one for one in self.server.world.from_bot(asked.channel) if one.id > asked.id]
            return next((one for one in said if one.content == text and not one.is_loading), None)

        message = await self.server.world.until(found)
        assert message is not None
        return message

    async def settled(self) -> None:
        """Return once everything is answered and delivered."""
        await self.core.idle()
        await self.delivery.idle()

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        """What a plain look into the database's file shows."""
        return await asyncio.to_thread(look, self.stores.database.path, sql)

    async def rows_become(self, sql: str, wanted: list[tuple[object, ...]], timeout_s: float = 5.0) -> None:
        """Return once a query gives this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while await self.rows(sql) != wanted:
                    await asyncio.sleep(0.01)
        assert await self.rows(sql) == wanted


def choose(server: DiscordServer, person: User, message: Message, value: str) -> Interaction:
    """Choose an option of a message's menus, as the world's people press buttons."""
    parts = [part for row in message.components for part in row["components"]]
    menu = next(part for part in parts if value in [one["value"] for one in part.get("options", ())])
    data = {"component_type": 3, "custom_id": menu["custom_id"], "id": menu["id"], "values": [value]}
    return server.world._interact(InteractionKind.COMPONENT, person, message.channel, data, message=message)


Act = Callable[[Turn, Preview], object]


def reply(text: str) -> Act:
    """An act that always says this."""
    return lambda turn, preview: text


@asynccontextmanager
async def on_discord(
    server: DiscordServer,
    path: Path,
    act: Act = lambda turn, preview: f"answer to {turn.message.text}",
    *,
    clock: Clock | None = None,
    answers: str = "mention",
    admins: Sequence[int] = (),
    before_call: Callable[[str], None] | None = None,
    receiving: Callable[[Receive], Receive] = lambda receive: receive,
    language: Callable[[IncomingMessage], Language] = lambda message: "es" if message.locale.startswith("es") else "en",
    token: str = "",
    shards: int = 1,
    intake_pauses_s: tuple[float, float] = (0.2, 5.0),
) -> AsyncIterator[DiscordHouse]:
    """The bot, until the end of the block, which ends it at once, as a crash would."""
    clock, ids = clock or SystemClock(), TimeOrderedIds()
    folder = DataFolder.open(path)
    await migrate(folder, clock)
    settings = DiscordSettings(
        token=SecretStr(token or server.token),
        api_base=server.api_base,
        gateway=server.gateway_url,
        shards=shards,
    )
    async with open_folder(folder, clock=clock, ids=ids, before_call=before_call) as stores:
        channel = DiscordChannel(
            settings,
            secret=SECRET,
            marks=stores.chats,
            manners=GroupManners(stores.chats, GroupSettings.model_validate({"answers": answers}), clock.monotonic),
            admins=admins,
            clock=clock,
            language=language,
            turn_of=stores.turns.delivered_as,
            intake_pauses_s=intake_pauses_s,
        )
        supervised = SupervisedChannel(channel)
        channels = {ChannelName.DISCORD: supervised}
        delivery = Delivery(outbox=stores.outbox, channels=channels, clock=clock, on_sent=lambda: None, store_retry_s=0.005)
        core = Core(
            inbox=stores.inbox,
            people=stores.people,
            turns=stores.turns,
            outbox=stores.outbox,
            router=Router([Ledger(), Doing(act)]),
            delivery=delivery,
            channels=channels,
            clock=clock,
            settings=CoreSettings(preview_interval_s=0.01, store_retry_s=(0.005,)),
            language=language,
            spoken=lambda _: None,
            limited=(),
        )
        door = Door(
            inbox=stores.inbox,
            clock=clock,
            ids=ids,
            limits=DoorLimits(per_person=100),
            digest=lambda content: content[:40],
            clean=lambda text: (text, False),
            language=language,
        )
        house = DiscordHouse(server, channel, supervised, stores, core, delivery)

        async def receive(messages: Sequence[IncomingMessage]) -> Sequence[Receipt]:
            house.taken.extend(messages)
            return await receiving(door.receive)(messages)

        with pointed(server.api_base, server.gateway_url):
            async with asyncio.TaskGroup() as tasks:
                works: tuple[Awaitable[None], ...] = (delivery.run(), core.run(), door.run(core), supervised.run(receive))
                running = [tasks.create_task(_awaited(work)) for work in works]
                try:
                    yield house
                finally:
                    for task in running:
                        task.cancel()


async def _awaited(work: Awaitable[None]) -> None:
    await work
