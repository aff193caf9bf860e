"""What admins chose for a group goes with it when its id changes."""

from __future__ import annotations

import pytest

from bot.channel_types import ChatMode
from bot.store.channel_writes import SET_CHAT_MODE
from bot.store.db import Unit
from bot.store.open import Stores
from bot.types import ChannelName
from tests.fakes import NOON

TELEGRAM = ChannelName.TELEGRAM


async def choose(stores: Stores, chat: str, mode: ChatMode) -> None:
    """An admin's choice, stored."""
    row = {"channel": TELEGRAM.value, "chat": chat, "mode": mode.value, "at": NOON}
    await stores.database.commit(Unit((SET_CHAT_MODE, row)))


@pytest.mark.parametrize("times", [1, 2])
async def test_the_mode_moves_along_and_others_stay(stores: Stores, times: int) -> None:
    await choose(stores, "-1", ChatMode.NEVER)
    await choose(stores, "-2", ChatMode.ALWAYS)
    for _ in range(times):
        await stores.chats.move(TELEGRAM, "-1", "-1001")
    modes = [await stores.chats.mode(TELEGRAM, chat) for chat in ("-1", "-1001", "-2")]
    assert modes == [None, ChatMode.NEVER, ChatMode.ALWAYS]


async def test_what_was_chosen_since_counts_more(stores: Stores) -> None:
    await choose(stores, "-1", ChatMode.NEVER)
    await choose(stores, "-1001", ChatMode.ALWAYS)
    await stores.chats.move(TELEGRAM, "-1", "-1001")
    assert await stores.chats.mode(TELEGRAM, "-1001") is ChatMode.ALWAYS


async def test_a_group_for_which_nobody_chose_moves_nothing(stores: Stores) -> None:
    await stores.chats.move(TELEGRAM, "-1", "-1001")
    assert await stores.chats.mode(TELEGRAM, "-1001") is None
