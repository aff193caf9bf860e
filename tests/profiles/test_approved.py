"""What others let everybody have is found when somebody asks it in other words, and names nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sharing_types import SharedState
from bot.types import EvidenceKind, Language, PersonId
from profiles.approved import MOST, ApprovedAnswers
from tests.handlers.fake_sharing import FakeSharing, correction

ASKER = PersonId("somebody else")
SHARED = SharedState.SHARED


@pytest.mark.parametrize(
    ("language", "known", "asked"),
    [
        ("en", "When does the reading room open?", "at what time does the reading room open"),
        ("en", "When does the reading room open?", "When is the reading room opened?"),
        ("es", "¿Cuándo abre la sala de lectura?", "¿a qué hora abre la sala de lectura?"),
    ],
)
async def test_other_words_for_the_same_question_find_it(language: Language, known: str, asked: str) -> None:
    store = FakeSharing([correction(1, question=known, language=language, state=SHARED)])
    (one,) = await ApprovedAnswers(store).search(ASKER, asked)
    assert (one.kind, one.text, one.question) == (EvidenceKind.APPROVED, store.stored[0].answer, known)
    assert one.source == ""
    assert 0.6 <= one.score <= 1


@pytest.mark.parametrize("asked", ["When does the train leave?", "Who painted the reading woman?", "hello", "", "  "])
async def test_another_question_finds_nothing(asked: str) -> None:
    assert await ApprovedAnswers(FakeSharing([correction(1, state=SHARED)])).search(ASKER, asked) == ()


async def test_nobody_is_given_their_own_words_this_way() -> None:
    mine, other = correction(1, state=SHARED), correction(2, person="bob", answer="At eight.", state=SHARED)
    approved = ApprovedAnswers(FakeSharing([mine]))
    assert await approved.search(mine.person_id, mine.question) == ()
    assert [one.text for one in await approved.search(ASKER, mine.question)] == [mine.answer]
    both = ApprovedAnswers(FakeSharing([other, mine]))
    assert [one.text for one in await both.search(ASKER, mine.question)] == ["At eight."], "the newest to one question"


@pytest.mark.parametrize("state", [None, SharedState.ASKED, SharedState.DECLINED, SharedState.LEFT_OUT])
async def test_what_is_not_shared_answers_nobody(state: SharedState | None) -> None:
    one = correction(1, state=state)
    assert await ApprovedAnswers(FakeSharing([one])).search(ASKER, one.question) == ()


async def test_what_changes_is_seen_with_the_next_question() -> None:
    store = FakeSharing()
    approved, one = ApprovedAnswers(store), correction(1, state=SHARED)
    assert await approved.search(ASKER, one.question) == ()
    store.stored = [one]
    assert [found.text for found in await approved.search(ASKER, one.question)] == [one.answer]
    store.stored = [replace(one, state=SharedState.DECLINED)]
    assert await approved.search(ASKER, one.question) == ()


async def test_a_question_gets_few_of_many() -> None:
    names = ("north", "south", "east", "west")
    store = FakeSharing(
        [
            correction(number, question=f"When does the {name} reading room open?", answer=f"{name} " * 40, state=SHARED)
            for number, name in enumerate(names)
        ]
    )
    assert len(await ApprovedAnswers(store).search(ASKER, "When does the reading room open?")) <= MOST
    assert await ApprovedAnswers(store).search(ASKER, "When does the reading room open?")


async def test_nothing_is_kept_of_whoever_is_forgotten() -> None:
    approved = ApprovedAnswers(FakeSharing([correction(1, state=SHARED)]))
    await approved.search(ASKER, "x")
    assert "At nine" in str(approved._book)
    await approved.forget(PersonId("ada"))
    assert str(approved._book) == "None"
    assert await approved.export(PersonId("ada")) == []
