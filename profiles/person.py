"""What is known of how one person likes things explained: the replay of their stored events; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Final, Protocol, cast

from bot.profile_types import Arm, Arms, ProfileEvent, ProfileEventKind, Reason
from bot.types import PersonId
from profiles.directives import Style
from profiles.events import DIMENSIONS, Dimension, Remark
from profiles.events import Answer as Scored
from profiles.items import LENGTHS, LETTERS, Item, Option, Part, Questionnaire
from profiles.posterior import Label, State, deviation, label, theta
from profiles.questionnaire import Answer, Course, Mode, Quality, context, quality
from profiles.reasons import HIGHEST_LEVEL, LONGEST, LOWEST_LEVEL, SHORTEST, adjusted_length, adjusted_level
from profiles.stored import OtherShape, Stored
from profiles.topics import GENERAL
from profiles.weights import Press, Said, Vote, history, votes

CONSENT_VERSION = "2026-11"
"""The wording that people agree to; another use of their answers needs a new version and a new question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One person's profile at one moment.

    `consent` is None for who was never asked or answered. `course` is the newest one (None: never begun), `course_ids` the
    event ids of each of its answers in order: more than one where it was given twice at once. `began_at` is when it began,
    `asked_at` when its last step was taken. `level` is the default of all topics, `levels` holds the topics that have their
    own; `told` says which of level, goal and length are no mere defaults. `noted` are (what, topic) of the notes that were
    made. `kinds` are those of all events; `told_at` is when the person last told something. `since` is when the first thing
    that `state` rests on was told: the days that make it less certain are counted from there.
    """

    consent: bool | None
    is_on: bool
    takes_part: bool
    state: State
    labels: tuple[Label, Label, Label, Label]
    pins: Mapping[Dimension, Arm]
    level: float
    levels: Mapping[str, float]
    goal: str
    length: float
    course: Course | None
    course_ids: tuple[tuple[str, ...], ...]
    began_at: datetime | None
    asked_at: datetime | None
    quality: Quality
    votes: tuple[Vote, ...]
    noted: Mapping[tuple[str, str], datetime]
    kinds: frozenset[ProfileEventKind]
    has_told: bool
    told: frozenset[str]
    told_at: datetime | None
    since: datetime | None = None

    @property
    def is_used(self) -> bool:
        """Whether answers follow it, and ratings of them count: agreed to, and switched on."""
        return bool(self.consent) and self.is_on

    def level_of(self, topic: str) -> float:
        """The level of a topic, 1 to 4; the default for one without its own."""
        return self.levels.get(topic, self.level)

    def style(self, arms: tuple[Arm, Arm, Arm, Arm]) -> Style:
        """The profile as the directives take it, with the arms of this thread; a pin stands over the arm of its dimension."""
        return Style(
            theta=tuple(theta(self.state, one) for one in DIMENSIONS),
            sd=tuple(deviation(self.state, one) for one in DIMENSIONS),
            labels=self.labels,
            arms=cast("Arms", tuple(self.pins.get(one, arm) for one, arm in zip(DIMENSIONS, arms, strict=True))),
            pinned=frozenset(self.pins),
        )


class Profiles(Protocol):
    """Where handlers get profiles from. Raises StoreError."""

    async def of(self, person: PersonId) -> Profile:
        """The person's profile now."""


def replayed(questionnaire: Questionnaire, events: Sequence[ProfileEvent], *, now: datetime) -> Profile:
    """The profile that all stored events of a person, oldest first, come to at the moment `now`.

    An event that is not of the shape that its kind has, as of another version of this program, says nothing.
    """
    told = _Told(questionnaire)
    for event in events:
        try:
            _READERS[event.kind](told, event, Stored(event.data))
        except OtherShape:
            continue
    return told.profile(frozenset(event.kind for event in events), now)


_REASONS: Final = {one.value: one for one in Reason}
_MODES: Final = {one.value: one for one in Mode}


@dataclass(frozen=True, slots=True)
class _Given:
    """One answer of a course, and the item that it belongs to."""

    at: datetime
    answer: Answer
    item: Item

    @property
    def option(self) -> Option | None:
        """What was chosen; None when the item was skipped."""
        return self.item.option(self.answer.option)


@dataclass(slots=True)
class _Taken:
    """A course as far as it has been read; the answers and the ids of their events by their items."""

    mode: Mode
    began_at: datetime
    asked_at: datetime
    given: dict[str, _Given] = field(default_factory=dict)
    ids: dict[str, tuple[str, ...]] = field(default_factory=dict)
    is_stopped: bool = False

    def course(self) -> Course:
        return Course(mode=self.mode, answers=tuple(one.answer for one in self.given.values()), is_stopped=self.is_stopped)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a person set: level (of a topic, or of all), goal or length, by the questionnaire or by hand."""

    at: datetime
    what: str
    value: float | str
    topic: str = ""


class _Told:
    """What the events that were read so far have told: a method for each kind of event, then the profile."""

    def __init__(self, questionnaire: Questionnaire) -> None:
        self._questionnaire = questionnaire
        self._consent: bool | None = None
        self._is_on = self._takes_part = True
        self._courses: list[_Taken] = []
        self._wishes: list[_Wish] = []
        self._presses: list[Press] = []
        self._remarks: list[Said] = []
        self._pins: dict[Dimension, Arm] = {}
        self._noted: dict[tuple[str, str], datetime] = {}
        self._told_at: datetime | None = None

    def consent(self, event: ProfileEvent, data: Stored) -> None:
        self._consent = data.truth("granted")

    def course(self, event: ProfileEvent, data: Stored) -> None:
        mode, replaces = data.one_of("mode", _MODES), data.truth("replaces")
        if replaces:
            self._courses.clear()
        self._courses.append(_Taken(mode, event.at, event.at))

    def answer(self, event: ProfileEvent, data: Stored) -> None:
        key = None if data.value("option") is None else data.text("option")
        place = None if data.value("position") is None else int(data.number("position", 0, len(LETTERS) - 1))
        seconds = data.number("seconds", 0, inf)
        item = data.one_of("item", self._questionnaire.items)
        if not self._courses or (key is not None and item.option(key) is None):
            raise OtherShape("an answer without a course, or with an option that is no longer there")
        taken, answer = self._courses[-1], Answer(item=item.id, option=key, position=place, seconds=seconds)
        # Two presses at once, in two places, are one answer: the first, as in `questionnaire.step`.
        taken.given.setdefault(item.id, _Given(event.at, answer, item))
        taken.ids[item.id] = (*taken.ids.get(item.id, ()), event.id)
        taken.asked_at = self._told_at = event.at

    def stop(self, event: ProfileEvent, data: Stored) -> None:
        if self._courses:
            self._courses[-1].is_stopped = True

    def resume(self, event: ProfileEvent, data: Stored) -> None:
        if self._courses:
            self._courses[-1].is_stopped, self._courses[-1].asked_at = False, event.at

    def press(self, event: ProfileEvent, data: Stored) -> None:
        value = data.arm("value")
        press = Press(
            answer=data.text("turn"),
            at=event.at,
            delivered_at=data.moment("answered_at"),
            arms=data.arms("arms"),
            up=value > 0 if value else None,
            reason=None if data.value("reason") is None else data.one_of("reason", _REASONS),
            topic=data.topic(),
            first_at=None if data.is_none("first_at") else data.moment("first_at"),
        )
        self._presses.append(press)
        self._told_at = event.at

    def remark(self, event: ProfileEvent, data: Stored) -> None:
        pole = data.arm("y")
        if not pole:
            raise OtherShape("a remark without a pole")
        self._remarks.append(Said(at=event.at, event=Remark(dimension=data.dimension(), y=pole)))
        self._told_at = event.at

    def pin(self, event: ProfileEvent, data: Stored) -> None:
        dimension, arm = data.dimension(), None if data.value("arm") is None else data.arm("arm")
        self._pins.pop(dimension, None)
        if arm is not None:
            self._pins[dimension] = arm
        self._told_at = event.at

    def set(self, event: ProfileEvent, data: Stored) -> None:
        what = data.text("what")
        if what == "level":
            value = data.number("value", LOWEST_LEVEL, HIGHEST_LEVEL)
            self._wishes.append(_Wish(event.at, what, value, data.topic()))
        elif what == "length":
            self._wishes.append(_Wish(event.at, what, data.number("value", SHORTEST, LONGEST)))
        else:
            asked = {item.sets: item for item in self._questionnaire.of(Part.CONTEXT)}
            if what != "goal" or asked[what].option(data.text("value")) is None:
                raise OtherShape("a setting that is no longer there")
            self._wishes.append(_Wish(event.at, what, data.text("value")))
        self._told_at = event.at

    def switch(self, event: ProfileEvent, data: Stored) -> None:
        self._is_on = data.truth("on")

    def measure(self, event: ProfileEvent, data: Stored) -> None:
        self._takes_part = data.truth("takes_part")

    def note(self, event: ProfileEvent, data: Stored) -> None:
        self._noted[data.text("what"), data.topic()] = event.at

    def profile(self, kinds: frozenset[ProfileEventKind], now: datetime) -> Profile:
        """The profile of all that was told, at the moment `now`."""
        qualities = [quality(self._questionnaire, taken.course().answers) for taken in self._courses]
        given = [
            (one, care.weight) for taken, care in zip(self._courses, qualities, strict=True) for one in taken.given.values()
        ]
        said = [*self._remarks, *filter(None, (_scored(one, weight) for one, weight in given))]
        counted = votes(self._presses)
        _, state = history(said, counted, until=now)
        chosen = [
            _Wish(one.at, one.item.sets, _meant(one.item, one.option.key)) for one, _ in given if one.option and one.item.sets
        ]
        found = _context(self._questionnaire, [*self._wishes, *chosen], counted)
        newest = self._courses[-1] if self._courses else None
        ent, rut, act, form = (label(state, one) for one in DIMENSIONS)
        return Profile(
            consent=self._consent,
            is_on=self._is_on,
            takes_part=self._takes_part,
            state=state,
            labels=(ent, rut, act, form),
            pins=self._pins,
            level=found.level,
            levels=found.levels,
            goal=found.goal,
            length=found.length,
            course=newest.course() if newest else None,
            course_ids=tuple(newest.ids.values()) if newest else (),
            began_at=newest.began_at if newest else None,
            asked_at=newest.asked_at if newest else None,
            quality=qualities[-1] if newest else quality(self._questionnaire, ()),
            votes=tuple(counted),
            noted=self._noted,
            kinds=kinds,
            told=frozenset(found.told),
            has_told=bool(self._pins or self._wishes or self._remarks) or any(one.option for one, _ in given),
            told_at=self._told_at,
            since=min([*(one.at for one in said), *(vote.at for vote in counted)], default=None),
        )


def _scored(one: _Given, weight: float) -> Said | None:
    """What an answer tells the formula; None for context and skips."""
    option, dimension = one.option, one.item.dimension
    if option is None or option.score is None or dimension is None:
        return None
    return Said(at=one.at, event=Scored(dimension=dimension, y=option.score, quality=weight))


def _meant(item: Item, key: str) -> float | str:
    """What an option of a context item stands for."""
    return key if item.sets == "goal" else LENGTHS[key] if item.sets == "length" else float(key)


@dataclass(slots=True)
class _Context:
    """The default level, those of topics, the goal and the length."""

    level: float
    goal: str
    length: float
    levels: dict[str, float] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def take(self, wish: _Wish) -> None:
        if isinstance(wish.value, str):
            self.goal = wish.value
            self.told.add("goal")
        elif wish.what == "length":
            self._set_length(wish.value)
        else:
            self._set_level(wish.topic, wish.value)

    def complain(self, reason: Reason, topic: str) -> None:
        """Take in the reason of a thumb down; most say nothing of level and length."""
        if reason in (Reason.LONG, Reason.SHORT):
            self._set_length(adjusted_length(self.length, reason))
        if reason in (Reason.HARD, Reason.EASY):
            self._set_level(topic, adjusted_level(self.levels.get(topic, self.level), reason))

    def _set_length(self, length: float) -> None:
        self.length = length
        self.told.add("length")

    def _set_level(self, topic: str, level: float) -> None:
        if topic not in ("", GENERAL):
            self.levels[topic] = level
        else:
            self.level = level
            self.told.add("level")


def _context(questionnaire: Questionnaire, wishes: Iterable[_Wish], counted: Iterable[Vote]) -> _Context:
    """What was wished last, moved by the complaints since then."""
    usual = context(questionnaire, ())
    found = _Context(float(usual.level), usual.goal, usual.length)
    complaints = [vote for vote in counted if vote.reason is not None]
    told: list[_Wish | Vote] = [*wishes, *complaints]
    for one in sorted(told, key=lambda one: one.at):
        if isinstance(one, _Wish):
            found.take(one)
        elif one.reason is not None:
            found.complain(one.reason, one.topic)
    return found


_READERS: Final[Mapping[ProfileEventKind, Callable[[_Told, ProfileEvent, Stored], None]]] = {
    ProfileEventKind.CONSENT: _Told.consent,
    ProfileEventKind.COURSE: _Told.course,
    ProfileEventKind.ANSWER: _Told.answer,
    ProfileEventKind.STOP: _Told.stop,
    ProfileEventKind.RESUME: _Told.resume,
    ProfileEventKind.PRESS: _Told.press,
    ProfileEventKind.REMARK: _Told.remark,
    ProfileEventKind.PIN: _Told.pin,
    ProfileEventKind.SET: _Told.set,
    ProfileEventKind.SWITCH: _Told.switch,
    ProfileEventKind.MEASURE: _Told.measure,
    ProfileEventKind.NOTE: _Told.note,
}
