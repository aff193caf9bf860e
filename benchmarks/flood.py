"""A burst from many people at once, at a platform that keeps its limits: `python -m benchmarks.flood --place telegram --json`.

The strict local server (`tests/servers`) runs in this process with its limits switched on, the bot in one of its own with the
scripted model. Everybody writes at the same moment; then the time counts until everybody has every answer.

lost                       messages without an answer in the end
doubled, strays            answers beyond the first of a message; placeholders that were left behind
out_of_order               answers that stand above the answer to an earlier message of the same person
limit_answers              requests that the platform sent away (429); aim: none `after_first`
needed_calls, calls        counted requests that the answers take at least, and those that were made and passed
theory_s                   the least time for the calls needed: at the overall rate, or in the fullest chat where that is longer
drain_s, ratio             the time it took, and by what it is longer (aim 1.10)
taken_in_s                 until the platform holds no message back any more

On Telegram an answer takes two calls, for its message is opened and then filled; the buckets of theory begin empty (R-24). The
limits are the published ones: real ones change, and Telegram does not promise its own. The figures are of this machine, whose
cores server and bot share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from benchmarks.models import about
from bot.channels.discord.sending import opening
from bot.channels.telegram.delivering import is_placeholder
from bot.process import run
from bot.types import LANGUAGES
from tests.journeys.process import running
from tests.servers.discord import DiscordServer
from tests.servers.telegram.server import TelegramServer

Place = Literal["telegram", "discord"]
PLACES: Final[tuple[Place, ...]] = ("telegram", "discord")
PEOPLE: Final = 200
MESSAGES: Final = 5000
AIM: Final = 1.10
READY_S: Final = 60.0
LOOK_EVERY_S: Final = 0.2
OVERHEARD_EVERY_S: Final = 0.005
SETTLE_S: Final = 1.0
"""How long doubled answers are waited for after the last one."""
PATIENCE: Final = 3.0
"""So many times the theoretical time a burst may take before the rest counts as lost."""
_MARKER: Final = re.compile(r"\bq(\d+)\b")
_SHOWN: Final = ("answered", "doubled", "strays", "out_of_order", "problems")
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """The platform as it is now; `calls` were counted towards its limits and passed."""

    answered: int
    doubled: int
    strays: int
    out_of_order: int
    calls: int
    limit_answers: int
    held_back: int
    problems: int


class Platform(Protocol):
    """A platform's local server with its limits on."""

    @property
    def settings(self) -> Mapping[str, str]:
        """What the bot has to know of it."""

    async def ready(self) -> None:
        """Return once the bot listens."""

    def say(self, person: int, text: str) -> None:
        """One of the people writes to the bot alone."""

    async def overhear(self, hear: Callable[[str], None]) -> None:
        """Tell of all that the bot writes from now on, as it is written, until cancelled."""

    def sight(self) -> Sight:
        """What there is to see."""

    def needed(self, people: int, messages: int) -> tuple[int, float]:
        """The calls that all answers take at least, and the seconds that these take at least."""


class OnTelegram:
    """30 calls a second in all, one in a chat; whoever has a placeholder has no answer yet."""

    def __init__(self, server: TelegramServer) -> None:
        self._server = server

    @property
    def settings(self) -> Mapping[str, str]:
        """What the bot has to know of it."""
        return {"MARTIN_TELEGRAM__TOKEN": self._server.token, "MARTIN_TELEGRAM__API_BASE": self._server.address}

    async def ready(self) -> None:
        """Return once the bot polls; from then on the limits hold."""
        async with asyncio.timeout(READY_S):
            while not self._server.updates.polls:  # noqa: ASYNC110 — the server tells nobody of a poll
                await asyncio.sleep(LOOK_EVERY_S)
        self._server.limits.is_on = True

    def say(self, person: int, text: str) -> None:
        """A private message."""
        self._server.person(f"person {person}").says(text)

    async def overhear(self, hear: Callable[[str], None]) -> None:
        """What it sends and edits."""
        calls, heard = self._server.calls, len(self._server.calls)
        while True:
            for call in calls[heard:]:
                if call.code == 200 and call.method in ("sendMessage", "editMessageText"):
                    hear(str(call.parameters.get("text", "")))
            heard = len(calls)
            await asyncio.sleep(OVERHEARD_EVERY_S)

    def sight(self) -> Sight:
        """The messages of the bot, and the server's own counts."""
        server = self._server
        found = _counted((one.chat.id, one.text, is_placeholder(one.text)) for one in server.world.of_bot())
        return Sight(
            **found,
            calls=server.limits.passed,
            limit_answers=server.limits.answers,
            held_back=len(server.updates.waiting),
            problems=len(server.violations) + len(server.own_problems),
        )

    def needed(self, people: int, messages: int) -> tuple[int, float]:
        """Every answer's message is opened and filled."""
        of_one = 2 * math.ceil(messages / people)
        return 2 * messages, max(2 * messages / 30, of_one - 3.0)


class OnDiscord:
    """50 requests a second in all, and five messages in five seconds in a channel."""

    def __init__(self, server: DiscordServer) -> None:
        self._server = server
        self._openings = {opening(language) for language in LANGUAGES}

    @property
    def settings(self) -> Mapping[str, str]:
        """What the bot has to know of it."""
        server = self._server
        return {
            "MARTIN_DISCORD__TOKEN": server.token,
            "MARTIN_DISCORD__API_BASE": server.api_base,
            "MARTIN_DISCORD__GATEWAY": server.gateway_url,
        }

    async def ready(self) -> None:
        """Return once the bot is connected and has its commands registered; from then on the limits hold."""
        server = self._server
        await server.world.until(lambda: server.gateway.connected and server.world.commands, READY_S)
        server.requests.clear()
        server.limits.is_on = True

    def say(self, person: int, text: str) -> None:
        """A direct message."""
        world = self._server.world
        world.ask(world.person(f"person {person}"), text)

    async def overhear(self, hear: Callable[[str], None]) -> None:
        """What anybody writes; of people, `hear` knows what they said."""
        self._server.world.listeners.append(lambda event: hear(str(event.data.get("content", ""))))
        await asyncio.Event().wait()

    def sight(self) -> Sight:
        """The messages of the bot, and the server's own counts."""
        server = self._server
        found = _counted((one.channel.id, one.content, one.content in self._openings) for one in server.world.from_bot())
        limited = server.limits.limited
        return Sight(
            **found,
            calls=len(server.requests) - limited,
            limit_answers=limited,
            held_back=0,
            problems=len(server.problems),
        )

    def needed(self, people: int, messages: int) -> tuple[int, float]:
        """One call for each answer."""
        windows = math.ceil(math.ceil(messages / people) / 5)
        return messages, max(messages / 50, (windows - 1) * 5.0)


def _counted(said: Iterator[tuple[int, str, bool]]) -> dict[str, int]:
    """What became of the questions, by the messages of the bot: where each is, what it says, and whether that is an opening."""
    answers: Counter[int] = Counter()
    newest: dict[int, int] = {}
    strays = out_of_order = 0
    for chat, text, is_opening in said:
        strays += is_opening
        if found := _MARKER.search(text):
            number = int(found[1])
            answers[number] += 1
            out_of_order += number < newest.get(chat, 0)
            newest[chat] = max(number, newest.get(chat, 0))
    return {
        "answered": len(answers),
        "doubled": answers.total() - len(answers),
        "strays": strays,
        "out_of_order": out_of_order,
    }


@asynccontextmanager
async def opened(place: Place) -> AsyncIterator[Platform]:
    """A platform of its own."""
    if place == "telegram":
        async with TelegramServer() as telegram:
            yield OnTelegram(telegram)
    else:
        async with DiscordServer(is_checked=False) as discord:
            yield OnDiscord(discord)


async def flood(place: Place, people: int, messages: int) -> Figures:
    """Let everybody write at once, and wait for all answers."""
    with tempfile.TemporaryDirectory(prefix="martin-flood-") as folder:
        async with opened(place) as there:
            settings = {
                "MARTIN_MODELS__PROVIDER": "scripted",
                "MARTIN_MODELS__SCRIPTED__TEXT": "About {question}: certainly.",
                "MARTIN_MODELS__PARALLEL": "64",
                "MARTIN_LIMITS__QUEUE_PER_PERSON": "1000",
                "MARTIN_LIMITS__QUEUE_ALL": "1000000",
                **there.settings,
            }
            async with running(Path(folder), **settings) as bot:
                await there.ready()
                figures = await _drained(there, people, messages)
                ended = await bot.end()
    return {"place": place, "people": people, "messages": messages, **figures, "bot_ended_with": ended}


async def _drained(there: Platform, people: int, messages: int) -> Figures:
    needed, theory_s = there.needed(people, messages)
    before, first_refused_at, taken_in_s = there.sight(), 0.0, 0.0
    began = time.perf_counter()
    for number in range(messages):
        there.say(number % people, f"q{number} about lighthouses, please")
    while (seen := there.sight()).answered < messages and time.perf_counter() - began < PATIENCE * theory_s + READY_S:
        now_s = time.perf_counter() - began
        taken_in_s = taken_in_s or (0.0 if seen.held_back else now_s)
        first_refused_at = first_refused_at or (now_s if seen.limit_answers else 0.0)
        await asyncio.sleep(LOOK_EVERY_S)
    drain_s = time.perf_counter() - began
    await asyncio.sleep(SETTLE_S)
    last = there.sight()
    refused = last.limit_answers - before.limit_answers
    ratio = drain_s / theory_s
    return {
        **{name: value for name, value in asdict(last).items() if name in _SHOWN},
        "lost": messages - last.answered,
        "limit_answers": refused,
        "limit_answers_after_first": max(0, refused - 1),
        "first_limit_answer_s": round(first_refused_at, 1) if refused else None,
        "needed_calls": needed,
        "calls": last.calls - before.calls,
        "theory_s": round(theory_s, 1),
        "drain_s": round(drain_s, 1),
        "ratio": round(ratio, 3),
        "taken_in_s": round(taken_in_s, 1),
        "passed": last.answered == messages and refused <= 1 and ratio <= AIM and not (last.doubled or last.strays),
    }


def main() -> int:
    """Measure and print; exit 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object on one line")
    parser.add_argument("--place", choices=PLACES, default=PLACES[0], help="which platform")
    parser.add_argument("--people", type=int, default=PEOPLE, help="how many write")
    parser.add_argument("--messages", type=int, default=MESSAGES, help="how many messages they write together")
    options = parser.parse_args()
    figures = run(flood(options.place, options.people, options.messages))
    print(json.dumps(about(figures), indent=None if options.json else 2))
    return 0 if figures["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
