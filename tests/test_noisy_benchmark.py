"""The benchmark of a noisy one sees answers, waits and losses as they are."""

from __future__ import annotations

import asyncio

from benchmarks.noisy import Crowd


async def test_an_answer_is_timed_from_its_question_and_only_the_noisy_one_is_told() -> None:
    said: list[tuple[int, str]] = []
    crowd = Crowd(lambda person, text: said.append((person, text)), every_s=0.001)
    living = asyncio.create_task(crowd.calm(3))
    while not said:
        await asyncio.sleep(0)
    crowd.hear("✍️ About q1 about ligh")
    await asyncio.sleep(0.02)
    assert crowd.now == [], "it is not whole yet"
    crowd.hear("About q1 about lighthouses, please: certainly.")
    while len(said) < 2:
        await asyncio.sleep(0)
    living.cancel()
    (waited,) = crowd.now
    assert waited >= 0.02
    assert [person for person, _ in said] == [3, 3]
    crowd.hear("You write faster than I can answer. Please wait a moment.")
    assert (crowd.told, crowd.lost) == (1, 0)


async def test_a_quiet_bot_loses_messages() -> None:
    crowd = Crowd(lambda person, text: None, every_s=0.001, patience_s=0.01)
    living = asyncio.create_task(crowd.calm(0))
    while crowd.lost < 2:
        await asyncio.sleep(0.001)
    living.cancel()
    assert crowd.now == []
