"""A LinkStore in memory: what codes there are, and where people talk from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.link_ports import Holdings, Place, StoredCode
from bot.types import PersonId


@dataclass(slots=True)
class FakeLinks:
    """Codes by hash, and places by person."""

    codes: dict[str, StoredCode] = field(default_factory=dict)
    of: dict[PersonId, Sequence[Place]] = field(default_factory=dict)

    async def code(self, hash: str) -> StoredCode | None:
        """The code with this keyed hash."""
        return self.codes.get(hash)

    async def places(self, person: PersonId) -> Sequence[Place]:
        """Where this person talks from."""
        return self.of.get(person, ())

    async def holdings(self, person: PersonId) -> Holdings:
        """Nothing yet."""
        return Holdings(turns=0, memories=0)
