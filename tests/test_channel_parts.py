"""Which platforms the bot is on, how health hears of them, and who is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from bot.app import open_stores
from bot.channel_parts import KnownLanguages, PlatformChannels, platform_channels
from bot.channel_settings import DiscordSettings, TelegramSettings
from bot.config import Config
from bot.errors import ChannelRefused
from bot.health import DEAF_S, RunningHealth
from bot.notices import GAP, notice_text
from bot.ports import Receive
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.open import Stores
from bot.supervise import SupervisedChannel
from bot.types import AdminNotice, ChannelName
from tests.fakes import NOON, FakeClock, FakeStores
from tests.house import RecordingChannel, text

TOKEN = SecretStr("123456:abcdef")


@pytest_asyncio.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    """The stores of an empty folder."""
    config = Config(data_dir=tmp_path)
    await migrate(DataFolder.open(tmp_path), FakeClock())
    async with open_stores(config) as opened:
        yield opened


def built(stores: Stores, telegram: TelegramSettings | None = None, discord: DiscordSettings | None = None) -> PlatformChannels:
    """The channels of some settings."""
    config = Config(telegram=telegram or TelegramSettings(), discord=discord or DiscordSettings())
    return platform_channels(config, stores, FakeClock(), secret=b"s" * 32, language=lambda _: "en")


@pytest.mark.parametrize(
    ("telegram", "discord", "names"),
    [
        (None, None, []),
        (TelegramSettings(token=TOKEN), None, ["telegram"]),
        (None, DiscordSettings(token=TOKEN), ["discord"]),
        (TelegramSettings(token=TOKEN), DiscordSettings(token=TOKEN), ["telegram", "discord"]),
    ],
)
def test_the_bot_is_where_it_has_a_token(
    stores: Stores, telegram: TelegramSettings | None, discord: DiscordSettings | None, names: list[str]
) -> None:
    found = built(stores, telegram, discord)
    assert [name.value for name in found.channels] == names
    assert all(channel.name is name for name, channel in found.channels.items())
    assert found.posted is None, "nothing is posted while the bot asks"


def test_posts_are_taken_only_where_that_is_how_messages_come(stores: Stores) -> None:
    found = built(stores, TelegramSettings(token=TOKEN, mode="webhook", webhook_url="https://bot.example"))
    assert found.posted is not None


async def test_health_names_a_platform_that_is_silent_or_will_not_have_the_bot() -> None:
    class Unwanted(RecordingChannel):
        async def run(self, receive: Receive) -> None:
            raise ChannelRefused("the token is wrong")

    age, trouble = [0.0], [""]
    channel = Unwanted()
    supervised = {channel.name: SupervisedChannel(channel)}
    platforms = PlatformChannels(
        channels={channel.name: channel},
        ages={channel.name: lambda: age[0] if age[0] >= 0 else None},
        troubles={channel.name: lambda: trouble[0]},
    )
    health = RunningHealth(
        clock=FakeClock(),
        checks=platforms.checks(supervised),
        stuck_s=lambda: 0.0,
        deaf_s=lambda: platforms.deaf_s(supervised),
    )
    assert await health.ready() == {"telegram": "ok"}
    trouble[0] = "messages of 30 hours may be lost"
    assert await health.ready() == {"telegram": trouble[0]}
    age[0] = -1.0
    assert await health.ready() == {"telegram": "not connected"}
    assert health.is_live()
    age[0] = DEAF_S + 1
    assert await health.ready() == {"telegram": "not heard of for 181 s"}
    assert not health.is_live(), "a restart may help"

    async def nothing(_: object) -> tuple[()]:
        return ()

    await supervised[ChannelName.TELEGRAM].run(nothing)
    assert await health.ready() == {"telegram": "the token is wrong"}
    assert health.is_live(), "a restart would not help"


async def test_what_somebody_chose_is_known_wherever_something_is_said_to_them() -> None:
    stores = FakeStores()
    known = KnownLanguages(stores.people)
    message = text("hola")
    assert known.of(message) is None
    context = await known.meet(message, history=0, now=stores.clock.now())
    assert known.of(message) is None, "nobody chose"
    stores.persons[context.person.id] = replace(context.person, language="es")
    await known.meet(message, history=0, now=stores.clock.now())
    assert known.of(message) == "es"
    assert known.of(text("hello", user="luis")) is None


async def test_the_admins_are_told_once_a_day_that_messages_may_be_lost(stores: Stores) -> None:
    for hours in ("30", "31"):
        notice = AdminNotice(kind=GAP, day=NOON.date(), facts={"hours": hours}, at=NOON)
        await stores.notices.tell(notice)
    (told,) = await stores.notices.recent(NOON.date(), 10)
    assert told.facts == {"hours": "30"}, "the first of a day stays"
    assert "30 hours" in notice_text(told, "en", "EUR")
    assert "30 horas" in notice_text(told, "es", "EUR")
