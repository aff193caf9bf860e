"""Profile events and the answer log: what a person's profile is replayed from, and how each answer was explained."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, func, literal, literal_column, select, type_coerce

from bot.errors import StoreDamaged
from bot.profile_types import AnswerStyle, LoggedStyle, ProfileEvent, ProfileEventKind
from bot.store.db import DIALECT, Database, Row, Statement, read
from bot.store.messages import arms_of, data_of, obeyed_of, propensities_of
from bot.store.schema import UtcTime, answer_log, profile_events
from bot.types import AddressId, ConversationId, PersonId, TurnId

_MOST_ON_THE_LOOP: Final = 200
"""More rows are decoded in a thread, so that the loop goes on meanwhile."""


def _events(*where: ColumnElement[bool]) -> Select[Any]:
    """Events in their order, every column as it is stored: what is damaged is found when it is decoded."""
    event = profile_events.c
    columns = (event.id, event.kind, type_coerce(event.data, Text), type_coerce(event.at, BigInteger))
    return select(*columns).where(event.person_id == bindparam("person"), *where).order_by(event.id)


_EVENTS = read("profile events", _events())
_PRESSES = read(
    "presses of an answer",
    _events(
        profile_events.c.kind == literal(ProfileEventKind.PRESS.value, Text()),
        func.instr(type_coerce(profile_events.c.data, Text), bindparam("turn", type_=Text())) > 0,
    ),
)
VERSION = read(
    "version of profile events",
    select(
        func.count(),
        func.coalesce(func.max(profile_events.c.id), ""),
        func.coalesce(func.max(literal_column("rowid", BigInteger)), 0),
    ).where(profile_events.c.person_id == bindparam("person")),
)
"""How many events there are, the greatest id and the row stored last: an event that comes or goes moves one of these.

All of it stands in the index, so that no row is read.
"""


def _style(*where: ColumnElement[bool]) -> Select[Any]:
    log = answer_log.c
    return select(
        log.turn_id,
        type_coerce(log.at, BigInteger),
        log.thread,
        log.condition,
        log.is_measured,
        log.topic,
        log.level,
        log.goal,
        log.length,
        type_coerce(log.arms, Text),
        type_coerce(log.asked, Text),
        type_coerce(log.used, Text),
        type_coerce(log.propensities, Text),
        type_coerce(log.obeyed, Text),
        log.is_length_obeyed,
        log.words,
        log.version,
    ).where(*where)


_STYLE_OF = read("style of an answer", _style(answer_log.c.turn_id == bindparam("turn")))
_LAST_STYLE = read(
    "last style",
    _style(answer_log.c.address_id == bindparam("address"), answer_log.c.conversation_id == bindparam("conversation"))
    .order_by(answer_log.c.turn_id.desc())
    .limit(1),
)
_ANSWERS_SINCE = read(
    "answers since",
    select(func.count())
    .select_from(answer_log)
    .where(answer_log.c.person_id == bindparam("person"), answer_log.c.at >= bindparam("since", type_=UtcTime())),
)


_KINDS = frozenset(ProfileEventKind)
_time = UtcTime()


class StoredProfiles:
    """The `ProfileStore` of the database; `AddProfileEvent`, `DropProfileEvent` and turns write what it reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self, person: PersonId) -> str:
        """Changes whenever `events` would answer differently."""
        rows = await self._database.rows(VERSION, person=person)
        return ".".join(map(str, rows[0]))

    async def events(self, person: PersonId) -> Sequence[ProfileEvent]:
        """All events of the person, oldest first.

        One that is damaged says nothing, and neither does a kind that only another version knows.
        """
        rows = await self._database.rows(_EVENTS, person=person)
        if len(rows) <= _MOST_ON_THE_LOOP:
            return list(_decoded(rows))
        return await asyncio.to_thread(lambda: list(_decoded(rows)))

    async def presses_of(self, person: PersonId, turn_id: TurnId) -> Sequence[ProfileEvent]:
        """The person's `PRESS` events about one answer, oldest first."""
        rows = await self._database.rows(_PRESSES, person=person, turn=turn_id)
        return [event for event in _decoded(rows) if event.data.get("turn") == turn_id]

    async def last_style(self, address_id: AddressId, conversation_id: ConversationId) -> LoggedStyle | None:
        """The style of the newest logged answer of that conversation at that address."""
        return await self._first(_LAST_STYLE, address=address_id, conversation=conversation_id)

    async def style_of(self, turn_id: TurnId) -> LoggedStyle | None:
        """The style of one answer, whoever's it is; None when none was logged."""
        return await self._first(_STYLE_OF, turn=turn_id)

    async def answers_since(self, person: PersonId, since: datetime) -> int:
        """How many answers of this person were logged since then."""
        rows = await self._database.rows(_ANSWERS_SINCE, person=person, since=since)
        return int(rows[0][0])

    async def _first(self, statement: Statement, **parameters: object) -> LoggedStyle | None:
        rows = await self._database.rows(statement, **parameters)
        return _logged_style(rows[0]) if rows else None


def _decoded(rows: Iterable[Row]) -> Iterator[ProfileEvent]:
    """The events of the rows that are whole."""
    for event, kind, data, at in rows:
        if kind not in _KINDS:
            continue
        try:
            yield ProfileEvent(id=event, kind=ProfileEventKind(kind), data=data_of(data), at=_moment(at))
        except StoreDamaged:
            continue


def _moment(stored: int) -> datetime:
    """A stored time. Raises StoreDamaged for what is none."""
    try:
        moment = _time.process_result_value(stored, DIALECT)
    except (TypeError, OverflowError) as error:
        raise StoreDamaged("a row of a profile holds no time where it should") from error
    assert moment is not None, "the column is never NULL"
    return moment


def _logged_style(row: Row) -> LoggedStyle:
    """The style of a row of the log. Raises StoreDamaged for one that is not whole."""
    values = {
        "thread": row[2],
        "condition": row[3],
        "is_measured": row[4],
        "topic": row[5],
        "level": row[6],
        "goal": row[7],
        "length": row[8],
        "arms": arms_of(row[9]),
        "asked": arms_of(row[10]),
        "used": arms_of(row[11]),
        "propensities": propensities_of(row[12]),
        "obeyed": obeyed_of(row[13]),
        "is_length_obeyed": row[14],
        "words": row[15],
        "version": row[16],
    }
    try:
        style = msgspec.convert(values, AnswerStyle)
    except msgspec.ValidationError as error:
        raise StoreDamaged("a row of the answer log holds something else than was written") from error
    return LoggedStyle(turn_id=TurnId(row[0]), style=style, at=_moment(row[1]))
