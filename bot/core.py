"""One message in, at most one reply out: once, in order per address, recorded."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import TypeVar

import structlog

from bot.buttons import by_key
from bot.commands import parse_command
from bot.delivery import Delivery
from bot.door import User, refusal_notice
from bot.errors import DeliveryError, IntakeError, MartinError, StoreClosed, StoreConflict, StoreError
from bot.limits import DailyLimits, OncePerDay, has_messages_left, limit_note, limit_notice, over_limit, refusal_text
from bot.locale import say
from bot.ports import Channel, Clock, Context, InboxStore, OutboxStore, PeopleStore, TurnRecord, TurnStore, Unfinished
from bot.preview import NoPreview, RunningPreview, Stop
from bot.records import record_of
from bot.router import Router
from bot.types import (
    ON_LANE,
    Address,
    ChannelName,
    Flag,
    InboxState,
    IncomingMessage,
    Kind,
    Language,
    OutboxId,
    Outcome,
    Outgoing,
    Part,
    PastTurn,
    PlatformId,
    Receipt,
    ReceiptStatus,
    Reply,
    Turn,
    TurnId,
)

_log = structlog.get_logger("martin.turn")

T = TypeVar("T")

TOLD_AFTER = 4
"""Tries of the database after which the person is told that their answer is late."""
MOST_ATTEMPTS = 5
"""Further tries of a message at whose answering a process died, before it is given up and the person told."""


class GivenUp(MartinError):
    """A message is not tried any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSettings(DailyLimits):
    """The core's settings, out of `bot.config`.

    `store_retry_s` are the pauses between tries while the database cannot write; the last one repeats.
    """

    history: int = 12
    turn_deadline_s: float = 330.0
    preview_interval_s: float = 0.1
    store_retry_s: Sequence[float] = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(slots=True)
class _Waiting:
    """A message in its lane."""

    id: TurnId
    message: IncomingMessage
    attempts: int | None = None
    stop: Stop = field(default_factory=Stop)
    turn: Turn | None = None
    handler: str = "none"


class Core:
    """Runs the lanes: one turn at a time per address, in arrival order; addresses never wait for each other."""

    def __init__(
        self,
        *,
        inbox: InboxStore,
        people: PeopleStore,
        turns: TurnStore,
        outbox: OutboxStore,
        router: Router,
        delivery: Delivery,
        channels: Mapping[ChannelName, Channel],
        clock: Clock,
        settings: CoreSettings,
        language: Callable[[IncomingMessage], Language],
        spoken: Callable[[str], Language | None],
        limited: Container[str] = (),
        resumed: Callable[[TurnId, IncomingMessage], None] = lambda _id, _message: None,
    ) -> None:
        """`limited` names the handlers that the daily limits hold for: those that ask a model, never help in a crisis.

        `resumed` hears of each message that an earlier process left unanswered.
        """
        self._inbox, self._people, self._turns, self._outbox = inbox, people, turns, outbox
        self._router, self._delivery, self._channels = router, delivery, channels
        self._clock, self._settings, self._language, self._spoken = clock, settings, language, spoken
        self._limited, self._resumed = limited, resumed
        self._lanes: dict[Address, deque[_Waiting]] = {}
        self._of_user: Counter[User] = Counter()
        self._waiting = 0
        self._held: dict[TurnId, asyncio.Event] = {}
        self._in_order = asyncio.Lock()
        self._told = OncePerDay(clock.monotonic)
        self._tasks: asyncio.TaskGroup | None = None
        self._idle, self._recovered = asyncio.Event(), asyncio.Event()
        self._log = _log.bind()  # once, not for every turn's line

    async def run(self) -> None:
        """Answer until cancelled, beginning with what an earlier process left unfinished."""
        async with asyncio.TaskGroup() as self._tasks:
            off_lane: list[Unfinished] = []
            for row in await self._patiently(self._inbox.unfinished):
                if row.message.kind in ON_LANE:
                    self._resumed(row.id, row.message)
                    self.enqueue(row.id, row.message, row.attempts)
                elif row.attempts < MOST_ATTEMPTS:
                    await self._patiently(partial(self._inbox.count_attempt, row.id))
                    self._held[row.id] = asyncio.Event()
                    off_lane.append(row)
                else:
                    await self._patiently(partial(self._turns.absorb, row.id, (), self._clock.now()))
            for row in off_lane:  # before what comes now: the last press counts
                await self._try(partial(self._absorbed, row.id, row.message), row.id)
            self._recovered.set()
            if not self._lanes:
                self._idle.set()
            await asyncio.Event().wait()

    @property
    def _running(self) -> asyncio.TaskGroup:
        if self._tasks is None:
            raise RuntimeError("the core takes messages only while it runs")
        return self._tasks

    @property
    def is_idle(self) -> bool:
        """Whether nobody is being answered."""
        return self._idle.is_set()

    async def idle(self) -> None:
        """Return once no turn waits or runs, those left by an earlier process included."""
        await self._idle.wait()

    # --- what the door needs ---

    async def recovered(self) -> None:
        """Return once all that an earlier process left unfinished is back in its lanes."""
        await self._recovered.wait()

    def waiting(self, user: User) -> int:
        """How many turns of this user wait or run, and how many replies are still on their way to them.

        A platform that takes one message a second is slower than a model: those who write without end would fill the outbox.
        """
        return self._of_user[user] + self._delivery.waiting(user)

    def waiting_all(self) -> int:
        """How many turns wait or run in all."""
        return self._waiting

    def holds(self, id: TurnId) -> bool:
        """Whether this stored message waits, runs or is being absorbed in this process."""
        return id in self._held

    def tell(self, notice: Outgoing) -> None:
        """Deliver a notice whose row is stored."""
        self._delivery.add(notice)

    def enqueue(self, id: TurnId, message: IncomingMessage, attempts: int | None = None) -> None:
        """Put a stored message into its address's lane. `attempts` is a number for one that an earlier process left behind."""
        waiting = _Waiting(id, message, attempts)
        self._held[id] = asyncio.Event()
        self._of_user[_user(message)] += 1
        self._waiting += 1
        self._idle.clear()
        lane = self._lanes.get(message.address)
        if lane is not None:
            lane.append(waiting)
            return
        self._lanes[message.address] = lane = deque([waiting])
        self._running.create_task(self._work(message.address, lane))

    def absorb(self, id: TurnId, message: IncomingMessage) -> Awaitable[Receipt]:
        """Do what a stored off-lane message asks (stop, rating, reaction, edit) without waiting for its lane.

        It counts as held from this moment on. Raises IntakeError when it failed: it stays stored, for the next start.
        """
        self._held[id] = asyncio.Event()
        return self._absorbed(id, message)

    async def _absorbed(self, id: TurnId, message: IncomingMessage) -> Receipt:
        done = await self._try(partial(self._absorb, id, message), id)
        if isinstance(done, asyncio.Event):
            self._running.create_task(self._absorbed_after(done, id, message))
            return Receipt(event_id=message.event_id, turn_id=id, status=ReceiptStatus.ABSORBED, state=InboxState.RECEIVED)
        self._held.pop(id).set()
        if isinstance(done, Receipt):
            return done
        raise IntakeError("this could not be done just now; it is kept and tried again") from done

    async def _absorbed_after(self, answered: asyncio.Event, id: TurnId, message: IncomingMessage) -> None:
        await answered.wait()
        async with self._in_order:  # what several say of one answer
            with suppress(IntakeError):  # it stays stored, for the next start
                await self._absorbed(id, message)

    async def _absorb(self, id: TurnId, message: IncomingMessage) -> Receipt | asyncio.Event:
        """What came of it; where it is about an answer that is still being written, the end of that."""
        about = await self._about(message) if message.kind in (Kind.REACTION, Kind.EDIT) else None
        if about is not None and (answered := self._held.get(about)) is not None:
            return answered
        context = await self._people.meet(message, history=0, now=self._clock.now())
        turn = await self._turn(id, message, context)
        outcome = await self._router.route(turn).handle(turn, NoPreview())
        await self._turns.absorb(id, outcome.writes, self._clock.now())
        if outcome.stops is not None:
            self._stop(message.address, outcome.stops)
        _log.info("absorbed", turn_id=id, kind=message.kind, channel=message.address.channel, refused=outcome.is_refused)
        return Receipt(
            event_id=message.event_id,
            turn_id=id,
            status=ReceiptStatus.ABSORBED,
            state=InboxState.ABSORBED,
            reply=outcome.reply,
            is_refused=outcome.is_refused,
        )

    def _stop(self, address: Address, turn_id: TurnId) -> None:
        for waiting in self._lanes.get(address, ()):
            if waiting.id == turn_id:
                waiting.stop.ask()

    # --- one turn ---

    async def _work(self, address: Address, lane: deque[_Waiting]) -> None:
        while lane:
            waiting = lane[0]
            if await self._try(partial(self._answer, waiting), waiting.id) is not None:
                await self._give_up(waiting)
            lane.popleft()
            self._held.pop(waiting.id).set()
            user = _user(waiting.message)
            self._of_user[user] -= 1
            self._waiting -= 1
            if not self._of_user[user]:
                del self._of_user[user]
        del self._lanes[address]
        if not self._lanes:
            self._idle.set()

    async def _try(self, step: Callable[[], Awaitable[T]], id: TurnId) -> T | Exception:
        """What a step gives, or the error that ended it, logged by type and place: its message may hold somebody's words."""
        try:
            return await step()
        except Exception as error:  # noqa: BLE001 — one of the house's three boundaries: one turn
            place = "".join(traceback.format_tb(error.__traceback__)[-4:])
            _log.error("turn.error", turn_id=id, error=type(error).__name__, place=place)
            return error

    async def _answer(self, waiting: _Waiting) -> None:
        """One turn from its stored message to its stored answer. What it raises, `_give_up` tells the person."""
        began = self._clock.monotonic()
        message = waiting.message
        now = self._clock.now()
        context = await self._patiently(lambda: self._people.meet(message, history=self._settings.history, now=now), waiting)
        turn = await self._patiently(lambda: self._turn(waiting.id, message, context))
        handler = self._router.route(turn)
        if handler.name in self._limited:
            if not has_messages_left(self._settings, context.usage):
                await self._refuse(waiting, turn, now.date())
                return
            if (over := over_limit(self._settings, context.usage)) is not None:
                turn = replace(turn, over_limit=over)
        waiting.turn, waiting.handler = turn, handler.name
        opened = None
        if waiting.attempts is not None:
            if waiting.attempts >= MOST_ATTEMPTS:
                raise GivenUp(f"{waiting.attempts} processes died at it")
            await self._patiently(lambda: self._inbox.count_attempt(turn.id))
            opened = await self._opened(turn.id)
        preview = RunningPreview(
            tasks=self._running,
            channel=self._channels[message.address.channel],
            message=message,
            turn_id=turn.id,
            stop=waiting.stop,
            interval_s=self._settings.preview_interval_s,
            opened=opened,
            is_held=lambda: self._delivery.is_waiting(message.address),
            on_opened=lambda made: self._outbox.set_part(OutboxId(turn.id), 0, Part(platform_id=made), self._clock.now()),
        )
        try:
            async with asyncio.timeout(self._settings.turn_deadline_s):
                outcome = await handler.handle(turn, preview)
        finally:
            opened = await preview.end()
        record = record_of(turn, handler.name, self._with_limit_told(turn, outcome, now.date()), self._clock.now())
        await self._patiently(lambda: self._turns.commit(record), waiting)
        if record.outgoing is not None:
            self._delivery.add(record.outgoing, opened)
        self._say_so(record, began)

    async def _give_up(self, waiting: _Waiting) -> None:
        """Store and tell that a turn failed. Where not even that can be stored, the next start tries the message again."""
        if waiting.turn is None:
            await self._refuse_broken(waiting)
            return
        record: TurnRecord | None
        try:
            record = await self._store_failure(waiting, waiting.turn)
        except StoreConflict:
            # The person was forgotten while this was answered: whoever writes now is somebody new.
            record = await self._store_failure_anew(waiting)
        if record is not None and record.outgoing is not None:
            self._delivery.add(record.outgoing, await self._opened(waiting.id))

    async def _opened(self, id: TurnId) -> PlatformId | None:
        """The platform's message that an earlier process, or try, opened for this turn's reply."""
        parts = await self._patiently(partial(self._outbox.parts, OutboxId(id)))
        return parts[0].platform_id if 0 in parts else None

    async def _refuse_broken(self, waiting: _Waiting) -> None:
        """End a message of which not even the person could be found out, so that nobody waits for it."""
        text = say(self._language(waiting.message), "Something went wrong on my side. Please send that again.")
        notice = refusal_notice(waiting.id, waiting.message, text)
        try:
            await self._patiently(lambda: self._inbox.refuse(waiting.id, notice))
        except StoreError as error:
            _log.critical("turn.not_stored", turn_id=waiting.id, error=type(error).__name__)
        else:
            self.tell(notice)

    async def _store_failure_anew(self, waiting: _Waiting) -> TurnRecord | None:
        try:
            context = await self._people.meet(waiting.message, history=0, now=self._clock.now())
            return await self._store_failure(waiting, await self._turn(waiting.id, waiting.message, context))
        except StoreError as error:
            _log.critical("turn.not_stored", turn_id=waiting.id, error=type(error).__name__)
            return None

    async def _store_failure(self, waiting: _Waiting, turn: Turn) -> TurnRecord:
        text = say(
            turn.language, "Something went wrong on my side and I could not answer. Your message is kept: /again tries it anew."
        )
        outcome = Outcome(reply=Reply(text=text, rateable=True), flags=frozenset({Flag.FAILED}))
        record = record_of(turn, waiting.handler, outcome, self._clock.now())
        await self._patiently(lambda: self._turns.commit(record))
        return record

    async def _turn(self, id: TurnId, message: IncomingMessage, context: Context) -> Turn:
        """The message with all that a handler may look at."""
        language = context.person.language or self._language(message)
        command, arguments = parse_command(message.text) or ("", "") if message.kind is Kind.COMMAND else ("", "")
        target = await self._target(message)
        message = by_key(message, target)
        lane = self._lanes.get(message.address)
        running = None
        if message.kind not in ON_LANE and lane:
            named = [waiting.id for waiting in lane if waiting.id == message.target]
            running = named[0] if named else lane[0].id
        return Turn(
            id=id,
            message=message,
            person=context.person,
            address_id=context.address_id,
            conversation_id=context.conversation_id,
            language=language,
            spoken=(self._spoken(message.text) if message.kind is Kind.TEXT else None) or language,
            command=command,
            arguments=arguments,
            is_first=context.is_first,
            awaiting=context.awaiting,
            history=context.history,
            has_earlier=context.has_earlier,
            target=target,
            running=running,
        )

    async def _about(self, message: IncomingMessage) -> TurnId | None:
        """The turn that a message is about, by what it carries or points at."""
        if (pressed := message.choice or message.rating) is not None:
            return pressed.turn_id
        if message.target is None or message.kind is Kind.STOP:
            return None
        if message.kind is Kind.EDIT:
            return await self._inbox.turn_of(message.address.channel, message.target)
        return await self._turns.delivered_as(message.address, PlatformId(message.target))

    async def _target(self, message: IncomingMessage) -> PastTurn | None:
        """The stored turn that a message is about."""
        turn_id = await self._about(message)
        if turn_id is None and message.target is not None and message.kind in ON_LANE:
            turn_id = TurnId(message.target)
        return None if turn_id is None else await self._turns.past(turn_id)

    async def _patiently(self, step: Callable[[], Awaitable[T]], waiting: _Waiting | None = None) -> T:
        """Do a step of the database, again for as long as it is busy, full or read-only: the message stays stored meanwhile.

        Whoever waits for it is told after a few tries.
        """
        pauses, tries = self._settings.store_retry_s, 0
        while True:
            try:
                return await step()
            except (StoreConflict, StoreClosed):
                raise
            except StoreError as error:
                pause_s = pauses[min(tries, len(pauses) - 1)]
                tries += 1
                if tries < TOLD_AFTER or tries % 20 == 0:
                    _log.error("turn.store", error=str(error), tries=tries, again_in_s=pause_s)
                if tries == TOLD_AFTER and waiting is not None:
                    await self._tell_of_trouble(waiting)
                await asyncio.sleep(pause_s)

    async def _tell_of_trouble(self, waiting: _Waiting) -> None:
        """Show, where an answer would be, that it is late and why; nothing of it is stored."""
        language = waiting.turn.language if waiting.turn is not None else self._language(waiting.message)
        text = say(
            language, "My disk may be full: I can write nothing down just now. Your message is kept; I answer when I can."
        )
        with suppress(DeliveryError):
            await self._channels[waiting.message.address.channel].preview(waiting.message, waiting.id, None, text)

    def _say_so(self, record: TurnRecord, began: float) -> None:
        """The one log line of a turn: ids, timings, model; never its text."""
        turn, generation = record.turn, record.outcome.generation
        self._log.info(
            "turn",
            turn_id=turn.id,
            person_id=turn.person.id,
            channel=turn.message.address.channel.value,
            handler=record.handler,
            status=record.status.value,
            model=generation.model if generation else None,
            tokens=generation.completion_tokens if generation else None,
            first_token_s=generation.first_token_s if generation else None,
            seconds=round(self._clock.monotonic() - began, 4),
            flags=sorted(record.outcome.flags),
        )

    # --- limits ---

    async def _refuse(self, waiting: _Waiting, turn: Turn, day: date) -> None:
        """No messages are left: say so once a day where nobody waits on a request, and every time where somebody does."""
        refused = None
        is_first = self._told.is_first(("messages", turn.person.id), day)
        is_asked_for = bool(waiting.message.handle) and waiting.message.kind is not Kind.TEXT
        is_waited_for = is_asked_for or self._channels[turn.message.address.channel].answers_requests
        if is_first or is_waited_for:
            refused = refusal_notice(waiting.id, waiting.message, refusal_text(self._settings, turn.language))
        await self._patiently(lambda: self._inbox.refuse(waiting.id, refused))
        if refused is not None:
            self.tell(refused)

    def _with_limit_told(self, turn: Turn, outcome: Outcome, day: date) -> Outcome:
        """The outcome; where a used-up limit kept its answer from the language models, with word of that to those concerned.

        That is: the person below the answer and the operator in the log, once a day, and the admins, of whose notices the store
        keeps the first of a day.
        """
        over = turn.over_limit
        if over is None or outcome.generation is None:  # no model would have been asked for this
            return outcome
        if self._told.is_first(over.limit, day):
            _log.warning("limit.reached", limit=over.limit.value, most=over.most)
        notes = [outcome.note] if outcome.note else []
        if self._told.is_first(("limit", turn.person.id), day):
            notes.append(limit_note(over.limit, turn.spoken))
        return replace(outcome, note="\n\n".join(notes), writes=(*outcome.writes, limit_notice(over, day)))


def _user(message: IncomingMessage) -> User:
    return message.address.channel, message.address.user
