"""Ratings, reasons, corrections, reactions and edits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

import pytest
from hypothesis import given as given_values
from hypothesis import strategies as st

from bot.errors import StoreBusy
from bot.ports import HandlerSettings
from bot.profile_types import AnswerStyle, Condition, LoggedStyle, ProfileEventKind, Reason
from bot.types import (
    LANGUAGES,
    AddressId,
    ConversationId,
    GivenRating,
    Kind,
    Language,
    Outcome,
    PastTurn,
    PersonId,
    Rating,
    Turn,
    TurnId,
)
from bot.writes import AddProfileEvent, RelabelTurn, SetRating
from handlers.feedback import merged, reaction_value
from profiles.events import Dimension
from profiles.kept import KeptProfiles
from profiles.person import Profile
from profiles.posterior import theta
from profiles.reasons import STYLES
from tests.handlers.fakes import (
    ADA,
    BOB,
    NOW,
    FakeProfiles,
    FixedClock,
    answer,
    message,
    past,
    said,
    services,
    turn,
)

Value = Literal[1, 0, -1]


def rated(
    value: Value,
    reason: Reason | None = None,
    correction: str | None = None,
    *,
    of: PastTurn | None = None,
    language: Language = "en",
) -> Turn:
    """A press on the rating of an answer of Ada's."""
    target = of or past()
    rating = GivenRating(turn_id=target.id, value=value, reason=reason, correction=correction)
    return turn(message(Kind.RATING, rating=rating), language, target=target)


def row(value: Value, reason: Reason | None = None, correction: str | None = None) -> SetRating:
    return SetRating(person_id=ADA, turn_id=TurnId("t1"), value=value, reason=reason, correction=correction)


def earlier(value: Value, reason: Reason | None = None, correction: str | None = None) -> PastTurn:
    return past(rating=Rating(turn_id=TurnId("t1"), value=value, reason=reason, correction=correction, rated_at=NOW))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("value", [1, 0, -1])
async def test_a_press_is_noted_and_thanked(value: Value, language: Language) -> None:
    handler, outcome = await answer(rated(value, language=language))
    assert handler.name == "feedback"
    assert outcome.writes == (row(value),)
    assert said(outcome)
    assert not outcome.is_refused


@pytest.mark.parametrize(("language", "promise"), [("en", "from your next question on"), ("es", "desde tu próxima pregunta")])
async def test_a_reason_and_a_correction_are_kept_and_promised_for_the_next_question(language: Language, promise: str) -> None:
    _, outcome = await answer(rated(-1, Reason.WRONG, "  It is blue.  ", language=language))
    assert outcome.writes == (row(-1, Reason.WRONG, "It is blue."),)
    assert promise in said(outcome)


async def test_the_same_press_again_keeps_what_an_earlier_one_said() -> None:
    _, outcome = await answer(rated(-1, of=earlier(-1, Reason.LONG, "Blue.")))
    assert outcome.writes == (row(-1, Reason.LONG, "Blue."),)


async def test_a_reason_given_later_joins_the_correction() -> None:
    _, outcome = await answer(rated(-1, Reason.STYLE, of=earlier(-1, None, "Blue.")))
    assert outcome.writes == (row(-1, Reason.STYLE, "Blue."),)


async def test_another_value_drops_the_reason_and_keeps_the_correction() -> None:
    _, outcome = await answer(rated(1, of=earlier(-1, Reason.LONG, "Blue.")))
    assert outcome.writes == (row(1, correction="Blue."),)


async def test_taking_it_back_clears_reason_and_correction() -> None:
    _, outcome = await answer(rated(0, of=earlier(-1, Reason.LONG, "Blue.")))
    assert outcome.writes == (row(0),)


async def test_a_correction_is_kept_with_any_value() -> None:
    for value in (1, 0):
        _, outcome = await answer(rated(value, None, "Blue."))
        (write,) = outcome.writes
        assert isinstance(write, SetRating)
        assert write.correction == "Blue."


async def test_a_reason_belongs_to_a_thumb_down_only() -> None:
    _, outcome = await answer(rated(1, Reason.LONG))
    assert outcome.writes == (row(1),)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_rating_of_an_unknown_foreign_or_unrateable_turn_is_refused_politely(language: Language) -> None:
    unknown = turn(message(Kind.RATING, rating=GivenRating(turn_id=TurnId("t0"), value=1)), language)
    for one in (
        unknown,
        rated(1, of=past(person=BOB), language=language),
        rated(1, of=past(rateable=False), language=language),
    ):
        _, outcome = await answer(one)
        assert outcome.is_refused
        assert outcome.writes == ()
        assert said(outcome)


@pytest.mark.parametrize("correction", ["", "  \n "])
async def test_an_empty_correction_is_refused(correction: str) -> None:
    _, outcome = await answer(rated(-1, None, correction))
    assert outcome.is_refused
    assert outcome.writes == ()


async def test_a_correction_over_the_cap_is_refused_naming_the_cap() -> None:
    using = services(settings=HandlerSettings(max_correction_chars=10))
    _, outcome = await answer(rated(-1, None, "x" * 11), using)
    assert outcome.is_refused
    assert "10" in said(outcome)
    _, fits = await answer(rated(-1, None, "x" * 10), using)
    assert not fits.is_refused


@given_values(
    st.lists(
        st.builds(
            GivenRating,
            turn_id=st.just(TurnId("t1")),
            value=st.sampled_from([1, 0, -1]),
            reason=st.sampled_from([None, *Reason]),
            correction=st.sampled_from([None, "Blue.", "Red."]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_the_last_press_wins_and_a_repeat_changes_nothing(presses: list[GivenRating]) -> None:
    ledger: SetRating | None = None
    for press in (*presses, presses[-1]):
        before = ledger
        target = past() if ledger is None else earlier(ledger.value, ledger.reason, ledger.correction)
        ledger = merged(turn(message(Kind.RATING, rating=press)), target, press)
        assert ledger.value == press.value
        if press.correction is not None:
            assert ledger.correction == press.correction
    assert ledger == before


@pytest.mark.parametrize(
    ("text", "value"), [("👍", 1), ("👍🏽", 1), ("👎", -1), ("👎🏿", -1), ("", 0), ("❤", None), ("🔥👍", None)]
)
def test_what_a_reaction_says(text: str, value: Value | None) -> None:
    assert reaction_value(text) == value


async def test_a_reaction_goes_into_the_same_ledger_without_a_word() -> None:
    _, outcome = await answer(turn(message(Kind.REACTION, "👎"), target=earlier(-1, Reason.LONG)))
    assert outcome.reply is None
    assert outcome.writes == (row(-1, Reason.LONG),)


async def test_a_removed_reaction_takes_the_rating_back() -> None:
    _, outcome = await answer(turn(message(Kind.REACTION, ""), target=earlier(1)))
    assert outcome.writes == (row(0),)
    _, nothing = await answer(turn(message(Kind.REACTION, ""), target=past()))
    assert nothing.writes == ()


async def test_other_reactions_and_reactions_to_foreign_answers_write_nothing() -> None:
    for one in (
        turn(message(Kind.REACTION, "❤"), target=past()),
        turn(message(Kind.REACTION, "👍"), target=past(person=BOB)),
        turn(message(Kind.REACTION, "👍"), target=past(rateable=False)),
        turn(message(Kind.REACTION, "👍")),
    ):
        _, outcome = await answer(one)
        assert outcome.writes == ()
        assert outcome.reply is None


async def test_an_edit_relabels_the_own_turn_and_gets_no_second_answer() -> None:
    _, outcome = await answer(turn(message(Kind.EDIT, "Which colour is it?"), target=past()))
    assert outcome.writes == (RelabelTurn(turn_id=TurnId("t1"), question="Which colour is it?"),)
    assert outcome.reply is None


async def test_an_edit_of_nothing_of_ones_own_changes_nothing() -> None:
    for one in (
        turn(message(Kind.EDIT, "x")),
        turn(message(Kind.EDIT, "x"), target=past(person=BOB)),
        turn(message(Kind.EDIT, " "), target=past()),
        turn(message(Kind.EDIT, "/help"), target=past(kind=Kind.COMMAND)),
    ):
        _, outcome = await answer(one)
        assert outcome.is_refused
        assert outcome.writes == ()


# --- what the profile is told ---

STYLE = AnswerStyle(
    thread="t1",
    condition=Condition.FULL,
    is_measured=True,
    topic="history",
    level=2.0,
    goal="task",
    length=0.0,
    arms=(1, -1, 0, 1),
    asked=(1, -1, 0, 1),
    used=(1, 0, 0, 1),
    propensities=((0.9, 0.05, 0.05),) * 4,
    obeyed=(True, False, None, True),
    is_length_obeyed=True,
    words=90,
    version="v1",
)
ANSWERED = NOW - timedelta(minutes=5)


def profiles(
    *,
    consent: bool | None = True,
    is_on: bool = True,
    has_told: bool = True,
    is_logged: bool = True,
    age: timedelta | None = None,
) -> FakeProfiles:
    """Ada's profile, and the log of the answer `t1`."""
    store = FakeProfiles()
    before = ANSWERED - timedelta(days=1)
    if consent is not None:
        store.add(ADA, ProfileEventKind.CONSENT, before, granted=consent, version="1")
    if has_told:
        store.add(ADA, ProfileEventKind.SET, before, what="length", value=0.0, topic="")
    if not is_on:
        store.add(ADA, ProfileEventKind.SWITCH, before, on=False)
    if is_logged:
        log = LoggedStyle(turn_id="t1", style=STYLE, at=NOW - age if age is not None else ANSWERED)
        store.styles.append((AddressId("a1"), ConversationId("k1"), ADA, log))
    return store


def event(value: Value, reason: str | None = None) -> AddProfileEvent:
    data = {
        "turn": "t1",
        "value": value,
        "reason": reason,
        "arms": [1, 0, 0, 1],
        "answered_at": "2026-11-30T11:55:00+00:00",
        "topic": "history",
    }
    return AddProfileEvent(person_id=ADA, kind=ProfileEventKind.PRESS, data=data)


async def pressed(store: FakeProfiles, given: Turn) -> Outcome:
    _, outcome = await answer(given, services(profiles=store))
    return outcome


def reacted(text: str, of: PastTurn | None = None) -> Turn:
    return turn(message(Kind.REACTION, text), target=of or past())


async def profile_after(*presses: tuple[Value, Reason | None]) -> Profile:
    """Ada's profile after these presses under one answer, each a second after the other."""
    store, of = profiles(), past()
    for number, (value, reason) in enumerate(presses):
        given = rated(value, reason, of=of)
        outcome = await pressed(store, given)
        store.take(given, outcome, NOW + timedelta(seconds=number))
        (ledger,) = (write for write in outcome.writes if isinstance(write, SetRating))
        of = earlier(ledger.value, ledger.reason)
    return await KeptProfiles(store, FixedClock()).of(ADA)


def preferences(profile: Profile) -> Sequence[float]:
    return [theta(profile.state, one) for one in Dimension]


@pytest.mark.parametrize(
    ("value", "reason"), [(1, None), (-1, None), (-1, Reason.LONG), (-1, Reason.WRONG), (-1, Reason.MORE_EXAMPLES)]
)
async def test_a_press_under_a_logged_answer_is_told_to_the_profile(value: Value, reason: Reason | None) -> None:
    outcome = await pressed(profiles(), rated(value, reason))
    assert outcome.writes == (row(value, reason), event(value, reason.value if reason is not None else None))


async def test_without_consent_or_without_a_log_only_the_ledger_has_it() -> None:
    for store in (profiles(consent=None), profiles(consent=False), profiles(is_logged=False)):
        assert (await pressed(store, rated(-1, Reason.LONG))).writes == (row(-1, Reason.LONG),)
        assert (await pressed(store, reacted("👎"))).writes == (row(-1),)


async def test_a_press_counts_while_the_profile_is_switched_off() -> None:
    assert (await pressed(profiles(is_on=False), rated(1))).writes == (row(1), event(1))


async def test_a_changed_or_withdrawn_rating_is_told_too() -> None:
    changed = await pressed(profiles(), rated(1, of=earlier(-1, Reason.LONG)))
    assert changed.writes == (row(1), event(1))
    withdrawn = await pressed(profiles(), rated(0, of=earlier(-1, Reason.LONG)))
    assert withdrawn.writes == (row(0), event(0))


async def test_a_reason_given_later_is_told_and_another_reason_too() -> None:
    assert (await pressed(profiles(), rated(-1, Reason.LONG, of=earlier(-1)))).writes[1:] == (event(-1, "long"),)
    assert (await pressed(profiles(), rated(-1, Reason.HARD, of=earlier(-1, Reason.LONG)))).writes[1:] == (event(-1, "hard"),)


async def test_a_repeat_that_changes_nothing_is_not_told() -> None:
    for given in (
        rated(1, of=earlier(1)),
        rated(-1, of=earlier(-1, Reason.LONG)),
        rated(-1, Reason.LONG, of=earlier(-1, Reason.LONG)),
        rated(0, of=earlier(0)),
        rated(0),
    ):
        outcome = await pressed(profiles(), given)
        assert [type(write) for write in outcome.writes] == [SetRating]


async def test_a_correction_tells_the_thumb_and_the_reason_and_none_of_its_words() -> None:
    assert (await pressed(profiles(), rated(-1, None, "Blue."))).writes == (row(-1, None, "Blue."), event(-1))
    later = await pressed(profiles(), rated(-1, None, "Blue.", of=earlier(-1, Reason.LONG)))
    assert later.writes == (row(-1, Reason.LONG, "Blue."),), "nothing that the profile does not know"
    changed = await pressed(profiles(), rated(-1, None, "Blue.", of=earlier(1)))
    assert changed.writes[1:] == (event(-1),)


async def test_a_reaction_and_a_button_on_one_answer_are_one_rating() -> None:
    assert (await pressed(profiles(), reacted("👎"))).writes == (row(-1), event(-1))
    assert (await pressed(profiles(), reacted("👎", earlier(-1, Reason.LONG)))).writes == (row(-1, Reason.LONG),)
    assert (await pressed(profiles(), reacted("", earlier(1)))).writes == (row(0), event(0))
    assert (await pressed(profiles(), reacted("👍", earlier(-1)))).writes == (row(1), event(1))


async def test_nothing_is_told_of_a_refused_press() -> None:
    for given in (rated(1, of=past(person=BOB)), rated(1, of=past(rateable=False)), rated(-1, None, " "), reacted("🔥")):
        assert (await pressed(profiles(), given)).writes == ()


@dataclass
class Failing(FakeProfiles):
    """Cannot be read in one way."""

    how: Literal["events", "style"] = "events"

    async def version(self, person: PersonId) -> str:
        if self.how == "events":
            raise StoreBusy("locked")
        return await super().version(person)

    async def style_of(self, turn_id: TurnId) -> LoggedStyle | None:
        raise StoreBusy("locked")


@pytest.mark.parametrize("how", ["events", "style"])
async def test_a_profile_that_cannot_be_read_loses_no_rating(how: Literal["events", "style"]) -> None:
    known = profiles()
    store = Failing(stored=known.stored, styles=known.styles, how=how)
    outcome = await pressed(store, rated(-1, Reason.LONG))
    assert outcome.writes == (row(-1, Reason.LONG),)
    assert "right answer" in said(outcome), "and nothing is promised"
    assert (await pressed(store, reacted("👍"))).writes == (row(1),)


# --- what is said of it ---

FOR_A_PROFILE = [Reason.LONG, Reason.SHORT, Reason.HARD, Reason.EASY, *STYLES]


async def test_each_reason_says_what_it_changes() -> None:
    told = {reason: said(await pressed(profiles(), rated(-1, reason))) for reason in FOR_A_PROFILE}
    assert told[Reason.LONG] == "Noted: I will be shorter."
    assert told[Reason.MORE_EXAMPLES] == "Noted: I will begin with examples more often."
    assert len(set(told.values())) == len(FOR_A_PROFILE)
    assert all(text.startswith("Noted: ") for text in told.values())


@pytest.mark.parametrize("reason", [Reason.WRONG, Reason.STYLE, None])
async def test_other_thumbs_down_are_thanked_as_ever(reason: Reason | None) -> None:
    assert "right answer" in said(await pressed(profiles(), rated(-1, reason)))


async def test_without_a_profile_in_use_a_reason_names_the_way_to_one() -> None:
    for store in (FakeProfiles(), profiles(consent=False), profiles(is_on=False), profiles(has_told=False)):
        for reason in FOR_A_PROFILE:
            assert "/profile" in said(await pressed(store, rated(-1, reason)))
        assert "/profile" not in said(await pressed(store, rated(-1, Reason.WRONG)))
        assert "/profile" not in said(await pressed(store, rated(1)))


async def test_in_a_group_nothing_is_said_of_profiles() -> None:
    for store in (FakeProfiles(), profiles()):
        given = rated(-1, Reason.LONG)
        group = replace(given, message=replace(given.message, is_private=False))
        outcome = await pressed(store, group)
        assert said(outcome) == said(await pressed(store, rated(-1)))
        assert outcome.writes == (await pressed(store, given)).writes


async def test_no_change_is_promised_where_none_will_come() -> None:
    old = profiles(age=timedelta(hours=25))
    at_end = profiles()
    at_end.add(ADA, ProfileEventKind.SET, ANSWERED, what="length", value=-1.5, topic="")
    at_end.add(ADA, ProfileEventKind.SET, ANSWERED, what="level", value=4.0, topic="history")
    at_end.add(ADA, ProfileEventKind.PIN, ANSWERED, dimension="ENT", arm=-1)
    for store in (old, at_end, profiles(is_logged=False)):
        for reason in (Reason.LONG, Reason.EASY, Reason.MORE_EXAMPLES):
            assert "right answer" in said(await pressed(store, rated(-1, reason)))
    assert said(await pressed(at_end, rated(-1, Reason.SHORT))).startswith("Noted: ")
    assert said(await pressed(at_end, rated(-1, Reason.HARD))).startswith("Noted: ")
    assert said(await pressed(at_end, rated(-1, Reason.PROSE))).startswith("Noted: ")


# --- what comes of it ---


async def test_too_long_shortens_and_too_hard_lowers_the_level_of_that_topic() -> None:
    assert (await profile_after((-1, Reason.LONG))).length == -0.25
    assert (await profile_after((-1, None), (-1, Reason.SHORT))).length == 0.25
    harder = await profile_after((-1, Reason.HARD))
    assert (harder.level_of("history"), harder.level) == (1.5, 2.0)
    assert (await profile_after((-1, Reason.EASY))).level_of("history") == 2.5


@pytest.mark.parametrize(("reason", "style"), STYLES.items())
async def test_a_style_moves_its_dimension_towards_its_pole(reason: Reason, style: tuple[Dimension, int]) -> None:
    before, after = await profile_after((-1, None)), await profile_after((-1, reason))
    dimension, pole = style
    assert (theta(after.state, dimension) - theta(before.state, dimension)) * pole > 0.1


async def test_a_thumb_moves_what_was_used_and_wrong_moves_nothing() -> None:
    start = preferences(await profile_after())
    liked = preferences(await profile_after((1, None)))
    assert liked[0] > start[0]
    assert liked[3] > start[3]
    assert preferences(await profile_after((-1, Reason.WRONG))) == start
    assert (await profile_after((-1, Reason.WRONG))).length == 0


async def test_a_withdrawn_rating_leaves_no_trace_and_only_the_last_reason_counts() -> None:
    start, withdrawn = await profile_after(), await profile_after((-1, Reason.LONG), (0, None))
    assert (withdrawn.state, withdrawn.length, withdrawn.levels) == (start.state, start.length, start.levels)
    changed = await profile_after((-1, Reason.LONG), (-1, Reason.HARD))
    assert (changed.length, changed.level_of("history")) == (0, 1.5)


PRESS = st.tuples(st.sampled_from([1, 0, -1]), st.sampled_from([None, *Reason]))


@given_values(st.lists(PRESS, min_size=1, max_size=8))
def test_the_last_event_always_says_what_the_ledger_says(presses: list[tuple[Value, Reason | None]]) -> None:
    of, last = past(), event(0)
    for value, reason in presses:
        outcome = asyncio.run(pressed(profiles(), rated(value, reason, of=of)))
        ledger, *told = outcome.writes
        assert isinstance(ledger, SetRating)
        for write in told:
            assert isinstance(write, AddProfileEvent)
            last = write
        assert last == event(ledger.value, ledger.reason.value if ledger.reason is not None else None)
        of = earlier(ledger.value, ledger.reason)
