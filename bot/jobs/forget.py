"""Erases everything that is held of one person, owner by owner, as often as it takes."""

from __future__ import annotations

from collections.abc import Sequence

from bot.ports import PersonalData
from bot.types import PersonId


class ForgetJob:
    """The durable chore behind `/forgetme`, over every owner of personal data, in the order in which they must be erased.

    The order belongs to `bot.app`: derived data on disk before the rows that it comes from; caches in memory last, when nothing
    is left that could fill them again.
    """

    kind = "forget"

    def __init__(self, personal: Sequence[PersonalData]) -> None:
        self._personal = tuple(personal)

    async def run(self, person: PersonId) -> None:
        """Erase `person` everywhere.

        Every owner's `forget` changes nothing the second time, so a run that was killed or failed is simply run again from the
        beginning. An owner's error ends the run and leaves the chore to be tried later: owners after it may depend on it.
        """
        for owner in self._personal:
            await owner.forget(person)
