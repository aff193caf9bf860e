"""What a message wishes for in words, in both languages: also what it is to be without, and never what it negates."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profile_types import NEUTRAL, Arms
from bot.types import LANGUAGES, Language
from handlers.remarks import is_only_a_wish
from profiles import wishes as module
from profiles.directives import Block, Style, block
from profiles.topics import load_topics, topic_of
from profiles.wishes import NO_WISHES, Wishes, is_negated, read
from tests.effort import effort

ESTD: Arms = (1, 1, 1, 1)


def wishes(text: str, language: Language) -> Wishes:
    return module.wishes(read(text), language)


def is_factual(text: str, language: Language) -> bool:
    return module.is_factual(read(text), language)


def usual(language: Language, arms: Arms, told: Wishes) -> Block:
    """The block for who has these arms, all of them clear."""
    style = Style(theta=(0.6,) * 4, sd=(1 / 3,) * 4, labels=("+clear",) * 4, arms=arms)
    return block(language, level=2, goal="task", length=0, style=style, wishes=told)


@pytest.mark.parametrize(
    ("language", "text", "dimension", "pole"),
    [
        ("es", "explícamelo con una tabla", 3, 1),
        ("es", "Compara los dos planes en forma de tabla", 3, 1),
        ("es", "cuéntamelo en prosa, por favor", 3, -1),
        ("es", "¿Qué es un bucle? Sin listas", 3, -1),
        ("es", "explícame paso a paso cómo se hace", 1, 1),
        ("es", "dame una visión general", 1, -1),
        ("es", "ponme un ejemplo", 0, 1),
        ("es", "¿Qué es la inflación? Con un ejemplo", 0, 1),
        ("es", "la teoría primero", 0, -1),
        ("es", "no me pongas ejemplos", 0, -1),
        ("es", "explícalo sin teoría", 0, 1),
        ("es", "ponme un ejercicio de fracciones", 2, 1),
        ("es", "sin ejercicios, gracias", 2, -1),
        ("en", "explain it in a table", 3, 1),
        ("en", "with bullet points, please", 3, 1),
        ("en", "tell it as a story", 3, -1),
        ("en", "what is a loop? don't use bullet points", 3, -1),
        ("en", "step by step please", 1, 1),
        ("en", "give me the big picture", 1, -1),
        ("en", "show me an example", 0, 1),
        ("en", "theory first", 0, -1),
        ("en", "no examples", 0, -1),
        ("en", "quiz me", 2, 1),
        ("en", "just explain it", 2, -1),
    ],
)
def test_an_explicit_wish_overrides_its_dimension(language: Language, text: str, dimension: int, pole: int) -> None:
    told = wishes(text, language)
    assert [told.arms[d] for d in range(4)] == [pole if d == dimension else None for d in range(4)]
    made = usual(language, ESTD, told)
    assert made.arms == tuple(0 if d == dimension else 1 for d in range(4))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("es", "¿Qué es una tabla en SQL?"),
        ("es", "¿Cuál es el camino más corto a Roma?"),
        ("es", "¿Qué idioma es más fácil?"),
        ("es", "no estoy de acuerdo con la teoría de cuerdas"),
        ("es", "¿adelgazo con ejercicio?"),
        ("en", "How do I find duplicates in a table?"),
        ("en", "Does it take longer by train?"),
        ("en", "What is wrong with the theory of ether?"),
        ("en", "Is there an exercise bike for the office?"),
        ("en", ""),
    ],
)
def test_a_subject_is_no_wish(language: Language, text: str) -> None:
    assert wishes(text, language) == NO_WISHES


def test_who_wishes_for_both_poles_is_told_neither() -> None:
    told = wishes("la teoría primero y luego ponme un ejemplo", "es")
    assert told.arms == (0, None, None, None)
    assert usual("es", ESTD, told).arms == (0, 1, 1, 1)


@pytest.mark.parametrize(
    ("language", "text", "length", "level"),
    [
        ("es", "resúmelo en dos frases", -1, None),
        ("es", "explícamelo más corto", -1, None),
        ("es", "cuéntame con más detalle", 1, None),
        ("es", "explícame la luz desde cero", None, 1),
        ("es", "explica los monoides a nivel avanzado", None, 4),
        ("en", "explain it briefly", -1, None),
        ("en", "make it longer", 1, None),
        ("en", "explain gravity like I'm five", None, 1),
        ("en", "explain it for experts", None, 4),
    ],
)
def test_length_and_level_may_be_wished_for(language: Language, text: str, length: int | None, level: int | None) -> None:
    told = wishes(text, language)
    assert (told.length, told.level) == (length, level)
    assert len(usual(language, NEUTRAL, told).lines) == 3


@given(st.text(max_size=300), st.sampled_from(LANGUAGES))
def test_nothing_that_was_written_gets_into_the_block(text: str, language: Language) -> None:
    told = wishes(text, language)
    allowed = {*usual(language, ESTD, NO_WISHES).lines, *usual(language, (0, 1, 1, 1), NO_WISHES).lines}
    assert {*usual(language, ESTD, told).lines} <= allowed


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("es", "¿Quién pintó la Gioconda?", True),
        ("es", "¿En qué año terminó la guerra?", True),
        ("es", "¿Cuántos huesos tiene el cuerpo?", True),
        ("es", "¿Cómo funciona un motor?", False),
        ("es", "¿Por qué llueve cuando hace frío?", False),
        ("en", "Who painted it?", True),
        ("en", "how many bones are in a hand", True),
        ("en", "What year was that?", True),
        ("en", "How does an engine work?", False),
        ("en", "who was the first person that tried to explain why the sky is blue by light", False),
    ],
)
def test_a_bare_fact_is_told_from_an_explanation(language: Language, text: str, expected: bool) -> None:
    assert is_factual(text, language) is expected


# What it negates.

NEGATED: dict[Language, str] = {
    "es": """
        no lo hagas más corto
        no más corto
        no me lo expliques paso a paso
        no me lo expliques, por favor, paso a paso
        no expliques paso a paso
        no paso a paso
        nada de paso a paso
        sin explicarlo paso a paso
        no quiero que me lo expliques paso a paso
        no hace falta que me lo expliques paso a paso
        deja de explicarlo paso a paso
        tampoco paso a paso
        nunca me lo expliques por pasos
        nada en detalle
        paso a paso no
        ¿Qué es un bucle? Paso a paso no, por favor
        explícalo en vez de paso a paso
        no empieces con un ejemplo
        no con ejemplos
        no con un ejemplo, gracias
        explica sin dejar de ser general ni con ejemplos
        menos con ejemplos y ya
        no en una lista
        no me lo des en forma de tabla
        no con analogías
        no en prosa
        explícalo, pero no en párrafos
        no como una historia
        no me lo cuentes como un cuento
        no quiero un resumen
        no quiero que me des la visión general
        no a grandes rasgos
        no me dejes practicar
        no en detalle
        no tan en detalle
        no entres a fondo
        no brevemente
        no me contestes en dos frases
        no seas breve
        no para principiantes
        no lo expliques desde cero
        no como si tuviera cinco años
        no a nivel avanzado
        no evites los ejemplos
        nunca sin ejemplos
        no lo expliques sin ejemplos
        no quiero que lo expliques sin jerga""",
    "en": """
        don't explain step by step
        dont explain step by step
        do not explain it to me step by step
        not step by step
        no step by step please
        without explaining step by step
        I don't want you to explain it step by step
        never step by step
        stop explaining it step by step
        explain it, but not step by step
        step by step, no thanks
        explain gravity step by step? No.
        please not in steps
        instead of step by step
        can you not explain it step by step
        please don't, please, explain it step by step
        nothing in detail
        don't be brief
        please don't answer briefly
        not briefly
        don't keep it short
        don't make it shorter
        not shorter
        don't make it longer
        not in detail
        don't go in depth
        less in detail
        don't answer in two sentences
        don't quiz me
        do not test me
        don't ask me questions
        don't let me try
        not in a table
        don't put it in a table
        you shouldn't show it as a list
        explain it rather than in a table
        don't write it in prose
        not in prose
        not as a story
        not with an analogy
        don't start with an example
        not with an example
        never give me examples
        don't give me an overview
        don't just explain
        no big picture, not in broad strokes
        not like I'm five
        don't make it simpler
        not for beginners
        not at an advanced level
        don't avoid examples
        don't skip the exercises
        never without examples
        don't explain it without jargon""",
}

AFFIRMED: dict[Language, tuple[tuple[str, Wishes], ...]] = {
    "es": (
        ("No, paso a paso", Wishes(arms=(None, 1, None, None))),
        ("No entiendo, explícamelo paso a paso", Wishes(arms=(None, 1, None, None))),
        ("dame un ejemplo, ¿no?", Wishes(arms=(1, None, None, None))),
        ("no, más corto", Wishes(length=-1)),
        ("no tan largo, más corto", Wishes(length=-1)),
        ("no entiendo nada de esto explícamelo paso a paso", Wishes(arms=(None, 1, None, None))),
        ("no entiendo explícamelo paso a paso", Wishes(arms=(None, 1, None, None))),
        ("no lo entendí, más fácil por favor", Wishes(level=1)),
        ("No sé nada de esto, explícalo desde cero", Wishes(level=1)),
        ("¿Por qué no me lo explicas paso a paso?", Wishes(arms=(None, 1, None, None))),
        ("¿No me puedes dar un ejemplo? Dame un ejemplo", Wishes(arms=(1, None, None, None))),
        ("no te olvides de poner la tabla, explícalo con un ejemplo", Wishes(arms=(1, None, None, None))),
        ("no en detalle, sino con un ejemplo", Wishes(arms=(1, None, None, None))),
        ("no en detalle sino con un ejemplo", Wishes(arms=(1, None, None, None))),
        ("sin ejemplos pero paso a paso", Wishes(arms=(-1, 1, None, None))),
        ("sin ejemplos y paso a paso", Wishes(arms=(-1, 1, None, None))),
        ("no quiero ejemplos", Wishes(arms=(-1, None, None, None))),
        ("no me pongas más ejemplos", Wishes(arms=(-1, None, None, None))),
        ("nada de teoría", Wishes(arms=(1, None, None, None))),
        ("no me des la teoría", Wishes(arms=(1, None, None, None))),
        ("no quiero teoría, brevemente", Wishes(arms=(1, None, None, None), length=-1)),
        ("sin pasos", Wishes(arms=(None, -1, None, None))),
        ("no me hagas preguntas", Wishes(arms=(None, None, -1, None))),
        ("no me des ejercicios", Wishes(arms=(None, None, -1, None))),
        ("evita las preguntas", Wishes(arms=(None, None, -1, None))),
        ("no hagas una lista", Wishes(arms=(None, None, None, -1))),
        ("no uses una tabla", Wishes(arms=(None, None, None, -1))),
        ("sin viñetas y en detalle", Wishes(arms=(None, None, None, -1), length=1)),
        ("sin jerga", Wishes(level=1)),
        ("sin tecnicismos y con ejemplos", Wishes(arms=(1, None, None, None), level=1)),
        ("¿Por qué el agua no se quema? En detalle", Wishes(length=1)),
        ("al menos con un ejemplo", Wishes(arms=(1, None, None, None))),
        ("Mi gato no come. ¿Qué hago? Paso a paso", Wishes(arms=(None, 1, None, None))),
        ("el coche no arranca desde ayer por la mañana, explícame qué hago paso a paso", Wishes(arms=(None, 1, None, None))),
    ),
    "en": (
        ("No, step by step", Wishes(arms=(None, 1, None, None))),
        ("I don't understand, explain it step by step", Wishes(arms=(None, 1, None, None))),
        ("I don't understand explain it step by step", Wishes(arms=(None, 1, None, None))),
        ("I don't get it, with an example please", Wishes(arms=(1, None, None, None))),
        ("I don't know anything about it, explain it from scratch", Wishes(level=1)),
        ("no, shorter", Wishes(length=-1)),
        ("it isn't clear explain it step by step", Wishes(arms=(None, 1, None, None))),
        ("Why don't you explain it step by step?", Wishes(arms=(None, 1, None, None))),
        ("can't you explain it in a table?", Wishes(arms=(None, None, None, 1))),
        ("don't forget to give me an example", Wishes(arms=(1, None, None, None))),
        ("not only in detail but with an example", Wishes(arms=(1, None, None, None), length=1)),
        ("not in detail but with an example", Wishes(arms=(1, None, None, None))),
        ("no examples but step by step", Wishes(arms=(-1, 1, None, None))),
        ("no examples and step by step", Wishes(arms=(-1, 1, None, None))),
        ("no more examples", Wishes(arms=(-1, None, None, None))),
        ("don't use any examples", Wishes(arms=(-1, None, None, None))),
        ("I do not want examples", Wishes(arms=(-1, None, None, None))),
        ("skip the theory", Wishes(arms=(1, None, None, None))),
        ("without numbered steps, briefly", Wishes(arms=(None, -1, None, None), length=-1)),
        ("no more exercises", Wishes(arms=(None, None, -1, None))),
        ("don't give me exercises", Wishes(arms=(None, None, -1, None))),
        ("no questions, please", Wishes(arms=(None, None, -1, None))),
        ("don't use a table", Wishes(arms=(None, None, None, -1))),
        ("avoid bullets", Wishes(arms=(None, None, None, -1))),
        ("without lists, in more detail", Wishes(arms=(None, None, None, -1), length=1)),
        ("no jargon", Wishes(level=1)),
        ("without jargon and with examples", Wishes(arms=(1, None, None, None), level=1)),
        ("no problem, explain it briefly", Wishes(length=-1)),
        ("Why does my cat not eat? Step by step", Wishes(arms=(None, 1, None, None))),
        ("My car does not start since yesterday morning, explain what to do step by step", Wishes(arms=(None, 1, None, None))),
        ("TL;DR", Wishes(length=-1)),
        ("is it alive or not? explain in depth", Wishes(length=1)),
    ),
}


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


@pytest.mark.parametrize(
    ("language", "text"), [(language, text) for language in LANGUAGES for text in lines(NEGATED[language])]
)
def test_what_is_negated_is_no_wish_and_never_learned(language: Language, text: str) -> None:
    assert wishes(text, language) == NO_WISHES
    assert is_negated(read(text), language)
    assert not is_only_a_wish(read(text), language)


@pytest.mark.parametrize(
    ("language", "text", "expected"), [(language, *case) for language in LANGUAGES for case in AFFIRMED[language]]
)
def test_a_negation_of_something_else_leaves_a_wish_as_it_is(language: Language, text: str, expected: Wishes) -> None:
    assert wishes(text, language) == expected


def test_the_tables_are_long_enough_to_say_something() -> None:
    assert all(len(lines(NEGATED[language])) >= 25 and len(AFFIRMED[language]) >= 25 for language in LANGUAGES)


@pytest.mark.parametrize(("language", "no"), [("es", "no"), ("es", "nunca"), ("en", "don't"), ("en", "never")])
def test_a_negation_reaches_over_six_words_between_and_not_out_of_its_clause(language: Language, no: str) -> None:
    wish = "paso a paso" if language == "es" else "step by step"
    for between in range(7):
        assert wishes(" ".join([no, *["x"] * between, wish]), language) == NO_WISHES
        assert wishes(" ".join([no, *["x"] * between + ["x,"], wish]), language).arms[1] == 1
    assert wishes(" ".join([no, *["x"] * 7, wish]), language).arms[1] == 1


# How long it takes.

_RANDOM = random.Random(4)
WORST = (
    *("ﷺ", "x ", "x", "é ", "ß", "a\n", "a, ", "no ", "don't ", "dont ", "explica ", "explain ", "dame un ", "quiero un "),
    *("con un algun ", "give me tell show put want ", "explain in in in in in in in ", "como si fuera una ", "like i m "),
    *("sin nada de no me pongas ", "tell me a few x ", "la ", "de ", "in the ", "explica a a a a a a a a a a a "),
    " ".join("".join(_RANDOM.choices("abcdefghijklmnopqrstuvwxyz", k=2)) for _ in range(1_400)),
    " ".join("".join(_RANDOM.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(400)),
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("piece", WORST)
def test_no_message_takes_long_to_read(piece: str, language: Language) -> None:
    text = (piece * 8_000)[:8_000]
    load_topics()

    def look() -> None:
        told = read(text)
        module.wishes(told, language)
        module.is_factual(told, language)
        topic_of(told, language)

    assert effort(look) < 20


@pytest.mark.parametrize("text", ["ﷺ" * 4_000, "x " * 4_000, "ß" * 8_000, "ŉ" * 8_000, "ᾷ" * 8_000])
def test_a_text_that_grows_when_written_out_is_read_no_further(text: str) -> None:
    assert sum(map(len, read(text).clauses)) <= 4_000


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    assert all(word and word == word.casefold() for word in read(text).words)
