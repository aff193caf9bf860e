"""The statements that make one person of two, and two of one; `order` gives them their places among the others.

Joined, everything of `gone` becomes that of `kept`. Separated, what belongs to one user of a channel goes from `person` to
`fresh`. Memories that one unit moves have the same stamp, by which their sources and vectors follow.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    ScalarSelect,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    type_coerce,
    update,
)
from sqlalchemy.dialects.sqlite import insert

from bot.channel_types import CodeKind
from bot.sharing_types import SharedState
from bot.store.building import bind, listed
from bot.store.codec import Statement, write
from bot.store.schema import (
    addresses,
    answer_log,
    codes,
    consents,
    due_messages,
    identities,
    inbox,
    index_removals,
    jobs,
    memories,
    memory_sources,
    memory_vectors,
    pending_memories,
    people,
    profile_events,
    questions,
    ratings,
    shared_answers,
    training_rows,
    turns,
    usage,
)
from bot.store.sharing_writes import is_offered, state
from bot.types import InboxState

FORGETTING = "forget"
RENAMED = "+"
"""What a pending memory's id gets when it changes hands: whoever was at work on it by its old one writes nothing."""

_person, _fresh = bindparam("person", type_=Text()), bindparam("fresh", type_=Text())
_kept, _gone, _to = bindparam("kept", type_=Text()), bindparam("gone", type_=Text()), bindparam("to", type_=Text())
_channel, _user = bindparam("channel", type_=Text()), bindparam("user", type_=Text())
_stamp, _most = bindparam("stamp", type_=Text()), bindparam("most", type_=Integer())
_is_link = codes.c.kind == literal(CodeKind.LINK.value, Text())


def is_being_answered(person: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a message of this person has arrived and is not answered yet."""
    return (
        select(literal(1))
        .select_from(inbox)
        .join(identities, and_(identities.c.channel == inbox.c.channel, identities.c.user == inbox.c.user))
        .where(identities.c.person_id == person, inbox.c.state == literal(InboxState.RECEIVED.value, Text()))
        .exists()
    )


def _changed(table: Table, *where: ColumnElement[bool], name: str, **values: ColumnElement[Any]) -> Statement:
    return write(name, update(table).where(*where).values(**values), table=table.name, key=None)


def _demand(name: str, *conditions: ColumnElement[bool]) -> Statement:
    """Breaks the unit unless all of these hold: it then inserts a row of nothing where there must be something."""
    nothing = select(*(null() for _ in people.columns)).where(~and_(*conditions))
    return write(name, insert(people).from_select([one.name for one in people.columns], nothing), table="people", key=None)


# --- memories, whichever way they go ---

_moves: dict[str, ColumnElement[Any]] = {
    "person_id": _to,
    "changed": _stamp,
    "is_indexed": case((memories.c.ended_at.is_(None), false()), else_=memories.c.is_indexed),
}
_some_in_private = (
    select(memories.c.id).where(memories.c.person_id == _person, memories.c.group_id.is_(None)).limit(_most).scalar_subquery()
)
MOVE_SOME_MEMORIES = write(
    "move some memories",
    update(memories).where(memories.c.id.in_(_some_in_private)).values(**_moves).returning(literal(1)),
    table="memories",
    key=None,
)
MOVE_MEMORIES = _changed(memories, memories.c.person_id == _person, name="move memories", **_moves)
_moved = and_(memories.c.person_id == _to, memories.c.changed == _stamp)
_leaving = select(memories.c.id, bindparam("index_of", type_=Text()), memories.c.group_id).where(
    _moved, memories.c.ended_at.is_(None), memories.c.embedder.is_not(None)
)
_note = insert(index_removals).from_select([one.name for one in index_removals.columns], _leaving)
NOTE_MOVED = write(
    "unindex moved memories",
    _note.on_conflict_do_update(
        index_elements=["memory_id"], set_={name: _note.excluded[name] for name in ("person_id", "group_id")}
    ),
    table="index_removals",
    key=None,
)
"""Until the index has looked for them under `index_of` none is put in, nor taken for one that is: it may be at work on them."""


def _follows(table: Table) -> Statement:
    where = table.c.memory_id.in_(select(memories.c.id).where(_moved)), table.c.person_id != _to
    return _changed(table, *where, name=f"move {table.name} of moved memories", person_id=_to)


MOVE_SOURCES, MOVE_VECTORS = _follows(memory_sources), _follows(memory_vectors)

# --- one person of two ---


def _newest_consent(person: ColumnElement[Any]) -> ColumnElement[Any]:
    newest = select(consents.c.granted).where(consents.c.person_id == person).order_by(consents.c.id.desc()).limit(1)
    return func.coalesce(newest.scalar_subquery(), false())


DEMAND_JOINABLE = _demand(
    "demand that two people can be joined",
    exists().where(people.c.id == _kept),
    exists().where(people.c.id == _gone),
    exists().where(
        codes.c.hash == bindparam("code"), _is_link, codes.c.person_id == _kept, codes.c.used_by == _gone, _kept != _gone
    ),
    ~is_being_answered(_gone),
)
WITHDRAW_CONSENT = write(
    "withdraw consent that one of two gave",
    insert(consents).from_select(
        [one.name for one in consents.columns],
        select(bind(consents, "id"), _kept, literal(False), bind(consents, "version"), bind(consents, "at")).where(
            _newest_consent(_kept) != _newest_consent(_gone)
        ),
    ),
    table="consents",
    key=None,
)
"""Whoever has not agreed in both places has not agreed; before the consents change hands, and with an id later than theirs."""
_other = people.alias("other")


def _of_gone(column: str) -> ScalarSelect[Any]:
    return select(_other.c[column]).where(_other.c.id == _gone).scalar_subquery()


MERGE_PEOPLE = _changed(
    people,
    people.c.id == _kept,
    name="merge people",
    language=func.coalesce(people.c.language, _of_gone("language")),
    remembers=case((and_(people.c.remembers, _of_gone("remembers")), true()), else_=false()),
    created_at=case((_of_gone("created_at") < people.c.created_at, _of_gone("created_at")), else_=people.c.created_at),
)


def _given(table: Table, **values: ColumnElement[Any]) -> Statement:
    """Everything that is `gone`'s in a table becomes that of `kept`."""
    return _changed(table, table.c.person_id == _gone, name=f"give {table.name}", person_id=_kept, **values)


_renamed = pending_memories.c.id + literal(RENAMED, Text())
GIVE = (
    *(
        _given(table)
        for table in (
            identities,
            addresses,
            turns,
            ratings,
            shared_answers,
            questions,
            answer_log,
            profile_events,
            due_messages,
            consents,
            codes,
            training_rows,
        )
    ),
    _given(pending_memories, id=_renamed),
    _changed(
        shared_answers,
        shared_answers.c.person_id == _kept,
        is_offered,
        ~_newest_consent(_kept),
        name="end sharing of one who has not agreed in both places",
        state=state(SharedState.ENDED),
    ),
)
_USAGE = insert(usage).from_select(
    [one.name for one in usage.columns],
    select(_kept, usage.c.day, usage.c.messages, usage.c.tokens, usage.c.cost).where(usage.c.person_id == _gone),
)
SUM_USAGE = write(
    "add the usage of another person",
    _USAGE.on_conflict_do_update(
        index_elements=["person_id", "day"],
        set_={name: usage.c[name] + _USAGE.excluded[name] for name in ("messages", "tokens", "cost")},
    ),
    table="usage",
    key=None,
)
HAND_OVER_CODES = _changed(
    codes, codes.c.used_by == _gone, codes.c.hash != bindparam("code"), _is_link, name="give used codes", used_by=_kept
)
HAND_OVER_JOBS = _changed(jobs, jobs.c.person_id == _gone, jobs.c.id != bindparam("job"), name="give chores", person_id=_kept)
DELETE_CODE = write(
    "delete code", delete(codes).where(codes.c.hash == bindparam("code")), table="codes", key=("code",), alone=True
)

# --- two people of one ---

_its_addresses = select(addresses.c.id).where(addresses.c.channel == _channel, addresses.c.user == _user)
_its_turns = select(turns.c.id).where(turns.c.address_id.in_(_its_addresses))
_is_it = and_(identities.c.channel == _channel, identities.c.user == _user, identities.c.person_id == _person)
_elsewhere = identities.alias("elsewhere")
DEMAND_SEPARABLE = _demand(
    "demand that a place can be separated",
    exists().where(_is_it),
    exists().where(_elsewhere.c.person_id == _person, or_(_elsewhere.c.channel != _channel, _elsewhere.c.user != _user)),
    ~is_being_answered(_person),
)
BEGIN_PERSON = write(
    "begin a person of a place",
    insert(people).from_select(
        ["id", "language", "created_at", "remembers"],
        select(_fresh, people.c.language, identities.c.created_at, people.c.remembers)
        .join(identities, identities.c.person_id == people.c.id)
        .where(_is_it),
    ),
    table="people",
    key=None,
)


def _taken(table: Table, where: ColumnElement[bool], **values: ColumnElement[Any]) -> Statement:
    """What belongs to the place in a table goes to `fresh`."""
    return _changed(table, table.c.person_id == _person, where, name=f"separate {table.name}", person_id=_fresh, **values)


_data = type_coerce(profile_events.c.data, Text)
_named_turn = case((func.json_valid(_data) == literal(1, Integer()), func.json_extract(_data, "$.turn")), else_=null())
TAKE = (
    _taken(identities, and_(identities.c.channel == _channel, identities.c.user == _user)),
    _taken(addresses, addresses.c.id.in_(_its_addresses)),
    _taken(turns, turns.c.address_id.in_(_its_addresses)),
    _taken(ratings, ratings.c.turn_id.in_(_its_turns)),
    _taken(
        shared_answers,
        shared_answers.c.turn_id.in_(_its_turns),
        state=case((is_offered, state(SharedState.ENDED)), else_=shared_answers.c.state),
    ),
    _taken(questions, questions.c.address_id.in_(_its_addresses)),
    _taken(answer_log, answer_log.c.address_id.in_(_its_addresses)),
    _taken(due_messages, due_messages.c.address_id.in_(_its_addresses)),
    _taken(profile_events, type_coerce(_named_turn, Text()).in_(_its_turns)),
    _taken(training_rows, training_rows.c.turn_id.in_(_its_turns)),
    _taken(pending_memories, pending_memories.c.turn_id.in_(_its_turns), id=_renamed),
)
DELETE_UNUSED_CODES = write(
    "delete unused link codes",
    delete(codes).where(codes.c.person_id == _person, _is_link, codes.c.used_at.is_(None)),
    table="codes",
    key=None,
)
TAKE_GROUP_MEMORIES = _changed(
    memories,
    memories.c.person_id == _person,
    memories.c.group_id.in_(_its_addresses),
    name="separate memories of groups",
    **_moves,
)
_turns_of_fresh = select(turns.c.id).where(turns.c.person_id == _to)
_sourced_there = (
    select(memory_sources.c.memory_id)
    .where(memory_sources.c.person_id == _person, memory_sources.c.source.in_(_turns_of_fresh))
    .correlate(None)
)


def _has_another(of: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a memory also follows from something else than the place's turns."""
    source, turn = memory_sources.alias("source"), turns.alias("turn")
    is_there = exists().where(turn.c.id == source.c.source, turn.c.person_id == _to).correlate(source)
    return exists(select(literal(1)).select_from(source).where(source.c.memory_id == of, ~is_there))


_only_there: Select[Any] = (
    select(memories.c.id)
    .where(
        memories.c.id.in_(_sourced_there),
        memories.c.person_id == _person,
        memories.c.group_id.is_(None),
        ~_has_another(memories.c.id),
    )
    .limit(_most)
)
TAKE_SOME_MEMORIES = write(
    "separate some memories",
    update(memories).where(memories.c.id.in_(_only_there.scalar_subquery())).values(**_moves).returning(literal(1)),
    table="memories",
    key=None,
)
DROP_SOURCES = write(
    "drop the sources that a memory has in a separated place",
    delete(memory_sources).where(
        memory_sources.c.person_id == _person,
        memory_sources.c.source.in_(_turns_of_fresh),
        _has_another(memory_sources.c.memory_id),
    ),
    table="memory_sources",
    key=None,
)

# --- what took another's place, once they are two people's ---

OTHER = memories.alias("other")
takes_place = and_(OTHER.c.id == memories.c.superseded_by, OTHER.c.person_id != memories.c.person_id)
_next = select(OTHER.c.superseded_by).where(takes_place, OTHER.c.superseded_by.is_not(None)).correlate(memories)
RELINK_APART = write(
    "relink memories of two people",
    update(memories)
    .where(memories.c.id.in_(listed("ids")), _next.exists())
    .values(superseded_by=_next.scalar_subquery(), changed=_stamp)
    .returning(literal(1)),
    table="memories",
    key=None,
)
REVIVE_APART = _changed(
    memories,
    memories.c.id.in_(listed("ids")),
    select(literal(1)).select_from(OTHER).where(takes_place).correlate(memories).exists(),
    name="revive memories of two people",
    superseded_by=null(),
    ended_at=null(),
    changed=_stamp,
    embedder=null(),
    is_indexed=false(),
)
UNTIE = _changed(memories, memories.c.id.in_(listed("ids")), name="untie memories of two people", supersedes=null())

LINKING = (
    DEMAND_JOINABLE, DEMAND_SEPARABLE, BEGIN_PERSON, WITHDRAW_CONSENT, MERGE_PEOPLE, *GIVE, SUM_USAGE, HAND_OVER_CODES,
    HAND_OVER_JOBS, DELETE_CODE, *TAKE, DELETE_UNUSED_CODES, TAKE_GROUP_MEMORIES, TAKE_SOME_MEMORIES, MOVE_SOME_MEMORIES,
    MOVE_MEMORIES, NOTE_MOVED, MOVE_SOURCES, MOVE_VECTORS, DROP_SOURCES, RELINK_APART, REVIVE_APART, UNTIE,
)  # fmt: skip
"""All of them, for the order of all statements. Their units run alone."""
