"""The Ollama adapter against prism, which answers out of the published description and refuses what does not fit it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from bot.errors import ModelRejected
from bot.models.ollama import OllamaModel
from bot.models.ollama_api import OllamaApi
from bot.models.ollama_library import OllamaLibrary
from bot.system import SystemClock
from bot.types import Prompt
from tests.servers.spec import ABSENT, file_of

PRISM = os.environ.get("MARTIN_PRISM", "")
pytestmark = [
    pytest.mark.skipif(not PRISM, reason="MARTIN_PRISM names no prism (npm @stoplight/prism-cli)"),
    pytest.mark.skipif(not file_of("ollama").is_file(), reason=ABSENT),
]


@pytest.fixture
async def address() -> AsyncIterator[str]:
    """Where prism listens. It is a process of Node, whose start may take many seconds on a busy machine."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = (PRISM, "mock", "-h", "127.0.0.1", "-p", str(port), str(file_of("ollama")))
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        async with asyncio.timeout(90):
            while not await _listens(port):
                assert process.returncode is None, "prism ended before it listened"
                await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_every_request_of_the_adapter_fits_the_published_description(address: str) -> None:
    asked = OllamaModel(
        host=address,
        model="",
        digest="",
        context_tokens=5120,
        keep_alive_s=1800.0,
        think=False,
        may_forward=False,
        is_remote=False,
        is_wanted=True,
        clock=SystemClock(),
    )
    prompt = Prompt(system="You are Martín.", question="Hello", language="en", directives=("Short sentences.",))
    async with aclosing(asked):
        status = await asked.check()
        assert (status.is_ready, status.name) == (True, "ollama/gemma4")
        chunks = [chunk async for chunk in asked.stream(prompt, max_tokens=64, temperature=0.4)]
        await asked.warm()
    made = chunks[-1].generation
    assert made is not None
    assert "".join(chunk.text for chunk in chunks).startswith("Hello!")
    assert (made.stop, made.version) == ("end", status.version)
    assert made.completion_tokens > 0

    library = OllamaLibrary(host=address, is_remote=False, may_forward=False)
    assert [one.name for one in await library.installed()] == ["gemma4"]
    assert [progress.step async for progress in library.pull("gemma4")] == ["success"]

    async with aclosing(OllamaApi(host=address, is_remote=False)) as api:
        await api.load("gemma4", options={"num_ctx": 5120}, keep_alive_s=1800.0)
        # That prism minds what it is sent: else the lines above prove nothing.
        with pytest.raises(ModelRejected, match="422"):
            await api.load("gemma4", options={"num_ctx": "many"}, keep_alive_s=1800.0)
