"""What is kept only for a time: conversations as long as the operator says, keys, sums and traces for some days."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Integer, bindparam, exists, literal, select

from bot.errors import StoreBusy
from bot.ports import Clock
from bot.store.access import DELETE_OLD_CODES, KEPT_FOR
from bot.store.db import Database, Unit, read
from bot.store.deletions import DELETE_OLD, DELETE_OLD_DAYS, DELETE_OLD_RUNS
from bot.store.erasure import SLICE, remove_turns
from bot.store.keys import Keys
from bot.store.schema import UtcTime, outbox, turns

LEAST_KEY_DAYS = 7
"""Platforms repeat an event for up to a day; a week leaves room for a long outage (R-03)."""
RUN_DAYS = 90
"""How long the nightly jobs' runs are kept: long enough to see since when one fails."""

_OLD_TURNS = read(
    "old turns",
    select(turns.c.id)
    .where(
        turns.c.answered_at < bindparam("before", type_=UtcTime()),
        ~exists().where(outbox.c.id == turns.c.id, outbox.c.ended_at.is_(None)),
    )
    .limit(literal(SLICE, Integer())),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """How much a run of retention took away."""

    turns: int
    rows: int


class Retention:
    """Takes away what is past its time, in slices that others hardly notice."""

    def __init__(self, database: Database, keys: Keys, clock: Clock, *, key_days: int, retention_days: int) -> None:
        """`retention_days` of 0 keeps conversations for ever. ValueError for fewer than seven `key_days`."""
        if key_days < LEAST_KEY_DAYS or retention_days < 0:
            raise ValueError(f"key_days is {key_days}, at least {LEAST_KEY_DAYS} is needed; retention_days is {retention_days}")
        self._database, self._keys, self._clock = database, keys, clock
        self._key_days, self._retention_days = key_days, retention_days

    async def run(self) -> Removed:
        """Remove what is too old now. Stopped half-way it goes on the next time."""
        removed = Removed(turns=await self._remove_conversations(), rows=await self._remove_keys())
        if removed.turns or removed.rows:
            with suppress(StoreBusy):  # somebody reads for long; the log is emptied after them
                await self._database.checkpoint()
        return removed

    async def _remove_conversations(self) -> int:
        if not self._retention_days:
            return 0
        removed, now = 0, self._clock.now()
        before = now - timedelta(days=self._retention_days)
        while rows := await self._database.rows(_OLD_TURNS, before=before):
            await remove_turns(self._database, self._keys, [turn_id for (turn_id,) in rows], now)
            removed += len(rows)
        return removed

    async def _remove_keys(self) -> int:
        now = self._clock.now()
        removed, before = 0, now - timedelta(days=self._key_days)
        for statement in DELETE_OLD:
            found = SLICE
            while found == SLICE:
                (rows,) = await self._database.commit_returning(Unit((statement, {"before": before, "most": SLICE})))
                found = len(rows)
                removed += found
        days = [(statement, {"before": before.date()}) for statement in DELETE_OLD_DAYS]
        runs = (DELETE_OLD_RUNS, {"before": (now - timedelta(days=RUN_DAYS)).date()})
        await self._database.commit(Unit(*days, runs))
        await self._database.commit(Unit((DELETE_OLD_CODES, {"before": now - KEPT_FOR})))
        return removed
