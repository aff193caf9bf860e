"""The whole bot on the local Telegram, offline: what only the channel and the core together can get wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from bot.app import Bot, open_stores
from bot.channel_settings import TelegramSettings
from bot.channels.telegram.buttons import MARK
from bot.channels.telegram.channel import TelegramChannel
from bot.channels.telegram.delivering import is_placeholder
from bot.config import load_config
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.system import SystemClock
from bot.types import ChannelName
from tests.channels.telegram.house import QUICK, FakeManners, fast, spoken
from tests.house import look
from tests.servers.telegram.chats import Message
from tests.servers.telegram.faults import FaultKind
from tests.servers.telegram.people import Person
from tests.servers.telegram.server import TOKEN, TelegramServer


@asynccontextmanager
async def running(path: Path, server: TelegramServer) -> AsyncIterator[Bot]:
    """A bot that is on Telegram alone; at the end it is stopped as by its owner."""
    environ = {"MARTIN_DATA_DIR": str(path), "MARTIN_MODELS__PROVIDER": "offline", "MARTIN_CORE__DRAIN_S": "1"}
    config = load_config(environ=environ)
    folder, ready, clock = DataFolder.open(config.data_dir), asyncio.Event(), SystemClock()
    with folder.lock():
        await migrate(folder, clock)
        async with open_stores(config) as stores, asyncio.TaskGroup() as tasks:
            channel = TelegramChannel(
                TelegramSettings.model_validate({"token": SecretStr(TOKEN), "api_base": server.address}),
                secret=folder.secret_key(),
                marks=stores.chats,
                manners=FakeManners(),
                turns=stores.turns,
                inbox=stores.inbox,
                admins=(),
                clock=clock,
                language=spoken,
                pace=fast(clock),
                waits=QUICK,
            )
            bot = Bot(config, folder, stores, {ChannelName.TELEGRAM: channel})
            tasks.create_task(bot.run(None, ready.set))
            await ready.wait()
            try:
                yield bot
            finally:
                bot.stop()


def is_answer(message: Message) -> bool:
    """Whether it is one that can be rated, whole."""
    return "👍" in message.labels and not is_placeholder(message.text)


async def asked(ana: Person, text: str) -> Message:
    """The answer to a question of Ana's."""
    said = ana.says(text)
    return await ana.reads(is_answer, after=said, within=30)


def ledger(path: Path) -> list[tuple[object, ...]]:
    """Every rating that is stored."""
    return look(path / "martin.db", "SELECT value, reason FROM ratings")


async def until(holds: object, path: Path) -> None:
    """Return once the ledger is so."""
    async with asyncio.timeout(10):
        while ledger(path) != holds:
            await asyncio.sleep(0.02)


async def test_a_conversation_with_thumbs_and_reactions_on_one_ledger(server: TelegramServer, tmp_path: Path) -> None:
    ana = server.person("Ana", language="es")
    async with running(tmp_path, server):
        answer = await asked(ana, "¿De qué color es el mar?")
        ana.presses(answer, "👍")
        await until([(1, None)], tmp_path)
        ana.reacts(answer, "👎")
        await until([(-1, None)], tmp_path)
        ana.presses(answer, "👎")
        await ana.reads(lambda one: len(one.labels) > 4)
        ana.presses(answer, answer.labels[2])
        await until([(-1, "wrong")], tmp_path)
        ana.reacts(answer)
        await until([(0, None)], tmp_path)
    assert (server.violations, server.own_problems) == ([], [])


async def test_a_bot_that_restarts_in_the_middle_answers_once(server: TelegramServer, tmp_path: Path) -> None:
    ana = server.person("Ana", language="es")
    async with running(tmp_path, server):
        await asked(ana, "hola, ¿qué sabes?")
        server.faults.add(FaultKind.DROP_BEFORE, "editMessageText", times=1000)
        ana.says("¿y qué más?")
        await ana.reads(lambda one: is_placeholder(one.text))
    server.faults.clear()
    async with running(tmp_path, server) as bot:
        await ana.reads(lambda one: is_answer(one) and len(ana.seen()) >= 2, within=30)
        await bot.delivery.idle()
    assert not any(is_placeholder(one.text) for one in ana.seen())
    answers = [one for one in ana.seen() if is_answer(one)]
    assert len(answers) == 2


async def test_in_a_group_only_who_asked_can_rate(server: TelegramServer, tmp_path: Path) -> None:
    ana, bea = server.person("Ana"), server.person("Bea")
    group = server.group("Friends", ana, bea, bot_is_admin=True)
    async with running(tmp_path, server):
        question = ana.says("@martin_test_bot what is rain?", to=group)
        answer = await ana.reads(is_answer, in_group=group, within=30)
        assert answer.reply_to is question
        refused = await bea.sees_answer(bea.presses(answer, "👍"))
        assert "yours" in refused.text
        bea.reacts(answer, "👎")
        ana.presses(answer, "👍")
        await until([(1, None)], tmp_path)
    assert ledger(tmp_path) == [(1, None)]


async def test_in_a_group_only_the_choice_of_whoever_was_asked_is_marked(tmp_path: Path, server: TelegramServer) -> None:
    ana, ben = server.person("Ana"), server.person("Ben")
    group = server.group("Friends", ana, ben)
    async with running(tmp_path, server):
        ana.says("/language@martin_test_bot", to=group)
        asked = await ana.reads(lambda one: len(one.labels) >= 2, in_group=group)
        labels = asked.labels
        await ben.sees_answer(ben.presses(asked, labels[0]))
        await ben.reads_text("for somebody", in_group=group, after=asked)
        await asyncio.sleep(0.3)
        assert asked.labels == labels
        await ana.sees_answer(ana.presses(asked, labels[1]))
        await ana.reads(lambda one: one.labels == [labels[0], f"{MARK}{labels[1]}", *labels[2:]], in_group=group)
        told = ana.seen(group)[-1]
        await ana.sees_answer(ana.presses(asked, labels[0]))
        await ana.reads(lambda one: not is_placeholder(one.text), in_group=group, after=told)
        await asyncio.sleep(0.3)
        assert asked.labels == [labels[0], f"{MARK}{labels[1]}", *labels[2:]]
