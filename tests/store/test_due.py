"""Messages that fall due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.errors import StoreConflict
from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.types import DueMessage, OutboxId, Outgoing, OutgoingKind, PersonId, Reply
from bot.writes import AddDueMessage, SetLanguage
from tests.fakes import FakeClock
from tests.store.tables import found
from tests.talk import Said, Talk


async def remind(talk: Talk, *in_days: int) -> Said:
    """Somebody who is to be told something in so many days."""
    met = (await talk.say()).context
    return await talk.say(
        writes=[
            AddDueMessage(
                person_id=met.person.id,
                address_id=met.address_id,
                kind=f"in {days}",
                due_at=talk.clock.now() + timedelta(days=days),
            )
            for days in in_days
        ]
    )


def worded(due: DueMessage) -> Outgoing:
    """What is said."""
    return Outgoing(
        id=OutboxId(due.id), kind=OutgoingKind.DUE, address=due.address, reply=Reply(text="¡es hora!"), nonce=due.id
    )


async def test_what_is_due_comes_oldest_first_and_no_earlier(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    said = await remind(talk, 3, 1, 2)
    assert list(await stores.due.due(clock.now(), 10)) == []
    clock.advance(days=2)
    first, second = await stores.due.due(clock.now(), 10)
    assert (first.kind, second.kind) == ("in 1", "in 2")
    assert (first.person, first.address, first.address_id) == (
        said.context.person, said.message.address, said.context.address_id,
    )  # fmt: skip
    assert [due.kind for due in await stores.due.due(clock.now(), 1)] == ["in 1"]


async def test_a_released_message_is_said_once(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    said = await remind(talk, 0)
    (due,) = await stores.due.due(clock.now(), 10)
    write = SetLanguage(person_id=said.context.person.id, language="en")
    await stores.due.release(due, worded(due), [write], clock.now())
    assert list(await stores.due.due(clock.now(), 10)) == []
    assert list(await stores.outbox.pending()) == [worded(due)]
    with pytest.raises(StoreConflict):
        await stores.due.release(due, worded(due), [], clock.now())
    await stores.outbox.sent(worded(due), (), clock.now())
    assert list(await stores.outbox.pending()) == []


async def test_a_dropped_message_is_not_due_again(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    await remind(talk, 0)
    (due,) = await stores.due.due(clock.now(), 10)
    await stores.due.release(due, None, [], clock.now())
    assert list(await stores.due.due(clock.now(), 10)) == []
    assert list(await stores.outbox.pending()) == []


async def test_closed_chats_wait_and_forgotten_people_are_left_out(
    stores: Stores, talk: Talk, clock: FakeClock, folder: DataFolder
) -> None:
    said = await remind(talk, 0)
    message = talk.message()
    answered = await talk.answer(message, (await talk.accept(message)).id)
    await stores.outbox.closed(answered.outgoing, clock.now())
    assert list(await stores.due.due(clock.now(), 10)) == []
    await talk.say()
    assert len(await stores.due.due(clock.now(), 10)) == 1
    await stores.erasure.forget_person(PersonId(said.context.person.id))
    assert list(await stores.due.due(clock.now(), 10)) == []
    assert found(folder.database, "SELECT * FROM due_messages") == []


async def test_what_comes_about_outside_any_turn_is_said_to_whoever_is_still_there(
    stores: Stores, talk: Talk, clock: FakeClock
) -> None:
    said = await talk.say()
    await stores.due.add(said.context.person.id, said.context.address_id, "night.es", clock.now())
    (due,) = await stores.due.due(clock.now(), 9)
    assert (due.kind, due.person, due.address) == ("night.es", said.context.person, said.message.address)
    with pytest.raises(StoreConflict):
        await stores.due.add(PersonId("nobody"), said.context.address_id, "night.es", clock.now())
    assert len(await stores.due.due(clock.now(), 9)) == 1
