"""What people say becomes memories once they were answered: episodes, and the facts and preferences that follow from them."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from typing import Final

import structlog
from cachetools import LRUCache

from bot.errors import ModelError, StoreConflict, StoreDamaged, StoreError
from bot.lexical import content_words, guess_language
from bot.memory_ports import MemoryStore, PendingMemory, PendingStore
from bot.memory_types import BOT, SELF, Memory, MemoryKind, NewMemory, Origin, position_of
from bot.model_ports import ChatModel
from bot.ports import Clock, Ids
from bot.types import Flag, Language, Prompt
from bot.writes import AddMemory, AddMemorySource, DropMemories, DropMemorySource, EndMemories, MemoryWrite
from profiles.facts.clauses import statements
from profiles.facts.extract import extract
from profiles.facts.extract_model import EXTRACTION_SCHEMA, extraction_prompt, read_extraction
from profiles.facts.slots import Fact
from profiles.ranking import memory_stems
from profiles.settling import after, left_out, settle

_log = structlog.get_logger("martin.memory")

LONGEST_SAID: Final = 2_000
LONGEST_ANSWER: Final = 600
"""Characters of an episode: it has to fit a prompt beside others. What the bot said matters less than what the person did."""
MOST_WAITING: Final = 200
"""Messages that may wait for the model; beyond them the oldest go without."""
NOT_WHOLE: Final = frozenset(
    {Flag.PARTIAL, Flag.STOPPED, Flag.TIMED_OUT, Flag.FAILED, Flag.FALLBACK, Flag.LIMITED, Flag.UNKNOWN}
)
"""Answers that are not remembered: cut off, by a stand-in, or none; recalled, they would pass for what was explained."""
_BATCH: Final = 20
_LOOK_S: Final = 60.0
_RETRY_S: Final = 30.0
_TIDY_S: Final = 3_600.0
_SLICE: Final = 200
"""Memories dropped in one transaction."""
_MOST_TRIES: Final = 3
_MOST_ASKED: Final = 2
_INLINE_CHARACTERS: Final = 300
"""Longer messages are read in a thread, for rules take 5 ms for 1,000 characters; so is the first, which loads them."""
_INLINE_MEMORIES: Final = 20
_FEWEST_WORDS: Final = 3
_MODEL_TOKENS: Final = 512
_MODEL_S: Final = 120.0
_YIELD_S: Final = 0.25
"""How soon the model is let go when somebody wants an answer."""
_ASKED: Final = (Origin.ASKED, Origin.CORRECTED)
"""What the person wanted remembered just so."""
_SENTENCE_END: Final = re.compile(r"[.!?…](?=\s)|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """What a message comes to: the episode, its facts by rules, and whether a model may find more; nothing if it says nothing.

    What was asked for need not have an episode: its own words are the last of the facts, where those do not say it all.
    """

    episode: AddMemory | None = None
    facts: tuple[NewMemory, ...] = ()
    may_hold_more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _TakenBack:
    """What went with the old text of an edited message, and is still to be written.

    The new text comes about as the old one did (`origin`); what a correction had `ended` stays wrong when that is edited.
    """

    writes: tuple[MemoryWrite, ...]
    origin: Origin = Origin.SAID
    is_episode: bool = True
    ended: tuple[str, ...] = ()


class Rememberer:
    """Works off what is pending, and keeps what is remembered within its bounds.

    `most` memories are kept of a person, for `keep_days` (0 is for ever). `model` is asked besides the rules, only while
    `may_ask` says that nobody is being answered; None is for rules alone. `on_change` is told after each change. Texts that
    `is_urgent` finds to show somebody in danger are not remembered: an edit may make one of any message.
    """

    def __init__(
        self,
        *,
        pending: PendingStore,
        memories: MemoryStore,
        clock: Clock,
        ids: Ids,
        most: int,
        keep_days: int,
        model: ChatModel | None,
        may_ask: Callable[[], bool],
        on_change: Callable[[], None],
        is_urgent: Callable[[str], bool],
    ) -> None:
        self._pending, self._memories, self._clock, self._ids = pending, memories, clock, ids
        self._most, self._keep_days = most, keep_days
        self._model, self._may_ask, self._on_change, self._is_urgent = model, may_ask, on_change, is_urgent
        self._wake = asyncio.Event()
        self._tries: LRUCache[str, int] = LRUCache(1_000)
        self._has_rules = False

    def wake(self) -> None:
        """There may be something to remember."""
        self._wake.set()

    async def run(self) -> None:
        """Remember until cancelled, and tidy up at once and every hour."""
        tidy_at = self._clock.monotonic()
        while True:
            try:
                while await self.run_once():
                    pass
                if self._clock.monotonic() >= tidy_at:
                    await self.tidy()
                    tidy_at = self._clock.monotonic() + _TIDY_S
            except StoreError as error:
                _log.error("memory.store", error=type(error).__name__)
                await asyncio.sleep(_RETRY_S)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._wake.wait()
            self._wake.clear()

    async def run_once(self) -> int:
        """Work off some of what waits, or else ask the model about one message; how many got further. Raises StoreError."""
        rows = await self._pending.pending(with_model=False, limit=_BATCH)
        if not rows:
            return await self._ask_about_one()
        return sum([await self._try(list(of_turn)) for _, of_turn in groupby(rows, key=lambda row: row.turn_id)])

    # --- a turn ---

    async def _try(self, rows: Sequence[PendingMemory]) -> int:
        """Remember what waits of one turn. What changed meanwhile is read anew the next time; what never goes in, ends."""
        try:
            await self._remember(rows)
        except (StoreConflict, StoreDamaged) as error:
            if self._count(rows[0].id) < _MOST_TRIES:
                return 0
            _log.warning("memory.given_up", turn_id=rows[0].turn_id, error=type(error).__name__)
            await self._pending.remember([row.id for row in rows], (), self._clock.now())
        return len(rows)

    async def _remember(self, rows: Sequence[PendingMemory]) -> None:
        parts = {row.part: row for row in rows}
        said, answer = parts.get("question"), parts.get("answer")
        writes: list[MemoryWrite] = []
        may_hold_more = False
        if said is None and (edited := parts.get("edited")) is not None:
            writes += await self._edited(edited)
        elif said is not None:
            writes, may_hold_more = await self._question(said, said.turn_id + "q")
        if answer is not None:
            writes += _answer(answer)
        to_ask = [said.id] if said is not None and may_hold_more and self._model is not None else []
        done = [row.id for row in rows if row.id not in to_ask]
        await self._commit(rows, writes, done=done, ask_model=to_ask)

    async def _question(
        self, row: PendingMemory, id: str, origin: Origin = Origin.SAID, *, is_episode: bool = True
    ) -> tuple[list[MemoryWrite], bool]:
        """The writes for what a person said, as the memory `id` and `id`1, …, and whether a model may find more."""
        if not self._is_wanted(row):
            return [], False
        if self._has_rules and len(row.text) <= _INLINE_CHARACTERS:
            drawn = _drawn(row, id, origin, is_episode)
        else:
            drawn = await asyncio.to_thread(_drawn, row, id, origin, is_episode)
            self._has_rules = True
        first = [] if drawn.episode is None else [drawn.episode]
        return [*first, *await self._settled(row, drawn.facts, id)], drawn.may_hold_more

    def _is_wanted(self, row: PendingMemory) -> bool:
        """Whether the person wants it remembered. Talk of a crisis never is, as it would come back in every later answer.

        The flags are of what the message said at first.
        """
        return _is_wanted(row) and not self._is_urgent(row.text)

    async def _edited(self, row: PendingMemory) -> list[MemoryWrite]:
        """The writes for a message's new text, once what followed from the old one is gone."""
        old = await self._taken_back(row)
        # Nothing of the new text has an id of the old: the index may still be about to lose those.
        fresh = f"{row.turn_id}q.{self._ids.new()}"
        writes, _ = await self._question(row, fresh, old.origin, is_episode=old.is_episode)
        now = [write.id for write in writes if isinstance(write, AddMemory | AddMemorySource)]
        if over := tuple(one for one in old.ended if now and one not in now):
            writes.append(EndMemories(person_id=row.person, ids=over, by=now[0]))
        return [*old.writes, *writes]

    async def _settled(self, row: PendingMemory, facts: Sequence[NewMemory], id: str) -> list[MemoryWrite]:
        """The writes for facts of one message, given what is there and what the earlier ones change."""
        there: dict[str, list[Memory]] = {}
        writes: list[MemoryWrite] = []
        for number, new in enumerate(facts, 1):
            if new.slot not in there:
                there[new.slot] = list(await self._memories.in_slot(row.person, row.group, new.slot))
            existing = there[new.slot]
            if new.origin is Origin.MODEL and new.slot and any(row.turn_id in memory.what.sources for memory in existing):
                continue  # the rules found it, and in the person's own words
            if len(existing) > _INLINE_MEMORIES:
                settled = await asyncio.to_thread(settle, new, existing, person=row.person, group=row.group, id=f"{id}{number}")
            else:
                settled = settle(new, existing, person=row.person, group=row.group, id=f"{id}{number}")
            there[new.slot] = after(existing, settled, self._clock.now())
            writes += settled
        return writes

    async def _taken_back(self, row: PendingMemory) -> _TakenBack:
        """Forget what followed from a message as it was, and revive what that had superseded.

        In a transaction before that of the new text: within one, sources are taken away after they are added.
        """
        found = await self._memories.sourced(row.person, row.turn_id)
        drawn = [memory for memory in found if _follows(memory)]
        gone = [memory for memory in drawn if set(memory.what.sources) == {row.turn_id}]
        asked = [memory for memory in gone if memory.what.origin in _ASKED]
        ended = [
            one.id
            for memory in asked
            if memory.what.origin is Origin.CORRECTED
            for one in await self._memories.related(row.person, memory.id)
            if one.superseded_by == memory.id
        ]
        # One by one, so that what two of them in a row had superseded ends up with what superseded both.
        writes: list[MemoryWrite] = [DropMemories(person_id=row.person, ids=(memory.id,), revives=True) for memory in gone]
        kept = [memory.id for memory in found if memory not in drawn]
        if len(gone) < len(drawn):
            # What stays lives on its own for a moment: a memory has a source at any time.
            writes += [AddMemorySource(person_id=row.person, id=one, source=one) for one in kept]
            writes.append(DropMemorySource(person_id=row.person, source=row.turn_id))
        await self._commit([row], writes, done=())
        # The answer's again after a crash, too, when `sourced` no longer tells of it.
        back = dict.fromkeys([*kept, row.turn_id + "a"])
        return _TakenBack(
            writes=tuple(AddMemorySource(person_id=row.person, id=one, source=row.turn_id) for one in back),
            origin=asked[0].what.origin if asked else Origin.SAID,
            is_episode=not asked or any(memory.what.kind is MemoryKind.EPISODE for memory in asked),
            ended=tuple(dict.fromkeys(ended)),
        )

    async def _commit(
        self,
        rows: Sequence[PendingMemory],
        writes: Sequence[MemoryWrite],
        *,
        done: Sequence[str],
        ask_model: Sequence[str] = (),
    ) -> None:
        if not (writes or done or ask_model):
            return
        await self._pending.remember(done, writes, self._clock.now(), ask_model=ask_model, unchanged=rows)
        for ended in done:
            self._tries.pop(ended, None)
        if writes:
            self._on_change()

    def _count(self, id: str) -> int:
        """How often this row was tried, this time too."""
        tries = self._tries[id] = self._tries.get(id, 0) + 1
        return tries

    # --- the model ---

    async def _ask_about_one(self) -> int:
        """Have the model read one message; 1 when that is over. Where too many wait, the oldest end without."""
        most = MOST_WAITING if self._model is not None else 0
        if surplus := await self._pending.surplus(most=most):
            await self._pending.remember(surplus, (), self._clock.now())
            return len(surplus)
        if self._model is None or not self._may_ask():
            return 0
        waiting = await self._pending.pending(with_model=True, limit=1)
        if not waiting:
            return 0
        (row,) = waiting
        try:
            return await self._ask(self._model, row)
        except (StoreConflict, StoreDamaged) as error:
            if self._count(row.id) < _MOST_TRIES:
                return 0
            _log.warning("memory.given_up", turn_id=row.turn_id, error=type(error).__name__)
            await self._pending.remember([row.id], (), self._clock.now())
            return 1

    async def _ask(self, model: ChatModel, row: PendingMemory) -> int:
        if not await self._is_remembered(row):
            await self._commit([row], (), done=[row.id])
            return 1
        text, language = shortened(row.text, LONGEST_SAID), _language(row)
        said = await self._said(model, replace(extraction_prompt(text, language), schema=EXTRACTION_SCHEMA))
        if said is None:
            return 0
        if not _is_readable(said) and self._count(row.id) < _MOST_ASKED:
            return 0
        facts = await asyncio.to_thread(read_extraction, said, text=text, language=language)
        new = [_fact(row, fact, Origin.MODEL) for fact in facts] if await self._is_remembered(row) else []
        await self._commit([row], await self._settled(row, new, row.turn_id + "m"), done=[row.id])
        return 1

    async def _is_remembered(self, row: PendingMemory) -> bool:
        """Whether the message itself is remembered still: nothing more may follow from what was forgotten or put right."""
        if not self._is_wanted(row):
            return False
        found = await self._memories.sourced(row.person, row.turn_id)
        return any(memory.what.origin is Origin.SAID and memory.ended_at is None for memory in found)

    async def _said(self, model: ChatModel, prompt: Prompt) -> str | None:
        """What the model says, empty where it fails; None when somebody wants an answer from it meanwhile."""
        async with asyncio.TaskGroup() as group:
            saying = group.create_task(_all_of(model, prompt))
            while not (await asyncio.wait([saying], timeout=_YIELD_S))[0]:
                if not self._may_ask():
                    saying.cancel()
        return None if saying.cancelled() else saying.result()

    # --- bounds ---

    async def tidy(self) -> None:
        """Drop what is past its time or beyond the most of a person, some at a time. Raises StoreError."""
        dropped = 0
        if self._keep_days:
            before = self._clock.now() - timedelta(days=self._keep_days)
            for person, _ in await self._pending.crowded(most=0):
                while ids := await self._pending.eldest(person, limit=_SLICE, before=before):
                    await self._pending.remember((), [DropMemories(person_id=person, ids=tuple(ids))], self._clock.now())
                    dropped += len(ids)
        for person, count in await self._pending.crowded(most=self._most):
            ids = await self._pending.eldest(person, limit=count - self._most)
            for start in range(0, len(ids), _SLICE):
                drop = DropMemories(person_id=person, ids=tuple(ids[start : start + _SLICE]))
                await self._pending.remember((), [drop], self._clock.now())
            dropped += len(ids)
        if dropped:
            _log.info("memory.tidied", dropped=dropped)
            self._on_change()


# --- what a message comes to ---


def shortened(text: str, most: int) -> str:
    """`text` without blank ends, cut after its last whole sentence, else word, where it is longer than `most`; «…» tells so."""
    text = text.strip()
    if len(text) <= most:
        return text
    head, least = text[: most - 2], most // 2
    at = max((found.end() for found in _SENTENCE_END.finditer(text, least, most - 1)), default=0)
    if not at:
        at = max(head.rfind(" "), head.rfind("\t"))
    return (head[:at] if at > least else head).rstrip() + " …"


def _drawn(row: PendingMemory, id: str, origin: Origin, is_episode: bool) -> _Drawn:
    """What a text comes to. What follows from one that was asked for was asked for itself."""
    language, text = _language(row), shortened(row.text, LONGEST_SAID)
    stems = tuple(memory_stems(text, language))
    if not stems:
        return _Drawn()
    said = _memory(row, text, language, origin)
    by = Origin.RULE if origin is Origin.SAID else origin
    facts = [_fact(row, fact, by) for fact in extract(row.text, language, said_at=row.said_at)]
    if not is_episode:
        whole = replace(said, kind=MemoryKind.FACT)
        says_all = facts and not left_out(whole, facts)
        return _Drawn(facts=tuple(facts) if says_all else (*facts, whole))
    return _Drawn(
        episode=AddMemory(person_id=row.person, group=row.group, id=id, what=said, stems=stems),
        facts=tuple(facts),
        may_hold_more=any(len(content_words(one.text, language)) >= _FEWEST_WORDS for one in statements(text, language)),
    )


def _answer(row: PendingMemory) -> list[MemoryWrite]:
    """The write for what the bot answered, if it is worth it. Nothing follows from it: a model's words are no facts (R-45)."""
    if not _is_wanted(row) or row.flags & NOT_WHOLE:
        return []
    language, text = _language(row), shortened(row.text, LONGEST_ANSWER)
    stems = tuple(memory_stems(text, language))
    said = _memory(row, text, language, Origin.ANSWERED)
    return [AddMemory(person_id=row.person, group=row.group, id=row.turn_id + "a", what=said, stems=stems)] if stems else []


def _memory(row: PendingMemory, text: str, language: Language, origin: Origin) -> NewMemory:
    """An episode. An answer stands right after its question, whatever was said before it came."""
    is_answer = origin is Origin.ANSWERED
    return NewMemory(
        kind=MemoryKind.EPISODE,
        text=text,
        said_by=BOT if is_answer else SELF,
        said_at=row.said_at,
        session=row.conversation_id,
        position=position_of(row.asked_at) + is_answer,
        origin=origin,
        sources=(row.turn_id,),
        language=language,
    )


def _fact(row: PendingMemory, fact: Fact, origin: Origin) -> NewMemory:
    return replace(_memory(row, fact.text, fact.language, origin), kind=fact.kind, slot=fact.slot)


def _is_wanted(row: PendingMemory) -> bool:
    """Whether the person wants it remembered, and it was no talk of a crisis."""
    return row.remembers and Flag.CRISIS not in row.flags


def _language(row: PendingMemory) -> Language:
    """The language of the words themselves; people write in either."""
    return guess_language(row.text) or row.language


# --- what is there ---


def _follows(memory: Memory) -> bool:
    """Whether a memory follows from what the person said in its turn; the bot's answer stands as it was given."""
    return memory.what.origin in (Origin.SAID, Origin.RULE, Origin.MODEL, *_ASKED)


# --- what a model says ---


async def _all_of(model: ChatModel, prompt: Prompt) -> str:
    """All that the model says, empty where it fails."""
    chunks = model.stream(prompt, max_tokens=_MODEL_TOKENS, temperature=0)
    try:
        async with asyncio.timeout(_MODEL_S):
            return "".join([chunk.text async for chunk in chunks if not chunk.is_thinking])
    except (ModelError, TimeoutError) as error:
        _log.info("memory.model", model=model.name, error=type(error).__name__)
        return ""
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


def _is_readable(said: str) -> bool:
    """Whether a model gave what it was asked for, be it an empty list."""
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and isinstance(answer.get("facts"), list)
