"""Who lets their conversations be used, as conditions of statements."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Text, and_, exists, func, literal, select, type_coerce

from bot.store.schema import consents, jobs
from bot.types import EvidenceKind

_APPROVED: Final = f'"kind":"{EvidenceKind.APPROVED.value}"'
"""How the sources of an answer tell of one (`bot.store.messages.evidence_json`)."""


def agreed(turn: FromClause) -> ColumnElement[bool]:
    """Whether a turn's person had agreed when they asked it, and has not taken that back since.

    What they agree to begins then.
    """
    of = consents.alias()
    before = (
        select(of.c.granted)
        .where(of.c.person_id == turn.c.person_id, of.c.at <= turn.c.asked_at)
        .order_by(of.c.id.desc())
        .limit(1)
        .correlate(turn)
    )
    since = consents.alias()
    taken_back = exists().where(since.c.person_id == turn.c.person_id, since.c.at > turn.c.asked_at, since.c.granted.is_(False))
    return and_(func.coalesce(before.scalar_subquery(), literal(False)).is_(True), ~taken_back.correlate(turn))


def is_leaving(person: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether somebody is about to be forgotten, or to be taken out of the training files."""
    return exists().where(
        jobs.c.person_id == person,
        jobs.c.kind.in_([literal(kind, Text()) for kind in ("forget", "withdraw")]),
        jobs.c.ended_at.is_(None),
    )


def rests_on_anothers(turn: FromClause) -> ColumnElement[bool]:
    """Whether an answer rests on a correction that another person lets everybody have: its words are theirs."""
    return func.coalesce(type_coerce(turn.c.evidence, Text).contains(_APPROVED), literal(False))
