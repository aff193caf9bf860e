"""The local Telegram and the real library on it, as fixtures: tests import them by name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, TelegramError

from tests.servers.telegram.server import TOKEN, TelegramServer

EVERYTHING = ["message", "edited_message", "callback_query", "message_reaction", "my_chat_member"]
"""All updates that a chatbot has use for."""


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    """A server whose own answers must be as described."""
    async with TelegramServer() as running:
        yield running
        assert running.own_problems == []


@pytest.fixture
async def bot(server: TelegramServer) -> AsyncIterator[Bot]:
    """The real library on that server; it asks `getMe` at once."""
    async with Bot(server.token, base_url=server.base_url, base_file_url=server.base_file_url) as running:
        yield running


def keyboard(*labels: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(one, callback_data=f"press:{one}") for one in labels]])


def refused(reason: str, kind: type[TelegramError] = BadRequest) -> pytest.RaisesExc[TelegramError]:
    """The library's error for what Telegram said; it writes only the first letter large."""
    return pytest.raises(kind, match=f"(?i){reason}")


async def post(server: TelegramServer, method: str, *, token: str = TOKEN, **parameters: Any) -> tuple[int, Any]:
    """A request as no library would make it."""
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{server.address}/bot{token}/{method}", data=parameters)
        return answer.status_code, answer.json()
