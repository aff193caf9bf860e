"""Turns in the database: all of one, or nothing of it."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from bot.errors import StoreConflict, StoreError
from bot.profile_types import ProfileEventKind
from bot.store.folder import DataFolder
from bot.store.invariants import broken_invariants
from bot.store.open import Stores, open_folder
from bot.types import ConversationId, Evidence, EvidenceKind, Flag, Kind, PlatformId, TurnId
from bot.writes import (
    AddDueMessage,
    AddJob,
    AddProfileEvent,
    SetConsent,
    SetConversation,
    SetLanguage,
    SetRemembering,
    TellAdmins,
)
from tests.fakes import FakeClock, SequentialIds
from tests.store.remembered import added
from tests.store.styles import STYLE
from tests.store.tables import counts, found
from tests.talk import Talk, address_of


async def test_what_is_to_be_remembered_names_its_turn_and_part_only(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    said = await talk.say(remember=True)
    await talk.say(remember=False)
    rows = found(folder.database, "SELECT turn_id, person_id, part FROM pending_memories ORDER BY part")
    assert rows == [(said.id, said.context.person.id, "answer"), (said.id, said.context.person.id, "question")]


async def test_evidence_is_kept_without_its_text(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    message = talk.message()
    evidence = Evidence(kind=EvidenceKind.KNOWLEDGE, text="un pasaje largo", source="about.md", score=0.5, title="Qué es")
    await talk.answer(message, (await talk.accept(message)).id, evidence=(evidence,), flags=frozenset({Flag.TRIMMED}))
    rows = found(folder.database, "SELECT evidence, flags FROM turns")
    assert rows == [('[{"kind":"knowledge","source":"about.md","score":0.5,"title":"Qué es"}]', '["trimmed"]')]


async def test_writes_of_every_kind_commit_with_their_turn(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    met = (await talk.say()).context
    person, address = met.person.id, met.address_id
    said = await talk.say(
        writes=[
            AddJob(kind="forget", person_id=person, after_turn=None),
            SetLanguage(person_id=person, language="en"),
            AddDueMessage(person_id=person, address_id=address, kind="reminder", due_at=talk.clock.now()),
            SetConsent(person_id=person, granted=True, version="2"),
            SetConversation(address_id=address, conversation_id=ConversationId("next")),
            TellAdmins(kind="money_per_day", day=talk.clock.now().date(), facts={"limit": "5"}),
            added(person, "m1"),
            SetRemembering(person_id=person, remembers=False),
        ]
    )
    assert said.context.conversation_id == met.conversation_id
    assert found(folder.database, "SELECT kind, person_id FROM jobs") == [("forget", person)]
    assert found(folder.database, "SELECT kind, ended_at FROM due_messages") == [("reminder", None)]
    assert found(folder.database, "SELECT granted, version FROM consents") == [(1, "2")]
    assert found(folder.database, "SELECT language, remembers FROM people") == [("en", 0)]
    assert found(folder.database, "SELECT id, said_by FROM memories") == [("m1", "person")]
    assert found(folder.database, "SELECT conversation_id FROM addresses") == [("next",)]
    assert found(folder.database, "SELECT kind, day, facts FROM notices") == [
        ("money_per_day", "2026-11-20", '{"limit":"5"}'),
    ]


async def test_notices_of_many_people_at_once_are_one(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    telling = TellAdmins(kind="tokens_per_day_all", day=talk.clock.now().date(), facts={"limit": "5"})
    await asyncio.gather(*(talk.say(at=address_of(f"user {number}"), writes=[telling]) for number in range(30)))
    held = counts(folder.database)
    assert (held["turns"], held["notices"]) == (30, 1)


async def test_a_turn_whose_write_is_impossible_leaves_no_trace(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    await talk.say()
    before = counts(folder.database)
    message = talk.message("otra")
    stored = await talk.accept(message)
    impossible = AddDueMessage(
        person_id=(await stores.people.meet(message, history=0, now=talk.clock.now())).person.id,
        address_id=stored.id,  # type: ignore[arg-type]  # no address has this id
        kind="reminder",
        due_at=talk.clock.now(),
    )
    with pytest.raises(StoreConflict):
        await talk.answer(message, stored.id, writes=[impossible], remember=True)
    assert counts(folder.database) == {**before, "inbox": before["inbox"] + 1}
    assert [row.id for row in await stores.inbox.unfinished()] == [stored.id]


async def test_a_turn_of_somebody_who_was_forgotten_meanwhile_is_a_conflict(stores: Stores, talk: Talk) -> None:
    await talk.say()
    message = talk.message("otra")
    stored = await talk.accept(message)
    met = await talk.stores.people.meet(message, history=0, now=talk.clock.now())
    await stores.erasure.forget_person(met.person.id)
    again = await talk.answer(message, stored.id)  # met anew, as the core does after a conflict
    assert again.context.person.id != met.person.id
    assert again.context.is_first
    assert await broken_invariants(stores.database) == []


async def test_every_failing_call_leaves_the_whole_turn_or_nothing(folder: DataFolder, clock: FakeClock) -> None:
    calls, fail_at = 0, 0

    def before_call(name: str) -> None:
        nonlocal calls
        calls += 1
        if calls == fail_at:
            raise sqlite3.OperationalError("disk I/O error")

    async with open_folder(folder, clock=clock, ids=SequentialIds("s"), before_call=before_call) as stores:
        talk = Talk(stores, clock, SequentialIds())
        person = (await talk.say()).context.person.id
        switched = AddProfileEvent(person_id=person, kind=ProfileEventKind.SWITCH, data={"on": True})
        failures = 0
        for fail_at_step in range(1, 60):
            calls, fail_at = 0, fail_at_step
            try:
                parts = [f"part {fail_at_step}"]
                await talk.say(f"mensaje {fail_at_step}", parts=parts, remember=True, writes=[switched], style=STYLE)
            except StoreError:
                failures += 1
            fail_at = 0
            assert await broken_invariants(stores.database) == [], f"after call {fail_at_step} failed"
            for row in await stores.inbox.unfinished():
                await talk.answer(row.message, row.id)
            for outgoing in await stores.outbox.pending():
                await stores.outbox.sent(outgoing, [PlatformId(outgoing.id)], clock.now())
            assert {state for (state,) in found(folder.database, "SELECT DISTINCT state FROM inbox")} == {"sent"}
            held = counts(folder.database)
            assert held["profile_events"] == held["answer_log"] == held["pending_memories"] / 2
    assert failures > 15, "the flow makes fewer calls than expected"
    assert calls < 60, "some calls were never failed"


async def test_a_command_that_no_model_answers_is_not_counted_as_usage(stores: Stores, talk: Talk, folder: DataFolder) -> None:
    await talk.say("/help", kind=Kind.COMMAND, tokens=0)
    assert counts(folder.database)["usage"] == 0
    assert await stores.turns.past(TurnId("")) is None
