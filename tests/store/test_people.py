"""People, identities and addresses in the database."""

from __future__ import annotations

import asyncio

from bot.store.folder import DataFolder
from bot.store.open import Stores, open_folder
from bot.types import ChannelName
from tests.fakes import FakeClock, SequentialIds
from tests.store.tables import counts, found
from tests.talk import Talk, address_of


async def test_first_messages_of_one_user_in_many_chats_at_once_make_one_person(
    stores: Stores, talk: Talk, folder: DataFolder
) -> None:
    messages = [talk.message(at=address_of("ana", chat=f"chat {number}")) for number in range(12)]
    contexts = await asyncio.gather(*(stores.people.meet(one, history=5, now=talk.clock.now()) for one in messages * 2))
    assert len({context.person.id for context in contexts}) == 1
    assert len({context.address_id for context in contexts}) == 12
    held = counts(folder.database)
    assert (held["people"], held["identities"], held["addresses"]) == (1, 1, 12)


async def test_the_same_first_message_met_twice_at_once_makes_one_address(stores: Stores, talk: Talk) -> None:
    message = talk.message()
    one, two = await asyncio.gather(*(stores.people.meet(message, history=5, now=talk.clock.now()) for _ in range(2)))
    assert (one.person, one.address_id, one.conversation_id) == (two.person, two.address_id, two.conversation_id)


async def test_two_processes_at_once_agree_on_the_person(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    async with open_folder(folder, clock=FakeClock(), ids=SequentialIds("z")) as other:
        here, there = talk.message(), talk.message(at=address_of(chat="grupo"))
        one, two = await asyncio.gather(
            stores.people.meet(here, history=0, now=talk.clock.now()), other.people.meet(there, history=0, now=talk.clock.now())
        )
    identity = found(folder.database, "SELECT person_id FROM identities")
    assert identity == [(one.person.id,)]
    assert one.person.id == two.person.id


async def test_a_cancelled_first_sight_leaves_nothing_locked(stores: Stores, talk: Talk) -> None:
    message = talk.message()
    meeting = asyncio.create_task(stores.people.meet(message, history=0, now=talk.clock.now()))
    await asyncio.sleep(0)
    meeting.cancel()
    await asyncio.wait([meeting])
    async with asyncio.timeout(5):
        context = await stores.people.meet(message, history=0, now=talk.clock.now())
    assert context.is_first


async def test_users_of_two_channels_with_one_name_are_two_people(stores: Stores, talk: Talk) -> None:
    telegram = await talk.say()
    assert await stores.people.person_of(ChannelName.TELEGRAM, "ana") == telegram.context.person.id
    assert await stores.people.person_of(ChannelName.DISCORD, "ana") is None


async def test_an_address_is_found_and_its_person_known(stores: Stores, talk: Talk) -> None:
    said = await talk.say()
    assert await stores.people.address_id(said.message.address) == said.context.address_id
    assert await stores.people.address_id(address_of("luis")) is None
    assert await stores.people.exists(said.context.person.id)


async def test_writing_again_opens_a_closed_chat(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    message = talk.message()
    said = await talk.answer(message, (await talk.accept(message)).id)
    await stores.outbox.closed(said.outgoing, talk.clock.now())
    assert found(folder.database, "SELECT closed_at IS NULL FROM addresses") == [(0,)]
    await talk.say()
    assert found(folder.database, "SELECT closed_at IS NULL FROM addresses") == [(1,)]
