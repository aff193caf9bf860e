"""What a model is told about how a person likes things explained, and whether its answer did so; pure.

Lists of four stand in the order ENT, RUT, ACT, FOR; an arm is 1, 0 or -1. The wording is fixed: nothing that a person wrote
ever gets into it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from bot.profile_types import Arm, Arms
from bot.tokens import estimate_tokens
from bot.types import Language
from profiles.events import DIMENSIONS
from profiles.items import LENGTHS
from profiles.reasons import LONGEST, SHORTEST, level_used
from profiles.wishes import NO_WISHES, Wishes

BUDGET: Final = 260
"""Tokens of a block, estimated."""
_GIVEN_UP: Final = ("goal", "length", "level")
"""What goes after the styles where even less room is left, the first one first."""
SHORT_WORDS: Final = 80
_STYLES_OF_SHORT: Final = 2
_MIDDLE_WORDS: Final = 120
_ENT, _RUT, _ACT, _FOR = range(4)

_HEADER: Final[dict[Language, str]] = {
    "es": "[PREFERENCIAS DE EXPLICACIÓN — estilo, no hechos; un pedido explícito del usuario manda]",
    "en": "[EXPLANATION PREFERENCES — style, not facts; an explicit request by the user wins]",
}
_LEVELS: Final[dict[Language, tuple[str, str, str, str]]] = {
    "es": (
        "Sin jerga; define cada término; ejemplo completo.",
        "Lenguaje llano; recuerda el requisito previo en una frase.",
        "Da por sabido lo básico; ve a lo que suele fallar.",
        "Directo y técnico; límites y casos borde; sin ejemplos elementales.",
    ),
    "en": (
        "No jargon; define each term; full example.",
        "Plain language; recall the prerequisite in one sentence.",
        "Assume the basics; go to what usually goes wrong.",
        "Direct and technical; limits and edge cases; no elementary examples.",
    ),
}
_GOALS: Final[dict[Language, dict[str, str]]] = {
    "es": {
        "understand": "Explica el porqué; si es un ejercicio, da pistas antes que la solución.",
        "exam": "Señala lo evaluable y el error típico; pistas antes que solución.",
        "task": "Primero la solución utilizable; el porqué en una frase.",
        "curious": "Añade un dato sorprendente y verdadero al final.",
    },
    "en": {
        "understand": "Explain why; if it is an exercise, hints before solution.",
        "exam": "Point out what is assessed and the typical mistake; hints before solution.",
        "task": "The usable solution first; the why in one sentence.",
        "curious": "Add one surprising true fact at the end.",
    },
}
_LENGTH: Final[dict[Language, str]] = {
    "es": "Unas {words} palabras; supera solo si falta algo esencial.",
    "en": "About {words} words; exceed only if something essential is missing.",
}
_IF_IT_FITS: Final[dict[Language, str]] = {"es": "Si encaja, ", "en": "If it fits, "}
_STYLES: Final[dict[Language, dict[tuple[int, int], str]]] = {
    "es": {
        (_ENT, 1): "Empieza con un ejemplo concreto y resuelto (números, nombres o código) antes de cualquier definición; "
        "luego da la regla en una frase.",
        (
            _ENT,
            -1,
        ): "Empieza con la idea general en una o dos frases y di por qué es cierta; deja un solo ejemplo para el final.",
        (_RUT, 1): "Explica en pasos numerados, una acción por paso, sin saltos, y di cómo comprobar cada paso clave.",
        (_RUT, -1): "Abre con un mapa de dos frases: qué es, sus partes y cómo se relacionan; detalla solo lo que pregunta.",
        (_ACT, 1): "Termina con un ejercicio breve (menos de 2 minutos) e invita a responder; no des la solución todavía.",
        (_ACT, -1): "No pongas ejercicios; cierra con una razón, un contraste o un matiz que ayude a pensarlo.",
        (_FOR, 1): "Usa un esquema: títulos cortos y viñetas de una línea; si comparas, pon los casos lado a lado en un bloque "
        "monoespaciado.",
        (_FOR, -1): "Escribe en párrafos seguidos y usa una analogía cotidiana; evita viñetas.",
    },
    "en": {
        (_ENT, 1): "Start with one concrete solved example (numbers, names or code) before any definition; then give the rule "
        "in one sentence.",
        (
            _ENT,
            -1,
        ): "Start with the general idea in one or two sentences and say why it holds; keep a single example for the end.",
        (_RUT, 1): "Explain in numbered steps, one action per step, no jumps, and say how to check each key step.",
        (_RUT, -1): "Open with a two-sentence map: what it is, its parts and how they relate; detail only what was asked.",
        (_ACT, 1): "End with one short exercise (under 2 minutes) and invite a reply; do not give its solution yet.",
        (_ACT, -1): "Set no exercise; close with a reason, a contrast or a nuance worth thinking about.",
        (_FOR, 1): "Use an outline: short headings and one-line bullets; when comparing, put cases side by side in a "
        "monospaced block.",
        (_FOR, -1): "Write connected paragraphs and use one everyday analogy; avoid bullets.",
    },
}
_STEPS_IN_PROSE: Final[dict[Language, str]] = {
    "es": "Explica los pasos en prosa («Primero… Después… Por último…»), una acción por paso, sin saltos, y di cómo comprobar "
    "cada paso clave.",
    "en": "Explain the steps in prose (“First… Then… Finally…”), one action per step, no jumps, and say how to check each key "
    "step.",
}
_SHORT_MAP: Final[dict[Language, str]] = {
    "es": "Abre con un mapa de una sola frase: qué es, sus partes y cómo se relacionan; detalla solo lo que pregunta.",
    "en": "Open with a one-sentence map: what it is, its parts and how they relate; detail only what was asked.",
}
_AFTER_THE_MAP: Final[dict[Language, str]] = {
    "es": "Tras ese mapa, da un ejemplo concreto y resuelto (números, nombres o código) antes de cualquier definición; luego "
    "da la regla en una frase.",
    "en": "After that map, give one concrete solved example (numbers, names or code) before any definition; then give the rule "
    "in one sentence.",
}
RECALL: Final[dict[Language, str]] = {
    "es": "Al final, ofrece una pregunta corta de repaso, opcional, sobre lo explicado.",
    "en": "At the end, offer one short optional question to recall what was explained.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The directives of one answer. `arms` are those that the lines really ask for; any other counts as not used.

    `asks_length` says whether one of the lines is about the length.
    """

    lines: tuple[str, ...]
    arms: Arms
    asks_length: bool

    @property
    def text(self) -> str:
        """The block as it is measured and sent."""
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What the profile says of the four dimensions: mean, deviation (above 0), label (`+clear`, `-lean`, `mixed`…) and arm.

    `pinned` dimensions were set by the person: they are given up last, and never only "if it fits".
    """

    theta: Sequence[float]
    sd: Sequence[float]
    labels: Sequence[str]
    arms: Arms
    pinned: Collection[str] = ()

    def strongest(self) -> list[int]:
        """The dimensions by |θ|/sd, the largest first; ties keep their order."""
        return sorted(range(4), key=lambda d: (DIMENSIONS[d] not in self.pinned, -abs(self.theta[d]) / self.sd[d]))


def block(
    language: Language,
    *,
    level: float,
    goal: str,
    length: float,
    style: Style | None = None,
    wishes: Wishes = NO_WISHES,
    is_factual: bool = False,
    room: int = BUDGET,
) -> Block:
    """The block for one answer in `language`, of at most `BUDGET` tokens, and of `room` where that is less.

    Beyond it the weakest dimensions are left out, then goal, length and level, and last all of it. `level` is 1 to 4, `length`
    the exponent of `target_words`. What the message itself wishes is not repeated. A question that `is_factual` gets no style,
    and neither does anybody without one (`style` None).
    """
    words = target_words(wished_length(length, wishes))
    told = {
        "level": _LEVELS[language][min(4, max(1, level_used(level))) - 1] if wishes.level is None else "",
        "goal": _GOALS[language][goal],
        "length": _LENGTH[language].format(words=words) if wishes.length is None else "",
    }
    head = {name: line for name, line in told.items() if line}
    chosen = _chosen(style, wishes, words) if style is not None and not is_factual else []
    lines = _together(language, head, style, chosen)
    while lines and estimate_tokens("\n".join(lines)) > min(room, BUDGET):
        if chosen:
            chosen = chosen[:-1]
        else:
            del head[next(name for name in _GIVEN_UP if name in head)]
        lines = _together(language, head, style, chosen)
    arms = tuple(style.arms[d] if style is not None and d in chosen else 0 for d in range(4))
    return Block(lines=lines, arms=cast("Arms", arms), asks_length="length" in head)


def wished_length(length: float, wishes: Wishes) -> float:
    """ℓ of one answer: a wish for short or long is at least what the questionnaire means by it."""
    if wishes.length is None:
        return length
    return min(length, LENGTHS["short"]) if wishes.length < 0 else max(length, LENGTHS["long"])


def target_words(length: float) -> int:
    """How many words an answer should have: 120·2^ℓ, with ℓ between -1.5 and 1.5."""
    return round(_MIDDLE_WORDS * 2 ** min(LONGEST, max(SHORTEST, length)))


def recall_question(language: Language) -> str:
    """What about every fifth teaching answer is told besides, whoever asks."""
    return RECALL[language]


def _chosen(style: Style, wishes: Wishes, words: int) -> list[int]:
    """The dimensions that get a line, the strongest first."""
    open_ones = [d for d in style.strongest() if style.arms[d] != 0 and wishes.arms[d] is None]
    return open_ones[:_STYLES_OF_SHORT] if words <= SHORT_WORDS else open_ones


def _together(language: Language, head: Mapping[str, str], style: Style | None, chosen: Sequence[int]) -> tuple[str, ...]:
    """The lines with their heading; none where there is nothing to head."""
    lines = (*head.values(), *_styled(language, style, chosen))
    return (_HEADER[language], *lines) if lines else ()


def _styled(language: Language, style: Style | None, chosen: Sequence[int]) -> list[str]:
    if style is None:
        return []
    arms = {d: style.arms[d] for d in sorted(chosen)}
    lines = []
    for dimension in arms:
        line = _worded(language, dimension, arms)
        is_lean = style.labels[dimension].endswith("lean") and DIMENSIONS[dimension] not in style.pinned
        lines.append(_IF_IT_FITS[language] + line[0].lower() + line[1:] if is_lean else line)
    if arms.get(_ENT) == 1 and arms.get(_RUT) == -1:
        lines[0], lines[1] = lines[1], lines[0]  # the map comes first, as it is to be written
    return lines


def _worded(language: Language, dimension: int, arms: Mapping[int, Arm]) -> str:
    """A dimension's directive, changed where another one that is also asked for would contradict it."""
    if dimension == _RUT and arms[_RUT] == 1 and arms.get(_FOR) == -1:
        return _STEPS_IN_PROSE[language]
    if arms.get(_ENT) == 1 and arms.get(_RUT) == -1 and dimension in (_ENT, _RUT):
        return (_AFTER_THE_MAP if dimension == _ENT else _SHORT_MAP)[language]
    return _STYLES[language][dimension, arms[dimension]]
