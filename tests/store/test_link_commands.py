"""`/link` and `/unlink` as two people's places use them, from the code to the one person, over the real store."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from bot.commands import parse_command
from bot.ports import Services, TurnRecord
from bot.store.folder import DataFolder
from bot.store.open import Stores
from bot.types import Address, Kind, OutboxId, Outcome, Outgoing, OutgoingKind, Turn, TurnStatus
from handlers.linking import LinkHandler, UnlinkHandler
from tests.fakes import FakeClock, SequentialIds
from tests.handlers.fake_desk import FakeBlocks
from tests.handlers.fakes import FakePreview, said, services
from tests.linked import HERE, THERE, Linked
from tests.store.tables import files_with
from tests.talk import Talk


@dataclass
class Commands:
    """Two handlers, and everything that a message passes through on its way to one of them and back."""

    talk: Talk
    handlers: Sequence[LinkHandler | UnlinkHandler]

    async def say(self, text: str, at: Address) -> Outcome:
        """What is decided about a message, once it is stored and delivered."""
        name, arguments = parse_command(text) or ("", "")
        message = self.talk.message(text, kind=Kind.COMMAND if name else Kind.TEXT, at=at)
        stored = await self.talk.accept(message)
        now = self.talk.clock.now()
        context = await self.talk.stores.people.meet(message, history=0, now=now)
        turn = Turn(
            id=stored.id,
            message=message,
            person=context.person,
            address_id=context.address_id,
            conversation_id=context.conversation_id,
            language="en",
            spoken="en",
            command=name,
            arguments=arguments,
            awaiting=context.awaiting,
        )
        (handler,) = [one for one in self.handlers if one.matches(turn)]
        outcome = await handler.handle(turn, FakePreview())
        assert outcome.reply is not None
        outgoing = Outgoing(
            id=OutboxId(turn.id),
            kind=OutgoingKind.REPLY,
            address=at,
            reply=outcome.reply,
            nonce=turn.id,
            turn_id=turn.id,
            event_id=message.event_id,
        )
        record = TurnRecord(
            turn=turn,
            handler=handler.name,
            status=TurnStatus.ANSWERED,
            outcome=outcome,
            answered_at=now,
            outgoing=outgoing,
        )
        await self.talk.stores.turns.commit(record)
        await self.talk.stores.outbox.sent(outgoing, [], now)
        return outcome


@pytest.fixture
def linked(stores: Stores, talk: Talk, clock: FakeClock) -> Linked:
    return Linked(stores, talk, clock, SequentialIds("t"))


@pytest.fixture
def commands(talk: Talk, linked: Linked, clock: FakeClock) -> Commands:
    using: Services = replace(services(), clock=clock)
    return Commands(talk, (LinkHandler(using, linked.links, FakeBlocks()), UnlinkHandler(linked.links)))


async def test_a_code_joins_two_places_and_stands_in_no_file(
    stores: Stores, folder: DataFolder, commands: Commands, linked: Linked
) -> None:
    given = await commands.say("/link", HERE)
    found = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", said(given))
    assert found is not None
    code = found.group()
    await commands.say(f"/vincular {code.lower()}", THERE)
    assert "/unlink" in said(await commands.say("Yes, join them", THERE))
    await linked.run()
    assert await linked.person(HERE) == await linked.person(THERE)
    await stores.database.checkpoint()
    assert files_with(folder.path, code, code.lower(), code.replace("-", ""), code.replace("-", "").lower()) == []
    assert "does not work" in said(await commands.say(f"/link {code}", THERE))

    await commands.say("/desvincular", HERE)
    await commands.say("a", HERE)
    await linked.run()
    assert await linked.person(HERE) != await linked.person(THERE)
    assert "nothing to separate" in said(await commands.say("/unlink", THERE))


async def test_a_code_is_good_for_ten_minutes_and_not_for_whoever_made_it(commands: Commands, clock: FakeClock) -> None:
    found = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", said(await commands.say("/link", HERE)))
    assert found is not None
    assert "of your own" in said(await commands.say(f"/link {found.group()}", HERE))
    clock.advance(599)
    assert "Shall I join" in said(await commands.say(f"/link {found.group()}", THERE))
    clock.advance(1)
    assert "does not work" in said(await commands.say("a", THERE))
    assert "does not work" in said(await commands.say(f"/link {found.group()}", THERE))
