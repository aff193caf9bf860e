"""What people do with a line is told in both languages alike, and a rater's signals count only when they tell one story."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.training_types import Intent
from learning.intents import intent_of, needs_context
from learning.label import agreement_of, label
from learning.records import LANGUAGES, Agreement, Collected, Labels, Language
from learning.sheet import ByHand
from learning.spoken import language_of
from learning.topics import GENERAL, Topics
from tests.learning.sentences import CONTEXT, INTENTS, pairs
from tests.learning.test_topics import learned, talk

ANSWER: Final = "Photosynthesis is how plants make sugar from light, water and carbon dioxide."


def rated(
    *,
    row: str = "r1",
    language: Language = "en",
    question: str = "What is photosynthesis?",
    answer: str = ANSWER,
    value: int = 1,
    reason: str = "",
    correction: str = "",
) -> Collected:
    return Collected(
        row=row,
        person="p1",
        thread="t1",
        asked_on="2026-11-20",
        channel="web",
        is_private=True,
        language=language,
        question=question,
        answer=answer,
        value=1 if value > 0 else -1 if value < 0 else 0,
        reason=reason,
        correction=correction,
    )


def labels(row: Collected, by_hand: Mapping[str, ByHand] | None = None, topics: Topics | None = None) -> Labels:
    (found,) = label(lambda: iter([row]), topics or Topics.none(), by_hand or {})
    assert found.told == row
    return found.labels


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_people_do_is_told_from_their_words(language: Language) -> None:
    sentences = pairs(INTENTS[language])
    assert len(sentences) >= 150
    assert {name for name, _ in sentences} == set(Intent)
    wrong = [sentence for name, sentence in sentences if intent_of(sentence, language) != name]
    assert len(wrong) <= 0.1 * len(sentences), wrong
    for intent in Intent:
        of = [sentence for name, sentence in sentences if name == intent]
        assert sum(sentence in wrong for sentence in of) <= 0.2 * len(of), intent


def test_the_languages_are_read_equally_well() -> None:
    right = {
        language: sum(intent_of(sentence, language) == name for name, sentence in pairs(INTENTS[language]))
        for language in LANGUAGES
    }
    assert abs(right["es"] - right["en"]) <= 0.03 * len(pairs(INTENTS["es"]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_needs_the_talk_before_it_is_told_from_what_does_not(language: Language) -> None:
    sentences = pairs(CONTEXT[language])
    assert len(sentences) >= 60
    wrong = [sentence for name, sentence in sentences if needs_context(sentence, language) != (name == "yes")]
    assert len(wrong) <= 0.1 * len(sentences), wrong


@pytest.mark.parametrize(
    ("text", "language", "intent"),
    [
        ("que es la fotosintesis", "es", Intent.QUESTION),
        ("QUÉ ES LA FOTOSÍNTESIS", "es", Intent.QUESTION),
        ("explicame la fotosintesis", "es", Intent.REQUEST),
        ("Cambié de idea", "es", Intent.CHAT),
        ("I don’t understand why it rains", "en", Intent.QUESTION),
        ("I do not understand why it rains", "en", Intent.QUESTION),
        ("", "en", Intent.CHAT),
        ("🙂", "es", Intent.CHAT),
        ("?", "es", Intent.CHAT),
    ],
)
def test_accents_case_and_contractions_do_not_matter(text: str, language: Language, intent: Intent) -> None:
    assert intent_of(text, language) is intent


@given(st.text(max_size=300), st.sampled_from(LANGUAGES))
def test_any_text_has_an_intent(text: str, language: Language) -> None:
    assert intent_of(text, language) in Intent
    assert needs_context(text, language) in {True, False}


def test_a_very_long_text_is_read_at_its_ends() -> None:
    story = "The road went on and on between the hills. " * 2_000
    assert intent_of(f"{story}\nWhy is the sky blue?", "en") is Intent.QUESTION
    assert intent_of(f"Write an ending for this story:\n{story}", "en") is Intent.REQUEST


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("piece", ["no , ", "no es a , ", ":", "\n", "' ", "it ", "lo ", "¿", "a.", "you talk ", "llevo "])
def test_no_text_takes_long_to_read(piece: str, language: Language) -> None:
    begun = time.process_time()
    intent_of(piece * 8_000, language)
    needs_context(piece * 8_000, language)
    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize(
    ("question", "stored", "language"),
    [
        ("¿Cómo se calcula el área de un círculo con su diámetro?", "en", "es"),
        ("How do you work out the area of a circle from its diameter?", "es", "en"),
        ("hola", "en", "en"),
        ("and that one?", "es", "es"),
        ("Le chat est sur la table et il mange", "en", "en"),
        ("```\nfor item in the_list_of_all_the_things: print(item)\n``` ¿y eso?", "es", "es"),
    ],
)
def test_the_stored_language_holds_unless_many_words_say_otherwise(question: str, stored: Language, language: Language) -> None:
    assert language_of(rated(question=question, language=stored)) == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_in_the_stored_language_stays_in_it(language: Language) -> None:
    sentences = [sentence for _, sentence in pairs(INTENTS[language] + CONTEXT[language])]
    assert all(language_of(rated(question=sentence, language=language)) == language for sentence in sentences)


GOOD, BAD, UNCLEAR = Agreement.GOOD, Agreement.BAD, Agreement.UNCLEAR
OTHER: Final = "It is the process in leaves by which sunlight turns into the chemical energy that feeds almost all life."


@pytest.mark.parametrize(
    ("value", "reason", "correction", "agreement"),
    [
        (1, "", "", GOOD),
        (1, "wrong", "", UNCLEAR),
        (1, "", ANSWER.replace("sugar", "sugars"), GOOD),
        (1, "", OTHER, UNCLEAR),
        (1, "long", ANSWER, UNCLEAR),
        (0, "", "", UNCLEAR),
        (0, "", ANSWER, UNCLEAR),
        (0, "", OTHER, BAD),
        (-1, "", "", BAD),
        (-1, "wrong", "", BAD),
        (-1, "", ANSWER, UNCLEAR),
        (-1, "", f"  {ANSWER.upper()}!", UNCLEAR),
        (-1, "wrong", ANSWER.replace("light", "sunlight"), BAD),
        (-1, "long", OTHER + " " + OTHER, UNCLEAR),
        (-1, "long", "Plants make sugar from light.", BAD),
        (-1, "short", "Plants make sugar from light.", UNCLEAR),
        (-1, "short", ANSWER + " " + OTHER, BAD),
        (-1, "", "That's wrong, it is about light", UNCLEAR),
        (-1, "", "make it shorter", UNCLEAR),
        (-1, "", "Write to your town hall and ask for the form.", BAD),
        (-1, "", " \n", BAD),
    ],
)
def test_signals_that_contradict_each_other_are_unclear(value: int, reason: str, correction: str, agreement: Agreement) -> None:
    assert agreement_of(rated(value=value, reason=reason, correction=correction), "en") is agreement


def test_another_year_is_no_repetition() -> None:
    answer = "The war that is meant here ended in the summer of the year 1944, after more than five long years."
    told = rated(answer=answer, value=-1, correction=answer.replace("1944", "1945"))
    assert agreement_of(told, "en") is BAD


def test_a_row_gets_all_its_labels() -> None:
    rows = talk(600)
    topics = learned(rows)
    told = rated(question="¿Y cómo lo hacen las raíces, la clorofila y la savia?", language="en", answer="")
    found = labels(told, topics=topics)
    assert (found.language, found.intent, found.agreement) == ("es", Intent.QUESTION, GOOD)
    assert found.topic in topics.names("es")
    assert not found.is_by_operator


def test_a_label_by_hand_wins_and_is_marked() -> None:
    row = rated()
    intent = labels(row, {"r1": ByHand(intent=Intent.COMPLAINT)})
    assert (intent.intent, intent.topic, intent.is_by_operator) == (Intent.COMPLAINT, GENERAL, True)
    topic = labels(row, {"r1": ByHand(topic="billing")})
    assert (topic.intent, topic.topic, topic.is_by_operator) == (Intent.QUESTION, "billing", True)
    assert not labels(row, {"r1": ByHand(), "r2": ByHand(topic="billing")}).is_by_operator


def test_labelling_twice_says_the_same() -> None:
    rows = talk(300)
    topics = learned(rows)
    assert list(label(lambda: iter(rows), topics, {})) == list(label(lambda: iter(rows), topics, {}))
