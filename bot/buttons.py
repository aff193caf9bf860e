"""What stands behind a button of ours on a platform: which answer it belongs to and what it says, signed; pure.

Buttons live as long as their message, so that nothing of them is kept but the answer's own row. A platform gives little room
(Telegram 64 bytes), and an option's key may be long: a choice is named by its place among the answer's choices.
"""

from __future__ import annotations

import hmac
from dataclasses import replace
from hashlib import blake2b
from typing import Final

from bot.types import Chosen, IncomingMessage, PastTurn, TurnId

UP: Final = "+"
DOWN: Final = "-"
CORRECT: Final = "c"
"""Asks for a place to write the right answer."""
REASON: Final = "r"
"""Before the reason of a 👎."""
CHOICE: Final = "#"
"""Before the place of an option, from 0; also how such a key begins until its turn is known (`by_key`)."""
_SIGNED: Final = 9
"""Bytes of the signature: nobody tries 72 bits out over a platform's network."""
MOST: Final = 64
"""Bytes of a button's data, as Telegram counts them; Discord takes 100."""


def button(secret: bytes, turn_id: TurnId, says: str) -> str:
    """The data of a button under this answer. Raises ValueError where that is longer than platforms take."""
    data = f"{turn_id}:{says}:{_signature(secret, turn_id, says)}"
    if len(data.encode()) > MOST:
        raise ValueError(f"a button's data may have {MOST} bytes, found {len(data.encode())}")
    return data


def read_button(secret: bytes, data: str) -> tuple[TurnId, str] | None:
    """The answer and what the button says; None for what is none of ours."""
    turn_id, _, rest = data.partition(":")
    says, _, signature = rest.rpartition(":")
    is_ours = hmac.compare_digest(signature.encode("utf-8", "replace"), _signature(secret, turn_id, says).encode())
    return (TurnId(turn_id), says) if is_ours and says else None


def by_key(message: IncomingMessage, target: PastTurn | None) -> IncomingMessage:
    """The message with its choice named by the option's key, where it was named by place; as it is where there is none."""
    chosen = message.choice
    if chosen is None or target is None or not chosen.key.startswith(CHOICE):
        return message
    place, choices = chosen.key.removeprefix(CHOICE), target.reply.choices
    if not place.isascii() or not place.isdigit() or int(place) >= len(choices):
        return message
    return replace(message, choice=Chosen(turn_id=chosen.turn_id, key=choices[int(place)].key))


def _signature(secret: bytes, turn_id: str, says: str) -> str:
    text = f"{turn_id}:{says}".encode("utf-8", "surrogatepass")
    return blake2b(text, key=secret[:64], digest_size=_SIGNED, person=b"button").hexdigest()
