"""Questions with choices: how they are asked, and what counts as an answer: button, letter or text, and nothing else; pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from string import ascii_lowercase

from bot.types import Choice, Chosen, Kind, Outcome, Question, Reply, Turn
from bot.writes import AskQuestion


def option(kind: str, key: str, label: str, row: int = 0) -> Choice:
    """An option of a question of `kind`. The kind rides in the key, so that a press says by itself what it answers."""
    return Choice(key=f"{kind}:{key}", label=label, row=row)


def ask_question(turn: Turn, kind: str, choices: Sequence[Choice], state: Mapping[str, str] | None = None) -> AskQuestion:
    """What has this turn's reply ask a question of `kind`, so that its address awaits an answer."""
    question = Question(turn_id=turn.id, kind=kind, choices=tuple(choices), state=state or {})
    return AskQuestion(address_id=turn.address_id, person_id=turn.person.id, question=question)


def asking(turn: Turn, kind: str, text: str, choices: Sequence[Choice]) -> Outcome:
    """A reply that is nothing but a question."""
    return Outcome(reply=Reply(text=text, choices=tuple(choices)), writes=(ask_question(turn, kind, choices),))


def answer_to(turn: Turn, kind: str, *, by_letter: bool = True) -> Chosen | None:
    """What this turn answers to a question of `kind` that this person was asked, its key without the kind; else None.

    Not `by_letter`, only a button or an option's whole label counts: for what is asked below an answer that may ask too.
    """
    chosen = _pressed(turn) or _written(turn, by_letter=by_letter)
    if chosen is None or not chosen.key.startswith(f"{kind}:"):
        return None
    return Chosen(turn_id=chosen.turn_id, key=chosen.key.removeprefix(f"{kind}:"))


def _pressed(turn: Turn) -> Chosen | None:
    """The press of a button that this person was shown; None for a foreign, erased or unknown one."""
    chosen, asking = turn.message.choice, turn.target
    if turn.message.kind is not Kind.CHOICE or chosen is None or asking is None or asking.person_id != turn.person.id:
        return None
    return chosen if any(choice.key == chosen.key for choice in asking.reply.choices) else None


def _written(turn: Turn, *, by_letter: bool) -> Chosen | None:
    """The option of the open question that a text is the whole label of, or the letter."""
    question = turn.awaiting
    if turn.message.kind is not Kind.TEXT or question is None or turn.message.attachments:
        return None
    key = _option_named(turn.message.text, question.choices, by_letter=by_letter)
    return None if key is None else Chosen(turn_id=question.turn_id, key=key)


def _option_named(text: str, choices: Sequence[Choice], *, by_letter: bool) -> str | None:
    if len(text) > 200:
        return None
    said = _bare(text)
    for letter, choice in zip(ascii_lowercase, choices, strict=False):
        if said and (said == _bare(choice.label) or (by_letter and said == letter)):
            return choice.key
    return None


def _bare(text: str) -> str:
    """Small letters and digits without accents, one blank between words."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join("".join(c if c.isalnum() else " " for c in plain).split())
