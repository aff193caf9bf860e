"""What is asked to be written about corrections that may answer everybody, as statements."""

from __future__ import annotations

from datetime import datetime
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Integer, Text, bindparam, exists, literal, null, or_, select, type_coerce, update
from sqlalchemy.dialects.sqlite import insert

from bot.ports import Ids
from bot.sharing_types import SHARE, SharedState
from bot.store.agreeing import agreed, is_leaving
from bot.store.building import bind
from bot.store.codec import Statement, write
from bot.store.schema import addresses, due_messages, ratings, shared_answers, turns
from bot.types import ChannelName
from bot.writes import DecideSharing, EndSharing, EndSharingOf, OfferAnswer, SharingWrite, ToldOfSharing


def state(value: SharedState) -> ColumnElement[str]:
    """A state as a statement compares it."""
    return literal(value.value, Text())


is_offered = shared_answers.c.state.in_([state(SharedState.ASKED), state(SharedState.SHARED)])
_turn = bindparam("turn_id", type_=Text())
_offer = insert(shared_answers).from_select(
    [column.name for column in shared_answers.columns],
    select(
        ratings.c.turn_id,
        bind(shared_answers, "digest"),
        ratings.c.person_id,
        bind(shared_answers, "state"),
        literal("", Text()),
        bind(shared_answers, "offered_at", "at"),
        null(),
        null(),
    )
    .join(turns, turns.c.id == ratings.c.turn_id)
    .where(ratings.c.turn_id == _turn, ratings.c.correction.is_not(None), agreed(turns), ~is_leaving(ratings.c.person_id)),
)
OFFER_ANSWER = write(
    "offer answer",
    _offer.on_conflict_do_update(
        index_elements=["turn_id", "digest"],
        set_={name: _offer.excluded[name] for name in ("state", "version", "offered_at", "told_at", "decided_at")},
        where=shared_answers.c.state.in_([state(SharedState.LEFT_OUT), state(SharedState.ENDED)]),
    ),
    table="shared_answers",
    key=("turn_id",),
)
_waiting = due_messages.alias("waiting")
_is_told = exists().where(
    _waiting.c.person_id == shared_answers.c.person_id,
    _waiting.c.ended_at.is_(None),
    _waiting.c.kind.startswith(f"{SHARE}."),
)
_corrected = turns.alias("corrected")
_where_to = (
    select(addresses.c.id)
    .join(_corrected, _corrected.c.person_id == addresses.c.person_id)
    .where(
        _corrected.c.id == shared_answers.c.turn_id,
        addresses.c.is_private,
        addresses.c.closed_at.is_(None),
        addresses.c.channel.in_([literal(one.value, Text()) for one in (ChannelName.TELEGRAM, ChannelName.DISCORD)]),
    )
    .order_by((addresses.c.id == _corrected.c.address_id).desc(), addresses.c.id.desc())
    .limit(1)
    .correlate(shared_answers)
    .scalar_subquery()
)
"""A chat in which the author may be written to unasked: where they wrote the correction, else their newest one."""
ASK_AUTHOR = write(
    "ask author",
    insert(due_messages).from_select(
        [column.name for column in due_messages.columns],
        select(
            bind(due_messages, "id"),
            shared_answers.c.person_id,
            type_coerce(_where_to, Text),
            literal(f"{SHARE}.", Text()) + turns.c.language,
            bind(due_messages, "due_at", "at"),
            null(),
        )
        .join(turns, turns.c.id == shared_answers.c.turn_id)
        .where(
            shared_answers.c.turn_id == _turn,
            shared_answers.c.digest == bind(shared_answers, "digest"),
            shared_answers.c.state == state(SharedState.ASKED),
            shared_answers.c.told_at.is_(None),
            type_coerce(_where_to, Text).is_not(None),
            ~_is_told,
        ),
    ),
    table="due_messages",
    key=None,
)
"""They are told once of all that waits for them. Who has no such chat is told below the next answer."""


def _changed(name: str, *where: ColumnElement[bool], is_of_turn: bool = True, **values: ColumnElement[Any]) -> Statement:
    """A change of those that are asked about or shared: of a turn, or of a person."""
    of = shared_answers.c.turn_id == _turn if is_of_turn else _of_person
    clause = update(shared_answers).where(of, is_offered, *where).values(**values)
    return write(name, clause, table="shared_answers", key=("turn_id",) if is_of_turn else None)


_of_person = shared_answers.c.person_id == bind(shared_answers, "person_id")
_in_these_words = shared_answers.c.digest == bind(shared_answers, "digest")
_ended = state(SharedState.ENDED)
DECIDE_SHARING = _changed(
    "decide sharing",
    _of_person,
    _in_these_words,
    state=bind(shared_answers, "state", "decided"),
    version=bind(shared_answers, "version", "asked_in"),
    decided_at=bind(shared_answers, "decided_at", "at"),
)
END_SHARING = _changed("end sharing", _in_these_words, state=state(SharedState.LEFT_OUT))
END_SHARING_OF = _changed("end sharing of person", is_of_turn=False, state=_ended)
TOLD_OF_SHARING = _changed(
    "told of sharing",
    shared_answers.c.told_at.is_(None),
    is_of_turn=False,
    told_at=bind(shared_answers, "told_at", "at"),
)
END_OTHER_CORRECTION = _changed(
    "end sharing of another correction",
    or_(
        bindparam("value", type_=Integer()) == literal(0, Integer()),
        ~exists().where(ratings.c.turn_id == _turn, ratings.c.correction == bind(ratings, "correction")),
    ),
    state=_ended,
)
"""Before the rating that may change the words."""
END_OTHER_QUESTION = _changed(
    "end sharing of another question",
    ~exists().where(turns.c.id == _turn, turns.c.question == bind(turns, "question")),
    state=_ended,
)
"""Before the edit that may change the words."""


def sharing_steps(write: SharingWrite, at: datetime, ids: Ids) -> list[tuple[Statement, dict[str, object]]]:
    """The statements of one write."""
    match write:
        case OfferAnswer():
            offered = SharedState.ASKED if write.is_wanted else SharedState.LEFT_OUT
            row: dict[str, object] = {"turn_id": write.turn_id, "digest": write.digest, "state": offered.value, "at": at}
            asked: dict[str, object] = {"turn_id": write.turn_id, "digest": write.digest, "id": ids.new(), "at": at}
            return [(OFFER_ANSWER, row), *([(ASK_AUTHOR, asked)] if write.is_wanted else [])]
        case DecideSharing():
            decided = SharedState.SHARED if write.is_shared else SharedState.DECLINED
            return [
                (
                    DECIDE_SHARING,
                    {
                        "turn_id": write.turn_id,
                        "person_id": write.person_id,
                        "digest": write.digest,
                        "decided": decided.value,
                        "asked_in": write.version,
                        "at": at,
                    },
                )
            ]
        case EndSharing():
            return [(END_SHARING, {"turn_id": write.turn_id, "digest": write.digest})]
        case EndSharingOf():
            return [(END_SHARING_OF, {"person_id": write.person_id})]
        case ToldOfSharing():
            return [(TOLD_OF_SHARING, {"person_id": write.person_id, "at": at})]
        case _:
            assert_never(write)
