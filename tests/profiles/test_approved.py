"""What others let everybody have is given to the same question in other words, to no other, and names nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.sharing_types import SharedState
from bot.types import EvidenceKind, Language, PersonId
from profiles.approved import SAME_QUESTION, SAME_WORDS, ApprovedAnswers
from tests.handlers.fake_sharing import FakeSharing, correction

ASKER = PersonId("somebody else")
SHARED = SharedState.SHARED


async def answered(known: str, asked: str, language: Language = "en") -> bool:
    store = FakeSharing([correction(1, question=known, language=language, state=SHARED)])
    return bool(await ApprovedAnswers(store).search(ASKER, asked))


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("When does the reading room open?", "at what time does the reading room open"),
        ("When does the reading room open?", "When is the reading room opened?"),
        ("When does the reading room open?", "WHEN DOES THE READING ROOM OPEN"),
        ("How do I renew a loan?", "Could you tell me how to renew loans, please?"),
        ("How do I renew a loan?", "how can I renew my loans?"),
        ("¿Cuándo abre la sala de lectura?", "¿a qué hora abre la sala de lectura?"),
        ("¿A qué hora abre la sala de lectura?", "Dime a qué hora abre la sala de lectura."),
        ("¿A qué hora abre la sala de lectura?", "¿La sala de lectura a qué hora abre?"),
        ("¿Cómo se renueva un préstamo?", "como puedo renovar un prestamo?"),
    ],
)
async def test_other_words_for_the_same_question_find_it(known: str, asked: str) -> None:
    assert await answered(known, asked)


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("Is it safe to mix bleach and water?", "Is it safe to mix bleach and ammonia?"),
        ("¿Es seguro mezclar lejía con agua?", "¿Es seguro mezclar lejía con amoniaco?"),
        ("Is it safe to mix bleach and water?", "Is it safe not to mix bleach and water?"),
        ("Can I take it with milk?", "Can't I take it with milk?"),
        ("¿Se toma con leche?", "¿Se toma sin leche?"),
        ("¿Se puede nadar antes de comer?", "¿Se puede nadar después de comer?"),
        ("¿Cuál es la dosis de ibuprofeno en adultos?", "¿Cuál es la dosis de ibuprofeno en niños?"),
        ("What time does the library open on Saturdays?", "What time does the library open on Sundays?"),
        ("¿A qué hora abre la biblioteca?", "¿A qué hora cierra la biblioteca?"),
        ("¿A qué hora abre la biblioteca municipal?", "¿Dónde está la biblioteca municipal?"),
        ("¿Cuánto cuesta el abono mensual?", "¿Cuánto cuesta el abono anual?"),
        ("How do I install Martín on Windows?", "How do I uninstall Martín on Windows?"),
        ("How do I install Martín on Windows?", "How do I install Martín on a Mac?"),
        ("What is the capital of Australia?", "What is the capital of Austria?"),
        ("What is the capital of Australia?", "What is the population of Australia?"),
        ("Who wrote Don Quijote?", "When was Don Quijote written?"),
        ("¿Cuánto mide la torre Eiffel?", "¿Cuánto pesa la torre Eiffel?"),
        ("¿Quién es el alcalde de Soria?", "¿Quién fue el primer alcalde de Soria?"),
        ("Can I pay by card?", "I lost my card and need to pay my rent, what can I do?"),
        ("What happened in 1936?", "What happened in 1939?"),
        ("Python", "Is a python venomous?"),
        ("Why is the sky blue?", "Where is the sky blue?"),
        ("When is the birthday party?", "When is my birthday party?"),
        ("What is Python?", "hello"),
        ("What is Python?", ""),
        ("What is Python?", "  ?!"),
    ],
)
async def test_a_similar_question_is_another_one(known: str, asked: str) -> None:
    assert not await answered(known, asked)
    assert not await answered(asked, known)


async def test_it_says_how_sure_it_is_and_neither_whose_nor_when() -> None:
    one = correction(1, state=SHARED)
    approved = ApprovedAnswers(FakeSharing([one]))
    (exact,) = await approved.search(ASKER, one.question.upper())
    assert (exact.kind, exact.text, exact.question) == (EvidenceKind.APPROVED, one.answer, one.question)
    assert (exact.source, exact.at, exact.title, exact.score) == ("", None, "", SAME_WORDS)
    (other,) = await approved.search(ASKER, "So when does the reading room open, exactly?")
    assert other.score == SAME_QUESTION


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


async def test_nothing_is_kept_of_whoever_is_forgotten() -> None:
    approved = ApprovedAnswers(FakeSharing([correction(1, state=SHARED)]))
    await approved.search(ASKER, "x")
    assert "At nine" in str(approved._book)
    await approved.forget(PersonId("ada"))
    assert str(approved._book) == "None"
    assert await approved.export(PersonId("ada")) == []
