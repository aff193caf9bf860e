"""From a talk on the page to a night's files beside the running bot, and out of them again."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from learning.check import check
from tests.journeys.process import choose as press
from tests.journeys.process import command, person, running, say

TOLERANT = {
    "MARTIN_LEARNING__MIN_ACCOUNT_DAYS": "0",
    "MARTIN_LEARNING__MIN_CONVERSATIONS": "0",
    "MARTIN_LEARNING__ENABLED": "false",  # or the bot makes a night of its own where it is four in the morning
}
ASKED = (
    "Why is the sky blue in the daytime?",
    "How do vaccines teach the body to fight?",
    "What makes bread rise in a warm oven?",
    "Why do leaves fall from trees in autumn?",
    "How can a heavy ship float on water?",
    "What is the use of a semicolon in a sentence?",
    "Why does the moon change its shape each month?",
    "How does a battery keep its energy for later?",
    "What causes an echo between two mountains?",
    "Why do onions make people cry in the kitchen?",
    "How do bees find their way back home?",
    "What is inflation and who feels it first?",
    "Why do cats purr when somebody strokes them?",
    "How does a telescope bring far stars closer?",
    "What holds a suspension bridge up in a storm?",
    "Why does salt water freeze later than fresh water?",
    "How did people measure longitude at sea?",
    "What makes a violin sound warm or sharp?",
    "Why do we dream more towards the morning?",
    "How do plants drink without a heart?",
    "What is a prime number good for today?",
    "Why are old photographs brown and pale?",
    "How does a compass know where north lies?",
    "What turns milk into yoghurt overnight?",
)
"""Each in a conversation of its own: with one person, the parts are dealt by conversation, and train needs ten."""
BETTER = "Because of what happens in {number} steps, of which the first is the most important: look at how {topic} begins."


async def corrected(client: httpx.AsyncClient, number: int, question: str) -> None:
    await say(client, "/new")
    reply = await say(client, question)
    better = BETTER.format(number=number + 3, topic=question.rstrip("?").lower())
    body = {"turn_id": reply["turn_id"], "value": -1, "correction": f"{better} That is {number * 7} in all, they say."}
    assert (await client.post("/api/ratings", json=body)).status_code == 200


async def decided(client: httpx.AsyncClient, key: str) -> str:
    asked: dict[str, Any] = await say(client, "/start")
    return str((await press(client, asked["turn_id"], f"consent:{key}"))["text"])


@pytest.mark.timeout(240)
async def test_what_was_corrected_is_in_the_files_of_who_agreed_until_they_take_it_back(tmp_path: Path) -> None:
    async with running(tmp_path, **TOLERANT) as bot, person(bot.address, "a-teacher-of-bots-12") as ana:
        async with person(bot.address, "somebody-who-said-no-1") as ben:
            assert "not be used" in await decided(ben, "no")
            await corrected(ben, 1, "Where do the secrets of Ben live?")
        assert "from now on" in await decided(ana, "yes")
        for number, question in enumerate(ASKED):
            await corrected(ana, number, question)
        assert (await command(tmp_path, "data", "approve", "cohort"))[0] == 0
        status, written = await command(tmp_path, "night", "--json", **TOLERANT)
        assert status == 0, written
        result = json.loads(written.splitlines()[-1])
        assert result["collected"] == len(ASKED)
        export = Path(result["folder"])
        assert check(export) == []
        text = "".join(path.read_text() for path in export.rglob("*.jsonl"))
        assert "Ben" not in text
        assert result["kept"] >= 10
        assert re.search("bees find their way", text)

        assert "not be used" in await decided(ana, "no")
        async with asyncio.timeout(60):
            while json.loads((export / "manifest.json").read_bytes())["stale"] is None:
                await asyncio.sleep(0.2)
        assert check(export) == []
        assert "bees" not in "".join(path.read_text() for path in export.rglob("*") if path.is_file())
        assert await bot.end() == 0
