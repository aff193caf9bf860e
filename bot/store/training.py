"""What a night reads of the database, and what it notes there: whose turns became training rows, and what was said of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec
from sqlalchemy import (
    Integer,
    ScalarSelect,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal,
    select,
    type_coerce,
)

from bot.store.agreeing import agreed, is_leaving, rests_on_anothers
from bot.store.building import listed
from bot.store.db import Database, Unit, read
from bot.store.deletions import DELETE_SOME_DECISIONS, DELETE_SOME_TRAINING_ROWS
from bot.store.keys import Keys
from bot.store.messages import arms_of, flags_of, json_text, sources_of
from bot.store.schema import (
    UtcTime,
    addresses,
    answer_log,
    consents,
    identities,
    people,
    ratings,
    training_decisions,
    training_labels,
    training_rows,
    turns,
)
from bot.store.statements import ADD_TRAINING_ROW, SET_TRAINING_DECISION, SET_TRAINING_LABEL
from bot.training_types import Activity, RatedTurn
from bot.types import ChannelName, EvidenceKind, Kind, PersonId, TurnId, TurnStatus

PAGE: Final = 500
SLICE: Final = 500
"""Training rows in one transaction: 500 take some 10 ms."""
HISTORY: Final = 4
"""Exchanges before an answer that come with it."""

_until = bindparam("until", type_=UtcTime())


_before = turns.alias("before")
_latest = (
    select(_before.c.question, _before.c.answer)
    .where(
        _before.c.address_id == turns.c.address_id,
        _before.c.conversation_id == turns.c.conversation_id,
        _before.c.id < turns.c.id,
        _before.c.kind == literal(Kind.TEXT.value, Text()),
        _before.c.handler == literal("chat", Text()),
        _before.c.status == literal(TurnStatus.ANSWERED.value, Text()),
        _before.c.flags.is_(None),
        ~rests_on_anothers(_before),
        agreed(_before),
    )
    .order_by(_before.c.id.desc())
    .limit(literal(HISTORY, Integer()))
    .correlate(turns)
    .subquery("latest")
)
_history = select(func.json_group_array(func.json_array(_latest.c.question, _latest.c.answer))).scalar_subquery()
_rated = ratings.join(turns, and_(turns.c.id == ratings.c.turn_id, cast(turns.c.person_id, Text) == ratings.c.person_id))
_may_be_learned = (
    turns.c.is_rateable,
    turns.c.status == literal(TurnStatus.ANSWERED.value, Text()),
    turns.c.asked_at < _until,
    agreed(turns),
    ~is_leaving(ratings.c.person_id),
)
_ANY_RATED = read("whether any turn is rated", select(literal(1)).select_from(_rated).where(*_may_be_learned).limit(1))
_RATED = read(
    "rated turns",
    select(
        turns.c.id,
        turns.c.person_id,
        turns.c.conversation_id,
        addresses.c.channel,
        turns.c.is_private,
        turns.c.language,
        turns.c.question,
        turns.c.answer,
        turns.c.model,
        type_coerce(turns.c.flags, Text),
        type_coerce(turns.c.evidence, Text),
        turns.c.asked_at,
        ratings.c.value,
        ratings.c.reason,
        ratings.c.correction,
        type_coerce(answer_log.c.arms, Text),
        answer_log.c.version,
        type_coerce(_history, Text),
    )
    .select_from(_rated)
    .join(addresses, addresses.c.id == turns.c.address_id)
    .outerjoin(answer_log, answer_log.c.turn_id == turns.c.id)
    .where(ratings.c.turn_id > bindparam("after", type_=Text()), *_may_be_learned)
    .order_by(ratings.c.turn_id)
    .limit(literal(PAGE, Integer())),
)
_ACTIVITY = read(
    "how long and how often people have talked",
    select(people.c.id, people.c.created_at, func.count(turns.c.conversation_id.distinct()))
    .join(turns, turns.c.person_id == people.c.id)
    .where(turns.c.asked_at < _until)
    .group_by(people.c.id),
)
_PEOPLE_OF = read(
    "people of users",
    select(identities.c.person_id).where(
        (identities.c.channel + literal(":", Text()) + identities.c.user).in_(listed("users"))
    ),
)
_ROWS_OF = read(
    "training rows of person", select(training_rows.c.row_id).where(training_rows.c.person_id == bindparam("person"))
)
_RATED_BY = read("turns rated by person", select(ratings.c.turn_id).where(ratings.c.person_id == bindparam("person")))
_last_word = (
    select(consents.c.granted)
    .where(consents.c.person_id == training_rows.c.person_id)
    .order_by(consents.c.id.desc())
    .limit(1)
    .correlate(training_rows)
)
_UNWILLING = read(
    "people with training rows who do not agree",
    select(training_rows.c.person_id).where(func.coalesce(_last_word.scalar_subquery(), literal(False)).is_(False)).distinct(),
)
_ORIGIN = read(
    "origin of a training row",
    select(training_rows.c.turn_id, training_rows.c.person_id).where(training_rows.c.row_id == bindparam("row")),
)
_LABELS = read("training labels", select(training_labels.c.row_id, training_labels.c.intent, training_labels.c.topic))
_UNLABELLED = read(
    "next training row without a label",
    select(training_rows.c.row_id, training_rows.c.turn_id)
    .where(
        training_rows.c.row_id > bindparam("after", type_=Text()),
        ~exists().where(training_labels.c.row_id == training_rows.c.row_id),
        exists().where(turns.c.id == training_rows.c.turn_id),
    )
    .order_by(training_rows.c.row_id)
    .limit(1),
)


def _count_from(table: Table) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(table.c.row_id >= bindparam("row", type_=Text())).scalar_subquery()


_UNLABELLED_COUNT = read("training rows without a label", select(_count_from(training_rows) - _count_from(training_labels)))
"""Every label is some row's. Those whose turns have expired since the last night count too: to look each up takes seconds."""
_EXPIRED = read(
    "training rows without their turn",
    select(training_rows.c.row_id).where(~exists().where(turns.c.id == training_rows.c.turn_id)),
)
_KNOWN = read("known training rows", select(training_rows.c.row_id).where(training_rows.c.row_id.in_(listed("rows"))))
_DECISIONS = read("training decisions", select(training_decisions.c.subject, training_decisions.c.is_approved))


_exchanges = msgspec.json.Decoder(list[tuple[str, str]])


class StoredTraining:
    """What a night asks of the database."""

    def __init__(self, database: Database, keys: Keys) -> None:
        self._database, self._keys = database, keys

    async def rated(self, after: TurnId | None, until: datetime) -> Sequence[RatedTurn]:
        """The next rated answers after that turn, in the order of their ids; none at the end. Those asked before `until`."""
        rows = await self._database.rows(_RATED, after=after or "", until=until)
        return [self._rated(row) for row in rows]

    async def has_rated(self, until: datetime) -> bool:
        """Whether there is any rated answer that was asked before `until`."""
        return bool(await self._database.rows(_ANY_RATED, until=until))

    async def activity(self, until: datetime) -> Mapping[PersonId, Activity]:
        """Of everybody who asked something before `until`."""
        rows = await self._database.rows(_ACTIVITY, until=until)
        return {PersonId(person): Activity(since=since, conversations=found) for person, since, found in rows}

    async def people_of(self, users: Sequence[str]) -> frozenset[PersonId]:
        """The people behind users of channels, each as `channel:user`."""
        return frozenset(PersonId(one) for (one,) in await self._database.rows(_PEOPLE_OF, users=json_text(users)))

    async def add_rows(self, rows: Sequence[tuple[str, PersonId, TurnId]], night: date) -> None:
        """Note whose and which turns these rows are, before any file holds them. Raises StoreConflict for an unknown person."""
        for start in range(0, len(rows), SLICE):
            steps = [
                (ADD_TRAINING_ROW, {"row_id": row, "person_id": person, "turn_id": turn, "first_night": night})
                for row, person, turn in rows[start : start + SLICE]
            ]
            await self._database.commit(Unit(*steps))

    async def rows_of(self, person: PersonId) -> frozenset[str]:
        """The training rows that are this person's: those that are noted, and those that their turns would be."""
        noted = {row for (row,) in await self._database.rows(_ROWS_OF, person=person)}
        turned = {self._keys.training("row", turn) for (turn,) in await self._database.rows(_RATED_BY, person=person)}
        return frozenset(noted | turned)

    async def unwilling(self) -> Sequence[PersonId]:
        """Whoever has training rows and does not agree any more, in order."""
        return sorted(PersonId(one) for (one,) in await self._database.rows(_UNWILLING))

    async def origin(self, row: str) -> tuple[TurnId, PersonId] | None:
        """The turn and the person behind a training row; None when there is no such row any more."""
        found = await self._database.rows(_ORIGIN, row=row)
        return (TurnId(found[0][0]), PersonId(found[0][1])) if found else None

    async def withdraw(self, person: PersonId) -> None:
        """Let nothing be known of the person's training rows."""
        await self.drop_rows(await self.rows_of(person))

    async def expired(self) -> frozenset[str]:
        """The training rows whose turns are gone: their conversations are past their time."""
        return frozenset(row for (row,) in await self._database.rows(_EXPIRED))

    async def drop_rows(self, rows: Collection[str]) -> None:
        """Let nothing be known of these training rows."""
        all_rows = sorted(rows)
        for start in range(0, len(all_rows), SLICE):
            of = {"ids": json_text(all_rows[start : start + SLICE])}
            await self._database.commit(Unit((DELETE_SOME_DECISIONS, of), (DELETE_SOME_TRAINING_ROWS, of)))

    async def set_labels(self, labels: Mapping[str, tuple[str, str]], at: datetime) -> int:
        """Keep an operator's intent and topic of rows ("" leaves one to the machine); of how many that are known."""
        known = {row for (row,) in await self._database.rows(_KNOWN, rows=json_text(sorted(labels)))}
        kept = [
            (SET_TRAINING_LABEL, {"row_id": row, "intent": intent, "topic": topic, "at": at})
            for row, (intent, topic) in sorted(labels.items())
            if row in known
        ]
        for start in range(0, len(kept), SLICE):
            await self._database.commit(Unit(*kept[start : start + SLICE]))
        return len(kept)

    async def labels(self) -> Mapping[str, tuple[str, str]]:
        """What operators said: intent and topic by row."""
        return {row: (intent, topic) for row, intent, topic in await self._database.rows(_LABELS)}

    async def unlabelled(self, after: str) -> tuple[str, TurnId, int] | None:
        """The next row after that one that no operator has labelled, its turn, and how many there are from it on."""
        found = await self._database.rows(_UNLABELLED, after=after)
        if not found:
            return None
        ((count,),) = await self._database.rows(_UNLABELLED_COUNT, row=found[0][0])
        return found[0][0], TurnId(found[0][1]), int(count)

    async def decide(self, subject: str, *, is_approved: bool, at: datetime) -> None:
        """An admin let a row, a pattern or a small cohort through, or not; the last word counts."""
        await self._database.commit(Unit((SET_TRAINING_DECISION, {"subject": subject, "is_approved": is_approved, "at": at})))

    async def decisions(self) -> Mapping[str, bool]:
        """What admins decided, by subject."""
        return {subject: bool(approved) for subject, approved in await self._database.rows(_DECISIONS)}

    def _rated(self, row: tuple[Any, ...]) -> RatedTurn:
        evidence = sources_of(row[10]) if row[10] else ()
        return RatedTurn(
            row=self._keys.training("row", row[0]),
            thread=self._keys.training("thread", row[2]),
            pseudonym=self._keys.training("person", row[1]),
            turn_id=TurnId(row[0]),
            person_id=PersonId(row[1]),
            channel=ChannelName(row[3]),
            is_private=bool(row[4]),
            language=row[5],
            question=row[6],
            answer=row[7],
            value=row[12],
            reason=row[13] or "",
            correction=row[14] or "",
            history=tuple(reversed(_exchanges.decode(row[17]))),
            model=row[8] or "",
            flags=flags_of(row[9]),
            is_anothers=any(one.kind is EvidenceKind.APPROVED for one in evidence),
            memories=sum(one.kind in (EvidenceKind.MEMORY, EvidenceKind.FACT) for one in evidence),
            arms=arms_of(row[15]) if row[15] else None,
            prompt_version=row[16] or "",
            asked_at=row[11],
        )
