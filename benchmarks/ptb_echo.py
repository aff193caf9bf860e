"""python-telegram-bot's own echo bot on a stub transport: what the overhead benchmark compares with.

The transport answers every call at once with the Bot API's shape; nothing is stored and nothing leaves the process.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from telegram import Update
from telegram.ext import Application, ApplicationBuilder, ContextTypes, MessageHandler, filters
from telegram.request import BaseRequest, RequestData

Raw = dict[str, Any]
Application_ = Application[Any, Any, Any, Any, Any, Any]

_ME = {"id": 1, "is_bot": True, "first_name": "bench", "username": "bench_bot"}
_SENT = {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "text": "x"}


class StubTransport(BaseRequest):
    """Answers every request without a network."""

    @property
    def read_timeout(self) -> float | None:
        """No time-out: nothing waits."""
        return None

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        """Nothing to close."""

    async def do_request(self, url: str, method: str, request_data: RequestData | None = None, *_: object, **__: object) -> Any:
        """A successful answer to any call."""
        result = _ME if url.endswith("getMe") else _SENT
        return 200, json.dumps({"ok": True, "result": result}).encode()


def raw_update(number: int, text: str) -> Raw:
    """A text update as the Bot API sends it, from one of 50 people."""
    user = 1000 + number % 50
    return {
        "update_id": number,
        "message": {
            "message_id": number,
            "date": 1_790_000_000,
            "chat": {"id": user, "type": "private", "first_name": "P"},
            "from": {"id": user, "is_bot": False, "first_name": "P", "language_code": "es"},
            "text": text,
        },
    }


async def application(on_text: Callable[[Update], Awaitable[None]]) -> Application_:
    """A ready application whose only handler is `on_text`."""

    async def handle(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
        await on_text(update)

    built = ApplicationBuilder().token("1:bench").request(StubTransport()).get_updates_request(StubTransport()).build()
    built.add_handler(MessageHandler(filters.TEXT, handle))
    await built.initialize()
    return built


async def queue_replies(updates: list[Raw]) -> list[str]:
    """Parse and process every update; the handler queues its reply in a list."""
    queued: list[str] = []

    async def on_text(update: Update) -> None:
        if update.message is not None and update.message.text is not None:
            queued.append(update.message.text)

    app = await application(on_text)
    for raw in updates:
        await app.process_update(Update.de_json(raw, app.bot))
    await app.shutdown()
    return queued


async def echo(updates: list[Raw]) -> None:
    """Parse and process every update; the handler sends its reply through the stub transport."""

    async def on_text(update: Update) -> None:
        if update.message is not None and update.message.text is not None:
            await update.message.reply_text(update.message.text)

    app = await application(on_text)
    for raw in updates:
        await app.process_update(Update.de_json(raw, app.bot))
    await app.shutdown()


async def queue_batches(payloads: list[bytes]) -> int:
    """The same from the bytes of answers to `getUpdates`, as PTB reads them; how many replies were queued."""
    queued: list[str] = []

    async def on_text(update: Update) -> None:
        if update.message is not None and update.message.text is not None:
            queued.append(update.message.text)

    app = await application(on_text)
    for payload in payloads:
        for update in Update.de_list(BaseRequest.parse_json_payload(payload)["result"], app.bot):
            await app.process_update(update)
    await app.shutdown()
    return len(queued)
