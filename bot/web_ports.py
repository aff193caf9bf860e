"""What the web needs from outside: a channel of sessions, as its HTTP side sees it, and the stored conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.types import Address, Chosen, GivenRating, Kind, Outgoing, PastTurn, Receipt, TurnId


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who speaks through a session: its SHA-256 in hex (or `owner`), their client's language, and whether they are an admin."""

    session: str
    locale: str = ""
    is_admin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a session's person just said, for their other open pages. `event_id` is the client's own."""

    event_id: str
    turn_id: TurnId
    kind: Kind
    text: str = ""
    choice: Chosen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The whole answer of a running turn as far as it is written."""

    turn_id: TurnId
    text: str


SessionEvent = Said | Written | Outgoing | GivenRating


class SessionEvents(Protocol):
    """What happens in a session, as one open stream sees it; it ends when the stream is closed or fell too far behind."""

    def __aiter__(self) -> AsyncIterator[SessionEvent]:
        """Itself."""

    async def __anext__(self) -> SessionEvent:
        """The next event; of the answers being written only the newest text is kept. May be cancelled without loss."""

    def close(self) -> None:
        """Stop listening. The turn goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A message that is on disk, and the stream on which its answer comes."""

    event_id: str
    receipt: Receipt
    events: SessionEvents


class WebChat(Protocol):
    """A channel of sessions, as its HTTP side sees it.

    Every method that takes a message in raises IntakeError while nothing is taken (starting, stopping, too much waiting) and
    StoreError when it could not be stored. An empty `event_id` gets a fresh one.
    """

    def address(self, visitor: Visitor) -> Address:
        """Where this visitor talks from."""

    async def say(self, visitor: Visitor, text: str, *, event_id: str = "") -> Posted:
        """Take in what a person typed, commands included."""

    async def choose(self, visitor: Visitor, chosen: Chosen, *, event_id: str = "") -> Posted:
        """Take in a pressed choice."""

    async def again(self, visitor: Visitor, turn_id: TurnId, *, event_id: str = "") -> Posted:
        """Ask for another answer to that turn's question."""

    async def stop(self, visitor: Visitor, turn_id: TurnId) -> Receipt:
        """Ask a running answer to end."""

    async def rate(self, visitor: Visitor, rating: GivenRating) -> Receipt:
        """Take in a rating; the receipt says whether it had an effect."""

    def listen(self, visitor: Visitor) -> SessionEvents:
        """Everything that happens in this session from now on, running texts left out."""

    def running(self, visitor: Visitor) -> Sequence[Said]:
        """What this session said to this process and has no answer yet, oldest first."""

    def drain(self) -> None:
        """Take nothing more in and end the streams of `listen`; answers under way still come."""

    def close(self) -> None:
        """End every stream too."""


class Histories(Protocol):
    """The stored conversations, as the page redraws them."""

    async def of(self, address: Address, *, before: TurnId | None, limit: int) -> Sequence[PastTurn]:
        """The address's last `limit` turns (those before `before` when given), newest last; empty for an unknown address."""

    async def past(self, turn_id: TurnId) -> PastTurn | None:
        """One stored turn, whoever's it is: the caller knows that it is theirs."""
