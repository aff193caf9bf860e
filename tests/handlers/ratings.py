"""Makers of presses under an answer of Ada's, and of what the ledger has of them."""

from __future__ import annotations

from typing import Literal

from bot.profile_types import Reason
from bot.types import GivenRating, Kind, Language, PastTurn, Rating, Turn, TurnId
from bot.writes import SetRating
from tests.handlers.fakes import ADA, NOW, message, past, turn

Value = Literal[1, 0, -1]


def rated(
    value: Value,
    reason: Reason | None = None,
    correction: str | None = None,
    *,
    of: PastTurn | None = None,
    language: Language = "en",
) -> Turn:
    """A press on the rating of an answer of Ada's."""
    target = of or past()
    rating = GivenRating(turn_id=target.id, value=value, reason=reason, correction=correction)
    return turn(message(Kind.RATING, rating=rating), language, target=target)


def row(value: Value, reason: Reason | None = None, correction: str | None = None) -> SetRating:
    return SetRating(person_id=ADA, turn_id=TurnId("t1"), value=value, reason=reason, correction=correction)


def earlier(value: Value, reason: Reason | None = None, correction: str | None = None) -> PastTurn:
    return past(rating=Rating(turn_id=TurnId("t1"), value=value, reason=reason, correction=correction, rated_at=NOW))
