"""A whole bot in a process of its own, and a person who talks with it over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bot.setting_problems import ALIASES, PLATFORM
from tests.chaos.talk import events

REPOSITORY = Path(__file__).parents[2]
READY_S = 60


def environment(data: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a bot: this one's without any setting of ours, and `settings`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("MARTIN_") and name not in (*ALIASES, *PLATFORM)
    }
    ours = {
        "MARTIN_DATA_DIR": str(data),
        "MARTIN_WEB__PORT": "0",
        "MARTIN_LOG__LEVEL": "error",
        "MARTIN_MODELS__PROVIDER": "offline",
    }
    return {**kept, **ours, **settings}


async def command(data: Path, *arguments: str, **settings: str) -> tuple[int, str]:
    """A command of `python -m bot`: its exit status, and what it wrote on both streams."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot", *arguments, cwd=REPOSITORY, env=environment(data, settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    written, _ = await process.communicate()
    return await process.wait(), written.decode()


@dataclass(frozen=True, slots=True)
class Running:
    """A bot that is ready."""

    address: str
    process: asyncio.subprocess.Process

    async def end(self) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


@asynccontextmanager
async def running(data: Path, **settings: str) -> AsyncIterator[Running]:
    """A bot on a free port; killed at the end if it still runs."""
    async with _started(data, ("-m", "bot"), settings) as bot:
        yield bot


@asynccontextmanager
async def watched(data: Path, ledger: Path, **settings: str) -> AsyncIterator[Running]:
    """Like `running`; the bot writes into `ledger` whom it connects to, or looks up."""
    async with _started(data, ("-m", "tests.journeys.socket_ledger", str(ledger)), settings) as bot:
        yield bot


@asynccontextmanager
async def _started(data: Path, program: Sequence[str], settings: Mapping[str, str]) -> AsyncIterator[Running]:
    run_json = data / "run.json"
    run_json.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, "run", cwd=REPOSITORY, env=environment(data, settings), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield Running(await _ready(run_json, process), process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def _ready(run_json: Path, process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(READY_S):
        while True:
            assert process.returncode is None, f"the bot ended with {process.returncode} before it was ready"
            try:
                return str(json.loads(run_json.read_text())["address"])
            except (FileNotFoundError, ValueError, KeyError):
                await asyncio.sleep(0.02)


@asynccontextmanager
async def person(address: str, session: str, language: str = "en") -> AsyncIterator[httpx.AsyncClient]:
    """A client with a session of its own."""
    headers = {"Authorization": f"Bearer {session}", "Accept-Language": language}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
        yield client


async def say(client: httpx.AsyncClient, text: str, event_id: str = "") -> dict[str, Any]:
    """Say something; the reply. AssertionError when an error comes instead."""
    return await _reply(client, "/api/messages", {"text": text} | ({"event_id": event_id} if event_id else {}))


async def choose(client: httpx.AsyncClient, turn_id: str, key: str, event_id: str = "") -> dict[str, Any]:
    """Press a choice; the reply."""
    body = {"turn_id": turn_id, "key": key}
    return await _reply(client, "/api/choices", body | ({"event_id": event_id} if event_id else {}))


async def _reply(client: httpx.AsyncClient, path: str, body: Mapping[str, str]) -> dict[str, Any]:
    async with client.stream("POST", path, json=body) as response:
        assert response.status_code == 200, await response.aread()
        found = [event async for event in events(response)]
    name, data = found[-1]
    assert name == "reply", found
    return dict(data)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
