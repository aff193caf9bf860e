"""What a bot adds to a language model, and what a dead model costs people: `python -m benchmarks.models --json`.

The bot is the real one, in its own process, talked to over HTTP; the model is a local server in a third process that streams
100 tokens per second by each backend's protocol.

first_preview_ms    from the moment that the server wrote the first token until a client of the page had it, over `turns`
cpu_ms_per_token    CPU time of the bot's process for one more streamed token: turns of `tokens` tokens against turns of one
cpu_ms_per_turn     CPU time of a turn with one token, intake, storage and delivery included
idle_cpu_percent    CPU time of the bot while nobody talks, in percent of one core

With `--outage SECONDS` the model dies for so long under 200 people:

n                   answers that people got meanwhile, all by the next model
fallback_ms         from the question until the whole answer, at the client
probes              connections that the dead model's port saw
recovered_after_s   from the model's return until it answered somebody
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
from rich.console import Console
from rich.progress import track

from benchmarks.model_server import in_own_process, seconds_since
from bot import __version__
from bot.process import run
from tests.chaos.talk import events
from tests.journeys.process import Running, person, running
from tests.servers.backends import settings_for

BACKENDS = ("ollama", "openai", "mistral")
AIM_MS = 50.0
PEOPLE = 200
MOST_PROBES = 40
"""R-15, for five minutes."""
PAUSE_S = (5.0, 30.0)
"""How long people think between an answer and their next question."""
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One question as its client saw it. `first_s` is how old the first token was when it was shown."""

    first_s: float | None
    seconds: float
    reply: dict[str, Any]


async def ask(client: httpx.AsyncClient, text: str) -> Turn:
    """Say something and read until the reply. Raises RuntimeError when an error comes instead."""
    loop = asyncio.get_running_loop()
    began, first_s = loop.time(), None
    async with client.stream("POST", "/api/messages", json={"text": text}) as response:
        async for name, data in events(response):
            if name == "preview" and first_s is None:
                first_s = seconds_since(str(data["text"]))
            if name == "reply":
                return Turn(first_s=first_s, seconds=loop.time() - began, reply=data)
    raise RuntimeError(f"no reply came to {text!r}")


def cpu_s(bot: Running) -> float:
    """CPU seconds that the bot's process has used so far, all threads. Linux only."""
    fields = Path(f"/proc/{bot.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def percentile(values: Sequence[float], share: float) -> float:
    """The value that so much of all lies below."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(len(ranked) * share))]


def spread(seconds: Sequence[float], *shares: float) -> dict[str, float]:
    """Percentiles in milliseconds: `{"p50": 12.3}`."""
    return {f"p{share * 100:g}": round(percentile(seconds, share) * 1000, 1) for share in shares}


async def some_turns(bot: Running, label: str, turns: int) -> list[Turn]:
    """Turns one after the other, in conversations of ten; every one must come from the model itself."""
    done: list[Turn] = []
    for number in track(range(turns), label, console=Console(stderr=True), disable=not sys.stderr.isatty()):
        async with person(bot.address, f"benchmark-{label.replace(' ', '-')}-{number // 10}") as client:
            done.append(await ask(client, f"please tell me thing {number} about lighthouses"))
    strange = [flags for turn in done if (flags := sorted({*turn.reply["flags"]} - {"trimmed"}))]
    if strange:
        raise RuntimeError(f"{len(strange)} answers were not as they should be: {strange[0]}")
    return done


async def measure(name: str, turns: int, tokens: int, *, idle_s: float = 5.0) -> Figures:
    """One backend's figures."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="martin-bench-"))
        server = await stack.enter_async_context(in_own_process(name))
        bot = await stack.enter_async_context(running(Path(folder), **settings_for(name, server.address)))
        await some_turns(bot, f"{name} warm", 3)
        await server.tell("tokens", 1)
        before = cpu_s(bot)
        await some_turns(bot, f"{name} one token", turns)
        of_one = cpu_s(bot) - before
        await server.tell("tokens", tokens)
        before = cpu_s(bot)
        streamed = await some_turns(bot, f"{name} streamed", turns)
        of_many = cpu_s(bot) - before
        before = cpu_s(bot)
        await asyncio.sleep(idle_s)
        idle = (cpu_s(bot) - before) / idle_s
    waits = [turn.first_s for turn in streamed if turn.first_s is not None]
    took_s = sum(turn.seconds for turn in streamed)
    streaming_s = of_many - idle * took_s
    return {
        "turns": len(waits),
        "tokens": tokens,
        "tokens_per_s": round(tokens * turns / took_s, 1),
        "first_preview_ms": spread(waits, 0.5, 0.95),
        "cpu_ms_per_token": round((streaming_s - of_one) / (turns * (tokens - 1)) * 1000, 3),
        "cpu_ms_per_turn": round(of_one / turns * 1000, 2),
        "idle_cpu_percent": round(idle * 100, 2),
    }


@dataclass(slots=True)
class Crowd:
    """Many people, each with a session of their own, who ask again and again."""

    address: str
    people: int
    answers: list[tuple[float, Turn]] = field(default_factory=list)
    is_over: bool = False

    async def one(self, number: int) -> None:
        """One person, from their first question until it is over."""
        random, loop = Random(number), asyncio.get_running_loop()
        async with person(self.address, f"benchmark-person-{number:03d}") as client:
            await asyncio.sleep(random.uniform(0, PAUSE_S[1]))
            while not self.is_over:
                asked_at = loop.time()
                self.answers.append((asked_at, await ask(client, "please tell me about lighthouses")))
                await asyncio.sleep(random.uniform(*PAUSE_S))

    def between(self, begin: float, end: float) -> list[Turn]:
        """The answers to what was asked in that time."""
        return [turn for asked_at, turn in self.answers if begin <= asked_at < end]

    async def first_of_model(self, after: float) -> float:
        """When the model answered again what was asked after this moment."""
        while True:
            for asked_at, turn in self.answers:
                if asked_at >= after and "fallback" not in turn.reply["flags"]:
                    return asyncio.get_running_loop().time()
            await asyncio.sleep(0.05)


async def outage(name: str, dead_s: float, people: int) -> Figures:
    """Let the model die under people who talk, and come back."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="martin-bench-"))
        server = await stack.enter_async_context(in_own_process(name))
        await server.tell("tokens", 20)
        bot = await stack.enter_async_context(running(Path(folder), **settings_for(name, server.address)))
        crowd, loop = Crowd(bot.address, people), asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            for number in range(people):
                group.create_task(crowd.one(number))
            await asyncio.sleep(PAUSE_S[1] + 5)
            died_at = loop.time()
            await server.tell("die")
            await asyncio.sleep(dead_s)
            probes = await server.tell("revive")
            lived_at = loop.time()
            async with asyncio.timeout(60):
                recovered_s = await crowd.first_of_model(lived_at) - lived_at
            crowd.is_over = True
        return of_outage(crowd, died_at=died_at, lived_at=lived_at, probes=probes, recovered_s=recovered_s)


def of_outage(crowd: Crowd, *, died_at: float, lived_at: float, probes: int, recovered_s: float) -> Figures:
    """What people saw of an outage: `n` counts the answers that the next model gave."""
    well = crowd.between(0, died_at)
    ill = [turn for turn in crowd.between(died_at, lived_at) if "fallback" in turn.reply["flags"]]
    waits = [turn.seconds for turn in ill]
    return {
        "people": crowd.people,
        "dead_s": round(lived_at - died_at, 1),
        "n": len(ill),
        "fallback_ms": spread(waits, 0.5, 0.99),
        "longest_ms": round(max(waits) * 1000, 1),
        "probes": probes,
        "recovered_after_s": round(recovered_s, 1),
        "answers_before": len(well),
        "passed": percentile(waits, 0.99) < 1 and probes <= MOST_PROBES,
    }


def machine() -> Figures:
    """What it ran on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    return {"cpu": model, "cores": os.cpu_count(), "system": f"{platform.system()} {platform.release()}"}


def about(figures: Figures) -> Figures:
    """The figures with what is to be known of them."""
    return {"version": __version__, "python": platform.python_version(), "machine": machine(), **figures}


async def measure_all(backends: Sequence[str], turns: int, tokens: int) -> Figures:
    """Every backend's figures, one after the other."""
    measured = {name: await measure(name, turns, tokens) for name in backends}
    passed = all(one["first_preview_ms"]["p50"] <= AIM_MS for one in measured.values())
    return {"aim_ms": AIM_MS, "backends": measured, "passed": passed}


def main() -> int:
    """Measure and print; exit 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object on one line")
    parser.add_argument("--turns", type=int, default=40, help="turns per backend")
    parser.add_argument("--tokens", type=int, default=100, help="tokens per turn")
    parser.add_argument("--backend", choices=BACKENDS, action="append", help="only this one")
    parser.add_argument("--outage", type=float, metavar="SECONDS", help="let the model die for so long instead")
    parser.add_argument("--people", type=int, default=PEOPLE, help="people who talk meanwhile")
    options = parser.parse_args()
    if options.outage:
        figures = run(outage((options.backend or ["openai"])[0], options.outage, options.people))
    else:
        figures = run(measure_all(options.backend or BACKENDS, options.turns, options.tokens))
    print(json.dumps(about(figures), indent=None if options.json else 2))
    return 0 if figures["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
