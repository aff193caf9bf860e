"""The way to Telegram's servers: python-telegram-bot's client with our own errors, which never hold the token or a text."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from bot.channel_settings import TelegramSettings
from bot.channels.telegram.wire import updates_in
from bot.errors import DeliveryError

if TYPE_CHECKING:
    from telegram import Bot

CONNECTIONS: Final = 64
"""To send with. Whoever finds none free waits; Telegram takes 30 messages a second."""
TIMEOUT_S: Final = 15.0
ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "message_reaction", "my_chat_member")
_LOGGERS: Final = ("telegram", "telegram.Bot", "telegram.request.BaseRequest", "telegram.request.HTTPXRequest")

_T = TypeVar("_T")


class ApiRefused(DeliveryError):
    """Telegram said no. `description` is its own wording in small letters, which is never logged; `code` is as in HTTP.

    `retry_after_s` is above 0 where it asks to wait; `moved_to` is the new id of a group that became another kind of group.
    """

    def __init__(self, code: int, description: str = "", *, retry_after_s: float = 0.0, moved_to: int = 0) -> None:
        self.code, self.description = code, description.lower()
        self.retry_after_s, self.moved_to = retry_after_s, moved_to
        super().__init__(f"Telegram refused with {code}")


class NoAnswer(DeliveryError):
    """Nobody knows whether Telegram did what it was asked: the connection broke, or the answer was not one of its own."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"no answer from Telegram ({kind})")


@dataclass(slots=True)
class Taken:
    """What the last poll brought, as it came: the client itself is to parse nothing of it."""

    payload: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A client with its connections. Whatever is asked through `bot` is awaited in `ask`, for its errors."""

    bot: Bot
    taken: Taken = field(default_factory=Taken)

    async def ask(self, step: Awaitable[_T]) -> _T:
        """What a request of the client gives. Raises ApiRefused or NoAnswer, and nothing of the client's own."""
        from telegram.error import TelegramError

        try:
            return await step
        except TelegramError as error:
            # What the client says of a lost connection may hold the address, and so the token: none of it is passed on.
            raise getattr(error, "ours", None) or NoAnswer(type(error).__name__) from None

    async def poll(self, offset: int | None, timeout_s: int) -> tuple[bytes, ...]:
        """The raw updates that wait, as soon as there are any. Raises ApiRefused, NoAnswer, BrokenUpdate."""
        self.taken.payload = b""
        await self.ask(self.bot.get_updates(offset, timeout=timeout_s, allowed_updates=ALLOWED_UPDATES))
        return updates_in(self.taken.payload)

    async def close(self) -> None:
        """Give the connections back."""
        await self.bot.shutdown()


async def connect(settings: TelegramSettings, token: str) -> Connection:
    """A client; nothing is sent yet but the question who the bot is. Raises ApiRefused (401, 404: no such token), NoAnswer."""
    _quieten()
    connection = await asyncio.to_thread(_build, settings.api_base.rstrip("/"), token)
    try:
        await connection.ask(connection.bot.initialize())
    except DeliveryError:
        await connection.close()
        raise
    return connection


def _build(api_base: str, token: str) -> Connection:
    from telegram import Bot
    from telegram.error import TelegramError
    from telegram.request import HTTPXRequest

    class Carried(TelegramError):
        """Brings an error of ours through the client, which wraps all that it does not know."""

        __slots__ = ("ours",)

        def __init__(self, ours: DeliveryError) -> None:
            super().__init__(str(ours))
            self.ours = ours

    class Request(HTTPXRequest):
        """Reads refusals here: so they reach us whole, and the client's log never."""

        __slots__ = ()

        async def do_request(self, *given: Any, **more: Any) -> tuple[int, bytes]:
            code, payload = await super().do_request(*given, **more)
            if not 200 <= code < 300:
                raise Carried(_refusal(code, payload))
            return code, payload

    class Polling(Request):
        """Keeps the raw updates, and gives the client an empty list."""

        __slots__ = ("taken",)

        def __init__(self, taken: Taken) -> None:
            super().__init__(connection_pool_size=1, read_timeout=TIMEOUT_S, connect_timeout=TIMEOUT_S, pool_timeout=TIMEOUT_S)
            self.taken = taken

        async def do_request(self, *given: Any, **more: Any) -> tuple[int, bytes]:
            code, self.taken.payload = await super().do_request(*given, **more)
            return code, b'{"ok":true,"result":[]}'

    taken = Taken()
    sending = Request(
        connection_pool_size=CONNECTIONS,
        read_timeout=TIMEOUT_S,
        write_timeout=TIMEOUT_S,
        connect_timeout=TIMEOUT_S,
        pool_timeout=2 * TIMEOUT_S,
    )
    base = api_base.replace("{", "").replace("}", "")  # the client would fill braces in
    bot = Bot(
        token,
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=sending,
        get_updates_request=Polling(taken),
    )
    return Connection(bot=bot, taken=taken)


def _refusal(code: int, payload: bytes) -> DeliveryError:
    """What an answer other than 2xx says; NoAnswer where Telegram's servers fail, or it is a proxy's page."""
    try:
        answer = json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or code >= 500:
        return NoAnswer(f"status {code}")
    found = answer.get("parameters")
    parameters = found if isinstance(found, dict) else {}
    wait, moved = parameters.get("retry_after"), parameters.get("migrate_to_chat_id")
    wait_s = float(wait) if isinstance(wait, (int, float)) else 1.0 if code == 429 else 0.0
    return ApiRefused(
        code,
        str(answer.get("description", ""))[:500],
        retry_after_s=wait_s,
        moved_to=moved if isinstance(moved, int) else 0,
    )


class _Drop(logging.Filter):
    """The client logs requests and answers, with people's texts and the token in them: nothing of that goes on."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Never."""
        return False


_DROP: Final = _Drop()


def _quieten() -> None:
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_DROP)  # adding it twice changes nothing
    httpx = logging.getLogger("httpx")
    httpx.setLevel(max(httpx.level, logging.WARNING))  # it logs each address, which holds the token
