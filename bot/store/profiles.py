"""Profile events and the answer log: what a person's profile is replayed from, and how each answer was explained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, Text, bindparam, func, select, type_coerce

from bot.profile_types import AnswerStyle, Condition, LoggedStyle, ProfileEvent, ProfileEventKind
from bot.store.db import Database, Statement, read
from bot.store.messages import arms_of, data_of, obeyed_of, propensities_of
from bot.store.schema import UtcTime, answer_log, profile_events
from bot.types import AddressId, ConversationId, PersonId, TurnId

_EVENTS = read(
    "profile events",
    select(profile_events.c.id, profile_events.c.kind, type_coerce(profile_events.c.data, Text), profile_events.c.at)
    .where(profile_events.c.person_id == bindparam("person"))
    .order_by(profile_events.c.id),
)
_VERSION = read(
    "version of profile events",
    select(
        func.count(),
        func.coalesce(func.max(profile_events.c.id), ""),
        func.coalesce(func.sum(type_coerce(profile_events.c.at, BigInteger) % 1_000_003), 0),
    ).where(profile_events.c.person_id == bindparam("person")),
)
"""How many events there are, the newest, and a sum over all of them: an event that goes moves one of these."""


def _style(*where: ColumnElement[bool]) -> Select[Any]:
    log = answer_log.c
    return select(
        log.turn_id,
        log.at,
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


class StoredProfiles:
    """The `ProfileStore` of the database; `AddProfileEvent`, `DropProfileEvent` and turns write what it reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self, person: PersonId) -> str:
        """Changes whenever `events` would answer differently."""
        rows = await self._database.rows(_VERSION, person=person)
        return ".".join(map(str, rows[0]))

    async def events(self, person: PersonId) -> Sequence[ProfileEvent]:
        """All events of the person, oldest first; a kind that only another version knows says nothing to this one."""
        rows = await self._database.rows(_EVENTS, person=person)
        return [
            ProfileEvent(id=event, kind=ProfileEventKind(kind), data=data_of(data), at=at)
            for event, kind, data, at in rows
            if kind in _KINDS
        ]

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


def _logged_style(row: tuple[Any, ...]) -> LoggedStyle:
    style = AnswerStyle(
        thread=row[2],
        condition=Condition(row[3]),
        is_measured=row[4],
        topic=row[5],
        level=row[6],
        goal=row[7],
        length=row[8],
        arms=arms_of(row[9]),
        asked=arms_of(row[10]),
        used=arms_of(row[11]),
        propensities=propensities_of(row[12]),
        obeyed=obeyed_of(row[13]),
        is_length_obeyed=row[14],
        words=row[15],
        version=row[16],
    )
    return LoggedStyle(turn_id=TurnId(row[0]), style=style, at=row[1])
