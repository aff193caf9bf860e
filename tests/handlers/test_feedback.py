"""Ratings, reasons, corrections, reactions and edits."""

from __future__ import annotations

import pytest
from hypothesis import given as given_values
from hypothesis import strategies as st

from bot.ports import HandlerSettings
from bot.profile_types import Reason
from bot.types import (
    LANGUAGES,
    GivenRating,
    Kind,
    Language,
    TurnId,
)
from bot.writes import RelabelTurn, SetRating
from handlers.feedback import merged, reaction_value
from tests.handlers.fakes import (
    BOB,
    answer,
    message,
    past,
    said,
    services,
    turn,
)
from tests.handlers.ratings import Value, earlier, rated, row


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
