"""What a message on a platform costs up to its queued answer: part of `python -m benchmarks.overhead --json`.

telegram_ratio           CPU of a text update, from the bytes of an answer to `getUpdates` through the channel's intake, door,
                         core and an echo to the delivery's queue, nothing stored, over PTB's parse + `process_update` of the
                         same bytes (`telegram_us`, `ptb_update_us`)
telegram_durable_ratio   the same with every message in the inbox on disk, in batches of 100 (`telegram_durable_us`)
telegram_stored_ratio    the same with person, turn and outbox row on disk as well, 50 people at once (`telegram_stored_us`)
discord_us               CPU of a private message, from discord.py's `Message` through the channel's intake to the same queue

CPU time of all threads of this process, in microseconds; medians of rounds in which ours and PTB's take turns.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.nothing_stored import Nothing, Serving, serving
from benchmarks.ptb_echo import Raw, queue_batches, raw_update
from bot.channel_settings import DiscordSettings, GroupSettings
from bot.channel_types import ChatMode
from bot.channels.discord.ceiling import Ceiling
from bot.channels.discord.client import load, new_client
from bot.channels.discord.files import DiscordFiles
from bot.channels.discord.handles import Pending
from bot.channels.discord.intake import Event, Marks
from bot.channels.discord.intake import Intake as DiscordIntake
from bot.channels.discord.places import Places, channel_of
from bot.channels.discord.reading import Reader as DiscordReader
from bot.channels.discord.rest import Rest
from bot.channels.discord.sending import Sender as DiscordSender
from bot.channels.discord.tasks import ClientTasks
from bot.channels.discord.typing_sign import TypingSign
from bot.channels.telegram.events import Reader, Self
from bot.channels.telegram.intake import Intake
from bot.channels.telegram.presence import Presence
from bot.channels.telegram.requests import Connection
from bot.channels.telegram.sending import Sender, place_of, telegram_pace
from bot.channels.telegram.wire import updates_in
from bot.errors import DeliveryPaused
from bot.lexical import guess_language
from bot.manners import GroupManners
from bot.normalise import clean
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores, open_folder
from bot.system import SystemClock, TimeOrderedIds
from bot.types import ChannelName, IncomingMessage, Language, Receipt

if TYPE_CHECKING:
    import discord

BATCH: Final = 100
"""Updates in an answer of Telegram's."""
ROUNDS: Final = 7
MESSAGES: Final = 2000
STORED: Final = 500
PEOPLE: Final = 50
_TEXT: Final = "what do you know about lighthouses?"
_SECRET: Final = b"a secret for measurements, 32 byte"
_LONGEST: Final = 8000
_ME: Final = 42
Batches = list[bytes]
Run = Callable[[Batches], Awaitable[None]]


class NoChats:
    """No group was ever set, no mark ever made."""

    async def mode(self, channel: ChannelName, chat: str) -> ChatMode | None:
        """Nobody chose."""
        return None

    async def marks(self, channel: ChannelName) -> Mapping[str, str]:
        """None."""
        return {}

    async def set_mark(self, channel: ChannelName, key: str, value: str, at: datetime) -> None:
        """Keeps nothing."""


def language(message: IncomingMessage) -> Language:
    """That of the app, as the bot takes it."""
    return "es" if message.locale.startswith("es") else "en"


@asynccontextmanager
async def answering(name: ChannelName, **stores: Any) -> AsyncIterator[Serving]:
    """A door and a core as the bot wires them, with its own cleaning, digests and languages."""

    def cleaned(text: str) -> tuple[str, bool]:
        found = clean(text, max_chars=_LONGEST)
        return found.text, found.was_cut

    def digest(content: str) -> str:
        return blake2b(content.encode(), digest_size=16, key=_SECRET).hexdigest()

    async with serving(name, clean=cleaned, digest=digest, language=language, spoken=guess_language, **stores) as bot:
        yield bot


def manners() -> GroupManners:
    """The usual ones."""
    clock = SystemClock()
    return GroupManners(NoChats(), GroupSettings(), clock.monotonic)


# --- Telegram ---


def batches(first: int, count: int) -> Batches:
    """Text updates as Telegram sends them, in full answers to `getUpdates`."""
    updates: Sequence[Raw] = [raw_update(number, _TEXT) for number in range(first, first + count)]
    return [
        json.dumps({"ok": True, "result": updates[at : at + BATCH]}, separators=(",", ":")).encode()
        for at in range(0, count, BATCH)
    ]


@asynccontextmanager
async def telegram(stores: Stores | None, *, is_whole: bool = False) -> AsyncIterator[Run]:
    """Takes batches in as the channel does. With `stores` the inbox is on disk, and where it `is_whole` all else too."""
    clock, nothing = SystemClock(), Nothing()
    kept: dict[str, Any] = {} if stores is None else {"inbox": stores.inbox}
    if stores is not None and is_whole:
        kept |= {"people": stores.people, "turns": stores.turns}
    sender = Sender(_nowhere, telegram_pace(clock))
    presence = Presence(clock, sender.show_typing)
    intake = Intake(
        Reader(Self(id=_ME, username="bench_bot"), secret=_SECRET, admins=()),
        manners=manners(),
        turns=stores.turns if stores is not None else nothing,
        inbox=stores.inbox if stores is not None else nothing,
        fetch=_nothing_to_fetch,
        clock=clock,
    )
    async with answering(ChannelName.TELEGRAM, **kept) as bot:

        async def take(payloads: Batches) -> None:
            before = bot.queue.count
            for payload in payloads:
                _, heard = await intake.take(updates_in(payload), bot.door.receive)
                for one in heard:
                    if one.message is not None and one.receipt is not None:
                        presence.begin(one.receipt.turn_id, place_of(one.message.address))
                await bot.core.idle()
                for one in heard:
                    if one.receipt is not None:
                        presence.end(one.receipt.turn_id)
            assert bot.queue.count - before == BATCH * len(payloads)

        yield take


async def _nowhere() -> Connection:
    raise DeliveryPaused("there is no platform here", 1.0)


async def _nothing_to_fetch(_: str) -> bytes:
    raise DeliveryPaused("there is no platform here", 1.0)


async def telegram_us(messages: int = MESSAGES, stored: int = STORED, rounds: int = ROUNDS) -> dict[str, float]:
    """All figures of Telegram."""
    found: dict[str, list[float]] = {name: [] for name in ("telegram", "durable", "stored", "ptb")}
    with tempfile.TemporaryDirectory(prefix="martin-bench-") as path:
        folder, clock = DataFolder.open(Path(path)), SystemClock()
        await migrate(folder, clock)
        async with (
            open_folder(folder, clock=clock, ids=TimeOrderedIds()) as stores,
            telegram(None) as plain,
            telegram(stores) as durable,
        ):
            await plain(batches(0, BATCH))
            await durable(batches(0, BATCH))
            for number in range(1, rounds + 1):
                payloads = batches(number * 100_000, messages)
                found["telegram"].append(await _cpu_us(partial(plain, payloads), messages))
                found["durable"].append(await _cpu_us(partial(durable, payloads), messages))
                found["ptb"].append(await _cpu_us(partial(queue_batches, payloads), messages))
        await _stored(found["stored"], stored, rounds)
    least = {name: statistics.median(all_of) for name, all_of in found.items()}
    return {
        "telegram_ratio": round(least["telegram"] / least["ptb"], 3),
        "telegram_durable_ratio": round(least["durable"] / least["ptb"], 3),
        "telegram_stored_ratio": round(least["stored"] / least["ptb"], 3),
        "telegram_us": round(least["telegram"], 1),
        "telegram_durable_us": round(least["durable"], 1),
        "telegram_stored_us": round(least["stored"], 1),
        "ptb_update_us": round(least["ptb"], 1),
    }


async def _stored(found: list[float], messages: int, rounds: int) -> None:
    """Everything on disk, in a database of its own."""
    with tempfile.TemporaryDirectory(prefix="martin-bench-") as path:
        folder, clock = DataFolder.open(Path(path)), SystemClock()
        await migrate(folder, clock)
        async with (
            open_folder(folder, clock=clock, ids=TimeOrderedIds()) as stores,
            telegram(stores, is_whole=True) as whole,
        ):
            await whole(batches(0, BATCH))
            for number in range(1, rounds + 1):
                payloads = batches(number * 100_000, messages)
                found.append(await _cpu_us(partial(whole, payloads), messages))


# --- Discord ---


def client() -> discord.Client:
    """discord.py as the channel makes it, logged in as nobody."""
    load()
    from discord import ClientUser

    made = new_client(DiscordSettings(), Ceiling())
    about: Any = {"id": str(_ME), "username": "bench", "discriminator": "0", "global_name": None, "avatar": None}
    made._connection.user = ClientUser(state=made._connection, data=about)
    return made


def messages_of(made: discord.Client, first: int, count: int) -> list[discord.Message]:
    """Private messages as discord.py hands them over."""
    from discord import DMChannel, Message

    state = made._connection
    assert state.user is not None
    now = datetime.now(UTC)
    found = []
    for number in range(first, first + count):
        who: Any = {
            "id": str(1000 + number % PEOPLE),
            "username": "p",
            "discriminator": "0",
            "global_name": "P",
            "avatar": None,
        }
        where: Any = {"id": str(5000 + number % PEOPLE), "type": 1, "recipients": [who], "last_message_id": None}
        said: Any = {
            **{"id": str((int(now.timestamp() * 1000) - 1_420_070_400_000 << 22) + number), "channel_id": where["id"]},
            **{"type": 0, "content": _TEXT, "author": who, "timestamp": now.isoformat(), "edited_timestamp": None},
            **{"tts": False, "mention_everyone": False, "mentions": [], "mention_roles": [], "attachments": []},
            **{"embeds": [], "pinned": False, "flags": 0, "components": []},
        }
        channel = DMChannel(me=state.user, state=state, data=where)
        found.append(Message(state=state, channel=channel, data=said))
    return found


async def discord_us(messages: int = MESSAGES, rounds: int = ROUNDS) -> dict[str, float]:
    """CPU of a private message on Discord."""
    made, clock, found = client(), SystemClock(), []
    rest, places = Rest(Ceiling()), Places()
    sender = DiscordSender(rest, places, Pending(), clock, secret=_SECRET)
    typing = TypingSign(rest)
    reader = DiscordReader(places=places, manners=manners(), files=DiscordFiles(""), admins=())
    async with answering(ChannelName.DISCORD) as bot, asyncio.TaskGroup() as group:
        tasks = ClientTasks(group)

        def taken(message: IncomingMessage, receipt: Receipt) -> None:
            sender.asked(message)
            typing.begin(tasks, channel_of(message.address), receipt.turn_id)
            typing.end(channel_of(message.address), receipt.turn_id)

        intake = DiscordIntake(
            tasks=tasks,
            receive=bot.door.receive,
            marks=Marks(NoChats(), clock),
            catch_up=_nothing_missed,
            start=lambda place: 0,
            then=taken,
            pauses_s=(0.2, 5.0),
        )

        async def take(said: list[discord.Message]) -> None:
            before = bot.queue.count
            for at in range(0, len(said), BATCH):
                for message in said[at : at + BATCH]:
                    place = await places.of(made, message.channel.id, None)
                    read = partial(reader.message, message, place, _ME)
                    intake.put(Event(id=str(message.id), place=place, message=message.id, read=read))
                await bot.queue.reach(before + min(at + BATCH, len(said)))

        await take(messages_of(made, 0, BATCH))
        for number in range(1, rounds + 1):
            said = messages_of(made, number * 10_000, messages)
            found.append(await _cpu_us(partial(take, said), messages))
    return {"discord_us": round(statistics.median(found), 1)}


async def _nothing_missed(place: object, mark: int) -> Sequence[Event]:
    return ()


async def _cpu_us(work: Callable[[], Awaitable[object]], messages: int) -> float:
    began = time.process_time()
    await work()
    return (time.process_time() - began) / messages * 1e6


async def measure(messages: int = MESSAGES, stored: int = STORED, rounds: int = ROUNDS) -> dict[str, float]:
    """All figures of this file."""
    return {**await telegram_us(messages, stored, rounds), **await discord_us(messages, rounds)}
