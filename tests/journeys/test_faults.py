"""A whole bot whose model fails: the person gets an answer in time, and is told that it is another one or not whole."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bot.models.scripted import Fault
from tests.journeys.process import person, running, say
from tests.servers.backends import SERVED, served, settings_for

DEADLINES = {
    f"MARTIN_MODELS__LOCAL__{name}_S": seconds
    for name, seconds in (("FIRST_TOKEN", "2"), ("BETWEEN_TOKENS", "1"), ("TOTAL", "5"))
}
STORY = "Once upon a time there was a green lighthouse. " * 5


@pytest.mark.parametrize("name", sorted(SERVED))
@pytest.mark.timeout(180)
async def test_the_person_is_told_when_the_answer_is_another_models_or_not_whole(name: str, tmp_path: Path) -> None:
    async with served(name) as (server, _):
        server.say = lambda _: STORY
        settings = {**settings_for(name, server.address), **DEADLINES}
        async with running(tmp_path, **settings) as bot, person(bot.address, "a-patient-person") as ana:
            well = await say(ana, "Tell me about the lighthouse.")
            assert well["text"].startswith(STORY)
            assert well["flags"] == []
            assert well["made"]["model"].startswith(f"{name}/")
            server.fault = Fault.CUT
            partial = await say(ana, "Tell me about the lighthouse once more.")
            assert partial["flags"] == ["partial"]
            assert STORY.startswith(partial["text"].strip())
            for fault in (Fault.MISSING, Fault.HUNG):
                server.fault, began = fault, time.monotonic()
                other = await say(ana, f"What can you do? ({fault})")
                assert "fallback" in other["flags"]
                assert other["made"]["is_fallback"]
                assert other["model"] == "offline"
                assert other["text"].strip()
                assert time.monotonic() - began < 20
            why = await say(ana, "/why")
            assert "The first choice did not answer" in why["text"]
            server.fault = None
            again = await say(ana, "And now?")
            assert (again["flags"], again["model"]) == ([], well["model"])
        assert server.problems == []
