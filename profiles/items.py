"""The items of the questionnaire, as data: read from `questionnaire.toml`, refused with everything that is wrong; pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Final

from bot.errors import ConfigError, Problem
from bot.locale import say
from bot.types import LANGUAGES, Language
from profiles.data_files import text_of, toml_of
from profiles.events import DIMENSIONS, Dimension

FILE: Final = Path(__file__).parent / "questionnaire.toml"
LETTERS: Final = "ABCD"
LENGTHS: Final[Mapping[str, float]] = {"short": -1.0, "medium": 0.0, "long": 1.0}
"""The keys of the item that sets the length, with what they mean to `profiles.directives`."""
_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "level": ("1", "2", "3", "4"),
    "goal": ("understand", "exam", "task", "curious"),
    "length": tuple(LENGTHS),
}
_TEXTS: Final = ("progress", "first", "more", "science")
_GRADED: Final = (1.0, 0.5, -0.5, -1.0)
_THREE: Final = (1.0, 0.0, -1.0)


class Part(StrEnum):
    """When an item is asked."""

    CONTEXT = "context"
    FIRST = "first"
    SECOND = "second"
    THIRD = "third"
    RESERVE = "reserve"


class Control(StrEnum):
    """What a person can do instead of answering; each has a button and words of its own."""

    SKIP = "skip"
    BACK = "back"
    STOP = "stop"


Wording = Mapping[Language, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One answer to an item. `score` points to the dimension's + pole; None for context."""

    key: str
    text: Wording
    score: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One question. A context item `sets` something (else empty), the others tell about their `dimension` (else None)."""

    id: str
    part: Part
    text: Wording
    options: tuple[Option, ...]
    dimension: Dimension | None = None
    sets: str = ""
    default: str = ""

    def option(self, key: str | None) -> Option | None:
        """The option of that key; None when there is none."""
        return next((option for option in self.options if option.key == key), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Questionnaire:
    """Everything in the file.

    `words` holds what may be typed for a control, as `comparable` gives it, and `equal` what means both options alike. `first`
    is the progress of the context items; `more` stands before those that answers added.
    """

    version: str
    items: Mapping[str, Item]
    progress: Wording
    first: Wording
    more: Wording
    science: Wording
    labels: Mapping[Control, Wording]
    words: Mapping[str, Control]
    equal: frozenset[str]

    def of(self, part: Part) -> tuple[Item, ...]:
        """The items of a part in the order in which they are asked."""
        found = [item for item in self.items.values() if item.part is part]
        return tuple(sorted(found, key=lambda item: (*DIMENSIONS, None).index(item.dimension)))


def comparable(text: str) -> str:
    """`text` as it is compared: lower case, without accents and punctuation, one blank between words."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    return " ".join(re.findall(r"[^\W_]+", plain))


@cache
def load_questionnaire(path: Path = FILE, *, language: str = "en") -> Questionnaire:
    """The questionnaire in `path`, read once. Raises ConfigError with everything that is wrong, worded in `language`."""
    return parse_questionnaire(text_of(path, language), name=path.name, language=language)


def parse_questionnaire(text: str, *, name: str = FILE.name, language: str = "en") -> Questionnaire:
    """The questionnaire that `text` is. Raises ConfigError with everything that is wrong, as `name:line: place`."""
    reader = _Reader(text, name, language)
    questionnaire = reader.read(toml_of(text, name, language))
    if reader.problems:
        raise ConfigError(reader.problems)
    return questionnaire


class _Reader:
    """Makes a questionnaire of a parsed file, noting everything that is wrong instead of stopping at it."""

    def __init__(self, text: str, name: str, language: str) -> None:
        self.problems: list[Problem] = []
        self._lines, self._name, self._language = text.splitlines(), name, language

    def read(self, source: Mapping[str, Any]) -> Questionnaire:
        """The questionnaire; of use only when there are no problems."""
        self._only(source, "", ("version", "equal", "text", "control", "item"))
        version = source.get("version")
        if not isinstance(version, str) or re.fullmatch(r"qv[1-9]\d{0,5}", version) is None:
            self._wrong("version", say(self._language, "this must be a version"), "qv1")
        text, control = self._table(source, "text"), self._table(source, "control")
        self._only(text, "text", _TEXTS)
        self._only(control, "control", tuple(Control))
        texts = {key: self._wording(self._table(text, key, "text."), f"text.{key}") for key in _TEXTS}
        self._placeholders("progress", texts["progress"])
        self._placeholders("first", texts["first"])
        made = {id_: self._item(id_, table) for id_, table in self._table(source, "item").items()}
        items = {id_: item for id_, item in made.items() if item is not None}
        labels, words = self._controls(control)
        equal = frozenset(map(comparable, self._words(source, "equal", "equal")))
        for word in sorted(equal & words.keys()):
            self._wrong("equal", say(self._language, "a control has this word already"), repr(word))
        self._complete(items.values())
        self._apart(items.values(), words)
        return Questionnaire(version=str(version), items=items, labels=labels, words=words, equal=equal, **texts)

    def _item(self, id_: str, table: object) -> Item | None:
        place = f"item.{id_}"
        if not isinstance(table, dict):
            self._wrong(place, say(self._language, "this must be a table"))
            return None
        if re.fullmatch(r"[A-Za-z0-9]{1,16}", id_) is None:
            self._wrong(place, say(self._language, "an item's name is one to 16 letters and digits"), "ENT1")
        part = self._one_of(table, "part", tuple(Part), place)
        is_context = part == Part.CONTEXT
        named = "sets" if is_context else "dimension"
        self._only(table, place, ("part", *LANGUAGES, "options", named, *(("default",) if is_context else ())))
        about = self._one_of(table, named, tuple(_KEYS) if is_context else DIMENSIONS, place)
        options = tuple(self._options(table.get("options"), place))
        keys = tuple(option.key for option in options)
        if is_context:
            if keys != (expected := _KEYS.get(about, keys)):
                self._wrong(place, say(self._language, "these options do not fit what the item sets"), ", ".join(expected))
            default = self._one_of(table, "default", keys, place)
            return Item(
                id=id_, part=Part.CONTEXT, text=self._wording(table, place), options=options, sets=about, default=default
            )
        self._scored(options, _GRADED if part == Part.FIRST else _THREE, place)
        known = Part(part) if part in tuple(Part) else Part.FIRST
        dimension = Dimension(about) if about in DIMENSIONS else None
        return Item(id=id_, part=known, text=self._wording(table, place), options=options, dimension=dimension)

    def _options(self, listed: object, place: str) -> Iterator[Option]:
        if not isinstance(listed, list) or not 2 <= len(listed) <= len(LETTERS):
            self._wrong(place, say(self._language, "an item needs two to four options"))
            return
        seen: set[str] = set()
        for number, table in enumerate(listed, 1):
            where = f"{place}.options.{number}"
            if not isinstance(table, dict):
                self._wrong(where, say(self._language, "this must be a table"))
                continue
            self._only(table, where, ("key", "score", *LANGUAGES))
            key, score = table.get("key"), table.get("score")
            if not isinstance(key, str) or re.fullmatch(r"[a-z0-9]{1,16}", key) is None or key in tuple(Control):
                self._wrong(
                    where, say(self._language, "a key is one to 16 small letters and digits, and no control's name"), "a"
                )
            elif key in seen:
                self._wrong(where, say(self._language, "this key stands here twice"))
            seen.add(str(key))
            is_number = isinstance(score, int | float) and not isinstance(score, bool)
            wording = self._wording(table, where)
            yield Option(key=str(key), text=wording, score=float(score) if is_number and score is not None else None)
            if score is not None and not is_number:
                self._wrong(where, say(self._language, "a score is a number"))

    def _scored(self, options: Sequence[Option], expected: Sequence[float], place: str) -> None:
        if options and tuple(option.score for option in options) != tuple(expected):
            reason = say(self._language, "the scores must be these, from the first option to the last")
            self._wrong(place, reason, ", ".join(f"{score:g}" for score in expected))

    def _controls(self, source: Mapping[str, Any]) -> tuple[dict[Control, Wording], dict[str, Control]]:
        labels: dict[Control, Wording] = {}
        words: dict[str, Control] = {}
        for control in Control:
            place = f"control.{control}"
            table = self._table(source, control, "control.")
            self._only(table, place, (*LANGUAGES, "words"))
            labels[control] = self._wording(table, place)
            more = self._words(table, "words", place)
            for word in map(comparable, filter(None, (*labels[control].values(), *more))):
                if words.setdefault(word, control) is not control:
                    self._wrong(place, say(self._language, "two controls share the word {word}", word=repr(word)))
        return labels, words

    def _words(self, table: Mapping[str, Any], key: str, place: str) -> list[str]:
        more = table.get(key)
        if isinstance(more, list) and all(isinstance(word, str) and comparable(word) for word in more):
            return more
        self._wrong(place, say(self._language, "`{name}` must be a list of texts", name=key))
        return []

    def _complete(self, items: Iterable[Item]) -> None:
        """One item for every part and dimension, and for everything that is set."""
        needed = {*((Part.CONTEXT, about) for about in _KEYS)}
        needed |= {(part, dimension) for part in Part if part is not Part.CONTEXT for dimension in DIMENSIONS}
        held: dict[tuple[Part, str], str] = {}
        for item in items:
            slot = (item.part, item.dimension or item.sets)
            if (first := held.setdefault(slot, item.id)) != item.id and slot in needed:
                self._wrong(f"item.{item.id}", say(self._language, "it asks for the same as the item {item}", item=first))
        for part, about in sorted(needed - held.keys()):
            self._wrong("item", say(self._language, "an item is missing"), f"{part}, {about}")

    def _apart(self, items: Iterable[Item], words: Mapping[str, Control]) -> None:
        """A typed answer must mean one thing."""
        for item in items:
            seen: dict[str, str] = {}
            for option in item.options:
                for text in sorted({comparable(wording) for wording in option.text.values()} - {""}):
                    if text in words or len(text) == 1 or seen.setdefault(text, option.key) != option.key:
                        reason = say(self._language, "the text of the option {key} also means something else", key=option.key)
                        self._wrong(f"item.{item.id}", reason)

    def _placeholders(self, key: str, wording: Wording) -> None:
        for language, text in wording.items():
            if text and sorted(re.findall(r"\{[^{}]*\}?|\}", text)) != ["{count}", "{number}"]:
                reason = say(self._language, "this text must hold both, once each")
                self._wrong(f"text.{key}.{language}", reason, "{number}, {count}")

    def _wording(self, table: Mapping[str, Any], place: str) -> Wording:
        """The texts of both languages; empty where one is missing."""
        found: dict[Language, str] = {}
        for language in LANGUAGES:
            text = table.get(language)
            if not isinstance(text, str) or not comparable(text):
                self._wrong(f"{place}.{language}", say(self._language, "a text in this language is missing"))
            found[language] = text.strip() if isinstance(text, str) else ""
        return found

    def _one_of(self, table: Mapping[str, Any], key: str, allowed: Sequence[str], place: str) -> str:
        value = table.get(key)
        if not isinstance(value, str) or value not in allowed:
            self._wrong(f"{place}.{key}", say(self._language, "this must be one of the known names"), ", ".join(allowed))
        return str(value)

    def _table(self, source: Mapping[str, Any], key: str, above: str = "") -> dict[str, Any]:
        found = source.get(key)
        if isinstance(found, dict):
            return found
        self._wrong(above + key, say(self._language, "this must be a table"))
        return {}

    def _only(self, table: Mapping[str, Any], place: str, allowed: Sequence[str]) -> None:
        for key in sorted(table.keys() - set(allowed)):
            where = f"{place}.{key}" if place else key
            self._wrong(where, say(self._language, "this name is not known here"), ", ".join(allowed))

    def _wrong(self, place: str, reason: str, accepted: str = "") -> None:
        path = f"{self._name}:{self._line(place)}: {place}"
        self.problems.append(Problem(path=path, reason=reason, accepted=accepted))

    def _line(self, place: str) -> int:
        """Where `place` stands, as near as can be told: its key, its option, its table, else the first line."""
        names = place.split(".")
        head = re.compile(rf"\s*\[\s*{re.escape('.'.join(names[:2]))}\s*\]")
        start = next((number for number, line in enumerate(self._lines) if head.match(line)), None)
        if start is None:
            start, wanted = -1, re.compile(rf"\s*{re.escape(names[0])}\s*=")
        elif names[2:3] == ["options"] and len(names) > 3:
            wanted = re.compile(r"\s*(?:options\s*=\s*\[\s*)?\{")
        else:
            wanted = re.compile(rf"\s*{re.escape(names[-1])}\s*=")
        stop = next(
            (n for n in range(start + 1, len(self._lines)) if re.match(r"\s*\[\s*\w", self._lines[n])), len(self._lines)
        )
        hits = [number for number in range(start + 1, stop) if wanted.match(self._lines[number])]
        which = int(names[3]) - 1 if names[2:3] == ["options"] and len(names) > 3 else 0
        return (hits[which] if which < len(hits) else max(start, 0)) + 1
