"""What language models were used for, in sums that name nobody."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Date, bindparam, func, select

from bot.ports import UsageOfDay
from bot.store.db import Database, read
from bot.store.schema import usage, usage_of_all

_day = bindparam("day", type_=Date())
_OF_DAY = read(
    "usage of day",
    select(
        usage_of_all.c.messages,
        usage_of_all.c.tokens,
        usage_of_all.c.cost,
        select(func.count()).select_from(usage).where(usage.c.day == _day).scalar_subquery(),
    ).where(usage_of_all.c.day == _day),
)


class StoredUsage:
    """The `UsageStore` of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_day(self, day: date) -> UsageOfDay:
        """The sums of one UTC day, zeros where nothing was used.

        Whoever was forgotten since is in the sums, but no longer among the people.
        """
        rows = await self._database.rows(_OF_DAY, day=day)
        messages, tokens, cost, people = rows[0] if rows else (0, 0, 0, 0)
        return UsageOfDay(day=day, people=people, messages=messages, tokens=tokens, cost=cost)
