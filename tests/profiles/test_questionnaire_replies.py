"""What a button or a typed reply means to the item that is open: an option, a control, too little, or nothing at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.types import LANGUAGES, Language
from profiles.items import Control, Item, Option, comparable, load_questionnaire
from profiles.questionnaire import Answer, Asked, Course, ask, shown

QV1 = load_questionnaire()
ANA = "ana"


def opened(course: Course) -> Asked:
    asked = ask(QV1, course, person=ANA, salt="salt")
    assert asked is not None
    return asked


@pytest.mark.parametrize("item", QV1.items.values(), ids=lambda item: item.id)
@pytest.mark.parametrize("language", LANGUAGES)
def test_button_letter_and_text_mean_the_same_option(item: Item, language: Language) -> None:
    options = shown(item, person=ANA, salt="salt")
    asked = Asked(item=item, options=options, number=1, count=12, has_earlier=True)
    for letter, option in zip("ABCD", options, strict=False):
        text = option.text[language]
        same = [letter, letter.lower(), f" {letter}) ", f"({letter})", f"la {letter}", f"opción {letter}", f"Option {letter}."]
        place = options.index(option)
        same += [str(place + 1), f"{place + 1}.", f"{place + 1}\ufe0f\u20e3", f"option {place + 1}", f"la {place + 1}ª"]
        same += [chr(0x1F170 + place) + "\ufe0f", chr(0x1F1E6 + place), chr(0x24B6 + place)]
        same += [
            f"the {('first', 'second', 'third', 'fourth')[place]} one",
            ("la primera", "Segunda", "la tercera", "el cuarto")[place],
        ]
        same += ["la última", "the last one", "last option"] if option is options[-1] else []
        for said in (*same, text, text.upper(), f"«{text}»", f"{letter}) {text}", text.replace("é", "e").rstrip(".")):
            assert asked.said(QV1, said) == option, said
        assert asked.pressed(option.key) == option


@pytest.mark.parametrize(
    ("said", "control"),
    [
        *(("Saltar", Control.SKIP), ("skip", Control.SKIP), ("atras", Control.BACK), ("Atrás.", Control.BACK)),
        *(("go back", Control.BACK), ("Parar", Control.STOP), ("STOP!", Control.STOP)),
        *((word, Control.SKIP) for word in ("no sé", "No lo se.", "paso", "pass", "don't know", "I don’t know", "dont know")),
    ],
)
def test_controls_may_be_typed(said: str, control: Control) -> None:
    assert opened(Course()).said(QV1, said) is control
    assert opened(Course(answers=(Answer(item="C1", option="1", position=0, seconds=3),))).pressed(control.value) is control


@pytest.mark.parametrize(
    "said",
    [
        *("", "E", "5", "0", "la quinta", "¿qué es el interés compuesto?", "a b", "why?", "the basics of what?", "resume"),
        *("both", "las dos", "los", "first of all, what is it?", "I don't know what a virus is", "12"),
    ],
)
def test_anything_else_is_no_answer_and_the_item_stays_open(said: str) -> None:
    assert opened(Course()).said(QV1, said) is None


def as_asked(item: str) -> Asked:
    found = QV1.items[item]
    return Asked(item=found, options=found.options, number=1, count=12, has_earlier=True)


@pytest.mark.parametrize(
    ("item", "said", "key"),
    [
        *(("C1", "empiezo de", "1"), ("C1", "starting from", "1"), ("C2", "un examen", "exam"), ("C3", "medio", "medium")),
        *(("C3", "Largo, unas", "long"), ("RUT1", "pasos", "b"), ("ACT1", "nada", "d"), ("FOR1", "párrafos cortos", "c")),
        *(("ENT1", "Con la regla", "c"), ("ENT1", "con la", None), ("ENT1", "con un", None), ("ENT1", "con", None)),
        *(("ACT4", "hac", None), ("RUT1", "un resumen?", None), ("C3", "long, about what", None)),
        *(("ENT3", "interés compuesto", None), ("FOR3", "virus", None), ("ENT3", "Interest", None)),
    ],
)
def test_the_beginning_of_one_options_text_is_that_option(item: str, said: str, key: str | None) -> None:
    meaning = as_asked(item).said(QV1, said)
    assert (meaning.key if isinstance(meaning, Option) else meaning) == key


@pytest.mark.parametrize("said", ["ambas", "las dos", "Me da igual.", "igual", "por igual", "both", "Either", "the same", "0"])
@pytest.mark.parametrize("item", ["ENT2", "FOR3", "ACT4"])
def test_both_alike_is_the_middle_option_where_there_is_one(item: str, said: str) -> None:
    assert as_asked(item).said(QV1, said) == (None if said == "0" else QV1.items[item].option("b"))
    assert as_asked("ENT1").said(QV1, said) is None
    assert as_asked("ENT1").is_unclear(QV1, said)


@pytest.mark.parametrize(
    ("said", "is_unclear"),
    [
        *((("e", True), ("E)", True), ("5", True), ("ok", True), ("?", True), ("👍", True), ("🅾️", True), (" x ", True))),
        *((("", False), ("a", False), ("skip", False), ("why?", False), ("a b", False), ("what is it", False))),
    ],
)
def test_what_is_too_short_for_a_question_is_unclear(said: str, is_unclear: bool) -> None:
    assert as_asked("ENT1").is_unclear(QV1, said) is is_unclear


@given(st.text(max_size=60))
def test_any_text_is_an_answer_a_control_or_nothing(text: str) -> None:
    assert isinstance(opened(Course()).said(QV1, text), Option | Control | None)
    assert opened(Course()).pressed("d") is None
    assert comparable(comparable(text)) == comparable(text)
