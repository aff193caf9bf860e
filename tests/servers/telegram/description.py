"""What the published description of Telegram's Bot API finds wrong with a request, an answer or an update.

The description is no part of this project: `tests.servers.spec` says where it is looked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.servers.spec import file_of

_ARRAY: Final = "Array of "
_CONSTANT: Final = re.compile(r'(?:always|must be) "?([a-z0-9_]+)"?\s*$')
_TAGS: Final = ("type", "status", "source")
"""The fields whose fixed value tells one kind of an object from its siblings."""
_WHOLE: Final = re.compile(r"-?\d{1,19}")
_FILE: Final = "InputFile"

Fields = Mapping[str, Mapping[str, Any]]


def description() -> Description | None:
    """The description, None when it is not at hand."""
    file = file_of("telegram").with_name("telegram-bot-api-10.1.min.json")
    return _read(file) if file.is_file() else None


@cache
def _read(file: Path) -> Description:
    return Description(json.loads(file.read_bytes()))


class Description:
    """The Bot API as it is published. Methods give what is wrong, in words; nothing wrong is an empty list."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.version: str = document["version"]
        self._methods: Mapping[str, Any] = {name.lower(): one for name, one in document["methods"].items()}
        self._parameters = {name: _by_name(one) for name, one in self._methods.items()}
        self._types: Mapping[str, Any] = document["types"]
        self._fields = {name: _by_name(one) for name, one in self._types.items()}
        self._tags = {name: _tags(fields) for name, fields in self._fields.items()}

    def name(self, method: str) -> str | None:
        """The method as it is written there (requests may spell it in any case), None for an unknown one."""
        known = self._methods.get(method.lower())
        return known["name"] if known else None

    def request(
        self, method: str, given: Mapping[str, object], *, files: Sequence[str] = ()
    ) -> tuple[dict[str, Any], list[str]]:
        """The parameters of a request as values of their types, and what is wrong with them.

        `given` comes from a form, where everything is text, or from JSON; `files` names the parts that are files.
        """
        fields = self._parameters[method.lower()]
        problems = [f"{name}: unknown parameter" for name in given if name not in fields]
        problems += [f"{name}: missing" for name, one in fields.items() if one["required"] and name not in (*given, *files)]
        values: dict[str, Any] = {}
        referenced: set[str] = set()
        for name, raw in given.items():
            if name in fields:
                values[name] = _decoded(raw, fields[name]["types"])
                problems += self._wrong(values[name], fields[name]["types"], name)
                referenced |= _attached(values[name])
        for name in files:
            if name in fields and _FILE in fields[name]["types"]:
                values[name] = f"attach://{name}"
            elif name not in referenced:
                problems.append(f"{name}: a file that nothing refers to")
        problems += [f"attach://{name}: no such file" for name in sorted(referenced - set(files))]
        return values, problems

    def answer(self, method: str, result: object) -> list[str]:
        """What is wrong with the result of a method."""
        return self._wrong(result, self._methods[method.lower()]["returns"], "result")

    def error(self, body: Mapping[str, Any]) -> list[str]:
        """What is wrong with the answer to a request that was refused."""
        problems = [f"{name}: unknown" for name in body if name not in ("ok", "error_code", "description", "parameters")]
        if body.get("ok") is not False or not isinstance(body.get("error_code"), int) or not body.get("description"):
            problems.append("an error has ok, error_code and description")
        return problems + (self.value("ResponseParameters", body["parameters"]) if "parameters" in body else [])

    def value(self, kind: str, value: object) -> list[str]:
        """What is wrong with a value that should be of this kind, such as `Update`."""
        return self._wrong(value, [kind], kind)

    def _wrong(self, value: object, kinds: Sequence[str], where: str) -> list[str]:
        """The fewest problems that any of the kinds finds."""
        best: list[str] | None = None
        for kind in kinds:
            found = self._wrong_as(value, kind, where)
            if not found:
                return []
            best = found if best is None or len(found) < len(best) else best
        return best or [f"{where}: no kind is described"]

    def _wrong_as(self, value: object, kind: str, where: str) -> list[str]:
        if kind.startswith(_ARRAY):
            if not isinstance(value, list):
                return [f"{where}: {kind} expected"]
            inner = kind.removeprefix(_ARRAY)
            return [one for number, item in enumerate(value) for one in self._wrong_as(item, inner, f"{where}[{number}]")]
        if kind in _PLAIN:
            return [] if _PLAIN[kind](value) else [f"{where}: {kind} expected"]
        if kind == _FILE:
            return [] if isinstance(value, str) and value.startswith("attach://") else [f"{where}: a file expected"]
        if subtypes := self._types[kind].get("subtypes"):
            return self._wrong(value, self._meant(value, subtypes), where)
        if not isinstance(value, dict):
            return [f"{where}: {kind} expected"]
        return self._wrong_object(value, kind, where)

    def _meant(self, value: object, subtypes: Sequence[str]) -> Sequence[str]:
        """Those of the kinds whose fixed values are this value's, all where none is."""
        if not isinstance(value, dict):
            return subtypes
        tagged = [name for name in subtypes if (tags := self._tags.get(name)) and tags.items() <= value.items()]
        return tagged or subtypes

    def _wrong_object(self, value: Mapping[str, object], kind: str, where: str) -> list[str]:
        fields = self._fields[kind]
        problems = [f"{where}.{name}: unknown field of {kind}" for name in value if name not in fields]
        problems += [f"{where}.{name}: missing" for name, one in fields.items() if one["required"] and name not in value]
        problems += [
            f"{where}.{name}: {expected} expected"
            for name, expected in self._tags[kind].items()
            if name in value and value[name] != expected
        ]
        for name, inner in value.items():
            if name in fields:
                problems += self._wrong(inner, fields[name]["types"], f"{where}.{name}")
        return problems


def _by_name(described: Mapping[str, Any]) -> Fields:
    return {one["name"]: one for one in described.get("fields", ())}


def _tags(fields: Fields) -> Mapping[str, str]:
    found = {name: _CONSTANT.search(fields[name]["description"]) for name in _TAGS if name in fields}
    return {name: match[1] for name, match in found.items() if match}


def _decoded(raw: object, kinds: Sequence[str]) -> object:
    """A form's text as the value that the kinds ask for; what cannot be read stays text, and is found wrong later."""
    if not isinstance(raw, str):
        return raw
    if "Integer" in kinds and _WHOLE.fullmatch(raw):
        return int(raw)
    if "String" in kinds or _FILE in kinds:
        return raw
    if "Boolean" in kinds:
        return {"true": True, "false": False}.get(raw.lower(), raw)
    try:
        return json.loads(raw)
    except ValueError:
        return raw


def _attached(value: object) -> set[str]:
    """The names of the files that a value refers to."""
    if isinstance(value, str):
        return {value.removeprefix("attach://")} if value.startswith("attach://") else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {name for one in inner for name in _attached(one)}


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


_PLAIN: Final[Mapping[str, Callable[[object], bool]]] = {
    "Integer": _is_whole,
    "Float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "String": lambda value: isinstance(value, str),
    "Boolean": lambda value: isinstance(value, bool),
}
