"""People who link their places and separate them again, over the real store and through the real chores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.channel_types import CodeKind
from bot.jobs.link import Forget, LinkJobs
from bot.jobs.runner import RETRY_S, Chores
from bot.ports import Clock, Ids
from bot.store.db import Database
from bot.store.folder import DataFolder
from bot.store.linking import StoredLinks
from bot.store.open import Stores
from bot.types import Address, ChannelName, PersonId
from bot.writes import AddCode, AddJob, UseCode
from tests.store.tables import change
from tests.store.test_personal import canaries, live
from tests.talk import Talk, address_of

ANA, LUIS = address_of("user-ana"), address_of("user-luis")
HERE = address_of("here")
THERE = Address(channel=ChannelName.DISCORD, chat="chat of there", user="there")
THIRD = Address(channel=ChannelName.WEB, chat="chat of third", user="third")


@dataclass
class Linked:
    """Asks for links as the handlers do, and runs the chores behind them."""

    stores: Stores
    talk: Talk
    clock: Clock
    ids: Ids
    caches: Sequence[Forget] = ()
    database: Database | None = None
    emptied: list[PersonId] = field(default_factory=list)
    made: int = 0

    def __post_init__(self) -> None:
        self.links = StoredLinks(self.database or self.stores.database, self.ids)
        self.jobs = LinkJobs(self.links, caches=self.caches, index=self._emptied, clock=self.clock, looks=3, look_s=0.001)
        run = {"link": self.jobs.link, "unlink": self.jobs.unlink}
        self.chores = Chores(jobs=self.stores.jobs, run=run, clock=self.clock)

    async def person(self, at: Address) -> PersonId:
        """Whose place this is."""
        person = await self.stores.people.person_of(at.channel, at.user)
        assert person is not None
        return person

    async def ask_to_link(self, kept: Address, gone: Address) -> None:
        """A code from the place `kept` is entered and confirmed in the place `gone`."""
        self.made += 1
        code, until = f"code {self.made}", self.clock.now() + timedelta(minutes=10)
        mine = await self.person(kept)
        given = AddCode(hash=code, kind=CodeKind.LINK, expires_at=until, person_id=mine)
        await self.talk.say("/link", at=kept, writes=[given])
        other = await self.person(gone)
        used = UseCode(hash=code, by=other)
        await self.talk.say("a", at=gone, writes=[used, AddJob(kind="link", person_id=other)])

    async def ask_to_unlink(self, at: Address) -> None:
        """Separation is confirmed in a place."""
        message = self.talk.message("a", at=at)
        stored = await self.talk.accept(message)
        job = AddJob(kind="unlink", person_id=await self.person(at), after_turn=stored.id)
        said = await self.talk.answer(message, stored.id, writes=[job])
        await self.stores.outbox.sent(said.outgoing, [], self.clock.now())

    async def link(self, kept: Address, gone: Address) -> PersonId:
        """The one person of the two places."""
        await self.ask_to_link(kept, gone)
        await self.run()
        return await self.person(gone)

    async def unlink(self, at: Address) -> PersonId:
        """The person of the place that was separated."""
        await self.ask_to_unlink(at)
        await self.run()
        return await self.person(at)

    async def run(self) -> None:
        """Run all chores; none may fail."""
        assert await self.chores.run_free() != RETRY_S

    async def _emptied(self, person: PersonId) -> None:
        self.emptied.append(person)


async def two_lives(talk: Talk, folder: DataFolder) -> tuple[PersonId, PersonId]:
    """Two people with rows in every table; the chore by which each life ends is taken back."""
    ana, luis = await live(talk, "ana"), await live(talk, "luis")
    change(folder.database, "DELETE FROM jobs")
    await answer_all(talk)
    return ana, luis


async def answer_all(talk: Talk) -> None:
    """Nothing that came in is left without an end."""
    stores = talk.stores
    assert isinstance(stores, Stores)
    for row in await stores.inbox.unfinished():
        await stores.turns.absorb(row.id, (), talk.clock.now())


async def exported(stores: Stores, person: PersonId) -> str:
    return json.dumps([await owner.export(person) for owner in stores.personal], ensure_ascii=False)


async def missing(stores: Stores, person: PersonId, *canary: str) -> list[str]:
    """What a person's export lacks of these lives."""
    text = await exported(stores, person)
    return [word for one in canary for word in canaries(one) if word not in text]
