"""What takes people, turns and old rows away, children before parents."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Integer, Table, Text, bindparam, delete, exists, literal, select

from bot.channel_ports import SEEN
from bot.memory_types import MemoryKind, Origin
from bot.store.building import also_of_person, copied, listed
from bot.store.codec import Statement, write
from bot.store.schema import (
    UtcTime,
    addresses,
    admissions,
    answer_log,
    broadcasts,
    codes,
    consents,
    deliveries,
    due_messages,
    identities,
    inbox,
    index_removals,
    job_runs,
    jobs,
    marks,
    memories,
    memory_sources,
    notices,
    outbox,
    parts,
    pending_memories,
    people,
    profile_events,
    questions,
    ratings,
    shared_answers,
    training_decisions,
    training_rows,
    turns,
    usage,
    usage_of_all,
)


def _of_turns(table: Table, column: str = "turn_id") -> Statement:
    """Take away what belongs to the turns in the list `ids`."""
    clause = delete(table).where(table.c[column].in_(listed("ids")))
    return write(f"delete {table.name} of turns", clause, table=table.name, key=None)


_said_in_turns = (
    select(memories.c.id)
    .join(memory_sources, memory_sources.c.memory_id == memories.c.id)
    .where(memory_sources.c.source.in_(listed("ids")), memories.c.kind == literal(MemoryKind.EPISODE.value, Text()))
)
"""Episodes repeat the words of their turn and go with it; what follows from them has an end of its own."""


def _unindex(name: str, where: ColumnElement[bool]) -> Statement:
    """Note that the vectors of memories have to leave the index."""
    gone = select(memories.c.id, memories.c.person_id, memories.c.group_id).where(where)
    return write(f"unindex {name}", copied(index_removals, gone), table="index_removals", key=None)


_of_list = memories.c.id.in_(listed("ids")) & also_of_person(memories)
UNINDEX_MEMORIES = _unindex("memories", _of_list)
DELETE_MEMORIES = write("delete memories", delete(memories).where(_of_list), table="memories", key=None)
_own_words = (
    select(memory_sources.c.source)
    .join(memories, memories.c.id == memory_sources.c.memory_id)
    .where(
        _of_list, memories.c.origin.in_([literal(one.value, Text()) for one in (Origin.SAID, Origin.ASKED, Origin.CORRECTED)])
    )
)
DELETE_PENDING_OF_MEMORIES = write(
    "delete pending memories of sources",
    delete(pending_memories).where(pending_memories.c.turn_id.in_(_own_words), also_of_person(pending_memories)),
    table="pending_memories",
    key=None,
)
"""Nothing more follows from what was said when that is forgotten; before the memories, by which it is found."""
UNINDEX_ALL = _unindex("all memories", memories.c.person_id == bindparam("person"))
DELETE_SOURCE = write(
    "delete memory source",
    delete(memory_sources).where(
        memory_sources.c.source == bindparam("source"), memory_sources.c.person_id == bindparam("person")
    ),
    table="memory_sources",
    key=None,
)
DELETE_TURNS = (
    _of_turns(answer_log),
    _of_turns(shared_answers),
    _of_turns(ratings),
    _of_turns(questions),
    _of_turns(pending_memories),
    _of_turns(deliveries),
    _of_turns(parts, "outbox_id"),
    _of_turns(outbox, "id"),
    _unindex("memories of turns", memories.c.id.in_(_said_in_turns)),
    write("delete memories of turns", delete(memories).where(memories.c.id.in_(_said_in_turns)), table="memories", key=None),
    _of_turns(turns, "id"),
)
"""Together they take away the turns in the JSON list `ids`, with all that hangs on them but their inbox rows."""

_turns_of_person = select(turns.c.id).where(turns.c.person_id == bindparam("person"))
_outgoing_of_person = (
    select(outbox.c.id)
    .join(identities, (identities.c.channel == outbox.c.channel) & (identities.c.user == outbox.c.user))
    .where(identities.c.person_id == bindparam("person"))
)


def _of_person(table: Table, where: ColumnElement[bool] | None = None) -> Statement:
    """Take away what belongs to the person `person`."""
    clause = delete(table).where(table.c.person_id == bindparam("person") if where is None else where)
    return write(f"delete {table.name} of person", clause, table=table.name, key=None)


DELETE_RATINGS = _of_person(ratings, (ratings.c.person_id == bindparam("person")) | ratings.c.turn_id.in_(_turns_of_person))
DELETE_SHARED_ANSWERS = _of_person(shared_answers)
DELETE_QUESTIONS = _of_person(questions)
DELETE_ANSWER_LOG = _of_person(answer_log)
DELETE_PROFILE_EVENTS = _of_person(profile_events)
DELETE_PENDING_MEMORIES = _of_person(pending_memories)
DELETE_ALL_MEMORIES = _of_person(memories)
DELETE_REMOVALS = _of_person(index_removals)
"""Forgetting a person takes all of theirs out of the index at once."""
DELETE_DUE_MESSAGES = _of_person(due_messages)
DELETE_JOBS = _of_person(jobs, (jobs.c.person_id == bindparam("person")) & (jobs.c.kind != literal("forget", Text())))
"""The job that forgets the person is what a crash resumes; it drops the person's id when it is done."""
DELETE_DELIVERIES = _of_person(deliveries, deliveries.c.turn_id.in_(_turns_of_person))
DELETE_PARTS_OF_PERSON = _of_person(parts, parts.c.outbox_id.in_(_turns_of_person) | parts.c.outbox_id.in_(_outgoing_of_person))
DELETE_OUTGOING = _of_person(outbox, outbox.c.id.in_(_outgoing_of_person))
DELETE_TURNS_OF_PERSON = _of_person(turns)
DELETE_USAGE = _of_person(usage)
DELETE_CONSENTS = _of_person(consents)
DELETE_ADDRESSES = _of_person(addresses)
DELETE_CODES = _of_person(codes, (codes.c.person_id == bindparam("person")) | (codes.c.used_by == bindparam("person")))
DELETE_ADMISSIONS = _of_person(
    admissions,
    exists().where(
        (identities.c.channel == admissions.c.channel)
        & (identities.c.user == admissions.c.user)
        & (identities.c.person_id == bindparam("person"))
    ),
)
"""Who comes back to a closed bot needs a code again."""
DELETE_MARKS = _of_person(
    marks,
    exists().where(
        (addresses.c.channel == marks.c.channel)
        & (marks.c.key == SEEN + addresses.c.chat)
        & addresses.c.is_private
        & (addresses.c.person_id == bindparam("person"))
    ),
)
DELETE_TRAINING_DECISIONS = _of_person(
    training_decisions,
    training_decisions.c.subject.in_(select(training_rows.c.row_id).where(training_rows.c.person_id == bindparam("person"))),
)
DELETE_TRAINING_ROWS = _of_person(training_rows)
"""Their labels go with them."""
DELETE_SOME_DECISIONS = write(
    "delete some training decisions",
    delete(training_decisions).where(training_decisions.c.subject.in_(listed("ids"))),
    table="training_decisions",
    key=None,
)
DELETE_SOME_TRAINING_ROWS = write(
    "delete some training rows",
    delete(training_rows).where(training_rows.c.row_id.in_(listed("ids"))),
    table="training_rows",
    key=None,
)
DELETE_IDENTITIES = _of_person(identities)
DELETE_PERSON = _of_person(people, people.c.id == bindparam("person"))

FORGET = (
    DELETE_SHARED_ANSWERS, DELETE_RATINGS, DELETE_QUESTIONS, DELETE_ANSWER_LOG, DELETE_PROFILE_EVENTS,
    DELETE_PENDING_MEMORIES,
    DELETE_ALL_MEMORIES, DELETE_REMOVALS, DELETE_DUE_MESSAGES, DELETE_JOBS, DELETE_DELIVERIES, DELETE_PARTS_OF_PERSON,
    DELETE_OUTGOING, DELETE_TURNS_OF_PERSON, DELETE_USAGE, DELETE_CONSENTS, DELETE_MARKS, DELETE_ADDRESSES,
    DELETE_CODES, DELETE_ADMISSIONS, DELETE_TRAINING_DECISIONS, DELETE_TRAINING_ROWS, DELETE_IDENTITIES, DELETE_PERSON,
)  # fmt: skip
"""Together they take away the person `person` from every table but the inbox, children before parents."""


def _old(table: Table, column: str) -> Statement:
    """Take away at most `most` ended rows that are older than `before`."""
    time = table.c[column]
    ended = [table.c.ended_at.is_not(None)] if "ended_at" in table.c else []
    found = (
        select(table.c.id).where(time < bindparam("before", type_=UtcTime()), *ended).limit(bindparam("most", type_=Integer()))
    )
    clause = delete(table).where(table.c.id.in_(found)).returning(literal(1))
    return write(f"delete old {table.name}", clause, table=table.name, key=None)


DELETE_OLD = (
    *(_old(inbox, "received_at"), _old(outbox, "created_at"), _old(due_messages, "due_at"), _old(jobs, "created_at")),
    _old(broadcasts, "at"),
)


def _before(table: Table, column: str) -> Statement:
    """Take away the rows of days before the date `before`: small ones, and one day's of them in a night."""
    day = table.c[column]
    clause = delete(table).where(day < bindparam("before", type_=day.type))
    return write(f"delete old {table.name}", clause, table=table.name, key=None)


DELETE_OLD_DAYS = (_before(usage, "day"), _before(usage_of_all, "day"), _before(notices, "day"))
DELETE_OLD_RUNS = _before(job_runs, "local_date")
