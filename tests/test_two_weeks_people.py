"""The people of the two weeks: the same for the same seed, honest rows unlike each other, planted ones what they say."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, timedelta
from functools import cache

import ftfy
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.two_weeks_people import (
    DAYS,
    FEWEST_CONVERSATIONS,
    START,
    YOUNG_DAYS,
    Happening,
    What,
    as_collected,
    happenings,
)
from benchmarks.two_weeks_planted import MENDED, NEVER_COLLECTED, SECRETS, Planted
from benchmarks.two_weeks_texts import card, iban, sentences
from bot.lexical import guess_language
from bot.types import Flag, TurnStatus
from learning.duplicates import NearDuplicates
from learning.records import LANGUAGES, Collected, Language

LAST = START + timedelta(days=DAYS - 1)
COPIES = {Planted.EXACT_DUPLICATE, Planted.NEAR_DUPLICATE_OF_OWN, Planted.NEAR_DUPLICATE_OF_OTHER}


@cache
def everything() -> tuple[Happening, ...]:
    return happenings(300)


@cache
def turns() -> dict[str, Happening]:
    return {one.turn: one for one in everything() if one.what is What.TURN}


@cache
def collected() -> tuple[Collected, ...]:
    return tuple(as_collected(everything(), LAST))


def of_kind(kind: Planted) -> list[Happening]:
    return [turn for turn in turns().values() if turn.planted is kind]


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 70), st.integers(0, 10**9))
def test_the_same_seed_gives_the_same_bytes(people: int, seed: int) -> None:
    assert msgspec.json.encode(happenings(people, seed=seed)) == msgspec.json.encode(happenings(people, seed=seed))


def test_another_seed_gives_other_people() -> None:
    assert happenings(4, seed=1) != happenings(4, seed=2)


@settings(max_examples=8, deadline=None)
@given(st.integers(1, 60), st.integers(0, 10**9))
def test_everything_is_in_order_of_time_and_of_turns(people: int, seed: int) -> None:
    found = happenings(people, seed=seed)
    assert all(one.at.tzinfo is UTC for one in found)
    assert [one.at for one in found] == sorted(one.at for one in found)
    names = [one.turn for one in found if one.what is What.TURN]
    assert names == sorted(set(names))
    arrived = {one.person: one.at for one in found if one.what is What.ARRIVAL}
    assert len(arrived) == people
    assert all(arrived[one.person] <= one.at for one in found)


@pytest.mark.parametrize("seed", [0, 5])
def test_every_kind_is_there_in_both_languages_from_sixty_people_on(seed: int) -> None:
    found = {(one.planted, one.language) for one in happenings(60, seed=seed) if one.what is What.TURN}
    assert {(kind, language) for kind in Planted for language in LANGUAGES} <= found
    assert len(Planted) >= 25


def test_both_languages_have_as_much_to_learn_from() -> None:
    honest = Counter(row.language for row in collected() if not turns()[row.row].planted)
    assert min(honest.values()) > 0.45 * honest.total()
    assert honest.total() > 1_500


def test_there_are_enough_topics_with_questions_and_answers_of_their_own() -> None:
    for language in LANGUAGES:
        topics = sentences(language).topics
        assert len(topics) >= 25
        assert len({text for topic in topics for text in topic.answers}) == 6 * len(topics)
        assert all(len(topic.questions) >= 4 and len(topic.things) >= 5 and len(topic.mends) >= 2 for topic in topics)
    assert len(sentences("es").topics) == len(sentences("en").topics)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_in_their_language(language: Language) -> None:
    answers = [text for topic in sentences(language).topics for text in topic.answers]
    assert [text for text in answers if guess_language(text) != language] == []


def test_nobody_is_collected_who_did_not_agree() -> None:
    assert {turns()[row.row].planted for row in collected()}.isdisjoint(NEVER_COLLECTED)
    assert {Planted.YOUNG_ACCOUNT, Planted.FEW_CONVERSATIONS} <= {turns()[row.row].planted for row in collected()}


def test_consent_that_is_taken_back_takes_earlier_rows_along() -> None:
    withdrawn = {turn.turn for turn in of_kind(Planted.WITHDRAWN_CONSENT)}
    before = {row.row for row in as_collected(everything(), START + timedelta(days=7))}
    assert before & withdrawn
    assert not {row.row for row in collected()} & withdrawn


def test_accounts_are_young_or_quiet_only_where_that_is_planted() -> None:
    for row in collected():
        planted = turns()[row.row].planted
        assert (row.account_days < YOUNG_DAYS) == (planted is Planted.YOUNG_ACCOUNT)
        assert (row.conversations < FEWEST_CONVERSATIONS) == (planted is Planted.FEW_CONVERSATIONS)


def test_only_the_busy_have_more_rows_than_the_caps_allow() -> None:
    by_day = Counter((row.person, row.asked_on) for row in collected())
    busy = {turn.person for turn in of_kind(Planted.ABOVE_CAP)}
    assert len(busy) == len(LANGUAGES)
    assert {person for (person, _), count in by_day.items() if count > 25} == busy
    in_all = Counter(row.person for row in collected() if row.person not in busy)
    assert max(in_all.values()) <= 0.02 * in_all.total()


@pytest.mark.parametrize("language", LANGUAGES)
def test_honest_rows_are_unlike_each_other_and_copies_are_not(language: Language) -> None:
    known, repeated = NearDuplicates(), defaultdict[str, list[str]](list)
    for row in collected():
        planted = turns()[row.row].planted
        if row.language == language and (not planted or planted in COPIES):
            repeated[planted].append(known.add(row.row, f"{row.question}\n{row.answer}") or "")
    assert [first for first in repeated[""] if first] == []
    people = {row.row: row.person for row in collected()}
    for kind in COPIES:
        assert len(repeated[kind]) >= 5
        assert all(first and not turns()[first].planted for first in repeated[kind])
    own = {turn.person for turn in of_kind(Planted.EXACT_DUPLICATE)}
    assert {people[first] for first in repeated[Planted.EXACT_DUPLICATE]} <= own


def test_mojibake_can_be_mended_and_lost_letters_cannot() -> None:
    answers = {turn.answer for turn in of_kind(Planted.MOJIBAKE)}
    assert all(ftfy.fix_text(text) != text and "Ã" not in ftfy.fix_text(text) for text in answers)
    assert all("\N{REPLACEMENT CHARACTER}" in turn.answer for turn in of_kind(Planted.BROKEN_LETTERS))


def test_secrets_stand_in_the_question_and_their_digits_hold() -> None:
    for kind in SECRETS:
        assert kind in MENDED
        assert all(turn.secret and turn.secret in turn.question for turn in of_kind(kind))
    assert not any(turn.secret for turn in turns().values() if turn.planted not in SECRETS)
    assert card("453201511283036") == "4532 0151 1283 0366"
    assert iban("GB", "WEST12345698765432") == "GB82 WEST 1234 5698 7654 32"
    for turn in of_kind(Planted.IDENTITY):
        assert turn.secret[8] == "TRWAGMYFPDXBNJZSQVHLCKE"[int(turn.secret[:8]) % 23]


def test_other_kinds_look_as_they_say() -> None:
    assert all(turn.answer.count("```") % 2 for turn in of_kind(Planted.TRUNCATED_FENCE))
    assert all(len(turn.answer) > 10_000 for turn in of_kind(Planted.TOO_LONG))
    assert all(not turn.answer.strip("\u200b \n") for turn in of_kind(Planted.EMPTY_ANSWER))
    assert all(guess_language(turn.answer) != turn.language for turn in of_kind(Planted.WRONG_LANGUAGE))
    assert all(turn.question.startswith("/") for turn in of_kind(Planted.COMMAND))
    assert all(turn.status is TurnStatus.FAILED and Flag.FAILED in turn.flags for turn in of_kind(Planted.FAILED))
    rows = {row.row: row for row in collected()}
    assert all(rows[turn.turn].value == 0 for turn in of_kind(Planted.WITHDRAWN_RATING))
    assert all(rows[turn.turn].flags and not rows[turn.turn].correction for turn in of_kind(Planted.FLAGGED))
    same = [rows[turn.turn] for turn in of_kind(Planted.SAME_CORRECTION)]
    assert all(row.correction.strip().lower() == row.answer.lower() for row in same)


def test_some_change_their_mind_and_the_newest_press_counts() -> None:
    presses = defaultdict[str, list[Happening]](list)
    for one in everything():
        if one.what is What.RATING and one.planted is not Planted.BYSTANDER:
            presses[one.turn].append(one)
    changed = [row for row in collected() if len(presses[row.row]) > 1]
    assert len(changed) > 100
    assert all(row.value == presses[row.row][-1].value for row in changed)


def test_a_bystander_presses_on_what_others_were_answered() -> None:
    pressed = [one for one in everything() if one.what is What.RATING and one.person != turns()[one.turn].person]
    assert pressed
    assert all(one.planted is Planted.BYSTANDER and not one.is_private for one in pressed)
    values = {row.row: row.value for row in collected()}
    assert all(values[one.turn] == 1 for one in pressed if one.turn in values)


def test_what_was_said_before_comes_from_the_same_conversation_only() -> None:
    assert any(row.history for row in collected())
    by_talk = defaultdict[str, list[Happening]](list)
    for turn in turns().values():
        by_talk[turn.conversation].append(turn)
    for row in collected():
        earlier = [turn.question for turn in by_talk[row.thread] if turn.turn < row.row]
        assert [said.question for said in row.history] == earlier[-6:]
