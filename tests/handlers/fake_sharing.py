"""Corrections that answer everybody or may do so, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from bot.sharing_types import SharedAnswer, SharedState, words_digest
from bot.types import Evidence, Language, Outcome, PersonId, TurnId
from bot.writes import DecideSharing, EndSharing, OfferAnswer


def correction(
    number: int,
    *,
    person: str = "ada",
    question: str = "When does the reading room open?",
    answer: str = "At nine, and on Sundays at eleven.",
    language: Language = "en",
    state: SharedState | None = None,
) -> SharedAnswer:
    """One under turn `t<number>`."""
    return SharedAnswer(
        turn_id=TurnId(f"t{number}"),
        person_id=PersonId(person),
        question=question,
        answer=answer,
        rejected="At ten.",
        language=language,
        digest=words_digest(question, answer),
        at=datetime(2026, 11, 29, 12, tzinfo=UTC) + timedelta(seconds=number),
        state=state,
    )


@dataclass
class FakeSharing:
    """`SharingStore`, `AnswerDesk` and `Approved` in one, over a list of corrections, newest first."""

    stored: list[SharedAnswer] = field(default_factory=list)
    approved: tuple[Evidence, ...] = ()
    error: Exception | None = None
    pages: int = 0
    waiting: int = 0

    async def of_person(self, person: PersonId) -> Sequence[SharedAnswer]:
        return [one for one in reversed(await self.offered(100)) if one.person_id == person]

    async def untold(self, person: PersonId) -> int:
        self._may_fail()
        return self.waiting if person == "ada" else 0

    async def offered(self, limit: int) -> Sequence[SharedAnswer]:
        self._may_fail()
        return [one for one in self.stored if one.state in (SharedState.ASKED, SharedState.SHARED)][:limit]

    async def version(self) -> str:
        return str(hash(tuple(self.stored)))

    async def shared(self) -> Sequence[SharedAnswer]:
        return [one for one in self.stored if one.state is SharedState.SHARED]

    async def corrections(self, after: TurnId | None, *, limit: int) -> Sequence[SharedAnswer]:
        self.pages += 1
        turns = [one.turn_id for one in self.stored]
        return self.stored[turns.index(after) + 1 if after in turns else 0 :][:limit]

    async def correction(self, turn: TurnId) -> SharedAnswer | None:
        return next((one for one in self.stored if one.turn_id == turn), None)

    async def next(self, after: TurnId | None, *, with_left_out: bool) -> SharedAnswer | None:
        self._may_fail()
        states = (None, SharedState.LEFT_OUT) if with_left_out else (None,)
        return next((one for one in await self.corrections(after, limit=100) if one.state in states), None)

    async def of_turn(self, turn: TurnId) -> SharedAnswer | None:
        self._may_fail()
        states = (None, SharedState.LEFT_OUT)
        return next((one for one in self.stored if one.turn_id == turn and one.state in states), None)

    async def search(self, person: PersonId, text: str) -> tuple[Evidence, ...]:
        self._may_fail()
        return self.approved

    def take(self, outcome: Outcome) -> None:
        """Store what an outcome asks for, as far as it is about sharing."""
        for write in outcome.writes:
            if isinstance(write, OfferAnswer):
                self._set(write.turn_id, SharedState.ASKED if write.is_wanted else SharedState.LEFT_OUT)
            elif isinstance(write, DecideSharing):
                self._set(write.turn_id, SharedState.SHARED if write.is_shared else SharedState.DECLINED)
            elif isinstance(write, EndSharing):
                self._set(write.turn_id, SharedState.LEFT_OUT)

    def _set(self, turn: TurnId, state: SharedState) -> None:
        self.stored = [replace(one, state=state) if one.turn_id == turn else one for one in self.stored]

    def _may_fail(self) -> None:
        if self.error is not None:
            raise self.error
