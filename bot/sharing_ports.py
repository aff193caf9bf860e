"""What the sharing of corrections needs, as protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.sharing_types import SharedAnswer
from bot.types import Evidence, PersonId, TurnId


class SharingStore(Protocol):
    """Corrections that answer everybody or may do so. One whose words have changed since is none of them."""

    async def of_person(self, person: PersonId) -> Sequence[SharedAnswer]:
        """Those of somebody's that are asked about or shared, oldest first."""

    async def untold(self, person: PersonId) -> int:
        """How many of theirs they are asked about and have not been told of."""

    async def offered(self, limit: int) -> Sequence[SharedAnswer]:
        """Those that are asked about or shared, newest first."""

    async def version(self) -> str:
        """Changes whenever `shared` would answer differently."""

    async def shared(self) -> Sequence[SharedAnswer]:
        """Those that answer everybody, newest consent first."""

    async def corrections(self, after: TurnId | None, *, limit: int) -> Sequence[SharedAnswer]:
        """Corrections by people whose conversations may be used for training, newest turn first, those after `after`."""

    async def correction(self, turn: TurnId) -> SharedAnswer | None:
        """That of one turn, of somebody whose conversations may be used for training."""


class AnswerDesk(Protocol):
    """What admins see of corrections that could answer everybody."""

    async def next(self, after: TurnId | None, *, with_left_out: bool) -> SharedAnswer | None:
        """The next one that is fit for everybody and undecided, or, if wanted, left out; None at the end. Raises StoreError."""

    async def of_turn(self, turn: TurnId) -> SharedAnswer | None:
        """That of a turn, as `next` would show it, left out or not. Raises StoreError."""

    async def offered(self, limit: int) -> Sequence[SharedAnswer]:
        """Those that are asked about or shared, newest first. Raises StoreError."""


class Approved(Protocol):
    """Answers that an admin and their authors approved for everyone."""

    async def search(self, person: PersonId, text: str) -> tuple[Evidence, ...]:
        """Those of other people to questions like `text`, best first; they name no source. Raises StoreError."""
