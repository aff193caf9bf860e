"""People who talk with a bot that dies: they send again what was not confirmed, and remember all that was."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx


@dataclass(slots=True)
class Said:
    """One message of one person: what the bot said about it so far."""

    event_id: str
    text: str
    is_accepted: bool = False
    replies: set[str] = field(default_factory=set)
    turn_id: str = ""


@dataclass(slots=True)
class Talker:
    """A person with a session of their own and the truth about what was accepted."""

    session: str
    seed: int
    said: list[Said] = field(default_factory=list)
    ratings: dict[str, int | None] = field(default_factory=dict)
    """The confirmed value by turn; None where no confirmation came."""

    async def talk(self, base_url: str, until: asyncio.Event) -> None:
        """Send message after message, each again until it is confirmed; end when `until` is set or the bot is gone."""
        chance = random.Random(self.seed * 7919 + len(self.said))
        headers = {"Authorization": f"Bearer {self.session}"}
        async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=20) as client:
            try:
                await self._repeat_unconfirmed(client)
                while not until.is_set():
                    said = Said(f"e{len(self.said)}", f"marca {self.session} {len(self.said)}: ¿qué es Martín?")
                    self.said.append(said)
                    await self._send(client, said)
                    if said.turn_id and chance.random() < 0.5:
                        await self._rate(client, said.turn_id, chance.choice((1, -1, 0)))
            except httpx.TransportError:
                return

    async def _repeat_unconfirmed(self, client: httpx.AsyncClient) -> None:
        for said in self.said:
            if not said.turn_id:
                await self._send(client, said)

    async def _send(self, client: httpx.AsyncClient, said: Said) -> None:
        body = {"text": said.text, "event_id": said.event_id}
        async with client.stream("POST", "/api/messages", json=body) as response:
            if response.status_code == 503:
                return
            assert response.status_code == 200, (response.status_code, await response.aread())
            async for event, data in events(response):
                if event == "accepted":
                    said.is_accepted = True
                elif event == "reply":
                    said.replies.add(str(data["text"]))
                    said.turn_id = str(data["turn_id"])

    async def _rate(self, client: httpx.AsyncClient, turn_id: str, value: int) -> None:
        self.ratings[turn_id] = None
        response = await client.post("/api/ratings", json={"turn_id": turn_id, "value": value})
        if response.status_code != 503:
            assert response.status_code == 200, (response.status_code, response.text)
            self.ratings[turn_id] = value


async def events(response: httpx.Response) -> AsyncIterator[tuple[str, dict[str, object]]]:
    """The server-sent events of a response: name and data."""
    name, data = "", ""
    async for line in response.aiter_lines():
        if line.startswith("event:"):
            name = line[6:].strip()
        elif line.startswith("data:"):
            data += line[5:].strip()
        elif not line and name:
            yield name, json.loads(data)
            name, data = "", ""
