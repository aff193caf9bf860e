"""Slow and broken parts of recall: what was taught is not lost, what is left out is said, and memory stays within its cap."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from bot.errors import EmbedderError, RecallError, StoreBusy
from bot.ports import Recalled
from bot.tokens import estimate_tokens
from bot.types import Evidence, EvidenceKind, PersonId, Scope
from profiles.memories import MemoryRecall
from profiles.recall import PersonalRecall
from tests.handlers.fakes import ADA, BOB, FakeRecall, FixedClock
from tests.profiles.recall_house import BUDGET, PRIVATE, YARDSTICK, House


@pytest.fixture
def house() -> House:
    """Ada has a dog, plays the guitar and went to Lisbon."""
    made = House()
    made.stored.say(ADA, "dog", "My dog Bruno chased the postman again")
    made.stored.say(ADA, "guitar", "I practise the guitar every evening")
    made.stored.say(ADA, "trip", "We flew to Lisbon and slept in a tiny hotel")
    return made


@pytest.mark.parametrize("what", ["embedder fails", "embedder hangs", "no index, slow store"])
async def test_recall_by_words_alone_is_said_to_be_partial(house: House, what: str) -> None:
    house.knows(ADA, "dog", "animals")
    house.mean()
    house.embedding.error = EmbedderError("broken") if what == "embedder fails" else None
    house.embedding.hangs = what == "embedder hangs"
    house.index.is_down = what == "no index, slow store"
    house.vectors.takes_s = 0.2 if what == "no index, slow store" else 0.0
    for question in ("Who chased the postman?", "What is the boiling point of tungsten?"):
        assert (await house.memories.recall(ADA, PRIVATE, question, budget=BUDGET, deadline_s=0.1)).is_partial
    assert house.memories.exact == 0


@pytest.mark.parametrize("what", ["no embedder yet", "nothing embedded yet"])
async def test_recall_by_words_is_whole_while_there_is_nothing_else(house: House, what: str) -> None:
    house.knows(ADA, "dog", "animals")
    if what == "nothing embedded yet":
        house.mean()
        house.index.is_down = True
        house.vectors.rows.clear()
    found = await house.memories.recall(ADA, PRIVATE, "Who chased the postman?", budget=BUDGET, deadline_s=0.5)
    assert not found.is_partial


async def test_recall_with_meaning_is_whole_be_it_from_the_index_or_the_store(house: House) -> None:
    house.knows(ADA, "dog", "animals")
    house.mean()
    whole = await house.memories.recall(ADA, PRIVATE, "Any pets?", budget=BUDGET)
    house.index.is_down = True
    exact = await house.memories.recall(ADA, PRIVATE, "Any pets?", budget=BUDGET)
    assert not exact.is_partial
    assert house.memories.exact == 1
    assert [one.source for one in whole.evidence] == [one.source for one in exact.evidence] == ["dog"]
    assert not whole.is_partial
    assert await house.memories.recall(BOB, PRIVATE, "Any pets?", budget=BUDGET) == Recalled()


async def test_a_longer_deadline_gives_the_embedder_longer(house: House) -> None:
    house.knows(ADA, "dog", "animals")
    house.mean()
    house.embedding.takes_s = 0.5
    short = await house.memories.recall(ADA, PRIVATE, "Any pets?", budget=BUDGET, deadline_s=0.5)
    long = await house.memories.recall(ADA, PRIVATE, "Any pets?", budget=BUDGET, deadline_s=30)
    assert (short.is_partial, long.is_partial) == (True, False)
    assert [one.source for one in long.evidence] == ["dog"]


async def test_only_vectors_that_the_book_has_not_are_read(house: House) -> None:
    for number in range(40):
        house.stored.say(ADA, f"n{number}", f"number {number}")
        house.knows(ADA, f"n{number}", "music")
    house.mean()
    house.index.is_down = True
    await house.texts("What shall we sing?")
    before = house.vectors.read
    assert before >= 40
    house.stored.say(ADA, "cat", "Whiskers sleeps")
    house.knows(ADA, "cat", "animals")
    assert await house.texts("Any pets?") == ["Whiskers sleeps"]
    assert house.vectors.read - before <= 4  # the cat, and three that have no vector


async def test_vectors_that_come_too_late_are_read_on_and_counted_in_the_cache(house: House) -> None:
    house.knows(ADA, "dog", "animals")
    house.mean()
    house.index.is_down = True
    house.vectors.takes_s = 0.1
    late = await house.memories.recall(ADA, PRIVATE, "Any pets?", budget=BUDGET, deadline_s=0.05)
    assert late.is_partial
    before = house.memories.cached_bytes
    await asyncio.sleep(0.3)
    in_time = await house.memories.recall(ADA, PRIVATE, "Any pets?", budget=BUDGET, deadline_s=0.05)
    assert [one.source for one in in_time.evidence] == ["dog"]
    assert not in_time.is_partial
    assert house.vectors.reads == 1
    assert house.memories.cached_bytes > before


async def test_a_book_too_large_with_its_vectors_is_kept_without_them(house: House) -> None:
    for number in range(400):
        house.stored.say(ADA, f"n{number}", "number")
        house.knows(ADA, f"n{number}", "music")
    await house.texts("guitar")
    memories = MemoryRecall(
        store=house.stored, vectors=house.vectors, clock=FixedClock(), cache_bytes=house.memories.cached_bytes + 500
    )
    memories.use(house.embedding, house.index, YARDSTICK)
    house.index.is_down = True
    for _ in range(3):
        found = await memories.recall(ADA, PRIVATE, "guitar", budget=BUDGET)
        assert ([one.source for one in found.evidence], found.is_partial) == (["guitar"], True)
    assert house.stored.openings == 2
    assert house.vectors.reads == 0


def evidence(text: str, kind: EvidenceKind = EvidenceKind.MEMORY) -> Evidence:
    return Evidence(kind=kind, text=text, source=text, score=0.5)


@dataclass
class Remembering:
    """Gives `found` after `delay_s`, or fails."""

    found: tuple[Evidence, ...] = ()
    is_partial: bool = False
    delay_s: float = 0.0
    error: Exception | None = None
    asked: int = 0

    async def recall(self, person: PersonId, scope: Scope, text: str, *, budget: int, deadline_s: float) -> Recalled:
        self.asked += 1
        await asyncio.sleep(self.delay_s)
        if self.error is not None:
            raise self.error
        return Recalled(evidence=self.found, is_partial=self.is_partial)


TAUGHT = evidence("On Tuesdays.", EvidenceKind.CORRECTION)


async def test_what_was_taught_comes_first_and_memories_have_the_rest_of_the_budget() -> None:
    remembered = Remembering((evidence("The bins were full on Monday"), evidence("I moved the bins")))
    both = PersonalRecall(FakeRecall(found=(TAUGHT,)), remembered)
    everything = await both.recall(ADA, PRIVATE, "bins", budget=BUDGET, deadline_s=5)
    assert everything == Recalled(evidence=(TAUGHT, *remembered.found))
    room = estimate_tokens("On Tuesdays.") + estimate_tokens("I moved the bins")
    found = await both.recall(ADA, PRIVATE, "bins", budget=room, deadline_s=5)
    assert [one.text for one in found.evidence] == ["On Tuesdays.", "I moved the bins"]


async def test_without_memories_none_is_looked_for() -> None:
    remembered = Remembering((evidence("A memory"),))
    both = PersonalRecall(FakeRecall(found=(TAUGHT,)), remembered)
    found = await both.recall(ADA, PRIVATE, "bins", budget=BUDGET, deadline_s=5, with_memories=False)
    assert found == Recalled(evidence=(TAUGHT,))
    assert remembered.asked == 0


@pytest.mark.parametrize(
    "memories",
    [Remembering(delay_s=30), Remembering(error=StoreBusy("locked")), Remembering(error=RecallError("gone"))],
    ids=["slow", "locked", "gone"],
)
async def test_slow_or_broken_memories_do_not_lose_a_correction(memories: Remembering) -> None:
    both = PersonalRecall(FakeRecall(found=(TAUGHT,)), memories)
    async with asyncio.timeout(2):
        found = await both.recall(ADA, PRIVATE, "bins", budget=BUDGET, deadline_s=0.05)
    assert found == Recalled(evidence=(TAUGHT,), is_partial=True)


async def test_memories_that_were_looked_through_badly_are_said_to_be() -> None:
    remembered = Remembering((evidence("I moved the bins"),), is_partial=True)
    found = await PersonalRecall(FakeRecall(), remembered).recall(ADA, PRIVATE, "bins", budget=BUDGET, deadline_s=5)
    assert found == Recalled(evidence=remembered.found, is_partial=True)


@pytest.mark.parametrize("error", [StoreBusy("locked"), RecallError("gone"), TimeoutError()])
async def test_a_failure_to_find_what_was_taught_is_told_as_it_is(error: Exception) -> None:
    both = PersonalRecall(FakeRecall(error=error), Remembering((evidence("I moved the bins"),)))
    with pytest.raises(type(error)):
        await both.recall(ADA, PRIVATE, "bins", budget=BUDGET, deadline_s=5)
