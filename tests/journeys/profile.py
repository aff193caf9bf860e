"""A person who answers the questionnaire over the API: which item a reply asks, and what they press or type."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from bot.profile_types import Arm
from profiles.events import DIMENSIONS, Dimension
from profiles.items import Part, load_questionnaire
from tests.journeys.process import Running, choose, say

QUESTIONNAIRE: Final = load_questionnaire()
ASKED: Final = tuple(item.id for part in (Part.CONTEXT, Part.FIRST, Part.SECOND, Part.THIRD) for item in QUESTIONNAIRE.of(part))
"""The items of a full course, in order, for who never contradicts themselves."""
READ_S: Final = 1.6
"""Who takes less time for most items cannot have read them, and counts for less."""

Json = dict[str, Any]
Signs = Mapping[Dimension, Arm]
PLUS: Final[Signs] = dict.fromkeys(DIMENSIONS, 1)
MINUS: Final[Signs] = dict.fromkeys(DIMENSIONS, -1)


def item_of(reply: Json) -> str:
    """The item that a reply asks, "" for none."""
    keys = [choice["key"].split(":") for choice in reply["choices"]]
    return next((parts[1] for parts in keys if parts[0] == "item"), "")


def key_for(item: str, signs: Signs) -> str:
    """The choice of an item that lies furthest towards the pole of its dimension; of level, goal and length the last."""
    asked = QUESTIONNAIRE.items[item]
    place = 0 if asked.dimension and signs[asked.dimension] > 0 else -1
    return f"item:{item}:{asked.options[place].key}"


def letter_of(reply: Json, key: str) -> str:
    """The letter that stands beside a choice."""
    return str(next(choice["label"] for choice in reply["choices"] if choice["key"] == key))


async def begin(client: httpx.AsyncClient) -> Json:
    """Agree to the questionnaire; the first item."""
    invited = await say(client, "/profile")
    assert [choice["key"] for choice in invited["choices"]] == [f"profile_start:{way}" for way in ("full", "quick", "no")]
    return await choose(client, invited["turn_id"], "profile_start:full")


async def answer(client: httpx.AsyncClient, reply: Json, signs: Signs, *, reads: bool = False) -> Json:
    """Press through all items from this one on, towards these poles; what it came to. Who `reads` takes their time at first."""
    while item := item_of(reply):
        if reads and QUESTIONNAIRE.items[item].part in (Part.FIRST, Part.SECOND):
            await asyncio.sleep(READ_S)
        reply = await choose(client, reply["turn_id"], key_for(item, signs))
    return reply


async def told(client: httpx.AsyncClient) -> list[Json]:
    """The answers of the profile as its export has them, in order."""
    return [event for event in (await exported(client))["events"] if event["kind"] == "answer"]


async def exported(client: httpx.AsyncClient) -> Json:
    """The profile's export."""
    return file_of(await say(client, "/profile export"))


def file_of(reply: Json) -> Json:
    """The JSON file that came with a reply."""
    (file,) = reply["files"]
    return dict(json.loads(b64decode(file["base64"])))


@asynccontextmanager
async def owner(data: Path, bot: Running, language: str) -> AsyncIterator[httpx.AsyncClient]:
    """The person at the console: whoever may read the data folder."""
    token = json.loads((data / "run.json").read_text())["owner_token"]
    headers = {"X-Martin-Owner": token, "Accept-Language": language}
    async with httpx.AsyncClient(base_url=bot.address, headers=headers, timeout=30) as client:
        yield client
