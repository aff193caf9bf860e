"""The n-th database call of every core flow fails, for every n: nothing is lost, doubled or half (M-2)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import pytest

from bot.core import CoreSettings
from bot.errors import IntakeError, StoreError
from bot.knowledge import FolderKnowledge
from bot.limits import limit_note
from bot.memory_ports import MemoryStore
from bot.memory_types import Memory
from bot.model_types import ModelStatus
from bot.models.offline import OfflineModel
from bot.models.scripted import ScriptedModel
from bot.ports import Handler, HandlerSettings, Services
from bot.store.invariants import broken_invariants
from bot.store.open import Stores
from bot.system import SystemClock, TimeOrderedIds
from bot.types import Chosen, IncomingMessage, Kind, Language, Limit, PersonId, ReceiptStatus, Scope, TurnId
from handlers import build
from profiles.approved import ApprovedAnswers
from profiles.kept import KeptProfiles
from profiles.recall import LexicalRecall
from tests.handlers.fake_desk import desk
from tests.house import House, house, rating, text


class Newest:
    """Finds the newest facts, whatever is looked for."""

    def __init__(self, memories: MemoryStore) -> None:
        self._memories = memories

    async def find(self, person: PersonId, scope: Scope, text: str, *, limit: int) -> Sequence[Memory]:
        found, _ = await self._memories.page(person, scope, distilled=True, limit=limit)
        return found


def product_handlers(stores: Stores) -> Sequence[Handler]:
    """The product's own handlers with a scripted model and no knowledge."""
    clock = SystemClock()
    model = ScriptedModel(clock=clock, template="the answer to {question}")

    async def status(language: Language) -> Sequence[ModelStatus]:
        return (await model.check(language),)

    return build(
        Services(
            model=model,
            offline=OfflineModel(clock=clock),
            library=None,
            recall=LexicalRecall(stores.examples),
            memories=stores.memories,
            search=Newest(stores.memories),
            knowledge=FolderKnowledge(Path("no such folder"), clock=clock),
            approved=ApprovedAnswers(stores.sharing),
            sharing=stores.sharing,
            turns=stores.turns,
            profiles=stores.profiles,
            personal=stores.personal,
            clock=clock,
            ids=TimeOrderedIds(),
            usage=stores.usage,
            notices=stores.notices,
            price=lambda model, prompt_tokens, completion_tokens: prompt_tokens + completion_tokens,
            status=status,
            known=lambda: (),
            keyed=lambda text: blake2b(text.encode(), digest_size=16).digest(),
            backup_keep_days=7,
            settings=HandlerSettings(),
        ),
        KeptProfiles(stores.profiles, clock),
        stores.links,
        desk(),
    )


Flow = Callable[[House, TurnId], IncomingMessage]
FLOWS: dict[str, Flow] = {
    "text": lambda here, turn: text("tell me about boats", event_id="e"),
    "text over a limit": lambda here, turn: text("tell me about boats", event_id="e"),
    "first message of a new person": lambda here, turn: text("hello", event_id="e", user="new"),
    "start": lambda here, turn: text("/start", event_id="e"),
    "help": lambda here, turn: text("/ayuda", event_id="e"),
    "new": lambda here, turn: text("/new", event_id="e"),
    "again": lambda here, turn: text("/again", event_id="e"),
    "why": lambda here, turn: text("/why", event_id="e", target=turn),
    "language": lambda here, turn: text("/language es", event_id="e"),
    "memory off": lambda here, turn: text("/memory off", event_id="e"),
    "link": lambda here, turn: text("/link", event_id="e"),
    "remember": lambda here, turn: text("/remember that I live in Lima", event_id="e"),
    "mydata": lambda here, turn: text("/mydata", event_id="e"),
    "forgetme": lambda here, turn: text("/forgetme", event_id="e"),
    "choice": lambda here, turn: choice(turn, "consent:yes"),
    "rating": lambda here, turn: rating(turn, -1, event_id="e"),
    "stop": lambda here, turn: text("/stop", event_id="e"),
    "edit": lambda here, turn: text("tell me about ships", event_id="e", kind=Kind.EDIT, target="before"),
}
KINDS = {
    "io": ("disk I/O error", sqlite3.SQLITE_IOERR),
    "full": ("database or disk is full", sqlite3.SQLITE_FULL),
    "locked": ("database is locked", sqlite3.SQLITE_BUSY),
}


def settings_of(flow: str) -> CoreSettings:
    """Everything is quick; one answer uses a day's tokens up where a flow is about that."""
    tokens = 1 if flow == "text over a limit" else 0
    return CoreSettings(preview_interval_s=0.01, store_retry_s=(0.005,), tokens_per_day=tokens)


def choice(turn: TurnId, key: str) -> IncomingMessage:
    return replace(text("", event_id="e", kind=Kind.CHOICE), choice=Chosen(turn_id=turn, key=key))


class Fault:
    """Raises once, at the n-th call after `arm`."""

    def __init__(self, kind: str) -> None:
        self.words, self.code = KINDS[kind]
        self.left: int | None = None

    def before_call(self, call: str) -> None:
        if self.left is None:
            return
        self.left -= 1
        if self.left == 0:
            error = sqlite3.OperationalError(self.words)
            error.sqlite_errorcode = self.code
            raise error


async def send_until_taken(here: House, message: IncomingMessage) -> None:
    """A platform's view: what is not confirmed comes again."""
    for _ in range(5):
        try:
            (receipt,) = await here.door.receive([message])
        except (StoreError, IntakeError):
            continue
        assert receipt.status is not ReceiptStatus.REFUSED
        return
    raise AssertionError("never taken")


async def judge(here: House, flow: str) -> None:
    """What must hold whatever failed."""
    await here.settled()
    async with asyncio.timeout(30):
        while await here.rows("select 1 from inbox where state = 'received'"):
            await asyncio.sleep(0.005)  # a start takes up what is off the lanes beside them
    assert list(await broken_invariants(here.stores.database)) == []
    events = await here.rows("select event_id, state from inbox where event_id = 'e'")
    is_off_lane = flow in ("rating", "stop", "edit")
    assert [state for _, state in events] in ([["absorbed"]] if is_off_lane else [["sent"], ["failed"]]), events
    replies = {outgoing.nonce for outgoing in here.channel.delivered if outgoing.event_id == "e"}
    assert len(replies) == (0 if is_off_lane else 1), "a platform knows a repeat by its nonce"
    if flow == "rating":
        assert await here.rows("select value from ratings") == [(-1,)]
    if flow == "text over a limit":
        assert await here.rows("select kind, facts from notices") == [("tokens_per_day", '{"limit":"1"}')]
        (reply,) = {outgoing.reply.text for outgoing in here.channel.delivered if outgoing.event_id == "e"}
        assert reply.endswith(limit_note(Limit.TOKENS, "en"))
    if flow == "choice":
        assert await here.rows("select granted from consents") == [(1,)]
    is_done = events == [("e", "sent")]
    if flow == "remember":
        assert await here.rows("select text, origin from memories") == ([("Lives in Lima.", "asked")] if is_done else [])
        assert await here.rows("select count(*) from memory_sources") == [(int(is_done),)]
    if flow == "memory off":
        assert await here.rows("select remembers from people") == [(int(not is_done),)]
    if flow == "edit":
        assert ("tell me about ships",) in await here.rows("select question from turns")


async def prepared(here: House, flow: str) -> TurnId:
    """A person with a turn behind them, and the turn that a flow is about."""
    (receipt,) = await here.door.receive([text("/start" if flow == "choice" else "tell me about birds", event_id="before")])
    await here.settled()
    return receipt.turn_id


CASES = [
    pytest.param(flow, kind, marks=() if kind == "io" or flow == "text" else pytest.mark.slow)
    for flow in FLOWS
    for kind in KINDS
]


@pytest.mark.parametrize(("flow", "kind"), CASES)
async def test_every_failing_call_of_a_flow_leaves_it_whole(tmp_path: Path, flow: str, kind: str) -> None:
    n = 0
    was_reached = True
    while was_reached:
        n += 1
        fault = Fault(kind)
        settings = settings_of(flow)
        async with house(tmp_path / str(n), product_handlers, settings=settings, before_call=fault.before_call) as here:
            turn = await prepared(here, flow)
            fault.left = n
            await send_until_taken(here, FLOWS[flow](here, turn))
            await here.settled()
            was_reached = fault.left <= 0
            fault.left = None
            if flow in ("rating", "stop", "edit"):
                await restart_if_kept(here)
            await judge(here, flow)
    assert n > 3, "a flow makes several calls"


async def restart_if_kept(here: House) -> None:
    """An off-lane message whose work failed is kept and done by the next start; here, by doing what a start does."""
    for row in await here.stores.inbox.unfinished():
        await here.core.absorb(row.id, row.message)


@pytest.mark.parametrize("flow", FLOWS)
async def test_dying_at_any_call_of_a_flow_leaves_it_to_the_next_start(tmp_path: Path, flow: str) -> None:
    n = 0
    was_reached = True
    while was_reached:
        n += 1
        was_reached = await die_at(n, tmp_path / str(n), flow)
    assert n > 3


async def die_at(n: int, folder: Path, flow: str) -> bool:
    """Stop everything when the n-th call begins, start again, judge; whether the n-th call was reached."""
    loop, dead, left = asyncio.get_running_loop(), asyncio.Event(), -1

    def before_call(call: str) -> None:
        nonlocal left
        left -= left > 0
        if left == 0:
            loop.call_soon_threadsafe(dead.set)
            raise sqlite3.OperationalError("the process is dying")

    channel, settings = None, settings_of(flow)
    async with house(folder, product_handlers, settings=settings, before_call=before_call) as here:
        channel = here.channel
        turn = await prepared(here, flow)
        message, left = FLOWS[flow](here, turn), n
        done = asyncio.ensure_future(send_and_settle(here, message))
        died = asyncio.ensure_future(dead.wait())
        await asyncio.wait({done, died}, return_when=asyncio.FIRST_COMPLETED)
        for task in (done, died):
            task.cancel()
        await asyncio.gather(done, died, return_exceptions=True)
        left = -1 if not dead.is_set() else left
    async with house(folder, product_handlers, channel=channel, settings=settings) as here:
        await send_until_taken(here, message)
        await judge(here, flow)
    return dead.is_set()


async def send_and_settle(here: House, message: IncomingMessage) -> None:
    await send_until_taken(here, message)
    await here.settled()
