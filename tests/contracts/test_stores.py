"""What every store that a turn passes through keeps: the fakes in memory and the real ones on SQLite alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from functools import partial
from typing import cast

import pytest

from bot.errors import StoreConflict
from bot.ports import UsageOfDay
from bot.profile_types import Reason
from bot.store.folder import DataFolder
from bot.store.open import open_folder
from bot.types import (
    AdminNotice,
    Choice,
    Chosen,
    ConversationId,
    Evidence,
    EvidenceKind,
    Exchange,
    Flag,
    Generation,
    GivenRating,
    InboxState,
    IncomingMessage,
    Kind,
    OutboxId,
    Part,
    PlatformId,
    Question,
    Source,
    TurnId,
    TurnStatus,
)
from bot.writes import AskQuestion, CloseQuestion, RelabelTurn, SetConsent, SetConversation, SetLanguage, SetRating, TellAdmins
from tests.fakes import FakeClock, FakeStores, SequentialIds
from tests.store.conftest import folder, migrated  # noqa: F401
from tests.talk import Talk, address_of

MOST = 10
PAID = Generation(model="mistral/small", prompt_tokens=30, completion_tokens=12, seconds=0.5, version="small-2606", cost=250)
FREE = Generation(model="offline", prompt_tokens=30, completion_tokens=12, seconds=0.5, is_counted=False)


@pytest.fixture(params=["fake", "real"])
async def talk(request: pytest.FixtureRequest, folder: DataFolder) -> AsyncIterator[Talk]:  # noqa: F811
    """People talking over the stores under test."""
    clock, ids = FakeClock(), SequentialIds()
    if request.param == "fake":
        yield Talk(FakeStores(clock, ids), clock, ids)
        return
    async with open_folder(folder, clock=clock, ids=ids) as stores:
        yield Talk(stores, clock, ids)


# --- inbox ---


async def test_a_repeated_event_is_stored_once_and_keeps_its_first_id(talk: Talk) -> None:
    message = talk.message("hola", event="1")
    first, again = talk.arrival(message, digest="a"), talk.arrival(message, digest="b")
    (stored,) = await talk.stores.inbox.accept([first])
    (repeated,) = await talk.stores.inbox.accept([again])
    assert (stored.id, stored.is_new, stored.state) == (first.id, True, InboxState.RECEIVED)
    assert (repeated.id, repeated.is_new, repeated.digest) == (first.id, False, "a")


async def test_a_batch_with_the_same_event_twice_has_one_new_message(talk: Talk) -> None:
    message, other = talk.message("hola", event="1"), talk.message("adiós", event="2")
    arrivals = [talk.arrival(message), talk.arrival(other), talk.arrival(message)]
    stored = await talk.stores.inbox.accept(arrivals)
    assert [one.is_new for one in stored] == [True, True, False]
    assert [one.id for one in stored] == [arrivals[0].id, arrivals[1].id, arrivals[0].id]


async def test_an_empty_batch_is_no_work(talk: Talk) -> None:
    assert list(await talk.stores.inbox.accept([])) == []


async def test_what_a_crash_left_comes_back_whole_and_in_order(talk: Talk) -> None:
    rating = GivenRating(turn_id=TurnId("t"), value=-1, reason=Reason.WRONG, correction="es Lima")
    base = talk.message("¿qué tal? 🙂", event="1")
    messages = [
        base,
        IncomingMessage(event_id="2", address=base.address, kind=Kind.RATING, sent_at=base.sent_at, rating=rating),
        IncomingMessage(
            event_id="3",
            address=address_of("luis", chat="grupo", thread="7"),
            kind=Kind.CHOICE,
            sent_at=base.sent_at,
            choice=Chosen(turn_id=TurnId("t"), key="yes"),
            target=PlatformId("99"),
            is_private=False,
            is_admin=True,
            sender_name="Luis",
            locale="es-PE",
        ),
    ]
    await talk.stores.inbox.accept([talk.arrival(message) for message in messages])
    assert [row.message for row in await talk.stores.inbox.unfinished()] == messages
    first, second, _ = await talk.stores.inbox.unfinished()
    for id in (first.id, second.id, first.id):
        await talk.stores.inbox.count_attempt(id)
    assert [row.attempts for row in await talk.stores.inbox.unfinished()] == [2, 1, 0]


async def test_answered_refused_and_absorbed_messages_are_not_unfinished(talk: Talk) -> None:
    answered = talk.message("uno")
    await talk.answer(answered, (await talk.accept(answered)).id)
    refused = await talk.accept(talk.message("dos"))
    await talk.stores.inbox.refuse(refused.id, None)
    absorbed = await talk.accept(talk.message(kind=Kind.STOP))
    await talk.stores.turns.absorb(absorbed.id, (), talk.clock.now())
    await talk.accept(talk.message("in a group"), InboxState.ABSORBED)
    assert list(await talk.stores.inbox.unfinished()) == []


async def test_a_refusal_puts_its_notice_into_the_outbox(talk: Talk) -> None:
    at_the_door = talk.arrival(talk.message("uno", event="1"), InboxState.REFUSED, notice="más despacio")
    await talk.stores.inbox.accept([at_the_door])
    later = talk.message("dos")
    stored = await talk.accept(later)
    await talk.stores.inbox.refuse(stored.id, talk.notice(stored.id, later, "mañana"))
    assert list(await talk.stores.outbox.pending()) == [at_the_door.notice, talk.notice(stored.id, later, "mañana")]


async def test_a_repeat_of_a_refused_message_brings_no_second_notice(talk: Talk) -> None:
    message = talk.message(event="1")
    await talk.stores.inbox.accept([talk.arrival(message, InboxState.REFUSED, notice="despacio")])
    (again,) = await talk.stores.inbox.accept([talk.arrival(message, InboxState.REFUSED, notice="despacio")])
    assert (again.is_new, again.state) == (False, InboxState.REFUSED)
    assert len(await talk.stores.outbox.pending()) == 1


async def test_the_turn_of_an_event_is_found(talk: Talk) -> None:
    stored = await talk.accept(talk.message(event="1"))
    assert await talk.stores.inbox.turn_of(address_of().channel, "1") == stored.id
    assert await talk.stores.inbox.turn_of(address_of().channel, "2") is None


# --- people ---


async def test_one_user_is_one_person_in_all_their_chats(talk: Talk) -> None:
    here = await talk.stores.people.meet(talk.message(), history=MOST, now=talk.clock.now())
    there = await talk.stores.people.meet(talk.message(at=address_of(chat="grupo")), history=MOST, now=talk.clock.now())
    other = await talk.stores.people.meet(talk.message(at=address_of("luis")), history=MOST, now=talk.clock.now())
    assert here.person == there.person != other.person
    assert len({here.address_id, there.address_id, other.address_id}) == 3
    assert len({here.conversation_id, there.conversation_id, other.conversation_id}) == 3


async def test_a_person_is_new_until_their_first_turn(talk: Talk) -> None:
    first = await talk.say("uno")
    second = await talk.say("dos")
    assert (first.context.is_first, second.context.is_first) == (True, False)
    assert first.context.person.language is None
    assert first.context.person.training_consent is None


async def test_history_holds_the_conversation_oldest_first_and_bounded(talk: Talk) -> None:
    for number in range(4):
        await talk.say(f"pregunta {number}", f"respuesta {number}")
    context = await talk.stores.people.meet(talk.message(), history=2, now=talk.clock.now())
    assert context.history == (
        Exchange(question="pregunta 2", answer="respuesta 2"),
        Exchange(question="pregunta 3", answer="respuesta 3"),
    )
    nothing = await talk.stores.people.meet(talk.message(), history=0, now=talk.clock.now())
    assert nothing.history == ()


@pytest.mark.parametrize(("history", "has_earlier"), [(0, True), (2, True), (3, False), (4, False)])
async def test_it_is_known_whether_the_conversation_began_before_its_history(
    talk: Talk, history: int, has_earlier: bool
) -> None:
    for number in range(3):
        await talk.say(f"pregunta {number}")
    context = await talk.stores.people.meet(talk.message(), history=history, now=talk.clock.now())
    assert context.has_earlier is has_earlier
    assert len(context.history) == min(history, 3)
    elsewhere = await talk.stores.people.meet(talk.message(at=address_of("luis")), history=history, now=talk.clock.now())
    assert not elsewhere.has_earlier


async def test_history_says_which_answers_had_something_left_out(talk: Talk) -> None:
    await talk.say("una", flags=frozenset({Flag.FALLBACK, Flag.TRIMMED}))
    await talk.say("dos", flags=frozenset({Flag.FALLBACK}))
    await talk.say("tres")
    context = await talk.stores.people.meet(talk.message(), history=MOST, now=talk.clock.now())
    assert [exchange.was_trimmed for exchange in context.history] == [True, False, False]


async def test_history_leaves_out_commands_failures_other_handlers_and_other_chats(talk: Talk) -> None:
    await talk.say("/help", kind=Kind.COMMAND)
    failed, crisis = talk.message("falla"), talk.message("crisis")
    await talk.answer(failed, (await talk.accept(failed)).id, status=TurnStatus.FAILED)
    await talk.answer(crisis, (await talk.accept(crisis)).id, handler="crisis")
    await talk.say("en el grupo", at=address_of(chat="grupo"))
    context = await talk.stores.people.meet(talk.message(), history=MOST, now=talk.clock.now())
    assert context.history == ()


async def test_a_new_conversation_begins_without_history(talk: Talk) -> None:
    said = await talk.say("antes")
    fresh = SetConversation(address_id=said.context.address_id, conversation_id=ConversationId("fresh"))
    await talk.say("/new", kind=Kind.COMMAND, writes=[fresh])
    after = await talk.say("después")
    assert (after.context.conversation_id, after.context.history) == ("fresh", ())


async def test_language_and_consent_are_remembered(talk: Talk) -> None:
    person = (await talk.say()).context.person.id
    await talk.say(
        writes=[SetConsent(person_id=person, granted=True, version="1"), SetLanguage(person_id=person, language="en")]
    )
    await talk.say(writes=[SetConsent(person_id=person, granted=False, version="1")])
    context = await talk.stores.people.meet(talk.message(), history=0, now=talk.clock.now())
    assert (context.person.language, context.person.training_consent) == ("en", False)


async def test_usage_counts_what_the_day_asked_of_the_model_for_the_person_and_for_all(talk: Talk) -> None:
    await talk.say("uno")
    await talk.say("/help", kind=Kind.COMMAND, tokens=0)
    await talk.say("dos", at=address_of("luis"))
    context = await talk.stores.people.meet(talk.message(), history=0, now=talk.clock.now())
    assert (context.usage.messages, context.usage.tokens, context.usage.tokens_of_all) == (1, 20, 40)
    await talk.say("/again", kind=Kind.COMMAND)
    context = await talk.stores.people.meet(talk.message(), history=0, now=talk.clock.now())
    assert (context.usage.messages, context.usage.tokens, context.usage.tokens_of_all) == (2, 40, 60), "a model wrote it"
    cast("FakeClock", talk.clock).advance(days=1)
    tomorrow = await talk.stores.people.meet(talk.message(), history=0, now=talk.clock.now())
    assert (tomorrow.usage.messages, tomorrow.usage.tokens, tomorrow.usage.tokens_of_all) == (0, 0, 0)


async def test_only_what_a_language_model_was_asked_counts_as_tokens_and_cost(talk: Talk) -> None:
    for generation in (PAID, FREE, PAID):
        await talk.say(generation=generation)
    await talk.say(at=address_of("luis"), generation=PAID)
    usage = (await talk.stores.people.meet(talk.message(), history=0, now=talk.clock.now())).usage
    assert (usage.messages, usage.tokens, usage.cost) == (3, 84, 500)
    assert (usage.tokens_of_all, usage.cost_of_all) == (126, 750)
    new = (await talk.stores.people.meet(talk.message(at=address_of("bea")), history=0, now=talk.clock.now())).usage
    assert (new.messages, new.tokens, new.cost, new.tokens_of_all, new.cost_of_all) == (0, 0, 0, 126, 750)


async def test_an_address_awaits_the_answer_to_its_newest_question_only(talk: Talk) -> None:
    async def ask(kind: str) -> Question:
        message = talk.message("/start", kind=Kind.COMMAND)
        stored = await talk.accept(message)
        met = await talk.stores.people.meet(message, history=0, now=talk.clock.now())
        question = Question(
            turn_id=stored.id, kind=kind, choices=(Choice(key="yes", label="Sí"), Choice(key="no", label="No", row=1)),
            state={"step": "1"},
        )  # fmt: skip
        asking = AskQuestion(address_id=met.address_id, person_id=met.person.id, question=question)
        await talk.answer(message, stored.id, writes=[asking], handler="start")
        return question

    async def awaiting() -> Question | None:
        return (await talk.stores.people.meet(talk.message(), history=0, now=talk.clock.now())).awaiting

    assert await awaiting() is None
    older = await ask("consent")
    assert await awaiting() == older
    newer = await ask("language")
    assert await awaiting() == newer
    await talk.say(kind=Kind.CHOICE, writes=[CloseQuestion(turn_id=newer.turn_id, key="yes")])
    assert await awaiting() is None
    await talk.say(kind=Kind.CHOICE, writes=[CloseQuestion(turn_id=newer.turn_id, key="no")])
    past = await talk.stores.turns.past(newer.turn_id)
    assert past is not None and past.chosen == "yes"


# --- turns ---


async def test_a_turn_is_committed_once(talk: Talk) -> None:
    said = await talk.say()
    with pytest.raises(StoreConflict):
        await talk.stores.turns.commit(said.record)


async def test_a_past_turn_is_what_was_said(talk: Talk) -> None:
    message = talk.message("¿capital de Perú?")
    stored = await talk.accept(message)
    choices = (Choice(key="a", label="A"),)
    said = await talk.answer(message, stored.id, "Cusco", choices=choices, flags=frozenset({Flag.FALLBACK, Flag.PARTIAL}))
    past = await talk.stores.turns.past(stored.id)
    assert past is not None
    assert (past.person_id, past.address_id) == (said.context.person.id, said.context.address_id)
    assert (past.kind, past.handler, past.status, past.language) == (Kind.TEXT, "chat", TurnStatus.ANSWERED, "es")
    assert (past.question, past.reply.text, past.reply.choices, past.reply.rateable) == (message.text, "Cusco", choices, True)
    assert (past.model, past.flags, past.created_at) == ("scripted", said.outgoing.flags, message.sent_at)
    assert (past.rating, past.chosen) == (None, None)
    assert await talk.stores.turns.past(TurnId("nobody's")) is None


async def test_a_past_turn_says_how_its_answer_was_made_and_of_what(talk: Talk) -> None:
    message = talk.message()
    evidence = Evidence(kind=EvidenceKind.KNOWLEDGE, text="un pasaje", source="about.md", score=0.5, title="Qué es")
    generation = replace(PAID, stop="length", first_token_s=0.25, flags=frozenset({Flag.FALLBACK}))
    said = await talk.answer(message, (await talk.accept(message)).id, generation=generation, evidence=(evidence,))
    plain = await talk.say("/help", kind=Kind.COMMAND, tokens=0)
    first, second = await talk.stores.turns.history(said.context.address_id, before=None, limit=MOST)
    assert first == await talk.stores.turns.past(said.id)
    assert second == await talk.stores.turns.past(plain.id)
    assert (first.generation, second.generation) == (generation, None)
    assert first.sources == (Source(kind=EvidenceKind.KNOWLEDGE, source="about.md", score=0.5, title="Qué es"),)
    assert second.sources == ()


async def test_the_question_that_was_answered_is_kept(talk: Talk) -> None:
    again, choice = talk.message("/again", kind=Kind.COMMAND), talk.message("", kind=Kind.CHOICE)
    await talk.answer(again, (await talk.accept(again)).id, question="¿capital de Perú?")
    pressed = IncomingMessage(
        event_id="pressed", address=choice.address, kind=Kind.CHOICE, sent_at=choice.sent_at,
        choice=Chosen(turn_id=TurnId("t"), key="yes"),
    )  # fmt: skip
    said = await talk.answer(pressed, (await talk.accept(pressed)).id)
    history = await talk.stores.turns.history(said.context.address_id, before=None, limit=MOST)
    assert [past.question for past in history] == ["¿capital de Perú?", "yes"]


async def test_the_last_press_of_a_rating_counts(talk: Talk) -> None:
    said = await talk.say()
    person = said.context.person.id

    async def press(rating: SetRating) -> None:
        message = talk.message(kind=Kind.RATING)
        stored = await talk.accept(message)
        await talk.stores.turns.absorb(stored.id, [rating], talk.clock.now())

    await press(SetRating(person_id=person, turn_id=said.id, value=1))
    await press(SetRating(person_id=person, turn_id=said.id, value=-1, reason=Reason.WRONG, correction="Lima"))
    past = await talk.stores.turns.past(said.id)
    assert past is not None and past.rating is not None
    assert (past.rating.value, past.rating.reason, past.rating.correction) == (-1, Reason.WRONG, "Lima")
    assert past.rating.rated_at == talk.clock.now()
    await press(SetRating(person_id=person, turn_id=said.id, value=0))
    past = await talk.stores.turns.past(said.id)
    assert past is not None and past.rating is not None and past.rating.value == 0


async def test_a_rating_of_an_unknown_turn_leaves_its_message_unfinished(talk: Talk) -> None:
    said = await talk.say()
    stored = await talk.accept(talk.message(kind=Kind.RATING))
    rating = SetRating(person_id=said.context.person.id, turn_id=TurnId("nobody's"), value=1)
    with pytest.raises(StoreConflict):
        await talk.stores.turns.absorb(stored.id, [rating], talk.clock.now())
    assert [row.id for row in await talk.stores.inbox.unfinished()] == [stored.id]


async def test_an_edit_relabels_the_stored_turn(talk: Talk) -> None:
    said = await talk.say("hloa")
    stored = await talk.accept(talk.message("hola", kind=Kind.EDIT))
    await talk.stores.turns.absorb(stored.id, [RelabelTurn(turn_id=said.id, question="hola")], talk.clock.now())
    past = await talk.stores.turns.past(said.id)
    assert past is not None and past.question == "hola"
    context = await talk.stores.people.meet(talk.message(), history=1, now=talk.clock.now())
    assert context.history == (Exchange(question="hola", answer="buenas"),)


async def test_history_pages_backwards_through_one_address(talk: Talk) -> None:
    said = [await talk.say(f"pregunta {number}") for number in range(5)]
    await talk.say("en otro chat", at=address_of(chat="grupo"))
    address = said[0].context.address_id
    last = await talk.stores.turns.history(address, before=None, limit=2)
    assert [past.id for past in last] == [said[3].id, said[4].id]
    before = await talk.stores.turns.history(address, before=last[0].id, limit=2)
    assert [past.id for past in before] == [said[1].id, said[2].id]


# --- outbox ---


async def test_a_reply_waits_in_the_outbox_until_it_is_sent(talk: Talk) -> None:
    message = talk.message()
    stored = await talk.accept(message)
    said = await talk.answer(
        message, stored.id, choices=(Choice(key="a", label="A"),), flags=frozenset({Flag.FAILED}), status=TurnStatus.FAILED
    )
    assert list(await talk.stores.outbox.pending()) == [said.outgoing]
    await talk.stores.outbox.tried(said.outgoing, "no route", talk.clock.now())
    assert [outgoing.attempts for outgoing in await talk.stores.outbox.pending()] == [1]
    await talk.stores.outbox.sent(said.outgoing, [PlatformId("1")], talk.clock.now())
    assert list(await talk.stores.outbox.pending()) == []


@pytest.mark.parametrize(("status", "ended"), [(TurnStatus.ANSWERED, InboxState.SENT), (TurnStatus.FAILED, InboxState.FAILED)])
async def test_a_message_ends_as_its_turn_did(talk: Talk, status: TurnStatus, ended: InboxState) -> None:
    message = talk.message(event="1")
    stored = await talk.accept(message)
    said = await talk.answer(message, stored.id, status=status)
    (between,) = await talk.stores.inbox.accept([talk.arrival(message)])
    await talk.stores.outbox.sent(said.outgoing, (), talk.clock.now())
    (after,) = await talk.stores.inbox.accept([talk.arrival(message)])
    assert (between.state, after.state) == (InboxState.ANSWERED, ended)


async def test_a_turn_that_says_nothing_ends_at_once(talk: Talk) -> None:
    message = talk.message(event="1")
    await talk.answer(message, (await talk.accept(message)).id, None)
    (after,) = await talk.stores.inbox.accept([talk.arrival(message)])
    assert after.state is InboxState.SENT
    assert list(await talk.stores.outbox.pending()) == []


async def test_every_delivered_part_leads_to_its_turn(talk: Talk) -> None:
    said = await talk.say(parts=["10", "11"])
    for part in ("10", "11"):
        assert await talk.stores.turns.delivered_as(said.message.address, PlatformId(part)) == said.id
    assert await talk.stores.turns.delivered_as(said.message.address, PlatformId("12")) is None
    assert await talk.stores.turns.delivered_as(address_of("luis"), PlatformId("10")) is None


async def test_the_parts_that_a_platform_has_are_known_until_the_reply_is_sent(talk: Talk) -> None:
    message, now = talk.message(), talk.clock.now()
    stored = await talk.accept(message)
    outbox, row = talk.stores.outbox, OutboxId(stored.id)
    assert await outbox.parts(row) == {}
    await outbox.set_part(row, 0, Part(platform_id=PlatformId("9")), now)
    await outbox.set_part(row, 1, Part(platform_id=PlatformId("10")), now)
    await outbox.set_part(row, 0, Part(platform_id=PlatformId("9"), is_filled=True), now)
    assert await outbox.parts(row) == {
        0: Part(platform_id=PlatformId("9"), is_filled=True),
        1: Part(platform_id=PlatformId("10")),
    }
    said = await talk.answer(message, stored.id)
    await outbox.sent(said.outgoing, [PlatformId("9"), PlatformId("10")], now)
    assert await outbox.parts(row) == {}


async def test_what_is_on_its_way_leads_to_its_turn_before_that_is_stored_and_after(talk: Talk) -> None:
    message, now = talk.message(), talk.clock.now()
    stored = await talk.accept(message)
    elsewhere = await talk.accept(talk.message(event="2", at=address_of("luis")))
    await talk.stores.outbox.set_part(OutboxId(stored.id), 1, Part(platform_id=PlatformId("9")), now)
    await talk.stores.outbox.set_part(OutboxId(elsewhere.id), 0, Part(platform_id=PlatformId("9")), now)
    delivered_as = partial(talk.stores.turns.delivered_as, message.address)
    assert await delivered_as(PlatformId("9")) == stored.id
    assert await delivered_as(PlatformId("10")) is None
    said = await talk.answer(message, stored.id)
    assert await delivered_as(PlatformId("9")) == stored.id
    await talk.stores.outbox.sent(said.outgoing, [PlatformId("9")], now)
    assert await delivered_as(PlatformId("9")) == stored.id


async def test_a_closed_chat_gets_nothing_until_its_person_writes(talk: Talk) -> None:
    message = talk.message(event="1")
    said = await talk.answer(message, (await talk.accept(message)).id)
    await talk.stores.outbox.closed(said.outgoing, talk.clock.now())
    assert list(await talk.stores.outbox.pending()) == []
    (after,) = await talk.stores.inbox.accept([talk.arrival(message)])
    assert after.state is InboxState.REFUSED
    await talk.stores.outbox.sent(said.outgoing, (), talk.clock.now())
    (still,) = await talk.stores.inbox.accept([talk.arrival(message)])
    assert still.state is InboxState.REFUSED


async def test_a_reply_left_by_a_crash_still_says_how_it_was_made(talk: Talk) -> None:
    message = talk.message()
    await talk.answer(message, (await talk.accept(message)).id, generation=PAID)
    (outgoing,) = await talk.stores.outbox.pending()
    assert outgoing.generation == PAID


# --- usage and notices ---


async def test_the_usage_of_a_day_is_the_sum_of_all_people(talk: Talk) -> None:
    day = talk.clock.now().date()
    assert await talk.stores.usage.of_day(day) == UsageOfDay(day=day, people=0, messages=0, tokens=0, cost=0)
    for user, generation in (("ana", PAID), ("ana", FREE), ("luis", PAID), ("bea", FREE)):
        await talk.say(at=address_of(user), generation=generation)
    await talk.say("/help", kind=Kind.COMMAND, at=address_of("leo"), tokens=0)
    assert await talk.stores.usage.of_day(day) == UsageOfDay(day=day, people=3, messages=4, tokens=84, cost=500)
    cast("FakeClock", talk.clock).advance(days=1)
    await talk.say(generation=PAID)
    assert await talk.stores.usage.of_day(day) == UsageOfDay(day=day, people=3, messages=4, tokens=84, cost=500)
    tomorrow = talk.clock.now().date()
    assert await talk.stores.usage.of_day(tomorrow) == UsageOfDay(day=tomorrow, people=1, messages=1, tokens=42, cost=250)


async def test_the_admins_are_told_of_each_kind_once_a_day(talk: Talk) -> None:
    def told(kind: str, day: date, most: int) -> TellAdmins:
        return TellAdmins(kind=kind, day=day, facts={"limit": str(most)})

    clock = cast("FakeClock", talk.clock)
    first = clock.now()
    await talk.say(writes=[told("tokens_per_day", first.date(), 5)])
    second = clock.advance(1)
    await talk.say(writes=[told("tokens_per_day", first.date(), 6), told("money_per_day", first.date(), 7)])
    third = clock.advance(days=1)
    await talk.say(writes=[told("tokens_per_day", third.date(), 8)])
    older = AdminNotice(kind="tokens_per_day", day=first.date(), facts={"limit": "5"}, at=first)
    other = AdminNotice(kind="money_per_day", day=first.date(), facts={"limit": "7"}, at=second)
    newer = AdminNotice(kind="tokens_per_day", day=third.date(), facts={"limit": "8"}, at=third)
    assert list(await talk.stores.notices.recent(first.date(), MOST)) == [newer, other, older]
    assert list(await talk.stores.notices.recent(first.date(), 1)) == [newer]
    assert list(await talk.stores.notices.recent(third.date(), MOST)) == [newer]
