"""A message to everybody over a real store: everybody once, whatever happens in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

import pytest

from bot.admin_types import BROADCAST, Told
from bot.codes import block_hash
from bot.errors import StoreBusy
from bot.job_types import Job
from bot.jobs.broadcast import BroadcastJob
from bot.jobs.runner import Chores, DueMessages
from bot.ports import Preview
from bot.store.admins import PAGE
from bot.store.db import Unit
from bot.store.open import Stores
from bot.store.writes import steps_of
from bot.system import SystemClock, TimeOrderedIds
from bot.types import ChannelName, DueMessage, Outcome, Outgoing, PersonId, Reply, Turn
from bot.writes import AddBroadcast, AddJob, SetBlock, Write
from tests.house import Doing, House, house, text
from tests.store.tables import change

MANY = 2 * PAGE + 50
JOB = Job(id="j", kind="broadcast", person_id=PersonId("admin"), attempts=1)


class LaterClock(SystemClock):
    """A minute ahead, so that all that was asked for is due."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(minutes=1)


def keyed(said: str) -> bytes:
    return blake2b(said.encode(), digest_size=16, key=b"secret").digest()


def acts(turn: Turn, preview: Preview) -> Outcome:
    writes: tuple[Write, ...] = (
        AddBroadcast(id=turn.id, text="hola a todos"),
        AddJob(kind="broadcast", person_id=turn.person.id, after_turn=turn.id),
    )
    return Outcome(reply=Reply(text="ok"), writes=writes if turn.message.text == "tell everybody" else ())


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path, [Doing(acts)]) as built:
        yield built


async def people(here: House, count: int, *, first: int = 0) -> list[str]:
    """So many people on Telegram who are known as a number, in the order of their ids."""
    numbers = range(first, first + count)
    await asyncio.to_thread(change, here.stores.database.path, *(sql for number in numbers for sql in _somebody(number)))
    return [f"p{number:05}" for number in numbers]


def _somebody(number: int) -> Iterable[str]:
    person = f"p{number:05}"
    yield f"INSERT INTO people (id, language, created_at, remembers) VALUES ('{person}', 'es', 0, 1)"
    yield f"INSERT INTO identities VALUES ('telegram', '{number}', '{person}', 0)"
    yield f"INSERT INTO addresses VALUES ('a{number}', 'telegram', '{number}', '{number}', '', '{person}', 1, 'c', NULL, 0)"


async def written(stores: Stores, *writes: Write) -> None:
    await stores.database.commit(Unit(*steps_of(writes, datetime.now(UTC), TimeOrderedIds())))


async def due_people(here: House) -> list[str]:
    """Whoever is to be told something, as often as they are, in order."""
    rows = await here.rows("SELECT person_id FROM due_messages ORDER BY person_id")
    return [str(person) for (person,) in rows]


def job(here: House, broadcasts: Dying | None = None) -> BroadcastJob:
    async def keeps_out(channel: ChannelName, user: str) -> bool:
        return await here.stores.blocks.is_blocked(block_hash(keyed, channel, user))

    return BroadcastJob(broadcasts or here.stores.broadcasts, keeps_out)


class Dying:
    """The broadcasts of a store, until the bot is killed before or after the spreading of a page."""

    def __init__(self, stores: Stores, *, pages: int, after: bool) -> None:
        self._real, self._left, self._after = stores.broadcasts, pages, after

    async def open(self) -> Sequence[tuple[str, str]]:
        return await self._real.open()

    async def page(self, after: str) -> Sequence[Told]:
        return await self._real.page(after)

    async def spread(self, id: str, upto: str, to: Sequence[Told], *, is_last: bool) -> None:
        self._left -= 1
        if self._left < 0 and not self._after:
            raise KeyboardInterrupt
        await self._real.spread(id, upto, to, is_last=is_last)
        if self._left < 0:
            raise KeyboardInterrupt


async def everybody(channel: ChannelName, user: str) -> bool:
    return True


async def test_everybody_is_told_once_however_many_pages_they_fill(here: House) -> None:
    known = await people(here, MANY)
    await written(here.stores, AddBroadcast(id="b1", text="hola"))
    await job(here).run(JOB)
    assert await due_people(here) == known
    await job(here).run(JOB)
    assert await due_people(here) == known, "the chore that is tried again finds nothing open"
    (told,) = await here.stores.broadcasts.recent(1)
    assert (told.people, told.sent, told.is_spread) == (MANY, 0, True)


@pytest.mark.parametrize("pages", [0, 1, 3])
@pytest.mark.parametrize("after", [False, True])
async def test_killed_between_pages_it_goes_on_where_it_was(here: House, pages: int, *, after: bool) -> None:
    known = await people(here, MANY)
    await written(here.stores, AddBroadcast(id="b1", text="hola"))
    with pytest.raises(KeyboardInterrupt):
        await job(here, Dying(here.stores, pages=pages, after=after)).run(JOB)
    halfway = await due_people(here)
    assert halfway == known[: (pages + after) * PAGE]
    await job(here).run(JOB)
    assert await due_people(here) == known
    (told,) = await here.stores.broadcasts.recent(1)
    assert (told.people, told.is_spread) == (MANY, True)


async def test_who_comes_meanwhile_is_told_and_who_goes_is_not(here: House) -> None:
    known = await people(here, MANY)
    await written(here.stores, AddBroadcast(id="b1", text="hola"))
    with pytest.raises(KeyboardInterrupt):
        await job(here, Dying(here.stores, pages=1, after=False)).run(JOB)
    await here.stores.erasure.forget_person(PersonId(known[0]))
    await here.stores.erasure.forget_person(PersonId(known[-1]))
    fresh = await people(here, 2, first=MANY)
    await job(here).run(JOB)
    assert await due_people(here) == [*known[1:-1], *fresh]


async def test_whoever_is_kept_out_is_told_nothing_wherever_they_are(here: House) -> None:
    known = await people(here, 3)
    await asyncio.to_thread(change, here.stores.database.path, "INSERT INTO identities VALUES ('discord', '77', 'p00001', 0)")
    kept_out = block_hash(keyed, ChannelName.DISCORD, "77")
    await written(here.stores, SetBlock(hash=kept_out, is_blocked=True), AddBroadcast(id="b1", text="hola"))
    await job(here).run(JOB)
    assert await due_people(here) == [known[0], known[2]]
    (told,) = await here.stores.broadcasts.recent(1)
    assert told.people == 2
    await written(here.stores, AddBroadcast(id="b2", text="otra"), SetBlock(hash=kept_out, is_blocked=False))
    await job(here).run(JOB)
    assert Counter(await due_people(here)) == {known[0]: 2, known[1]: 1, known[2]: 2}


async def test_two_messages_are_both_said_and_each_once(here: House) -> None:
    await people(here, 2)
    await written(here.stores, AddBroadcast(id="b1", text="hola"), AddBroadcast(id="b2", text="otra"))
    await job(here).run(JOB)
    rows = await here.rows("SELECT kind, person_id FROM due_messages ORDER BY 1, 2")
    assert rows == [(f"{BROADCAST}.{id}", person) for id in ("b1", "b2") for person in ("p00000", "p00001")]


async def test_where_there_is_nobody_it_ends_at_once(here: House) -> None:
    await written(here.stores, AddBroadcast(id="b1", text="hola"))
    await job(here).run(JOB)
    (told,) = await here.stores.broadcasts.recent(1)
    assert (told.people, told.is_spread) == (0, True)


class Saying(Doing):
    """Words what everybody is told, as the product does."""

    due_kinds = frozenset({BROADCAST})

    async def word(self, due: DueMessage) -> Outcome:
        return Outcome(reply=Reply(text=f"for {due.person.id}"))


async def test_from_the_admins_turn_to_everybodys_outbox(here: House) -> None:
    known = await people(here, PAGE + 5)
    fails = [True]

    async def spread(job_: Job) -> None:
        if fails:
            fails.clear()
            raise StoreBusy("not now")
        await job(here).run(job_)

    await here.door.receive([text("tell everybody")])
    await here.settled()
    clock = LaterClock()
    chores = Chores(jobs=here.stores.jobs, run={"broadcast": spread}, clock=clock)
    await chores.run_free()
    assert await due_people(here) == []
    await chores.run_free()
    handler, said = Saying(acts), list[Outgoing]()
    due = DueMessages(due=here.stores.due, handler=lambda _: handler, deliver=said.append, clock=clock, may_be_told=everybody)
    while await due.check():
        pass
    admin = next(iter(set(await due_people(here)) - set(known)))
    assert sorted(one.reply.text for one in said) == sorted(f"for {person}" for person in (*known, admin))
    (told,) = await here.stores.broadcasts.recent(1)
    assert (told.people, told.sent) == (len(known) + 1, len(known) + 1)
