"""The profile in answers: directives that follow it, threads that keep their lot, and a log of what was asked and obeyed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from itertools import product
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ModelUnreachable, StoreBusy
from bot.ports import Recalled, Services
from bot.profile_types import NEUTRAL, Arms, Condition, Form, LoggedStyle, ProfileEventKind
from bot.prompt import prompt_tokens
from bot.router import Router
from bot.types import (
    LANGUAGES,
    AddressId,
    ConversationId,
    Evidence,
    EvidenceKind,
    Exchange,
    Flag,
    Language,
    Outcome,
    PersonId,
    Scope,
    TurnId,
)
from handlers import build
from profiles.directives import Style, block
from profiles.kept import KeptProfiles
from profiles.person import Profile, Profiles
from tests.handlers.fake_desk import desk
from tests.handlers.fake_links import FakeLinks
from tests.handlers.fakes import (
    ADA,
    KNOWN,
    FakeModel,
    FakePreview,
    FakeProfiles,
    FakeRecall,
    FixedClock,
    answer,
    command,
    message,
    past,
    said,
    services,
    turn,
)
from tests.handlers.styled import HISTORY, LONG, QUESTION, explained, known, pinned, settings

CANARY = "zxqv7canary"


# --- the prompt ---


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_same_question_is_explained_to_each_as_they_like_it(language: Language) -> None:
    asked = turn(message(text=QUESTION), language)
    examples, _, plus = await explained(known(1), asked)
    principles, _, minus = await explained(known(-1), asked)
    assert sum(plus.asked) > 0 > sum(minus.asked)
    assert set(examples.directives) != set(principles.directives)
    assert examples.directives[0] == principles.directives[0]
    assert examples.directives[0].startswith(("[EXPLANATION", "[PREFERENCIAS"))
    assert examples.system == principles.system, "what differs stands behind what is the same"


async def test_a_neutral_answer_has_nothing_of_the_profile_but_its_row() -> None:
    prompt, outcome, style = await explained(known(), using=settings(holdout=100))
    assert (prompt.directives, prompt.form) == ((), Form())
    assert style.condition is Condition.NONE
    assert style.is_measured
    assert (style.asked, style.used) == (NEUTRAL, NEUTRAL)
    assert style.arms != NEUTRAL, "what would have been asked is known all the same"
    assert (style.obeyed, style.is_length_obeyed) == ((None,) * 4, None)
    assert said(outcome) == LONG


async def test_an_answer_may_follow_level_goal_and_length_without_any_style() -> None:
    prompt, _, style = await explained(known(), using=settings(context=100))
    assert style.condition is Condition.CONTEXT
    assert style.asked == NEUTRAL
    assert len(prompt.directives) == 4
    assert prompt.form == Form(words=120)


@pytest.mark.parametrize("why", ["nothing was ever told", "it is switched off", "consent was withdrawn"])
async def test_without_a_profile_in_use_nothing_is_asked_or_logged(why: str) -> None:
    store = FakeProfiles() if why == "nothing was ever told" else known()
    if why == "it is switched off":
        store.add(ADA, ProfileEventKind.SWITCH, on=False)
    elif why == "consent was withdrawn":
        store.add(ADA, ProfileEventKind.CONSENT, granted=False, version="2026-11")
    model = FakeModel()
    _, outcome = await answer(turn(message(text=QUESTION)), services(profiles=store, model=model, settings=settings()))
    assert (model.prompts[0].directives, model.prompts[0].form) == ((), Form())
    assert outcome.style is None
    assert outcome.writes == ()


def _lines(language: Language, goal: str, length: float) -> set[str]:
    """Every line that a block can have for a profile like the known one."""
    found: set[str] = set()
    for arms in product((1, 0, -1), repeat=4):
        for label in ("+clear", "+lean"):
            style = Style(theta=(1,) * 4, sd=(1,) * 4, labels=(label,) * 4, arms=cast("Arms", arms))
            for level in (1, 2, 3, 4):
                found |= {*block(language, level=level, goal=goal, length=length, style=style).lines}
    return found


POSSIBLE = {language: _lines(language, "task", 0.0) for language in LANGUAGES}


@given(
    st.text(max_size=200) | st.sampled_from(["step by step", "sin ejemplos", "por pasos", "why?"]),
    st.text(max_size=100),
    st.sampled_from(LANGUAGES),
)
def test_nothing_that_a_person_wrote_gets_into_the_block_or_the_log(words: str, taught: str, language: Language) -> None:
    question, correction = f"{words} {CANARY}", f"{taught} {CANARY}"
    evidence = Evidence(kind=EvidenceKind.CORRECTION, text=correction, source="t1", score=0.9, question=question)
    store, model = known(), FakeModel(pieces=(LONG,))
    recall = FakeRecall(found=(evidence,))
    parts = services(profiles=store, model=model, recall=recall, settings=replace(settings(), recall_deadline_s=5))
    history = (Exchange(question=question, answer=correction),)
    _, outcome = asyncio.run(answer(turn(message(text=question), language, history=history), parts))
    assert CANARY in model.prompts[0].question
    assert set(model.prompts[0].directives) <= POSSIBLE[language]
    assert CANARY not in repr((outcome.style, outcome.writes))


async def test_a_wish_in_the_message_wins_and_counts_as_not_used() -> None:
    text = "Explain step by step and in paragraphs, briefly, how I solve a quadratic equation"
    prompt, _, style = await explained(pinned((1, -1, 0, 1)), turn(message(text=text)))
    assert style.arms == (1, -1, 0, 1)
    assert style.asked == (1, 0, 0, 0)
    assert style.used == (1, 0, 0, 0)
    assert style.obeyed == (True, None, None, None)
    assert style.is_length_obeyed is None
    assert not any("words;" in line or "map" in line or "outline" in line for line in prompt.directives)
    assert prompt.form == Form(words=60, shape="prose")


async def test_a_question_for_a_fact_gets_no_style() -> None:
    prompt, _, style = await explained(pinned((1, 1, 1, 1)), turn(message(text="When was the first equation solved?")))
    assert style.asked == style.used == NEUTRAL
    assert style.arms == (1, 1, 1, 1)
    assert len(prompt.directives) == 4
    assert prompt.form.shape == ""
    assert style.is_length_obeyed is None


@pytest.mark.parametrize(
    ("language", "text", "form"),
    [
        ("en", "Explain quadratic equations in a list, briefly", Form(words=60, shape="outline")),
        ("en", "Explain quadratic equations in detail", Form(words=240)),
        ("es", "Explica las ecuaciones paso a paso", Form(shape="steps")),
        ("es", "Explica las ecuaciones, pero no paso a paso", Form()),
    ],
)
async def test_what_the_message_asks_for_holds_for_everybody(language: Language, text: str, form: Form) -> None:
    given, nobody = turn(message(text=text), language), FakeModel(pieces=(LONG,))
    neutral, *_ = await explained(known(), given, using=settings(holdout=100))
    known_by_context, *_ = await explained(known(), given, using=settings(context=100))
    await answer(given, services(model=nobody, settings=settings()))
    for prompt in (neutral, nobody.prompts[0]):
        assert (prompt.form, prompt.directives) == (form, ())
    assert known_by_context.form == Form(words=form.words or 120, shape=form.shape)


async def test_a_message_that_asks_for_brevity_has_the_two_strongest_styles() -> None:
    store = pinned((1, 1, 1, 1))
    _, _, style = await explained(store)
    assert style.asked == (1, 1, 1, 1)
    _, _, style = await explained(store, turn(message(text=f"{QUESTION} Explain it briefly")))
    assert style.asked == (1, 1, 0, 0)
    store.add(ADA, ProfileEventKind.SET, what="length", value=-1.0)
    _, _, style = await explained(store, turn(message(text=f"{QUESTION} Explain it in detail")))
    assert style.asked == (1, 1, 1, 1)


# --- little room ---

ASKED_IN_SPANISH = "¿Cómo se resuelve una ecuación de segundo grado?"


@pytest.mark.parametrize(
    ("budget", "asked"), [(512, (1, 0, 0, 0)), (600, (1, 1, 1, 0)), (1024, (1, 1, 1, 1)), (4096, (1, 1, 1, 1))]
)
async def test_what_somebody_wrote_goes_before_how_they_like_it_told(budget: int, asked: Arms) -> None:
    given, using = turn(message(text=ASKED_IN_SPANISH), "es"), replace(settings(), prompt_budget=budget)
    prompt, outcome, style = await explained(pinned((1, 1, 1, 1)), given, using=using)
    assert prompt.question == ASKED_IN_SPANISH
    assert prompt_tokens(prompt) <= budget
    assert (style.arms, style.asked) == ((1, 1, 1, 1), asked)
    assert [obeyed is None for obeyed in style.obeyed] == [not arm for arm in asked]
    assert len(prompt.directives) == 4 + sum(asked)
    assert Flag.TRIMMED not in outcome.flags


@pytest.mark.parametrize(("budget", "lines"), [(360, 0), (400, 2), (430, 3), (460, 4)])
async def test_with_less_room_goal_length_and_level_go_too(budget: int, lines: int) -> None:
    given, using = turn(message(text=ASKED_IN_SPANISH), "es"), replace(settings(), prompt_budget=budget)
    prompt, _, style = await explained(pinned((1, 1, 1, 1)), given, using=using)
    assert (prompt.question, style.asked) == (ASKED_IN_SPANISH, NEUTRAL)
    assert len(prompt.directives) == lines
    assert style.is_length_obeyed is (True if lines > 2 else None), "the length was asked for"


async def test_a_long_question_leaves_no_room_for_directives() -> None:
    text = f"{QUESTION} " + "x " * 9_000
    prompt, outcome, style = await explained(pinned((1, 1, 1, 1)), turn(message(text=text)))
    assert prompt.directives == ()
    assert style.asked == style.used == NEUTRAL
    assert style.is_length_obeyed is None
    assert Flag.TRIMMED in outcome.flags


async def test_the_question_to_recall_is_the_first_to_give_way() -> None:
    store, recalled = pinned((1, 1, 0, 1)), 0
    for number in range(20):
        given = replace(turn(message(text=ASKED_IN_SPANISH), "es"), id=TurnId(f"t{number}"))
        wide, *_ = await explained(store, given)
        narrow, _, style = await explained(store, given, using=replace(settings(), prompt_budget=620))
        assert style.asked == (1, 1, 0, 1)
        assert "pregunta corta de repaso" not in narrow.system
        recalled += "pregunta corta de repaso" in wide.system
    assert recalled


@pytest.mark.parametrize(
    ("arms", "text", "shape"),
    [
        ((0, 1, 0, 0), QUESTION, "steps"),
        ((0, 1, 0, 1), QUESTION, "outline"),
        ((0, 1, 0, -1), QUESTION, "prose"),
        ((0, -1, 0, 0), QUESTION, ""),
        ((0, 0, 0, -1), f"{QUESTION} Step by step, please", "steps"),
        ((0, 0, 0, 1), f"{QUESTION} Explain it in paragraphs", "prose"),
    ],
)
async def test_the_form_says_in_one_word_what_style_and_wish_come_to(arms: Arms, text: str, shape: str) -> None:
    prompt, *_ = await explained(pinned(arms), turn(message(text=text)))
    assert prompt.form.shape == shape


@pytest.mark.parametrize(("length", "words", "wish"), [(-1.5, 42, "shorter"), (1.0, 60, "briefly"), (-1.0, 240, "in detail")])
async def test_a_wish_for_short_or_long_sets_the_words_of_this_answer(length: float, words: int, wish: str) -> None:
    store = known()
    store.add(ADA, ProfileEventKind.SET, what="length", value=length)
    prompt, _, style = await explained(store, turn(message(text=f"Explain quadratic equations {wish}")))
    assert prompt.form.words == words
    assert style.length == length


async def test_the_level_is_that_of_the_topic_and_a_short_reply_stays_in_it() -> None:
    store = known()
    store.add(ADA, ProfileEventKind.SET, what="level", value=4, topic="mathematics")
    asked = turn(message(text=QUESTION))
    prompt, outcome, style = await explained(store, asked)
    assert (style.topic, style.level) == ("mathematics", 4)
    assert any("edge cases" in line for line in prompt.directives)
    store.take(asked, outcome)
    _, _, style = await explained(store, turn(message(text="And why is that so?"), history=HISTORY))
    assert (style.topic, style.level) == ("mathematics", 4)
    _, _, style = await explained(store, turn(message(text="Why did the Roman Empire fall?"), history=HISTORY))
    assert (style.topic, style.level) == ("history", 2)


# --- the log ---


async def test_the_row_says_what_was_asked_and_what_was_obeyed() -> None:
    _, _, style = await explained(pinned((1, 1, -1, 1)))
    assert style.asked == style.arms == (1, 1, -1, 1)
    assert style.obeyed == (True, True, True, False), "there is no bullet in it"
    assert style.used == (1, 1, -1, 0)
    assert style.is_length_obeyed is True
    assert style.words == len(LONG.split()) - sum(not any(c.isalnum() for c in word) for word in LONG.split())
    assert (style.goal, style.length, style.version) == ("task", 0.0, "1")


async def test_a_very_short_answer_has_no_style() -> None:
    _, _, style = await explained(pinned((1, 1, -1, 0)), model=FakeModel())
    assert style.asked == (1, 1, -1, 0)
    assert style.used == NEUTRAL


@pytest.mark.parametrize(
    ("model", "is_written"),
    [
        (FakeModel(pieces=(), error=ModelUnreachable("x", "refused")), False),
        (FakeModel(pieces=(" ",)), False),
        (FakeModel(pieces=(LONG,), error=ModelUnreachable("x", "refused")), True),
        (FakeModel(pieces=(LONG,), flags=frozenset({Flag.UNKNOWN})), True),
    ],
)
async def test_an_answer_that_failed_or_was_cut_says_nothing_about_style(model: FakeModel, is_written: bool) -> None:
    _, _, style = await explained(pinned((1, 1, -1, 0)), model=model)
    assert style.asked == (1, 1, -1, 0)
    assert style.used == NEUTRAL
    assert (style.obeyed, style.is_length_obeyed) == ((None,) * 4, None)
    assert bool(style.words) is is_written


async def test_a_stopped_answer_says_nothing_about_style() -> None:
    store, preview = pinned((1, 1, -1, 0)), FakePreview(stop_at=1)
    parts = services(profiles=store, model=FakeModel(pieces=(LONG, "more"), hang_before=1), settings=settings())
    _, outcome = await answer(turn(message(text=QUESTION)), parts, preview)
    assert outcome.style is not None
    assert outcome.style.used == NEUTRAL


@pytest.mark.parametrize(("arms", "asked"), [((1, 1, -1, 0), (0, 1, 0, 0)), ((0, 1, 0, -1), (0, 0, 0, -1))])
async def test_the_offline_answerer_is_only_held_to_what_it_can_read(arms: Arms, asked: Arms) -> None:
    _, _, style = await explained(pinned(arms), model=FakeModel(pieces=(LONG,), is_counted=False))
    assert (style.arms, style.asked, style.used) == (arms, asked, asked)


async def test_another_answer_is_planned_and_logged_too() -> None:
    store, model = known(), FakeModel(pieces=(LONG,))
    parts = services(profiles=store, model=model, turns=[past(question=QUESTION)], settings=settings())
    handler, outcome = await answer(command("again"), parts)
    assert handler.name == "again"
    assert model.prompts[0].directives
    assert outcome.style is not None
    assert outcome.style.topic == "mathematics"


# --- trouble ---


@dataclass
class BrokenProfiles:
    """Raises `error`, or never answers."""

    error: Exception | None = None

    async def of(self, person: PersonId) -> Profile:
        if self.error is None:
            await asyncio.Event().wait()
        raise self.error or AssertionError


class BrokenLog(FakeProfiles):
    """A store that has lost its answer log."""

    async def last_style(self, address_id: AddressId, conversation_id: ConversationId) -> LoggedStyle | None:
        raise StoreBusy("locked")


async def with_profiles(parts: Services, profiles: Profiles) -> Outcome:
    given = turn(message(text=QUESTION))
    return await Router(build(parts, profiles, FakeLinks(), desk())).route(given).handle(given, FakePreview())


@pytest.mark.parametrize("error", [StoreBusy("locked"), None])
async def test_a_profile_that_cannot_be_read_never_fails_an_answer(error: Exception | None) -> None:
    model = FakeModel()
    outcome = await with_profiles(services(model=model, settings=settings()), BrokenProfiles(error))
    assert said(outcome) == "Hello, world."
    assert outcome.flags == frozenset()
    assert outcome.style is None
    assert model.prompts[0].directives == ()


async def test_a_log_that_cannot_be_read_never_fails_an_answer() -> None:
    store = BrokenLog(stored=known().stored)
    _, outcome = await answer(turn(message(text=QUESTION)), services(profiles=store, settings=settings()))
    assert said(outcome) == "Hello, world."
    assert outcome.style is None


@dataclass
class Meeting:
    """Recall and profiles that both answer only once the other one was asked too."""

    profile: Profile
    both: asyncio.Barrier = field(default_factory=lambda: asyncio.Barrier(2))

    async def of(self, person: PersonId) -> Profile:
        await self.both.wait()
        return self.profile

    async def recall(
        self, person: PersonId, scope: Scope, text: str, *, budget: int, deadline_s: float, with_memories: bool = True
    ) -> Recalled:
        async with asyncio.timeout(deadline_s):
            await self.both.wait()
        return Recalled()


async def test_the_profile_is_read_while_recall_searches() -> None:
    store = known()
    meeting = Meeting(await KeptProfiles(store, FixedClock()).of(ADA))
    parts = replace(services(profiles=store, settings=replace(settings(), recall_deadline_s=5)), recall=meeting)
    outcome = await with_profiles(parts, meeting)
    assert outcome.style is not None
    assert outcome.evidence == (KNOWN,)
