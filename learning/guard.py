"""Whose rows count, and how many: what keeps one person, or many accounts of one, from deciding how everyone is answered.

R-49, R-50 and M-7. A row is kept when its person is long enough here and talks enough, its signals agree, nobody rated the
same answer the other way, no other row says nearly the same, it belongs to no suspected pattern (`learning.patterns`), and it
is within its person's caps. The rules come in this order; the first that a row fails is its reason.

A pattern of fewer than three people is not kept at all, one of three or more with three rows of three people, until an admin
approves it. Which accounts of a pattern are one person nobody can see; so old accounts with many conversations, which make
fifty people by every count, get no more of it than three do. An approved row passes the rules on patterns, unclear signals
and opposite ratings, and no other; a rejected one never passes.

The owner's trusted people are free of the rules on share, account age, number of conversations and patterns, and of no other:
25 rows remain their most. With fewer than 50 people nobody can have at most 2 %. Then the cohort is small, everybody's most
is 25, and rows of people who are not trusted wait for an admin's approval; a family of trusted people alone needs none.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterator
from enum import StrEnum
from hashlib import blake2b
from typing import Final

import msgspec

from bot.lexical import surface
from learning.caps import Kind, Row, most_each, order_of, over
from learning.duplicates import NearDuplicates
from learning.lesson import Lesson, NoLesson, lesson, why_not
from learning.patterns import Pattern, Teaching, patterns
from learning.records import Agreement, Collected, Drop, Dropped, Labelled, Rows
from learning.split import SplitBy, split_by

STEP: Final = "guard"
COHORT: Final = "cohort"
"""What an admin approves to keep the rows of a small cohort."""


class GuardRules(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds. `rejected` are rows and patterns that an admin turned down: they never pass."""

    per_person: int = 25
    share: float = 0.02
    min_account_days: int = 7
    min_conversations: int = 5
    min_people: int = 3
    small_cohort_people: int = 50
    near: float = 0.8
    queue_most: int = 50
    rejected: frozenset[str] = frozenset()


class Guarded(StrEnum):
    """Why a row is not kept, besides `learning.lesson.NoLesson`."""

    REJECTED = "rejected"
    """An admin turned it down."""
    NEW_ACCOUNT = "new_account"
    """The person has not been here for a week."""
    FEW_CONVERSATIONS = "few_conversations"
    """The person has had fewer than five conversations."""
    UNCLEAR = "unclear"
    """The person's signals disagree, and no admin has looked."""
    OPPOSITE_RATINGS = "opposite_ratings"
    """Two people rated the same answer to the same question differently, and no admin has looked."""
    REPEATED = "repeated"
    """Another row says nearly the same; both count as one."""
    FEW_PEOPLE = "few_people"
    """Of a pattern that fewer than three people have."""
    PATTERN = "pattern"
    """Of a pattern that has its three rows and waits for an admin."""
    SMALL_COHORT = "small_cohort"
    """There are too few people, and no admin has approved."""
    PERSON_CAP = "person_cap"
    """The person has 25 others."""
    SHARE = "share"
    """More would be more than 2 % of all rows."""


class Asked(StrEnum):
    """What an admin is asked to look at."""

    PATTERN = "pattern"
    OPPOSITE_RATINGS = "opposite_ratings"
    UNCLEAR = "unclear"


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """One question for an admin: some of its rows (at most ten), and how many there are of how many people.

    To approve is to add one of `approves` (for a pattern all of them) to what is approved; to reject, to what is rejected.
    `words` are the stems that the rows of a pattern share, at most five wordings.
    """

    kind: Asked
    rows: tuple[str, ...]
    count: int
    people: int
    approves: tuple[str, ...]
    words: tuple[str, ...] = ()


class Cohort(msgspec.Struct, frozen=True, kw_only=True):
    """How many people have a row that passes every rule but the caps, and whether those are too few.

    `waiting` rows come in as soon as an admin approves.
    """

    people: int
    trusted: int
    is_small: bool
    is_approved: bool
    waiting: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What this night keeps. `people` have a kept row; nobody has more than `most_each` of them, but for trusted people."""

    kept: frozenset[str]
    people: int
    most_each: int
    split_by: SplitBy
    cohort: Cohort
    queue: tuple[Queued, ...]


def plan(rows: Rows[Labelled], rules: GuardRules, approved: frozenset[str], drop: Drop) -> Plan:
    """Which rows are kept; the others go to `drop`, in order, each with its reason.

    Goes over the rows nine times and keeps names, numbers and hashes of them, besides the sketches of near-duplicates:
    100,000 rows of 800 bytes took 250 MB and 37 seconds of one core (2026-11-22).
    """
    return _Guard(rows, rules, approved).plan(drop)


class _Guard:
    """The work of one `plan`: a row is known by its number, and has a reason as soon as a rule drops it."""

    def __init__(self, rows: Rows[Labelled], rules: GuardRules, approved: frozenset[str]) -> None:
        self._rows, self._rules, self._approved = rows, rules, approved
        self._reasons: dict[int, Guarded | NoLesson] = {}
        self._names: list[str] = []
        self._people = array("I")
        self._numbers: dict[str, int] = {}
        self._trusted: set[int] = set()
        self._kinds = bytearray()
        self._queue: list[Queued] = []

    def plan(self, drop: Drop) -> Plan:
        self._by_person_and_signals()
        self._opposite_ratings()
        self._repeated()
        self._patterns()
        cohort, most = self._caps()
        for place, name in enumerate(self._names):
            if (reason := self._reasons.get(place)) is not None:
                drop(Dropped(row=name, step=STEP, reason=reason.value))
        left = self._left()
        people = len({self._people[place] for place in left})
        return Plan(
            kept=frozenset(self._names[place] for place in left),
            people=people,
            most_each=most,
            split_by=split_by(people),
            cohort=cohort,
            queue=self._most_useful(),
        )

    def _left(self) -> list[int]:
        return [place for place in range(len(self._names)) if place not in self._reasons]

    def _still(self) -> Iterator[tuple[int, Labelled]]:
        """A pass over the rows that no rule has dropped so far."""
        return ((place, row) for place, row in enumerate(self._rows()) if place not in self._reasons)

    def _by_person_and_signals(self) -> None:
        """What each row says by itself. Of a person's unclear rows, one is asked about at a time."""
        unclear: dict[str, tuple[int, int, str]] = {}
        for place, row in enumerate(self._rows()):
            told, found = row.told, lesson(row)
            self._names.append(told.row)
            self._people.append(self._numbers.setdefault(told.person, len(self._numbers)))
            self._kinds.append(Kind.CORRECTION if told.correction else Kind.GOOD if found.good else Kind.BAD)
            if told.is_trusted:
                self._trusted.add(self._people[place])
            if (reason := self._alone(row, found)) is not None:
                self._reasons[place] = reason
                if reason is Guarded.UNCLEAR:
                    better = (self._kinds[place], order_of(told.row), told.row)
                    unclear[told.person] = min(better, unclear.get(told.person, better))
        for _, _, name in unclear.values():
            self._queue.append(Queued(kind=Asked.UNCLEAR, rows=(name,), count=1, people=1, approves=(name,)))

    def _alone(self, row: Labelled, found: Lesson) -> Guarded | NoLesson | None:
        told, rules = row.told, self._rules
        if told.row in rules.rejected:
            return Guarded.REJECTED
        if not found.teaches:
            return why_not(row)
        if not told.is_trusted and told.account_days < rules.min_account_days:
            return Guarded.NEW_ACCOUNT
        if not told.is_trusted and told.conversations < rules.min_conversations:
            return Guarded.FEW_CONVERSATIONS
        if row.labels.agreement is Agreement.UNCLEAR and told.row not in self._approved:
            return Guarded.UNCLEAR
        return None

    def _opposite_ratings(self) -> None:
        """Rows whose answer somebody else rated the other way; how many did so on either side is no vote."""
        sides: defaultdict[bytes, list[int]] = defaultdict(list)
        for place, row in self._still():
            if row.told.value:
                sides[_same(row.told)].append(place if row.told.value > 0 else ~place)
        for places in sides.values():
            rated = [(place if place >= 0 else ~place, place >= 0) for place in places]
            pro, contra = ({self._people[place] for place, is_pro in rated if is_pro is side} for side in (True, False))
            if not pro or not contra or len(pro | contra) < 2:
                continue
            names = tuple(self._names[place] for place, _ in rated)
            chosen = {is_pro for place, is_pro in rated if self._names[place] in self._approved}
            for place, is_pro in rated:
                if chosen != {is_pro}:
                    self._reasons[place] = Guarded.OPPOSITE_RATINGS
            if len(chosen) != 1:
                count = len(pro | contra)
                shown = names[:10]
                self._queue.append(
                    Queued(kind=Asked.OPPOSITE_RATINGS, rows=shown, count=len(names), people=count, approves=shown)
                )

    def _repeated(self) -> None:
        near = NearDuplicates(threshold=self._rules.near)
        for place, row in self._still():
            if near.add(row.told.row, f"{row.told.question}\n{row.told.correction or row.told.answer}") is not None:
                self._reasons[place] = Guarded.REPEATED

    def _patterns(self) -> None:
        """Keeps three rows of three people of each pattern, or none."""
        found = patterns(self._teachings, self._approved)
        for pattern in found:
            is_rejected = not self._rules.rejected.isdisjoint(pattern.keys)
            waiting = [place for place in pattern.places if self._names[place] not in self._approved]
            waiting.sort(key=lambda place: order_of(self._names[place]))
            is_of_few = len(pattern.people) < self._rules.min_people
            seen = set[int]()
            for place in waiting:
                person = self._people[place]
                if is_rejected or is_of_few or person in seen or len(seen) >= self._rules.min_people:
                    self._reasons[place] = (
                        Guarded.REJECTED if is_rejected else Guarded.FEW_PEOPLE if is_of_few else Guarded.PATTERN
                    )
                seen.add(person)
            if waiting and not is_rejected:
                self._queue.append(self._question(pattern, waiting))

    def _question(self, pattern: Pattern, waiting: list[int]) -> Queued:
        return Queued(
            kind=Asked.PATTERN,
            rows=tuple(self._names[place] for place in waiting[:10]),
            count=len(waiting),
            people=len(pattern.people),
            approves=pattern.keys,
            words=pattern.words[:5],
        )

    def _teachings(self) -> Iterator[Teaching]:
        """The rows as patterns are looked for; what trusted people teach is background."""
        for place, row in self._still():
            told = row.told
            yield Teaching(
                place=place,
                person=self._people[place],
                language=row.labels.language,
                question=told.question,
                answer=told.answer,
                taught="" if told.is_trusted else lesson(row).good,
                is_correction=bool(told.correction) and not told.is_trusted,
            )

    def _caps(self) -> tuple[Cohort, int]:
        """Drops what is too much of one person, and in a small cohort what nobody approved."""
        rules, left = self._rules, self._left()
        rows_of: defaultdict[int, list[Row]] = defaultdict(list)
        for place in left:
            rows_of[self._people[place]].append(Row(place, Kind(self._kinds[place]), order_of(self._names[place])))
        vouched = {person for person in rows_of if person in self._trusted}
        others = [len(rows) for person, rows in rows_of.items() if person not in vouched]
        exempt = sum(min(rules.per_person, len(rows_of[person])) for person in vouched)
        most = most_each(others, exempt, per_person=rules.per_person, share=rules.share)
        is_small = len(rows_of) < rules.small_cohort_people or most == 0
        is_approved = COHORT in self._approved
        if is_small:
            most = rules.per_person
        waits = is_small and not is_approved
        waiting = sum(min(most, count) for count in others) if waits else 0
        if waits:
            for place in left:
                if self._people[place] not in vouched:
                    self._reasons[place] = Guarded.SMALL_COHORT
        cap = {person: rules.per_person if person in vouched else most for person in rows_of}
        for place, rank in over(rows_of, cap):
            self._reasons.setdefault(place, Guarded.PERSON_CAP if rank >= rules.per_person else Guarded.SHARE)
        cohort = Cohort(people=len(rows_of), trusted=len(vouched), is_small=is_small, is_approved=is_approved, waiting=waiting)
        return cohort, most

    def _most_useful(self) -> tuple[Queued, ...]:
        """The questions that decide about most rows; of those alike, corrections first, in an order that stays."""
        kinds = {name: self._kinds[place] for place, name in enumerate(self._names)}
        self._queue.sort(key=lambda asked: (-asked.count, list(Asked).index(asked.kind), kinds[asked.rows[0]], asked.rows))
        return tuple(self._queue[: self._rules.queue_most])


def _same(told: Collected) -> bytes:
    """What two rows have in common whose question and answer read the same."""
    return blake2b(f"{surface(told.question)}\n{surface(told.answer)}".encode(), digest_size=16).digest()
