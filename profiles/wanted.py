"""What kind of fact of their own somebody asks for: "What do I do for a living?" wants a job, however that was told (pure)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bot.lexical import fold
from bot.types import Language

_LONGEST: Final = 200
"""Characters of a question that are read: one that asks for a fact of one's own is short."""

_ASKED: Final[Mapping[Language, Mapping[str, str]]] = {
    "en": {
        "likes": r"(?:what|which)(?: \w+){0,2} (?:do|don'?t) i (?:really |not )?(?:like|love|enjoy|hate|dislike)|do i like"
        r"|my hobbies",
        "plays": r"(?:what|which)(?: \w+){0,2} do i play",
        "job": r"(?:i|we) do for (?:a living|work)|my (?:job|profession|occupation|position|trade)|am i by (?:profession|trade)"
        r"|kind of work (?:do|did) i|i (?:still )?work(?:ing)?(?: as)?$|do i work as|job (?:do|did) i have",
        "workplace": r"(?:where|which company|what company|whom?) do i work|my (?:employer|company|workplace)|work for$",
        "home": r"where (?:do|did) (?:i|we) live|my (?:address|home town|city)|(?:city|town|country) do i live in",
        "origin": r"where (?:am|do) i (?:come )?from|where was i born|(?:country|city|town) am i from|my birthplace",
        "grew_up": r"where did i grow up|i (?:grew|grow) up",
        "nationality": r"my nationality|my citizenship",
        "age": r"how old am i|my age",
        "birthday": r"when (?:is my birthday|was i born)|my birthday|my date of birth",
        "name": r"(?:what(?:'s| is| was)|do you know|remember) my (?:full |first |last )?name|what am i called|who am i$",
        "called": r"my nickname|call me$|nickname (?:do|did) i|like to be called|want to be called",
        "study": r"what (?:do|did|am) i (?:study|studying)|my (?:degree|major|studies)",
        "learning": r"what (?:am i|do i) learn|language am i (?:learning|studying)|i (?:am )?learning",
        "language": r"languages? (?:do|can) i speak|my (?:native language|mother tongue)",
        "teaches": r"what (?:do|did) i teach|subject (?:do|did) i teach",
        "allergy": r"allergic|my allerg|(?:can'?t|cannot|may i not|must i not|shouldn'?t|should i not) i? ?(?:eat|have|drink)",
        "diet": r"my diet|(?:can'?t|cannot|don'?t|may i not|must i not) i? ?eat|food (?:can|do) i",
        "health": r"my (?:illness|condition|disease|health)|what (?:illness|condition|disease) do i",
    },
    "es": {
        "likes": r"que(?: \w+){0,2} (?:no )?me gusta|me gusta \w+$|mis? (?:aficiones|gustos|hobbies)",
        "plays": r"que(?: \w+){0,2} toco",
        "job": r"a que me dedic|mi (?:profesion|oficio|trabajo|puesto|empleo|ocupacion)|de que (?:trabajo|vivo)|en que trabajo",
        "workplace": r"(?:donde|para quien|en que empresa) trabajo|mi (?:empresa|jefe)",
        "home": r"donde vivo|donde vivimos|mi (?:direccion|ciudad)|en que (?:ciudad|pueblo|pais|barrio) vivo",
        "origin": r"de donde (?:soy|vengo)|donde naci|de que (?:pais|ciudad|pueblo) (?:soy|vengo)",
        "grew_up": r"donde (?:creci|me crie)",
        "nationality": r"mi nacionalidad",
        "age": r"cuantos anos tengo|que edad tengo|mi edad",
        "birthday": r"mi cumpleanos|cuando (?:naci|cumplo)|mi fecha de nacimiento",
        "name": r"como me llamo|mi nombre|quien soy$",
        "called": r"mi (?:apodo|mote)|como (?:quiero|prefiero) que me (?:llames|llamen|digas|digan)",
        "study": r"que (?:estudio|estudie|estoy estudiando|estaba estudiando)|mi (?:carrera|grado)",
        "learning": r"que (?:idioma|lengua) (?:aprendo|estudio|estoy (?:aprendiendo|estudiando))|que estoy aprendiendo",
        "language": r"que (?:idiomas?|lenguas?) hablo|mi (?:lengua materna|idioma)",
        "teaches": r"que (?:enseno|ensenaba)|de que (?:doy|daba|di) clases?|que (?:asignatura|materia) (?:doy|daba|enseno)",
        "allergy": r"a que (?:soy|tengo) alerg|mis? alergias?|que no puedo (?:comer|tomar|beber)",
        "diet": r"mi dieta|que no (?:puedo )?(?:como|comer)",
        "health": r"mi (?:enfermedad|salud)|que enfermedad tengo|que padezco",
    },
}


def mark_of(slot: str) -> str:
    """What a fact of a slot is marked with among its stems; no word is written like that."""
    return f"={slot.partition(':')[0]}"


_PATTERNS: Final = {
    language: tuple((kind, re.compile(rf"(?<!\w)(?:{pattern})")) for kind, pattern in kinds.items())
    for language, kinds in _ASKED.items()
}


_OTHERS: Final[Mapping[Language, re.Pattern[str]]] = {
    "en": re.compile(
        r"\b(?:my|our) (?:\w+ ){0,2}?(mother|mum|mom|father|dad|brother|sister|son|daughter|kid|child|husband|wife|partner"
        r"|boyfriend|girlfriend|friend|boss|neighbou?r|grandmother|grandma|grandfather|grandpa|uncle|aunt|cousin|nephew|niece"
        r"|dog|cat|parrot|bird|horse|pet|hamster|rabbit|teacher|doctor|colleague|roommate|flatmate)(?:s|'s|’s)?\b"
    ),
    "es": re.compile(
        r"\b(?:mis?|nuestr[oa]s?) (?:\w+ ){0,2}?(madre|mama|padre|papa|herman[oa]|hij[oa]|marido|espos[oa]|mujer|pareja"
        r"|novi[oa]|amig[oa]|jef[ea]|vecin[oa]|abuel[oa]|ti[oa]|prim[oa]|sobrin[oa]|perr[oa]|gat[oa]|loro|pajaro|caballo|mascota"
        r"|hamster|conejo|profesora?|doctora?|medic[oa]|colega|companer[oa])s?\b"
    ),
}


def asked_about(question: str, language: Language) -> str:
    """The word for somebody of theirs whom a question is about ("my sister", «mi perro»); empty where it is about nobody."""
    found = _OTHERS[language].search(fold(question[:_LONGEST]))
    return found[1] if found else ""


def wanted_facts(question: str, language: Language) -> tuple[str, ...]:
    """The slots of the facts that a question in the first person asks for; empty for any other question."""
    asked = " ".join(fold(question[:_LONGEST]).strip(" ¿?¡!.").split())
    return tuple(kind for kind, pattern in _PATTERNS[language] if pattern.search(asked))
