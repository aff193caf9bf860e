"""What an answer asks and learns besides: the level in a topic, once, and wishes that a short message consists of."""

from __future__ import annotations

import asyncio

import pytest

from bot.errors import ModelUnreachable, StoreBusy
from bot.locale import say
from bot.profile_types import Condition, ProfileEventKind
from bot.types import LANGUAGES, Choice, Language, Outcome, PastTurn, Question, Turn, TurnId
from bot.writes import AddProfileEvent, AskQuestion, CloseQuestion, Write
from handlers.levels import LEVEL
from handlers.remarks import is_only_a_wish
from handlers.styling import Aside, Styling
from profiles.kept import KeptProfiles
from profiles.person import Profile
from profiles.topics import topic_name
from profiles.wishes import read
from tests.handlers.fakes import (
    ADA,
    BOB,
    FakeModel,
    FakeProfiles,
    FixedClock,
    answer,
    command,
    message,
    past,
    pressed,
    said,
    services,
    turn,
)
from tests.handlers.styled import HISTORY, LONG, QUESTION, explained, known, numbered, pinned, settings


def fresh() -> FakeProfiles:
    """A store in which nothing is known yet of any topic, of a person who likes no exercises."""
    return known(-1, levels=False)


async def answered(store: FakeProfiles, given: Turn, model: FakeModel | None = None, *, holdout: int = 0) -> Outcome:
    _, outcome, _ = await explained(store, given, model=model, using=settings(holdout=holdout))
    return outcome


def keys(outcome: Outcome) -> list[str]:
    assert outcome.reply is not None
    return [choice.key for choice in outcome.reply.choices]


def asked(outcome: Outcome) -> PastTurn:
    """The answer as it is stored, its choices below it."""
    assert outcome.reply is not None
    return past("t9", question=QUESTION, answer=LONG, choices=outcome.reply.choices)


def opened(outcome: Outcome) -> Question:
    return next(write.question for write in outcome.writes if isinstance(write, AskQuestion))


def events(outcome: Outcome) -> list[tuple[ProfileEventKind, dict[str, object]]]:
    return [(write.kind, dict(write.data)) for write in outcome.writes if isinstance(write, AddProfileEvent)]


# --- the level in a topic ---


@pytest.mark.parametrize(("language", "first"), [("en", "Starting from zero"), ("es", "Empiezo de cero")])
async def test_the_first_answer_in_a_topic_asks_for_the_level_below_it(language: Language, first: str) -> None:
    outcome = await answered(fresh(), turn(message(text=QUESTION), language))
    assert said(outcome) == LONG, "the question is no part of the answer"
    assert outcome.reply is not None
    assert outcome.reply.rateable
    assert keys(outcome) == [f"level:mathematics:{level}" for level in (1, 2, 3, 4)]
    assert outcome.reply.choices[0].label == first
    assert outcome.note == say(
        language, "How much do you know about {topic}? I ask once per topic.", topic=topic_name(language, "mathematics")
    )
    assert opened(outcome) == Question(
        turn_id=TurnId("t9"), kind=LEVEL, choices=outcome.reply.choices, state={"topic": "mathematics"}
    )
    assert events(outcome) == [(ProfileEventKind.NOTE, {"what": "level_asked", "topic": "mathematics"})]


async def test_it_is_asked_once_of_each_topic() -> None:
    store, given = fresh(), turn(message(text=QUESTION))
    store.take(given, await answered(store, given))
    again = await answered(store, given)
    assert (keys(again), again.note) == ([], "")
    other = await answered(store, turn(message(text="Why did the Roman Empire fall?")))
    assert keys(other)[0] == "level:history:1"


async def test_a_neutral_answer_has_the_same_question_below_it() -> None:
    outcome = await answered(fresh(), turn(message(text=QUESTION)), holdout=100)
    assert outcome.style is not None
    assert outcome.style.condition is Condition.NONE
    assert keys(outcome)


WAITING = Question(turn_id=TurnId("t3"), kind="consent", choices=(Choice(key="consent:yes", label="Yes"),))


@pytest.mark.parametrize(
    "given",
    [
        turn(message(text=QUESTION, is_private=False)),
        turn(message(text=QUESTION), awaiting=WAITING),
        turn(message(text="Thanks, and how are you?")),
    ],
)
async def test_it_is_not_asked_in_groups_among_other_questions_or_without_a_topic(given: Turn) -> None:
    outcome = await answered(fresh(), given)
    assert (keys(outcome), outcome.note, events(outcome)) == ([], "", [])


@pytest.mark.parametrize(
    "model",
    [FakeModel(pieces=(), error=ModelUnreachable("x", "no")), FakeModel(pieces=("Ha",), error=ModelUnreachable("x", "no"))],
)
async def test_an_answer_that_failed_or_was_cut_asks_nothing(model: FakeModel) -> None:
    outcome = await answered(fresh(), turn(message(text=QUESTION)), model)
    assert (keys(outcome), events(outcome)) == ([], [])


async def test_who_has_no_profile_is_not_asked() -> None:
    _, outcome = await answer(turn(message(text=QUESTION)), services(settings=settings()))
    assert keys(outcome) == []


@pytest.mark.parametrize(
    ("store", "text"),
    [
        (known(levels=False), QUESTION),
        (pinned((0, 0, 1, 0), known(-1, levels=False)), QUESTION),
        (fresh(), "Quiz me on how to solve a quadratic equation"),
    ],
)
async def test_it_is_not_asked_below_an_exercise(store: FakeProfiles, text: str) -> None:
    outcome = await answered(store, turn(message(text=text)))
    assert (keys(outcome), outcome.note, events(outcome)) == ([], "", [])


async def test_it_is_not_asked_below_a_question_to_recall_the_answer() -> None:
    plain, recalling = 0, 0
    for number in range(30):
        model = FakeModel(pieces=(LONG,))
        store = pinned((0, 0, 0, 0), known(-1, levels=False))
        _, outcome, _ = await explained(store, numbered(number), model=model, using=settings())
        has_recall = "question to recall" in model.prompts[0].system
        assert bool(keys(outcome)) is not has_recall
        plain, recalling = plain + (not has_recall), recalling + has_recall
    assert plain
    assert recalling


@pytest.mark.parametrize("text", ["b", "B", "b)", "c"])
async def test_a_letter_is_meant_for_the_answer_and_lets_the_question_pass(text: str) -> None:
    store, given = fresh(), turn(message(text=QUESTION))
    asking = await answered(store, given, FakeModel(pieces=(f"{LONG}\n\nWhich is right? A) x = 2 B) x = 5",)))
    handler, outcome = await answer(
        turn(message(text=text), awaiting=opened(asking), history=HISTORY), services(profiles=store, settings=settings())
    )
    assert handler.name == "chat"
    assert outcome.writes == (CloseQuestion(turn_id=TurnId("t9"), key=None),)


@pytest.mark.parametrize("way", ["button", "label"])
async def test_button_and_label_set_the_level(way: str) -> None:
    store, given = fresh(), turn(message(text=QUESTION))
    outcome = await answered(store, given)
    store.take(given, outcome)
    asking = asked(outcome)
    reply = {
        "button": pressed(asking, "level:mathematics:3"),
        "label": turn(message(text="Comfortable"), awaiting=opened(outcome)),
    }[way]
    handler, taken = await answer(reply, services(profiles=store, settings=settings()))
    assert handler.name == "level"
    assert "mathematics: Comfortable" in said(taken)
    assert taken.writes[1] == CloseQuestion(turn_id=TurnId("t9"), key="level:mathematics:3")
    store.take(reply, taken)
    profile = await KeptProfiles(store, FixedClock()).of(ADA)
    assert (profile.level_of("mathematics"), profile.level) == (3, 2)


async def test_a_question_in_between_lets_it_pass_and_its_buttons_still_work() -> None:
    store, given = fresh(), turn(message(text=QUESTION))
    first = await answered(store, given)
    store.take(given, first)
    second = await answered(store, turn(message(text="And why did the Roman Empire fall?"), awaiting=opened(first)))
    assert second.writes == (CloseQuestion(turn_id=TurnId("t9"), key=None),)
    assert keys(second) == [], "not two such questions one after the other"
    handler, taken = await answer(pressed(asked(first), "level:mathematics:1"), services(profiles=store))
    assert handler.name == "level"
    assert events(taken)[0][1]["value"] == 1


async def test_a_press_after_the_profile_was_erased_or_by_somebody_else_keeps_nothing() -> None:
    outcome = await answered(fresh(), turn(message(text=QUESTION)))
    _, taken = await answer(pressed(asked(outcome), "level:mathematics:1"), services())
    assert taken.is_refused
    assert events(taken) == []
    handler, taken = await answer(pressed(asked(outcome), "level:mathematics:1", person=BOB), services(profiles=fresh()))
    assert handler.name == "stale_choice"
    assert taken.writes == ()


# --- what else is said below an answer ---


async def waits(turn: Turn, profile: Profile) -> tuple[str, tuple[Write, ...]]:
    note = AddProfileEvent(person_id=turn.person.id, kind=ProfileEventKind.NOTE, data={"what": "resume_noted", "topic": ""})
    return "The questionnaire waits.", (note,)


async def fails(turn: Turn, profile: Profile) -> tuple[str, tuple[Write, ...]]:
    raise StoreBusy("locked")


async def hangs(turn: Turn, profile: Profile) -> tuple[str, tuple[Write, ...]]:
    await asyncio.Event().wait()
    return await waits(turn, profile)


async def finished(store: FakeProfiles, given: Turn, aside: Aside = waits) -> Outcome:
    parts = services(profiles=store, settings=settings())
    made = Styling(parts, KeptProfiles(parts.profiles, parts.clock), aside)
    plan = await made.plan(given, given.message.text, "en")
    return await made.finished(given, plan, await answered(known(), given))


async def test_what_waits_is_said_below_the_answer_and_nothing_else_is_asked_there() -> None:
    outcome = await finished(fresh(), turn(message(text=QUESTION)))
    assert outcome.note == "The questionnaire waits."
    assert events(outcome)[0][1]["what"] == "resume_noted"
    assert keys(outcome) == []


async def test_nothing_is_said_of_it_in_a_group() -> None:
    outcome = await finished(fresh(), turn(message(text=QUESTION, is_private=False)))
    assert (outcome.note, events(outcome)) == ("", [])


@pytest.mark.parametrize("aside", [fails, hangs])
async def test_a_store_that_is_busy_then_leaves_the_answer_as_it_is(aside: Aside) -> None:
    outcome = await finished(fresh(), turn(message(text=QUESTION)), aside)
    assert said(outcome) == LONG
    assert keys(outcome), "the level can be asked for"


# --- wishes that a message consists of ---


@pytest.mark.parametrize(
    ("language", "text", "dimension", "y"),
    [
        ("en", "give me an example", "ENT", 1),
        ("en", "Explain it step by step, please", "RUT", 1),
        ("en", "without bullets", "FOR", -1),
        ("en", "quiz me", "ACT", 1),
        ("es", "Dame un ejemplo", "ENT", 1),
        ("es", "explícamelo paso a paso", "RUT", 1),
        ("es", "sin ejercicios, por favor", "ACT", -1),
        ("es", "en forma de tabla", "FOR", 1),
    ],
)
async def test_a_short_wish_after_an_answer_is_a_remark(language: Language, text: str, dimension: str, y: int) -> None:
    outcome = await answered(known(), turn(message(text=text), language, history=HISTORY))
    assert events(outcome) == [(ProfileEventKind.REMARK, {"dimension": dimension, "y": y})]


@pytest.mark.parametrize(
    ("language", "text", "what", "value"),
    [
        ("en", "shorter", "length", -0.25),
        ("en", "In more detail, please", "length", 0.25),
        ("en", "explain it simpler", "level", 1.5),
        ("es", "más corto", "length", -0.25),
        ("es", "con más detalle", "length", 0.25),
        ("es", "más técnico", "level", 2.5),
    ],
)
async def test_a_wish_about_length_or_level_moves_it_by_one_step(
    language: Language, text: str, what: str, value: float
) -> None:
    store, before = known(), turn(message(text=QUESTION), language)
    store.take(before, await answered(store, before))
    given = turn(message(text=text), language, history=HISTORY)
    outcome = await answered(store, given)
    topic = "mathematics" if what == "level" else ""
    assert events(outcome) == [(ProfileEventKind.SET, {"what": what, "value": value, "topic": topic})]
    store.take(given, outcome)
    profile = await KeptProfiles(store, FixedClock()).of(ADA)
    assert (profile.length if what == "length" else profile.level_of("mathematics")) == value


@pytest.mark.parametrize(
    ("language", "text"),
    [
        *(("en", text) for text in ("Don't explain step by step", "don't be brief", "not in detail", "don't make it shorter")),
        *(("en", text) for text in ("don't make it simpler", "don't quiz me", "no step by step please", "step by step? no")),
        *(("es", text) for text in ("no con ejemplos", "no me lo expliques paso a paso", "no empieces con un ejemplo")),
        *(("es", text) for text in ("no más corto", "no en detalle", "no tan fácil", "nada de paso a paso", "paso a paso no")),
    ],
)
async def test_what_somebody_does_not_want_is_never_learned_as_what_they_want(language: Language, text: str) -> None:
    outcome = await answered(known(), turn(message(text=text), language, history=HISTORY))
    assert events(outcome) == []


@pytest.mark.parametrize(
    ("language", "text", "dimension", "y"),
    [
        ("en", "don't use examples", "ENT", -1),
        ("en", "no more exercises, please", "ACT", -1),
        ("es", "no uses listas", "FOR", -1),
        ("es", "no quiero teoría", "ENT", 1),
    ],
)
async def test_to_be_without_something_is_a_remark(language: Language, text: str, dimension: str, y: int) -> None:
    outcome = await answered(known(), turn(message(text=text), language, history=HISTORY))
    assert events(outcome) == [(ProfileEventKind.REMARK, {"dimension": dimension, "y": y})]


async def test_at_the_end_of_the_scale_nothing_is_learned() -> None:
    store = known()
    store.add(ADA, ProfileEventKind.SET, what="length", value=-1.5)
    assert events(await answered(store, turn(message(text="shorter"), history=HISTORY))) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Explain gravity step by step"),
        ("en", "give me an example of a quadratic equation"),
        ("en", "tell me about tables"),
        ("en", "Thanks!"),
        ("es", "explícame la gravedad paso a paso"),
        ("es", "dame un ejemplo de una metáfora"),
        ("es", "¿y qué más?"),
        ("en", "give me an example and another one and then one more again please"),
    ],
)
async def test_a_question_with_a_wish_in_it_teaches_nothing(language: Language, text: str) -> None:
    learned = events(await answered(known(), turn(message(text=text), language, history=HISTORY)))
    assert not [kind for kind, _ in learned if kind in (ProfileEventKind.REMARK, ProfileEventKind.SET)]


async def test_a_wish_before_any_answer_or_by_again_teaches_nothing() -> None:
    assert events(await answered(known(), turn(message(text="shorter")))) == []
    parts = services(profiles=known(), turns=[past(question="shorter")], settings=settings())
    _, outcome = await answer(command("again"), parts)
    assert events(outcome) == []


async def test_without_a_profile_a_wish_is_only_a_wish() -> None:
    _, outcome = await answer(turn(message(text="shorter"), history=HISTORY), services(settings=settings()))
    assert outcome.writes == ()


@pytest.mark.parametrize("language", LANGUAGES)
def test_very_long_texts_are_no_short_wish(language: Language) -> None:
    assert not is_only_a_wish(read("a" * 100_000), language)
    assert not is_only_a_wish(read(""), language)
