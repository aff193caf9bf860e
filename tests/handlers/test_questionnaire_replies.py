"""Replies to an open item that come near an answer: taken for one, or answered with how to answer; and a wish to stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.types import Kind, Language, TurnId
from handlers.asked_items import place_in_words
from profiles.questionnaire import Asked
from tests.handlers.questionnaire_talk import QV1, Talk, in_course


@pytest.mark.parametrize(
    ("language", "said", "option"),
    [
        *(("en", "2", 1), ("es", "la primera", 0), ("es", "la última", 3), ("en", "the second one", 1), ("en", "🅱️", 1)),
        *(("en", "no idea", None), ("es", "no sé", None), ("es", "paso", None), ("en", "don't know", None)),
    ],
)
async def test_a_reply_that_comes_near_is_an_answer(language: Language, said: str, option: int | None) -> None:
    talk = await in_course(language)
    options = talk.options
    await talk.says(said)
    assert talk.handler == "questionnaire"
    assert talk.answers == [("C1", None if option is None else options[option])]


@pytest.mark.parametrize("said", ["me da igual", "both", "las dos"])
async def test_both_alike_is_taken_where_the_item_has_it_and_explained_where_not(said: str) -> None:
    talk = await in_course()
    await talk.says(said)
    assert talk.text.startswith("Answer with A to D")
    await talk.goes_on()
    for _ in range(7):
        await talk.chooses(min(talk.options))
    await talk.says(said)
    assert talk.answers[-1] == ("ENT2", "b")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Answer with A to D, or Skip, Back, Stop; anything longer is a question to me."),
        (
            "es",
            "Responde con una letra de la A a la D, o con Saltar, Atrás o Parar; si escribes algo más largo, lo tomo como "
            "pregunta.",
        ),
    ],
)
@pytest.mark.parametrize("said", ["e", "E)", "9", "ok", "?", "🅾️", "👍"])
async def test_what_is_too_short_for_a_question_gets_a_hint_and_the_item_stays_open(
    language: Language, words: str, said: str
) -> None:
    talk = await in_course(language)
    open_item = talk.awaiting
    await talk.says(said)
    assert (talk.text, talk.keys, talk.writes, talk.outcome.is_refused) == (words, [], (), True)
    assert talk.awaiting == open_item
    assert talk.model.prompts == []
    await talk.says("b")
    assert len(talk.answers) == 1


async def test_the_hint_knows_how_many_options_there_are() -> None:
    talk = await in_course()
    await talk.chooses("2")
    await talk.chooses("task")
    await talk.says("d")
    assert talk.text.startswith("Answer with A to C,")


async def test_short_replies_are_talk_where_no_item_is_open() -> None:
    talk = await in_course()
    await talk.chooses("stop")
    await talk.says("e")
    assert talk.handler == "chat"


async def test_a_short_reply_to_an_item_that_was_answered_elsewhere_shows_the_open_one() -> None:
    talk = await in_course()
    elsewhere = talk.awaiting
    await talk.chooses("2")
    talk.awaiting = elsewhere
    await talk.says("e")
    assert talk.item == "C2"
    talk.stored.stored.clear()
    await talk.says("e")
    assert "not open any more" in talk.text
    assert talk.awaiting is None


@pytest.mark.parametrize("kind", [Kind.STOP, Kind.COMMAND])
async def test_stop_stops_the_questionnaire_while_nothing_is_being_written(kind: Kind) -> None:
    talk = await in_course()
    await talk.chooses("2")
    given = replace(talk.turn(kind, "/stop"), command="stop" if kind is Kind.COMMAND else "")
    await talk.answers_to(given)
    assert (talk.handler, talk.written) == ("questionnaire", ["stop", "CloseQuestion"])
    course = (await talk.profile()).course
    assert course is not None
    assert course.is_stopped
    await talk.answers_to(given)
    assert talk.handler == "stop", "the next one has nothing to stop"


@pytest.mark.parametrize("is_named", [True, False])
async def test_stop_ends_an_answer_that_is_being_written_and_leaves_the_item_open(is_named: bool) -> None:
    talk = await in_course()
    given = replace(talk.turn(Kind.STOP, "/stop"), running=TurnId("t9"))
    if is_named:
        given = replace(given, message=replace(given.message, target=TurnId("t8")), running=None)
    handler, outcome = await talk.routed(given)
    assert handler == "stop"
    assert outcome.writes == ()


@pytest.mark.parametrize(
    ("language", "places"),
    [
        ("en", ["question 2 of the first 3", "question 4 of 12", "one of the extra questions"]),
        ("es", ["la 2 de las 3 primeras", "la pregunta 4 de 12", "una de las preguntas para afinar"]),
    ],
)
def test_the_place_of_an_item_is_named(language: Language, places: list[str]) -> None:
    items = [("C2", 2, 3), ("FOR1", 4, 12), ("FOR4", 0, 0)]
    found = [
        place_in_words(language, Asked(item=QV1.items[item], options=(), number=number, count=count, has_earlier=True))
        for item, number, count in items
    ]
    assert found == places


async def test_who_goes_on_with_an_added_item_is_not_told_a_number() -> None:
    talk = await in_course()
    while talk.item != "ENT4":
        await talk.chooses("c" if talk.item == "ENT2" else min(talk.options))
    assert talk.text.startswith("One more, to be sure · ")
    assert "one of the extra questions" in await talk.aside()
    await talk.goes_on()
    assert talk.text.startswith("We go on where you left off.\n\nOne more, to be sure · ")


@pytest.mark.parametrize("text", ["what is a virus?", "why?", "a b", "", "skip to the end of the story please"])
async def test_a_real_question_is_answered_and_the_item_stays_open(text: str) -> None:
    talk = await in_course()
    open_item = talk.awaiting
    await talk.says(text)
    assert talk.handler == "chat"
    assert talk.awaiting == open_item
    await talk.says("b")
    assert talk.answers == [("C1", "2")]


async def test_the_answer_to_a_real_question_says_once_that_the_item_waits() -> None:
    talk = await in_course()
    await talk.says("what is a virus?")
    assert "waits at question 1 of the first 3:" in talk.outcome.note
    await talk.says("and a bacterium?")
    assert "waits" not in talk.outcome.note


async def test_in_a_group_a_hint_is_no_item_either() -> None:
    talk: Talk = await in_course()
    talk.is_private = False
    await talk.says("e")
    assert "private chat" in talk.text
