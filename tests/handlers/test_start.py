"""The greeting, the one question about training, and its reminder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.model_types import ModelStatus
from bot.types import LANGUAGES, DueMessage, Kind, Language, Outcome, PastTurn, Person, Question, TurnId
from bot.writes import AddDueMessage, AskQuestion, CloseQuestion, SetConsent, SetLanguage
from handlers.start import CONSENT_VERSION, StartHandler
from tests.handlers.fakes import ADA, ADDRESS, BOB, NOW, answer, command, message, past, pressed, said, services, turn

REMOTE = ModelStatus(name="cloud/big", is_ready=True, is_remote=True, detail="")


async def greeting(language: Language = "en") -> tuple[Outcome, PastTurn]:
    _, outcome = await answer(command("start", language))
    assert outcome.reply is not None
    return outcome, past(handler="start", kind=Kind.COMMAND, rateable=False, choices=outcome.reply.choices)


def opened(asking: PastTurn) -> Question:
    return Question(turn_id=asking.id, kind="consent", choices=asking.reply.choices)


@pytest.mark.parametrize(
    ("language", "automated", "stays"),
    [("en", "automated", "stays on the machine"), ("es", "automático", "se queda en la máquina")],
)
async def test_greeting_says_that_it_is_an_ai_and_where_text_goes(language: Language, automated: str, stays: str) -> None:
    outcome, _ = await greeting(language)
    assert automated in said(outcome)
    assert stays in said(outcome)
    assert "👎" in said(outcome)


async def test_greeting_names_every_model_that_text_may_leave_for() -> None:
    _, outcome = await answer(command("start"), services(statuses=[REMOTE]))
    assert "cloud/big" in said(outcome)
    assert "outside" in said(outcome)


async def test_greeting_counts_a_named_model_that_is_down_but_not_one_that_nobody_named_and_that_is_not_there() -> None:
    down = replace(REMOTE, is_ready=False)
    _, outcome = await answer(command("start"), services(statuses=[down]))
    assert "cloud/big" in said(outcome)
    _, outcome = await answer(command("start"), services(statuses=[replace(down, is_wanted=False)]))
    assert "cloud/big" not in said(outcome)
    assert "stays on the machine" in said(outcome)


async def test_greeting_does_not_promise_more_than_the_private_network_where_a_server_may_be_elsewhere_in_it() -> None:
    near = ModelStatus(name="ollama/small", is_ready=True, is_remote=False, is_networked=True, detail="")
    offline = ModelStatus(name="offline", is_ready=True, is_remote=False, detail="")
    _, outcome = await answer(command("start"), services(statuses=[near, offline]))
    assert "or in its private network" in said(outcome)
    _, outcome = await answer(command("start"), services(statuses=[offline]))
    assert "network" not in said(outcome)


async def test_greeting_waits_for_no_model() -> None:
    async def status(language: Language) -> Sequence[ModelStatus]:
        raise AssertionError("a model was asked")

    _, outcome = await answer(command("start", "es"), replace(services(), status=status))
    assert "Lo que escribes se queda en la máquina" in said(outcome)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_greeting_asks_about_training_only_and_opens_the_question(language: Language) -> None:
    outcome, _ = await greeting(language)
    (write,) = outcome.writes
    assert isinstance(write, AskQuestion)
    assert write.question.kind == "consent"
    assert outcome.reply is not None
    assert [choice.key for choice in outcome.reply.choices][:3] == ["consent:yes", "consent:no", "consent:later"]
    assert write.question.choices == outcome.reply.choices


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_questionnaire_is_offered_in_a_row_of_its_own_and_only_in_private(language: Language) -> None:
    outcome, _ = await greeting(language)
    assert outcome.reply is not None
    offer = outcome.reply.choices[-1]
    assert offer.key == "profile_start:invite"
    assert "3" in offer.label
    assert [choice.row for choice in outcome.reply.choices].count(offer.row) == 1
    _, outcome = await answer(turn(message(Kind.COMMAND, "/start", is_private=False), language, command="start"))
    assert outcome.reply is not None
    assert [choice.key.partition(":")[0] for choice in outcome.reply.choices] == ["consent"] * 3 + ["language"]


@pytest.mark.parametrize(("key", "granted"), [("consent:yes", True), ("consent:no", False)])
async def test_a_press_sets_consent_with_its_version_and_closes_the_question(key: str, granted: bool) -> None:
    _, asking = await greeting()
    handler, outcome = await answer(pressed(asking, key))
    assert handler.name == "start"
    assert outcome.writes == (
        SetConsent(person_id=ADA, granted=granted, version=CONSENT_VERSION),
        CloseQuestion(turn_id=asking.id, key=key),
    )


@pytest.mark.parametrize(
    ("language", "text", "key"),
    [
        ("en", "A", "yes"),
        ("en", "b)", "no"),
        ("en", " Later. ", "later"),
        ("en", "YES", "yes"),
        ("en", "no", "no"),
        ("es", "si", "yes"),
        ("es", "SÍ!", "yes"),
        ("es", "Mas tarde", "later"),
    ],
)
async def test_a_letter_or_the_text_of_an_option_answers_the_open_question(language: Language, text: str, key: str) -> None:
    _, asking = await greeting(language)
    handler, outcome = await answer(turn(message(text=text), language, awaiting=opened(asking)))
    assert handler.name == "start"
    assert CloseQuestion(turn_id=asking.id, key=f"consent:{key}") in outcome.writes


async def test_anything_else_goes_to_chat_and_leaves_the_question_open() -> None:
    _, asking = await greeting()
    for text in ("yes please, tell me about cats", "f", "what do you train?", "no way"):
        handler, outcome = await answer(turn(message(text=text), awaiting=opened(asking)))
        assert handler.name == "chat"
        assert outcome.writes == ()


async def test_without_an_open_question_a_letter_is_chat() -> None:
    handler, _ = await answer(turn(message(text="a")))
    assert handler.name == "chat"


async def test_a_later_press_on_an_answered_question_changes_the_consent() -> None:
    _, asking = await greeting()
    _, outcome = await answer(pressed(past(handler="start", choices=asking.reply.choices, chosen="consent:yes"), "consent:no"))
    assert outcome.writes[0] == SetConsent(person_id=ADA, granted=False, version=CONSENT_VERSION)


async def test_later_reminds_once_after_a_day() -> None:
    _, asking = await greeting()
    chosen = pressed(asking, "consent:later")
    waiting = turn(chosen.message, target=asking, awaiting=opened(asking))
    _, outcome = await answer(waiting)
    reminder = outcome.writes[0]
    assert isinstance(reminder, AddDueMessage)
    assert reminder.due_at == NOW + timedelta(hours=24)
    assert reminder.kind.partition(".")[0] in StartHandler.due_kinds
    assert not any(isinstance(write, SetConsent) for write in outcome.writes)
    _, again = await answer(chosen)
    assert not any(isinstance(write, AddDueMessage) for write in again.writes), "a second press reminds no second time"


async def test_later_takes_back_an_earlier_yes() -> None:
    _, asking = await greeting()
    _, outcome = await answer(pressed(asking, "consent:later", consent=True))
    assert SetConsent(person_id=ADA, granted=False, version=CONSENT_VERSION) in outcome.writes


@pytest.mark.parametrize(("language", "command_name"), [("en", "/start"), ("es", "/empezar")])
async def test_the_reminder_is_worded_in_the_language_of_the_answer_and_asks_nothing_twice(
    language: Language, command_name: str
) -> None:
    start = StartHandler(services())
    person = Person(id=ADA, language=None, created_at=NOW)
    due = DueMessage(
        id="d1", kind=f"consent.{language}", person=person, address=ADDRESS, address_id=command("start").address_id
    )
    outcome = await start.word(due)
    assert command_name in said(outcome)
    assert outcome.writes == ()


@pytest.mark.parametrize("decided", [True, False])
async def test_the_reminder_is_dropped_once_the_person_has_decided(decided: bool) -> None:
    person = Person(id=ADA, language="en", created_at=NOW, training_consent=decided)
    due = DueMessage(id="d1", kind="consent.en", person=person, address=ADDRESS, address_id=command("start").address_id)
    assert (await StartHandler(services()).word(due)).reply is None


@pytest.mark.parametrize("decided", [True, False])
async def test_who_has_decided_is_shown_it_and_no_question_is_left_open(decided: bool) -> None:
    _, outcome = await answer(command("start", consent=decided))
    assert outcome.writes == ()
    assert outcome.reply is not None
    assert outcome.reply.choices
    assert ("**may**" in said(outcome)) is decided


async def test_the_other_language_is_one_press_away_and_the_greeting_comes_back_in_it() -> None:
    _, asking = await greeting("es")
    handler, outcome = await answer(pressed(asking, "language:en", "es"))
    assert handler.name == "language"
    assert outcome.writes[:2] == (
        SetLanguage(person_id=ADA, language="en"),
        CloseQuestion(turn_id=asking.id, key="language:en"),
    )
    assert isinstance(outcome.writes[2], AskQuestion)
    assert said(outcome).startswith("Hi!")


async def test_another_persons_press_is_refused() -> None:
    _, asking = await greeting()
    handler, outcome = await answer(pressed(asking, "consent:yes", person=BOB))
    assert handler.name == "stale_choice"
    assert outcome.is_refused
    assert outcome.writes == ()


@pytest.mark.parametrize("key", ["consent:maybe", "consent", "", "language:fr"])
async def test_an_unknown_option_is_refused(key: str) -> None:
    _, asking = await greeting()
    _, outcome = await answer(pressed(asking, key))
    assert outcome.is_refused
    assert outcome.writes == ()


async def test_a_press_on_an_erased_turn_is_refused() -> None:
    _, asking = await greeting()
    gone = turn(pressed(asking, "consent:yes").message)
    _, outcome = await answer(gone)
    assert outcome.is_refused
    assert outcome.writes == ()
    assert TurnId("t1") == asking.id
