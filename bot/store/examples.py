"""Corrected and liked answers of one person, as far as a scope may read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from bot.ports import Example
from bot.store.agreeing import rests_on_anothers
from bot.store.db import Database, Statement, read
from bot.store.schema import ratings, turns
from bot.types import PersonId, Scope, TurnId

MOST_EXAMPLES = 2000
"""The newest ones, of one person and scope: what one recall can look through in time."""

_is_correction = and_(ratings.c.correction.is_not(None), ratings.c.correction != "", ratings.c.value != 0)
_is_liked = and_(ratings.c.value == 1, turns.c.flags.is_(None), turns.c.answer != "", ~rests_on_anothers(turns))
"""An answer in another person's words is none: it comes from them, as long as they let everybody have it."""
_in_private: ColumnElement[bool] = turns.c.is_private.is_(True)
_in_group: ColumnElement[bool] = and_(turns.c.is_private.is_(False), turns.c.address_id == bindparam("group"))
_of_same_person = and_(turns.c.id == ratings.c.turn_id, cast(turns.c.person_id, Text) == ratings.c.person_id)
"""The cast keeps SQLite from beginning with every turn of the person: it shall go from their few ratings to these turns."""
_rated_at = type_coerce(ratings.c.rated_at, BigInteger)


def _examples(scope: ColumnElement[bool]) -> Select[Any]:
    return (
        select(
            turns.c.id,
            case((_is_correction, literal("correction")), else_=literal("liked")),
            turns.c.question,
            case((_is_correction, ratings.c.correction), else_=turns.c.answer),
            ratings.c.rated_at,
        )
        .select_from(ratings)
        .join(turns, _of_same_person)
        .where(
            ratings.c.person_id == bindparam("person"),
            turns.c.is_rateable,
            turns.c.question != "",
            or_(_is_correction, _is_liked),
            scope,
        )
        .order_by(ratings.c.rated_at.desc(), turns.c.id.desc())
        .limit(bindparam("most", type_=Integer()))
    )


def _version(scope: ColumnElement[bool]) -> Select[Any]:
    """How many ratings there are, and marks that move with every change of one: a press, an edit, an erased turn."""
    return (
        select(
            func.count(),
            func.coalesce(func.max(_rated_at), 0),
            func.coalesce(func.sum(_rated_at % 1_000_003), 0),
            func.coalesce(func.sum(ratings.c.value), 0),
            func.coalesce(func.sum(type_coerce(turns.c.edited_at, BigInteger) % 1_000_003), 0),
        )
        .select_from(ratings)
        .join(turns, _of_same_person)
        .where(ratings.c.person_id == bindparam("person"), scope)
    )


_EXAMPLES_IN_PRIVATE = read("examples in private", _examples(_in_private))
_EXAMPLES_IN_GROUP = read("examples in a group", _examples(_in_group))
_VERSION_IN_PRIVATE = read("version of examples in private", _version(_in_private))
_VERSION_IN_GROUP = read("version of examples in a group", _version(_in_group))


class StoredExamples:
    """The `ExampleStore` of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self, person: PersonId, scope: Scope) -> str:
        """Changes whenever `examples` would answer differently."""
        rows = await self._rows(_VERSION_IN_PRIVATE, _VERSION_IN_GROUP, person, scope)
        return ".".join(map(str, rows[0]))

    async def examples(self, person: PersonId, scope: Scope) -> Sequence[Example]:
        """The corrected (kind `correction`) and liked (kind `liked`) answers that this scope may read, newest first.

        A flagged answer (partial, fallback, unknown, …) is never a liked one; a correction of it counts.
        """
        rows = await self._rows(_EXAMPLES_IN_PRIVATE, _EXAMPLES_IN_GROUP, person, scope, most=MOST_EXAMPLES)
        return [
            Example(turn_id=TurnId(turn), kind=kind, question=question, answer=answer, at=at)
            for turn, kind, question, answer, at in rows
        ]

    async def _rows(
        self, in_private: Statement, in_group: Statement, person: PersonId, scope: Scope, **more: object
    ) -> list[tuple[Any, ...]]:
        if scope.group is None:
            return await self._database.rows(in_private, person=person, **more)
        return await self._database.rows(in_group, person=person, group=scope.group, **more)
