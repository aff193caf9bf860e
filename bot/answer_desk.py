"""Corrections that are fit to answer everybody, for admins: those that say something by themselves, and nothing personal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from bot.models.offline import about_asker
from bot.sharing_ports import SharingStore
from bot.sharing_types import SharedAnswer, SharedState
from bot.types import TurnId

PAGE: Final = 50
"""Corrections that are looked at together."""


class SharingDesk:
    """The `AnswerDesk` over a store. Corrections are judged beside the loop, by the rules of the nightly training files."""

    def __init__(self, sharing: SharingStore, *, own_names: frozenset[str] = frozenset()) -> None:
        self._sharing, self._own_names = sharing, own_names

    async def next(self, after: TurnId | None, *, with_left_out: bool) -> SharedAnswer | None:
        """The next one that is fit for everybody and undecided, or, if wanted, left out; None at the end. Raises StoreError."""
        states = {None, SharedState.LEFT_OUT} if with_left_out else {None}
        while page := await self._sharing.corrections(after, limit=PAGE):
            open_ones = [one for one in page if one.state in states]
            if (found := await asyncio.to_thread(self._first_fit, open_ones)) is not None:
                return found
            after = page[-1].turn_id
        return None

    async def of_turn(self, turn: TurnId) -> SharedAnswer | None:
        """That of a turn, as `next` would show it, left out or not. Raises StoreError."""
        found = await self._sharing.correction(turn)
        if found is None or found.state not in (None, SharedState.LEFT_OUT):
            return None
        return await asyncio.to_thread(self._first_fit, [found])

    async def offered(self, limit: int) -> Sequence[SharedAnswer]:
        """Those that are asked about or shared, newest first. Raises StoreError."""
        return await self._sharing.offered(limit)

    def _first_fit(self, answers: Sequence[SharedAnswer]) -> SharedAnswer | None:
        return next((one for one in answers if is_fit(one, own_names=self._own_names)), None)


def is_fit(one: SharedAnswer, *, own_names: frozenset[str] = frozenset()) -> bool:
    """Whether everybody could be answered so: nothing about whoever asks, and `learning.for_everybody` finds no fault."""
    from learning.for_everybody import is_fit_for_everybody

    return not about_asker(one.question) and is_fit_for_everybody(
        one.question, one.answer, instead_of=one.rejected, language=one.language, own_names=own_names
    )
