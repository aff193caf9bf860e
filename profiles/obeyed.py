"""Whether an answer did what its directives asked for: a cheap check for each, in both languages; pure.

They look at the form of a text only, in time linear in its length, whatever it is made of. An arm whose check fails did not
happen, so it counts as 0 when a rating is learned from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from bot.profile_types import NEUTRAL, Arms
from bot.tokens import count_words
from bot.types import Language
from profiles.directives import target_words

FEWEST_WORDS: Final = 40
"""Shorter answers have no style: their arms count as not used."""
_EARLY, _LATE = 0.4, 0.5
_LEAST_LENGTH, _MOST_LENGTH = 0.5, 1.6
_FEWEST_LINES: Final = 3

_NUMBERED: Final = re.compile(r"^[ \t]*+(?:\*\*|__)?\d{1,3}[.)](?:\*\*|__)?[ \t]", re.MULTILINE)
_BULLET: Final = re.compile(r"^[ \t]*+[-*+•–][ \t]++\S", re.MULTILINE)
_SENTENCE_END: Final = re.compile(r"[.!?…][\"'»”)*_]*+(?=\s|$)|\n[ \t]*+\n")
_PARAGRAPH: Final = re.compile(r"\n[ \t]*+\n")
_SAYS: Final = re.compile(r"[^\W_]")
_EXAMPLE: Final[Mapping[Language, re.Pattern[str]]] = {
    "es": re.compile(r"\bejempl", re.IGNORECASE),
    "en": re.compile(r"\bexampl", re.IGNORECASE),
}
_BECAUSE: Final[Mapping[Language, re.Pattern[str]]] = {
    "es": re.compile(r"\bporque\b", re.IGNORECASE),
    "en": re.compile(r"\bbecause\b", re.IGNORECASE),
}
_ORDINALS: Final[Mapping[Language, re.Pattern[str]]] = {
    "es": re.compile(
        r"\b(?:primer[oa]|segund[oa]|tercer[oa]|despu[eé]s|luego|a continuaci[oó]n|por [uú]ltimo|finalmente)\b", re.IGNORECASE
    ),
    "en": re.compile(
        r"\b(?:first(?:ly)?|second(?:ly)?|third(?:ly)?|then|next|after that|finally|last(?:ly)?)\b", re.IGNORECASE
    ),
}
_BEGINS: Final = r"(?:^|[.!:;\n])(?:[^\w.!:;\n]|_)*+"
"""Where a sentence or a part of one begins: whatever stands before its first word belongs to no other beginning."""
_TASK: Final[Mapping[Language, re.Pattern[str]]] = {
    "es": re.compile(
        rf"{_BEGINS}(?:(?:(?:y )?ahora|por favor),? )?(?:tu turno|te toca|ejercicio|escribe|calcula|prueba|int[eé]nta(?:lo)?|"
        r"resuelve|completa|haz|explica|di|dime|responde|elige|compara|busca|ordena|corrige|encuentra|cu[eé]ntame|env[ií]ame|"
        r"practica|piensa)(?![^\W_])",
        re.IGNORECASE,
    ),
    "en": re.compile(
        rf"{_BEGINS}(?:(?:(?:and )?now|please),? )?(?:your turn|exercise|write|calculate|work out|try|solve|complete|do|"
        r"explain|say|tell|answer|choose|pick|compare|find|sort|fix|send|practi[cs]e|think|list)(?![^\W_])",
        re.IGNORECASE,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compliance:
    """What an answer obeyed: of each dimension (None where nothing was asked), and of its length."""

    arms: tuple[bool | None, bool | None, bool | None, bool | None]
    length: bool


def compliance(answer: str, language: Language, *, arms: Arms, length: float) -> Compliance:
    """Whether `answer` did what was asked for by `arms`, and kept to the words of `length`."""
    text = answer.strip()
    told = [_CHECKS[d, arm](text, language, arms) if arm else None for d, arm in enumerate(arms)]
    words, target = count_words(text), target_words(length)
    is_fitting = _LEAST_LENGTH * target <= words <= _MOST_LENGTH * target
    return Compliance(arms=(told[0], told[1], told[2], told[3]), length=is_fitting)


def arms_to_learn(arms: Arms, told: Compliance, words: int) -> Arms:
    """The arms that a rating of an answer of so many words is evidence about: those obeyed, none in a very short answer."""
    if words < FEWEST_WORDS:
        return NEUTRAL
    return cast("Arms", tuple(arm if obeyed else 0 for arm, obeyed in zip(arms, told.arms, strict=True)))


def _example_first(text: str, language: Language, arms: Arms) -> bool:
    bare = _NUMBERED.sub(lambda marker: " " * len(marker[0]), text)[: round(len(text) * _EARLY)]
    return any(c.isdigit() for c in bare) or "`" in bare or _EXAMPLE[language].search(bare) is not None


def _principle_first(text: str, language: Language, arms: Arms) -> bool:
    has_reason = _BECAUSE[language].search(text[: round(len(text) * _EARLY)]) is not None
    example = _EXAMPLE[language].search(text)
    return has_reason and (example is None or example.start() >= len(text) * _LATE)


def _in_steps(text: str, language: Language, arms: Arms) -> bool:
    if len(_NUMBERED.findall(text)) >= _FEWEST_LINES:
        return True
    if arms[3] != -1:
        return False
    return len(_ORDINALS[language].findall(text)) >= _FEWEST_LINES


def _overview_first(text: str, language: Language, arms: Arms) -> bool:
    step = _NUMBERED.search(text)
    return step is None or _has_two_sentences(text[: step.start()])


def _ends_in_a_task(text: str, language: Language, arms: Arms) -> bool:
    last = _PARAGRAPH.split(text)[-1]
    return "?" in last or _TASK[language].search(last) is not None


def _ends_without_question(text: str, language: Language, arms: Arms) -> bool:
    last = next((c for c in reversed(text) if c.isalnum() or c in "_?!.…"), "")
    return last != "?"


def _in_an_outline(text: str, language: Language, arms: Arms) -> bool:
    return len(_BULLET.findall(text)) >= _FEWEST_LINES


def _in_prose(text: str, language: Language, arms: Arms) -> bool:
    return len(_BULLET.findall(text)) <= 1


def _has_two_sentences(text: str) -> bool:
    said = start = 0
    for end in _SENTENCE_END.finditer(text):
        said += _SAYS.search(text, start, end.start()) is not None
        start = end.end()
        if said == 2:
            return True
    return said == 1 and _SAYS.search(text, start) is not None


_CHECKS: Final[Mapping[tuple[int, int], Callable[[str, Language, Arms], bool]]] = {
    (0, 1): _example_first,
    (0, -1): _principle_first,
    (1, 1): _in_steps,
    (1, -1): _overview_first,
    (2, 1): _ends_in_a_task,
    (2, -1): _ends_without_question,
    (3, 1): _in_an_outline,
    (3, -1): _in_prose,
}
