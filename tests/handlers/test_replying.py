"""A reply to an answer that puts it right."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.ports import HandlerSettings, Services
from bot.profile_types import ProfileEventKind, Reason
from bot.types import LANGUAGES, Attachment, Kind, Language, Outcome, PastTurn, Question, Rating, Turn, TurnId
from bot.writes import AddProfileEvent, SetRating
from handlers.asking import option
from handlers.levels import LEVEL
from tests.handlers.fakes import BOB, NOW, FakeModel, answer, message, past, said, services, turn
from tests.handlers.ratings import Value, earlier, rated, row
from tests.handlers.styled import known

RIGHT = "It is blue."


def replied(
    text: str,
    to: PastTurn | None = None,
    language: Language = "en",
    *,
    is_private: bool = True,
    awaiting: Question | None = None,
) -> Turn:
    """Ada's reply to an answer."""
    target = to or past()
    given = message(text=text, target=target.id, is_private=is_private)
    return turn(given, language, target=target, awaiting=awaiting)


async def taken(given: Turn, using: Services | None = None) -> Outcome:
    """What comes of a reply that is taken for a correction; no model is asked."""
    model = FakeModel()
    handler, outcome = await answer(given, using or services(model=model))
    assert handler.name == "reply"
    assert model.prompts == []
    return outcome


async def test_after_a_thumb_down_the_reply_is_the_right_answer() -> None:
    outcome = await taken(replied(f"  {RIGHT}\n", earlier(-1, Reason.WRONG)))
    assert outcome.writes == (row(-1, Reason.WRONG, RIGHT),)
    assert "correction" in said(outcome)
    assert outcome.reply is not None
    assert not outcome.reply.rateable
    assert not outcome.remember


@pytest.mark.parametrize(
    "to",
    [
        past(),
        earlier(1),
        earlier(0),
        earlier(-1, None, "Red."),
        past(person=BOB, rating=Rating(turn_id=TurnId("t1"), value=-1, reason=None, correction=None, rated_at=NOW)),
        replace(earlier(-1), reply=replace(past().reply, rateable=False)),
    ],
    ids=["unrated", "liked", "withdrawn", "corrected before", "somebody else's", "no answer"],
)
async def test_any_other_reply_is_an_ordinary_question(to: PastTurn) -> None:
    model = FakeModel()
    handler, outcome = await answer(replied(RIGHT, to), services(model=model))
    assert handler.name == "chat"
    assert [prompt.question for prompt in model.prompts] == [RIGHT]
    assert not any(isinstance(write, SetRating) for write in outcome.writes)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        (f"Correction: {RIGHT}", RIGHT),
        (f"correction :\n{RIGHT}", RIGHT),
        (f"Correct answer: {RIGHT}", RIGHT),
        ("The right answer is blue.", "blue."),
        ("The correct answer would be: blue.", "blue."),
        (f"That's wrong: {RIGHT}", RIGHT),
        (f"No, that’s not true: {RIGHT}", RIGHT),
        ("Corrección: es azul.", "es azul."),
        ("Correccion: es azul.", "es azul."),
        ("Lo correcto es azul.", "azul."),
        ("La respuesta correcta es: azul.", "azul."),
        ("Respuesta correcta: azul.", "azul."),
        ("Eso está mal: es azul.", "es azul."),
        ("No, eso no es cierto: es azul.", "es azul."),
    ],
)
@pytest.mark.parametrize("before", [None, 1, -1])
async def test_what_begins_as_a_correction_is_one_whatever_was_pressed(text: str, right: str, before: Value | None) -> None:
    to = past() if before is None else earlier(before, Reason.LONG if before == -1 else None)
    outcome = await taken(replied(text, to))
    assert outcome.writes == (row(-1, Reason.LONG if before == -1 else None, right),)


async def test_a_second_correction_takes_the_place_of_the_first() -> None:
    outcome = await taken(replied(f"Correction: {RIGHT}", earlier(-1, None, "Red.")))
    assert outcome.writes == (row(-1, None, RIGHT),)


@pytest.mark.parametrize(
    "text",
    [
        "That is wrong, is it not?",
        "Is the correct answer blue?",
        "Corrections: how do they work",
        "Correctional facilities",
        "What is the right answer?",
        "Lo correcto",
        "¿Lo correcto es azul?",
        "Eso está mal",
    ],
)
async def test_without_a_thumb_down_only_an_unmistakable_beginning_counts(text: str) -> None:
    handler, _ = await answer(replied(text))
    assert handler.name == "chat"


@pytest.mark.parametrize("text", ["Why do you say that?", "¿Por qué lo dices", "And in Spanish?"])
async def test_a_question_after_a_thumb_down_is_a_question(text: str) -> None:
    handler, _ = await answer(replied(text, earlier(-1)))
    assert handler.name == "chat"


async def test_a_mistyped_command_after_a_thumb_down_is_none() -> None:
    handler, _ = await answer(replied("/hlep", earlier(-1)))
    assert handler.name == "unknown_command"


async def test_a_marked_reply_to_somebody_elses_answer_changes_nothing() -> None:
    handler, outcome = await answer(replied(f"Correction: {RIGHT}", past(person=BOB)))
    assert handler.name == "chat"
    assert outcome.writes == ()


async def test_a_text_that_replies_to_nothing_is_a_question() -> None:
    handler, _ = await answer(turn(message(text=f"Correction: {RIGHT}")))
    assert handler.name == "chat"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_is_empty_or_too_long_is_refused_as_under_the_thumb(language: Language) -> None:
    using = services(settings=HandlerSettings(max_correction_chars=10))
    empty = await taken(replied("Correction:", language=language))
    long = await taken(replied("Correction: " + "x" * 11, language=language), using)
    for outcome, correction in ((empty, ""), (long, "x" * 11)):
        _, pressed = await answer(rated(-1, None, correction, language=language), using)
        assert outcome.is_refused
        assert outcome.writes == ()
        assert said(outcome) == said(pressed)


async def test_help_in_a_crisis_goes_first() -> None:
    handler, outcome = await answer(replied("I want to kill myself", earlier(-1)))
    assert handler.name == "crisis"
    assert outcome.writes == ()


async def test_the_profile_hears_of_it_as_of_a_press() -> None:
    profiles = known()
    using = services(profiles=profiles)
    _, answered = await answer(turn(message(text="How do I solve a quadratic equation?")), using)
    profiles.take(replace(turn(message()), id=TurnId("t1")), answered)
    outcome = await taken(replied(f"Correction: {RIGHT}"), using)
    events = [write for write in outcome.writes if isinstance(write, AddProfileEvent)]
    assert [(event.kind, event.data["turn"], event.data["value"]) for event in events] == [(ProfileEventKind.PRESS, "t1", -1)]
    _, pressed = await answer(rated(-1, None, RIGHT), using)
    assert outcome.writes == pressed.writes


async def test_in_a_group_the_one_who_asked_corrects_too() -> None:
    outcome = await taken(replied(RIGHT, earlier(-1), is_private=False))
    assert outcome.writes == (row(-1, None, RIGHT),)


async def test_the_label_of_a_level_asked_below_the_answer_is_no_correction() -> None:
    choices = (option(LEVEL, "history:1", "Beginner"), option(LEVEL, "history:2", "Some"))
    answered = replace(earlier(-1), reply=replace(past().reply, choices=choices))
    open_question = Question(turn_id=answered.id, kind=LEVEL, choices=choices)
    handler, _ = await answer(replied("beginner", answered, awaiting=open_question))
    assert handler.name == "level"
    outcome = await taken(replied(RIGHT, answered, awaiting=open_question))
    assert outcome.writes == (row(-1, None, RIGHT),)


async def test_a_correction_goes_before_a_question_that_waits_for_any_text() -> None:
    waiting = Question(turn_id=TurnId("t5"), kind="remember", choices=(), state={"asked_at": NOW.isoformat()})
    await taken(replied(RIGHT, earlier(-1), awaiting=waiting))


async def test_a_file_beside_a_correction_is_owned_up_to() -> None:
    picture = Attachment(name="photo", media_type="image/jpeg", size=9, reference="r")
    marked = replied(f"Correction: {RIGHT}")
    outcome = await taken(replace(marked, message=replace(marked.message, attachments=(picture,))))
    assert "pictures" in outcome.note
    plain = replied("Look at this", earlier(-1))
    handler, _ = await answer(replace(plain, message=replace(plain.message, attachments=(picture,))))
    assert handler.name == "chat"


@pytest.mark.parametrize("kind", [Kind.COMMAND, Kind.CHOICE])
async def test_commands_and_presses_about_an_answer_are_no_corrections(kind: Kind) -> None:
    given = replied(f"Correction: {RIGHT}", earlier(-1))
    handler, _ = await answer(replace(given, message=replace(given.message, kind=kind)))
    assert handler.name != "reply"
