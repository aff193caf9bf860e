"""What is kept of how a person likes things explained: events, the style of each answer, reasons under a thumb down.

Frozen records; standard library only. Lists of four stand in the order ENT, RUT, ACT, FOR (see `profiles.events`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

Arm: TypeAlias = Literal[-1, 0, 1]
"""How an answer was asked to be in one dimension: towards the plus pole, neutral, or towards the minus pole."""
Arms: TypeAlias = tuple[Arm, Arm, Arm, Arm]
NEUTRAL: Arms = (0, 0, 0, 0)
Propensities: TypeAlias = tuple[tuple[float, float, float], ...]
"""For each dimension how probable plus, neutral and minus were when the arm was drawn."""


class Reason(StrEnum):
    """Why an answer got a 👎, as the person chose it. `STYLE` is another style without saying which; the last eight say it."""

    WRONG = "wrong"
    LONG = "long"
    SHORT = "short"
    HARD = "hard"
    EASY = "easy"
    STYLE = "style"
    MORE_EXAMPLES = "more_examples"
    MORE_THEORY = "more_theory"
    STEP_BY_STEP = "step_by_step"
    OVERVIEW = "overview"
    MORE_PRACTICE = "more_practice"
    LESS_PRACTICE = "less_practice"
    OUTLINE = "outline"
    PROSE = "prose"


class ProfileEventKind(StrEnum):
    """What happened, with the keys of its `data`. Nothing that a person wrote is ever in there."""

    CONSENT = "consent"
    """`granted` (bool), `version`: the person agreed, or not, that a profile of them is kept."""
    COURSE = "course"
    """`mode` (full, quick, retest), `version` (of the questionnaire), `replaces` (bool: earlier answers count no more)."""
    ANSWER = "answer"
    """`item`, `option` (None: skipped), `position` (from 0; None: skipped), `seconds`."""
    STOP = "stop"
    """Nothing: the course rests."""
    RESUME = "resume"
    """Nothing: the course goes on."""
    PRESS = "press"
    """`turn`, `value` (1, -1), `reason` (or None), `arms` (those that may count), `answered_at`, `first_at`, `topic`.

    One for each answer with a rating. `first_at` is when this thumb was pressed, where a later press only added the reason,
    and None elsewhere; both times are ISO 8601. Earlier versions stored every press, with `value` 0 for a withdrawal, and no
    `first_at`.
    """
    REMARK = "remark"
    """`dimension`, `y` (1, -1): a wish about style, recognised in the person's words."""
    PIN = "pin"
    """`dimension`, `arm` (1, 0, -1, or None: automatic again)."""
    SET = "set"
    """`what` (level, goal, length), `value` (1 to 4; a goal's key; -1.5 to 1.5), `topic` (of a level; "" for all)."""
    SWITCH = "switch"
    """`on` (bool): whether the profile is used."""
    MEASURE = "measure"
    """`takes_part` (bool): whether some answers may be neutral, so that the benefit can be measured."""
    NOTE = "note"
    """`what` (reminded, resume_noted, retest_offered, level_asked), `topic` ("" but for level_asked)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileEvent:
    """One stored event of one person. `id` is ordered by time; `data` holds JSON scalars and lists."""

    id: str
    kind: ProfileEventKind
    data: Mapping[str, object]
    at: datetime


class Condition(StrEnum):
    """What an answer was given of the profile: all of it, all but the style, or nothing (holdout)."""

    FULL = "full"
    CONTEXT = "context"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStyle:
    """How one answer was to be explained, and whether it was: the row of the answer log.

    `thread` is the id of the turn that began the topic thread, `arms` were drawn for it with `propensities`; `asked` are those
    that the directives of this answer asked for, `used` those that a rating of it is evidence about. `obeyed` is None where
    nothing was asked. `is_measured` is False for people who take no part in neutral answers. `level` is 1 to 4, `length` -1.5
    to 1.5, `words` counts the answer's. `version` is the formula's.
    """

    thread: str
    condition: Condition
    is_measured: bool
    topic: str
    level: float
    goal: str
    length: float
    arms: Arms
    asked: Arms
    used: Arms
    propensities: Propensities
    obeyed: tuple[bool | None, ...]
    is_length_obeyed: bool | None
    words: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedStyle:
    """A stored answer's style, and when that answer was given."""

    turn_id: str
    style: AnswerStyle
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredAnswer:
    """One answer of the measurement: whose (an opaque id), when, under which condition, and how it was rated, if it was.

    `value` is None without a rating. What is not measured (opted out, profile off, cut off or failed) is not among them.
    """

    person: str
    at: datetime
    thread: str
    condition: Condition
    value: Literal[1, -1] | None
    arms: Arms
    used: Arms
    propensities: Propensities
    obeyed: tuple[bool | None, ...]
    is_length_obeyed: bool | None
    words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What an answerer without a language model can honour: about how many words (0: any), as an outline, steps or prose."""

    words: int = 0
    shape: Literal["", "outline", "steps", "prose"] = ""
