"""Kill a bot on the local Telegram or Discord many times while people write to it; nothing may be lost or doubled (M-1).

`python -m tests.chaos.platform_kills --place telegram-edit --kills 500 [--seed N]` is a part of what `make chaos` runs.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from bot.app import open_stores
from bot.channels.discord.sending import opening
from bot.channels.telegram.delivering import is_placeholder
from bot.config import Config
from bot.store.invariants import broken_invariants
from bot.types import LANGUAGES
from tests.chaos import campaigns
from tests.chaos.platform_people import MARKER, DiscordHands, Press, Question, TelegramHands, Visitor
from tests.journeys.process import free_port, running
from tests.servers.discord import DiscordServer
from tests.servers.telegram.counts import count
from tests.servers.telegram.server import TelegramServer

PLACES: Final = ("telegram-edit", "telegram-draft", "telegram-webhook", "discord")
DRAINED_S: Final = 180.0
_LOSSES: Final = ("lost", "unanswered", "unseen", "wrong_ratings", "wrong_edits")
_FAULTS: Final = (*_LOSSES, "doubled_turns", "violations", "broken_invariants", "exit")
_DOUBLES: Final = ("doubled", "doubled_nonces", "unaccounted")
"""Answers with a question's marker beyond its first; and messages that no turn stands behind, whatever they say."""
_BUSY_S: Final = 5.0
_TOLD_EVERY: Final = 50
_SETTINGS: Final = {
    "MARTIN_MODELS__PROVIDER": "scripted",
    "MARTIN_MODELS__SCRIPTED__TEXT": "You asked me this, and here it is again: {question}",
    "MARTIN_MODELS__SCRIPTED__DELAY_MS": "20",
    "MARTIN_MODELS__SCRIPTED__TOKENS_PER_S": "300",
    "MARTIN_LIMITS__QUEUE_PER_PERSON": "1000",
}
"""An answer takes some 50 ms, a long one a second: kills fall into the middle of answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message of the bot's that people see. A stray one is where an answer was going to be, and is not."""

    chat: str
    id: str
    text: str
    is_stray: bool


class Place(Protocol):
    """A local platform with people on it. `holds_all` says that it keeps what people do for a bot that is not there."""

    settings: Mapping[str, str]
    visitors: Sequence[Visitor]
    holds_all: bool

    async def until_written(self, number: int) -> None:
        """Return when the bot has written or changed so many messages more; at the latest after some seconds."""

    def is_connected(self) -> bool:
        """Whether the bot hears what is said now."""

    def is_taken(self) -> bool:
        """Whether the bot has taken all that the platform holds for it."""

    def shown(self) -> Sequence[Shown]:
        """What people see of the bot, without what was for one person's eyes at once."""

    def figures(self) -> Mapping[str, int]:
        """What the platform itself counted."""


# --- Telegram ---


class TelegramPlace:
    """People in private chats; where they are many, one of them in a group too."""

    holds_all = True
    _WRITES: Final = frozenset({"sendMessage", "editMessageText"})

    def __init__(self, server: TelegramServer, mode: str, people: int, seed: int) -> None:
        self.server = server
        numbers = itertools.count(1)
        persons = [server.person(f"person {number}") for number in range(people)]
        hands = [TelegramHands(person=one) for one in persons]
        if people > 3:
            group = server.group("Friends", persons[0], bot_is_admin=True)
            hands.append(TelegramHands(person=persons[0], group=group))
        self.visitors: Sequence[Visitor] = [
            Visitor(hands=one, chance=random.Random(seed + number), numbers=numbers) for number, one in enumerate(hands)
        ]
        settings = {"MARTIN_TELEGRAM__TOKEN": server.token, "MARTIN_TELEGRAM__API_BASE": server.address}
        if mode == "draft":
            settings |= {"MARTIN_TELEGRAM__STREAMING": "draft"}
        elif mode == "webhook":
            port = free_port()
            settings |= {
                "MARTIN_WEB__PORT": str(port),
                "MARTIN_TELEGRAM__MODE": "webhook",
                "MARTIN_TELEGRAM__WEBHOOK_URL": f"http://127.0.0.1:{port}",
            }
        self.settings: Mapping[str, str] = settings

    async def until_written(self, number: int) -> None:
        """Return when the bot has written or changed so many messages more; at the latest after some seconds."""
        calls, begun = self.server.calls, len(self.server.calls)
        await self.server.world.until(
            lambda: sum(one.method in self._WRITES for one in calls[begun:]) >= number, within=_BUSY_S
        )

    def is_connected(self) -> bool:
        """Whether the bot hears what is said now, or will."""
        return True

    def is_taken(self) -> bool:
        """Whether the bot has taken all that the platform holds for it."""
        return not self.server.updates.waiting

    def shown(self) -> Sequence[Shown]:
        """What people see of the bot."""
        return [
            Shown(chat=str(one.chat.id), id=str(one.id), text=one.text, is_stray=is_placeholder(one.text))
            for one in self.server.world.of_bot()
        ]

    def figures(self) -> Mapping[str, int]:
        """What the platform itself counted."""
        found = count(self.server, marker=MARKER, is_stray=lambda message: is_placeholder(message.text))
        return {
            "doubled": found.doubled,
            "doubled_nonces": 0,
            "conflicts": found.conflicts,
            "violations": found.violations + found.own_problems,
        }


# --- Discord ---


class DiscordPlace:
    """People in direct messages, one of them in a channel of a server as well."""

    holds_all = False

    def __init__(self, server: DiscordServer, people: int, seed: int) -> None:
        self.server = server
        numbers = itertools.count(1)
        persons = [server.world.person(f"person {number}") for number in range(people)]
        rooms = [(one, server.world.dm(one)) for one in persons]
        rooms.append((persons[0], server.world.add_channel(server.world.guild, "a-room")))
        self.visitors: Sequence[Visitor] = [
            Visitor(
                hands=DiscordHands(server=server, person=person, room=room),
                chance=random.Random(seed + number),
                numbers=numbers,
            )
            for number, (person, room) in enumerate(rooms)
        ]
        self.settings: Mapping[str, str] = {
            "MARTIN_DISCORD__TOKEN": server.token,
            "MARTIN_DISCORD__API_BASE": server.api_base,
            "MARTIN_DISCORD__GATEWAY": server.gateway_url,
        }
        self._written = 0
        server.world.listeners.append(self._hear)

    def _hear(self, event: Any) -> None:
        by_bot = str(self.server.world.bot.id)
        self._written += event.name in ("MESSAGE_CREATE", "MESSAGE_UPDATE") and event.data["author"]["id"] == by_bot

    async def until_written(self, number: int) -> None:
        """Return when the bot has written or changed so many messages more; at the latest after some seconds."""
        enough = self._written + number
        with suppress(TimeoutError):
            await self.server.world.until(lambda: self._written >= enough, _BUSY_S)

    def is_connected(self) -> bool:
        """Whether the bot hears what is said now."""
        return bool(self.server.gateway.connected and self.server.world.commands)

    def is_taken(self) -> bool:
        """Whether the bot has taken all that the platform holds for it."""
        return True  # of what it holds, only the bot knows how far it has read

    def shown(self) -> Sequence[Shown]:
        """What people see of the bot, without what was for one person's eyes at once."""
        openings = {opening(language) for language in LANGUAGES}
        return [
            Shown(chat=str(one.channel.id), id=str(one.id), text=one.content, is_stray=one.content in openings)
            for one in self.server.world.from_bot()
            if not one.is_ephemeral
        ]

    def figures(self) -> Mapping[str, int]:
        """What the platform itself counted."""
        counts = self.server.counts()
        answers = Counter((one.chat, found[-1]) for one in self.shown() if (found := MARKER.findall(one.text)))
        return {
            "doubled": sum(answers.values()) - len(answers),
            "doubled_nonces": counts["doubled_nonces"],
            "unanswered_presses": counts["unanswered_interactions"],
            "violations": counts["problems"],
        }


@asynccontextmanager
async def opened(name: str, people: int, seed: int) -> AsyncIterator[Place]:
    """A platform that listens."""
    platform, _, mode = name.partition("-")
    if platform == "telegram":
        async with TelegramServer() as telegram:
            yield TelegramPlace(telegram, mode, people, seed)
    else:
        async with DiscordServer() as discord:
            yield DiscordPlace(discord, people, seed)


# --- the campaign ---


async def campaign(folder: Path, *, place: str, kills: int, seed: int, people: int = 7) -> dict[str, object]:
    """Kill `kills` times, then let it finish in peace and count what is wrong."""
    began, chance = time.monotonic(), random.Random(seed)
    async with opened(place, people, seed) as here:
        settings = {**_SETTINGS, **here.settings}
        await _met(here, folder, settings)
        async with asyncio.TaskGroup() as tasks:
            living = [tasks.create_task(one.live()) for one in here.visitors]
            for number in range(1, kills + 1):
                await one_life(here, folder, settings, chance)
                if not number % _TOLD_EVERY:
                    print(f"{number} of {kills} kills, {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            for task in living:
                task.cancel()
        async with running(folder, **settings) as bot:
            drained_s = await _drained(here, folder)
            for one in here.visitors:
                one.rate()
            last = [one.presses[-1] for one in here.visitors if one.presses]
            await _until(lambda: all(press.is_reaction or press.is_confirmed() for press in last), 10)
            await _drained(here, folder)
            ended = await bot.end()
        found = await judged(here, folder)
    facts = {"place": place, "kills": kills, "seed": seed, "seconds": round(time.monotonic() - began, 1)}
    return facts | {"drained_s": round(drained_s, 1), "exit": ended} | found


async def _met(here: Place, folder: Path, settings: Mapping[str, str]) -> None:
    """Where a platform keeps only what is said in rooms that the bot knows, let it meet everybody first."""
    if here.holds_all:
        return
    async with running(folder, **settings) as bot:
        await _until(here.is_connected, 60)
        for one in here.visitors:
            one.ask()
        await _drained(here, folder)
        await _until(lambda: _first(folder, "select count(*) from marks where key like 'seen/%'") >= len(here.visitors), 30)
        await bot.end()


async def one_life(here: Place, folder: Path, settings: Mapping[str, str], chance: random.Random) -> None:
    """Start the bot and kill it: while it starts, at any instant, or right when it has written something."""
    is_early = chance.random() < 0.1
    with suppress(TimeoutError):
        async with asyncio.timeout(chance.uniform(0.1, 1.5) if is_early else None):
            async with running(folder, **settings):  # which kills it at the end
                if is_early:
                    await asyncio.Event().wait()
                if chance.random() < 0.35:
                    await asyncio.sleep(chance.uniform(0.05, 2.5))
                else:
                    await here.until_written(chance.randint(1, 3 * len(here.visitors)))
                    await asyncio.sleep(chance.choice((0.0, 0.0, chance.uniform(0, 0.02), chance.uniform(0, 0.3))))


async def _drained(here: Place, folder: Path) -> float:
    """Wait until all that was asked is stored and ended; the seconds that took. The judge finds what has not."""
    began = time.monotonic()

    def is_done() -> bool:
        if not here.is_taken():
            return False
        states = dict(_rows(folder, "select event_id, state from inbox"))
        return all(states.get(one.event_id) not in (None, "received", "answered") for one in _questions(here))

    await _until(is_done, DRAINED_S)
    return time.monotonic() - began


async def _until(holds: Callable[[], bool], within: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(within):
            while not holds():
                await asyncio.sleep(0.1)


def _questions(here: Place) -> list[Question]:
    return [question for visitor in here.visitors for question in visitor.questions]


def _rows(folder: Path, query: str) -> list[Any]:
    database = sqlite3.connect(folder / "martin.db")
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def _first(folder: Path, query: str) -> int:
    return int(_rows(folder, query)[0][0])


# --- what is wrong ---


@dataclass(slots=True)
class Stored:
    """What the database says in the end."""

    states: dict[str, tuple[str, str]]
    turns: dict[str, tuple[str, str]]
    asked: Counter[str]
    ratings: dict[str, int]
    delivered: dict[tuple[str, str], str]
    messages_of: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Stored:
        """Read it."""
        turns = {id: (question, status) for id, question, status in _rows(folder, "select id, question, status from turns")}
        kept = cls(
            states={event: (id, state) for event, id, state in _rows(folder, "select event_id, id, state from inbox")},
            turns=turns,
            asked=Counter(found[-1] for question, _ in turns.values() if (found := MARKER.findall(question))),
            ratings=dict(_rows(folder, "select turn_id, value from ratings")),
            delivered={
                (chat, id): turn for chat, id, turn in _rows(folder, "select chat, platform_id, turn_id from deliveries")
            },
        )
        for message, turn in kept.delivered.items():
            kept.messages_of.setdefault(turn, set()).add(message)
        return kept


async def judged(here: Place, folder: Path) -> dict[str, object]:
    """What the campaign counted, and examples of what is wrong."""
    stored, wrong, examples = Stored.of(folder), Counter[str](), list[str]()
    shown = {(one.chat, one.id): one for one in here.shown()}

    def note(what: str, example: str) -> None:
        wrong[what] += 1
        examples.append(f"{what}: {example}")

    failed = 0
    for visitor in here.visitors:
        for question in visitor.questions:
            turn_id, state = stored.states.get(question.event_id, ("", ""))
            seen = [shown[one] for one in stored.messages_of.get(turn_id, ()) if one in shown]
            has_failed = stored.turns.get(turn_id, ("", ""))[1] == "failed"
            failed += has_failed
            if not turn_id:
                note("lost", f"{question.marker} {question.event_id}")
            elif state not in ("sent", "failed"):
                note("unanswered", f"{question.marker} {turn_id} is {state}")
            elif not seen or not (has_failed or any(question.marker in MARKER.findall(one.text) for one in seen)):
                note("unseen", f"{question.marker} {turn_id} {state}, {len(seen)} messages")
            if question.edits and here.holds_all and stored.turns.get(turn_id, ("", ""))[0] != question.edits[-1]:
                note("wrong_edits", f"{question.marker} {turn_id}")
        _judge_ratings(visitor, stored, note)
    for marker, times in stored.asked.items():
        if times > 1:
            note("doubled_turns", f"{marker} {times} times")
    strays = [one for one in shown.values() if one.is_stray]
    others = [one for one in shown.values() if not one.is_stray and (one.chat, one.id) not in stored.delivered]
    examples += [f"unaccounted: {one.chat}/{one.id} {one.text[:60]!r}" for one in others]
    broken = await _broken(folder)
    presses = [press for visitor in here.visitors for press in visitor.presses]
    return {
        "questions": len(_questions(here)),
        "failed_and_told": failed,
        "ratings": len(presses),
        "ratings_confirmed": sum(press.is_confirmed() for press in presses),
        "edits": sum(len(question.edits) for question in _questions(here)),
        **{name: wrong[name] for name in (*_LOSSES, "doubled_turns")},
        **here.figures(),
        "strays": len(strays),
        "unaccounted": len(others),
        "broken_invariants": broken,
        "examples": examples[:12],
    }


def _judge_ratings(visitor: Visitor, stored: Stored, note: Callable[[str, str], None]) -> None:
    """The last press that was confirmed counts; what nobody confirmed may have come after it, or not."""
    possible: dict[str, set[int]] = {}
    turns = {question.marker: stored.states.get(question.event_id, ("", ""))[0] for question in visitor.questions}
    for press in visitor.presses:
        before = possible.get(press.marker, {0})
        possible[press.marker] = {press.value} if _is_certain(press, stored) else before | {press.value}
    for marker, values in possible.items():
        found = stored.ratings.get(turns.get(marker, ""), 0)
        if found not in values:
            pressed = [(one.value, "r" if one.is_reaction else "b") for one in visitor.presses if one.marker == marker]
            note("wrong_ratings", f"{marker} {turns.get(marker)} is {found}, pressed {pressed}")


def _is_certain(press: Press, stored: Stored) -> bool:
    """A reaction names a message: where that is the double of an answer, nobody can tell what it was about."""
    if press.is_reaction and not any(id == press.shown for _, id in stored.delivered):
        return False
    return press.is_confirmed()


async def _broken(folder: Path) -> list[str]:
    async with open_stores(Config(data_dir=folder)) as stores:
        return [f"{one.name}: {one.count}" for one in await broken_invariants(stores.database)]


def must_be_zero(place: str) -> tuple[str, ...]:
    """What a clean campaign has none of. A draft ends in a message that is sent whole: a crash may double it."""
    return _FAULTS if place == "telegram-draft" else (*_FAULTS, *_DOUBLES)


def main() -> None:
    """Run a campaign and print it as one JSON object; exit 1 unless it is clean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--place", choices=PLACES, required=True)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=20261120)
    given = parser.parse_args()
    ran = partial(campaign, place=given.place, kills=given.kills, seed=given.seed)
    sys.exit(campaigns.run(ran, must_be_zero=must_be_zero(given.place), must_hold=("questions", "ratings")))


if __name__ == "__main__":
    main()
