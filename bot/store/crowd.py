"""The people of this bot as its admins see them: since when, when last, how much; none of their words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import FromClause, Integer, Select, Text, bindparam, func, literal_column, select, type_coerce

from bot.admin_types import ShownPerson
from bot.store.db import Database, read
from bot.store.schema import UtcTime, identities, people, turns
from bot.store.users import USERS, users_of
from bot.types import ChannelName, PersonId

TAG: Final = 8
"""Letters of an id that stand for a person: the last ones, which chance has made."""


_newest_turn = select(func.max(turns.c.id)).where(turns.c.person_id == people.c.id).correlate(people).scalar_subquery()
_last = select(turns.c.answered_at).where(turns.c.id == _newest_turn).correlate(people).scalar_subquery()
_count = select(func.count()).where(turns.c.person_id == people.c.id).correlate(people).scalar_subquery()


def _shown(of: FromClause = people) -> Select[Any]:
    """People with a look at the turns of each that is shown, and of nobody else."""
    return select(people.c.id, people.c.created_at, type_coerce(_last, UtcTime()), _count, USERS).select_from(of)


_COUNT = read("count people", select(func.count()).select_from(people))
_heard_of_last = (
    select(people.c.id, func.coalesce(_newest_turn, "").label("newest"))
    .order_by(literal_column("newest").desc(), people.c.id.desc())
    .limit(bindparam("most", type_=Integer()))
    .subquery("heard_of_last")
)
_NEWEST = read(
    "people heard of last",
    _shown(_heard_of_last.join(people, people.c.id == _heard_of_last.c.id)).order_by(
        _heard_of_last.c.newest.desc(), people.c.id.desc()
    ),
)
_TAGGED = read("tagged people", _shown().where(people.c.id.endswith(bindparam("tag", type_=Text()))).limit(2))
_BEHIND = read(
    "person behind a user",
    _shown().where(
        people.c.id
        == select(identities.c.person_id)
        .where(identities.c.channel == bindparam("channel"), identities.c.user == bindparam("user"))
        .scalar_subquery()
    ),
)


class StoredCrowd:
    """The `Crowd` of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> int:
        """How many there are."""
        ((count,),) = await self._database.rows(_COUNT)
        return int(count)

    async def newest(self, limit: int) -> Sequence[ShownPerson]:
        """Those who were heard of last, newest first."""
        return [_person(row) for row in await self._database.rows(_NEWEST, most=limit)]

    async def tagged(self, tag: str) -> ShownPerson | None:
        """Whose id ends so; None for nobody, for an end that two share, and for what is no whole tag."""
        if len(tag) < TAG or not tag.isascii() or not tag.isalnum():
            return None
        found = await self._database.rows(_TAGGED, tag=tag.lower())
        return _person(found[0]) if len(found) == 1 else None

    async def user(self, channel: ChannelName, user: str) -> ShownPerson | None:
        """Who is behind a user of a channel."""
        found = await self._database.rows(_BEHIND, channel=channel.value, user=user)
        return _person(found[0]) if found else None


def _person(row: tuple[Any, ...]) -> ShownPerson:
    person, since, last_at, count, users = row
    return ShownPerson(
        id=PersonId(person),
        tag=person[-TAG:],
        users=users_of(users),
        since=since,
        last_at=last_at,
        turns=count,
    )
