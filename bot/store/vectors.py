"""The vectors of memories, by one embedder at a time, and what the index lacks or has too much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, Select, Text, and_, bindparam, func, literal, null, select, text, type_coerce

from bot.memory_ports import Removal, StoredVector, Unindexed
from bot.store.db import Database, Unit, read
from bot.store.memory_statements import END_REMOVALS, SET_EMBEDDER, SET_INDEXED, SET_VECTOR, UNSET_EMBEDDER
from bot.store.messages import json_text
from bot.store.schema import index_removals, memories, memory_vectors
from bot.types import AddressId, PersonId, Scope

_m, _v = memories.c, memory_vectors.c
_most = bindparam("most", type_=Integer())
_by_present = _m.embedder == bindparam("name", type_=Text())
_rows: Select[Any] = select(_m.id, _m.person_id, _m.group_id, _v.vector).join(memory_vectors, _v.memory_id == _m.id)
_EMBEDDER = read(
    "embedder of most vectors",
    select(_m.embedder)
    .where(_m.embedder.is_not(None), _m.embedder != literal("", Text()))
    .group_by(_m.embedder)
    .order_by(func.count().desc())
    .limit(literal(1, Integer())),
)
_UNINDEXED = read(
    "memories to index",
    select(
        _m.id,
        _m.person_id,
        _m.group_id,
        _m.text,
        func.iif(_by_present, _v.vector, null()),
    )
    .outerjoin(memory_vectors, _v.memory_id == _m.id)
    .where(text("is_indexed = 0"))
    .order_by(_m.id)
    .limit(_most),
)
_PAGE = read("page of vectors", _rows.where(_m.id > bindparam("after", type_=Text()), _by_present).order_by(_m.id).limit(_most))
_theirs = and_(_m.person_id == bindparam("person"), _by_present)
_OF = read("vectors of person", _rows.where(_theirs))
_OF_GROUP = read("vectors of person in a group", _rows.where(_theirs, _m.group_id == bindparam("group")))
_REMOVALS = read(
    "index removals",
    select(index_removals.c.memory_id, index_removals.c.person_id, index_removals.c.group_id)
    .order_by(index_removals.c.memory_id)
    .limit(_most),
)
_some = select(_m.person_id.label("person")).where(_by_present).distinct().order_by(func.random()).limit(_most).subquery("some")
_COUNTS = read(
    "vectors by place",
    select(_m.person_id, type_coerce(_m.group_id, Text), func.count())
    .join(_some, _some.c.person == _m.person_id)
    .where(_by_present, _m.is_indexed.is_(True))
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

    async def unindexed(self, embedder: str, *, limit: int) -> Sequence[Unindexed]:
        """Live memories that are not in the index, oldest first."""
        rows = await self._database.rows(_UNINDEXED, name=embedder, most=limit)
        return [Unindexed(id=row[0], person=row[1], group=row[2], text=row[3], vector=row[4]) for row in rows]

    async def store(self, embedder: str, vectors: Sequence[StoredVector]) -> None:
        """Keep vectors; those of memories that were forgotten or ended meanwhile are let go."""
        rows = [{"memory_id": one.id, "person_id": one.person, "vector": one.vector} for one in vectors]
        steps = [(SET_VECTOR, row) for row in rows]
        names = [(SET_EMBEDDER, {"memory": one.id, "name": embedder}) for one in vectors]
        await self._database.commit(Unit(*steps, *names))

    async def indexed(self, embedder: str, ids: Sequence[str]) -> None:
        """These are in the index now."""
        await self._database.commit(Unit((SET_INDEXED, {"ids": json_text(list(ids)), "name": embedder})))

    async def page(self, embedder: str, *, after: str, limit: int) -> Sequence[StoredVector]:
        """All vectors by this embedder, in the order of memories' ids."""
        return [_vector(row) for row in await self._database.rows(_PAGE, name=embedder, after=after, most=limit)]

    async def of(self, person: PersonId, scope: Scope, embedder: str) -> Sequence[StoredVector]:
        """The vectors that a scope may read."""
        if scope.group is None:
            rows = await self._database.rows(_OF, person=person, name=embedder)
        else:
            rows = await self._database.rows(_OF_GROUP, person=person, name=embedder, group=scope.group)
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
