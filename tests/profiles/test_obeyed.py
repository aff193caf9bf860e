"""Whether an answer did what was asked for: each directive's check in both languages, and never a long look at any text."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profile_types import NEUTRAL, Arm, Arms
from bot.tokens import count_words
from bot.types import LANGUAGES, Language
from profiles import obeyed
from profiles.obeyed import compliance
from tests.effort import effort

ESTD: Arms = (1, 1, 1, 1)
PGRN: Arms = (-1, -1, -1, -1)


def arms_to_learn(answer: str, language: Language, arms: Arms) -> Arms:
    return obeyed.arms_to_learn(arms, compliance(answer, language, arms=arms, length=0), count_words(answer))


STEPS = "1. Abre la caja.\n2. Saca la pieza.\n3. Comprueba que encaja."
BULLETS = "- uno\n- dos\n- tres"
LONG = " palabra" * 40


@pytest.mark.parametrize(
    ("language", "dimension", "pole", "answer", "expected"),
    [
        ("es", 0, 1, "Pones 100 al 10 %. Luego viene la regla, que dice cuánto crece el dinero.", True),
        ("es", 0, 1, "Por ejemplo, Ana compra pan. La regla viene luego y es larga.", True),
        ("es", 0, 1, "La regla dice cuánto crece el dinero que guardas, y por eso al final llegan a ser 100.", False),
        ("es", 0, 1, "1. Abre la caja.\n2. Saca la pieza.\n3. Mira.", False),
        ("en", 0, 1, "Use `print(x)` to see it. The rule comes later, and it is a long one.", True),
        ("es", 0, -1, "Flota porque pesa menos que el agua que aparta. Así va todo lo demás. Un ejemplo: el corcho.", True),
        ("es", 0, -1, "Por ejemplo, el corcho flota porque pesa poco, y así va todo lo demás del mundo.", False),
        ("en", 0, -1, "It floats, and that is all there is to be said about it. For example, cork.", False),
        ("en", 0, -1, "It floats because it is lighter than the water that it pushes away.", True),
        ("es", 1, 1, STEPS, True),
        ("en", 1, 1, "**1.** Open.\n**2.** Look.\n3) Close.", True),
        ("es", 1, 1, "1. Abre.\n2. Cierra.", False),
        ("es", 1, 1, "Primero abre, después mira y por último cierra.", False),
        ("es", 1, -1, STEPS, False),
        ("es", 1, -1, f"Es una caja. Tiene dos partes que encajan.\n\n{STEPS}", True),
        ("es", 1, -1, f"Es una caja:\n{STEPS}", False),
        ("en", 1, -1, "It is a box with two parts.", True),
        ("es", 2, 1, "Así se hace.\n\n¿Cuánto es el 25 % de 80?", True),
        ("es", 2, 1, "Así se hace.\n\nAhora calcula el 25 % de 80 y dime qué te sale.", True),
        ("es", 2, 1, "¿Ves? Así se hace.\n\nEso es todo.", False),
        ("en", 2, 1, "That is how.\n\nYour turn: an 80 shirt drops 25 %.", True),
        ("en", 2, 1, "That is how.\n\nIt takes some practice.", False),
        ("es", 2, -1, "¿Por qué? Porque pesa menos.", True),
        ("es", 2, -1, "Porque pesa menos. ¿Lo ves?**", False),
        ("en", 3, 1, BULLETS, True),
        ("en", 3, 1, "* a\n• b", False),
        ("en", 3, -1, "A bacterium is a tenant.\n- one", True),
        ("en", 3, -1, BULLETS, False),
    ],
)
def test_each_directive_has_its_check(language: Language, dimension: int, pole: Arm, answer: str, expected: bool) -> None:
    arms: list[Arm] = [pole if d == dimension else 0 for d in range(4)]
    told = compliance(answer, language, arms=(arms[0], arms[1], arms[2], arms[3]), length=0).arms
    assert [told[d] for d in range(4)] == [expected if d == dimension else None for d in range(4)]


def test_steps_in_prose_count_where_lists_were_to_be_avoided() -> None:
    said = "Primero abre la caja. Después saca la pieza. Por último comprueba que encaja."
    assert compliance(said, "es", arms=(0, 1, 0, -1), length=0).arms == (None, True, None, True)
    assert compliance("First open, then look, finally close.", "en", arms=(0, 1, 0, -1), length=0).arms[1]


@pytest.mark.parametrize(("words", "expected"), [(59, False), (60, True), (192, True), (193, False)])
def test_a_length_is_kept_from_half_to_eight_fifths(words: int, expected: bool) -> None:
    assert compliance("palabra " * words, "es", arms=NEUTRAL, length=0).length is expected


def test_words_are_what_holds_a_letter_or_digit() -> None:
    assert count_words("- uno, dos — **tres** 4\n\n…") == 4


def test_what_was_not_obeyed_is_not_learned_from() -> None:
    assert arms_to_learn(STEPS + LONG, "es", ESTD) == (0, 1, 0, 0)
    assert arms_to_learn(f"{BULLETS}\n\n{LONG}\n\n¿Y tú?", "es", (0, 0, 1, 1)) == (0, 0, 1, 1)
    assert arms_to_learn(STEPS, "es", (0, 1, 0, 0)) == NEUTRAL, "under 40 words"


@given(st.text(max_size=300), st.sampled_from(LANGUAGES), st.tuples(*[st.sampled_from([-1, 0, 1])] * 4))
def test_any_text_can_be_checked(answer: str, language: Language, arms: Arms) -> None:
    told = compliance(answer, language, arms=arms, length=0)
    assert [one is None for one in told.arms] == [arm == 0 for arm in arms]
    assert all(kept in (0, arm) for kept, arm in zip(arms_to_learn(answer, language, arms), arms, strict=True))


def test_early_is_the_first_two_fifths_and_late_the_second_half() -> None:
    def with_at(place: int, what: str) -> str:
        filler = ("a " * 50)[:place] + what
        return filler + "b" * (100 - len(filler))

    assert compliance(with_at(38, "7 "), "es", arms=(1, 0, 0, 0), length=0).arms[0]
    assert not compliance(with_at(42, "7 "), "es", arms=(1, 0, 0, 0), length=0).arms[0]
    reason = with_at(10, "porque ")
    assert compliance(reason[:52] + " ejemplo" + reason[60:], "es", arms=(-1, 0, 0, 0), length=0).arms[0]
    assert not compliance(reason[:46] + " ejemplo" + reason[54:], "es", arms=(-1, 0, 0, 0), length=0).arms[0]
    assert not compliance(with_at(42, "porque "), "es", arms=(-1, 0, 0, 0), length=0).arms[0]


# How long it takes.

SIZE = 40_000
HOSTILE = {
    "dashes": "word " * 50 + "-" * SIZE + "a",
    "dashes at the end": "word " * 50 + "-" * SIZE,
    "blanks": "word " * 50 + " " * SIZE + "a",
    "newlines": "word " * 50 + "\n" * SIZE + "a",
    "blank lines": "word" + "\n \t" * (SIZE // 3) + "a",
    "digits": "7" * SIZE,
    "apart": "7 " * (SIZE // 2),
    "steps": "1. a\n" * (SIZE // 5),
    "numbers": "1. " * (SIZE // 3),
    "bullets": "- a\n" * (SIZE // 4),
    "wide bullet": "-" + " " * SIZE + "\n- a",
    "questions": "?" * SIZE,
    "questions within": "a?" * (SIZE // 2) + "b",
    "brackets": "a." + ")" * SIZE + "b",
    "stops": ". " * (SIZE // 2) + "a",
    "short sentences": "w. " * (SIZE // 3),
    "stars": "a" + ". *" * (SIZE // 3),
    "underscores": "a." + "_" * SIZE,
    "tasks": "do " * (SIZE // 3),
    "ordinals": "then luego " * (SIZE // 11),
    "words that grow": "ﷺ" * SIZE,
    "words that grow apart": "ﷺ. " * (SIZE // 3),
    "accents": "é" * SIZE,
}


@pytest.mark.parametrize("arms", [ESTD, PGRN, (1, 1, 1, -1)])
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_answer_takes_long_to_check(kind: str, arms: Arms) -> None:
    for language in LANGUAGES:
        assert effort(partial(compliance, HOSTILE[kind], language, arms=arms, length=0)) < 40


def test_what_follows_the_last_question_mark_counts_only_if_it_says_something() -> None:
    arms: Arms = (0, 0, -1, 0)
    told = {text: compliance(text, "en", arms=arms, length=0).arms[2] for text in ("So?", "So? **", "So? 1", "So? …", "", "**")}
    assert told == {"So?": False, "So? **": False, "So? 1": True, "So? …": True, "": True, "**": True}


@pytest.mark.parametrize(
    ("language", "last", "expected"),
    [
        ("en", "**Exercise:** half of 7", True),
        ("en", "__Write__ it down", True),
        ("en", "So far. Now, work out half of 7", True),
        ("en", "Please pick one", True),
        ("en", "That will do", False),
        ("en", "Listen to it", False),
        ("es", "- Inténtalo con 7", True),
        ("es", "Y ahora, calcula la mitad de 7", True),
        ("es", "¡Te toca!", True),
        ("es", "Nadie lo explica", False),
        ("es", "Dicho esto, basta", False),
    ],
)
def test_a_task_begins_a_sentence_of_the_last_paragraph(language: Language, last: str, expected: bool) -> None:
    assert compliance(f"Escribe. Write.\n\n{last}", language, arms=(0, 0, 1, 0), length=0).arms[2] is expected
