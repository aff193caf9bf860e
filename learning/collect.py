"""The first step of a night: rated answers out of the database, of those who agreed when they asked and agree now."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from bot.training_types import Activity, RatedTurn
from bot.types import PersonId, TurnId
from learning.records import Collected, Said

DIMENSIONS: Final = ("ENT", "RUT", "ACT", "FOR")
"""The four dimensions of a profile, in the order of its arms (`profiles.events`)."""


class Source(Protocol):
    """What a night reads of the database."""

    async def rated(self, after: TurnId | None, until: datetime) -> Sequence[RatedTurn]:
        """The next rated answers after that turn; none at the end."""

    async def activity(self, until: datetime) -> Mapping[PersonId, Activity]:
        """Since when and how often people have talked."""

    async def people_of(self, users: Sequence[str]) -> frozenset[PersonId]:
        """The people behind users, each as `channel:user`."""


async def collect(
    source: Source, *, until: datetime, zone: ZoneInfo, trusted: Collection[str]
) -> AsyncIterator[tuple[Collected, PersonId, TurnId]]:
    """Every row with the person and the turn it comes from, in the order of the turns; those asked before `until` (aware)."""
    activity = await source.activity(until)
    vouched = await source.people_of(sorted(trusted))
    after: TurnId | None = None
    while page := await source.rated(after, until):
        for one in page:
            known = activity.get(one.person_id)
            if known is None:  # became somebody else's in between: that is seen to at once, and the night begins anew
                continue
            yield _row(one, known, until, zone, one.person_id in vouched), one.person_id, one.turn_id
        after = page[-1].turn_id


def _row(one: RatedTurn, known: Activity, until: datetime, zone: ZoneInfo, is_trusted: bool) -> Collected:
    arms = {} if one.arms is None else {name: str(arm) for name, arm in zip(DIMENSIONS, one.arms, strict=True) if arm}
    return Collected(
        row=one.row,
        person=one.pseudonym,
        thread=one.thread,
        asked_on=one.asked_at.astimezone(zone).date().isoformat(),
        channel=one.channel.value,
        is_private=one.is_private,
        language=one.language,
        question=one.question,
        answer=one.answer,
        value=1 if one.value > 0 else -1 if one.value < 0 else 0,
        reason=one.reason,
        correction=one.correction,
        history=tuple(Said(question=asked, answer=said) for asked, said in one.history),
        model=one.model,
        prompt_version=one.prompt_version,
        arms=arms,
        flags=tuple(sorted(flag.value for flag in one.flags)),
        memories=one.memories,
        is_anothers=one.is_anothers,
        account_days=(until - known.since) // timedelta(days=1),
        conversations=known.conversations,
        is_trusted=is_trusted,
    )
