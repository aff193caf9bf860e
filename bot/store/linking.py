"""Two places of one person become one in the database, and two again (R-42)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Text, and_, bindparam, func, literal, or_, select

from bot.channel_types import CodeKind
from bot.job_types import Job
from bot.link_ports import Holdings, Moved, Place, StoredCode
from bot.ports import Ids
from bot.store.access import DELETE_OLD_CODES, KEPT_FOR
from bot.store.db import Database, Statement, Unit, read
from bot.store.deletions import DELETE_PERSON, DELETE_REMOVALS, DELETE_USAGE
from bot.store.link_statements import (
    BEGIN_PERSON,
    DELETE_CODE,
    DELETE_UNUSED_CODES,
    DEMAND_JOINABLE,
    DEMAND_SEPARABLE,
    DROP_SOURCES,
    FORGETTING,
    GIVE,
    HAND_OVER_CODES,
    HAND_OVER_JOBS,
    MERGE_PEOPLE,
    MOVE_MEMORIES,
    MOVE_SOME_MEMORIES,
    MOVE_SOURCES,
    MOVE_VECTORS,
    NOTE_MOVED,
    OTHER,
    RELINK_APART,
    REVIVE_APART,
    SUM_USAGE,
    TAKE,
    TAKE_GROUP_MEMORIES,
    TAKE_SOME_MEMORIES,
    UNTIE,
    WITHDRAW_CONSENT,
    is_being_answered,
)
from bot.store.messages import json_text
from bot.store.schema import addresses, codes, identities, jobs, memories, people, turns
from bot.types import ChannelName, PersonId

MEMORIES: Final = 1_000
"""Memories that are joined in one transaction, with their sources and vectors: they take some 20 ms."""
SEPARATED: Final = 400
"""As many are separated: each is looked at first."""
CONSENT: Final = "link"
"""In place of the version of the words that a person agreed to: nobody was asked."""

_person = bindparam("person", type_=Text())
_CODE = read(
    "link code",
    select(codes.c.kind, codes.c.person_id, codes.c.expires_at, codes.c.used_at).where(codes.c.hash == bindparam("code")),
)
_PLACES = read(
    "places of person",
    select(identities.c.channel, identities.c.user)
    .where(identities.c.person_id == _person)
    .order_by(identities.c.created_at, identities.c.channel, identities.c.user),
)
_HOLDINGS = read(
    "holdings of person",
    select(
        select(func.count()).select_from(turns).where(turns.c.person_id == _person).scalar_subquery(),
        select(func.count())
        .select_from(memories)
        .where(memories.c.person_id == _person, memories.c.ended_at.is_(None))
        .scalar_subquery(),
    ),
)
_IS_ANSWERED = read("is a person being answered", select(literal(1)).where(is_being_answered(_person)))
_EXISTS = read("is there such a person", select(people.c.id).where(people.c.id == _person))
_IS_LEAVING = read(
    "is one of these to be forgotten",
    select(jobs.c.id).where(
        jobs.c.kind == literal(FORGETTING, Text()),
        jobs.c.ended_at.is_(None),
        or_(jobs.c.person_id == _person, jobs.c.person_id == bindparam("other", type_=Text())),
    ),
)
_USED = read(
    "link code used by person",
    select(codes.c.hash, codes.c.person_id)
    .where(codes.c.used_by == _person, codes.c.kind == literal(CodeKind.LINK.value, Text()))
    .order_by(codes.c.used_at, codes.c.hash)
    .limit(1),
)
_PLACE_OF = read(
    "place of a chore",
    select(identities.c.channel, identities.c.user, identities.c.person_id)
    .select_from(jobs)
    .join(turns, turns.c.id == jobs.c.after_turn)
    .join(addresses, addresses.c.id == turns.c.address_id)
    .join(identities, and_(identities.c.channel == addresses.c.channel, identities.c.user == addresses.c.user))
    .where(jobs.c.id == bindparam("job")),
)


def _apart(pointer: ColumnElement[str | None]) -> Statement:
    """The memories of a person that name a memory of somebody else there."""
    return read(
        f"memories whose {pointer.name} is another person's",
        select(memories.c.id)
        .join(OTHER, OTHER.c.id == pointer)
        .where(memories.c.person_id == _person, OTHER.c.person_id != memories.c.person_id),
    )


_REPLACED_APART, _REPLACING_APART = _apart(memories.c.superseded_by), _apart(memories.c.supersedes)


class StoredLinks:
    """The `LinkStore` and `LinkChores` of the database."""

    def __init__(self, database: Database, ids: Ids) -> None:
        self._database, self._ids = database, ids

    async def code(self, hash: str) -> StoredCode | None:
        """The code with this keyed hash."""
        rows = await self._database.rows(_CODE, code=hash)
        if not rows:
            return None
        kind, person, expires_at, used_at = rows[0]
        return StoredCode(kind=CodeKind(kind), person_id=person, expires_at=expires_at, is_used=used_at is not None)

    async def places(self, person: PersonId) -> Sequence[Place]:
        """Where this person talks from, the place known longest first."""
        rows = await self._database.rows(_PLACES, person=person)
        return [Place(channel=ChannelName(channel), user=user) for channel, user in rows]

    async def holdings(self, person: PersonId) -> Holdings:
        """How much is held of this person."""
        ((said, remembered),) = await self._database.rows(_HOLDINGS, person=person)
        return Holdings(turns=said, memories=remembered)

    async def is_quiet(self, person: PersonId) -> bool:
        """Whether no message from any place of theirs is being answered."""
        return not await self._database.rows(_IS_ANSWERED, person=person)

    # --- one of two ---

    async def join(self, job: Job, at: datetime) -> Moved | None:
        """Give everything of the chore's person to the one whose code they used; None where there is nothing to join.

        Where either asked to be forgotten meanwhile, nothing is joined. What is remembered in private goes ahead in slices; the
        rest, down to the person's row, is one transaction. Raises StoreConflict when a message of theirs is being answered.
        """
        gone = job.person_id
        used = await self._database.rows(_USED, person=gone)
        code, kept = used[0] if used else ("", None)
        if not await self._database.rows(_EXISTS, person=gone):
            return Moved(person=kept, other=gone)
        if kept is None or kept == gone or await self._database.rows(_IS_LEAVING, person=gone, other=kept):
            await self.joined(job)
            return None
        while await self._gave_some(gone, kept) == MEMORIES:
            pass
        await self._give_all(job, gone, kept, code, at)
        return Moved(person=kept, other=gone)

    async def joined(self, job: Job) -> None:
        """It is all over: let go of the code."""
        used = await self._database.rows(_USED, person=job.person_id)
        if used:
            await self._database.commit(Unit((DELETE_CODE, {"code": used[0][0]})))

    async def _gave_some(self, gone: PersonId, kept: PersonId) -> int:
        some = {"person": gone, "to": kept, "stamp": self._ids.new()}
        unit = Unit((MOVE_SOME_MEMORIES, {**some, "most": MEMORIES}), *_following(some, index_of=kept), alone=True)
        found, *_ = await self._database.commit_returning(unit)
        return len(found)

    async def _give_all(self, job: Job, gone: PersonId, kept: PersonId, code: str, at: datetime) -> None:
        two = {"kept": kept, "gone": gone}
        moved = {"person": gone, "to": kept, "stamp": self._ids.new()}
        consent = {"id": self._ids.new(), "version": CONSENT, "at": at}
        unit = Unit(
            (DEMAND_JOINABLE, {**two, "code": code}),
            (WITHDRAW_CONSENT, {**two, **consent}),
            (MERGE_PEOPLE, two),
            *((statement, two) for statement in GIVE),
            (SUM_USAGE, two),
            (DELETE_USAGE, {"person": gone}),
            (MOVE_MEMORIES, moved),
            *_following(moved, index_of=kept),
            (DELETE_REMOVALS, {"person": gone}),
            (HAND_OVER_CODES, {**two, "code": code}),
            (HAND_OVER_JOBS, {**two, "job": job.id}),
            (DELETE_OLD_CODES, {"before": at - KEPT_FOR}),
            (DELETE_PERSON, {"person": gone}),
            alone=True,
        )
        await self._database.commit(unit)

    # --- two of one ---

    async def part(self, job: Job, at: datetime) -> Moved | None:
        """Make a person of its own of the place where the chore was asked for; None where there is nothing to separate.

        The place with all that was said there goes in one transaction, what is remembered from there alone in slices after it.
        Raises StoreConflict, having separated nothing, when a message of theirs is being answered.
        """
        found = await self._database.rows(_PLACE_OF, job=job.id)
        if not found:
            return None
        person = job.person_id
        channel, user, owner = found[0]
        if owner == person:
            is_leaving = await self._database.rows(_IS_LEAVING, person=person, other=person)
            if is_leaving or len(await self.places(person)) < 2:
                return None
            owner = PersonId(self._ids.new())
            await self._take(person, owner, channel, user)
        while await self._took_some(person, owner) == SEPARATED:
            pass
        await self._database.commit(Unit((DROP_SOURCES, {"person": person, "to": owner})))
        await self._untie(person, owner)
        return Moved(person=person, other=owner)

    async def _take(self, person: PersonId, fresh: PersonId, channel: str, user: str) -> None:
        place = {"channel": channel, "user": user, "person": person}
        moved = {"person": person, "to": fresh, "stamp": self._ids.new()}
        unit = Unit(
            (DEMAND_SEPARABLE, place),
            (BEGIN_PERSON, {**place, "fresh": fresh}),
            *((statement, {**place, "fresh": fresh}) for statement in TAKE),
            (DELETE_UNUSED_CODES, {"person": person}),
            (TAKE_GROUP_MEMORIES, {**moved, "channel": channel, "user": user}),
            (TAKE_SOME_MEMORIES, {**moved, "most": SEPARATED}),
            *_following(moved, index_of=person),
            alone=True,
        )
        await self._database.commit(unit)

    async def _took_some(self, person: PersonId, fresh: PersonId) -> int:
        some = {"person": person, "to": fresh, "stamp": self._ids.new()}
        unit = Unit((TAKE_SOME_MEMORIES, {**some, "most": SEPARATED}), *_following(some, index_of=person), alone=True)
        found, *_ = await self._database.commit_returning(unit)
        return len(found)

    async def _untie(self, *two: PersonId) -> None:
        """What took another's place did so for one person: whose successor went away has the older memory again."""
        ids = [one for person in two for (one,) in await self._database.rows(_REPLACED_APART, person=person)]
        named = {"ids": json_text(ids), "stamp": self._ids.new()}
        for _ in ids:  # a chain may go to and fro between the two; all of it, before anything lives again
            (relinked,) = await self._database.commit_returning(Unit((RELINK_APART, named)))
            if not relinked:
                break
        if ids:
            await self._database.commit(Unit((REVIVE_APART, named)))
        if tied := [one for person in two for (one,) in await self._database.rows(_REPLACING_APART, person=person)]:
            await self._database.commit(Unit((UNTIE, {"ids": json_text(tied)})))


def _following(moved: dict[str, str], *, index_of: PersonId) -> list[tuple[Statement, dict[str, object]]]:
    """What goes with the memories that a unit moves, and that the index is to look for them under `index_of` first."""
    there: dict[str, object] = {"to": moved["to"], "stamp": moved["stamp"]}
    return [(NOTE_MOVED, {**there, "index_of": index_of}), (MOVE_SOURCES, there), (MOVE_VECTORS, there)]
