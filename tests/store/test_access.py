"""Whom pairing codes let in."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from bot.channel_types import CodeKind
from bot.store.access import KEPT_FOR, StoredAdmissions
from bot.store.db import Unit
from bot.store.open import Stores
from bot.store.writes import steps_of
from bot.types import ChannelName
from bot.writes import AddCode, UseCode
from tests.fakes import FakeClock, SequentialIds
from tests.store.tables import found
from tests.talk import Talk, address_of

TELEGRAM = ChannelName.TELEGRAM
DAY = timedelta(hours=24)


async def add(stores: Stores, clock: FakeClock, code: str = "hash", kind: CodeKind = CodeKind.PAIR) -> None:
    """Commit a code that is good for a day."""
    write = AddCode(hash=code, kind=kind, expires_at=clock.now() + DAY)
    await stores.database.commit(Unit(*steps_of([write], clock.now(), SequentialIds())))


async def admit(stores: Stores, clock: FakeClock, code: str = "hash", user: str = "7") -> bool:
    return await StoredAdmissions(stores.database).admit(code, TELEGRAM, user, f"by {user}", clock.now())


async def is_in(stores: Stores, user: str = "7", channel: ChannelName = TELEGRAM) -> bool:
    return await StoredAdmissions(stores.database).is_admitted(channel, user)


async def test_a_code_lets_one_user_in_on_one_channel(stores: Stores, clock: FakeClock) -> None:
    await add(stores, clock)
    assert not await is_in(stores)
    assert await admit(stores, clock)
    assert await is_in(stores)
    assert not await is_in(stores, channel=ChannelName.DISCORD)
    assert not await admit(stores, clock, user="8")
    assert not await is_in(stores, user="8")


async def test_the_one_who_used_it_may_send_it_again(stores: Stores, clock: FakeClock) -> None:
    await add(stores, clock)
    assert [await admit(stores, clock) for _ in range(3)] == [True] * 3


async def test_of_many_who_send_it_at_once_one_gets_in(stores: Stores, clock: FakeClock) -> None:
    await add(stores, clock)
    let_in = await asyncio.gather(*(admit(stores, clock, user=str(number)) for number in range(20)))
    assert sum(let_in) == 1
    assert sum([await is_in(stores, user=str(number)) for number in range(20)]) == 1


async def test_old_used_unknown_and_other_codes_let_nobody_in(stores: Stores, clock: FakeClock) -> None:
    await add(stores, clock, "link", CodeKind.LINK)
    await add(stores, clock, "used")
    await add(stores, clock, "old")
    used = UseCode(hash="used", by="somebody")
    await stores.database.commit(Unit(*steps_of([used], clock.now(), SequentialIds())))
    assert not await admit(stores, clock, "link")
    assert not await admit(stores, clock, "used")
    assert not await admit(stores, clock, "unknown")
    clock.advance(days=1)
    assert not await admit(stores, clock, "old")
    assert not await is_in(stores)


async def test_codes_that_ended_long_ago_go_when_another_is_used(stores: Stores, clock: FakeClock, database_path: Path) -> None:
    await add(stores, clock, "old")
    clock.advance(days=KEPT_FOR.days + 2)
    await add(stores, clock, "new")
    await admit(stores, clock, "new")
    assert found(database_path, "select hash from codes") == [("new",)]


async def test_an_admission_is_exported_and_goes_with_its_person(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    await add(stores, clock)
    await admit(stores, clock, user="ana")
    said = await talk.say(at=address_of("ana"))
    person = said.context.person.id
    (owner,) = (one for one in stores.personal if one.name == "person")
    assert "ana" in str(await owner.export(person))
    await stores.erasure.forget_person(person)
    assert not await is_in(stores, user="ana")
    assert not await admit(stores, clock, user="ana"), "who comes back needs a new code"
