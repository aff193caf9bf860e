"""Corrections that answer everybody or may do so, with the words that they have now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
)

from bot.sharing_types import SharedAnswer, SharedState, words_digest
from bot.store.agreeing import agreed, is_leaving
from bot.store.building import listed
from bot.store.db import Database, Statement, read
from bot.store.messages import json_text
from bot.store.schema import ratings, shared_answers, turns
from bot.store.sharing_writes import is_offered, state
from bot.types import PersonId, TurnId

MOST_SHARED: Final = 2_000
"""The newest ones: what a question can be compared with in time."""

_corrected = and_(ratings.c.correction.is_not(None), ratings.c.correction != "", ratings.c.value != 0)
_of_its_turn = and_(ratings.c.turn_id == turns.c.id, ratings.c.person_id == turns.c.person_id)
_words = (
    turns.c.id,
    turns.c.person_id,
    turns.c.question,
    ratings.c.correction,
    turns.c.answer,
    turns.c.language,
    ratings.c.rated_at,
)
_most = bindparam("most", type_=Integer())


def _decided(*where: ColumnElement[bool]) -> Select[Any]:
    """Rows about which something was said, with their words as they are now."""
    return (
        select(*_words, shared_answers.c.state, shared_answers.c.digest)
        .select_from(shared_answers)
        .join(turns, turns.c.id == shared_answers.c.turn_id)
        .join(ratings, _of_its_turn)
        .where(_corrected, *where)
    )


_OF_PERSON = read(
    "answers of person that are offered",
    _decided(shared_answers.c.person_id == bindparam("person"), is_offered).order_by(
        shared_answers.c.offered_at, shared_answers.c.turn_id
    ),
)
_OFFERED = read(
    "offered answers",
    _decided(is_offered).order_by(shared_answers.c.offered_at.desc(), shared_answers.c.turn_id.desc()).limit(_most),
)
_SHARED = read(
    "shared answers",
    _decided(shared_answers.c.state == state(SharedState.SHARED))
    .order_by(shared_answers.c.decided_at.desc(), shared_answers.c.turn_id.desc())
    .limit(_most),
)
_mark = literal(1_000_003, Integer())
_VERSION = read(
    "version of shared answers",
    select(
        func.count(),
        func.coalesce(func.sum(type_coerce(shared_answers.c.decided_at, BigInteger) % _mark), 0),
        func.coalesce(func.sum(type_coerce(ratings.c.rated_at, BigInteger) % _mark), 0),
        func.coalesce(func.sum(ratings.c.value), 0),
        func.coalesce(func.sum(type_coerce(turns.c.edited_at, BigInteger) % _mark), 0),
    )
    .select_from(shared_answers)
    .join(turns, turns.c.id == shared_answers.c.turn_id)
    .join(ratings, _of_its_turn)
    .where(shared_answers.c.state == state(SharedState.SHARED)),
)
_UNTOLD = read(
    "answers of person that they have not been told of",
    select(func.count())
    .select_from(shared_answers)
    .where(
        shared_answers.c.person_id == bindparam("person", type_=Text()),
        shared_answers.c.state == state(SharedState.ASKED),
        shared_answers.c.told_at.is_(None),
    ),
)


def _corrections(where: ColumnElement[bool]) -> Select[Any]:
    return (
        select(*_words, null(), literal("", Text()))
        .select_from(ratings)
        .join(turns, _of_its_turn)
        .where(
            _corrected,
            turns.c.is_rateable,
            turns.c.question != "",
            agreed(turns),
            ~is_leaving(ratings.c.person_id),
            where,
        )
        .order_by(ratings.c.turn_id.desc())
        .limit(_most)
    )


_after = bindparam("after", type_=Text())
_CORRECTIONS = read("corrections after a turn", _corrections(or_(_after.is_(None), ratings.c.turn_id < _after)))
_CORRECTION = read("correction of a turn", _corrections(ratings.c.turn_id == bindparam("turn", type_=Text())))
_STATES = read(
    "what was said to wordings of turns",
    select(shared_answers.c.turn_id, shared_answers.c.digest, shared_answers.c.state).where(
        shared_answers.c.turn_id.in_(listed("turns"))
    ),
)


class StoredSharing:
    """The `SharingStore` of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_person(self, person: PersonId) -> Sequence[SharedAnswer]:
        """Those of somebody's that are asked about or shared, oldest first."""
        return await self._unchanged(_OF_PERSON, person=person)

    async def offered(self, limit: int) -> Sequence[SharedAnswer]:
        """Those that are asked about or shared, newest first."""
        return await self._unchanged(_OFFERED, most=limit)

    async def version(self) -> str:
        """Changes whenever `shared` would answer differently."""
        (row,) = await self._database.rows(_VERSION)
        return ".".join(map(str, row))

    async def shared(self) -> Sequence[SharedAnswer]:
        """Those that answer everybody, newest consent first."""
        return await self._unchanged(_SHARED, most=MOST_SHARED)

    async def corrections(self, after: TurnId | None, *, limit: int) -> Sequence[SharedAnswer]:
        """Corrections by people whose conversations may be used for training, newest turn first, those after `after`.

        What was said about other words than they have now is not their state.
        """
        return await self._with_states(_read(await self._database.rows(_CORRECTIONS, after=after, most=limit)))

    async def correction(self, turn: TurnId) -> SharedAnswer | None:
        """That of one turn, of somebody whose conversations may be used for training."""
        found = await self._with_states(_read(await self._database.rows(_CORRECTION, turn=turn, most=1)))
        return found[0] if found else None

    async def untold(self, person: PersonId) -> int:
        """How many of theirs they are asked about and have not been told of."""
        ((count,),) = await self._database.rows(_UNTOLD, person=person)
        return int(count)

    async def _with_states(self, found: Sequence[SharedAnswer]) -> list[SharedAnswer]:
        """With what was said to each in these words; one that has ended may be offered like one of which nothing was said."""
        rows = await self._database.rows(_STATES, turns=json_text([one.turn_id for one in found]))
        said = {(turn, digest): SharedState(state) for turn, digest, state in rows if state != SharedState.ENDED}
        return [replace(one, state=said.get((one.turn_id, one.digest))) for one in found]

    async def _unchanged(self, statement: Statement, **given: object) -> list[SharedAnswer]:
        """Those whose words are still those that something was said about."""
        return [one for one in _read(await self._database.rows(statement, **given)) if one.state is not None]


def _read(rows: Iterable[tuple[Any, ...]]) -> list[SharedAnswer]:
    found = []
    for turn, person, question, answer, rejected, language, at, said, about in rows:
        digest = words_digest(question, answer)
        found.append(
            SharedAnswer(
                turn_id=TurnId(turn),
                person_id=PersonId(person),
                question=question,
                answer=answer,
                rejected=rejected,
                language=language,
                digest=digest,
                at=at,
                state=SharedState(said) if said and about == digest else None,
            )
        )
    return found
