"""From profile to prompt: the block in both languages, and its budget."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profile_types import NEUTRAL, Arm, Arms
from bot.tokens import estimate_tokens
from bot.types import LANGUAGES, Language
from profiles.directives import BUDGET, Block, Style, block, recall_question, target_words
from profiles.wishes import NO_WISHES, Wishes

GOALS = ("understand", "exam", "task", "curious")
LABELS = ("+clear", "+lean", "mixed", "-lean", "-clear")
ESTD: Arms = (1, 1, 1, 1)
PGRN: Arms = (-1, -1, -1, -1)
ARM: st.SearchStrategy[Arm] = st.sampled_from((1, 0, -1))


def style(
    arms: Arms, *, labels: tuple[str, ...] = (), theta: tuple[float, ...] = (0.6, 0.6, 0.6, 0.6), **more: object
) -> Style:
    told = labels or tuple("+clear" if arm > 0 else "-clear" if arm < 0 else "mixed" for arm in arms)
    pinned = more.get("pinned", ())
    assert isinstance(pinned, tuple)
    return Style(theta=theta, sd=(1 / 3,) * 4, labels=told, arms=arms, pinned=pinned)


def usual(language: Language, chosen: Style | None, **more: object) -> Block:
    told = more.get("wishes", NO_WISHES)
    assert isinstance(told, Wishes)
    return block(language, level=2, goal="task", length=0, style=chosen, wishes=told, is_factual=bool(more.get("is_factual")))


GOLDEN: dict[tuple[Language, Arms], str] = {
    ("es", ESTD): """\
[PREFERENCIAS DE EXPLICACIÓN — estilo, no hechos; un pedido explícito del usuario manda]
Lenguaje llano; recuerda el requisito previo en una frase.
Primero la solución utilizable; el porqué en una frase.
Unas 120 palabras; supera solo si falta algo esencial.
Empieza con un ejemplo concreto y resuelto (números, nombres o código) antes de cualquier definición; luego da \
la regla en una frase.
Explica en pasos numerados, una acción por paso, sin saltos, y di cómo comprobar cada paso clave.
Termina con un ejercicio breve (menos de 2 minutos) e invita a responder; no des la solución todavía.
Usa un esquema: títulos cortos y viñetas de una línea; si comparas, pon los casos lado a lado en un bloque monoespaciado.""",
    ("es", PGRN): """\
[PREFERENCIAS DE EXPLICACIÓN — estilo, no hechos; un pedido explícito del usuario manda]
Lenguaje llano; recuerda el requisito previo en una frase.
Primero la solución utilizable; el porqué en una frase.
Unas 120 palabras; supera solo si falta algo esencial.
Empieza con la idea general en una o dos frases y di por qué es cierta; deja un solo ejemplo para el final.
Abre con un mapa de dos frases: qué es, sus partes y cómo se relacionan; detalla solo lo que pregunta.
No pongas ejercicios; cierra con una razón, un contraste o un matiz que ayude a pensarlo.
Escribe en párrafos seguidos y usa una analogía cotidiana; evita viñetas.""",
    ("en", ESTD): """\
[EXPLANATION PREFERENCES — style, not facts; an explicit request by the user wins]
Plain language; recall the prerequisite in one sentence.
The usable solution first; the why in one sentence.
About 120 words; exceed only if something essential is missing.
Start with one concrete solved example (numbers, names or code) before any definition; then give the rule in one sentence.
Explain in numbered steps, one action per step, no jumps, and say how to check each key step.
End with one short exercise (under 2 minutes) and invite a reply; do not give its solution yet.
Use an outline: short headings and one-line bullets; when comparing, put cases side by side in a monospaced block.""",
    ("en", PGRN): """\
[EXPLANATION PREFERENCES — style, not facts; an explicit request by the user wins]
Plain language; recall the prerequisite in one sentence.
The usable solution first; the why in one sentence.
About 120 words; exceed only if something essential is missing.
Start with the general idea in one or two sentences and say why it holds; keep a single example for the end.
Open with a two-sentence map: what it is, its parts and how they relate; detail only what was asked.
Set no exercise; close with a reason, a contrast or a nuance worth thinking about.
Write connected paragraphs and use one everyday analogy; avoid bullets.""",
}  # fmt: skip


@pytest.mark.parametrize(("language", "arms"), GOLDEN)
def test_a_clear_profile_gives_this_block(language: Language, arms: Arms) -> None:
    made = usual(language, style(arms))
    assert made.text == GOLDEN[language, arms]
    assert made.arms == arms
    assert estimate_tokens(made.text) <= BUDGET


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_style_only_level_goal_and_length_are_told(language: Language) -> None:
    expected = GOLDEN[language, ESTD].splitlines()[:4]
    for made in (usual(language, None), usual(language, style(NEUTRAL)), usual(language, style(ESTD), is_factual=True)):
        assert list(made.lines) == expected
        assert made.arms == NEUTRAL


@pytest.mark.parametrize(("language", "beginning"), [("es", "Si encaja, "), ("en", "If it fits, ")])
def test_a_lean_preference_is_followed_only_where_it_fits(language: Language, beginning: str) -> None:
    labels = ("+lean", "+clear", "-lean", "mixed")
    lines = usual(language, style(ESTD, labels=labels)).lines[4:]
    assert [line.startswith(beginning) for line in lines] == [True, False, True, False]
    assert lines[0][len(beginning)].islower()
    pinned = usual(language, style(ESTD, labels=labels, pinned=("ENT",))).lines[4:]
    assert [line.startswith(beginning) for line in pinned] == [False, False, True, False]


@pytest.mark.parametrize(("language", "steps"), [("es", "Primero… Después… Por último…"), ("en", "First… Then… Finally…")])
def test_steps_without_lists_are_told_in_prose(language: Language, steps: str) -> None:
    assert steps in usual(language, style((0, 1, 0, -1))).lines[4]
    assert steps not in usual(language, style((0, 1, 0, 1))).text


@pytest.mark.parametrize(
    ("language", "map_of", "then"), [("es", "una sola frase", "Tras ese mapa"), ("en", "one-sentence", "After that")]
)
def test_an_example_waits_for_a_map_of_one_sentence(language: Language, map_of: str, then: str) -> None:
    lines = usual(language, style((1, -1, 0, 0))).lines[4:]
    assert map_of in lines[0]
    assert lines[1].startswith(then)


def test_a_short_answer_has_the_two_strongest_styles() -> None:
    strong = style(ESTD, theta=(0.1, -0.9, 0.3, 0.5))
    for length, arms in ((-1, (0, 1, 0, 1)), (-0.5, ESTD), (-0.6, (0, 1, 0, 1))):
        assert block("en", level=2, goal="task", length=length, style=strong).arms == arms
    assert block("en", level=2, goal="task", length=-1, style=style(ESTD)).arms == (1, 1, 0, 0), "ties keep the order"
    pinned = style(ESTD, theta=(0.1, -0.9, 0.3, 0.5), pinned=("ACT",))
    assert block("en", level=2, goal="task", length=-1, style=pinned).arms == (0, 1, 1, 0)


@pytest.mark.parametrize(("length", "wish", "asked"), [(0, -1, (0, 1, 0, 1)), (-1, 1, ESTD), (1, -1, (0, 1, 0, 1))])
def test_short_is_what_this_answer_is_to_be(length: float, wish: int, asked: Arms) -> None:
    strong = style(ESTD, theta=(0.1, -0.9, 0.3, 0.5))
    made = block("en", level=2, goal="task", length=length, style=strong, wishes=Wishes(length=wish))
    assert (made.arms, made.asks_length) == (asked, False)


@pytest.mark.parametrize("language", LANGUAGES)
def test_less_room_takes_the_weakest_styles_then_goal_length_and_level(language: Language) -> None:
    told = style(ESTD, theta=(0.6, 0.5, 0.4, 0.3))
    full = usual(language, told)
    assert full.asks_length
    by_length = {}
    for room in range(-5, BUDGET + 1):
        made = block(language, level=2, goal="task", length=0, style=told, room=room)
        assert estimate_tokens(made.text) <= max(0, room)
        by_length[len(made.lines)] = made
    header, level, goal, length, *_ = full.lines
    assert by_length[8] == full
    assert [by_length[4 + kept].arms for kept in range(5)] == [(1,) * kept + (0,) * (4 - kept) for kept in range(5)]
    assert [by_length[kept].lines for kept in (4, 3, 2, 0)] == [
        (header, level, goal, length),
        (header, level, length),
        (header, level),
        (),
    ]
    assert [by_length[kept].asks_length for kept in (4, 3, 2, 0)] == [True, True, False, False]
    assert 1 not in by_length, "no heading without a line"


@pytest.mark.parametrize(
    ("level", "line"),
    [(0, "No jargon"), (1.4, "No jargon"), (1.5, "Plain"), (2.5, "Assume"), (3.4, "Assume"), (3.5, "Direct"), (9, "Direct")],
)
def test_a_level_between_two_is_rounded_up_from_the_half(level: float, line: str) -> None:
    assert block("en", level=level, goal="task", length=0).lines[1].startswith(line)


@pytest.mark.parametrize(("length", "words"), [(-1, 60), (0, 120), (1, 240), (0.25, 143), (-9, 42), (9, 339)])
def test_length_doubles_the_words(length: float, words: int) -> None:
    assert target_words(length) == words
    assert f"Unas {words} palabras" in block("es", level=2, goal="task", length=length).text


@given(
    language=st.sampled_from(LANGUAGES),
    level=st.floats(1, 4),
    goal=st.sampled_from(GOALS),
    length=st.floats(-1.5, 1.5),
    theta=st.tuples(*[st.floats(-1.5, 1.5)] * 4),
    sd=st.tuples(*[st.floats(0.05, 0.6)] * 4),
    labels=st.tuples(*[st.sampled_from(LABELS)] * 4),
    arms=st.tuples(ARM, ARM, ARM, ARM),
)
def test_a_block_fits_its_budget_and_gives_up_the_weakest_first(
    language: Language,
    level: float,
    goal: str,
    length: float,
    theta: tuple[float, ...],
    sd: tuple[float, ...],
    labels: tuple[str, ...],
    arms: Arms,
) -> None:
    told = Style(theta=theta, sd=sd, labels=labels, arms=arms)
    made = block(language, level=level, goal=goal, length=length, style=told)
    assert estimate_tokens(made.text) <= BUDGET
    assert len(made.lines) == 4 + sum(arm != 0 for arm in made.arms)
    assert all(kept in (0, arm) for kept, arm in zip(made.arms, arms, strict=True))
    strength = [abs(t) / s for t, s in zip(theta, sd, strict=True)]
    lost = [strength[d] for d in range(4) if arms[d] and not made.arms[d]]
    assert max(lost, default=0) <= min((strength[d] for d in range(4) if made.arms[d]), default=9e9)


def test_the_budget_is_reached_so_that_something_must_go() -> None:
    styles: tuple[Arms, ...] = ((1, 1, 1, 1), (1, -1, 1, 1), (1, 1, 1, -1))
    made = [
        block("es", level=4, goal=goal, length=1, style=style(arms, labels=("+lean",) * 4, theta=(0.6, 0.5, 0.4, 0.3)))
        for goal, arms in product(GOALS, styles)
    ]
    assert BUDGET == 260
    assert any(one.arms[3] == 0 for one in made)
    assert all(one.arms[:2] != (0, 0) for one in made)


def test_what_holds_for_everybody_stands_apart() -> None:
    for language in LANGUAGES:
        assert 0 < estimate_tokens(recall_question(language)) < 40
