"""The answers by which the benefit of profiles is measured: one query, whoever shows its figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from sqlalchemy import ColumnElement, Text, and_, bindparam, case, exists, func, literal, or_, select, type_coerce

from bot.errors import StoreDamaged
from bot.profile_types import MeasuredAnswer, ProfileEventKind
from bot.store.db import Database, Row, read
from bot.store.keys import Keys
from bot.store.messages import arms_of, obeyed_of, propensities_of
from bot.store.schema import UtcTime, answer_log, profile_events, ratings, turns
from bot.types import Flag, TurnStatus

CUT_OFF = (Flag.PARTIAL, Flag.STOPPED, Flag.TIMED_OUT, Flag.FAILED, Flag.LIMITED, Flag.CRISIS)
"""Answers with one of these are not measured: nobody read a whole answer of the style that was asked for.

An answer that the spare model gave (`Flag.FALLBACK`) is: it is what the person got, under either condition alike.
"""
_BEGINNING = datetime.fromtimestamp(0, UTC)

_stored = type_coerce(profile_events.c.data, Text)
_choice = case((func.json_valid(_stored), func.json_type(_stored, literal("$.takes_part", Text()))))
"""`true` or `false` of a choice about taking part. JSON functions fail on what is no JSON, as in a damaged row."""


def _last(choice: str) -> ColumnElement[str]:
    """The id of somebody's newest event with that choice."""
    return func.coalesce(func.max(case((_choice == literal(choice, Text()), profile_events.c.id))), literal("", Text()))


_opted_out = (
    select(profile_events.c.person_id)
    .where(profile_events.c.kind == literal(ProfileEventKind.MEASURE.value, Text()))
    .group_by(profile_events.c.person_id)
    .having(_last("false") > _last("true"))
)

_flag = func.json_each(turns.c.flags).table_valued("value", name="flag").c.value
_MEASURED = read(
    "measured answers",
    select(
        answer_log.c.person_id,
        answer_log.c.at,
        answer_log.c.thread,
        answer_log.c.condition,
        ratings.c.value,
        type_coerce(answer_log.c.arms, Text),
        type_coerce(answer_log.c.used, Text),
        type_coerce(answer_log.c.propensities, Text),
        type_coerce(answer_log.c.obeyed, Text),
        answer_log.c.is_length_obeyed,
        answer_log.c.words,
    )
    .select_from(answer_log)
    .join(turns, turns.c.id == answer_log.c.turn_id)
    .outerjoin(
        ratings,
        and_(ratings.c.turn_id == answer_log.c.turn_id, ratings.c.person_id == answer_log.c.person_id, ratings.c.value != 0),
    )
    .where(
        answer_log.c.is_measured,
        answer_log.c.at >= bindparam("since", type_=UtcTime()),
        answer_log.c.person_id.not_in(_opted_out),
        turns.c.status == literal(TurnStatus.ANSWERED.value, Text()),
        ~exists(select(_flag).where(or_(*(_flag == literal(flag.value, Text()) for flag in CUT_OFF)))),
    )
    .order_by(answer_log.c.at, answer_log.c.turn_id),
)


class StoredMeasurements:
    """The `MeasurementStore` of the database. People are keyed hashes in it, and whoever was forgotten is gone."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database, self._keys = database, keys

    async def measured(self, *, since: datetime | None = None) -> Sequence[MeasuredAnswer]:
        """Every measured answer (since then), oldest first, with its rating by the person who had asked.

        Whoever takes no part any more is left out, also with earlier answers. A withdrawn rating is none. A 👎 because the
        answer was wrong counts like any: all conditions have their share of those.
        """
        rows = await self._database.rows(_MEASURED, since=since or _BEGINNING)
        return [self._measured(row) for row in rows]

    def _measured(self, row: Row) -> MeasuredAnswer:
        """One answer. Raises StoreDamaged for a row that is not whole."""
        person, at, thread, condition, value, arms, used, propensities, obeyed, is_length_obeyed, words = row
        values = {
            "person": self._keys.measured(person),
            "at": at,
            "thread": thread,
            "condition": condition,
            "value": value,
            "arms": arms_of(arms),
            "used": arms_of(used),
            "propensities": propensities_of(propensities),
            "obeyed": obeyed_of(obeyed),
            "is_length_obeyed": is_length_obeyed,
            "words": words,
        }
        try:
            return msgspec.convert(values, MeasuredAnswer)
        except msgspec.ValidationError as error:
            raise StoreDamaged("a row of the answer log holds something else than was written") from error
