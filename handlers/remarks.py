"""Wishes about how things are explained that a message consists of, and what the profile learns from them; pure.

«Más corto» or "give me an example" after an answer say something of the person; the same words within a question are about that
question only, and of "not like that" nothing is learned. What is kept is the pole of a dimension, never the words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from bot.profile_types import ProfileEventKind, Reason
from bot.types import Language, PersonId
from bot.writes import AddProfileEvent
from profiles.events import DIMENSIONS
from profiles.person import Profile
from profiles.reasons import adjusted_length, adjusted_level
from profiles.wishes import Told, Wishes, is_negated

MOST_WORDS: Final = 8

_LENGTHS: Final = {-1: Reason.LONG, 1: Reason.SHORT}
_LEVELS: Final = {1: Reason.HARD, 4: Reason.EASY}
"""A wish moves length and level as the press that complains of the opposite does."""

_WORDS: Final[Mapping[Language, str]] = {
    "es": """a ademas ahora al algo algun alguna algunas algunos analogia analogias anos avanzado bien breve brevemente
        cero charla como con concreto concretos conjunto contesta contestame corta cortas corto cortos cuenta
        cuentalo cuentamelo cuento da dame damelo damelos de deja dejame des desde detalladamente detalle detalles
        dijiste dilo dimelo dos ejemplo ejemplos ejercicio ejercicios el empieza en ensename entonces es escribe
        escribelo eso esquema esquemas este esto evita experto expertos explica explicacion explicalo explicame
        explicamelo explicar explicarlo explicarmelo explicas explicaselo extensamente facil favor fondo forma
        formato frase frases fuera fundamento general gracias grandes hagas hazlo hazme historia idea intentarlo
        jerga la larga largas largo largos las linea lineas lista listas lo los mas me mejor menos mucho muestra
        muestrame muy nada nina ninas ningun ninguna nino ninos nivel no numerados ok otra otro otros palabra
        palabras panorama para parrafo parrafos parte partes paso pasos pensar pero pocas podrias pon pongas ponlo
        ponme por practica practicar practicarlo practico prefiero pregunta preguntas presenta presentalo primero
        principiante principiantes principio problema problemas propon proponme prosa puedes punto puntos que quiero
        quisiera rapido rasgos real reales reflexionar relato responde respuesta respuestas resume resumelo resumen
        resumido se sea sencilla sencillas sencillo sencillos si simple simples sin sola solo tabla tablas
        tecnicismos tecnico teoria todo tres tuviera ultimo un una unas unos usa usando uses vale varios version vez
        vineta vinetas vision vista y yo""",
    "en": """a advanced again an analogy and another answer any as ask at avoid be begin beginner beginners big brief
        briefly broad bullet bullets but by can child concrete could definition depth describe detail detailed
        details do don dr dummies easier eli5 example examples exercise exercises expert experts explain explanation
        few five for form format from full general give great i in is it jargon just keep last length less let level
        like line lines list lists long longer m make me more much my no not now numbered of ok okay one only or
        outline outlines overview paragraph paragraphs part picture plain please point points practice practise
        prefer present principle problem problems prose put question questions quick quiz real reflect same scratch
        sentence sentences set short shorter show simple simpler simply skip so some something start step steps
        story strokes summarise summarize summarized summary t table tables talk technical tell terms test than
        thanks that the then theory think this thoroughly three time tl to too try two us use using version very
        want way with without word words would write you""",
}
"""All that such a message may be made of, as `Told` has it: what is about something has other words too."""
_VOCABULARY: Final = {language: frozenset(text.split()) for language, text in _WORDS.items()}


def is_only_a_wish(told: Told, language: Language) -> bool:
    """Whether a message has nothing in it but words for how to explain; whether it wishes anything is not looked at."""
    words, known = told.words, _VOCABULARY[language]
    is_made_of_them = 0 < len(words) <= MOST_WORDS and all(word in known or word.isdigit() for word in words)
    return is_made_of_them and not is_negated(told, language)


def remarks(person: PersonId, profile: Profile, wished: Wishes, topic: str) -> Iterator[AddProfileEvent]:
    """What the profile learns from a message that only wished: poles as remarks, length and the topic's level as one step."""
    for dimension, y in zip(DIMENSIONS, wished.arms, strict=True):
        if y:
            yield _event(person, ProfileEventKind.REMARK, dimension=dimension.value, y=y)
    if wished.length is not None:
        length = adjusted_length(profile.length, _LENGTHS[wished.length])
        if length != profile.length:
            yield _event(person, ProfileEventKind.SET, what="length", value=length, topic="")
    if wished.level is not None:
        level = adjusted_level(profile.level_of(topic), _LEVELS[wished.level])
        if level != profile.level_of(topic):
            yield _event(person, ProfileEventKind.SET, what="level", value=level, topic=topic)


def _event(person: PersonId, kind: ProfileEventKind, **data: object) -> AddProfileEvent:
    return AddProfileEvent(person_id=person, kind=kind, data=data)
