"""The vectors of memories, by one embedder at a time, and what the index lacks or has too much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    LargeBinary,
    Select,
    Text,
    and_,
    bindparam,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    text,
    type_coerce,
    union_all,
)

from bot.memory_ports import Removal, StoredVector, Unindexed
from bot.store.building import listed
from bot.store.db import Database, Unit, read
from bot.store.memory_statements import END_REMOVALS, SET_EMBEDDER, SET_INDEXED, SET_VECTOR, UNSET_EMBEDDER
from bot.store.messages import json_text
from bot.store.schema import index_removals, memories, memory_vectors
from bot.types import AddressId, PersonId, Scope

_m, _v = memories.c, memory_vectors.c
_most = bindparam("most", type_=Integer())
_by_present = _m.embedder == bindparam("name", type_=Text())
_is_live = _m.ended_at.is_(None)
"""With a name in place of NULL it leads to the index of what is embedded."""
_rows: Select[Any] = select(_m.id, _m.person_id, _m.group_id, _v.vector).join(memory_vectors, _v.memory_id == _m.id)
_EMBEDDER = read(
    "embedder of most vectors",
    select(_m.embedder)
    .where(_m.embedder.is_not(None), _is_live)
    .group_by(_m.embedder)
    .order_by(func.count().desc())
    .limit(literal(1, Integer())),
)
_is_to_leave = exists().where(index_removals.c.memory_id == _m.id)
"""It ended and lives again, and its old vector is still in the index: that goes first."""


def _unindexed(vector: ColumnElement[Any]) -> Select[Any]:
    found = select(_m.id, _m.person_id, _m.group_id, _m.text, vector, _m.changed.label("changed"))
    return found.where(text("is_indexed = 0"), ~_is_to_leave)


def _newest(*several: Select[Any]) -> CompoundSelect[Any]:
    """Each of these comes out of the index in order, so that a long backlog is not sorted for the few that are wanted."""
    return union_all(*several).order_by(text("changed DESC")).limit(_most)


_name = bindparam("name", type_=Text())
_without = [
    _unindexed(type_coerce(null(), LargeBinary)).where(one)
    for one in (_m.embedder.is_(None), _m.embedder < _name, _m.embedder > _name)
]
"""What has no vector, or another embedder's. A name is set together with its vector, so that no other lacks one."""
_with = _unindexed(_v.vector).where(_by_present)
_UNINDEXED = {
    None: read("memories to index", _newest(*_without, _with.outerjoin(memory_vectors, _v.memory_id == _m.id))),
    True: read("memories to index that have a vector", _newest(_with.join(memory_vectors, _v.memory_id == _m.id))),
    False: read("memories to embed", _newest(*_without)),
}
_BY_PERSON = read(
    "vectors by person",
    _rows.where(
        _by_present,
        _is_live,
        _m.person_id >= bindparam("person"),
        or_(_m.person_id > bindparam("person"), _m.id > bindparam("after", type_=Text())),
    )
    .order_by(_m.person_id, _m.id)
    .limit(_most),
)
_NUMBERS = read(
    "live memories and vectors",
    select(func.count(), func.coalesce(func.sum(func.iif(_by_present, 1, 0)), 0)).where(_m.ended_at.is_(None)),
)
_PAGE = read("page of vectors", _rows.where(_m.id > bindparam("after", type_=Text()), _by_present).order_by(_m.id).limit(_most))
_theirs = and_(_m.person_id == bindparam("person"), _by_present)
_among = _m.id.in_(listed("ids"))
_in_group = _m.group_id == bindparam("group")
_OF = read("vectors of person", _rows.where(_theirs))
_OF_GROUP = read("vectors of person in a group", _rows.where(_theirs, _in_group))
_OF_AMONG = read("some vectors of person", _rows.where(_theirs, _among))
_OF_GROUP_AMONG = read("some vectors of person in a group", _rows.where(_theirs, _among, _in_group))
_REMOVALS = read(
    "index removals",
    select(index_removals.c.memory_id, index_removals.c.person_id, index_removals.c.group_id)
    .order_by(index_removals.c.memory_id)
    .limit(_most),
)
_some = (
    select(_m.person_id.label("person"))
    .where(_by_present, _is_live)
    .distinct()
    .order_by(func.random())
    .limit(_most)
    .subquery("some")
)
_COUNTS = read(
    "vectors by place",
    select(_m.person_id, type_coerce(_m.group_id, Text), func.count())
    .join(_some, _some.c.person == _m.person_id)
    .where(_by_present, _is_live, _m.is_indexed.is_(True))
    .group_by(_m.person_id, _m.group_id),
)


class StoredVectors:
    """The `VectorStore` of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def embedder(self) -> str:
        """The embedder by which most vectors are, `""` when there are none."""
        rows = await self._database.rows(_EMBEDDER)
        return rows[0][0] if rows else ""

    async def unset(self, embedder: str, *, limit: int) -> int:
        """Mark at most so many memories with vectors by any other embedder as having none; how many they were."""
        (rows,) = await self._database.commit_returning(Unit((UNSET_EMBEDDER, {"name": embedder, "most": limit})))
        return len(rows)

    async def unindexed(self, embedder: str, *, limit: int, has_vector: bool | None = None) -> Sequence[Unindexed]:
        """Live memories that are not in the index, newest first: all, or only those with a vector, or those without."""
        rows = await self._database.rows(_UNINDEXED[has_vector], name=embedder, most=limit)
        return [Unindexed(id=row[0], person=row[1], group=row[2], text=row[3], vector=row[4]) for row in rows]

    async def store(self, embedder: str, vectors: Sequence[StoredVector]) -> None:
        """Keep vectors; those of memories that were forgotten or ended meanwhile are let go."""
        rows = [{"memory_id": one.id, "person_id": one.person, "vector": one.vector} for one in vectors]
        steps = [(SET_VECTOR, row) for row in rows]
        names = [(SET_EMBEDDER, {"memory": one.id, "name": embedder}) for one in vectors]
        await self._database.commit(Unit(*steps, *names))

    async def indexed(self, embedder: str, ids: Sequence[str]) -> None:
        """These are in the index now. One that has to leave it is not marked: it comes again when it has left."""
        if ids:
            await self._database.commit(Unit((SET_INDEXED, {"ids": json_text(list(ids)), "name": embedder})))

    async def page(self, embedder: str, *, after: str, limit: int) -> Sequence[StoredVector]:
        """All vectors by this embedder, in the order of memories' ids."""
        return [_vector(row) for row in await self._database.rows(_PAGE, name=embedder, after=after, most=limit)]

    async def by_person(self, embedder: str, *, after: tuple[PersonId, str], limit: int) -> Sequence[StoredVector]:
        """All vectors by this embedder, in the order of people and then of memories' ids, after one of them."""
        rows = await self._database.rows(_BY_PERSON, name=embedder, person=after[0], after=after[1], most=limit)
        return [_vector(row) for row in rows]

    async def numbers(self, embedder: str) -> tuple[int, int]:
        """How many live memories there are, and how many of them have a vector by this embedder."""
        ((live, embedded),) = await self._database.rows(_NUMBERS, name=embedder)
        return live, embedded

    async def of(
        self, person: PersonId, scope: Scope, embedder: str, *, among: Sequence[str] | None = None
    ) -> Sequence[StoredVector]:
        """The vectors that a scope may read: all, or of these memories."""
        statement = _OF if among is None else _OF_AMONG
        bound: dict[str, object] = {} if among is None else {"ids": json_text(list(among))}
        if scope.group is not None:
            statement = _OF_GROUP if among is None else _OF_GROUP_AMONG
            bound["group"] = scope.group
        rows = await self._database.rows(statement, person=person, name=embedder, **bound)
        return [_vector(row) for row in rows]

    async def removals(self, *, limit: int) -> Sequence[Removal]:
        """What has to leave the index."""
        rows = await self._database.rows(_REMOVALS, most=limit)
        return [Removal(id=row[0], person=row[1], group=row[2]) for row in rows]

    async def removed(self, ids: Sequence[str]) -> None:
        """These have left it."""
        await self._database.commit(Unit((END_REMOVALS, {"ids": json_text(list(ids))})))

    async def counts(self, embedder: str, *, limit: int) -> Sequence[tuple[PersonId, AddressId | None, int]]:
        """How many vectors the index must hold, for some people and places taken at random."""
        return [tuple(row) for row in await self._database.rows(_COUNTS, name=embedder, most=limit)]


def _vector(row: tuple[Any, ...]) -> StoredVector:
    return StoredVector(id=row[0], person=row[1], group=row[2], vector=row[3])
