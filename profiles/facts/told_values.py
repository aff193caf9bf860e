"""Who somebody is, where they live and what they do, read after "I live in" or «me llamo»; pure.

Every reader gets the rest of a sentence and gives the values that it begins with, none when it is not what was looked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from bot.types import LANGUAGES
from profiles.facts.slots import LISTS, TABLES, slot_key
from profiles.facts.told_dates import day_of_year
from profiles.facts.told_tastes import allergy, belonging, diet, favourite, food, health, language, likes, request, versus
from profiles.facts.told_words import INFINITIVE, SETS, Rest, Value, cut, has, joined, one, theirs, words_of

_OLDEST: Final = 115
_NO_NAMES: Final = {
    language: LISTS["faiths_and_signs"].union(
        SETS[language]["nationalities"],
        SETS[language]["occupations"],
        SETS[language]["not_names"],
        SETS[language]["never_first"],
        TABLES["diets"][language],
        TABLES["health"][language],
        TABLES["languages"][language],
    )
    for language in LANGUAGES
}


def place(rest: Rest) -> tuple[Value, ...]:
    """A town, a country, a part of either: `Perth, Australia`, `un pueblo de Teruel`; not `en paz`, not `a small flat`."""
    words = cut(rest, "place", most=7)
    first = words[0].folded if words else ""
    if first in ("a", "an", "un", "una"):
        named = next((at for at, word in enumerate(words[:4]) if has(rest.language, "towns", word.folded)), 0)
        if not named or len(words) == named + 1:
            nearby = words_of(rest)[: len(words) + 4]
            words = nearby if named and len(nearby) > named + 1 and nearby[named + 1].folded in ("cerca", "near") else []
    elif not words or has(rest.language, "not_places", first) or has(rest.language, "never_first", first):
        return ()
    if len(words) > 1 and words[1].folded in (
        "nubes",
        "luna",
        "inopia",
        "pasado",
        "limbo",
        "past",
        "moment",
        "clouds",
        "moon",
        "present",
    ):
        return ()
    if not words or any(letter.isdigit() for letter in first) or (INFINITIVE.match(first) and words[0].text.islower()):
        return ()
    if len(words) > 4 and not any(word.text[0].isupper() for word in words):
        return ()
    end = words[-1].end
    if words[-1].ends and rest.text[end] == "," and words[-1].text[0].isupper():
        further = cut(rest, "place", at=end + 1, most=3)
        if further and all(word.text[0].isupper() for word in further):
            end = further[-1].end
    return (Value(rest.text[words[0].start : end], end),)


def name(rest: Rest) -> tuple[Value, ...]:
    """A name: words with a capital and what joins them, or one word without."""
    words = words_of(rest, most=5)
    if not words or not words[0].text[0].isalpha() or has(rest.language, "not_names", words[0].folded):
        return ()
    kept = [words[0]]
    if words[0].text[0].isupper() and not words[0].ends:
        for word in words[1:]:
            if not (word.text[0].isupper() or word.folded in LISTS["particles"]) or word.text == "I" or "'" in word.folded[:2]:
                break
            kept.append(word)
        while kept[-1].text[0].islower():
            kept.pop()
    text = joined(rest, kept)
    return (Value(text[0].upper() + text[1:], kept[-1].end),) if len(text) > 1 else ()


def bare_name(rest: Rest) -> tuple[Value, ...]:
    """A name after no more than "I am": one or two words with a capital that are nothing else, and then nothing more."""
    words = words_of(rest, most=4)
    kept = [
        word
        for at, word in enumerate(words[:3])
        if all(w.text[0].isupper() and not w.text[1:].isupper() for w in words[: at + 1])
    ]
    if not kept or len(kept) > 2 or any(word.folded in _NO_NAMES[rest.language] or not word.text.isalpha() for word in kept):
        return ()
    after = words[len(kept)].folded if len(words) > len(kept) else ""
    if not kept[-1].ends and after and after not in LISTS["after_name"]:
        return ()
    return (Value(joined(rest, kept), kept[-1].end),)


def called(rest: Rest) -> tuple[Value, ...]:
    """What somebody wants to be called: a name, or one word at the end of its clause."""
    words = words_of(rest, most=3)
    if not words or has(rest.language, "not_called", words[0].folded):
        return ()
    if words[0].text[0].isupper():
        found = name(rest)
        after = words_of(rest, found[0].end, most=1) if found and not words[0].ends else []
        return found if found and (not after or after[0].folded in LISTS["after_called"]) else ()
    stops = words[0].ends or len(words) == 1 or has(rest.language, "stop", words[1].folded)
    return name(rest) if stops and rest.head != "dime" else ()


def age(rest: Rest) -> tuple[Value, ...]:
    """Years of life: `34 años`, `34 years old`, `34` at the end of a clause; not `34 minutes`."""
    match = re.match(
        r"\s*(?:los )?(\d{1,3})(?: ?(anos|anitos|years? old|years? young|yrs old|yo|y/o))?(?![\w%:/])", rest.folded
    )
    if not match or int(match[1]) > _OLDEST:
        return ()
    after = rest.folded[match.end() :].strip()
    if not match[2]:
        word = re.match(r"[\w']+", after)
        if rest.language == "es" and "tengo" in rest.head:
            return ()
        if word and not has(rest.language, "stop", word[0]) and word[0] not in ("today", "yesterday", "el", "la"):
            return ()
    if re.match(r"(?:de (?!edad)|of )", after) or re.match(r"[.,]\d", rest.folded[match.end(1) :]):
        return ()
    return (Value(match[1], match.end()),)


def birthday(rest: Rest) -> tuple[Value, ...]:
    """A day of the year, with the year where it was told."""
    start = len(rest.folded) - len(rest.folded.lstrip())
    found = day_of_year(rest.folded[start:], rest.language)
    return (Value(found, start + len(found)),) if found else ()


def company(rest: Rest) -> tuple[Value, ...]:
    """Whom somebody lives with; not `con miedo`."""
    words = cut(rest, most=5)
    found = one(rest, words) if words and (words[0].folded in LISTS["company"] or words[0].text[0].isupper()) else ()
    return tuple(Value(theirs(value.text, rest.language), value.end) for value in found)


def alone(rest: Rest) -> tuple[Value, ...]:
    """`alone`, `sola`."""
    match = re.match(r"\s*(alone|by myself|on my own|solo|sola|solito|solita)(?!\w)", rest.folded)
    said = match[1] if match else ""
    return (Value("alone" if rest.language == "en" else said, match.end()),) if match else ()


def workplace(rest: Rest) -> tuple[Value, ...]:
    """Where somebody works, not when or how."""
    words = cut(rest, most=6)
    inner = {word.folded for word in words[:3]}
    if not words or inner & LISTS["not_workplaces"]:
        return ()
    if has(rest.language, "numbers", words[0].folded) and words[0].folded not in ("un", "una", "a", "an", "one"):
        return ()
    return () if words[0].text in ("it", "pairs") or words[0].folded[0].isdigit() else one(rest, words)


def job(rest: Rest) -> tuple[Value, ...]:
    """What somebody works as; not `como loca`."""
    words = cut(rest, "job", most=5)
    if not words or words[0].folded in LISTS["likened"] or words[-1].folded in LISTS["likened"]:
        return ()
    start = 1 if words[0].folded in ("un", "una", "a", "an") and len(words) > 1 else 0
    return one(rest, words[start:])


def subject(rest: Rest) -> tuple[Value, ...]:
    """What somebody teaches."""
    return one(rest, cut(rest, "job", most=4))


def occupation(rest: Rest) -> tuple[Value, ...]:
    """An occupation of the list, with what goes with it: `bus driver`, `profesora de química`."""
    words = cut(rest, "job", most=5)
    if not words or words[0].folded in LISTS["praise"] or has(rest.language, "not_names", words[0].folded):
        return ()
    known = SETS[rest.language]["occupations"]
    if rest.language == "es":
        return one(rest, words) if words[0].folded in known else ()
    if not re.search(r"(?:\ba|\ban|\bthe|as an?) $", rest.head):
        words = words[:1]
        return one(rest, words) if words[0].folded in ("retired", "unemployed", "self-employed", "freelance") else ()
    return one(rest, words) if words[-1].folded in known or words[-1].folded.endswith(("ologist", "ician")) else ()


def rest_of_clause(rest: Rest) -> tuple[Value, ...]:
    """The words as they are."""
    return one(rest, cut(rest, most=4))


def study(rest: Rest) -> tuple[Value, ...]:
    """A subject of study; languages are something that one learns."""
    words = cut(rest, "job", most=6)
    if (
        not words
        or words[0].folded in LISTS["not_studies"]
        or words[0].folded.isdigit()
        or slot_key("languages", words[0].folded, rest.language)
    ):
        return ()
    return one(rest, words)


def nationality(rest: Rest) -> tuple[Value, ...]:
    """A nationality of the list, by itself."""
    words = words_of(rest, most=2)
    if not words or not has(rest.language, "nationalities", words[0].folded):
        return ()
    alone = words[0].ends or len(words) == 1 or has(rest.language, "stop", words[1].folded)
    by_birth = len(words) > 1 and words[1].folded in ("de", "by", "of", "from", "born", "american", "pero", "viviendo")
    return (Value(words[0].text, words[0].end),) if alone or by_birth else ()


def none(rest: Rest) -> tuple[Value, ...]:
    """Nothing is needed after the pattern."""
    return (Value("", 0),)


READERS: Final[Mapping[str, Callable[[Rest], tuple[Value, ...]]]] = {
    **{
        "place": place,
        "name": name,
        "bare_name": bare_name,
        "called": called,
        "age": age,
        "birthday": birthday,
        "company": company,
        "alone": alone,
    },
    **{
        "workplace": workplace,
        "job": job,
        "subject": subject,
        "occupation": occupation,
        "rest": rest_of_clause,
        "study": study,
    },
    **{"nationality": nationality, "health": health, "allergy": allergy, "diet": diet, "food": food, "language": language},
    **{"favourite": favourite, "versus": versus, "likes": likes, "belonging": belonging, "request": request, "none": none},
}
"""By the `value` of a rule. `status` and `having` are read by `profiles.facts.extract` itself."""
