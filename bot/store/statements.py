"""The statements that write one row: inserts, parents first, then updates, then deletes; `order` has their ranks.

The values of columns of type JSON are bound as the text that `messages` made. Where a statement looks at a row of another
table, only units that run alone ever take such a row away, or the same unit made it: so batches may still hold it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
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

from bot.profile_types import ProfileEventKind
from bot.store.building import (
    bind,
    insert_into,
    insert_where,
    put,
)
from bot.store.codec import write
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
    parts,
    pending_memories,
    people,
    profile_events,
    questions,
    ratings,
    training_decisions,
    training_labels,
    training_rows,
    turns,
    usage,
    usage_of_all,
)
from bot.types import InboxState

SENT, CLOSED, PENDING = "sent", "closed", "pending"
"""States of an outbox row. Only `PENDING` ones are still to be delivered."""


# --- inserts, parents before children ---

INSERT_PERSON = write("insert person", insert_into(people, "remembers"), table="people", key=("id",))
INSERT_IDENTITY = write(
    "insert identity", insert_into(identities).on_conflict_do_nothing(), table="identities", key=("channel", "user")
)
INSERT_ADDRESS = write(
    "insert address",
    insert_where(
        addresses,
        select(literal(1))
        .select_from(identities)
        .where(
            identities.c.channel == bind(identities, "channel"),
            identities.c.user == bind(identities, "user"),
        ),
        values={"person_id": identities.c.person_id, "closed_at": null()},
    ).on_conflict_do_nothing(),
    table="addresses",
    key=("id",),
)  # the person is the identity's: the stored one wins
INSERT_ARRIVAL = write(
    "insert arrival",
    insert_where(
        inbox,
        select(literal(1)).where(
            ~exists().where(inbox.c.channel == bindparam("erased_in"), inbox.c.event_id == bindparam("erased", type_=Text()))
        ),
        values={"attempts": literal(0)},
    ).on_conflict_do_nothing(),
    table="inbox",
    key=("id",),
)  # an erased event is known by its keyed hash alone
INSERT_TURN = write("insert turn", insert_into(turns, "edited_at"), table="turns", key=("id",))
_NEW_OUTBOX: dict[str, ColumnElement[Any]] = {
    "state": literal(PENDING),
    "attempts": literal(0),
    "error": null(),
    "ended_at": null(),
}
INSERT_OUTGOING = write("insert outgoing", insert_into(outbox, *_NEW_OUTBOX).values(_NEW_OUTBOX), table="outbox", key=("id",))
INSERT_NOTICE = write(
    "insert notice",
    insert_where(outbox, select(literal(1)).select_from(inbox).where(inbox.c.id == bind(outbox, "id")), values=_NEW_OUTBOX),
    table="outbox",
    key=("id",),
)  # a refused message that was known before gets no second notice
INSERT_CONSENT = write("insert consent", insert_into(consents), table="consents", key=("id",))
INSERT_PROFILE_EVENT = write("insert profile event", insert_into(profile_events), table="profile_events", key=("id",))
LOG_ANSWER = write("log answer", insert_into(answer_log), table="answer_log", key=("turn_id",))
_RATING = insert_into(ratings)
SET_RATING = write(
    "set rating",
    _RATING.on_conflict_do_update(
        index_elements=["turn_id", "person_id"],
        set_={name: _RATING.excluded[name] for name in ("value", "reason", "correction", "rated_at")},
    ),
    table="ratings",
    key=("turn_id", "person_id"),
)
INSERT_QUESTION = write("insert question", insert_into(questions, "key", "closed_at"), table="questions", key=("turn_id",))
INSERT_PENDING_MEMORY = write("insert pending memory", insert_into(pending_memories), table="pending_memories", key=("id",))
INSERT_DUE = write("insert due message", insert_into(due_messages, "ended_at"), table="due_messages", key=("id",))
INSERT_JOB = write(
    "insert job",
    insert_into(jobs, "attempts", "error", "lease_until", "ended_at").values(attempts=literal(0)),
    table="jobs",
    key=("id",),
)
_USAGE = insert_into(usage)
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
_USAGE_OF_ALL = insert_into(usage_of_all)
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
TELL_ADMINS = write("tell admins", insert_into(notices).on_conflict_do_nothing(), table="notices", key=("kind", "day"))
SET_PART = write("set part", put(parts, "outbox_id", "number"), table="parts", key=("outbox_id",))
"""All parts of a row are as one: they are deleted together."""
INSERT_DELIVERY = write(
    "insert delivery",
    insert_where(
        deliveries, select(literal(1)).select_from(turns).where(turns.c.id == bindparam("turn"))
    ).on_conflict_do_nothing(),
    table="deliveries",
    key=("channel", "chat", "platform_id"),
)  # the turn may have been forgotten while its reply was on its way
_RUN = insert_into(job_runs, "fence", "ended_at", "error", "seconds").values(fence=literal(1))
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
    update(people).where(people.c.id == bindparam("person")).values(language=bind(people, "language", "chosen")),
    table="people",
    key=("person",),
)
SET_CONVERSATION = write(
    "set conversation",
    update(addresses)
    .where(addresses.c.id == bindparam("address"))
    .values(conversation_id=bind(addresses, "conversation_id", "conversation")),
    table="addresses",
    key=("address",),
)
SET_CLOSED = write(
    "set closed",
    update(addresses).where(addresses.c.id == bindparam("address")).values(closed_at=bind(addresses, "closed_at", "at")),
    table="addresses",
    key=("address",),
)
CLOSE_QUESTION = write(
    "close question",
    update(questions)
    .where(questions.c.turn_id == bindparam("turn"), questions.c.closed_at.is_(None))
    .values(key=bind(questions, "key", "chosen"), closed_at=bind(questions, "closed_at", "at")),
    table="questions",
    key=("turn",),
)
RELABEL_TURN = write(
    "relabel turn",
    update(turns)
    .where(turns.c.id == bindparam("turn"))
    .values(question=bind(turns, "question", "text"), edited_at=bind(turns, "edited_at", "at")),
    table="turns",
    key=("turn",),
)
MOVE_ARRIVAL = write(
    "move arrival",
    update(inbox)
    .where(inbox.c.id == bindparam("arrival"), inbox.c.state == bindparam("before"))
    .values(state=bindparam("after"), message=null(), ended_at=bind(inbox, "ended_at", "at")),
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
        ended_at=func.coalesce(inbox.c.ended_at, bind(inbox, "ended_at", "at")),
    ),
    table="inbox",
    key=("arrival",),
    alone=True,
)
END_OUTGOING = write(
    "end outgoing",
    update(outbox)
    .where(outbox.c.id == bindparam("outgoing"), outbox.c.ended_at.is_(None))
    .values(state=bindparam("after"), message=null(), error=null(), ended_at=bind(outbox, "ended_at", "at")),
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
    update(due_messages).where(due_messages.c.id == bindparam("due")).values(ended_at=bind(due_messages, "ended_at", "at")),
    table="due_messages",
    key=("due",),
)
_waiting = outbox.alias("waiting")
free_job = (
    select(jobs.c.id)
    .where(
        jobs.c.ended_at.is_(None),
        or_(jobs.c.lease_until.is_(None), jobs.c.lease_until <= bind(jobs, "lease_until", "now")),
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
    .values(attempts=jobs.c.attempts + 1, lease_until=bind(jobs, "lease_until", "until"))
    .returning(jobs.c.id, jobs.c.kind, jobs.c.person_id, jobs.c.attempts),
    table="jobs",
    key=None,
)
END_JOB = write(
    "end job",
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.attempts == bindparam("fence", type_=Integer()))
    .values(person_id=null(), error=null(), lease_until=null(), ended_at=bind(jobs, "ended_at", "at")),
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
FREE_RUNS = write(
    "free runs",
    update(job_runs).where(job_runs.c.ended_at.is_(None), job_runs.c.lease_until.is_not(None)).values(lease_until=null()),
    table="job_runs",
    key=None,
)
END_RUN = write(
    "end run",
    update(job_runs)
    .where(
        job_runs.c.job == bindparam("name"),
        job_runs.c.local_date == bind(job_runs, "local_date", "date"),
        job_runs.c.fence == bindparam("number", type_=Integer()),
        job_runs.c.ended_at.is_(None),
    )
    .values(
        ended_at=bind(job_runs, "ended_at", "end"),
        error=bindparam("reason", type_=Text()),
        lease_until=null(),
        seconds=type_coerce(_at - job_runs.c.started_at, BigInteger) / 1e6,
    ),
    table="job_runs",
    key=("name", "date"),
)

# --- deletes ---

DELETE_PARTS = write(
    "delete parts", delete(parts).where(parts.c.outbox_id == bindparam("outgoing")), table="parts", key=("outgoing",)
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
ADD_TRAINING_ROW = write(
    "add training row",
    insert_into(training_rows).on_conflict_do_nothing(),
    table="training_rows",
    key=("row_id",),
)
SET_TRAINING_LABEL = write("set training label", put(training_labels, "row_id"), table="training_labels", key=("row_id",))
SET_TRAINING_DECISION = write(
    "set training decision", put(training_decisions, "subject"), table="training_decisions", key=("subject",)
)
