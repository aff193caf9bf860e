"""Invented people who talk with the bot for two weeks: what they ask, rate and correct, and what of it must not be learnt.

`happenings(300)` gives everything in order of time, the same for the same seed. Half of the people speak Spanish, half English;
some of what they do is planted: rows that a night has to drop or mend (`Planted`), each told apart from the honest ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from random import Random
from typing import Final, Literal

import msgspec

from benchmarks.two_weeks_planted import MAKERS, SECRETS, Planted, Row
from benchmarks.two_weeks_texts import LONGEST_TALK, Asked, Library, ask, correction, swapped
from bot.profile_types import Arms, Reason
from bot.types import ChannelName, Flag, TurnStatus
from learning.collect import DIMENSIONS
from learning.records import LANGUAGES, Collected, Language, Said

START: Final = date(2026, 11, 2)
DAYS: Final = 14
YOUNG_DAYS: Final = 7
FEWEST_CONVERSATIONS: Final = 5
"""Of an account that counts (R-50)."""
PER_NIGHT: Final = 25
"""Rows of one person that count (R-49)."""
HISTORY: Final = 6
_LAST_ORIGINAL: Final = 10
"""Copies come after this day, of what was said until then."""
_REASONS: Final = (Reason.WRONG, Reason.LONG, Reason.SHORT, Reason.HARD, Reason.EASY, Reason.STYLE, Reason.MORE_EXAMPLES)
_MODELS: Final = ("ollama:qwen3:4b", "ollama:llama3.2:3b", "offline")
_FLAGS: Final = (Flag.PARTIAL, Flag.FALLBACK, Flag.TIMED_OUT, Flag.STOPPED, Flag.UNKNOWN)
_CHANNELS: Final = (ChannelName.TELEGRAM, ChannelName.TELEGRAM, ChannelName.DISCORD, ChannelName.WEB)


class What(StrEnum):
    """What happens."""

    ARRIVAL = "arrival"
    """Somebody writes for the first time."""
    CONSENT = "consent"
    """`granted`: they agree to training, or not (any more)."""
    TURN = "turn"
    """A question and its answer, by the `turn` they make up."""
    RATING = "rating"
    """A press on that turn; the newest of a person counts, 0 takes it back."""


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that one person did. Times are aware UTC; ids of turns are in order of time.

    `user` is the person's id on their channel, `chat` where they wrote: in private the same as `user`. `planted` is "" where
    everything is in order. `secret` is what must be in no file.
    """

    at: datetime
    what: What
    person: str
    channel: ChannelName
    user: str
    chat: str
    is_private: bool
    language: Language
    planted: Planted | Literal[""] = ""
    granted: bool | None = None
    turn: str = ""
    conversation: str = ""
    question: str = ""
    answer: str = ""
    status: TurnStatus = TurnStatus.ANSWERED
    flags: tuple[Flag, ...] = ()
    model: str = ""
    prompt_version: str = ""
    arms: Arms = (0, 0, 0, 0)
    memories: int = 0
    secret: str = ""
    value: Literal[1, 0, -1] | None = None
    reason: Reason | None = None
    correction: str | None = None


class Role(StrEnum):
    """What a person is there for."""

    HONEST = "honest"
    LATE = "late"
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"
    SILENT = "silent"
    YOUNG = "young"
    RARE = "rare"
    BUSY = "busy"
    BYSTANDER = "bystander"


_SPOILT: Final = {
    Role.WITHDRAWN: Planted.WITHDRAWN_CONSENT,
    Role.REFUSED: Planted.REFUSED_CONSENT,
    Role.SILENT: Planted.NO_CONSENT,
    Role.YOUNG: Planted.YOUNG_ACCOUNT,
    Role.RARE: Planted.FEW_CONVERSATIONS,
    Role.BUSY: Planted.ABOVE_CAP,
    Role.BYSTANDER: Planted.BYSTANDER,
}
"""Why nothing of such a person may be in a file; of the busy one, no more than the caps allow."""
_COPIES: Final = (Planted.EXACT_DUPLICATE, Planted.NEAR_DUPLICATE_OF_OWN, Planted.NEAR_DUPLICATE_OF_OTHER)
_UNHEARD: Final = frozenset({Role.WITHDRAWN, Role.REFUSED, Role.SILENT, Role.BYSTANDER})
"""Those of whom nothing leaves the store on the last night: they may be told what others are told."""
_ROLES: Final = (
    Role.HONEST, Role.BUSY, Role.LATE, Role.HONEST, Role.WITHDRAWN, Role.HONEST, Role.REFUSED, Role.HONEST, Role.SILENT,
    Role.HONEST, Role.YOUNG, Role.HONEST, Role.RARE, Role.HONEST, Role.BYSTANDER, *[Role.HONEST] * 10,
)  # fmt: skip
"""In each language in turn. There is one busy person in each."""


def happenings(people: int = 300, *, seed: int = 0, start: date = START) -> tuple[Happening, ...]:
    """Everything in order of time. From 60 people on, every kind of `Planted` is there in both languages.

    Up to 1,000 people no two honest rows are nearly the same.
    """
    world = _World(seed, start)
    found = [one for number in range(people) for one in world.person(number)]
    return tuple(sorted(found, key=lambda one: (one.at, one.turn, one.person)))


class _World:
    """What the people have in common: the texts that are still new, and what somebody may copy."""

    def __init__(self, seed: int, start: date) -> None:
        self.seed, self.start = seed, start
        self.library = Library(Random(f"{seed} library"))
        self.originals: dict[Language, list[Asked]] = {language: [] for language in LANGUAGES}
        self.kinds: Counter[Language] = Counter()
        self.group_turns: dict[str, Happening] = {}

    def person(self, number: int) -> Iterator[Happening]:
        """All that one person does, not in order."""
        turn = number // len(LANGUAGES)
        role = _ROLES[turn % len(_ROLES)]
        role = Role.HONEST if role is Role.BUSY and turn >= len(_ROLES) else role
        return _Person(self, number, role).life()

    def next_kind(self, language: Language) -> Planted:
        """The kinds that any honest person's row may be of, in turn."""
        self.kinds[language] += 1
        return tuple(MAKERS)[(self.kinds[language] - 1) % len(MAKERS)]


class _Person:
    """One person on their way through the two weeks."""

    def __init__(self, world: _World, number: int, role: Role) -> None:
        self.world, self.number, self.role = world, number, role
        self.random = Random(f"{world.seed} person {number}")
        self.key = f"person-{number:05d}"
        self.language: Language = LANGUAGES[number % len(LANGUAGES)]
        self.is_in_group = role is Role.BYSTANDER or (role is Role.HONEST and number // len(LANGUAGES) % 4 == 0)
        self.channel = ChannelName.TELEGRAM if self.is_in_group else self.random.choice(_CHANNELS)
        self.user = str(700_000_000 + 7919 * number)
        self.own: list[Asked] = []
        self.turns = 0
        self.midnight = datetime.combine(world.start, time(), UTC)
        if role is Role.YOUNG:
            since = self.random.uniform(8.3, 9.0)
        else:
            since = self.random.uniform(-60, -12) if self.random.random() < 0.8 else self.random.uniform(-6, 2)
        self.arrived = self.midnight + timedelta(minutes=int(since * 24 * 60))
        self.agreed: datetime | None = None

    def life(self) -> Iterator[Happening]:
        """Arrival, consent, conversations, ratings."""
        yield self._event(self.arrived, What.ARRIVAL)
        yield from self._consents()
        if self.role is Role.BYSTANDER:
            yield from self._in_group(0)
            yield from self._in_group(5)
            return
        if self.role is Role.BUSY:
            for day in (3, 6, 9):
                yield from self._conversation(day, 0, turns=PER_NIGHT + 15)
        count = self.random.randint(2, 3) if self.role is Role.RARE else self.random.randint(6, 9)
        for index in range(count):
            yield from self._conversation(self._day(), index)
        if self.role is Role.HONEST:
            for index in range(3):
                yield from self._planted(self.world.next_kind(self.language), count + index)
            if self.is_in_group:
                yield from self._in_group(2)

    def _consents(self) -> Iterator[Happening]:
        if self.role in (Role.SILENT, Role.BYSTANDER):
            return
        at = self.arrived + timedelta(minutes=3)
        if self.role is Role.LATE:
            at = self.midnight + timedelta(days=self.random.randint(5, 7), hours=7)
        self.agreed = at
        yield self._event(at, What.CONSENT, granted=self.role is not Role.REFUSED)
        if self.role is Role.WITHDRAWN:
            at = self.midnight + timedelta(days=self.random.randint(9, 13), hours=23, minutes=30)
            yield self._event(at, What.CONSENT, granted=False)

    def _day(self) -> int:
        """A day on which they are there already."""
        first = max(0, (self.arrived - self.midnight) // timedelta(days=1) + 1)
        return self.random.randint(first, DAYS - 2)

    def _conversation(self, day: int, index: int, *, turns: int = 0) -> Iterator[Happening]:
        at = self.midnight + timedelta(days=day, hours=self.random.randint(8, 20), minutes=self.random.randint(0, 59))
        conversation = f"{self.key}-{day:02d}-{index}"
        topic = self.world.library.topic(self.language, self.random)
        for place in range(turns or self.random.randint(1, LONGEST_TALK)):
            if turns:
                topic = self.world.library.topic(self.language, self.random)
            is_rated = bool(turns) or self.random.random() < 0.65
            is_new = is_rated and self.role not in _UNHEARD
            asked = ask(self.world.library, self.language, topic, self.random, is_first=not place, is_new=is_new)
            yield from self._talk(at, conversation, asked, day, is_rated=is_rated)
            at += timedelta(minutes=self.random.randint(2, 6))

    def _talk(self, at: datetime, conversation: str, asked: Asked, day: int, *, is_rated: bool) -> Iterator[Happening]:
        """A turn and its ratings; somebody who changes their mind presses twice."""
        random = self.random
        value: Literal[1, -1] = 1 if random.random() < 0.72 else -1
        better = correction(asked, self.language, random) if value < 0 and random.random() < 0.6 else None
        flags = (random.choice(_FLAGS),) if random.random() < 0.03 else ()
        planted = self._spoilt(at) or (Planted.FLAGGED if is_rated and flags and not better else "")
        turn = self._turn(at, conversation, Row(asked.question, asked.answer, flags=flags), planted)
        yield turn
        if not is_rated:
            return
        if not planted and value > 0 and not flags:
            self.own.append(asked)
            if day <= _LAST_ORIGINAL:
                self.world.originals[self.language].append(asked)
        if random.random() < 0.08:
            yield self._rating(turn, 40, -value, None, None)
        reason = random.choice(_REASONS) if value < 0 and random.random() < 0.7 else None
        if better and reason in (Reason.LONG, Reason.SHORT):
            reason = Reason.LONG if len(better) < len(asked.answer) else Reason.SHORT
        yield self._rating(turn, 90, value, reason, better)

    def _spoilt(self, at: datetime) -> Planted | Literal[""]:
        if self.role is Role.LATE:
            return Planted.BEFORE_CONSENT if self.agreed is not None and at < self.agreed else ""
        return _SPOILT.get(self.role, "")

    def _planted(self, kind: Planted, index: int) -> Iterator[Happening]:
        """A conversation of one row that is not as it should be; copies come late, after what they copy."""
        random, library = self.random, self.world.library
        is_copy = kind in _COPIES
        asked = ask(library, self.language, library.topic(self.language, random), random, is_new=not is_copy)
        first = max(0, (self.arrived - self.midnight) // timedelta(days=1) + 1)
        day = random.randint(first, DAYS - 2)
        if is_copy:
            copied = self._copied(kind)
            if copied is None:
                return
            row, day = copied, DAYS - 1
        else:
            row = MAKERS[kind](asked, self.language, random)
        at = self.midnight + timedelta(days=day, hours=random.randint(8, 20), minutes=random.randint(0, 59), seconds=7)
        turn = self._turn(at, f"{self.key}-{day:02d}-{index}", row, kind)
        yield turn
        yield self._rating(turn, 60, row.value, Reason.WRONG if row.value < 0 else None, row.correction)
        if kind is Planted.WITHDRAWN_RATING:
            yield self._rating(turn, 600, 0, None, None)

    def _copied(self, kind: Planted) -> Row | None:
        """A row much like an earlier one; None where there is none to copy yet."""
        is_own = kind is not Planted.NEAR_DUPLICATE_OF_OTHER
        texts = {one.answer for one in self.own}
        pool = self.own if is_own else [one for one in self.world.originals[self.language] if one.answer not in texts]
        if not pool:
            return None
        asked = self.random.choice(pool)
        if kind is Planted.EXACT_DUPLICATE:
            return Row(asked.question, asked.answer)
        return Row(f"{asked.question}!", swapped(asked.answer, self.random))

    def _in_group(self, shift: int) -> Iterator[Happening]:
        """A question in a group; a bystander also presses on what somebody else was answered there."""
        group = f"-100{4_000_000 + self.number // (2 * len(_ROLES)) * len(LANGUAGES) + self.number % 2}"
        random, library = self.random, self.world.library
        day = random.randint(max(3, shift), DAYS - 2)
        at = self.midnight + timedelta(days=day, hours=21, minutes=random.randint(0, 59))
        asked = ask(library, self.language, library.topic(self.language, random), random)
        row = Row(asked.question, asked.answer)
        turn = self._turn(at, f"{self.key}-group-{shift}", row, _SPOILT.get(self.role, ""), group=group)
        yield turn
        yield self._rating(turn, 45, 1, None, None)
        if self.role is Role.HONEST:
            self.world.group_turns[group] = turn
        elif other := self.world.group_turns.get(group):
            yield msgspec.structs.replace(
                self._rating(turn, 0, -1, Reason.WRONG, None), at=other.at + timedelta(minutes=9), turn=other.turn
            )

    def _event(self, at: datetime, what: What, *, granted: bool | None = None) -> Happening:
        return Happening(
            at=at, what=what, person=self.key, channel=self.channel, user=self.user, chat=self.user, is_private=True,
            language=self.language, granted=granted,
        )  # fmt: skip

    def _turn(self, at: datetime, conversation: str, row: Row, planted: Planted | Literal[""], *, group: str = "") -> Happening:
        self.turns += 1
        return Happening(
            at=at, what=What.TURN, person=self.key, channel=self.channel, user=self.user,
            chat=group or self.user, is_private=not group, language=self.language, planted=planted,
            turn=f"{at:%Y%m%dT%H%M%S}-{self.number:05d}-{self.turns:04d}", conversation=conversation,
            question=row.question, answer=row.answer, status=row.status, flags=row.flags,
            model=self.random.choice(_MODELS), prompt_version="1",
            arms=(self._arm(), self._arm(), self._arm(), self._arm()),
            memories=self.random.choice((0, 0, 0, 1, 2, 4)), secret=row.secret,
        )  # fmt: skip

    def _arm(self) -> Literal[-1, 0, 1]:
        return self.random.choice((-1, 0, 0, 1))

    def _rating(self, turn: Happening, seconds: int, value: int, reason: Reason | None, better: str | None) -> Happening:
        return Happening(
            at=turn.at + timedelta(seconds=seconds), what=What.RATING, person=self.key, channel=turn.channel, user=self.user,
            chat=turn.chat, is_private=turn.is_private, language=self.language, planted=turn.planted, turn=turn.turn,
            value=1 if value > 0 else -1 if value < 0 else 0, reason=reason, correction=better,
        )  # fmt: skip


def as_collected(happened: Iterable[Happening], night: date, *, zone: tzinfo = UTC) -> list[Collected]:
    """What the store would give on that night: rated rows asked until its end, of those who agreed then and agree now."""
    until = datetime.combine(night + timedelta(days=1), time(), zone)
    turns: list[Happening] = []
    ratings: dict[tuple[str, str], Happening] = {}
    arrived: dict[str, datetime] = {}
    consents: defaultdict[str, list[Happening]] = defaultdict(list)
    talks: defaultdict[str, set[str]] = defaultdict(set)
    for one in happened:
        if one.at >= until:
            continue
        match one.what:
            case What.ARRIVAL:
                arrived[one.person] = one.at
            case What.CONSENT:
                consents[one.person].append(one)
            case What.TURN:
                turns.append(one)
                talks[one.person].add(one.conversation)
            case What.RATING:
                ratings[one.turn, one.person] = one
    history: defaultdict[str, list[Said]] = defaultdict(list)
    found: list[Collected] = []
    for turn in turns:
        before = tuple(history[turn.conversation][-HISTORY:])
        history[turn.conversation].append(Said(question=turn.question, answer=turn.answer))
        rating = ratings.get((turn.turn, turn.person))
        if rating is None or not (_agreed(consents[turn.person], turn.at) and _agreed(consents[turn.person], until)):
            continue
        found.append(
            _collected(
                turn,
                rating,
                before,
                asked_on=turn.at.astimezone(zone).date(),
                account_days=(until - arrived[turn.person]) // timedelta(days=1),
                conversations=len(talks[turn.person]),
            )
        )
    return found


def _agreed(consents: Iterable[Happening], at: datetime) -> bool:
    """Whether the last word until then was yes."""
    said = [one.granted for one in consents if one.at <= at]
    return bool(said and said[-1])


def _collected(
    turn: Happening, rating: Happening, before: tuple[Said, ...], *, asked_on: date, account_days: int, conversations: int
) -> Collected:
    return Collected(
        row=turn.turn,
        person=turn.person,
        thread=turn.conversation,
        asked_on=asked_on.isoformat(),
        channel=turn.channel.value,
        is_private=turn.is_private,
        language=turn.language,
        question=turn.question,
        answer=turn.answer,
        value=rating.value or 0,
        reason=rating.reason.value if rating.reason else "",
        correction=rating.correction or "",
        history=before,
        model=turn.model,
        prompt_version=turn.prompt_version,
        arms={name: str(arm) for name, arm in zip(DIMENSIONS, turn.arms, strict=True) if arm},
        flags=tuple(sorted(flag.value for flag in turn.flags)),
        memories=turn.memories,
        account_days=account_days,
        conversations=conversations,
    )


__all__ = ["MAKERS", "SECRETS", "Happening", "Planted", "Role", "What", "as_collected", "happenings"]
