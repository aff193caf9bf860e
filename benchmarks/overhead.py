"""What a message costs besides the model, beside python-telegram-bot's own cost: `python -m benchmarks.overhead --json`.

dispatch_ratio      CPU of parse → route → reply queued, nothing stored, over PTB's parse + `process_update`
turn_ratio          CPU of a complete durable turn, 50 people at once, instant model, over PTB's echo on a stub transport
concurrency_gain    turns per second of 50 people at once over one person alone, with a model of 20 ms
ready_s             seconds from the command to a page that is ready, warm (the second of two starts)
rss_mb              resident memory of that process after 50 turns, without Chroma
telegram_…          an update of Telegram's by way of its channel, and
discord_us          a message of Discord's: see `benchmarks/overhead_platforms.py`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import track

from benchmarks import overhead_platforms
from benchmarks.nothing_stored import dispatch
from benchmarks.ptb_echo import echo, queue_replies, raw_update
from bot.app import Bot, open_stores
from bot.config import load_config
from bot.log import Logs
from bot.ports import Parts, Receive
from bot.process import run, settle
from bot.settings import LogSettings
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.system import SystemClock
from bot.types import Address, ChannelName, IncomingMessage, Kind, Outgoing, PlatformId, TurnId

PEOPLE = 50
ROUNDS = 5
_SINK = open(os.devnull, "w")  # noqa: SIM115, PTH123 — for as long as the process lives


class InProcess:
    """A channel without a platform: `ask` hands a message in and returns when its reply is delivered."""

    name = ChannelName.TELEGRAM
    answers_requests = True

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[Outgoing]] = {}
        self._receive: Receive | None = None

    async def run(self, receive: Receive) -> None:
        """Remember where messages go."""
        self._receive = receive
        await asyncio.Event().wait()

    async def open(self, message: IncomingMessage, turn_id: TurnId) -> PlatformId | None:
        """Nothing to open."""
        return None

    async def preview(self, message: IncomingMessage, turn_id: TurnId, opened: PlatformId | None, text: str) -> None:
        """Nobody looks."""

    async def deliver(self, outgoing: Outgoing, parts: Parts) -> tuple[PlatformId, ...]:
        """Wake the person who waits for it."""
        self._waiting.pop(outgoing.event_id).set_result(outgoing)
        return (PlatformId(outgoing.id),)

    async def ask(self, person: int, number: int, text: str) -> Outgoing:
        """One message and its reply."""
        assert self._receive is not None
        message = IncomingMessage(
            event_id=f"{person}-{number}",
            address=Address(channel=self.name, chat=str(person), user=str(person)),
            kind=Kind.TEXT,
            sent_at=datetime.now(UTC),
            text=text,
            locale="en",
        )
        reply: asyncio.Future[Outgoing] = asyncio.get_running_loop().create_future()
        self._waiting[message.event_id] = reply
        await self._receive([message])
        return await reply


async def with_bot(settings: Mapping[str, str], use: Callable[[InProcess], Awaitable[None]]) -> None:
    """Run a whole bot in this process on a fresh data folder, its logs going nowhere but formatted, and `use` it."""
    with tempfile.TemporaryDirectory(prefix="martin-bench-") as folder:
        config = load_config(environ={"MARTIN_MODELS__PROVIDER": "scripted", "MARTIN_DATA_DIR": folder, **settings})
        place, channel, ready = DataFolder.open(config.data_dir), InProcess(), asyncio.Event()
        with place.lock(), Logs(config.log, stream=_SINK):
            await migrate(place, SystemClock())
            async with open_stores(config) as stores, asyncio.TaskGroup() as tasks:
                bot = Bot(config, place, stores, {channel.name: channel})
                tasks.create_task(bot.run(None, ready.set))
                await ready.wait()
                await settle(bot.knowledge.refresh())
                await use(channel)
                bot.stop()


async def talk(channel: InProcess, people: int, turns: int, first: int = 0) -> None:
    """Every person says `turns` things, one after the other; people talk at the same time."""

    async def person(who: int) -> None:
        for number in range(first, first + turns):
            await channel.ask(who, number, f"please tell me thing {number} about lighthouses")

    await asyncio.gather(*(person(who) for who in range(people)))


async def turn_cpu_us(turns: int) -> tuple[float, float]:
    """CPU microseconds per durable turn (all threads of this process), and per PTB echo, measured alternately."""
    ours: list[float] = []
    theirs: list[float] = []
    updates = [raw_update(number, "hello there") for number in range(1000)]

    async def use(channel: InProcess) -> None:
        await talk(channel, PEOPLE, 2)
        for round_ in track(range(ROUNDS), "durable turns", console=Console(stderr=True), disable=not sys.stderr.isatty()):
            began = time.process_time()
            await talk(channel, PEOPLE, turns, first=10 + round_ * turns)
            ours.append((time.process_time() - began) / (PEOPLE * turns) * 1e6)
            began = time.process_time()
            await echo(updates)
            theirs.append((time.process_time() - began) / len(updates) * 1e6)

    await with_bot({"MARTIN_MODELS__SCRIPTED__TEXT": "certainly", "MARTIN_MODELS__PARALLEL": "64"}, use)
    return statistics.median(ours), statistics.median(theirs)


async def dispatch_cpu_us(messages: int) -> tuple[float, float]:
    """CPU microseconds per message dispatched without storage, ours and PTB's, measured alternately."""
    ours: list[float] = []
    theirs: list[float] = []
    updates = [raw_update(number, "hello there") for number in range(messages)]
    await dispatch(updates[:200])
    for _ in range(ROUNDS):
        began = time.process_time()
        replies = await dispatch(updates)
        ours.append((time.process_time() - began) / messages * 1e6)
        assert replies == messages, replies
        began = time.process_time()
        queued = await queue_replies(updates)
        theirs.append((time.process_time() - began) / messages * 1e6)
        assert len(queued) == messages
    return statistics.median(ours), statistics.median(theirs)


async def turns_per_second(people: int, turns: int) -> float:
    """Turns per second with a model of 20 ms."""
    rate = 0.0

    async def use(channel: InProcess) -> None:
        nonlocal rate
        await talk(channel, people, 2)
        began = time.perf_counter()
        await talk(channel, people, turns, first=10)
        rate = people * turns / (time.perf_counter() - began)

    settings = {
        "MARTIN_MODELS__SCRIPTED__DELAY_MS": "20",
        "MARTIN_MODELS__PARALLEL": "64",
        "MARTIN_MODELS__SCRIPTED__TEXT": "yes",
    }
    await with_bot(settings, use)
    return rate


def start_to_ready() -> tuple[float, float]:
    """Seconds from the command to ready, and resident MiB after 50 turns, of a second start in the same folder."""
    with tempfile.TemporaryDirectory(prefix="martin-bench-") as folder:
        _one_start(folder)
        return _one_start(folder)


def _one_start(folder: str) -> tuple[float, float]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MARTIN_") and name != "PORT"}
    env = {**kept, "MARTIN_DATA_DIR": folder, "MARTIN_WEB__PORT": "0", "MARTIN_LIMITS__QUEUE_PER_PERSON": "100"}
    run_json = Path(folder) / "run.json"
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "bot", "run"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        with httpx.Client(timeout=10, headers={"Authorization": "Bearer benchmark-session-1"}) as client:
            address = ""
            while not address:
                with suppress(OSError, ValueError, httpx.HTTPError):
                    found = json.loads(run_json.read_text())["address"]
                    if client.get(f"{found}/health/ready").status_code == 200:
                        address = found
                if process.poll() is not None or time.perf_counter() - began > 60:
                    raise RuntimeError("the bot did not become ready")
                time.sleep(0.005)
            seconds = time.perf_counter() - began
            for number in range(50):
                client.post(f"{address}/api/messages", json={"text": f"what is Martín? {number}"})
        status = Path(f"/proc/{process.pid}/status").read_text()
        resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        process.terminate()
        process.wait(30)
    return seconds, resident / 1024


async def measure() -> dict[str, float]:
    """All figures of this process."""
    with Logs(LogSettings(level="warning"), stream=_SINK):  # PTB logs nothing per update either
        ours, theirs = await dispatch_cpu_us(2000)
        platforms = await overhead_platforms.measure()
    turn, ptb_echo = await turn_cpu_us(20)
    alone, together = await turns_per_second(1, 60), await turns_per_second(PEOPLE, 40)
    return {
        "dispatch_ratio": round(ours / theirs, 3),
        "turn_ratio": round(turn / ptb_echo, 3),
        "concurrency_gain": round(together / alone, 1),
        "dispatch_us": round(ours, 1),
        "ptb_dispatch_us": round(theirs, 1),
        "turn_us": round(turn, 1),
        "ptb_echo_us": round(ptb_echo, 1),
        "turns_per_s_alone": round(alone, 1),
        "turns_per_s_of_50": round(together, 1),
        **platforms,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    as_json = parser.parse_args().json
    ready_s, rss_mb = start_to_ready()
    figures = {**run(measure()), "ready_s": round(ready_s, 2), "rss_mb": round(rss_mb, 1)}
    if as_json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
