"""Every statement that writes, in one ordered tuple whose places are ranks: inserts, parents first, then updates, then deletes.

The values of columns of type JSON are bound as the text that `messages` made. Where a statement looks at a row of another
table, only units that run alone ever take such a row away, or the same unit made it: so batches may still hold it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    ColumnElement,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    delete,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects.sqlite import Insert, insert

from bot.profile_types import ProfileEventKind
from bot.store.codec import Statement, ranked, write
from bot.store.schema import (
    UtcTime,
    addresses,
    answer_log,
    consents,
    deliveries,
    due_messages,
    identities,
    inbox,
    job_runs,
    jobs,
    notices,
    outbox,
    pending_memories,
    people,
    placeholders,
    profile_events,
    questions,
    ratings,
    turns,
    usage,
    usage_of_all,
)
from bot.types import InboxState

SENT, CLOSED, PENDING = "sent", "closed", "pending"
"""States of an outbox row. Only `PENDING` ones are still to be delivered."""


def _bind(table: Table, column: str, name: str | None = None) -> BindParameter[Any]:
    kind = table.c[column].type
    return bindparam(name or column, type_=Text() if isinstance(kind, JSON) else kind)


def _insert(table: Table, *without: str) -> Insert:
    """An insert of every column but `without`, each bound under its own name."""
    return insert(table).values(
        {column.name: _bind(table, column.name) for column in table.columns if column.name not in without}
    )


def _insert_where(table: Table, source: Select[Any], *, values: dict[str, ColumnElement[Any]] | None = None) -> Insert:
    """An insert of one row, bound under the columns' names but for `values`, for each row that `source` finds."""
    given = values or {}
    names = [column.name for column in table.columns]
    columns = [given.get(name, _bind(table, name)) for name in names]
    return insert(table).from_select(names, source.with_only_columns(*columns, maintain_column_froms=True))


def listed(name: str) -> Select[Any]:
    """The members of the JSON list bound as `name`, as a subselect."""
    return select(func.json_each(bindparam(name, type_=Text())).table_valued("value").c.value)


# --- inserts, parents before children ---

INSERT_PERSON = write("insert person", _insert(people), table="people", key=("id",))
INSERT_IDENTITY = write(
    "insert identity", _insert(identities).on_conflict_do_nothing(), table="identities", key=("channel", "user")
)
INSERT_ADDRESS = write(
    "insert address",
    _insert_where(
        addresses,
        select(literal(1))
        .select_from(identities)
        .where(
            identities.c.channel == _bind(identities, "channel"),
            identities.c.user == _bind(identities, "user"),
        ),
        values={"person_id": identities.c.person_id, "closed_at": null()},
    ).on_conflict_do_nothing(),
    table="addresses",
    key=("id",),
)  # the person is the identity's: the stored one wins
INSERT_ARRIVAL = write(
    "insert arrival",
    _insert_where(
        inbox,
        select(literal(1)).where(
            ~exists().where(inbox.c.channel == bindparam("erased_in"), inbox.c.event_id == bindparam("erased", type_=Text()))
        ),
        values={"attempts": literal(0)},
    ).on_conflict_do_nothing(),
    table="inbox",
    key=("id",),
)  # an erased event is known by its keyed hash alone
INSERT_TURN = write("insert turn", _insert(turns, "edited_at"), table="turns", key=("id",))
_NEW_OUTBOX: dict[str, ColumnElement[Any]] = {
    "state": literal(PENDING),
    "attempts": literal(0),
    "error": null(),
    "ended_at": null(),
}
INSERT_OUTGOING = write("insert outgoing", _insert(outbox, *_NEW_OUTBOX).values(_NEW_OUTBOX), table="outbox", key=("id",))
INSERT_NOTICE = write(
    "insert notice",
    _insert_where(outbox, select(literal(1)).select_from(inbox).where(inbox.c.id == _bind(outbox, "id")), values=_NEW_OUTBOX),
    table="outbox",
    key=("id",),
)  # a refused message that was known before gets no second notice
INSERT_CONSENT = write("insert consent", _insert(consents), table="consents", key=("id",))
INSERT_PROFILE_EVENT = write("insert profile event", _insert(profile_events), table="profile_events", key=("id",))
LOG_ANSWER = write("log answer", _insert(answer_log), table="answer_log", key=("turn_id",))
_RATING = _insert(ratings)
SET_RATING = write(
    "set rating",
    _RATING.on_conflict_do_update(
        index_elements=["turn_id", "person_id"],
        set_={name: _RATING.excluded[name] for name in ("value", "reason", "correction", "rated_at")},
    ),
    table="ratings",
    key=("turn_id", "person_id"),
)
INSERT_QUESTION = write("insert question", _insert(questions, "key", "closed_at"), table="questions", key=("turn_id",))
INSERT_PENDING_MEMORY = write("insert pending memory", _insert(pending_memories), table="pending_memories", key=("id",))
INSERT_DUE = write("insert due message", _insert(due_messages, "ended_at"), table="due_messages", key=("id",))
INSERT_JOB = write(
    "insert job",
    _insert(jobs, "attempts", "error", "lease_until", "ended_at").values(attempts=literal(0)),
    table="jobs",
    key=("id",),
)
_USAGE = _insert(usage)
ADD_USAGE = write(
    "add usage",
    _USAGE.on_conflict_do_update(
        index_elements=["person_id", "day"],
        set_={
            "messages": usage.c.messages + _USAGE.excluded.messages,
            "tokens": usage.c.tokens + _USAGE.excluded.tokens,
            "cost": usage.c.cost + _USAGE.excluded.cost,
        },
    ),
    table="usage",
    key=("person_id", "day"),
)
_USAGE_OF_ALL = _insert(usage_of_all)
ADD_USAGE_OF_ALL = write(
    "add usage of all",
    _USAGE_OF_ALL.on_conflict_do_update(
        index_elements=["day"],
        set_={
            "messages": usage_of_all.c.messages + _USAGE_OF_ALL.excluded.messages,
            "tokens": usage_of_all.c.tokens + _USAGE_OF_ALL.excluded.tokens,
            "cost": usage_of_all.c.cost + _USAGE_OF_ALL.excluded.cost,
        },
    ),
    table="usage_of_all",
    key=("day",),
)
TELL_ADMINS = write("tell admins", _insert(notices).on_conflict_do_nothing(), table="notices", key=("kind", "day"))
_PLACEHOLDER = _insert(placeholders)
SET_PLACEHOLDER = write(
    "set placeholder",
    _PLACEHOLDER.on_conflict_do_update(
        index_elements=["turn_id"],
        set_={name: _PLACEHOLDER.excluded[name] for name in ("platform_id", "opened_at")},
    ),
    table="placeholders",
    key=("turn_id",),
)
INSERT_DELIVERY = write(
    "insert delivery",
    _insert_where(
        deliveries, select(literal(1)).select_from(turns).where(turns.c.id == bindparam("turn"))
    ).on_conflict_do_nothing(),
    table="deliveries",
    key=("channel", "chat", "platform_id"),
)  # the turn may have been forgotten while its reply was on its way
_RUN = _insert(job_runs, "fence", "ended_at", "error", "seconds").values(fence=literal(1))
BEGIN_RUN = write(
    "begin run",
    _RUN.on_conflict_do_update(
        index_elements=["job", "local_date"],
        set_={
            "fence": job_runs.c.fence + 1,
            "lease_until": _RUN.excluded.lease_until,
            "started_at": _RUN.excluded.started_at,
        },
        where=job_runs.c.ended_at.is_(None)
        & or_(job_runs.c.lease_until.is_(None), job_runs.c.lease_until <= _RUN.excluded.started_at),
    ).returning(job_runs.c.fence),
    table="job_runs",
    key=None,
)

# --- updates ---

SET_LANGUAGE = write(
    "set language",
    update(people).where(people.c.id == bindparam("person")).values(language=_bind(people, "language", "chosen")),
    table="people",
    key=("person",),
)
SET_CONVERSATION = write(
    "set conversation",
    update(addresses)
    .where(addresses.c.id == bindparam("address"))
    .values(conversation_id=_bind(addresses, "conversation_id", "conversation")),
    table="addresses",
    key=("address",),
)
SET_CLOSED = write(
    "set closed",
    update(addresses).where(addresses.c.id == bindparam("address")).values(closed_at=_bind(addresses, "closed_at", "at")),
    table="addresses",
    key=("address",),
)
CLOSE_QUESTION = write(
    "close question",
    update(questions)
    .where(questions.c.turn_id == bindparam("turn"), questions.c.closed_at.is_(None))
    .values(key=_bind(questions, "key", "chosen"), closed_at=_bind(questions, "closed_at", "at")),
    table="questions",
    key=("turn",),
)
RELABEL_TURN = write(
    "relabel turn",
    update(turns)
    .where(turns.c.id == bindparam("turn"))
    .values(question=_bind(turns, "question", "text"), edited_at=_bind(turns, "edited_at", "at")),
    table="turns",
    key=("turn",),
)
MOVE_ARRIVAL = write(
    "move arrival",
    update(inbox)
    .where(inbox.c.id == bindparam("arrival"), inbox.c.state == bindparam("before"))
    .values(state=bindparam("after"), message=null(), ended_at=_bind(inbox, "ended_at", "at")),
    table="inbox",
    key=("arrival",),
)
COUNT_ATTEMPT = write(
    "count attempt",
    update(inbox).where(inbox.c.id == bindparam("arrival")).values(attempts=inbox.c.attempts + 1),
    table="inbox",
    key=("arrival",),
)
ERASE_ARRIVAL = write(
    "erase arrival",
    update(inbox)
    .where(inbox.c.id == bindparam("arrival"))
    .values(
        event_id=bindparam("hash"),
        chat=null(),
        user=null(),
        thread=null(),
        message=null(),
        digest=literal("", Text()),
        state=literal(InboxState.ERASED.value, Text()),
        ended_at=func.coalesce(inbox.c.ended_at, _bind(inbox, "ended_at", "at")),
    ),
    table="inbox",
    key=("arrival",),
    alone=True,
)
END_OUTGOING = write(
    "end outgoing",
    update(outbox)
    .where(outbox.c.id == bindparam("outgoing"), outbox.c.ended_at.is_(None))
    .values(state=bindparam("after"), message=null(), error=null(), ended_at=_bind(outbox, "ended_at", "at")),
    table="outbox",
    key=("outgoing",),
)
COUNT_TRY = write(
    "count try",
    update(outbox)
    .where(outbox.c.id == bindparam("outgoing"), outbox.c.ended_at.is_(None))
    .values(attempts=outbox.c.attempts + 1, error=bindparam("reason", type_=Text())),
    table="outbox",
    key=("outgoing",),
)
END_DUE = write(
    "end due message",
    update(due_messages).where(due_messages.c.id == bindparam("due")).values(ended_at=_bind(due_messages, "ended_at", "at")),
    table="due_messages",
    key=("due",),
)
_waiting = outbox.alias("waiting")
free_job = (
    select(jobs.c.id)
    .where(
        jobs.c.ended_at.is_(None),
        or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= _bind(jobs, "lease_until", "now")),
        ~exists().where(_waiting.c.id == jobs.c.after_turn, _waiting.c.ended_at.is_(None)),
    )
    .order_by(jobs.c.attempts, jobs.c.created_at, jobs.c.id)
    .limit(1)
)
"""The chore to take at `now`: one that keeps failing stands behind all that were tried less often."""
LEASE_JOB = write(
    "lease job",
    update(jobs)
    .where(jobs.c.id == free_job.correlate(None).scalar_subquery())
    .values(attempts=jobs.c.attempts + 1, lease_until=_bind(jobs, "lease_until", "until"))
    .returning(jobs.c.id, jobs.c.kind, jobs.c.person_id, jobs.c.attempts),
    table="jobs",
    key=None,
)
END_JOB = write(
    "end job",
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.attempts == bindparam("fence", type_=Integer()))
    .values(person_id=null(), error=null(), lease_until=null(), ended_at=_bind(jobs, "ended_at", "at")),
    table="jobs",
    key=("job",),
)
FREE_JOB = write(
    "free job",
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.attempts == bindparam("fence", type_=Integer()), jobs.c.ended_at.is_(None))
    .values(error=bindparam("reason", type_=Text()), lease_until=null()),
    table="jobs",
    key=("job",),
)
_at = bindparam("at", type_=UtcTime())
END_RUN = write(
    "end run",
    update(job_runs)
    .where(
        job_runs.c.job == bindparam("name"),
        job_runs.c.local_date == _bind(job_runs, "local_date", "date"),
        job_runs.c.fence == bindparam("number", type_=Integer()),
        job_runs.c.ended_at.is_(None),
    )
    .values(
        ended_at=_bind(job_runs, "ended_at", "end"),
        error=bindparam("reason", type_=Text()),
        lease_until=null(),
        seconds=type_coerce(_at - job_runs.c.started_at, BigInteger) / 1e6,
    ),
    table="job_runs",
    key=("name", "date"),
)

# --- deletes ---

DELETE_PLACEHOLDER = write(
    "delete placeholder",
    delete(placeholders).where(placeholders.c.turn_id == bindparam("turn")),
    table="placeholders",
    key=("turn",),
)
DELETE_PROFILE_EVENT = write(
    "delete profile event",
    delete(profile_events).where(profile_events.c.id == bindparam("event"), profile_events.c.person_id == bindparam("person")),
    table="profile_events",
    key=("event",),
)
DELETE_PROFILE = write(
    "delete profile",
    delete(profile_events).where(
        profile_events.c.person_id == bindparam("person"),
        profile_events.c.kind != literal(ProfileEventKind.MEASURE.value, Text()),
    ),
    table="profile_events",
    key=None,
)


def _of_turns(table: Table, column: str = "turn_id") -> Statement:
    """Take away what belongs to the turns in the list `ids`."""
    clause = delete(table).where(table.c[column].in_(listed("ids")))
    return write(f"delete {table.name} of turns", clause, table=table.name, key=None)


DELETE_TURNS = (
    _of_turns(answer_log),
    _of_turns(ratings),
    _of_turns(questions),
    _of_turns(pending_memories),
    _of_turns(deliveries),
    _of_turns(placeholders),
    _of_turns(outbox, "id"),
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
DELETE_QUESTIONS = _of_person(questions)
DELETE_ANSWER_LOG = _of_person(answer_log)
DELETE_PROFILE_EVENTS = _of_person(profile_events)
DELETE_PENDING_MEMORIES = _of_person(pending_memories)
DELETE_DUE_MESSAGES = _of_person(due_messages)
DELETE_JOBS = _of_person(jobs, (jobs.c.person_id == bindparam("person")) & (jobs.c.kind != literal("forget", Text())))
"""The job that forgets the person is what a crash resumes; it drops the person's id when it is done."""
DELETE_DELIVERIES = _of_person(deliveries, deliveries.c.turn_id.in_(_turns_of_person))
DELETE_PLACEHOLDERS = _of_person(placeholders, placeholders.c.turn_id.in_(_turns_of_person))
DELETE_OUTGOING = _of_person(outbox, outbox.c.id.in_(_outgoing_of_person))
DELETE_TURNS_OF_PERSON = _of_person(turns)
DELETE_USAGE = _of_person(usage)
DELETE_CONSENTS = _of_person(consents)
DELETE_ADDRESSES = _of_person(addresses)
DELETE_IDENTITIES = _of_person(identities)
DELETE_PERSON = _of_person(people, people.c.id == bindparam("person"))

FORGET = (
    DELETE_RATINGS, DELETE_QUESTIONS, DELETE_ANSWER_LOG, DELETE_PROFILE_EVENTS, DELETE_PENDING_MEMORIES,
    DELETE_DUE_MESSAGES, DELETE_JOBS, DELETE_DELIVERIES, DELETE_PLACEHOLDERS, DELETE_OUTGOING, DELETE_TURNS_OF_PERSON,
    DELETE_USAGE, DELETE_CONSENTS, DELETE_ADDRESSES, DELETE_IDENTITIES, DELETE_PERSON,
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


DELETE_OLD = (_old(inbox, "received_at"), _old(outbox, "created_at"), _old(due_messages, "due_at"), _old(jobs, "created_at"))


def _before(table: Table, column: str) -> Statement:
    """Take away the rows of days before the date `before`: small ones, and one day's of them in a night."""
    day = table.c[column]
    clause = delete(table).where(day < bindparam("before", type_=day.type))
    return write(f"delete old {table.name}", clause, table=table.name, key=None)


DELETE_OLD_DAYS = (_before(usage, "day"), _before(usage_of_all, "day"), _before(notices, "day"))
DELETE_OLD_RUNS = _before(job_runs, "local_date")

STATEMENTS = ranked(
    INSERT_PERSON, INSERT_IDENTITY, INSERT_ADDRESS, INSERT_ARRIVAL, INSERT_TURN, INSERT_OUTGOING, INSERT_NOTICE,
    INSERT_CONSENT, INSERT_PROFILE_EVENT, LOG_ANSWER, SET_RATING, INSERT_QUESTION, INSERT_PENDING_MEMORY, INSERT_DUE,
    INSERT_JOB, ADD_USAGE, ADD_USAGE_OF_ALL, TELL_ADMINS, SET_PLACEHOLDER, INSERT_DELIVERY, BEGIN_RUN,
    SET_LANGUAGE, SET_CONVERSATION, SET_CLOSED, CLOSE_QUESTION, RELABEL_TURN, MOVE_ARRIVAL, COUNT_ATTEMPT, ERASE_ARRIVAL,
    END_OUTGOING, COUNT_TRY, END_DUE, LEASE_JOB, END_JOB, FREE_JOB, END_RUN,
    DELETE_PLACEHOLDER, DELETE_PROFILE_EVENT, DELETE_PROFILE, *DELETE_TURNS,
    *FORGET, *DELETE_OLD, *DELETE_OLD_DAYS, DELETE_OLD_RUNS,
)  # fmt: skip
