"""What the store tells a night of rated answers and of those who rated them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.profile_types import Arms
from bot.types import ChannelName, Flag, Language, PersonId, TurnId


class Intent(StrEnum):
    """What somebody does with what they say."""

    QUESTION = "question"
    REQUEST = "request"
    CHAT = "chat"
    COMPLAINT = "complaint"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedTurn:
    """An answer that its asker rated or corrected, and may be trained on: they agreed before they asked, and agree now.

    `row`, `thread` and `pseudonym` are keyed hashes of the turn, the conversation and the person. `history` is oldest first.
    """

    row: str
    thread: str
    pseudonym: str
    turn_id: TurnId
    person_id: PersonId
    channel: ChannelName
    is_private: bool
    language: Language
    question: str
    answer: str
    value: int
    reason: str
    correction: str
    history: tuple[tuple[str, str], ...]
    model: str
    flags: frozenset[Flag]
    memories: int
    is_anothers: bool = False
    arms: Arms | None
    prompt_version: str
    asked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Since when somebody has talked with the bot, and in how many conversations."""

    since: datetime
    conversations: int
