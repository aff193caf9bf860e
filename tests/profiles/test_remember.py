"""What people say becomes memories, once, in their own place; and what they take back is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import StoreError
from bot.memory_ports import PendingStore
from bot.memory_types import BOT, SELF, Origin
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.open import Stores, open_folder
from bot.types import Flag, Language, Scope
from bot.writes import DropAllMemories, DropMemories, EndMemories, SetRemembering
from profiles.remember import LONGEST_ANSWER, LONGEST_SAID, NOT_WHOLE, shortened
from tests.fakes import FakeClock, SequentialIds
from tests.profiles.remembering import Meanwhile, Teller, edit, facts, live, remember, rememberer
from tests.store.conftest import clock, folder, migrated, stores, talk  # noqa: F401
from tests.store.remembered import FACT, added, write
from tests.store.tables import change, counts
from tests.talk import Talk, address_of

SLOTS = {"es": ("Vivo en Quito.", "Me mudé a Lima.", "Lima"), "en": ("I live in Quito.", "I moved to Lima.", "Lima")}
GROUP = address_of(chat="club")


# --- what becomes of a turn ---


async def test_question_and_answer_are_remembered_next_to_each_other(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say("Tengo un perro que ladra de noche", "Prueba a **cansarlo** por la tarde.", remember=True)
    changes: list[None] = []
    await remember(stores, clock, on_change=lambda: changes.append(None))
    found = {memory.id: memory for memory in await live(stores, said.context.person.id, distilled=False)}
    asked, answered = found[said.id + "q"].what, found[said.id + "a"].what
    assert (asked.text, asked.said_by, asked.origin) == ("Tengo un perro que ladra de noche", SELF, Origin.SAID)
    assert (answered.text, answered.said_by, answered.origin) == ("Prueba a **cansarlo** por la tarde.", BOT, Origin.ANSWERED)
    assert answered.position == asked.position + 1
    assert asked.session == answered.session == said.context.conversation_id
    assert asked.sources == answered.sources == (said.id,)
    assert changes
    assert counts(stores.database.path)["pending_memories"] == 0


@pytest.mark.parametrize("language", ["es", "en"])
async def test_a_move_supersedes_the_old_home_and_keeps_it_as_history(
    language: Language,
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    clock: FakeClock,  # noqa: F811
) -> None:
    before, after, place = SLOTS[language]
    said = await talk.say(before, remember=True)
    clock.advance(days=1)
    await talk.say(after, remember=True)
    await remember(stores, clock)
    homes = await stores.memories.in_slot(said.context.person.id, None, "home")
    now, past = sorted(homes, key=lambda memory: memory.ended_at is not None)
    assert place in now.what.text
    assert (now.ended_at, now.what.language, now.what.origin) == (None, language, Origin.RULE)
    assert past.superseded_by == now.id
    assert "Quito" in past.what.text


async def test_what_is_said_twice_is_one_fact_with_both_sources(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    first = await talk.say("Vivo en Quito.", remember=True)
    second = await talk.say("I live in Quito!", remember=True)
    await remember(stores, clock)
    (home,) = await stores.memories.in_slot(first.context.person.id, None, "home")
    assert set(home.what.sources) == {first.id, second.id}
    assert len(await live(stores, first.context.person.id, distilled=False)) == 4


async def test_one_message_that_changes_its_mind_leaves_one_home(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say("Vivo en Quito. Vivo en Lima.", remember=True)
    await remember(stores, clock)
    assert await facts(stores, said) == ["Vive en Lima."]
    assert len(await stores.memories.in_slot(said.context.person.id, None, "home")) == 2


async def test_a_fact_said_in_a_group_and_in_private_stays_apart(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    private = await talk.say("Vivo en Quito.", remember=True)
    in_group = await talk.say("Vivo en Quito.", at=GROUP, remember=True)
    await talk.say("Me mudé a Lima.", at=GROUP, remember=True)
    await remember(stores, clock)
    person, group = private.context.person.id, in_group.context.address_id
    assert [one.what.text for one in await stores.memories.in_slot(person, None, "home")] == ["Vive en Quito."]
    assert [one.what.text for one in await live(stores, person, Scope(group=group))] == ["Vive en Lima."]
    assert await facts(stores, private) == ["Vive en Lima.", "Vive en Quito."]


async def test_who_wants_nothing_remembered_is_not_remembered(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say("hola")
    person = said.context.person.id
    await talk.say("Vivo en Quito.", remember=True, writes=[SetRemembering(person_id=person, remembers=False)])
    await remember(stores, clock)
    assert {name: counts(stores.database.path)[name] for name in ("memories", "pending_memories")} == {
        "memories": 0,
        "pending_memories": 0,
    }


async def test_talk_of_a_crisis_is_never_remembered(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    await talk.say("Vivo en Quito y no puedo más", "Llama al 112.", remember=True, flags=frozenset({Flag.CRISIS}))
    await remember(stores, clock)
    assert counts(stores.database.path)["memories"] == 0


@pytest.mark.parametrize("flag", sorted(NOT_WHOLE))
async def test_an_answer_that_is_not_one_is_not_remembered_but_the_question_is(
    flag: Flag,
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    clock: FakeClock,  # noqa: F811
) -> None:
    said = await talk.say("Vivo en Quito.", "Quito es la capital de", remember=True, flags=frozenset({flag}))
    await remember(stores, clock)
    assert [one.id for one in await live(stores, said.context.person.id, distilled=False)] == [said.id + "q"]
    assert await facts(stores, said) == ["Vive en Quito."]


async def test_no_fact_follows_from_what_the_bot_says(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say("¿Dónde queda?", "Vivo en Lima. Me llamo Martín y tengo dos gatos.", remember=True)
    await remember(stores, clock)
    assert await facts(stores, said) == []
    assert len(await live(stores, said.context.person.id, distilled=False)) == 2


async def test_what_says_nothing_is_no_memory(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    await talk.say("¿…?", "¡…!", remember=True)
    await remember(stores, clock)
    assert counts(stores.database.path)["memories"] == counts(stores.database.path)["pending_memories"] == 0


async def test_long_talk_is_cut_to_what_fits_a_prompt(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say("Vivo en Quito. " + "Y llueve mucho en abril. " * 640, "Vale, lo apunto. " * 900, remember=True)
    await remember(stores, clock)
    found = {one.what.said_by: one.what.text for one in await live(stores, said.context.person.id, distilled=False)}
    assert LONGEST_SAID * 0.9 < len(found[SELF]) <= LONGEST_SAID
    assert LONGEST_ANSWER * 0.9 < len(found[BOT]) <= LONGEST_ANSWER
    assert found[SELF].endswith("abril. …")
    assert await facts(stores, said) == ["Vive en Quito."]


@given(text=st.text(), most=st.integers(10, 50))
def test_cut_text_is_its_beginning_and_never_too_long(text: str, most: int) -> None:
    cut = shortened(text, most)
    assert len(cut) <= most
    assert text.strip().startswith(cut.removesuffix(" …").removesuffix("…") if len(text.strip()) > most else cut)


def test_a_cut_falls_after_a_sentence_else_a_word_else_anywhere() -> None:
    assert shortened("  Llueve hoy. Mañana no.  ", 40) == "Llueve hoy. Mañana no."
    assert shortened("Llueve hoy. Mañana no lloverá nada.", 20) == "Llueve hoy. …"
    assert shortened("Llueve hoy mucho en toda la costa", 20) == "Llueve hoy mucho …"
    assert shortened("x" * 30, 20) == "x" * 18 + " …"


# --- what is taken back ---


async def test_edited_message_is_remembered_as_it_is_now(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    home = await talk.say("Vivo en Cuenca.", remember=True)
    said = await talk.say("Vivo en Quito y tengo un perro.", remember=True)
    await remember(stores, clock)
    await edit(talk, said, "Tengo una gata que se llama Nube.")
    await remember(stores, clock)
    told = await facts(stores, said)
    assert "Vive en Cuenca." in told
    assert not any("Quito" in one or "perro" in one for one in told)
    assert any("Nube" in one for one in told)
    episodes = await live(stores, home.context.person.id, distilled=False)
    assert "Tengo una gata que se llama Nube." in [one.what.text for one in episodes]
    assert len(episodes) == 4
    await edit(talk, said, "Tengo un loro.")
    await remember(stores, clock)
    assert any("loro" in one for one in await facts(stores, said))


async def test_edit_of_old_news_leaves_the_present_and_its_past(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    told = []
    for place in ("Cuenca", "Quito", "Lima"):
        told.append(await talk.say(f"Vivo en {place}.", remember=True))
        clock.advance(days=1)
    await remember(stores, clock)
    await edit(talk, told[1], "¿Qué tal el tiempo allí?")
    await remember(stores, clock)
    assert await facts(stores, told[0]) == ["Vive en Lima."]
    homes = await stores.memories.in_slot(told[0].context.person.id, None, "home")
    assert sorted(one.what.text for one in homes) == ["Vive en Cuenca.", "Vive en Lima."]


async def test_edit_takes_a_fact_back_only_where_nobody_else_says_it(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    first = await talk.say("Vivo en Quito.", remember=True)
    second = await talk.say("Que sí, vivo en Quito.", remember=True)
    await remember(stores, clock)
    await edit(talk, second, "Da igual dónde sea la fiesta.")
    await remember(stores, clock)
    (home,) = await stores.memories.in_slot(first.context.person.id, None, "home")
    assert home.what.sources == (first.id,)
    (answer,) = await stores.memories.memories(first.context.person.id, [second.id + "a"])
    assert second.id in answer.what.sources
    await edit(talk, first, "Olvídalo todo.")
    await remember(stores, clock)
    assert await facts(stores, first) == []


async def test_edit_by_who_wants_nothing_remembered_only_takes_back(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say("Vivo en Quito.", remember=True)
    await remember(stores, clock)
    await talk.say("no", writes=[SetRemembering(person_id=said.context.person.id, remembers=False)])
    await edit(talk, said, "Vivo en Lima.")
    await remember(stores, clock)
    assert await facts(stores, said) == []
    assert [one.what.said_by for one in await live(stores, said.context.person.id, distilled=False)] == [BOT]


async def test_crash_in_the_middle_of_an_edit_is_made_good(folder: DataFolder, clock: FakeClock) -> None:  # noqa: F811
    commits = 0
    fatal = -1

    def before_call(name: str) -> None:
        nonlocal commits
        commits += name == "COMMIT"
        if name == "COMMIT" and commits == fatal:
            raise MemoryError

    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=before_call) as stores:  # noqa: F811
        talk = Talk(stores, clock, SequentialIds())
        first = await talk.say("Vivo en Quito.", remember=True)
        second = await talk.say("Vivo en Quito y tengo un perro.", remember=True)
        await remember(stores, clock)
        await edit(talk, second, "Tengo una gata.")
        fatal = commits + 2
        with pytest.raises(StoreError):
            await rememberer(stores, clock).run_once()
        assert await broken_invariants(stores.database) == []
        await remember(stores, clock)
        assert not any("perro" in one for one in await facts(stores, first))
        (answer,) = await stores.memories.memories(first.context.person.id, [second.id + "a"])
        assert second.id in answer.what.sources


@pytest.mark.parametrize("is_remembered", [True, False])
async def test_crisis_that_comes_by_an_edit_is_never_remembered(
    is_remembered: bool,
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    clock: FakeClock,  # noqa: F811
) -> None:
    """The flags of a turn are of what it said at first."""
    said = await talk.say("Vivo en Quito y trabajo de noche en un hospital.", remember=True)
    model = Teller('{"facts": []}')
    if is_remembered:
        await remember(stores, clock, model=model, may_ask=lambda: False)
    await edit(talk, said, "Vivo en Lima y no puedo más con mi vida, quiero matarme.")
    await remember(stores, clock, model=model, is_urgent=lambda text: "matarme" in text)
    assert model.asked == []
    assert await facts(stores, said) == []
    assert [one.what.said_by for one in await live(stores, said.context.person.id, distilled=False)] == [BOT]
    await edit(talk, said, "Vivo en Lima.")
    await remember(stores, clock)
    assert await facts(stores, said) == ["Vive en Lima."], "once it is none, it is remembered"


async def test_edit_of_what_remember_had_asked_for_keeps_the_new_text_alone(
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    clock: FakeClock,  # noqa: F811
) -> None:
    """The old text stayed, and the new one became something that was merely said."""
    said = await talk.say("Mi taquilla es la 4321.")
    person = said.context.person.id
    asked = replace(FACT, origin=Origin.ASKED, slot="", sources=(said.id,))
    await write(stores, added(person, "whole", asked, text="Mi taquilla es la 4321."))
    await edit(talk, said, "Mi taquilla es la 9999.")
    await remember(stores, clock)
    (kept,) = await live(stores, person)
    assert (kept.what.text, kept.what.origin, kept.what.sources) == ("Mi taquilla es la 9999.", Origin.ASKED, (said.id,))
    assert await live(stores, person, distilled=False) == []
    await edit(talk, said, "Vivo en Quito.")
    await remember(stores, clock)
    (kept,) = await live(stores, person)
    assert (kept.what.text, kept.what.slot, kept.what.origin) == ("Vive en Quito.", "home", Origin.ASKED)
    await edit(talk, said, "¿…?")
    await remember(stores, clock)
    assert counts(stores.database.path)["memories"] == 0


async def test_edit_of_what_was_asked_for_revives_what_that_had_replaced(
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    clock: FakeClock,  # noqa: F811
) -> None:
    first = await talk.say("Vivo en Quito.", remember=True)
    await remember(stores, clock)
    person, said = first.context.person.id, await talk.say("Vivo en Lima.")
    (home,) = await live(stores, person)
    asked = replace(FACT, origin=Origin.ASKED, sources=(said.id,))
    over = EndMemories(person_id=person, ids=(home.id,), by="lima")
    await write(stores, added(person, "lima", asked, supersedes=home.id), over)
    await edit(talk, said, "Me llamo Ana.")
    await remember(stores, clock)
    assert await facts(stores, said) == ["Se llama Ana.", "Vive en Quito."]


@pytest.mark.parametrize("right", ["Vivo en Loja.", "Me llamo Ana."])
async def test_edit_of_a_correction_leaves_what_it_put_right_ended(
    right: str,
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    clock: FakeClock,  # noqa: F811
) -> None:
    first = await talk.say("Vivo en Quito.", remember=True)
    person = first.context.person.id
    await remember(stores, clock)
    wrong = tuple(one.id for one in await stores.memories.sourced(person, first.id) if one.what.said_by == SELF)
    said = await talk.say("Vivo en Lima.")
    corrected = replace(FACT, origin=Origin.CORRECTED, sources=(said.id,))
    await write(
        stores,
        added(person, "home", corrected, supersedes=wrong[0]),
        EndMemories(person_id=person, ids=wrong, by="home"),
    )
    await edit(talk, said, right)
    await remember(stores, clock)
    (kept,) = await live(stores, person)
    assert (kept.what.origin, kept.ended_at) == (Origin.CORRECTED, None)
    assert kept.what.text in ("Vive en Loja.", "Se llama Ana.")
    assert [one.id for one in await live(stores, person, distilled=False)] == [first.id + "a"]
    assert {one.superseded_by for one in await stores.memories.memories(person, wrong)} == {kept.id}
    await edit(talk, said, "Vivo en Quito.")
    await remember(stores, clock)
    assert await facts(stores, said) == ["Vive en Quito."]


# --- what happens meanwhile ---


@pytest.mark.parametrize("failing", ["insert memory", "COMMIT"])
async def test_a_crash_before_the_commit_changes_nothing(failing: str, folder: DataFolder, clock: FakeClock) -> None:  # noqa: F811
    is_failing = False

    def before_call(name: str) -> None:
        if is_failing and name == failing:
            raise MemoryError

    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=before_call) as stores:  # noqa: F811
        said = await Talk(stores, clock, SequentialIds()).say("Vivo en Quito.", remember=True)
        is_failing = True
        with pytest.raises(StoreError):
            await rememberer(stores, clock).run_once()
        assert counts(folder.database)["memories"] == 0
        is_failing = False
        await remember(stores, clock)
        found = await stores.memories.sourced(said.context.person.id, said.id)
        assert {one.id for one in found} == {said.id + "a", said.id + "q", said.id + "q1"}


async def test_who_is_forgotten_while_remembered_leaves_nothing(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say("Vivo en Quito.", remember=True)
    person = said.context.person.id

    async def forget() -> None:
        await stores.erasure.forget_person(person, spare_waiting=False)

    await remember(stores, clock, memories=Meanwhile(stores, forget))
    left = counts(stores.database.path)
    assert (left["memories"], left["memory_sources"], left["pending_memories"], left["people"]) == (0, 0, 0, 0)


async def test_forgotten_memories_do_not_come_back(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say("Vivo en Quito.", remember=True)

    async def forget() -> None:
        await talk.say("/forget", writes=[DropAllMemories(person_id=said.context.person.id)])

    await remember(stores, clock, memories=Meanwhile(stores, forget))
    assert counts(stores.database.path)["memories"] == 0


async def test_edit_while_remembered_is_not_lost(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    said = await talk.say("Vivo en Quito.", remember=True)
    await remember(stores, clock, memories=Meanwhile(stores, lambda: edit(talk, said, "Vivo en Lima.")))
    assert await facts(stores, said) == []
    await remember(stores, clock)
    assert await facts(stores, said) == ["Vive en Lima."]


async def test_edit_right_before_the_commit_leaves_no_old_text(folder: DataFolder, clock: FakeClock) -> None:  # noqa: F811
    """It stayed for ever: the look at what waits came before the transaction; a second edit was lost in the same way."""
    texts: list[str] = []

    def before_call(name: str) -> None:
        if name == "BEGIN" and texts:
            change(folder.database, f"UPDATE turns SET question = '{texts.pop()}'")

    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=before_call) as stores:  # noqa: F811
        talk = Talk(stores, clock, SequentialIds())
        said = await talk.say("Vivo en Quito.", remember=True)
        texts.append("Vivo en Lima.")
        for _ in range(2):
            await remember(stores, clock)
        assert await facts(stores, said) == ["Vive en Lima."]
        await edit(talk, said, "Vivo en Loja.")
        texts.append("Vivo en Cuenca.")
        for _ in range(2):
            await remember(stores, clock)
        assert await facts(stores, said) == ["Vive en Cuenca."]
        assert counts(folder.database)["pending_memories"] == 0


class Late:
    """The store, in which something happens right before what is remembered is committed."""

    def __init__(self, pending: PendingStore, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._pending, self._meanwhile = pending, [meanwhile]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pending, name)

    async def remember(self, *what: Any, **more: Any) -> None:
        while self._meanwhile:
            await self._meanwhile.pop()()
        await self._pending.remember(*what, **more)


async def test_message_forgotten_while_its_facts_are_committed_leaves_none(
    stores: Stores,  # noqa: F811
    talk: Talk,  # noqa: F811
    clock: FakeClock,  # noqa: F811
) -> None:
    said = await talk.say("Salgo todos los domingos con la bicicleta por la sierra.", remember=True)
    person = said.context.person.id
    model = Teller('{"facts": [{"slot": "other", "value": "Sale con la bicicleta", "of": "", "holds": true}]}')
    await remember(stores, clock, model=model, may_ask=lambda: False)

    async def forget() -> None:
        gone = tuple(one.id for one in await stores.memories.sourced(person, said.id))
        await talk.say("/forget", writes=[DropMemories(person_id=person, ids=gone)])

    await remember(stores, clock, model=model, pending=Late(stores.memories, forget))
    assert model.asked
    left = counts(stores.database.path)
    assert (left["memories"], left["pending_memories"]) == (0, 0)


async def test_what_never_goes_in_ends_and_holds_up_nobody(stores: Stores, talk: Talk, clock: FakeClock) -> None:  # noqa: F811
    class Fickle(Meanwhile):
        async def in_slot(self, *place: Any) -> Any:
            await edit(talk, bad, f"Vivo en Quito {talk.ids.new()}.")
            return await super().in_slot(*place)

    bad = await talk.say("Vivo en Quito.", remember=True)
    good = await talk.say("¿Llueve mucho en Loja?", remember=True)
    one = rememberer(stores, clock, memories=Fickle(stores, lambda: asyncio.sleep(0)))
    for _ in range(3):
        await one.run_once()
    assert counts(stores.database.path)["pending_memories"] == 0
    assert {memory.id for memory in await live(stores, good.context.person.id, distilled=False)} == {
        good.id + "q",
        good.id + "a",
    }
