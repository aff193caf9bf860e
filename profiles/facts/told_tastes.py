"""What somebody likes, has, speaks, eats or cannot, read after "I love" or «soy alérgica a»; pure."""

from __future__ import annotations

import re
from typing import Final

from bot.types import LANGUAGES
from profiles.facts.slots import LISTS, TABLES, canonical, slot_key
from profiles.facts.told_words import INFINITIVE, Rest, Value, cut, has, joined, listed, many, one, theirs, words_of

_MODIFIER: Final = re.compile(
    r"\s*(?:(?:a|an|un|una|some|severe|mild|chronic|bad|muy|algo|bit|type \d|tipo \d|really|completely|"
    r"partially|totalmente|medio|"
    r"profoundly|legally|slightly|very|terrible|leve|cronica|el|la|de|of|five|five months|months|y tengo|have|also|tambien) )*"
)
_VERSUS: Final = re.compile(
    r"\s*(?P<a>[\w' ]{2,40}?) (?P<than>al?|antes que|que|to|over|"
    r"rather than|more than|better than|than|instead of) (?P<b>[\w' ]{2,40})"
)
_ADVERBS: Final = re.compile(
    r"\s*(?:(?:mucho|muchisimo|nada|para nada|nadita|bastante|tanto|"
    r"un monton|demasiado|tambien|mas que nada|really|especially|a lot|sobre todo|ademas) )?"
)
_HEALTH_FORMS: Final = {language: sorted(TABLES["health"][language], key=len, reverse=True) for language in LANGUAGES}


def health(rest: Rest) -> tuple[Value, ...]:
    """A condition of the list, or several: `type 1 diabetes`, `sorda de un oído`, `ADHD and dyslexia`."""
    values: list[Value] = []
    at = 0
    while match := _MODIFIER.match(rest.folded, at):
        form = next((form for form in _HEALTH_FORMS[rest.language] if _is_at(rest.folded, form, match.end())), "")
        if not form:
            break
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        words = [word for word in cut(rest, at=start, most=7) if not values or word.start < match.end() + len(form)]
        end = max(words[-1].end if words else 0, match.end() + len(form))
        values.append(Value(rest.text[start:end].strip(), end, TABLES["health"][rest.language][form]))
        further = re.match(r"\s*(?:,|,?\s*(?:and|y|e))\s+", rest.folded[end:])
        if not further:
            break
        at = end + further.end()
    return tuple(values)


def _is_at(folded: str, form: str, at: int) -> bool:
    return folded.startswith(form, at) and not folded[at + len(form) : at + len(form) + 1].isalnum()


def allergy(rest: Rest) -> tuple[Value, ...]:
    """What somebody is allergic to, each with its preposition in Spanish."""
    found = []
    for words in listed(rest, most=4):
        bare = [word for word in words if word.folded not in ("a", "al", "la", "las", "los", "el", "the")]
        if not bare or canonical(joined(rest, bare)) in LISTS["jests"] or has(rest.language, "never_first", bare[0].folded):
            break
        text = joined(rest, words)
        if rest.language == "es" and words[0].folded not in ("a", "al"):
            text = "a " + text
        found.append(Value(text, words[-1].end, canonical(joined(rest, bare))))
    return tuple(found)


def diet(rest: Rest) -> tuple[Value, ...]:
    """A way of eating of the list."""
    words = words_of(rest, most=2)
    return (Value(words[0].text, words[0].end),) if words and slot_key("diets", words[0].folded, rest.language) else ()


def food(rest: Rest) -> tuple[Value, ...]:
    """Something known that one eats or drinks, or does not."""
    found = []
    for told in listed(rest, most=4):
        words = [word for word in told if word.folded not in ("otra", "vez", "de", "again", "nuevo")] or told
        key = canonical(joined(rest, words))
        known = {canonical(word.text) for word in words} & LISTS["foods"] | ({key} & LISTS["foods"])
        if not known:
            break
        found.append(Value(joined(rest, words), words[-1].end, key))
    return tuple(found)


def language(rest: Rest) -> tuple[Value, ...]:
    """Languages of the list."""
    found: list[Value] = []
    for words in listed(rest, most=7):
        named = next((word for word in words if slot_key("languages", word.folded, rest.language)), None)
        if named is None or any(word.folded not in LISTS["small"] for word in words if word.start < named.start):
            break
        found.append(Value(named.text, named.end, slot_key("languages", named.folded, rest.language)))
    return tuple(found)


def favourite(rest: Rest) -> tuple[Value, ...]:
    """What somebody likes best."""
    words = cut(rest, most=7)
    return one(rest, words) if words and words[-1].folded not in ("the", "el", "la") else ()


def versus(rest: Rest) -> tuple[Value, ...]:
    """One thing rather than another: `té a café`."""
    match = _VERSUS.match(rest.folded)
    if not match or (rest.head.endswith("like") and not re.search(r" (?:more|better) than ", match[0])):
        return ()
    first = [word for word in words_of(rest) if word.end <= match.end("a")]
    second = cut(rest, at=match.start("b"), most=4)
    if not first or not second or any(has(rest.language, "never_first", side[0].folded) for side in (first, second)):
        return ()
    a, b = canonical(joined(rest, first)), canonical(joined(rest, second))
    if first[0].folded == "to" or (INFINITIVE.match(first[0].folded) and not INFINITIVE.match(second[0].folded)):
        return ()
    than = "to " if rest.language == "en" else "al " if match["than"] == "al" else "a "
    other = than + joined(rest, second)
    return (Value(joined(rest, first), second[-1].end, "+".join(sorted((a, b))), other),) if a != b else ()


def likes(rest: Rest) -> tuple[Value, ...]:
    """What somebody likes or not, thing by thing; nothing where it needs what came before (`that`, `cuando llueve`)."""
    skipped = _ADVERBS.match(rest.folded)
    at = skipped.end() if skipped else 0
    shorter = Rest(rest.text[at:], rest.folded[at:], rest.head, rest.language)
    items = listed(shorter, most=5)
    if items and items[0][0].folded in ("my", "mi", "mis", "a", "an") and len(items[0]) < 3:
        return ()
    if items and (
        has(rest.language, "never_first", items[0][0].folded) or items[0][-1].folded in ("mas", "more", "to", "think", "be")
    ):
        return ()
    return tuple(Value(theirs(value.text, rest.language), value.end + at, value.key) for value in many(shorter, items))


def belonging(rest: Rest) -> tuple[Value, ...]:
    """Something of the list that somebody has: `una bicicleta eléctrica`, `an old Volvo`."""
    mine = re.match(r"\s*(?:mi|my|el|la|the) ", rest.folded)
    words = cut(rest, at=mine.end() if mine else 0, most=6)
    start = 1 if words and words[0].folded in ("is", "es") else 0
    kinds = [slot_key("belongings", word.folded, rest.language) for word in words[:5]]
    kind = next((kind for kind in kinds if kind), "")
    if not kind or has(rest.language, "never_first", words[0].folded):
        return ()
    the = "the " if mine and rest.language == "en" else ""
    return (Value(the + theirs(joined(rest, words[start:]), rest.language), words[-1].end, kind),)


def request(rest: Rest) -> tuple[Value, ...]:
    """A wish in the person's own words, to the end of its clause."""
    match = re.match(r"\s*([^.!?;,\n]{4,120})", rest.text)
    said = re.split(r" (?:porque|pq|because|please|por favor|porfa)(?!\w)", match[1])[0].strip() if match else ""
    told = [word for word in said.split() if len(word) > 2]
    if not told[1:] or any(word.lower().strip("'’") in LISTS["unresolved"] for word in told[1:]):
        return ()
    return (Value(said, len(said), canonical(" ".join(told[1:]) or said)),) if match and 2 <= len(said.split()) <= 14 else ()
