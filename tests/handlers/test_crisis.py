"""What somebody in danger is told, and that nothing comes before it."""

from __future__ import annotations

import pytest

from bot.ports import HandlerSettings
from bot.types import LANGUAGES, Choice, Flag, Kind, Language, Question, TurnId
from handlers.crisis import load_guidance
from handlers.signs import Danger, Sign
from tests.handlers.fakes import FakeModel, answer, message, past, said, services, turn

DIRE: dict[Language, str] = {"es": "quiero suicidarme", "en": "I want to kill myself"}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_somebody_in_danger_gets_the_fixed_text_without_any_model(language: Language) -> None:
    model = FakeModel()
    handler, outcome = await answer(turn(message(text=DIRE[language]), language), services(model=model))
    assert handler.name == "crisis"
    assert "findahelpline.com" in said(outcome)
    assert model.prompts == []
    assert outcome.flags == {Flag.CRISIS}
    assert outcome.reply is not None
    assert not outcome.reply.rateable
    assert not outcome.remember
    assert outcome.writes == ()


@pytest.mark.parametrize(
    ("locale", "text", "number"),
    [
        ("es-ES", "quiero morir", "024"),
        ("es-MX", "quiero morir", "800 911 2000"),
        ("es_AR", "quiero morir", "135"),
        ("es-CL", "quiero morir", "*4141"),
        ("es-PE", "quiero morir", "113"),
        ("en-US", "I want to die", "988"),
        ("en-CA", "I want to die", "988"),
        ("en-GB", "I want to die", "116 123"),
        ("en-IE", "I want to die", "116 123"),
        ("en-AU", "I want to die", "13 11 14"),
    ],
)
async def test_the_lines_are_those_of_the_persons_country(locale: str, text: str, number: str) -> None:
    _, outcome = await answer(turn(message(text=text, locale=locale)))
    assert f"**{number}" in said(outcome)
    assert said(outcome).count("\n- ") == 2, "one country and the pointer to all others"


async def test_without_a_country_the_lines_of_the_language_are_listed() -> None:
    _, spanish = await answer(turn(message(text="quiero morir"), "en"))
    assert all(number in said(spanish) for number in ("024", "112", "800 911 2000", "135", "*4141", "988"))
    _, english = await answer(turn(message(text="I want to die"), "es"))
    assert all(number in said(english) for number in ("988", "116 123", "13 11 14"))


async def test_the_reply_is_in_the_language_of_the_words_and_ignores_a_region_of_another_language() -> None:
    _, outcome = await answer(turn(message(text="me quiero matar", locale="en-US"), "en"))
    assert "Siento mucho" in said(outcome)
    assert "024" in said(outcome)


async def test_the_operators_country_is_always_among_the_lines() -> None:
    using = services(settings=HandlerSettings(crisis_country="UY"))
    _, outcome = await answer(turn(message(text="quiero morir", locale="es-ES")), using)
    assert "0800 0767" in said(outcome)
    assert "024" in said(outcome)


async def test_an_open_question_does_not_come_before_it() -> None:
    question = Question(turn_id=TurnId("t1"), kind="consent", choices=(Choice(key="consent:yes", label="I want to die"),))
    handler, _ = await answer(turn(message(text="I want to die"), awaiting=question))
    assert handler.name == "crisis"


async def test_danger_from_outside_gets_the_emergency_number_and_no_suicide_line() -> None:
    _, outcome = await answer(turn(message(text="mi marido me pega", locale="es-ES")))
    assert "**112**" in said(outcome)
    assert "**016**" in said(outcome)
    assert "024" not in said(outcome)


async def test_answering_again_or_editing_cannot_lead_around_it() -> None:
    asked = past(question="I want to kill myself")
    handler, outcome = await answer(turn(message(Kind.COMMAND, "/again"), command="again"), services(turns=[asked]))
    assert handler.name == "again"
    assert outcome.flags == {Flag.CRISIS}
    _, edited = await answer(turn(message(Kind.EDIT, "I want to kill myself"), target=past()))
    assert "988" in said(edited)


def test_every_country_has_an_emergency_number_and_a_line_in_both_languages() -> None:
    guidance = load_guidance()
    for code in guidance.countries:
        for language in LANGUAGES:
            for danger in Danger:
                text = guidance.say(Sign(danger=danger, language=language), [code])
                assert guidance.countries[code]["name"][language] in text
                assert guidance.countries[code]["emergency"] in text
                assert "{" not in text
    assert all(code in guidance.countries for language in LANGUAGES for code in guidance.order[language])
