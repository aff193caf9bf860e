"""What is remembered keeps to its bounds, the model is asked only when it is free, and nothing stops the remembering."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.memory_ports import PendingMemory
from bot.memory_types import SELF, MemoryKind, NewMemory, Origin
from bot.models.scripted import Fault, Rule, ScriptedModel
from bot.store.open import Stores
from bot.types import LANGUAGES, Language, PersonId
from bot.writes import AddMemory, DropMemories
from profiles.facts.extract_model import EXTRACTION_SCHEMA
from profiles.remember import MOST_WAITING, Rememberer
from tests.fakes import FakeClock, SequentialIds
from tests.handlers.fake_memories import FakeMemories
from tests.models.virtual_time import LoopClock, in_virtual_time
from tests.profiles.remembering import Pending, Teller, edit, facts, live, remember, rememberer, waiting
from tests.store.conftest import clock, folder, migrated, stores, talk  # noqa: F401
from tests.store.tables import counts
from tests.talk import Talk, address_of

RIDES = "Salgo todos los domingos con la bicicleta por la sierra."


def told(*rows: tuple[str, str]) -> str:
    """A model's answer."""
    return json.dumps({"facts": [{"slot": slot, "value": value, "of": "", "holds": True} for slot, value in rows]})


PIECES = (
    "Vivo en",
    "Quito",
    "I live in",
    "me llamo",
    "my",
    "mi",
    "hermana",
    "Ana",
    "no",
    "ya no",
    "tengo",
    "I have",
    ".",
    ",",
    "?",
    "¿",
    "si",
)


# --- the model ---


async def test_model_adds_what_the_rules_do_not_see_under_its_own_name(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say(RIDES, remember=True)
    model = Teller(told(("other", "Sale con la bicicleta por la sierra")))
    await remember(stores, clock, model=model)
    (prompt,) = model.asked
    assert (prompt.question, prompt.schema) == (RIDES, EXTRACTION_SCHEMA)
    found = {one.what.text: one for one in await live(stores, said.context.person.id)}
    fact = found["Sale con la bicicleta por la sierra."]
    assert (fact.what.origin, fact.what.sources, fact.id) == (Origin.MODEL, (said.id,), said.id + "m1")
    assert counts(stores.database.path)["pending_memories"] == 0


async def test_what_the_rules_found_is_not_replaced_by_the_model(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say("Vivo en Quito desde hace poco tiempo.", remember=True)
    await remember(stores, clock, model=Teller(told(("home", "poco tiempo"), ("home", "Quito"))))
    assert [one.what.origin for one in await live(stores, said.context.person.id)] == [Origin.RULE]
    assert len(await stores.memories.in_slot(said.context.person.id, None, "home")) == 1


@pytest.mark.parametrize(
    "text", ["¿Dónde vive tu gata vieja ahora?", "Vale, gracias", "If I lived in Quito I would be happy there"]
)
async def test_model_is_not_asked_about_what_states_nothing(
    text: str,
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    clock: FakeClock,  # noqa: F811
) -> None:
    await talk.say(text, remember=True)
    model = Teller(told())
    await remember(stores, clock, model=model)
    assert model.asked == []


async def test_model_waits_while_somebody_is_being_answered(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    await talk.say(RIDES, remember=True)
    model = Teller(told())
    await remember(stores, clock, model=model, may_ask=lambda: False)
    assert model.asked == []
    assert counts(stores.database.path)["pending_memories"] == 1
    await remember(stores, clock, model=model)
    assert len(model.asked) == 1


async def test_model_is_let_go_when_somebody_wants_an_answer(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    await talk.say(RIDES, remember=True)
    is_free = True
    was_let_go = False

    async def think() -> None:
        nonlocal is_free, was_let_go
        is_free = False
        try:
            await asyncio.Event().wait()
        finally:
            was_let_go = True

    async with asyncio.timeout(10):
        await remember(stores, clock, model=Teller(told(), meanwhile=think), may_ask=lambda: is_free)
    assert was_let_go
    assert counts(stores.database.path)["pending_memories"] == 1


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.CUT, Fault.UNAVAILABLE, Fault.UNPROCESSABLE, None])
async def test_model_that_fails_is_asked_once_more_and_no_more(
    fault: Fault | None,
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    clock: FakeClock,  # noqa: F811
) -> None:
    said = await talk.say(RIDES, remember=True)
    model = ScriptedModel(clock=clock, rules=[Rule(pattern=".", answer="No sé nada.", fault=fault)])
    one = rememberer(stores, clock, model=model)
    assert [await one.run_once() for _ in range(4)] == [2, 0, 1, 0]
    assert counts(stores.database.path)["pending_memories"] == 0
    assert len(await live(stores, said.context.person.id, distilled=False)) == 2


async def test_nothing_follows_from_a_message_that_was_forgotten_meanwhile(
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    clock: FakeClock,  # noqa: F811
) -> None:
    said = await talk.say(RIDES, remember=True)

    async def forget() -> None:
        drop = DropMemories(person_id=said.context.person.id, ids=(said.id + "q",))
        await talk.say("/forget", writes=[drop])

    await remember(stores, clock, model=Teller(told(("other", "Sale con la bicicleta por la sierra")), meanwhile=forget))
    assert await facts(stores, said) == []
    assert counts(stores.database.path)["pending_memories"] == 0


async def test_message_that_is_edited_meanwhile_is_read_as_it_is_now(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say(RIDES, remember=True)
    model = Teller(told(("other", "Sale con la bicicleta por la sierra")), told(("other", "Sale con el caballo por la playa")))

    async def change() -> None:
        model.meanwhile = None
        await edit(talk, said, "Salgo todos los sábados con el caballo por la playa.")

    model.meanwhile = change
    await remember(stores, clock, model=model)
    await remember(stores, clock, model=model)
    assert "Sale con el caballo por la playa." in await facts(stores, said)
    assert "Sale con la bicicleta por la sierra." not in await facts(stores, said)


async def test_of_too_many_that_wait_for_the_model_the_oldest_go_without(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    first = await talk.say(RIDES, remember=True)
    for _ in range(MOST_WAITING):
        await talk.say(RIDES, remember=True)
    await remember(stores, clock, model=Teller(told()), may_ask=lambda: False)
    rows = await stores.memories.pending(with_model=True, limit=1_000)
    assert len(rows) == MOST_WAITING
    assert first.id not in {row.turn_id for row in rows}
    await remember(stores, clock, model=None)
    assert counts(stores.database.path)["pending_memories"] == 0


# --- how much, and for how long ---


async def add(stores: Stores, person: PersonId, id: str, at: datetime, *, kind: MemoryKind, is_past: bool = False) -> None:  # noqa: F811
    what = NewMemory(
        kind=kind,
        text=f"Recuerdo {id}",
        said_by=SELF,
        said_at=at,
        session="s",
        position=0,
        origin=Origin.SAID,
        sources=("t",),
    )
    past = "nobody" if is_past else None
    memory = AddMemory(person_id=person, group=None, id=id, what=what, stems=("a",), superseded_by=past)
    await stores.memories.remember((), [memory], at)


async def ids(stores: Stores, person: PersonId) -> list[str]:  # noqa: F811
    return sorted(await stores.memories.eldest(person, limit=1_000))


async def test_beyond_the_most_history_goes_first_then_what_was_said(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    person = (await talk.say()).context.person.id
    other = (await talk.say(at=address_of("luis"))).context.person.id
    fact, episode = MemoryKind.FACT, MemoryKind.EPISODE
    await add(stores, person, "fact 1", clock.now(), kind=fact)
    for number in (1, 2, 3):
        await add(stores, person, f"said {number}", clock.advance(days=1), kind=episode)
    await add(stores, person, "past", clock.advance(days=1), kind=fact, is_past=True)
    await add(stores, person, "fact 2", clock.advance(days=1), kind=fact)
    for number in range(4):
        await add(stores, other, f"other {number}", clock.now(), kind=episode)
    for most, left in (
        (6, ["fact 1", "fact 2", "past", "said 1", "said 2", "said 3"]),
        (5, ["fact 1", "fact 2", "said 1", "said 2", "said 3"]),
        (4, ["fact 1", "fact 2", "said 2", "said 3"]),
        (1, ["fact 2"]),
    ):
        await rememberer(stores, clock, most=most).tidy()
        assert await ids(stores, person) == left
        assert len(await ids(stores, other)) == min(4, most)


async def test_what_is_past_its_time_goes_whatever_it_is(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    person = (await talk.say()).context.person.id
    changes: list[None] = []
    for day, kind in enumerate(MemoryKind):
        await add(stores, person, f"day {day}", clock.now(), kind=kind)
        clock.advance(days=10)
    await rememberer(stores, clock, keep_days=0).tidy()
    assert len(await ids(stores, person)) == 3
    await rememberer(stores, clock, keep_days=25, on_change=lambda: changes.append(None)).tidy()
    assert await ids(stores, person) == ["day 1", "day 2"]
    await rememberer(stores, clock, keep_days=1, on_change=lambda: changes.append(None)).tidy()
    assert await ids(stores, person) == []
    assert len(changes) == 2


async def test_many_go_in_slices(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    person = (await talk.say()).context.person.id
    for number in range(450):
        await add(stores, person, f"said {number:03d}", clock.advance(1), kind=MemoryKind.EPISODE)
    await rememberer(stores, clock, most=10).tidy()
    assert await ids(stores, person) == [f"said {number}" for number in range(440, 450)]


# --- it goes on ---


def over(pending: Pending, **changes: Any) -> Rememberer:
    """One who remembers over memory, in the loop's time."""
    wanted: dict[str, Any] = {
        "pending": pending,
        "memories": FakeMemories(),
        "clock": LoopClock(),
        "ids": SequentialIds(),
        "most": 100,
        "keep_days": 0,
        "model": None,
        "may_ask": lambda: True,
        "on_change": lambda: None,
        "is_urgent": lambda text: False,
    }
    return Rememberer(**{**wanted, **changes})


@in_virtual_time
async def test_a_full_disk_is_waited_out_and_no_word_of_anybody_is_logged() -> None:
    pending = Pending(waiting("Vivo en Quito y me duele todo.", remembers=False), failures=3)
    with capture_logs() as logs:
        task = asyncio.create_task(over(pending).run())
        await asyncio.sleep(100)
        assert pending.rows == []
        assert pending.looks == 5
    task.cancel()
    assert {log["error"] for log in logs} == {"StoreFull"}
    assert "Quito" not in repr(logs)


@in_virtual_time
async def test_it_looks_at_once_when_woken_and_every_minute_anyway() -> None:
    pending = Pending()
    one = over(pending)
    task = asyncio.create_task(one.run())
    await asyncio.sleep(1)
    pending.rows.append(waiting("Vivo en Quito.", remembers=False))
    one.wake()
    await asyncio.sleep(0.001)
    assert pending.rows == []
    pending.rows.append(waiting("Vivo en Lima.", number=2, remembers=False))
    await asyncio.sleep(61)
    assert pending.rows == []
    task.cancel()


TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from([*PIECES, "\ud800", "\x00", "«", "'", "\n", "👩‍👧"]), max_size=60).map(" ".join),
)


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(TEXTS, max_size=4), said=TEXTS, language=st.sampled_from(LANGUAGES))
def test_any_text_is_worked_off(texts: list[str], said: str, language: Language) -> None:
    parts = ("question", "answer", "edited", "model")
    rows = [waiting(text, part=part, number=n, language=language) for n, text in enumerate(texts) for part in parts[: n + 1]]

    async def work() -> list[PendingMemory]:
        pending, memories = Pending(*rows), FakeMemories()
        for row in rows:
            memories.add(row.person, row.id, row.text, origin=Origin.SAID, sources=[row.turn_id])
        one = over(pending, memories=memories, model=Teller(said))
        for _ in range(40):
            await one.run_once()
        return pending.rows

    assert asyncio.run(work()) == []
