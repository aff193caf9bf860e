"""What the bot said, and what the person merely asked, comes up only where that is asked for; and what an index found ranks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bot.memory_types import BOT, SELF, Origin
from profiles.asked import asks_what_was_answered, asks_what_was_asked, only_asks
from profiles.ranking import Book, rank, read
from tests.profiles.test_ranking import NOW, TALK, YARDSTICK, about, book_of, ids, memory


@pytest.mark.parametrize(
    "question",
    [
        "What did you recommend for my back?",
        "you told me about a book",
        "You've already explained BM25, right?",
        "didn't you say it was free?",
        "What was your advice on the loan?",
        "your last answer was wrong",
        "According to you, who was right?",
        "¿Qué me dijiste de la dieta?",
        "¿Cuál fue tu consejo sobre el préstamo?",
        "¿Me habías explicado ya el BM25?",
        "tus recomendaciones anteriores",
        "¿qué me recomendó usted?",
        "¿Qué me ha dicho usted sobre el seguro?",
        "Según tú, ¿quién tenía razón?",
    ],
)
def test_a_question_about_what_the_bot_said_is_known(question: str) -> None:
    assert asks_what_was_answered(question)
    assert not asks_what_was_asked(question)


@pytest.mark.parametrize(
    "question",
    [
        "What did I ask you yesterday?",
        "Did I already ask about the visa?",
        "I asked you about the visa, when was that?",
        "my last question",
        "¿Qué te pregunté ayer?",
        "¿Ya te había preguntado por el visado?",
        "¿Te hice alguna pregunta sobre Lima?",
        "mis preguntas anteriores",
    ],
)
def test_a_question_about_what_was_asked_is_known(question: str) -> None:
    assert asks_what_was_asked(question)
    assert not asks_what_was_answered(question)


@pytest.mark.parametrize(
    "question",
    [
        "",
        "Could you tell me the capital of France?",
        "What do you recommend for dinner?",
        "Did you know that I play chess?",
        "What did Ana say?",
        "Have you ever been to Rome?",
        "Can I ask you something?",
        "My boss asked me to stay",
        "¿Qué me recomiendas?",
        "según tu horario, ¿cuándo abres?",
        "dime qué dijo mi jefe",
        "Mi jefe me ha dicho que no",
        "necesito tu consejo",
        "¿Puedo preguntarte algo?",
        "Mi jefe me preguntó por ti",
    ],
)
def test_other_questions_are_about_neither(question: str) -> None:
    assert not asks_what_was_answered(question)
    assert not asks_what_was_asked(question)


@pytest.mark.parametrize(
    "text", ["What time is it?", "Hi! What time is it?", "¿Qué hora es? ¿Y en Lima? 🙂", "What is 3.5 + 2?", 'Who said "so?"']
)
def test_a_text_of_questions_only_asks(text: str) -> None:
    assert only_asks(text)


@pytest.mark.parametrize("text", ["", "ok", "I live in Lima. Where is that?", "¿Qué? Nada.", "Soy médico. ¿Qué tomo?"])
def test_a_text_that_says_something_does_more_than_ask(text: str) -> None:
    assert not only_asks(text)


def talk() -> Book:
    said = replace(memory("Bruno", session="s", position=3), origin=Origin.SAID)
    asked = replace(memory("What is the name of a good vet for my dog?", session="s", position=0), origin=Origin.SAID)
    return book_of(
        [
            ("asked", asked),
            ("answered", memory("Doctor Vega is a good vet", by=BOT, session="s", position=1)),
            ("returned", memory("What is the name of your dog?", by=BOT, session="s", position=2)),
            ("said", said),
            *((id, what) for id, what in TALK.items() if id not in ("dog", "perro")),
        ]
    )


def found(question: str, *, with_answers: bool = False, with_questions: bool = False) -> list[str]:
    return ids(
        rank(talk(), question, language="en", now=NOW, with_answers=with_answers, with_questions=with_questions, limit=20)
    )


def test_answers_and_questions_come_up_only_where_they_may() -> None:
    question = "a good vet for the dog"
    assert {"asked", "answered"} <= set(found(question, with_answers=True, with_questions=True))
    assert "answered" in found(question, with_answers=True)
    assert "asked" not in found(question, with_answers=True)
    assert not {"asked", "answered", "returned"} & set(found(question))


def test_what_a_hidden_question_asked_for_is_found_by_its_words() -> None:
    assert found("the name of my dog")[0] == "said"


def test_a_question_that_only_the_bot_could_answer_recalls_nothing() -> None:
    book = book_of([("answered", memory("Tungsten boils at 5,555 °C", by=BOT)), *TALK.items()])
    assert ids(rank(book, "tungsten boils", language="en", now=NOW, with_answers=False)) == []
    assert ids(rank(book, "tungsten boils", language="en", now=NOW)) == ["answered"]


def test_what_an_index_found_counts_and_nothing_else_does() -> None:
    book = book_of(TALK.items())
    meant = rank(book, "Any pets?", language="en", now=NOW, vector=about("animals"), hits={"dog": 0.9, "unknown": 1.0})
    assert ids(meant)[0] == "dog"
    assert ids(rank(book, "Any pets?", language="en", now=NOW, vector=about("animals"), hits={})) == []
    assert ids(rank(book, "Any pets?", language="en", now=NOW, vector=about("animals"), hits={"dog": float("nan")})) == []


def test_the_nearest_alone_rank_as_all_do() -> None:
    generator = np.random.default_rng(5)
    book, hits = Book(YARDSTICK), {}
    for number in range(60):
        row = generator.standard_normal(4).astype(np.float32)
        row /= np.linalg.norm(row)
        book.add(f"m{number}", memory(f"Thing {number}", session=str(number), by=SELF), vector=row)
        hits[f"m{number}"] = float(row.astype(np.float16).astype(np.float32) @ about("music"))
    exact = rank(book, "thing 7", language="en", now=NOW, vector=about("music"), limit=60)
    by_index = rank(book, "thing 7", language="en", now=NOW, vector=about("music"), hits=hits, limit=60)
    assert [(one.id, round(one.score, 4)) for one in by_index] == [(one.id, round(one.score, 4)) for one in exact]
    book.drop_vectors()
    assert rank(book, "thing 7", language="en", now=NOW, vector=about("music"), limit=60) != exact


def test_words_read_before_the_book_changed_are_read_anew() -> None:
    book = book_of(TALK.items())
    reading = read(book, "who chased the postman", language="en", now=NOW)
    assert ids(rank(book, "who chased the postman", language="en", now=NOW, reading=reading)) == ["dog"]
    book.add("cat", memory("The cat chased the postman too"))
    assert set(ids(rank(book, "who chased the postman", language="en", now=NOW, reading=reading))) == {"dog", "cat"}
