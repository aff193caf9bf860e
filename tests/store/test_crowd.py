"""The people of a bot as its admins see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.store.crowd import TAG
from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.types import ChannelName, PersonId
from tests.fakes import NOON, FakeClock
from tests.store.tables import change
from tests.talk import Talk, address_of


async def test_an_empty_bot_has_nobody(stores: Stores) -> None:
    assert await stores.crowd.count() == 0
    assert list(await stores.crowd.newest(9)) == []
    assert await stores.crowd.user(ChannelName.TELEGRAM, "ana") is None


async def test_whoever_was_heard_of_last_comes_first(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    people = {}
    for user in ("ana", "luis", "eva"):
        people[user] = (await talk.say(f"secret of {user}", at=address_of(user))).context.person.id
        clock.advance(60)
    heard = await talk.say("secret again", at=address_of("ana"))
    first, *others = await stores.crowd.newest(9)
    assert [one.id for one in (first, *others)] == [people["ana"], people["eva"], people["luis"]]
    assert (first.tag, first.users) == (people["ana"][-TAG:], ((ChannelName.TELEGRAM, "ana"),))
    assert (first.since, first.last_at, first.turns) == (NOON, heard.record.answered_at, 2)
    assert [one.turns for one in others] == [1, 1]
    assert [one.id for one in await stores.crowd.newest(2)] == [people["ana"], people["eva"]]
    assert await stores.crowd.count() == 3
    assert "secret" not in repr((first, *others))


async def test_who_has_said_nothing_that_is_kept_comes_last(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    await talk.say()
    change(
        folder.database,
        "INSERT INTO people (id, language, created_at, remembers) VALUES ('zzzz-quiet', 'es', 0, 1)",
        "INSERT INTO identities VALUES ('discord', '7', 'zzzz-quiet', 0)",
        "INSERT INTO identities VALUES ('telegram', '8', 'zzzz-quiet', 0)",
    )
    _, quiet = await stores.crowd.newest(9)
    assert (quiet.id, quiet.last_at, quiet.turns) == ("zzzz-quiet", None, 0)
    assert set(quiet.users) == {(ChannelName.DISCORD, "7"), (ChannelName.TELEGRAM, "8")}


async def test_the_end_of_an_id_stands_for_its_person(stores: Stores, talk: Talk) -> None:
    ana, luis = (await talk.say(at=address_of("ana"))).context, (await talk.say(at=address_of("luis"))).context
    for person in (ana.person.id, luis.person.id):
        by_tag, by_id = await stores.crowd.tagged(person[-TAG:]), await stores.crowd.tagged(person.upper())
        assert by_tag is not None and by_id is not None
        assert by_tag.id == by_id.id == person


@pytest.mark.parametrize("tag", ["", "1", "0000000", "%%%%%%%%", "________", "00000000%", "ñandúñandú", "' OR 1=1"])
async def test_what_is_no_end_of_an_id_stands_for_nobody(stores: Stores, talk: Talk, tag: str) -> None:
    await talk.say()
    assert await stores.crowd.tagged(tag) is None


async def test_an_end_that_two_share_stands_for_neither(stores: Stores, folder: DataFolder) -> None:
    for id in ("first-abcdefgh", "other-abcdefgh"):
        change(folder.database, f"INSERT INTO people (id, language, created_at, remembers) VALUES ('{id}', 'es', 0, 1)")
    assert await stores.crowd.tagged("abcdefgh") is None
    longer = await stores.crowd.tagged("zabcdefgh")
    assert longer is None
    assert (await stores.crowd.newest(9))[0].id == "other-abcdefgh"


async def test_somebody_is_found_by_the_user_that_they_are(stores: Stores, talk: Talk) -> None:
    telegram = await talk.say(at=address_of("7"))
    discord = await talk.say(at=replace(address_of("7"), channel=ChannelName.DISCORD))
    on_telegram = await stores.crowd.user(ChannelName.TELEGRAM, "7")
    on_discord = await stores.crowd.user(ChannelName.DISCORD, "7")
    assert on_telegram is not None and on_discord is not None
    assert (on_telegram.id, on_discord.id) == (telegram.context.person.id, discord.context.person.id)
    assert await stores.crowd.user(ChannelName.WEB, "7") is None
    assert await stores.crowd.user(ChannelName.TELEGRAM, "07") is None


async def test_who_is_forgotten_is_not_shown(stores: Stores, talk: Talk) -> None:
    said = await talk.say(at=address_of("ana"))
    await stores.erasure.forget_person(PersonId(said.context.person.id))
    assert await stores.crowd.count() == 0
    assert await stores.crowd.tagged(said.context.person.id) is None
