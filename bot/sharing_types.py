"""Corrections that may answer everybody: what an admin asked for, and what whoever wrote one said to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Final

from bot.types import Language, PersonId, TurnId

SHARE: Final = "share"
"""The due message that asks somebody: its kind is `share.LANGUAGE`."""
SHARING_VERSION: Final = "1"
"""Of the words in which consent is asked for. It is kept with each consent (R-52)."""


class SharedState(StrEnum):
    """Where a correction in these words stands. Nothing but `SHARED` answers anybody else.

    Whoever wrote it may say no to what is asked, or take back what is shared: both are final for these words. It ends where
    the words change, or their author may be asked no more; it begins anew only by an admin and with the author's word.
    """

    LEFT_OUT = "left_out"
    ASKED = "asked"
    SHARED = "shared"
    DECLINED = "declined"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedAnswer:
    """A question with the correction that may answer it. `state` is None where nobody has decided anything.

    `digest` names exactly these words: once one of the two texts is another, nothing that was said about them counts.
    """

    turn_id: TurnId
    person_id: PersonId
    question: str
    answer: str
    rejected: str
    language: Language
    digest: str
    at: datetime
    state: SharedState | None = None


def words_digest(question: str, answer: str) -> str:
    """What names these two texts: 32 letters and digits."""
    return blake2b(f"{len(question)}\n{question}\n{answer}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
