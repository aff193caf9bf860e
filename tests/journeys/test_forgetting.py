"""Whoever asks to be forgotten is forgotten: in every live file, and in a backup as soon as it is restored (R-64)."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import httpx
import pytest

from tests.journeys.process import choose, command, person, running, say

CANARIES = ("zanzibarquill", "perihelionmoth", "quicksilverfern", "obsidianwren")


def holding(data: Path, *words: str) -> list[str]:
    """The live files (outside `backups/`) in which any of the words stands, in either case."""
    found = []
    for path in sorted(data.rglob("*")):
        if path.is_file() and "backups" not in path.relative_to(data).parts:
            content = path.read_bytes().lower()
            found += [f"{path.name}: {word}" for word in words if word.encode() in content]
    return found


async def plant(client: httpx.AsyncClient) -> None:
    """Leave a canary in a question, a command, a correction and a rating."""
    first = await say(client, f"What do you know of the {CANARIES[0]}?", event_id=f"event-{CANARIES[3]}")
    rating = {"turn_id": first["turn_id"], "value": -1, "reason": "wrong", "correction": f"It is a {CANARIES[1]}."}
    assert (await client.post("/api/ratings", json=rating)).status_code == 200
    again = await say(client, f"Tell me what you know of the {CANARIES[0]}")
    assert CANARIES[1] in again["text"]
    await say(client, f"/language {CANARIES[2]}")


async def forget(client: httpx.AsyncClient) -> str:
    """Ask to be forgotten and confirm; what the bot said."""
    asked = await say(client, "/forgetme")
    yes = next(choice["key"] for choice in asked["choices"] if choice["key"].endswith("yes"))
    return str((await choose(client, asked["turn_id"], yes))["text"])


async def gone(data: Path) -> None:
    """Return once no canary is left in a live file."""
    async with asyncio.timeout(20):
        while holding(data, *CANARIES):
            await asyncio.sleep(0.1)


@pytest.mark.timeout(180)
async def test_a_forgotten_person_is_in_no_live_file_and_comes_back_with_no_backup(tmp_path: Path) -> None:
    data, copy = tmp_path / "data", tmp_path / "before.db"
    async with running(data) as bot:
        async with person(bot.address, "a-person-to-forget") as ana, person(bot.address, "a-person-to-keep") as bea:
            await plant(ana)
            await say(bea, "My own words are about the lighthouse keeper.")
            status, written = await command(data, "backup", str(copy))
            assert status == 0, written
            assert holding(data, *CANARIES)
            said = await forget(ana)
            assert "backup" in said.lower()
            await gone(data)
            assert (await ana.get("/api/messages")).json()["messages"] == []
            assert "lighthouse" in (await bea.get("/api/messages")).text
        assert await bot.end() == 0
    assert holding(data, *CANARIES) == []

    assert CANARIES[0].encode() in copy.read_bytes().lower(), "the backup was made before"
    status, written = await command(data, "restore", str(copy))
    assert status == 0, written
    async with running(data) as bot:
        assert holding(data, *CANARIES) == [], "the tombstone is applied before anything is served"
        async with person(bot.address, "a-person-to-forget") as ana, person(bot.address, "a-person-to-keep") as bea:
            assert (await ana.get("/api/messages")).json()["messages"] == []
            assert "lighthouse" in (await bea.get("/api/messages")).text
            answer = await say(ana, f"What do you know of the {CANARIES[0]}?")
            assert CANARIES[1] not in answer["text"]
        await bot.end()
    async with running(data) as bot, person(bot.address, "a-person-to-forget") as ana:
        assert len((await ana.get("/api/messages")).json()["messages"]) == 1, "who came back is not forgotten again"
        await bot.end()
    status, written = await command(data, "doctor", "--check")
    assert status == 0, written


@pytest.mark.timeout(120)
async def test_mydata_gives_back_all_that_a_person_said(tmp_path: Path) -> None:
    async with running(tmp_path) as bot, person(bot.address, "a-curious-person", "es") as ana:
        await plant(ana)
        reply = await say(ana, "/misdatos")
        (file,) = reply["files"]
        content = base64.b64decode(file["base64"]).decode()
        json.loads(content)
        for canary in CANARIES[:3]:
            assert canary in content
        assert await bot.end() == 0
