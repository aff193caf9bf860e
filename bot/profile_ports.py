"""The verbs about profiles: what handlers and reports need of the store, as protocols."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from bot.profile_types import LoggedStyle, MeasuredAnswer, ProfileEvent
from bot.types import AddressId, ConversationId, PersonId, TurnId


class ProfileStore(Protocol):
    """Profile events and the answer log. Raises StoreError."""

    async def version(self, person: PersonId) -> str:
        """Changes whenever `events` would answer differently."""

    async def events(self, person: PersonId) -> Sequence[ProfileEvent]:
        """All events of the person, oldest first. One that is damaged is left out."""

    async def presses_of(self, person: PersonId, turn_id: TurnId) -> Sequence[ProfileEvent]:
        """The person's `PRESS` events about one answer, oldest first.

        At most one, but for what earlier versions stored and for two presses at once.
        """

    async def last_style(self, address_id: AddressId, conversation_id: ConversationId) -> LoggedStyle | None:
        """The style of the newest logged answer of that conversation at that address."""

    async def style_of(self, turn_id: TurnId) -> LoggedStyle | None:
        """The style of one answer; None when none was logged."""

    async def answers_since(self, person: PersonId, since: datetime) -> int:
        """How many answers of this person were logged since then."""


class MeasurementStore(Protocol):
    """The answers by which the benefit of profiles is measured. Raises StoreError."""

    async def measured(self, *, since: datetime | None = None) -> Sequence[MeasuredAnswer]:
        """Every measured answer (since then), oldest first, with its rating: one query, whoever shows it.

        Without the answers, also earlier ones, of people who take no part any more.
        """
