"""What is asked to be written for admins, as statements."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from sqlalchemy import bindparam, delete, literal, select, update

from bot.store.building import bind, insert_into, insert_where, put
from bot.store.codec import Statement, write
from bot.store.schema import audit, blocks, broadcasts, training_labels, training_rows
from bot.store.statements import SET_TRAINING_DECISION
from bot.writes import AddAudit, AddBroadcast, AdminWrite, DecideTraining, LabelTraining, SetBlock

ADD_AUDIT = write("add audit entry", insert_into(audit).on_conflict_do_nothing(), table="audit", key=("id",))
SET_BLOCK = write("set block", put(blocks, "hash"), table="blocks", key=("hash",))
DELETE_BLOCK = write("delete block", delete(blocks).where(blocks.c.hash == bindparam("hash")), table="blocks", key=("hash",))
_LABEL = insert_where(
    training_labels,
    select(literal(1)).select_from(training_rows).where(training_rows.c.row_id == bind(training_rows, "row_id")),
)
LABEL_TRAINING_ROW = write(
    "label training row",
    _LABEL.on_conflict_do_update(
        index_elements=["row_id"], set_={name: _LABEL.excluded[name] for name in ("intent", "topic", "at")}
    ),
    table="training_labels",
    key=("row_id",),
    alone=True,
)
ADD_BROADCAST = write(
    "add broadcast",
    insert_into(broadcasts, "ended_at").on_conflict_do_nothing(),
    table="broadcasts",
    key=("id",),
)
SPREAD_BROADCAST = write(
    "spread broadcast",
    update(broadcasts)
    .where(broadcasts.c.id == bindparam("broadcast"))
    .values(
        reached=bind(broadcasts, "reached", "upto"),
        people=broadcasts.c.people + bindparam("more", type_=broadcasts.c.people.type),
        ended_at=bind(broadcasts, "ended_at", "at"),
    ),
    table="broadcasts",
    key=("broadcast",),
)


def admin_step(write: AdminWrite, at: datetime) -> tuple[Statement, dict[str, object]]:
    """The statement of one write."""
    match write:
        case AddAudit():
            return ADD_AUDIT, {
                "id": write.id,
                "at": at,
                "channel": write.channel,
                "user": write.user,
                "action": write.action,
                "subject": write.subject,
                "result": write.result,
            }
        case SetBlock():
            return (SET_BLOCK, {"hash": write.hash, "at": at}) if write.is_blocked else (DELETE_BLOCK, {"hash": write.hash})
        case DecideTraining():
            return SET_TRAINING_DECISION, {"subject": write.subject, "is_approved": write.is_approved, "at": at}
        case LabelTraining():
            return LABEL_TRAINING_ROW, {"row_id": write.row, "intent": write.intent, "topic": write.topic, "at": at}
        case AddBroadcast():
            return ADD_BROADCAST, {"id": write.id, "text": write.text, "at": at, "reached": "", "people": 0}
        case _:
            assert_never(write)
