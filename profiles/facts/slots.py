"""What a fact settles: the name of its slot, the same in both languages, and what a memory's text says of it; pure.

A slot is a path: `home`, `job`, `likes:coffee`, `mother:name`, `daughter:aisha:allergy:egg`. Of the single ones (`is_single`) a
person has one value at a time, which the text tells; where a person may have many, the value is in the slot itself. What is no
longer so, or never was, needs no field of its own: it is the same slot with a text that says no ("No longer lives in
Quito."), a memory like any other, that takes the place of the one it contradicts.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bot.lexical import STOP_WORDS, fold
from bot.memory_types import MemoryKind
from bot.types import LANGUAGES, Language

_FILE: Final[Mapping[str, Any]] = tomllib.loads((Path(__file__).parent / "slots.toml").read_text("utf-8"))
_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LONGEST_KEY: Final = 4
"""Words of a value that go into a slot's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a message settles, without where and when it was said: `profiles.remember` makes a `NewMemory` of it."""

    kind: MemoryKind
    slot: str
    text: str
    language: Language


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says of its slot: the words of its value, the same in both languages, and whether it holds."""

    value: frozenset[str]
    holds: bool


def _table(name: str, language: Language) -> dict[str, str]:
    """Folded form to canonical word."""
    lines = (line.partition(":") for line in _FILE[name][language].strip().splitlines())
    return {fold(form).replace("_", " "): canonical.strip() for canonical, _, forms in lines for form in forms.split()}


TABLES: Final[Mapping[str, Mapping[Language, Mapping[str, str]]]] = {
    name: {language: _table(name, language) for language in LANGUAGES}
    for name in ("relations", "pets", "belongings", "health", "diets", "languages", "favourites", "values", "events")
}
"""By kind of word and language: folded form to the word that stands for it in slots."""

LISTS: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(fold(word).replace("’", "'") for word in words.split()) for name, words in _FILE["lists"].items()
}
"""Small lists of folded words of both languages, by name."""

_SINGLE: Final = frozenset(_FILE["single"]["slots"].split())
SINGLE_RELATIONS: Final = frozenset(_FILE["single"]["relations"].split())
_ATTRIBUTES: Final = frozenset(_FILE["single"]["attributes"].split())
_KIN: Final = frozenset(word for table in TABLES["relations"].values() for word in table.values())
_KIN_WORDS: Final = frozenset(form for table in TABLES["relations"].values() for form in table)
_OVER: Final = frozenset(fold(word) for language in LANGUAGES for word in _FILE["over"][language].split())
_FRAME: Final = frozenset(fold(word) for language in LANGUAGES for word in _FILE["frame"][language].split())
_STOPS: Final = frozenset(word for language in LANGUAGES for word in STOP_WORDS[language])
_VALUES: Final[Mapping[str, str]] = {
    form: canonical
    for name in ("values", "languages", "diets", "health", "pets", "belongings")
    for language in LANGUAGES
    for form, canonical in TABLES[name][language].items()
}
_TURNED_AT: Final = 9
"""So many words in, a sentence of ours has said no, if it does."""


def is_single(slot: str) -> bool:
    """Whether a person has one value of this slot at a time, so that another takes the place of the one before."""
    first, *rest = slot.split(":")
    if first == "favourite":
        return len(rest) == 1
    if first in ("prefers", "plan", "owns"):
        return True
    if not rest:
        return first in _SINGLE or first in _KIN
    return rest[-1] in _ATTRIBUTES


def singular(word: str) -> str:
    """A folded word without the plural `-s` of either language, as far as letters tell."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 5 and word.endswith("es") and word[-3] in "dlnrz":
        return word[:-2]
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def canonical(value: str) -> str:
    """A value as it stands in a slot's name: `el café` and `coffee` are `coffee`, `los mapas viejos` is `mapa-viejo`."""
    words = [fold(word) for word in _WORD.findall(value)]
    told = [word for word in words if word not in _STOPS or word in _VALUES] or words
    whole = " ".join(told)
    if known := _VALUES.get(whole) or _VALUES.get(singular(whole)):
        return known
    return "-".join(_VALUES.get(word) or _VALUES.get(singular(word)) or singular(word) for word in told[:_LONGEST_KEY])


def slot_key(table: str, word: str, language: Language) -> str:
    """The canonical word of a table for a folded word, `""` when it has none."""
    forms = TABLES[table][language]
    return forms.get(word) or forms.get(singular(word), "")


def reading(slot: str, text: str) -> Reading:
    """What `text` says of `slot`, whoever wrote it: its value without the words that every such sentence has."""
    words = [fold(word).replace("’", "'") for word in _WORD.findall(text)]
    holds = slot.startswith("dont") or not any(word in _OVER for word in words[:_TURNED_AT])
    plain = [word for word in words if word not in _FRAME and word not in _STOPS and word not in _OVER]
    named = set(slot.replace("-", ":").split(":"))
    plain = [word for word in plain if word not in _KIN_WORDS] if ":" in slot else plain
    value = {_VALUES.get(word) or _VALUES.get(singular(word)) or singular(word) for word in plain}
    if slot.startswith("prefers:"):  # both are named, the preferred one first
        pair = slot.removeprefix("prefers:").split("+")
        return Reading(frozenset(sorted(pair, key=lambda one: _place(words, one))[:1]), holds)
    return Reading(frozenset(value - named), holds)


def _place(words: list[str], key: str) -> int:
    """Where the first word of a slot's key stands among folded words."""
    first = key.split("-", maxsplit=1)[0]
    return next(
        (
            at
            for at, word in enumerate(words)
            if first in (word, singular(word), _VALUES.get(word), _VALUES.get(singular(word)))
        ),
        99,
    )
