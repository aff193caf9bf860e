"""What somebody is going to do, and when: kept with its date, in words that stay true; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from bot.types import LANGUAGES, Language
from profiles.facts.clauses import Statement, fold_evenly
from profiles.facts.slots import canonical, slot_key
from profiles.facts.told_dates import ToldDate, find_date
from profiles.facts.told_words import WORDS, theirs

_MOST_WORDS: Final = 12
_VAGUE: Final = ("appointment", "trip", "start", "party", "move")
"""Events that say less than another in the same sentence: of a dentist's appointment, the dentist counts."""
_END: Final = re.compile(r"[.;!?…\n(¦]|,\s")
_ALSO: Final = re.compile(r"\s(?:and|but|so|because|y|pero|asi que|porque|pq|e)\s")


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as a sentence without its subject, where it belongs, and where it ends in the statement."""

    slot: str
    text: str
    end: int


def _verbs(language: Language) -> dict[str, str]:
    pairs = (pair.partition("=") for pair in WORDS[language]["plans"]["verbs"].split())
    return {said.replace("_", " "): ours.replace("_", " ") for said, _, ours in pairs}


_VERBS: Final[Mapping[Language, Mapping[str, str]]] = {language: _verbs(language) for language in LANGUAGES}
_VERB: Final = {
    language: re.compile(
        r"\s*,?\s*(?:(?:yo|also|finally|por fin|ya|tambien|nosotros|nosotras) )?(?P<verb>"
        + "|".join(re.escape(verb) for verb in sorted(_VERBS[language], key=len, reverse=True))
        + r")(?!\w)"
    )
    for language in LANGUAGES
}
_NOUN: Final = {
    language: re.compile(rf"\s*,?\s*(?P<whole>{WORDS[language]['plans']['nouns']})(?: para| a)?\s+") for language in LANGUAGES
}

_WHOSE: Final = {
    language: re.compile(rf"\s*,?\s*(?:{WORDS[language]['plans']['whose']}) (?P<noun>\w+)(?!\w)") for language in LANGUAGES
}


def plan_at(statement: Statement, at: int, language: Language, today: date) -> Plan | None:
    """The plan that a clause beginning at `at` tells; None without a date that is still to come."""
    text, folded = statement.text[at:], statement.folded[at:]
    lead = find_date(folded[:60], language, today)
    lead = lead if lead and lead.start == 0 else None
    start = lead.end if lead else 0
    noun = None if lead else _NOUN[language].match(folded)
    if noun and (found := _of_noun(text, folded, noun, language, today)):
        return Plan(found.slot, found.text, at + found.end)
    whose = _WHOSE[language].match(folded, start) if lead and not lead.is_past else None
    if lead and whose and (event := slot_key("events", whose["noun"], language)):
        return _dated(event, text[whose.start("noun") : whose.end("noun")], lead, at + whose.end(), language)
    match = _VERB[language].match(folded, start)
    if match is None:
        return None
    end = _end(folded, match.end(), language, today)
    when = lead or find_date(folded[match.end() : end], language, today)
    if when is None or when.is_past:
        return None
    body = text[match.end() : end]
    if lead is None:
        body = body[: when.start] + body[when.end :]
    body = theirs(" ".join(body.replace(",", " ").split()[:_MOST_WORDS]), language)
    key = _key(fold_evenly(body), match["verb"], body, language)
    if not key or (_is_today(when, language, today) and key.split(":")[0] not in _EVENTS):
        return None
    ours = _VERBS[language][match["verb"]]
    return Plan(f"plan:{key}", f"{ours} {body} {when.text}", at + end)


_EVENTS: Final = frozenset(
    {"wedding", "exam", "interview", "dentist", "doctor", "appointment", "surgery", "concert", "party", "trip", "race"}
)


def _is_today(when: ToldDate, language: Language, today: date) -> bool:
    return when.text == (find_date("hoy" if language == "es" else "today", language, today) or when).text


def _end(folded: str, at: int, language: Language, today: date) -> int:
    """Where the clause ends: at a mark, or where "and" begins something else that is done or dated."""
    mark = _END.search(folded, at)
    end = mark.start() if mark else len(folded)
    for joint in _ALSO.finditer(folded, at, end):
        after = folded[joint.end() : end]
        dated = find_date(after[:40], language, today)
        if (
            (dated and dated.start == 0)
            or _VERB[language].match(after)
            or re.match(r"(?:i|we|my|mi|me|no|it|she|he|then)(?!\w)", after)
        ):
            return joint.start()
        if joint[0].strip() not in ("and", "y", "e"):
            return joint.start()
    return end


def _key(folded: str, verb: str, body: str, language: Language) -> str:
    """What the plan is about, for its slot: the event, and where to."""
    found = [key for word in re.findall(r"[\w-]+", folded) if (key := slot_key("events", word, language))]
    telling = [key for key in found if key not in _VAGUE] or found
    first, *others = verb.split()
    done = slot_key("events", others[-1] if others else first, language) or slot_key("events", first, language)
    event = telling[0] if telling else done
    if event in ("trip", "move", ""):
        places = [word.strip(".,!") for word in body.split() if word[0].isupper()]
        if places:
            return f"{event or 'trip'}:{canonical(places[0])}"
        if event in ("trip", "") and body:
            return canonical(body)
    return event


def _of_noun(text: str, folded: str, noun: re.Match[str], language: Language, today: date) -> Plan | None:
    """`my exam is on June 12`: an event of the list with its date."""
    words = noun["noun"].split()
    event = next((key for word in words if (key := slot_key("events", word, language))), "")
    when = find_date(folded[noun.end() : noun.end() + 40], language, today)
    if not event or when is None or when.start > 0 or when.is_past:
        return None
    said = text[noun.start("noun") : noun.end("noun")]
    if event == "birthday" and noun["whole"].split()[0] not in ("my", "mi"):
        return None
    whose = noun["whole"].split()[0] if " de " in said else ""
    return _dated(event, said, when, noun.end() + when.end, language, whose=whose)


def _dated(event: str, said: str, when: ToldDate, end: int, language: Language, *, whose: str = "") -> Plan:
    """An event with its date; a birthday comes back every year."""
    texts = WORDS[language]["texts"]
    if event == "birthday":
        return Plan("birthday", texts["birthday"].format(day=re.sub(r"(?: de)? \d{4}$", "", when.text)), end)
    subject = f"{whose or texts['their']} {theirs(said, language)}"
    return Plan(f"plan:{event}", texts["plan"].format(subject=subject, date=when.text), end)
