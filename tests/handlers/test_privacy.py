"""The way out and the end: /mydata and /forgetme."""

from __future__ import annotations

import json

import pytest

from bot.types import LANGUAGES, Kind, Language, Question, TurnId
from bot.writes import AddJob, AskQuestion, CloseQuestion
from tests.handlers.fakes import ADA, BOB, FakeOwner, answer, command, message, past, pressed, said, services, turn

OWNERS = (
    FakeOwner("turns", [{"question": "¿Qué?", "answer": "Sí."}]),
    FakeOwner("ratings", []),
    FakeOwner("people", {"id": "ada"}),
)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_mydata_gives_one_readable_file_with_every_owner(language: Language) -> None:
    _, outcome = await answer(command("mydata", language), services(personal=OWNERS))
    assert outcome.reply is not None
    (file,) = outcome.reply.files
    assert file.name == "martin-mydata-2026-11-30.json"
    assert file.media_type == "application/json"
    content = file.content.decode("utf-8")
    held = json.loads(content)
    assert set(held) == {"martin_export", "turns", "ratings", "people"}
    assert held["turns"] == OWNERS[0].held
    assert held["martin_export"]["person"] == ADA
    assert '\n  "turns"' in content
    assert "¿Qué?" in content, "written as people read it, not escaped"
    assert {"en": "It has 2 entries", "es": "Tiene 2 entradas"}[language] in said(outcome)


@pytest.mark.parametrize(("language", "word"), [("en", "private"), ("es", "privado")])
async def test_mydata_is_never_shown_in_a_group(language: Language, word: str) -> None:
    asked = turn(message(Kind.COMMAND, "/mydata", is_private=False), language, command="mydata")
    _, outcome = await answer(asked, services(personal=OWNERS))
    assert outcome.is_refused
    assert outcome.reply is not None
    assert outcome.reply.files == ()
    assert word in said(outcome)


async def test_forgetme_asks_before_it_erases() -> None:
    _, outcome = await answer(command("forgetme"))
    (write,) = outcome.writes
    assert isinstance(write, AskQuestion)
    assert write.question.kind == "forgetme"
    assert outcome.reply is not None
    assert [choice.key for choice in outcome.reply.choices] == ["forgetme:yes", "forgetme:no"]


async def asking() -> Question:
    _, outcome = await answer(command("forgetme"))
    (write,) = outcome.writes
    assert isinstance(write, AskQuestion)
    return Question(turn_id=TurnId("t1"), kind="forgetme", choices=write.question.choices)


@pytest.mark.parametrize(("language", "remains"), [("en", "What remains"), ("es", "Lo que queda")])
async def test_yes_erases_after_this_reply_and_says_what_remains_until_when(language: Language, remains: str) -> None:
    question = await asking()
    handler, outcome = await answer(pressed(past(handler="forgetme", choices=question.choices), "forgetme:yes", language))
    assert handler.name == "forgetme"
    assert outcome.writes == (
        CloseQuestion(turn_id=TurnId("t1"), key="forgetme:yes"),
        AddJob(kind="forget", person_id=ADA, after_turn=TurnId("t9")),
    )
    assert "2026-12-07" in said(outcome)
    assert remains in said(outcome)
    assert ("preference profile" if language == "en" else "perfil de preferencias") in said(outcome)


@pytest.mark.parametrize("text", ["a", "A.", "yes, erase everything", "YES ERASE EVERYTHING!"])
async def test_yes_may_be_written_as_its_letter_or_text(text: str) -> None:
    _, outcome = await answer(turn(message(text=text), awaiting=await asking()))
    assert any(isinstance(write, AddJob) for write in outcome.writes)


@pytest.mark.parametrize("text", ["yes", "erase", "sure, but what about my ratings?"])
async def test_nothing_less_than_the_option_erases(text: str) -> None:
    handler, outcome = await answer(turn(message(text=text), awaiting=await asking()))
    assert handler.name == "chat"
    assert outcome.writes == ()


async def test_no_erases_nothing() -> None:
    question = await asking()
    _, outcome = await answer(pressed(past(choices=question.choices), "forgetme:no"))
    assert outcome.writes == (CloseQuestion(turn_id=TurnId("t1"), key="forgetme:no"),)


async def test_an_answered_question_erases_nothing_any_more() -> None:
    question = await asking()
    _, outcome = await answer(pressed(past(choices=question.choices, chosen="forgetme:no"), "forgetme:yes"))
    assert outcome.is_refused
    assert outcome.writes == ()


async def test_nobody_can_erase_somebody_else() -> None:
    question = await asking()
    _, outcome = await answer(pressed(past(choices=question.choices), "forgetme:yes", person=BOB))
    assert outcome.is_refused
    assert outcome.writes == ()
