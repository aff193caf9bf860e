"""What stands under an answer on Discord, as plain components: choices, 👍 👎 ✏️, reasons, and the form for a correction; pure.

Everything is in the signed `custom_id`, so that a press is understood by any later process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bot.buttons import CHOICE, CORRECT, DOWN, REASON, UP, button
from bot.locale import say
from bot.profile_types import Reason
from bot.reason_words import reason_words
from bot.types import Choice, Chosen, GivenRating, Language, Reply, TurnId

Component = dict[str, Any]

WITHDRAW: Final = "0"
"""What the button says that takes a rating back."""
ON_THANKS: Final = frozenset({WITHDRAW, REASON})
"""What only the buttons under the thanks for a rating say, which nobody but the person sees."""
FIELD: Final = "text"
"""The one input of the form for a correction."""
MOST_TYPED: Final = 4000

_ROW, _BUTTON, _SELECT, _INPUT = 1, 2, 3, 4
_BLURPLE, _GREY = 1, 2
_PARAGRAPH: Final = 2
_IN_ROW, _ROWS, _OPTIONS = 5, 5, 25
_ONE: Final = {"min_values": 1, "max_values": 1}
_BUTTON_CHARS, _OPTION_CHARS = 80, 100


def components(secret: bytes, turn_id: TurnId, reply: Reply) -> list[Component]:
    """The rows under a reply: its choices as buttons, as menus where they are too many for that; then the thumbs."""
    room = _ROWS - 1 if reply.rateable else _ROWS
    rows = _choice_rows(secret, turn_id, reply.choices)
    if len(rows) > room:
        rows = _choice_menus(secret, turn_id, reply.choices, room)
    if reply.rateable:
        thumbs = ((UP, "👍"), (DOWN, "👎"), (CORRECT, "✏️"))
        rows.append(_row([_press(secret, turn_id, says, emoji=emoji) for says, emoji in thumbs]))
    return rows


def long_labels(choices: Sequence[Choice]) -> tuple[str, ...]:
    """The labels that no button has room for: they have to be in the text."""
    return tuple(choice.label for choice in choices if len(choice.label) > _BUTTON_CHARS)


def after_rating(secret: bytes, turn_id: TurnId, value: int, language: Language) -> list[Component]:
    """What is offered with the thanks: the reasons of a 👎, the form, and to take the rating back."""
    rows = []
    if value < 0:
        options = [
            {"label": label, "value": reason.value}
            for reason, label in reason_words(language).items()
            if reason is not Reason.STYLE
        ]
        menu = {
            "type": _SELECT,
            "custom_id": button(secret, turn_id, REASON),
            "placeholder": say(language, "What was wrong with it?"),
            "options": options,
            **_ONE,
        }
        rows.append(_row([menu]))
    if value:
        offered = [_press(secret, turn_id, WITHDRAW, label=say(language, "Take my rating back"))]
        if value < 0:
            offered.insert(0, _press(secret, turn_id, CORRECT, label=say(language, "Correct"), emoji="✏️"))
        rows.append(_row(offered))
    return rows


def correction_form(secret: bytes, turn_id: TurnId, language: Language) -> Component:
    """The form that asks for the right answer."""
    field = {
        "type": _INPUT,
        "custom_id": FIELD,
        "style": _PARAGRAPH,
        "label": say(language, "What should I have said?")[:45],
        "min_length": 1,
        "max_length": MOST_TYPED,
        "required": True,
    }
    title = say(language, "Correct this answer")[:45]
    return {"custom_id": button(secret, turn_id, CORRECT), "title": title, "components": [_row([field])]}


def meant(turn_id: TurnId, says: str, values: Sequence[str]) -> GivenRating | Chosen | None:
    """What a press means; None where it is from a version that had others, or where a menu's value was made up."""
    if says in (UP, DOWN, WITHDRAW):
        return GivenRating(turn_id=turn_id, value=1 if says == UP else -1 if says == DOWN else 0)
    if says == REASON:
        reason = next((one for one in Reason if [one.value] == list(values)), None)
        return GivenRating(turn_id=turn_id, value=-1, reason=reason) if reason is not None else None
    if says.rstrip("0123456789") == CHOICE and says != CHOICE:
        return Chosen(turn_id=turn_id, key=says)
    if says.startswith(f"{CHOICE}m") and len(values) == 1 and values[0].isascii() and values[0].isdigit():
        return Chosen(turn_id=turn_id, key=f"{CHOICE}{values[0]}")
    return None


def _choice_rows(secret: bytes, turn_id: TurnId, choices: Sequence[Choice]) -> list[Component]:
    """Buttons, row by row as the reply has them; a row of more than five goes on in the next."""
    rows: list[list[Component]] = []
    last: int | None = None
    for place, choice in enumerate(choices):
        if choice.row != last or len(rows[-1]) == _IN_ROW:
            rows.append([])
        last = choice.row
        label = _cut(choice.label, _BUTTON_CHARS)
        rows[-1].append(_press(secret, turn_id, f"{CHOICE}{place}", label=label, style=_BLURPLE))
    return [_row(row) for row in rows]


def _choice_menus(secret: bytes, turn_id: TurnId, choices: Sequence[Choice], room: int) -> list[Component]:
    """Menus of 25 options each; what is beyond them all can still be typed."""
    menus = []
    for number in range(min(room, -(-len(choices) // _OPTIONS))):
        first = number * _OPTIONS
        options = [
            {"label": _cut(choice.label, _OPTION_CHARS), "value": str(place)}
            for place, choice in enumerate(choices[first : first + _OPTIONS], first)
        ]
        says = f"{CHOICE}m{number}"
        menus.append(_row([{"type": _SELECT, "custom_id": button(secret, turn_id, says), "options": options, **_ONE}]))
    return menus


def _press(secret: bytes, turn_id: TurnId, says: str, *, label: str = "", emoji: str = "", style: int = _GREY) -> Component:
    shown: Component = {"type": _BUTTON, "style": style, "custom_id": button(secret, turn_id, says)}
    if label:
        shown["label"] = label
    if emoji:
        shown["emoji"] = {"name": emoji}
    return shown


def _row(parts: list[Component]) -> Component:
    return {"type": _ROW, "components": parts}


def _cut(label: str, most: int) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"
