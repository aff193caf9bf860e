"""What is kept for admins: a log that only grows, whom they keep out, and what everybody is told."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.admin_types import TERMINAL, AuditEntry, Told
from bot.errors import StoreConflict
from bot.store import admins, crowd
from bot.store.admins import SAID_FOR
from bot.store.db import Statement, Unit
from bot.store.folder import DataFolder
from bot.store.open import Stores, open_folder
from bot.store.writes import steps_of
from bot.system import TimeOrderedIds
from bot.types import Address, AddressId, ChannelName, PersonId
from bot.writes import AddAudit, AddBroadcast, DecideTraining, LabelTraining, SetBlock, Write
from tests.fakes import FakeClock, SequentialIds
from tests.store.tables import change, found
from tests.talk import Said, Talk, address_of

DEED = AddAudit(id="t1", channel="telegram", user="1", action="block", subject="abcd1234", result="done")


async def written(stores: Stores, clock: FakeClock, *writes: Write) -> None:
    """What a turn's outcome would write."""
    await stores.database.commit(Unit(*steps_of(writes, clock.now(), TimeOrderedIds())))


# --- the audit log ---


async def test_what_was_done_is_shown_newest_first(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    said = await talk.say(writes=[DEED])
    clock.advance(60)
    later = AuditEntry(id="t2", at=clock.now(), channel=TERMINAL, user="", action="queue", subject="cohort", result="approved")
    deed = AddAudit(id="t2", channel=TERMINAL, user="", action="queue", subject="cohort", result="approved")
    await written(stores, clock, deed)
    newest, first = await stores.audit.recent(9)
    assert newest == later
    assert (first.id, first.user, first.subject, first.at) == ("t1", "1", "abcd1234", said.record.answered_at)
    assert list(await stores.audit.recent(1)) == [later]


async def test_a_turn_that_is_answered_twice_is_noted_once(stores: Stores, clock: FakeClock) -> None:
    await written(stores, clock, DEED)
    clock.advance(60)
    await written(stores, clock, replace(DEED, result="something else"))
    (entry,) = await stores.audit.recent(9)
    assert (entry.result, entry.at) == ("done", clock.now() - timedelta(seconds=60))


@pytest.mark.parametrize(
    "sql", ["UPDATE audit SET result = 'refused'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 't1'"]
)
async def test_the_file_itself_refuses_to_change_what_was_noted(
    stores: Stores, clock: FakeClock, folder: DataFolder, sql: str
) -> None:
    await written(stores, clock, DEED)
    with pytest.raises(sqlite3.IntegrityError, match="only grows"):
        change(folder.database, sql)
    assert found(folder.database, "SELECT id, result FROM audit") == [("t1", "done")]


async def test_an_entry_cannot_be_replaced(stores: Stores, clock: FakeClock, folder: DataFolder) -> None:
    await written(stores, clock, DEED)
    change(folder.database, "INSERT OR REPLACE INTO audit VALUES ('t1', 0, 'web', '2', 'users', '', 'refused')")
    change(folder.database, "INSERT INTO audit VALUES ('t3', 0, 'web', '2', 'users', '', 'done')")
    assert found(folder.database, "SELECT id, action FROM audit ORDER BY id") == [("t1", "block"), ("t3", "users")]


# --- whom admins keep out ---


async def test_a_block_counts_as_soon_as_its_turn_is_written_and_until_it_is_taken_back(
    stores: Stores, talk: Talk, clock: FakeClock
) -> None:
    assert not await stores.blocks.is_blocked("x")
    await talk.say(writes=[SetBlock(hash="x", is_blocked=True)])
    assert await stores.blocks.is_blocked("x")
    assert not await stores.blocks.is_blocked("y")
    await written(stores, clock, SetBlock(hash="x", is_blocked=True), SetBlock(hash="y", is_blocked=True))
    assert await stores.blocks.all() == {"x", "y"}
    await talk.say(writes=[SetBlock(hash="x", is_blocked=False), SetBlock(hash="nobody", is_blocked=False)])
    assert await stores.blocks.all() == {"y"}


async def test_whoever_is_kept_out_stays_out_after_a_restart(stores: Stores, clock: FakeClock, folder: DataFolder) -> None:
    await written(stores, clock, SetBlock(hash="x", is_blocked=True))
    async with open_folder(folder, clock=clock, ids=SequentialIds("r")) as again:
        assert await again.blocks.is_blocked("x")


async def test_it_is_read_once_until_it_is_written(folder: DataFolder, clock: FakeClock) -> None:
    calls: list[str] = []
    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=calls.append) as stores:
        for number in range(50):
            assert not await stores.blocks.is_blocked(str(number))
        await written(stores, clock, DEED)
        assert not await stores.blocks.is_blocked("x")
        assert calls.count("all blocks") == 1


class Slow:
    """Holds back the first look at the blocks until it is let go."""

    def __init__(self) -> None:
        self.began, self.goes_on = threading.Event(), threading.Event()

    def __call__(self, name: str) -> None:
        if name == "all blocks" and not self.began.is_set():
            self.began.set()
            assert self.goes_on.wait(10)


async def test_a_slow_look_from_before_a_block_does_not_hide_it(folder: DataFolder, clock: FakeClock) -> None:
    slow = Slow()
    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=slow) as stores:
        looking = asyncio.create_task(stores.blocks.all())
        assert await asyncio.to_thread(slow.began.wait, 10)
        await written(stores, clock, SetBlock(hash="x", is_blocked=True))
        assert await stores.blocks.is_blocked("x")
        slow.goes_on.set()
        await looking
        assert await stores.blocks.is_blocked("x")


# --- training ---


async def test_a_label_is_kept_for_a_row_that_is_there_and_for_no_other(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    said = await talk.say()
    await stores.training.add_rows([("r1", said.context.person.id, said.id)], clock.now().date())
    await written(stores, clock, LabelTraining(row="r1", intent="question", topic="birds"))
    await written(stores, clock, LabelTraining(row="gone", intent="question"))
    await written(stores, clock, LabelTraining(row="r1", intent="chat"))
    assert await stores.training.labels() == {"r1": ("chat", "")}


async def test_the_last_decision_counts(stores: Stores, clock: FakeClock) -> None:
    await written(stores, clock, DecideTraining(subject="cohort", is_approved=True))
    await written(stores, clock, DecideTraining(subject="cohort", is_approved=False))
    assert await stores.training.decisions() == {"cohort": False}


# --- messages to everybody ---


def at(user: str, channel: ChannelName = ChannelName.TELEGRAM, chat: str = "") -> Address:
    return replace(address_of(user, chat), channel=channel)


async def linked(talk: Talk, folder: DataFolder, said: Said, other: Said) -> None:
    """Make the person of `other` the one of `said`, as `/link` does."""
    person, gone = said.context.person.id, other.context.person.id
    tables = ("identities", "addresses", "turns", "usage")
    change(
        folder.database, *(f"UPDATE OR REPLACE {one} SET person_id = '{person}' WHERE person_id = '{gone}'" for one in tables)
    )
    change(folder.database, f"DELETE FROM people WHERE id = '{gone}'")


async def told(stores: Stores) -> list[Told]:
    """Everybody who is to be told something, page by page."""
    pages: list[Told] = []
    while page := await stores.broadcasts.page(pages[-1].person if pages else ""):
        pages += page
    return pages


async def test_everybody_is_told_where_they_were_last(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    ana, luis = await talk.say(at=at("ana")), await talk.say(at=at("luis"))
    elsewhere = await talk.say(at=at("ana7", ChannelName.DISCORD))
    await linked(talk, folder, ana, elsewhere)
    (first, second) = await told(stores)
    assert (first.person, first.address) == (ana.context.person.id, elsewhere.context.address_id)
    assert set(first.users) == {(ChannelName.TELEGRAM, "ana"), (ChannelName.DISCORD, "ana7")}
    assert second == Told(
        person=luis.context.person.id, address=luis.context.address_id, users=((ChannelName.TELEGRAM, "luis"),)
    )
    await talk.say(at=at("ana"))
    assert (await told(stores))[0].address == ana.context.address_id
    assert await stores.broadcasts.reach() == 2


async def test_where_nobody_can_be_written_to_unasked_nobody_is(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    await talk.say(at=at("page", ChannelName.WEB))
    await talk.say(at=at("console", ChannelName.CONSOLE))
    await talk.say(at=at("in a group", chat="a group"))
    message = talk.message(at=at("closed"))
    closed = await talk.answer(message, (await talk.accept(message)).id)
    await stores.outbox.closed(closed.outgoing, clock.now())
    assert (await told(stores), await stores.broadcasts.reach()) == ([], 0)
    back = await talk.say(at=at("closed"))
    assert [one.person for one in await told(stores)] == [back.context.person.id]
    assert await stores.broadcasts.reach() == 1


async def test_whose_last_chat_is_closed_is_told_in_the_one_before(
    stores: Stores, talk: Talk, folder: DataFolder, clock: FakeClock
) -> None:
    ana = await talk.say(at=at("ana"))
    message = talk.message(at=at("ana7", ChannelName.DISCORD))
    elsewhere = await talk.answer(message, (await talk.accept(message)).id)
    await linked(talk, folder, ana, elsewhere)
    assert [one.address for one in await told(stores)] == [elsewhere.context.address_id]
    await stores.outbox.closed(elsewhere.outgoing, clock.now())
    assert [one.address for one in await told(stores)] == [ana.context.address_id]


async def test_figures_say_for_how_many_it_is_and_to_how_many_it_has_gone(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    for user in ("ana", "luis", "eva"):
        await talk.say(at=at(user))
    await written(stores, clock, AddBroadcast(id="b1", text="hola a todos"))
    (open_,) = await stores.broadcasts.recent(9)
    assert (open_.id, open_.text, open_.at, open_.people, open_.sent, open_.is_spread) == (
        *("b1", "hola a todos", clock.now()),
        *(0, 0, False),
    )
    first, *others = await told(stores)
    await stores.broadcasts.spread("b1", first.person, [first], is_last=False)
    assert list(await stores.broadcasts.open()) == [("b1", first.person)]
    await stores.broadcasts.spread("b1", others[-1].person, others, is_last=False)
    await stores.broadcasts.spread("b1", others[-1].person, (), is_last=True)
    due = await stores.due.due(clock.now(), 9)
    assert [(one.kind, one.person.id) for one in due] == [("broadcast.b1", one.person) for one in (first, *others)]
    await stores.due.release(due[0], None, [], clock.now())
    (spread,) = await stores.broadcasts.recent(9)
    assert (spread.people, spread.sent, spread.is_spread) == (3, 1, True)
    assert list(await stores.broadcasts.open()) == []
    clock.advance(1)
    await written(stores, clock, AddBroadcast(id="b2", text="otra"))
    assert [(one.id, one.sent) for one in await stores.broadcasts.recent(9)] == [("b2", 0), ("b1", 1)]
    assert [one.id for one in await stores.broadcasts.recent(1)] == ["b2"]


async def test_a_message_that_is_written_twice_is_there_once(stores: Stores, clock: FakeClock) -> None:
    await written(stores, clock, AddBroadcast(id="b1", text="hola"))
    await stores.broadcasts.spread("b1", "p7", (), is_last=False)
    await written(stores, clock, AddBroadcast(id="b1", text="hola"))
    assert list(await stores.broadcasts.open()) == [("b1", "p7")]


async def test_what_is_too_old_is_not_said_any_more(stores: Stores, clock: FakeClock) -> None:
    await written(stores, clock, AddBroadcast(id="b1", text="hola"))
    clock.advance((SAID_FOR - timedelta(seconds=1)).total_seconds())
    assert await stores.broadcasts.text("b1") == "hola"
    clock.advance(1)
    assert await stores.broadcasts.text("b1") is None
    assert await stores.broadcasts.text("nothing") is None


async def test_who_is_forgotten_meanwhile_takes_the_page_back(stores: Stores, talk: Talk, clock: FakeClock) -> None:
    await talk.say(at=at("ana"))
    await written(stores, clock, AddBroadcast(id="b1", text="hola"))
    page = await told(stores)
    gone = Told(person=PersonId("gone"), address=AddressId("gone"), users=())
    with pytest.raises(StoreConflict):
        await stores.broadcasts.spread("b1", "zzz", [*page, gone], is_last=False)
    assert list(await stores.broadcasts.open()) == [("b1", "")]
    assert list(await stores.due.due(clock.now(), 9)) == []


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        (admins._PAGE, {"after": ""}),
        (admins._REACH, {}),
        (crowd._NEWEST, {"most": 20}),
        (crowd._TAGGED, {"tag": "abcdefgh"}),
        (crowd._BEHIND, {"channel": "telegram", "user": "7"}),
    ],
    ids=lambda one: one.name if isinstance(one, Statement) else "",
)
def test_no_look_at_people_goes_through_all_turns(folder: DataFolder, statement: Statement, values: dict[str, object]) -> None:
    plan = [detail for *_, detail in found(folder.database, f"EXPLAIN QUERY PLAN {statement.sql}", *statement.encode(values))]
    assert [step for step in plan if step.startswith(("SEARCH", "SCAN"))]
    assert [step for step in plan if step.startswith("SCAN turns")] == []
