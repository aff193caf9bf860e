"""What the profile is told of ratings, what is said of it, and what comes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given as given_values
from hypothesis import strategies as st

from bot.errors import StoreBusy
from bot.profile_types import AnswerStyle, Condition, LoggedStyle, ProfileEventKind, Reason
from bot.types import (
    AddressId,
    ConversationId,
    Kind,
    Outcome,
    PastTurn,
    PersonId,
    Turn,
    TurnId,
)
from bot.writes import AddProfileEvent, DropProfileEvent, SetRating
from profiles.events import Dimension
from profiles.items import load_questionnaire
from profiles.kept import KeptProfiles
from profiles.person import Profile, replayed
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
from tests.handlers.questionnaire_talk import MovingClock
from tests.handlers.ratings import Value, earlier, rated, row

QV1 = load_questionnaire()


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
PRESSED = NOW - timedelta(minutes=4)


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


def event(value: Value, reason: str | None = None, *, first_at: datetime | None = None) -> AddProfileEvent:
    data = {
        "turn": "t1",
        "value": value,
        "reason": reason,
        "arms": [1, 0, 0, 1],
        "answered_at": "2026-11-30T11:55:00+00:00",
        "first_at": first_at.isoformat() if first_at is not None else None,
        "topic": "history",
    }
    return AddProfileEvent(person_id=ADA, kind=ProfileEventKind.PRESS, data=data)


def told(
    value: Value, reason: str | None = None, *, first_at: datetime | None = None, age: timedelta | None = None
) -> FakeProfiles:
    """The profile with what it was told of an earlier press under `t1`, a minute after the answer."""
    store = profiles(age=age)
    store.add(ADA, ProfileEventKind.PRESS, PRESSED, **event(value, reason, first_at=first_at).data)
    return store


def dropped(store: FakeProfiles) -> DropProfileEvent:
    """The earlier press taken back."""
    return DropProfileEvent(person_id=ADA, id=store.stored[ADA][-1].id)


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


async def test_a_changed_rating_takes_the_place_of_the_earlier_one() -> None:
    store = told(-1, "long")
    assert (await pressed(store, rated(1, of=earlier(-1, Reason.LONG)))).writes == (row(1), dropped(store), event(1))
    assert (await pressed(profiles(), rated(1, of=earlier(-1)))).writes == (row(1), event(1)), "rated before they agreed"


async def test_a_withdrawn_rating_leaves_nothing_also_after_a_day() -> None:
    for age in (timedelta(minutes=5), timedelta(days=3)):
        store = told(-1, "long", age=age)
        assert (await pressed(store, rated(0, of=earlier(-1, Reason.LONG)))).writes == (row(0), dropped(store))
    assert (await pressed(profiles(), rated(0, of=earlier(-1)))).writes == (row(0),)


async def test_a_rating_after_a_day_leaves_the_earlier_one() -> None:
    for age, is_told in ((timedelta(hours=24), True), (timedelta(hours=24, seconds=1), False)):
        outcome = await pressed(told(-1, age=age), rated(1, of=earlier(-1)))
        assert [type(write) for write in outcome.writes[1:]] == ([DropProfileEvent, AddProfileEvent] if is_told else [])


async def test_a_reason_given_later_is_told_with_the_time_of_the_thumb() -> None:
    store, later = told(-1), rated(-1, Reason.LONG, of=earlier(-1))
    assert (await pressed(store, later)).writes[1:] == (dropped(store), event(-1, "long", first_at=PRESSED))
    first = PRESSED - timedelta(seconds=30)
    store, another = told(-1, "long", first_at=first), rated(-1, Reason.HARD, of=earlier(-1, Reason.LONG))
    assert (await pressed(store, another)).writes[1:] == (dropped(store), event(-1, "hard", first_at=first))
    store = told(1)
    assert (await pressed(store, rated(-1, Reason.LONG, of=earlier(1)))).writes[1:] == (dropped(store), event(-1, "long"))


async def test_every_press_that_an_earlier_version_stored_goes_with_the_next_one() -> None:
    store, data = told(-1), event(-1).data
    for minutes, value in enumerate((1, 0, -1, -1)):
        store.add(ADA, ProfileEventKind.PRESS, PRESSED + timedelta(minutes=minutes), **{**data, "value": value})
    store.add(ADA, ProfileEventKind.PRESS, PRESSED, **{**data, "turn": "t2"})
    outcome = await pressed(store, rated(-1, Reason.LONG, of=earlier(-1)))
    assert outcome.writes[-1] == event(-1, "long", first_at=PRESSED + timedelta(minutes=2))
    store.take(rated(-1), outcome)
    assert [one.data["turn"] for one in store.stored[ADA] if one.kind is ProfileEventKind.PRESS] == ["t2", "t1"]


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
    store = told(1)
    assert (await pressed(store, reacted("", earlier(1)))).writes == (row(0), dropped(store))
    assert (await pressed(store, reacted("👎", earlier(1)))).writes == (row(-1), dropped(store), event(-1))


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
    for store in (FakeProfiles(), profiles(consent=False), profiles(is_on=False)):
        for reason in FOR_A_PROFILE:
            assert "/profile" in said(await pressed(store, rated(-1, reason)))
        assert "/profile" not in said(await pressed(store, rated(-1, Reason.WRONG)))
        assert "/profile" not in said(await pressed(store, rated(1)))


async def test_a_reason_counts_from_the_consent_on() -> None:
    assert said(await pressed(profiles(has_told=False), rated(-1, Reason.LONG))) == "Noted: I will be shorter."


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


PRESSES = st.lists(
    st.tuples(
        st.sampled_from([1, 0, -1]),
        st.sampled_from([None, Reason.LONG, Reason.HARD, Reason.PROSE, Reason.WRONG]),
        st.sampled_from([1, 2, 40, 12 * 3_600]),
    ),
    max_size=8,
)
Told = Sequence[tuple[Value, Reason | None, int]]


@given_values(PRESSES)
def test_one_press_of_an_answer_comes_to_what_all_of_them_would(presses: Told) -> None:
    """So many seconds apart, the first so long after the answer. Earlier versions kept every press that changed something."""
    kept, all_of_them = profiles(age=timedelta()), profiles(age=timedelta())
    of, clock = past(), MovingClock(NOW)
    for value, reason, after in presses:
        clock.at += timedelta(seconds=after)
        before, given = of.rating, rated(value, reason, of=of)
        outcome = asyncio.run(answer(given, replace(services(profiles=kept), clock=clock)))[1]
        kept.take(given, outcome, clock.at)
        ledger = outcome.writes[0]
        assert isinstance(ledger, SetRating)
        if (ledger.value, ledger.reason) != ((before.value, before.reason) if before is not None else (0, None)):
            data = {**event(ledger.value, ledger.reason).data, "answered_at": NOW.isoformat()}
            all_of_them.add(ADA, ProfileEventKind.PRESS, clock.at, **data)
        of = earlier(ledger.value, ledger.reason)
    assert sum(one.kind is ProfileEventKind.PRESS for one in kept.stored[ADA]) <= 1
    one, every = (replayed(QV1, store.stored[ADA], now=clock.at) for store in (kept, all_of_them))
    assert (one.votes, one.state, one.length, one.levels) == (every.votes, every.state, every.length, every.levels)
