"""What a question is after besides its subject: what the bot said, what the person asked; what only asks (pure)."""

from __future__ import annotations

import re
from typing import Final

from bot.lexical import fold

_LONGEST: Final = 400
"""Characters of a question that are read."""

_PAST: Final = """
    said told recommended suggested mentioned advised explained answered replied wrote proposed promised claimed described
    listed gave called
"""
_PLAIN: Final = """
    say tell recommend suggest mention advise explain answer reply write propose promise claim describe list give call
"""
_NOUNS: Final = "answer reply response recommendation suggestion advice explanation proposal message list"
_PRETERITE: Final = """
    dijiste contaste recomendaste sugeriste explicaste aconsejaste propusiste respondiste contestaste mencionaste comentaste
    escribiste prometiste diste indicaste aclaraste afirmaste describiste nombraste
"""
_FORMAL: Final = "dijo conto recomendo sugirio explico aconsejo propuso respondio contesto menciono comento escribio dio indico"
_PARTICIPLE: Final = """
    dicho contado recomendado sugerido explicado aconsejado propuesto respondido contestado mencionado comentado escrito
    prometido dado indicado aclarado afirmado descrito nombrado
"""
_SUSTANTIVOS: Final = "respuesta recomendacion sugerencia consejo explicacion propuesta mensaje lista"


def _any(listed: str) -> str:
    return f"(?:{'|'.join(listed.split())})"


_EARLIER: Final = "(?:last|latest|previous|earlier|first|second|other|old)"
_ANTERIOR: Final = "(?:ultim[oa]|anterior|primer[oa]?|segund[oa]|otr[oa])"
_ADVERB: Final = "(?:already |just |also |once |ever |even |then |actually |really |originally )?"

_ANSWERED: Final = re.compile(
    rf"\b(?:you {_ADVERB}{_any(_PAST)}"
    rf"|you(?: had|'d| have|'ve|’d|’ve) {_ADVERB}{_any(_PAST)}"
    rf"|(?:did|had|have|didn't|didn’t|haven't|haven’t) you {_ADVERB}{_any(_PLAIN + _PAST)}"
    rf"|your {_EARLIER} {_any(_NOUNS)}s?"
    rf"|(?:was|were) your {_any(_NOUNS)}s?"
    r"|according to you|in your words"
    rf"|{_any(_PRETERITE)}s?"
    rf"|(?:has|habias|habeis|haya|hayas) {_any(_PARTICIPLE)}"
    rf"|(?:me|nos) (?:ha|habia) {_any(_PARTICIPLE)} (?:usted|ud)"
    rf"|{_any(_FORMAL)} (?:usted|ud)|(?:usted|ud) (?:me |nos |ya )*{_any(_FORMAL)}"
    rf"|tus? {_ANTERIOR}e?s? {_any(_SUSTANTIVOS)}(?:e?s)?"
    rf"|tus? {_any(_SUSTANTIVOS)}(?:e?s)? (?:anterior(?:es)?|de (?:antes|ayer|hoy|anoche|la otra vez))"
    rf"|(?:fue|fueron|era|eran) tus? {_any(_SUSTANTIVOS)}(?:e?s)?"
    r"|segun (?:tu|vos|usted)(?= ?(?:[,.;:?!]|$)))"
    r"(?!\w)"
)
_ASKED: Final = re.compile(
    rf"\b(?:(?:did|have|had) i {_ADVERB}(?:ask|asked|want to know|wanted to know)"
    rf"|i(?: have| had|'ve|'d|’ve|’d)? {_ADVERB}asked(?: you| about|$|[?.,])"
    rf"|i {_ADVERB}(?:wanted to know|was asking|kept asking)"
    rf"|my {_EARLIER} questions?|(?:was|were) my questions?|questions? (?:that )?i (?:{_ADVERB}asked|had)"
    r"|(?:te|le|os) (?:he |habia )?(?:pregunte|preguntado|preguntaba|consulte|consultado)"
    r"|(?:que|cuando|cuantas veces|donde|ya|antes|por que) (?:te |le )?(?:pregunte|he preguntado|habia preguntado|preguntaba)"
    rf"|mis? {_ANTERIOR}e?s? preguntas?|mis? preguntas?(?: anteriore?s?)?|preguntas? (?:que )?(?:te |le )?hice"
    r"|(?:te|le) hice (?:una|la|las|alguna|algunas|esa|esta) preguntas?)"
    r"(?!\w)"
)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?…])\s+|\n+")
_CLOSING: Final = " \t)]}»”\"'*_"
_POLITE: Final = """
    hi hello hey thanks thank you please ok okay well so good morning afternoon evening
    hola buenas buenos dias tardes noches gracias muchas porfa por favor vale bueno oye
"""
_GREETINGS: Final = frozenset(_POLITE.split())
_LETTERS: Final = re.compile(r"[^\W\d_]+")


def asks_what_was_answered(question: str) -> bool:
    """Whether a question is about what the bot said (`what did you recommend?`, «¿qué me dijiste?»)."""
    return _ANSWERED.search(fold(question[:_LONGEST])) is not None


def asks_what_was_asked(question: str) -> bool:
    """Whether a question is about what the person asked before (`did I ask you about…?`, «¿qué te pregunté?»)."""
    return _ASKED.search(fold(question[:_LONGEST])) is not None


def only_asks(text: str) -> bool:
    """Whether a text is nothing but questions: every sentence ends in a question mark; greetings count for nothing."""
    if "?" not in text:
        return False
    return all(
        part.rstrip(_CLOSING).endswith("?") or _GREETINGS.issuperset(_LETTERS.findall(fold(part)))
        for part in _SENTENCE_END.split(text.strip())
    )
