"""The buttons under our messages: an answer's choices, 👍 and 👎, why it was bad. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from bot import buttons
from bot.buttons import button, read_button
from bot.channels.telegram.events import WITHDRAW
from bot.channels.telegram.wire import WireKeyboard
from bot.locale import say
from bot.profile_types import Reason
from bot.reason_words import reason_words
from bot.types import Choice, Language, Reply, TurnId

MOST_IN_ROW: Final = 8
MOST_BUTTONS: Final = 100
"""What Telegram takes under one message (seen, not documented)."""
MARK: Final = "✓ "
_REASONS: Final = ((Reason.WRONG, Reason.STYLE), (Reason.LONG, Reason.SHORT), (Reason.HARD, Reason.EASY))
_STYLES: Final = (
    (Reason.MORE_EXAMPLES, Reason.MORE_THEORY),
    (Reason.STEP_BY_STEP, Reason.OVERVIEW),
    (Reason.MORE_PRACTICE, Reason.LESS_PRACTICE),
    (Reason.OUTLINE, Reason.PROSE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """What it says and what comes back when it is pressed."""

    label: str
    data: str


Row = tuple[Button, ...]


def under(reply: Reply, turn_id: TurnId | None, secret: bytes) -> tuple[Row, ...]:
    """The buttons under a reply that was just made; none where no turn stands behind it."""
    if turn_id is None:
        return ()
    rows = _choices(reply.choices, turn_id, secret)
    return (*rows, _thumbs(turn_id, "", secret)) if reply.rateable else rows


def after_press(keyboard: WireKeyboard, turn_id: TurnId, says: str, secret: bytes, language: Language) -> tuple[Row, ...]:
    """The buttons under the same message once one of them was pressed, and what it says took effect."""
    rows = [tuple(Button(label=one.text, data=one.callback_data) for one in row) for row in keyboard.inline_keyboard]
    if _is_choice(says):
        return tuple(tuple(_chosen(one, says, secret) for one in row) for row in rows)
    choices = (row for row in rows if any(_is_choice(_says(one, secret)) for one in row))
    return (*choices, *_rated(turn_id, says, secret, language))


def correction_hint(language: Language) -> str:
    """How a wrong answer is put right."""
    return say(language, "Reply to my answer with the right one.")


def _rated(turn_id: TurnId, says: str, secret: bytes, language: Language) -> tuple[Row, ...]:
    if says in (buttons.UP, WITHDRAW):
        return (_thumbs(turn_id, says, secret),)
    thumbs = _thumbs(turn_id, buttons.DOWN, secret)
    label = f"✏️ {correction_hint(language)}"
    correct = (Button(label=label, data=button(secret, turn_id, buttons.CORRECT)),)
    reason = next((one for one in Reason if says == buttons.REASON + one.value), None)
    if reason is Reason.STYLE:
        return (thumbs, *(_reasons(row, turn_id, secret, language) for row in _STYLES), correct)
    if reason is not None:
        (given,) = _reasons((reason,), turn_id, secret, language)
        return (thumbs, (Button(label=MARK + given.label, data=given.data),), correct)
    return (thumbs, *(_reasons(row, turn_id, secret, language) for row in _REASONS), correct)


def _thumbs(turn_id: TurnId, pressed: str, secret: bytes) -> Row:
    """👍 and 👎. The one that holds is marked, and takes the rating back when it is pressed again."""
    return tuple(
        Button(label=MARK + label, data=button(secret, turn_id, WITHDRAW))
        if says == pressed
        else Button(label=label, data=button(secret, turn_id, says))
        for label, says in (("👍", buttons.UP), ("👎", buttons.DOWN))
    )


def _reasons(reasons: Sequence[Reason], turn_id: TurnId, secret: bytes, language: Language) -> Row:
    words = reason_words(language)
    return tuple(Button(label=words[one], data=button(secret, turn_id, buttons.REASON + one.value)) for one in reasons)


def _choices(choices: Sequence[Choice], turn_id: TurnId, secret: bytes) -> tuple[Row, ...]:
    """Every option by its place among all, in the rows that they ask for."""
    placed = list(enumerate(choices[:MOST_BUTTONS]))
    rows: list[Row] = []
    for _, group in groupby(placed, key=lambda one: one[1].row):
        row = [
            Button(label=one.label or one.key, data=button(secret, turn_id, f"{buttons.CHOICE}{place}")) for place, one in group
        ]
        rows += [tuple(row[start : start + MOST_IN_ROW]) for start in range(0, len(row), MOST_IN_ROW)]
    return tuple(rows)


def _chosen(one: Button, chosen: str, secret: bytes) -> Button:
    """A button once this option was chosen: of the options, only that one is marked."""
    says = _says(one, secret)
    if not _is_choice(says):
        return one
    return Button(label=(MARK if says == chosen else "") + one.label.removeprefix(MARK), data=one.data)


def _says(one: Button, secret: bytes) -> str:
    read = read_button(secret, one.data)
    return "" if read is None else read[1]


def _is_choice(says: str) -> bool:
    return says.startswith(buttons.CHOICE)
