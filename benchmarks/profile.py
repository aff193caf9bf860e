"""What the preference profile costs: `python -m benchmarks.profile --json`.

All figures are medians in milliseconds of wall time, on one core:

turn_ms           one rating learned and the arms of the next answer chosen
replay_1000_ms    the profile of somebody with 1,000 stored events, replayed from them: `profiles.person.replayed`
first_of_ms       the same through `KeptProfiles.of` with a store in memory, as after a restart
cached_of_ms      `KeptProfiles.of` while nothing new is stored

The last line of the output is one JSON object; exit 1 when an aim is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from statistics import median

from bot import __version__
from bot.profile_types import Arm, Arms, ProfileEventKind, Reason
from bot.types import PersonId
from profiles.events import DIMENSIONS, Rating
from profiles.items import Part, Questionnaire, load_questionnaire
from profiles.kept import KeptProfiles
from profiles.person import replayed
from profiles.posterior import PRIOR, choose, updated
from tests.handlers.fakes import NOW, FakeProfiles, FixedClock

SEED = 4
EVENTS = 1_000
AIMS = {"turn_ms": 0.2, "replay_1000_ms": 20.0}
PERSON = PersonId("somebody")
LIKED = 0.75
COMPLAINED = 0.4
"""How many thumbs up, and how many thumbs down with a reason, are typical."""
BETWEEN = timedelta(hours=5)


def stored(questionnaire: Questionnaire, count: int, seed: int = SEED) -> FakeProfiles:
    """A store in which one person has so many events: a whole course, then mostly thumbs, over months."""
    random, store = Random(seed), FakeProfiles()
    began = NOW - count * BETWEEN
    kind = ProfileEventKind
    store.add(PERSON, kind.CONSENT, began, granted=True, version="1")
    store.add(PERSON, kind.COURSE, began, mode="full", version=questionnaire.version, replaces=False)
    for part in (Part.CONTEXT, Part.FIRST, Part.SECOND, Part.THIRD):
        for item in questionnaire.of(part):
            place = random.randrange(len(item.options))
            option = item.options[place].key
            store.add(PERSON, kind.ANSWER, began, item=item.id, option=option, position=place, seconds=random.uniform(3, 20))
    for number in range(count - len(store.stored[PERSON])):
        _add_later(store, random, began + number * BETWEEN, number)
    return store


def _add_later(store: FakeProfiles, random: Random, at: datetime, number: int) -> None:
    """One event of a person who goes on talking: nine of ten are thumbs."""
    kind = ProfileEventKind
    if number % 10 == 9:
        other = number // 10 % 4
        if other == 0:
            store.add(PERSON, kind.REMARK, at, dimension=random.choice(DIMENSIONS).value, y=random.choice((1, -1)))
        elif other == 1:
            store.add(PERSON, kind.SET, at, what="level", value=random.randint(1, 4), topic="history")
        elif other == 2:
            store.add(PERSON, kind.PIN, at, dimension=random.choice(DIMENSIONS).value, arm=random.choice((1, 0, -1, None)))
        else:
            store.add(PERSON, kind.NOTE, at, what="level_asked", topic=f"topic {number}")
        return
    liked = random.random() < LIKED
    complains = not liked and random.random() < COMPLAINED
    store.add(
        PERSON,
        kind.PRESS,
        at,
        turn=f"turn {number}",
        value=1 if liked else -1,
        reason=random.choice(list(Reason)).value if complains else None,
        arms=list(_arms(random)),
        answered_at=(at - timedelta(minutes=1)).isoformat(),
        topic="history",
    )


def _arms(random: Random) -> Arms:
    one: tuple[Arm, ...] = (1, 0, -1)
    return (random.choice(one), random.choice(one), random.choice(one), random.choice(one))


def turn_ms(rounds: int) -> float:
    """One update and one choice, over so many of each."""
    random, state, taken = Random(SEED), PRIOR, []
    for _ in range(rounds):
        rating = Rating(arms=_arms(random), up=random.random() < LIKED)
        began = time.perf_counter()
        state = updated(state, rating)
        choose(state, random)
        taken.append(time.perf_counter() - began)
    return 1000 * median(taken)


def _timed(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return 1000 * median(taken)


async def _of_ms(store: FakeProfiles, rounds: int) -> tuple[float, float]:
    """The first call for a person, and the later ones."""
    first: list[float] = []
    later: list[float] = []
    for _ in range(rounds):
        profiles = KeptProfiles(store, FixedClock())
        for taken in (first, *[later] * 10):
            began = time.perf_counter()
            await profiles.of(PERSON)
            taken.append(time.perf_counter() - began)
    return 1000 * median(first), 1000 * median(later)


def measure(*, rounds: int = 50, events: int = EVENTS) -> dict[str, object]:
    """The figures of the module's docstring, and what is asked of them."""
    questionnaire = load_questionnaire()
    store = stored(questionnaire, events)
    first_of, cached_of = asyncio.run(_of_ms(store, rounds))
    figures = {
        "turn_ms": turn_ms(100 * rounds),
        f"replay_{events}_ms": _timed(lambda: replayed(questionnaire, store.stored[PERSON], now=NOW), rounds),
        "first_of_ms": first_of,
        "cached_of_ms": cached_of,
    }
    return {
        "benchmark": "profile",
        "version": __version__,
        "python": platform.python_version(),
        "rounds": rounds,
        **{name: round(value, 4) for name, value in figures.items()},
        "aims": AIMS,
        "passed": all(figures[name] <= aim for name, aim in AIMS.items() if name in figures),
    }


def main() -> int:
    """Print the figures; exit 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="only the JSON object")
    parser.add_argument("--rounds", type=int, default=50, help="how often each is measured")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds: expected at least 1")
    result = measure(rounds=options.rounds)
    if not options.json:
        for name, value in result.items():
            if name.endswith("_ms"):
                aim = f"  (aim: {AIMS[name]:g})" if name in AIMS else ""
                print(f"{name:16}{value:>10}{aim}")
    print(json.dumps(result))
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
