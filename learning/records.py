"""What passes from step to step of a night: one rated answer of one person, and what each step found out about it.

All are plain JSON on disk (`msgspec`), one line each, in the order in which they were asked. People and conversations are in
them only as keyed hashes, which mean the same every night and nothing outside this data folder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final, Literal, Protocol, TypeVar

import msgspec

from bot.training_types import Intent

Language = Literal["es", "en"]

LANGUAGES: Final[tuple[Language, ...]] = ("es", "en")


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier exchange of the same conversation."""

    question: str
    answer: str


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """One rated or corrected answer, as it was stored. Only of people who had agreed then and agree now.

    `row` names it in every file and never changes. `person` and `thread` are keyed hashes. `asked_on` is the local date.
    `value` is the rating; `correction` is what the person would rather have read, "" where they wrote none. `history` holds the
    exchanges before it, oldest first. `flags` are those of `bot.types.Flag`: an answer with one is never a good example.
    One that `is_anothers` rests on another person's shared correction. `account_days` and `conversations` are the person's,
    counted on this night. `arms` are the profile's, by dimension.
    """

    row: str
    person: str
    thread: str
    asked_on: str
    channel: str
    is_private: bool
    language: Language
    question: str
    answer: str
    value: Literal[1, 0, -1]
    reason: str = ""
    correction: str = ""
    history: tuple[Said, ...] = ()
    model: str = ""
    prompt_version: str = ""
    arms: dict[str, str] = {}
    flags: tuple[str, ...] = ()
    memories: int = 0
    is_anothers: bool = False
    account_days: int = 0
    conversations: int = 0
    is_trusted: bool = False


class Agreement(StrEnum):
    """What the signals of the person who rated say together; `UNCLEAR` is for an admin's eyes."""

    GOOD = "good"
    BAD = "bad"
    UNCLEAR = "unclear"


class Labels(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a row. `is_by_operator` says that a person of the house set intent or topic by hand."""

    language: Language
    intent: Intent
    topic: str
    needs_context: bool
    agreement: Agreement
    is_by_operator: bool = False


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """A clean row with its labels."""

    told: Collected
    labels: Labels


class Split(StrEnum):
    """Which part of the data a person's (below 20 people: a conversation's) rows are in, for good."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A row as the writers take it: scrubbed, guarded, in one part.

    `good` is an answer to learn from, "" when there is none: the person's correction, else the answer they liked.
    `bad` is the answer they did not like or corrected, "" when there is none. `liked` is the thumb on the answer itself, None
    when the answer carries a flag or nobody may tell. `instructions` is the system message: how this person likes things
    explained.
    """

    row: str
    part: Split
    language: Language
    intent: Intent
    topic: str
    question: str
    good: str = ""
    bad: str = ""
    answer: str = ""
    liked: bool | None = None
    instructions: str = ""
    history: tuple[Said, ...] = ()


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """A row that goes no further, by the step and for the reason that are counted in the manifest."""

    row: str
    step: str
    reason: str


T_co = TypeVar("T_co", covariant=True)


class Rows(Protocol[T_co]):
    """A fresh pass over the rows of a step, in their order, as often as it is called."""

    def __call__(self) -> Iterator[T_co]:
        """The first row again, and on."""


Drop = Callable[[Dropped], None]
"""Takes note of a row that goes no further."""
