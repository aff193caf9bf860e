"""What the tests of remembering share: what waits, a model that says one thing, and a look at what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.errors import StoreFull
from bot.memory_ports import PendingMemory
from bot.memory_types import Memory
from bot.model_types import ModelStatus
from bot.ports import Clock
from bot.store.invariants import broken_invariants
from bot.store.open import Stores
from bot.types import Chunk, ConversationId, Language, PersonId, Prompt, Scope, TurnId
from bot.writes import RelabelTurn, Write
from profiles.remember import Rememberer
from tests.fakes import NOON, SequentialIds
from tests.talk import Said, Talk


class Pending:
    """What waits in memory, with each write; `failures` are raised first, one at each look."""

    def __init__(self, *rows: PendingMemory, failures: int = 0) -> None:
        self.rows, self.failures, self.looks = list(rows), failures, 0
        self.writes: list[Write] = []

    async def pending(self, *, with_model: bool, limit: int) -> Sequence[PendingMemory]:
        self.looks += 1
        if self.failures:
            self.failures -= 1
            raise StoreFull("no space is left")
        return [row for row in self.rows if (row.part == "model") is with_model][:limit]

    async def remember(
        self,
        done: Sequence[str],
        writes: Sequence[Write],
        at: datetime,
        *,
        ask_model: Sequence[str] = (),
        unchanged: Sequence[PendingMemory] = (),
    ) -> None:
        left = [row for row in self.rows if row.id not in done]
        self.rows = [replace(row, part="model") if row.id in ask_model else row for row in left]
        self.writes += writes

    async def surplus(self, *, most: int) -> Sequence[str]:
        return ()

    async def crowded(self, *, most: int) -> Sequence[tuple[PersonId, int]]:
        return ()

    async def eldest(self, person: PersonId, *, limit: int, before: datetime | None = None) -> Sequence[str]:
        return ()


class Teller:
    """A model that says one thing, after doing something else; it keeps what it was asked."""

    name = "teller"

    def __init__(self, *said: str, meanwhile: Callable[[], Awaitable[object]] | None = None) -> None:
        self.said, self.meanwhile = list(said), meanwhile
        self.asked: list[Prompt] = []

    async def check(self, language: Language = "en") -> ModelStatus:
        return ModelStatus(name=self.name, is_ready=True, is_remote=False, detail="")

    async def stream(self, prompt: Prompt, *, max_tokens: int, temperature: float) -> AsyncIterator[Chunk]:
        self.asked.append(prompt)
        if self.meanwhile is not None:
            await self.meanwhile()
        yield Chunk(text="{", is_thinking=True)
        for piece in self.said.pop(0) if len(self.said) > 1 else self.said[0]:
            yield Chunk(text=piece)

    async def aclose(self) -> None:
        """Nothing is held."""


def waiting(
    text: str, *, part: str = "question", number: int = 1, language: Language = "es", remembers: bool = True
) -> PendingMemory:
    """A part of a turn; with `remembers` False it only has to end, which no thread has a part in."""
    turn = TurnId(f"{number:026d}")
    return PendingMemory(
        id=f"{turn}{part[0]}",
        part=part,
        person=PersonId("p1"),
        group=None,
        turn_id=turn,
        conversation_id=ConversationId("c1"),
        text=text,
        language=language,
        asked_at=NOON,
        said_at=NOON,
        flags=frozenset(),
        remembers=remembers,
    )


def rememberer(stores: Stores, clock: Clock, **changes: Any) -> Rememberer:
    wanted: dict[str, Any] = {
        "pending": stores.memories,
        "memories": stores.memories,
        "clock": clock,
        "ids": SequentialIds("r"),
        "most": 20_000,
        "keep_days": 0,
        "model": None,
        "may_ask": lambda: True,
        "on_change": lambda: None,
        "is_urgent": lambda text: False,
    }
    return Rememberer(**{**wanted, **changes})


async def remember(stores: Stores, clock: Clock, **changes: Any) -> None:
    """Work off all that waits; nothing broken is left."""
    one = rememberer(stores, clock, **changes)
    while await one.run_once():
        pass
    assert await broken_invariants(stores.database) == []


async def live(stores: Stores, person: PersonId, scope: Scope | None = None, *, distilled: bool = True) -> list[Memory]:
    return list((await stores.memories.page(person, scope or Scope(), distilled=distilled, limit=100))[0])


async def facts(stores: Stores, said: Said) -> list[str]:
    return sorted(memory.what.text for memory in await live(stores, said.context.person.id))


async def edit(talk: Talk, said: Said, text: str) -> None:
    await talk.stores.turns.absorb(TurnId(talk.ids.new()), [RelabelTurn(turn_id=said.id, question=text)], talk.clock.now())


class Meanwhile:
    """The store, and what happens between the look and the first commit."""

    def __init__(self, stores: Stores, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._memories, self._meanwhile = stores.memories, [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memories, name)

    async def in_slot(self, *place: Any) -> Any:
        while self._meanwhile:
            await self._meanwhile.pop()()
        return await self._memories.in_slot(*place)
