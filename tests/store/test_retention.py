"""What is past its time goes, and nothing else."""

from __future__ import annotations

import pytest

from bot.admin_types import Told
from bot.profile_types import ProfileEventKind
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.open import Stores
from bot.store.retention import Retention
from bot.types import InboxState, Kind, Scope
from bot.writes import AddBroadcast, AddProfileEvent, TellAdmins
from tests.fakes import FakeClock
from tests.store.remembered import EPISODE, HASH, added, embed, write
from tests.store.styles import STYLE
from tests.store.tables import counts, files_with, found
from tests.talk import Talk, address_of


def retention(stores: Stores, clock: FakeClock, *, key_days: int = 7, retention_days: int = 0) -> Retention:
    """Retention over the stores under test."""
    return Retention(stores.database, stores.keys, clock, key_days=key_days, retention_days=retention_days)


async def test_keys_are_kept_for_their_days_and_no_longer(
    stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder
) -> None:
    old = await talk.say("vieja")
    await talk.accept(talk.message(kind=Kind.STOP), InboxState.ABSORBED)
    waiting = await talk.accept(talk.message("espera"))
    clock.advance(days=7)
    assert (await retention(stores, clock).run()).rows == 0
    fresh = await talk.say("nueva")
    clock.advance(1)
    removed = await retention(stores, clock).run()
    assert (removed.turns, removed.rows) == (0, 3)
    assert {row[0] for row in found(folder.database, "SELECT id FROM inbox")} == {waiting.id, fresh.id}
    assert [row[0] for row in found(folder.database, "SELECT id FROM outbox")] == [fresh.id]
    assert await stores.turns.past(old.id) is not None, "conversations are kept"
    assert await broken_invariants(stores.database) == []


async def test_old_conversations_go_with_all_that_hangs_on_them(
    stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder
) -> None:
    old = await talk.say("muy vieja", "respuesta vieja", parts=["parte 1"], remember=True, style=STYLE)
    granted = AddProfileEvent(
        person_id=old.context.person.id, kind=ProfileEventKind.CONSENT, data={"granted": True, "version": "1"}
    )
    undelivered = talk.message("sin entregar")
    kept = await talk.answer(undelivered, (await talk.accept(undelivered)).id, writes=[granted])
    clock.advance(days=3)
    new = await talk.say("nueva", at=address_of("luis"))
    removed = await retention(stores, clock, retention_days=2).run()
    assert removed.turns == 1
    assert await stores.turns.past(old.id) is None
    assert await stores.turns.past(kept.id) is not None, "its reply is still on its way"
    assert await stores.turns.past(new.id) is not None
    assert found(folder.database, "SELECT state, user FROM inbox WHERE id = ?", old.id) == [("erased", None)]
    held = counts(folder.database)
    assert (held["pending_memories"], held["answer_log"], held["profile_events"]) == (0, 0, 1)
    assert files_with(folder.path, "muy vieja", "respuesta vieja", "parte 1") == []
    assert await stores.people.exists(old.context.person.id), "language, consent and profile outlive the conversation"
    assert await broken_invariants(stores.database) == []


async def test_what_was_said_goes_with_its_conversation_and_what_follows_from_it_stays(
    stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder
) -> None:
    old = await talk.say("muy vieja", remember=True)
    person = old.context.person.id
    clock.advance(days=3)
    new = await talk.say("nueva")
    await write(
        stores,
        *(added(person, f"old {part}", EPISODE, text=f"muy {part} dicha", sources=(old.id,)) for part in "qa"),
        added(person, "both", EPISODE, sources=(old.id, new.id)),
        added(person, "new", EPISODE, sources=(new.id,)),
        added(person, "fact", sources=(old.id,)),
        added(person, "imported", EPISODE, sources=("key",)),
    )
    await embed(stores, person, "old q", "fact", "new")
    assert (await retention(stores, clock, retention_days=2).run()).turns == 1
    kept = {memory.id: memory for memory in await stores.memories.changed(person, Scope())}
    assert set(kept) == {"new", "fact", "imported"}
    assert {one.id for one in await stores.vectors.of(person, Scope(), HASH)} == {"fact", "new"}
    assert {one.id for one in await stores.vectors.removals(limit=9)} == {"old q", "old a", "both"}
    (fact,) = await stores.memories.memories(person, ["fact"])
    assert fact.what.sources == (old.id,), "it still says where it came from"
    assert [memory.id for memory in await stores.memories.sourced(person, new.id)] == ["new"]
    assert files_with(folder.path, "muy vieja", "muy q dicha", "muy a dicha") == []
    assert await broken_invariants(stores.database) == []


async def test_a_repeat_of_a_removed_conversations_message_is_recognised(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    said = await talk.say()
    clock.advance(days=3)
    await retention(stores, clock, retention_days=2).run()
    (repeated,) = await stores.inbox.accept([talk.arrival(said.message)])
    assert (repeated.is_new, repeated.state) == (False, InboxState.ERASED)


async def test_many_rows_go_in_slices(stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder) -> None:
    arrivals = [talk.arrival(talk.message(str(number)), InboxState.ABSORBED) for number in range(450)]
    await stores.inbox.accept(arrivals)
    clock.advance(days=8)
    assert (await retention(stores, clock).run()).rows == 450
    assert (await retention(stores, clock).run()).rows == 0
    assert counts(folder.database)["inbox"] == 0


async def test_usage_of_old_days_is_not_kept(stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder) -> None:
    await talk.say()
    clock.advance(days=9)
    await talk.say()
    await retention(stores, clock).run()
    held = counts(folder.database)
    assert (held["usage"], held["usage_of_all"]) == (1, 1)


async def test_old_notices_and_runs_of_the_night_are_not_kept(
    stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder
) -> None:
    async def spend_a_day() -> None:
        day = clock.now().date()
        await talk.say(writes=[TellAdmins(kind="tokens_per_day", day=day, facts={})])
        run = await stores.jobs.begin_run("backup", day, clock.now(), 60)
        assert run is not None
        await stores.jobs.end_run(run, None, clock.now())

    await spend_a_day()
    clock.advance(days=9)
    await spend_a_day()
    await retention(stores, clock).run()
    assert (counts(folder.database)["notices"], counts(folder.database)["job_runs"]) == (1, 2)
    clock.advance(days=82)
    await retention(stores, clock).run()
    assert (counts(folder.database)["notices"], counts(folder.database)["job_runs"]) == (0, 1)


async def test_what_everybody_was_told_goes_once_it_has_gone_out(
    stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder
) -> None:
    said = await talk.say(writes=[AddBroadcast(id="told", text="hola a todos"), AddBroadcast(id="open", text="otra")])
    to = Told(person=said.context.person.id, address=said.context.address_id, users=())
    await stores.broadcasts.spread("told", to.person, [to], is_last=True)
    clock.advance(days=8)
    await retention(stores, clock).run()
    assert [one.id for one in await stores.broadcasts.recent(9)] == ["open"]
    assert len(await stores.due.due(clock.now(), 9)) == 1, "whoever closed their chat is told nothing of it when they are back"
    assert files_with(folder.path, "hola a todos") == []


@pytest.mark.parametrize(("key_days", "retention_days"), [(6, 0), (7, -1)])
def test_a_week_of_keys_is_the_least(stores: Stores, clock: FakeClock, key_days: int, retention_days: int) -> None:
    with pytest.raises(ValueError, match="at least 7"):
        retention(stores, clock, key_days=key_days, retention_days=retention_days)
