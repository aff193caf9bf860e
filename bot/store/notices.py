"""What the admins are to know, one notice for each kind and UTC day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Date, Integer, Text, bindparam, select, type_coerce

from bot.store.db import Database, Unit, read
from bot.store.messages import json_text, texts_of
from bot.store.schema import notices
from bot.store.statements import TELL_ADMINS
from bot.types import AdminNotice

_RECENT = read(
    "recent notices",
    select(notices.c.kind, notices.c.day, type_coerce(notices.c.facts, Text), notices.c.at)
    .where(notices.c.day >= bindparam("since", type_=Date()))
    .order_by(notices.c.at.desc(), notices.c.kind)
    .limit(bindparam("most", type_=Integer())),
)


class StoredNotices:
    """The `NoticeStore` of the database; `TellAdmins` writes what it reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def recent(self, since: date, limit: int) -> Sequence[AdminNotice]:
        """The notices of that UTC day and later, newest first."""
        rows = await self._database.rows(_RECENT, since=since, most=limit)
        return [AdminNotice(kind=kind, day=day, facts=texts_of(facts), at=at) for kind, day, facts, at in rows]

    async def tell(self, notice: AdminNotice) -> None:
        """Let the admins know; the first of a kind and day stays."""
        row = {"kind": notice.kind, "day": notice.day, "facts": json_text(dict(notice.facts)), "at": notice.at}
        await self._database.commit(Unit((TELL_ADMINS, row)))
