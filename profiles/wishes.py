"""What a message itself says about how it wants to be answered, by keyword tables in both languages; pure.

A wish wins over the profile: what it is about is left out of the directives, and counts as not used for learning. What a
message negates ("don't be brief") is no wish, unless it is clear which other pole that wishes for ("no examples").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bot.types import LANGUAGES, Language

_LONGEST_READ: Final = 4_000
_MOST_FACTUAL_WORDS: Final = 12

Phrases = tuple[str, ...]
Asked = tuple[tuple[int, re.Pattern[str]], ...]

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

_LEVEL: Final = 4
"""Stands for the level where else a dimension's place does."""
_WITHOUT: Final[dict[Language, tuple[tuple[int, int, str], ...]]] = {
    "es": (
        (0, -1, r"ejemplos?"),
        (0, 1, r"teoria"),
        (1, -1, r"pasos"),
        (2, -1, r"ejercicios?|preguntas"),
        (3, -1, r"tablas?|listas?|vinetas|esquemas?"),
        (_LEVEL, 1, r"jerga|tecnicismos"),
    ),
    "en": (
        (0, -1, r"examples?"),
        (0, 1, r"theory"),
        (1, -1, r"steps"),
        (2, -1, r"exercises?|questions|quiz(?:zes)?"),
        (3, -1, r"tables?|lists?|bullets?|outlines?"),
        (_LEVEL, 1, r"jargon"),
    ),
}
"""Dimension and the pole that is wished for by whoever wants none of these."""
_NOT: Final[dict[Language, str]] = {
    "es": r"(?:sin|nada de|evita|no (?:me )?(?:pongas|des|uses|hagas)|no quiero)"
    r"(?: (?:mas|ningun|ninguna|una?|l[oa]s|la|el))? ",
    "en": r"(?:without|no|avoid|skip|(?:do not|don t|dont) (?:use|give me|want))(?: (?:any|an?|the|more|numbered))? ",
}

_NEGATION: Final[dict[Language, str]] = {
    "es": r"no|ni|nunca|jamas|tampoco|nada|sin|(?:deja|dejen|dejad|dejar) de|basta de|evit(?:a|ar|e|es)|odio|detesto"
    r"|en (?:vez|lugar) del?|excepto|salvo|(?<!al )(?<!lo )menos",
    "en": r"[a-z]{2,7}n t|(?:do|does|did|ca|wo|should|would|is)nt|no|not|nothing|cannot|never|nor|neither|without|avoid|skip"
    r"|stop|quit|less|fewer|hardly|hate|dislike|except|instead of|rather than|(?:anything|everything|all) but"
    r"|enough (?:of|with)",
}
"""What makes the opposite, or nothing, of the words behind it."""
_HARMLESS: Final[dict[Language, str]] = {
    "es": r"por que no|no (?:me |nos |lo |la |los |las )*(?:puedes|podrias|podria|puede)|no (?:te )?olvides(?: de)?|no dejes de"
    r"|no (?:lo |la |los |las |te |me )?(?:entiendo|entendi|comprendo|comprendi|(?:queda|quedo|esta)(?: muy| nada)? claro)"
    r"(?: (?:nada|esto|eso))?(?: de (?:esto|eso))?"
    r"|no se (?:nada|mucho|como|que|si|por que)|no (?:tengo ni|tengo) idea|no estoy segur[oa]"
    r"|no solo|no solamente|no hay (?:problema|prisa|apuro)|mas o menos|o no(?= ,|$)|sin (?:prisas?|apuro|falta|duda)",
    "en": r"why (?:not|don t (?:you|we))|(?:can|couldn|won|wouldn) t you"
    r"|(?:do not|don t|dont) (?:forget|hesitate) to"
    r"|(?:i )?(?:do not|don t|dont|did not|didn t|cannot|can t|could not|couldn t) (?:really |quite )?understand"
    r"|i (?:do not|don t|dont|did not|didn t|can t) (?:really |quite )?(?:get (?:it|this|that)|know|see|follow)"
    r"|(?:not|isn t) (?:only|sure|clear)|no (?:problem|worries|rush|hurry|doubt)|without (?:hurry|haste)|more or less"
    r"|or not(?= ,|$)",
}
"""Where no wish is negated, though it looks like it."""
_BUT: Final[dict[Language, str]] = {"es": r"pero|sino", "en": r"but"}
_PLEASE: Final = r"(?:, )?(?:por favor|please)\b(?: ,)?"
"""«No lo expliques, por favor, por pasos» is one clause."""
_THANKS: Final = frozenset({"gracias", "thanks", "thank", "you"})
_REACH: Final = 7
"""How many words behind it a negation reaches, within its clause."""

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
            r"como si (?:tuviera|fuera) (?:\w+ )?(?:anos|nin[oa]|principiante)",
        )),
        (4, (r"{tell}(?:para expertos|(?:a |con )?nivel (?:experto|avanzado)|mas (?:tecnico|avanzado))",)),
    ),
    "en": (
        (1, (
            r"{tell}(?:from scratch|for (?:a )?(?:beginners?|dummies)|simpler|more simply)",
            r"like i m (?:five|\d+|a child)|eli5|in simple (?:words|terms)",
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


_PART: Final = re.compile(r"[^\W_]+|[.,;:!?](?=[\s\"'»”)]|$)|[(¿¡\n]|(?<=\s)[-–—]+(?=\s)")
"""A word, or what divides clauses."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message made comparable once: its clauses, of words without case, accents and punctuation."""

    clauses: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        """All its words, in order."""
        return " ".join(self.clauses).split()


def read(text: str) -> Told:
    """The first 4,000 characters of a message, no longer when written out either, made comparable."""
    apart = unicodedata.normalize("NFKD", text[:_LONGEST_READ])[:_LONGEST_READ]
    plain = "".join(c for c in apart if not unicodedata.combining(c)).casefold()[:_LONGEST_READ]
    plain = plain.replace("¿no?", "?")  # «con ejemplos, ¿no?» denies nothing
    parts = " ".join(part if part[0].isalnum() else "," for part in _PART.findall(plain))
    return Told(tuple(clause.strip() for clause in parts.split(",") if clause.strip()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a message asks for in words. None: nothing; in `arms`, 0: both poles, so neither is told to the model again."""

    arms: tuple[int | None, int | None, int | None, int | None] = (None, None, None, None)
    length: int | None = None
    level: int | None = None


NO_WISHES: Final = Wishes()


def wishes(told: Told, language: Language) -> Wishes:
    """The wishes in a message, in time linear in its length."""
    said = " , ".join(clause for clause in map(_affirmed, _clauses(told, language)) if clause)
    found: list[set[int]] = [set(), set(), set(), set(), set()]
    for mark in _MARK.findall(said):
        place, value, _ = _WITHOUT[language][int(mark)]
        found[place].add(value)
    for place, pole, asks in _STYLES_ASKED[language]:
        if asks.search(said):
            found[place].add(pole)
    ent, rut, act, form = (next(iter(poles)) if len(poles) == 1 else 0 if poles else None for poles in found[:_LEVEL])
    level = next(iter(found[_LEVEL]), None) or _first(_LEVELS_ASKED[language], said)
    return Wishes(arms=(ent, rut, act, form), length=_first(_LENGTHS_ASKED[language], said), level=level)


def is_negated(told: Told, language: Language) -> bool:
    """Whether anything in a message is negated in a way that does not say which other pole is wished for."""
    return any(_NO in clause.split() for clause in _clauses(told, language))


def is_factual(told: Told, language: Language) -> bool:
    """Whether a message asks for a bare fact (who, when, how many…) in at most twelve words: style would only be in the way."""
    words = told.words
    return len(words) <= _MOST_FACTUAL_WORDS and _ASKS_A_FACT[language].match(" ".join(words)) is not None


_NO: Final = "!"
_MARK: Final = re.compile(r"#(\d)")


def _clauses(told: Told, language: Language) -> list[str]:
    """The clauses with each negation as `_NO`, but for the wishes to be without something, which become marks."""
    said = _HARMLESS_SAID[language].sub("", re.sub(_PLEASE, "", " , ".join(told.clauses)))
    said = _WITHOUT_SAID[language].sub(lambda found: f"#{(found.lastindex or 1) - 1}", said)
    said = _BUT_SAID[language].sub(",", _NEGATION_SAID[language].sub(_NO, said))
    kept: list[str] = []
    for clause in (clause.split() for clause in said.split(",")):
        while clause and clause[-1] in _THANKS:
            clause.pop()
        if clause == [_NO] and kept:  # "Step by step? No."
            kept[-1] = _NO
        elif clause:
            kept.append(_NO if clause[-1] == _NO else " ".join(clause))  # «paso a paso no»
    return kept


def _affirmed(clause: str) -> str:
    """A clause in which no word is left that a negation before it reaches; nothing where that is all of it."""
    if _NO not in clause:
        return clause
    kept: list[str] = []
    reached = 0
    for word in clause.split():
        reached = _REACH + 1 if word == _NO else max(0, reached - 1)
        kept.append(_NO if reached else word)
    return " ".join(kept) if any(word != _NO for word in kept) else ""


def _first(asked: Asked, said: str) -> int | None:
    """What the first fitting entry stands for."""
    return next((value for value, asks in asked if asks.search(said)), None)


def _asks(phrases: Phrases, language: Language) -> re.Pattern[str]:
    pattern = "|".join(phrases).replace("{tell}", _TELL[language])
    return re.compile(rf"\b(?:{pattern})\b")


def _asked(table: Mapping[Language, tuple[tuple[int, Phrases], ...]]) -> dict[Language, Asked]:
    return {language: tuple((value, _asks(phrases, language)) for value, phrases in table[language]) for language in LANGUAGES}


def _said(table: Mapping[Language, str]) -> dict[Language, re.Pattern[str]]:
    return {language: re.compile(rf"\b(?:{table[language]})\b") for language in LANGUAGES}


_LENGTHS_ASKED: Final = _asked(_LENGTHS)
_LEVELS_ASKED: Final = _asked(_LEVELS)
_STYLES_ASKED: Final = {
    language: tuple((place, pole, _asks(phrases, language)) for place, pole, phrases in _POLES[language])
    for language in LANGUAGES
}
_HARMLESS_SAID, _NEGATION_SAID, _BUT_SAID = _said(_HARMLESS), _said(_NEGATION), _said(_BUT)
_ASKS_A_FACT: Final = _said(_FACTUAL)
_WITHOUT_SAID: Final = _said(
    {
        language: _NOT[language] + f"(?:{'|'.join(f'({things})' for _, _, things in _WITHOUT[language])})"
        for language in LANGUAGES
    }
)
