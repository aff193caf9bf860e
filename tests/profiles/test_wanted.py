"""A question about oneself wants a fact of a kind, however that was told; no other question does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from bot.memory_types import SELF, NewMemory, Origin
from bot.types import Language, PersonId
from bot.writes import AddMemory
from profiles.facts.extract import extract
from profiles.ranking import Book, rank
from profiles.settling import settle
from profiles.wanted import asked_about, mark_of, wanted_facts

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def told_of(texts: Sequence[str], language: Language) -> Book:
    """The facts of some texts, as memories whose ids begin with the text's number."""
    book = Book()
    for number, text in enumerate(texts):
        for fact in extract(text, language, said_at=NOW):
            what = NewMemory(
                kind=fact.kind,
                text=fact.text,
                said_by=SELF,
                said_at=NOW,
                session="s",
                position=number,
                origin=Origin.RULE,
                sources=("t",),
                language=fact.language,
                slot=fact.slot,
            )
            (write,) = settle(what, (), person=PersonId("ana"), group=None, id=f"{number} {fact.slot}")
            assert isinstance(write, AddMemory)
            assert mark_of(fact.slot) in write.stems
            book.add(write.id, what, stems=write.stems)
    return book


@pytest.mark.parametrize(
    ("question", "language", "kind"),
    [
        ("What do I do for a living?", "en", "job"),
        ("¿A qué me dedico?", "es", "job"),
        ("Where was I born?", "en", "origin"),
        ("¿De qué país soy?", "es", "origin"),
        ("How old am I?", "en", "age"),
        ("¿Cuántos años tengo?", "es", "age"),
        ("Which language am I studying?", "en", "learning"),
        ("¿qué no puedo comer?", "es", "allergy"),
        ("Do you know my name?", "en", "name"),
    ],
)
def test_a_question_about_oneself_wants_a_kind_of_fact(question: str, language: Language, kind: str) -> None:
    assert kind in wanted_facts(question, language)


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What does a nurse do for a living?", "en"),
        ("How old is the universe?", "en"),
        ("¿Cuántos años vive un gato?", "es"),
        ("¿De dónde viene la palabra robot?", "es"),
        ("Where do penguins live?", "en"),
        ("", "en"),
        ("x" * 10_000, "es"),
    ],
)
def test_other_questions_want_none(question: str, language: Language) -> None:
    assert wanted_facts(question, language) == ()


@pytest.mark.parametrize(
    ("told", "said_in", "asked", "language"),
    [
        ("I work as a nurse.", "en", "What do I do for a living?", "en"),
        ("I work as a nurse.", "en", "¿A qué me dedico?", "es"),
        ("Soy de Uruguay.", "es", "Where am I from?", "en"),
        ("Tengo 71 años.", "es", "How old am I?", "en"),
    ],
)
def test_the_fact_is_found_without_a_word_in_common(told: str, said_in: Language, asked: str, language: Language) -> None:
    other = "My bike is at the station." if said_in == "en" else "Mi bici está en la estación."
    book = told_of((told, other), said_in)
    assert len(book)
    (best, *_) = rank(book, asked, language=language, now=NOW)
    assert best.id.startswith("0 ")


@pytest.mark.parametrize(
    ("question", "language", "whom"),
    [
        ("What is my sister's name?", "en", "sister"),
        ("Where does my older brother work?", "en", "brother"),
        ("¿Cómo se llama mi perro?", "es", "perr"),
        ("What is my name?", "en", ""),
        ("¿Dónde vivo?", "es", ""),
    ],
)
def test_it_is_told_whom_of_theirs_a_question_is_about(question: str, language: Language, whom: str) -> None:
    assert asked_about(question, language).startswith(whom)
    assert bool(asked_about(question, language)) is bool(whom)


@pytest.mark.parametrize("asked", ["What is my cat called?", "What is my sister's name?", "¿Dónde trabaja mi marido?"])
def test_what_is_so_of_the_person_is_no_answer_about_somebody_of_theirs(asked: str) -> None:
    language: Language = "es" if asked.startswith("¿") else "en"
    book = told_of(("My name is Ann.", "I work as a nurse."), "en")
    assert len(book) == 2
    assert all(one.score < 0.5 for one in rank(book, asked, language=language, now=NOW))
