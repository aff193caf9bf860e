"""From profile to prompt: the block in both languages, its budget, what a message wishes itself, and whether it was obeyed."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.profile_types import NEUTRAL, Arm, Arms
from bot.tokens import estimate_tokens
from bot.types import LANGUAGES, Language
from profiles.directives import BUDGET, Block, Style, block, recall_question, target_words
from profiles.obeyed import arms_to_learn, compliance, count_words
from profiles.wishes import NO_WISHES, Wishes, is_factual, wishes

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


# What a message wishes itself.


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
    made = usual(language, style(ESTD), wishes=told)
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
    assert usual("es", style(ESTD), wishes=told).arms == (0, 1, 1, 1)


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
    assert len(usual(language, None, wishes=told).lines) == 3


@given(st.text(max_size=300), st.sampled_from(LANGUAGES))
def test_nothing_that_was_written_gets_into_the_block(text: str, language: Language) -> None:
    told = wishes(text, language)
    allowed = {*usual(language, style(ESTD)).lines, *usual(language, style((0, 1, 1, 1))).lines}
    assert {*usual(language, style(ESTD), wishes=told).lines} <= allowed


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


# Whether it was obeyed.

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
    assert [obeyed is None for obeyed in told.arms] == [arm == 0 for arm in arms]
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
