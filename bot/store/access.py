"""Whom pairing codes let in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Text, and_, bindparam, delete, literal, select, update

from bot.channel_types import CodeKind
from bot.store.building import insert_where
from bot.store.codec import write
from bot.store.db import Database, Unit, read
from bot.store.schema import UtcTime, admissions, codes
from bot.types import ChannelName

KEPT_FOR: Final = timedelta(days=7)
"""How long a code is known that is good for nothing any more: as long as a platform may repeat the message that used it."""

_at = bindparam("at", type_=UtcTime())


def _is_good() -> ColumnElement[bool]:
    """Whether the code `code` may still let somebody in."""
    return and_(
        codes.c.hash == bindparam("code"),
        codes.c.kind == literal(CodeKind.PAIR.value, Text()),
        codes.c.used_at.is_(None),
        codes.c.expires_at > _at,
    )


ADMIT = write(
    "admit",
    insert_where(admissions, select(literal(1)).select_from(codes).where(_is_good())).on_conflict_do_nothing(),
    table="admissions",
    key=("channel", "user"),
    alone=True,
)
CLAIM_CODE = write(
    "claim code",
    update(codes).where(_is_good()).values(used_at=_at, used_by=bindparam("by")).returning(literal(1)),
    table="codes",
    key=("code",),
)
DELETE_OLD_CODES = write(
    "delete old codes",
    delete(codes).where(codes.c.expires_at < bindparam("before", type_=UtcTime())),
    table="codes",
    key=None,
)

_ADMITTED = read(
    "admitted",
    select(literal(1))
    .select_from(admissions)
    .where(admissions.c.channel == bindparam("channel"), admissions.c.user == bindparam("user")),
)
_PAIRING = read(
    "pairing code",
    select(codes.c.used_by, codes.c.used_at, codes.c.expires_at).where(
        codes.c.hash == bindparam("code"), codes.c.kind == literal(CodeKind.PAIR.value, Text())
    ),
)


class StoredAdmissions:
    """The `AdmissionStore` of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_admitted(self, channel: ChannelName, user: str) -> bool:
        """Whether a user was let in by a code."""
        return bool(await self._database.rows(_ADMITTED, channel=channel.value, user=user))

    async def admit(self, code: str, channel: ChannelName, user: str, by: str, at: datetime) -> bool:
        """Let a user in by a pairing code's hash, and use that up; `by` stands for them there.

        True again for a code that let the same user in, who still is; False for any other one that is used, too old or unknown.
        It looks before it writes: anybody may send anything, and a unit that runs alone ends everybody's batch.
        """
        found = await self._database.rows(_PAIRING, code=code)
        if not found:
            return False
        used_by, used_at, expires_at = found[0]
        if used_at is not None:
            return used_by == by and await self.is_admitted(channel, user)
        if expires_at <= at:
            return False
        unit = Unit(
            (ADMIT, {"code": code, "channel": channel.value, "user": user, "at": at}),
            (CLAIM_CODE, {"code": code, "by": by, "at": at}),
            (DELETE_OLD_CODES, {"before": at - KEPT_FOR}),
        )
        _, claimed, _ = await self._database.commit_returning(unit)
        return bool(claimed)
