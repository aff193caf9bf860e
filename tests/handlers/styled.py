"""People whose profile is known, and what an answer for them comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.ports import HandlerSettings
from bot.profile_types import AnswerStyle, Arms, ProfileEventKind
from bot.types import Exchange, Outcome, PersonId, Prompt, Turn, TurnId
from bot.writes import Write
from handlers.styling import Plan, Styling
from profiles.events import DIMENSIONS
from profiles.items import load_questionnaire
from profiles.kept import KeptProfiles
from profiles.person import Profile
from tests.handlers.fakes import ADA, NOW, FakeModel, FakeProfiles, answer, message, services, turn

QUESTION = "How do I solve a quadratic equation?"
HISTORY = (Exchange(question=QUESTION, answer="Like this."),)
LONG = """Take x² - 5x + 6 = 0, for example. These are the steps that lead from it to both of its solutions, one by one:

1. Look for two numbers whose product is six and whose sum is five.
2. Write the equation as a product, with one factor for each number.
3. Set each factor to zero, and check each solution in the equation.

This works because a product is zero only where one of its factors is."""


def settings(holdout: int = 0, context: int = 0) -> HandlerSettings:
    return HandlerSettings(recall_deadline_s=0.05, version="0.1.0", holdout_percent=holdout, context_percent=context)


def known(pole: int = 1, person: PersonId = ADA, *, levels: bool = True, store: FakeProfiles | None = None) -> FakeProfiles:
    """A store in which a person answered every item towards `pole`, and has said their level in mathematics already."""
    store = store or FakeProfiles()
    at = NOW - timedelta(hours=1)
    store.add(person, ProfileEventKind.CONSENT, at, granted=True, version="2026-11")
    store.add(person, ProfileEventKind.COURSE, at, mode="full", version="qv1", replaces=False)
    for number, item in enumerate(load_questionnaire().items.values()):
        option = next((place for place, one in enumerate(item.options) if one.score == pole), None)
        if option is not None and not item.id.endswith("4"):
            key, position = item.options[option].key, (option + number) % 3
            store.add(person, ProfileEventKind.ANSWER, at, item=item.id, option=key, position=position, seconds=5.0)
    if levels:
        store.add(person, ProfileEventKind.SET, at, what="level", value=2, topic="mathematics")
    return store


def pinned(arms: Arms, store: FakeProfiles | None = None) -> FakeProfiles:
    """A store in which Ada set every dimension by hand."""
    store = store or known()
    for dimension, arm in zip(DIMENSIONS, arms, strict=True):
        store.add(ADA, ProfileEventKind.PIN, NOW - timedelta(minutes=50), dimension=dimension.value, arm=arm)
    return store


async def explained(
    profiles: FakeProfiles, given: Turn | None = None, *, model: FakeModel | None = None, using: HandlerSettings | None = None
) -> tuple[Prompt, Outcome, AnswerStyle]:
    """The prompt of an answered turn, what became of it, and its row of the log."""
    model = model or FakeModel(pieces=(LONG,))
    parts = services(profiles=profiles, model=model, settings=using or settings())
    _, outcome = await answer(given or turn(message(text=QUESTION)), parts)
    assert outcome.style is not None
    return model.prompts[0], outcome, outcome.style


async def nothing(turn: Turn, profile: Profile) -> tuple[str, tuple[Write, ...]]:
    return "", ()


def styling(profiles: FakeProfiles, using: HandlerSettings | None = None) -> Styling:
    parts = services(profiles=profiles, settings=using or settings())
    return Styling(parts, KeptProfiles(parts.profiles, parts.clock), nothing)


def numbered(number: int, text: str = QUESTION) -> Turn:
    return replace(turn(message(text=text)), id=TurnId(f"t{number}"))


def row(plan: Plan) -> AnswerStyle:
    assert plan.style is not None
    return plan.style
