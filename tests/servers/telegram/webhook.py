"""Posts updates to the bot's webhook as Telegram does: each chat in order, several chats at once, until they are taken."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from tests.servers.telegram.updates import Update, Updates, Webhook

_PATIENCE: Final = ClientTimeout(total=60)
_SECRET: Final = "X-Telegram-Bot-Api-Secret-Token"


class Poster:
    """Runs as long as the server. `posts_twice` posts every update two times, `is_disordered` the latest first and no chat
    in order. What was not answered with 2xx comes again after `retry_s`. `statuses` lists the answers, 0 for none.
    """

    def __init__(self, updates: Updates, violations: list[str]) -> None:
        self.posts_twice = self.is_disordered = False
        self.retry_s = 0.2
        self.statuses: list[int] = []
        self._updates, self._violations = updates, violations
        self._under_way: dict[int, int] = {}

    async def run(self) -> None:
        """Post what there is, until cancelled."""
        connector = TCPConnector(limit=0, ssl=False)  # a certificate of the bot's own is known by no authority
        async with ClientSession(timeout=_PATIENCE, connector=connector) as session, asyncio.TaskGroup() as posts:
            while True:
                arrival = asyncio.ensure_future(self._updates.arrival())
                await asyncio.sleep(0)  # so that nothing which comes from here on is missed
                webhook = self._updates.webhook
                if webhook is not None:
                    for number, update in list(self._ready(webhook)):
                        self._under_way[number] = _chat(update)
                        posts.create_task(self._post(session, webhook, number, update))
                await arrival

    def _ready(self, webhook: Webhook) -> Iterator[tuple[int, Update]]:
        """What may be posted now."""
        busy = set(self._under_way.values())
        free = webhook.most_connections - len(self._under_way)
        for number in sorted(self._updates.waiting, reverse=self.is_disordered):
            update = self._updates.waiting[number]
            if free <= 0:
                return
            if number in self._under_way or (_chat(update) in busy and not self.is_disordered):
                continue
            busy.add(_chat(update))
            free -= 1
            yield number, update

    async def _post(self, session: ClientSession, webhook: Webhook, number: int, update: Update) -> None:
        taken = False
        try:
            self._updates.handing([update])
            taken = await self._once(session, webhook, update)
            if taken and self.posts_twice:
                await self._once(session, webhook, update)
            if not taken:
                await asyncio.sleep(self.retry_s)
        finally:
            del self._under_way[number]
            if taken:
                self._updates.confirm(number)
            self._updates.wake()

    async def _once(self, session: ClientSession, webhook: Webhook, update: Update) -> bool:
        headers = {"Content-Type": "application/json"} | ({_SECRET: webhook.secret} if webhook.secret else {})
        try:
            async with session.post(webhook.url, data=json.dumps(update).encode(), headers=headers) as answer:
                body = await answer.read()
                status, reason = answer.status, answer.reason or ""
        except (ClientError, TimeoutError) as problem:
            self.statuses.append(0)
            webhook.last_error, webhook.last_error_at = type(problem).__name__, time.time()
            return False
        self.statuses.append(status)
        if not 200 <= status < 300:
            webhook.last_error, webhook.last_error_at = f"Wrong response from the webhook: {status} {reason}", time.time()
            return False
        if _names_method(body):
            self._violations.append("webhook: the answer asks for a method, which this server does not simulate")
        return True


def _chat(update: Update) -> int:
    """The chat that an update is about, 0 for none."""
    for body in update.values():
        if isinstance(body, dict):
            message: Any = body.get("message", body)
            chat = message.get("chat") if isinstance(message, dict) else None
            return int(chat["id"]) if isinstance(chat, dict) and isinstance(chat.get("id"), int) else 0
    return 0


def _names_method(body: bytes) -> bool:
    try:
        parsed = json.loads(body)
    except ValueError:
        return False
    return isinstance(parsed, dict) and "method" in parsed
