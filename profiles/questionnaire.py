"""The course that one person takes through the questionnaire, and what their answers say; pure.

A course is its answers in the order in which they were given, and whether it rests: what is asked next follows from them alone,
so it goes on at the same item after days and restarts. Going back takes the last answer away again.
"""

from __future__ import annotations

import hashlib
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bot.types import Choice, Language
from profiles.events import DIMENSIONS, Dimension
from profiles.events import Answer as Scored
from profiles.items import LENGTHS, LETTERS, Control, Item, Option, Part, Questionnaire, comparable
from profiles.posterior import CONTRADICTION, contradiction, label, replay

FAST_S: Final = 1.5
LOW_QUALITY: Final = 0.25
_ONE_SIDED: Final = (11, 12)
_FEWEST_TIMED, _FEWEST_PLACED = 4, 8
"""Answers before their speed and their places say anything: one round, and the two rounds that everybody is asked."""
_LONGEST_READ: Final = 2_000
_BEFORE_LETTER: Final = r"(?:(?:la )?(?:opcion|respuesta|letra|numero) |la |(?:option|answer|letter|number) )?"
_PLACES: Final = (
    ("primera", "el primero", "first"),
    ("segunda", "el segundo", "second"),
    ("tercera", "el tercero", "third"),
    ("cuarta", "el cuarto", "fourth"),
)
_LAST: Final = ("ultima", "el ultimo", "last")
_AROUND_PLACE: Final = r"(?:la |the )?(?:{words})(?: (?:opcion|respuesta|one|option|answer))?"
_SIGNS: Final = {start + place: chr(65 + place) for start in (0x1F150, 0x1F170, 0x1F1E6) for place in range(26)}
"""Letters in circles, squares and flags (🅐, 🅰️, 🇦), which `comparable` does not take for letters."""
_FEWEST_LETTERS: Final = 4
"""Of the beginning of an option's text."""
_SHORT: Final = 2
"""Characters of a reply that is too short to be a question."""


class Mode(StrEnum):
    """Which items a course asks: all, as few as tell enough, or those of a retest."""

    FULL = "full"
    QUICK = "quick"
    RETEST = "retest"


_COUNTED: Final[Mapping[Mode, tuple[Part, ...]]] = {
    Mode.FULL: (Part.FIRST, Part.SECOND, Part.THIRD),
    Mode.QUICK: (Part.FIRST, Part.SECOND),
    Mode.RETEST: (Part.RESERVE, Part.FIRST),
}
"""What everybody is asked in a course, so that it can be counted from the beginning; context apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered: the option's key, the place at which it was shown (from 0), and how long it took. None: skipped."""

    item: str
    option: str | None
    position: int | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One person's way through the questionnaire, as it is kept."""

    mode: Mode = Mode.FULL
    answers: tuple[Answer, ...] = ()
    is_stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the context items said, with the defaults of those that were not answered. `level` is 1 to 4."""

    level: int
    goal: str
    length: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How far a person's answers can be trusted; `weight` is the quality of each of them."""

    weight: float
    is_fast: bool
    is_one_sided: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The open item as this person sees it: `options` in their order, and which one of how many it is.

    Context is counted by itself; what answers added to the course is not counted (0 of 0), so that the count stays as it is.
    """

    item: Item
    options: tuple[Option, ...]
    number: int
    count: int
    has_earlier: bool

    def wording(self, questionnaire: Questionnaire, language: Language) -> str:
        """The whole message as Markdown, with the options' full texts: buttons hold letters only."""
        words = questionnaire.first if self.item.part is Part.CONTEXT else questionnaire.progress
        progress = words[language].format(number=self.number, count=self.count) if self.count else questionnaire.more[language]
        head = f"{progress} · {self.item.text[language]}"
        lettered = [
            f"**{letter}**{chr(10) * 2 if option.text[language].startswith('- ') else ' · '}{option.text[language]}"
            for letter, option in zip(LETTERS, self.options, strict=False)
        ]
        return "\n\n".join([head, *lettered])

    def choices(self, questionnaire: Questionnaire, language: Language) -> tuple[Choice, ...]:
        """The buttons: a row of letters that come back as option keys, and one of controls."""
        letters = [Choice(key=option.key, label=LETTERS[place]) for place, option in enumerate(self.options)]
        offered = [control for control in Control if control is not Control.BACK or self.has_earlier]
        return (*letters, *(Choice(key=c.value, label=questionnaire.labels[c][language], row=1) for c in offered))

    def pressed(self, key: str) -> Option | Control | None:
        """What a button means; None for one of another item."""
        if key in tuple(Control):
            return Control(key)
        return self.item.option(key)

    def said(self, questionnaire: Questionnaire, text: str) -> Option | Control | None:
        """What a typed answer means: a place, an option's text or a control, in either language; None for anything else."""
        told = _read(text)
        if (control := questionnaire.words.get(told)) is not None:
            return control
        for letter, option in zip(LETTERS.lower(), self.options, strict=False):
            texts = {comparable(wording) for wording in option.text.values()}
            if told in texts | {f"{letter} {wording}" for wording in texts}:
                return option
        for place, option in enumerate(self.options):
            if re.fullmatch(_place_words(place, len(self.options)), told):
                return option
        if not {"?", "¿"} & set(text) and (begun := self._begun(told)) is not None:
            return begun
        return self._middle if told in questionnaire.equal else None

    def is_unclear(self, questionnaire: Questionnaire, text: str) -> bool:
        """Whether a reply that means nothing here is no question either: a letter too high, a word such as "both", a sign."""
        if self.said(questionnaire, text) is not None:
            return False
        told = _read(text)
        return told in questionnaire.equal or 0 < len(told) <= _SHORT or 0 < len(text.strip()) <= _SHORT

    @property
    def _middle(self) -> Option | None:
        return next((option for option in self.options if option.score == 0), None)

    def _begun(self, told: str) -> Option | None:
        """The one option whose text begins so, at least up to its comma or with two words of it.

        Not of a work sample: its first words are a subject, which somebody may ask about.
        """
        if len(told) < _FEWEST_LETTERS or self.item.part is Part.THIRD:
            return None
        found = [option for option in self.options if any(_begins(wording, told) for wording in option.text.values())]
        is_much = len(told.split()) > 1 or any(
            told == comparable(re.split("[,:]", wording)[0]) for option in found for wording in option.text.values()
        )
        return found[0] if len(found) == 1 and is_much else None


def shown(item: Item, *, person: str, salt: str) -> tuple[Option, ...]:
    """The options in the order in which this person sees them: reversed for half of all people and items, always the same."""
    digest = hashlib.sha256(f"{person}|{item.id}|{salt}".encode()).digest()
    return item.options[::-1] if digest[-1] % 2 else item.options


def plan(questionnaire: Questionnaire, course: Course) -> tuple[Item, ...]:
    """The items of a course in order, as far as its answers decide it. Answers may add reserve items, and spare third ones."""
    if course.mode is Mode.RETEST:
        return (*questionnaire.of(Part.RESERVE), *questionnaire.of(Part.FIRST))
    scored = scores(questionnaire, course.answers)
    third = questionnaire.of(Part.THIRD)
    if course.mode is Mode.QUICK:
        early = scores(questionnaire, course.answers, (Part.FIRST, Part.SECOND))
        third = tuple(item for item in third if item.dimension and not _is_clear(item.dimension, early[item.dimension]))
    contradictory = {dimension for dimension, values in scored.items() if contradiction(values) >= CONTRADICTION}
    reserve = [item for item in questionnaire.of(Part.RESERVE) if item.dimension in contradictory]
    early_parts = (Part.CONTEXT, Part.FIRST, Part.SECOND)
    return (*(item for part in early_parts for item in questionnaire.of(part)), *third, *reserve)


def current(questionnaire: Questionnaire, course: Course) -> Item | None:
    """The item that is open, also of a course that rests; None once it is finished."""
    done = {answer.item for answer in course.answers}
    return next((item for item in plan(questionnaire, course) if item.id not in done), None)


def ask(questionnaire: Questionnaire, course: Course, *, person: str, salt: str) -> Asked | None:
    """The open item for this person; None while the course rests and once it is finished."""
    item = None if course.is_stopped else current(questionnaire, course)
    if item is None:
        return None
    parts = (Part.CONTEXT,) if item.part is Part.CONTEXT else _COUNTED[course.mode]
    counted = [planned.id for planned in plan(questionnaire, course) if planned.part in parts]
    is_counted = item.id in counted
    return Asked(
        item=item,
        options=shown(item, person=person, salt=salt),
        number=counted.index(item.id) + 1 if is_counted else 0,
        count=len(counted) if is_counted else 0,
        has_earlier=bool(course.answers),
    )


def step(questionnaire: Questionnaire, course: Course, asked: Asked, meaning: Option | Control, *, seconds: float) -> Course:
    """The course after a person answered what they were asked, or did something else.

    What no longer fits changes nothing: an answer to an item that is not open, as after a second press.
    """
    item = current(questionnaire, course)
    if course.is_stopped or item is None or item.id != asked.item.id:
        return course
    if meaning is Control.STOP:
        return replace(course, is_stopped=True)
    if meaning is Control.BACK:
        return replace(course, answers=course.answers[:-1])
    given = None if isinstance(meaning, Control) else item.option(meaning.key)
    position = next(
        (place for place, option in enumerate(asked.options) if given is not None and option.key == given.key), None
    )
    answer = Answer(item=item.id, option=given.key if given else None, position=position, seconds=max(0.0, seconds))
    return replace(course, answers=(*course.answers, answer))


def resumed(course: Course) -> Course:
    """The course, going on where it stopped."""
    return replace(course, is_stopped=False)


def is_finished(questionnaire: Questionnaire, course: Course) -> bool:
    """Whether nothing is left to ask."""
    return current(questionnaire, course) is None


def scores(
    questionnaire: Questionnaire, answers: Iterable[Answer], parts: Sequence[Part] = tuple(Part)
) -> dict[Dimension, tuple[float, ...]]:
    """The scores of every dimension in order. What was skipped, or is not of this version, says nothing."""
    found: dict[Dimension, list[float]] = {dimension: [] for dimension in DIMENSIONS}
    for answer in answers:
        item = questionnaire.items.get(answer.item)
        option = item.option(answer.option) if item is not None and item.part in parts else None
        if item is not None and item.dimension and option is not None and option.score is not None:
            found[item.dimension].append(option.score)
    return {dimension: tuple(values) for dimension, values in found.items()}


def context(questionnaire: Questionnaire, answers: Iterable[Answer]) -> Context:
    """What the context items set; of several answers to one the last counts."""
    items = {item.id: item for item in questionnaire.of(Part.CONTEXT)}
    chosen = {item.sets: item.default for item in items.values()}
    for answer in answers:
        item = items.get(answer.item)
        if item is not None and answer.option is not None and item.option(answer.option) is not None:
            chosen[item.sets] = answer.option
    return Context(level=int(chosen["level"]), goal=chosen["goal"], length=LENGTHS[chosen["length"]])


def quality(questionnaire: Questionnaire, answers: Iterable[Answer]) -> Quality:
    """Whether answers were too fast to have been read, or all at one place: then all count for less, and a redo is offered.

    `_ONE_SIDED` of 12 items is the rule; of fewer or more answers it is the same share. Context and skips do not count.
    """
    told = [a for a in answers if a.position is not None and a.item in questionnaire.items]
    told = [a for a in told if questionnaire.items[a.item].part is not Part.CONTEXT]
    is_fast = len(told) >= _FEWEST_TIMED and statistics.median(answer.seconds for answer in told) < FAST_S
    most = max(Counter(answer.position for answer in told).values(), default=0)
    part, whole = _ONE_SIDED
    is_one_sided = len(told) >= _FEWEST_PLACED and most * whole >= part * len(told)
    return Quality(weight=LOW_QUALITY if is_fast or is_one_sided else 1.0, is_fast=is_fast, is_one_sided=is_one_sided)


def _read(text: str) -> str:
    """A reply as it is compared."""
    return comparable(text[:_LONGEST_READ].translate(_SIGNS))


def _place_words(place: int, count: int) -> str:
    """The pattern of what names the option at this place of so many: its letter, its number, its turn."""
    turns = (*_PLACES[place], *(_LAST if place == count - 1 else ()))
    letter = rf"{_BEFORE_LETTER}(?:{LETTERS[place].lower()}|{place + 1}(?:a|o|st|nd|rd|th)?)"
    return f"{letter}|{_AROUND_PLACE.format(words='|'.join(turns))}"


def _begins(wording: str, told: str) -> bool:
    """Whether a text begins with these words, and does not end with them."""
    return comparable(wording).startswith(f"{told} ")


def _is_clear(dimension: Dimension, values: Iterable[float]) -> bool:
    """Whether these answers alone make a dimension clear."""
    return label(replay(Scored(dimension=dimension, y=value) for value in values), dimension).is_clear
