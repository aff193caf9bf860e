"""Whom a sentence is about besides the person: family, friends and animals, with their names; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bot.lexical import fold
from bot.types import LANGUAGES, Language
from profiles.facts.clauses import Statement
from profiles.facts.slots import LISTS, SINGLE_RELATIONS, TABLES
from profiles.facts.told_words import WORDS, Rest, cut, has, theirs

_MINE: Final[Mapping[Language, str]] = {"es": r"(?:mis?|nuestr[oa]s?)", "en": r"(?:my|our)"}
_KIND_OF: Final[Mapping[Language, str]] = {
    "es": r"(?:(?:mejor|otr[oa]|querid[oa]|segund[oa]|primer[oa]?|anterior|propi[oa]|unic[oa]) )?",
    "en": r"(?:(?:little|big|older|younger|elder|eldest|oldest|youngest|middle|best|other|late|dear|new|own|twin|baby|elderly|"
    r"lovely|two|three|four|dear old|beloved|old|rescue|pet|second|first|only) ){0,2}",
}
_AFTER: Final[Mapping[Language, str]] = {
    "es": r"(?: (?:mayor|menor|pequen[oa]|gemel[oa]|chic[oa]|grande|de \d+ anos|negr[oa]|blanc[oa]|"
    r"adoptiv[oa]|materna|paterna))?",
    "en": r"",
}
_NAME: Final = re.compile(r"[^\W\d_][\w’-]*")
_AND: Final = re.compile(r"\s*(?:,\s*(?:and |y |e )?|(?:and|y|e|&)\s+)\s*")
_MOST_NAMES: Final = 6
_DISTANT: Final = frozenset({"friend", "boss", "roommate"})
"""Whom to have tells nothing, unless by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody of the person's own, animals included. `kind` is `sister` or `pet:cat`, `word` what the person calls them."""

    kind: str
    word: str
    name: str = ""
    end: int = 0

    @property
    def slot(self) -> str:
        """Where their own facts go."""
        return f"{self.kind}:{_key(self.name)}" if self.name and self.kind not in SINGLE_RELATIONS else self.kind

    def name_slot(self, name: str) -> str:
        """Where their name goes: a mother has one, of daughters there may be several."""
        return f"{self.kind}:name" if self.kind in SINGLE_RELATIONS else f"{self.kind}:{_key(name)}"


def _key(name: str) -> str:
    return "-".join(fold(word) for word in re.findall(r"\w+", name))


_KINDS: Final[Mapping[Language, Mapping[str, str]]] = {
    language: {
        **TABLES["relations"][language],
        **{form + plural: "pet:" + kind for form, kind in TABLES["pets"][language].items() for plural in ("", "s")},
    }
    for language in LANGUAGES
}


def _forms(names: Mapping[str, str]) -> str:
    return "|".join(re.escape(form) for form in sorted(names, key=len, reverse=True))


_PHRASE: Final = {
    language: re.compile(
        rf"(?<!\w){_MINE[language]} {_KIND_OF[language]}(?P<who>{_forms(_KINDS[language])})(?![\w-]){_AFTER[language]}"
    )
    for language in LANGUAGES
}


def person_at(statement: Statement, at: int, language: Language) -> Person | None:
    """Whom a clause that begins at `at` is about; None when it does not begin with somebody of theirs."""
    at += 2 if language == "es" and statement.folded.startswith("a mi", at) else 0
    match = _PHRASE[language].match(statement.folded, at)
    if match is None:
        return None
    names, end = names_at(statement.text, statement.folded, match.end(), is_told=False)
    if len(names) > 1:
        return None
    return Person(
        kind=_KINDS[language][match["who"]],
        word=_one(statement.text[match.start("who") : match.end("who")]),
        name="".join(names),
        end=end,
    )


def named_people(statement: Statement, language: Language) -> Iterator[Person]:
    """Everybody of theirs who is named: `my kids Leo and Maya`, `mi mujer, Yolanda,`."""
    for match in _PHRASE[language].finditer(statement.folded):
        names, end = names_at(statement.text, statement.folded, match.end(), is_told=False)
        word = _one(statement.text[match.start("who") : match.end("who")])
        for name in names:
            yield Person(kind=_KINDS[language][match["who"]], word=word, name=name, end=end)


def names_at(text: str, folded: str, at: int, *, is_told: bool) -> tuple[list[str], int]:
    """The names that follow, and where they end. `is_told` says that "called" came before: one may then be in lower case."""
    apart = re.compile(r"\s*,\s*").match(text, at)
    start = apart.end() if apart else at + (text[at : at + 1] == " ")
    names: list[str] = []
    end = at
    while len(names) < _MOST_NAMES:
        name, stop = _name(text, folded, start, is_told=is_told and not names)
        if not name:
            break
        names.append(name)
        end = stop
        further = _AND.match(folded, stop)
        if further is None:
            break
        start = further.end()
    if apart and names and not re.compile(r"\s*(?:[,.;:!)]|$)").match(text, end):
        return [], at
    if apart and names:
        end += text[end : end + 1] == ","
    return names, end


def _name(text: str, folded: str, at: int, *, is_told: bool) -> tuple[str, int]:
    match = _NAME.match(text, at)
    if match is None or folded[match.start() : match.end()] in LISTS["not_names"]:
        return "", at
    if not match[0][0].isupper():
        return (match[0][0].upper() + match[0][1:], match.end()) if is_told and len(match[0]) > 1 else ("", at)
    second = _NAME.match(text, match.end() + 1) if text[match.end() : match.end() + 1] == " " else None
    if second and second[0][0].isupper() and folded[second.start() : second.end()] not in LISTS["not_names"]:
        return f"{match[0]} {second[0]}", second.end()
    return match[0], match.end()


def _one(word: str) -> str:
    """One of them: `gatas` is `gata`, `kids` is `kid`."""
    plain = fold(word)
    if plain in ("children", "peces"):
        return "child" if plain == "children" else "pez"
    if (
        plain.endswith("s")
        and len(plain) > 3
        and plain not in ("padres", "abuelos", "parents", "grandparents", "papas", "folks")
    ):
        return word[:-2] if plain.endswith("ores") else word[:-1]
    return word


_OTHERS: Final = {
    language: re.compile(
        rf"{_PHRASE[language].pattern}|(?<!\w)(?:he|she|they|his|her|their|ella|ellos|ellas|su|sus|dice|dijo)(?!\w)"
    )
    for language in LANGUAGES
}


def people_named_before(folded: str, language: Language) -> bool:
    """Whether somebody else stands in this beginning of a sentence, so that what follows may be theirs."""
    return bool(_OTHERS[language].search(folded))


# --- whom and what somebody has ---


_HAD: Final = {
    language: re.compile(
        r"\s*(?:(?:also|tambien) )?(?:(?P<count>\d{1,2}|"
        + "|".join(WORDS[language]["words"]["numbers"].split())
        + r"|no|any|otr[oa]|another|some) )?(?:(?:"
        + "|".join([*WORDS[language]["words"]["adjectives"].split(), r"\d{4}", r"\d{1,2}[ -](?:year|month)s?[ -]old"])
        + r") ){0,2}(?P<what>"
        + _forms(
            {
                **_KINDS[language],
                **TABLES["belongings"][language],
                **{f + "s": k for f, k in TABLES["belongings"][language].items()},
            }
        )
        + r")(?![\w-])"
        + _AFTER[language]
    )
    for language in LANGUAGES
}
_CALLED: Final = {
    language: re.compile(r"\s*,?\s*(?:" + "|".join(WORDS[language]["texts"]["called"]) + r")\s+") for language in LANGUAGES
}
_MOST_HAD: Final = 5
_JOINT: Final = re.compile(r"\s*(?:,\s*(?:and |y |e )?(?:also |tambien )?|(?:and|y|e|plus)\s+(?:also |tambien )?)")


def had(rest: Rest, *, is_not: bool, is_gone: bool) -> Iterator[tuple[str, str, int]]:
    """(slot, sentence, end) of each animal, relation and belonging that a list after "I have" begins with."""
    at, texts, language = 0, WORDS[rest.language]["texts"], rest.language
    for _ in range(_MOST_HAD):
        match = _HAD[language].match(rest.folded, at)
        if match is None or not (match["count"] or is_not or language == "es" or match["what"].endswith("s")):
            return
        what = match["what"]
        kind = _KINDS[language].get(what, "")
        called = _CALLED[language].match(rest.folded, match.end())
        names, end = names_at(rest.text, rest.folded, called.end() if called else match.end(), is_told=bool(called))
        if kind and names and not is_not:
            word = _one(rest.text[match.start("what") : match.end("what")])
            for name in names:
                person = Person(kind=kind, word=word, name=name)
                yield person.name_slot(name), texts["named"].format(one=word, name=name), end
        else:
            slot, said, end = _unnamed(rest, match, kind)
            if not slot:
                return
            text = texts["have_not" if is_not else "have"].format(what=said)
            yield slot, (texts["had_gone"].format(what=said) if is_gone else text), end
        further = _JOINT.match(rest.folded, end)
        if further is None:
            return
        at = further.end()


def _unnamed(rest: Rest, match: re.Match[str], kind: str) -> tuple[str, str, int]:
    start = match.start() + len(match[0]) - len(match[0].lstrip())
    if kind:
        follows = re.compile(r"[\w']+").match(rest.folded, match.end() + 1)
        is_compound = (
            rest.language == "en" and follows and not has("en", "stop", follows[0]) and follows[0] not in ("from", "of", "in")
        )
        if kind in _DISTANT or (is_compound and rest.text[match.end() : match.end() + 1] == " "):
            return "", "", 0
        return "children" if kind == "child" else kind, rest.text[start : match.end()], match.end()
    table = TABLES["belongings"][rest.language]
    canonical = table.get(match["what"]) or table[match["what"].removesuffix("s")]
    words = [word for word in cut(rest, at=start, most=8) if word.start >= start]
    end = match.end()
    following = [word for word in words if word.start > match.start("what")]
    if (
        following
        and rest.language == "en"
        and following[0].text[0].islower()
        and following[0].folded not in ("from", "of", "in", "made")
    ):
        return "", "", 0
    if following:
        end = words[-1].end
    return f"owns:{canonical}", theirs(rest.text[start:end], rest.language), end
