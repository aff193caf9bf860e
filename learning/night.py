"""One night, step by step: what is done stays done, and what is published is whole, checked, and only of who agrees."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Final, Protocol, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from bot import __version__
from bot.errors import StoreConflict, TrainingError, TrainingRefused
from bot.training_types import Activity, Intent, RatedTurn
from bot.types import PersonId, TurnId
from learning.check import check
from learning.choose import examples
from learning.clean import clean
from learning.collect import collect
from learning.exports import QUEUE, READINESS
from learning.files import place, settle
from learning.folder import TrainingFolder, put
from learning.guard import GuardRules, Plan, plan
from learning.label import label
from learning.manifest import CohortFacts, Manifest, ScrubFacts, SplitFacts
from learning.order import NightOrder
from learning.readiness import Export, Readiness
from learning.records import Collected, Drop, Example, Labelled, Rows
from learning.residual import residual
from learning.scrub import Scrubber, counted
from learning.sheet import ByHand
from learning.split import SplitBy
from learning.topics import Topics
from learning.work import Work
from learning.write import Facts, write

DROPPING: Final = ("clean", "label", "scrub", "guard")
TOPICS: Final = "topics.json"
EXPORT: Final = "export"
_ORIGINS: Final = "origins"
_REPORTED: Final = 5
_WHY_SPLIT: Final[Mapping[SplitBy, str]] = {
    "person": "nobody's rows are in two parts",
    "conversation": "there are fewer than 20 people: no conversation's rows are in two parts, but a person's may be",
}

T = TypeVar("T")

Progress = Callable[[str, int], None]
"""Told of a step by its name, and of how many rows it has done."""


class Ledger(Protocol):
    """What a night asks of the database and notes there."""

    async def rated(self, after: TurnId | None, until: datetime) -> Sequence[RatedTurn]:
        """The next rated answers after that turn; none at the end."""

    async def activity(self, until: datetime) -> Mapping[PersonId, Activity]:
        """Since when and how often people have talked."""

    async def people_of(self, users: Sequence[str]) -> frozenset[PersonId]:
        """The people behind users, each as `channel:user`."""

    async def labels(self) -> Mapping[str, tuple[str, str]]:
        """An operator's intent and topic by row."""

    async def decisions(self) -> Mapping[str, bool]:
        """What admins decided, by subject."""

    async def add_rows(self, rows: Sequence[tuple[str, PersonId, TurnId]], night: date) -> None:
        """Note whose and which turns these rows are. Raises StoreConflict for somebody who is not there any more."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Whose row it is, and of which turn."""

    row: str
    person: str
    turn: str


class NightResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a night. `folder` is "" for a dry run; `seconds` are of the steps that this process did.

    `queue` questions wait for an admin, and `waiting` rows for the approval of a small cohort.
    """

    night: date
    folder: str
    collected: int
    kept: int
    people: int
    dropped: dict[str, dict[str, int]]
    files: dict[str, int]
    left_out: dict[str, str]
    queue: int
    waiting: int
    is_small: bool
    is_approved: bool
    seconds: dict[str, float]


class Night:
    """The night of one order."""

    def __init__(self, order: NightOrder, ledger: Ledger, progress: Progress) -> None:
        self._order, self._ledger, self._progress = order, ledger, progress
        self._folder = TrainingFolder(Path(order.folder))
        self._seconds: dict[str, float] = {}

    async def run(self, *, is_dry: bool = False) -> NightResult:
        """Make the files of that date, going on where an earlier try was ended; a dry run publishes nothing.

        Raises TrainingBusy while another one is under way, TrainingRefused when the files break their rules, and StoreError.
        """
        with self._folder.owned():
            settle(self._folder.path)
            work = Work(self._folder.work, msgspec.json.encode((self._order, __version__)))
            await self._collect(work)
            self._clean(work)
            await self._label(work)
            self._scrub(work)
            made = await self._guard(work)
            if not is_dry:
                await self._note(work)
            self._write(work, made)
            self._check(work)
            result = self._result(work, made, is_dry=is_dry)
            if not is_dry:
                self._publish(work, made, self._readiness(work))
            work.end()
            return result

    async def labelled(self, take: Callable[[Rows[Labelled]], T]) -> T:
        """What `take` makes of the rows that have their labels, scrubbed; nothing is written but what it writes."""
        with self._folder.owned():
            work = Work(self._folder.work, msgspec.json.encode((self._order, __version__)))
            try:
                await self._collect(work)
                self._clean(work)
                await self._label(work)
                self._scrub(work)
                await self._note(work)
                return take(work.rows("scrub", Labelled))
            finally:
                work.end()

    async def _collect(self, work: Work) -> None:
        """Rows and where they come from, in the order in which they were asked."""
        if work.is_done("collect"):
            return
        with self._timed("collect"):
            order = self._order
            found = collect(self._ledger, until=order.until, zone=ZoneInfo(order.zone), trusted=order.trusted)
            rows = ((told, Origin(row=told.row, person=person, turn=turn)) async for told, person, turn in found)
            await work.collect("collect", _ORIGINS, rows, lambda done: self._progress("collect", done))

    def _clean(self, work: Work) -> None:
        self._step(work, "clean", lambda drop: clean(work.rows("collect", Collected), drop))

    async def _label(self, work: Work) -> None:
        if work.is_done("label"):
            return
        cleaned = work.rows("clean", Collected)
        by_hand = {
            row: ByHand(intent=Intent(intent) if intent else None, topic=topic)
            for row, (intent, topic) in (await self._ledger.labels()).items()
        }
        with self._timed("topics"):
            topics = Topics.learned(cleaned, _topics(self._folder.state / TOPICS))
            work.keep("topics", msgspec.Raw(topics.to_json()))
        self._step(work, "label", lambda drop: label(cleaned, topics, by_hand))

    def _scrub(self, work: Work) -> None:
        scrubber = Scrubber(frozenset({self._order.own_name}))
        labelled = work.rows("label", Labelled)
        if not work.is_done("scrub"):
            self._step(work, "scrub", lambda drop: (scrubber.scrub(row) for row in labelled()))
            work.keep("replaced", counted(scrubber.replaced))

    async def _guard(self, work: Work) -> Plan:
        made = work.kept("plan", Plan)
        if made is None or not work.is_done("guard"):
            decisions = await self._ledger.decisions()
            order = self._order
            rules = GuardRules(
                per_person=order.per_person,
                min_account_days=order.min_account_days,
                min_conversations=order.min_conversations,
                rejected=frozenset(subject for subject, is_approved in decisions.items() if not is_approved),
            )
            approved = frozenset(subject for subject, is_approved in decisions.items() if is_approved)
            plans: list[Plan] = []

            def guarded(drop: Drop) -> Iterator[Example]:
                scrubbed = work.rows("scrub", Labelled)
                plans.append(plan(scrubbed, rules, approved, drop))
                work.keep("plan", plans[0])
                return examples(scrubbed, plans[0])

            self._step(work, "guard", guarded)
            made = plans[0]
        return made

    async def _note(self, work: Work) -> None:
        """Before any file is published the store knows whose rows are in it; also those that were dropped, which are named."""
        if work.kept("noted", bool):
            return
        with self._timed("note"):
            rows = [(one.row, PersonId(one.person), TurnId(one.turn)) for one in work.rows(_ORIGINS, Origin)()]
            try:
                await self._ledger.add_rows(rows, self._order.night)
            except StoreConflict:
                work.end()
                raise TrainingError("people have changed while the night went on: it begins anew") from None
            work.keep("noted", True)

    def _write(self, work: Work, made: Plan) -> None:
        is_there = (work.folder / EXPORT).exists() or self._folder.export(self._order.night).exists()
        if work.kept("written", Manifest) is not None and is_there:
            return
        with self._timed("write"):
            found = residual(self._order.night.toordinal())
            facts = Facts(
                date=self._order.night.isoformat(),
                code=__version__,
                seed=self._order.night.toordinal(),
                collected=_count(work.rows("collect", Collected)),
                kept=len(made.kept),
                people=made.people,
                split=SplitFacts(by=made.split_by, why=_WHY_SPLIT[made.split_by]),
                cohort=CohortFacts(people=made.cohort.people, is_small=made.cohort.is_small, approved=made.cohort.is_approved),
                scrub=ScrubFacts(
                    planted=found.planted,
                    left=found.left,
                    rate=found.rate,
                    kinds={kind: left for kind, (_, left) in found.kinds.items() if left},
                    replaced=work.kept("replaced", dict[str, int]) or {},
                ),
                dropped=work.dropped(*DROPPING),
            )
            written = write(work.folder / EXPORT, work.rows("guard", Example), facts, with_parquet=self._order.parquet)
            work.keep("written", written)

    def _check(self, work: Work) -> None:
        """Nothing is published that breaks its readers' rules: said by a checker that shares no code with the writers."""
        export = work.folder / EXPORT
        if not export.exists():
            return
        with self._timed("check"):
            problems = check(export)
        if problems:
            named = "; ".join(f"{one.file}:{one.line} {one.code}" for one in problems[:_REPORTED])
            more = f" and {len(problems) - _REPORTED} more" if len(problems) > _REPORTED else ""
            raise TrainingRefused(f"the files of {self._order.night} break their rules and were not published: {named}{more}")

    def _readiness(self, work: Work) -> Readiness:
        with self._timed("readiness"):
            told = msgspec.json.decode(msgspec.json.encode(_kept(work)), type=Export)
            return Readiness.measured(work.rows("guard", Example), told, self._order.plan)

    def _publish(self, work: Work, made: Plan, readiness: Readiness) -> None:
        with self._timed("publish"):
            made_here = self._folder.export(self._order.night)
            if (work.folder / EXPORT).exists():
                place(work.folder / EXPORT, made_here)
            self._folder.keep(self._order.keep, made_here)
            if made_here != self._folder.exports()[-1]:
                return
            self._folder.state.mkdir(mode=0o700, exist_ok=True)
            put(self._folder.state / TOPICS, bytes(work.kept("topics", msgspec.Raw) or b"{}"))
            put(self._folder.state / READINESS, msgspec.json.encode(readiness))
            put(self._folder.state / QUEUE, b"".join(msgspec.json.encode(one) + b"\n" for one in made.queue))

    def _step(self, work: Work, name: str, make: Callable[[Drop], Iterable[object]]) -> None:
        if work.is_done(name):
            return
        with self._timed(name):
            work.step(name, make, lambda done: self._progress(name, done))

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        self._progress(name, 0)
        began = time.perf_counter()
        yield
        self._seconds[name] = round(time.perf_counter() - began, 2)

    def _result(self, work: Work, made: Plan, *, is_dry: bool) -> NightResult:
        written = _kept(work)
        return NightResult(
            night=self._order.night,
            folder="" if is_dry else str(self._folder.export(self._order.night)),
            collected=written.collected,
            kept=written.kept,
            people=written.people,
            dropped=written.dropped,
            files={name: facts.rows for name, facts in written.files.items() if facts.rows is not None and "/" in name},
            left_out=written.left_out,
            queue=len(made.queue),
            waiting=made.cohort.waiting,
            is_small=made.cohort.is_small,
            is_approved=made.cohort.is_approved,
            seconds=self._seconds,
        )


def _kept(work: Work) -> Manifest:
    written = work.kept("written", Manifest)
    if written is None:
        raise TrainingRefused("the work of this night is damaged: erase the folder 'work' of the training files")
    return written


def _topics(file: Path) -> Topics | None:
    """Those of the night before; None when there was none, or when they cannot be read: topics are then found anew."""
    with suppress(FileNotFoundError, ValueError):
        return Topics.from_json(file.read_bytes())
    return None


def _count(rows: Rows[Collected]) -> int:
    return sum(1 for _ in rows())
