"""An item of the questionnaire as a question with choices, and what a turn answers to one; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.locale import say
from bot.types import Choice, Kind, Language, PersonId, Turn, TurnId
from bot.writes import AskQuestion
from handlers.asking import answer_to, ask_question, option
from profiles.items import LETTERS, Control, Option, Part, Questionnaire
from profiles.questionnaire import Asked, Course, ask, resumed

ITEM: Final = "item"
"""The kind of question. A choice's key goes on with the item and the option or control: `item:ENT1:a`."""

_LONGEST_S: Final = 3600.0
"""Whoever comes back after days did not think that long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a person answered to which item, in the question of which turn; `asked` has the options as they were shown."""

    turn_id: TurnId
    asked: Asked
    meaning: Option | Control

    @property
    def key(self) -> str:
        """The choice that this answer is, however it was given."""
        return _key(self.asked, self.meaning.value if isinstance(self.meaning, Control) else self.meaning.key)


def opened(questionnaire: Questionnaire, course: Course, person: PersonId) -> Asked | None:
    """The item at which a course stands, as this person sees it, also while it rests; None once it is finished."""
    return ask(questionnaire, resumed(course), person=person, salt=questionnaire.version)


def place_in_words(language: Language, asked: Asked) -> str:
    """Where in the questionnaire an item stands, as part of a sentence."""
    if not asked.count:
        return say(language, "one of the extra questions")
    if asked.item.part is Part.CONTEXT:
        return say(language, "question {number} of the first {count}", number=asked.number, count=asked.count)
    return say(language, "question {number} of {count}", number=asked.number, count=asked.count)


def item_choices(asked: Asked, questionnaire: Questionnaire, language: Language) -> tuple[Choice, ...]:
    """The buttons of an item: its letters, and below them the controls."""
    return tuple(
        option(ITEM, f"{asked.item.id}:{one.key}", one.label, one.row) for one in asked.choices(questionnaire, language)
    )


def item_asked(turn: Turn, item: Asked, choices: tuple[Choice, ...], now: datetime) -> AskQuestion:
    """The item as this turn's reply asks it, with what its answer is timed by: shown again, it is timed from the first time."""
    first = _shown_here_at(turn, item.item.id) or now
    return ask_question(turn, ITEM, choices, {"item": item.item.id, "asked_at": first.isoformat()})


def given(turn: Turn, questionnaire: Questionnaire) -> Given | None:
    """What this turn answers to an item that this person was asked: by its button at any time, typed only to the open one."""
    if turn.message.kind is Kind.CHOICE:
        return _pressed(turn, questionnaire)
    question, asked = turn.awaiting, _open_here(turn, questionnaire)
    if question is None or asked is None:
        return None
    meaning: Option | Control | None = Control.STOP if _is_stop(turn) else None
    if turn.message.kind is Kind.TEXT and not turn.message.attachments:
        meaning = asked.said(questionnaire, turn.message.text)
    return None if meaning is None else Given(turn_id=question.turn_id, asked=asked, meaning=meaning)


def unclear(turn: Turn, questionnaire: Questionnaire) -> Asked | None:
    """The open item to which this turn says too little to be an answer or a question; None for every other turn."""
    asked = _open_here(turn, questionnaire)
    if asked is None or turn.message.kind is not Kind.TEXT or turn.message.attachments:
        return None
    return asked if asked.is_unclear(questionnaire, turn.message.text) else None


def hint(language: Language, asked: Asked, questionnaire: Questionnaire) -> str:
    """How an item is answered."""
    labels = {control: wording[language] for control, wording in questionnaire.labels.items()}
    return say(
        language,
        "Answer with A to {last}, or {skip}, {back}, {stop}; anything longer is a question to me.",
        last=LETTERS[len(asked.options) - 1],
        skip=labels[Control.SKIP],
        back=labels[Control.BACK],
        stop=labels[Control.STOP],
    )


def seconds_taken(turn: Turn, item: str, shown_at: datetime | None, now: datetime) -> float:
    """How long an answer took since the item was shown; `shown_at` is for one whose question is not the open one any more."""
    shown_at = _shown_here_at(turn, item) or shown_at
    if shown_at is None:
        return _LONGEST_S
    return round(min(_LONGEST_S, (now - shown_at).total_seconds()), 3)


def _is_stop(turn: Turn) -> bool:
    """A wish to stop that is not about an answer being written."""
    is_wish = turn.message.kind is Kind.STOP or turn.command == "stop"
    return is_wish and turn.running is None and turn.message.target is None


def _open_here(turn: Turn, questionnaire: Questionnaire) -> Asked | None:
    """The item that waits for an answer at this address."""
    if turn.awaiting is None or turn.awaiting.kind != ITEM:
        return None
    return _as_shown(turn.awaiting.choices, questionnaire)


def _shown_here_at(turn: Turn, item: str) -> datetime | None:
    """Since when the item has been the open question of this address; None when it is not."""
    if turn.awaiting is None or turn.awaiting.kind != ITEM or turn.awaiting.state.get("item") != item:
        return None
    return datetime.fromisoformat(turn.awaiting.state["asked_at"])


def _pressed(turn: Turn, questionnaire: Questionnaire) -> Given | None:
    chosen = answer_to(turn, ITEM)
    asked = _as_shown(turn.target.reply.choices, questionnaire) if chosen is not None and turn.target is not None else None
    meaning = asked.pressed(chosen.key.partition(":")[2]) if chosen is not None and asked is not None else None
    if chosen is None or asked is None or meaning is None:
        return None
    return Given(turn_id=chosen.turn_id, asked=asked, meaning=meaning)


def _as_shown(choices: Sequence[Choice], questionnaire: Questionnaire) -> Asked | None:
    """The item that these choices ask, its options in their order; None when there is no such item any more.

    What was shown decides, not how it would be shown now: after an update a letter still means what it stood beside.
    """
    keys = [choice.key.split(":") for choice in choices]
    item = next((questionnaire.items.get(parts[1]) for parts in keys if parts[0] == ITEM and len(parts) == 3), None)
    if item is None:
        return None
    options = [item.option(parts[2]) for parts in keys if parts[:2] == [ITEM, item.id]]
    shown = tuple(one for one in options if one is not None)
    return Asked(item=item, options=shown, number=0, count=0, has_earlier=False)


def _key(asked: Asked, key: str) -> str:
    return f"{ITEM}:{asked.item.id}:{key}"
