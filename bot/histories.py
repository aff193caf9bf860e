"""The stored conversations as the page redraws them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from bot.ports import TurnStore
from bot.types import Address, AddressId, PastTurn, TurnId


class StoredHistories:
    """Implements the `Histories` port over the turns."""

    def __init__(self, turns: TurnStore, address_id: Callable[[Address], Awaitable[AddressId | None]]) -> None:
        self._turns, self._address_id = turns, address_id

    async def of(self, address: Address, *, before: TurnId | None, limit: int) -> Sequence[PastTurn]:
        """The address's last `limit` turns (those before `before` when given), newest last; empty for an unknown address."""
        address_id = await self._address_id(address)
        return () if address_id is None else await self._turns.history(address_id, before=before, limit=limit)

    async def past(self, turn_id: TurnId) -> PastTurn | None:
        """One stored turn, whoever's it is."""
        return await self._turns.past(turn_id)
