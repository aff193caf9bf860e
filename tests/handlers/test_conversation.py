"""New, stop, again, language, help and about."""

from __future__ import annotations

import pytest

from bot.commands import COMMANDS
from bot.model_types import ModelStatus
from bot.types import LANGUAGES, Choice, Exchange, Kind, Language, Question, TurnId, TurnStatus
from bot.writes import AskQuestion, CloseQuestion, SetConversation, SetLanguage
from tests.handlers.fakes import ADA, BOB, FakeModel, answer, command, message, past, said, services, turn

LANGUAGE_CHOICES = (Choice(key="language:es", label="Español"), Choice(key="language:en", label="English"))


async def test_new_begins_a_conversation_with_a_fresh_id() -> None:
    _, outcome = await answer(command("new"))
    (write,) = outcome.writes
    assert isinstance(write, SetConversation)
    assert write.conversation_id == "id1"


@pytest.mark.parametrize("target", [None, TurnId("t5")])
async def test_stop_ends_the_running_turn_without_a_word(target: TurnId | None) -> None:
    handler, outcome = await answer(turn(message(Kind.STOP, "/stop", target=target), running=TurnId("t5")))
    assert handler.name == "stop"
    assert outcome.stops == "t5"
    assert outcome.reply is None


@pytest.mark.parametrize(("running", "target"), [(None, None), (TurnId("t5"), TurnId("t4")), (None, TurnId("t4"))])
async def test_stop_with_nothing_to_stop_says_so(running: TurnId | None, target: TurnId | None) -> None:
    _, outcome = await answer(turn(message(Kind.STOP, target=target), running=running))
    assert outcome.is_refused
    assert outcome.stops is None
    assert said(outcome)


async def test_again_answers_the_last_chat_question_and_keeps_it_as_the_question() -> None:
    model = FakeModel()
    stored = [past("t1", question="Old?"), past("t2", question="What is it?"), past("t3", handler="help", kind=Kind.COMMAND)]
    history = (Exchange(question="Old?", answer="Yes."), Exchange(question="What is it?", answer="A thing."))
    asked = turn(message(Kind.COMMAND, "/again"), command="again", history=history)
    handler, outcome = await answer(asked, services(model=model, turns=stored))
    assert handler.name == "again"
    assert outcome.question == "What is it?"
    assert said(outcome) == "Hello, world."
    assert outcome.reply is not None
    assert outcome.reply.rateable
    assert not outcome.remember
    assert model.prompts[0].question == "What is it?"
    assert model.prompts[0].history == history[:1], "it is asked as if for the first time"


async def test_again_on_a_named_turn_answers_that_one() -> None:
    named = past("t1", question="Old?")
    asked = turn(message(Kind.COMMAND, "/again", target=TurnId("t1")), command="again", target=named)
    _, outcome = await answer(asked, services(turns=[named, past("t2", question="New?")]))
    assert outcome.question == "Old?"


async def test_again_repeats_a_turn_that_failed() -> None:
    failed = past("t1", handler="none", status=TurnStatus.FAILED, question="Lost?")
    _, outcome = await answer(command("again"), services(turns=[failed]))
    assert outcome.question == "Lost?"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_again_with_nothing_to_repeat_says_so(language: Language) -> None:
    for stored in ([], [past("t1"), past("t2", handler="new", kind=Kind.COMMAND)], [past(person=BOB)]):
        _, outcome = await answer(command("again", language), services(turns=stored))
        assert outcome.is_refused
        assert outcome.question is None


async def test_again_on_somebody_elses_turn_is_refused() -> None:
    asked = turn(message(Kind.COMMAND, "/again", target=TurnId("t1")), command="again", target=past(person=BOB))
    _, outcome = await answer(asked, services(turns=[past(person=BOB), past("t2")]))
    assert outcome.is_refused


@pytest.mark.parametrize(
    ("word", "language", "reply"),
    [("es", "es", "Hecho"), ("Español", "es", "Hecho"), ("EN", "en", "Done"), ("inglés", "en", "Done")],
)
async def test_language_by_name_is_set_and_answered_in_the_new_language(word: str, language: Language, reply: str) -> None:
    _, outcome = await answer(command("language", arguments=word))
    assert outcome.writes == (SetLanguage(person_id=ADA, language=language),)
    assert said(outcome).startswith(reply)


@pytest.mark.parametrize("word", ["", "fr", "klingon"])
async def test_language_without_a_known_name_asks(word: str) -> None:
    _, outcome = await answer(command("language", arguments=word))
    (write,) = outcome.writes
    assert isinstance(write, AskQuestion)
    assert outcome.reply is not None
    assert [choice.label for choice in outcome.reply.choices] == ["Español", "English"]


@pytest.mark.parametrize("text", ["b", "english", "ENGLISH!"])
async def test_language_is_chosen_by_letter_or_name(text: str) -> None:
    question = Question(turn_id=TurnId("t1"), kind="language", choices=LANGUAGE_CHOICES)
    handler, outcome = await answer(turn(message(text=text), "es", awaiting=question))
    assert handler.name == "language"
    assert outcome.writes == (
        SetLanguage(person_id=ADA, language="en"),
        CloseQuestion(turn_id=TurnId("t1"), key="language:en"),
    )
    assert said(outcome).startswith("Done")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_help_names_every_command_in_the_language(language: Language) -> None:
    _, outcome = await answer(command("help", language, is_admin=True))
    for one in COMMANDS:
        assert (one.resumen if language == "es" else one.summary) in said(outcome)
        assert f"/{one.spanish[0] if language == 'es' else one.name}" in said(outcome)
    assert "👎" in said(outcome)


@pytest.mark.parametrize(("consent", "words"), [(None, "have not said"), (True, "allowed"), (False, "asked that")])
async def test_about_says_what_it_is_what_answers_and_what_is_kept(consent: bool | None, words: str) -> None:
    statuses = (
        ModelStatus(name="ollama/small", is_ready=True, is_remote=False, detail=""),
        ModelStatus(name="offline", is_ready=True, is_remote=False, detail=""),
    )
    _, outcome = await answer(command("about", consent=consent), services(statuses=statuses))
    for part in ("0.1.0", "`ollama/small`", "`offline` steps in", "7 days", "Apache-2.0", "stays on the machine", words):
        assert part in said(outcome), part


async def test_about_names_all_that_step_in_in_their_order() -> None:
    statuses = [ModelStatus(name=name, is_ready=True, is_remote=False, detail="") for name in ("one", "two", "offline")]
    _, outcome = await answer(command("about"), services(statuses=statuses))
    assert "`one` answers; when it cannot, these step in, in order: `two`, `offline`." in said(outcome)


async def test_about_is_honest_when_nothing_can_answer() -> None:
    down = ModelStatus(name="x", is_ready=False, is_remote=False, detail="down")
    _, outcome = await answer(command("about"), services(statuses=[down]))
    assert "No model can answer" in said(outcome)


async def test_a_command_that_is_none_points_to_help_and_a_path_is_chat() -> None:
    handler, outcome = await answer(turn(message(text="/profil")))
    assert handler.name == "unknown_command"
    assert "/help" in said(outcome)
    for text in ("/etc/hosts is a file", "/ is the root", "/usr/bin"):
        handler, _ = await answer(turn(message(text=text)))
        assert handler.name == "chat"


@pytest.mark.parametrize("kind", list(Kind))
async def test_every_kind_of_message_has_a_handler(kind: Kind) -> None:
    handler, _ = await answer(turn(message(kind, "x")))
    assert handler.name
