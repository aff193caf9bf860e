"""The inbox on disk: what a row keeps, and what it lets go."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.types import InboxState, Kind
from tests.fakes import FakeStores
from tests.store.tables import files_with, found
from tests.talk import Talk, address_of


async def test_text_is_cleared_once_a_message_is_answered(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    message = talk.message("secreto")
    stored = await talk.accept(message)
    assert found(folder.database, "SELECT json_extract(message, '$.text') FROM inbox") == [("secreto",)]
    await talk.answer(message, stored.id)
    assert found(folder.database, "SELECT state, message, ended_at FROM inbox") == [("answered", None, None)]


async def test_an_unaddressed_group_message_is_stored_without_its_text(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    await talk.accept(talk.message("no es para el bot", at=address_of(chat="grupo")), InboxState.ABSORBED)
    await stores.database.checkpoint()
    assert found(folder.database, "SELECT state, message, ended_at IS NULL FROM inbox") == [("absorbed", None, 0)]
    assert files_with(folder.path, "no es para el bot") == []


async def test_a_refusal_of_an_ended_message_changes_nothing(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    stored = await talk.accept(talk.message(kind=Kind.STOP), InboxState.ABSORBED)
    await stores.inbox.refuse(stored.id, None)
    assert found(folder.database, "SELECT state FROM inbox") == [("absorbed",)]


async def test_a_batch_costs_one_commit_and_one_read(folder: DataFolder, stores: Stores, talk: Talk) -> None:
    arrivals = [talk.arrival(talk.message(str(number))) for number in range(300)]
    stored = await stores.inbox.accept(arrivals)
    assert [one.id for one in stored] == [arrival.id for arrival in arrivals]
    assert all(one.is_new for one in stored)


async def test_the_look_up_of_keys_uses_the_unique_index(folder: DataFolder) -> None:
    from bot.store import inbox

    plan = found(folder.database, f"EXPLAIN QUERY PLAN {inbox._STORED.sql}", *inbox._STORED.encode({"keys": "[]"}))
    steps = [row[3] for row in plan]
    assert any("USING INDEX sqlite_autoindex_inbox" in step and "event_id=?" in step for step in steps), steps


Event = st.tuples(st.sampled_from("abcd"), st.sampled_from(["uno", "dos"]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(Event, max_size=5), max_size=4))
async def test_duplicates_in_any_order_end_as_they_do_in_memory(
    stores: Stores, talk: Talk, batches: list[list[tuple[str, str]]]
) -> None:
    memory = FakeStores()
    run = talk.ids.new()
    for batch in batches:
        arrivals = [talk.arrival(talk.message(text, event=f"{run} {event}"), digest=text) for event, text in batch]
        assert list(await stores.inbox.accept(arrivals)) == list(await memory.inbox.accept(arrivals))
