"""What preference profiles are worth here: `python -m benchmarks.uplift`, from the ratings that people gave.

It reads the answers that the data folder holds, also while the bot runs, and changes nothing. By lot some threads of people
with a profile were answered without it: 👍 with and without are compared. `not_enough` is a result: of few ratings nobody can
know. People without a profile, or who take no part, are not counted.

With `--simulate N` it tries itself instead: in a temporary folder people who like about 70 % of neutral answers give N ratings,
and like answers with the profile so many POINTS more often. What it then says is what it would say of real people.

--json prints one object:

rates          for `full` (whole profile), `context` (level, goal and length) and `none`: threads, ratings, 👍, Wilson's
               interval
comparisons    the difference of two of them, Newcombe's interval, the bootstrap by person, the wider of both, and the band
               that may be looked at every day; `verdict` follows from the band alone
obedience      how often the model did what a directive asked for
crossovers     whether each pole is liked more by those whose profile leans to it
is_style_idle  style is worth less than a point over level, goal and length, and is to be left out
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import track

from benchmarks.profile_recovery import LIKE_LOGIT, Person, mix, questionnaire
from bot.app import open_stores
from bot.config import read_config
from bot.errors import ConfigError, MartinError
from bot.process import run
from bot.profile_types import NEUTRAL, AnswerStyle, Condition, MeasuredAnswer
from bot.store.check import open_file, revision_of
from bot.store.folder import DataFolder
from bot.store.migrate import migrate
from bot.store.migrations import REVISIONS
from bot.store.open import open_folder
from bot.system import TimeOrderedIds
from bot.types import LANGUAGES, Kind
from bot.writes import SetRating
from profiles.events import DIMENSIONS
from profiles.posterior import MODEL_VERSION, State, choose, replay, used
from profiles.uplift import Uplift, Verdict, measure
from profiles.uplift_words import words
from tests.fakes import FakeClock
from tests.talk import Talk, address_of

BASE, SPREAD = 0.70, 0.1
"""How often neutral answers are liked, and how far one person is from another at most."""
MOST_EFFECT, LEAST_EFFECT = 20.0, -60.0
"""In points: nobody likes more than all or less than none."""
RATED, OBEYED = 0.8, 0.85
HOLDOUT = 20
THREADS_EACH = 10
MOST_SIMULATED = 100_000
SINCE = datetime(2026, 1, 1, 9, tzinfo=UTC)
SEED = 4


class Refused(Exception):
    """What was asked for cannot be done; the message says why and what to do."""


async def stored(data_dir: Path | None, since: datetime | None) -> Sequence[MeasuredAnswer]:
    """The measured answers of a data folder. Raises Refused, ConfigError and StoreError."""
    config = read_config(data_dir=data_dir).config
    _look(config.data_dir)
    async with open_stores(config) as stores:
        return await stores.measurements.measured(since=since)


def _look(path: Path) -> None:
    """Raise Refused where opening would make a folder or a database anew, or the database is of another version."""
    database = DataFolder(path).database
    if not path.is_dir():
        raise Refused(f"no such folder: {str(path)!r}. Name the bot's data folder with --data-dir")
    if not database.is_file():
        raise Refused(f"there is no database in {str(path)!r}: either the bot never ran there, or it is another folder")
    with open_file(database, "live", threading.Event()) as connection:
        revision = revision_of(connection, database)
    if revision != REVISIONS[-1]:
        raise Refused(
            f"the database in {str(path)!r} has revision {revision}, this version reads {REVISIONS[-1]}: start the bot once, "
            "or run `python -m bot migrate`"
        )


# --- simulated people ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """A person who likes neutral answers in `base` of all, with the profile that the questionnaire gave them."""

    name: str
    base: float
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Whom to simulate: `effect` is how much more often answers with a profile are liked, as a share."""

    rated: int
    effect: float
    holdout: float = HOLDOUT / 100
    seed: int = SEED


def people(world: World) -> list[Simulated]:
    """As many as give about ten ratings each."""
    made = []
    for number in range(-(-world.rated // THREADS_EACH)):
        random = Random(f"{world.seed} person {number}")
        answers = questionnaire(Person(wants=mix(random), logit=LIKE_LOGIT, effect=0), random)
        base = BASE + random.uniform(-SPREAD, SPREAD)
        made.append(Simulated(name=f"person {number}", base=base, state=replay(answers)))
    return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """One question with its answer; `liked` is None where nobody rated it."""

    person: Simulated
    style: AnswerStyle
    liked: bool | None


def days(world: World) -> Iterator[list[Thread]]:
    """What happens day by day, a thread for each person, until so many threads are rated."""
    everybody, random, left = people(world), Random(f"{world.seed} talk"), world.rated
    while left:
        today = []
        for person in everybody:
            today.append(_thread(world, person, random))
            left -= today[-1].liked is not None
            if not left:
                break
        yield today


def _thread(world: World, person: Simulated, random: Random) -> Thread:
    is_full = random.random() >= world.holdout
    drawn = choose(person.state, random)
    asked = drawn.arms if is_full else NEUTRAL
    obeyed = tuple(random.random() < OBEYED if arm else None for arm in asked)
    is_rated = random.random() < RATED
    likes = random.random() < person.base + (world.effect if is_full else 0)
    style = AnswerStyle(
        thread="",
        condition=Condition.FULL if is_full else Condition.NONE,
        is_measured=True,
        topic="general",
        level=2,
        goal="task",
        length=0,
        arms=drawn.arms,
        asked=asked,
        used=used(asked, [one for one, kept in zip(DIMENSIONS, obeyed, strict=True) if kept is False]),
        propensities=drawn.propensities,
        obeyed=obeyed,
        is_length_obeyed=random.random() < OBEYED if is_full else None,
        words=random.randint(80, 160),
        version=str(MODEL_VERSION),
    )
    return Thread(person=person, style=style, liked=likes if is_rated else None)


async def simulated(world: World, folder: Path) -> Sequence[MeasuredAnswer]:
    """The measured answers of a fresh store, once simulated people have talked and rated by the product's own writes."""
    data, clock = DataFolder.open(folder), FakeClock(SINCE)
    await migrate(data, clock)
    async with open_folder(data, clock=clock, ids=TimeOrderedIds()) as stores:
        talk = Talk(stores, clock, TimeOrderedIds())
        for today in track(list(days(world)), "days", console=Console(stderr=True), disable=not sys.stderr.isatty()):
            await asyncio.gather(*(_talked(talk, thread) for thread in today))
            clock.advance(days=1)
        return await stores.measurements.measured()


async def _talked(talk: Talk, thread: Thread) -> None:
    """A question is asked, answered, delivered, and rated if it is."""
    at = address_of(thread.person.name)
    message = talk.message("simulated question", at=at)
    stored = await talk.accept(message)
    style = replace(thread.style, thread=stored.id)
    said = await talk.answer(message, stored.id, "simulated answer", style=style)
    await talk.stores.outbox.sent(said.outgoing, [], talk.clock.now())
    if thread.liked is not None:
        press = await talk.accept(talk.message("", kind=Kind.RATING, at=at))
        rating = SetRating(person_id=said.context.person.id, turn_id=stored.id, value=1 if thread.liked else -1)
        await talk.stores.turns.absorb(press.id, [rating], talk.clock.now())


def judged(world: World, result: Uplift) -> str:
    """Whether what was found is what is there."""
    truth = f"{100 * world.effect:+g} points were simulated"
    if result.verdict is Verdict.NOT_ENOUGH:
        return (
            f"{truth}: none found, rightly."
            if not world.effect
            else f"{truth}: not found with so few ratings, and not claimed."
        )
    if (result.verdict is Verdict.MORE) == (world.effect > 0) and world.effect:
        return f"{truth}: found."
    return f"{truth}: a false alarm, as may happen once in twenty worlds."


# --- the command line ---


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when it could look, whatever it found; 2 when it could not."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.simulate is None and (options.effect is not None or options.seed is not None):
        parser.error("--effect and --seed belong to --simulate")
    if options.simulate is not None and (options.data_dir or options.since):
        parser.error("--simulate has a folder of its own: leave out --data-dir and --since")
    try:
        return _simulate(options) if options.simulate is not None else _read(options)
    except ConfigError as error:
        reasons = "".join(f"\n  {problem.path}: {problem.reason}" for problem in error.problems)
        return _refused(f"the configuration cannot be used:{reasons}")
    except (Refused, MartinError) as error:
        return _refused(str(error))


def _read(options: argparse.Namespace) -> int:
    answers = run(stored(options.data_dir, options.since))
    result = measure(answers, random=Random(SEED))
    _print(options, words(options.language, result), result.as_json())
    return 0


def _simulate(options: argparse.Namespace) -> int:
    effect = 10.0 if options.effect is None else options.effect
    seed = SEED if options.seed is None else options.seed
    world = World(rated=options.simulate, effect=effect / 100, seed=seed)
    with tempfile.TemporaryDirectory(prefix="martin-uplift-") as folder:
        result = measure(run(simulated(world, Path(folder))), random=Random(SEED))
    about = {"rated": world.rated, "effect": world.effect, "holdout": world.holdout, "seed": world.seed}
    verdict = judged(world, result)
    _print(options, [*words(options.language, result), verdict], {"simulated": about, **result.as_json(), "judged": verdict})
    return 0


def _print(options: argparse.Namespace, lines: Iterable[str], found: Mapping[str, object]) -> None:
    print(json.dumps({"benchmark": "uplift", **found}) if options.json else "\n".join(lines))


def _refused(reason: str) -> int:
    sys.stderr.write(f"benchmarks.uplift: {reason}\n")
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.uplift", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="the bot's data folder; else as its settings say")
    parser.add_argument("--since", type=_date, metavar="DATE", help="only answers from this UTC day on, such as 2026-11-30")
    parser.add_argument("--json", action="store_true", help="print one JSON object on one line")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="of the words")
    parser.add_argument("--simulate", type=_rated, metavar="N", help="make N ratings in a temporary folder instead")
    parser.add_argument("--effect", type=_effect, metavar="POINTS", help="how much more often (default 10)")
    parser.add_argument("--seed", type=int, help=f"of the simulation (default {SEED})")
    return parser


def _date(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time.min, UTC)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a date such as 2026-11-30, found {text!r}") from error


def _rated(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST_SIMULATED:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 to {MOST_SIMULATED}, found {text!r}")
    return int(text)


def _effect(text: str) -> float:
    expected = f"expected points from {LEAST_EFFECT:g} to {MOST_EFFECT:g}, found {text!r}"
    try:
        points = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(expected) from error
    if not LEAST_EFFECT <= points <= MOST_EFFECT:
        raise argparse.ArgumentTypeError(expected)
    return points


if __name__ == "__main__":
    sys.exit(main())
