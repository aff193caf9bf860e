"""The memories of one person, as far as a scope may read them; and what of their turns is still to be remembered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, Select, Text, and_, bindparam, case, func, literal, or_, select, type_coerce

from bot.errors import StoreDamaged
from bot.memory_ports import MemoryVersion, PendingMemory
from bot.memory_types import Memory, MemoryKind, NewMemory, Origin
from bot.ports import Ids
from bot.store.building import also_of_person, listed
from bot.store.db import Database, Row, Statement, Unit, read
from bot.store.deletions import DELETE_PENDING_OF_MEMORIES
from bot.store.memory_statements import ASK_MODEL, DEMAND_PENDING, END_PENDING_MEMORY
from bot.store.messages import flags_of, json_text, listed_texts
from bot.store.schema import UtcTime, memories, memory_sources, pending_memories, people, turns
from bot.store.writes import by_rank, steps_of
from bot.types import AddressId, ConversationId, PersonId, Scope, TurnId
from bot.writes import Write

MODEL_PART: Final = "model"
_SLICE: Final = 200
_MOST_ON_THE_LOOP: Final = 200
"""More rows are decoded in a thread, so that the loop goes on meanwhile."""

_m = memories.c
_theirs = _m.person_id == bindparam("person")
_in_group = _m.group_id == bindparam("group")
_in_place = func.coalesce(_m.group_id, "") == bindparam("place", type_=Text())
_is_episode = _m.kind == literal(MemoryKind.EPISODE.value, Text())
_lives = _m.ended_at.is_(None)
_COLUMNS = (
    _m.id, _m.kind, _m.text, _m.said_by, _m.said_at, _m.session, _m.position, _m.origin, _m.language, _m.slot,
    _m.created_at, _m.group_id, _m.supersedes, _m.superseded_by, _m.ended_at,
)  # fmt: skip
_sources = (
    select(func.json_group_array(memory_sources.c.source)).where(memory_sources.c.memory_id == _m.id).correlate(memories)
).scalar_subquery()


def _stemmed(*where: ColumnElement[bool]) -> Select[Any]:
    return select(*_COLUMNS, _m.stems).where(_theirs, *where).order_by(_m.id)


def _sourced(*where: ColumnElement[bool]) -> Select[Any]:
    return select(*_COLUMNS, type_coerce(_sources, Text)).where(*where).order_by(_m.said_at.desc(), _m.id.desc())


def _version(*where: ColumnElement[bool]) -> Select[Any]:
    return select(func.count(), func.coalesce(func.max(_m.changed), "")).where(_theirs, *where)


_after = _m.changed > bindparam("after")
_MOST_KNOWN: Final = 10_000
_VERSION = read("version of memories", _version())
_VERSION_IN_GROUP = read("version of memories in a group", _version(_in_group))
_LIVE = read("live memories", _stemmed(_lives))
_LIVE_IN_GROUP = read("live memories in a group", _stemmed(_in_group, _lives))
_CHANGED = read("changed memories", _stemmed(_after))
_CHANGED_IN_GROUP = read("changed memories in a group", _stemmed(_in_group, _after))
_BY_IDS = read("memories by id", _sourced(_m.id.in_(listed("ids")), also_of_person(memories)))
_SLOT = _m.slot == bindparam("slot")
_IN_SLOT = read(
    "memories in a slot", _sourced(_theirs, _SLOT, _in_place, ~_is_episode, or_(_lives, _m.slot != literal("", Text())))
)
_of_source = select(memory_sources.c.memory_id).where(
    memory_sources.c.person_id == bindparam("person"), memory_sources.c.source == bindparam("source")
)
_SOURCED = read("memories of a source", _sourced(_m.id.in_(_of_source), also_of_person(memories)))
_sibling = memory_sources.alias("sibling")
_sources_of_these = select(memory_sources.c.source).where(
    memory_sources.c.memory_id.in_(listed("ids")), also_of_person(memory_sources)
)
_siblings = select(_sibling.c.memory_id).where(
    _sibling.c.person_id == bindparam("person"), _sibling.c.source.in_(_sources_of_these)
)
"""By person and source: that many people share a source (an import of a group) is no reason to look at all of theirs."""
_WITH_REPLACED = read(
    "memories by id with replaced facts beside them",
    _sourced(or_(_m.id.in_(listed("ids")), and_(_m.id.in_(_siblings), ~_is_episode, ~_lives)), also_of_person(memories)),
)
_RELATED = read(
    "related memories",
    _sourced(_theirs, or_(_m.id.in_(listed("ids")), _m.id.in_(_siblings), _m.superseded_by.in_(listed("ids")))),
)
_named_in_evidence = func.json_each(turns.c.evidence).table_valued("value")
_resting_turns = select(turns.c.id).where(
    turns.c.person_id == bindparam("person"),
    select(literal(1))
    .select_from(_named_in_evidence)
    .where(func.json_extract(_named_in_evidence.c.value, "$.source").in_(listed("ids")))
    .correlate(turns)
    .exists(),
)
_answered_there = select(memory_sources.c.memory_id).where(
    memory_sources.c.source.in_(_resting_turns), also_of_person(memory_sources)
)
_RESTING = read(
    "answers resting on memories",
    _sourced(_m.id.in_(_answered_there), also_of_person(memories), _m.origin == literal(Origin.ANSWERED.value, Text())),
)


def _page(is_distilled: bool, *where: ColumnElement[bool]) -> Select[Any]:
    kind = ~_is_episode if is_distilled else _is_episode
    most, offset = bindparam("most", type_=Integer()), bindparam("skipped", type_=Integer())
    return _sourced(_theirs, kind, _lives, *where).add_columns(func.count().over()).limit(most).offset(offset)


def _number(is_distilled: bool, *where: ColumnElement[bool]) -> Select[Any]:
    return select(func.count()).where(_theirs, ~_is_episode if is_distilled else _is_episode, _lives, *where)


_PAGES = {
    (is_distilled, in_group): read(
        f"page of memories ({is_distilled}, {in_group})", _page(is_distilled, *([_in_group] if in_group else []))
    )
    for is_distilled in (True, False)
    for in_group in (True, False)
}
_NUMBERS = {
    (is_distilled, in_group): read(
        f"number of memories ({is_distilled}, {in_group})", _number(is_distilled, *([_in_group] if in_group else []))
    )
    for is_distilled in (True, False)
    for in_group in (True, False)
}
_p = pending_memories.c


def _pending(where: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            _p.id,
            _p.part,
            turns.c.person_id,
            turns.c.is_private,
            turns.c.address_id,
            turns.c.id,
            turns.c.conversation_id,
            turns.c.question,
            turns.c.answer,
            turns.c.language,
            turns.c.asked_at,
            turns.c.answered_at,
            type_coerce(turns.c.flags, Text),
            people.c.remembers,
        )
        .select_from(pending_memories)
        .join(turns, turns.c.id == _p.turn_id)
        .join(people, people.c.id == turns.c.person_id)
        .where(where)
        .order_by(_p.turn_id, _p.part.desc())
    )


_most = bindparam("most", type_=Integer())
_for_model = _p.part == literal(MODEL_PART, Text())
_PENDING = read("pending memories", _pending(~_for_model).limit(_most))
_PENDING_FOR_MODEL = read("pending memories for a model", _pending(_for_model).limit(_most))
_SURPLUS = read(
    "pending memories beyond what a model may be left",
    select(_p.id).where(_for_model).order_by(_p.turn_id.desc()).limit(literal(_SLICE, Integer())).offset(_most),
)
_CROWDED = read(
    "people of whom much is remembered",
    select(_m.person_id, func.count()).group_by(_m.person_id).having(func.count() > _most),
)


def _eldest(*where: ColumnElement[bool]) -> Select[Any]:
    first_to_go = case((~_lives, literal(0, Integer())), (_is_episode, literal(1, Integer())), else_=literal(2, Integer()))
    return select(_m.id).where(_theirs, *where).order_by(first_to_go, _m.said_at, _m.id).limit(_most)


_ELDEST = read("memories that go first", _eldest())
_EXPIRED = read("memories stored before", _eldest(_m.created_at < bindparam("before", type_=UtcTime())))


class StoredMemories:
    """The `MemoryStore` and `PendingStore` of the database."""

    def __init__(self, database: Database, ids: Ids) -> None:
        self._database, self._ids = database, ids
        self._known: dict[tuple[PersonId, AddressId | None], MemoryVersion] = {}
        self._known_since = 0

    async def version(self, person: PersonId, scope: Scope) -> MemoryVersion:
        """Changes whenever `changed` would have something to tell, and when a memory was forgotten.

        To count somebody's 10,000 takes a millisecond, so it is kept until this process, the only one, writes any memory.
        """
        written = self._database.changes(memories.name)
        if written != self._known_since or len(self._known) >= _MOST_KNOWN:
            self._known, self._known_since = {}, written
        known = self._known
        if (version := known.get((person, scope.group))) is None:
            ((count, stamp),) = await self._scoped(_VERSION, _VERSION_IN_GROUP, person, scope)
            version = known[person, scope.group] = MemoryVersion(count=count, stamp=stamp)
        return version

    async def changed(self, person: PersonId, scope: Scope, *, after: str = "") -> Sequence[Memory]:
        """What changed after a stamp, ended ones too, with stems and without sources; from the beginning only live ones."""
        if after:
            rows = await self._scoped(_CHANGED, _CHANGED_IN_GROUP, person, scope, after=after)
        else:
            rows = await self._scoped(_LIVE, _LIVE_IN_GROUP, person, scope)
        if len(rows) <= _MOST_ON_THE_LOOP:
            return _with_stems(rows)
        return await asyncio.to_thread(_with_stems, rows)

    async def memories(self, person: PersonId, ids: Sequence[str]) -> Sequence[Memory]:
        """Those of these ids that are this person's, in the order of `ids`, ended ones too, with their sources."""
        return _in_order(await self._found(_BY_IDS, person=person, ids=json_text(list(ids))), ids)

    async def page(
        self, person: PersonId, scope: Scope, *, distilled: bool, limit: int, offset: int = 0
    ) -> tuple[Sequence[Memory], int]:
        """Live memories, newest first, and how many there are: facts and preferences, or else what was said."""
        key = distilled, scope.group is not None
        rows = await self._scoped(_PAGES[key], _PAGES[key], person, scope, most=limit, skipped=offset)
        if rows:
            return [_memory(row) for row in rows], rows[0][-1]
        ((count,),) = await self._scoped(_NUMBERS[key], _NUMBERS[key], person, scope)
        return [], count

    async def in_slot(self, person: PersonId, group: AddressId | None, slot: str) -> Sequence[Memory]:
        """Facts and preferences of exactly this place and slot, ended ones too; for the slot `""` only live ones."""
        return await self._found(_IN_SLOT, person=person, place=group or "", slot=slot)

    async def sourced(self, person: PersonId, source: str) -> Sequence[Memory]:
        """The memories that follow from a turn or an imported record, with all their sources."""
        return await self._found(_SOURCED, person=person, source=source)

    async def with_replaced(self, person: PersonId, ids: Sequence[str]) -> tuple[Sequence[Memory], Sequence[Memory]]:
        """As `memories`, and the facts and preferences that share a source with any of these and have ended."""
        found = await self._found(_WITH_REPLACED, person=person, ids=json_text(list(ids)))
        return _in_order(found, ids), [
            one for one in found if one.ended_at is not None and one.what.kind is not MemoryKind.EPISODE
        ]

    async def related(self, person: PersonId, id: str) -> Sequence[Memory]:
        """What is forgotten with a memory, itself first.

        That is what follows from the same sources, what it superseded, and the bot's answers that rested on any of these.
        """
        found: dict[str, Memory] = {}
        looked_at: set[str] = set()
        wanted = {id}
        while wanted:
            looked_at |= wanted
            for memory in await self._found(_RELATED, person=person, ids=json_text(sorted(wanted))):
                found[memory.id] = memory
            # What it superseded goes too, and so does what those followed from; the siblings' own chains are theirs.
            wanted = {one.id for one in found.values() if one.superseded_by in looked_at} - looked_at
        resting = set(found)
        while resting:  # an answer that repeated it may have been repeated itself
            answers = await self._found(_RESTING, person=person, ids=json_text(sorted(resting)))
            resting = {one.id for one in answers} - found.keys()
            found |= {one.id: one for one in answers}
        return sorted(found.values(), key=lambda memory: memory.id != id)

    async def pending(self, *, with_model: bool, limit: int) -> Sequence[PendingMemory]:
        """Of the oldest turns what waits, a question before its answer: parts of kind `model` only, or all others."""
        rows = await self._database.rows(_PENDING_FOR_MODEL if with_model else _PENDING, most=limit)
        return [_waiting(row) for row in rows]

    async def remember(
        self,
        done: Sequence[str],
        writes: Sequence[Write],
        at: datetime,
        *,
        ask_model: Sequence[str] = (),
        unchanged: Sequence[PendingMemory] = (),
    ) -> None:
        """Commit what became of pending rows, and end them, in one transaction; those in `ask_model` wait as part `model`.

        Raises StoreConflict where a person was forgotten meanwhile, or one of `unchanged` does not wait as it did: its text was
        edited, everything was forgotten, the person wants nothing remembered. Nothing is written then.
        """
        steps = steps_of(writes, at, self._ids)
        if unchanged:
            # What is taken back from a message that was edited leaves it waiting: its new text is to be remembered.
            steps = [step for step in steps if step[0] is not DELETE_PENDING_OF_MEMORIES]
        steps += [(DEMAND_PENDING, _as_read(row)) for row in unchanged]
        steps += [(END_PENDING_MEMORY, {"pending": row}) for row in done]
        steps += [(ASK_MODEL, {"pending": row, "kind": MODEL_PART}) for row in ask_model]
        await self._database.commit(Unit(*sorted(steps, key=by_rank)))

    async def surplus(self, *, most: int) -> Sequence[str]:
        """The pending rows of part `model` beyond the newest `most`, 200 of them at a time."""
        return [row[0] for row in await self._database.rows(_SURPLUS, most=most)]

    async def crowded(self, *, most: int) -> Sequence[tuple[PersonId, int]]:
        """The people of whom more than `most` memories are there, ended ones too, with how many; read from an index alone."""
        return [(PersonId(person), count) for person, count in await self._database.rows(_CROWDED, most=most)]

    async def eldest(self, person: PersonId, *, limit: int, before: datetime | None = None) -> Sequence[str]:
        """The memories that go first: ended ones, then what was said, then facts, each the oldest first.

        With `before` only those stored before then.
        """
        if before is None:
            rows = await self._database.rows(_ELDEST, person=person, most=limit)
        else:
            rows = await self._database.rows(_EXPIRED, person=person, most=limit, before=before)
        return [row[0] for row in rows]

    async def _found(self, statement: Statement, **parameters: object) -> list[Memory]:
        return [_memory(row) for row in await self._database.rows(statement, **parameters)]

    async def _scoped(
        self, in_private: Statement, in_group: Statement, person: PersonId, scope: Scope, **more: object
    ) -> list[Row]:
        if scope.group is None:
            return await self._database.rows(in_private, person=person, **more)
        return await self._database.rows(in_group, person=person, group=scope.group, **more)


def _in_order(found: Iterable[Memory], ids: Sequence[str]) -> list[Memory]:
    by_id = {memory.id: memory for memory in found}
    return [by_id[one] for one in dict.fromkeys(ids) if one in by_id]


def _with_stems(rows: Iterable[Row]) -> list[Memory]:
    return [_made(row, stems=tuple(row[15].split())) for row in rows]


def _memory(row: Row) -> Memory:
    return _made(row, sources=listed_texts(row[15]))


def _made(row: Row, *, stems: tuple[str, ...] = (), sources: tuple[str, ...] = ()) -> Memory:
    """A memory out of a row. Raises StoreDamaged for one that no version wrote."""
    try:
        kind, origin = MemoryKind(row[1]), Origin(row[7])
    except ValueError as error:
        raise StoreDamaged("a row of memories holds something else than was written") from error
    return Memory(
        id=row[0],
        what=NewMemory(
            kind=kind,
            text=row[2],
            said_by=row[3],
            said_at=row[4],
            session=row[5],
            position=row[6],
            origin=origin,
            sources=sources,
            language=row[8],
            slot=row[9],
        ),
        created_at=row[10],
        group=row[11],
        stems=stems,
        supersedes=row[12],
        superseded_by=row[13],
        ended_at=row[14],
    )


def _as_read(row: PendingMemory) -> dict[str, object]:
    return {"pending": row.id, "part": row.part, "text": row.text, "remembers": row.remembers}


def _waiting(row: Row) -> PendingMemory:
    is_answer = row[1] == "answer"
    return PendingMemory(
        id=row[0],
        part=row[1],
        person=PersonId(row[2]),
        group=None if row[3] else AddressId(row[4]),
        turn_id=TurnId(row[5]),
        conversation_id=ConversationId(row[6]),
        text=row[8] if is_answer else row[7],
        language=row[9],
        asked_at=row[10],
        said_at=row[11] if is_answer else row[10],
        flags=flags_of(row[12]),
        remembers=row[13],
    )
