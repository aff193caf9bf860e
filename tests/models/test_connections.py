"""Whoever leaves leaves nothing behind: no connection stays open, no server goes on writing, whenever and however often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from random import Random

import pytest

from bot.errors import ModelError
from bot.models.connections import alone, closed, drained, keeping, opened
from bot.models.scripted import Fault
from bot.types import Prompt
from tests.servers.backends import SERVED, served
from tests.servers.http import HttpServer

PROMPT = Prompt(system="You are Martín.", question="What colour is the lighthouse?", language="en")
SOON_S = 30
"""Longer than anything takes, also on a busy machine."""


class Closable:
    """Something that takes a few turns of the loop to close."""

    def __init__(self) -> None:
        self.is_closed = False

    async def aclose(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        self.is_closed = True


async def cancelled_after(steps: int, task: asyncio.Task[object]) -> None:
    """Cancel it after so many turns of the loop, twice; whatever came of it is no matter."""
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.exception()


# --- in a task of its own ---


@pytest.mark.parametrize("steps", range(8))
async def test_what_closes_is_closed_whenever_whoever_wants_it_is_cancelled(steps: int) -> None:
    response = Closable()
    closing = asyncio.create_task(closed(response))
    await asyncio.sleep(0)
    await cancelled_after(steps, closing)
    assert response.is_closed


async def test_a_cancel_waits_until_the_work_is_over_and_reaches_it_once() -> None:
    heard = 0

    async def work() -> None:
        nonlocal heard
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard += 1
            for _ in range(5):
                await asyncio.sleep(0)
            heard += 10
            raise

    task = asyncio.create_task(alone(work()))
    await cancelled_after(3, task)
    assert task.cancelled()
    assert heard == 11


async def test_a_response_that_comes_although_its_question_was_cancelled_is_closed() -> None:
    response = Closable()

    async def stubborn() -> Closable:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return response

    task = asyncio.create_task(opened(stubborn()))
    await cancelled_after(3, task)
    assert task.cancelled()
    assert response.is_closed


async def test_what_fails_after_a_cancel_is_no_error_of_anybody() -> None:
    async def failing() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise OSError("broken") from None

    task = asyncio.create_task(alone(failing()))
    await cancelled_after(3, task)
    assert task.cancelled()


async def test_the_end_of_a_response_is_waited_for_only_a_moment_and_may_break() -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b"."
        await asyncio.sleep(60)

    async def breaking() -> AsyncIterator[bytes]:
        yield b"."
        raise OSError("broken")

    async with asyncio.timeout(SOON_S):
        await drained(endless(), OSError)
        await drained(breaking(), OSError)


async def test_a_response_that_is_kept_is_still_one_of_the_clients() -> None:
    class Stream:
        def __aiter__(self) -> AsyncIterator[bytes]:
            async def pieces() -> AsyncIterator[bytes]:
                yield b"one"
                yield b""
                yield b"two"

            return pieces()

        async def aclose(self) -> None:
            """Nothing."""

    class Answer:
        stream = Stream()
        headers: Mapping[str, str] = {}

    answer = Answer()
    (keep,) = keeping(Stream)["response"]
    await keep(answer)
    assert isinstance(answer.stream, Stream)
    assert [piece async for piece in answer.stream] == [b"one", b"", b"two"]


# --- every adapter ---


async def _settled(server: HttpServer) -> None:
    async with asyncio.timeout(SOON_S):
        while server.running:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("fault", [None, Fault.UNAVAILABLE, Fault.CUT], ids=str)
@pytest.mark.parametrize("name", sorted(SERVED))
@pytest.mark.timeout(120)
async def test_hundreds_of_cancels_at_any_moment_leave_no_connection_behind(name: str, fault: Fault | None, times: int) -> None:
    random = Random(4)
    async with served(name) as (server, model):
        server.say = lambda _: "green"

        async def ask() -> None:
            stream = model.stream(PROMPT, max_tokens=10, temperature=0)
            assert isinstance(stream, AsyncGenerator)
            async with aclosing(stream):
                async for _ in stream:
                    pass

        await ask()
        server.fault = fault
        longest = 10
        for _ in range(200):
            asking, taken = asyncio.create_task(ask()), 0
            steps = random.randrange(longest)
            while taken < steps and not asking.done():
                await asyncio.sleep(0)
                taken += 1
            longest = max(longest, 2 * taken if taken == steps else taken + 10)
            for _ in range(times):
                asking.cancel()
                await asyncio.sleep(0)
            await asyncio.wait([asking])
            if not asking.cancelled():
                assert isinstance(asking.exception(), ModelError | None)
        server.fault = None
        await ask()
        await _settled(server)
        assert server.held <= 1, "one is kept for the next question"
    async with asyncio.timeout(SOON_S):
        while server.held:
            await asyncio.sleep(0.01)
