"""The statements that write memories and their vectors; `order` gives them their places among the others."""

from __future__ import annotations

from sqlalchemy import Integer, LargeBinary, Text, bindparam, case, delete, exists, literal, null, select, update
from sqlalchemy.dialects.sqlite import insert

from bot.store.building import also_of_person, bind, insert_into, insert_where, listed
from bot.store.codec import write
from bot.store.schema import index_removals, memories, memory_sources, memory_vectors, pending_memories, people, turns

NO_EMBEDDER = ""
"""In place of an embedder's name: a memory that is history needs no vector."""

SET_REMEMBERING = write(
    "set remembering",
    update(people).where(people.c.id == bindparam("person")).values(remembers=bind(people, "remembers", "chosen")),
    table="people",
    key=("person",),
)
INSERT_MEMORY = write("insert memory", insert_into(memories).on_conflict_do_nothing(), table="memories", key=("id",))
INSERT_SOURCE = write(
    "insert memory source",
    insert_where(
        memory_sources,
        select(literal(1))
        .select_from(memories)
        .where(memories.c.id == bind(memory_sources, "memory_id"), memories.c.person_id == bind(memory_sources, "person_id")),
    ).on_conflict_do_nothing(),
    table="memory_sources",
    key=("memory_id", "source"),
)  # the memory may have been forgotten meanwhile
_ended = memories.c.id.in_(listed("ids")) & also_of_person(memories) & memories.c.ended_at.is_(None)
END_MEMORIES = write(
    "end memories",
    update(memories)
    .where(_ended)
    .values(
        superseded_by=bindparam("by", type_=Text()),
        ended_at=bind(memories, "ended_at", "at"),
        changed=bindparam("stamp"),
        embedder=literal(NO_EMBEDDER),
        is_indexed=literal(True),
    ),
    table="memories",
    key=None,
)
DELETE_ENDED_VECTORS = write(
    "delete vectors of ended memories",
    delete(memory_vectors).where(memory_vectors.c.memory_id.in_(listed("ids")), also_of_person(memory_vectors)),
    table="memory_vectors",
    key=None,
)
_successor = memories.alias("successor")
_next = select(_successor.c.superseded_by).where(
    _successor.c.id == memories.c.superseded_by, _successor.c.superseded_by.is_not(None)
)
RELINK_MEMORIES = write(
    "relink memories",
    update(memories)
    .where(
        memories.c.superseded_by.in_(listed("ids")),
        memories.c.person_id == bindparam("person"),
        _next.correlate(memories).exists(),
    )
    .values(superseded_by=_next.correlate(memories).scalar_subquery(), changed=bindparam("stamp")),
    table="memories",
    key=None,
)
"""What a memory of history had ended stays history when that is forgotten: what ended it now ended both."""
REVIVE_MEMORIES = write(
    "revive memories",
    update(memories)
    .where(memories.c.superseded_by.in_(listed("ids")), memories.c.person_id == bindparam("person"))
    .values(superseded_by=null(), ended_at=null(), changed=bindparam("stamp"), embedder=null(), is_indexed=literal(False)),
    table="memories",
    key=None,
)
INSERT_EDITED_MEMORY = write(
    "remember an edited turn",
    insert_where(
        pending_memories,
        select(literal(1))
        .select_from(turns)
        .where(
            turns.c.id == bind(pending_memories, "turn_id"),
            exists().where(memory_sources.c.source == turns.c.id),
        ),
        values={"person_id": turns.c.person_id},
    ).on_conflict_do_nothing(),
    table="pending_memories",
    key=("id",),
    alone=True,
)  # only what was remembered is remembered anew; what is still pending is read as it is now
_as_read = (
    select(literal(1))
    .select_from(pending_memories)
    .join(turns, turns.c.id == pending_memories.c.turn_id)
    .join(people, people.c.id == turns.c.person_id)
    .where(
        pending_memories.c.id == bindparam("pending"),
        pending_memories.c.part == bindparam("part", type_=Text()),
        case((pending_memories.c.part == literal("answer", Text()), turns.c.answer), else_=turns.c.question)
        == bindparam("text", type_=Text()),
        people.c.remembers == bind(people, "remembers"),
    )
)
DEMAND_PENDING = write(
    "demand that a pending memory waits as it was read",
    insert(pending_memories).from_select(
        [column.name for column in pending_memories.columns],
        select(*(null() for _ in pending_memories.columns)).where(~_as_read.exists()),
    ),
    table="pending_memories",
    key=None,
)
"""Breaks the unit where it does not: the row that it then inserts has nothing in columns that must have something."""
END_PENDING_MEMORY = write(
    "end pending memory",
    delete(pending_memories).where(pending_memories.c.id == bindparam("pending")),
    table="pending_memories",
    key=("pending",),
)
ASK_MODEL = write(
    "leave pending memory to a model",
    update(pending_memories).where(pending_memories.c.id == bindparam("pending")).values(part=bindparam("kind", type_=Text())),
    table="pending_memories",
    key=("pending",),
)
SET_VECTOR = write(
    "set vector",
    insert_where(
        memory_vectors,
        select(literal(1))
        .select_from(memories)
        .where(
            memories.c.id == bind(memory_vectors, "memory_id"),
            memories.c.person_id == bind(memory_vectors, "person_id"),
            memories.c.ended_at.is_(None),
        ),
    ).on_conflict_do_update(index_elements=["memory_id"], set_={"vector": bindparam("vector", type_=LargeBinary())}),
    table="memory_vectors",
    key=None,
)
SET_EMBEDDER = write(
    "set embedder",
    update(memories)
    .where(memories.c.id == bindparam("memory"), memories.c.ended_at.is_(None))
    .values(embedder=bindparam("name", type_=Text())),
    table="memories",
    key=("memory",),
)
SET_INDEXED = write(
    "set indexed",
    update(memories)
    .where(
        memories.c.id.in_(listed("ids")),
        memories.c.embedder == bindparam("name", type_=Text()),
        ~exists().where(index_removals.c.memory_id == memories.c.id),
    )
    .values(is_indexed=literal(True)),
    table="memories",
    key=None,
)
_of_another = (
    select(memories.c.id)
    .where(memories.c.embedder != bindparam("name", type_=Text()), memories.c.ended_at.is_(None))
    .limit(bindparam("most", type_=Integer()))
)
UNSET_EMBEDDER = write(
    "unset embedder",
    update(memories)
    .where(memories.c.id.in_(_of_another))
    .values(embedder=null(), is_indexed=literal(False))
    .returning(literal(1)),
    table="memories",
    key=None,
)
END_REMOVALS = write(
    "end index removals",
    delete(index_removals).where(index_removals.c.memory_id.in_(listed("ids"))),
    table="index_removals",
    key=None,
)
