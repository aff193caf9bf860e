"""What a message itself says about how it wants to be answered, by keyword tables in both languages; pure.

A wish wins over the profile: what it is about is left out of the directives, and counts as not used for learning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.types import Language
from profiles.items import comparable

_LONGEST_READ: Final = 4_000
_MOST_FACTUAL_WORDS: Final = 12

Phrases = tuple[str, ...]

_TELL: Final[dict[Language, str]] = {
    "es": r"(?:^|\b(?:expli|respond|contest|compar|resum|muestra|pon|dame|dime|haz|escrib|present|ensena|quiero|prefiero|"
    r"cuenta)\w{0,8} (?:[^ ]+ ){0,12}?)",
    "en": r"(?:^|\b(?:explain|answer|compare|summari[sz]e|show|put|give|tell|make|write|present|format|describe|want|prefer|"
    r"like)\w{0,3} (?:[^ ]+ ){0,12}?)",
}
"""Where a phrase could as well be the subject, it is a wish only after a word that asks for telling, or at the beginning."""

_POLES: Final[dict[Language, tuple[tuple[int, int, Phrases], ...]]] = {
    "es": (
        (0, 1, (
            r"con (?:un |algun |algunos |unos |varios )?ejemplos?",
            r"(?:da|pon|muestra|ensena)(?:me|nos)? (?:un |algun |algunos |unos |mas |primero un )?ejemplos?",
            r"(?:quiero|prefiero) (?:un |algun |unos |mas )?ejemplos?",
            r"empieza (?:con|por) (?:un )?ejemplo",
        )),
        (0, -1, (
            r"(?:dame|quiero|prefiero|solo) (?:solo |mas )?(?:la |el )?(?:teoria|principio general|fundamento)",
            r"empieza (?:con|por) (?:la teoria|el principio|la idea general|la definicion)",
            r"la teoria primero|primero la teoria",
        )),
        (1, 1, (r"paso (?:a|por) paso", r"{tell}(?:en|por) pasos", r"dame los pasos", r"pasos numerados")),
        (1, -1, (
            r"(?:dame|quiero|prefiero|empieza (?:con|por)) (?:solo )?(?:un |una |el |la )?"
            r"(?:panorama|vision general|vision de conjunto|vista general)",
            r"a grandes rasgos",
        )),
        (2, 1, (
            r"(?:pon|da|propon)(?:me|nos)? (?:un |otro |algun |unos |mas )?(?:ejercicios?|problemas?)",
            r"(?:hazme|ponme) (?:una |unas |otra )?preguntas?",
            r"dejame (?:practicar|intentarlo)|quiero practicarlo",
        )),
        (2, -1, (r"solo (?:explicame(?:lo)?|la explicacion)", r"algo para (?:pensar|reflexionar)")),
        (3, 1, (
            r"{tell}(?:con|en|como|un|una|unas) (?:forma de |formato de )?(?:un |una |unas )?"
            r"(?:tablas?|esquemas?|listas?|vinetas)",
        )),
        (3, -1, (
            r"{tell}en (?:prosa|parrafos)",
            r"{tell}como (?:si fuera )?(?:una )?(?:charla|historia|relato|cuento)",
            r"con (?:una )?analogias?",
        )),
    ),
    "en": (
        (0, 1, (
            r"with (?:an? |some |a few |one )?(?:\w+ )?examples?",
            r"(?:give|show)(?: me| us)? (?:an? |some |one |more |a few )?(?:\w+ )?examples?",
            r"(?:start|begin) with an example",
        )),
        (0, -1, (
            r"(?:give me|just|only|i want|i prefer) (?:just |only |more )?(?:the )?(?:theory|general principle)",
            r"(?:start|begin) with the (?:theory|principle|general idea|definition)",
            r"theory first",
        )),
        (1, 1, (r"step by step", r"{tell}in (?:numbered )?steps", r"give me the steps", r"numbered steps")),
        (1, -1, (
            r"(?:give me|start with|just|i want) (?:just )?(?:an? |the )?(?:general |quick )?(?:overview|big picture)",
            r"in broad strokes",
        )),
        (2, 1, (
            r"(?:give|set)(?: me| us)? (?:an? |some |another |more )?(?:exercises?|practice problems?)",
            r"quiz me|test me|ask me (?:a |some )?questions?",
            r"let me (?:practi[cs]e|try)",
        )),
        (2, -1, (r"just explain", r"something to (?:think about|reflect on)")),
        (3, 1, (
            r"{tell}(?:in|as|with|using|me) (?:the form of )?(?:an? |some )?(?:\w+ )?"
            r"(?:tables?|outlines?|bullets?|bullet points|lists?)",
        )),
        (3, -1, (r"{tell}in (?:plain )?(?:prose|paragraphs)", r"{tell}as (?:a )?(?:story|talk)", r"with an analogy")),
    ),
}  # fmt: skip
"""Dimension, pole, and how people ask for it; as `comparable` gives text."""

_WITHOUT: Final[dict[Language, tuple[tuple[int, int, str], ...]]] = {
    "es": (
        (0, -1, r"ejemplos?"),
        (0, 1, r"teoria"),
        (1, -1, r"pasos"),
        (2, -1, r"ejercicios?|preguntas"),
        (3, -1, r"tablas?|listas?|vinetas|esquemas?"),
    ),
    "en": (
        (0, -1, r"examples?"),
        (0, 1, r"theory"),
        (1, -1, r"steps"),
        (2, -1, r"exercises?|questions|quiz(?:zes)?"),
        (3, -1, r"tables?|lists?|bullets?|outlines?"),
    ),
}
"""Dimension and the pole that is wished for by whoever wants none of these."""
_NOT: Final[dict[Language, str]] = {
    "es": r"\b(?:sin|nada de|evita|no (?:me )?(?:pongas|des|uses|hagas)|no quiero)"
    r"(?: (?:mas|ningun|ninguna|una?|l[oa]s|la|el))? ",
    "en": r"\b(?:without|no|avoid|skip|(?:do not|don t) (?:use|give me|want))(?: (?:any|an?|the|more|numbered))? ",
}

_LENGTHS: Final[dict[Language, tuple[tuple[int, Phrases], ...]]] = {
    "es": (
        (-1, (
            r"brevemente|en breve|se breve|en resumen|(?:respuesta|version) (?:corta|breve)",
            r"{tell}mas (?:cort[oa]|breve)",
            r"en (?:una|dos|tres|pocas|\d+) (?:sola )?(?:frases?|palabras?|lineas?)",
        )),
        (1, (
            r"en detalle|con (?:mas |mucho |todo )?detalle|detalladamente|a fondo|extensamente",
            r"{tell}mas larg[oa]|(?:respuesta|version) larga",
        )),
    ),
    "en": (
        (-1, (
            r"briefly|in brief|in short|be brief|tl dr|keep it short|short (?:answer|version)",
            r"{tell}shorter",
            r"(?:in|with) (?:one|two|three|a few|\d+) (?:sentences?|words?|lines?)",
        )),
        (1, (r"in (?:more |great |full )?detail|in depth|at length|thoroughly", r"{tell}longer|long (?:answer|version)")),
    ),
}  # fmt: skip
_LEVELS: Final[dict[Language, tuple[tuple[int, Phrases], ...]]] = {
    "es": (
        (1, (
            r"{tell}(?:desde cero|para principiantes|mas (?:facil|sencillo|simple))",
            r"como si (?:tuviera|fuera) (?:\w+ )?(?:anos|nin[oa]|principiante)|sin (?:jerga|tecnicismos)",
        )),
        (4, (r"{tell}(?:para expertos|(?:a |con )?nivel (?:experto|avanzado)|mas (?:tecnico|avanzado))",)),
    ),
    "en": (
        (1, (
            r"{tell}(?:from scratch|for (?:a )?(?:beginners?|dummies)|simpler|more simply)",
            r"like i m (?:five|\d+|a child)|eli5|without jargon|no jargon|in simple (?:words|terms)",
        )),
        (4, (r"{tell}(?:for (?:an )?experts?|(?:at )?(?:expert|advanced) level|more (?:technical|advanced))",)),
    ),
}  # fmt: skip
_FACTUAL: Final[dict[Language, str]] = {
    "es": r"(?:y |pero |oye |hola )?(?:(?:a|de|con|por|para|desde|hasta|en) )?"
    r"(?:quien|quienes|cuando|donde|adonde|cuant[oa]s?"
    r"|(?:que|cual es el|cual es la) (?:ano|dia|hora|fecha|edad|precio|capital))",
    "en": r"(?:and |but |hey |hello )?(?:(?:in|on|at|since|until|by|for|to) )?"
    r"(?:who|whom|whose|when|where|how (?:many|much|old|long|far|tall|big|often)"
    r"|(?:what|which) (?:year|day|time|date|price|city|country)"
    r"|what (?:is|was) the (?:year|day|time|date|age|price|capital))",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a message asks for in words. None: nothing; in `arms`, 0: both poles, so neither is told to the model again."""

    arms: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    length: int | None = None
    level: int | None = None


NO_WISHES: Final = Wishes()


def wishes(text: str, language: Language) -> Wishes:
    """The wishes in a message, in time linear in its length; only the first 4,000 characters are read."""
    told = comparable(text[:_LONGEST_READ])
    found: list[set[int]] = [set(), set(), set(), set()]
    for dimension, pole, things in _WITHOUT[language]:
        if re.search(rf"{_NOT[language]}(?:{things})\b", told):
            found[dimension].add(pole)
    left = re.sub(rf"{_NOT[language]}[^ ]+", "", told)
    for dimension, pole, phrases in _POLES[language]:
        if _asks(phrases, left, language):
            found[dimension].add(pole)
    ent, rut, act, form = (next(iter(poles)) if len(poles) == 1 else 0 if poles else None for poles in found)
    return Wishes(arms=(ent, rut, act, form), length=_first(_LENGTHS, told, language), level=_first(_LEVELS, told, language))


def is_factual(text: str, language: Language) -> bool:
    """Whether a message asks for a bare fact (who, when, how many…) in at most twelve words: style would only be in the way."""
    told = comparable(text[:_LONGEST_READ])
    return len(told.split()) <= _MOST_FACTUAL_WORDS and re.match(rf"(?:{_FACTUAL[language]})\b", told) is not None


def _first(table: Mapping[Language, tuple[tuple[int, Phrases], ...]], told: str, language: Language) -> int | None:
    """What the first fitting entry stands for."""
    return next((value for value, phrases in table[language] if _asks(phrases, told, language)), None)


def _asks(phrases: Phrases, told: str, language: Language) -> bool:
    pattern = "|".join(phrases).replace("{tell}", _TELL[language])
    return re.search(rf"\b(?:{pattern})\b", told) is not None
