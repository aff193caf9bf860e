"""What handlers and the one who remembers ask to be written about memories, as steps of a unit of work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from bot.ports import Ids
from bot.store.db import Statement
from bot.store.deletions import (
    DELETE_ALL_MEMORIES,
    DELETE_MEMORIES,
    DELETE_PENDING_MEMORIES,
    DELETE_PENDING_OF_MEMORIES,
    DELETE_SOURCE,
    UNINDEX_ALL,
    UNINDEX_MEMORIES,
)
from bot.store.memory_statements import (
    DELETE_ENDED_VECTORS,
    END_MEMORIES,
    INSERT_MEMORY,
    INSERT_SOURCE,
    NO_EMBEDDER,
    RELINK_MEMORIES,
    REVIVE_MEMORIES,
    SET_REMEMBERING,
)
from bot.store.messages import json_text
from bot.types import PersonId
from bot.writes import (
    AddMemory,
    AddMemorySource,
    DropAllMemories,
    DropMemories,
    DropMemorySource,
    EndMemories,
    MemoryWrite,
    SetRemembering,
)

Steps = list[tuple[Statement, dict[str, object]]]


def memory_steps(write: MemoryWrite, at: datetime, ids: Ids) -> Steps:
    """The steps of one write."""
    steps: Steps
    match write:
        case SetRemembering():
            steps = [(SET_REMEMBERING, {"person": write.person_id, "chosen": write.remembers})]
        case AddMemory():
            steps = _added(write, at, ids)
        case AddMemorySource():
            steps = [_source(write.person_id, write.id, write.source)]
        case EndMemories():
            steps = _ended(write, at, ids)
        case DropMemories():
            steps = _dropped(write, ids)
        case DropMemorySource():
            steps = [(DELETE_SOURCE, {"person": write.person_id, "source": write.source})]
        case DropAllMemories():
            person: dict[str, object] = {"person": write.person_id}
            steps = [(UNINDEX_ALL, person), (DELETE_ALL_MEMORIES, person), (DELETE_PENDING_MEMORIES, person)]
        case _:
            assert_never(write)
    return steps


def _added(write: AddMemory, at: datetime, ids: Ids) -> Steps:
    what = write.what
    is_history = write.superseded_by is not None
    row: dict[str, object] = {
        "id": write.id,
        "person_id": write.person_id,
        "group_id": write.group,
        "kind": what.kind.value,
        "text": what.text,
        "stems": " ".join(write.stems),
        "said_by": what.said_by,
        "said_at": what.said_at,
        "session": what.session,
        "position": what.position,
        "origin": what.origin.value,
        "language": what.language,
        "slot": what.slot,
        "created_at": at,
        "changed": ids.new(),
        "supersedes": write.supersedes,
        "superseded_by": write.superseded_by,
        "ended_at": at if is_history else None,
        "embedder": NO_EMBEDDER if is_history else None,
        "is_indexed": is_history,
    }
    return [(INSERT_MEMORY, row), *(_source(write.person_id, write.id, source) for source in dict.fromkeys(what.sources))]


def _source(person: PersonId, id: str, source: str) -> tuple[Statement, dict[str, object]]:
    return INSERT_SOURCE, {"memory_id": id, "source": source, "person_id": person}


def _ended(write: EndMemories, at: datetime, ids: Ids) -> Steps:
    named = _named(write.person_id, write.ids)
    return [
        (UNINDEX_MEMORIES, named),
        (END_MEMORIES, {**named, "by": write.by, "at": at, "stamp": ids.new()}),
        (DELETE_ENDED_VECTORS, named),
    ]


def _dropped(write: DropMemories, ids: Ids) -> Steps:
    named = _named(write.person_id, write.ids)
    steps: Steps = [(UNINDEX_MEMORIES, named), (DELETE_PENDING_OF_MEMORIES, named), (DELETE_MEMORIES, named)]
    if write.revives:
        stamped = {**named, "stamp": ids.new()}
        steps += [(RELINK_MEMORIES, stamped), (REVIVE_MEMORIES, stamped)]
    return steps


def _named(person: PersonId, ids: Sequence[str]) -> dict[str, object]:
    return {"person": person, "ids": json_text(list(ids))}
