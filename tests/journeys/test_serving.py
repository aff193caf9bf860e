"""Starting, stopping and being started twice."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from tests.journeys.process import command, person, running, say

SLOW = {"MARTIN_MODELS__PROVIDER": "scripted", "MARTIN_MODELS__SCRIPTED__DELAY_MS": "1500"}


@pytest.mark.timeout(120)
async def test_a_stop_lets_the_running_answer_finish_and_takes_nothing_new(tmp_path: Path) -> None:
    async with running(tmp_path, **SLOW) as bot, person(bot.address, "a-patient-person") as ana:
        asking = asyncio.create_task(say(ana, "tell me slowly"))
        while not (await ana.get("/api/messages")).json()["running"]:
            await asyncio.sleep(0.05)
        ending = asyncio.create_task(bot.end())
        await asyncio.sleep(0.2)
        with pytest.raises((httpx.TransportError, AssertionError)):
            await say(ana, "and this too")
        assert "tell me slowly" in (await asking)["text"]
        assert await ending == 0
    assert not (tmp_path / "run.json").exists()


@pytest.mark.timeout(120)
async def test_a_second_start_ends_within_three_seconds_and_names_the_first(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        began = time.monotonic()
        status, written = await command(tmp_path, "run")
        assert status == 3
        assert str(bot.process.pid) in written
        assert "Traceback" not in written
        assert time.monotonic() - began < 10, "3 s on a quiet machine"
        assert await bot.end() == 0
    async with running(tmp_path) as bot:
        assert await bot.end() == 0


@pytest.mark.timeout(120)
async def test_an_answer_cut_by_kill_9_is_given_after_the_next_start(tmp_path: Path) -> None:
    async with running(tmp_path, **SLOW) as bot, person(bot.address, "an-unlucky-person") as ana:
        with pytest.raises(httpx.TransportError):
            async with ana.stream("POST", "/api/messages", json={"text": "tell me", "event_id": "one"}) as response:
                assert response.status_code == 200
                async for line in response.aiter_lines():
                    if "accepted" in line:
                        bot.process.kill()
    async with running(tmp_path, **SLOW) as bot, person(bot.address, "an-unlucky-person") as ana:
        opened = (await ana.get("/api/messages")).json()
        assert [one["text"] for one in opened["running"]] == ["tell me"], "a page opened now shows the question"
        assert "tell me" in (await say(ana, "tell me", event_id="one"))["text"]
        assert len((await ana.get("/api/messages")).json()["messages"]) == 1
        await bot.end()


async def test_a_damaged_database_is_refused_with_what_to_do_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "martin.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    before = (tmp_path / "martin.db").read_bytes()
    status, written = await command(tmp_path, "run")
    assert status == 1
    assert "restore" in written
    assert "Traceback" not in written
    assert (tmp_path / "martin.db").read_bytes() == before
